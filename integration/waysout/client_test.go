package waysout

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// talk is a client that speaks the protocol message by message.
type talk struct {
	t      testing.TB
	conn   net.Conn
	fe     *pgproto3.Frontend
	pid    uint32
	key    []byte
	status byte
	// Of the last exchange:
	errs   []string // SQLSTATEs
	rows   [][][]byte
	copied []byte
	tags   []string
}

const application = "thief.exe"

// dial logs in to port as user postgres.
func dial(t testing.TB, port string, extra ...string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	return login(t, conn, extra...)
}

func login(t testing.TB, conn net.Conn, extra ...string) *talk {
	t.Helper()
	c := &talk{t: t, conn: conn, fe: pgproto3.NewFrontend(conn, conn)}
	t.Cleanup(c.close)
	p := map[string]string{"user": "postgres", "database": "postgres", "application_name": application}
	for i := 0; i+1 < len(extra); i += 2 {
		p[extra[i]] = extra[i+1]
	}
	_ = conn.SetDeadline(time.Now().Add(90 * time.Second))
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: p})
	c.ready()
	if c.pid == 0 {
		t.Fatalf("no login: %v", c.errs)
	}
	return c
}

func (c *talk) close() {
	if c.conn != nil {
		c.fe.Send(&pgproto3.Terminate{})
		_ = c.fe.Flush()
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *talk) send(ms ...pgproto3.FrontendMessage) {
	for _, m := range ms {
		c.fe.Send(m)
	}
	if err := c.fe.Flush(); err != nil {
		c.t.Logf("send: %v", err)
	}
}

// next reads a message and notes what it says.
func (c *talk) next() pgproto3.BackendMessage {
	m, err := c.fe.Receive()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	switch m := m.(type) {
	case *pgproto3.BackendKeyData:
		c.pid, c.key = m.ProcessID, append([]byte(nil), m.SecretKey...)
	case *pgproto3.ErrorResponse:
		c.errs = append(c.errs, m.Code)
	case *pgproto3.DataRow:
		var row [][]byte
		for _, v := range m.Values {
			row = append(row, append([]byte(nil), v...))
		}
		c.rows = append(c.rows, row)
	case *pgproto3.CopyData:
		c.copied = append(c.copied, m.Data...)
	case *pgproto3.CommandComplete:
		c.tags = append(c.tags, string(m.CommandTag))
	case *pgproto3.ReadyForQuery:
		c.status = m.TxStatus
	}
	return m
}

// until reads up to the nth ReadyForQuery.
func (c *talk) until(n int) {
	c.errs, c.rows, c.copied, c.tags = nil, nil, nil, nil
	for n > 0 {
		if _, ok := c.next().(*pgproto3.ReadyForQuery); ok {
			n--
		}
	}
}

func (c *talk) ready() { c.until(1) }

// query runs SQL by the simple protocol.
func (c *talk) query(sql string) *talk {
	c.send(&pgproto3.Query{String: sql})
	c.ready()
	return c
}

// need is query for what must succeed.
func (c *talk) need(sql string) {
	c.t.Helper()
	if c.query(sql); len(c.errs) > 0 {
		c.t.Errorf("%s: error %v", sql, c.errs)
	}
}

// extended is Parse, Bind, Execute, Sync without a Describe.
func (c *talk) extended(sql string, format int16, args ...string) *talk {
	var params [][]byte
	for _, a := range args {
		params = append(params, []byte(a))
	}
	c.send(&pgproto3.Parse{Query: sql}, &pgproto3.Bind{Parameters: params, ResultFormatCodes: []int16{format}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	c.ready()
	return c
}

// call is the fast-path function call.
func (c *talk) call(oid uint32, format uint16, args ...[]byte) []byte {
	c.send(&pgproto3.FunctionCall{Function: oid, ArgFormatCodes: []uint16{1}, Arguments: args, ResultFormatCode: format})
	var out []byte
	c.errs = nil
	for {
		switch m := c.next().(type) {
		case *pgproto3.FunctionCallResponse:
			out = append([]byte(nil), m.Result...)
		case *pgproto3.ReadyForQuery:
			return out
		}
	}
}

func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// psql runs a script and returns what it printed, errors included.
func psql(t testing.TB, port, script string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(y.pg.Bin, "psql"), append([]string{"-X", "-q", "-f", "-"}, args...)...)
	cmd.Env = append(os.Environ(), "PGHOST=127.0.0.1", "PGPORT="+port, "PGUSER=postgres", "PGDATABASE=postgres", "PGSSLMODE=disable", "PGAPPNAME="+application)
	cmd.Stdin = strings.NewReader(script)
	cmd.Dir = t.TempDir()
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// withPgx connects pgx in one of its modes.
func withPgx(t testing.TB, port string, mode pgx.QueryExecMode) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig("host=127.0.0.1 user=postgres dbname=postgres sslmode=disable application_name=" + application + " port=" + port)
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = mode
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// drain reads up to ReadyForQuery or the end of the session.
func (c *talk) drain() {
	for {
		m, err := c.fe.Receive()
		if _, ok := m.(*pgproto3.ReadyForQuery); ok || err != nil {
			return
		}
	}
}
