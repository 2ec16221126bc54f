package soak

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"honeyrow/integration"
	"honeyrow/integration/mystand"
	"honeyrow/proxy"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/pgwire"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// idle is how many clients sit and do nothing: IDLE of the environment.
func idle(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("IDLE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("IDLE=%s: %v", text, err)
		}
		return n
	}
	return 64
}

// files raises the limit of open files as far as this test needs it.
func files(t *testing.T, n int) {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Max < uint64(n) {
		t.Fatalf("%d open files are allowed, %d needed: raise the hard limit (ulimit -Hn)", l.Max, n)
	}
	l.Cur = l.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

// session is one idle client.
type session interface {
	ask(context.Context) error
	Close() error
}

type myClient struct{ mysqlConn }

func TestFiveThousandIdleClients(t *testing.T) {
	n := idle(t)
	files(t, 3*n+200)
	m, err := mystand.Start(t.Context(), mystand.MariaDBOptions{
		SQL: mariaSQL, Front: mystand.Options{Filler: 100},
		Settings: []string{fmt.Sprintf("max_connections = %d", n+50), "thread_handling = pool-of-threads", "back_log = 4096", "thread_pool_max_threads = 500"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	p, err := mywire.New(mywire.Config{
		Listener: "idle", Server: mywire.Server{Name: mystand.ServerName, Address: m.Direct(), TLS: tlsconf.Server{Mode: tlsconf.Disable}},
	}, mywire.Deps{Inspector: m.Judges, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, proxy.Config{Name: "idle", Server: mystand.ServerName, Address: "127.0.0.1:0", Limits: proxy.Limits{Connections: n}}, p)
	crowd(t, n, func(ctx context.Context) (session, error) { return openMy(ctx, addr) })
}

// openMy logs in.
func openMy(ctx context.Context, addr string) (session, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr, cfg.Logger = "app", "secret", "app", "tcp", addr, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &myClient{mysqlConn: c.(mysqlConn)}, nil
}

type pgClient struct{ *pgconn.PgConn }

func (c pgClient) ask(ctx context.Context) error {
	_, err := c.Exec(ctx, "select 1").ReadAll()
	return err
}

func (c pgClient) Close() error { return c.PgConn.Close(context.Background()) }

// PostgreSQL has a process for each of them, so there are fewer.
func TestHundredsOfIdleClientsBeforePostgreSQL(t *testing.T) {
	n := min(idle(t), 1000) / 2
	files(t, 3*n+200)
	s, err := integration.Start(t.Context(), integration.Options{Tokens: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p, err := pgwire.New(pgwire.Config{
		Listener: "idle", Server: pgwire.Server{Name: integration.ServerName, Address: s.Server.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}},
	}, pgwire.Deps{Inspector: s.Judges, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, proxy.Config{Name: "idle", Server: integration.ServerName, Address: "127.0.0.1:0", Limits: proxy.Limits{Connections: n}}, p)
	crowd(t, n, func(ctx context.Context) (session, error) {
		c, err := pgconn.Connect(ctx, "postgres://postgres@"+addr+"/app?sslmode=disable")
		return pgClient{c}, err
	})
}

// crowd has n clients log in, sit there, and be served all the same; one more is
// told that there are too many; and nothing is left when they are gone.
func crowd(t *testing.T, n int, open func(context.Context) (session, error)) {
	before := take(t, time.Now())
	all := make([]session, n)
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for i := w; i < n; i += 32 {
				var err error
				if all[i], err = open(t.Context()); err != nil {
					errs <- fmt.Errorf("client %d: %w", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	there := take(t, time.Now())
	t.Logf("%d idle clients: %.1f KiB of memory each, clients included, %d goroutines", n, float64(there.heap-before.heap)/1024/float64(n), there.goroutines-before.goroutines)
	if _, err := open(t.Context()); err == nil || !strings.Contains(strings.ToLower(err.Error()), "too many") {
		t.Errorf("one more client is told %v, want that there are too many", err)
	}
	for i := 0; i < n; i += max(1, n/100) {
		if err := all[i].ask(t.Context()); err != nil {
			t.Errorf("client %d among %d: %v", i, n, err)
		}
	}
	for _, s := range all {
		_ = s.Close()
	}
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		if after := runtime.NumGoroutine(); after <= before.goroutines+4 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before the clients came", after, before.goroutines)
		}
	}
}

// halfOpen are ways to connect and then be of no use.
var halfOpen = map[string][]byte{
	"says nothing":               nil,
	"half a startup packet":      {0, 0, 0, 80, 0, 3, 0, 0, 'u', 's'},
	"asks for TLS and is silent": {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f},
	"half a handshake response":  {60, 0, 0, 1, 0x85, 0xa6},
}

// Clients that connect and never finish their login are cut at limits.handshake;
// meanwhile others are served, and afterwards nothing is left.
func TestHalfOpenClientsCostNobodyElseAnything(t *testing.T) {
	s, err := integration.Start(t.Context(), integration.Options{Tokens: 100})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m, err := mystand.Start(t.Context(), mystand.MariaDBOptions{SQL: mariaSQL, Front: mystand.Options{Filler: 100}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	pg, err := pgwire.New(pgwire.Config{
		Listener: "half", Server: pgwire.Server{Name: integration.ServerName, Address: s.Server.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}},
	}, pgwire.Deps{Inspector: s.Judges, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	my, err := mywire.New(mywire.Config{
		Listener: "half", Server: mywire.Server{Name: mystand.ServerName, Address: m.Direct(), TLS: tlsconf.Server{Mode: tlsconf.Disable}},
	}, mywire.Deps{Inspector: m.Judges, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine may not have an honest client logged in within a second either.
	for limit := time.Second; ; limit *= 4 {
		cut, err := amongHalfOpen(t, proxy.Limits{Handshake: limit}, pg, my)
		if err == nil {
			break
		}
		if !cut || limit > time.Minute {
			t.Fatalf("among half-open clients, with %s to log in: %v", limit, err)
		}
	}
}

// amongHalfOpen has two clients served among half-open ones, and waits until those are
// gone. An error is that of a client that was not served; cut says that it was not
// logged in.
func amongHalfOpen(t *testing.T, limits proxy.Limits, pg, my wire.Protocol) (cut bool, err error) {
	t.Helper()
	addrs := []string{
		serve(t, proxy.Config{Name: "half", Server: integration.ServerName, Address: "127.0.0.1:0", Limits: limits}, pg),
		serve(t, proxy.Config{Name: "half", Server: mystand.ServerName, Address: "127.0.0.1:0", Limits: limits}, my),
	}
	var idle []net.Conn
	for _, addr := range addrs {
		for _, b := range halfOpen {
			for range 5 {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_, _ = c.Write(b)
				idle = append(idle, c)
			}
		}
	}
	c, err := pgconn.Connect(t.Context(), "postgres://postgres@"+addrs[0]+"/app?sslmode=disable")
	if err != nil {
		return true, err
	}
	k, err := openMy(t.Context(), addrs[1])
	if err != nil {
		_ = c.Close(t.Context())
		return true, err
	}
	for _, s := range []session{pgClient{c}, k} {
		err = errors.Join(err, s.ask(t.Context()))
		_ = s.Close()
	}
	if err != nil {
		return false, err
	}
	for i, c := range idle {
		_ = c.SetReadDeadline(time.Now().Add(limits.Handshake + time.Minute))
		b := make([]byte, 4096)
		for {
			_, err := c.Read(b)
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatalf("half-open client %d is not cut", i)
			}
			if err != nil {
				break
			}
		}
	}
	return false, nil
}
