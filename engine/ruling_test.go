package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// court is an engine with own rules, in protect mode so that statements are
// judged at once.
type court struct {
	t   *testing.T
	l   *ledger
	e   *Engine
	now time.Time

	mu     sync.Mutex
	orders []event.Measure
}

func own(tb testing.TB, text string) rules.Config {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "own.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return rules.Config{Files: []string{name}}
}

func newCourt(t *testing.T, own rules.Config, allow string) *court {
	t.Helper()
	c := &court{t: t, l: &ledger{}, now: time.Date(2026, 11, 23, 2, 30, 0, 0, time.UTC)} // a Monday
	if err := yaml.Unmarshal([]byte(allow), &own.Allow); err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(own)
	if err != nil {
		t.Fatal(err)
	}
	p := new(mysql.Parser)
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p, sqlfacts.MariaDB: p}, AnalysisOptions{Patience: time.Minute})
	t.Cleanup(a.Close)
	c.e, err = New(DefaultConfig(), Options{
		Reporter: c.l, Rules: set, Analysis: a, Now: func() time.Time { return c.now },
		Enforce: func(m event.Measure) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.orders = append(c.orders, m)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.e.Swap(twoRows())
	return c
}

func (c *court) client(user, address string) event.Client {
	return event.Client{
		Session: event.NewID(), Started: c.now, Protocol: "mysql", Server: "main", Database: "crm", User: user, Address: address,
		Application: "psql", ServerVersion: "8.4.0", Protect: true,
	}
}

// ask runs a statement with the given honey rows in its result.
func (c *court) ask(s inspect.Session, sql string, rows ...[]planted) event.Verdict {
	c.t.Helper()
	st, v := s.Prepare([]byte(sql), len(sql))
	defer st.Release()
	if v.Blocks() {
		return v
	}
	r, _ := st.Run(nil, nil)
	w, _ := r.Columns(event.ChannelRow, s.Describe(cols("=a", "=b", "=c", "=d", "=e", "=f", "=g")))
	for i, cells := range rows {
		if w != nil {
			v = worse(v, show(w, uint64(i+1), values(cells)))
		}
	}
	r.Done(uint64(len(rows)), "OK")
	return v
}

func (c *court) open(user, address string) inspect.Session {
	s, v := c.e.Open(c.client(user, address))
	if v.Blocks() {
		c.t.Fatalf("%s from %s is refused: %+v", user, address, v)
	}
	return s
}

func ids(ms []event.Match) []string {
	var out []string
	for _, m := range ms {
		out = append(out, m.ID)
	}
	return out
}

func TestAnOwnRuleOverFactsIsADetectionThatCounts(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: schema-change
    title: The schema was changed by an application
    severity: high
    tags: [T1098]
    condition: statement.kind == "define" and client.user == "app" and not within(client.address, "10.9.0.0/16")
    actions: {verdict: block}
    message: schema changes go through the release
`), "")
	s := c.open("app", "10.0.0.1:5")
	v := c.ask(s, "CREATE TABLE x (a INT)")
	if !v.Blocks() || v.Rule != "schema-change" || v.Message != "schema changes go through the release" {
		t.Errorf("verdict %+v", v)
	}
	c.ask(s, "CREATE TABLE y (a INT)")
	s.Close()
	ds := c.l.last()
	if len(ds) != 1 || ds[0].Rule != "schema-change" || ds[0].Severity != event.High || ds[0].Action != event.Block || ds[0].HitCount != 2 ||
		ds[0].Rules[0].Tags[0] != "T1098" || !strings.Contains(ds[0].Summary, "The schema was changed by an application") || ds[0].Statement.Shape == "" {
		t.Errorf("%+v", ds)
	}
	for _, ok := range []struct{ user, address, sql string }{
		{"app", "10.9.1.1:5", "CREATE TABLE x (a INT)"}, {"dba", "10.0.0.1:5", "CREATE TABLE x (a INT)"}, {"app", "10.0.0.1:5", "SELECT 1"},
	} {
		if v := c.ask(c.open(ok.user, ok.address), ok.sql); v.Action != event.Pass {
			t.Errorf("%+v: %+v", ok, v)
		}
	}
}

func TestSeveralRulesAreOneDetectionAndTheStrictestActionWins(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: strict
    title: A key was read
    severity: low
    condition: any(hits, .kind == "api_key" and .strength == "strong" and .table == "customers")
    actions: {verdict: kill, tarpit: 2s}
`), "")
	s := c.open("app", "10.0.0.1:5")
	v := c.ask(s, "SELECT * FROM customers", rowA)
	d := c.l.last()[0]
	if v.Action != event.Kill || v.Rule != "strict" || d.Action != event.Kill || d.Rule != rules.RowRead || d.Severity != event.Critical {
		t.Errorf("verdict %+v, detection %s %s %s", v, d.Rule, d.Action, d.Severity)
	}
	if got := ids(d.Rules); !slices.Equal(got, []string{rules.RowRead, "strict"}) || !slices.Equal(d.Rules[1].Actions, []string{"kill", "tarpit 2s"}) {
		t.Errorf("rules %+v", d.Rules)
	}
	if len(c.orders) != 2 || c.orders[0].Delay != 2*time.Second || !c.orders[1].Kill || c.orders[1].Session != d.Client.Session || c.orders[1].Detection != d.ID || c.orders[1].Rule != "strict" {
		t.Errorf("orders %+v", c.orders)
	}
}

func TestAQuarantineShutsItsSubjectOutForATime(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: shut
    title: A honey row was read
    severity: critical
    condition: any(hits, not .inbound)
    actions: {quarantine: {by: [address, user], for: 10m}}
`), "")
	v := c.ask(c.open("app", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	if v.Action != event.Kill {
		t.Errorf("the session itself: %+v", v)
	}
	d := c.l.last()[0]
	if len(d.Quarantine) != 2 || d.Quarantine[0].Subject != "10.0.0.1" || d.Quarantine[1].Subject != "app" || !d.Quarantine[0].Until.Equal(c.now.Add(10*time.Minute)) {
		t.Fatalf("quarantine %+v", d.Quarantine)
	}
	byAddress, byUser := c.client("other", "10.0.0.1:9"), c.client("app", "10.0.0.7:9")
	elsewhere := byUser
	elsewhere.Server = "second"
	for i, who := range []event.Client{byAddress, byUser, elsewhere} {
		of := slices.ContainsFunc(c.orders, func(m event.Measure) bool { return m.Of != nil && m.Kill && m.Of(&who) })
		_, v := c.e.Open(who)
		if want := i < 2; of != want || v.Blocks() != want || want && (v.Rule != "shut" || v.Detection != d.ID) {
			t.Errorf("%s at %s: running sessions end %v, refused %+v, want %v", who.User, who.Server, of, v, want)
		}
	}
	c.now = c.now.Add(2 * time.Second)
	c.e.Open(byUser)
	d = c.l.last()[0]
	if len(c.l.last()) != 1 || d.Quarantine[0].Refused+d.Quarantine[1].Refused != 3 || d.Rule != rules.RowRead || c.e.Stats().Refused != 3 || len(c.e.Quarantine()) != 2 {
		t.Errorf("%d detections, quarantine %+v", len(c.l.last()), d.Quarantine)
	}
	c.now = c.now.Add(10 * time.Minute)
	if _, v := c.e.Open(byUser); v.Blocks() || len(c.e.Quarantine()) != 0 {
		t.Errorf("when the time is up: %+v", v)
	}
}

func TestNobodyIsShutOutAsAWhole(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: shut
    title: A honey row was read
    condition: any(hits, not .inbound)
    actions: {quarantine: {by: [address, application], for: 10m}}
`), "")
	who := c.client("app", "unix")
	who.Application = ""
	s, _ := c.e.Open(who)
	if v := c.ask(s, "SELECT * FROM customers", rowA); v.Action != event.Alert {
		t.Errorf("verdict %+v", v)
	}
	if _, v := c.e.Open(who); v.Blocks() || len(c.orders) != 0 || c.e.Stats().Spared != 2 {
		t.Errorf("a socket or everybody without a name was shut out: %+v, orders %+v", v, c.orders)
	}
}

func TestAReloadWithoutTheRuleLiftsItsQuarantines(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: shut
    title: A honey row was read
    condition: any(hits, not .inbound)
    actions: {quarantine: {by: [user], for: 10m}}
`), "")
	c.ask(c.open("app", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	if err := c.e.Configure(DefaultConfig(), nil); err != nil {
		t.Fatal(err)
	}
	c.open("app", "10.0.0.1:6")
}

const backup = `
- user: backup
  statements: ["SELECT * FROM customers"]
  window: {days: [mon, tue], from: "02:00", to: "04:00"}
  expect: {honey_rows: 2, rows: 2-3, tables: [customers]}
`

var ordinaryRow = []planted{{"id", "17", 0, true}, {"first_name", "Anna", 0, false}}

func TestAnAllowanceThatExpectsIsSilentOnlyIfItIsLivedUpTo(t *testing.T) {
	for _, x := range []struct {
		name, user, sql string
		at              time.Duration
		rows            [][]planted
		want            []string
	}{
		{"as always", "backup", "select *  from customers", 0, [][]planted{rowA, rowB}, nil},
		{"as always, with an ordinary row", "backup", "SELECT * FROM customers", 0, [][]planted{rowA, ordinaryRow, rowB}, nil},
		{"another user", "app", "SELECT * FROM customers", 0, [][]planted{rowA, rowB}, []string{rules.RowRead}},
		{"another statement", "backup", "SELECT * FROM customers WHERE id > 1", 0, [][]planted{rowA, rowB}, []string{rules.RowRead}},
		{"outside the window", "backup", "SELECT * FROM customers", 3 * time.Hour, [][]planted{rowA, rowB}, []string{rules.RowRead}},
		{"another day", "backup", "SELECT * FROM customers", 48 * time.Hour, [][]planted{rowA, rowB}, []string{rules.RowRead}},
		{"more rows", "backup", "SELECT * FROM customers", 0, [][]planted{rowA, rowB, ordinaryRow, ordinaryRow, rowA}, []string{rules.RowRead}},
		{"a honey row is gone", "backup", "SELECT * FROM customers", 0, [][]planted{rowA, ordinaryRow}, []string{rules.ExpectedMissing}},
		{"all honey rows are gone", "backup", "SELECT * FROM customers", 0, [][]planted{ordinaryRow, ordinaryRow}, []string{rules.ExpectedMissing}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCourt(t, rules.Config{}, backup)
			c.now = c.now.Add(x.at)
			c.ask(c.open(x.user, "10.0.0.1:5"), x.sql, x.rows...)
			ds := c.l.last()
			switch {
			case len(x.want) == 0 && len(ds) != 0:
				t.Errorf("told: %s", ds[0].Summary)
			case len(x.want) > 0 && (len(ds) != 1 || !slices.Equal(ids(ds[0].Rules), x.want)):
				t.Errorf("got %+v, want %q", ds, x.want)
			}
		})
	}
}

func TestMoreHoneyRowsThanExpectedAreToldAtOnce(t *testing.T) {
	c := newCourt(t, rules.Config{}, strings.Replace(backup, "honey_rows: 2", "honey_rows: 1", 1))
	if v := c.ask(c.open("backup", "10.0.0.1:5"), "SELECT * FROM customers", rowA, rowB); v.Rule != rules.RowRead {
		t.Errorf("verdict %+v", v)
	}
}

func TestAWindowThatPassesWithoutItsRunIsToldOnce(t *testing.T) {
	c := newCourt(t, rules.Config{}, backup)
	step := func(d time.Duration) {
		c.now = c.now.Add(d)
		c.e.Patrol()
	}
	step(2 * time.Hour) // Monday's window began before the engine did
	if ds := c.l.last(); len(ds) != 0 {
		t.Fatalf("told of a window that was not seen whole: %s", ds[0].Summary)
	}
	c.now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	c.ask(c.open("backup", "10.0.0.1:5"), "SELECT * FROM customers", rowA, rowB)
	step(2 * time.Hour)
	if ds := c.l.last(); len(ds) != 0 {
		t.Fatalf("told of a run that took place: %s", ds[0].Summary)
	}
	c.now = time.Date(2026, 11, 30, 4, 1, 0, 0, time.UTC) // the next Monday
	step(0)
	step(time.Minute)
	ds := c.l.last()
	if len(ds) != 1 || ds[0].Rule != rules.ExpectedMissing || ds[0].Client.User != "backup" || ds[0].Severity != event.High {
		t.Errorf("%+v", ds)
	}
}

func TestRulesOfTheRunsEndSeeRunsWithoutHits(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: wide
    title: A large result
    condition: run.rows >= 3 and statement.kind == "select" and reads("products") and not run.failed
`), "")
	s := c.open("app", "10.0.0.1:5")
	c.ask(s, "SELECT * FROM products", ordinaryRow, ordinaryRow)
	c.ask(s, "SELECT * FROM others", ordinaryRow, ordinaryRow, ordinaryRow)
	if ds := c.l.last(); len(ds) != 0 {
		t.Fatalf("told: %s", ds[0].Summary)
	}
	c.ask(s, "SELECT * FROM products", ordinaryRow, ordinaryRow, ordinaryRow)
	if ds := c.l.last(); len(ds) != 1 || ds[0].Rule != "wide" || ds[0].Run.Rows != 3 || !ds[0].Run.Done {
		t.Errorf("%+v", ds)
	}
}

func TestRulesAtConnectAndOfTheSession(t *testing.T) {
	c := newCourt(t, own(t, `
rules:
  - id: night-login
    title: A login at night
    condition: client.user == "reports" and (time.hour < 6 or time.weekday == "sunday")
    zone: Europe/Berlin
    actions: {verdict: block}
  - id: busy
    title: Many statements
    condition: session.statements > 3 and client.user == "app"
`), "")
	if _, v := c.e.Open(c.client("reports", "10.0.0.1:5")); !v.Blocks() || v.Rule != "night-login" {
		t.Errorf("half past three in Berlin: %+v", v)
	}
	c.now = c.now.Add(4 * time.Hour)
	s := c.open("reports", "10.0.0.1:5")
	s.Close()
	s = c.open("app", "10.0.0.1:5")
	for i := range 4 {
		if v := c.ask(s, fmt.Sprintf("SELECT %d", i)); (v.Rule == "busy") != (i == 3) {
			t.Errorf("statement %d: %+v", i+1, v)
		}
	}
}

// tenRules are of the kind that people write: over the client and facts.
func tenRules(tb testing.TB) rules.Config {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  - {id: own-%d, title: t, condition: 'client.user == \"app_ro\" and writes(\"t%d\") and statement.kind in [\"insert\", \"update\"] and not within(client.address, \"10.%d.0.0/16\")'}\n", i, i, 40+i)
	}
	return own(tb, b.String())
}

// judged opens a session with ten own rules to which a shape is known.
func judged(tb testing.TB, c rules.Config) (s *session, st *statement, sql []byte) {
	set, err := rules.Compile(c)
	if err != nil {
		tb.Fatal(err)
	}
	p := new(mysql.Parser)
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p}, AnalysisOptions{Patience: time.Minute})
	tb.Cleanup(a.Close)
	e, err := New(DefaultConfig(), Options{Reporter: &ledger{}, Rules: set, Analysis: a})
	if err != nil {
		tb.Fatal(err)
	}
	e.Swap(twoRows())
	open, _ := e.Open(event.Client{Session: "s", Protocol: "mysql", Server: "main", User: "app_ro", Address: "10.0.0.1:1", ServerVersion: "8.4.0", Protect: true})
	s = open.(*session)
	st, sql = &statement{s: s}, []byte("SELECT id, name, price FROM products WHERE id = 48213 AND region = 'north' LIMIT 20")
	for st.facts == nil {
		s.look(st, sql)
	}
	return s, st, sql
}

func TestTenOwnRulesCostAKnownShapeNoEvaluationAndNoAllocation(t *testing.T) {
	s, st, sql := judged(t, tenRules(t))
	p := s.e.policy.Load()
	if len(p.rules.Of(rules.AtStatement)) < 10 || !p.rules.Statics() {
		t.Fatal("the rules are not in force")
	}
	s.look(st, sql)
	least := 100.0
	for range 200 {
		least = min(least, testing.AllocsPerRun(1, func() { s.look(st, sql) }))
	}
	if least != 0 {
		t.Errorf("%v allocations", least)
	}
	slots := 0
	for i := range p.memory.slots {
		if p.memory.slots[i].Load() != nil {
			slots++
		}
	}
	if slots != 1 {
		t.Errorf("%d shapes remembered, want one", slots)
	}
}

func BenchmarkRules(b *testing.B) {
	for name, c := range map[string]rules.Config{"shipped": {}, "ten-more": tenRules(b)} {
		b.Run(name, func(b *testing.B) {
			s, st, sql := judged(b, c)
			b.ReportAllocs()
			for b.Loop() {
				s.look(st, sql)
			}
		})
	}
}
