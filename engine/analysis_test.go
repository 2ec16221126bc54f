package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// desk takes reports and lets a test wait for one.
type desk struct {
	in  chan event.Detection
	got []event.Detection
}

func (d *desk) Report(x event.Detection) { d.in <- x }

// all returns what has been reported so far.
func (d *desk) all() []event.Detection {
	for {
		select {
		case x := <-d.in:
			d.got = append(d.got, x)
		default:
			return d.got
		}
	}
}

// latest waits for a report that satisfies want.
func (d *desk) latest(t *testing.T, what string, want func(*event.Detection) bool) event.Detection {
	t.Helper()
	late := time.After(2 * time.Minute)
	for i := 0; ; i++ {
		for i == len(d.got) {
			select {
			case x := <-d.in:
				d.got = append(d.got, x)
			case <-late:
				t.Fatalf("%s: not reported; reported were %+v", what, d.got)
			}
		}
		if want(&d.got[i]) {
			return d.got[i]
		}
	}
}

// asking is an engine that judges statements, in front of a MySQL server.
func asking(t *testing.T) (*desk, func(address string) inspect.Session) {
	t.Helper()
	p := new(mysql.Parser)
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p, sqlfacts.MariaDB: p}, AnalysisOptions{})
	t.Cleanup(a.Close)
	l := &desk{in: make(chan event.Detection, 1024)}
	e, err := New(DefaultConfig(), Options{Reporter: l, Analysis: a})
	if err != nil {
		t.Fatal(err)
	}
	s := manyRows(60)
	for i := range s.Tokens {
		s.Tokens[i].Place.Schema, s.Tokens[i].TableOID = "", 0
	}
	e.Swap(s)
	return l, func(address string) inspect.Session {
		sess, _ := e.Open(event.Client{
			Session: event.NewID(), Protocol: "mysql", Server: "main", Database: "crm", User: "shop", Address: address,
			ServerVersion: "5.5.5-10.11.6-MariaDB",
		})
		t.Cleanup(sess.Close)
		return sess
	}
}

func ask(s inspect.Session, sql, code string) {
	st, _ := s.Prepare([]byte(sql), len(sql))
	r, _ := st.Run(nil, nil)
	r.Done(0, code)
	st.Release()
}

func TestAnInjectionIsOneStoryThatNamesTheTableItReaches(t *testing.T) {
	l, open := asking(t)
	ordinary := "SELECT id, name FROM products WHERE id = %d"
	first := open("10.0.0.1:1000")
	for i := range 50 {
		ask(first, fmt.Sprintf(ordinary, i), "")
	}
	ask(first, "SELECT id, name FROM products WHERE id = 1 UNION SELECT 1, concat(email, 0x3a, phone) FROM customers-- x", "")
	d := l.latest(t, "a UNION into a table with honey rows", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	if d.Severity != event.High || len(d.Reach) != 1 || d.Reach[0] != "crm.customers" || len(d.Findings) < 2 || !strings.Contains(d.Summary, "crm.customers") {
		t.Errorf("detection %+v", d)
	}
	// The same client goes on in a new session, with a statement of a known shape.
	second := open("10.0.0.1:2000")
	for range 20 {
		ask(second, "SELECT id, name FROM products WHERE id = 2 AND 3=3", "")
	}
	l.latest(t, "what went on", func(n *event.Detection) bool { return n.ID == d.ID && n.Revision > 1 })
	for _, o := range l.all() {
		if o.ID != d.ID {
			t.Errorf("a second detection of the same story: %+v", o)
		}
	}
	// Somebody else's is another story.
	other := open("10.0.0.2:1000")
	ask(other, "SELECT id, name FROM products WHERE id = 2 OR sleep(5)", "")
	l.latest(t, "another client", func(n *event.Detection) bool { return n.ID != d.ID && n.Client.Address == "10.0.0.2:1000" })
}

func TestABurstOfSyntaxErrorsIsProbing(t *testing.T) {
	l, open := asking(t)
	for i := range 4 { // one each, as a web application's requests
		ask(open(fmt.Sprintf("10.0.0.1:%d", i)), "SELECT id FROM t WHERE id = 1'", "1064")
	}
	if n := len(l.all()); n != 0 {
		t.Fatalf("%d reports after four errors", n)
	}
	ask(open("10.0.0.1:9"), "SELECT id FROM t WHERE id = 1)", "1064")
	d := l.latest(t, "the fifth error", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	if len(d.Findings) == 0 || d.Findings[len(d.Findings)-1].Detector != "syntax-error-burst" {
		t.Errorf("findings %+v", d.Findings)
	}
}

func TestAHoneyRowReadByASuspectCarriesWhatIsKnown(t *testing.T) {
	l, open := asking(t)
	s := open("10.0.0.1:1000")
	ask(s, "SELECT id FROM t WHERE id = 1 OR 5=5", "")
	l.latest(t, "the injection", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	email := ""
	for _, tok := range manyRows(60).Tokens {
		if strings.Contains(tok.Value, "@") {
			email = tok.Value
			break
		}
	}
	ask(s, "SELECT id FROM t WHERE email = '"+email+"'", "")
	d := l.latest(t, "the value", func(d *event.Detection) bool { return d.Rule == rules.ValuePresented })
	if len(d.Findings) == 0 {
		t.Errorf("nothing of the injection is told: %+v", d)
	}
}

func TestStatementsOfAKnownShapeAreJudgedWithoutAllocation(t *testing.T) {
	_, open := asking(t)
	s := open("10.0.0.1:1000").(*session)
	sql := []byte("SELECT id, name, price FROM products WHERE id = 48213 AND region = 'north' LIMIT 20")
	st := &statement{s: s}
	for st.facts == nil { // until the shape is known
		s.look(st, sql)
	}
	// Under the race detector sync.Pool forgets at random: what the code itself
	// allocates shows in the best of many.
	least := 100.0
	for range 200 {
		least = min(least, testing.AllocsPerRun(1, func() { s.look(st, sql) }))
	}
	if least != 0 {
		t.Errorf("%v allocations", least)
	}
}

// A quote behind a backslash ends a text where the server says that backslashes are
// nothing special, and a double one begins a name where it says so.
func TestTextsAreReadAsTheServerSaysThatItReadsThem(t *testing.T) {
	for name, sql := range map[string]string{
		"no_backslash_escapes": `SELECT id FROM users WHERE name = '\' OR 2=2 OR name = 'x'`,
		"ansi_quotes":          `SELECT id FROM users WHERE "name" = '"' OR 2=2 OR name = "x"`,
	} {
		s := &session{client: event.Client{Protocol: "mysql", ServerVersion: "10.11.6-MariaDB"}, mysql: true}
		shape := func() (n int) {
			var x sqlfacts.Text
			x.Lex([]byte(sql), *s.environment())
			return len(x.Literals)
		}
		before := shape()
		s.setEnv(name, "on")
		on := shape()
		s.setEnv(name, "off")
		if off := shape(); on == before || off != before {
			t.Errorf("%s: %d literals, %d where it is on, %d where it is off again", name, before, on, off)
		}
	}
}

func TestVersionsAreReadAsServersCountThem(t *testing.T) {
	for in, want := range map[string]int{
		"15.18 (Debian 15.18-0+deb12u1)": 150018, "17.0": 170000, "8.4.1-log": 80401, "10.11.6-MariaDB": 101106, "9": 90000, "": 0, "x": 0, "8.0.36": 80036,
	} {
		if got := number(in); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

func TestSyntaxErrorsOfPreparedStatementsAreProbingToo(t *testing.T) {
	l, open := asking(t)
	s := open("10.0.0.1:1000")
	sql := []byte("SELECT id FROM t WHERE id = 1'")
	for range burst {
		st, _ := s.Prepare(sql, len(sql))
		st.Failed("1064")
	}
	d := l.latest(t, "five texts that could not be prepared", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	if len(d.Findings) == 0 || d.Findings[len(d.Findings)-1].Detector != "syntax-error-burst" {
		t.Errorf("findings %+v", d.Findings)
	}
}

// look has a statement judged as Prepare does.
func (s *session) look(st *statement, sql []byte) {
	t := s.lex(sql, len(sql))
	s.understand(st, t, sql, len(sql))
	s.e.unlex(t)
}

func TestTheOldestStatementThatIsNotUnderstoodTellsTheLag(t *testing.T) {
	q := newTurns()
	now := time.Unix(1000, 0)
	push := func(user string, ago time.Duration) *question {
		x := &question{lane: lane{user: user}, text: []byte("select 1"), asked: now.Add(-ago)}
		if !q.push(x) {
			t.Fatal("the queue is full")
		}
		return x
	}
	a := &Analysis{behind: q, ahead: newTurns()}
	expect := func(waiting int, lag time.Duration) {
		t.Helper()
		if n, l := a.load(now); n != waiting || l != lag {
			t.Errorf("%d waiting, lag %s; want %d, %s", n, l, waiting, lag)
		}
	}
	expect(0, 0)
	push("a", 5*time.Second)
	push("a", 3*time.Second)
	push("b", 4*time.Second)
	expect(3, 5*time.Second)
	first := q.pop()
	expect(2, 5*time.Second) // the one that is being parsed counts
	q.done(first)
	expect(2, 4*time.Second)
	for range 2 {
		q.done(q.pop())
	}
	expect(0, 0)
	if n, l := (*Analysis)(nil).load(now); n != 0 || l != 0 {
		t.Errorf("without an analysis: %d, %s", n, l)
	}
}
