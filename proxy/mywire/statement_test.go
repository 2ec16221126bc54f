package mywire

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// binaryRow builds a row of the binary protocol from encoded values; nil is NULL.
func binaryRow(values ...[]byte) []byte {
	b := make([]byte, 1+(len(values)+9)/8)
	for i, v := range values {
		if v == nil {
			b[1+(i+2)/8] |= 1 << ((i + 2) % 8)
		}
	}
	return append(b, bytes.Join(values, nil)...)
}

func le32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// execute builds COM_STMT_EXECUTE with string parameters.
func execute(id uint32, flags byte, params ...string) []byte {
	b := append([]byte{mysql.COM_STMT_EXECUTE}, le32(id)...)
	b = append(append(b, flags), le32(1)...)
	if len(params) > 0 {
		b = append(b, make([]byte, (len(params)+7)/8)...)
		b = append(b, 1)
		for range params {
			b = append(b, mysql.MYSQL_TYPE_VAR_STRING, 0)
		}
		for _, p := range params {
			b = append(b, str(p)...)
		}
	}
	return pk(0, b)
}

func fetchRows(id, n uint32) []byte {
	return pk(0, cat([]byte{mysql.COM_STMT_FETCH}, le32(id), le32(n)))
}

func closeStmt(id uint32) []byte { return pk(0, cat([]byte{mysql.COM_STMT_CLOSE}, le32(id))) }

func TestPreparedStatementsRunWithTheirParameters(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelBind, "stolen") }, func(x *fixture) {
		x.client(nil, command(mysql.COM_STMT_PREPARE, "select a, b from t where a = ? or b = ?"))
		x.server(nil, pk(1, x.prepared(7, 2, 2)...))
		x.client(nil, execute(7, 0, "ann", "bob"))
		cols := [][]byte{column("a", mysql.MYSQL_TYPE_LONG, 63, 0), column("b", 0, 0, 0)}
		x.server(nil, pk(1, x.result(2, cols, binaryRow(le32(42), str("x")), binaryRow(nil, str("y")))...))
		run := x.rec.Calls("Run")[0]
		if got := string(run.Data[run.Params[1].Off:][:run.Params[1].Len]); len(run.Params) != 2 || got != "bob" {
			x.Errorf("parameters %+v of %q", run.Params, run.Data)
		}
		rows := x.rec.Calls("Row")
		if a, _ := rows[0].Field(0); string(a) != "42" {
			x.Errorf("number shown as %q", a)
		}
		x.client(ping, execute(7, 0, "ann", "stolen"))
		x.server(errPk(1), pk(1, x.ok(2)))
		x.client(nil, closeStmt(7))
		x.client(nil, query("select 1"))
		x.server(nil, pk(1, x.ok(2)))
		if !strings.Contains(x.methods(), "Release") {
			x.Error("the statement was not released")
		}
	})
}

func TestCursorRowsBelongToTheRunThatOpenedIt(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") }, func(x *fixture) {
		open := func() {
			x.client(nil, execute(7, 1))
			head := x.head(mysql.SERVER_STATUS_CURSOR_EXISTS, column("a", 0, 0, 0))
			if x.caps.has(capDeprecateEOF) {
				head = append(head, x.end(mysql.SERVER_STATUS_CURSOR_EXISTS))
			}
			x.server(nil, pk(1, head...))
		}
		x.client(nil, command(mysql.COM_STMT_PREPARE, "select a from t"))
		x.server(nil, pk(1, x.prepared(7, 0, 1)...))
		open()
		for i := range 3 {
			x.client(nil, fetchRows(7, 2))
			status := uint16(mysql.SERVER_STATUS_CURSOR_EXISTS)
			if i == 2 {
				status = mysql.SERVER_STATUS_LAST_ROW_SEND
			}
			x.server(nil, pk(1, binaryRow(str("x")), binaryRow(str("y")), x.end(status)))
		}
		if d := x.rec.Calls("Done"); len(d) != 1 || d[0].N != 6 {
			x.Fatalf("done %+v", d)
		}
		open()
		x.client(nil, fetchRows(7, 2))
		x.server(errPk(1), pk(1, binaryRow(str("honey")), binaryRow(str("y")), x.end(mysql.SERVER_STATUS_CURSOR_EXISTS)))
		if d := x.rec.Calls("Done"); len(d) != 2 || d[1].N != 0 || d[1].Name != "42000" {
			x.Errorf("refused: done %+v", d)
		}
		x.client(nil, fetchRows(7, 2)) // a client that tries on gets nothing more of it
		x.server(errPk(1), pk(1, binaryRow(str("z")), x.end(mysql.SERVER_STATUS_CURSOR_EXISTS)))
		open()
		x.client(nil, pk(0, cat([]byte{mysql.COM_STMT_RESET}, le32(7))))
		x.server(nil, pk(1, x.ok(2)))
		if d := x.rec.Calls("Done"); len(d) != 3 || !x.f.AtRest() {
			x.Errorf("%d runs done", len(d))
		}
	})
}

// Several cursors may be open, and other results come between their rows.
func TestEachCursorKeepsTheWatchOfItsOwnResult(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) {
		r.GateBits = 1 << 3
		r.SuspectFunc = func([]byte) bool { return false }
		r.WantsFunc = func(c inspect.Column, _ int) bool { return c.Name == "wanted" }
	}, func(x *fixture) {
		number := func(name string) []byte { return column(name, mysql.MYSQL_TYPE_LONG, 63, 0) }
		results := map[uint32][][]byte{
			7: {number("wanted"), column("b", 0, 0, 0), number("c")},
			8: {column("a", 0, 0, 0), number("b"), column("wanted", 0, 0, 0)},
		}
		for id, cols := range results {
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select"))
			x.server(nil, pk(1, x.prepared(id, 0, 3)...))
			x.client(nil, execute(id, 1))
			head := x.head(mysql.SERVER_STATUS_CURSOR_EXISTS, cols...)
			if x.caps.has(capDeprecateEOF) {
				head = append(head, x.end(mysql.SERVER_STATUS_CURSOR_EXISTS))
			}
			x.server(nil, pk(1, head...))
		}
		for range 2 {
			for id := range results {
				x.rec.Reset()
				x.client(nil, fetchRows(id, 1))
				row, want := binaryRow(le32(12345), str("x"), le32(777)), "12345 777"
				if id == 8 {
					row, want = binaryRow(str("y"), le32(888), str("wanted text")), "888 wanted text"
				}
				x.server(nil, pk(1, row, x.end(mysql.SERVER_STATUS_CURSOR_EXISTS)))
				var got []string
				for _, c := range x.rec.Calls("Row") {
					for i := range 3 {
						if b, ok := c.Field(i); ok {
							got = append(got, string(b))
						}
					}
				}
				if g := strings.Join(got, " "); g != want {
					x.Errorf("statement %d: shown %q, want %q", id, g, want)
				}
				// A result of another statement, with nothing wanted, in between.
				x.client(nil, query("select 1"))
				x.server(nil, pk(1, x.result(2, twoColumns(), textRow("1", "b"))...))
			}
		}
	})
}

func TestTheLastPreparedStatementIsMeantByItsMarker(t *testing.T) {
	x := start(t, newCaps&^capMySQL|mariaBulk, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelStatement, "stolen") })
	// Sent together, before the id or the number of parameters is known.
	x.client(nil, cat(command(mysql.COM_STMT_PREPARE, "select '?', ? -- ?"), execute(lastPreparedID, 0, "bob")))
	x.server(nil, cat(pk(1, x.prepared(3, 1, 1)...), pk(1, x.result(2, [][]byte{column("a", 0, 0, 0)}, binaryRow(str("x")))...)))
	run := x.rec.Calls("Run")[0]
	if len(run.Params) != 1 || string(run.Data) != "bob" {
		t.Errorf("run %+v", run)
	}
	// If the statement is refused, the one before must not run in its place.
	x.client(cat(ping, ping), cat(command(mysql.COM_STMT_PREPARE, "select 'stolen'"), execute(lastPreparedID, 0)))
	x.server(cat(errPk(1), errPk(1)), cat(pk(1, x.ok(2)), pk(1, x.ok(2))))
	if len(x.rec.Calls("Run")) != 1 {
		t.Error("it ran")
	}
}

func TestBulkExecutionShowsEveryRowOfParameters(t *testing.T) {
	x := start(t, newCaps&^capMySQL|mariaBulk, nil)
	x.client(nil, command(mysql.COM_STMT_PREPARE, "insert into t values (?, ?)"))
	x.server(nil, pk(1, x.prepared(9, 2, 0)...))
	b := cat([]byte{comStmtBulkExecute}, le32(9), []byte{bulkSendTypes, 0, mysql.MYSQL_TYPE_LONG, 0, mysql.MYSQL_TYPE_STRING, 0})
	b = cat(b, []byte{0}, le32(1), []byte{0}, str("ann"), []byte{1}, []byte{0}, str("bob"))
	x.client(nil, pk(0, b))
	x.server(nil, pk(1, x.ok(2)))
	run := x.rec.Calls("Run")[0]
	var got []string
	for _, p := range run.Params {
		if p.Len < 0 {
			got = append(got, "NULL")
		} else {
			got = append(got, string(run.Data[p.Off:p.Off+p.Len]))
		}
	}
	if want := []string{"1", "ann", "NULL", "bob"}; !slices.Equal(got, want) {
		t.Errorf("parameters %q, want %q", got, want)
	}
}

func TestQueryAttributesAreParametersAndNotText(t *testing.T) {
	x := start(t, newCaps|capQueryAttributes, nil)
	attrs := cat([]byte{1, 1, 0, 1, mysql.MYSQL_TYPE_STRING, 0}, str("traceparent"), str("value"))
	x.client(nil, pk(0, cat([]byte{mysql.COM_QUERY}, attrs, []byte("select 1"))))
	x.client(nil, pk(0, cat([]byte{mysql.COM_QUERY}, []byte{0, 1}, []byte("select 2"))))
	if got := x.rec.Statements(); !slices.Equal(got, []string{"select 1", "select 2"}) {
		t.Errorf("statements %q", got)
	}
	if run := x.rec.Calls("Run")[0]; len(run.Params) != 1 || string(run.Data) != "value" {
		t.Errorf("run %+v", run)
	}
	x.client(nil, command(mysql.COM_STMT_PREPARE, "select ?"))
	x.server(nil, cat(pk(1, x.ok(2)), pk(1, x.ok(2)), pk(1, x.prepared(1, 1, 1)...)))
	b := cat([]byte{mysql.COM_STMT_EXECUTE}, le32(1), []byte{8}, le32(1), []byte{2, 0, 1, 0xfe, 0}, str(""), []byte{0xfe, 0}, str("tag"), str("bound"), str("tagged"))
	x.client(nil, pk(0, b))
	if runs := x.rec.Calls("Run"); string(runs[2].Data) != "boundtagged" || len(runs[2].Params) != 2 {
		t.Errorf("run %+v", runs[2])
	}
}

func TestLongDataIsShownAndRefusedAtTheExecution(t *testing.T) {
	long := func(data string) []byte {
		return pk(0, cat([]byte{mysql.COM_STMT_SEND_LONG_DATA}, le32(7), []byte{0, 0}, []byte(data)))
	}
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelBind, "stolen") }, func(x *fixture) {
		x.client(nil, command(mysql.COM_STMT_PREPARE, "insert into t values (?, ?)"))
		x.server(nil, pk(1, x.prepared(7, 2, 0)...))
		exec := cat([]byte{mysql.COM_STMT_EXECUTE}, le32(7), []byte{0}, le32(1), []byte{0, 1, 0xfc, 0, 0xfe, 0}, str("bound"))
		x.client(nil, cat(long("abc"), long("def"), pk(0, exec)))
		x.server(nil, pk(1, x.ok(2)))
		if run := x.rec.Calls("Run")[0]; string(run.Data) != "bound" || len(run.Params) != 2 || run.Params[0].Len != -1 {
			x.Errorf("run %+v", run)
		}
		x.client(cat(long("sto"), ping), cat(long("sto"), long("len"), pk(0, exec)))
		x.server(errPk(1), pk(1, x.ok(2)))
		if got := string(x.rec.Bytes(event.ChannelBind)); got != "abcdefstolen" {
			x.Errorf("shown %q", got)
		}
		for _, c := range x.rec.Calls("Bind") {
			if c.Statement != 1 {
				x.Errorf("%q is shown as data of statement %d", c.Data, c.Statement)
			}
		}
	})
}

// MariaDB leaves definitions out that it has sent for the statement before.
func TestDefinitionsThatTheServerLeavesOutAreThoseSentBefore(t *testing.T) {
	for name, c := range map[string]caps{"EOF": oldCaps, "DEPRECATE_EOF": newCaps} {
		t.Run(name, func(t *testing.T) {
			x := start(t, c&^capMySQL|mariaCacheMeta, nil)
			end := func(p ...[]byte) [][]byte {
				if !x.caps.has(capDeprecateEOF) {
					p = append(p, x.end(0))
				}
				return p
			}
			count := func(n, follow byte) []byte { return []byte{n, follow} }
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select a, b from t"))
			x.server(nil, pk(1, x.prepared(7, 0, 2)...))
			columns := func() string {
				calls := x.rec.Calls("Columns")
				var names []string
				for _, c := range calls[len(calls)-1].Cols {
					names = append(names, c.Name)
				}
				return strings.Join(names, " ")
			}
			// What PREPARE sent.
			x.client(nil, execute(7, 0))
			x.server(nil, pk(1, append(end(count(2, 0)), binaryRow(str("x"), str("y")), x.end(2))...))
			if got := columns(); got != "? ?" {
				x.Errorf("columns %q", got)
			}
			// Another table now: they are sent again, and then left out again.
			x.client(nil, execute(7, 0))
			x.server(nil, pk(1, append(end(count(2, 1), column("a", mysql.MYSQL_TYPE_LONG, 63, 0), column("b", 0, 0, 0)), binaryRow(le32(42), str("y")), x.end(2))...))
			x.client(nil, execute(7, 0))
			x.server(nil, pk(1, append(end(count(2, 0)), binaryRow(le32(43), str("z")), x.end(2))...))
			rows := x.rec.Calls("Row")
			if a, _ := rows[2].Field(0); string(a) != "43" || columns() != "a b" {
				x.Errorf("number shown as %q, columns %q", a, columns())
			}
			// A text result always has them.
			x.client(nil, query("select 1"))
			x.server(nil, pk(1, append(end(count(1, 1), column("c", 0, 0, 0)), textRow("1"), x.end(2))...))
			x.client(nil, query("select 1"))
			x.broken(wire.Server, pk(1, end(count(1, 0))...), "without definitions")
		})
	}
}
