package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/rules"
	"honeyrow/token/sqlite"
)

const (
	// quarantineLook is how often the proxy looks whether the registry's
	// quarantines have changed: another process may have lifted one.
	quarantineLook = 250 * time.Millisecond
	// quarantineCount is how often it writes down how many sessions were refused.
	quarantineCount = 5 * time.Second
	// quarantineTime bounds one exchange with the registry.
	quarantineTime = 10 * time.Second
)

// Bounds of a quarantine, as rules have them.
const (
	shortestQuarantine = time.Second
	longestQuarantine  = 720 * time.Hour
)

// ward keeps the engine's quarantines in the registry, and the registry's in the
// engine.
type ward struct {
	poke chan struct{}

	mu      sync.Mutex
	taken   bool   // version means something
	version uint64 // of the registry's quarantines that the engine has
	counts  map[event.ID]int
	counted time.Time
	logged  time.Time
}

// shut is the engine's: it must not wait.
func (w *ward) shut() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// keepQuarantine keeps registry and engine alike until ctx ends.
func (a *App) keepQuarantine(ctx context.Context) {
	tick := time.NewTicker(quarantineLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.ward.poke:
		}
		if err := a.syncQuarantine(ctx, false); err != nil && ctx.Err() == nil {
			a.tellQuarantine(err)
		}
	}
}

// tellQuarantine logs a lasting failure now and then.
func (a *App) tellQuarantine(err error) {
	a.ward.mu.Lock()
	defer a.ward.mu.Unlock()
	if time.Since(a.ward.logged) >= storeLog {
		a.ward.logged = time.Now()
		a.log.Error().Err(err).Msg("quarantines can't be kept in the registry: those known so far are in force, and end with this process")
	}
}

// syncQuarantine writes what the engine has new into the registry, and takes over
// what has changed there. all writes the counts of refused sessions too, whose
// turn is only now and then.
func (a *App) syncQuarantine(ctx context.Context, all bool) error {
	w := &a.ward
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, quarantineTime)
	defer cancel()
	if err := a.keepNews(ctx, all); err != nil {
		return err
	}
	v, err := a.store.QuarantineVersion(ctx)
	if err != nil || w.taken && v == w.version {
		return err
	}
	// The version first: what changes in between is seen the next time.
	qs, err := a.store.Quarantines(ctx, false)
	if err != nil {
		return err
	}
	a.engine.SetQuarantine(qs)
	w.taken, w.version = true, v
	return nil
}

// keepNews writes what the engine has new. w.mu is held.
func (a *App) keepNews(ctx context.Context, all bool) error {
	w, n := &a.ward, a.engine.QuarantineNews()
	for i := range n.Begun {
		q, err := a.store.Shut(ctx, n.Begun[i])
		if err != nil {
			n.Begun = n.Begun[i:]
			a.engine.Untold(n)
			return err
		}
		a.log.Warn().Str("by", q.By).Str("subject", q.Subject).Str("server", q.Server).Str("rule", q.Rule).
			Str("detection", string(q.Detection)).Time("until", q.Until).Msg("in quarantine")
	}
	n.Begun = nil
	for i, x := range n.Ended {
		if _, err := a.store.Lift(ctx, x.ID, "", x.Why); err != nil && !errors.Is(err, sqlite.ErrNotQuarantined) {
			n.Ended = n.Ended[i:]
			a.engine.Untold(n)
			return err
		}
		a.log.Info().Str("quarantine", string(x.ID)).Str("why", x.Why).Msg("quarantine lifted")
	}
	if w.counts == nil {
		w.counts = map[event.ID]int{}
	}
	for id, c := range n.Refused {
		w.counts[id] += c
	}
	if now := time.Now(); all || now.Sub(w.counted) >= quarantineCount {
		if err := a.store.Refused(ctx, w.counts); err != nil {
			return err
		}
		w.counted = now
		clear(w.counts)
	}
	return nil
}

// Quarantined implements admin.Quarantine.
func (d *door) Quarantined(ctx context.Context, all bool) ([]event.Quarantined, error) {
	if err := d.syncQuarantine(ctx, true); err != nil {
		return nil, err
	}
	return d.store.Quarantines(ctx, all)
}

// ShutOut implements admin.Quarantine.
func (d *door) ShutOut(ctx context.Context, o admin.QuarantineOrder) (event.Quarantined, error) {
	d.mu.Lock()
	c := d.cfg
	d.mu.Unlock()
	q, err := ShutOut(ctx, d.store, c, o)
	if err == nil {
		err = d.syncQuarantine(ctx, false)
	}
	return q, err
}

// LetIn implements admin.Quarantine.
func (d *door) LetIn(ctx context.Context, id event.ID, by, note string) (event.Quarantined, error) {
	q, err := d.store.Lift(ctx, id, by, note)
	if err == nil {
		err = d.syncQuarantine(ctx, false)
	}
	if err == nil {
		d.log.Info().Str("quarantine", string(id)).Str("by", q.LiftedBy).Msg("quarantine lifted by hand")
	}
	return q, err
}

// ShutOut puts a subject into quarantine by somebody's order. A proxy that runs
// with the same registry takes it over within a second.
func ShutOut(ctx context.Context, st *Store, c *Config, o admin.QuarantineOrder) (event.Quarantined, error) {
	q := event.Quarantined{
		ID: event.NewID(), By: o.By, Server: o.Server, Subject: o.Subject, Author: o.Author, Note: o.Note, Message: o.Message,
		Since: time.Now().UTC(),
	}
	if err := c.quarantinable(&q); err != nil {
		return q, err
	}
	if o.For < shortestQuarantine || o.For > longestQuarantine {
		return q, fmt.Errorf("a quarantine of %s: choose %s to %s", o.For, shortestQuarantine, longestQuarantine)
	}
	q.Until = q.Since.Add(o.For)
	return st.Shut(ctx, q)
}

// quarantinable checks who is meant, and writes it as clients have it.
func (c *Config) quarantinable(q *event.Quarantined) error {
	if q.Subject == "" {
		return errors.New("nobody is named: give an address, a user or an application")
	}
	switch rules.Subject(q.By) {
	case rules.ByAddress:
		if q.Server != "" {
			return errors.New("an address is shut out everywhere: leave the server out")
		}
		if _, err := netip.ParseAddr(q.Subject); err != nil {
			return fmt.Errorf("%q is no address: give one such as 10.0.0.7 or 2001:db8::7", q.Subject)
		}
		q.Subject = rules.Host(q.Subject)
		return nil
	case rules.ByUser, rules.ByApplication:
	default:
		return fmt.Errorf("unknown subject %q: use address, user or application", q.By)
	}
	var names []string
	for i := range c.Servers {
		if c.Servers[i].Name == q.Server {
			return nil
		}
		names = append(names, c.Servers[i].Name)
	}
	if q.Server == "" && len(names) == 1 {
		q.Server = names[0]
		return nil
	}
	return fmt.Errorf("a user or an application is one of a server: name it, one of %s", strings.Join(names, ", "))
}

var _ admin.Quarantine = (*door)(nil)
