package pgwire

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

func TestSyncDuringCopyInGoesUnanswered(t *testing.T) {
	for _, blind := range []bool{false, true} {
		x := start(t, nil)
		p, b, d, e := &pgproto3.Parse{Query: "copy t from stdin"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}
		data, end := &pgproto3.CopyData{Data: []byte("1\thoney\n")}, &pgproto3.CopyDone{}
		if blind { // nobody waits for CopyInResponse: no Sync of the Execute is lost
			x.client(nil, p, b, d, e, data, end, syncMsg)
			x.server(nil, parsed, bound, noData, &pgproto3.CopyInResponse{}, done("COPY 1"), readyIdle)
		} else {
			x.client(nil, p, b, d, e, syncMsg)
			x.server(nil, parsed, bound, noData, &pgproto3.CopyInResponse{})
			x.client(nil, data, syncMsg, end, syncMsg)
			x.server(nil, done("COPY 1"), readyIdle)
		}
		if got := string(x.rec.Bytes(event.ChannelCopyIn)); got != "1\thoney\n" {
			t.Fatalf("COPY data shown: %q", got)
		}
		if !x.f.AtRest() {
			t.Fatalf("blind %v: not at rest", blind)
		}
	}
}

// COPY data that are refused fail the COPY, whatever pieces they come in; the
// session goes on.
func TestRefusedCopyInKeepsTheSession(t *testing.T) {
	data := func(s string) encoder { return &pgproto3.CopyData{Data: []byte(s)} }
	gaveUp := failed("57014", "COPY from stdin failed: "+refusedText)
	sent := enc(t, &pgproto3.CopyFail{Message: refusedText})
	for _, tc := range []struct {
		name       string
		ahead, end []encoder // what the client sends for the COPY, and behind its data
		extended   bool
	}{
		{"simple", []encoder{query("copy t from stdin")}, []encoder{&pgproto3.CopyDone{}}, false},
		{"extended", []encoder{&pgproto3.Parse{Query: "copy t from stdin"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}}, []encoder{&pgproto3.CopyDone{}, syncMsg}, true},
		{"simple, the client fails it too", []encoder{query("copy t from stdin")}, []encoder{&pgproto3.CopyFail{}}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelCopyIn, "honey") })
			x.client(nil, tc.ahead...)
			head := []encoder{&pgproto3.CopyInResponse{}}
			if tc.extended {
				head = append([]encoder{parsed, bound, noData}, head...)
			}
			x.server(nil, head...)
			x.client(nil, data("1\n"))
			x.client(sent, data("2 honey\n"), data("3\n"), data("4 honey\n"))
			x.client(nil, tc.end...)
			want := append(refusal("ERROR", denied), enc(t, readyIdle)...)
			x.server(want, gaveUp, readyIdle)
			if x.d.Cut() || !x.f.AtRest() {
				t.Fatalf("cut %t, at rest %t", x.d.Cut(), x.f.AtRest())
			}
			x.client(nil, query("copy t from stdin"))
			x.server(nil, &pgproto3.CopyInResponse{})
			x.client(nil, data("5\n"), &pgproto3.CopyDone{})
			x.server(nil, done("COPY 1"), readyIdle)
		})
	}
	t.Run("a message of which the server has the beginning", func(t *testing.T) {
		x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelCopyIn, "honey") })
		x.client(nil, query("copy t from stdin"))
		x.server(nil, &pgproto3.CopyInResponse{})
		whole := enc(t, data("1 and ho"+"ney, and more\n"))
		pieces := [][]byte{whole[:header+8], whole[header+8 : header+12], whole[header+12:]}
		wants := [][]byte{pieces[0], make([]byte, 4), append(make([]byte, len(pieces[2])), sent...)}
		for i, p := range pieces {
			out, err := x.d.Feed(wire.Client, p)
			if err != nil || !bytes.Equal(out, wants[i]) {
				t.Fatalf("piece %d: sent %q, %v; want %q", i, out, err, wants[i])
			}
		}
		x.client([]byte{}, data("more\n"))
		x.client(nil, &pgproto3.CopyDone{})
		x.server(append(refusal("ERROR", denied), enc(t, readyIdle)...), failed("22021", "invalid byte sequence"), readyIdle)
		if x.d.Cut() || !x.f.AtRest() {
			t.Fatalf("cut %t, at rest %t", x.d.Cut(), x.f.AtRest())
		}
	})
	t.Run("data that the server did not ask for yet", func(t *testing.T) {
		x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelCopyIn, "honey") })
		x.client(nil, query("copy t from stdin"))
		x.client([]byte{}, data("honey\n"))
		if !x.d.Cut() {
			t.Fatal("nobody knows whose data they are, and the session goes on")
		}
	})
}

func copyMessages(chunks ...string) (ms []encoder) {
	for _, c := range chunks {
		ms = append(ms, &pgproto3.CopyData{Data: []byte(c)})
	}
	return ms
}

func TestCopyOutRowsAreCutIntoFields(t *testing.T) {
	tuple := func(fields ...string) string {
		b := binary.BigEndian.AppendUint16(nil, uint16(len(fields)))
		for _, f := range fields {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
		return string(b)
	}
	binaryHead := copySignature + "\x00\x00\x00\x00\x00\x00\x00\x00"
	for name, tc := range map[string]struct {
		binary bool
		chunks []string
		want   string
	}{
		"text":          {false, []string{"1\tann\tx\n", "2\tbob\ty\n"}, "1|ann|x;2|bob|y"},
		"split rows":    {false, []string{"1\ta", "nn\t", "x\n2\tbob\ty\n"}, "1|ann|x;2|bob|y"},
		"csv":           {false, []string{"1,ann,x\n", "2,\"bob, b\",y\n"}, "1|ann|x;2|bob, b|y"},
		"pipes":         {false, []string{"1|ann|a longer field to cross eight bytes\n"}, "1|ann|a longer field to cross eight bytes"},
		"binary":        {true, []string{binaryHead + tuple("1", "ann", "x"), tuple("2", "bob", "y"), "\xff\xff"}, "1|ann|x;2|bob|y"},
		"split binary":  {true, []string{binaryHead[:5], binaryHead[5:] + tuple("1", "ann", "x")[:9], tuple("1", "ann", "x")[9:], "\xff\xff"}, "1|ann|x"},
		"empty strings": {false, []string{"\t\t\n"}, "||"},
	} {
		t.Run(name, func(t *testing.T) {
			x := start(t, nil)
			x.client(nil, query("copy t to stdout"+map[string]string{"csv": " csv", "pipes": " (delimiter '|')"}[name]))
			h := &pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0, 0, 0}}
			if tc.binary {
				h = &pgproto3.CopyOutResponse{OverallFormat: 1, ColumnFormatCodes: []uint16{1, 1, 1}}
			}
			ms := append(append([]encoder{h}, copyMessages(tc.chunks...)...), &pgproto3.CopyDone{}, done("COPY 2"), readyIdle)
			x.server(nil, ms...)
			var rows []string
			for _, c := range x.rec.Calls("Row") {
				var fs []string
				for i := range 3 {
					b, _ := c.Field(i)
					fs = append(fs, string(b))
				}
				rows = append(rows, strings.Join(fs, "|"))
			}
			if got := strings.Join(rows, ";"); got != tc.want {
				t.Fatalf("rows shown: %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRefusedCopyKeepsTheSession(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelCopy, "honey") })
	x.client(nil, query("copy t to stdout"))
	h := &pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0}}
	ms := append(append([]encoder{h}, copyMessages("1\n", "honey\n", "2\n")...), &pgproto3.CopyDone{}, done("COPY 3"), readyIdle)
	want := append(enc(t, h, &pgproto3.CopyData{Data: []byte("1\n")}), refusal("ERROR", denied)...)
	x.server(append(want, enc(t, readyIdle)...), ms...)
}

func TestReplicationStreamIsInspectedAndEndsTheSessionIfRefused(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelReplication, "honey") })
	x.client(nil, query("START_REPLICATION SLOT s LOGICAL 0/0"))
	x.server(nil, &pgproto3.CopyBothResponse{}, &pgproto3.CopyData{Data: []byte("w.. ho")})
	x.client(nil, &pgproto3.CopyData{Data: []byte("r status")})
	x.server([]byte{}, &pgproto3.CopyData{Data: []byte("ney")})
	if !x.d.Cut() {
		t.Fatal("the stream goes on")
	}
}

// A heading is none of the rows that an alert counts.
func TestHeadingOfACopyIsNoRow(t *testing.T) {
	heading := copyMessages("id,mail\n", "1,honey\n", "2,x\n")
	for _, tc := range []struct {
		sql       string
		ms        []encoder
		tag       string
		rows, hit uint64
	}{
		{"copy t to stdout (format csv, header)", heading, "COPY 2", 2, 1},
		{"copy t to stdout (format csv, HEADER true)", heading, "COPY 2", 2, 1},
		{"copy t to stdout csv header", heading, "COPY 2", 2, 1},
		{"copy t to stdout (format csv, header off)", heading, "COPY 3", 3, 2},
		{"copy t to stdout (header 0, format csv)", heading, "COPY 3", 3, 2},
		{"copy t to stdout csv; copy t to stdout csv header", heading, "COPY 2", 2, 2}, // which of the two is not known
		{"copy t to stdout", copyMessages("1\tho", "ney\n", "2\tx\n"), "COPY 2", 2, 1},
	} {
		x := start(t, func(r *inspecttest.Recorder) { r.Again = true })
		x.client(nil, query(tc.sql))
		ms := append([]encoder{&pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0, 0}}}, tc.ms...)
		x.server(nil, append(ms, &pgproto3.CopyDone{}, done(tc.tag), readyIdle)...)
		var hit, rows uint64
		for _, c := range x.rec.Calls() {
			switch {
			case c.Method == "Row" && bytes.Contains(c.Data, []byte("honey")):
				hit = c.N
			case c.Method == "Done":
				rows = c.N
			}
		}
		if rows != tc.rows || hit != tc.hit {
			t.Errorf("%s: %d rows, the value in row %d, want %d and %d", tc.sql, rows, hit, tc.rows, tc.hit)
		}
	}
}

func TestAReplicationStreamMayGoOnBehindItsCopyDone(t *testing.T) {
	x := start(t, nil)
	x.client(nil, query("START_REPLICATION SLOT s LOGICAL 0/0"))
	x.server(nil, &pgproto3.CopyBothResponse{}, &pgproto3.CopyData{Data: []byte("wfirst")})
	x.client(nil, &pgproto3.CopyDone{})
	x.server(nil, &pgproto3.CopyDone{})
	x.server(nil, &pgproto3.CopyData{Data: []byte("wsecond")}, done("COPY 0"), readyIdle)
	if got := string(x.rec.Bytes(event.ChannelReplication)); got != "wfirstwsecond" {
		t.Errorf("shown %q", got)
	}
	if !x.f.AtRest() {
		t.Error("the session is not at rest")
	}
}
