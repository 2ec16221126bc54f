package pgdb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"honeyrow/seeder"
	"honeyrow/token"
)

func TestTwoSeedingRunsAtOnceAreKeptApart(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	a, b := open(t, "postgres", db, st), open(t, "postgres", db, st)
	unlock, err := a.Database.Lock(t.Context())
	must(t, err)
	p := plan(t, b, options())
	if _, err := b.Apply(t.Context(), p, seeder.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), "another seeding run") {
		t.Fatalf("got %v, want an error that names the other run", err)
	}
	unlock()
	_, err = b.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
}

func TestManyRowsInATableWithFewValuesStayToldApart(t *testing.T) {
	db := database(t, customers+"UPDATE customers SET balance = 1000 * (id % 30);")
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows = 150 // more than the area code has numbers for fiction
	p := plan(t, s, o)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	for _, r := range ver.Rows {
		if r.State != "intact" {
			t.Errorf("row %s is %s: %v", r.Key, r.State, r.Columns)
		}
	}
}

func TestTriggersThatChangeOrInventValuesAreRegisteredAsTheyLand(t *testing.T) {
	db := database(t, `CREATE EXTENSION pgcrypto; CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE, api_key text NOT NULL, pay numeric(8,1) NOT NULL);
		INSERT INTO people (email, api_key, pay) SELECT 'p' || i || '@corp.example', 'key_' || left(encode(sha256(i::text::bytea), 'hex'), 24), 1000 + i FROM generate_series(1, 50) i;
		CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := upper(NEW.email); NEW.id := gen_random_uuid(); NEW.api_key := NEW.api_key || substr(md5(random()::text), 1, 4); RETURN NEW; END $$;
		CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION up();`)
	st := store(t)
	s := open(t, "postgres", db, st)
	got, err := s.Apply(t.Context(), plan(t, s, options()), seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	if len(ts) == 0 || len(ts) != got.Tokens {
		t.Fatalf("%d live tokens, apply says %d", len(ts), got.Tokens)
	}
	for _, tk := range ts {
		n := query(t, db, fmt.Sprintf("SELECT count(*) FROM people WHERE %s::text = '%s' AND id = '%s'", tk.Place.Column, tk.Value, tk.Place.Key))
		if n != "1" {
			t.Errorf("token of %s: its value stands in %s rows with its key, want 1", tk.Place.Column, n)
		}
	}
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	if len(snap.Tokens) != len(ts) {
		t.Errorf("%d tokens are watched, want %d: values that never landed are watched too", len(snap.Tokens), len(ts))
	}
}

func TestACrashAfterTriggersChangedValuesLeavesOnlyWhatTheRowsHoldWatched(t *testing.T) {
	db := database(t, `CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, api_key text NOT NULL);
		INSERT INTO people (email, api_key) SELECT 'p' || i || '@corp.example', 'key_' || left(encode(sha256(i::text::bytea), 'hex'), 24) FROM generate_series(1, 50) i;
		CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + (random() * 100000)::int; NEW.api_key := NEW.api_key || substr(md5(random()::text), 1, 4); RETURN NEW; END $$;
		CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION up();`)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, options())
	s.Database = &dying{Database: s.Database, commit: true, die: 2}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	}()
	s = open(t, "postgres", db, st)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || ver.Reconciled.Live != p.Rows() {
		t.Fatalf("verify: %+v, reconciled %+v", ver, ver.Reconciled)
	}
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	if want := 3 * p.Rows(); len(snap.Tokens) != want {
		t.Errorf("%d tokens are watched, want %d", len(snap.Tokens), want)
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	for _, r := range rem.Rows {
		if r.State != "removed" {
			t.Errorf("row is %s: %s", r.State, r.Why)
		}
	}
	if n := query(t, db, "SELECT count(*) FROM people"); n != "50" {
		t.Errorf("%s rows, want 50", n)
	}
}

func TestALockedTableMakesApplyGiveUpAndLeaveNothing(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, options())
	blocker, err := open(t, "postgres", db, st).Database.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	defer blocker.End(t.Context(), false)
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("customers")
	must(t, err)
	// A row with the same unique value, not committed: the insert has to wait for it.
	email := cell(p, "email").Value
	x, status, zero, one := "x", "active", "0", "999999"
	_, _, err = blocker.Insert(t.Context(), tb, []seeder.Value{
		{Column: "id", Text: &one},
		{Column: "first_name", Text: &x},
		{Column: "last_name", Text: &x},
		{Column: "email", Text: email},
		{Column: "balance", Text: &zero},
		{Column: "status", Text: &status},
	})
	must(t, err)
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{LockTimeout: 100 * 1e6})
	if err == nil || !strings.Contains(err.Error(), "lock_timeout") {
		t.Fatalf("got %v, want a lock timeout", err)
	}
	must(t, blocker.End(t.Context(), false))
	nothingWatched(t, st)
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
}

func TestNamedTablesOverridesAndExclusionsAreObeyed(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Tables = []string{"letters", "mail_outbox", "full_keys"}
	o.Columns = map[string]string{"letters.body": "copy"}
	o.Rows = 2
	p := plan(t, s, o)
	if len(p.Tables) != 2 || p.Rows() != 4 {
		t.Fatalf("%d tables, %d rows planned, want 2 and 4\n%s", len(p.Tables), p.Rows(), p.Table())
	}
	o.Tables = []string{"audit"}
	if p, err := s.Plan(t.Context(), o); !errors.Is(err, seeder.ErrNothing) || len(p.Refused) != 1 || p.Refused[0].Why == "" {
		t.Fatalf("got %v: a table with nothing sensitive must be an explained refusal", err)
	}
	o.Tables = []string{"no_such_table"}
	if _, err := s.Plan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no_such_table") {
		t.Fatalf("got %v, want an error that names the table", err)
	}
	o = wide()
	o.Exclude = []string{"employees"}
	for _, tp := range plan(t, s, o).Tables {
		if tp.Table == "employees" {
			t.Error("an excluded table is planned")
		}
	}
	o = wide()
	o.Domain = ""
	for _, tp := range plan(t, s, o).Tables {
		for _, r := range tp.Rows {
			for _, c := range r.Cells {
				if c.Kind == "email" && c.Value != nil {
					t.Errorf("%s.%s got an address without a decoy domain", tp, c.Column)
				}
			}
		}
	}
}

func TestTheSameSeedGivesTheSamePlan(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	values := func(p *seeder.Plan) (out []string) {
		for _, tp := range p.Tables {
			for _, r := range tp.Rows {
				for _, c := range r.Cells {
					if c.Value != nil && c.Kind != "timestamp" && c.Kind != "uuid" {
						out = append(out, tp.Table+"."+c.Column+"="+*c.Value)
					}
				}
			}
		}
		return out
	}
	a, b := values(plan(t, s, wide())), values(plan(t, s, wide()))
	if strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("two plans with one seed differ")
	}
}

func TestNoErrorOrPlanOfARefusalHoldsAValue(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, wide())
	for _, tp := range p.Tables {
		for _, r := range tp.Rows {
			for _, c := range r.Cells {
				if c.Value == nil || len(*c.Value) < 8 {
					continue
				}
				for _, why := range append(append([]seeder.Reason{}, p.Refused...), p.Skipped...) {
					if strings.Contains(why.Why, *c.Value) {
						t.Errorf("the reason for %s holds a value", why.Table)
					}
				}
			}
		}
	}
}

func TestProgressIsReportedForLongWork(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "postgres", db, st)
	var mu sync.Mutex
	steps := map[string]int{}
	note := func(p seeder.Progress) {
		mu.Lock()
		defer mu.Unlock()
		steps[p.Step]++
	}
	o := options()
	o.Progress = note
	_, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{Progress: note})
	must(t, err)
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{Progress: note}})
	must(t, err)
	for _, want := range []string{"read", "draw", "try", "register", "insert", "commit", "remove"} {
		if steps[want] == 0 {
			t.Errorf("step %q was not reported: %v", want, steps)
		}
	}
}
