package waysout

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
)

// seen returns and forgets the detections so far, over or not.
func (g *gate) seen() []event.Detection {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []event.Detection
	for _, d := range g.last {
		out = append(out, d)
	}
	clear(g.last)
	return out
}

func port(g *gate) string { _, p, _ := net.SplitHostPort(g.listener.Addr().String()); return p }

func TestMalformedMessagesEndTheirSessionWithAnErrorAndNoOther(t *testing.T) {
	other := dial(t, port(&y.alert))
	for name, b := range map[string][]byte{
		"length 0":                 {'Q', 0, 0, 0, 0},
		"length 3":                 {'Q', 0, 0, 0, 3},
		"negative length":          {'Q', 0xff, 0xff, 0xff, 0xff},
		"length beyond the limit":  {'Q', 0x7f, 0xff, 0xff, 0xff},
		"unknown type":             {'~', 0, 0, 0, 4},
		"NUL inside a statement":   append([]byte{'Q', 0, 0, 0, 4 + 18}, "select 1\x00 select 2"[:17]+"\x00"...),
		"statement without end":    append([]byte{'Q', 0, 0, 0, 4 + 8}, "select 1"...),
		"Bind with too few bytes":  append([]byte{'B', 0, 0, 0, 4 + 6}, "\x00\x00\x00\x00\x00\x09"...),
		"Bind, parameter too long": append([]byte{'B', 0, 0, 0, 4 + 12}, "\x00\x00\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00"...),
		"Execute without limit":    append([]byte{'E', 0, 0, 0, 4 + 1}, "\x00"...),
		"Describe of nothing":      append([]byte{'D', 0, 0, 0, 4 + 2}, "X\x00"...),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, port(&y.alert))
			_, _ = c.conn.Write(b)
			c.errs = nil
			for {
				m, err := c.fe.Receive()
				if err != nil {
					break
				}
				if e, ok := m.(*pgproto3.ErrorResponse); ok {
					c.errs = append(c.errs, e.Code)
				}
			}
			if !slices.Contains(c.errs, "08P01") {
				t.Errorf("errors %v, want 08P01", c.errs)
			}
			_ = c.conn.Close()
			c.conn = nil
			other.need("select 1")
		})
	}
}

func TestOddButLegalTrafficPasses(t *testing.T) {
	c := dial(t, port(&y.alert))
	c.query("select '\xff\xfe'")
	if !slices.Equal(c.errs, []string{"22021"}) {
		t.Errorf("invalid UTF-8: %v", c.errs)
	}
	c.need("select")
	c.need("")
	long := strings.Repeat("n", 1024)
	c.send(&pgproto3.Parse{Name: long, Query: "select 1"}, &pgproto3.Bind{PreparedStatement: long, DestinationPortal: long}, &pgproto3.Execute{Portal: long}, &pgproto3.Sync{})
	if c.ready(); len(c.errs) > 0 || len(c.rows) != 1 {
		t.Errorf("names of 1 KiB: %v", c.errs)
	}
	c.send(&pgproto3.Bind{PreparedStatement: long, DestinationPortal: "p"}, &pgproto3.Close{ObjectType: 'P', Name: "p"}, &pgproto3.Execute{Portal: "p"}, &pgproto3.Sync{})
	if c.ready(); !slices.Equal(c.errs, []string{"34000"}) {
		t.Errorf("Execute of a closed portal: %v", c.errs)
	}
	args := make([]string, 65535)
	var list strings.Builder
	for i := range args {
		args[i] = "x"
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, "$%d", i+1)
	}
	c.extended("select 1 where 'x' in ("+list.String()+")", 0, args...)
	if len(c.errs) > 0 || len(c.rows) != 1 {
		t.Errorf("65,535 parameters: %v", c.errs)
	}
	c.need("create temp table cin (a text)")
	c.send(&pgproto3.Parse{Query: "copy cin from stdin"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{},
		&pgproto3.CopyData{Data: []byte("a\nb\n")}, &pgproto3.Sync{}, &pgproto3.CopyDone{}, &pgproto3.Sync{})
	if c.ready(); len(c.errs) > 0 || !slices.Equal(c.tags, []string{"COPY 2"}) {
		t.Errorf("COPY in with early Sync: %v %v", c.errs, c.tags)
	}
	for _, d := range y.alert.seen() {
		t.Errorf("alarm: %s", d.Summary)
	}
	c.need("select 'still here'")
}

func TestTwoLayersOfTLSAreRefused(t *testing.T) {
	raw, err := net.Dial("tcp", y.secure.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	ask := func(c net.Conn) byte {
		var b [1]byte
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = c.Write([]byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f})
		if n, _ := c.Read(b[:]); n == 0 {
			return 0
		}
		return b[0]
	}
	if a := ask(raw); a != 'S' {
		t.Fatalf("answer %q, want S", a)
	}
	in := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	if a := ask(in); a == 'S' {
		t.Error("TLS inside TLS was agreed to")
	}
}

func TestForgedCancelRequestsCancelNothing(t *testing.T) {
	c := dial(t, port(&y.alert))
	for i := range 20 {
		k, err := net.Dial("tcp", y.alert.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		key := append([]byte(nil), c.key...)
		key[i%len(key)] ^= byte(1 + i)
		b, _ := (&pgproto3.CancelRequest{ProcessID: c.pid, SecretKey: key}).Encode(nil)
		if i == 0 {
			c.send(&pgproto3.Query{String: "select pg_sleep(0.5)"})
		}
		_, _ = k.Write(b)
		_ = k.SetReadDeadline(time.Now().Add(time.Minute))
		if n, _ := k.Read(make([]byte, 100)); n > 0 {
			t.Error("a cancel request was answered")
		}
		_ = k.Close()
	}
	if c.ready(); len(c.errs) > 0 {
		t.Errorf("the statement failed: %v", c.errs)
	}
}

func TestManyPreparedStatementsCostLittle(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	c := dial(t, port(&y.alert))
	before := heap()
	const n = 20_000
	for i := range n {
		c.fe.Send(&pgproto3.Parse{Name: fmt.Sprintf("statement_%d", i), Query: "select * from customers where id = $1"})
		if i%1000 == 999 {
			c.send(&pgproto3.Sync{})
			c.ready()
		}
	}
	each := (int64(heap()) - int64(before)) / n
	t.Logf("%d bytes for each prepared statement", each)
	if each > 1024 {
		t.Errorf("a prepared statement costs %d bytes here, want 1 KiB at most", each)
	}
	c.query("deallocate all")
	if left := (int64(heap()) - int64(before)) / n; left > 200 {
		t.Errorf("%d bytes are left for each deallocated statement", left)
	}
}

func TestNamesOfAClientCannotForgeAnAlert(t *testing.T) {
	evil := "psql\n{\"schema\":\"x\"}\x1b[2J\x1b]0;owned\x07\r\u202e"
	c := dial(t, port(&y.alert), "application_name", evil)
	c.query("select email /* \x1b[2J\n\u202e */ from customers where id > 900000")
	c.close()
	ds := y.alert.take(t)
	if len(ds) != 1 {
		t.Fatalf("%d detections, want 1", len(ds))
	}
	line, err := json.Marshal(ds[0])
	if err != nil || bytes.ContainsAny(line, "\n\r\x1b\x07") {
		t.Errorf("%v %q", err, line)
	}
}

func TestReplicationConnectionsAreReportedAndTheirStreamIsSearched(t *testing.T) {
	if err := y.pg.Exec(t.Context(), "postgres", "select pg_create_logical_replication_slot('leak_stream', 'test_decoding')"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		eventually(t, "the slot is free", func() bool {
			return y.pg.Exec(context.Background(), "postgres", "select pg_drop_replication_slot('leak_stream')") == nil
		})
	}()
	if err := y.pg.Exec(t.Context(), "postgres", "set synchronous_commit = on; update customers set salary = salary where id > 900000"); err != nil {
		t.Fatal(err)
	}
	c := dial(t, port(&y.alert), "replication", "database")
	c.send(&pgproto3.Query{String: "START_REPLICATION SLOT leak_stream LOGICAL 0/0"})
	for {
		if d, ok := c.next().(*pgproto3.CopyData); ok && bytes.Contains(d.Data, []byte(honeyMail)) {
			break
		}
	}
	c.close()
	ds := y.alert.take(t)
	if len(ds) != 1 || ds[0].Rule != "replication-stream" || ds[0].HoneyRows != 1 {
		t.Errorf("%d detections, want one of the stream with its honey row: %+v", len(ds), ds)
	}
}

func TestPipelineAndOthersOutliveARefusal(t *testing.T) {
	other := dial(t, port(&y.block))
	other.send(&pgproto3.Query{String: "select pg_sleep(1), 'undisturbed'"})
	for range 15 {
		c := dial(t, port(&y.block))
		c.send(&pgproto3.Parse{Name: "kept", Query: "select 'kept'"}, &pgproto3.Sync{})
		c.ready()
		// The refused result is long, so that a cancel request would be sent, and
		// what follows is slow, so that it would be hit.
		c.send(&pgproto3.Query{String: "select c.*, repeat('x', 1000) from customers c, generate_series(1, 100) order by c.id desc"},
			&pgproto3.Query{String: "select pg_sleep(0.05), 'next'"},
			&pgproto3.Bind{PreparedStatement: "kept"}, &pgproto3.Execute{}, &pgproto3.Sync{})
		if c.ready(); !slices.Equal(c.errs, []string{"42501"}) {
			t.Fatalf("errors %v, want the refusal", c.errs)
		}
		if c.ready(); len(c.errs) > 0 || string(c.rows[0][1]) != "next" {
			t.Fatalf("the next statement: %v %q", c.errs, c.rows)
		}
		if c.ready(); len(c.errs) > 0 || string(c.rows[0][0]) != "kept" {
			t.Fatalf("the prepared statement: %v %q", c.errs, c.rows)
		}
		// Without a pipeline the server is asked to stop, and the very next
		// statement must not feel it.
		c.query("select c.*, repeat('x', 1000) from customers c, generate_series(1, 1000) order by c.id desc")
		if !slices.Equal(c.errs, []string{"42501"}) {
			t.Fatalf("errors %v, want the refusal", c.errs)
		}
		c.need("select pg_sleep(0.01)")
		c.need("begin")
		c.query("select email from customers where id > 900000")
		if c.query("rollback"); c.status != 'I' {
			t.Errorf("status %c after rollback", c.status)
		}
		c.close()
	}
	if other.ready(); len(other.errs) > 0 {
		t.Errorf("another session: %v", other.errs)
	}
	other.close()
	y.block.take(t)
}

func TestTransactionOfALongRefusedResultFails(t *testing.T) {
	c := dial(t, port(&y.block))
	c.need("begin")
	c.query("select c.*, repeat('x', 1000) from customers c, generate_series(1, 5000) order by c.id desc")
	if c.status != 'E' {
		t.Errorf("status %c, want a failed transaction", c.status)
	}
	c.need("rollback")
	c.close()
	y.block.take(t)
}

func TestStormOfAlertsLosesNothing(t *testing.T) {
	const sessions, each = 8, 1250
	done := make(chan time.Duration, sessions)
	for range sessions {
		c := dial(t, port(&y.alert))
		go func() {
			start := time.Now()
			for range each {
				c.send(&pgproto3.Query{String: "select email from customers where id = 900001"})
				c.drain()
			}
			c.close()
			done <- time.Since(start)
		}()
	}
	var longest time.Duration
	for range sessions {
		longest = max(longest, <-done)
	}
	if n := len(y.alert.take(t)); n != sessions*each {
		t.Errorf("%d detections, want %d", n, sessions*each)
	}
	t.Logf("%d detections in %s", sessions*each, longest)
}

func TestAlertNamesTheRightClient(t *testing.T) {
	const steal = "select email from customers where id > 900000 /*controller='payroll',traceparent='00-ab'*/"
	one := func(g *gate) event.Detection {
		t.Helper()
		ds := g.take(t)
		if len(ds) != 1 {
			t.Fatalf("%s: %d detections, want 1", g.name, len(ds))
		}
		if tags := ds[0].Statement.Tags; tags["controller"] != "payroll" || tags["traceparent"] != "00-ab" {
			t.Errorf("tags %v", tags)
		}
		return ds[0]
	}
	t.Run("behind a balancer, PROXY v1", func(t *testing.T) {
		conn, err := net.Dial("tcp", y.balanced.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PROXY TCP4 203.0.113.9 10.0.0.1 4711 5432\r\n")
		c := login(t, conn)
		c.query(steal)
		from := conn.LocalAddr().String()
		c.close()
		if d := one(&y.balanced); d.Client.Address != "203.0.113.9:4711" || d.Client.Balancer != from {
			t.Errorf("client %+v, want 203.0.113.9:4711 behind %s", d.Client, from)
		}
	})
	t.Run("behind a balancer, PROXY v2", func(t *testing.T) {
		conn, err := net.Dial("tcp", y.balanced.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b := append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), 203, 0, 113, 10, 10, 0, 0, 1, 0x12, 0x67, 0x15, 0x38)
		_, _ = conn.Write(b)
		c := login(t, conn)
		c.query(steal)
		c.close()
		if d := one(&y.balanced); d.Client.Address != "203.0.113.10:4711" {
			t.Errorf("client %+v", d.Client)
		}
	})
	t.Run("PROXY header from somebody else", func(t *testing.T) {
		conn, err := net.Dial("tcp", y.alert.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(conn, "PROXY TCP4 203.0.113.9 10.0.0.1 4711 5432\r\n")
		b, _ := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "postgres"}}).Encode(nil)
		_, _ = conn.Write(b)
		got := make([]byte, 1000)
		if n, _ := conn.Read(got); n > 0 && got[0] == 'R' {
			t.Error("logged in")
		}
	})
	t.Run("unix socket", func(t *testing.T) {
		conn, err := net.Dial("unix", y.dir+"/.s.PGSQL.5432")
		if err != nil {
			t.Fatal(err)
		}
		c := login(t, conn)
		c.query(steal)
		c.close()
		if d := one(&y.socket); d.Client.Address != "unix" || d.Client.Peer == nil || d.Client.Peer.PID == 0 {
			t.Errorf("client %+v", d.Client)
		}
	})
	t.Run("client certificate", func(t *testing.T) {
		c, err := pgx.Connect(t.Context(), "host=localhost user=postgres dbname=postgres sslmode=verify-full sslrootcert="+y.certs.ca+
			" sslcert="+y.certs.clientCert+" sslkey="+y.certs.clientKey+" port="+port(&y.secure))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Exec(t.Context(), steal)
		_ = c.Close(t.Context())
		d := one(&y.secure)
		if d.Client.TLS == nil || !strings.Contains(d.Client.TLS.Subject, "payroll-app") || d.Client.TLS.Fingerprint == "" {
			t.Errorf("client %+v, TLS %+v", d.Client, d.Client.TLS)
		}
	})
	t.Run("application name changed in mid-session", func(t *testing.T) {
		c := dial(t, port(&y.alert))
		c.query("set application_name = 'innocent'")
		c.query(steal)
		pid := c.pid
		c.close()
		if d := one(&y.alert); d.Client.Application != "innocent" || d.Client.BackendPID != pid {
			t.Errorf("client %+v, want innocent with process %d", d.Client, pid)
		}
	})
}
