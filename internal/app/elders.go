package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/handover"
)

// elderTime bounds a question to the process before this one.
const elderTime = 3 * time.Second

// Elder is a process that has handed over to another one and still has sessions.
type Elder struct {
	PID      int       `json:"pid"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Sessions int       `json:"sessions"`
	// Until is when its sessions end at the latest; zero while the new process may
	// still fail, and the old one would go on.
	Until time.Time `json:"sessions_end,omitzero"`
	// What it has counted goes on there.
	Engine EngineStatus `json:"engine"`
	Outbox OutboxStatus `json:"outbox"`
}

// answerHeir serves the heir's questions until the end of this process: to it this
// one is a proxy with an admin listener, whatever the configuration says.
func (a *App) answerHeir(h *handover.Heir) *admin.Server {
	s := admin.Private(h.Calls(), admin.Deps{Backend: &door{App: a}, Metrics: a.metrics(), Log: a.log})
	go s.Serve() // ends with Close, or the process
	return s
}

// askElder asks the process before this one; handover.ErrNoElder if there is none.
func (a *App) askElder(ctx context.Context, ask func(ctx context.Context, k *admin.Client) error) error {
	if !a.hand.estate.Present() {
		return handover.ErrNoElder
	}
	ctx, cancel := context.WithTimeout(ctx, elderTime)
	defer cancel()
	err := ask(ctx, a.hand.elder)
	if !a.hand.estate.Present() { // it has ended meanwhile, with all it had
		return handover.ErrNoElder
	}
	return err
}

// eldersSessions are those of all processes before this one.
func (a *App) eldersSessions(ctx context.Context) (all []admin.Session, err error) {
	var missing string
	err = a.askElder(ctx, func(ctx context.Context, k *admin.Client) (err error) {
		all, missing, err = k.Sessions(ctx)
		return err
	})
	switch {
	case errors.Is(err, handover.ErrNoElder):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("the process before this one, with %d sessions, can't be asked: %w", a.hand.estate.Sessions(), err)
	case missing != "":
		err = errors.New(missing)
	}
	return all, err
}

// eldersKill has them end a session.
func (a *App) eldersKill(ctx context.Context, id event.ID) (bool, error) {
	err := a.askElder(ctx, func(ctx context.Context, k *admin.Client) error { return k.Kill(ctx, id) })
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, handover.ErrNoElder), errors.Is(err, admin.ErrNoSession):
		return false, nil
	}
	return false, fmt.Errorf("the process before this one can't be asked: %w", err)
}

// elders describes the processes before this one, the latest first.
func (a *App) eldersStatus(ctx context.Context) []Elder {
	var s Status
	if a.askElder(ctx, func(ctx context.Context, k *admin.Client) error { return k.Get(ctx, "/v1/status", &s) }) != nil {
		return nil
	}
	e := Elder{PID: s.PID, Version: s.Build.Version, Started: s.Started, Sessions: s.Own, Until: s.SessionsEnd, Engine: s.Engine, Outbox: s.Outbox}
	return slices.Concat([]Elder{e}, s.Predecessors)
}

// ofThis says which process has the sessions, for whoever asks another one.
func (d *door) ofThis(ss []admin.Session) {
	if !d.hand.over.Load() {
		return
	}
	for i := range ss {
		ss[i].Elder = os.Getpid()
	}
}
