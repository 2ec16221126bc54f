package mydb_test

import (
	"strings"
	"testing"
	"time"

	"honeyrow/seeder"
	"honeyrow/token"
)

func TestARowThatIsAboutToPointAtAHoneyRowKeepsIt(t *testing.T) {
	db := database(t, customers+`CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, total int NOT NULL, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
`)
	st := store(t)
	s := open(t, "root", db, st)
	o := options()
	o.Rows = 1
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	key, total := got.Rows[0].Key, "5"
	stranger := open(t, "root", db, st).Database
	cat, err := stranger.Catalog(t.Context())
	must(t, err)
	table, err := cat.Table("orders")
	must(t, err)
	tx, err := stranger.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	_, _, err = tx.Insert(t.Context(), table, []seeder.Value{{Column: "customer", Text: &key}, {Column: "total", Text: &total}})
	must(t, err)
	var rem *seeder.Removed
	done := make(chan error, 1)
	go func() { // ends with the removal, which waits for the stranger
		var err error
		rem, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{LockTimeout: time.Minute}})
		done <- err
	}()
	for strings.HasSuffix(query(t, db, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"), "\t0") {
		select {
		case err := <-done:
			t.Fatalf("the removal did not wait: %v", err)
		default:
		}
	}
	must(t, tx.End(t.Context(), true))
	must(t, <-done)
	if len(rem.Rows) != 1 || rem.Rows[0].State != "kept" || !strings.Contains(rem.Rows[0].Why, "orders") {
		t.Errorf("%+v, want the row kept because of orders", rem.Rows)
	}
	if n := query(t, db, "SELECT count(*) FROM orders"); n != "1" {
		t.Errorf("%s orders, want the one that came while the removal waited", n)
	}
}

// MySQL and MariaDB give tables no numbers: a row is looked for where all of it may be
// before it is taken to be gone and its values are let go.
func TestARowOfATableThatWasChangedIsNotTakenToBeGone(t *testing.T) {
	for name, c := range map[string]struct {
		sql, state, why string // what becomes of the row, by verify
		removed         string
	}{
		"renamed":                {"RENAME TABLE customers TO clients", "intact", "its table is called clients by now", "removed"},
		"renamed, and a new one": {"RENAME TABLE customers TO clients; CREATE TABLE customers LIKE clients", "unknown", "clients holds it", "kept"},
		"copied twice, and gone": {"CREATE TABLE a LIKE customers; INSERT INTO a SELECT * FROM customers; CREATE TABLE b LIKE customers; INSERT INTO b SELECT * FROM customers; DROP TABLE customers", "unknown", "both a and b hold it", "kept"},
		"in another database":    {"CREATE DATABASE attic; RENAME TABLE customers TO attic.customers", "unknown", "attic.customers, of another database, holds it", "kept"},
		"a column renamed":       {"ALTER TABLE customers CHANGE email mail varchar(120) NOT NULL", "intact", "column email is called mail by now: what counts", "removed"},
		"a column dropped":       {"ALTER TABLE customers DROP COLUMN phone, DROP COLUMN email", "changed", "column email is there no more: its value stays watched", "removed"},
		"a column cut":           {"ALTER TABLE customers DROP INDEX email; ALTER TABLE customers MODIFY email varchar(8)", "changed", "somebody changed the row", "kept"},
		"gone":                   {"DROP TABLE customers", "gone", "exists no more", "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, customers)
			st := store(t)
			s := open(t, "root", db, st)
			o := options()
			o.Rows, o.Seed = 2, uint64(1000+databases) // other tests' databases hold rows of the usual seed
			_, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
			must(t, err)
			must(t, server.Exec(t.Context(), db, "SET sql_mode = ''; "+c.sql))
			ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
			must(t, err)
			for _, r := range ver.Rows {
				if r.State != c.state || !strings.Contains(r.Why, c.why) {
					t.Errorf("verify: %s (%s), want %s (%s)", r.State, r.Why, c.state, c.why)
				}
			}
			rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			must(t, err)
			for _, r := range rem.Rows {
				if r.State != c.removed {
					t.Errorf("remove: %s (%s), want %s", r.State, r.Why, c.removed)
				}
			}
			must(t, server.Exec(t.Context(), db, "DROP DATABASE IF EXISTS attic"))
			snap, err := st.Snapshot(t.Context())
			must(t, err)
			if watched := len(snap.Tokens) > 0; len(rem.Rows) != 2 || watched != (c.removed == "kept") {
				t.Errorf("%d rows, %d tokens are still watched", len(rem.Rows), len(snap.Tokens))
			}
			if c.removed == "removed" && name != "renamed" {
				if n := query(t, db, "SELECT count(*) FROM customers"); n != "1000" {
					t.Errorf("%s rows are left, want the 1000 real ones", n)
				}
			}
			if name == "renamed" {
				if n := query(t, db, "SELECT count(*) FROM clients"); n != "1000" {
					t.Errorf("%s rows are left, want the 1000 real ones", n)
				}
			}
		})
	}
}

func TestARowOfATableThatTheRoleMayNotSeeIsNotTakenToBeGone(t *testing.T) {
	db := database(t, customers+"CREATE TABLE other (id int PRIMARY KEY);\n")
	st := store(t)
	root := open(t, "root", db, st)
	o := options()
	o.Rows, o.Seed = 2, uint64(1000+databases) // other tests' databases hold rows of the usual seed
	_, err := root.Apply(t.Context(), plan(t, root, o), seeder.ApplyOptions{})
	must(t, err)
	must(t, server.Exec(t.Context(), db, "DROP USER IF EXISTS narrow; CREATE USER narrow; GRANT SELECT, INSERT, DELETE ON "+db+".other TO narrow"))
	s := open(t, "narrow", db, st)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	for i, r := range append(ver.Rows, rem.Rows...) {
		if want := map[bool]string{true: "unknown", false: "kept"}[i < len(ver.Rows)]; r.State != want || !strings.Contains(r.Why, "may not see table customers") {
			t.Errorf("%s: %s, want %s because the role may not see the table", r.State, r.Why, want)
		}
	}
	live, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	if len(ver.Rows) != 2 || len(rem.Rows) != 2 || len(live) == 0 {
		t.Errorf("%d and %d rows, %d live tokens: the rows are there and must be watched", len(ver.Rows), len(rem.Rows), len(live))
	}

	must(t, server.Exec(t.Context(), db, "DROP TABLE customers"))
	if rem, err = root.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"}); err != nil || len(rem.Rows) != 2 || rem.Rows[0].State != "gone" {
		t.Errorf("of a table that is dropped: %+v, %v; want the rows gone", rem, err)
	}
	nothingWatched(t, st)
}

func TestARowBeneathAViewOfItsTablesNameIsLeftWithTheReason(t *testing.T) {
	db := database(t, customers+`CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
`)
	st := store(t)
	s := open(t, "root", db, st)
	o := options()
	o.Rows = 1
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	must(t, server.Exec(t.Context(), db, "RENAME TABLE customers TO customers_base; CREATE VIEW customers AS SELECT * FROM customers_base; INSERT INTO orders (customer) VALUES ("+got.Rows[0].Key+")"))
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	if len(rem.Rows) != 1 || rem.Rows[0].State != "kept" || !strings.Contains(rem.Rows[0].Why, "is a view by now") || query(t, db, "SELECT count(*) FROM orders") != "1" {
		t.Errorf("%+v, want the row kept, and the order that points at it too", rem.Rows)
	}
}
