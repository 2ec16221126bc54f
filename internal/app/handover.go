package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"honeyrow/internal/admin"
	"honeyrow/internal/handover"
	"honeyrow/proxy"
)

// handTime is how long a new process may take until it could serve.
const handTime = time.Minute

// hand is what an App has to do with the process before it and the one after it.
type hand struct {
	estate    *handover.Estate // nil: nobody was before
	also      map[string]*handover.Gate
	program   func() (handover.Program, error)
	succeeded func(pid int)
	bereft    func()
	admin     *handover.Gate // nil: no admin listener
	elder     *admin.Client  // asks the process before this one

	busy  atomic.Bool  // a hand-over is under way, or done
	over  atomic.Bool  // another process has the listeners
	until atomic.Int64 // then, when the last sessions end here, in Unix nanoseconds; 0: not yet
	heirs chan *handover.Heir

	failed atomic.Uint64 // hand-overs
}

func (h *hand) take(o Options) {
	h.estate, h.also, h.program, h.succeeded, h.bereft = o.Estate, o.Also, o.Heir, o.Succeeded, o.Bereft
	h.heirs = make(chan *handover.Heir, 1)
	h.elder = admin.Over(h.estate.Call)
	if h.program == nil {
		h.program = handover.Self
	}
	if h.succeeded == nil {
		h.succeeded = func(int) {}
	}
	if h.bereft == nil {
		h.bereft = func() {}
	}
}

// HandedOver is what became of a hand-over.
type HandedOver struct {
	PID     int    `json:"pid"` // the process that accepts connections now
	Version string `json:"version"`
	// Old is the process that still has Sessions, until they end or Deadline is over.
	Old      int           `json:"old_pid"`
	Sessions int           `json:"old_sessions"`
	Deadline time.Duration `json:"deadline_ns"`
}

// listenerGate opens the socket of a listener, or takes the predecessor's over.
func (a *App) listenerGate(ctx context.Context, l *ListenerConfig) (*handover.Gate, error) {
	s, err := a.hand.estate.Socket("listener " + l.Address)
	switch {
	case err != nil:
		return nil, err
	case s != nil:
		own, err := proxy.Adopt(s, l.Config)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return handover.NewGate(own), nil
	}
	own, err := proxy.Open(ctx, l.Config)
	if err != nil {
		return nil, err
	}
	return handover.NewGate(own), nil
}

// adminGate is listenerGate for the admin listener.
func (a *App) adminGate(c *Config) (*handover.Gate, error) {
	s, err := a.hand.estate.Socket("admin " + c.Admin.Address)
	if err != nil {
		return nil, err
	}
	if s == nil {
		if s, err = admin.Open(c.Admin); err != nil {
			return nil, err
		}
	}
	return handover.NewGate(s), nil
}

// gates are all open sockets with their names. a.mu is held.
func (a *App) gates() (names []string, gates []*handover.Gate) {
	for i := range a.cfg.Listeners {
		if l := a.listeners[socketKey(&a.cfg.Listeners[i])]; l != nil {
			names, gates = append(names, "listener "+a.cfg.Listeners[i].Address), append(gates, l.gate)
		}
	}
	if a.hand.admin != nil {
		names, gates = append(names, "admin "+a.cfg.Admin.Address), append(gates, a.hand.admin)
	}
	for name, g := range a.hand.also {
		names, gates = append(names, name), append(gates, g)
	}
	return names, gates
}

// HandOver starts the program anew, as it is on disk now, with the configuration as
// it is now, and gives it the listeners. It returns when the new process accepts
// connections; on error this process goes on as before. Sessions that are open stay
// here, and what they cause is committed here and delivered there.
func (a *App) HandOver(ctx context.Context) (HandedOver, error) {
	if !a.hand.busy.CompareAndSwap(false, true) {
		return HandedOver{}, errors.New("hand over: this process does so already, or has done so")
	}
	out, err := a.handOver(ctx)
	if err != nil {
		a.hand.failed.Add(1)
		a.hand.busy.Store(false)
		a.log.Error().Err(err).Msg("not handed over: this process goes on")
	}
	return out, err
}

func (a *App) handOver(ctx context.Context) (out HandedOver, err error) {
	switch {
	case !a.up.Load(), a.draining.Load():
		return out, errors.New("hand over: this process is " + a.state())
	case !a.hand.estate.Sure():
		return out, errors.New("hand over: the process before this one is still ready to take over again (drain.probation): try again in a moment")
	}
	p, err := a.hand.program()
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, handTime)
	defer cancel()
	a.mu.Lock() // a reload waits for busy from here on
	names, gates := a.gates()
	a.mu.Unlock()
	a.log.Info().Str("program", p.Path).Int("sockets", len(gates)).Msg("handing over: the new process starts")
	heir, err := handover.Begin(ctx, p, names, gates)
	if err != nil {
		return out, err
	}
	// Clients that connect from here on wait until the new process accepts.
	for _, g := range gates {
		g.Shut()
	}
	a.hand.over.Store(true)
	a.mu.Lock()
	if a.school.learner != nil {
		a.save(a.school.learner.Book())
	}
	deadline := a.cfg.Drain.HandOver
	a.mu.Unlock()
	a.press.standBy(true)
	if err := heir.Take(ctx); err != nil {
		a.takeBack(gates)
		return out, err
	}
	out = HandedOver{PID: heir.PID, Version: heir.Version, Old: os.Getpid(), Sessions: a.sessionCount(), Deadline: deadline}
	a.log.Info().Int("new_pid", heir.PID).Str("new_version", heir.Version).Int("sessions", out.Sessions).Dur("deadline", out.Deadline).
		Msg("handed over: the new process accepts connections, sessions stay here until they end")
	a.hand.heirs <- heir
	return out, nil
}

// takeBack accepts connections again.
func (a *App) takeBack(gates []*handover.Gate) {
	a.hand.over.Store(false)
	a.press.standBy(false)
	for _, g := range gates {
		g.Open()
	}
}

// reign returns when this process is to end: told to, or after a hand-over, when
// nothing is left here.
func (a *App) reign(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			a.hand.estate.End()
			return
		case <-a.hand.estate.Ended():
			a.log.Info().Msg("the process before this one was told to end, and so ends this one")
			return
		case h := <-a.hand.heirs:
			if a.abdicate(ctx, h) {
				return
			}
			a.hand.busy.Store(false)
		}
	}
}

// tellEvery is how often the new process is told how many sessions are left.
const tellEvery = time.Second

// abdicate stays until the last session has ended. False: the new process died in
// its probation, and this one has taken the listeners back.
func (a *App) abdicate(ctx context.Context, h *handover.Heir) bool {
	a.mu.Lock()
	names, gates := a.gates()
	probation, deadline := time.After(a.cfg.Drain.Probation), time.After(a.cfg.Drain.HandOver)
	until := time.Now().Add(a.cfg.Drain.HandOver).UnixNano()
	a.mu.Unlock()
	relay := a.answerHeir(h)
	defer func() { _ = relay.Close() }() // its answers are no order of anybody's
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	gone, sure := h.Gone(), false
	var empty chan struct{}
	for {
		select {
		case <-ctx.Done():
			if !sure {
				_ = h.End() // it may be gone
			}
			a.hand.estate.End()
			return true
		case <-h.Ends():
			a.hand.estate.End()
			return true
		case <-a.hand.estate.Ended(): // not before this process was sure itself
			return true
		case <-deadline:
			a.log.Info().Int("sessions", a.sessionCount()).Msg("drain.hand_over is over: the sessions that are left end")
			return true
		case <-empty:
			return true
		case <-gone:
			gone = nil
			select {
			case <-h.Ends():
				continue
			default:
			}
			if !sure {
				a.hand.failed.Add(1)
				a.log.Error().Int("new_pid", h.PID).Msg("the new process has died: this one accepts connections again")
				a.takeBack(gates)
				return false
			}
			a.log.Error().Int("new_pid", h.PID).Msg("the new process has ended without this one: sessions go on here, but nobody accepts connections; start the proxy, unless a service manager does")
			a.hand.bereft()
		case <-probation:
			sure = true
			a.hand.until.Store(until)
			_ = h.Sure()
			for i, g := range gates {
				if slices.Contains(h.Taken, names[i]) {
					g.Keep()
				}
			}
			empty = a.leaveSockets()
			a.hand.succeeded(h.PID)
			a.log.Info().Int("new_pid", h.PID).Int("sessions", a.sessionCount()).Msg("the new process has proved itself")
		case <-tick.C:
			_ = h.Tell(a.sessionCount() + a.hand.estate.Sessions())
		}
	}
}

// leaveSockets closes this process's hold on the sockets. The channel is closed when
// its last session has ended, and the last of its predecessors too.
func (a *App) leaveSockets() chan struct{} {
	for _, g := range a.hand.also {
		_ = g.Close()
	}
	a.mu.Lock()
	for _, l := range a.listeners {
		l.Leave()
	}
	a.mu.Unlock()
	a.closeAdmin()
	empty := make(chan struct{})
	go func() { // ends with the sessions, which the end of Run ends
		a.serving.Wait()
		if gone := a.hand.estate.Gone(); gone != nil {
			<-gone
		}
		close(empty)
	}()
	return empty
}

func (a *App) sessionCount() int { return len(a.sessions.List()) }

// inherit tells the predecessor that this process is ready, and returns when it may
// serve.
func (a *App) inherit(ctx context.Context) error {
	if a.hand.estate == nil {
		return nil
	}
	err := a.hand.estate.Prepared(ctx, Version())
	a.mu.Lock()
	defer a.mu.Unlock()
	// What the predecessor learned until a moment ago.
	if book, err := ReadBaseline(a.cfg); err != nil {
		a.log.Warn().Err(err).Msg("the baseline can't be read: the one of the start is compared with")
	} else {
		a.compareWith(book)
	}
	return err
}

// elders reports whether processes before this one still have sessions.
func (a *App) elders() bool { return a.hand.estate.Present() }

// waitForElders gives the processes before this one, which have been told to end,
// the time to.
func (a *App) waitForElders() {
	if !a.elders() || a.hand.over.Load() {
		return
	}
	a.mu.Lock()
	limit := a.cfg.Drain.Deadline + a.cfg.Drain.Flush
	a.mu.Unlock()
	select {
	case <-a.hand.estate.Gone():
	case <-time.After(limit):
		a.log.Warn().Msg(fmt.Sprintf("the process before this one has not ended in %s: it is left", limit))
	}
}
