package pgdb_test

import (
	"strings"
	"testing"

	"honeyrow/seeder"
)

// What follows was met in databases that others publish: sakila, northwind, the
// employees of MySQL's manual.

func TestMomentsThatAllRowsShareAreSharedByHoneyRows(t *testing.T) {
	db := database(t, customers+`ALTER TABLE customers ADD last_update timestamp, ADD create_date date, ADD seen timestamp;
		UPDATE customers SET last_update = '2006-02-15 04:57:20', create_date = '2006-02-14', seen = '2020-01-01'::timestamp + id * interval '1 hour 7 seconds'`)
	p := plan(t, open(t, "postgres", db, store(t)), options())
	seen := map[string]bool{}
	for _, row := range p.Tables[0].Rows {
		for column, want := range map[string]string{"last_update": "2006-02-15 04:57:20", "create_date": "2006-02-14"} {
			if got := value(row, column); got != want {
				t.Errorf("%s of a honey row is %s, every real row has %s", column, got, want)
			}
		}
		seen[value(row, "seen")] = true
	}
	if len(seen) != len(p.Tables[0].Rows) {
		t.Errorf("%d honey rows share %d times of a column in which no two rows share one", len(p.Tables[0].Rows), len(seen))
	}
}

func value(row *seeder.RowPlan, column string) string {
	for _, c := range row.Cells {
		if c.Column == column && c.Value != nil {
			return *c.Value
		}
	}
	return ""
}

const staffOnly = `CREATE TABLE employee (emp_no serial PRIMARY KEY, birth_date date NOT NULL, first_name varchar(6) NOT NULL, last_name varchar(14) NOT NULL, hire_date date NOT NULL);
INSERT INTO employee (birth_date, first_name, last_name, hire_date) SELECT '1955-01-01'::date + i * 7, (ARRAY['Anna','Bert','Carla','Dora','Emil','Fritz'])[1 + i % 6], (ARRAY['Miller','Smith','Jones','Kurz','Lang','Moser','Nagy'])[1 + i % 7], '1985-01-01'::date + i * 3 FROM generate_series(1, 900) i;
`

func TestATableWithoutValuesOfItsOwnIsWatchedByItsKeysIfItIsNamed(t *testing.T) {
	db := database(t, staffOnly)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Tables = []string{"employee"}
	p := plan(t, s, o)
	for _, row := range p.Tables[0].Rows {
		if n := len([]rune(value(row, "first_name"))); n == 0 || n > 6 {
			t.Errorf("a first name of %d letters is to go into a column of 6", n)
		}
	}
	if w := strings.Join(p.Tables[0].Warnings, "\n"); !strings.Contains(w, "noticed only by the key") {
		t.Errorf("the plan does not say what a theft is noticed by:\n%s", w)
	}
	done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	if done.Tokens != len(p.Tables[0].Rows) {
		t.Errorf("%d tokens for %d rows", done.Tokens, len(p.Tables[0].Rows))
	}
	v, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: o.Server})
	must(t, err)
	if !v.OK {
		t.Errorf("not as planted: %+v", v.Rows)
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: o.Server})
	must(t, err)
	if n := query(t, db, "SELECT count(*) FROM employee"); n != "900" {
		t.Errorf("%s rows are left, want the 900 real ones", n)
	}
}

func TestASmallTableIsNotFilledWithHoneyRowsUnasked(t *testing.T) {
	db := database(t, customers+"DELETE FROM customers WHERE id > 9")
	s := open(t, "postgres", db, store(t))
	o := options()
	o.Tables, o.Rows = nil, 20
	if n := len(plan(t, s, o).Tables[0].Rows); n != 2 {
		t.Errorf("%d honey rows among 9, want 2", n)
	}
	o.Tables = []string{"customers"}
	p := plan(t, s, o)
	if n := len(p.Tables[0].Rows); n != 20 {
		t.Errorf("%d honey rows in a table that was named, want the 20 asked for", n)
	}
	if w := strings.Join(p.Tables[0].Warnings, "\n"); !strings.Contains(w, "more honey rows than real ones") {
		t.Errorf("the plan does not warn:\n%s", w)
	}
}

func TestAPlanSaysWhichColumnATriggerWritesOver(t *testing.T) {
	db := database(t, customers+`CREATE FUNCTION now_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := now(); RETURN NEW; END $$;
		CREATE TRIGGER made BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION now_made()`)
	p := plan(t, open(t, "postgres", db, store(t)), options())
	w := strings.Join(p.Tables[0].Warnings, "\n")
	if !strings.Contains(w, "a trigger writes column created_at") || strings.Count(w, "a trigger writes") != 1 {
		t.Errorf("the warnings are:\n%s", w)
	}
}

func TestRelativesThatNothingTellsApartAreNotPlanted(t *testing.T) {
	// Pay is one of four amounts, of which no row has one alone.
	db := database(t, customers+`CREATE TABLE salary (customer_id bigint REFERENCES customers, from_date date, amount int NOT NULL, PRIMARY KEY (customer_id, from_date));
		INSERT INTO salary SELECT c.id, '2020-01-01'::date + k * 366, 40000 + 1000 * k FROM customers c, generate_series(0, 3) k`)
	s := open(t, "postgres", db, store(t))
	o := options()
	o.Family = true
	p := plan(t, s, o)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	v, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: o.Server})
	must(t, err)
	if !v.OK {
		t.Errorf("not as planted: %+v", v.Rows)
	}
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: o.Server})
	must(t, err)
	for _, r := range gone.Rows {
		if r.State != "removed" {
			t.Errorf("%s %s: %s %s", r.Table, r.Key, r.State, r.Why)
		}
	}
	if n := query(t, db, "SELECT (SELECT count(*) FROM customers) || ' ' || (SELECT count(*) FROM salary)"); n != "1000 4000" {
		t.Errorf("%s rows are left, want 1000 4000", n)
	}
}
