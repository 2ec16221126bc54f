package main

import (
	"context"
	"fmt"
	"time"

	"honeyrow/integration/bench/client"
)

// wide measures large results with the benchmark's own reader.
func (l *lane) wide(ctx context.Context, procs []*proc) {
	since := time.Now()
	want := map[string]uint64{} // bytes of a cell's result, as the first target gave it
	for round := range l.rounds {
		l.progress("wide", round, l.rounds, since)
		for _, c := range l.of.cells {
			for _, p := range turn(procs, round) {
				if ctx.Err() != nil {
					return
				}
				s := sample{Workload: "wide", Cell: c.name, Round: round}
				l.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
					return l.readWide(ctx, s, p.addr, c.read, want, cpu)
				})
			}
		}
	}
}

func (l *lane) readWide(ctx context.Context, s *sample, addr string, read func(session) (client.Result, error), want map[string]uint64, cpu func() time.Duration) error {
	c, err := l.of.dial(ctx, addr, 0)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, c.Abort)()
	before, start := cpu(), time.Now()
	r, err := read(c)
	s.Seconds = time.Since(start).Seconds()
	s.CPU = (cpu() - before).Seconds()
	if err != nil {
		c.Abort()
		return err
	}
	if r.Rows != uint64(l.rows) {
		c.Abort()
		return fmt.Errorf("%d rows arrived, want %d", r.Rows, l.rows)
	}
	if want[s.Cell] == 0 {
		want[s.Cell] = r.Bytes
	}
	if r.Bytes != want[s.Cell] {
		c.Abort()
		return fmt.Errorf("%d bytes arrived, want %d as through others", r.Bytes, want[s.Cell])
	}
	s.Work = float64(r.Bytes)
	s.Rate = s.Work / s.Seconds
	return c.Close()
}
