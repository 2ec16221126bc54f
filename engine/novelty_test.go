package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"honeyrow/engine/baseline"
	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// learned is an engine that knows what user shop sends with application web.
func learned(t *testing.T) (*desk, func(user, application string) inspect.Session) {
	t.Helper()
	l, e, _ := seeking(t)
	open := func(user, application string) inspect.Session {
		s, _ := e.Open(event.Client{
			Session: event.NewID(), Protocol: "mysql", Server: "main", Database: "crm", User: user, Address: "10.0.0.5:1",
			Application: application, ServerVersion: "8.4.0", Protect: true,
		})
		t.Cleanup(s.Close)
		return s
	}
	teach := baseline.NewLearner(nil, time.Now())
	e.SetLearner(teach)
	s := open("shop", "web 1")
	for _, sql := range []string{
		"SELECT id, name FROM products WHERE id = 5", "SELECT id FROM customers WHERE id = 5",
		"SELECT id FROM products WHERE name LIKE '%' OR name = 'x'", // has a weak finding
	} {
		ask(s, sql, "OK")
	}
	ask(s, "SELECT oops FROM products WHERE a b c", "1064")
	e.SetLearner(nil)
	e.SetBaseline(teach.Book())
	return l, open
}

func TestNoveltyMakesOtherFindingsGraver(t *testing.T) {
	for _, c := range []struct {
		name, user, app, sql string
		want                 string // the rule; "": silence
		severity             event.Severity
		finding              string
	}{
		{"known", "shop", "web 2", "SELECT id, name FROM products WHERE id = 6", "", 0, ""},
		{"known, of a table with honey rows", "shop", "web 2", "SELECT id FROM customers WHERE id = 6", "", 0, ""},
		{"new alone", "shop", "web 2", "SELECT name FROM products ORDER BY name", "", 0, ""},
		{"new with a weak finding", "shop", "web 2", "SELECT id FROM products WHERE name LIKE '%' OR name = 'y' LIMIT 3", "novel-statement", event.Medium, newShape},
		{"new with a table that holds honey rows", "shop", "web 2", "SELECT * FROM customers", "novel-statement", event.Medium, newShape},
		{"new with a grave finding", "shop", "web 2", "SELECT id FROM products WHERE id = 5 OR sleep(5)", rules.Injection, event.High, newShape},
		{"new with a finding of the weakest kind", "shop", "web 2", "SELECT table_name FROM information_schema.tables", "novel-statement", event.Low, newShape},
		{"something put into a known statement", "shop", "web 2", "SELECT id, name FROM products WHERE id = 5 OR stock = 7", "novel-statement", event.Medium, grown},
		{"a query put into a known statement", "shop", "web 2", "SELECT id, name FROM products WHERE id = 5 AND price IN (1) EXCEPT SELECT 1, 'a'", rules.Injection, event.High, grown},
		{"a condition more in a known statement", "shop", "web 2", "SELECT id, name FROM products WHERE id = 5 AND stock > 7", "", 0, ""},
		{"known, with a weak finding", "shop", "web 2", "SELECT id FROM products WHERE name LIKE '%' OR name = 'x'", "", 0, ""},
		{"a DBA's statement", "dba", "mysql", "SELECT count(*) FROM products", "", 0, ""},
		{"a DBA's statement of a table with honey rows", "dba", "mysql", "SELECT count(*) FROM customers", "", 0, ""},
		{"the application's user with another program", "shop", "mysql", "SELECT count(*) FROM customers", "novel-statement", event.Medium, newApplication},
		{"the application's user with another program, elsewhere", "shop", "mysql", "SELECT count(*) FROM products", "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, open := learned(t)
			ask(open(c.user, c.app), c.sql, "OK")
			ds := l.all()
			if c.want == "" {
				if len(ds) > 0 {
					t.Errorf("%s: %+v", ds[0].Summary, ds[0].Findings)
				}
				return
			}
			if len(ds) == 0 {
				t.Fatal("silence")
			}
			d := ds[len(ds)-1]
			found := false
			for _, f := range d.Findings {
				found = found || f.Detector == c.finding
			}
			if d.Rule != c.want || d.Severity != c.severity || !found {
				t.Errorf("%s, %s, %+v", d.Rule, d.Severity, d.Findings)
			}
		})
	}
}

func TestANewShapeAmidSyntaxErrorsIsAnAlert(t *testing.T) {
	l, open := learned(t)
	s := open("shop", "web 1")
	for range 2 { // and the one while it was learned
		ask(s, "SELECT id, name FROM products WHERE id = 5)", "1064")
	}
	if ds := l.all(); len(ds) != 0 {
		t.Fatalf("errors alone: %+v", ds[0])
	}
	ask(s, "SELECT id, name FROM products WHERE id = 5 AND 1", "OK")
	d := l.latest(t, "the statement", func(d *event.Detection) bool { return d.Rule == "novel-statement" })
	if d.Findings[len(d.Findings)-1].Detector != newShape {
		t.Errorf("%+v", d.Findings)
	}
}

func TestASessionThatTripsADetectorTeachesNothing(t *testing.T) {
	_, e, s := seeking(t)
	l := baseline.NewLearner(nil, time.Now())
	e.SetLearner(l)
	ask(s, "SELECT a FROM products", "OK")
	ask(s, "SELECT b FROM products WHERE mail = '"+rowA[3].value+"'", "OK")
	ask(s, "SELECT c FROM products", "OK")
	if p := l.Progress(); p.Shapes != 0 || len(p.Distrusted) != 1 || p.Distrusted[0].Why != rules.ValuePresented {
		t.Errorf("%+v", p)
	}
}

func TestAKnownShapeIsComparedWithoutAllocation(t *testing.T) {
	_, open := learned(t)
	s := open("shop", "web 1").(*session)
	sql := []byte("SELECT id, name FROM products WHERE id = 77")
	st := &statement{s: s}
	s.look(st, sql)
	least := 100.0
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() { s.look(st, sql) }))
	}
	if least != 0 {
		t.Errorf("%v allocations", least)
	}
}

// Without a baseline, what the process has seen a client send for a while is
// enough to see where something is put in.
func TestWhatIsPutIntoStatementsThatWereSeenForLongIsTold(t *testing.T) {
	p := new(mysql.Parser)
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p}, AnalysisOptions{Patience: time.Minute})
	t.Cleanup(a.Close)
	var now atomic.Int64
	l := &desk{in: make(chan event.Detection, 1024)}
	e, err := New(DefaultConfig(), Options{Reporter: l, Analysis: a, Now: func() time.Time { return time.Unix(now.Load(), 0) }})
	if err != nil {
		t.Fatal(err)
	}
	open := func(user string) inspect.Session {
		s, _ := e.Open(event.Client{Session: event.NewID(), Protocol: "mysql", Server: "main", Database: "crm", User: user, Address: "10.0.0.5:1", Application: "web 1", ServerVersion: "8.4.0", Protect: true})
		t.Cleanup(s.Close)
		return s
	}
	const known, odd, more = "SELECT id, name FROM products WHERE id = 5", "SELECT id, name FROM products WHERE id = 5 OR stock = 7", "SELECT id, name FROM products WHERE id = 5 AND stock > 7"
	s := open("shop")
	for range 2 {
		for _, sql := range []string{known, odd} { // not seen for long: anything may be an application's own
			ask(s, sql, "OK")
		}
		now.Add(int64(baseline.Routine/time.Second) / 2)
	}
	if ds := l.all(); len(ds) > 0 {
		t.Fatalf("alerts before anything is known: %+v", ds[0].Findings)
	}
	now.Add(int64(baseline.Routine / time.Second))
	ask(s, known, "OK")
	ask(s, more, "OK")
	ask(open("dba"), odd, "OK")
	if ds := l.all(); len(ds) > 0 {
		t.Fatalf("alerts: %+v", ds[0].Findings)
	}
	ask(open("shop"), odd+" AND name <> 'x'", "OK")
	ds := l.all()
	if len(ds) != 1 || ds[0].Rule != rules.Injection || len(ds[0].Findings) != 1 || ds[0].Findings[0].Detector != grown {
		t.Errorf("%+v", ds)
	}
}
