package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/alert/incident"
	"honeyrow/event"
	"honeyrow/inspect"
)

// porter stands before the engine and remembers who came in, so that incidents
// can tell whom nobody has seen before.
type porter struct {
	inspect.Inspector

	mu    sync.Mutex
	fresh map[string]event.Client // not written yet
	known map[string]time.Time    // when they were written last
	lost  atomic.Uint64           // logins that were not remembered: too many at once
}

const (
	// greetEvery is how often logins are written to the registry.
	greetEvery = 5 * time.Second
	// greetAgain is how long a login of the same identity is not written again.
	greetAgain = time.Hour
	// maxFresh bounds the identities that wait, maxKnown those that are known to
	// be written: some 100 and 200 bytes each.
	maxFresh, maxKnown = 4096, 20_000
)

// Open implements inspect.Inspector.
func (p *porter) Open(c event.Client) (inspect.Session, event.Verdict) {
	p.note(&c)
	return p.Inspector.Open(c)
}

func (p *porter) note(c *event.Client) {
	key := incident.Identity(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.known[key]; ok && c.Started.Sub(last) < greetAgain {
		return
	}
	if _, ok := p.fresh[key]; ok {
		return
	}
	if len(p.fresh) == maxFresh {
		p.lost.Add(1)
		return
	}
	if p.fresh == nil {
		p.fresh = map[string]event.Client{}
	}
	p.fresh[key] = *c
}

// take returns who is to be written.
func (p *porter) take() []event.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]event.Client, 0, len(p.fresh))
	if len(p.known)+len(p.fresh) > maxKnown || p.known == nil {
		p.known = map[string]time.Time{}
	}
	for key, c := range p.fresh {
		p.known[key] = c.Started
		out = append(out, c)
	}
	p.fresh = nil
	return out
}

// greet writes who came in until ctx ends.
func (a *App) greet(ctx context.Context) {
	tick := time.NewTicker(greetEvery)
	defer tick.Stop()
	var lastLog time.Time
	for {
		end := false
		select {
		case <-ctx.Done():
			end = true
		case <-tick.C:
		}
		who := a.porter.take()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), greetEvery)
		err := a.store.Greet(last, who)
		cancel()
		if err != nil && time.Since(lastLog) >= storeLog {
			lastLog = time.Now()
			a.log.Warn().Err(err).Int("identities", len(who)).Msg("logins could not be remembered: these identities may count as new later")
		}
		if end {
			return
		}
	}
}
