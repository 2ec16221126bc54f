package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reload puts another configuration into force without touching sessions.
// Everything that can fail happens first; on error the old configuration
// stays as it is. New listeners are opened, those that are gone are drained in
// the background.
func (a *App) Reload(ctx context.Context, next *Config) error {
	if err := a.takeConfig(ctx, next); err != nil {
		a.reloadsRefused.Add(1)
		return err
	}
	a.reloads.Add(1)
	a.reloaded.Store(time.Now().UnixNano())
	return nil
}

func (a *App) takeConfig(ctx context.Context, next *Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hand.busy.Load() {
		return errors.New("this process hands its listeners over, or has done so: reload the new one")
	}
	if next.Registry != a.cfg.Registry {
		return errors.New("the registry can't change while the proxy runs: restart it")
	}
	if next.Admin != a.cfg.Admin {
		return errors.New("the admin listener can't change while the proxy runs: restart it")
	}
	if next.Traces != a.cfg.Traces {
		return errors.New("traces can't change while the proxy runs: restart it")
	}
	if len(next.Listeners) == 0 {
		return next.file.Errorf("listeners", "no listener is configured: add one with name and address")
	}
	set, err := a.ruleSet(ctx, next)
	if err != nil {
		return err
	}
	for i := range next.Listeners {
		p, err := a.protocol(next, &next.Listeners[i])
		if err != nil {
			return err
		}
		if old := a.listeners[socketKey(&next.Listeners[i])]; old != nil && old.proto.kind != p.kind {
			return fmt.Errorf("listener %s: its protocol can't change from %s to %s while it runs: restart", next.Listeners[i].Name, old.proto.kind, p.kind)
		}
	}
	book, err := ReadBaseline(next)
	if err != nil {
		return err
	}
	if a.school.learner != nil && next.Learn != a.cfg.Learn {
		return errors.New("learn.path can't change while the proxy learns: run `honeyrow learn stop` first")
	}
	policy, err := next.incidentPolicy()
	if err != nil {
		return err
	}
	desk, err := a.buildDesk(next, set)
	if err != nil {
		return err
	}
	opened, err := a.openNew(ctx, next)
	if err != nil {
		return errors.Join(err, desk.Discard())
	}

	a.warmParser(ctx, next)

	// From here on nothing fails.
	a.store.SetPolicy(policy)
	err = errors.Join(a.engine.Configure(next.Alerts.Config, set), a.swapListeners(next, opened))
	a.press.swap(desk)
	a.compareWith(book)
	a.outbox.choose(next)
	a.cfg = next
	a.warnOfLeftovers(ctx, next, set)
	return err
}

// openNew opens the sockets that the present configuration does not have.
func (a *App) openNew(ctx context.Context, next *Config) (map[string]*listening, error) {
	opened := map[string]*listening{}
	for i := range next.Listeners {
		c := &next.Listeners[i]
		if a.listeners[socketKey(c)] != nil {
			continue
		}
		l, err := a.listen(ctx, next, c)
		if err != nil {
			for _, o := range opened {
				o.Close()
			}
			return nil, err
		}
		opened[socketKey(c)] = l
	}
	return opened, nil
}

// swapListeners configures those that stay, serves the opened ones and drains
// the others in the background.
func (a *App) swapListeners(next *Config, opened map[string]*listening) error {
	var errs []error
	gone := a.listeners
	a.listeners = opened
	for i := range next.Listeners {
		c := &next.Listeners[i]
		key := socketKey(c)
		old, stays := gone[key]
		if !stays {
			a.startServing(opened[key])
			continue
		}
		delete(gone, key)
		a.listeners[key] = old
		err := old.proto.reload(next, c)
		if err == nil {
			err = old.Listener.Reload(c.Config, old.proto)
		}
		if err != nil { // a file changed since the trial a moment ago
			errs = append(errs, fmt.Errorf("listener %s keeps its old configuration: %w", c.Name, err))
		}
	}
	for _, l := range gone {
		a.serving.Go(func() {
			ctx, cancel := context.WithTimeout(a.serve, next.Drain.Deadline)
			defer cancel()
			if err := l.Drain(ctx); err != nil {
				a.log.Warn().Err(err).Msg("a listener that is gone from the configuration was drained")
			}
		})
	}
	return errors.Join(errs...)
}
