package pgwire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// honeyIn is a result of n rows of which the one in the middle is refused.
const honeyIn = "select g, case when g = $1 / 2 then 'honey' || '@corp.example' else repeat('x', 100) end from generate_series(1, $1::int) g"

func refusing() *inspecttest.Recorder {
	rec := inspecttest.New()
	rec.Quiet, rec.Again = true, true // a heading of a COPY counts as the row behind it
	rec.SuspectOnly("honey@corp.example")
	rec.BlockWhen("", "honey@corp.example")
	return rec
}

// read counts the rows that a driver gets of a result.
func read(t *testing.T, c *pgx.Conn, mode pgx.QueryExecMode, n int) (rows int, err error) {
	t.Helper()
	r, err := c.Query(t.Context(), honeyIn, mode, n)
	if err != nil {
		return 0, err
	}
	for r.Next() {
		rows++
	}
	return rows, r.Err()
}

func wantRefusal(t *testing.T, what string, err error) {
	t.Helper()
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "42501" {
		t.Fatalf("%s: %v, want a refusal", what, err)
	}
}

func TestRealRefusedResultInProtectModeLeavesNothing(t *testing.T) {
	rec := refusing()
	_, dsn := throughProxyWith(t, rec, Config{Protect: true})
	ctx := t.Context()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		c := connect(t, dsn)
		for _, n := range []int{2, 10, 500} { // 500 rows come in many reads
			rows, err := read(t, c, mode, n)
			wantRefusal(t, mode.String(), err)
			if rows > 0 {
				t.Errorf("%s: %d rows of %d have left", mode, rows, n)
			}
		}
		// Beyond the hold it is a stream.
		rows, err := read(t, c, mode, 100_000)
		wantRefusal(t, mode.String(), err)
		if rows == 0 || rows >= 50_000 {
			t.Errorf("%s: %d rows have left beyond the hold", mode, rows)
		}
		if rows, err := read(t, c, mode, 1); err != nil || rows != 1 {
			t.Fatalf("%s: afterwards %d rows, %v", mode, rows, err)
		}
	}
	c := connect(t, dsn)
	for _, how := range []string{"", " (format csv, header)", " (format binary)"} {
		var out bytes.Buffer
		_, err := c.PgConn().CopyTo(ctx, &out, "copy (select case when g = 50 then 'honey' || '@corp.example' else 'x' end from generate_series(1, 100) g) to stdout"+how)
		wantRefusal(t, "copy"+how, err)
		if out.Len() > 0 {
			t.Errorf("copy%s: %q has left", how, out.String())
		}
	}
	results, err := c.PgConn().Exec(ctx, "select 'one'; select 'honey' || '@corp.example' from generate_series(1, 9); select 'three'").ReadAll()
	wantRefusal(t, "several", err)
	if len(results) != 1 || string(results[0].Rows[0][0]) != "one" {
		t.Errorf("%d results of several, want the first alone", len(results))
	}
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRealPipelineInProtectModeLosesOnlyTheRefused(t *testing.T) {
	_, dsn := throughProxyWith(t, refusing(), Config{Protect: true})
	c := connect(t, dsn)
	p := c.PgConn().StartPipeline(t.Context())
	for _, sql := range []string{"select 'a'", "select 'honey' || '@corp.example'", "select 'c'"} {
		p.SendQueryParams(sql, nil, nil, nil, nil)
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for {
		r, err := p.GetResults()
		if r == nil && err == nil {
			break
		}
		if err != nil {
			got = append(got, "error")
			continue
		}
		if rr, ok := r.(*pgconn.ResultReader); ok {
			res := rr.Read()
			if res.Err != nil {
				got = append(got, "refused")
			}
			for _, row := range res.Rows {
				got = append(got, string(row[0]))
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "error", "c"}; len(got) != 3 || got[0] != "a" || got[1] != want[1] && got[1] != "refused" || got[2] != "c" {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// The server had finished: without more its transaction would be open while the
// client has had an error.
func TestRealTransactionHasFailedAfterARefusal(t *testing.T) {
	for name, c := range map[string]Config{"detect": {}, "protect": {Protect: true}, "refused beyond": {Protect: true, Hold: wire.HoldConfig{Size: 100, Beyond: wire.BeyondRefuse, Time: 1e9}}} {
		t.Run(name, func(t *testing.T) {
			_, dsn := throughProxyWith(t, refusing(), c)
			conn := connect(t, dsn)
			ctx := t.Context()
			for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheStatement} {
				tx, err := conn.Begin(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := tx.Exec(ctx, "savepoint s"); err != nil {
					t.Fatal(err)
				}
				if _, err := read(t, conn, mode, 4); err == nil {
					t.Fatal("not refused")
				}
				if got := conn.PgConn().TxStatus(); got != 'E' {
					t.Fatalf("%s: transaction status %c, want E", mode, got)
				}
				if _, err := tx.Exec(ctx, "rollback to s"); err != nil {
					t.Fatal(err)
				}
				if _, err := tx.Exec(ctx, "select 1"); err != nil {
					t.Fatal(err)
				}
				if err := tx.Commit(ctx); err != nil {
					t.Fatal(err)
				}
				if got := conn.PgConn().TxStatus(); got != 'I' {
					t.Fatalf("%s: transaction status %c, want I", mode, got)
				}
			}
		})
	}
}

func TestRealSessionsDoNotWaitForOneThatIsHeld(t *testing.T) {
	rec := refusing()
	_, dsn := throughProxyWith(t, rec, Config{Protect: true, Hold: wire.HoldConfig{Size: 1 << 20, Beyond: wire.BeyondPass, Time: 1e12}})
	held, other := connect(t, dsn), connect(t, dsn)
	ctx := t.Context()
	key := connect(t, dsn)
	if _, err := key.Exec(ctx, "select pg_advisory_lock(1)"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { // its first rows are at the proxy, its last ones wait for the lock
		_, err := held.Exec(ctx, "select repeat('x', 20000) union all select repeat('y', 20000) || pg_advisory_lock_shared(1)::text")
		done <- err
	}()
	for waiting := 0; waiting == 0; {
		if err := other.QueryRow(ctx, "select count(*) from pg_locks where locktype = 'advisory' and not granted").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if rows, err := read(t, other, pgx.QueryExecModeExec, 1); err != nil || rows != 1 {
			t.Fatal(rows, err)
		}
		_, err := read(t, other, pgx.QueryExecModeExec, 10)
		wantRefusal(t, "other", err)
	}
	if _, err := key.Exec(ctx, "select pg_advisory_unlock(1)"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if opens := rec.Calls("Open"); !opens[0].Client.Protect {
		t.Error("the inspector is not told of the mode")
	}
}
