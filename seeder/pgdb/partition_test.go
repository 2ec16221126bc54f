package pgdb_test

import (
	"strings"
	"testing"
)

// Payments of pagila: partitioned by their date, with foreign keys that only the
// partitions have.
func TestAPlanSaysThatRowsOfPartitionsAreMissing(t *testing.T) {
	payments := `CREATE TABLE payment (payment_id serial, customer_id bigint NOT NULL, paid_at date NOT NULL, PRIMARY KEY (paid_at, payment_id)) PARTITION BY RANGE (paid_at);
		CREATE TABLE payment_old PARTITION OF payment FOR VALUES FROM ('2015-01-01') TO ('2024-01-01');
		CREATE TABLE payment_new PARTITION OF payment FOR VALUES FROM ('2024-01-01') TO ('2031-01-01');
		INSERT INTO payment (customer_id, paid_at) SELECT id, '2023-06-01'::date + (id % 400)::int FROM customers;
		ALTER TABLE payment_old ADD FOREIGN KEY (customer_id) REFERENCES customers;
		ALTER TABLE payment_new ADD FOREIGN KEY (customer_id) REFERENCES customers;`
	db := database(t, customers+payments)
	o := options()
	said := func(o string, warnings []string) {
		t.Helper()
		if w := strings.Join(warnings, "\n"); strings.Count(w, "that only its partitions have") != map[string]int{"family": 1}[o] {
			t.Errorf("%s: the plan says:\n%s", o, w)
		}
	}
	said("no family", plan(t, open(t, "postgres", db, store(t)), o).Tables[0].Warnings)
	o.Family = true
	said("family", plan(t, open(t, "postgres", db, store(t)), o).Tables[0].Warnings)
	query(t, db, "ALTER TABLE payment ADD FOREIGN KEY (customer_id) REFERENCES customers; SELECT 1")
	said("a key of the root", plan(t, open(t, "postgres", db, store(t)), o).Tables[0].Warnings)
}
