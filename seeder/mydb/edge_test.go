package mydb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
)

func TestNumbersOfACounterAreNeitherLostNorOvertaken(t *testing.T) {
	for name, signed := range map[string]string{"signed": "", "unsigned": "unsigned"} {
		t.Run(name, func(t *testing.T) {
			db := database(t, strings.Replace(customers, "id bigint NOT NULL", "id bigint "+signed+" NOT NULL", 1))
			st := store(t)
			s := open(t, "root", db, st)
			// A gap below the counter, as any rolled-back insert leaves: the import of the rows has one.
			before := counters(t, db)
			p := plan(t, s, options())
			if got := counters(t, db); got != before {
				t.Errorf("planning moved the counter: %s, was %s", got, before)
			}
			_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
			must(t, err)
			if got := counters(t, db); got != before {
				t.Errorf("a dry run moved the counter: %s, was %s", got, before)
			}
			_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
			must(t, err)
			var next int
			fmt.Sscanf(before, "customers\t%d", &next)
			keys := query(t, db, "SELECT group_concat(id ORDER BY id) FROM customers WHERE email LIKE '%@mail.shop-partners.test'")
			var want []string
			for i := range p.Rows() {
				want = append(want, fmt.Sprint(next+i))
			}
			if keys != strings.Join(want, ",") {
				t.Errorf("honey rows have keys %s, want the counter's next %v", keys, want)
			}
			if got, want := counters(t, db), fmt.Sprintf("customers\t%d", next+p.Rows()); got != want {
				t.Errorf("the counter stands at %s, want %s", got, want)
			}
		})
	}
}

func TestAGaplessTableIsTriedWithNumbersBelowTheCounter(t *testing.T) {
	gapless := func(typ string) string {
		return `CREATE TABLE people (id ` + typ + ` NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(90) NOT NULL UNIQUE) ENGINE=InnoDB;
INSERT INTO people SELECT seq, concat('p', seq, '@corp.example') FROM seq_1_to_50;
`
	}
	for _, c := range []struct {
		name, ddl string
		moved     int
	}{
		{"signed", gapless("int"), 0},
		{"unsigned", gapless("int unsigned"), 4},
		{"deleted", gapless("int unsigned") + "DELETE FROM people WHERE id IN (3, 9, 20, 21);", 0},
		{"tail", gapless("int unsigned") + "DELETE FROM people WHERE id > 45;", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := database(t, c.ddl)
			o := options()
			o.Rows, o.Keys = 4, "sequence"
			s := open(t, "root", db, store(t))
			p := plan(t, s, o)
			if got, want := counters(t, db), fmt.Sprintf("people\t%d", 51+c.moved); got != want {
				t.Errorf("after planning the counter stands at %s, want %s", got, want)
			}
			if n := query(t, db, "SELECT count(*) FROM people WHERE id < 1 OR id > 50"); n != "0" {
				t.Errorf("planning left %s rows", n)
			}
			_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
			must(t, err)
			if got, want := counters(t, db), fmt.Sprintf("people\t%d", 51+c.moved+4); got != want {
				t.Errorf("after planting the counter stands at %s, want %s", got, want)
			}
		})
	}
}

// racing takes the counter's number from under the seeder's hands, once.
type racing struct {
	seeder.Database
	race func()
}

func (r *racing) Draw(ctx context.Context, t *seeder.Table, column string, n int) ([]string, error) {
	keys, err := r.Database.Draw(ctx, t, column, n)
	if race := r.race; race != nil {
		r.race = nil
		race()
	}
	return keys, err
}

func TestAKeyThatAnotherSessionTakesFirstIsDrawnAnew(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "root", db, st)
	p := plan(t, s, options())
	s.Database = &racing{s.Database, func() {
		must(t, server.Exec(t.Context(), db, "INSERT INTO customers (first_name, last_name, email, status) VALUES ('X', 'Y', 'x@y.example', 'active')"))
	}}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Fatalf("verify: %+v", ver)
	}
}

func TestATableWithoutTransactionsIsSeededWhenNamedAndAFailureIsUndone(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "root", db, st)
	before := content(t, db)
	o := options()
	o.Tables = []string{"legacy_members", "aria_members", "guests"}
	p := plan(t, s, o)
	if len(p.Tables) != 3 || !strings.Contains(p.Table(), "has no transactions") {
		t.Fatalf("the named tables are not planned, or without a warning:\n%s", p.Table())
	}
	if content(t, db) != before {
		t.Fatal("planning wrote to a table without transactions")
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
	must(t, err)
	if content(t, db) != before {
		t.Fatal("a dry run wrote to a table without transactions")
	}
	// The value of one row is taken after the trial, unseen: the write in the middle fails.
	whole := s.Database
	stolen := &stealing{Database: whole, steal: func() {
		email := *p.Tables[0].Rows[1].Cells[2].Value
		must(t, server.Exec(t.Context(), db, "INSERT INTO "+p.Tables[0].Table+" VALUES (9000, 'x', '"+email+"')"))
	}}
	s.Database = stolen
	if p.Tables[0].Table != "legacy_members" {
		t.Fatalf("the first table is %s", p.Tables[0].Table)
	}
	if _, err = s.Apply(t.Context(), p, seeder.ApplyOptions{}); err == nil || strings.Contains(err.Error(), "@") {
		t.Fatalf("got %v, want an error without a value", err)
	}
	must(t, server.Exec(t.Context(), db, "DELETE FROM legacy_members WHERE id = 9000"))
	if content(t, db) != before {
		t.Fatal("a failure in the middle left rows behind")
	}
	nothingWatched(t, st)
	s.Database = whole
	p = plan(t, s, o)
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Fatalf("verify: %+v", ver)
	}
	planted := content(t, db)
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{DryRun: true}})
	must(t, err)
	if content(t, db) != planted {
		t.Fatal("a dry removal deleted rows")
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	if content(t, db) != before {
		t.Fatal("after removal the tables differ from before")
	}
}

// stealing acts just before the second transaction ends, which is the real one.
type stealing struct {
	seeder.Database
	begun int
	steal func()
}

func (d *stealing) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := d.Database.Begin(ctx, l)
	if d.begun++; err != nil || d.begun != 2 {
		return tx, err
	}
	return &stealingTx{tx, d}, nil
}

type stealingTx struct {
	seeder.Tx
	d *stealing
}

func (x *stealingTx) End(ctx context.Context, commit bool) error {
	if commit {
		x.d.steal()
	}
	return x.Tx.End(ctx, commit)
}

func TestRowsOfOtherDatabasesThatPointAtAHoneyRowKeepIt(t *testing.T) {
	db := database(t, customers)
	other := database(t, "CREATE TABLE notes (id int PRIMARY KEY, customer bigint NOT NULL, FOREIGN KEY (customer) REFERENCES "+db+".customers (id) ON DELETE CASCADE)")
	st := store(t)
	s := open(t, "root", db, st)
	o := options()
	o.Rows = 2
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	must(t, server.Exec(t.Context(), other, "INSERT INTO notes VALUES (1, "+got.Rows[0].Key+")"))
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	state := map[string]string{}
	for _, r := range rem.Rows {
		state[r.Key] = r.State
	}
	if state[got.Rows[0].Key] != "kept" || state[got.Rows[1].Key] != "removed" {
		t.Errorf("states %v, want the first kept and the second removed", state)
	}
	if n := query(t, other, "SELECT count(*) FROM notes"); n != "1" {
		t.Error("a cascade reached into another database")
	}
}

func TestAnInsensitiveCollationDecidesWhatIsUnique(t *testing.T) {
	db := database(t, "CREATE TABLE people (id int AUTO_INCREMENT PRIMARY KEY, email varchar(90) COLLATE utf8mb4_general_ci NOT NULL UNIQUE);\nINSERT INTO people (email) SELECT concat('P', seq, '@Corp.Example') FROM seq_1_to_50;\n")
	s := open(t, "root", db, store(t))
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("people")
	must(t, err)
	got, err := s.Database.Taken(t.Context(), tb, []string{"email"}, [][]string{{"p7@corp.example"}, {"p77@corp.example"}, {"P8@Corp.Example"}})
	must(t, err)
	if !got[0] || got[1] || !got[2] {
		t.Errorf("taken %v, want true, false, true", got)
	}
	tx, err := s.Database.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	defer tx.End(t.Context(), false)
	low, real := "p7@corp.example", "P7@Corp.Example"
	for v, want := range map[*string]int{&low: 0, &real: 1} {
		rows, err := tx.Read(t.Context(), tb, []seeder.Value{{Column: "email", Text: v}}, []string{"id"})
		must(t, err)
		if len(rows) != want {
			t.Errorf("%d rows are read for %s, want %d: a row must be found to the letter", len(rows), *v, want)
		}
	}
}

func TestAServerThatIsNotStrictIsNoExcuseForValuesThatDoNotFit(t *testing.T) {
	must(t, server.Exec(t.Context(), "", "SET GLOBAL sql_mode = ''"))
	defer func() {
		must(t, server.Exec(t.Context(), "", "SET GLOBAL sql_mode = DEFAULT"))
	}()
	db := database(t, "CREATE TABLE people (id int AUTO_INCREMENT PRIMARY KEY, email varchar(20) NOT NULL UNIQUE, code tinyint NOT NULL)")
	s := open(t, "root", db, store(t))
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("people")
	must(t, err)
	tx, err := s.Database.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	defer tx.End(t.Context(), false)
	long, ok, big, small := strings.Repeat("x", 30), "a@b.cc", "300", "3"
	for _, row := range [][]seeder.Value{
		{{Column: "email", Text: &long}, {Column: "code", Text: &small}},
		{{Column: "email", Text: &ok}, {Column: "code", Text: &big}},
		{{Column: "email", Text: nil}, {Column: "code", Text: &small}},
		{{Column: "email", Text: &ok}},
	} {
		_, _, err := tx.Insert(t.Context(), tb, row)
		var no *seeder.Violation
		if !errors.As(err, &no) || no.Code[:1] != "2" || strings.Contains(no.Why, "xxx") {
			t.Errorf("got %v, want a violation of the data", err)
		}
	}
	_, _, err = tx.Insert(t.Context(), tb, []seeder.Value{{Column: "email", Text: &ok}, {Column: "code", Text: &small}})
	must(t, err)
}

func TestATransactionThatTheServerEndsIsNotGoneOnWith(t *testing.T) {
	db := database(t, customers)
	s := open(t, "root", db, store(t))
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("customers")
	must(t, err)
	row := func(email string) []seeder.Value {
		x, active := "x", "active"
		return []seeder.Value{{Column: "first_name", Text: &x}, {Column: "last_name", Text: &x}, {Column: "email", Text: &email}, {Column: "status", Text: &active}}
	}
	tx, err := s.Database.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	_, _, err = tx.Insert(t.Context(), tb, row("a@honey.example"))
	must(t, err)
	// Another session that has done more, so that it is not the one to be ended.
	other, err := sql.Open("mysql", server.DSN("root", "", db))
	must(t, err)
	defer other.Close()
	theirs, err := other.BeginTx(t.Context(), nil)
	must(t, err)
	defer theirs.Rollback()
	insert := "INSERT INTO customers (first_name, last_name, email, status) VALUES ('x', 'x', ?, 'active')"
	_, err = theirs.ExecContext(t.Context(), "UPDATE customers SET phone = 'x' WHERE id <= 500")
	must(t, err)
	_, err = theirs.ExecContext(t.Context(), insert, "b@honey.example")
	must(t, err)
	waiting := make(chan error, 1)
	go func() { // ends with the deadlock
		_, err := theirs.ExecContext(t.Context(), insert, "a@honey.example")
		waiting <- err
	}()
	_, _, err = tx.Insert(t.Context(), tb, row("b@honey.example"))
	var no *seeder.Violation
	if err == nil || errors.As(err, &no) || !strings.Contains(err.Error(), "ended the transaction") {
		t.Fatalf("got %v, want an error that says that the transaction is over", err)
	}
	must(t, <-waiting)
	must(t, theirs.Rollback())
	if _, _, err := tx.Insert(t.Context(), tb, row("c@honey.example")); err == nil {
		t.Error("a row was inserted after the transaction's end")
	}
	if err := tx.End(t.Context(), true); err == nil {
		t.Error("the commit of half a transaction succeeded")
	}
	if n := query(t, db, "SELECT count(*) FROM customers WHERE email LIKE '%@honey.example'"); n != "0" {
		t.Errorf("%s rows were left", n)
	}
	tx, err = s.Database.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	_, _, err = tx.Insert(t.Context(), tb, row("d@honey.example"))
	must(t, errors.Join(err, tx.End(t.Context(), true)))
	if n := query(t, db, "SELECT count(*) FROM customers WHERE email = 'd@honey.example'"); n != "1" {
		t.Error("the connection can't be used after a transaction that the server ended")
	}
}

// A trigger that leaves no value as it was given makes rows that a server
// without RETURNING can not name: the trial finds that out, not only the planting.
func TestWhatAPlanCallsTriedCanBePlanted(t *testing.T) {
	db := database(t, `CREATE TABLE badges (code varchar(60) NOT NULL PRIMARY KEY, email varchar(90) NOT NULL);
INSERT INTO badges SELECT concat('badge-', seq), concat('p', seq, '@corp.example') FROM seq_1_to_50;
CREATE TRIGGER t_badges BEFORE INSERT ON badges FOR EACH ROW SET NEW.code = concat('b', uuid()), NEW.email = concat('x.', NEW.email);
`)
	s := open(t, "root", db, store(t))
	p, err := s.Plan(t.Context(), options())
	if err != nil {
		if !errors.Is(err, seeder.ErrNothing) || server.Kind == myserver.MariaDB || !strings.Contains(p.Table(), "can't be told from others") {
			t.Fatalf("%v\n%s", err, p.Table())
		}
		return
	}
	if !p.Probed {
		t.Fatalf("not tried:\n%s", p.Table())
	}
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
}
