package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// TestFaultsCostOneSessionAndNothingElse has a stand of its own: servers die
// in it, and the proxy is expected to complain.
func TestFaultsCostOneSessionAndNothingElse(t *testing.T) {
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := &faults{s}
	f.query(t, s.Proxy(), "select 1") // whatever starts once has started
	goroutines, files, parsers := runtime.NumGoroutine(), openFiles(t), parsersOf(t)
	for _, tc := range []struct {
		name string
		run  func(*testing.T, End)
	}{
		{"server restarts in the middle of a query", f.restart},
		{"server process is killed", f.kill},
		{"client vanishes in the middle of a result", f.vanish},
		{"slow client stops the server", f.slowClient},
		{"slow server stops the client", f.slowServer},
		{"five hundred connections at once", f.crowd},
		{"malformed frames", f.malformed},
	} {
		for _, at := range []End{s.Proxy(), s.ProxyTLS()} {
			t.Run(tc.name+", "+at.Name, func(t *testing.T) {
				tc.run(t, at)
				f.query(t, at, "select 'the next one is served'")
			})
		}
	}
	wait(t, "goroutines end with their sessions", func() string {
		runtime.GC()
		// A second process that parses starts when two statements are new at once; it stays.
		if n := runtime.NumGoroutine() - (parsersOf(t) - parsers); n > goroutines {
			stacks := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines, %d before\n%s", n, goroutines, stacks[:runtime.Stack(stacks, true)])
		}
		return ""
	})
	wait(t, "connections are closed", func() string {
		if n := openFiles(t) - 2*(parsersOf(t)-parsers); n > files {
			return fmt.Sprintf("%d open files, %d before", n, files)
		}
		return ""
	})
	said, err := s.Detections(t.Context())
	if err != nil {
		t.Error(err)
	}
	onlyRules(t, s.Judges, said)
	if n := s.Plain.Counters.Panics.Load() + s.Secure.Counters.Panics.Load(); n > 0 {
		t.Errorf("%d panics\n%s", n, s.Log())
	}
}

type faults struct{ *Stand }

func (f *faults) connect(t *testing.T, at End, name string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), at.DSN("postgres", "app")+" application_name="+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func (f *faults) query(t *testing.T, at End, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), at.DSN("postgres", "app"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// patience is how long something may take on a busy machine. What never comes costs
// a failed test this time, and a good one nothing.
const patience = 2 * time.Minute

// wait asks until there is nothing wrong any more.
func wait(t *testing.T, what string, wrong func() string) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		w := wrong()
		if w == "" {
			return
		}
		if time.Now().After(end) {
			t.Errorf("in %s it did not come to this: %s: %s", patience, what, w)
			return
		}
		time.Sleep(20 * time.Millisecond) // what is asked has no event of its own
	}
}

func (f *faults) activity(t *testing.T, what, name, condition string, want int) {
	t.Helper()
	wait(t, what, func() string {
		got, err := f.Server.Query(t.Context(), "postgres", fmt.Sprintf("select count(*) from pg_stat_activity where application_name = '%s' and %s", name, condition))
		if err != nil {
			return err.Error()
		}
		if strings.TrimSpace(got) != fmt.Sprint(want) {
			return fmt.Sprintf("%s server processes, want %d", strings.TrimSpace(got), want)
		}
		return ""
	})
}

// parsersOf counts this process's parsers: children that run the same program.
func parsersOf(t *testing.T) int {
	t.Helper()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		b, _ := os.ReadFile(list) // the thread may have ended
		for _, pid := range strings.Fields(string(b)) {
			if exe, _ := os.Readlink("/proc/" + pid + "/exe"); exe == self {
				n++
			}
		}
	}
	return n
}

// sleeper runs a long query and returns how it ended.
func (f *faults) sleeper(t *testing.T, at End, name string) (*pgx.Conn, chan error) {
	t.Helper()
	c := f.connect(t, at, name)
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "select pg_sleep(60)")
		done <- err
	}()
	f.activity(t, "the query sleeps", name, "wait_event = 'PgSleep'", 1) // active it is while it is parsed, too
	return c, done
}

// ended returns what the client of a server that died was told.
func ended(t *testing.T, done chan error) string {
	t.Helper()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the query of a server that died succeeded")
			return ""
		}
		return err.Error()
	case <-time.After(patience):
		t.Error("the client still waits")
		return ""
	}
}

// restart and kill: a client hears of the server's end as it does without a proxy.
func (f *faults) restart(t *testing.T, at End) {
	var told [2]string
	for i, end := range []End{f.Direct(), at} {
		_, done := f.sleeper(t, end, "restart")
		if err := f.Server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		told[i] = ended(t, done)
	}
	if told[0] != told[1] {
		t.Errorf("the client is told %q, directly %q", told[1], told[0])
	}
}

func (f *faults) kill(t *testing.T, at End) {
	var told [2]string
	for i, end := range []End{f.Direct(), at} {
		c, done := f.sleeper(t, end, "killed")
		_, witness := f.sleeper(t, end, "witness")
		if err := syscall.Kill(int(c.PgConn().PID()), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		told[i] = ended(t, done) + "; others: " + ended(t, witness)
		wait(t, "the server has recovered", func() string {
			c, err := pgx.Connect(t.Context(), f.Direct().DSN("postgres", "app"))
			if err != nil {
				return err.Error()
			}
			_ = c.Close(t.Context())
			return ""
		})
	}
	if told[0] != told[1] {
		t.Errorf("the client is told %q, directly %q", told[1], told[0])
	}
}

func (f *faults) vanish(t *testing.T, at End) {
	c := f.connect(t, at, "vanish")
	conn := c.PgConn()
	fe := conn.Frontend()
	fe.SendQuery(&pgproto3.Query{String: "select repeat('x', 1000) from generate_series(1, 2000000)"})
	if err := fe.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, conn.Conn(), 1<<20); err != nil {
		t.Fatal(err)
	}
	if tc, ok := conn.Conn().(*net.TCPConn); ok {
		_ = tc.SetLinger(0) // a reset, as of a client that crashed
	}
	_ = conn.Conn().Close()
	f.activity(t, "the server's process ends with its client", "vanish", "true", 0)
}

// slowClient proves that a client that hardly reads stops the server, and that
// meanwhile nothing piles up in the proxy.
func (f *faults) slowClient(t *testing.T, at End) {
	c := f.connect(t, at, "slow")
	conn := c.PgConn()
	fe := conn.Frontend()
	before, sent := heap(), f.sent(at)
	fe.SendQuery(&pgproto3.Query{String: "select repeat('x', 1000) from generate_series(1, 1000000)"})
	if err := fe.Flush(); err != nil {
		t.Fatal(err)
	}
	f.activity(t, "the server waits for its client", "slow", "wait_event = 'ClientWrite'", 1)
	for range 10 { // 1 KB each tenth of a second
		if _, err := io.CopyN(io.Discard, conn.Conn(), 1<<10); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // that is how slow it reads
	}
	f.activity(t, "the server still waits", "slow", "wait_event = 'ClientWrite'", 1)
	if n := f.sent(at) - sent; n > 32<<20 {
		t.Errorf("%d MiB of a result went to a client that read 10 KiB", n>>20)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap has grown by %d KiB while the client did not read", grown>>10)
	}
	_ = conn.Conn().Close()
	f.activity(t, "the server's process ends", "slow", "true", 0)
}

func (f *faults) sent(at End) uint64 {
	if at.SSLMode == "require" {
		return f.Secure.Counters.ToClient.Load()
	}
	return f.Plain.Counters.ToClient.Load()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// slowServer is the other direction: a server that does not read COPY data.
func (f *faults) slowServer(t *testing.T, at End) {
	c := f.connect(t, at, "busy")
	const table = `create temp table b (x text); create function pg_temp.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(5); return new; end $$;
create trigger slow before insert on b for each row when (new.x = 'wait') execute function pg_temp.slow()`
	if _, err := c.Exec(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	before := heap()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	endless := &counting{line: []byte(strings.Repeat("y", 1023) + "\n")}
	if _, err := c.PgConn().CopyFrom(ctx, endless, "copy b from stdin"); err == nil {
		t.Error("the server swallowed an endless COPY")
	}
	if n := endless.count(); n > 32<<20 {
		t.Errorf("the client could send %d MiB to a server that did not read", n>>20)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap has grown by %d KiB while the server did not read", grown>>10)
	}
	// As without a proxy, the server learns that its client is gone when it reads.
	f.activity(t, "the server's process ends", "busy", "true", 0)
}

type counting struct {
	mu   sync.Mutex
	line []byte
	n    int
}

func (c *counting) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		c.n = copy(p, "wait\n")
		return c.n, nil
	}
	n := 0
	for len(p)-n >= len(c.line) {
		n += copy(p[n:], c.line)
	}
	c.n += n
	return n, nil
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (f *faults) crowd(t *testing.T, at End) {
	const n = 500
	var wg sync.WaitGroup
	errs := make(chan error, n)
	hold := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(n)
	for i := range n {
		wg.Go(func() {
			c, err := pgx.Connect(t.Context(), at.DSN("postgres", "app"))
			arrived.Done()
			if err != nil {
				errs <- err
				return
			}
			<-hold
			var got int
			if err := c.QueryRow(t.Context(), "select $1::int", i).Scan(&got); err != nil || got != i {
				errs <- fmt.Errorf("connection %d got %d: %w", i, got, err)
			}
			_ = c.Close(t.Context())
		})
	}
	arrived.Wait()
	close(hold)
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
}

// malformed sends what no client may, in every state of a session.
func (f *faults) malformed(t *testing.T, at End) {
	frame := func(typ byte, body string) string {
		return string(binary.BigEndian.AppendUint32([]byte{typ}, uint32(len(body)+4))) + body
	}
	prefixes := map[string]string{
		"idle": "", "in a transaction": frame('Q', "begin\x00"), "in a failed one": frame('Q', "begin; select 1/0\x00"),
		"in a pipeline": frame('P', "\x00select 1\x00\x00\x00"), "in a failed pipeline": frame('P', "\x00selec\x00\x00\x00"),
		"in COPY":         frame('Q', "copy (select 1) to stdout\x00") + frame('Q', "create temp table m(a int)\x00") + frame('Q', "copy m from stdin\x00"),
		"behind a result": frame('Q', "select g from generate_series(1, 100000) g\x00"),
	}
	frames := map[string]string{
		"unknown type": frame('!', "x"), "no length": "Q\x00\x00\x00\x00", "negative length": "Q\xff\xff\xff\xf0", "3 GiB": "Q\xc0\x00\x00\x00",
		"query without end": frame('Q', "select 1"), "query with more": frame('Q', "select 1\x00x"), "empty Parse": frame('P', ""),
		"Parse counts too much": frame('P', "\x00select 1\x00\x00\x09"), "Bind counts too much": frame('B', "\x00\x00\x00\x00\x7f\xff"),
		"Bind with a long parameter": frame('B', "\x00\x00\x00\x00\x00\x01\x7f\xff\xff\xff"), "Describe of nothing": frame('D', "X\x00"),
		"Execute without limit": frame('E', "\x00"), "Close of nothing": frame('C', ""),
	}
	for state, prefix := range prefixes {
		for name, bad := range frames {
			f.violate(t, at, state+": "+name, prefix+bad)
		}
	}
	f.activity(t, "no server process is left", "violator", "true", 0)
}

func (f *faults) violate(t *testing.T, at End, what, bytes string) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), at.DSN("postgres", "app")+" application_name=violator")
	if err != nil {
		t.Fatal(err)
	}
	conn := c.Conn()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(bytes)); err != nil {
		return // cut while it was still being sent
	}
	rest, err := io.ReadAll(conn)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Errorf("%s: the session goes on", what)
		return
	}
	if !strings.Contains(string(rest), "08P01") && err == nil {
		t.Errorf("%s: the session ended without an error of SQLSTATE 08P01: %.300q", what, rest[max(0, len(rest)-300):])
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fs, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fs)
}
