package pgdb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/seeder/seedertest"
	"honeyrow/token"
)

// content digests the rows of all tables of a database, in text form, except
// rows that hold a honey value.
func content(t *testing.T, db string) string {
	t.Helper()
	tables := query(t, db, `SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND c.relname <> 'audit' ORDER BY 1`)
	var b strings.Builder
	for _, tb := range strings.Split(tables, "\n") {
		b.WriteString(tb + "\n" + query(t, db, "SELECT x::text FROM ONLY "+tb+" x ORDER BY 1") + "\n")
	}
	return b.String()
}

func TestRegisteredValuesAreExactlyWhatTheServerSendsInTextAndBinary(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, wide())
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	kinds := map[string]int{}
	for _, tk := range ts {
		kinds[tk.Kind]++
		name := fmt.Sprintf("%q.%q", strings.ReplaceAll(tk.Place.Schema, `"`, `""`), strings.ReplaceAll(tk.Place.Table, `"`, `""`))
		name = strings.ReplaceAll(name, `\"\"`, `""`)
		got := query(t, db, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s::text = '%s' OR rpad(%[2]s::text, 40) = rpad('%[3]s', 40)`, name, `"`+tk.Place.Column+`"`, strings.ReplaceAll(tk.Value, "'", "''")))
		if got != "1" {
			t.Errorf("%s of %s: value stands in %s rows, want 1", tk.Place.Column, name, got)
		}
		if tk.TableOID == 0 || tk.Attr == 0 {
			t.Errorf("%s of %s has no numbers", tk.Place.Column, name)
		}
	}
	for _, k := range []string{"key", "email", "iban", "card_number", "national_id", "password_hash", "api_key", "uuid", "salary", "person_name"} {
		if kinds[k] == 0 {
			t.Errorf("no token of kind %s: %v", k, kinds)
		}
	}
	for _, tk := range ts {
		switch {
		case tk.Place.Column == "card_number" && len(tk.Value) != 20:
			t.Errorf("char(20) is registered with %d characters, want 20 with padding", len(tk.Value))
		case tk.Place.Column == "Id" && len(tk.Binary) != 16:
			t.Errorf("uuid has a binary form of %d bytes, want 16", len(tk.Binary))
		case tk.Place.Table == "employees" && tk.Place.Column == "id" && len(tk.Binary) != 4:
			t.Errorf("integer has a binary form of %d bytes, want 4", len(tk.Binary))
		case tk.Kind == "email" && tk.Binary != nil:
			t.Error("text has a binary form of its own")
		}
	}
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	numbers := map[string]bool{}
	for _, l := range snap.Locations {
		if l.Table == "accounts" && l.Column == "owner_email" {
			numbers[fmt.Sprintf("%d/%d", l.TableOID, l.Attr)] = true
		}
	}
	want := strings.Split(query(t, db, "SELECT attrelid || '/' || attnum FROM pg_attribute WHERE attname = 'owner_email' AND attrelid IN ('accounts'::regclass, 'accounts_eu'::regclass, 'accounts_us'::regclass)"), "\n")
	for _, w := range want {
		if !numbers[w] {
			t.Errorf("location %s of a partition is not registered, have %v", w, numbers)
		}
	}
}

func TestVerifyReportsWhatHappenedToHoneyRowsAndFindsRecreatedTables(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows = 4
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	key := func(i int) string { return got.Rows[i].Key }
	must(t, server.Exec(t.Context(), db, "UPDATE customers SET phone = 'none' WHERE id = "+key(0)+"; DELETE FROM customers WHERE id = "+key(1)+
		"; INSERT INTO customers (first_name, last_name, email, phone, status) SELECT 'X', 'Y', 'x@y.zz', phone, 'active' FROM customers WHERE id = "+key(2)+
		"; CREATE TABLE copy (LIKE customers INCLUDING ALL); INSERT INTO copy OVERRIDING SYSTEM VALUE SELECT * FROM customers; DROP TABLE customers; ALTER TABLE copy RENAME TO customers"))
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	for i, want := range []string{"changed", "gone", "repeated", "intact"} {
		if ver.Rows[i].State != want {
			t.Errorf("row %d is %s, want %s", i, ver.Rows[i].State, want)
		}
	}
	if ver.OK || ver.Relocated == 0 {
		t.Errorf("ok %t, relocated %d: want false and some", ver.OK, ver.Relocated)
	}
	oid := query(t, db, "SELECT 'customers'::regclass::oid::bigint")
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	for _, l := range snap.Locations {
		if fmt.Sprint(l.TableOID) != oid {
			t.Fatalf("location has table %d, want %s", l.TableOID, oid)
		}
	}
}

func TestRemoveLeavesWhatChangedAndWhatOthersDependOn(t *testing.T) {
	db := database(t, customers+`CREATE TABLE orders (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers ON DELETE CASCADE, total numeric(10,2) NOT NULL);
		INSERT INTO orders (customer, total) SELECT i, i FROM generate_series(1, 100) i;`)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows = 3
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	must(t, server.Exec(t.Context(), db, "UPDATE customers SET balance = 1 WHERE id = "+got.Rows[0].Key+"; INSERT INTO orders (customer, total) VALUES ("+got.Rows[1].Key+", 5)"))
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	state := map[event.ID]seeder.RowState{}
	for _, r := range rem.Rows {
		state[r.ID] = r
	}
	for i, want := range []struct{ state, why string }{
		{"kept", "it was changed after it was planted (balance): look at it, then delete it by hand"}, {"kept", "rows of %s point at it ("}, {"removed", ""},
	} {
		if r := state[got.Rows[i].ID]; r.State != want.state || !strings.HasPrefix(r.Why, strings.Replace(want.why, "%s", "public.orders", 1)) {
			t.Errorf("row %d: %s (%s), want %s (%s)", i, r.State, r.Why, want.state, want.why)
		}
	}
	if n := query(t, db, "SELECT count(*) FROM orders"); n != "101" {
		t.Errorf("%s orders, want 101: a cascade took one", n)
	}
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	rows := map[event.ID]bool{}
	for _, tk := range ts {
		rows[tk.Row] = true
	}
	if len(rows) != 2 {
		t.Errorf("%d rows are live, want the 2 that were left", len(rows))
	}
}

// The server gives an identity column's number to whoever may insert: what the plan
// asks for its sequence is for the sake of the numbers, and it says so.
func TestAnIdentityColumnNeedsNoRightOnItsSequence(t *testing.T) {
	db := database(t, customers+"CREATE TABLE tickets (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, email text NOT NULL, api_key text NOT NULL);"+
		"INSERT INTO tickets (email, api_key) SELECT 'p' || i || '@corp.example', 'key_' || left(encode(sha256(i::text::bytea), 'hex'), 24) FROM generate_series(1, 200) i;"+
		"CREATE TABLE notes (id serial PRIMARY KEY, email text NOT NULL, api_key text NOT NULL); INSERT INTO notes SELECT * FROM tickets; SELECT setval('notes_id_seq', 200)")
	st := store(t)
	o := options()
	o.Tables, o.Rows, o.Keys = []string{"tickets", "notes"}, 2, "sequence"
	p := plan(t, open(t, "postgres", db, st), o)
	var bare []string
	for _, g := range p.Grants {
		if !strings.HasPrefix(g, "-- ") {
			bare = append(bare, g)
		}
	}
	all := strings.Join(p.Grants, "\n")
	if s := strings.Join(bare, "\n"); strings.Contains(s, "tickets_id_seq") || !strings.Contains(s, "GRANT USAGE ON SEQUENCE public.notes_id_seq TO") {
		t.Errorf("what the role must have:\n%s", s)
	}
	if !strings.Contains(all, "their trial uses up numbers, and that gap shows: GRANT USAGE ON SEQUENCE public.tickets_id_seq TO") {
		t.Errorf("what the role is advised to have:\n%s", all)
	}
	for _, g := range bare {
		must(t, server.Exec(t.Context(), db, strings.Replace(g, "CREATE ROLE honeyrow_seeder LOGIN", "DO $$ BEGIN CREATE ROLE honeyrow_seeder LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", 1)))
	}
	small := open(t, "honeyrow_seeder", db, st)
	_, err := small.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ver, err := small.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || len(ver.Rows) != 4 {
		t.Errorf("verify: %+v", ver)
	}
	if got := query(t, db, "SELECT pg_sequence_last_value('tickets_id_seq') || ' ' || pg_sequence_last_value('notes_id_seq')"); got != "204 202" {
		t.Errorf("the last numbers are %s, want 204 (a trial's 2 and 2) and 202", got)
	}

	// Numbers that no row has any more are found by whoever may read the sequence.
	must(t, server.Exec(t.Context(), db, "DELETE FROM tickets WHERE id % 3 = 0 AND id <= 200"))
	o.Tables, o.Keys = []string{"tickets"}, "gaps"
	p = plan(t, open(t, "postgres", db, st), o)
	want := ": GRANT SELECT ON SEQUENCE public.tickets_id_seq TO honeyrow_seeder"
	if all := strings.Join(p.Grants, "\n"); seedertest.Cell(p, "id").Source != seeder.Gap || !strings.Contains(all, want) {
		t.Fatalf("numbers from %s, rights:\n%s", seedertest.Cell(p, "id").Source, all)
	}
	if p = plan(t, small, o); seedertest.Cell(p, "id").Source == seeder.Gap || !strings.Contains(p.Table(), "grant SELECT on the sequence public.tickets_id_seq") {
		t.Errorf("without the right to read the sequence, numbers come from %s, and the plan does not say what is missing:\n%s", seedertest.Cell(p, "id").Source, p.Table())
	}
	must(t, server.Exec(t.Context(), db, want[2:]))
	if p = plan(t, open(t, "honeyrow_seeder", db, st), o); seedertest.Cell(p, "id").Source != seeder.Gap {
		t.Errorf("with the right that the plan named, numbers come from %s", seedertest.Cell(p, "id").Source)
	}
}

// What the plan says of removing is in its comments: who follows them can remove.
func TestARoleWithTheGrantsOfThePlanCanRemove(t *testing.T) {
	db := database(t, customers+`CREATE SCHEMA sales; CREATE TABLE sales.orders (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, total numeric(10,2) NOT NULL);
		INSERT INTO sales.orders (customer, total) SELECT i, i FROM generate_series(1, 100) i;`)
	st := store(t)
	o := options()
	o.Tables, o.Rows = []string{"customers"}, 2
	p := plan(t, open(t, "postgres", db, st), o)
	for _, g := range p.Grants {
		if i := strings.Index(g, ": GRANT"); i > 0 && strings.HasPrefix(g, "-- ") {
			g = g[i+2:]
		}
		must(t, server.Exec(t.Context(), db, strings.Replace(g, "CREATE ROLE honeyrow_seeder LOGIN", "DO $$ BEGIN CREATE ROLE honeyrow_seeder LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", 1)))
	}
	small := open(t, "honeyrow_seeder", db, st)
	_, err := small.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	rem, err := small.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	for _, r := range rem.Rows {
		if r.State != "removed" {
			t.Errorf("row %s: %s (%s), want removed", r.ID, r.State, r.Why)
		}
	}
	if len(rem.Rows) != 2 {
		t.Errorf("%d rows, want 2", len(rem.Rows))
	}
}

func TestAPlanThatNamesAColumnThatIsNotThereIsRefusedByName(t *testing.T) {
	db := database(t, customers)
	s := open(t, "postgres", db, store(t))
	o := options()
	o.Tables, o.Rows = []string{"customers"}, 2
	p := plan(t, s, o)
	p.Tables[0].Columns[1].Name = "e_mial"
	if _, err := s.Apply(t.Context(), p, seeder.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), "no column e_mial") {
		t.Fatalf("got %v, want an error that names the column", err)
	}
}

func TestARoleWithNothingButTheGrantsOfThePlanCanPlantAndVerify(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, wide())
	for _, g := range p.Grants {
		must(t, server.Exec(t.Context(), db, strings.Replace(g, "CREATE ROLE honeyrow_seeder LOGIN", "DO $$ BEGIN CREATE ROLE honeyrow_seeder LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", 1)))
	}
	must(t, server.Exec(t.Context(), db, "ALTER ROLE honeyrow_seeder BYPASSRLS; GRANT INSERT ON audit TO honeyrow_seeder")) // the trigger writes there
	small := open(t, "honeyrow_seeder", db, st)
	_, err := small.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ver, err := small.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Fatalf("verify: %+v", ver)
	}
	if _, err := small.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"}); err == nil || !strings.Contains(err.Error(), "GRANT DELETE") {
		t.Fatalf("got %v, want an error that names the right that is missing", err)
	}
	if ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Retired}}); err != nil || len(ts) != 0 {
		t.Fatalf("%d tokens are left retired (%v)", len(ts), err)
	}
	must(t, server.Exec(t.Context(), "postgres", "ALTER ROLE honeyrow_seeder NOBYPASSRLS"))
	o := wide()
	o.Tables = []string{"secret_people"}
	p, err = open(t, "honeyrow_seeder", db, st).Plan(t.Context(), o)
	if !errors.Is(err, seeder.ErrNothing) || !strings.Contains(p.Refused[0].Why, "BYPASSRLS") {
		t.Fatalf("got %v, want a refusal because of row security", err)
	}
}
