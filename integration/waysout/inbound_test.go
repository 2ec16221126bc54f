package waysout

import (
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// inboundWays bring the value back to PostgreSQL: somebody uses what was stolen.
var inboundWays = []way{
	inbound("inbound: literal", "insert into inbox (v) values ('"+honeyMail+"')", "email"),
	inbound("inbound: literal among others", "insert into inbox (v) values ('a'), ('"+honeyMail+"' || 'x'), ('b')", "email"),
	inbound("inbound: literal of a firm value", "insert into inbox (v) values ('"+honeyPhone+"')", "phone"),
	inbound("inbound: number", "insert into inbox (v) values ("+honeyCard+")", "card_number"),
	inbound("inbound: second of several statements", "select 1; insert into inbox (v) values ('"+honeyMail+"')", "email"),
	inbound("inbound: dollar quotes", "insert into inbox (v) values ($a$"+honeyMail+"$a$)", "email"),
	{name: "bound parameter", channel: "bind", kind: "email", stmt: "values ($1)", inbound: true, do: func(x *try) {
		x.extended("insert into inbox (v) values ($1)", 0, honeyMail)
	}},
	{name: "bound among others", channel: "bind", kind: "phone", stmt: "values ($1)", inbound: true, do: func(x *try) {
		x.extended("insert into inbox (v) values ($1), ($2), ($3)", 0, "a", honeyPhone, "b")
	}},
	{name: "COPY FROM STDIN", channel: "copy-in", kind: "email", stmt: "copy inbox", inbound: true, do: copyIn("first\n", "second "+honeyMail+"\n", "third\n")},
	{name: "COPY FROM STDIN, value split over messages", channel: "copy-in", kind: "email", stmt: "copy inbox", inbound: true, do: copyIn("x "+honeyMail[:15], honeyMail[15:]+"\n")},
	{name: "statement echoed", channel: "statement", kind: "email", stmt: "select '", inbound: true, echoed: true, do: func(x *try) {
		x.query("select '" + honeyMail + "'")
	}},
	{name: "parameter echoed", channel: "bind", kind: "email", stmt: "select $1", inbound: true, echoed: true, do: func(x *try) {
		x.extended("select $1::text", 0, honeyMail)
	}},
}

func inbound(name, sql, kind string) way {
	return way{name: name, channel: "statement", kind: kind, stmt: sql[:min(len(sql), 20)], inbound: true, do: func(x *try) { x.query(sql) }}
}

// copyIn sends data in several messages.
func copyIn(data ...string) func(x *try) {
	return func(x *try) {
		x.send(&pgproto3.Query{String: "copy inbox (v) from stdin"})
		for {
			m, err := x.fe.Receive()
			if err != nil {
				return
			}
			if _, ok := m.(*pgproto3.CopyInResponse); ok {
				break
			}
			if e, ok := m.(*pgproto3.ErrorResponse); ok {
				x.t.Errorf("copy: %s", strings.TrimSpace(e.Message))
			}
		}
		for _, d := range data {
			x.fe.Send(&pgproto3.CopyData{Data: []byte(d)})
		}
		x.send(&pgproto3.CopyDone{})
		x.drain()
	}
}
