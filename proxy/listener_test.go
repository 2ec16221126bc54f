package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/internal/leaks"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy/pgwire"
	"honeyrow/proxy/wire"
)

var shared struct {
	once   sync.Once
	server *pgserver.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.Exit(leaks.After(code))
}

func postgres(t *testing.T) *pgserver.Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = pgserver.Start(context.Background(), pgserver.Options{}) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// blind lets everything through and remembers who came; a user called
// "panic" makes it panic.
type blind struct {
	mu  sync.Mutex
	who []event.Client

	entered func() // called as each client enters, if set
}

func (b *blind) Open(c event.Client) (inspect.Session, event.Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.Application == "panic" {
		panic("as asked")
	}
	b.who = append(b.who, c)
	if b.entered != nil {
		b.entered()
	}
	return blindSession{}, event.Verdict{}
}

func (b *blind) last() event.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.who) == 0 {
		return event.Client{}
	}
	return b.who[len(b.who)-1]
}

type (
	blindSession   struct{}
	blindStatement struct{}
	blindRun       struct{}
)

func (blindSession) Prepare([]byte, int) (inspect.Statement, event.Verdict) {
	return blindStatement{}, event.Verdict{}
}
func (blindSession) Present(event.Channel, []byte, bool) event.Verdict { return event.Verdict{} }
func (blindSession) Describe([]inspect.Column) inspect.Layout          { return struct{}{} }
func (blindSession) Set(string, string)                                {}
func (blindSession) Text(event.Channel, []byte) event.Verdict          { return event.Verdict{} }
func (blindSession) Close()                                            {}
func (blindStatement) Run([]byte, []inspect.Param) (inspect.Run, event.Verdict) {
	return blindRun{}, event.Verdict{}
}
func (blindStatement) Bind([]byte, bool) event.Verdict { return event.Verdict{} }
func (blindStatement) Failed(string)                   {}
func (blindStatement) Release()                        {}
func (blindRun) Columns(event.Channel, inspect.Layout) (inspect.Rows, event.Verdict) {
	return nil, event.Verdict{}
}
func (blindRun) Stream(event.Channel, uint64, []byte, bool) event.Verdict { return event.Verdict{} }
func (blindRun) Text(event.Channel, []byte) event.Verdict                 { return event.Verdict{} }
func (blindRun) Done(uint64, string)                                      {}

// house is a listener in front of the shared server.
type house struct {
	*Listener
	saw *blind
	log *logBuffer
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func open(t *testing.T, c Config) *house {
	t.Helper()
	h := &house{saw: &blind{}, log: &logBuffer{}}
	p, err := pgwire.New(pgwire.Config{Server: pgwire.Server{Name: "crm", Address: postgres(t).Addr()}}, pgwire.Deps{Inspector: h.saw})
	if err != nil {
		t.Fatal(err)
	}
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	c.Name = "main"
	h.Listener, err = Listen(t.Context(), c, Deps{Protocol: p, Log: zerolog.New(h.log).Level(zerolog.DebugLevel), FarewellTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := h.Counters.Active.Load(); n != 0 {
			t.Errorf("%d connections are active after Serve", n)
		}
		if a := &h.Listener.in; a.all != 0 || len(a.from) != 0 {
			t.Errorf("places are not given back: %d, %v", a.all, a.from)
		}
	})
	return h
}

func (h *house) dsn() string {
	a := h.Addr().(*net.TCPAddr)
	return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", a.Port)
}

func (h *house) connect(t *testing.T, more string) (*pgconn.PgConn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgconn.Connect(ctx, h.dsn()+more)
	if err == nil {
		t.Cleanup(func() { c.Close(context.Background()) })
	}
	return c, err
}

func (h *house) mustConnect(t *testing.T) *pgconn.PgConn {
	t.Helper()
	c, err := h.connect(t, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func psql(t *testing.T, info, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "-X", "-A", "-t", "-w", "-c", sql, info)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out))
}

// until waits for a condition that some event makes true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

func TestSessionsAreServedCountedAndListed(t *testing.T) {
	h := open(t, Config{})
	c := h.mustConnect(t)
	if r, err := c.Exec(t.Context(), "select 42").ReadAll(); err != nil || string(r[0].Rows[0][0]) != "42" {
		t.Fatalf("%v, %v", r, err)
	}
	who := h.Sessions()
	if len(who) != 1 || who[0].User != "postgres" || who[0].Listener != "main" || who[0].Server != "crm" || !strings.HasPrefix(who[0].Address, "127.0.0.1:") {
		t.Errorf("sessions = %+v", who)
	}
	if n := h.Counters.Active.Load(); n != 1 {
		t.Errorf("%d active, want 1", n)
	}
	c.Close(t.Context())
	until(t, "the session's end", func() bool { return len(h.Sessions()) == 0 && h.Counters.Active.Load() == 0 })
	if h.Counters.Accepted.Load() != 1 || h.Counters.Sessions.Load() != 1 || h.Counters.ToClient.Load() == 0 || h.Counters.ToServer.Load() == 0 {
		t.Errorf("counters: %d accepted, %d sessions, %d bytes to the client, %d to the server", h.Counters.Accepted.Load(),
			h.Counters.Sessions.Load(), h.Counters.ToClient.Load(), h.Counters.ToServer.Load())
	}
}

func TestLimitsTurnClientsAwayWithTheServersOwnCode(t *testing.T) {
	for name, limits := range map[string]Limits{"connections": {Connections: 1}, "per_address": {PerAddress: 1}} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Config{Limits: limits})
			first := h.mustConnect(t)
			_, err := h.connect(t, "")
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != "53300" || pe.Hint == "" {
				t.Errorf("second client: %v", err)
			}
			if got := h.Counters.Rejected.Load(); got != 1 {
				t.Errorf("%d rejected, want 1", got)
			}
			// A cancel request is served all the same.
			canBeCancelled(t, first)
			first.Close(t.Context())
			until(t, "the place", func() bool { return h.Counters.Active.Load() == 0 })
			h.mustConnect(t)
		})
	}
}

// canBeCancelled has a connection wait in a query and sends a request to cancel it.
func canBeCancelled(t *testing.T, c *pgconn.PgConn) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.Background(), "select pg_sleep(60)").ReadAll()
		done <- err
	}()
	until(t, "the query", func() bool {
		out, err := postgres(t).Query(t.Context(), "postgres", "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
		return err == nil && strings.TrimSpace(out) == "1"
	})
	if err := c.CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	var pe *pgconn.PgError
	if err := <-done; !errors.As(err, &pe) || pe.Code != "57014" {
		t.Errorf("the query ended with %v", err)
	}
}

func TestReloadChangesLimitsForNewcomersOnly(t *testing.T) {
	h := open(t, Config{Limits: Limits{Connections: 1}})
	first := h.mustConnect(t)
	set := h.set.Load()
	conf := set.Config
	conf.Limits.Connections = 2
	if err := h.Reload(conf, set.protocol); err != nil {
		t.Fatal(err)
	}
	h.mustConnect(t)
	if _, err := first.Exec(t.Context(), "select 1").ReadAll(); err != nil {
		t.Errorf("the first session was dropped: %v", err)
	}
	conf.Address = "127.0.0.1:1"
	if err := h.Reload(conf, set.protocol); err == nil {
		t.Error("the address changed under way")
	}
}

func TestHandshakesEndAtTheLimit(t *testing.T) {
	h := open(t, Config{Limits: Limits{Handshake: 50 * time.Millisecond}})
	c, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil || !bytes.Contains(b[:n], []byte("C57014")) {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

func TestDrainLetsTransactionsFinish(t *testing.T) {
	h := open(t, Config{})
	idle, busy := h.mustConnect(t), h.mustConnect(t)
	for _, sql := range []string{"begin", "create temp table kept (a int)"} {
		if _, err := busy.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	drained := make(chan error, 1)
	go func() { drained <- h.Drain(context.Background()) }()
	until(t, "the idle session's end", func() bool { return len(h.Sessions()) == 1 })
	var pe *pgconn.PgError
	if _, err := idle.Exec(t.Context(), "select 1").ReadAll(); err == nil || errors.As(err, &pe) && pe.Code != "57P01" {
		t.Errorf("the idle session ended with %v", err)
	}
	if _, err := net.Dial("tcp", h.Addr().String()); err == nil {
		t.Error("the socket still accepts")
	}
	if _, err := busy.Exec(t.Context(), "insert into kept values (1); commit").ReadAll(); err != nil {
		t.Errorf("the transaction was cut: %v", err)
	}
	select {
	case err := <-drained:
		if err != nil {
			t.Errorf("Drain: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("Drain goes on after the last transaction")
	}
}

func TestDrainCutsAtItsDeadlineAndTellsTheClient(t *testing.T) {
	h := open(t, Config{})
	c := h.mustConnect(t)
	if _, err := c.Exec(t.Context(), "begin").ReadAll(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Drain(ctx); err == nil || !strings.Contains(err.Error(), "1 sessions") {
		t.Errorf("Drain: %v, want an error that counts 1 session", err)
	}
	var pe *pgconn.PgError
	if _, err := c.Exec(t.Context(), "select 1").ReadAll(); errors.As(err, &pe) && pe.Code != "57P01" || err == nil {
		t.Errorf("the client got %v", err)
	}
}

func TestAPanicCostsOneConnection(t *testing.T) {
	h := open(t, Config{})
	other := h.mustConnect(t)
	_, err := h.connect(t, " application_name=panic")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "58000" {
		t.Errorf("the client got %v, want 58000", err)
	}
	until(t, "the count", func() bool { return h.Counters.Panics.Load() == 1 })
	until(t, "the log", func() bool { return strings.Contains(h.log.String(), "as asked") })
	if log := h.log.String(); !strings.Contains(log, "listener_test.go") || !strings.Contains(log, `"level":"error"`) {
		t.Errorf("the log has no stack: %s", log)
	}
	if _, err := other.Exec(t.Context(), "select 1").ReadAll(); err != nil {
		t.Errorf("the other session: %v", err)
	}
	h.mustConnect(t)
}

// A measure is judged by whoever made it, while the session begins too.
func TestAPanicAsASessionBeginsCostsThatSession(t *testing.T) {
	h := open(t, Config{})
	other := h.mustConnect(t)
	until(t, "the first session", func() bool { return len(h.Sessions()) == 1 })
	h.saw.mu.Lock()
	h.saw.entered = func() {
		h.deps.Sessions.Enforce(event.Measure{Kill: true, Of: func(who *event.Client) bool {
			if who.Application == "meant" {
				panic("as measured")
			}
			return false
		}})
	}
	h.saw.mu.Unlock()
	if c, err := h.connect(t, " application_name=meant"); err == nil {
		if _, err = c.Exec(t.Context(), "select 1").ReadAll(); err == nil {
			t.Error("the session goes on")
		}
	}
	until(t, "the count", func() bool { return h.Counters.Panics.Load() == 1 })
	until(t, "the log", func() bool { return strings.Contains(h.log.String(), "as measured") })
	until(t, "its end", func() bool {
		return len(h.Sessions()) == 1 && len(h.deps.Sessions.List()) == 1 && h.Counters.Active.Load() == 1
	})
	if _, err := other.Exec(t.Context(), "select 1").ReadAll(); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

func TestMalformedBytesAreCountedAndLoggedWithTheirSide(t *testing.T) {
	h := open(t, Config{})
	c, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	_, _ = io.ReadAll(c)
	c.Close()
	until(t, "the log", func() bool { return strings.Contains(h.log.String(), "login failed") })
	if log := h.log.String(); !strings.Contains(log, `"level":"warn"`) || !strings.Contains(log, `"side":"client"`) {
		t.Errorf("log = %s", log)
	}
	if h.Counters.MalformedClient.Load() != 1 || h.Counters.LoginsFailedClient.Load() != 1 {
		t.Errorf("%d malformed, %d failed", h.Counters.MalformedClient.Load(), h.Counters.LoginsFailedClient.Load())
	}
	if _, err := h.connect(t, " dbname=none"); err == nil {
		t.Error("there is no such database")
	}
	until(t, "the server's side", func() bool { return h.Counters.LoginsFailedServer.Load() == 1 })
}

func TestAConnectionThatSaysNothingIsNoFailure(t *testing.T) {
	h := open(t, Config{})
	c, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	until(t, "its end", func() bool { return strings.Contains(h.log.String(), "login failed") })
	if h.Counters.LoginsFailedClient.Load() != 0 || strings.Contains(h.log.String(), `"level":"info"`) {
		t.Errorf("a health check is a failure: %s", h.log.String())
	}
}

func TestUnixSocketsCarryThePeersIdentity(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".s.PGSQL.6432")
	// A socket that a killed process left behind.
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	old.Close()
	h := open(t, Config{Address: "unix:" + path, UnixMode: "0600"})
	st, err := os.Lstat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", st.Mode(), err)
	}
	if got := psql(t, "host="+dir+" port=6432 user=postgres dbname=postgres", "select 7"); got != "7" {
		t.Errorf("psql said %q", got)
	}
	who := h.saw.last()
	if who.Address != "unix" || who.Peer == nil || int(who.Peer.UID) != os.Getuid() || who.Peer.PID == 0 {
		t.Errorf("client = %+v, peer %+v", who, who.Peer)
	}
	if _, err := Listen(t.Context(), Config{Address: "unix:" + path}, Deps{Protocol: h.set.Load().protocol}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second listener: %v", err)
	}
	h.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	file := filepath.Join(dir, "data")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), Config{Address: "unix:" + file}, Deps{Protocol: h.set.Load().protocol}); err == nil {
		t.Error("a file was replaced by a socket")
	}
}

var _ wire.Protocol = (*pgwire.Protocol)(nil)
