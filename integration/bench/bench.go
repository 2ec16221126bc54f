package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"honeyrow/integration/bench/machine"
	"honeyrow/internal/pgserver"
	"honeyrow/token"
)

// database holds all tables that are read; wideTable is the table of the wide results.
const (
	database  = "postgres"
	user      = "postgres"
	wideTable = "wide"
	// realSessions bounds what is held against PostgreSQL itself: beyond it
	// the stub stands in.
	realSessions = 500
)

// sample is one measurement of one target.
type sample struct {
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
	Target   string `json:"target"`
	Round    int    `json:"round"`
	Sessions int    `json:"sessions"`
	Server   string `json:"server"` // "postgresql" or "stub"
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
	pg      *pgserver.Server
	all     []target
	honey   []token.Token // registered for honeyrow

	facts    machine.Facts
	load     [2]float64 // before, after
	versions []string
	samples  []sample
	weights  []weight
	notes    []string
	problems []string
}

func newBench(ctx context.Context, o options, log io.Writer) (b *bench, err error) {
	b = &bench{options: o, log: log, started: time.Now(), facts: machine.Describe()}
	b.load[0] = machine.LoadAverage()
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	raiseFileLimit()
	if b.dir, err = os.MkdirTemp("", "honeyrow-bench-"); err != nil {
		return b, err
	}
	if err = os.Chmod(b.dir, 0o755); err != nil { // pgbouncer reads its file without root's rights
		return b, err
	}
	b.note("start PostgreSQL, load %d accounts and %d wide rows", o.scale*100_000, o.rows)
	b.pg, err = pgserver.Start(ctx, pgserver.Options{Settings: []string{
		fmt.Sprintf("max_connections = %d", realSessions+100), "shared_buffers = 512MB", "jit = off", "autovacuum = off",
		"max_parallel_workers_per_gather = 0", "wal_level = minimal", "max_wal_senders = 0",
	}})
	if err != nil {
		return b, err
	}
	if err = b.fill(ctx); err != nil {
		return b, err
	}
	return b, b.findTargets(ctx)
}

func (b *bench) close() {
	if b.pg != nil {
		b.pg.Stop()
	}
	if b.dir != "" {
		_ = os.RemoveAll(b.dir)
	}
}

// fill makes the tables.
func (b *bench) fill(ctx context.Context) error {
	pgbench, err := b.pgbench(ctx, "-i", "-q", "-n", "-s", fmt.Sprint(b.scale))
	if err != nil {
		return err
	}
	if out, err := pgbench.CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench -i: %w\n%s", err, out)
	}
	// Six text columns, 131 bytes of values a row, shaped like the values that
	// honeyrow looks for, so that lengths alone do not rule them out.
	sql := fmt.Sprintf(`create table %[1]s as select
	(array['Anna','Boris','Clara','David','Elena'])[1 + i %% 5] || ' ' || (array['Schneider','Novak','Martin','Rossi'])[1 + i %% 4] as full_name,
	'customer' || lpad(i::text, 7, '0') || '@mail.example.com' as email,
	'+49 555 ' || lpad(i::text, 7, '0') as phone,
	substr(md5(i::text), 1, 24) as api_key,
	lpad((i %% 97)::text, 3) || ' Station Road, Springfield' as address,
	'order ' || lpad(i::text, 8, '0') || ' paid' as note
from generate_series(1, %[2]d) i; vacuum analyze`, wideTable, b.rows)
	return b.pg.Exec(ctx, database, sql)
}

// pgbench finds the program beside the server's, or on the PATH.
func (b *bench) pgbench(ctx context.Context, args ...string) (*exec.Cmd, error) {
	host, port := b.pg.Host, fmt.Sprint(b.pg.Port)
	return b.pgbenchAt(ctx, host, port, args...)
}

func (b *bench) pgbenchAt(ctx context.Context, host, port string, args ...string) (*exec.Cmd, error) {
	name := filepath.Join(b.pg.Bin, "pgbench")
	if _, err := os.Stat(name); err != nil {
		if name, err = exec.LookPath("pgbench"); err != nil {
			return nil, errors.New("pgbench is missing: install it (Debian: apt-get install postgresql-contrib or postgresql)")
		}
	}
	cmd := exec.CommandContext(ctx, name, append([]string{"-h", host, "-p", port, "-U", user}, append(args, database)...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PGSSLMODE=disable", "PGGSSENCMODE=disable")
	return cmd, nil
}

// measure runs the chosen workloads. What fails is a problem of the report.
func (b *bench) measure(ctx context.Context) {
	sampled := []struct {
		name string
		do   func(context.Context, []*proc)
	}{{"point", b.point}, {"wide", b.wide}, {"conn", b.conn}}
	if slices.ContainsFunc(b.only, func(s string) bool { return s != "mem" }) {
		procs := b.startAll(ctx)
		for _, w := range sampled {
			if slices.Contains(b.only, w.name) && ctx.Err() == nil {
				w.do(ctx, procs)
			}
		}
		b.profiles(ctx, procs)
		b.control(ctx, procs)
		for _, p := range procs {
			p.stop()
		}
	}
	if slices.Contains(b.only, "mem") && ctx.Err() == nil {
		b.mem(ctx)
	}
	b.load[1] = machine.LoadAverage()
}

// startAll starts every target in front of PostgreSQL.
func (b *bench) startAll(ctx context.Context) []*proc {
	var procs []*proc
	for _, t := range b.all {
		p, err := t.start(ctx, b, b.pg.Addr())
		if err == nil {
			err = b.warm(ctx, p)
			if err != nil {
				p.stop()
			}
		}
		if err != nil {
			b.problem(ctx, "%s does not start: %v", t.name, err)
			continue
		}
		p.name = t.name
		procs = append(procs, p)
	}
	return procs
}

// turn returns procs in another order each round, so that none always comes
// after the same neighbour.
func turn(procs []*proc, round int) []*proc {
	if len(procs) == 0 {
		return nil
	}
	k := round % len(procs)
	turned := slices.Concat(procs[k:], procs[:k])
	if round/len(procs)%2 == 1 {
		slices.Reverse(turned)
	}
	return turned
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

// take runs one unit of work of a target and keeps the sample that do fills.
func (b *bench) take(ctx context.Context, s sample, p *proc, do func(s *sample, cpu func() time.Duration) error) {
	tree := p.tree()
	cpu := func() time.Duration {
		if tree == nil {
			return 0
		}
		return tree.CPU()
	}
	usage := machine.Begin()
	s.Target = p.name
	if err := do(&s, cpu); err != nil {
		b.problem(ctx, "%s %s through %s, round %d: %v", s.Workload, s.Cell, p.name, s.Round+1, err)
		return
	}
	own, foreign := usage.End()
	s.AllCPU, s.Foreign = own.Seconds(), foreign
	b.samples = append(b.samples, s)
}

// progress says where a workload is and about how long it still takes.
func (b *bench) progress(workload string, round int, since time.Time) {
	if round == 0 {
		b.note("%s: round 1 of %d", workload, b.rounds)
		return
	}
	left := time.Since(since) / time.Duration(round) * time.Duration(b.rounds-round)
	b.note("%s: round %d of %d, about %s left", workload, round+1, b.rounds, left.Truncate(time.Second))
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
