package pgwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy/wire"
)

// throughProxy stands a proxy with the recorder in front of a real server.
func throughProxy(t *testing.T, rec *inspecttest.Recorder) (*pgserver.Server, string) {
	t.Helper()
	return throughProxyWith(t, rec, Config{})
}

func throughProxyWith(t *testing.T, rec *inspecttest.Recorder, c Config) (*pgserver.Server, string) {
	t.Helper()
	s, err := pgserver.Start(t.Context(), pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	c.Listener, c.Server = "test", Server{Name: "crm", Address: s.Addr()}
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
				sess, err := p.Login(context.Background(), c, wire.Origin{Listener: "test", Address: c.RemoteAddr().String()})
				if err != nil || sess == nil {
					return
				}
				if err := wire.NewPump(sess, wire.Options{}).Run(); err != nil {
					var e *wire.Error
					if errors.As(err, &e) && (e.Op == "protocol" || e.Op == "panic") {
						t.Errorf("session ended: %v\n%s", err, e.Stack)
					}
				}
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
	return s, fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", l.Addr())
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestRealSessionsPassInEveryMode(t *testing.T) {
	rec := inspecttest.New()
	_, dsn := throughProxy(t, rec)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		c := connect(t, dsn+"&default_query_exec_mode="+strings.ReplaceAll(mode.String(), " ", "_"))
		for range 3 {
			var n int64
			var s string
			if err := c.QueryRow(t.Context(), "select g, repeat('x', g) from generate_series($1::int, $2::int) g order by g desc limit 1", 1, 2000).Scan(&n, &s); err != nil || n != 2000 || len(s) != 2000 {
				t.Fatalf("%s: %d, %d, %v", mode, n, len(s), err)
			}
		}
		b := &pgx.Batch{}
		for i := range 50 {
			b.Queue("select $1::int + 1", i)
		}
		if err := c.SendBatch(t.Context(), b).Close(); err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		if _, err := c.Exec(t.Context(), "select nosuch from nosuch"); err == nil {
			t.Fatal("no error")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := c.Exec(ctx, "select pg_sleep(20)"); err == nil {
			t.Fatal("not cancelled")
		}
		cancel()
		// pgx asks the server to cancel behind the caller's back: it must arrive
		watch := connect(t, dsn)
		for left := 1; left > 0; {
			if err := watch.QueryRow(t.Context(), "select count(*) from pg_stat_activity, pg_sleep(0.02) where state = 'active' and query like '%pg_sleep(20)%' and pid <> pg_backend_pid()").Scan(&left); err != nil {
				t.Fatalf("%s: the cancelled query goes on: %v", mode, err)
			}
		}
	}
}

func TestRealCopyAndLargeResultsAreWhole(t *testing.T) {
	rec := inspecttest.New()
	rec.Quiet = true
	rec.SuspectOnly("never there")
	_, dsn := throughProxy(t, rec)
	c := connect(t, dsn)
	ctx := t.Context()
	if _, err := c.Exec(ctx, "create table t (a int, b text)"); err != nil {
		t.Fatal(err)
	}
	rows := make([][]any, 5_000)
	for i := range rows {
		rows[i] = []any{i, strings.Repeat("y", i%300)}
	}
	if n, err := c.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"a", "b"}, pgx.CopyFromRows(rows)); err != nil || n != 5_000 {
		t.Fatal(n, err)
	}
	var text, bin bytes.Buffer
	if _, err := c.PgConn().CopyTo(ctx, &text, "copy t to stdout"); err != nil || bytes.Count(text.Bytes(), []byte("\n")) != 5_000 {
		t.Fatal(err)
	}
	if _, err := c.PgConn().CopyTo(ctx, &bin, "copy t to stdout (format binary)"); err != nil || bin.Len() < 5_000*150 {
		t.Fatal(err, bin.Len())
	}
	var huge string
	if err := c.QueryRow(ctx, "select repeat('z', 8000000)").Scan(&huge); err != nil || len(huge) != 8_000_000 {
		t.Fatal(err, len(huge))
	}
	if err := c.QueryRow(ctx, "select length($1::text)", huge).Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	var sum int64
	if err := c.QueryRow(ctx, "select sum(length(b)) from t").Scan(&sum); err != nil {
		t.Fatal(err)
	}
}

func TestRefusedResultLeavesTheRealSessionUsable(t *testing.T) {
	rec := inspecttest.New()
	rec.Quiet = true
	rec.SuspectOnly("honey@corp.example")
	rec.BlockWhen(event.ChannelRow, "honey@corp.example")
	rec.BlockWhen(event.ChannelBind, "stolen")
	_, dsn := throughProxy(t, rec)
	for _, mode := range []string{"cache_statement", "simple_protocol", "exec"} {
		c := connect(t, dsn+"&default_query_exec_mode="+mode)
		ctx := t.Context()
		tx, err := c.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(ctx, "select case when g = 70000 then 'honey' || '@corp.example' else 'x' end from generate_series(1, 2000000) g")
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "42501" {
			t.Fatalf("%s: %v, want a refusal", mode, err)
		}
		if got := c.PgConn().TxStatus(); got != 'E' {
			t.Fatalf("%s: transaction status %c after the refusal, want E", mode, got)
		}
		if err := tx.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
		if mode != "simple_protocol" {
			if _, err := c.Exec(ctx, "select $1::text", "stolen"); !errors.As(err, &pe) || pe.Code != "42501" {
				t.Fatalf("%s: %v, want a refusal", mode, err)
			}
		}
		var n int
		if err := c.QueryRow(ctx, "select 7").Scan(&n); err != nil || n != 7 {
			t.Fatalf("%s: after the refusal: %d, %v", mode, n, err)
		}
	}
}
