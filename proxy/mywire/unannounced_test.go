package mywire

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// stays is how MySQL answers an execution that opens a cursor unannounced: its
// OK packet is where the EOF would be, or the first row.
func (x *fixture) stays(status uint16, cols ...[]byte) []byte {
	head := x.head(0, cols...)
	if !x.caps.has(capDeprecateEOF) {
		head = head[:len(head)-1]
	}
	return pk(1, append(head, x.ok(status))...)
}

// usedWithCursor prepares statement 7 and runs it with a cursor.
func (x *fixture) usedWithCursor(cols ...[]byte) {
	x.Helper()
	x.client(nil, command(mysql.COM_STMT_PREPARE, "select a, b from t"))
	x.server(nil, pk(1, x.prepared(7, 0, len(cols))...))
	x.client(nil, execute(7, 1))
	head := x.head(mysql.SERVER_STATUS_CURSOR_EXISTS, cols...)
	if x.caps.has(capDeprecateEOF) {
		head = append(head, x.end(mysql.SERVER_STATUS_CURSOR_EXISTS))
	}
	x.server(nil, pk(1, head...))
	x.client(nil, pk(0, cat([]byte{mysql.COM_STMT_RESET}, le32(7))))
	x.server(nil, pk(1, x.ok(2)))
}

// numberAndText are columns in whose rows an OK packet is one: (8704, "").
func numberAndText() [][]byte {
	return [][]byte{column("a", mysql.MYSQL_TYPE_LONG, 63, 0), column("b", 0, 0, 0)}
}

func TestACursorThatMySQLOpensUnannouncedIsFollowed(t *testing.T) {
	for name, cols := range map[string][][]byte{"its OK is no row": twoColumns(), "its OK could be a row": numberAndText()} {
		t.Run(name, func(t *testing.T) {
			both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") }, func(x *fixture) {
				first := str("1")
				if name != "its OK is no row" {
					first = le32(1)
				}
				x.usedWithCursor(cols...)
				x.client(nil, execute(7, 0))
				x.server(nil, x.stays(34, cols...))
				x.client(nil, fetchRows(7, 1))
				x.server(nil, pk(1, binaryRow(first, str("ann")), x.end(mysql.SERVER_STATUS_CURSOR_EXISTS)))
				x.client(nil, fetchRows(7, 9))
				x.server(nil, pk(1, binaryRow(first, str("bob")), x.end(mysql.SERVER_STATUS_LAST_ROW_SEND)))
				if d := x.rec.Calls("Done"); len(d) != 2 || d[1].N != 2 || d[1].Name != codeOK {
					x.Fatalf("done %+v", d)
				}
				// What is behind it may be there at once, and look like a row.
				x.client(nil, cat(execute(7, 0), ping, ping, execute(7, 0)))
				x.server(nil, cat(x.stays(34, cols...), pk(1, x.ok(2)), pk(1, x.ok(3)), x.stays(3, cols...)))
				x.client(nil, fetchRows(7, 1))
				x.server(errPk(1), pk(1, binaryRow(first, str("honey")), x.end(mysql.SERVER_STATUS_CURSOR_EXISTS)))
				x.client(nil, query("select 1"))
				x.server(nil, pk(1, x.ok(2)))
				if d := x.rec.Calls("Done"); len(d) != 5 || d[2].N != 0 || d[3].N != 0 || d[3].Name != codeRefused || !x.f.AtRest() {
					x.Errorf("done %+v, at rest %v", d, x.f.AtRest())
				}
			})
		})
	}
}

func TestRowsThatLookLikeTheOKOfAnUnannouncedCursorStayRows(t *testing.T) {
	both(t, nil, func(x *fixture) {
		x.usedWithCursor(numberAndText()...)
		for range 2 {
			x.client(nil, execute(7, 0))
			row := binaryRow(binary.LittleEndian.AppendUint32(nil, 34<<8), str(""))
			x.server(nil, pk(1, x.result(2, numberAndText(), row, row, binaryRow(le32(2), str("ann")))...))
		}
		if d := x.rec.Calls("Done"); len(d) != 3 || d[1].N != 3 || d[2].N != 3 || !x.f.AtRest() {
			x.Errorf("done %+v", d)
		}
		if got := string(x.rec.Bytes(event.ChannelRow)); !strings.Contains(got, "ann") {
			x.Errorf("shown %q", got)
		}
	})
}

func TestTheEndOfAnUnannouncedCursorsTransactionIsKnown(t *testing.T) {
	both(t, nil, func(x *fixture) {
		x.usedWithCursor(numberAndText()...)
		x.client(nil, execute(7, 0))
		x.server(nil, x.stays(mysql.SERVER_STATUS_IN_TRANS, numberAndText()...))
		x.client(nil, ping)
		x.server(nil, pk(1, x.ok(mysql.SERVER_STATUS_IN_TRANS)))
		if x.f.AtRest() {
			x.Error("at rest in a transaction")
		}
	})
}

func TestTextsOfAnUnannouncedCursorsOKAreRefused(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) {
		r.BlockWhen(event.ChannelNotice, "honey")
		r.BlockWhen(event.ChannelLabel, "honey")
	}, func(x *fixture) {
		x.usedWithCursor(twoColumns()...)
		x.client(nil, execute(7, 0))
		sent := x.stays(2, twoColumns()...)
		told := x.ok(2)
		at := len(sent) - len(told) - header
		seq := sent[at+3]
		if told = append(told, str("honey")...); x.caps.has(capDeprecateEOF) {
			x.server(cat(sent[:at], errPk(seq)), cat(sent[:at], pk(seq, told)))
		} else {
			x.server(errPk(1), cat(sent[:at], pk(seq, told)))
		}
		x.client(nil, execute(7, 0))
		sent = x.stays(2, column("honey", 0, 0, 0), column("b", 0, 0, 0))
		x.server(errPk(1), sent)
		x.client(nil, query("do 1"))
		x.server(nil, pk(1, x.ok(2)))
		if d := x.rec.Calls("Done"); len(d) != 4 || d[1].Name != codeRefused || d[2].Name != codeRefused || !x.f.AtRest() {
			x.Errorf("done %+v", d)
		}
	})
}

// Only a statement that has had a cursor is answered so.
func TestAnOKInThePlaceOfRowsIsNotTakenFromAnyStatement(t *testing.T) {
	x := start(t, oldCaps, nil)
	x.client(nil, command(mysql.COM_STMT_PREPARE, "select a, b from t"))
	x.server(nil, pk(1, x.prepared(7, 0, 2)...))
	x.client(nil, execute(7, 0))
	x.broken(wire.Server, x.stays(2, twoColumns()...), "among column definitions")
}
