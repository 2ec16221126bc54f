package pgwire

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

func TestFailedParseLeavesTheNameToTheFirstStatement(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select first"}, syncMsg)
	x.server(nil, parsed, readyIdle)
	first := x.f.statements.get("s")
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select second"}, syncMsg)
	x.server(nil, failed("42P05", "exists"), readyIdle)
	if x.f.statements.get("s") != first {
		t.Fatal("the name stands for a statement that the server refused")
	}
}

// Both are sent before the server has answered: what is bound behind the Sync
// runs the first statement, and its columns are the first one's.
func TestABindBehindAFailedParseIsOfTheFirstStatement(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select first"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, syncMsg)
	x.server(nil, parsed, &pgproto3.ParameterDescription{}, columns("first"), readyIdle)
	again := &pgproto3.Parse{Name: "s", Query: "select second"}
	ask := &pgproto3.Describe{ObjectType: 'S', Name: "s"}
	x.client(nil, again, ask, syncMsg, again, ask, syncMsg, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, syncMsg)
	x.server(nil, failed("42P05", "exists"), readyIdle, failed("42P05", "exists"), readyIdle)
	r := x.f.head()
	if r == nil || r.kind != bind || r.exec.prep.desc.Load() == nil || r.exec.prep.desc.Load().columns[0].Name != "first" {
		t.Fatalf("the server is to answer %+v, want the Bind of the first statement", r)
	}
	x.server(nil, bound, row("1"), done("SELECT 1"), readyIdle)
	x.wantRuns("1 SELECT 1")
	if x.f.statements.get("s") == nil {
		t.Fatal("the first statement is forgotten")
	}
}

func TestClosedStatementComesBackIfItsCloseWasSkipped(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select 1"}, syncMsg)
	x.server(nil, parsed, readyIdle)
	x.client(nil, &pgproto3.Parse{Query: "bad"}, &pgproto3.Close{ObjectType: 'S', Name: "s"}, syncMsg)
	x.server(nil, failed("42601", "syntax"), readyIdle)
	if x.f.statements.get("s") == nil {
		t.Fatal("the server still has the statement, the proxy has forgotten it")
	}
	x.client(nil, &pgproto3.Close{ObjectType: 'S', Name: "s"}, syncMsg)
	x.server(nil, closed, readyIdle)
	if x.f.statements.get("s") != nil {
		t.Fatal("closed statement is still known")
	}
}

// A client that never asks for a result's columns would leave the proxy
// without their provenance.
func TestColumnsAreAskedForWhereTheClientDoesNot(t *testing.T) {
	x := start(t, nil)
	ask := &pgproto3.Describe{ObjectType: 'P'}
	p, b, e := &pgproto3.Parse{Query: "select a from t"}, &pgproto3.Bind{ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}
	x.client(enc(t, p, b, ask, e, syncMsg), p, b, e, syncMsg)
	described := columns("a")
	described.Fields[0].Format = 1
	x.server(enc(t, parsed, bound, row("v"), done("SELECT 1"), readyIdle), parsed, bound, described, row("v"), done("SELECT 1"), readyIdle)
	cols := x.rec.Calls("Columns")
	if len(cols) != 1 || cols[0].Cols[0].TableOID != 16384 || !cols[0].Cols[0].Binary {
		t.Fatalf("columns shown: %+v", cols)
	}
	// asked once: the prepared statement remembers
	x.client(nil, b, e, syncMsg)
	x.server(nil, bound, row("w"), done("SELECT 1"), readyIdle)
	if cols := x.rec.Calls("Columns"); len(cols) != 2 || cols[1].Cols[0].TableOID != 16384 {
		t.Fatalf("columns of the second run: %+v", cols)
	}
}

func TestSuspendedPortalIsOneRun(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Query: "select a from t"}, &pgproto3.Bind{DestinationPortal: "c"}, &pgproto3.Describe{ObjectType: 'P', Name: "c"},
		&pgproto3.Execute{Portal: "c", MaxRows: 1}, &pgproto3.Flush{})
	x.server(nil, parsed, bound, columns("a"), row("1"), &pgproto3.PortalSuspended{})
	x.client(nil, &pgproto3.Execute{Portal: "c", MaxRows: 1}, syncMsg)
	x.server(nil, row("2"), &pgproto3.PortalSuspended{}, inTx)
	x.wantRuns()
	x.client(nil, &pgproto3.Execute{Portal: "c"}, syncMsg)
	x.server(nil, row("3"), done("SELECT 1"), readyIdle)
	x.wantRuns("3 SELECT 1")
}

func TestPortalLeftBehindEndsWithItsTransaction(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Query: "select a from t"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 1}, syncMsg)
	x.server(nil, parsed, bound, columns("a"), row("1"), &pgproto3.PortalSuspended{}, readyIdle)
	x.wantRuns("1 ")
}

func TestNamesThatAreGoneAtTheServerTakeNoMemory(t *testing.T) {
	x := start(t, nil)
	for i := range 20 {
		name := fmt.Sprint("c", i)
		x.client(nil, &pgproto3.Parse{Name: name, Query: "select a from t"}, &pgproto3.Bind{PreparedStatement: name, DestinationPortal: name},
			&pgproto3.Describe{ObjectType: 'P', Name: name}, &pgproto3.Execute{Portal: name, MaxRows: uint32(i % 2)}, syncMsg)
		if i%2 == 0 {
			x.server(nil, parsed, bound, columns("a"), row("1"), done("SELECT 1"), readyIdle)
		} else {
			x.server(nil, parsed, bound, columns("a"), row("1"), &pgproto3.PortalSuspended{}, readyIdle)
		}
	}
	if n := x.f.portals.len(); n != 0 {
		t.Errorf("%d portals are remembered after their transactions", n)
	}
	x.client(nil, query("discard all"))
	x.server(nil, done("DISCARD ALL"), readyIdle)
	if n := x.f.statements.len(); n != 0 {
		t.Errorf("%d statements are remembered after DISCARD ALL", n)
	}
}

func TestStatementsThatSQLDeallocatesTakeNoMemory(t *testing.T) {
	prepare := func(name string) encoder { return &pgproto3.Parse{Name: name, Query: "select a from t"} }
	run := []encoder{&pgproto3.Parse{Query: `deallocate prepare "_pg3_2";`}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, syncMsg}
	ran := []encoder{parsed, bound, noData, done("DEALLOCATE"), readyIdle}
	for _, tt := range []struct {
		name        string
		sent, heard []encoder
		want        int
	}{
		{"simple query", []encoder{query("DEALLOCATE _PG3_2")}, []encoder{done("DEALLOCATE"), readyIdle}, 1},
		{"behind a comment", []encoder{query("/* app */ deallocate _pg3_2 -- done")}, []encoder{done("DEALLOCATE"), readyIdle}, 1},
		{"extended protocol", run, ran, 1},
		{"that fails", []encoder{query("deallocate _pg3_2")}, []encoder{failed("25P02", "aborted"), failedTx}, 2},
		{"of another", []encoder{query("deallocate _pg3_3")}, []encoder{done("DEALLOCATE"), readyIdle}, 2},
		{"of a name in other letters", []encoder{query(`deallocate "_PG3_2"`)}, []encoder{done("DEALLOCATE"), readyIdle}, 2},
		{"among others", []encoder{query("select 1; deallocate _pg3_2")}, []encoder{columns("a"), row("1"), done("SELECT 1"), done("DEALLOCATE"), readyIdle}, 2},
		{
			"prepared again behind it",
			[]encoder{query("deallocate _pg3_2"), prepare("_pg3_2"), syncMsg},
			[]encoder{done("DEALLOCATE"), readyIdle, parsed, readyIdle},
			2,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := start(t, nil)
			x.client(nil, prepare("_pg3_1"), prepare("_pg3_2"), syncMsg)
			x.server(nil, parsed, parsed, readyIdle)
			x.client(nil, tt.sent...)
			x.server(nil, tt.heard...)
			if n := len(x.f.statements.named); n != tt.want {
				t.Errorf("%d statements are remembered, want %d", n, tt.want)
			}
		})
	}
}

// The client goes on before the server has answered: it takes the unnamed
// portal's name away while the server's goroutine ends the portal's run.
func TestAPortalIsNotUsedAgainWhileItsRunEnds(t *testing.T) {
	const rounds = 2000
	rec := inspecttest.New()
	sess, _ := rec.Open(event.Client{})
	f := newFlow(flowOptions{Session: sess, Status: 'I'}).(*flow)
	first := enc(t, &pgproto3.Parse{Query: "select a from t"}, syncMsg)
	chunk(t, f, wire.Client, first)
	chunk(t, f, wire.Server, enc(t, parsed, readyIdle))
	ask := enc(t, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 1}, syncMsg)
	answer := enc(t, bound, columns("a"), row("1"), &pgproto3.PortalSuspended{}, readyIdle)
	sent := make(chan struct{}, 2)
	done := make(chan struct{})
	go func() { // the server's
		defer close(done)
		for range sent {
			chunk(t, f, wire.Server, answer)
		}
	}()
	for range rounds {
		chunk(t, f, wire.Client, ask)
		sent <- struct{}{}
	}
	close(sent)
	<-done
	if n := len(rec.Calls("Done")); n != rounds {
		t.Errorf("%d runs ended, want %d", n, rounds)
	}
	for _, p := range rec.Problems() {
		t.Errorf("seam: %s", p)
	}
}
