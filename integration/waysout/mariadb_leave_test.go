package waysout

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/rules"
)

// myModes are the modes of a statement, with a kind of client for each.
var myModes = []struct {
	name string
	caps uint32
	run  func(x *myTry, sql string)
}{
	{"text", oldCaps, func(x *myTry, sql string) { x.query(sql) }},
	{"binary", mariaCaps, func(x *myTry, sql string) { x.binary(sql) }},
	{"cursor", newCaps, func(x *myTry, sql string) { x.cursor(sql, 150) }},
}

// attempts are the modes in which a way is tried.
func (w myWay) attempts() []string {
	switch {
	case w.do != nil:
		return []string{w.channel}
	case w.text:
		return []string{"text"}
	case w.channel != "row", w.nocursor:
		return []string{"text", "binary"}
	}
	return []string{"text", "binary", "cursor"}
}

// start connects in the way's mode.
func (w myWay) start(t *testing.T, p *tap, mode string) *myTry {
	caps := uint32(mariaCaps)
	for _, m := range myModes {
		if m.name == mode {
			caps = m.caps
		}
	}
	return &myTry{myTalk: dialMy(t, p.port(), caps), port: p.port(), mode: mode}
}

func (w myWay) run(x *myTry) {
	if w.do != nil {
		w.do(x)
		return
	}
	for _, m := range myModes {
		if m.name == x.mode {
			m.run(x, w.sql)
		}
	}
}

func (w myWay) rule() string {
	if w.inbound && !w.echoed {
		return rules.ValuePresented
	}
	return rules.RowRead
}

// allMyWays are those of a kind of server.
func allMyWays(r myserver.Release) []myWay {
	ws := of(r, slices.Concat(myRowWays, myWeakWays, myErrorWays, myOtherWays, myInboundWays))
	if r.Kind == myserver.MySQL {
		ws = append(ws, had(r, onlyInMySQL)...)
	}
	return filled(ws)
}

// filled puts what goes without saying into ways.
func filled(ws []myWay) []myWay {
	for i := range ws {
		w := &ws[i]
		if w.channel == "" {
			w.channel = "row"
		}
		if w.schema == "" {
			w.schema = "crm"
		}
		if w.stmt == "" {
			w.stmt = w.sql[:min(len(w.sql), 60)]
		}
	}
	return ws
}

// followed checks that the proxy understood every packet of the last session.
func (f *farm) followed(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(f.log.take()) {
		if strings.Contains(line, `"op":"protocol"`) {
			t.Errorf("the proxy could not follow a session: %s", line)
		}
	}
}

// The value of the card as it stands in a binary row.
func cardBinary() string {
	n, _ := strconv.ParseUint(honeyCard, 10, 64)
	return string(binary.LittleEndian.AppendUint64(nil, n))
}

func TestEveryWayOutOfMariaDBIsRefusedAndTheSessionGoesOn(t *testing.T) {
	f := mariadb(t)
	hidden := append([]string{cardBinary()}, secrets...)
	for _, w := range allMyWays(f.release) {
		for _, mode := range w.attempts() {
			t.Run(w.name+"/"+mode, func(t *testing.T) {
				p := newTap(t, &f.block)
				x := w.start(t, p, mode)
				if w.inbound {
					x.admin("truncate inbox")
				}
				if w.cut {
					w.runCut(x)
				} else {
					w.run(x)
					x.query("rollback")
					x.need("set names utf8mb4")
					x.need("select 'still here'")
					if x.status&1 != 0 || len(x.rows) != 1 || string(x.rows[0][1:]) != "still here" {
						t.Errorf("after the refusal: status %x, rows %q", x.status, x.rows)
					}
				}
				x.close()
				got := f.block.take(t)
				f.followed(t)
				if len(got) != 1 || got[0].Action != event.Block {
					t.Errorf("%d detections, want 1 that blocks", len(got))
					for _, d := range got {
						t.Logf("%s: %s %+v", d.Rule, d.Summary, d.Statement)
					}
				}
				b := p.bytes()
				if !w.cut && !bytes.Contains(b, []byte("\xff\x76\x04#42000command denied")) {
					t.Errorf("no error 1142 in %.300q", tail(b, 300))
				}
				narrow := bytes.ReplaceAll(b, []byte{0}, nil)
				for _, s := range hidden {
					if i := bytes.Index(b, []byte(s)); i >= 0 {
						t.Errorf("received: %.100q", b[max(0, i-50):])
					} else if i := bytes.Index(narrow, []byte(s)); i >= 0 {
						t.Errorf("received in a wide character set: %.100q", narrow[max(0, i-50):])
					}
				}
				if n := x.ask("select count(*) from inbox where v is not null"); w.inbound && n != "0" {
					t.Errorf("%s values have come to the server", n)
				}
			})
		}
	}
}

// runCut runs a way in whose middle the session ends.
func (w myWay) runCut(x *myTry) {
	switch {
	case w.do != nil:
		w.do(x)
		return
	case x.mode == "text":
		x.command(3, w.sql)
	default:
		id := x.prepare(w.sql)
		x.command(0x17, executeBody(id, 0))
	}
	x.drain()
}
