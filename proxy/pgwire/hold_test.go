package pgwire

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// startHeld is start with results kept back.
func startHeld(t *testing.T, c wire.HoldConfig, script func(*inspecttest.Recorder)) *fixture {
	t.Helper()
	x := &fixture{T: t, rec: inspecttest.New()}
	x.rec.Quiet = true
	if script != nil {
		script(x.rec)
	}
	c.SetDefaults()
	sess, _ := x.rec.Open(event.Client{})
	x.f = newFlow(flowOptions{
		Session: sess, Status: 'I', Hold: c, Held: new(wire.HoldCounters),
		Cancel: func(context.Context) error { x.cancels++; return nil },
	}).(*flow)
	x.d = &wiretest.Driver{Flow: x.f, Poison: true}
	t.Cleanup(func() {
		for _, p := range x.rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
	return x
}

var (
	copyOutText = &pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0}}
	suspended   = &pgproto3.PortalSuspended{}
	notice      = &pgproto3.NoticeResponse{Severity: "NOTICE", Message: "half-way"}
	notified    = &pgproto3.NotificationResponse{PID: 1, Channel: "c", Payload: "news"}
	status      = &pgproto3.ParameterStatus{Name: "TimeZone", Value: "UTC"}
	bigRow      = row(strings.Repeat("wide ", 40_000))
)

// dialogue is what a client asks and a server answers.
type dialogue struct {
	asks, answers []encoder
}

func dialogues() map[string]dialogue {
	b, d, e := &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}
	p := &pgproto3.Parse{Query: "select a from t"}
	return map[string]dialogue{
		"simple": {[]encoder{query("select a from t")}, []encoder{columns("a"), row("1"), row("2"), row("3"), done("SELECT 3"), readyIdle}},
		"several results": {[]encoder{query("select 1; update t; select 2")}, []encoder{
			columns("a"), row("1"), done("SELECT 1"), done("UPDATE 1"), columns("b"), row("2"), row("3"), done("SELECT 2"), readyIdle,
		}},
		"pipelined": {[]encoder{p, b, d, e, b, d, e, syncMsg, query("select 2")}, []encoder{
			parsed, bound, columns("a"), row("1"), row("2"), done("SELECT 2"), bound, columns("a"), row("3"), done("SELECT 1"), readyIdle,
			columns("c"), row("4"), done("SELECT 1"), readyIdle,
		}},
		"suspended": {[]encoder{p, b, d, e, e, e, syncMsg}, []encoder{
			parsed, bound, columns("a"), row("1"), row("2"), suspended, row("3"), row("4"), suspended, row("5"), done("SELECT 1"), readyIdle,
		}},
		"copy":      {[]encoder{query("copy t to stdout")}, append(append([]encoder{copyOutText}, copyMessages("1\n", "2\n", "3\n")...), &pgproto3.CopyDone{}, done("COPY 3"), readyIdle)},
		"copy both": {[]encoder{query("start_replication")}, []encoder{&pgproto3.CopyBothResponse{}, &pgproto3.CopyData{Data: []byte("w")}}},
		"asides": {[]encoder{query("select a from t")}, []encoder{
			columns("a"), row("1"), notice, status, row("2"), notified, done("SELECT 2"), status, readyIdle, notified,
		}},
		"error behind rows": {[]encoder{query("select a from t")}, []encoder{columns("a"), row("1"), row("2"), failed("22012", "division by zero"), readyIdle}},
		"large":             {[]encoder{query("select a from t")}, []encoder{columns("a"), row("1"), bigRow, row("2"), done("SELECT 3"), readyIdle}},
		"empty":             {[]encoder{query(""), query("select a from t")}, []encoder{&pgproto3.EmptyQueryResponse{}, readyIdle, columns("a"), done("SELECT 0"), readyIdle}},
	}
}

func TestHoldChangesNoByteWhateverTheSplit(t *testing.T) {
	for name, g := range dialogues() {
		for _, c := range []wire.HoldConfig{{Size: 1}, {Size: 40}, {}, {Size: 1 << 20}, {Size: 1 << 20, Beyond: wire.BeyondRefuse, Time: time.Second}} {
			t.Run(fmt.Sprintf("%s, %d bytes %s", name, c.Size, c.Beyond), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(c.Size)))
				want := enc(t, g.answers...)
				for n := 0; n < 30; n += 1 + 5*(len(want)>>16) {
					x := startHeld(t, c, nil)
					x.client(nil, g.asks...)
					var got []byte
					for rest := want; len(rest) > 0; {
						k := min(1+len(want)>>12+r.IntN(1+1<<(n%17)), len(rest))
						out, err := x.d.Feed(wire.Server, rest[:k])
						if err != nil {
							t.Fatal(err)
						}
						got, rest = append(got, out...), rest[k:]
						if c.Beyond != wire.BeyondRefuse && r.IntN(4) == 0 {
							got = append(got, x.d.Wait()...)
						}
						if !bytes.HasPrefix(want, got) {
							t.Fatalf("got %.200q, want %.200q", got, want)
						}
					}
					if x.d.Held() > 0 || !bytes.Equal(got, want) {
						t.Fatalf("%d bytes are kept back for ever; got %d of %d", x.d.Held(), len(got), len(want))
					}
				}
			})
		}
	}
}

// Whichever row is refused and however the stream is cut: nothing of the result.
func TestNothingOfARefusedResultLeaves(t *testing.T) {
	for name, g := range dialogues() {
		for n, m := range g.answers {
			dr, isRow := m.(*pgproto3.DataRow)
			cd, isCopy := m.(*pgproto3.CopyData)
			if !isRow && !isCopy || name == "copy both" {
				continue
			}
			answers := slices.Clone(g.answers)
			if isRow {
				answers[n] = &pgproto3.DataRow{Values: [][]byte{append(bytes.Clone(dr.Values[0]), "honey"...)}}
			} else {
				answers[n] = &pgproto3.CopyData{Data: append([]byte("honey"), cd.Data...)}
			}
			t.Run(fmt.Sprintf("%s, message %d", name, n), func(t *testing.T) {
				want, end := withheld(t, refusal("ERROR", denied), answers, n)
				r := rand.New(rand.NewPCG(uint64(n), 1))
				step := 3
				if testing.Short() {
					step = 9
				}
				for k := 0; k < 20; k += step + step*(len(want)>>16) {
					x := startHeld(t, wire.HoldConfig{Size: 1 << 20}, func(r *inspecttest.Recorder) { r.BlockWhen("", "honey") })
					x.client(nil, g.asks...)
					got, err := x.d.FeedSplit(r, wire.Server, enc(t, answers...), 1+len(want)>>8+1<<k)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, want) {
						t.Fatalf("got %.300q\nwant %.300q", got, want)
					}
					if x.f.held().Withheld.Load() != 1 {
						t.Fatal("not counted")
					}
					if done := x.rec.Calls("Done"); len(done) > 0 && end && done[0].N != before(answers, n) {
						t.Fatalf("%d rows are said to have left, want %d", done[0].N, before(answers, n))
					}
				}
			})
		}
	}
}

func (f *flow) held() *wire.HoldCounters { return f.opts.Held }

// withheld is what the client gets if message n is refused: all up to the
// result, what is not of the result, the refusal, and what follows the next
// ReadyForQuery. first: it is the first result of its run.
func withheld(t *testing.T, refusal []byte, answers []encoder, n int) (want []byte, first bool) {
	from := 0
	first = true
	for i, m := range answers[:n] {
		switch m.(type) {
		case *pgproto3.RowDescription, *pgproto3.CopyOutResponse, *pgproto3.DataRow, *pgproto3.CopyData, *pgproto3.NoticeResponse, *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
		case *pgproto3.CommandComplete, *pgproto3.PortalSuspended:
			from, first = i+1, false
		default:
			from = i + 1
		}
	}
	want = enc(t, answers[:from]...)
	for _, m := range answers[from:n] {
		switch m.(type) {
		case *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
			want = append(want, enc(t, m)...)
		}
	}
	want = append(want, refusal...)
	dropping := true
	for _, m := range answers[n:] {
		switch m.(type) {
		case *pgproto3.ReadyForQuery:
			dropping = false
		case *pgproto3.ParameterStatus, *pgproto3.NotificationResponse:
			want = append(want, enc(t, m)...)
			continue
		}
		if !dropping {
			want = append(want, enc(t, m)...)
		}
	}
	return want, first
}

// before counts the rows that had left before the result of message n.
func before(answers []encoder, n int) (rows uint64) {
	var in uint64
	for _, m := range answers[:n] {
		switch m.(type) {
		case *pgproto3.DataRow, *pgproto3.CopyData:
			in++
		case *pgproto3.CommandComplete, *pgproto3.PortalSuspended:
			rows, in = rows+in, 0
		}
	}
	return rows
}

func TestResultBeyondTheHoldIsRefusedWhateverTheSplit(t *testing.T) {
	for name, size := range map[string]int{"simple": 40, "copy": 20, "several results": 45, "pipelined": 45, "suspended": 40, "large": 1000} {
		g := dialogues()[name]
		t.Run(name, func(t *testing.T) {
			stream := enc(t, g.answers...)
			var want []byte
			for k := 0; k < 18; k += 3 + 3*(len(stream)>>16) {
				x := startHeld(t, wire.HoldConfig{Size: size, Beyond: wire.BeyondRefuse, Time: time.Second}, nil)
				x.client(nil, g.asks...)
				got, err := x.d.FeedSplit(rand.New(rand.NewPCG(uint64(k), 1)), wire.Server, stream, 1+len(stream)>>8+1<<k)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(got, []byte("54000")) || !bytes.Contains(got, []byte("hold.size")) || !bytes.HasSuffix(got, enc(t, readyIdle)) {
					t.Fatalf("got %q", got)
				}
				if want == nil {
					want = got
				} else if !bytes.Equal(got, want) {
					t.Fatalf("the split decides: %q or %q", got, want)
				}
				if x.f.held().Exceeded.Load() != 1 || !x.f.AtRest() {
					t.Fatal("not counted, or not over")
				}
			}
		})
	}
}

func TestSlowResultIsHeldForALimitedTime(t *testing.T) {
	x := startHeld(t, wire.HoldConfig{}, nil)
	x.client(nil, query("select a from t"))
	x.server([]byte{}, columns("a"), row("1"))
	if got, want := x.d.Wait(), enc(t, columns("a"), row("1")); !bytes.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	x.server(nil, row("2")) // from then on a stream
	x.server(nil, row("3"), done("SELECT 3"), readyIdle)
	x.client(nil, query("select a from t"))
	x.server([]byte{}, columns("a"), row("1")) // the next one is held again

	x = startHeld(t, wire.HoldConfig{Size: 1000, Beyond: wire.BeyondRefuse, Time: time.Second}, nil)
	x.client(nil, query("select a from t"))
	x.server([]byte{}, columns("a"), row("1"))
	if got := x.d.Wait(); !bytes.Contains(got, []byte("54000")) || !bytes.Contains(got, []byte("hold.time")) {
		t.Fatalf("got %q", got)
	}
	if x.cancels != 1 {
		t.Fatalf("%d cancels", x.cancels)
	}
	x.server(enc(t, readyIdle), row("2"), failed("57014", "canceled"), readyIdle)
}

// Describe without Execute behind it: the client waits for the columns.
func TestWhatTheClientWaitsForIsNotHeld(t *testing.T) {
	x := startHeld(t, wire.HoldConfig{}, nil)
	d := &pgproto3.Describe{ObjectType: 'P'}
	x.client(nil, &pgproto3.Parse{Query: "select a from t"}, &pgproto3.Bind{}, d, &pgproto3.Flush{})
	x.server(nil, parsed, bound, columns("a"))
	x.client(nil, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Flush{})
	x.server([]byte{}, row("1"))
	x.server(enc(t, row("1"), suspended), suspended)
	x.client(nil, query("copy t from stdin"))
}

func TestResultWithNothingToLookForIsNotHeld(t *testing.T) {
	x := startHeld(t, wire.HoldConfig{}, func(r *inspecttest.Recorder) { r.NoRows = true })
	x.client(nil, query("select a from t"))
	x.server(nil, columns("a"))
	x.server(nil, row("1"))
}

func TestSessionThatIsKilledInAHeldResultCanBeTold(t *testing.T) {
	x := startHeld(t, wire.HoldConfig{Size: 1 << 20}, nil)
	x.client(nil, query("select a from t"))
	half := enc(t, columns("a"), bigRow)
	if out, err := x.d.Feed(wire.Server, half[:150_000]); err != nil || len(out) > 0 {
		t.Fatal(len(out), err)
	}
	m := x.f.Farewell(wire.Killed, "d-1")
	if !bytes.Contains(m, []byte("57P01")) || !bytes.Contains(m, []byte("d-1")) {
		t.Fatalf("%q", m)
	}
	x.d.Wait()
	if x.f.Farewell(wire.Killed, "") != nil {
		t.Fatal("a message in the middle of a frame")
	}
}
