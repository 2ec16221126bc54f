package wire

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"honeyrow/event"
)

// longestDelay bounds what one chunk can be delayed.
const longestDelay = time.Minute

// Enforce carries out what a rule or the operator orders against the session
// (see event.Measure; whom it means is the caller's concern). It may be called
// by any goroutine, the session's own from within Chunk included, and returns
// at once: the session's goroutines do what is to be done, when they have
// written what they are at.
func (p *Pump) Enforce(m event.Measure) {
	if m.Delay > 0 {
		p.slowDown(min(m.Delay, longestDelay))
	}
	if m.Kill && p.killed.CompareAndSwap(nil, &m) {
		p.wake()
	}
}

// wake makes both goroutines see that the session is to end: reads end now, and
// writes to a peer that does not read when a last message has had its time.
func (p *Pump) wake() {
	p.hasten()
	last := time.Now().Add(p.o.FarewellTimeout)
	_ = p.s.Client.SetWriteDeadline(last)
	_ = p.s.Server.SetWriteDeadline(last)
	now := time.Unix(1, 0)
	_ = p.s.Client.SetReadDeadline(now)
	_ = p.s.Server.SetReadDeadline(now)
}

// errOther ends a direction and leaves the end of the session to the other one,
// which is at work.
var errOther = errors.New("wire: the other direction ends the session")

// obey tells a direction that is not at work whether it has to end: nil if not,
// errOther if the other one still has something to write first.
func (p *Pump) obey() error {
	m := p.killed.Load()
	switch {
	case m == nil:
		return nil
	case p.busy.Load() > 0:
		return errOther
	}
	return &Error{Side: Client, Op: "killed", Err: &KilledError{Rule: m.Rule, Detection: m.Detection}}
}

// about is the detection that ends the session, if one does.
func (p *Pump) about() event.ID {
	if m := p.killed.Load(); m != nil {
		return m.Detection
	}
	return ""
}

// KilledError ends a session that a rule killed, or the operator if Rule is empty.
type KilledError struct {
	Rule      string
	Detection event.ID
}

func (e *KilledError) Error() string {
	if e.Rule == "" {
		return "ended by the operator"
	}
	return fmt.Sprintf("ended by rule %s, detection %s", e.Rule, e.Detection)
}

// tarpit delays what leaves, until it is over.
type tarpit struct {
	delay atomic.Int64
	over  chan struct{}
}

// slowDown delays each chunk from now on. Of several delays the longest counts.
func (p *Pump) slowDown(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.slow.Load()
	if t == nil {
		if p.draining.Load() || p.ended.Load() || p.killed.Load() != nil {
			return
		}
		t = &tarpit{over: make(chan struct{})}
		p.slow.Store(t)
	}
	t.delay.Store(max(t.delay.Load(), int64(d)))
}

// hasten ends all delays: the session is about to end.
func (p *Pump) hasten() {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.slow.Load()
	if t == nil {
		return
	}
	select {
	case <-t.over:
	default:
		close(t.over)
	}
}

// wait holds neither a lock nor a thread.
func (t *tarpit) wait() {
	timer := time.NewTimer(time.Duration(t.delay.Load()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.over:
	}
}

// State is a session at one moment.
type State struct {
	Who                event.Client
	ToClient, ToServer uint64        // bytes sent
	Idle               time.Duration // since something was sent
	Delay              time.Duration // of each chunk, in a tarpit
	Killed             bool          // about to end
	Account                          // zero if the flow keeps none
}

// State tells how the session stands. It may be called by any goroutine.
func (p *Pump) State() State {
	s := State{
		Who: *p.Who(), ToClient: p.sent[Client].Load(), ToServer: p.sent[Server].Load(),
		Idle: time.Since(epoch) - time.Duration(p.last.Load()), Killed: p.killed.Load() != nil,
	}
	if t := p.slow.Load(); t != nil {
		s.Delay = time.Duration(t.delay.Load())
	}
	if f, ok := p.s.Flow.(Accountant); ok {
		s.Account = f.Account()
	}
	return s
}

// Who is the client as of now.
func (p *Pump) Who() *event.Client {
	if f, ok := p.s.Flow.(Identity); ok {
		who := f.Who()
		return &who
	}
	return &p.s.Who
}
