package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// script runs somebody else's client against one end and returns what it printed.
func script(t *testing.T, at End, dir string, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8", "PYTHONHASHSEED=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "done") {
		t.Fatalf("%s: %v\n%s\n%s", at.Name, err, errs.String(), out.String())
	}
	return out.String()
}

func need(t *testing.T, what string, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

func same(t *testing.T, play func(End) string) {
	t.Helper()
	direct := play(stand.Direct())
	for _, at := range ends() {
		wantSame(t, at.Name, play(at), direct)
	}
	wantDetections(t)
}

func TestPythonClientsSeeTheSame(t *testing.T) {
	provokes(t, stand.Judges, mistakes)
	const python = "/usr/bin/python3" // the distribution's, whose packages these are
	if exec.Command(python, "-c", "import psycopg, psycopg2").Run() != nil {
		need(t, "install python3-psycopg and python3-psycopg2", exec.Command("../scripts/need.sh", "python3-psycopg", "python3-psycopg2"))
	}
	for _, name := range []string{"psycopg3.py", "psycopg_2.py"} {
		t.Run(name, func(t *testing.T) {
			same(t, func(at End) string { return script(t, at, "clients", python, name, at.DSN("postgres", "app")) })
		})
	}
}

func TestNodeClientsSeeTheSame(t *testing.T) {
	provokes(t, stand.Judges, mistakes)
	dir := t.TempDir()
	for _, name := range []string{"package.json", "node.js"} {
		b, err := os.ReadFile(filepath.Join("clients", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	need(t, "install node and npm", exec.Command("../scripts/need.sh", "node", "npm"))
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
	install.Dir = dir
	need(t, "npm install", install)
	same(t, func(at End) string { return script(t, at, dir, "node", "node.js", at.Host, at.Port, at.SSLMode) })
}

func TestGoClientsSeeTheSame(t *testing.T) {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			same(t, func(at End) string { return playPgx(t, at, mode) })
		})
	}
}

// playPgx does what applications do with pgx and returns what came of it: rows,
// a batch, a cursor, COPY both ways, an error in a transaction, a query that is
// cancelled.
func playPgx(t *testing.T, at End, mode pgx.QueryExecMode) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	c, err := pgx.Connect(ctx, at.DSN("postgres", "app")+" application_name=shop")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	var out strings.Builder
	ask := func(sql string, args ...any) {
		rows, err := c.Query(ctx, sql, append([]any{mode}, args...)...)
		if err == nil {
			var all [][]any
			all, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
			fmt.Fprintln(&out, len(all), all[:min(len(all), 5)])
		}
		fmt.Fprintln(&out, err)
	}
	ask("create temp table goods (id int primary key, name text, price numeric(8,2), tags text[])")
	from := pgx.CopyFromSlice(20_000, func(i int) ([]any, error) {
		return []any{i, fmt.Sprint("good ", i), float64(i), []string{"a", "b"}}, nil
	})
	n, err := c.CopyFrom(ctx, pgx.Identifier{"goods"}, []string{"id", "name", "price", "tags"}, from)
	fmt.Fprintln(&out, n, err)
	sum := sha256.New()
	tag, err := c.PgConn().CopyTo(ctx, sum, "copy (select * from goods order by id) to stdout")
	fmt.Fprintf(&out, "%s %v %x\n", tag, err, sum.Sum(nil))
	for i := range 3 {
		ask("select id, name, price::text, tags from goods where id = $1", i)
	}
	ask("select id, name from goods order by id")
	ask("select nosuch from goods")
	var b pgx.Batch
	for i := range 50 {
		b.Queue("select name from goods where id = $1", i).QueryRow(func(r pgx.Row) error {
			var name string
			err := r.Scan(&name)
			fmt.Fprint(&out, name, err, " ")
			return err
		})
	}
	fmt.Fprintln(&out, c.SendBatch(ctx, &b).Close())
	ask("begin")
	ask("declare k cursor for select id from goods order by id")
	ask("fetch 3 from k")
	ask("fetch forward 10000 from k")
	ask("insert into goods (id) values (1)")
	ask("select 1")
	ask("rollback")
	ask("set statement_timeout = '2s'")
	ask("select pg_sleep(30)")
	ask("set statement_timeout = 0")
	done := make(chan error, 1)
	go func() {
		_, err := c.PgConn().Exec(ctx, "select pg_sleep(60) /* to be cancelled */").ReadAll()
		done <- err
	}()
	waitFor(t, "the query runs", "select count(*) = 1 from pg_stat_activity where application_name = 'shop' and state = 'active' and query like '%to be cancelled%'")
	fmt.Fprintln(&out, c.PgConn().CancelRequest(ctx))
	fmt.Fprintln(&out, <-done)
	ask("select 'goes on'")
	return out.String()
}
