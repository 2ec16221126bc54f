package mywire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// randomValue makes a value of a column in the binary protocol and its text.
func randomValue(r *rand.Rand, c field, needles []string) (raw []byte, text string) {
	bits := r.Uint64() >> r.IntN(64)
	switch n := c.integer(); {
	case n > 0:
		raw = binary.LittleEndian.AppendUint64(nil, bits)[:n]
		if r.IntN(20) == 0 && n == 8 {
			raw = binary.LittleEndian.AppendUint64(nil, 4111111111111111)
		}
		v := binary.LittleEndian.Uint64(append(bytes.Clone(raw), make([]byte, 8)...))
		switch {
		case c.typ == mysql.MYSQL_TYPE_YEAR:
			text = fmt.Sprintf("%04d", v)
		case c.unsigned:
			text = fmt.Sprintf("%0*d", c.width, v)
		default:
			text = fmt.Sprint(int64(v<<(64-8*n)) >> (64 - 8*n))
		}
		return raw, text
	case c.typ == mysql.MYSQL_TYPE_DOUBLE:
		d := float64(r.IntN(1e9)) / 1000
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(d)), string(c.appendText(nil, binary.LittleEndian.AppendUint64(nil, math.Float64bits(d))))
	case c.typ == mysql.MYSQL_TYPE_DATETIME:
		if r.IntN(4) == 0 {
			return []byte{0}, "0000-00-00 00:00:00"
		}
		d, s := 1+r.IntN(28), r.IntN(60)
		return []byte{7, 0xea, 0x07, 11, byte(d), 1, 2, byte(s)}, fmt.Sprintf("2026-11-%02d 01:02:%02d", d, s)
	case c.typ == mysql.MYSQL_TYPE_DATE:
		d := 1 + r.IntN(28)
		return []byte{4, 0xea, 0x07, 11, byte(d)}, fmt.Sprintf("2026-11-%02d", d)
	case c.typ == mysql.MYSQL_TYPE_TIME:
		return []byte{8, 1, 1, 0, 0, 0, 2, 3, 4}, "-26:03:04"
	}
	text = strings.Repeat("x", r.IntN(12+r.IntN(400)))
	if r.IntN(20) == 0 {
		text += needles[r.IntN(len(needles))]
	}
	if c.wide == utf16be {
		var wide []byte
		for _, b := range []byte(text) {
			wide = append(wide, 0, b)
		}
		return str(string(wide)), text
	}
	return str(text), text
}

// Whatever the watch asks for is shown, with the text that it has in the text
// protocol, in whatever pieces the answer comes: the shortcuts over rows that
// need no look lose nothing.
func TestNoShortcutLosesAField(t *testing.T) {
	needles := []string{"honey@corp.example", "4111111111111111", "2026-11-07 01:02", "-11-03 01:02"}
	types := []byte{
		mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_LONGLONG,
		mysql.MYSQL_TYPE_YEAR, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_TIME,
		mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_VAR_STRING,
	}
	shown := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(7, seed))
		isBinary := r.IntN(3) > 0
		var gate uint64
		for range r.IntN(4) {
			gate |= 1 << r.IntN(30)
		}
		var fields []field
		var defs [][]byte
		wants := map[int]bool{}
		for i := range 1 + r.IntN(9) {
			c := field{typ: types[r.IntN(len(types))]}
			flags, charset := uint16(0), uint16(63)
			if c.integer() > 0 && r.IntN(3) == 0 {
				c.unsigned, flags = true, mysql.UNSIGNED_FLAG
				if r.IntN(3) == 0 {
					c.width, flags = 64, flags|mysql.ZEROFILL_FLAG // column's width is 80
				}
			}
			if c.size() == sizeLenenc {
				if charset = 45; isBinary && r.IntN(4) == 0 {
					charset, c.wide = 54, utf16be
				}
			}
			if r.IntN(12) == 0 {
				wants[i] = true
			}
			fields, defs = append(fields, c), append(defs, column(fmt.Sprint(i), c.typ, charset, flags))
		}
		x := start(t, newCaps, func(rec *inspecttest.Recorder) {
			rec.Quiet, rec.GateBits = true, gate
			rec.SuspectOnly(needles...)
			rec.WantsFunc = func(_ inspect.Column, i int) bool { return wants[i] }
		})
		var rows [][]byte
		var texts [][]string
		for range r.IntN(200) {
			var values [][]byte
			var text []string
			for _, c := range fields {
				raw, s := randomValue(r, c, needles)
				if r.IntN(10) == 0 {
					raw, s = nil, "NULL"
				}
				values, text = append(values, raw), append(text, s)
			}
			if isBinary {
				rows = append(rows, binaryRow(values...))
			} else {
				rows = append(rows, textRow(text...))
			}
			texts = append(texts, text)
		}
		if isBinary {
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select 1"))
			x.server(nil, pk(1, x.prepared(7, 0, len(fields))...))
			x.client(nil, execute(7, 0))
		} else {
			x.client(nil, query("select 1"))
		}
		sent := pk(1, x.result(2, defs, rows...)...)
		if out, err := x.d.FeedSplit(r, wire.Server, sent, 1+r.IntN(30_000)); err != nil || !bytes.Equal(out, sent) {
			t.Fatalf("seed %d: %v, %d bytes of %d", seed, err, len(out), len(sent))
		}
		calls := map[int]inspecttest.Call{}
		for _, c := range x.rec.Calls("Row") {
			calls[int(c.N)-1] = c
		}
		shown += len(calls)
		for i, text := range texts {
			for col, s := range text {
				must := gate>>min(len(s), 63)&1 != 0 || wants[col]
				for _, n := range needles {
					must = must || strings.Contains(s, n)
				}
				if s == "NULL" || !must {
					continue
				}
				c := calls[i]
				if got, ok := c.Field(col); !ok || string(got) != s {
					t.Fatalf("seed %d, binary %v, row %d, column %d of type %d: %q was shown as %q (%v)", seed, isBinary, i, col, fields[col].typ, s, got, ok)
				}
			}
		}
		if d := x.rec.Calls("Done"); len(d) != 1 || d[0].N != uint64(len(rows)) {
			t.Fatalf("seed %d: done %+v", seed, d)
		}
	}
	if shown < 1000 {
		t.Errorf("only %d rows were shown", shown)
	}
}

// A row whose fields do not add up is refused, whatever is looked at in it.
func TestRowsThatDoNotAddUpEndTheSession(t *testing.T) {
	for _, gate := range []uint64{1 << 40, 1, ^uint64(0)} {
		for name, row := range map[string][]byte{
			"short": binaryRow(le32(1), str("abc"))[:6], "long": append(binaryRow(le32(1), str("abc")), 0),
			"a huge text": append(binaryRow(le32(1)), 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "no text": binaryRow(le32(1)), "no bitmap": {0},
		} {
			x := start(t, newCaps, func(r *inspecttest.Recorder) { r.GateBits = gate; r.SuspectOnly("honey") })
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select 1"))
			x.server(nil, pk(1, x.prepared(7, 0, 2)...))
			x.client(nil, execute(7, 0))
			x.server(nil, pk(1, x.head(0, column("a", mysql.MYSQL_TYPE_LONG, 63, 0), column("b", 0, 0, 0))...))
			if _, err := x.d.Feed(wire.Server, pk(4, row)); err == nil {
				t.Errorf("gate %x: a %s row passes", gate, name)
			}
			if got := x.rec.Bytes(event.ChannelRow); len(got) > 0 {
				t.Errorf("gate %x, %s: %q", gate, name, got)
			}
		}
	}
}
