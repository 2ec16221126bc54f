package pgwire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// longBindMessage has a parameter of more than the default limit between short
// ones, and its results' formats behind it all.
func longBindMessage(formats ...int16) *pgproto3.Bind {
	return &pgproto3.Bind{
		PreparedStatement: "s", ParameterFormatCodes: []int16{0, 0, 1, 0},
		Parameters:        [][]byte{[]byte("short"), bytes.Repeat([]byte("long"), defaultStatement/3), {0, 0, 0, 7}, nil},
		ResultFormatCodes: formats,
	}
}

func TestLongBindIsReadLikeAShortOneWhateverItsPieces(t *testing.T) {
	for name, piece := range map[string]int{"whole": 1 << 30, "64 KiB": 64 << 10, "odd": 4801, "small": 997} {
		t.Run(name, func(t *testing.T) {
			x := start(t, nil)
			x.client(nil, &pgproto3.Parse{Name: "s", Query: "select $1, $2, $3, $4", ParameterOIDs: []uint32{25, 25, 23, 25}},
				&pgproto3.Describe{ObjectType: 'S', Name: "s"}, syncMsg)
			x.server(nil, parsed, &pgproto3.ParameterDescription{ParameterOIDs: []uint32{25, 25, 23, 25}}, columns("a", "b"), readyIdle)
			m := enc(t, longBindMessage(1, 0), &pgproto3.Execute{}, syncMsg)
			var got []byte
			for p := m; len(p) > 0; p = p[min(piece, len(p)):] {
				out, err := x.d.Feed(wire.Client, p[:min(piece, len(p))])
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, out...)
			}
			if !bytes.Equal(got, m) {
				t.Fatal("the message does not pass unharmed")
			}
			x.server(nil, bound, row("x1", "y1"), done("SELECT 1"), readyIdle)
			x.wantRuns("1 SELECT 1")
			runs := x.rec.Calls("Run")
			r := runs[len(runs)-1]
			texts := make([]string, len(r.Params))
			for i, p := range r.Params {
				if p.Len >= 0 {
					texts[i] = string(r.Data[p.Off : p.Off+p.Len])
				}
			}
			if want := "short|(1398100 bytes)|\x00\x00\x00\x07|"; strings.Join(texts, "|") != want || r.Params[3].Len != -1 || !r.Params[2].Binary || r.Params[0].Binary || r.Params[2].Type != 23 {
				t.Errorf("the run has the parameters %q, %+v", texts, r.Params)
			}
			for _, c := range x.rec.Calls("Bind") {
				if c.Statement != r.Statement {
					t.Fatalf("data of statement %d is shown as data of %d", r.Statement, c.Statement)
				}
			}
			if shown := x.rec.Bytes(event.ChannelBind); bytes.Count(shown, []byte("long")) < defaultStatement/3 {
				t.Errorf("of the long parameter %d bytes are shown", len(shown))
			}
			cols := x.rec.Calls("Columns")
			if c := cols[len(cols)-1].Cols; len(c) != 2 || !c[0].Binary || c[1].Binary {
				t.Errorf("the result is read as %+v", c)
			}
		})
	}
}

func TestLongBindWithAStolenValueIsCutBeforeTheServerHasIt(t *testing.T) {
	for name, bad := range map[string]int{"in a short parameter": 0, "in the long one": 1} {
		t.Run(name, func(t *testing.T) {
			x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelBind, "stolen") })
			m := longBindMessage(1)
			m.Parameters[bad] = append(bytes.Clone(m.Parameters[bad]), "stolen"...)
			x.client(nil, &pgproto3.Parse{Name: "s", Query: "select $1"})
			whole := enc(t, m)
			got, _ := x.d.Feed(wire.Client, whole)
			if !x.d.Cut() || len(got) >= len(whole) {
				t.Fatalf("cut %v, the server has %d of %d bytes", x.d.Cut(), len(got), len(whole))
			}
		})
	}
}

func TestMalformedLongBindEndsTheSession(t *testing.T) {
	whole := enc(t, longBindMessage(1, 0))
	names := len("\x00s\x00") + header
	for name, harm := range map[string]func(m []byte) []byte{
		"a parameter longer than the message": func(m []byte) []byte { m[names+2+8+2] = 0x7f; return m },
		"a length below -1":                   func(m []byte) []byte { m[names+2+8+2], m[names+2+8+3] = 0xff, 0; return m },
		"bytes behind the formats":            func(m []byte) []byte { m[len(m)-5] = 1; return m },
		"formats that are not there":          func(m []byte) []byte { m[len(m)-5] = 3; return m },
	} {
		t.Run(name, func(t *testing.T) {
			x := start(t, nil)
			if _, err := x.d.Feed(wire.Client, harm(bytes.Clone(whole))); err == nil {
				t.Fatal("no error")
			} else if !strings.Contains(err.Error(), "Bind message") {
				t.Errorf("the error does not name the message: %v", err)
			}
		})
	}
}
