package pgwire

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// fuzzFlow feeds a stream whole and byte by byte, with results kept back and
// without: none may panic, and without a refusal all must let the same bytes
// pass, in their order.
func fuzzFlow(f *testing.F, from wire.Side, prepare []byte) {
	f.Fuzz(func(t *testing.T, stream []byte) {
		var outs [4][]byte
		var errs [4]error
		for i := range outs {
			rec := inspecttest.New()
			rec.Quiet = true
			sess, _ := rec.Open(event.Client{})
			d := &wiretest.Driver{Flow: newFlow(flowOptions{Session: sess, Status: 'I', Statement: 512, Hold: holds[i/2], Held: new(wire.HoldCounters)}), Poison: true}
			if _, err := d.Feed(wire.Client, prepare); err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				outs[i], errs[i] = d.Feed(from, stream)
			} else {
				for k := 0; k < len(stream) && errs[i] == nil; k++ {
					var out []byte
					out, errs[i] = d.Feed(from, stream[k:k+1])
					outs[i] = append(outs[i], out...)
				}
			}
			outs[i] = append(outs[i], d.Wait()...) // what no end has come for
			for _, p := range rec.Problems() {
				t.Errorf("seam: %s", p)
			}
		}
		for i := range outs {
			if (errs[0] == nil) != (errs[i] == nil) {
				t.Fatalf("whole: %v; otherwise (%d): %v", errs[0], i, errs[i])
			}
			if errs[0] == nil && !bytes.Equal(outs[0], outs[i]) {
				t.Fatalf("whole %q\notherwise (%d) %q", outs[0], i, outs[i])
			}
		}
		if errs[0] == nil && from == wire.Server && !bytes.HasPrefix(stream, outs[0]) {
			t.Fatalf("sent %q, passed %q", stream, outs[0])
		}
	})
}

// holds are those that streams are fuzzed with.
var holds = [...]wire.HoldConfig{{}, {Size: 64, Beyond: wire.BeyondPass}}

// With a small hold beyond which results are refused, and rows that are, no
// stream may panic, leave something held, or pass bytes that the server did not
// send but for errors.
func FuzzServerStreamRefused(f *testing.F) {
	f.Add(enc(f, columns("a"), row("1"), notice, status, row("honey"), done("SELECT 2"), readyIdle, columns("a"), row("2"), done("SELECT 1"), readyIdle), 3)
	f.Add(enc(f, copyOutText, &pgproto3.CopyData{Data: []byte("1\nhoney\n")}, &pgproto3.CopyDone{}, done("COPY 1"), inTx), 1)
	asks := enc(f, query("select 1"), query("select 2"), &pgproto3.Parse{Query: "select 3"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, syncMsg)
	f.Fuzz(func(t *testing.T, stream []byte, split int) {
		rec := inspecttest.New()
		rec.Quiet = true
		rec.BlockWhen("", "honey")
		sess, _ := rec.Open(event.Client{})
		h := newFlow(flowOptions{Session: sess, Status: 'I', Hold: wire.HoldConfig{Size: 64, Beyond: wire.BeyondRefuse}, Held: new(wire.HoldCounters)})
		d := &wiretest.Driver{Flow: h, Poison: true}
		if _, err := d.Feed(wire.Client, asks); err != nil {
			t.Fatal(err)
		}
		for k, n := 0, 1+split&0xff; k < len(stream) && !d.Cut(); k += n {
			if _, err := d.Feed(wire.Server, stream[k:min(k+n, len(stream))]); err != nil {
				return
			}
			if d.Held() > 64+n+header {
				t.Fatalf("%d bytes are kept back", d.Held())
			}
		}
		d.Wait()
		if d.Held() > 0 {
			t.Fatalf("%d bytes are kept back for ever", d.Held())
		}
		h.Farewell(wire.Killed, "")
		h.Close()
		for _, p := range rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
}

// A client whose COPY data and statements are refused sends anything: no stream may
// panic, and what the server gets is whole messages, none of them a copy of the value.
func FuzzClientStreamRefused(f *testing.F) {
	data := func(s string) encoder { return &pgproto3.CopyData{Data: []byte(s)} }
	f.Add(enc(f, data("1\n"), data("honey\n"), data("2\n"), &pgproto3.CopyDone{}, query("select 1")), 7)
	f.Add(enc(f, data("1\n2 honey and more\n"), syncMsg, data("honey"), &pgproto3.CopyFail{}, data("honey")), 1)
	f.Add(enc(f, data("honey"), query("select 'honey'"), &pgproto3.Parse{Query: "honey"}, syncMsg), 2)
	f.Fuzz(func(t *testing.T, stream []byte, split int) {
		rec := inspecttest.New()
		rec.Quiet = true
		rec.BlockWhen("", "honey")
		sess, _ := rec.Open(event.Client{})
		h := newFlow(flowOptions{Session: sess, Status: 'I', Statement: 512})
		d := &wiretest.Driver{Flow: h, Poison: true}
		if _, err := d.Feed(wire.Client, enc(t, query("copy t from stdin"))); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Feed(wire.Server, enc(t, &pgproto3.CopyInResponse{})); err != nil {
			t.Fatal(err)
		}
		var sent []byte
		var err error
		for k, n := 0, 1+split&0xff; k < len(stream) && !d.Cut() && err == nil; k += n {
			var out []byte
			out, err = d.Feed(wire.Client, stream[k:min(k+n, len(stream))])
			sent = append(sent, out...)
		}
		for rest := sent; len(rest) > 0; {
			size, err := frameLength(rest)
			if err != nil {
				t.Fatalf("the server is sent %q of %q: %v", sent, stream, err)
			}
			if size == 0 || size > len(rest) {
				break // the client has not sent more
			}
			if typ := rest[0]; (typ == 'd' || typ == 'Q') && bytes.Contains(rest[:size], []byte("honey")) {
				t.Fatalf("the server is sent %q", rest[:size])
			}
			rest = rest[size:]
		}
		if err == nil && !d.Cut() {
			_, _ = d.Feed(wire.Server, enc(t, failed("57014", "COPY from stdin failed"), readyIdle))
		}
		h.Close()
		for _, p := range rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
}

func FuzzServerStream(f *testing.F) {
	f.Add(enc(f, columns("a", "b"), row("1", "x"), row("2", "y"), done("SELECT 2"), readyIdle))
	f.Add(enc(f, failed("22P02", "bad"), readyIdle))
	f.Add(enc(f, &pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0, 0}}, &pgproto3.CopyData{Data: []byte("1\tx\n2")}, &pgproto3.CopyDone{}, done("COPY 1"), readyIdle))
	f.Add(enc(f, &pgproto3.CopyOutResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1}}, &pgproto3.CopyData{Data: []byte(copySignature + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01a")}))
	f.Add(enc(f, &pgproto3.CopyBothResponse{}, &pgproto3.CopyData{Data: []byte("w")}, &pgproto3.NotificationResponse{Channel: "c"}, &pgproto3.ParameterStatus{Name: "a", Value: "b"}))
	fuzzFlow(f, wire.Server, enc(f, query("select 1"), query("select 2")))
}

func FuzzServerStreamExtended(f *testing.F) {
	f.Add(enc(f, parsed, &pgproto3.ParameterDescription{ParameterOIDs: []uint32{23}}, columns("a"), bound, row("1"), done("SELECT 1"), closed, readyIdle))
	f.Add(enc(f, parsed, &pgproto3.ParameterDescription{}, noData, bound, &pgproto3.PortalSuspended{}, failed("42601", "x"), readyIdle))
	fuzzFlow(f, wire.Server, enc(f, &pgproto3.Parse{Query: "select $1"}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'S'}, syncMsg))
}

func FuzzClientStream(f *testing.F) {
	f.Add(enc(f, query("select 1"), &pgproto3.Terminate{}))
	f.Add(enc(f, &pgproto3.Parse{Name: "s", Query: "select $1", ParameterOIDs: []uint32{25}}, &pgproto3.Describe{ObjectType: 'S', Name: "s"},
		&pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("a"), nil}, ParameterFormatCodes: []int16{1, 0}, ResultFormatCodes: []int16{1}}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Close{ObjectType: 'P'}, &pgproto3.Flush{}, syncMsg))
	f.Add(enc(f, &pgproto3.CopyData{Data: []byte("1\n")}, &pgproto3.CopyDone{}, &pgproto3.CopyFail{Message: "no"}))
	f.Add(enc(f, &pgproto3.FunctionCall{Function: 7, Arguments: [][]byte{[]byte("x")}}))
	fuzzFlow(f, wire.Client, nil)
}
