package main

import (
	"context"
	"fmt"
	"time"

	"honeyrow/integration/bench/client"
)

// wideCells are the ways to read the whole wide table.
var wideCells = []struct {
	name string
	read func(*client.Conn) (client.Result, error)
}{
	{"simple text", func(c *client.Conn) (client.Result, error) { return c.Query("select * from " + wideTable) }},
	{"extended binary", func(c *client.Conn) (client.Result, error) { return c.QueryBinary("select * from " + wideTable) }},
	{"copy", func(c *client.Conn) (client.Result, error) { return c.Query("copy " + wideTable + " to stdout") }},
}

// wide measures large results with the benchmark's own reader.
func (b *bench) wide(ctx context.Context, procs []*proc) {
	since := time.Now()
	want := map[string]uint64{} // bytes of a cell's result, as the first target gave it
	for round := range b.rounds {
		b.progress("wide", round, since)
		for i := range wideCells {
			for _, p := range turn(procs, round) {
				if ctx.Err() != nil {
					return
				}
				s := sample{Workload: "wide", Cell: wideCells[i].name, Round: round}
				b.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
					return b.readWide(ctx, s, p.addr, wideCells[i].read, want, cpu)
				})
			}
		}
	}
}

func (b *bench) readWide(ctx context.Context, s *sample, addr string, read func(*client.Conn) (client.Result, error), want map[string]uint64, cpu func() time.Duration) error {
	c, err := client.Dial(ctx, addr, user, database, 0)
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
	if r.Rows != uint64(b.rows) {
		c.Abort()
		return fmt.Errorf("%d rows arrived, want %d", r.Rows, b.rows)
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
