// Package soak lets clients do everything for a long time, before real servers, and
// sees that memory, goroutines and open files stay as they are. `make soak SOAK=1h`
// runs it under the race detector; without SOAK it takes some seconds.
package soak

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/integration"
	"honeyrow/integration/mystand"
	"honeyrow/internal/myserver"
)

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	if os.Getenv("SOAK_PROFILES") != "" {
		runtime.MemProfileRate = 4 << 10 // what grows is small
	}
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

// length is how long to go on: SOAK of the environment.
func length(t *testing.T) time.Duration {
	text := os.Getenv("SOAK")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK=%s: %v", text, err)
	}
	return d
}

const mariaSQL = `CREATE DATABASE app; USE app; CREATE TABLE t (id int PRIMARY KEY, name varchar(40), email varchar(60));
INSERT INTO t SELECT seq, concat('name ', seq), concat('user', seq, '@corp.example') FROM seq_1_to_2000;
CREATE USER app IDENTIFIED BY 'secret'; GRANT ALL ON app.* TO app`

// sample is how things stand when all clients are gone.
type sample struct {
	at         time.Duration
	heap       uint64
	goroutines int
	files      int
}

func take(t *testing.T, began time.Time) sample {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return sample{time.Since(began), m.HeapAlloc, runtime.NumGoroutine(), len(fds)}
}

// keepProfile writes what the heap holds after a round into the folder
// SOAK_PROFILES of the environment, if there is one: `go tool pprof -diff_base` of two
// of them says what has grown.
func keepProfile(t *testing.T, round int) {
	t.Helper()
	folder := os.Getenv("SOAK_PROFILES")
	if folder == "" {
		return
	}
	err := os.MkdirAll(folder, 0o755)
	var f *os.File
	if err == nil {
		f, err = os.Create(filepath.Join(folder, fmt.Sprintf("heap-%02d.pprof", round)))
	}
	if err == nil {
		err = errors.Join(pprof.WriteHeapProfile(f), f.Close())
	}
	if err != nil { // at the first round, not after an hour
		t.Fatalf("keep a profile: %v", err)
	}
}

// site is both servers with their proxies.
type site struct {
	pg    *integration.Stand
	my    *mystand.MariaDB
	done  [2]atomic.Int64 // sessions of PostgreSQL, of MariaDB
	wrong chan error
}

func TestMemoryAndGoroutinesStayFlat(t *testing.T) {
	s := &site{wrong: make(chan error, 1)}
	var err error
	if s.pg, err = integration.Start(t.Context(), integration.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.pg.Close() })
	if s.my, err = mystand.Start(t.Context(), mystand.MariaDBOptions{SQL: mariaSQL, Front: mystand.Options{Filler: 5_000}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.my.Close() })

	s.acquaint(t)
	whole := length(t)
	rounds := 8
	if whole >= 10*time.Minute {
		rounds = 40
	}
	began := time.Now()
	var samples []sample
	for round := range rounds {
		s.round(t, whole/time.Duration(rounds), uint64(round))
		// What the judges keep is the test's own.
		if _, err := s.pg.Detections(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.my.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if log := s.pg.TakeLog() + s.my.TakeLog(); strings.Contains(log, `"op":"panic"`) {
			t.Errorf("a session panicked:\n%.3000s", log)
		}
		samples = append(samples, take(t, began))
		keepProfile(t, round)
		last := samples[len(samples)-1]
		t.Logf("%8s: %5.1f MiB in use, %d goroutines, %d files, %d and %d sessions", last.at.Round(time.Second), float64(last.heap)/(1<<20), last.goroutines, last.files, s.done[0].Load(), s.done[1].Load())
	}
	judge(t, samples)
}

// judge compares the second quarter, when all that is kept is there, with the last.
func judge(t *testing.T, samples []sample) {
	t.Helper()
	n := len(samples)
	second, last := samples[n/4:n/2], samples[n-n/4:]
	median := func(ss []sample, f func(sample) int) int {
		var vs []int
		for _, s := range ss {
			vs = append(vs, f(s))
		}
		slices.Sort(vs)
		return vs[len(vs)/2]
	}
	for _, c := range []struct {
		what  string
		f     func(sample) int
		slack int // what may come and go
	}{
		{"KiB of memory", func(s sample) int { return int(s.heap >> 10) }, 1 << 10},
		{"goroutines", func(s sample) int { return s.goroutines }, 8},
		{"open files", func(s sample) int { return s.files }, 8},
	} {
		before, after := median(second, c.f), median(last, c.f)
		t.Logf("%s: %d in the second quarter, %d in the last", c.what, before, after)
		if after > before+c.slack+before/50 {
			t.Errorf("%s have grown from %d to %d", c.what, before, after)
		}
	}
}

// clients at a time before each server.
const clients = 4

// A session of a busy machine may be slow; what is stuck stays so. What every
// goroutine did while it was slow is told with the error.
const slow, stuck = time.Minute, 4 * time.Minute

func goroutines() string {
	b := make([]byte, 4<<20)
	return string(b[:runtime.Stack(b, true)])
}

// variants is how many shapes the statements of shape have, and applications how many
// names PostgreSQL's clients go by. A shape that a client has sent for ten minutes
// is remembered as its routine: with a thousand of them that went on for the whole
// hour (0.6 MiB, which the profiles show to be nothing else).
const variants, applications = 50, 2

// protected is MariaDB's listener in protect mode.
const protected = 2

// shape is a statement of one of the variants.
func shape(r *rand.Rand, variant int) string {
	return fmt.Sprintf("select %d, 'shape %d' as a%d", r.IntN(1000), r.IntN(1000), variant)
}

// acquaint has every shape sent once by everybody who will send it, so that what the
// proxies remember of shapes is there from the beginning: in protect mode, where each is
// understood before it is sent. In detect mode only so many are as the budget allows.
func (s *site) acquaint(t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for app := range applications {
		c, err := pgx.Connect(t.Context(), s.postgresDSN(s.pg.ProxyProtect(), app))
		if err != nil {
			t.Fatal(err)
		}
		for v := range variants {
			if _, err := c.Exec(t.Context(), shape(r, v)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	db, err := s.mariadbPool(protected)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for v := range variants {
		if _, err := c.ExecContext(t.Context(), shape(r, v)); err != nil {
			t.Fatal(err)
		}
	}
}

// round has clients come, work and go for a while.
func (s *site) round(t *testing.T, d time.Duration, seed uint64) {
	t.Helper()
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for i := range clients {
		random := func(of uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i)<<8|of)) }
		for time.Now().Before(end) && i == 0 && s.failed(t) {
			return
		}
		wg.Go(func() { s.work(end, random(1), 0, s.postgres) })
		wg.Go(func() { s.work(end, random(2), 1, s.mariadb) })
	}
	wg.Wait()
	s.failed(t)
}

func (s *site) failed(t *testing.T) bool {
	t.Helper()
	select {
	case err := <-s.wrong:
		t.Fatal(err)
	default:
	}
	return false
}

func (s *site) work(end time.Time, r *rand.Rand, of int, session func(context.Context, *rand.Rand) error) {
	for time.Now().Before(end) {
		ctx, cancel := context.WithTimeout(context.Background(), stuck)
		stood := make(chan string, 1)
		watch := time.AfterFunc(slow, func() { stood <- goroutines() })
		err := session(ctx, r)
		cancel()
		if err != nil {
			if !watch.Stop() {
				err = fmt.Errorf("%w\nafter %v there stood\n%s", err, slow, <-stood)
			}
			select {
			case s.wrong <- err:
			default:
			}
			return
		}
		watch.Stop()
		s.done[of].Add(1)
	}
}

// postgres is one client of many kinds; an error is one that a client must not have.
func (s *site) postgres(ctx context.Context, r *rand.Rand) error {
	ends := []integration.End{s.pg.Proxy(), s.pg.ProxyTLS(), s.pg.ProxyProtect()}
	at := ends[r.IntN(len(ends))]
	if r.IntN(8) == 0 {
		return nuisance(at.Addr(), r)
	}
	c, err := pgx.Connect(ctx, s.postgresDSN(at, r.IntN(applications)))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", at.Name, err)
	}
	for range 1 + r.IntN(12) {
		var err error
		what := r.IntN(9)
		switch what {
		case 0:
			_, err = c.Exec(ctx, "select * from "+integration.Honey) // a honey row is among them
		case 1:
			_, _ = c.Exec(ctx, "select 1/0") // an error, and the session goes on
		case 2:
			_, err = c.Exec(ctx, shape(r, r.IntN(variants)))
		case 3:
			_, err = c.Exec(ctx, "select repeat('x', 900) from generate_series(1, 3000)")
		case 4:
			_, err = c.Exec(ctx, "select * from "+integration.Honey+" where id = $1", r.IntN(100))
		case 5:
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			_, _ = c.Exec(short, "select pg_sleep(5)") // cancelled, and the connection closed
			cancel()
			return nil
		case 6:
			_, err = c.Exec(ctx, "select * from "+integration.Honey+" where name = 'x' or 1=1 -- '")
		case 7: // gone in the middle of a result
			fe := c.PgConn().Frontend()
			fe.SendQuery(&pgproto3.Query{String: "select repeat('x', 1000) from generate_series(1, 100000)"})
			if err = fe.Flush(); err == nil {
				_, _ = io.CopyN(io.Discard, c.PgConn().Conn(), 1<<16)
			}
			_ = c.PgConn().Conn().Close()
			return err
		default:
			_, err = c.Exec(ctx, "select count(*) from "+integration.Honey)
		}
		if err != nil {
			return fmt.Errorf("%s, statement %d: %w", at.Name, what, err)
		}
	}
	return c.Close(ctx)
}

func (s *site) postgresDSN(at integration.End, application int) string {
	return at.DSN("postgres", "app") + " application_name=soak" + strconv.Itoa(application)
}

func (s *site) mariadbAddr(listener int) string {
	return [...]string{s.my.Plain, s.my.Secure, s.my.Protected}[listener]
}

// mariadbPool is a client of one of the three listeners; the second has TLS.
func (s *site) mariadbPool(listener int) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr, cfg.Logger = "app", "secret", "app", "tcp", s.mariadbAddr(listener), &mysql.NopLogger{}
	if listener == 1 {
		cfg.TLSConfig = "skip-verify"
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (s *site) mariadb(ctx context.Context, r *rand.Rand) error {
	i := r.IntN(3)
	if r.IntN(8) == 0 {
		return nuisance(s.mariadbAddr(i), r)
	}
	db, err := s.mariadbPool(i)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to MariaDB: %w", err)
	}
	defer c.Close()
	for range 1 + r.IntN(12) {
		var err error
		what := r.IntN(6)
		switch what {
		case 0:
			_, err = c.ExecContext(ctx, "select * from t")
		case 1:
			_, _ = c.ExecContext(ctx, "select nonsense from nowhere")
		case 2:
			_, err = c.ExecContext(ctx, shape(r, r.IntN(variants)))
		case 3:
			var rows *sql.Rows // the driver's ExecContext waits for ever for what it has had
			if rows, err = c.QueryContext(ctx, "select * from t where id = ?", r.IntN(2000)); err == nil {
				err = rows.Close()
			}
		case 4:
			_, err = c.ExecContext(ctx, "select * from t where name = 'x' or 1=1 -- '")
		case 5:
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			_, _ = c.ExecContext(short, "select sleep(5)")
			cancel()
			return nil
		}
		if err != nil {
			return fmt.Errorf("MariaDB, listener %d, statement %d: %w", i, what, err)
		}
	}
	return nil
}

// nuisance is who connects and does not log in: says nothing, half of something, or
// what no client may.
func nuisance(addr string, r *rand.Rand) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	b := make([]byte, 1+r.IntN(64))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	switch r.IntN(3) {
	case 0:
		b = []byte{0, 0, 0, 80, 0, 3, 0, 0, 'u'} // the beginning of a startup packet
	case 1:
		b = nil
	}
	_, _ = c.Write(b)
	_ = c.SetReadDeadline(time.Now().Add(time.Duration(r.IntN(20)) * time.Millisecond))
	_, _ = c.Read(make([]byte, 100))
	return nil
}
