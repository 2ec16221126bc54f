package app

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/tracing"
)

// press stands between the engine and the desk, so that a reload can change
// the sinks while sessions report. A detection goes to exactly one desk.
//
// A report may wait, where alerts.unwritable is hold: mu is never held meanwhile,
// so that status, metrics, a reload and the end of the process need not wait for it.
type press struct {
	mu   sync.Mutex
	desk *alert.Desk
	at   *shift              // the present desk's
	all  map[*shift]struct{} // that have not ended
	past tally               // of those before the present one that have ended
	// trace is told too; nil: nobody traces. It does not change.
	trace *tracing.Tracer

	ctx   context.Context // set by start
	grace time.Duration
	log   zerolog.Logger
	runs  sync.WaitGroup
}

// shift is a desk's time of service.
type shift struct {
	desk    *alert.Desk
	end     context.CancelFunc // nil: it does not run yet
	reports int                // under way
	left    chan struct{}      // not nil: it takes no more; closed when reports was 0
	gone    bool               // left is closed
}

// Report implements engine.Reporter.
func (p *press) Report(d event.Detection) {
	p.mu.Lock()
	at := p.at
	at.reports++
	p.mu.Unlock()
	at.desk.Report(d)
	p.mu.Lock()
	at.reports--
	at.look()
	p.mu.Unlock()
	if p.trace != nil {
		p.trace.Report(&d)
	}
}

// leave has the shift take no more reports; the channel is closed when those that
// are under way are over. mu is held.
func (s *shift) leave() <-chan struct{} {
	if s.left == nil {
		s.left = make(chan struct{})
	}
	s.look()
	return s.left
}

// look closes left when it is time. mu is held.
func (s *shift) look() {
	if s.left != nil && s.reports == 0 && !s.gone {
		s.gone = true
		close(s.left)
	}
}

// swap puts a desk in the place of the present one, which takes what is being
// reported, commits and delivers what it has, and ends.
func (p *press) swap(next *alert.Desk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.at
	p.desk, p.at = next, &shift{desk: next}
	if p.ctx != nil {
		p.run()
	}
	if last != nil && last.end != nil {
		left := last.leave()
		p.runs.Go(func() {
			<-left
			last.end()
		})
	}
}

// start runs the desk until stop.
func (p *press) start(ctx context.Context, grace time.Duration, log zerolog.Logger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.grace, p.log = context.WithoutCancel(ctx), grace, log
	p.run()
}

// run is called with mu held.
func (p *press) run() {
	ctx, end := context.WithCancel(p.ctx)
	s := p.at
	s.end = end
	if p.all == nil {
		p.all = map[*shift]struct{}{}
	}
	p.all[s] = struct{}{}
	p.runs.Go(func() {
		if err := s.desk.Run(ctx, p.grace); err != nil {
			p.log.Warn().Err(err).Msg("not every alert is delivered: what is committed is tried again after the next start")
		}
		p.mu.Lock()
		if delete(p.all, s); s != p.at {
			p.past.add(s.desk)
			p.past.rec.Queued = 0 // what it could not commit is lost, and counted so
		}
		p.mu.Unlock()
	})
}

// release has no session wait any more, since the process ends: what they saw is
// kept, and committed with the rest.
func (p *press) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.all {
		s.desk.Release()
	}
}

func (p *press) present() *alert.Desk {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.desk
}

// stop ends the desk: it commits what is reported, and tries to deliver it.
// What stays undelivered waits in the outbox.
func (p *press) stop() {
	p.mu.Lock()
	end, left := p.at.end, p.at.leave()
	p.mu.Unlock()
	if end == nil {
		return
	}
	p.release()
	<-left
	end()
	p.runs.Wait()
}

// standBy has the desk leave delivering to another process, or takes that back.
func (p *press) standBy(on bool) { p.present().StandBy(on) }

// stats counts since the start of the process, for the present desk's sinks. How
// things stand now is the present desk's, but for what wait in memory: those
// before it may still have some to commit.
func (p *press) stats() (alert.RecorderStats, map[string]alert.LoopStats) {
	t, present := p.totals()
	for name := range t.sinks {
		if _, there := present[name]; !there {
			delete(t.sinks, name)
		}
	}
	return t.rec, t.sinks
}

// totals is stats with the sinks that were taken out meanwhile; present are those
// that were not.
func (p *press) totals() (t tally, present map[string]alert.LoopStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.rec, t.sinks = p.past.rec, maps.Clone(p.past.sinks)
	for s := range p.all {
		if s != p.at {
			t.add(s.desk)
		}
	}
	t.add(p.desk)
	rec, present := p.desk.Stats()
	t.rec.Waiting, t.rec.Failing = rec.Waiting, rec.Failing
	for name, k := range t.sinks {
		k.Failing, k.Blind = present[name].Failing, present[name].Blind
		t.sinks[name] = k
	}
	return t, present
}

// tally is what desks have counted.
type tally struct {
	rec   alert.RecorderStats
	sinks map[string]alert.LoopStats
}

func (t *tally) add(k *alert.Desk) {
	rec, sinks := k.Stats()
	t.rec.Reported += rec.Reported
	t.rec.Committed += rec.Committed
	t.rec.Blocked += rec.Blocked
	t.rec.Failed += rec.Failed
	t.rec.Spilled += rec.Spilled
	t.rec.Lost += rec.Lost
	t.rec.Queued += rec.Queued
	if t.sinks == nil {
		t.sinks = map[string]alert.LoopStats{}
	}
	for name, n := range sinks {
		s := t.sinks[name]
		s.Delivered += n.Delivered
		s.Failed += n.Failed
		s.Dead += n.Dead
		s.Skipped += n.Skipped
		s.Limited += n.Limited
		if n.LastDelivered.After(s.LastDelivered) {
			s.LastDelivered = n.LastDelivered
		}
		t.sinks[name] = s
	}
}
