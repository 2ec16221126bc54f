package pgdb_test

import (
	"errors"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// Each of these tables is planted in, or refused with the reason; none ends the plan
// of the others.
func TestNumbersThatEndAreNotTakenFromTheApplication(t *testing.T) {
	const people = " email text NOT NULL); INSERT INTO %s (email) SELECT 'p' || i || '@corp.example' FROM generate_series(1, 100) i;"
	db := database(t, `CREATE SEQUENCE few MAXVALUE 105;
		CREATE DOMAIN ours AS text CHECK (VALUE LIKE '%@corp.example');
		CREATE TABLE ending (id int PRIMARY KEY DEFAULT nextval('few'),`+strings.ReplaceAll(people, "%s", "ending")+
		`CREATE SEQUENCE more MAXVALUE 5000;
		CREATE TABLE enough (id int PRIMARY KEY DEFAULT nextval('more'),`+strings.ReplaceAll(people, "%s", "enough")+
		`CREATE TABLE nearly (id smallint PRIMARY KEY,`+strings.ReplaceAll(people, "%s (email) SELECT", "nearly SELECT 32600 + i,")+
		`CREATE TABLE bounded (id serial PRIMARY KEY CHECK (id < 500),`+strings.ReplaceAll(people, "%s", "bounded")+
		`CREATE TABLE parts (id serial PRIMARY KEY, email text NOT NULL) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2000);
		INSERT INTO parts (email) SELECT 'p' || i || '@corp.example' FROM generate_series(1, 100) i;
		CREATE TABLE domestic (id serial PRIMARY KEY, first_name text NOT NULL, email ours NOT NULL UNIQUE); INSERT INTO domestic (first_name, email) SELECT 'Anna', 'p' || i || '@corp.example' FROM generate_series(1, 100) i;`)
	st := store(t)
	s := open(t, "postgres", db, st)
	before, drawn := content(t, db), sequences(t, db)
	p := plan(t, s, wide())
	var planned []string
	for _, tp := range p.Tables {
		planned = append(planned, tp.Table)
	}
	why := map[string]string{}
	for _, r := range p.Refused {
		why[r.Table] = r.Why
	}
	for table, want := range map[string]string{
		"public.ending": "almost used up its numbers: 5 are left", "public.nearly": "almost used up its numbers: 67 are left", "public.domestic": "check ours_check is violated",
		"public.enough": "", "public.bounded": "", "public.parts": "",
	} {
		if got, refused := why[table]; want == "" && refused || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q (planned: %v)", table, got, want, planned)
		}
	}
	if sequences(t, db) != drawn {
		t.Error("the plan has taken numbers")
	}
	dry, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
	must(t, err)
	if sequences(t, db) != drawn || content(t, db) != before || len(dry.Rows) != p.Rows() {
		t.Errorf("after a dry run of %d rows of %d the database is another one", len(dry.Rows), p.Rows())
	}
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	if content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
	o := options()
	o.Tables = []string{"domestic"}
	if _, err := s.Plan(t.Context(), o); !errors.Is(err, seeder.ErrNothing) {
		t.Errorf("got %v, want a plan with nothing in it", err)
	}
}

func TestAPlanSaysWhereHoneyRowsHangOnRealPeoplesRows(t *testing.T) {
	db := database(t, customers+`CREATE TABLE wallets (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, card_token text NOT NULL, currency int NOT NULL);
		INSERT INTO wallets (customer, card_token, currency) SELECT i, 'tok_' || left(encode(sha256(i::text::bytea), 'hex'), 24), 1 FROM generate_series(1, 300) i;`)
	s := open(t, "postgres", db, store(t))
	for _, c := range []struct {
		tables []string
		warns  bool
	}{{[]string{"wallets"}, true}, {[]string{"wallets", "customers"}, false}} {
		o := options()
		o.Tables = c.tables
		p := plan(t, s, o)
		if got := strings.Contains(p.Table(), "hang on existing rows of public.customers"); got != c.warns {
			t.Errorf("of %v the plan warns: %t, want %t\n%s", c.tables, got, c.warns, p.Table())
		}
	}
}
