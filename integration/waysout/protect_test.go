package waysout

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/rules"
)

// roomy is a hold into which every result of these ways fits but those that are
// there to be too large.
const roomy = 1 << 20

// refuseAll has every shipped rule refuse what it speaks of.
func refuseAll() rules.Config {
	block := event.Block
	c := rules.Config{Override: map[string]rules.Override{}}
	set, err := rules.Compile(rules.Config{})
	if err != nil {
		panic(err)
	}
	for _, r := range set.All() {
		if r.ID != rules.Replication { // or the listener would be none
			c.Override[r.ID] = rules.Override{Action: &block}
		}
	}
	return c
}

// over returns what was reported once all sessions are over and all statements
// judged. Unlike take it does not wait for runs: a suspicion has none.
func (g *gate) over(t *testing.T) []event.Detection {
	t.Helper()
	eventually(t, g.name+": all sessions are over", func() bool { return len(g.listener.Sessions()) == 0 })
	if err := g.analysis.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g.seen()
}

// wantRefused expects a detection that refuses, and nothing of the honey row at
// the client.
func wantRefused(t *testing.T, ds []event.Detection, got []byte, hidden []string) {
	t.Helper()
	if !slices.ContainsFunc(ds, func(d event.Detection) bool { return d.Action >= event.Block }) {
		t.Errorf("no detection that refuses among %d", len(ds))
		for _, d := range ds {
			t.Logf("%s: %s %+v", d.Rule, d.Summary, d.Statement)
		}
	}
	narrow := bytes.ReplaceAll(got, []byte{0}, nil)
	for _, s := range hidden {
		if i := bytes.Index(got, []byte(s)); i >= 0 {
			t.Errorf("received: %.100q", got[max(0, i-50):])
		} else if i := bytes.Index(narrow, []byte(s)); i >= 0 {
			t.Errorf("received in a wide character set: %.100q", narrow[max(0, i-50):])
		}
	}
}

// carried counts the bytes of rows and of COPY data among PostgreSQL's messages.
func carried(t *testing.T, b []byte) (n int) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 5 || int(binary.BigEndian.Uint32(b[1:])) > len(b)-1 {
			t.Errorf("a message that is not whole: %.60q", b)
			return n
		}
		size := 1 + int(binary.BigEndian.Uint32(b[1:]))
		if b[0] == 'D' || b[0] == 'd' {
			n += size - 5
		}
		b = b[size:]
	}
	return n
}

// ordinary are the bytes of results that precede the one with the honey row, of
// the same text or procedure: each result is held back by itself. For MariaDB
// they are those of whole packets.
var (
	ordinary   = map[string]int{"behind 300 statements of one text": 300 * (2 + 4 + 1)}
	myOrdinary = map[string]int{
		"behind 300 statements of one text": 300 * resultOfOne, "procedure with several results": resultOfOne,
		"error behind a procedure's result": resultOfOne, "error in latin1": 4 + 7,
	}
)

// resultOfOne is the size of the result of SELECT 1.
const resultOfOne = 4 + 1 + 4 + 23 + 4 + 5 + 4 + 2 + 4 + 5

func TestInProtectModeEveryWayOutIsRefusedAndNothingOfTheRowLeaves(t *testing.T) {
	for _, w := range slices.Concat(allWays(), disguised) {
		for _, mode := range w.attempts() {
			t.Run(w.name+"/"+mode, func(t *testing.T) {
				p := newTap(t, &y.protect)
				x := &try{talk: dial(t, p.port()), port: p.port(), mode: mode}
				before := len(p.bytes())
				switch {
				case w.cut:
					w.runCut(x)
				default:
					w.run(x)
					if w.do == nil && !w.silent {
						if n := carried(t, p.bytes()[before:]); n != ordinary[w.name] {
							t.Errorf("%d bytes of rows have reached the client, want %d", n, ordinary[w.name])
						}
					}
					x.query("rollback")
					x.need("select 'still here'")
				}
				x.close()
				wantRefused(t, y.protect.over(t), p.bytes(), secrets)
			})
		}
	}
}

func TestInProtectModeEveryWayOutOfMariaDBIsRefusedAndNothingOfTheRowLeaves(t *testing.T) {
	f := mariadb(t)
	hidden := append([]string{cardBinary()}, secrets...)
	for _, w := range slices.Concat(allMyWays(f.release), allMyDisguised(f.release)) {
		for _, mode := range w.attempts() {
			t.Run(w.name+"/"+mode, func(t *testing.T) {
				p := newTap(t, &f.protect)
				x := w.start(t, p, mode)
				before := len(p.bytes())
				if w.cut && w.do != nil {
					w.do(x)
				} else { // what cuts the session where nothing is held, too
					w.run(x)
					// One packet: the error.
					b := p.bytes()[before:]
					if n := min(myOrdinary[w.name], len(b)); w.do == nil && mode == "text" {
						if b = b[n:]; len(b) < 5 || b[4] != 0xff || len(b) != 4+int(b[0])+int(b[1])<<8 {
							t.Errorf("behind %d bytes %d have reached the client, want an error's: %.100q", n, len(b), b)
						}
					}
					x.query("rollback")
					x.need("set names utf8mb4")
					x.need("select 'still here'")
				}
				x.close()
				f.followed(t)
				wantRefused(t, f.protect.over(t), p.bytes(), hidden)
			})
		}
	}
}

func TestInProtectModeWhatOnlyTheStatementTellsIsNotSent(t *testing.T) {
	f := mariadb(t)
	for _, j := range judged {
		if j.pg != "" {
			t.Run(j.way+"/PostgreSQL", func(t *testing.T) {
				p := newTap(t, &y.protect)
				x := dial(t, p.port(), "application_name", j.way)
				x.query(j.pg)
				if !slices.Contains(x.errs, "42501") || len(x.rows) > 0 {
					t.Errorf("errors %v, rows %q", x.errs, x.rows)
				}
				x.need("select 'still here'")
				x.close()
				wantRefused(t, y.protect.over(t), p.bytes(), secrets)
			})
		}
		if j.my != "" {
			t.Run(j.way+"/MariaDB", func(t *testing.T) {
				p := newTap(t, &f.protect)
				x := dialMyAs(t, p.port(), j.way)
				x.query(j.my)
				if !strings.Contains(string(p.bytes()), "\xff\x76\x04#42000command denied") || len(x.rows) > 0 {
					t.Errorf("errors %v, rows %q", x.errs, x.rows)
				}
				x.need("select 'still here'")
				x.close()
				wantRefused(t, f.protect.over(t), p.bytes(), secrets)
			})
		}
	}
}

func TestInProtectModeOrdinaryStatementsPass(t *testing.T) {
	f := mariadb(t)
	for range 2 { // of a shape that is not known yet, and of a known one
		c, d := dial(t, newTap(t, &y.protect).port(), "application_name", "calm"), dialMyAs(t, newTap(t, &f.protect).port(), "calm")
		for _, j := range judged {
			if j.pgCalm != "" {
				c.need(j.pgCalm)
			}
			if calm := calmIn(f.release, j.myCalm); calm != "" {
				d.need(calm)
			}
		}
		c.need("select * from customers where id < 300")
		d.need("select * from customers where id < 300")
		c.close()
		d.close()
	}
	for _, g := range []*gate{&y.protect, &f.protect} {
		for _, d := range g.over(t) {
			t.Errorf("%s: %s %+v", g.name, d.Summary, d.Findings)
		}
	}
}
