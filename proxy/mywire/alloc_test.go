package mywire

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// allFields asks for every field of every row and finds nothing.
type allFields struct {
	rows int
	gate uint64
}

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
func (w *allFields) Gate() uint64        { return w.gate }
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

// exchanges are a text and a binary result of n rows with what asks for them.
func exchanges(t testing.TB, f wire.Flow, d dialect, n int) map[string][2][]byte {
	cols := [][]byte{
		column("id", mysql.MYSQL_TYPE_LONGLONG, 63, 0), column("name", 0, 0, 0), column("mail", 0, 0, 0),
		column("at", mysql.MYSQL_TYPE_DATETIME, 63, 0), column("n", mysql.MYSQL_TYPE_LONG, 63, 0), column("none", 0, 0, 0),
	}
	var text, bin [][]byte
	for range n {
		text = append(text, textRow("4111111111111", "some name", strings.Repeat("m", 30), "2026-11-21 01:02:03", "42", "NULL"))
		bin = append(bin, binaryRow(binary.LittleEndian.AppendUint64(nil, 4111111111111), str("some name"), str(strings.Repeat("m", 30)),
			[]byte{7, 0xea, 0x07, 11, 21, 1, 2, 3}, le32(42), nil))
	}
	chunk(t, f, wire.Client, command(mysql.COM_STMT_PREPARE, "select * from t where id = ?"))
	chunk(t, f, wire.Server, pk(1, d.prepared(7, 1, 6)...))
	return map[string][2][]byte{
		"text":   {query("select * from t where id = 4711"), pk(1, d.result(2, cols, text...)...)},
		"binary": {execute(7, 0, "4711"), pk(1, d.result(2, cols, bin...)...)},
	}
}

func TestRowsAndQueriesWithoutAHitAllocateNothing(t *testing.T) {
	for _, gate := range []uint64{^uint64(0), 0, 1 << 9} {
		w := &allFields{gate: gate}
		f := newFlow(flowOptions{Session: w, Who: new(event.Client), Caps: newCaps})
		for name, x := range exchanges(t, f, dialect{newCaps}, 200) {
			run := func() {
				chunk(t, f, wire.Client, x[0])
				chunk(t, f, wire.Server, x[1])
			}
			run()
			if n := testing.AllocsPerRun(100, run); n != 0 {
				t.Errorf("%s, gate %x: %v allocations per query and result, want 0", name, gate, n)
			}
		}
		if (w.rows == 0) != (gate == 0) {
			t.Errorf("gate %x: %d rows were shown", gate, w.rows)
		}
	}
}

func BenchmarkFlow(b *testing.B) {
	for gname, gate := range map[string]uint64{"every field": ^uint64(0), "no field": 0, "short fields": 0xfff} {
		f := newFlow(flowOptions{Session: &allFields{gate: gate}, Who: new(event.Client), Caps: newCaps})
		for _, n := range []int{1, 300} {
			for name, x := range exchanges(b, f, dialect{newCaps}, n) {
				b.Run(name+"/"+gname+"/"+map[int]string{1: "point", 300: "wide"}[n], func(b *testing.B) {
					b.SetBytes(int64(len(x[1])))
					b.ReportAllocs()
					for b.Loop() {
						chunk(b, f, wire.Client, x[0])
						chunk(b, f, wire.Server, x[1])
					}
				})
			}
		}
	}
}
