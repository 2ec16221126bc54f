package proxy

import (
	"sync"
	"time"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// A measure may come while the session that it means is still logging in: what
// was ordered in the last overtaken is applied when the session begins, the
// latest overtakenMax of such orders at most.
const (
	overtaken    = time.Minute
	overtakenMax = 256
)

// Sessions are all that are logged in through any number of listeners. It
// carries out what is ordered against them.
type Sessions struct {
	now func() time.Time

	mu     sync.Mutex
	byID   map[event.ID]*wire.Pump
	orders []order // the latest that may have overtaken a login, oldest first
}

// order is a measure with the moment in which it came.
type order struct {
	event.Measure
	at time.Time
}

// NewSessions returns an empty registry. now is the clock; nil: time.Now.
func NewSessions(now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{now: now, byID: make(map[event.ID]*wire.Pump)}
}

// Enforce carries out a measure and returns at once: the sessions' own
// goroutines do what is to be done. It may be called by one of these from
// within an inspector's method; Measure.Of is called by the caller's goroutine,
// and must be safe for that.
func (s *Sessions) Enforce(m event.Measure) {
	s.mu.Lock()
	var meant []*wire.Pump
	if m.Session != "" {
		if p := s.byID[m.Session]; p != nil {
			meant = []*wire.Pump{p}
		}
	} else if m.Of != nil {
		for _, p := range s.byID {
			meant = append(meant, p)
		}
	}
	if m.Of != nil && m.Session == "" || m.Session != "" && len(meant) == 0 {
		s.remember(m)
	}
	s.mu.Unlock()
	for _, p := range meant {
		if m.Session != "" || m.Of(p.Who()) {
			p.Enforce(m)
		}
	}
}

// remember keeps an order for sessions that are logging in. mu is held.
func (s *Sessions) remember(m event.Measure) {
	s.orders = append(s.current(), order{m, s.now()})
	if n := len(s.orders) - overtakenMax; n > 0 {
		s.orders = append(s.orders[:0], s.orders[n:]...)
	}
}

// current are the orders that may still have overtaken a login. mu is held.
func (s *Sessions) current() []order {
	oldest := s.now().Add(-overtaken)
	n := 0
	for n < len(s.orders) && s.orders[n].at.Before(oldest) {
		n++
	}
	s.orders = append(s.orders[:0], s.orders[n:]...)
	clear(s.orders[len(s.orders):cap(s.orders)])
	return s.orders
}

// add registers a session that is about to run.
func (s *Sessions) add(p *wire.Pump, who *event.Client) {
	s.mu.Lock()
	s.byID[who.Session] = p
	var missed []event.Measure
	for _, o := range s.current() {
		if o.Session == who.Session || o.Session == "" && who.Started.Before(o.at) {
			missed = append(missed, o.Measure)
		}
	}
	s.mu.Unlock()
	for _, m := range missed {
		if m.Session != "" || m.Of(who) {
			p.Enforce(m)
		}
	}
}

// remove forgets a session that has ended.
func (s *Sessions) remove(id event.ID) {
	s.mu.Lock()
	delete(s.byID, id)
	s.mu.Unlock()
}

// List tells how each session stands, in no order.
func (s *Sessions) List() []wire.State {
	s.mu.Lock()
	ps := make([]*wire.Pump, 0, len(s.byID))
	for _, p := range s.byID {
		ps = append(ps, p)
	}
	s.mu.Unlock()
	states := make([]wire.State, 0, len(ps))
	for _, p := range ps {
		states = append(states, p.State())
	}
	return states
}

// Kill ends the session called id, by the operator's order. It reports whether
// there is one.
func (s *Sessions) Kill(id event.ID) bool {
	s.mu.Lock()
	p := s.byID[id]
	s.mu.Unlock()
	if p == nil {
		return false
	}
	p.Enforce(event.Measure{Session: id, Kill: true})
	return true
}
