package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// point measures single-row look-ups by primary key.
func (l *lane) point(ctx context.Context, procs []*proc) {
	since := time.Now()
	rounds := l.rounds
	if slices.ContainsFunc(l.clients, func(n int) bool { return n > 1 }) {
		rounds = max(rounds, l.crowded)
	}
	for round := range rounds {
		l.progress("point", round, rounds, since)
		for _, mode := range l.pointModes {
			for _, clients := range l.clients {
				for _, p := range turn(l.due(procs, round, clients), round) {
					if ctx.Err() != nil {
						return
					}
					s := sample{Workload: "point", Cell: fmt.Sprintf("%s %d", mode, clients), Round: round}
					l.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
						return l.of.lookUp(ctx, l, s, p.addr, mode, clients, cpu)
					})
				}
			}
		}
	}
}

// due returns the targets whose turn it is in a round of work by so many clients.
// How several clients, a proxy and a server share a few cores changes from one
// second to the next: they get more rounds, in which only what is judged takes
// part, and what it is judged by.
func (l *lane) due(procs []*proc, round, clients int) []*proc {
	switch {
	case round < l.rounds:
		return procs
	case clients == 1 || round >= l.crowded:
		return nil
	}
	var judged []*proc
	for _, p := range procs {
		if _, ok := variants[p.name]; ok || p.name == "relay" {
			judged = append(judged, p)
		}
	}
	return judged
}

// pointRows is the number of rows of the table of point queries.
func pointRows(o options) int { return o.scale * 100_000 }

// pointResult is what a program that measures point queries prints in the
// end: queries, milliseconds, queries a second.
type pointResult struct{ transactions, latency, tps float64 }

// fill runs cmd and takes the figures that parse reads from its output. The
// CPU time counted is that of the queries: connecting comes first and is cut
// off with the help of samples.
func (s *sample) fill(cmd *exec.Cmd, cpu func() time.Duration, parse func(out string) (pointResult, error)) error {
	track := follow(cpu)
	out, err := cmd.CombinedOutput()
	end := time.Now()
	cut := track.end()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd.Path, err, out)
	}
	r, err := parse(string(out))
	if err != nil {
		return err
	}
	s.Work, s.Rate, s.Latency = r.transactions, r.tps, r.latency
	s.Seconds = r.transactions / r.tps
	s.CPU = cut(end.Add(-time.Duration(s.Seconds * float64(time.Second)))).Seconds()
	return nil
}

// tracker notes a CPU clock every few milliseconds.
type tracker struct {
	mu   sync.Mutex
	at   []time.Time
	used []time.Duration
	quit chan struct{}
	wg   sync.WaitGroup
}

func follow(cpu func() time.Duration) *tracker {
	t := &tracker{quit: make(chan struct{})}
	t.add(cpu())
	t.wg.Add(1)
	go func() { // ends in end
		defer t.wg.Done()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				t.add(cpu())
			case <-t.quit:
				t.add(cpu())
				return
			}
		}
	}()
	return t
}

func (t *tracker) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.used = append(t.at, time.Now()), append(t.used, d)
}

// end stops and returns a function that tells the CPU time used since a moment.
func (t *tracker) end() func(since time.Time) time.Duration {
	close(t.quit)
	t.wg.Wait()
	return func(since time.Time) time.Duration {
		return t.used[len(t.used)-1] - valueAt(t.at, t.used, since)
	}
}

// valueAt interpolates between the notes around a moment.
func valueAt(at []time.Time, used []time.Duration, when time.Time) time.Duration {
	if when.Before(at[0]) {
		return used[0]
	}
	for i := 1; i < len(at); i++ {
		if when.Before(at[i]) {
			part := float64(when.Sub(at[i-1])) / float64(at[i].Sub(at[i-1]))
			return used[i-1] + time.Duration(part*float64(used[i]-used[i-1]))
		}
	}
	return used[len(used)-1]
}
