package pgdb_test

import (
	"strings"
	"testing"
	"time"

	"honeyrow/seeder"
	"honeyrow/token"
)

// remover makes a role that may do all that removing needs, but is subject to row
// security.
func remover(t *testing.T, db string) {
	t.Helper()
	must(t, server.Exec(t.Context(), db, `DO $$ BEGIN CREATE ROLE remover LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
		GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO remover; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO remover`))
}

// plantOne plants one row in a table and returns its key.
func plantOne(t *testing.T, s *seeder.Seeder, table string) string {
	t.Helper()
	o := options()
	o.Tables, o.Rows = []string{table}, 1
	got, err := s.Apply(t.Context(), plan(t, s, o), seeder.ApplyOptions{})
	must(t, err)
	return got.Rows[0].Key
}

// kept removes the one honey row, which must stay with a reason.
func kept(t *testing.T, s *seeder.Seeder, st seeder.Store, why string) {
	t.Helper()
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	if len(rem.Rows) != 1 || rem.Rows[0].State != "kept" || !strings.Contains(rem.Rows[0].Why, why) {
		t.Errorf("removed: %+v, want one row kept because of %q", rem.Rows, why)
	}
	live, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	must(t, err)
	if len(live) == 0 {
		t.Error("the row is there and nobody watches it")
	}
}

const orders = "CREATE TABLE orders (id serial PRIMARY KEY, customer bigint REFERENCES customers ON DELETE %s, total int NOT NULL); INSERT INTO orders (customer, total) SELECT i, i FROM generate_series(1, 50) i;"

func TestNoRowOfAStrangerGoesWithAHoneyRow(t *testing.T) {
	for _, action := range []string{"CASCADE", "SET NULL", "SET DEFAULT"} {
		t.Run("hidden by row security, "+action, func(t *testing.T) {
			db := database(t, customers+strings.Replace(orders, "%s", action, 1)+"ALTER TABLE orders ENABLE ROW LEVEL SECURITY;")
			st := store(t)
			remover(t, db)
			key := plantOne(t, open(t, "postgres", db, st), "customers")
			must(t, server.Exec(t.Context(), db, "INSERT INTO orders (customer, total) VALUES ("+key+", 5)"))
			kept(t, open(t, "remover", db, st), st, "orders")
			if n := query(t, db, "SELECT count(*) FROM orders WHERE customer = "+key); n != "1" {
				t.Errorf("%s orders point at the honey row, want 1", n)
			}
		})
	}
	t.Run("at a partition", func(t *testing.T) {
		db := database(t, `CREATE TABLE accounts (id bigserial, region text NOT NULL, email text NOT NULL, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
			CREATE TABLE accounts_eu PARTITION OF accounts FOR VALUES IN ('eu');
			INSERT INTO accounts (region, email) SELECT 'eu', 'p' || i || '@corp.example' FROM generate_series(1, 60) i;
			CREATE TABLE notes (account bigint NOT NULL, region text NOT NULL, note text, FOREIGN KEY (account, region) REFERENCES accounts_eu (id, region) ON DELETE CASCADE);`)
		st := store(t)
		s := open(t, "postgres", db, st)
		plantOne(t, s, "accounts")
		must(t, server.Exec(t.Context(), db, "INSERT INTO notes SELECT id, region, 'ours' FROM accounts WHERE email LIKE '%@mail.shop-partners.test'"))
		kept(t, s, st, "notes")
		if n := query(t, db, "SELECT count(*) FROM notes"); n != "1" {
			t.Errorf("%s notes, want 1", n)
		}
	})
	t.Run("of the same table", func(t *testing.T) {
		db := database(t, `CREATE TABLE staff (id bigserial PRIMARY KEY, boss bigint REFERENCES staff ON DELETE CASCADE, email text NOT NULL);
			INSERT INTO staff (email) SELECT 'p' || i || '@corp.example' FROM generate_series(1, 60) i;`)
		st := store(t)
		remover(t, db)
		key := plantOne(t, open(t, "postgres", db, st), "staff")
		must(t, server.Exec(t.Context(), db, "INSERT INTO staff (boss, email) VALUES ("+key+", 'real@corp.example'); ALTER TABLE staff ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON staff FOR ALL USING (boss IS NULL)"))
		kept(t, open(t, "remover", db, st), st, "staff")
		must(t, server.Exec(t.Context(), db, "DELETE FROM staff WHERE boss = "+key))
		rem, err := open(t, "remover", db, st).Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
		must(t, err)
		if rem.Rows[0].State != "removed" {
			t.Errorf("nothing points at the row, and it is %s: %s", rem.Rows[0].State, rem.Rows[0].Why)
		}
	})
}

func TestARowThatIsAboutToPointAtAHoneyRowKeepsIt(t *testing.T) {
	db := database(t, customers+strings.Replace(orders, "%s", "CASCADE", 1))
	st := store(t)
	s := open(t, "postgres", db, st)
	key := plantOne(t, s, "customers")
	stranger := open(t, "postgres", db, st).Database
	cat, err := stranger.Catalog(t.Context())
	must(t, err)
	table, err := cat.Table("orders")
	must(t, err)
	tx, err := stranger.Begin(t.Context(), seeder.Limits{})
	must(t, err)
	total := "5"
	_, _, err = tx.Insert(t.Context(), table, []seeder.Value{{Column: "customer", Text: &key}, {Column: "total", Text: &total}})
	must(t, err)
	done := make(chan error, 1)
	go func() { // ends with the removal, which waits for the stranger
		_, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{LockTimeout: time.Minute}})
		done <- err
	}()
	for query(t, db, "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {
		select {
		case err := <-done:
			t.Fatalf("the removal did not wait: %v", err)
		default:
		}
	}
	must(t, tx.End(t.Context(), true))
	must(t, <-done)
	if n := query(t, db, "SELECT count(*) FROM orders WHERE customer = "+key); n != "1" {
		t.Errorf("%s orders point at the honey row, want the one that came while the removal waited", n)
	}
	kept(t, s, st, "orders")
}

func TestARowThatRowSecurityHidesIsNotTakenToBeGone(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	remover(t, db)
	plantOne(t, open(t, "postgres", db, st), "customers")
	must(t, server.Exec(t.Context(), db, "ALTER TABLE customers ENABLE ROW LEVEL SECURITY"))
	s := open(t, "remover", db, st)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if ver.Rows[0].State != "unknown" || !strings.Contains(ver.Rows[0].Why, "BYPASSRLS") {
		t.Errorf("verify: %+v, want that it is not known and why", ver.Rows[0])
	}
	kept(t, s, st, "BYPASSRLS")
	if n := query(t, db, "SELECT count(*) FROM customers"); n != "1001" {
		t.Errorf("%s customers, want 1001", n)
	}
}

func TestARowOfATableThatWasChangedIsNotTakenToBeGone(t *testing.T) {
	const replaced = "ALTER TABLE customers RENAME TO clients; CREATE TABLE customers (LIKE clients INCLUDING ALL); INSERT INTO customers OVERRIDING SYSTEM VALUE SELECT * FROM clients WHERE id <= 1000"
	const archive = "CREATE TABLE archive (LIKE customers INCLUDING ALL); INSERT INTO archive OVERRIDING SYSTEM VALUE SELECT * FROM customers WHERE id > 1000; "
	for name, c := range map[string]struct {
		sql, state, why string // what becomes of the row, by verify
		removed, left   string // by remove, and the table in which the real rows are
	}{
		"renamed":             {"ALTER TABLE customers RENAME TO clients", "intact", "public.clients", "removed", "clients"},
		"replaced":            {replaced, "", "", "removed", "clients"}, // nobody has verified since: the numbers are the old table's
		"replaced, verified":  {replaced, "unknown", "public.clients holds it", "kept", ""},
		"in another schema":   {"CREATE SCHEMA attic; ALTER TABLE customers SET SCHEMA attic", "intact", "attic.customers by now", "removed", "attic.customers"},
		"made anew elsewhere": {"CREATE SCHEMA attic; CREATE TABLE attic.customers (LIKE customers INCLUDING ALL); INSERT INTO attic.customers OVERRIDING SYSTEM VALUE SELECT * FROM customers; DROP TABLE customers", "intact", "attic.customers by now: what counts by its own table", "removed", "attic.customers"},
		"put away":            {archive + "DELETE FROM customers WHERE id > 1000", "unknown", "public.archive holds it: delete it there", "kept", "customers"},
		"copied":              {archive, "repeated", "public.archive.email too", "removed", "customers"},
		"a column renamed":    {"ALTER TABLE customers RENAME email TO mail", "intact", "column email is called mail by now", "removed", "customers"},
		"a column dropped":    {"ALTER TABLE customers DROP COLUMN phone, DROP COLUMN email", "changed", "column email is there no more: its value stays watched", "removed", "customers"},
		"a column cut":        {"ALTER TABLE customers DROP CONSTRAINT customers_email_key, ALTER COLUMN email TYPE varchar(8) USING left(email, 8)", "changed", "somebody changed the row", "kept", ""},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, customers)
			st := store(t)
			s := open(t, "postgres", db, st)
			plantOne(t, s, "customers")
			must(t, server.Exec(t.Context(), db, c.sql))
			if c.state != "" {
				ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
				must(t, err)
				if r := ver.Rows[0]; r.State != c.state || !strings.Contains(r.Why, c.why) {
					t.Errorf("verify: %s (%s), want %s (%s)", r.State, r.Why, c.state, c.why)
				}
			}
			rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			must(t, err)
			if rem.Rows[0].State != c.removed {
				t.Errorf("remove: %+v, want it %s", rem.Rows[0], c.removed)
			}
			if c.left != "" && query(t, db, "SELECT count(*) FROM "+c.left) != "1000" {
				t.Error("other rows are left than the 1000 real ones")
			}
			snap, err := st.Snapshot(t.Context())
			must(t, err)
			if watched := len(snap.Tokens) > 0; watched != (c.removed == "kept") {
				t.Errorf("%d tokens are still watched", len(snap.Tokens))
			}
		})
	}
}

// Of a table with one value that proves something, that value is cut: it is ours still.
func TestARowWhoseOnlyValueIsCutIsChangedAndNotGone(t *testing.T) {
	db := database(t, "CREATE TABLE readers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL); INSERT INTO readers (email) SELECT 'r' || i || '@corp.example' FROM generate_series(1, 200) i;")
	st := store(t)
	s := open(t, "postgres", db, st)
	plantOne(t, s, "readers")
	must(t, server.Exec(t.Context(), db, "ALTER TABLE readers ALTER COLUMN email TYPE varchar(7) USING left(email, 7)"))
	kept(t, s, st, "it was changed after it was planted (email)")
}

func TestARowBeneathAViewOfItsTablesNameIsRemovedFromItsTable(t *testing.T) {
	db := database(t, customers+strings.Replace(orders, "%s", "CASCADE", 1))
	st := store(t)
	s := open(t, "postgres", db, st)
	key := plantOne(t, s, "customers")
	must(t, server.Exec(t.Context(), db, "ALTER TABLE customers RENAME TO customers_base; CREATE VIEW customers AS SELECT * FROM customers_base; INSERT INTO orders (customer, total) VALUES ("+key+", 5)"))
	kept(t, s, st, "rows of public.orders point at it")
	must(t, server.Exec(t.Context(), db, "DELETE FROM orders WHERE customer = "+key))
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	must(t, err)
	if rem.Rows[0].State != "removed" || query(t, db, "SELECT count(*) FROM customers_base") != "1000" {
		t.Errorf("%+v, want it removed", rem.Rows[0])
	}
}

func TestATriggerThatKeepsAHoneyRowChangesNothing(t *testing.T) {
	db := database(t, customers+`CREATE FUNCTION softly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET status = 'inactive', balance = 0 WHERE id = OLD.id; RETURN NULL; END $$;
		CREATE TRIGGER softly BEFORE DELETE ON customers FOR EACH ROW EXECUTE FUNCTION softly();`)
	st := store(t)
	s := open(t, "postgres", db, st)
	plantOne(t, s, "customers")
	before := content(t, db)
	kept(t, s, st, "trigger")
	if content(t, db) != before {
		t.Error("the row was kept and changed")
	}
}
