package mywire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// startHeld is start with results kept back.
func startHeld(t *testing.T, c caps, h wire.HoldConfig, script func(*inspecttest.Recorder)) *fixture {
	t.Helper()
	x := start(t, c, script)
	x.rec.Quiet = true
	h.SetDefaults()
	x.f.opts.Hold = h
	x.f.hold = newHeld(h, &x.f.count.Held)
	x.d = &wiretest.Driver{Flow: x.f, Poison: true}
	return x
}

// scene is what a client asks and a server answers, in packets that are
// given their sequence ids; nil begins a new command's answer.
type scene struct {
	prepare [2][]byte
	asks    []byte
	answers [][]byte
}

func (g *scene) stream(answers [][]byte) []byte {
	var b []byte
	seq := byte(1)
	for _, p := range answers {
		if p == nil {
			seq = 1
			continue
		}
		for ; len(p) >= maxPacket; p = p[maxPacket:] {
			b = appendPacket(b, seq, p[:maxPacket])
			seq++
		}
		b = appendPacket(b, seq, p)
		seq++
	}
	return b
}

var bigText = strings.Repeat("wide ", 40_000)

func scenes(d dialect) map[string]scene {
	cols := twoColumns()
	more := uint16(mysql.SERVER_MORE_RESULTS_EXISTS)
	prepared := [2][]byte{command(mysql.COM_STMT_PREPARE, "select ?"), pk(1, d.prepared(7, 0, 2)...)}
	return map[string]scene{
		"text":            {asks: query("1"), answers: d.result(2, cols, textRow("1", "a"), textRow("2", "b"), textRow("3", "c"))},
		"several results": {asks: query("1; 2; 3"), answers: cat2(d.result(more, cols, textRow("1", "a")), [][]byte{d.ok(more)}, d.result(2, cols, textRow("2", "b"), textRow("3", "c")))},
		"pipelined":       {asks: cat(query("1"), query("2")), answers: cat2(d.result(2, cols, textRow("1", "a"), textRow("2", "b")), [][]byte{nil}, d.result(2, cols, textRow("3", "c")))},
		"prepared":        {prepare: prepared, asks: execute(7, 0), answers: d.result(2, cols, binaryRow(str("1"), str("a")), binaryRow(str("2"), str("b")))},
		"cursor": {prepare: prepared, asks: cat(execute(7, 1), fetchRows(7, 2), fetchRows(7, 2)), answers: cat2(opened(d, cols), [][]byte{nil},
			[][]byte{binaryRow(str("1"), str("a")), binaryRow(str("2"), str("b")), d.end(mysql.SERVER_STATUS_CURSOR_EXISTS)}, [][]byte{nil},
			[][]byte{binaryRow(str("3"), str("c")), d.end(mysql.SERVER_STATUS_LAST_ROW_SEND)})},
		"error behind rows": {asks: query("1"), answers: append(append(d.head(0, cols...), textRow("1", "a"), textRow("2", "b")), errPayload(1242, "21000", "too many"))},
		"large":             {asks: query("1"), answers: d.result(2, cols, textRow("1", "a"), textRow("2", bigText), textRow("3", "c"))},
		"fields":            {asks: command(mysql.COM_FIELD_LIST, "t\x00"), answers: [][]byte{column("a", 0, 0, 0), column("b", 0, 0, 0), d.end(2)}},
		"ok":                {asks: cat(query("1"), query("2")), answers: cat2([][]byte{d.ok(2), nil}, d.result(2, cols))},
	}
}

func cat2(parts ...[][]byte) [][]byte { return slices.Concat(parts...) }

// opened is the answer of an execution that opens a cursor.
func opened(d dialect, cols [][]byte) [][]byte {
	out := d.head(mysql.SERVER_STATUS_CURSOR_EXISTS, cols...)
	if d.caps.has(capDeprecateEOF) {
		out = append(out, d.end(mysql.SERVER_STATUS_CURSOR_EXISTS))
	}
	return out
}

// eachScene runs a test on each scene, with and without DEPRECATE_EOF.
func eachScene(t *testing.T, test func(t *testing.T, c caps, name string, g scene)) {
	for kind, c := range map[string]caps{"EOF": oldCaps, "DEPRECATE_EOF": newCaps} {
		for name, g := range scenes(dialect{c}) {
			if name == "cursor" && kind == "DEPRECATE_EOF" {
				continue // nothing tells that a cursor has opened before its EOF
			}
			t.Run(kind+", "+name, func(t *testing.T) { test(t, c, name, g) })
		}
	}
}

func (x *fixture) begin(g scene) {
	x.Helper()
	if g.prepare[0] != nil {
		x.client(nil, g.prepare[0])
		x.server(nil, g.prepare[1])
	}
	x.client(nil, g.asks)
}

func TestHoldChangesNoByteWhateverTheSplit(t *testing.T) {
	eachScene(t, func(t *testing.T, c caps, _ string, g scene) {
		for _, h := range []wire.HoldConfig{{Size: 1}, {Size: 130}, {}, {Size: 1 << 20}, {Size: 1 << 20, Beyond: wire.BeyondRefuse, Time: time.Second}} {
			r := rand.New(rand.NewPCG(1, uint64(h.Size)))
			want := g.stream(g.answers)
			for n := 0; n < 30; n += 1 + 5*(len(want)>>16) {
				x := startHeld(t, c, h, nil)
				x.begin(g)
				var got []byte
				for rest := want; len(rest) > 0; {
					k := min(1+len(want)>>12+r.IntN(1+1<<(n%17)), len(rest))
					out, err := x.d.Feed(wire.Server, rest[:k])
					if err != nil {
						t.Fatal(err)
					}
					got, rest = append(got, out...), rest[k:]
					if h.Beyond != wire.BeyondRefuse && r.IntN(4) == 0 {
						got = append(got, x.d.Wait()...)
					}
					if !bytes.HasPrefix(want, got) {
						t.Fatalf("got %.200q, want %.200q", got, want)
					}
				}
				if x.d.Held() > 0 || !bytes.Equal(got, want) || !x.f.AtRest() {
					t.Fatalf("%d bytes are kept back for ever; got %d of %d", x.d.Held(), len(got), len(want))
				}
			}
		}
	})
}

// Whichever row is refused and however the stream is cut: nothing of the
// result, and the error has the sequence id that the client expects.
func TestNothingOfARefusedResultLeaves(t *testing.T) {
	eachScene(t, func(t *testing.T, c caps, name string, g scene) {
		for n, p := range g.answers {
			at := slices.IndexFunc([]string{"a", "b", "c"}, func(s string) bool { return bytes.HasSuffix(p, str(s)) })
			if at < 0 {
				continue
			}
			answers := slices.Clone(g.answers)
			answers[n] = append(bytes.Clone(p[:len(p)-2]), str("honey")...)
			want := withheld(&g, answers, n, name)
			for k := 0; k < 18; k += 3 + 3*(len(want)>>16) {
				x := startHeld(t, c, wire.HoldConfig{Size: 1 << 20}, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
				x.begin(g)
				got, err := x.d.FeedSplit(rand.New(rand.NewPCG(uint64(k), 1)), wire.Server, g.stream(answers), 1+len(want)>>8+1<<k)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("packet %d\n got %.300q\nwant %.300q", n, got, want)
				}
				if x.f.count.Held.Withheld.Load() != 1 || !x.f.AtRest() {
					t.Fatal("not counted, or not over")
				}
			}
		}
	})
}

// withheld is what the client gets if packet n is refused: all up to its
// result, the refusal, and the answers of the commands behind.
func withheld(g *scene, answers [][]byte, n int, name string) []byte {
	from := 0
	for i, p := range answers[:n] {
		if p == nil || p[0] == mysql.EOF_HEADER && endsRows(answers, i) || len(p) == 7 && p[0] == 0 {
			from = i + 1
		}
	}
	out := append(slices.Clone(answers[:from]), refusal("", wire.ASCII))
	for i := n; i < len(answers); i++ {
		if answers[i] != nil {
			continue
		}
		if name == "cursor" { // it is closed: what is fetched from it is refused
			return append(g.stream(out), errPk(1)...)
		}
		out = append(out, answers[i:]...)
		break
	}
	return g.stream(out)
}

// endsRows tells an EOF behind rows from one behind definitions.
func endsRows(answers [][]byte, i int) bool {
	return i == 0 || answers[i-1] == nil || !bytes.Contains(answers[i-1], []byte("org_"))
}

func TestResultBeyondTheHoldIsRefusedWhateverTheSplit(t *testing.T) {
	for _, name := range []string{"text", "several results", "pipelined", "prepared", "large"} {
		for _, c := range []caps{oldCaps, newCaps} {
			d := dialect{c}
			g := scenes(d)[name]
			stream := g.stream(g.answers)
			// The first row fits.
			size := len(pk(1, append(d.head(0, twoColumns()...), textRow("1", "a"))...))
			h := wire.HoldConfig{Size: size, Beyond: wire.BeyondRefuse, Time: time.Second}
			var want []byte
			for k := 0; k < 18; k += 3 + 3*(len(stream)>>16) {
				x := startHeld(t, c, h, nil)
				x.begin(g)
				got, err := x.d.FeedSplit(rand.New(rand.NewPCG(uint64(k), 1)), wire.Server, stream, 1+len(stream)>>8+1<<k)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(got, []byte("hold.size")) {
					t.Fatalf("%s: got %q", name, got)
				}
				if want == nil {
					want = got
				} else if !bytes.Equal(got, want) {
					t.Fatalf("%s: the split decides: %q or %q", name, got, want)
				}
				if x.f.count.Held.Exceeded.Load() != 1 || !x.f.AtRest() {
					t.Fatalf("%s: not counted, or not over", name)
				}
			}
		}
	}
}

func TestSlowResultIsHeldForALimitedTime(t *testing.T) {
	d := dialect{newCaps}
	head := d.head(0, twoColumns()...)
	n := byte(len(head))
	x := startHeld(t, newCaps, wire.HoldConfig{}, nil)
	x.client(nil, query("1"))
	first := pk(1, append(head, textRow("1", "a"))...)
	x.server(nothing, first)
	if m := x.f.Farewell(wire.Killed, "d-1"); m[3] != 1 || !bytes.Contains(m, []byte("d-1")) {
		t.Fatalf("a client that has nothing of the result is told %q", m)
	}
	if got := x.d.Wait(); !bytes.Equal(got, first) {
		t.Fatalf("got %q", got)
	}
	if m := x.f.Farewell(wire.Killed, ""); m[3] != n+2 {
		t.Fatalf("a client that has part of the result is told %q", m)
	}
	x.server(nil, pk(n+2, textRow("2", "b"))) // from then on a stream
	x.server(nil, pk(n+3, d.end(2)))
	x.client(nil, query("2"))
	x.server(nothing, first) // the next one is held again

	x = startHeld(t, newCaps, wire.HoldConfig{Size: 1000, Beyond: wire.BeyondRefuse, Time: time.Second}, nil)
	x.client(nil, query("1"))
	x.server(nothing, first)
	if got := x.d.Wait(); got[3] != 1 || !bytes.Contains(got, []byte("hold.time")) {
		t.Fatalf("got %q", got)
	}
	x.server(nothing, pk(n+2, textRow("2", "b"), d.end(2)))
	if !x.f.AtRest() || x.f.count.Held.Overdue.Load() != 1 {
		t.Fatal("not over, or not counted")
	}
}

func TestSessionCutInAHeldRowCanBeTold(t *testing.T) {
	d := dialect{newCaps}
	x := startHeld(t, newCaps, wire.HoldConfig{Size: 1 << 20}, nil)
	x.client(nil, query("1"))
	stream := pk(1, append(d.head(0, twoColumns()...), textRow("1", bigText))...)
	if out, err := x.d.Feed(wire.Server, stream[:100_000]); err != nil || len(out) > 0 {
		t.Fatal(fmt.Sprintf("%d bytes", len(out)), err)
	}
	if m := x.f.Farewell(wire.Shutdown, ""); m == nil || m[3] != 1 {
		t.Fatalf("%q", m)
	}
	x.d.Wait()
	if x.f.Farewell(wire.Shutdown, "") != nil {
		t.Fatal("a message in the middle of a packet")
	}
}
