package pgdb_test

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder"
	"honeyrow/seeder/seedertest"
)

// What a status stands for stands in another table: a role that may not read the words
// there plants no order that waits, and the plan's grants let it read them.
func TestAStatusWhoseWordsAreNotForTheRoleIsNotTakenForRest(t *testing.T) {
	db := database(t, `CREATE TABLE order_statuses (id int PRIMARY KEY, name text NOT NULL);
		INSERT INTO order_statuses VALUES (1, 'new'), (2, 'to ship'), (3, 'completed');
		CREATE TABLE orders (id bigserial PRIMARY KEY, buyer_email text NOT NULL, status_id int NOT NULL REFERENCES order_statuses);
		INSERT INTO orders (buyer_email, status_id) SELECT 'o' || i || '@corp.example', 1 + i % 3 FROM generate_series(1, 120) i;`)
	st := store(t)
	o := options()
	o.Tables, o.Rows = []string{"orders"}, 6
	p := plan(t, open(t, "postgres", db, st), o)
	role := func(sql string) *seeder.Seeder {
		must(t, server.Exec(t.Context(), db, sql))
		return open(t, "reader_of_orders", db, st)
	}
	rename := func(g string) string { return strings.ReplaceAll(g, "honeyrow_seeder", "reader_of_orders") }
	must(t, server.Exec(t.Context(), db, "DO $$ BEGIN CREATE ROLE reader_of_orders LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"))
	for _, g := range seedertest.Statements(p.Grants) {
		if !strings.HasPrefix(g, "CREATE ROLE") {
			must(t, server.Exec(t.Context(), db, rename(g)))
		}
	}
	p = plan(t, role("SELECT 1"), o)
	for _, row := range p.Tables[0].Rows {
		for _, c := range row.Cells {
			if c.Column == "status_id" && *c.Value != "3" {
				t.Errorf("with the plan's grants an order of status %s is planned", *c.Value)
			}
		}
	}
	o.Tables = nil
	p, err := role("REVOKE SELECT (name) ON order_statuses FROM reader_of_orders").Plan(t.Context(), o)
	if p == nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Refused, func(r seeder.Reason) bool {
		return r.Table == "public.orders" && strings.Contains(r.Why, "can't be read") && strings.Contains(r.Why, "name the table")
	}) {
		t.Errorf("orders are not refused\n%s", p.Table())
	}
}
