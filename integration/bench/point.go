package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// point measures single-row look-ups by primary key with pgbench.
func (b *bench) point(ctx context.Context, procs []*proc) {
	since := time.Now()
	for round := range b.rounds {
		b.progress("point", round, since)
		for _, mode := range b.modes {
			for _, clients := range b.clients {
				for _, p := range turn(procs, round) {
					if ctx.Err() != nil {
						return
					}
					s := sample{Workload: "point", Cell: fmt.Sprintf("%s %d", mode, clients), Round: round}
					b.take(ctx, s, p, func(s *sample, cpu func() time.Duration) error {
						err := b.selectOnly(ctx, s, p.addr, mode, clients, cpu)
						if errors.Is(err, errNoTime) { // once more
							err = b.selectOnly(ctx, s, p.addr, mode, clients, cpu)
						}
						return err
					})
				}
			}
		}
	}
}

// selectOnly runs pgbench -S once. The CPU time counted is that of the
// queries: connecting comes first and is cut off with the help of samples.
func (b *bench) selectOnly(ctx context.Context, s *sample, addr, mode string, clients int, cpu func() time.Duration) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	cmd, err := b.pgbenchAt(ctx, host, port, "-S", "-n", "-M", mode, "-T", strconv.Itoa(b.seconds),
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, runtime.NumCPU())))
	if err != nil {
		return err
	}
	track := follow(cpu)
	out, err := cmd.CombinedOutput()
	end := time.Now()
	cut := track.end()
	if err != nil {
		return fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	r, err := parsePgbench(string(out))
	if err != nil {
		return err
	}
	s.Work, s.Rate, s.Latency = r.transactions, r.tps, r.latency
	s.Seconds = r.transactions / r.tps
	s.CPU = cut(end.Add(-time.Duration(s.Seconds * float64(time.Second)))).Seconds()
	return nil
}

// errNoTime: pgbench's time counts from before it connects, and on a crowded
// machine it may run out there.
var errNoTime = errors.New("pgbench's clients were not connected before its time ran out: the machine is too busy, or give more --seconds")

// pgbenchResult is what pgbench prints in the end.
type pgbenchResult struct{ transactions, latency, tps float64 }

var pgbenchFields = []*regexp.Regexp{
	regexp.MustCompile(`number of transactions actually processed: (\d+)`),
	regexp.MustCompile(`latency average = ([\d.]+) ms`),
	regexp.MustCompile(`tps = ([\d.]+) \((?:without initial connection time|excluding connections establishing)\)`),
	regexp.MustCompile(`number of failed transactions: (\d+)`),
}

func parsePgbench(out string) (pgbenchResult, error) {
	var v [4]float64
	for i, re := range pgbenchFields {
		m := re.FindStringSubmatch(out)
		if i == 1 && m == nil && v[0] == 0 && strings.Contains(out, "processed: 0") {
			return pgbenchResult{}, errNoTime
		}
		if m == nil {
			if i == 3 { // older versions do not print it
				continue
			}
			return pgbenchResult{}, fmt.Errorf("pgbench's output has no %q\n%s", re, out)
		}
		x, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return pgbenchResult{}, err
		}
		v[i] = x
	}
	if v[3] > 0 || v[2] == 0 {
		return pgbenchResult{}, fmt.Errorf("pgbench processed %v transactions, %v failed\n%s", v[0], v[3], out)
	}
	return pgbenchResult{v[0], v[1], v[2]}, nil
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
