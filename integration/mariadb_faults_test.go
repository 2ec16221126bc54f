package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"honeyrow/integration/mystand"
	"honeyrow/proxy/tlsconf"
)

// TestFaultsBeforeMariaDBCostOneSessionAndNothingElse has a stand of its own:
// servers die in it, and the proxy is expected to complain.
func TestFaultsBeforeMariaDBCostOneSessionAndNothingElse(t *testing.T) {
	m, err := mystand.Start(t.Context(), mystand.MariaDBOptions{SQL: mariaSQL, Front: mystand.Options{Filler: 5_000}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	f := &mariaFaults{m}
	ends := mariaEnds(m)
	for _, at := range ends {
		f.served(t, at)
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for _, tc := range []struct {
		name string
		run  func(*testing.T, End)
	}{
		{"server is killed in the middle of a result", f.kill},
		{"session is killed at the server", f.killed},
		{"client vanishes in the middle of a result", f.vanish},
		{"slow client stops the server", f.slowClient},
		{"many connections at once", f.crowd},
	} {
		for _, at := range ends[1:] {
			t.Run(tc.name+", "+at.Name, func(t *testing.T) {
				tc.run(t, at)
				f.served(t, at)
			})
		}
	}
	wait(t, "goroutines end with their sessions", func() string {
		runtime.GC()
		if n := runtime.NumGoroutine(); n > goroutines {
			stacks := make([]byte, 1<<20)
			return fmt.Sprintf("%d goroutines, %d before\n%s", n, goroutines, stacks[:runtime.Stack(stacks, true)])
		}
		return ""
	})
	wait(t, "connections are closed", func() string {
		if n := openFiles(t); n > files {
			return fmt.Sprintf("%d open files, %d before", n, files)
		}
		return ""
	})
	t.Run("server breaks the protocol", f.broken)
	for _, at := range ends {
		f.served(t, at)
	}
	if strings.Contains(m.Log(), `"op":"panic"`) {
		t.Errorf("a session panicked:\n%s", m.Log())
	}
	said, err := m.Detections(t.Context()) // some sessions are left to the cleanup
	if err != nil {
		t.Error(err)
	}
	onlyRules(t, m.Judges, said)
}

type mariaFaults struct{ *mystand.MariaDB }

// open connects once; raw is the connection below.
func (f *mariaFaults) open(t *testing.T, at End) (c *sql.Conn, raw net.Conn) {
	t.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Net, cfg.Addr = "app", "secret", "app", "tcp", at.Addr()
	if at.SSLMode == "require" {
		cfg.TLSConfig = "skip-verify"
	}
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		var err error
		raw, err = d.DialContext(ctx, network, addr)
		return raw, err
	}
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	if c, err = db.Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, raw
}

func (f *mariaFaults) served(t *testing.T, at End) {
	t.Helper()
	c, _ := f.open(t, at)
	var s string
	if err := c.QueryRowContext(t.Context(), "select ?", "the next one is served").Scan(&s); err != nil || s != "the next one is served" {
		t.Errorf("%s: %q, %v", at.Name, s, err)
	}
	_ = c.Close()
}

// busy waits until so many statements with the mark run at the server.
func (f *mariaFaults) busy(t *testing.T, what, mark string, want int) {
	t.Helper()
	wait(t, what, func() string {
		got, err := f.Server.Query(t.Context(), "", fmt.Sprintf("select count(*) from information_schema.processlist where info like '%%/* %s */%%' and info not like '%%processlist%%'", mark))
		if err != nil {
			return err.Error()
		}
		if strings.TrimSpace(got) != fmt.Sprint(want) {
			return fmt.Sprintf("%s statements, want %d", strings.TrimSpace(got), want)
		}
		return ""
	})
}

const endless = "select repeat('x', 1000) from seq_1_to_3000000 /* endless */"

// begun starts an endless result and reads its first rows.
func (f *mariaFaults) begun(t *testing.T, at End) (*sql.Rows, net.Conn) {
	t.Helper()
	c, raw := f.open(t, at)
	rows, err := c.QueryContext(context.Background(), endless)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what is not read would be waited for
		_ = raw.Close()
		_ = rows.Close()
	})
	for range 10 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
	}
	return rows, raw
}

func (f *mariaFaults) kill(t *testing.T, at End) {
	rows, _ := f.begun(t, at)
	sleeper, _ := f.open(t, at)
	done := make(chan error, 1)
	go func() {
		_, err := sleeper.ExecContext(context.Background(), "select sleep(60) /* sleeper */")
		done <- err
	}()
	f.busy(t, "the statement runs", "sleeper", 1)
	if err := f.Server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if rows.Err() == nil {
		t.Error("the result of a server that died ended as if it were whole")
	}
	select {
	case err := <-done:
		if err == nil {
			t.Error("a statement of a server that died succeeded")
		}
	case <-time.After(patience):
		t.Error("the client still waits")
	}
}

func (f *mariaFaults) killed(t *testing.T, at End) {
	var told [2]string
	for i, end := range []End{mariaEnds(f.MariaDB)[0], at} {
		c, _ := f.open(t, end)
		var id int
		if err := c.QueryRowContext(t.Context(), "select connection_id()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.ExecContext(context.Background(), "select sleep(60) /* killed */")
			done <- err
		}()
		f.busy(t, "the statement runs", "killed", 1)
		other, _ := f.open(t, end)
		if _, err := other.ExecContext(t.Context(), fmt.Sprintf("kill %d", id)); err != nil {
			t.Fatal(err)
		}
		_ = other.Close()
		told[i] = ended(t, done)
	}
	if told[0] != told[1] {
		t.Errorf("the client is told %q, directly %q", told[1], told[0])
	}
}

func (f *mariaFaults) vanish(t *testing.T, at End) {
	_, raw := f.begun(t, at)
	_ = raw.(*net.TCPConn).SetLinger(0) // a reset, as of a client that crashed
	_ = raw.Close()
	f.busy(t, "the server's session ends with its client", "endless", 0)
}

// slowClient proves that a client that does not read stops the server, and
// that meanwhile nothing piles up in the proxy.
func (f *mariaFaults) slowClient(t *testing.T, at End) {
	before := heap()
	rows, raw := f.begun(t, at)
	sent := ""
	wait(t, "the server waits for its client", func() string {
		got, err := f.Server.Query(t.Context(), "", "select variable_value from information_schema.global_status where variable_name = 'bytes_sent'")
		if err != nil {
			return err.Error()
		}
		still := len(sent) > 0 && len(got) == len(sent) && got[:len(got)-4] == sent[:len(sent)-4] // but for our asking
		if sent = got; still {
			return ""
		}
		return "it sends on"
	})
	for range 100 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap has grown by %d KiB while the client did not read", grown>>10)
	}
	f.busy(t, "the statement still runs", "endless", 1)
	_ = raw.Close()
	f.busy(t, "the server's session ends", "endless", 0)
}

func (f *mariaFaults) crowd(t *testing.T, at End) {
	const n = 140
	var wg sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		c, _ := f.open(t, at)
		wg.Go(func() {
			var got int
			if err := c.QueryRowContext(t.Context(), "select ?", i).Scan(&got); err != nil || got != i {
				errs <- fmt.Errorf("connection %d got %d: %w", i, got, err)
			}
			_ = c.Close()
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
}

// broken has a server that answers one statement with what no server may say.
func (f *mariaFaults) broken(t *testing.T) {
	liar, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answer []byte
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := liar.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", f.Direct())
			if err != nil {
				_ = c.Close()
				return
			}
			wg.Go(func() { _, _ = io.Copy(c, s); _ = c.Close() })
			wg.Go(func() {
				b := make([]byte, 1<<16)
				for {
					n, err := c.Read(b)
					if err != nil {
						_ = s.Close()
						return
					}
					if strings.Contains(string(b[:n]), "select 'lie'") {
						_, _ = c.Write(answer)
						continue
					}
					_, _ = s.Write(b[:n])
				}
			})
		}
	})
	addr, err := f.Listen(mystand.Gate{Name: "liar " + t.Name(), Address: liar.Addr().String(), Client: f.Pair.Listener(tlsconf.Off), Server: tlsconf.Server{Mode: tlsconf.Disable}})
	if err != nil {
		t.Fatal(err)
	}
	host, port := mystand.SplitAddr(addr)
	for name, b := range map[string]string{
		"empty packet":                   "\x00\x00\x00\x01",
		"EOF in the place of a result":   "\x05\x00\x00\x01\xfe\x00\x00\x02\x00",
		"a file nobody asked for":        "\x0c\x00\x00\x01\xfb/etc/passwd",
		"count of 70,000 columns":        "\x04\x00\x00\x01\xfd\x70\x11\x01",
		"definition that is none":        "\x01\x00\x00\x01\x01\x05\x00\x00\x02\x09abcd\x05\x00\x00\x03\xfe\x00\x00\x02\x00",
		"OK that is cut off":             "\x02\x00\x00\x01\x00\x00",
		"ERR that is cut off":            "\x01\x00\x00\x01\xff",
		"16 MiB of column definition":    "\x01\x00\x00\x01\x01\xff\xff\xff\x02" + strings.Repeat("x", 8<<20),
		"row longer than its packet":     "\x01\x00\x00\x01\x01\x17\x00\x00\x02\x03def\x00\x00\x00\x01a\x00\x0c\x2d\x00\x04\x00\x00\x00\xfd\x01\x00\x27\x00\x00" + "\x05\x00\x00\x03\xfe\x00\x00\x02\x00" + "\x03\x00\x00\x04\x09ab",
		"row with more than its columns": "\x01\x00\x00\x01\x01\x17\x00\x00\x02\x03def\x00\x00\x00\x01a\x00\x0c\x2d\x00\x04\x00\x00\x00\xfd\x01\x00\x27\x00\x00" + "\x05\x00\x00\x03\xfe\x00\x00\x02\x00" + "\x06\x00\x00\x04\x02ab\x02cd",
	} {
		answer = []byte(b)
		c, _ := f.open(t, End{"liar", host, port, "disable"})
		rows, err := c.QueryContext(t.Context(), "select 'lie'")
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			_ = rows.Close()
		}
		told, ok := errors.AsType[*mysql.MySQLError](err)
		if err == nil || ok && told.Number != 1835 {
			t.Errorf("%s: the client is told %v, want error 1835 or the end of the session", name, err)
		}
		_ = c.Close()
	}
	_ = liar.Close()
	wg.Wait()
}
