package pgwire

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// What the server never answers must not wait for an answer.

func TestMessagesThatTheServerIgnoresTakeNoMemory(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Query: "nonsense"}, &pgproto3.Flush{})
	x.server(nil, failed("42601", "syntax error"))
	long := &pgproto3.Bind{Parameters: [][]byte{[]byte(strings.Repeat("x", defaultStatement))}}
	for range 1000 {
		x.client(nil, &pgproto3.Parse{Name: "s", Query: "select 1"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"},
			&pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'P'}, query("select 2"), &pgproto3.CopyDone{})
	}
	x.client(nil, long)
	if n := x.f.queue.len(); n != 0 {
		t.Errorf("%d requests wait for answers that will never come", n)
	}
	if n := len(x.rec.Calls("Prepare")); n != 1 {
		t.Errorf("%d statements were prepared of which the server sees 1", n)
	}
	// Behind Sync the server looks at messages again.
	x.client(nil, syncMsg, query("select 3"))
	x.server(nil, readyIdle, columns("c"), row("1"), done("SELECT 1"), readyIdle)
	if n := len(x.rec.Calls("Prepare")); n != 2 {
		t.Errorf("%d statements were prepared, want 2", n)
	}
}

func TestEndsOfNoCopyTakeNoMemory(t *testing.T) {
	x := start(t, nil)
	for range 1000 {
		x.client(nil, &pgproto3.CopyDone{}, &pgproto3.CopyFail{})
	}
	if n := x.f.queue.len(); n > 1 {
		t.Errorf("%d requests wait for answers that will never come", n)
	}
	x.client(nil, query("select 1"))
	x.server(nil, columns("c"), row("1"), done("SELECT 1"), readyIdle)
	x.wantRuns("1 SELECT 1")
}
