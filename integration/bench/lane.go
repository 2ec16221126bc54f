package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"honeyrow/integration/bench/machine"
)

// lane is one product of a run: its server, and the targets in front of it.
type lane struct {
	*bench
	of         *product
	server     server
	dir        string // below the run's
	pointModes []string
	all        []target
	honey      map[int]*honey // by number of tokens registered
}

// open starts the product's server with its tables and finds its targets.
func (b *bench) open(ctx context.Context, p *product) (*lane, error) {
	l := &lane{bench: b, of: p, dir: filepath.Join(b.dir, p.name), pointModes: common(p.modes, b.modes), honey: map[int]*honey{}}
	if err := os.Mkdir(l.dir, 0o755); err != nil {
		return nil, err
	}
	b.note("start %s, load %d rows for point queries and %d wide rows", p.title, pointRows(b.options), b.rows)
	var err error
	if l.server, err = p.start(ctx, b); err != nil {
		return nil, err
	}
	versions, err := p.about(ctx, l.server)
	if err == nil {
		b.versions = append(b.versions, versions...)
		err = l.findTargets(ctx)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lane) close() { l.server.Stop() }

// common returns the members of all that are among some.
func common(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !slices.Contains(some, s) })
}

// measure runs the chosen workloads. What fails is a problem of the report.
func (l *lane) measure(ctx context.Context) {
	sampled := []struct {
		name string
		do   func(context.Context, []*proc)
	}{{"point", l.point}, {"novel", l.novel}, {"wide", l.wide}, {"conn", l.conn}}
	if slices.ContainsFunc(l.only, func(s string) bool { return s != "mem" && s != "load" }) {
		procs := l.startAll(ctx)
		for _, w := range sampled {
			if slices.Contains(l.only, w.name) && ctx.Err() == nil {
				w.do(ctx, taking(w.name, procs))
			}
		}
		l.profiles(ctx, procs)
		l.control(ctx, procs)
		for _, p := range procs {
			p.stop()
		}
	}
	if slices.Contains(l.only, "mem") && ctx.Err() == nil {
		l.mem(ctx)
	}
	if slices.Contains(l.only, "load") && ctx.Err() == nil {
		l.load(ctx)
	}
}

// taking returns the targets that take part in a workload.
func taking(workload string, procs []*proc) []*proc {
	return slices.DeleteFunc(slices.Clone(procs), func(p *proc) bool {
		v, ok := variants[p.name]
		return ok && !slices.Contains(v.workloads, workload)
	})
}

// startAll starts every target in front of the server.
func (l *lane) startAll(ctx context.Context) []*proc {
	var procs []*proc
	for _, t := range l.all {
		p, err := t.start(ctx, l, l.server.Addr())
		if err == nil {
			err = l.warm(ctx, p)
			if err != nil {
				p.stop()
			}
		}
		if err != nil {
			l.problem(ctx, "%s does not start: %v", t.name, err)
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

// problem records a failure with the product it belongs to.
func (l *lane) problem(ctx context.Context, format string, args ...any) {
	l.bench.problem(ctx, "%s: %s", l.of.title, fmt.Sprintf(format, args...))
}

// take runs one unit of work of a target and keeps the sample that do fills.
func (l *lane) take(ctx context.Context, s sample, p *proc, do func(s *sample, cpu func() time.Duration) error) {
	tree := p.tree()
	cpu := func() time.Duration {
		if tree == nil {
			return 0
		}
		return tree.CPU()
	}
	usage := machine.Begin()
	s.Server, s.Target = l.of.name, p.name
	if err := do(&s, cpu); err != nil {
		l.problem(ctx, "%s %s through %s, round %d: %v", s.Workload, s.Cell, p.name, s.Round+1, err)
		return
	}
	own, foreign := usage.End()
	s.AllCPU, s.Foreign = own.Seconds(), foreign
	l.samples = append(l.samples, s)
}

// progress says where a workload is and about how long it still takes.
func (l *lane) progress(workload string, round, rounds int, since time.Time) {
	if round == 0 {
		l.note("%s %s: round 1 of %d", l.of.title, workload, rounds)
		return
	}
	left := time.Since(since) / time.Duration(round) * time.Duration(rounds-round)
	l.note("%s %s: round %d of %d, about %s left", l.of.title, workload, round+1, rounds, left.Truncate(time.Second))
}
