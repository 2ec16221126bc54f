package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/rules"
)

var stand *Stand

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if stand, err = Start(context.Background(), Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stand.Close()
	code := m.Run()
	if said := unexpected(context.Background()); said != "" {
		fmt.Fprintln(os.Stderr, "no test expected this:\n"+said)
		code = 1
	}
	if b := stand.Broken() + closeMariaDB(); b != "" {
		fmt.Fprintln(os.Stderr, "the proxy could not follow these sessions:\n"+b)
		return 1
	}
	return code
}

// unexpected is what was reported at last, once all is over, and tells how much
// was judged.
func unexpected(ctx context.Context) string {
	said, err := stand.Detections(ctx)
	out := judges.Lines(said) + stand.Judges.Alarms()
	tally := stand.Judges.Tally()
	fmt.Printf("%d statements before PostgreSQL were judged, %d of them by their words alone\n", tally.Statements, tally.Words)
	if maria.MariaDB != nil {
		said, merr := maria.Take(ctx)
		err = errors.Join(err, merr)
		out += judges.Lines(said) + maria.Judges.Alarms()
		tally := maria.Judges.Tally()
		fmt.Printf("%d statements before MariaDB were judged, %d of them by their words alone\n", tally.Statements, tally.Words)
	}
	if err != nil {
		out += err.Error()
	}
	return out
}

// wantDetections checks which alarms there were since the last check.
func wantDetections(t *testing.T, want ...string) {
	t.Helper()
	ds, err := stand.Detections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	onlyRules(t, stand.Judges, ds, want...)
	for _, r := range want {
		if !slices.ContainsFunc(ds, func(d event.Detection) bool { return d.Rule == r }) {
			t.Errorf("no alarm of %s", r)
		}
	}
}

// onlyRules fails the test for each detection of another rule, and for each
// statement of which a rule spoke, that the test does not expect.
func onlyRules(t *testing.T, b *judges.Bench, ds []event.Detection, known ...string) {
	t.Helper()
	if said := b.Alarms(); said != "" {
		t.Errorf("nobody expected these:\n%s", said)
	}
	for _, d := range ds {
		if !slices.Contains(known, d.Rule) {
			t.Errorf("nobody expected this: %s", judges.Line(d))
		}
	}
}

// provokes declares what a test rightly is suspected of.
func provokes(t *testing.T, b *judges.Bench, es ...judges.Expected) {
	t.Helper()
	t.Cleanup(b.Expect(es...))
}

// mistakes are what a client is suspected of that makes a few errors of syntax on
// purpose, over all ways to the server. What else its story tells is no detection
// by itself.
var mistakes = judges.Expected{Rule: rules.Injection, Detectors: []string{
	"syntax-error-burst", "stacked-statements", "time-delay", "comment-truncation",
}}

// program runs a program of PostgreSQL against one end and returns what it
// printed: first its output, then its errors.
func program(t *testing.T, at End, dir, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, stand.Program(name), args...)
	cmd.Env, cmd.Dir = at.Env("postgres", "app"), dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	text := tlsLine.ReplaceAllString(out.String(), "") + "\n-- errors --\n" + errs.String()
	if err != nil {
		text += "\n-- ended with " + err.Error()
	}
	// The address is the one difference that there must be.
	text = unported(strings.ReplaceAll(text, dir, "DIR"), at.Port)
	return temporary.ReplaceAllString(changing.ReplaceAllString(text, "$1 ..."), "pg_temp_N")
}

// unported takes a port out of a text where it stands as one: the same number may
// be a row's, or stand inside a hash.
func unported(text, port string) string {
	return regexp.MustCompile(`((?i:port)[^0-9\n]{0,40}|:)`+port+`\b`).ReplaceAllString(text, "${1}PORT")
}

// temporary is the schema of a session's temporary tables: its number is the
// slot that the server process has, which another process may have taken.
var temporary = regexp.MustCompile(`pg_(?:toast_)?temp_[0-9]+`)

// tlsLine is what psql says of a connection with TLS.
var tlsLine = regexp.MustCompile(`(?m)^SSL connection \(.*\n`)

// changing differs from one run to the next: process numbers, pg_dump's guard
// against injected commands, large objects' numbers.
var changing = regexp.MustCompile(`(?m)(with PID|^\\(?:un)?restrict|^lo_(?:un)?(?:link|import)|large object|^-- ID|/\* ID) [0-9A-Za-z]+`)

func ends() []End { return []End{stand.Proxy(), stand.ProxyTLS(), stand.ProxyProtect()} }

func wantSame(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range w {
		if i >= len(g) || g[i] != w[i] {
			t.Errorf("%s: line %d differs:\n got %.300q\nwant %.300q", what, i+1, g[min(i, len(g)-1)], w[i])
			return
		}
	}
	t.Errorf("%s: %d more lines: %.300q", what, len(g)-len(w), g[len(w)])
}

func TestHoneyRowIsSeenThroughTheProxyAndOnlyThere(t *testing.T) {
	read := []string{"-X", "-At", "-c", "select * from " + Honey + " where id > 100"}
	direct := program(t, stand.Direct(), t.TempDir(), "psql", read...)
	wantDetections(t)
	for _, at := range ends() {
		wantSame(t, at.Name, program(t, at, t.TempDir(), "psql", read...), direct)
		wantDetections(t, "honey-row-read")
	}
}

func TestPgbenchRunsWithoutAFailedTransaction(t *testing.T) {
	dir := t.TempDir()
	pipeline := filepath.Join(dir, "pipeline.sql")
	script := `\set aid random(1, 100000)
\startpipeline
select abalance from pgbench_accounts where aid = :aid;
begin;
update pgbench_accounts set abalance = abalance + 1 where aid = :aid;
insert into pgbench_history (tid, bid, aid, delta, mtime) values (1, 1, :aid, 1, current_timestamp);
end;
select count(*) from pgbench_accounts where aid between :aid and :aid + 500;
\endpipeline
`
	if err := os.WriteFile(pipeline, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := program(t, stand.Direct(), dir, "pgbench", "-i", "-q"); strings.Contains(out, "ended with") {
		t.Fatal(out)
	}
	for _, at := range append(ends(), stand.Direct()) {
		for _, mode := range []string{"simple", "extended", "prepared"} {
			for what, args := range map[string][]string{
				"select-only": {"-S", "-t", "1000"}, "tpcb": {"-t", "100"}, "pipeline": {"-f", pipeline, "-t", "100"},
			} {
				if what == "pipeline" && mode == "simple" {
					continue // pgbench has none
				}
				out := program(t, at, dir, "pgbench", append(args, "-n", "-M", mode, "-c", "4", "-j", "2")...)
				n := map[string]string{"select-only": "4000/4000", "tpcb": "400/400", "pipeline": "400/400"}[what]
				if !strings.Contains(out, "actually processed: "+n) || !strings.Contains(out, "failed transactions: 0 ") || strings.Contains(out, "ended with") {
					t.Errorf("%s, %s, %s:\n%s", at.Name, what, mode, out)
				}
			}
		}
	}
	wantDetections(t)
}

func TestPsqlPrintsTheSame(t *testing.T) {
	script, err := filepath.Abs("testdata/features.sql")
	if err != nil {
		t.Fatal(err)
	}
	play := func(at End) string {
		dir := t.TempDir()
		out := program(t, at, dir, "psql", "-X", "-a", "-f", script)
		for _, name := range []string{"out.csv", "out.bin", "out.txt", "lob.out"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Errorf("%s: %v", at.Name, err)
			}
			out += fmt.Sprintf("\n%s: %x", name, b)
		}
		return out
	}
	direct := play(stand.Direct())
	if n := strings.Count(direct, "\n"); n < 300 {
		t.Fatalf("the script ended early:\n%s", direct)
	}
	for _, at := range ends() {
		wantSame(t, at.Name, play(at), direct)
	}
	wantDetections(t)
}

func TestDumpIsTheSameAndRestoresTheSame(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	const fill = `create schema shop; create table shop.items (id serial primary key, name text not null, price numeric(9,2), tags text[], doc jsonb, raw bytea, at timestamptz default '2026-11-22');
insert into shop.items (name, price, tags, doc, raw) select 'item ' || g, g / 7.0, array['a', g::text], jsonb_build_object('n', g), decode(md5(g::text), 'hex') from generate_series(1, 20000) g;
create view shop.cheap as select * from shop.items where price < 10; create index on shop.items (name); select lo_from_bytea(0, '\xdeadbeef');`
	if err := stand.Server.Exec(ctx, "postgres", "create database dumped"); err != nil {
		t.Fatal(err)
	}
	if err := stand.Server.Exec(ctx, "dumped", fill); err != nil {
		t.Fatal(err)
	}
	for _, format := range [][]string{{"-b"}, {"-b", "--inserts", "--rows-per-insert=100"}} {
		direct := program(t, stand.Direct(), dir, "pg_dump", append(format, "dumped")...)
		if len(direct) < 1<<20 {
			t.Fatalf("a dump of %d bytes", len(direct))
		}
		for _, at := range ends() {
			wantSame(t, at.Name+" pg_dump", program(t, at, dir, "pg_dump", append(format, "dumped")...), direct)
		}
	}
	for i, at := range append(ends(), stand.Direct()) {
		name := fmt.Sprint("restored", i)
		if err := stand.Server.Exec(ctx, "postgres", "create database "+name); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		for _, step := range [][]string{{"pg_dump", "-Fd", "-j", "2", "-f", file, "dumped"}, {"pg_restore", "-j", "2", "-d", name, file}} {
			if out := program(t, at, dir, step[0], step[1:]...); strings.Contains(out, "ended with") {
				t.Fatalf("%s: %s", at.Name, out)
			}
		}
		sums := "select md5(string_agg(i::text, ',' order by id)) from shop.items i; select count(*) from pg_largeobject"
		got, err := stand.Server.Query(ctx, name, sums)
		want, werr := stand.Server.Query(ctx, "dumped", sums)
		if err != nil || werr != nil || got != want {
			t.Errorf("%s: restored %q (%v), want %q (%v)", at.Name, got, err, want, werr)
		}
	}
	wantDetections(t)
}

func TestBaseBackupAndLogicalStreamPassAndAreReported(t *testing.T) {
	if err := stand.Server.Exec(t.Context(), "app", "create table stream (a int, b text)"); err != nil {
		t.Fatal(err)
	}
	for i, at := range ends() {
		dir := t.TempDir()
		out := program(t, at, dir, "pg_basebackup", "-D", filepath.Join(dir, "base"), "-X", "stream", "--checkpoint=fast", "--manifest-checksums=sha256")
		if strings.Contains(out, "ended with") {
			t.Fatalf("%s: %s", at.Name, out)
		}
		if out := program(t, at, dir, "pg_verifybackup", filepath.Join(dir, "base")); !strings.Contains(out, "backup successfully verified") {
			t.Errorf("%s: the backup is not whole: %s", at.Name, out)
		}
		wantDetections(t, "replication-stream")
		slot := fmt.Sprint("slot", i)
		if out := program(t, at, dir, "pg_recvlogical", "-d", "app", "--slot", slot, "--create-slot", "-P", "test_decoding"); strings.Contains(out, "ended with") {
			t.Fatalf("%s: %s", at.Name, out)
		}
		if err := stand.Server.Exec(t.Context(), "app", "insert into stream select g, repeat('s', g) from generate_series(1, 2000) g"); err != nil {
			t.Fatal(err)
		}
		end, err := stand.Server.Query(t.Context(), "app", "select pg_current_wal_insert_lsn()")
		if err != nil {
			t.Fatal(err)
		}
		got := program(t, at, dir, "pg_recvlogical", "-d", "app", "--slot", slot, "--start", "-f", "-", "--no-loop", "-E", strings.TrimSpace(end))
		if n := strings.Count(got, "table public.stream: INSERT"); n != 2000 || strings.Contains(got, "ended with") {
			t.Errorf("%s: %d of 2000 inserts streamed: %.500s", at.Name, n, got[max(0, len(got)-500):])
		}
		if out := program(t, at, dir, "pg_recvlogical", "-d", "app", "--slot", slot, "--drop-slot"); strings.Contains(out, "ended with") {
			t.Errorf("%s: %s", at.Name, out)
		}
		wantDetections(t, "replication-stream")
	}
}

func TestInterruptedPsqlCancelsItsQuery(t *testing.T) {
	for _, at := range append(ends(), stand.Direct()) {
		cmd := exec.CommandContext(t.Context(), stand.Program("psql"), "-X", "-c", "set application_name = 'interrupted'", "-c", "select pg_sleep(600)")
		cmd.Env = at.Env("postgres", "app")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the query runs", "select count(*) = 1 from pg_stat_activity where application_name = 'interrupted' and state = 'active' and query like '%pg_sleep%'")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if !strings.Contains(errs.String(), "canceling statement due to user request") {
			t.Errorf("%s: it ended with %s", at.Name, errs.String())
		}
	}
}

// waitFor asks the server until the answer is true.
func waitFor(t *testing.T, what, sql string) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		got, err := stand.Server.Query(t.Context(), "postgres", sql)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got) == "t" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("in %s it did not come to this: %s", patience, what)
		}
	}
}
