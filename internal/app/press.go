package app

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/tracing"
)

// press stands between the engine and the desk, so that a reload can change
// the sinks while sessions report. A detection goes to exactly one desk.
type press struct {
	mu   sync.RWMutex // held for reading during a report
	desk *alert.Desk
	// trace is told too; nil: nobody traces. It does not change.
	trace *tracing.Tracer

	ctx   context.Context // set by start
	grace time.Duration
	log   zerolog.Logger
	end   context.CancelFunc // of the running desk
	runs  sync.WaitGroup
}

// Report implements engine.Reporter.
func (p *press) Report(d event.Detection) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	p.desk.Report(d)
	if p.trace != nil {
		p.trace.Report(&d)
	}
}

// swap puts a desk in the place of the present one, which commits and delivers
// what it has and ends.
func (p *press) swap(next *alert.Desk) {
	p.mu.Lock()
	end := p.end
	p.desk = next
	if p.ctx != nil {
		p.run(next)
	}
	p.mu.Unlock()
	if end != nil {
		end()
	}
}

// start runs the desk until stop.
func (p *press) start(ctx context.Context, grace time.Duration, log zerolog.Logger) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.grace, p.log = context.WithoutCancel(ctx), grace, log
	p.run(p.desk)
}

// run is called with mu held.
func (p *press) run(k *alert.Desk) {
	var ctx context.Context
	ctx, p.end = context.WithCancel(p.ctx)
	p.runs.Go(func() {
		if err := k.Run(ctx, p.grace); err != nil {
			p.log.Warn().Err(err).Msg("not every alert is delivered: what is committed is tried again after the next start")
		}
	})
}

// stop ends the desk: it commits what is reported, and tries to deliver it.
// What stays undelivered waits in the outbox.
func (p *press) stop() {
	p.mu.Lock()
	end := p.end
	p.mu.Unlock()
	if end != nil {
		end()
		p.runs.Wait()
	}
}

// standBy has the desk leave delivering to another process, or takes that back.
func (p *press) standBy(on bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	p.desk.StandBy(on)
}
