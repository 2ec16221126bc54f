package pgwire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// allFields asks for every field of every row and finds nothing.
type allFields struct{ rows int }

func (w *allFields) Prepare([]byte, int) (inspect.Statement, event.Verdict) {
	return w, event.Verdict{}
}
func (w *allFields) Present(event.Channel, []byte, bool) event.Verdict { return event.Verdict{} }
func (w *allFields) Describe([]inspect.Column) inspect.Layout          { return w }
func (w *allFields) Set(string, string)                                {}
func (w *allFields) Text(event.Channel, []byte) event.Verdict          { return event.Verdict{} }
func (w *allFields) Close()                                            {}
func (w *allFields) Bind([]byte, bool) event.Verdict                   { return event.Verdict{} }
func (w *allFields) Failed(string)                                     {}
func (w *allFields) Release()                                          {}

func (w *allFields) Run([]byte, []inspect.Param) (inspect.Run, event.Verdict) {
	return allFieldsRun{w}, event.Verdict{}
}

type allFieldsRun struct{ w *allFields }

func (r allFieldsRun) Columns(event.Channel, inspect.Layout) (inspect.Rows, event.Verdict) {
	return r.w, event.Verdict{}
}

func (r allFieldsRun) Stream(event.Channel, uint64, []byte, bool) event.Verdict {
	return event.Verdict{}
}
func (r allFieldsRun) Text(event.Channel, []byte) event.Verdict { return event.Verdict{} }
func (r allFieldsRun) Done(uint64, string)                      {}

func (w *allFields) Suspect([]byte) bool { return false }
func (w *allFields) Gate() uint64        { return ^uint64(0) }
func (w *allFields) Wants(int) bool      { return false }
func (w *allFields) Row(uint64, []byte, []inspect.Span) event.Verdict {
	w.rows++
	return event.Verdict{}
}

// chunk feeds one chunk as the pump does.
func chunk(t testing.TB, f wire.Flow, from wire.Side, buf []byte) {
	for len(buf) > 0 {
		step, err := f.Chunk(from, buf)
		if err != nil {
			t.Fatal(err)
		}
		if step.Pass+step.Skip == 0 {
			t.Fatalf("%d bytes were not taken", len(buf))
		}
		buf = buf[step.Pass+step.Skip:]
	}
}

func TestRowsAndQueriesWithoutAHitAllocateNothing(t *testing.T) {
	w := new(allFields)
	f := newFlow(flowOptions{Session: w, Status: 'I'})
	q := enc(t, query("select a, b from t"))
	var rows []encoder
	for range 200 {
		rows = append(rows, row("0123456789", strings.Repeat("x", 40), "", "7"))
	}
	result := enc(t, append(append([]encoder{columns("a", "b", "c", "d")}, rows...), done("SELECT 200"), readyIdle)...)
	copyResult := enc(t, append(append([]encoder{&pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0, 0, 0}}},
		copyMessages("1\tann\tx\n", "2\tbob and his longer line\ty\n")...), &pgproto3.CopyDone{}, done("COPY 2"), readyIdle)...)
	chunk(t, f, wire.Client, enc(t, &pgproto3.Parse{Name: "p", Query: "select a from t where b = $1"}, syncMsg))
	chunk(t, f, wire.Server, enc(t, parsed, readyIdle))
	execution := enc(t, &pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{[]byte("7")}, ResultFormatCodes: []int16{0}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, syncMsg)
	for _, c := range []struct {
		name      string
		q, answer []byte
	}{
		{"rows", q, result},
		{"copy", q, copyResult},
		{"prepared", execution, enc(t, bound, columns("a"), row("x"), done("SELECT 1"), readyIdle)},
		{"a pipeline of four", bytes.Repeat(execution, 4), bytes.Repeat(enc(t, bound, columns("a"), row("x"), done("SELECT 1"), readyIdle), 4)},
	} {
		name := c.name
		run := func() {
			chunk(t, f, wire.Client, c.q)
			chunk(t, f, wire.Server, c.answer)
		}
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations per query and result, want 0", name, n)
		}
	}
	if w.rows == 0 {
		t.Fatal("no row was shown")
	}
}

func BenchmarkFlowWideRows(b *testing.B) {
	f := newFlow(flowOptions{Session: new(allFields), Status: 'I'})
	var rows []encoder
	for range 300 {
		rows = append(rows, row("0123456789", strings.Repeat("x", 30), strings.Repeat("y", 27), "some text of a row", "2026-11-21", "42"))
	}
	chunk(b, f, wire.Client, enc(b, query("select * from t")))
	chunk(b, f, wire.Server, enc(b, columns("a", "b", "c", "d", "e", "f")))
	buf := enc(b, rows...)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		chunk(b, f, wire.Server, buf)
	}
}

func BenchmarkFlowPointQuery(b *testing.B) {
	f := newFlow(flowOptions{Session: new(allFields), Status: 'I'})
	q := enc(b, query("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"))
	a := enc(b, columns("abalance"), row("42"), done("SELECT 1"), readyIdle)
	b.ReportAllocs()
	for b.Loop() {
		chunk(b, f, wire.Client, q)
		chunk(b, f, wire.Server, a)
	}
}
