package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"honeyrow/integration/bench/machine"
)

const (
	wideTable = "wide" // the table of the wide results
	// realSessions bounds what is held against the database server itself:
	// beyond it the stub stands in.
	realSessions = 500
)

// sample is one measurement of one target.
type sample struct {
	Server   string  `json:"server"` // a product's name
	Workload string  `json:"workload"`
	Cell     string  `json:"cell"` // such as "simple 8"
	Target   string  `json:"target"`
	Round    int     `json:"round"`
	Work     float64 `json:"work"`    // queries, bytes or connections
	Seconds  float64 `json:"seconds"` // wall clock
	Rate     float64 `json:"rate"`    // work a second
	Latency  float64 `json:"latency_ms,omitempty"`
	CPU      float64 `json:"proxy_cpu_s"` // of the proxy alone; 0 for direct
	AllCPU   float64 `json:"all_cpu_s"`   // of client, proxy and server
	Foreign  float64 `json:"foreign"`     // share of the CPUs that others used
}

// weight is the memory of one fresh proxy process.
type weight struct {
	Server   string `json:"server"` // a product's name
	Target   string `json:"target"`
	Round    int    `json:"round"`
	Sessions int    `json:"sessions"`
	Against  string `json:"against"` // the product's name or "stub"
	// Bytes, resident. Workers are the proxy's child processes.
	Rest        uint64 `json:"rest"`
	RestWorkers uint64 `json:"rest_workers"`
	Held        uint64 `json:"held"`
	HeldWorkers uint64 `json:"held_workers"`
}

// PerSession is the growth per session in bytes.
func (w weight) PerSession() float64 {
	return (float64(w.Held+w.HeldWorkers) - float64(w.Rest+w.RestWorkers)) / float64(w.Sessions)
}

// bench is one run.
type bench struct {
	options
	log     io.Writer
	started time.Time
	dir     string
	about   []targetNote

	facts    machine.Facts
	load     [2]float64 // before, after
	versions []string
	samples  []sample
	weights  []weight
	loads    []load
	asked    atomic.Uint64 // statements of novel
	notes    []string
	problems []string
}

func newBench(o options, log io.Writer) (*bench, error) {
	b := &bench{options: o, log: log, started: time.Now(), facts: machine.Describe()}
	b.load[0] = machine.LoadAverage()
	raiseFileLimit()
	var err error
	if b.dir, err = os.MkdirTemp("", "honeyrow-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil { // pgbouncer reads its file without root's rights
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// measure takes one product after the other, each with its server to itself.
// An error before there is any figure ends the run; later ones are problems of
// the report.
func (b *bench) measure(ctx context.Context) error {
	var there []*product
	for _, name := range b.servers {
		p := productOf(name)
		switch err := p.find(); {
		case err == nil:
			there = append(there, p)
		case b.serversNamed || len(b.servers) == 1:
			return err
		default:
			b.notes = append(b.notes, fmt.Sprintf("%s is not measured: %v.", p.title, err))
			b.note("%s is not measured: %v", p.title, err)
		}
	}
	if len(there) == 0 {
		return errors.New("there is nothing to measure: " + strings.Join(b.notes, " "))
	}
	for _, p := range there {
		if err := b.measureOne(ctx, p); err != nil {
			if len(b.samples)+len(b.weights)+len(b.loads) == 0 {
				return err
			}
			b.problem(ctx, "%s: %v", p.title, err)
		}
	}
	b.load[1] = machine.LoadAverage()
	return nil
}

func (b *bench) measureOne(ctx context.Context, p *product) error {
	if ctx.Err() != nil {
		return nil
	}
	l, err := b.open(ctx, p)
	if err != nil {
		return err
	}
	defer l.close()
	l.measure(ctx)
	return nil
}

// problem records a failure, unless the run is being ended.
func (b *bench) problem(ctx context.Context, format string, args ...any) {
	if ctx.Err() != nil {
		return
	}
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	b.problems = append(b.problems, text)
	b.note("problem: %s", text)
}

// raiseFileLimit lets this process and those it starts hold thousands of
// sockets. Set by hand, the limit is inherited; what Go raises by itself is not.
func raiseFileLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}
