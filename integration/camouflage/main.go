// Command camouflage measures how well honey rows hide: it plants 20 of them in
// tables of real servers, dumps the tables as a thief would, takes the rows out
// again, and does so for several seeds. Beside them stand two naive ways: plain
// fake rows, and columns drawn one by one from the table's own values.
//
//	go run ./integration/camouflage
//	go run ./integration/camouflage --markdown docs/camouflage-figures.md
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"honeyrow/demo/crm"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/seeder/pgdb"
	"honeyrow/token/sqlite"
)

func main() {
	pgsql.ServeIfWorker()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	myserver.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "camouflage:", err)
		os.Exit(1)
	}
}

type options struct {
	markdown, only, way, sql, table, domain, samples string

	seeds, rows, first  int
	abreast             int
	download, published bool
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	var o options
	fs := flag.NewFlagSet("camouflage", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&o.markdown, "markdown", "", "write the report to this file as Markdown")
	fs.StringVar(&o.only, "only", "", "only cases whose name contains this")
	fs.StringVar(&o.way, "way", "", "only ways whose name contains this")
	fs.StringVar(&o.sql, "sql", "", "load these SQL files (comma separated) into PostgreSQL instead, and judge --table of theirs")
	fs.StringVar(&o.table, "table", "", "with --sql: the table")
	fs.StringVar(&o.domain, "domain", "", "with --sql: the decoy mail domain")
	fs.StringVar(&o.samples, "samples", ".samples", "where the published sample databases are")
	fs.BoolVar(&o.published, "published", false, "only tables of published sample databases")
	fs.BoolVar(&o.download, "download", false, "download the published sample databases, and end")
	fs.IntVar(&o.seeds, "seeds", 5, "how many runs")
	fs.IntVar(&o.first, "first", 1, "the first run's seed")
	fs.IntVar(&o.abreast, "abreast", 2, "how many databases are judged at the same time")
	fs.IntVar(&o.rows, "rows", 20, "honey rows of a run")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.download {
		return downloadAll(ctx, o.samples, errs)
	}
	all, away, err := judgeAll(ctx, o, errs)
	if err != nil {
		return err
	}
	text := report(all, away, o)
	if _, err := io.WriteString(out, text); err != nil || o.markdown == "" {
		return err
	}
	return os.WriteFile(o.markdown, []byte(text), 0o644)
}

// judgeAll judges the scenes that are asked for, some at a time. Those of the demo's
// database change it one after another and stay together.
func judgeAll(ctx context.Context, o options, errs io.Writer) (all []*result, away []*scene, err error) {
	var parts [][]*scene
	demo := -1
	for _, c := range cases(o) {
		switch {
		case o.published && c.of == "" || o.only != "" && !strings.Contains(c.name, o.only):
		case c.crm && demo >= 0:
			parts[demo] = append(parts[demo], c)
		default:
			if c.crm {
				demo = len(parts)
			}
			parts = append(parts, []*scene{c})
		}
	}
	type outcome struct {
		all  []*result
		away []*scene
		err  error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := make([]outcome, len(parts))
	var work sync.WaitGroup
	free := make(chan struct{}, max(o.abreast, 1))
	log := &shared{w: errs}
	for i, part := range parts {
		free <- struct{}{}
		work.Go(func() {
			defer func() { <-free }()
			x := &out[i]
			if x.all, x.away, x.err = judgePart(ctx, part, o, log); x.err != nil {
				stop()
			}
		})
	}
	work.Wait()
	for _, x := range out {
		all, away = append(all, x.all...), append(away, x.away...)
		if err == nil || errors.Is(err, context.Canceled) { // of those that the first failure ended
			err = cmp.Or(x.err, err)
		}
	}
	return all, away, err
}

// judgePart judges scenes one after another, on servers of their own.
func judgePart(ctx context.Context, part []*scene, o options, errs io.Writer) (all []*result, away []*scene, err error) {
	l := &lab{errs: errs}
	defer l.close()
	for _, c := range part {
		began := time.Now()
		rs, err := l.judge(ctx, c, o)
		if errors.Is(err, errAway) {
			fmt.Fprintf(errs, "%s: left out: %v\n", c.name, err)
			away = append(away, c)
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Fprintf(errs, "%s: %.0f s\n", c.name, time.Since(began).Seconds())
		all = append(all, rs...)
	}
	return all, away, nil
}

// shared is a writer for several goroutines.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// lab is the servers, each started when a case first needs it.
type lab struct {
	pg      *pgserver.Server
	my      *myserver.Server
	dir     string
	n       int               // databases made
	secrets map[string]string // of the demo's accounts
	demo    map[bool]*bench   // the demo's database, by product: MySQL or not
	errs    io.Writer
	ends    []func()
}

func (l *lab) close() {
	for _, end := range l.ends {
		end()
	}
	if l.pg != nil {
		l.pg.Stop()
	}
	if l.my != nil {
		l.my.Stop()
	}
	if l.dir != "" {
		os.RemoveAll(l.dir)
	}
}

// bench is one database with its seeder.
type bench struct {
	*seeder.Seeder
	name string // the database's
	end  func()
}

// open makes a database of its own from SQL.
func (l *lab) open(ctx context.Context, my bool, sql string) (b *bench, err error) {
	if l.dir == "" {
		if l.dir, err = os.MkdirTemp("", "honeyrow-camouflage-"); err != nil {
			return nil, err
		}
	}
	l.n++
	name := fmt.Sprintf("shop%d", l.n)
	st, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(l.dir, name+".db")})
	if err != nil {
		return nil, err
	}
	var db seeder.Database
	if my {
		b, db, err = l.mariadb(ctx, name, sql)
	} else {
		b, db, err = l.postgres(ctx, name, sql)
	}
	if err != nil {
		st.Close()
		return nil, err
	}
	// The clock stands at the newest rows, so that a seed's figures don't move with the
	// minute; what a trigger writes by the server's clock still does.
	b.Seeder, b.name = &seeder.Seeder{Database: db, Store: st, Now: func() time.Time { return today }}, name
	b.end = func() { b.Database.Close(); st.Close() }
	return b, nil
}

// stage opens a scene's database.
func (l *lab) stage(ctx context.Context, c *scene) (*bench, error) {
	if !c.crm {
		sql, err := c.load()
		if err != nil {
			return nil, err
		}
		return l.open(ctx, c.mysql, sql)
	}
	if b := l.demo[c.mysql]; b != nil {
		return b, l.prepare(ctx, b, c)
	}
	d, err := crm.Generate(crm.Options{Seed: 20261122, Customers: 2000, Employees: 1200, Now: today})
	if err != nil {
		return nil, err
	}
	if l.secrets == nil {
		l.secrets = map[string]string{}
		for _, role := range crm.Roles {
			l.secrets[role] = rand.Text()
		}
	}
	b, err := l.openCRM(ctx, c.mysql, d)
	if err == nil {
		end := b.end
		l.ends, b.end = append(l.ends, end), func() {}
		if l.demo == nil {
			l.demo = map[bool]*bench{}
		}
		l.demo[c.mysql] = b
		err = l.prepare(ctx, b, c)
	}
	return b, err
}

// prepare changes the demo's database for a scene; it stays so for those that
// follow.
func (l *lab) prepare(ctx context.Context, b *bench, c *scene) error {
	if c.prepare == "" {
		return nil
	}
	return l.pg.Exec(ctx, b.name, c.prepare+"; ANALYZE")
}

// openCRM loads the demo's database; its accounts are the server's, so that it
// is loaded once and stays as it is.
func (l *lab) openCRM(ctx context.Context, my bool, d *crm.Data) (*bench, error) {
	b, err := l.open(ctx, my, "SELECT 1")
	if err != nil {
		return nil, err
	}
	stay := func(err error) (*bench, error) { b.end(); return nil, err }
	if !my {
		conn, err := pgx.Connect(ctx, l.pg.DSN("postgres", fmt.Sprintf("shop%d", l.n)))
		if err != nil {
			return stay(err)
		}
		defer conn.Close(ctx)
		if err := crm.Load(ctx, conn, d, l.secrets); err != nil {
			return stay(err)
		}
		return b, nil
	}
	cfg, err := mydb.ParseDSN(l.my.DSN("root", "", "mysql"))
	if err != nil {
		return stay(err)
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return stay(err)
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	if err := crm.LoadMySQL(ctx, pool, d, l.secrets); err != nil {
		return stay(err)
	}
	b.Database.Close()
	db, err := mydb.Open(ctx, l.my.DSN("root", "", crm.Database))
	if err != nil {
		return nil, err
	}
	b.Database = db
	return b, nil
}

func (l *lab) postgres(ctx context.Context, name, sql string) (*bench, seeder.Database, error) {
	if l.pg == nil {
		s, err := pgserver.Start(ctx, pgserver.Options{Settings: []string{"fsync = off", "autovacuum = off"}})
		if err != nil {
			return nil, nil, err
		}
		l.pg = s
	}
	if err := l.pg.Exec(ctx, "postgres", "CREATE DATABASE "+name); err != nil {
		return nil, nil, err
	}
	exec := func(ctx context.Context, sql string) error { return l.pg.Exec(ctx, name, sql) }
	if err := exec(ctx, sql+"\n;ANALYZE;"); err != nil {
		return nil, nil, err
	}
	db, err := pgdb.Open(ctx, l.pg.DSN("postgres", name))
	return &bench{}, db, err
}

func (l *lab) mariadb(ctx context.Context, name, sql string) (*bench, seeder.Database, error) {
	if l.my == nil {
		s, err := myserver.Start(ctx, myserver.Options{Settings: []string{"innodb_flush_log_at_trx_commit = 0"}})
		if err != nil {
			return nil, nil, err
		}
		l.my = s
	}
	if err := l.my.Exec(ctx, "", "CREATE DATABASE "+name+" CHARACTER SET utf8mb4"); err != nil {
		return nil, nil, err
	}
	exec := func(ctx context.Context, sql string) error { return l.my.Exec(ctx, name, sql) }
	if err := exec(ctx, sql); err != nil {
		return nil, nil, err
	}
	db, err := mydb.Open(ctx, l.my.DSN("root", "", name))
	return &bench{}, db, err
}
