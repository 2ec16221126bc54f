package mywire

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// shownFields are the texts of all fields that were shown, each behind a slash.
func (x *fixture) shownFields() string {
	var b strings.Builder
	for _, c := range x.rec.Calls("Row") {
		for _, f := range c.Fields {
			b.WriteString("/" + string(c.Data[f.Off:f.Off+f.Len]))
		}
	}
	return b.String()
}

// MySQL lets SIGNAL raise an error with the number of MariaDB's progress reports.
func TestAnErrorWithTheNumberOfProgressReportsEndsItsCommand(t *testing.T) {
	for _, c := range []caps{newCaps, newCaps&^capMySQL | mariaProgress} {
		x := start(t, c, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelError, "honey") })
		x.client(nil, query("call p()"))
		report := pk(1, []byte("\xff\xff\xff\x01\x01\x02\x00\x00\x00\x05stage"))
		if c.has(mariaProgress) {
			x.server(nil, report)
		}
		x.server(errPk(1), pk(1, errPayload(progressCode, "45000", "honey")))
		x.client(nil, query("select 1"))
		x.server(nil, pk(1, x.result(2, twoColumns(), textRow("1", "b"))...))
		if !x.f.AtRest() {
			t.Error("a command has not ended")
		}
	}
}

// MySQL calls JSON bytes, and converts it as a text.
func TestJSONOfMySQLInAWideCharacterSetIsReadAsText(t *testing.T) {
	wide := func(s string) string { return "\x00" + strings.Join(strings.Split(s, ""), "\x00") }
	def := column("j", mysql.MYSQL_TYPE_JSON, 63, 0)
	for _, of := range []string{"utf16", "utf8mb4"} {
		x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits = ^uint64(0) })
		d, want := def, `["weak"]`
		sent := want
		if of == "utf16" {
			d, sent = cat(str(wide("def")), def[4:]), wide(want)
		}
		x.client(nil, query("select j"))
		x.server(nil, pk(1, x.result(2, [][]byte{d}, textRow(sent))...))
		if got := x.shownFields(); got != "/"+want {
			t.Errorf("%s: shown %q, want %q", of, got, want)
		}
	}
}

// A cursor's rows are converted when they are sent.
func TestRowsFetchedInAnotherCharacterSetThanTheCursorWasOpenedInAreRead(t *testing.T) {
	for name, between := range map[string]bool{"a command between": true, "none": false} {
		x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits, r.Again = 1<<4, true; r.SuspectOnly("never there") })
		x.client(nil, command(mysql.COM_STMT_PREPARE, "select a, b from t"))
		x.server(nil, pk(1, x.prepared(7, 0, 2)...))
		x.client(nil, execute(7, 1))
		x.server(nil, pk(1, append(x.head(mysql.SERVER_STATUS_CURSOR_EXISTS, twoColumns()...), x.end(mysql.SERVER_STATUS_CURSOR_EXISTS))...))
		want := ""
		if between {
			x.client(nil, query("set character_set_results = utf16"))
			x.server(nil, pk(1, x.ok(2)))
			want = "/weak/weak"
		}
		x.client(nil, fetchRows(7, 2))
		x.server(nil, pk(1, binaryRow(str("\x00w\x00e\x00a\x00k"), str("x")), binaryRow(str("y"), str("\x00\x00\x00w\x00\x00\x00e\x00\x00\x00a\x00\x00\x00k")), x.end(mysql.SERVER_STATUS_LAST_ROW_SEND)))
		if got := x.shownFields(); got != want {
			t.Errorf("%s: shown %q, want %q", name, got, want)
		}
	}
}

// MariaDB sends results in the character set of file names.
func TestResultsInTheCharacterSetOfFileNamesAreRead(t *testing.T) {
	def := cat(str("def"), str("crm"), str("t"), str("people"), str("e@0020mail"), str("email"), []byte{0x0c, 17, 0, 80, 0, 0, 0, 253, 0, 0, 0, 0, 0})
	const sent, want = "a@002eb@0040c@@zz@", "a.b@c@@zz@"
	for _, pad := range []int{0, 70_000} {
		x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits = ^uint64(0); r.Again = true })
		x.client(nil, query("select email"))
		answer := pk(1, x.result(2, [][]byte{def}, textRow(strings.Repeat("x", pad)+sent))...)
		if pad == 0 {
			x.server(nil, answer)
		} else { // byte by byte around the value
			for i := 0; i < len(answer); {
				n := 1
				if i > 500 && len(answer)-i > 2000 {
					n = 997
				}
				if _, err := x.d.Feed(wire.Server, answer[i:i+n]); err != nil {
					t.Fatal(err)
				}
				i += n
			}
		}
		got := x.shownFields() + string(x.rec.Bytes(event.ChannelRow))
		if !strings.Contains(got, want) {
			t.Errorf("behind %d bytes: shown %.60q, want %q", pad, got, want)
		}
		if d := x.rec.Calls("Describe"); len(d) != 1 || d[0].Cols[0].Name != "e mail" {
			t.Errorf("described as %+v", d)
		}
	}
	x := start(t, newCaps, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelError, want) })
	x.client(nil, query("insert"))
	x.server(errPk(1), pk(1, errPayload(1062, "23000", "Duplicate@0020entry@0020"+sent)))
}

// A long integer as a DOUBLE has an exponent, and is the integer all the same.
func TestIntegersWithAnExponentAreShownInFull(t *testing.T) {
	def := column("n", mysql.MYSQL_TYPE_DOUBLE, 63, 0)
	def[len(def)-3] = 31 // decimals: not fixed
	value := binary.LittleEndian.AppendUint64(nil, math.Float64bits(4111111111111111))
	for name, gate := range map[string]uint64{"asked for": 1 << 16, "a part of something": 0} {
		for _, isBinary := range []bool{false, true} {
			x := start(t, newCaps, func(r *inspecttest.Recorder) {
				r.GateBits, r.Again = gate, true
				r.SuspectOnly("4111111111111111")
			})
			if isBinary {
				x.client(nil, command(mysql.COM_STMT_PREPARE, "select n"))
				x.server(nil, pk(1, x.prepared(7, 0, 1)...))
				x.client(nil, execute(7, 0))
				x.server(nil, pk(1, x.result(2, [][]byte{def}, binaryRow(value))...))
			} else {
				x.client(nil, query("select n"))
				x.server(nil, pk(1, x.result(2, [][]byte{def}, textRow("4.111111111111111e15"))...))
			}
			if got := x.shownFields(); !strings.Contains(got, "/4111111111111111") {
				t.Errorf("%s, binary %v: shown %q", name, isBinary, got)
			}
		}
	}
	for text, want := range map[string]string{"1.5e3": "1500", "-4e15": "-4000000000000000", "4.5": "", "1.5e-3": "", "1e30": "", "e": "", "1e5x": ""} {
		if got := string(appendInteger(nil, []byte(text))); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// What stands beside a long text is shown as fields: of the first piece at once,
// while nothing of the row has left, and all of it when the row ends.
func TestShortFieldsOfALongRowAreShownAsARow(t *testing.T) {
	cols := [][]byte{column("id", mysql.MYSQL_TYPE_LONG, 63, 0), column("body", 0, 0, 0), column("name", 0, 0, 0)}
	body := strings.Repeat("x", 100_000)
	for _, isBinary := range []bool{false, true} {
		x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits, r.Again = 1<<4|1<<6, true })
		row := textRow("900001", body, "weak")
		if isBinary {
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select id"))
			x.server(nil, pk(1, x.prepared(7, 0, 3)...))
			x.client(nil, execute(7, 0))
			row = binaryRow(le32(900001), str(body), str("weak"))
		} else {
			x.client(nil, query("select id"))
		}
		answer := pk(1, x.result(2, cols, row)...)
		for _, piece := range [][]byte{answer[:80_000], answer[80_000:]} {
			if _, err := x.d.Feed(wire.Server, piece); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := x.shownFields(), "/900001/900001/weak"; got != want {
			t.Errorf("binary %v: shown %q, want %q", isBinary, got, want)
		}
		if d := x.rec.Calls("Done"); len(d) != 1 || d[0].N != 1 {
			t.Errorf("done %+v", d)
		}
	}
	x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits = 1 << 6; r.BlockWhen(event.ChannelRow, "900001") })
	x.client(nil, query("select id"))
	answer := x.result(2, cols, textRow("900001", body, "weak"))
	head := pk(1, answer[:4]...)
	x.server(cat(head, errPk(5)), cat(head, pk(5, answer[4:]...)))
	x.client(nil, query("select 1"))
	x.server(nil, pk(1, x.ok(2)))
}
