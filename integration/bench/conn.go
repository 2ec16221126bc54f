package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connWorkers = 8
	connCap     = 4000 // a measurement's most connections, for the sake of free ports
)

// conn measures how fast sessions are opened and closed.
func (l *lane) conn(ctx context.Context, procs []*proc) {
	since := time.Now()
	for round := range l.rounds {
		l.progress("conn", round, l.rounds, since)
		for _, p := range turn(procs, round) {
			if ctx.Err() != nil {
				return
			}
			s := sample{Workload: "conn", Cell: "connect", Round: round}
			l.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
				return l.connect(ctx, s, p.addr, cpu)
			})
		}
	}
}

// connect opens and closes sessions on all workers for as long as one
// measurement lasts.
func (l *lane) connect(ctx context.Context, s *sample, addr string, cpu func() time.Duration) error {
	var n atomic.Int64
	errs := make(chan error, connWorkers)
	before, start := cpu(), time.Now()
	until := start.Add(time.Duration(l.seconds) * time.Second)
	var wg sync.WaitGroup
	for range connWorkers {
		wg.Go(func() {
			for time.Now().Before(until) && n.Load() < connCap {
				c, err := l.of.dial(ctx, addr, 1<<10)
				if err == nil {
					err = c.Close()
				}
				if err != nil {
					errs <- err
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	s.Seconds = time.Since(start).Seconds()
	time.Sleep(20 * time.Millisecond) // the proxy's own end of the last sessions
	s.CPU = (cpu() - before).Seconds()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	s.Work = float64(n.Load())
	s.Rate = s.Work / s.Seconds
	return nil
}
