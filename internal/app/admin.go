package app

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/admin"
)

// Status is what a running proxy tells of itself.
type Status struct {
	Build    BuildInfo        `json:"build"`
	PID      int              `json:"pid"`
	Host     string           `json:"host"`
	Started  time.Time        `json:"started"`
	Config   string           `json:"config"`
	Reloaded time.Time        `json:"config_taken_over"`
	State    string           `json:"state"` // "starting", "serving", "draining"
	Listener []ListenerStatus `json:"listeners"`
	Registry RegistryStatus   `json:"registry"`
	Engine   EngineStatus     `json:"engine"`
	Outbox   OutboxStatus     `json:"outbox"`
	// Own are this process's sessions, Elders those that processes before it still
	// have after a hand-over, as they told last; Predecessors are these processes,
	// as far as they answer.
	Own          int     `json:"sessions"`
	Elders       int     `json:"sessions_of_predecessors,omitempty"`
	Predecessors []Elder `json:"predecessors,omitempty"`
	// SessionsEnd is when this process, which has handed over, ends its sessions.
	SessionsEnd time.Time    `json:"sessions_end,omitzero"`
	Sinks       []SinkStatus `json:"sinks"`
}

// ListenerStatus is one open listener.
type ListenerStatus struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Server      string `json:"server"`
	Connections int64  `json:"connections"`
	Sessions    uint64 `json:"sessions_total"`
	ToClient    uint64 `json:"bytes_to_client"`
	ToServer    uint64 `json:"bytes_to_server"`
}

// RegistryStatus is how the registry stands to what is watched.
type RegistryStatus struct {
	Up     bool   `json:"up"`
	Tokens int    `json:"tokens"`
	Watch  uint64 `json:"version_watched"`
}

// EngineStatus counts since the start.
type EngineStatus struct {
	Hits       uint64 `json:"hits"`
	Detections uint64 `json:"detections"`
	Allowed    uint64 `json:"allowed"`
}

// OutboxStatus is how the way to the database stands for detections.
type OutboxStatus struct {
	Up       bool   `json:"up"`
	Unread   bool   `json:"unread,omitempty"` // detections can be committed, and not be read for delivery
	Queued   int    `json:"queued"`           // in memory
	Spill    int    `json:"spilled"`          // waiting in the spill
	Lost     uint64 `json:"lost"`             // since the start
	Refusing bool   `json:"traffic_refused"`  // alerts.unwritable is refuse, and it can't be written
}

// SinkStatus is one sink's counts since the start, and what waits for it.
type SinkStatus struct {
	Name      string `json:"name"`
	Delivered uint64 `json:"delivered"`
	Failed    uint64 `json:"tries_failed"`
	Dead      uint64 `json:"dead"`
	Pending   int    `json:"pending"`
}

// door is the App as its admin listener sees it.
type door struct {
	*App
	load func() (*Config, error)
	stop func()
}

// openAdmin opens the admin listener if the configuration has one.
func (a *App) openAdmin(c *Config, o Options) error {
	if !c.Admin.Enabled() {
		return nil
	}
	d := &door{App: a, load: o.Load, stop: o.Stop}
	gate, err := a.adminGate(c)
	if err != nil {
		return err
	}
	s, err := admin.Listen(c.Admin, admin.Deps{Backend: d, Metrics: a.metrics(), Log: a.log, Socket: gate})
	if err != nil {
		return errors.Join(err, gate.Close())
	}
	a.admin, a.hand.admin = s, gate
	return nil
}

// serveAdmin serves until closeAdmin.
func (a *App) serveAdmin() {
	if a.admin == nil {
		return
	}
	a.log.Info().Stringer("address", a.admin.Addr()).Msg("admin listener")
	go a.admin.Serve() // ends with closeAdmin
}

func (a *App) closeAdmin() {
	if a.admin == nil {
		return
	}
	if err := a.admin.Close(); err != nil {
		a.log.Warn().Err(err).Msg("the admin listener did not close in time")
	}
}

// Ready implements admin.Backend. A registry that can't be read is no reason to
// send clients elsewhere: what was planted before is still watched.
func (d *door) Ready(context.Context) []string {
	switch d.state() {
	case "serving":
		if why := d.outbox.refusing(); why != nil {
			return []string{"alerts can't be recorded, and alerts.unwritable is refuse: " + strings.ReplaceAll(why.Error(), "\n", "; ")}
		}
		return nil
	case "draining":
		return []string{"draining: no new connections are taken"}
	}
	return []string{"starting: clients are not served yet"}
}

func (a *App) state() string {
	switch {
	case a.draining.Load():
		return "draining"
	case a.up.Load():
		return "serving"
	}
	return "starting"
}

// Status implements admin.Backend.
func (d *door) Status(ctx context.Context) any {
	a := d.App
	a.mu.Lock()
	c := a.cfg
	a.mu.Unlock()
	st := a.engine.Stats()
	s := Status{
		Build: Build(), PID: os.Getpid(), Host: a.host, Started: a.started, Config: c.File(),
		Reloaded: time.Unix(0, a.reloaded.Load()), State: a.state(),
		Registry: RegistryStatus{Up: !a.lost.Load(), Tokens: st.Tokens, Watch: st.Version},
		Engine:   EngineStatus{Hits: st.Hits, Detections: st.Detections, Allowed: st.Allowed},
	}
	open := a.byName()
	for i := range c.Listeners {
		l := open[c.Listeners[i].Name]
		if l == nil {
			continue
		}
		n := &l.Counters
		s.Listener = append(s.Listener, ListenerStatus{
			Name: c.Listeners[i].Name, Address: l.Addr().String(), Server: c.Listeners[i].Server, Connections: n.Active.Load(),
			Sessions: n.Sessions.Load(), ToClient: n.ToClient.Load(), ToServer: n.ToServer.Load(),
		})
	}
	rec, sinks := a.press.stats()
	blind := unread(sinks)
	s.Outbox = OutboxStatus{Up: !rec.Failing && !blind, Unread: blind && !rec.Failing, Queued: rec.Queued, Spill: rec.Waiting, Lost: rec.Lost, Refusing: a.outbox.refusing() != nil}
	s.Own, s.Elders, s.Predecessors = a.sessionCount(), a.hand.estate.Sessions(), a.eldersStatus(ctx)
	if n := a.hand.until.Load(); n != 0 {
		s.SessionsEnd = time.Unix(0, n)
	}
	pending := map[string]int{}
	if ss, err := a.store.Status(ctx); err == nil {
		for _, w := range ss {
			pending[w.Sink] = w.Pending
		}
	}
	for i := range c.Alerts.Sinks {
		name := c.Alerts.Sinks[i].Name
		l := sinks[name]
		s.Sinks = append(s.Sinks, SinkStatus{Name: name, Delivered: l.Delivered, Failed: l.Failed, Dead: l.Dead, Pending: pending[name]})
	}
	return s
}

// unread reports whether what is committed can't be read for delivery.
func unread(sinks map[string]alert.LoopStats) bool {
	for _, l := range sinks {
		if l.Blind {
			return true
		}
	}
	return false
}

// byName returns the open listeners by their names.
func (a *App) byName() map[string]*listening {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := map[string]*listening{}
	for i := range a.cfg.Listeners {
		if l := a.listeners[socketKey(&a.cfg.Listeners[i])]; l != nil {
			m[a.cfg.Listeners[i].Name] = l
		}
	}
	return m
}

// Reload implements admin.Backend.
func (d *door) Reload(ctx context.Context) error {
	if d.load == nil {
		return errors.New("this process reads no configuration: restart it")
	}
	c, err := d.load()
	if err != nil {
		d.reloadsRefused.Add(1)
		return err
	}
	return d.App.Reload(ctx, c)
}

var _ admin.Sessions = (*door)(nil)

// Sessions implements admin.Sessions: the oldest first.
func (d *door) Sessions(ctx context.Context) ([]admin.Session, error) {
	out := d.ownSessions()
	d.ofThis(out)
	elders, err := d.eldersSessions(ctx)
	out = append(out, elders...)
	slices.SortFunc(out, func(a, b admin.Session) int {
		return cmp.Or(a.Client.Started.Compare(b.Client.Started), strings.Compare(string(a.Client.Session), string(b.Client.Session)))
	})
	return out, err
}

func (d *door) ownSessions() []admin.Session {
	states := d.sessions.List()
	out := make([]admin.Session, len(states))
	for i := range states {
		s := &states[i]
		out[i] = admin.Session{
			Client: s.Who, Statements: s.Statements, Rows: s.Rows, ToClient: s.ToClient, ToServer: s.ToServer,
			State: admin.Idle, Idle: s.Idle, Delay: s.Delay,
		}
		if s.Application != "" {
			out[i].Client.Application = s.Application
		}
		switch {
		case s.Killed:
			out[i].State = admin.Ending
		case s.Busy:
			out[i].State = admin.Active
		case s.Transaction:
			out[i].State = admin.Transaction
		}
	}
	return out
}

// Kill implements admin.Sessions.
func (d *door) Kill(ctx context.Context, id event.ID) (bool, error) {
	if d.sessions.Kill(id) {
		return true, nil
	}
	return d.eldersKill(ctx, id)
}

// HandOver implements admin.Successor.
func (d *door) HandOver(ctx context.Context) (any, error) { return d.App.HandOver(ctx) }

// Drain implements admin.Backend.
func (d *door) Drain() {
	if d.stop != nil {
		d.stop()
	}
}
