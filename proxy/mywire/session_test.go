package mywire

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	gosync "sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

func init() { _ = mysql.SetLogger(log.New(io.Discard, "", 0)) }

// proxied stands a proxy with the recorder in front of a server and returns the
// address that clients connect to. A session that ends because a side broke
// the protocol fails the test unless tolerant.
func proxied(t testing.TB, rec *inspecttest.Recorder, c Config) string {
	t.Helper()
	addr, _ := proxiedWith(t, rec, c, wire.Origin{}, func(err error) {
		var e *wire.Error
		if errors.As(err, &e) && (e.Op == "protocol" || e.Op == "panic") {
			t.Errorf("session ended: %v\n%s", err, e.Stack)
		}
	})
	return addr
}

func proxiedWith(t testing.TB, rec *inspecttest.Recorder, c Config, o wire.Origin, ended func(error)) (string, *Protocol) {
	t.Helper()
	c.Listener, c.Server.Name = "test", "crm"
	p, err := New(c, Deps{Inspector: rec, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg gosync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				o := o
				o.Listener = "test"
				if o.Address == "" {
					o.Address = c.RemoteAddr().String()
				}
				sess, err := p.Login(context.Background(), c, o)
				if err != nil {
					ended(err)
					return
				}
				ended(wire.NewPump(sess, wire.Options{}).Run())
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
		for _, p := range rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
	return l.Addr().String(), p
}

// open connects go-sql-driver with one connection.
func open(t testing.TB, dsn string) *sql.Conn {
	t.Helper()
	c, err := tryOpen(t, dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryOpen(t testing.TB, dsn string) (*sql.Conn, error) {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err != nil {
		db.Close()
		return nil, err
	}
	t.Cleanup(func() { c.Close(); db.Close() })
	return c, nil
}

func TestRealSessionsPassTextAndBinary(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	for _, extra := range []string{"", "?interpolateParams=true", "?multiStatements=true&clientFoundRows=true"} {
		c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm%s", addr, extra))
		ctx := t.Context()
		for range 3 {
			var n int64
			var text string
			var when string
			if err := c.QueryRowContext(ctx, "select seq, repeat('x', seq), timestamp'2026-11-21 01:02:03' from seq_1_to_2000 where seq > ? order by seq desc limit 1", 5).Scan(&n, &text, &when); err != nil || n != 2000 || len(text) != 2000 || when != "2026-11-21 01:02:03" {
				t.Fatalf("%s: %d, %d, %q, %v", extra, n, len(text), when, err)
			}
		}
		if _, err := c.ExecContext(ctx, "select nosuch from nosuch"); err == nil {
			t.Fatal("no error")
		}
		var id int64
		if err := c.QueryRowContext(ctx, "select connection_id()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		opens := rec.Calls("Open")
		if got := opens[len(opens)-1].Client; int64(got.BackendPID) != id || got.User != "native_u" || got.Database != "crm" || got.Protocol != "mysql" || got.Attributes["_client_name"] != "Go-MySQL-Driver" {
			t.Errorf("client %+v, connection id %d", got, id)
		}
	}
	if got := rec.Bytes(event.ChannelRow); len(got) == 0 {
		t.Fatal("no row was shown")
	}
}

var originNone wire.Origin

func noTLS() tlsconf.Server { return tlsconf.Server{Mode: tlsconf.Disable} }
