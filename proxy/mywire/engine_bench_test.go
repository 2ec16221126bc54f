package mywire

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/engine"
	"honeyrow/event"
	"honeyrow/proxy/wire"
	"honeyrow/token"
)

// ledger takes detections.
type ledger struct{ n int }

func (l *ledger) Report(event.Detection) { l.n++ }

// plantedTokens are n tokens in rows as a business has them: one in three
// stands in the table that is read.
func plantedTokens(n int) *token.Snapshot {
	r := rand.New(rand.NewPCG(1, 2))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('A' + r.IntN(26))
		}
		return string(b)
	}
	s := &token.Snapshot{Version: 1}
	for row := 0; len(s.Tokens) < n; row++ {
		table := []string{"people", "customers", "employees"}[row%3]
		key := fmt.Sprint(1_000_000 + row)
		for _, c := range []struct {
			name, value string
			strength    token.Strength
		}{
			{"org_id", key, token.Weak},
			{"org_name", letters(6) + " " + letters(9), token.Weak},
			{"org_mail", strings.ToLower(letters(7)) + "@ledger.decoy.example", token.Strong},
			{"org_phone", fmt.Sprintf("+44 555 %07d", row), token.Firm},
			{"org_key", "sk_live_" + letters(24), token.Strong},
			{"org_n", fmt.Sprint(90_000_000 + row), token.Weak},
		} {
			s.Tokens = append(s.Tokens, token.Token{
				ID: event.ID(fmt.Sprintf("%d-%s", row, c.name)), Row: event.ID(key), Kind: c.name, Value: c.value,
				Strength: c.strength, Key: c.name == "org_id", State: token.Live, PlantedBy: "dba", PlantedAt: time.Unix(0, 0),
				Place: event.Place{Server: "crm", Database: "crm", Table: table, Column: c.name, Key: key},
			})
		}
	}
	return s
}

// watched is a flow before a real engine with 10,000 tokens.
func watched(t testing.TB, c caps) *flow {
	t.Helper()
	e, err := engine.New(engine.DefaultConfig(), engine.Options{Reporter: &ledger{}})
	if err != nil {
		t.Fatal(err)
	}
	e.Swap(plantedTokens(10_000))
	who := event.Client{Session: "s", Protocol: "mysql", Server: "crm", Database: "crm", User: "app"}
	sess, _ := e.Open(who)
	return newFlow(flowOptions{Session: sess, Who: &who, Caps: c, Open: e.Open})
}

// cell is a kind of query with its answer.
type cell struct {
	name     string
	ask      []byte
	answer   []byte
	chunk    int // bytes of the answer that come at once
	rows     int
	prepares []byte // what prepares it
	prepared []byte // its answer
}

// cells are what the bars are about: point queries and wide results, as text
// and binary.
func cells(n int) []cell {
	d := dialect{newCaps}
	r := rand.New(rand.NewPCG(3, 4))
	var text, bin, numbers [][]byte
	cols := []string{"name", "mail", "phone", "api", "address", "note"}
	for i := range n {
		v := []string{
			[]string{"Anna", "Boris", "Clara"}[r.IntN(3)] + " " + []string{"Schneider", "Novak", "Rossi"}[r.IntN(3)],
			fmt.Sprintf("customer%07d@mail.example.com", i), fmt.Sprintf("+49 555 %07d", i), fmt.Sprintf("%024x", r.Uint64()),
			fmt.Sprintf("%3d Station Road, Springfield", i%97), fmt.Sprintf("order %08d paid", i),
		}
		text = append(text, textRow(v...))
		var b [][]byte
		for _, s := range v {
			b = append(b, str(s))
		}
		bin = append(bin, binaryRow(b...))
		numbers = append(numbers, binaryRow(le32(uint32(i)), binary.LittleEndian.AppendUint64(nil, uint64(i)), str(v[1]),
			[]byte{7, 0xea, 0x07, 11, 21, 1, 2, 3}, le32(42), binary.LittleEndian.AppendUint64(nil, math.Float64bits(float64(r.IntN(1e7))/100))))
	}
	defs := func(names ...string) (out [][]byte) {
		for _, n := range names {
			out = append(out, column(n, 0, 0, 0))
		}
		return out
	}
	mixed := [][]byte{
		column("id", mysql.MYSQL_TYPE_LONG, 63, 0), column("big", mysql.MYSQL_TYPE_LONGLONG, 63, 0), column("mail", 0, 0, 0),
		column("at", mysql.MYSQL_TYPE_DATETIME, 63, 0), column("n", mysql.MYSQL_TYPE_LONG, 63, 0), column("total", mysql.MYSQL_TYPE_DOUBLE, 63, 0),
	}
	digits := strings.Repeat("68487932199-", 9) + "96439406143"
	prep := func(id uint32, cols int) (a, b []byte) {
		return command(mysql.COM_STMT_PREPARE, "select * from wide where id=?"), pk(1, d.prepared(id, 1, cols)...)
	}
	onePrep, oneDone := prep(1, 1)
	widePrep, wideDone := prep(2, 6)
	numPrep, numDone := prep(3, 6)
	return []cell{
		{"point text", query("SELECT c FROM sbtest1 WHERE id=5013"), pk(1, d.result(2, defs("c"), textRow(digits))...), 0, 1, nil, nil},
		{"point prepared", execute(1, 0, "5013"), pk(1, d.result(2, defs("c"), binaryRow(str(digits)))...), 0, 1, onePrep, oneDone},
		{"wide text", query("select * from wide"), pk(1, d.result(2, defs(cols...), text...)...), 64 << 10, n, nil, nil},
		{"wide binary", execute(2, 0, "1"), pk(1, d.result(2, defs(cols...), bin...)...), 64 << 10, n, widePrep, wideDone},
		{"numbers binary", execute(3, 0, "1"), pk(1, d.result(2, mixed, numbers...)...), 64 << 10, n, numPrep, numDone},
	}
}

// run plays a cell once.
func (c *cell) run(t testing.TB, f *flow) {
	chunk(t, f, wire.Client, c.ask)
	if c.chunk == 0 {
		chunk(t, f, wire.Server, c.answer)
		return
	}
	for b := c.answer; len(b) > 0; {
		step, err := f.Chunk(wire.Server, b[:min(c.chunk, len(b))])
		if err != nil {
			t.Fatal(err)
		}
		if step.Pass == 0 {
			t.Fatal("nothing passes")
		}
		b = b[step.Pass:]
	}
}

func (c *cell) prepare(t testing.TB, f *flow) {
	if c.prepares != nil {
		chunk(t, f, wire.Client, c.prepares)
		chunk(t, f, wire.Server, c.prepared)
	}
}

func TestQueriesBeforeARealEngineAllocateNothing(t *testing.T) {
	for _, c := range cells(500) {
		f := watched(t, newCaps)
		c.prepare(t, f)
		c.run(t, f)
		least := testing.AllocsPerRun(50, func() { c.run(t, f) })
		if least != 0 && !underRace {
			t.Errorf("%s: %v allocations", c.name, least)
		}
	}
}

func BenchmarkBars(b *testing.B) {
	for _, c := range cells(5000) {
		b.Run(c.name, func(b *testing.B) {
			f := watched(b, newCaps)
			c.prepare(b, f)
			c.run(b, f)
			b.SetBytes(int64(len(c.answer)))
			b.ReportAllocs()
			for b.Loop() {
				c.run(b, f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.rows), "ns/row")
		})
	}
}
