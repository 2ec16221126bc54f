package pgwire

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/engine"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/proxy/wire"
	"honeyrow/token"
)

// nowhere takes detections.
type nowhere struct{}

func (nowhere) Report(event.Detection) {}

// words is a parser that understands nothing: statements are judged by their words,
// and what is known of a shape is kept.
type words struct{}

func (words) Parse(context.Context, []byte, sqlfacts.Env) ([]*sqlfacts.Node, error) {
	return nil, errors.New("not a word")
}

// watched is a flow before a real engine with 10,000 tokens; statements are
// judged as well if judged is set.
func watched(t testing.TB, judged bool) (f *flow, understand func()) {
	t.Helper()
	o := engine.Options{Reporter: nowhere{}}
	if judged {
		o.Analysis = engine.NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.PostgreSQL: words{}}, engine.AnalysisOptions{Patience: time.Minute})
		t.Cleanup(o.Analysis.Close)
	}
	e, err := engine.New(engine.DefaultConfig(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &token.Snapshot{Version: 1}
	for i := range 10_000 {
		s.Tokens = append(s.Tokens, token.Token{
			ID: event.ID(fmt.Sprint(i)), Row: event.ID(fmt.Sprint(i)), Kind: "email", Value: fmt.Sprintf("person%05d@ledger.decoy.example", i),
			Strength: token.Strong, State: token.Live, PlantedBy: "dba", PlantedAt: time.Unix(0, 0),
			Place: event.Place{Server: "crm", Database: "crm", Schema: "public", Table: "customers", Column: "email", Key: fmt.Sprint(i)},
		})
	}
	e.Swap(s)
	sess, _ := e.Open(event.Client{Session: "s", Protocol: "postgresql", Server: "crm", Database: "crm", User: "app"})
	f = newFlow(flowOptions{Session: sess, Status: 'I'}).(*flow)
	t.Cleanup(f.Close)
	return f, func() {
		if err := o.Analysis.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// point is a query of one row, as pgbench's modes send it.
type point struct {
	name          string
	prepares, has []byte
	ask, answer   []byte
}

func points(t testing.TB) []point {
	const sql = "SELECT abalance FROM pgbench_accounts WHERE aid = "
	result := []encoder{columns("abalance"), row("42"), done("SELECT 1"), readyIdle}
	bind := func(name string) *pgproto3.Bind {
		return &pgproto3.Bind{PreparedStatement: name, Parameters: [][]byte{[]byte("12345")}, ResultFormatCodes: []int16{0}}
	}
	run := []encoder{&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, syncMsg}
	return []point{
		{"simple", nil, nil, enc(t, query(sql+"12345;")), enc(t, result...)},
		{
			"extended", nil, nil,
			enc(t, append([]encoder{&pgproto3.Parse{Query: sql + "$1;", ParameterOIDs: []uint32{0}}, bind("")}, run...)...),
			enc(t, append([]encoder{parsed, bound}, result...)...),
		},
		{
			"prepared", enc(t, &pgproto3.Parse{Name: "P_0", Query: sql + "$1;"}, syncMsg), enc(t, parsed, readyIdle),
			enc(t, append([]encoder{bind("P_0")}, run...)...), enc(t, append([]encoder{bound}, result...)...),
		},
	}
}

func (p *point) prepare(t testing.TB, f *flow) {
	if p.prepares != nil {
		chunk(t, f, wire.Client, p.prepares)
		chunk(t, f, wire.Server, p.has)
	}
}

func (p *point) run(t testing.TB, f *flow) {
	chunk(t, f, wire.Client, p.ask)
	chunk(t, f, wire.Server, p.answer)
}

func TestPointQueriesBeforeARealEngineAllocateNothing(t *testing.T) {
	for _, judged := range []bool{false, true} {
		for _, p := range points(t) {
			f, understand := watched(t, judged)
			p.prepare(t, f)
			p.run(t, f)
			understand()
			for range 3 {
				p.run(t, f)
			}
			// Under the race detector sync.Pool forgets at random.
			if least := testing.AllocsPerRun(100, func() { p.run(t, f) }); least != 0 && !underRace {
				t.Errorf("%s, judged %v: %v allocations a query", p.name, judged, least)
			}
		}
	}
}

// What a point query costs in each of pgbench's modes, with values alone and with
// statements judged.
func BenchmarkPoint(b *testing.B) {
	for _, judged := range []bool{false, true} {
		for _, p := range points(b) {
			b.Run(fmt.Sprintf("%s/judged=%v", p.name, judged), func(b *testing.B) {
				f, understand := watched(b, judged)
				p.prepare(b, f)
				p.run(b, f)
				understand()
				b.ReportAllocs()
				for b.Loop() {
					p.run(b, f)
				}
			})
		}
	}
}
