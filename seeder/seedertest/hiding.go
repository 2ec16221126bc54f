package seedertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// gapped takes every ninth customer out, adds orders for the others, and moves
// the counter of customers on, where it is one that follows inserts.
const gapped = `DELETE FROM customers WHERE id %% 9 = 4;
CREATE TABLE orders (id %s PRIMARY KEY, customer_id %s NOT NULL, amount decimal(10,2) NOT NULL, placed_on date NOT NULL,
	CONSTRAINT bought FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO orders (customer_id, amount, placed_on) SELECT id, 20 + id %% 70, '2025-03-04' FROM customers WHERE id %% 3 > 0;
INSERT INTO orders (customer_id, amount, placed_on) SELECT id, 10 + id %% 50, '2025-05-06' FROM customers WHERE id %% 3 = 1;`

func honeyRowsTakeNumbersFromGapsAndBringTheirRelatives(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(gapped, g.Numbered, g.Number))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	top := g.Query(t, db, "SELECT max(id) FROM customers")
	o := Options()
	o.Tables, o.Rows, o.Keys, o.Family = []string{"customers"}, 12, "gaps", true
	p := Plan(t, s, o)
	if len(p.Tables) != 2 || p.Tables[1].Table != "orders" || p.Tables[1].For == "" {
		t.Fatalf("the plan has no relatives:\n%s", p.Table())
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if got := g.Query(t, db, "SELECT max(id) FROM customers"); got != top {
		t.Errorf("the highest key is %s, was %s: keys did not come from gaps", got, top)
	}
	if got := g.Query(t, db, "SELECT count(*) FROM customers WHERE id % 9 = 4"); got != "12" {
		t.Errorf("%s of 12 honey rows have numbers that no row has any more", got)
	}
	if got := g.Query(t, db, "SELECT count(*) FROM orders WHERE customer_id % 9 = 4"); got != fmt.Sprint(len(p.Tables[1].Rows)) {
		t.Errorf("%s rows point at honey rows, want %d", got, len(p.Tables[1].Rows))
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm", Measure: &o})
	Must(t, err)
	allWell(t, ver, p)
	if len(ver.Camouflage) == 0 || ver.Camouflage[0].Honey != 12 {
		t.Errorf("verify measured %+v, want the 12 rows of customers", ver.Camouflage)
	}
	takenOut(t, g, s, db, before)
}

// visited gives each customer but every third up to three visits, known by the
// customer and the day.
const visited = `DELETE FROM customers WHERE id %% 9 = 4;
CREATE TABLE visits (customer_id %s NOT NULL, day date NOT NULL, minutes integer NOT NULL, PRIMARY KEY (customer_id, day),
	CONSTRAINT came FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO visits SELECT id, '2025-03-04', 20 + id %% 70 FROM customers WHERE id %% 3 > 0;
INSERT INTO visits SELECT id, '2025-05-06', 10 + id %% 50 FROM customers WHERE id %% 3 = 1;`

func relativesWithAKeyOfSeveralColumnsAreFoundAgain(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(visited, g.Number))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Tables, o.Rows, o.Keys, o.Family = []string{"customers"}, 12, "gaps", true
	p := Plan(t, s, o)
	if len(p.Tables) != 2 || p.Tables[1].Table != "visits" || len(p.Tables[1].Rows) < 2 {
		t.Fatalf("the plan has no relatives:\n%s", p.Table())
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if got := g.Query(t, db, "SELECT count(*) FROM visits WHERE customer_id % 9 = 4"); got != fmt.Sprint(len(p.Tables[1].Rows)) {
		t.Errorf("%s rows point at honey rows, want %d", got, len(p.Tables[1].Rows))
	}
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	for _, tk := range snap.Tokens {
		if tk.Place.Table == "visits" && (tk.Place.Column != "customer_id" || !tk.Key || !strings.Contains(tk.Place.Key, "customer_id="+tk.Value+", day=")) {
			t.Errorf("watched in visits: column %s, a key: %t, row %s; want the customer's number alone, which no real row has", tk.Place.Column, tk.Key, tk.Place.Key)
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	allWell(t, ver, p)
	var one string // somebody takes a visit away: it alone is missing
	for _, r := range ver.Rows {
		if strings.HasSuffix(r.Table, "visits") {
			one = r.Key
		}
	}
	where := strings.NewReplacer(", day=", " AND day='").Replace(one) + "'"
	g.Exec(t, db, "DELETE FROM visits WHERE "+where)
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	missing := 0
	for _, r := range ver.Rows {
		if r.State != "intact" {
			missing++
			if r.State != "gone" || r.Key != one {
				t.Errorf("row %s of %s is %s, want that of %s alone gone", r.Key, r.Table, r.State, one)
			}
		}
	}
	if missing != 1 {
		t.Errorf("%d rows are not intact, want 1", missing)
	}
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	for _, r := range gone.Rows {
		if r.State != "removed" && r.Key != one {
			t.Errorf("row in %s is %s: %s", r.Table, r.State, r.Why)
		}
	}
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
	NothingWatched(t, st)
}

func datesThatATriggerOverwritesAreSetToWhatIsPlanned(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, "DELETE FROM customers WHERE id % 9 = 4")
	g.Exec(t, db, g.Stamping)
	s := g.Open(t, db, g.Store(t))
	before := g.Content(t, db)
	o := Options()
	o.Tables, o.Rows, o.Keys = []string{"customers"}, 6, "gaps"
	p := Plan(t, s, o)
	if got := p.Tables[0].Restore; len(got) != 1 || got[0] != "created_at" {
		t.Errorf("the plan restores %v, want created_at:\n%s", got, p.Table())
	}
	if !strings.Contains(strings.Join(p.Grants, "\n"), "GRANT UPDATE (") {
		t.Errorf("the plan asks for no right to update: %q", p.Grants)
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if got := g.Query(t, db, "SELECT count(*) FROM customers WHERE id % 9 = 4 AND created_at < '2025-01-01'"); got != "6" {
		t.Errorf("%s of 6 honey rows have the date of their neighbours, the others the hour of planting", got)
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK {
		t.Errorf("not intact after planting: %+v", ver.Rows)
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
	o.Keys = "sequence" // the newest rows: the hour of planting is right
	if p = Plan(t, s, o); len(p.Tables[0].Restore) != 0 {
		t.Errorf("with new numbers the plan restores %v", p.Tables[0].Restore)
	}
	g.Exec(t, db, g.Touching) // an update would not go unnoticed
	o.Keys = "gaps"
	if p = Plan(t, s, o); len(p.Tables[0].Restore) != 0 || !strings.Contains(p.Table(), "a trigger runs on updates too") {
		t.Errorf("beside a trigger on updates the plan restores %v:\n%s", p.Tables[0].Restore, p.Table())
	}
}

func keysThatTheApplicationCountsAreTakenFromGapsToo(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, `DELETE FROM customers WHERE id % 9 = 4;
CREATE TABLE staff (no integer PRIMARY KEY, email varchar(90) NOT NULL, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL);
INSERT INTO staff SELECT id, email, first_name, last_name FROM customers;`)
	s := g.Open(t, db, g.Store(t))
	top := g.Query(t, db, "SELECT max(no) FROM staff")
	for _, c := range []struct {
		keys string
		want bool
	}{{"auto", true}, {"gaps", true}, {"sequence", false}} {
		o := Options()
		o.Tables, o.Rows, o.Keys = []string{"staff"}, 8, c.keys
		p := Plan(t, s, o)
		below := 0
		for _, r := range p.Tables[0].Rows {
			for _, cell := range r.Cells {
				if cell.Column == "no" && cell.Value != nil && len(*cell.Value) <= len(top) && (len(*cell.Value) < len(top) || *cell.Value < top) {
					below++
				}
			}
		}
		if want := map[bool]int{true: 8}[c.want]; below != want {
			t.Errorf("keys %s: %d of 8 honey rows have a number from a gap, want %d", c.keys, below, want)
		}
	}
}

func aPlanSaysHowWellItsRowsHideAndRefusesAboveTheOwnersLimit(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	s := g.Open(t, db, g.Store(t))
	o := Options()
	o.SkipMeasure, o.SkipRedraw, o.Rows = false, false, 10
	p := Plan(t, s, o)
	if len(p.Camouflage) != 1 || p.Camouflage[0].Honey != 10 || p.Camouflage[0].Runs != 5 {
		t.Fatalf("measured %+v, want one table with 10 rows and 5 runs", p.Camouflage)
	}
	text := p.Table()
	for _, want := range []string{"Camouflage", "keys at the end", "a mail domain of their own", "seed.domain"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	for _, limit := range []func(){func() { o.MaxAUC = 0.6 }, func() { o.MaxAUC, o.MaxDumpAUC = 0, 0.6 }} {
		limit()
		if p, err := s.Plan(t.Context(), o); !errors.Is(err, seeder.ErrSeen) || p == nil {
			t.Errorf("got %v, want ErrSeen with the plan: its rows are at a domain that no other has", err)
		}
	}
}

func aScanRanksTablesByHowTemptingAndHowSafeTheyAre(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(`CREATE TABLE sessions (id %s PRIMARY KEY, email varchar(90) NOT NULL, token varchar(90) NOT NULL);
INSERT INTO sessions (email, token) SELECT email, concat('tok_', id, '9f8e7d6c5b4a39281706f5e4d3c2b1a0') FROM customers;
CREATE TABLE colours (id %s PRIMARY KEY, name varchar(20) NOT NULL);
INSERT INTO colours (name) VALUES ('red'), ('green'), ('blue');
CREATE TABLE nothing (id %s PRIMARY KEY, email varchar(90));`, g.Numbered, g.Numbered, g.Numbered))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	_, err := s.Apply(t.Context(), Plan(t, s, Options()), seeder.ApplyOptions{})
	Must(t, err)
	planted := g.Content(t, db)
	rs, err := s.Scan(t.Context(), Options())
	Must(t, err)
	by := map[string]seeder.Ranked{}
	for _, r := range rs {
		by[r.Table[strings.LastIndex(r.Table, ".")+1:]] = r
	}
	if g.Content(t, db) != planted || planted == before || len(rs) != 4 {
		t.Fatalf("%d tables, or a scan changed rows", len(rs))
	}
	if r := rs[0]; r.Table != by["customers"].Table || r.Advice != "plant" || r.Safe != 100 || r.Strength != "strong" || r.Honey == 0 || !strings.Contains(r.Columns, "email") {
		t.Errorf("the best is %+v, want customers", r)
	}
	for name, want := range map[string]string{"sessions": "name it", "colours": "leave", "nothing": "refused"} {
		if r := by[name]; r.Advice != want || len(r.Reasons) == 0 {
			t.Errorf("%s: got %+v, want %q with a reason", name, r, want)
		}
	}
}

// allWell asserts that a plan's rows, and no others, are found as planted.
func allWell(t *testing.T, ver *seeder.Verified, p *seeder.Plan) {
	t.Helper()
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Errorf("verify: %d rows, all well %t: %+v", len(ver.Rows), ver.OK, ver.Rows)
	}
}

// takenOut removes all honey rows and asserts that nothing else is left or missing.
func takenOut(t *testing.T, g Ground, s *seeder.Seeder, db, before string) {
	t.Helper()
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	for _, r := range gone.Rows {
		if r.State != "removed" {
			t.Errorf("row in %s is %s: %s", r.Table, r.State, r.Why)
		}
	}
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
}
