package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"honeyrow/integration/bench/machine"
)

const memRounds = 3 // at most: memory varies little

// mem weighs fresh proxies with idle sessions, each of which has run one query.
func (l *lane) mem(ctx context.Context) {
	st, err := l.of.stub()
	if err != nil {
		l.problem(ctx, "stub server: %v", err)
		return
	}
	defer st.Stop()
	for round := range min(l.rounds, memRounds) {
		for _, t := range l.all {
			for _, n := range l.sessions {
				v, ok := variants[t.name]
				if ctx.Err() != nil || t.name == "direct" || ok && !slices.Contains(v.workloads, "mem") {
					break
				}
				l.note("%s mem: round %d of %d, %s with %d idle sessions", l.of.title, round+1, min(l.rounds, memRounds), t.name, n)
				w := weight{Server: l.of.name, Target: t.name, Round: round, Sessions: n, Against: l.of.name}
				addr := l.server.Addr()
				if n > realSessions {
					w.Against, addr = "stub", st.Addr()
				}
				if err := l.weigh(ctx, t, addr, &w); err != nil {
					l.problem(ctx, "memory of %s with %d sessions: %v", t.name, n, err)
					continue
				}
				l.weights = append(l.weights, w)
			}
		}
	}
}

func (l *lane) weigh(ctx context.Context, t target, server string, w *weight) error {
	p, err := t.start(ctx, l, server)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := l.warm(ctx, p); err != nil {
		return err
	}
	if w.Rest, w.RestWorkers, err = settled(ctx, p); err != nil {
		return err
	}
	conns, err := l.hold(ctx, p.addr, w.Sessions)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	if w.Held, w.HeldWorkers, err = settled(ctx, p); err == nil && p.pprof != "" {
		err = errors.Join(l.fetch(ctx, p, "heap", fmt.Sprintf("mem %d.heap", w.Sessions)),
			l.fetch(ctx, p, "goroutine", fmt.Sprintf("mem %d.goroutine", w.Sessions)))
	}
	return err
}

// hold opens n sessions that have run one query each.
func (l *lane) hold(ctx context.Context, addr string, n int) ([]session, error) {
	todo := make(chan struct{}, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	var (
		mu     sync.Mutex
		conns  []session
		failed error
		wg     sync.WaitGroup
	)
	for range connWorkers {
		wg.Go(func() {
			for range todo {
				c, err := l.of.dial(ctx, addr, 1<<10)
				if err == nil {
					_, err = c.Query("SELECT 1")
				}
				mu.Lock()
				if c != nil {
					conns = append(conns, c)
				}
				if err != nil {
					failed = fmt.Errorf("session %d: %w", len(conns), err)
				}
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	wg.Wait()
	return conns, failed
}

// settled returns the memory once it has stood still (within half a percent)
// for half a second, or as it is after five.
func settled(ctx context.Context, p *proc) (root, workers uint64, err error) {
	const pause, still, most = 100 * time.Millisecond, 5, 50
	tick := time.NewTicker(pause)
	defer tick.Stop()
	same := 0
	for range most {
		r, k, err := machine.TreeOf(p.cmd.Process.Pid).RSS()
		if err != nil {
			return 0, 0, err
		}
		if math.Abs(float64(r+k)-float64(root+workers)) <= 0.005*float64(r+k) {
			if same++; same >= still {
				return r, k, nil
			}
		} else {
			same = 0
		}
		root, workers = r, k
		select {
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		case <-tick.C:
		}
	}
	return root, workers, nil
}
