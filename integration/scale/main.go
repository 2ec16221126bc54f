// Command scale measures what very many honey rows cost: it makes a database of
// many tables on a private server, plans honey rows for all of them, plants them,
// looks values up in a registry that is filled to a million tokens, verifies and
// removes. Beside the times it tells how long the longest transaction was that held
// a lock.
//
//	go run ./integration/scale
//	go run ./integration/scale --markdown docs/scale-figures.md
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/seeder/pgdb"
	"honeyrow/token/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	myserver.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

type options struct {
	markdown, db, profile       string
	tables, rows, people, batch int
	tokens                      int
	measure, quiet              bool
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	var o options
	fs := flag.NewFlagSet("scale", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&o.markdown, "markdown", "", "write the report to this file as Markdown")
	fs.StringVar(&o.db, "db", "both", "postgres, mariadb or both")
	fs.StringVar(&o.profile, "profile", "", "write a CPU profile of planning and planting to this file")
	fs.IntVar(&o.tables, "tables", 500, "tables of the database")
	fs.IntVar(&o.rows, "rows", 200, "honey rows of each table")
	fs.IntVar(&o.people, "people", 1000, "rows that each table has")
	fs.IntVar(&o.batch, "batch", 0, "rows of a transaction; 0: as seed apply does by itself")
	fs.IntVar(&o.tokens, "tokens", 1_000_000, "tokens among which values are looked up; 0: those of the plan")
	fs.BoolVar(&o.measure, "measure", true, "measure the camouflage, as seed plan does")
	fs.BoolVar(&o.quiet, "quiet", false, "say nothing meanwhile")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var rs []*result
	for _, name := range []string{"postgres", "mariadb"} {
		if o.db != "both" && o.db != name {
			continue
		}
		r, err := measure(ctx, name, o, errs)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rs = append(rs, r)
	}
	text := report(rs, o)
	if _, err := io.WriteString(out, text); err != nil || o.markdown == "" {
		return err
	}
	return os.WriteFile(o.markdown, []byte(text), 0o644)
}

// stand is a private server with one database.
type stand struct {
	product string
	exec    func(ctx context.Context, sql string) error
	open    func(ctx context.Context, locks *stopwatch) (seeder.Database, error)
	stop    func()
}

func start(ctx context.Context, name string) (*stand, error) {
	if name == "mariadb" {
		s, err := myserver.Start(ctx, myserver.Options{})
		if err != nil {
			return nil, err
		}
		if err := s.Exec(ctx, "", "create database town; create user planter@'127.0.0.1' identified by 'pw'; grant all on town.* to planter@'127.0.0.1'"); err != nil {
			s.Stop()
			return nil, err
		}
		return &stand{
			"mariadb", func(ctx context.Context, sql string) error { return s.Exec(ctx, "town", sql) },
			func(ctx context.Context, locks *stopwatch) (seeder.Database, error) {
				db, err := mydb.Open(ctx, "mysql://planter:pw@"+s.Addr()+"/town")
				return &timedMy{db, locks}, err
			}, s.Stop,
		}, nil
	}
	s, err := pgserver.Start(ctx, pgserver.Options{Settings: []string{"fsync = on", "synchronous_commit = on", "max_locks_per_transaction = 512"}})
	if err != nil {
		return nil, err
	}
	return &stand{
		"postgres", func(ctx context.Context, sql string) error { return s.Exec(ctx, "postgres", sql) },
		func(ctx context.Context, locks *stopwatch) (seeder.Database, error) {
			db, err := pgdb.Open(ctx, s.DSN("postgres", "postgres"))
			return &timedPG{db, locks}, err
		}, s.Stop,
	}, nil
}

// result is what was measured on one product.
type result struct {
	product           string
	rows, tables      int
	tokens            int
	plan, apply       time.Duration
	planCPU, applyCPU time.Duration // of this process
	verify, remove    time.Duration
	file              int64      // bytes of the plan
	locks, unlocks    *stopwatch // of seed apply and seed remove
	searched, widest  int        // tokens, and those of the commonest value that was looked up
	lookup, lookupHi  time.Duration
	steps             []step
}

func measure(ctx context.Context, name string, o options, errs io.Writer) (*result, error) {
	dir, err := os.MkdirTemp("", "honeyrow-scale-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	srv, err := start(ctx, name)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	if err := build(ctx, srv, o); err != nil {
		return nil, fmt.Errorf("make the database: %w", err)
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "scale.db"), Key: sqlite.NewKey()})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	locks := &stopwatch{}
	db, err := srv.open(ctx, locks)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	s := &seeder.Seeder{Database: db, Store: store, Version: "scale"}
	return journey(ctx, s, store, locks, dir, srv.product, o, errs)
}

// journey plans, plants, looks up, verifies and removes.
func journey(ctx context.Context, s *seeder.Seeder, store *sqlite.Store, locks *stopwatch, dir, product string, o options, errs io.Writer) (*result, error) {
	r := &result{product: product}
	clock := &clock{errs: errs, quiet: o.quiet, product: product}
	cfg := seeder.DefaultConfig()
	cfg.Domain, cfg.Rows, cfg.MaxTables = seeder.Domains{"decoy.harborpost.test"}, o.rows, o.tables
	began, used := time.Now(), cpu()
	p, err := s.Plan(ctx, seeder.Options{Config: cfg, Server: "scale", Seed: 1, SkipMeasure: !o.measure, SkipRedraw: !o.measure, Progress: clock.see})
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	r.plan, r.planCPU = time.Since(began), cpu()-used
	r.steps = clock.end("plan", r.steps)
	file := filepath.Join(dir, "plan.json")
	if err := p.WriteFile(file); err != nil {
		return nil, err
	}
	if st, err := os.Stat(file); err == nil {
		r.file = st.Size()
	}
	if p, err = seeder.ReadPlan(file); err != nil {
		return nil, err
	}
	r.rows, r.tables = p.Rows(), len(p.Tables)
	if r.rows < o.rows*o.tables*9/10 {
		return nil, fmt.Errorf("the plan has %d rows of %d: %v %v", r.rows, o.rows*o.tables, first(p.Refused), first(p.Skipped))
	}
	locks.reset()
	ao := seeder.ApplyOptions{Batch: o.batch, Progress: clock.see}
	began, used = time.Now(), cpu()
	done, err := s.Apply(ctx, p, ao)
	if err != nil {
		return nil, fmt.Errorf("apply: %w", err)
	}
	r.apply, r.applyCPU, r.tokens = time.Since(began), cpu()-used, done.Tokens
	r.steps = clock.end("apply", r.steps)
	r.locks = locks.copy()
	if err := r.lookups(ctx, store, o, clock); err != nil {
		return nil, err
	}
	r.steps = clock.end("look-ups", r.steps)
	began = time.Now()
	ver, err := s.Verify(ctx, seeder.VerifyOptions{Server: "scale", ApplyOptions: ao})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if !ver.OK || len(ver.Rows) != r.rows {
		return nil, fmt.Errorf("verify: %d rows of %d, all as planted: %t", len(ver.Rows), r.rows, ver.OK)
	}
	r.verify = time.Since(began)
	r.steps = clock.end("verify", r.steps)
	locks.reset()
	began = time.Now()
	gone, err := s.Remove(ctx, seeder.RemoveOptions{Server: "scale", ApplyOptions: ao})
	if err != nil {
		return nil, fmt.Errorf("remove: %w", err)
	}
	for _, row := range gone.Rows {
		if row.State != "removed" {
			return nil, fmt.Errorf("remove: row %s of %s is %s: %s", row.Key, row.Table, row.State, row.Why)
		}
	}
	r.remove, r.unlocks = time.Since(began), locks.copy()
	r.steps = clock.end("remove", r.steps)
	return r, nil
}

func first[T any](list []T) []T { return list[:min(len(list), 3)] }
