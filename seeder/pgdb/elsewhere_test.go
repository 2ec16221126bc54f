package pgdb_test

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder"
	"honeyrow/token"
)

// fiction has every number kept for fiction of one area code, and a table that
// holds all of them too.
const fiction = customers + `
UPDATE customers SET phone = '+1 212-555-01' || lpad((id % 60)::text, 2, '0');
CREATE TABLE suppliers (id serial PRIMARY KEY, name text NOT NULL, contact_phone text NOT NULL, digits bigint);
INSERT INTO suppliers (name, contact_phone, digits) SELECT 'Firm ' || i, '+1 212-555-01' || lpad(i::text, 2, '0'), i FROM generate_series(0, 99) i;
`

func TestAPhoneFromASmallRangeRaisesNoAlarmInAnotherTable(t *testing.T) {
	db := database(t, fiction)
	st := store(t)
	s := open(t, "postgres", db, st)
	_, err := s.Apply(t.Context(), plan(t, s, options()), seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{Kind: "phone"})
	must(t, err)
	if len(ts) == 0 {
		t.Fatal("no telephone number was planted")
	}
	for _, tk := range ts {
		if tk.Strength != token.Weak {
			t.Errorf("a telephone number of a range that others use is %s, want weak", tk.Strength)
		}
	}
}

func TestAValueThatCountsInAnyColumnStandsNowhereElseWhenPlanted(t *testing.T) {
	// Of the owner's hundred numbers, all but four stand in other tables, in
	// four types of columns.
	db := database(t, customers+`
		UPDATE customers SET phone = '004940555' || lpad((id % 90 + 1000)::text, 4, '0');
		CREATE TABLE a (x varchar(40)); INSERT INTO a SELECT '0049405550' || lpad(i::text, 3, '0') FROM generate_series(0, 300) i;
		CREATE TABLE b (x bigint); CREATE INDEX ON b (x);
		CREATE TABLE c (x char(20)) ; INSERT INTO c SELECT '0049405550' || lpad(i::text, 3, '0') FROM generate_series(301, 500) i; CREATE INDEX ON c (x);
		CREATE TABLE d (x text); INSERT INTO d SELECT '0049405550' || lpad(i::text, 3, '0') FROM generate_series(501, 980) i; CREATE INDEX ON d (x);
		CREATE TABLE e (x text); INSERT INTO e SELECT repeat('y', 100000) FROM generate_series(1, 50);`)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.PhoneRanges = []string{"0049 40 5550"}
	_, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{Kind: "phone"})
	must(t, err)
	firm := 0
	for _, tk := range ts {
		if !strings.HasPrefix(tk.Value, "0049405550") {
			t.Errorf("a number is not of the owner's range")
		}
		n := query(t, db, "SELECT (SELECT count(*) FROM a WHERE x = '"+tk.Value+"') + (SELECT count(*) FROM c WHERE x = '"+tk.Value+"') + (SELECT count(*) FROM d WHERE x = '"+tk.Value+"')")
		if tk.Strength == token.Firm {
			firm++
			if n != "0" {
				t.Errorf("a value that counts anywhere stands in %s other rows", n)
			}
		}
	}
	if len(ts) == 0 {
		t.Error("no telephone number was planted")
	}
	t.Logf("%d of %d numbers count in any column", firm, len(ts))
}

// cards is a table whose numbers come from so large a range that they count in
// any column.
const cards = customers + `
CREATE TABLE cards (id serial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, card_number text NOT NULL);
INSERT INTO cards (customer_id, card_number) SELECT id, '4242 4242 4242 4242' FROM customers;
CREATE TABLE notes (id serial PRIMARY KEY, body text, amount numeric);
`

func TestVerifyReportsAndDemotesValuesThatHaveComeToStandElsewhere(t *testing.T) {
	db := database(t, cards)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Tables = []string{"customers", "cards"}
	_, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{Kind: "card_number"})
	must(t, err)
	if len(ts) == 0 || ts[0].Strength != token.Firm {
		t.Fatalf("card numbers: %d, want some that count in any column", len(ts))
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK {
		t.Fatalf("verify right after planting: %+v", ver.Rows)
	}
	query(t, db, "INSERT INTO notes (body) VALUES ('"+ts[0].Value+"') RETURNING 1")
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	i := slices.IndexFunc(ver.Rows, func(r seeder.RowState) bool { return r.ID == ts[0].Row })
	if r := ver.Rows[i]; ver.OK || r.State != "repeated" || !slices.Contains(r.Columns, "card_number") || !strings.Contains(r.Why, "public.notes.body") || !strings.Contains(r.Why, "--demote") {
		t.Fatalf("got %+v, want the row repeated, with the place and what to do", r)
	}
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm", Demote: true})
	must(t, err)
	if ver.Demoted != 1 || !ver.OK {
		t.Fatalf("demoted %d, ok %v: %+v", ver.Demoted, ver.OK, ver.Rows)
	}
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	n := 0
	for _, tk := range snap.Tokens {
		if tk.Row == ts[0].Row && tk.Place.Column == "card_number" {
			n++
			if tk.Strength != token.Weak || tk.State != token.Live {
				t.Errorf("the value is watched as %s, %s; want weak, live", tk.Strength, tk.State)
			}
		}
	}
	if n != 1 {
		t.Errorf("the value is watched %d times, want once", n)
	}
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || ver.Demoted != 0 {
		t.Errorf("verify after demoting: %+v", ver.Rows)
	}
}

func TestWhatIsNotProvenToBeAbsentCountsByItsOwnColumnOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		ddl, user, why string
	}{
		"a column that the role may not read": {`CREATE TABLE vault (card_number text); CREATE ROLE hr_seed1 LOGIN; GRANT ALL ON customers, cards, notes TO hr_seed1;
			GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO hr_seed1;`, "hr_seed1", "public.vault.card_number"},
		"rows that row security hides": {`ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE ROLE hr_seed2 LOGIN; GRANT ALL ON customers, cards, notes TO hr_seed2;
			GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO hr_seed2;`, "hr_seed2", "row security"},
		"a database too large for the time": {"", "postgres", "search_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, cards+tc.ddl)
			st := store(t)
			s := open(t, tc.user, db, st)
			o := options()
			o.Tables = []string{"customers", "cards"}
			if tc.user == "postgres" {
				o.SearchTimeout = 1
			}
			p := plan(t, s, o)
			if !strings.Contains(p.Table(), tc.why) || !strings.Contains(p.Table(), "not proven") {
				t.Errorf("the plan does not say why:\n%s", p.Table())
			}
			done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
			must(t, err)
			ts, err := st.List(t.Context(), token.Filter{Kind: "card_number"})
			must(t, err)
			for _, tk := range ts {
				if tk.Strength != token.Weak {
					t.Errorf("%s: a card number is %s, want weak (%v)", name, tk.Strength, done.Warnings)
				}
			}
			if len(ts) == 0 {
				t.Error("no card number is watched")
			}
		})
	}
}

func TestAValueThatAnotherTableGotAfterThePlanIsPlantedAsAWeakOne(t *testing.T) {
	db := database(t, cards)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Tables = []string{"customers", "cards"}
	p := plan(t, s, o)
	var card *seeder.Cell
	for _, tp := range p.Tables {
		for _, c := range tp.Rows[0].Cells {
			if c.Column == "card_number" {
				card = c
			}
		}
	}
	query(t, db, "INSERT INTO notes (body) VALUES ('"+*card.Value+"') RETURNING 1")
	done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{Value: *card.Value})
	must(t, err)
	if len(ts) != 1 || ts[0].Strength != token.Weak || !strings.Contains(strings.Join(done.Warnings, "\n"), "public.notes.body") {
		t.Fatalf("%d tokens, warnings %v: want one weak token, and a warning that names the place", len(ts), done.Warnings)
	}
}
