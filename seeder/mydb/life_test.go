package mydb_test

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// content is the rows of all tables of a database, as its own dump tool writes
// them, in the order of their keys.
func content(t *testing.T, db string) string {
	t.Helper()
	var b strings.Builder
	for _, tb := range strings.Fields(strings.ReplaceAll(query(t, db, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME <> 'audit' ORDER BY 1"), " ", "\x01")) {
		tb = strings.ReplaceAll(tb, "\x01", " ")
		cols := strings.ReplaceAll(query(t, db, fmt.Sprintf("SELECT group_concat(concat('coalesce(hex(`', replace(COLUMN_NAME, '`', '``'), '`), \"-\")') ORDER BY ORDINAL_POSITION) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '%s'", strings.ReplaceAll(tb, "'", "''"))), "\n", "")
		b.WriteString(tb + "\n" + query(t, db, fmt.Sprintf("SELECT concat_ws(' ', %s) x FROM `%s` ORDER BY x", cols, strings.ReplaceAll(tb, "`", "``"))) + "\n")
	}
	return b.String()
}

// counters is where every AUTO_INCREMENT stands.
func counters(t *testing.T, db string) string {
	now := ""
	if server.MySQLFrom(80000) {
		now = "SET SESSION information_schema_stats_expiry = 0; "
	}
	return query(t, db, now+"SELECT TABLE_NAME, AUTO_INCREMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT IS NOT NULL ORDER BY 1")
}

// The command line client prints what the text protocol carries.
func TestRegisteredValuesAreExactlyWhatTheServerSends(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "root", db, st)
	p := plan(t, s, wide())
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	kinds, raw := map[string]int{}, 0
	for _, tk := range ts {
		kinds[tk.Kind]++
		if tk.Place.Schema != "" || tk.Place.Database != db {
			t.Errorf("%s is placed in database %q, schema %q: want %q and none", tk.Place.Column, tk.Place.Database, tk.Place.Schema, db)
		}
		table, column := strings.ReplaceAll(tk.Place.Table, "`", "``"), tk.Place.Column
		if bytes := column == "uid" || column == "pw_digest"; bytes {
			raw++
			if got := query(t, db, fmt.Sprintf("SELECT count(*) FROM `%s` WHERE hex(`%s`) = '%X'", table, column, tk.Binary)); got != "1" {
				t.Errorf("%s: the registered bytes stand in %s rows, want 1", column, got)
			}
			continue
		}
		all := strings.Split(query(t, db, fmt.Sprintf("SELECT `%s` FROM `%s`", column, table)), "\n")
		n := 0
		for _, v := range all {
			if v == tk.Value {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s of %s: the value stands in %d rows as the server sends it, want 1", column, table, n)
		}
	}
	for _, k := range []string{"key", "email", "iban", "national_id", "password_hash", "api_key", "uuid", "salary", "person_name"} {
		if kinds[k] == 0 {
			t.Errorf("no token of kind %s: %v", k, kinds)
		}
	}
	if raw < 6 {
		t.Errorf("%d tokens of bytes, want those of uid and pw_digest", raw)
	}
}

func TestVerifyReportsWhatHappenedToHoneyRowsAndFindsRecreatedTables(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "root", db, st)
	o := options()
	o.Rows = 4
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	key := func(i int) string { return got.Rows[i].Key }
	must(t, server.Exec(t.Context(), db, "UPDATE customers SET phone = 'none' WHERE id = "+key(0)+"; DELETE FROM customers WHERE id = "+key(1)+
		"; INSERT INTO customers (first_name, last_name, email, phone, status) SELECT 'X', 'Y', 'x@y.zz', phone, 'active' FROM customers WHERE id = "+key(2)+
		"; CREATE TABLE copy LIKE customers; INSERT INTO copy SELECT * FROM customers; DROP TABLE customers; RENAME TABLE copy TO customers"))
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	for i, want := range []string{"changed", "gone", "repeated", "intact"} {
		if ver.Rows[i].State != want {
			t.Errorf("row %d is %s, want %s", i, ver.Rows[i].State, want)
		}
	}
	if ver.OK {
		t.Error("verify says that all is well")
	}
}

func TestRemoveLeavesWhatChangedAndWhatOthersDependOn(t *testing.T) {
	db := database(t, customers+`CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, total decimal(10,2) NOT NULL, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);
		INSERT INTO orders (customer, total) SELECT seq, seq FROM seq_1_to_100;`)
	st := store(t)
	s := open(t, "root", db, st)
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
		if r := state[got.Rows[i].ID]; r.State != want.state || !strings.HasPrefix(r.Why, strings.Replace(want.why, "%s", "orders", 1)) {
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

func TestARoleWithNothingButTheGrantsOfThePlanCanPlantAndVerify(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "root", db, st)
	p := plan(t, s, wide())
	must(t, server.Exec(t.Context(), db, "DROP USER IF EXISTS honeyrow_seeder; "+strings.Join(p.Grants, ";\n")+"\n; ALTER USER honeyrow_seeder IDENTIFIED BY ''"))
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
	p, err = open(t, "honeyrow_seeder", db, st).Plan(t.Context(), wide())
	must(t, err)
	if len(p.Tables) == 0 {
		t.Fatalf("a role with the plan's rights can't plan:\n%s", p.Table())
	}
	must(t, server.Exec(t.Context(), db, "REVOKE INSERT ON employees FROM honeyrow_seeder; REVOKE SELECT, INSERT ON users FROM honeyrow_seeder; GRANT SELECT (uid, email), INSERT (uid, email) ON users TO honeyrow_seeder"))
	p, err = open(t, "honeyrow_seeder", db, st).Plan(t.Context(), wide())
	must(t, err)
	why := map[string]string{}
	for _, r := range p.Refused {
		why[r.Table] = r.Why
	}
	if !strings.Contains(why["employees"], "no INSERT") || !strings.Contains(why["users"], "SELECT on the whole table") {
		t.Errorf("refusals of tables without rights: %q, %q", why["employees"], why["users"])
	}
}
