package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/internal/doctor"
	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
	"honeyrow/internal/port"
	"honeyrow/seeder"
	"honeyrow/token"
)

// asProgram makes the test binary behave as honeyrow itself.
const asProgram = "HONEYROW_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	if os.Getenv(asProgram) != "" {
		main()
	}
	remove := pgserver.Template()
	code := m.Run()
	remove()
	myserver.Cleanup()
	os.Exit(code)
}

// result is what one command line gave.
type result struct {
	code        int
	out, stderr string
}

// honeyrow runs one command line in process, in folder dir.
func honeyrow(t *testing.T, dir string, args ...string) result {
	t.Helper()
	var out, stderr bytes.Buffer
	args = append([]string{"--config", filepath.Join(dir, "honeyrow.yaml")}, args...)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	code := run(ctx, func() {}, args, &out, &stderr)
	return result{code, out.String(), stderr.String()}
}

// must is honeyrow for a command that has to succeed.
func must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	r := honeyrow(t, dir, args...)
	if r.code != 0 {
		t.Fatalf("honeyrow %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.stderr)
	}
	return r.out
}

func TestExitCodesTellUsageFromFailure(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"no command", nil, 2, "expected one of"},
		{"unknown command", []string{"sow"}, 2, "See `honeyrow --help`"},
		{"unknown flag", []string{"doctor", "--fast"}, 2, "unknown flag --fast\nSee `honeyrow doctor --help`"},
		{"unknown flag of a command's command", []string{"incidents", "allow", "1", "--yes"}, 2, "See `honeyrow incidents allow --help`"},
		{"a command of a command is missing", []string{"incidents"}, 2, "See `honeyrow incidents --help`"},
		{"bad enum", []string{"tokens", "list", "--state", "asleep"}, 2, "must be one of"},
		{"no configuration", []string{"tokens", "list"}, 1, "write one with `honeyrow init`"},
		{"a folder that is not there", []string{"--config", "nowhere/honeyrow.yaml", "init"}, 1, "choose a folder that is there"},
		{"version", []string{"version"}, 0, ""},
		{"version flag", []string{"--version"}, 0, ""},
		{"help", []string{"seed", "apply", "--help"}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := honeyrow(t, dir, tc.args...)
			if r.code != tc.code || !strings.Contains(r.stderr, tc.stderr) {
				t.Errorf("exit code %d, stderr %q; want %d and %q", r.code, r.stderr, tc.code, tc.stderr)
			}
		})
	}
}

func TestEveryCommandHasAnExampleInItsHelp(t *testing.T) {
	t.Setenv("COLUMNS", "200")
	for _, cmd := range []string{
		"init", "config show", "doctor", "proxy", "health", "version", "seed plan", "seed apply", "seed verify", "seed remove", "seed reconcile", "seed scan", "seed drip", "seed rotate", "seed status",
		"tokens list", "tokens show", "tokens export", "tokens where", "tokens scan", "tokens digests", "tokens log", "alerts list", "alerts show", "alerts tail", "alerts test", "alerts status", "alerts dead list", "alerts dead show", "alerts dead revive", "alerts verify",
		"incidents list", "incidents show", "incidents ack", "incidents resolve", "incidents allow", "incidents reopen", "incidents allowances",
		"learn start", "learn status", "learn stop", "sessions list", "sessions kill",
	} {
		r := honeyrow(t, t.TempDir(), append(strings.Fields(cmd), "--help")...)
		if r.code != 0 || !strings.Contains(r.out, "Example: honeyrow "+cmd) {
			t.Errorf("honeyrow %s --help: exit code %d\n%s", cmd, r.code, r.out)
		}
	}
}

// A script is told what became of its order, too.
func TestLearningIsOrderedAndTakenBackInJSON(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "init")
	conf, err := os.OpenFile(filepath.Join(dir, "honeyrow.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conf.WriteString("learn: {path: baseline.yaml}\n")
	if err := errors.Join(err, conf.Close()); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"learn", "start", "--for", "1h"}, {"learn", "status"}, {"learn", "stop"}} {
		if got := lines[map[string]any](t, strings.ReplaceAll(must(t, dir, append(args, "--json")...), "\n", "")); len(got) != 1 || len(got[0]) == 0 {
			t.Errorf("%v --json: %v", args, got)
		}
	}
	must(t, dir, "learn", "start", "--for", "1h")
	if out := must(t, dir, "learn", "stop"); !strings.Contains(out, "before a proxy told that it had begun") || strings.Contains(out, "writes") {
		t.Errorf("an order that no proxy followed: %q", out)
	}
}

func TestTheDoctorTellsScriptsThatTheConfigurationIsBad(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "honeyrow.yaml"), []byte("servers: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := honeyrow(t, dir, "doctor", "--json")
	fs := lines[doctor.Finding](t, r.out)
	if r.code != 1 || len(fs) != 1 || fs[0].Level != doctor.Fail || !strings.Contains(fs[0].Text, "honeyrow.yaml:1: servers: wants a list") {
		t.Errorf("exit code %d, %+v", r.code, fs)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// The overview of commands is what scripts and people know honeyrow by: it
// changes on purpose only (go test ./cmd/honeyrow -update).
func TestTheOverviewOfCommandsStaysAsItIs(t *testing.T) {
	const golden = "testdata/help.txt"
	t.Setenv("COLUMNS", "80")
	got := ""
	for _, cmd := range []string{"", "sessions", "seed", "tokens", "learn", "alerts"} {
		got += strings.TrimSpace("$ honeyrow "+cmd) + " --help\n" + honeyrow(t, t.TempDir(), append(strings.Fields(cmd), "--help")...).out + "\n"
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// town is a private server with a table worth planting in, and a configuration.
type town struct {
	dir, listen string
	pg          *pgserver.Server
}

func newTown(t *testing.T) *town {
	t.Helper()
	ctx := context.Background()
	pg, err := pgserver.Start(ctx, pgserver.Options{HBA: []string{"local all all trust", "host all all 127.0.0.1/32 scram-sha-256"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Stop)
	if err := pg.Exec(ctx, "postgres", `
		create role app login password 'app-secret'; create role planter login password 'planter-secret';
		create table staff (id serial primary key, full_name text not null, email text not null unique, phone text, salary numeric(10,2), created_at timestamptz not null default now());
		insert into staff (full_name, email, phone, salary) select (array['Ada','Bo','Cleo','Dan','Eva'])[1+i%5]||' '||(array['Stone','Rivers','Hill','Field','Marsh','Brook','Wood'])[1+i%7],
			'user'||i||'@corp.test', '+49 40 5550'||1000+i, 30000+i*13.5 from generate_series(1, 300) i;
		grant select on staff to app; grant select, insert, delete on staff to planter; grant usage on sequence staff_id_seq to planter; grant pg_read_all_stats to planter`); err != nil {
		t.Fatal(err)
	}
	w := &town{dir: t.TempDir(), listen: freeAddress(t), pg: pg}
	must(t, w.dir, "init", "--name", "crm", "--server-address", pg.Addr(), "--listen", w.listen, "--domain", "decoy.harborpost.test")
	w.configure(t, "\nseed:\n", patientSeed)
	dsn := fmt.Sprintf("postgres://planter:planter-secret@%s/postgres?sslmode=disable", pg.Addr())
	if err := os.WriteFile(filepath.Join(w.dir, "seed.dsn"), []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// patientSeed gives a proxy on a busy machine time to watch what is planted.
const patientSeed = "\nseed:\n  watch_timeout: 2m\n"

// freeAddress is where a proxy can listen that is started, and started again, later
// on: not from among the ports that the kernel gives to whoever asks for any.
func freeAddress(t *testing.T) string {
	t.Helper()
	addr, err := port.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// process is a running `honeyrow proxy`.
type process struct {
	*exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	done chan error
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) logged(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.log.String(), text)
}

// proxy starts the program itself and waits until a service manager would
// call it ready.
func (w *town) proxy(t *testing.T) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sock := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: sock, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	p := &process{Cmd: exec.Command(self, "--config", filepath.Join(w.dir, "honeyrow.yaml"), "--json", "proxy"), done: make(chan error, 1)}
	p.Env = append(os.Environ(), asProgram+"=1", "NOTIFY_SOCKET="+sock)
	p.Stdout, p.Stderr = io.Discard, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }() // ends with the process
	t.Cleanup(func() { _ = p.Process.Kill() })
	buf := make([]byte, 256)
	if err := manager.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, err := manager.Read(buf)
	if err != nil || string(buf[:n]) != "READY=1" {
		t.Fatalf("the proxy told %q, %v; want READY=1\n%s", buf[:n], err, p.log.String())
	}
	return p
}

func (w *town) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), "postgres://app:app-secret@"+w.listen+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestHealthSaysWhetherTheProxyWorks(t *testing.T) {
	w := newTown(t)
	state := func(code int) app.Health {
		t.Helper()
		var r result
		// A proxy that a busy machine keeps waiting for seconds is not healthy, as long
		// as that lasts.
		within(t, time.Minute, fmt.Sprintf("health ends with %d", code), func() bool {
			r = honeyrow(t, w.dir, "--json", "health")
			return r.code == code
		})
		hs := lines[app.Health](t, r.out)
		if len(hs) != 1 || hs[0].Healthy != (code == 0) || len(hs[0].Listeners) != 1 {
			t.Fatalf("exit code %d, %s%s", r.code, r.out, r.stderr)
		}
		return hs[0]
	}
	if h := state(1); !strings.Contains(h.Listeners[0].Error, "refused") || !strings.Contains(h.Registry.Error, "no proxy on") {
		t.Errorf("without a proxy: %+v", h)
	}
	p := w.proxy(t)
	if h := state(0); h.Registry.PID != p.Process.Pid || h.Registry.Watched != h.Registry.Version {
		t.Errorf("with a proxy: %+v", h)
	}
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--rows", "1", "--yes")
	before := state(0).Registry.Version
	w.pg.Stop() // the database's own trouble is not the proxy's
	if h := state(0); h.Registry.Version != before {
		t.Errorf("without the server: %+v", h)
	}
	within(t, time.Minute, "health says so to people", func() bool {
		out := honeyrow(t, w.dir, "health").out
		return strings.Contains(out, "on "+w.listen+" is up") && strings.Contains(out, "the latest")
	})
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil { // it lives, and answers nobody
		t.Fatal(err)
	}
	if h := state(1); !strings.Contains(h.Listeners[0].Error, "does not answer") {
		t.Errorf("a stopped proxy: %+v", h)
	}
	if err := errors.Join(p.Process.Signal(syscall.SIGCONT), p.Process.Signal(syscall.SIGTERM), <-p.done); err != nil {
		t.Fatal(err)
	}
	if h := state(1); h.Registry.Error == "" { // it has signed off
		t.Errorf("after the proxy: %+v", h)
	}
}

// within polls until ok, for what another process brings about: for d, and on a
// busy machine for two minutes at least.
func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	d = max(d, 2*time.Minute)
	for end := time.Now().Add(d); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", d, what)
		}
	}
}

// lines decodes JSON lines.
func lines[T any](t *testing.T, text string) (out []T) {
	t.Helper()
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if l == "" {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatalf("not JSON: %q: %v", l, err)
		}
		out = append(out, v)
	}
	return out
}

func TestFromInitToAnAlertAndBack(t *testing.T) {
	w := newTown(t)
	for _, f := range lines[doctor.Finding](t, must(t, w.dir, "doctor", "--json")) {
		if f.Level == doctor.Fail {
			t.Errorf("doctor: %+v", f)
		}
	}
	p := w.proxy(t)

	// Planting.
	if out := must(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "3"); !strings.Contains(out, "3 honey rows") {
		t.Errorf("plan:\n%s", out)
	}
	if out := must(t, w.dir, "seed", "plan", "--tables", "staff", "--format", "sql"); !strings.Contains(strings.ToUpper(out), "INSERT INTO") {
		t.Errorf("plan as SQL:\n%s", out)
	}
	plan := filepath.Join(w.dir, "plan.json")
	must(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "3", "--out", plan)
	if r := honeyrow(t, w.dir, "seed", "apply", plan); r.code != 2 || !strings.Contains(r.stderr, "--yes") {
		t.Errorf("apply without a yes: exit code %d, %s", r.code, r.stderr)
	}
	must(t, w.dir, "seed", "apply", plan, "--dry-run")
	if r := honeyrow(t, w.dir, "seed", "apply", plan+".none", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "seed plan --out") {
		t.Errorf("a plan that is not there: exit code %d, %s", r.code, r.stderr)
	}
	if err := w.pg.Exec(t.Context(), "postgres", "create table bare (id int primary key); grant select, insert on bare to planter"); err != nil {
		t.Fatal(err)
	}
	if r := honeyrow(t, w.dir, "seed", "apply", "--tables", "bare", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "public.bare  it is empty") {
		t.Errorf("apply to a table that can't be seeded, without a word why: exit code %d, %s", r.code, r.stderr)
	}
	if err := w.pg.Exec(t.Context(), "postgres", "drop table bare"); err != nil {
		t.Fatal(err)
	}
	if r := honeyrow(t, w.dir, "seed", "apply", plan, "--yes", "--sha256", strings.Repeat("0", 64)); r.code != 1 || !strings.Contains(r.stderr, "not the one that was approved") {
		t.Errorf("a plan that nobody approved: exit code %d, %s", r.code, r.stderr)
	}
	if rs := lines[[]seeder.Ranked](t, strings.ReplaceAll(must(t, w.dir, "--json", "seed", "scan"), "\n", "")); len(rs) != 1 || len(rs[0]) != 1 || rs[0][0].Advice != "plant" || rs[0][0].Tempting < 8 || rs[0][0].Safe != 100 {
		t.Errorf("scan: %+v", rs)
	}
	if out := must(t, w.dir, "seed", "reconcile"); !strings.HasPrefix(out, "0 planned rows are live") {
		t.Errorf("reconcile: %s", out)
	}
	var done seeder.Applied
	if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "seed", "apply", plan, "--yes")), &done); err != nil {
		t.Fatal(err)
	}
	if len(done.Rows) != 3 || done.Watchers != 1 {
		t.Errorf("applied %+v, want 3 rows watched by the running proxy", done)
	}
	must(t, w.dir, "seed", "verify")

	// What is planted.
	listed := must(t, w.dir, "tokens", "list", "--table", "staff", "--state", "live")
	tokens := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--values"))
	export := filepath.Join(w.dir, "tokens.csv")
	must(t, w.dir, "tokens", "export", "--format", "csv", "--out", export)
	exported, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(export); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("export's mode %v, %v; want 0600", st.Mode(), err)
	}
	var mail token.Token
	for _, tk := range tokens {
		if tk.Kind == "email" {
			mail = tk
		}
		if tk.Strength == token.Strong && strings.Contains(listed, tk.Value) {
			t.Errorf("the list shows the value of token %s", tk.ID)
		}
	}
	if mail.Value == "" || !bytes.Contains(exported, []byte(mail.Value)) {
		t.Fatalf("no honey address in the export:\n%s", exported)
	}
	id := string(mail.ID)
	if out := must(t, w.dir, "tokens", "show", id[len(id)-12:]); !strings.Contains(out, "since") || strings.Contains(out, mail.Value) {
		t.Errorf("tokens show:\n%s", out)
	}

	// Reading, and a reload in the middle of a transaction.
	ctx := context.Background()
	c := w.connect(t)
	var n int
	if err := c.QueryRow(ctx, "select count(*) from (select * from staff) s").Scan(&n); err != nil || n != 303 {
		t.Fatalf("%d rows, %v", n, err)
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := tx.QueryRow(ctx, "select email from staff where id = (select max(id) from staff)").Scan(&got); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(w.dir, "honeyrow.yaml")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	hup := func(text []byte, answer string) {
		t.Helper()
		if err := os.WriteFile(conf, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		within(t, 5*time.Second, answer, func() bool { return p.logged(answer) })
	}
	hup(append(bytes.Clone(text), "nonsense: 1\n"...), "the old one stays in force")
	hup(bytes.Replace(text, []byte("honey-row-read: {action: alert}"), []byte("honey-row-read: {action: block}"), 1), "configuration taken over")
	if err := tx.QueryRow(ctx, "select email from staff where id = (select max(id) from staff)").Scan(&got); err == nil {
		t.Error("after the reload the honey row was not blocked")
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Errorf("the session after the reload: %v", err)
	}

	// The alerts, in the file and in the list.
	within(t, 10*time.Second, "two alerts in the list", func() bool {
		return len(lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))) >= 2
	})
	ds := lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))
	if ds[0].Client.User != "app" || ds[0].Hits[0].Place.Table != "staff" || ds[1].Action != event.Block {
		t.Errorf("alerts %+v", ds)
	}
	for _, id := range []string{string(ds[0].ID), string(ds[0].ID[24:])} {
		if out := must(t, w.dir, "alerts", "show", id); !strings.Contains(out, "staff") {
			t.Errorf("alerts show %s:\n%s", id, out)
		}
	}
	if r := honeyrow(t, w.dir, "alerts", "show", string(ds[0].ID[:4])); r.code != 1 || !strings.Contains(r.stderr, "several alerts") {
		t.Errorf("a beginning that several have: %d, %s", r.code, r.stderr)
	}
	if out := must(t, w.dir, "alerts", "test", "file"); !strings.Contains(out, "delivered by the running proxy") {
		t.Errorf("alerts test:\n%s", out)
	}
	written, err := os.ReadFile(filepath.Join(w.dir, "alerts.jsonl"))
	if err != nil || !bytes.Contains(written, []byte(`"drill":true`)) || !bytes.Contains(written, []byte(ds[0].ID)) {
		t.Errorf("alert file (%v):\n%s", err, written)
	}

	if out := must(t, w.dir, "alerts", "status"); !strings.Contains(out, "console") || !strings.Contains(out, "GIVEN UP") {
		t.Errorf("alerts status:\n%s", out)
	}
	if err := p.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "totals in the log", func() bool { return p.logged("totals of the engine") && p.logged("malformed_client") })

	// The way back, and the end.
	must(t, w.dir, "seed", "remove", "--table", "staff", "--yes")
	if rows, err := w.pg.Query(ctx, "postgres", "select count(*) from staff"); err != nil || strings.TrimSpace(rows) != "300" {
		t.Errorf("%s rows after remove, %v; want 300", rows, err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.done:
		if err != nil {
			t.Errorf("the proxy ended with %v\n%s", err, p.log.String())
		}
	case <-time.After(2 * time.Minute):
		t.Fatalf("the proxy did not end after SIGTERM\n%s", p.log.String())
	}
	if r := honeyrow(t, w.dir, "alerts", "test", "console"); r.code != 0 || !strings.Contains(r.out, "delivered by this command") {
		t.Errorf("a drill without a proxy: %d %s %s", r.code, r.out, r.stderr)
	}
	if p.logged(mail.Value) {
		t.Error("the log shows a honey value")
	}
}

func TestAKilledProgramDeliversAfterItsRestart(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	p := w.proxy(t)
	c := w.connect(t)
	for range 5 {
		if _, err := c.Exec(context.Background(), "select * from staff"); err != nil {
			t.Fatal(err)
		}
	}
	listed := func() int { return len(lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))) }
	within(t, 10*time.Second, "five alerts are committed", func() bool { return listed() == 5 })
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	w.proxy(t)
	within(t, 10*time.Second, "five alerts in the file", func() bool {
		b, err := os.ReadFile(filepath.Join(w.dir, "alerts.jsonl"))
		if err != nil {
			return false
		}
		ids := map[event.ID]bool{}
		for _, d := range lines[event.Detection](t, string(b)) {
			ids[d.ID] = true
		}
		return len(ids) == 5
	})
}
