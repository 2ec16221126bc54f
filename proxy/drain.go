package proxy

import (
	"context"
	"fmt"
	"sync"

	"honeyrow/proxy/wire"
)

// Drain stops accepting, lets every session finish its transaction, and tells
// clients that the proxy shuts down. Sessions that still run when ctx ends are
// cut; the error says how many. It returns when all have ended.
func (l *Listener) Drain(ctx context.Context) error {
	l.stopAccepting(false)
	if !l.serving.Load() {
		return nil
	}
	l.each((*wire.Pump).Drain)
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	n := len(l.pumps)
	l.mu.Unlock()
	l.Close()
	<-l.done
	if n == 0 {
		return nil
	}
	return fmt.Errorf("listener %q: %d sessions were still busy at the drain deadline and were cut", l.set.Load().Name, n)
}

// Leave stops accepting: logins that have begun and sessions go on, and Serve
// returns when the last of them has ended. Drain and Close may follow.
func (l *Listener) Leave() {
	_ = l.socket.Close()
}

// Close stops accepting and cuts every session; clients are told. It does not
// wait: Serve returns when all have ended.
func (l *Listener) Close() {
	l.stopAccepting(true)
	l.each(func(p *wire.Pump) { p.Kill(wire.Shutdown) })
}

func (l *Listener) stopAccepting(kill bool) {
	l.mu.Lock()
	l.draining = true
	l.killed = l.killed || kill
	l.mu.Unlock()
	_ = l.socket.Close()
	l.stopLogins()
}

// each calls f for every session at once: one client that does not read its
// farewell must not keep the others waiting.
func (l *Listener) each(f func(*wire.Pump)) {
	l.mu.Lock()
	pumps := make([]*wire.Pump, 0, len(l.pumps))
	for p := range l.pumps {
		pumps = append(pumps, p)
	}
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range pumps {
		wg.Go(func() { f(p) })
	}
	wg.Wait()
}
