package mywire

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// oldCaps and newCaps are what clients of before and after MySQL 5.7 agree to.
const (
	oldCaps = capProtocol41 | capSecure | capPluginAuth | capConnectAttrs | capLocalFiles | capMySQL
	newCaps = oldCaps | capDeprecateEOF | capSessionTrack
)

// pk makes packets with running sequence ids.
func pk(seq byte, payloads ...[]byte) []byte {
	var b []byte
	for _, p := range payloads {
		b = appendPacket(b, seq, p)
		seq++
	}
	return b
}

func str(s string) []byte { return append(appendLenenc(nil, uint64(len(s))), s...) }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func command(cmd byte, body string) []byte { return pk(0, append([]byte{cmd}, body...)) }
func query(sql string) []byte              { return command(mysql.COM_QUERY, sql) }

// column is a definition. typ and charset 0 stand for a varchar in utf8mb4.
func column(name string, typ byte, charset uint16, flags uint16) []byte {
	if typ == 0 {
		typ = mysql.MYSQL_TYPE_VAR_STRING
	}
	if charset == 0 {
		charset = 45
	}
	b := cat(str("def"), str("crm"), str("t"), str("people"), str(name), str("org_"+name), []byte{0x0c})
	b = binary.LittleEndian.AppendUint16(b, charset)
	b = binary.LittleEndian.AppendUint32(b, 80)
	b = append(b, typ)
	b = binary.LittleEndian.AppendUint16(b, flags)
	return append(b, 0, 0, 0)
}

func textRow(fields ...string) []byte {
	var b []byte
	for _, f := range fields {
		if f == "NULL" {
			b = append(b, 0xfb)
		} else {
			b = append(b, str(f)...)
		}
	}
	return b
}

// dialect builds what depends on the agreed capabilities.
type dialect struct{ caps caps }

func (d dialect) ok(status uint16) []byte {
	b := []byte{0, 0, 0}
	b = binary.LittleEndian.AppendUint16(b, status)
	return append(b, 0, 0)
}

func (d dialect) tracked(info string, items ...[]byte) []byte {
	b := d.ok(mysql.SERVER_SESSION_STATE_CHANGED)
	return append(append(b, str(info)...), str(string(cat(items...)))...)
}

func (d dialect) end(status uint16) []byte {
	if d.caps.has(capDeprecateEOF) {
		b := d.ok(status)
		b[0] = 0xfe
		return b
	}
	return binary.LittleEndian.AppendUint16([]byte{0xfe, 0, 0}, status)
}

// head is a column count and definitions.
func (d dialect) head(status uint16, cols ...[]byte) [][]byte {
	out := append([][]byte{{byte(len(cols))}}, cols...)
	if !d.caps.has(capDeprecateEOF) {
		out = append(out, d.end(status))
	}
	return out
}

func (d dialect) result(status uint16, cols [][]byte, rows ...[]byte) [][]byte {
	return append(append(d.head(0, cols...), rows...), d.end(status))
}

func (d dialect) prepared(id uint32, params, cols int) [][]byte {
	b := binary.LittleEndian.AppendUint32([]byte{0}, id)
	b = append(b, byte(cols), 0, byte(params), 0, 0, 0, 0)
	out := [][]byte{b}
	for _, n := range []int{params, cols} {
		for range n {
			out = append(out, column("?", 0, 0, 0))
		}
		if n > 0 && !d.caps.has(capDeprecateEOF) {
			out = append(out, d.end(0))
		}
	}
	return out
}

func errPk(seq byte) []byte { return pk(seq, refusal("", wire.ASCII)) }

func twoColumns() [][]byte { return [][]byte{column("a", 0, 0, 0), column("b", 0, 0, 0)} }

type fixture struct {
	*testing.T
	dialect
	rec *inspecttest.Recorder
	d   *wiretest.Driver
	f   *flow
}

func start(t *testing.T, c caps, script func(*inspecttest.Recorder)) *fixture {
	t.Helper()
	x := &fixture{T: t, rec: inspecttest.New(), dialect: dialect{c}}
	if script != nil {
		script(x.rec)
	}
	who := event.Client{User: "app", Database: "crm"}
	sess, _ := x.rec.Open(who)
	x.f = newFlow(flowOptions{
		Session: sess, Who: &who, Caps: c, Open: x.rec.Open, Replicas: map[string]bool{"replica": true},
		Secure: [2]bool{true, true}, Safe: true, Statement: 4096,
	})
	x.d = &wiretest.Driver{Flow: x.f, Poison: true}
	t.Cleanup(func() {
		for _, p := range x.rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
	return x
}

// both runs a test with and without DEPRECATE_EOF.
func both(t *testing.T, script func(*inspecttest.Recorder), test func(*fixture)) {
	for name, c := range map[string]caps{"EOF": oldCaps, "DEPRECATE_EOF": newCaps} {
		t.Run(name, func(t *testing.T) { test(start(t, c, script)) })
	}
}

// client sends bytes and expects the server to get want (nil: the same).
func (x *fixture) client(want, sent []byte) {
	x.Helper()
	x.exchange(wire.Client, want, sent)
}

func (x *fixture) server(want, sent []byte) {
	x.Helper()
	x.exchange(wire.Server, want, sent)
}

var nothing = []byte{}

func (x *fixture) exchange(from wire.Side, want, sent []byte) {
	x.Helper()
	if want == nil {
		want = sent
	}
	sent = bytes.Clone(sent)
	got, err := x.d.Feed(from, sent)
	if err != nil {
		x.Fatalf("%s: %v", from, err)
	}
	if !bytes.Equal(got, want) {
		x.Fatalf("from %s\n got %q\nwant %q", from, got, want)
	}
}

// broken expects the side to be accused of breaking the protocol.
func (x *fixture) broken(from wire.Side, sent []byte, text string) {
	x.Helper()
	_, err := x.d.Feed(from, sent)
	if err == nil || !strings.Contains(err.Error(), text) {
		x.Fatalf("%s: %v, want an error with %q", from, err, text)
	}
}

func (x *fixture) methods() string {
	var out []string
	for _, m := range x.rec.Methods() {
		if m != "Suspect" {
			out = append(out, m)
		}
	}
	return strings.Join(out, " ")
}
