package engine

import (
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/rules"
)

// What a parser that is late says of a statement that was judged by its words is
// told with it: one statement is one alert, refused or not.
func TestAStatementIsToldOnceThoughItsParseComesAfterItsWords(t *testing.T) {
	const sought = "SELECT email FROM crm.customers stall WHERE id = 90001"
	const injected = "SELECT id FROM stall WHERE id = 1 UNION SELECT concat(0x71, email, 0x71) FROM customers-- x"
	for _, c := range []struct {
		name, sql, rule string
		refused, before bool // before: the parse comes before the run ends
		never           bool // run
	}{
		{name: "sought and refused", sql: sought, rule: rules.RowSought, refused: true},
		{name: "sought", sql: sought, rule: rules.RowSought},
		{name: "sought, the parse within the run", sql: sought, rule: rules.RowSought, before: true},
		{name: "sought, prepared and never run", sql: sought, rule: rules.RowSought, never: true},
		{name: "injected and refused", sql: injected, rule: rules.Injection, refused: true},
		{name: "injected", sql: injected, rule: rules.Injection},
	} {
		p, e, l, open := guarded(t, time.Millisecond)
		e.Swap(keyed())
		if !c.refused {
			set, err := rules.Compile(rules.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Configure(DefaultConfig(), set); err != nil {
				t.Fatal(err)
			}
		}
		s := open("10.0.0.1:1", true)
		st, v := s.Prepare([]byte(c.sql), len(c.sql))
		if v.Blocks() != c.refused {
			t.Errorf("%s: %+v", c.name, v)
		}
		parse := func() {
			<-p.entered
			p.release <- struct{}{}
			if err := e.analysis.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if c.before {
			parse()
		}
		if !c.refused && !c.never {
			r, _ := st.Run(nil, nil)
			r.Done(0, "")
		}
		if !c.before {
			parse()
		}
		st.Release()
		s.Close()
		ids := map[event.ID]string{}
		hits := 0
		for _, d := range l.all() {
			ids[d.ID] = d.Rule
			hits = max(hits, d.HitCount)
		}
		if len(ids) != 1 || hits != 1 {
			t.Errorf("%s: detections %v, %d hits: want one", c.name, ids, hits)
		}
		for _, rule := range ids {
			if rule != c.rule {
				t.Errorf("%s: told by %s", c.name, rule)
			}
		}
	}
}

// A statement that is prepared and never run is told of too, whatever the parser's
// pace, and one that is run is told of once.
func TestAStatementThatIsOnlyPreparedIsToldThoughItsParseComesLate(t *testing.T) {
	const sql = "SELECT email FROM crm.customers stall WHERE id = 90001"
	for _, c := range []struct {
		name       string
		runs, late bool // late: the parse comes after the session's end
	}{{name: "prepared"}, {name: "prepared, parsed after the end", late: true}, {name: "run", runs: true}} {
		p, e, l, open := guarded(t, time.Minute)
		e.Swap(keyed())
		s := open("10.0.0.1:1", false)
		st, _ := s.Prepare([]byte(sql), len(sql))
		parse := func() {
			<-p.entered
			p.release <- struct{}{}
			if err := e.analysis.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if !c.late {
			parse()
		}
		if c.runs {
			for range 2 {
				r, _ := st.Run(nil, nil)
				r.Done(0, "")
			}
		}
		before := len(l.all())
		s.Close()
		if c.late {
			parse()
		}
		ids := map[event.ID]bool{}
		for _, d := range l.all() {
			if ids[d.ID] = true; d.Rule != rules.RowSought {
				t.Errorf("%s: told by %s", c.name, d.Rule)
			}
		}
		if n := len(ids); n != 1 && !c.runs || c.runs && len(l.all()) != before {
			t.Errorf("%s: %d detections, %d reports before the end, %d in all", c.name, n, before, len(l.all()))
		}
	}
}
