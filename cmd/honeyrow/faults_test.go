package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"honeyrow/event"
	"honeyrow/internal/app"
)

// kills is how often the proxy is killed under traffic; the environment may say
// more.
var kills = func() int {
	if n, err := strconv.Atoi(os.Getenv("HONEYROW_KILLS")); err == nil {
		return n
	}
	return 2
}()

// ledger is a webhook's receiver that keeps the first deliveries in their order.
type ledger struct {
	*httptest.Server
	mu    sync.Mutex
	all   int
	times map[string]int // by idempotency key
	first []event.Detection
}

func newLedger(t *testing.T) *ledger {
	l := &ledger{times: map[string]int{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var d event.Detection
		if err == nil {
			err = json.Unmarshal(b, &d)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if l.all++; l.times[key] == 0 {
			l.first = append(l.first, d)
		}
		l.times[key]++
	}))
	t.Cleanup(l.Close)
	return l
}

// has reports which detections came, how many deliveries were made again, and how
// many came before an earlier one of their incident.
func (l *ledger) has() (ids map[event.ID]bool, again, outOfOrder int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids = map[event.ID]bool{}
	last := map[int]uint64{}
	for _, d := range l.first {
		if d.Audit.N < last[d.Incident.Number] { // the order of the commits
			outOfOrder++
		}
		last[d.Incident.Number] = d.Audit.N
		ids[d.ID] = true
	}
	return ids, l.all - len(l.times), outOfOrder
}

func (w *town) configure(t *testing.T, old, new string) {
	t.Helper()
	file := filepath.Join(w.dir, "honeyrow.yaml")
	b, err := os.ReadFile(file)
	if err == nil && !bytes.Contains(b, []byte(old)) {
		err = fmt.Errorf("no %q in the configuration", old)
	}
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(b, []byte(old), []byte(new), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readers read the honey rows from several clients until stop; what happens to a
// client does not matter. They return how many results came back whole.
func (w *town) readers(ctx context.Context, n int) (whole func() int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	read := 0
	for i := range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := pgconn.Connect(ctx, "postgres://app:app-secret@"+w.listen+"/postgres?sslmode=disable")
				if err != nil {
					select {
					case <-ctx.Done():
					case <-time.After(5 * time.Millisecond): // until it listens again
					}
					continue
				}
				for k := 0; err == nil && ctx.Err() == nil; k++ {
					if _, err = c.Exec(ctx, fmt.Sprintf("select * from staff /* %d %d */", i, k)).ReadAll(); err == nil {
						mu.Lock()
						read++
						mu.Unlock()
					}
				}
				_ = c.Close(context.Background())
			}
		})
	}
	return func() int { wg.Wait(); return read }
}

// A kill -9 at any moment: every detection that was committed is delivered at least
// once to every sink, in the order of its incident, and the audit is whole.
func TestKilledAtAnyMomentUnderTrafficNothingCommittedIsLost(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	l := newLedger(t)
	w.configure(t, "\n  sinks:\n", "\n  sinks:\n    - {name: hook, type: webhook, url: \""+l.URL+"\"}\n")
	ctx, stop := context.WithCancel(t.Context())
	whole := w.readers(ctx, 3)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 6))
	for range kills {
		p := w.proxy(t)
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond) // a random moment is what this is about
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.done
	}
	stop()
	read := whole()
	w.proxy(t)
	var committed []event.Detection
	within(t, 60*time.Second, "everything committed is delivered to both sinks", func() bool {
		committed = lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list", "--last", "0"))
		ids, _, _ := l.has()
		return len(ids) >= len(committed) && len(w.written(t)) >= len(committed)
	})
	ids, again, outOfOrder := l.has()
	file := w.written(t)
	for _, d := range committed {
		if !ids[d.ID] || !file[d.ID] {
			t.Errorf("detection %s: delivered to the webhook %t, to the file %t", d.ID, ids[d.ID], file[d.ID])
		}
	}
	t.Logf("%d kills, %d whole results, %d committed, %d deliveries to the webhook made again", kills, read, len(committed), again)
	if len(committed) == 0 || outOfOrder > 0 || again > 2*kills {
		t.Errorf("%d committed, %d out of order, %d made again; want some, none, and one for each kill", len(committed), outOfOrder, again)
	}
	if out := must(t, w.dir, "alerts", "verify"); !strings.Contains(out, "the audit holds") {
		t.Errorf("the audit: %s", out)
	}
}

// written are the detections in the alert file. A kill may leave half a line.
func (w *town) written(t *testing.T) map[event.ID]bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "alerts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[event.ID]bool{}
	for line := range bytes.Lines(b) {
		var d event.Detection
		if json.Unmarshal(line, &d) == nil {
			ids[d.ID] = true
		}
	}
	return ids
}

// full makes every file too large that the process would write to, as a full disk
// does; it works without any privilege. The other call gives the space back.
func (p *process) full(t *testing.T, is bool) {
	t.Helper()
	l := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if is {
		l.Cur = 4096
	}
	if err := unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &l, nil); err != nil {
		t.Fatal(err)
	}
}

// The disk of a running proxy is full, registry, spill and alert file alike: what
// it detects waits in memory, and is committed and delivered when there is room.
func TestADiskThatIsFullForAWhileCostsNoAlert(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	sock := filepath.Join(t.TempDir(), "a")
	w.configure(t, "\nlog:\n", "\nadmin: {address: \"unix:"+sock+"\"}\nlog:\n")
	p := w.proxy(t)
	c := w.connect(t)
	read := func() {
		t.Helper()
		if _, err := c.Exec(t.Context(), "select * from staff"); err != nil {
			t.Fatal(err)
		}
	}
	read()
	listed := func() int { return len(lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list"))) }
	within(t, 30*time.Second, "an alert is committed", func() bool { return listed() == 1 })
	p.full(t, true)
	for range 10 {
		read()
	}
	status := func() (s app.Status) {
		t.Helper()
		if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "status")), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	within(t, 30*time.Second, "the trouble is known", func() bool {
		return !status().Outbox.Up && p.logged("detections cannot be committed") && p.logged("check the disk")
	})
	if s := status(); s.Outbox.Lost > 0 || s.Outbox.Refusing || listed() != 1 {
		t.Errorf("%+v, %d listed", s.Outbox, listed())
	}
	if out := must(t, w.dir, "status"); !strings.Contains(out, "ALERTS CAN'T BE RECORDED") {
		t.Errorf("status: %s", out)
	}
	p.full(t, false)
	within(t, 60*time.Second, "all alerts are delivered", func() bool { return len(w.written(t)) == 11 })
	within(t, 60*time.Second, "nothing waits any more", func() bool {
		s := status()
		return s.Outbox.Up && s.Outbox.Queued+s.Outbox.Spill == 0
	})
	if s := status(); s.Outbox.Lost > 0 {
		t.Errorf("%+v", s.Outbox)
	}
}

// With alerts.unwritable: refuse nobody reads what cannot be recorded.
func TestTrafficIsRefusedWhileAlertsCanNotBeRecordedIfTheOperatorSaysSo(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		w := newTown(t)
		must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
		w.configure(t, "\nalerts:\n", "\nalerts:\n  unwritable: refuse\n")
		p := w.proxy(t)
		c := w.connect(t)
		ask := func() error {
			_, err := c.Exec(t.Context(), "select count(*) from staff where id > $1", 5) // prepared once
			return err
		}
		refused := func(err error) bool {
			var pe *pgconn.PgError
			return errors.As(err, &pe) && pe.Code == "42501" && strings.Contains(pe.Message, "audit of this service")
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		p.full(t, true)
		if _, err := c.Exec(t.Context(), "select * from staff"); err != nil && !refused(err) {
			t.Fatal(err) // the read that finds out may pass
		}
		within(t, 30*time.Second, "statements are refused", func() bool { return refused(ask()) })
		if _, err := pgconn.Connect(t.Context(), "postgres://app:app-secret@"+w.listen+"/postgres?sslmode=disable"); !refused(err) {
			t.Errorf("a login: %v, want a refusal", err)
		}
		p.full(t, false)
		within(t, 30*time.Second, "statements pass again, in the same session", func() bool { return ask() == nil })
	})
	t.Run("MariaDB", func(t *testing.T) {
		w, _ := newHarbour(t)
		must(t, w.dir, "seed", "apply", "--yes")
		w.configure(t, "\nalerts:\n", "\nalerts:\n  unwritable: refuse\n")
		p := w.proxy(t)
		db, err := sql.Open("mysql", "app:app-secret@tcp("+w.listen+")/shop")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		prepared, err := c.PrepareContext(t.Context(), "select count(*) from staff where id > ?")
		if err != nil {
			t.Fatal(err)
		}
		ask := func() error { var n int; return prepared.QueryRowContext(t.Context(), 5).Scan(&n) }
		refused := func(err error) bool {
			var me *mysqldriver.MySQLError
			return errors.As(err, &me) && me.Number == 1142 && strings.Contains(me.Message, "audit of this service")
		}
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		p.full(t, true)
		if _, err := c.ExecContext(t.Context(), "select * from staff"); err != nil && !refused(err) {
			t.Fatal(err)
		}
		within(t, 30*time.Second, "statements are refused", func() bool { return refused(ask()) })
		if err := db.PingContext(t.Context()); !refused(err) { // a connection of its own
			t.Errorf("a login: %v, want a refusal", err)
		}
		p.full(t, false)
		within(t, 30*time.Second, "statements pass again, in the same session", func() bool { return ask() == nil })
	})
}

// A registry that is damaged is named with what to do
// before anybody is served.
func TestADamagedRegistryIsNamedAtTheStartAndARestoredOneServes(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	db := filepath.Join(w.dir, "honeyrow.db")
	whole, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	start := func() result { return program(t, w.dir, "", "proxy") }
	for name, harm := range map[string][]byte{
		"pages overwritten": append(bytes.Clone(whole[:4096]), bytes.Repeat([]byte{0xa5}, len(whole)-4096)...),
		"cut short":         whole[:len(whole)/3],
		"another file":      []byte(strings.Repeat("no database\n", 1000)),
	} {
		if err := os.WriteFile(db, harm, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := start(); r.code != 1 || !strings.Contains(r.stderr, db) || !strings.Contains(r.stderr, "restore a backup") {
			t.Errorf("%s: exit code %d, %s", name, r.code, r.stderr)
		}
		for _, x := range []string{"-wal", "-shm"} {
			_ = os.Remove(db + x)
		}
	}
	if err := os.WriteFile(db, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	w.proxy(t)
	if _, err := w.connect(t).Exec(t.Context(), "select * from staff"); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the alert of the restored registry", func() bool { return len(w.written(t)) == 1 })
}

// Under systemd, alerts that neither registry nor spill take wait in the unit's
// runtime folder: a proxy that is killed meanwhile, or stopped for the repair, loses
// none.
func TestAnAlertOutlivesItsProxyAndTheDiskOfTheRegistry(t *testing.T) {
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--yes")
	w.configure(t, "\nalerts:\n", "\nalerts:\n  spill_path: gone/spill\n")
	memory := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", memory)
	move := func(from, to string) {
		t.Helper()
		for _, x := range []string{"", "-wal", "-shm"} {
			name := filepath.Join(w.dir, "honeyrow.db") + x
			if err := os.Rename(name+from, name+to); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, end := range []func(p *process) error{
		func(p *process) error { return p.Process.Kill() },
		func(p *process) error { return p.Process.Signal(unix.SIGTERM) },
	} {
		p := w.proxy(t)
		move("", ".away")
		if _, err := w.connect(t).Exec(t.Context(), "select * from staff"); err != nil {
			t.Fatal(err)
		}
		within(t, 60*time.Second, "the alert is kept in the runtime folder", func() bool {
			names, err := filepath.Glob(filepath.Join(memory, "spill-*"))
			if err != nil || len(names) != 1 {
				return false
			}
			st, err := os.Stat(names[0])
			return err == nil && st.Size() > 0 && st.Mode().Perm() == 0o600
		})
		if err := end(p); err != nil {
			t.Fatal(err)
		}
		<-p.done
		move(".away", "")
		p = w.proxy(t)
		within(t, 60*time.Second, "the next start delivers it", func() bool { return len(w.written(t)) == i+1 })
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.done
	}
}
