package seedertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// office is a table of customers who come on weekdays from nine to five, and the
// virtual time in which they go on to come.
type office struct {
	g   Ground
	t   *testing.T
	db  string
	now time.Time
	n   int
}

// newOffice fills customers with 400 of them up to a Monday morning.
func newOffice(t *testing.T, g Ground) *office {
	o := &office{g: g, t: t, db: g.Database(t, g.Customers)}
	at := time.Date(2024, 12, 2, 9, 3, 7, 0, time.UTC)
	var rows []string
	for len(rows) < 400 {
		at = next(at, len(rows))
		rows = append(rows, o.customer(at))
	}
	o.now = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	for o.now = o.now.Add(24*time.Hour + 8*time.Hour + 187*time.Second); o.now.Weekday() != time.Monday; {
		o.now = o.now.Add(24 * time.Hour)
	}
	g.Exec(t, o.db, "DELETE FROM customers")
	g.Exec(t, o.db, insertCustomers+strings.Join(rows, ", "))
	return o
}

// next is when the customer after one comes: 67 to 103 minutes later, if the
// office is open then.
func next(at time.Time, i int) time.Time {
	at = at.Add(time.Duration(67+i*7%37)*time.Minute + time.Duration(i*13%60)*time.Second)
	for at.Hour() < 9 || at.Hour() > 16 || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		at = at.Add(59 * time.Minute)
	}
	return at
}

const insertCustomers = "INSERT INTO customers (first_name, last_name, email, phone, street, city, postcode, balance, status, created_at) VALUES "

func (o *office) customer(at time.Time) string {
	o.n++
	first, last := []string{"Anna", "Bert", "Carla", "Dora", "Emil"}[o.n%5], []string{"Miller", "Smith", "Jones", "Kurz", "Lang", "Moser", "Nagy"}[o.n%7]
	return fmt.Sprintf("('%s', '%s', 'c%d@corp.example', '+1 212-%d-%d', '%d Main Street', 'Springfield', '12%d', %d.25, '%s', '%s')",
		first, last, 5000+o.n, 200+o.n%700, 1000+o.n, 1+o.n%90, 100+o.n%50, o.n*7919%9000, []string{"inactive", "active"}[o.n%2], at.Format(time.DateTime))
}

// wait lets customers come until a time.
func (o *office) wait(_ context.Context, until time.Time) error {
	var rows []string
	for at := next(o.now, o.n); at.Before(until); at = next(at, o.n) {
		rows = append(rows, o.customer(at))
		o.now = at
	}
	if o.now = until; len(rows) > 0 {
		o.g.Exec(o.t, o.db, insertCustomers+strings.Join(rows, ", "))
	}
	return nil
}

func (o *office) open(st seeder.Store) *seeder.Seeder {
	s := o.g.Open(o.t, o.db, st)
	s.Now = func() time.Time { return o.now }
	return s
}

func (o *office) options() seeder.DripOptions {
	return seeder.DripOptions{Server: "crm", Config: Options().Config, Seed: 11, Wait: o.wait}
}

func (o *office) count(where string) string {
	return o.g.Query(o.t, o.db, "SELECT count(*) FROM customers WHERE "+where)
}

// ours is a condition for the honey rows.
const ours = "email LIKE '%@mail.shop-partners.test'"

// disorder counts customers who have a later key and an earlier date than another.
const disorder = `id IN (SELECT b.id FROM customers a JOIN customers b ON b.id = (SELECT min(c.id) FROM customers c WHERE c.id > a.id) WHERE b.created_at < a.created_at)`

func aDripOfSevenDaysFollowsTheTrafficAndSurvivesCrashes(t *testing.T, g Ground) {
	o := newOffice(t, g)
	st := g.Store(t)
	s := o.open(st)
	po := Options()
	po.Rows = 12
	p := Plan(t, s, po)
	begun := o.now
	before := g.Content(t, o.db)
	week := 7 * 24 * time.Hour
	do := o.options()
	do.DryRun = true
	dry, err := s.StartDrip(t.Context(), p, week, do)
	Must(t, err)
	if ds, err := st.Drips(t.Context(), "", ""); err != nil || len(ds) != 0 || len(dry.Rows) != 12 || g.Content(t, o.db) != before {
		t.Fatalf("a dry run left %d drips (%v) and planned %d rows", len(ds), err, len(dry.Rows))
	}
	d, err := s.StartDrip(t.Context(), p, week, o.options())
	Must(t, err)
	if len(d.Rows) != 12 || !d.Shares[0].Hours || d.Shares[0].Newer < 0.02 || d.Shares[0].Newer > 0.3 || g.Content(t, o.db) != before {
		t.Fatalf("begun with %d rows, shares %+v", len(d.Rows), d.Shares)
	}
	if _, err := s.StartDrip(t.Context(), p, week, o.options()); err == nil {
		t.Error("the same drip could be begun twice")
	}
	// It dies when its third row was committed, and again when its next third was not.
	for _, committed := range []bool{true, false} {
		s = o.open(st)
		s.Database = &dying{Database: s.Database, commit: committed, die: 3}
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("no crash")
				}
			}()
			_, _ = s.Drip(t.Context(), o.options())
		}()
		s = o.open(st)
		_, err := s.Reconcile(t.Context(), "crm")
		Must(t, err)
		ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
		Must(t, err)
		ds, err := st.Drips(t.Context(), "crm", p.Deployment)
		Must(t, err)
		want := map[bool]int{true: 3, false: 5}[committed]
		if !ver.OK || len(ver.Rows) != want || ds[0].In() != want || o.count(ours) != fmt.Sprint(want) {
			t.Fatalf("after the crash %d rows are well (%t), %d count as in, %s are there; want %d", len(ver.Rows), ver.OK, ds[0].In(), o.count(ours), want)
		}
	}
	var drops []seeder.Drop
	do = o.options()
	do.Report = func(x seeder.Drop) { drops = append(drops, x) }
	done, err := o.open(st).Drip(t.Context(), do)
	Must(t, err)
	if done.Planted != 7 || len(drops) != 7 || drops[6].In != 12 || !drops[6].Next.IsZero() || drops[0].Key == "" {
		t.Fatalf("the rest: %+v, %+v", done, drops)
	}
	if o.now.Sub(begun) > week || o.now.Sub(begun) < 4*24*time.Hour {
		t.Errorf("it took %s, want nearly a week", o.now.Sub(begun))
	}
	_ = o.wait(t.Context(), o.now.Add(48*time.Hour))
	o.looksReal(t, begun)
	if _, err := st.DripPlan(t.Context(), p.Deployment); err == nil {
		t.Error("the plan with its values is kept although no row waits")
	}
	if again, err := o.open(st).Drip(t.Context(), o.options()); err != nil || again.Planted != 0 {
		t.Errorf("a drip that is over planted %d more (%v)", again.Planted, err)
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK || len(ver.Rows) != 12 {
		t.Errorf("verify: %t, %d rows", ver.OK, len(ver.Rows))
	}
}

// looksReal checks keys, dates and hours of the honey rows among the others.
func (o *office) looksReal(t *testing.T, begun time.Time) {
	t.Helper()
	if n := o.count(ours); n != "12" {
		t.Fatalf("%s honey rows, want 12", n)
	}
	if n := o.count(disorder); n != "0" {
		t.Errorf("%s customers have a later key than somebody who came after them", n)
	}
	if n := o.count(ours + " AND created_at < '" + begun.Format(time.DateTime) + "'"); n != "0" {
		t.Errorf("%s honey rows are dated before the drip began", n)
	}
	last := o.g.Query(t, o.db, "SELECT max(id) FROM customers WHERE "+ours)
	if n := o.count("id > " + last); n < "1" || n == "0" {
		t.Errorf("nobody has come after the last honey row")
	}
	days, round := map[string]bool{}, 0
	for _, v := range strings.Split(o.g.Query(t, o.db, "SELECT created_at FROM customers WHERE "+ours+" ORDER BY id"), "\n") {
		at, err := time.Parse(time.DateTime, v[:19])
		Must(t, err)
		days[v[:10]] = true
		if at.Second() == 0 {
			round++
		}
		if at.Hour() < 8 || at.Hour() > 17 || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			t.Errorf("a honey row came on a %s at %s: the office was closed", at.Weekday(), at.Format(time.TimeOnly))
		}
	}
	if len(days) < 3 || round > 3 {
		t.Errorf("12 honey rows on %d days, %d at whole minutes", len(days), round)
	}
}

func aDripThatWasHeldUpSpreadsWhatIsLeft(t *testing.T, g Ground) {
	o := newOffice(t, g)
	st := g.Store(t)
	s := o.open(st)
	po := Options()
	po.Rows = 8
	_, err := s.StartDrip(t.Context(), Plan(t, s, po), 4*24*time.Hour, o.options())
	Must(t, err)
	Must(t, o.wait(t.Context(), o.now.Add(10*24*time.Hour))) // nobody was there
	from := o.now
	done, err := s.Drip(t.Context(), o.options())
	Must(t, err)
	days := map[string]bool{}
	for _, v := range strings.Split(g.Query(t, o.db, "SELECT created_at FROM customers WHERE "+ours), "\n") {
		days[v[:10]] = true
	}
	if took := o.now.Sub(from); done.Planted != 8 || len(days) < 2 || took < 24*time.Hour || took > 4*24*time.Hour {
		t.Errorf("%d rows on %d days within %s", done.Planted, len(days), took)
	}
	if n := o.count(ours + " AND created_at < '" + from.Format(time.DateTime) + "'"); n != "0" || o.count(disorder) != "0" {
		t.Errorf("%s honey rows are dated before they were planted", n)
	}
}

func aDripEndsWithItsRowsRemoved(t *testing.T, g Ground) {
	o := newOffice(t, g)
	st := g.Store(t)
	s := o.open(st)
	po := Options()
	po.Rows = 6
	p := Plan(t, s, po)
	d, err := s.StartDrip(t.Context(), p, 3*24*time.Hour, o.options())
	Must(t, err)
	// Somebody comes to have the address of the second row.
	for _, row := range p.Tables[0].Rows {
		if row.ID == d.Rows[1].Row {
			for _, c := range row.Cells {
				if c.Column == "email" {
					g.Exec(t, o.db, "UPDATE customers SET email = '"+*c.Value+"' WHERE email = 'c5002@corp.example'")
				}
			}
		}
	}
	before := o.count("1 = 1")
	ctx, cancel := context.WithCancel(t.Context())
	do := o.options()
	do.Report = func(x seeder.Drop) {
		if x.In == 3 {
			cancel()
		}
	}
	do.Wait = func(ctx context.Context, until time.Time) error { o.now = until; return ctx.Err() }
	done, err := s.Drip(ctx, do)
	if err == nil || done.Planted != 3 || len(done.Foregone) != 1 || done.Foregone[0].Row != d.Rows[1].Row || !strings.Contains(done.Foregone[0].Why, "in the table by now") || strings.Contains(done.Foregone[0].Why, "@") {
		t.Fatalf("got %+v, %v", done, err)
	}
	ds, err := st.Drips(t.Context(), "crm", "")
	Must(t, err)
	if got := seeder.DripStatus(&ds[0], o.now); !strings.Contains(got, "3 of 6 rows are in, 1 foregone, the next is due on ") {
		t.Errorf("status: %s", got)
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if len(rem.Rows) != 3 || rem.Cancelled != 2 || o.count("1 = 1") != before {
		t.Errorf("removed %d rows, cancelled %d, %s left of %s", len(rem.Rows), rem.Cancelled, o.count("1 = 1"), before)
	}
	if again, err := s.Drip(t.Context(), do); err != nil || again.Planted != 0 || o.count("1 = 1") != before {
		t.Errorf("after the removal %d rows came back (%v)", again.Planted, err)
	}
	NothingWatched(t, st)
}

// A changed table must not keep the rows of others from coming.
func aDripWhoseTableWasChangedHoldsUpNoOther(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers+strings.ReplaceAll(g.Customers, "customers", "partners"))
	st := g.Store(t)
	s := g.Open(t, db, st)
	now := time.Now()
	s.Now = func() time.Time { return now }
	do := seeder.DripOptions{Server: "crm", Config: Options().Config, Seed: 11, Wait: func(_ context.Context, until time.Time) error { now = until; return nil }}
	deployment := map[string]string{}
	for _, table := range []string{"customers", "partners"} {
		o := Options()
		o.Tables, o.Rows, o.Seed = []string{table}, 3, uint64(len(table))
		p := Plan(t, s, o)
		_, err := s.StartDrip(t.Context(), p, time.Hour, do)
		Must(t, err)
		deployment[table] = p.Deployment
	}
	g.Exec(t, db, "ALTER TABLE customers ADD COLUMN loyalty int")
	stuck := 0
	do.Report = func(x seeder.Drop) {
		if x.State == "stuck" {
			stuck++
		}
	}
	done, err := s.Drip(t.Context(), do)
	if !errors.Is(err, seeder.ErrChanged) || !strings.Contains(err.Error(), deployment["customers"]+" --stop") || strings.Contains(err.Error(), deployment["partners"]) || done.Planted != 3 || stuck != 1 {
		t.Errorf("%d rows are planted, %d drips reported as stuck, %v; want the 3 of partners and to be told of customers' once", done.Planted, stuck, err)
	}
	if n := g.Query(t, db, "SELECT count(*) FROM partners WHERE "+ours); n != "3" {
		t.Errorf("%s of partners' rows came, want 3", n)
	}
	n, err := s.StopDrip(t.Context(), "crm", deployment["customers"])
	Must(t, err)
	if again, err := s.Drip(t.Context(), do); n != 3 || err != nil || again.Planted != 0 {
		t.Errorf("when it is stopped, %d left out: %+v, %v", n, again, err)
	}
}

func aDripKilledAtAnyStepGoesOnAndPlantsEachRowOnce(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Rows = 2
	p := Plan(t, s, o)
	d := Doom{DB: g.DSN(db), Store: st.(interface{ Path() string }).Path(), Drip: true}
	_, err := s.StartDrip(t.Context(), p, time.Hour, seeder.DripOptions{Server: "crm", Config: o.Config})
	Must(t, err)
	kills := 0
	for d.Die = 3; ; d.Die += stride(5) {
		left := doomed(t, d)
		there := g.Query(t, db, "SELECT count(*) FROM customers WHERE "+ours)
		snap, err := st.Snapshot(t.Context())
		Must(t, err)
		watched := map[event.ID]bool{}
		for _, tk := range snap.Tokens {
			watched[tk.Row] = true
		}
		if fmt.Sprint(len(watched)) < there {
			t.Errorf("killed at step %d: %s rows can be read, %d are watched", d.Die, there, len(watched))
		}
		settled(t, s)
		ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
		Must(t, err)
		if !ver.OK || fmt.Sprint(len(ver.Rows)) != there {
			t.Errorf("killed at step %d: %s rows are there, %d are known: %+v", d.Die, there, len(ver.Rows), ver.Rows)
		}
		ds, err := st.Drips(t.Context(), "crm", p.Deployment)
		Must(t, err)
		if !left {
			if there != "2" || ds[0].Left() != 0 {
				t.Errorf("at the end %s rows are there, %d wait", there, ds[0].Left())
			}
			break
		}
		if kills++; ds[0].Left() == 0 { // it died after the last: from the beginning
			_, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			Must(t, err)
			_, err = s.StartDrip(t.Context(), p, time.Hour, seeder.DripOptions{Server: "crm", Config: o.Config})
			Must(t, err)
		}
	}
	if t.Logf("killed %d times", kills); kills < 4 {
		t.Error("too few steps: the test shows nothing")
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
}

// tokensOf lists the tokens of a state by row and column.
func tokensOf(t *testing.T, st seeder.Store, state token.State) map[string]token.Token {
	t.Helper()
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{state}})
	Must(t, err)
	out := map[string]token.Token{}
	for _, tk := range ts {
		out[string(tk.Row)+" "+tk.Place.Column] = tk
	}
	return out
}
