package engine

import (
	"strings"
	"testing"
	"time"

	"honeyrow/engine/drill"
	"honeyrow/event"
	"honeyrow/rules"
)

var drillKey = []byte("0123456789abcdef0123456789abcdef")

// orderedText is what honeyrow sends to read row-a.
func (g *rig) orderedText(row event.ID, after time.Duration) string {
	return drill.Sign(drillKey, "SELECT * FROM customers WHERE id = '90001'", drill.Order{Row: row, At: g.now.Add(after)})
}

func drillRig(t *testing.T, rc rules.Config) *rig {
	g := newRig(t, DefaultConfig(), rc)
	g.e.drills = drill.NewGate(drillKey)
	return g
}

func TestAnOrderedReadIsADrillAndNoOtherIs(t *testing.T) {
	a, b := values(rowA), values(rowB)
	for _, c := range []struct {
		name string
		sql  func(*rig) string
		rows [][]string
		want bool
	}{
		{"as ordered", func(g *rig) string { return g.orderedText("row-a", 0) }, [][]string{a}, true},
		{"a minute old", func(g *rig) string { return g.orderedText("row-a", -drill.Life) }, [][]string{a}, false},
		{"ordered for another row", func(g *rig) string { return g.orderedText("row-b", 0) }, [][]string{a}, false},
		{"with another row in its result", func(g *rig) string { return g.orderedText("row-a", 0) }, [][]string{a, b}, false},
		{"with more behind it", func(g *rig) string { return g.orderedText("row-a", 0) + " " }, [][]string{a}, false},
		{"with the condition changed", func(g *rig) string { return strings.Replace(g.orderedText("row-a", 0), "= '9", "< '9", 1) }, [][]string{a}, false},
		{"not at all", func(*rig) string { return "SELECT * FROM customers" }, [][]string{a}, false},
	} {
		g := drillRig(t, rules.Config{})
		g.query(c.sql(g), cols(customerColumns...), c.rows...)
		ds := g.l.last()
		d := ds[len(ds)-1]
		if d.Drill != c.want || !d.Run.Done {
			t.Errorf("%s: drill %v, %s", c.name, d.Drill, d.Summary)
			continue
		}
		if c.want && (d.Severity != event.Info || d.Rules[0].Severity < event.High || !strings.HasPrefix(d.Summary, "DRILL, nothing happened: ") || len(ds) != 1) {
			t.Errorf("%s: %s, rules %+v, %q", c.name, d.Severity, d.Rules, d.Summary)
		}
		if !c.want && (d.Severity < event.High || strings.Contains(d.Summary, "DRILL") || d.Revision < 1) {
			t.Errorf("%s: %s, %q, revision %d", c.name, d.Severity, d.Summary, d.Revision)
		}
	}
}

func TestAnOrderIsGoodForOneRunOfItsSession(t *testing.T) {
	g := drillRig(t, rules.Config{})
	sql := g.orderedText("row-a", 0)
	g.query(sql, cols(customerColumns...), values(rowA))
	g.query(sql, cols(customerColumns...), values(rowA))
	other := alice()
	other.Session = "session-2"
	g.s, _ = g.e.Open(other)
	g.query(sql, cols(customerColumns...), values(rowA))
	drills := 0
	for _, d := range g.l.last() {
		if d.Drill {
			drills++
		}
	}
	if n := len(g.l.last()); n != 3 || drills != 1 {
		t.Errorf("%d detections, %d of them drills: want 3 and 1", n, drills)
	}
	// Who has not the registry's key can order nothing.
	g = drillRig(t, rules.Config{})
	g.e.drills = drill.NewGate([]byte("another"))
	g.query(g.orderedText("row-a", 0), cols(customerColumns...), values(rowA))
	if g.one().Drill {
		t.Error("a theft with a made-up signature is called a drill")
	}
}

func TestADrillIsRefusedAsATheftIsAndNobodyIsShutOut(t *testing.T) {
	block := event.Block
	for _, o := range []rules.Override{
		{Action: &block},
		{Actions: &rules.Actions{Verdict: event.Block, Tarpit: time.Second, Quarantine: rules.Quarantine{By: []rules.Subject{rules.ByUser, rules.ByAddress}, For: time.Hour}}},
	} {
		g := drillRig(t, rules.Config{Override: map[string]rules.Override{"honey-row-read": o}})
		orders := 0
		g.e.order = func(event.Measure) { orders++ }
		v := g.query(g.orderedText("row-a", 0), cols(customerColumns...), values(rowA))
		d := g.one()
		if !v.Blocks() || !d.Drill || d.Action < event.Block || d.Severity != event.Info {
			t.Errorf("verdict %+v, drill %v, %s, %s", v, d.Drill, d.Action, d.Severity)
		}
		if q := g.e.Quarantine(); len(q) != 0 || orders != 0 || len(d.Quarantine) != 0 {
			t.Errorf("%d are shut out, %d orders were given for a drill", len(q), orders)
		}
	}
}

// The order's text names the row by its key, or a decoy table: that is part of
// the drill, and makes nobody suspect.
func TestADrillsStatementIsPartOfIt(t *testing.T) {
	for sql, want := range map[string]struct {
		row   event.ID
		drill bool
	}{
		"SELECT * FROM customers WHERE id = 90001":               {"row-a", true},
		"SELECT * FROM vault WHERE id = 1":                       {"row-x", true},
		"SELECT * FROM vault, customers WHERE id = 90001":        {"row-a", true},
		"SELECT * FROM customers WHERE id = 90001 OR 1=1":        {"row-a", true},
		"SELECT * FROM lines WHERE order_id = 77 AND line = '2'": {"row-a", false},
	} {
		l, e, s := seeking(t)
		e.drills = drill.NewGate(drillKey)
		text := drill.Sign(drillKey, sql, drill.Order{Row: want.row, At: time.Now()})
		st, _ := s.Prepare([]byte(text), len(text))
		r, _ := st.Run(nil, nil)
		r.Done(0, "OK")
		st.Release()
		d := l.latest(t, sql, func(d *event.Detection) bool { return d.Run.Done && len(d.Hits) > 0 })
		if d.Drill != want.drill || d.Drill == (d.Severity != event.Info) || d.Drill && len(d.Findings) > 0 {
			t.Errorf("%s: drill %v, %s: %s", sql, d.Drill, d.Severity, d.Summary)
		}
		s.Close()
		for _, d := range l.all() {
			if want.drill && !d.Drill {
				t.Errorf("%s: beside the drill there is %s", sql, d.Summary)
			}
		}
	}
}
