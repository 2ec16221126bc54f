package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// novelClients is how many clients ask ever new things.
const novelClients = 8

// novel measures single-row look-ups whose texts never come again: the values
// differ, which a cache by shape bears, or the shape does, which it does not.
func (l *lane) novel(ctx context.Context, procs []*proc) {
	since := time.Now()
	rounds := max(l.rounds, l.crowded)
	for round := range rounds {
		l.progress("novel", round, rounds, since)
		for _, c := range l.novelties() {
			for _, p := range turn(l.due(procs, round, novelClients), round) {
				if ctx.Err() != nil {
					return
				}
				s := sample{Workload: "novel", Cell: c.cell(), Round: round}
				l.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
					return l.ask(ctx, s, p.addr, c.sql, cpu)
				})
			}
		}
	}
}

// novelty is a kind of statement that never comes again.
type novelty struct {
	name string
	sql  func(n uint64) string
}

func (n novelty) cell() string { return fmt.Sprintf("%s %d", n.name, novelClients) }

func (l *lane) novelties() []novelty {
	return []novelty{{"literals", l.of.literals}, {"shapes", l.of.shapes}}
}

// ask has all clients ask for as long as one measurement lasts. No target sees a
// text twice.
func (l *lane) ask(ctx context.Context, s *sample, addr string, sql func(uint64) string, cpu func() time.Duration) error {
	var clients [novelClients]session
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for i := range clients {
		c, err := l.of.dial(ctx, addr, 4<<10)
		if err != nil {
			return err
		}
		clients[i] = c
	}
	var n atomic.Int64
	errs := make([]error, novelClients)
	before, start := cpu(), time.Now()
	until := start.Add(time.Duration(l.seconds) * time.Second)
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for time.Now().Before(until) {
				r, err := c.Query(sql(l.asked.Add(1)))
				if err == nil && r.Rows > 1 {
					err = fmt.Errorf("%d rows, want 1", r.Rows)
				}
				if err != nil {
					errs[i] = err
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	s.Seconds = time.Since(start).Seconds()
	s.CPU = (cpu() - before).Seconds()
	s.Work = float64(n.Load())
	s.Rate = s.Work / s.Seconds
	return errors.Join(errs...)
}
