package waysout

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/rules"
)

// attempts are the modes in which a way is tried.
func (w way) attempts() []string {
	switch {
	case w.do != nil:
		return []string{w.channel}
	case strings.HasPrefix(w.sql, "/*simple*/"):
		return []string{"simple"}
	case strings.HasPrefix(w.sql, "/*binary*/"):
		return []string{"extended binary"}
	}
	return []string{"simple", "extended text", "extended binary"}
}

func (w way) run(x *try) {
	switch {
	case w.do != nil:
		w.do(x)
	case x.mode == "simple":
		x.query(w.sql)
	case x.mode == "extended text":
		x.extended(w.sql, 0)
	default:
		x.extended(w.sql, 1)
	}
}

// runCut runs a way in whose middle the session ends.
func (w way) runCut(x *try) {
	switch {
	case w.do != nil:
		w.do(x)
		return
	case x.mode == "simple":
		x.send(&pgproto3.Query{String: w.sql})
	default:
		f := int16(0)
		if x.mode == "extended binary" {
			f = 1
		}
		x.send(&pgproto3.Parse{Query: w.sql}, &pgproto3.Bind{ResultFormatCodes: []int16{f}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	}
	x.drain()
}

func (w way) rule() string {
	if w.inbound && !w.echoed {
		return rules.ValuePresented
	}
	return rules.RowRead
}

func allWays() []way {
	var out []way
	for _, w := range slices.Concat(rowWays, weakWays, otherWays, inboundWays) {
		if w.channel == "" {
			w.channel, w.stmt = "row", w.sql[:min(len(w.sql), 60)]
		}
		if (w.do != nil || w.sql != "") && y.of >= newInPostgreSQL[w.name] {
			out = append(out, w)
		}
	}
	return out
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// story is what a detection must tell.
type story struct {
	rule, kind, channel string
	statement           string // in its text; "-": none is known
	user, database      string
}

func wantStory(t *testing.T, d event.Detection, p *tap, want story) {
	t.Helper()
	if d.Rule != want.rule || d.HoneyRows != 1 {
		t.Errorf("rule %s with %d honey rows, want %s with 1", d.Rule, d.HoneyRows, want.rule)
	}
	found := false
	for _, h := range d.Hits {
		if h.Place.Table != "customers" || h.Place.Key != honeyKey || h.PlantedBy != "dba@corp" {
			t.Errorf("hit of %+v", h)
		}
		found = found || h.Kind == want.kind && string(h.Channel) == want.channel
	}
	if !found {
		t.Errorf("no hit of kind %s on channel %s among %+v", want.kind, want.channel, d.Hits)
	}
	if !slices.Contains(p.from, d.Client.Address) || d.Client.User != want.user || d.Client.Database != want.database || d.Client.BackendPID == 0 {
		t.Errorf("client %+v, want one of %v", d.Client, p.from)
	}
	if want.statement != "-" && !strings.Contains(strings.ToLower(d.Statement.Text), strings.ToLower(want.statement)) {
		t.Errorf("statement %.200q, want %q in it", d.Statement.Text, want.statement)
	}
}

func TestEveryWayOutIsRefusedAndTheSessionGoesOn(t *testing.T) {
	for _, w := range allWays() {
		for _, mode := range w.attempts() {
			t.Run(w.name+"/"+mode, func(t *testing.T) {
				p := newTap(t, &y.block)
				x := &try{talk: dial(t, p.port()), port: p.port(), mode: mode}
				if w.inbound {
					admin(x, "truncate inbox")
				}
				if w.cut {
					w.runCut(x)
				} else {
					w.run(x)
					x.query("rollback")
					x.need("select 'still here'")
					if x.status != 'I' || len(x.rows) != 1 || string(x.rows[0][0]) != "still here" {
						t.Errorf("after the refusal: status %c, rows %q", x.status, x.rows)
					}
				}
				x.close()
				got := y.block.take(t)
				if len(got) != 1 || got[0].Action != event.Block {
					t.Errorf("%d detections, want 1 that blocks", len(got))
				}
				if w.inbound {
					if n, err := y.pg.Query(t.Context(), "postgres", "select count(*) from inbox"); err != nil || strings.TrimSpace(n) != "0" {
						t.Errorf("%s values have come to the server, %v", n, err)
					}
				}
				b := p.bytes()
				if !w.silent && !w.cut && !bytes.Contains(b, []byte("C42501\x00")) {
					t.Errorf("no error 42501 in %.300q", tail(b, 300))
				}
				for _, s := range secrets {
					if i := bytes.Index(b, []byte(s)); i >= 0 {
						t.Errorf("received: %.100q", b[max(0, i-50):])
					}
				}
			})
		}
	}
}
