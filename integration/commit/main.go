// Command commit measures the longest window between a hit and its commit: how
// long a detection that was handed to the recorder waits until it would survive
// kill -9, on a registry as a proxy has it (SQLite, WAL, every commit synced), with
// incidents and audit, at several rates. docs/commit-figures.md is what it writes.
//
//	go run ./integration/commit -markdown docs/commit-figures.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/sink/file"
	"honeyrow/event"
	"honeyrow/integration/bench/machine"
	"honeyrow/token/sqlite"
)

// load is one way in which sessions make detections.
type load struct {
	name     string
	sessions int           // that hit at the same time
	pause    time.Duration // of each between two hits; 0: none
}

var loads = []load{
	{"one hit now and then", 1, 100 * time.Millisecond},
	{"8 sessions, 10 hits a second each", 8, 100 * time.Millisecond},
	{"64 sessions at once, every second", 64, time.Second},
	{"64 sessions, 5 hits a second each", 64, 200 * time.Millisecond},
	{"flood: 64 sessions that do nothing else", 64, 0},
}

// result is one load's windows.
type result struct {
	load
	took    time.Duration
	windows []time.Duration // sorted
	commits int
	waited  uint64 // reports that found the queue full
}

func main() {
	seconds := flag.Int("seconds", 10, "length of each measurement")
	markdown := flag.String("markdown", "", "write the report to this file")
	dir := flag.String("dir", "", "folder for the registry, on the disk that is to be measured (default: a temporary one)")
	flag.Parse()
	if err := run(context.Background(), time.Duration(*seconds)*time.Second, *dir, *markdown); err != nil {
		fmt.Fprintln(os.Stderr, "commit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, each time.Duration, dir, markdown string) error {
	dir, err := os.MkdirTemp(dir, "honeyrow-commit-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var rs []result
	for i, l := range loads {
		fmt.Fprintf(os.Stderr, "commit: %s\n", l.name)
		r, err := measure(ctx, l, each, filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return err
		}
		rs = append(rs, r)
	}
	text := report(rs, each)
	if markdown == "" {
		_, err = os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(markdown, []byte(text), 0o644)
}

// clocked is a store that notes when a detection is committed.
type clocked struct {
	*sqlite.Store
	commits  atomic.Int64
	mu       sync.Mutex
	reported map[event.ID]time.Time
	windows  []time.Duration
}

func (c *clocked) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	if err := c.Store.Put(ctx, ds, sinks); err != nil {
		return err
	}
	now := time.Now()
	c.commits.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ds {
		c.windows = append(c.windows, now.Sub(c.reported[ds[i].ID]))
		delete(c.reported, ds[i].ID)
	}
	return nil
}

func (c *clocked) note(id event.ID, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reported[id] = at
}

func measure(ctx context.Context, l load, each time.Duration, dir string) (r result, err error) {
	s, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "honeyrow.db"), Key: sqlite.NewKey()})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sink, err := file.New("file", file.Config{Path: filepath.Join(dir, "alerts.jsonl")})
	if err != nil {
		return r, err
	}
	c := &clocked{Store: s, reported: map[event.ID]time.Time{}}
	desk := alert.NewDesk(c, []alert.Route{{Sink: sink}}, alert.DefaultConfig(), zerolog.New(os.Stderr), alert.DeskOptions{Spill: s.Spill("")})
	work, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- desk.Run(work, time.Minute) }() // ends with stop
	began := time.Now()
	var wg sync.WaitGroup
	for i := range l.sessions {
		wg.Go(func() { hit(desk, c, l, i, began.Add(each)) })
	}
	wg.Wait()
	if err := desk.Flush(ctx); err != nil {
		return r, err
	}
	r = result{load: l, took: time.Since(began), commits: int(c.commits.Load())}
	rec, _ := desk.Stats()
	r.waited = rec.Blocked
	stop()
	if err := <-done; err != nil {
		return r, err
	}
	if rec.Spilled+rec.Lost > 0 {
		return r, fmt.Errorf("%d detections were spilled, %d lost: is the disk full?", rec.Spilled, rec.Lost)
	}
	r.windows = c.windows
	slices.Sort(r.windows)
	return r, nil
}

// hit is one session: each hit is of another client with a honey row of its own.
// Sessions hit at the same moments, which is the worst.
func hit(desk *alert.Desk, c *clocked, l load, session int, end time.Time) {
	for n := 0; time.Now().Before(end); n++ {
		d := alerttest.Detection(session)
		d.Client.Session, d.Time = event.NewID(), time.Now()
		now := time.Now()
		c.note(d.ID, now)
		desk.Report(d)
		if l.pause > 0 {
			time.Sleep(time.Until(now.Add(l.pause)))
		}
	}
}

func (r *result) at(q float64) time.Duration {
	return r.windows[min(len(r.windows)-1, int(q*float64(len(r.windows))))]
}

func report(rs []result, each time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# From the hit to the commit\n\n<!-- Written by `make commit-latency`: do not edit. -->\n\n")
	fmt.Fprintf(&b, "How long a detection waits, from the moment in which the session hands it to the recorder, until it is committed and synced, and would outlive kill -9 and the loss of power. "+
		"The row itself does not wait for it. A process that is killed loses what lies within this window and nothing else. "+
		"The store is what a proxy has, with incidents, audit and a file sink that takes the alerts meanwhile. %s for each line; %s.\n\n", each, here())
	fmt.Fprintf(&b, "| load | hits | a second | commits | median | 99 %% | longest | waited for the queue |\n|---|---|---|---|---|---|---|---|\n")
	for i := range rs {
		r := &rs[i]
		fmt.Fprintf(&b, "| %s | %d | %.0f | %d | %s | %s | %s | %d |\n", r.name, len(r.windows), float64(len(r.windows))/r.took.Seconds(), r.commits,
			ms(r.at(0.5)), ms(r.at(0.99)), ms(r.windows[len(r.windows)-1]), r.waited)
	}
	fmt.Fprintf(&b, "\nDetections that come while a commit runs make up the next one, so the window is about two commits, and the more there is to do, the larger the commits are. "+
		"In a flood the queue (`alerts.queue`, %d) is full and sessions wait their turn: the window is then the time that the whole queue takes. "+
		"A slower disk makes it longer in proportion.\n", alert.DefaultQueue)
	return b.String()
}

// here names the machine, and how busy it is with other things.
func here() string {
	f := machine.Describe()
	return fmt.Sprintf("%d cores of %s, %s, %s, load average %.1f", f.Cores, f.CPU, f.Kernel, f.Go, machine.LoadAverage())
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
