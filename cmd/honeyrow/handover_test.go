package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/app"
)

// handOvers is how often the listeners change hands while clients work; the
// environment may say more.
var handOvers = func() int {
	if n, err := strconv.Atoi(os.Getenv("HONEYROW_HANDOVERS")); err == nil {
		return n
	}
	return 1
}()

// service is a proxy under a service manager that follows hand-overs.
type service struct {
	t    *testing.T
	dir  string
	sock string // a unix listener's folder and the admin socket's
	log  string

	mu   sync.Mutex
	told []string // what the manager was told
}

// serve starts a proxy with an admin socket and a second, unix listener for w.
func (w *town) serve(t *testing.T, unix string) (*service, int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hand") // a short path, for unix sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &service{t: t, dir: w.dir, sock: dir, log: filepath.Join(dir, "log")}
	s.configure(func(text string) string {
		text = strings.Replace(text, "\nlisteners:\n", "\nlisteners:\n  - name: local\n    address: unix:"+filepath.Join(dir, unix)+"\n", 1)
		return text + "\nadmin: {address: \"unix:" + filepath.Join(dir, "admin") + "\"}\ndrain: {probation: 300ms}\n"
	})
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { manager.Close() })
	go func() { // ends with manager
		b := make([]byte, 256)
		for {
			n, err := manager.Read(b)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.told = append(s.told, string(b[:n]))
			s.mu.Unlock()
		}
	}()
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "--config", filepath.Join(w.dir, "honeyrow.yaml"), "--json", "proxy")
	cmd.Env = append(os.Environ(), asProgram+"=1", "NOTIFY_SOCKET="+filepath.Join(dir, "notify"), "WATCHDOG_USEC=30000000")
	cmd.Stderr = log // a file: the processes to come write there too
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // it may end long before its heirs
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(s.log)
			t.Logf("log:\n%.9000s", b)
		}
	})
	s.endsWithTest(cmd.Process.Pid)
	s.heard("READY=1")
	return s, cmd.Process.Pid
}

func (s *service) endsWithTest(pid int) {
	s.t.Cleanup(func() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it is one of ours: its number came from the proxy
	})
}

func (s *service) configure(change func(string) string) {
	s.t.Helper()
	file := filepath.Join(s.dir, "honeyrow.yaml")
	b, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(b))), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// heard waits until the service manager has been told so.
func (s *service) heard(text string) {
	s.t.Helper()
	within(s.t, 60*time.Second, "the service manager is told "+text, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, l := range s.told {
			if l == text {
				return true
			}
		}
		return false
	})
}

// handOver gives the order, and waits until the old process is sure of it.
func (s *service) handOver(sure bool) app.HandedOver {
	s.t.Helper()
	var done app.HandedOver
	if err := json.Unmarshal([]byte(must(s.t, s.dir, "--json", "hand-over")), &done); err != nil {
		s.t.Fatal(err)
	}
	s.endsWithTest(done.PID)
	if sure {
		s.heard(fmt.Sprintf("MAINPID=%d", done.PID))
	}
	return done
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(b, []byte(") Z "))
}

// delivered returns how often each detection was written to the alert file, and
// whether those of an incident came in their order.
func (s *service) delivered() (times map[event.ID]int, outOfOrder int) {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "alerts.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	times = map[event.ID]int{}
	last := map[int]uint64{}
	seen := map[string]bool{}
	for _, d := range lines[event.Detection](s.t, string(b)) {
		key := fmt.Sprint(d.ID, d.Revision)
		if !seen[key] {
			if d.Audit.N < last[d.Incident.Number] { // the order of the commits
				outOfOrder++
			}
			last[d.Incident.Number] = d.Audit.N
		}
		seen[key] = true
		if d.Revision == 1 {
			times[d.ID]++
		} else if times[d.ID] == 0 {
			times[d.ID] = 1 // it was delivered when it had grown already
		}
	}
	return times, outOfOrder
}

var processed = regexp.MustCompile(`number of transactions actually processed: (\d+)`)

// pgbench reads the honey rows for some seconds and returns how often it did.
func (w *town) pgbench(t *testing.T, seconds int, more ...string) func() int {
	t.Helper()
	script := filepath.Join(t.TempDir(), "read.sql")
	if err := os.WriteFile(script, []byte("begin;\nselect * from staff;\ncommit;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(w.listen)
	args := append([]string{"-n", "-f", script, "-T", strconv.Itoa(seconds), "-h", host, "-p", port, "-U", "app", "-M", "prepared"}, more...)
	cmd := exec.Command(filepath.Join(w.pg.Bin, "pgbench"), append(args, "postgres")...)
	cmd.Env = append(os.Environ(), "PGPASSWORD=app-secret", "PGSSLMODE=disable")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() int {
		t.Helper()
		err := cmd.Wait()
		m := processed.FindStringSubmatch(out.String())
		if err != nil || m == nil || strings.Contains(out.String(), "abort") {
			t.Fatalf("pgbench: %v\n%s", err, &out)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
}

func TestHandOversUnderPgbenchLoseNoSessionAndNoAlert(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	s, first := w.serve(t, ".s.PGSQL.6432")
	ctx := context.Background()

	// A transaction that lasts, a statement that lasts, and pgbench with sessions
	// that last and with a new one for each transaction.
	c := w.connect(t)
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var before, after uint32
	if err := tx.QueryRow(ctx, "select pg_backend_pid()").Scan(&before); err != nil {
		t.Fatal(err)
	}
	sleeper := w.connect(t)
	slept := make(chan error, 1)
	go func() {
		_, err := sleeper.Exec(ctx, "select pg_sleep(600)")
		slept <- err
	}()
	doomed := w.connect(t)
	if _, err := doomed.Exec(ctx, "set application_name = 'doomed'"); err != nil {
		t.Fatal(err)
	}
	seconds := 2 * (1 + handOvers)
	lasting, changing := w.pgbench(t, seconds, "-c", "2", "-R", "20"), w.pgbench(t, seconds, "-c", "2", "-C", "-R", "20")
	old, now := first, first
	for range handOvers {
		done := s.handOver(true)
		if done.Old != now || done.PID == now {
			t.Errorf("handed over %+v, want from %d to another", done, now)
		}
		now = done.PID
		if u, err := pgx.Connect(ctx, "host="+s.sock+" port=6432 user=app password=app-secret dbname=postgres sslmode=disable"); err != nil {
			t.Errorf("the unix socket after a hand-over: %v", err)
		} else {
			u.Close(ctx)
		}
	}
	if err := tx.QueryRow(ctx, "select pg_backend_pid()").Scan(&after); err != nil || after != before {
		t.Errorf("the transaction is at server process %d, %v; it began at %d", after, err, before)
	}
	if _, err := tx.Exec(ctx, "select * from staff"); err != nil {
		t.Error(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Errorf("the transaction that lasted: %v", err)
	}
	// A request to cancel comes in at the new process.
	if err := sleeper.PgConn().CancelRequest(ctx); err != nil {
		t.Error(err)
	}
	var pe *pgconn.PgError
	if err := <-slept; !errors.As(err, &pe) || pe.Code != "57014" {
		t.Errorf("the statement that lasted ended with %v, want 57014 of its cancel request", err)
	}
	if !alive(old) {
		t.Error("the first process has ended before its sessions")
	}
	w.eldersAreReached(t, first, now)
	var killed *pgconn.PgError
	if _, err := doomed.Exec(ctx, "select 1"); !errors.As(err, &killed) || killed.Code != "57P01" {
		t.Errorf("the session that was ended has %v, want 57P01", err)
	}
	want := 1 + lasting() + changing()
	for _, c := range []*pgx.Conn{c, sleeper} {
		c.Close(ctx)
	}
	within(t, 30*time.Second, "the old process ends with its last session", func() bool { return !alive(old) })

	within(t, 30*time.Second, fmt.Sprintf("%d alerts are delivered", want), func() bool {
		times, _ := s.delivered()
		return len(times) >= want
	})
	times, outOfOrder := s.delivered()
	twice := 0
	for _, n := range times {
		twice += n - 1
	}
	t.Logf("%d hand-overs, %d reads of honey rows, %d alerts, %d of them delivered again", handOvers, want, len(times), twice)
	if len(times) != want || twice > handOvers || outOfOrder > 0 {
		t.Errorf("%d alerts, %d of them delivered again, %d out of order; want %d, each once (one again for each hand-over at most)", len(times), twice, outOfOrder, want)
	}
	if out := must(t, w.dir, "alerts", "verify"); !strings.Contains(out, "the audit holds") {
		t.Errorf("the audit: %s", out)
	}
	if err := syscall.Kill(now, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the last process ends", func() bool { return !alive(now) })
	if _, err := os.Stat(filepath.Join(s.sock, ".s.PGSQL.6432")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unix socket is left behind: %v", err)
	}
}

// eldersAreReached lists a session that the first process still has through the
// latest one, and ends it. A process that does not answer in time is left out of a
// list: on a busy machine it is asked again.
func (w *town) eldersAreReached(t *testing.T, first, now int) {
	t.Helper()
	var of *admin.Session
	within(t, time.Minute, "the first process's session is listed", func() bool {
		all := w.sessions(t)
		i := slices.IndexFunc(all, func(s admin.Session) bool { return s.Client.Application == "doomed" })
		if i >= 0 {
			of = &all[i]
		}
		return i >= 0
	})
	if of.Elder != first {
		t.Fatalf("the session of process %d is listed as %+v", first, of)
	}
	within(t, time.Minute, "the table says with whom", func() bool {
		return strings.Contains(must(t, w.dir, "sessions", "list"), fmt.Sprintf("with process %d", first))
	})
	var st app.Status
	within(t, time.Minute, "every predecessor is in the status", func() bool {
		st = app.Status{}
		if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "status")), &st); err != nil || st.PID != now {
			t.Fatalf("status %+v, %v; want process %d's", st, err, now)
		}
		return len(st.Predecessors) == handOvers
	})
	if p := st.Predecessors[handOvers-1]; p.PID != first || p.Sessions < 1 || p.Until.IsZero() || !p.Outbox.Up || p.Engine.Detections == 0 {
		t.Errorf("the first process: %+v", p)
	}
	within(t, time.Minute, "the status names the first process", func() bool {
		out := must(t, w.dir, "status")
		return strings.Contains(out, fmt.Sprintf("process %d (honeyrow", first)) && strings.Contains(out, "at the latest")
	})
	within(t, time.Minute, "the session is killed", func() bool {
		return strings.Contains(honeyrow(t, w.dir, "sessions", "kill", shortID(of)).out, "killed")
	})
}

func TestANewVersionThatFailsLeavesTheOldOneInCharge(t *testing.T) {
	w := newTown(t)
	s, first := w.serve(t, ".s.PGSQL.6432")
	ctx := context.Background()
	c := w.connect(t)
	served := func(when string) {
		t.Helper()
		n := w.connect(t)
		for _, c := range []*pgx.Conn{c, n} {
			if _, err := c.Exec(ctx, "select 1"); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		n.Close(ctx)
	}

	// It can't start.
	s.configure(func(text string) string { return text + "\nnonsense: 1\n" })
	r := honeyrow(t, w.dir, "hand-over")
	if r.code == 0 {
		t.Fatal("handed over to a process that can't read its configuration")
	}
	s.configure(func(text string) string { return strings.Replace(text, "\nnonsense: 1\n", "", 1) })
	must(t, w.dir, "status") // the broken file is what the command could not read either
	key := filepath.Join(w.dir, "registry.key")
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if r = honeyrow(t, w.dir, "hand-over"); r.code != 1 || !strings.Contains(r.stderr, "the proxy can't start") || !strings.Contains(r.stderr, "registry.key") {
		t.Errorf("without the registry's key: exit code %d, %s; want why the new process can't start", r.code, r.stderr)
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	served("after a process that could not start")

	// It dies while the old one watches it.
	s.configure(func(text string) string { return strings.Replace(text, "probation: 300ms", "probation: 10m", 1) })
	second := s.handOver(true)
	c.Close(ctx)
	within(t, 30*time.Second, "the first process ends", func() bool { return !alive(first) })
	c = w.connect(t)
	third := s.handOver(false)
	served("with two processes")
	if r := honeyrow(t, w.dir, "hand-over"); r.code != 1 || !strings.Contains(r.stderr, "drain.probation") {
		t.Errorf("a hand-over in the probation: exit code %d, %s", r.code, r.stderr)
	}
	if err := syscall.Kill(third.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the old process knows", func() bool {
		b, _ := os.ReadFile(s.log)
		return bytes.Contains(b, []byte("this one accepts connections again"))
	})
	served("after the new process has died")
	var st app.Status
	if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "status")), &st); err != nil || st.PID != second.PID || st.State != "serving" {
		t.Errorf("status %+v, %v; want process %d to serve", st, err, second.PID)
	}
	if out := must(t, w.dir, "alerts", "test", "file"); !strings.Contains(out, "delivered by the running proxy") {
		t.Errorf("who delivers now: %s", out)
	}

	// Told to end, the newest takes those before it along.
	fourth := s.handOver(false)
	if err := syscall.Kill(fourth.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "both processes end", func() bool { return !alive(fourth.PID) && !alive(second.PID) })
}

// systemd does not see the death of a process that is not its child, and the old
// process, which does, is not the service any more.
func TestAServiceWhoseNewProcessDiesIsStartedAgainAtOnce(t *testing.T) {
	w := newTown(t)
	s, first := w.serve(t, ".s.PGSQL.6432")
	c := w.connect(t) // keeps the first process
	defer c.Close(context.Background())
	second := s.handOver(true)
	if err := syscall.Kill(second.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.heard("WATCHDOG=trigger")
	if _, err := c.Exec(context.Background(), "select 1"); err != nil || !alive(first) {
		t.Errorf("the old process's session: %v", err)
	}
}

func TestHandOversUnderSysbenchLoseNoSessionAndNoAlert(t *testing.T) {
	w, my := newHarbour(t)
	must(t, w.dir, "seed", "apply", "--yes")
	if err := my.Exec(t.Context(), "", "CREATE DATABASE sbtest; GRANT ALL ON sbtest.* TO app"); err != nil {
		t.Fatal(err)
	}
	s, _ := w.serve(t, "mysqld.sock")
	host, port, _ := net.SplitHostPort(w.listen)
	sysbench := func(args ...string) *exec.Cmd {
		return exec.Command("sysbench", append([]string{
			"oltp_read_write", "--mysql-host=" + host, "--mysql-port=" + port, "--mysql-user=app", "--mysql-password=app-secret",
			"--mysql-ssl=off", "--tables=2", "--table-size=200", "--threads=3", "--mysql-ignore-errors=1213" /* InnoDB finds deadlocks without us */, "--rate=20",
			"--time=" + strconv.Itoa(1+2*handOvers),
		}, args...)...)
	}
	if out, err := sysbench("prepare").CombinedOutput(); err != nil {
		t.Fatalf("sysbench prepare: %v\n%s", err, out)
	}
	var out bytes.Buffer
	load := sysbench("run")
	load.Stdout, load.Stderr = &out, &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", "app:app-secret@tcp("+w.listen+")/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	read := func(q interface {
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	},
	) {
		t.Helper()
		rows, err := q.QueryContext(t.Context(), "select * from staff")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		want++
	}
	for range handOvers {
		read(tx)
		s.handOver(true)
		read(tx)
		db.SetMaxIdleConns(0)
		read(db) // a new connection
	}
	if err := tx.Commit(); err != nil {
		t.Errorf("the transaction that lasted: %v", err)
	}
	if err := load.Wait(); err != nil || !strings.Contains(out.String(), "reconnects:                          0") {
		t.Errorf("sysbench: %v\n%s", err, &out)
	}
	within(t, 30*time.Second, fmt.Sprintf("%d alerts are delivered", want), func() bool {
		times, _ := s.delivered()
		return len(times) >= want
	})
	if times, outOfOrder := s.delivered(); len(times) != want || outOfOrder > 0 {
		t.Errorf("%d alerts, %d out of order; want %d", len(times), outOfOrder, want)
	}
}
