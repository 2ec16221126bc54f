package pgdb_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"honeyrow/seeder"
)

// Numbers among the last that were given may be held by who has not come to an
// end: a long import, a transaction that is prepared.
func TestTheLastNumbersAreTakenOnlyWhereNobodyCanHoldOne(t *testing.T) {
	db := database(t, customers+`
		UPDATE customers SET created_at = '2024-01-01'::timestamptz + id * interval '6 hours 7 seconds';
		DELETE FROM customers WHERE id > 950 AND id % 5 = 0; ANALYZE;`)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Tables, o.Rows, o.Keys = []string{"customers"}, 4, "gaps"
	planned := func() string {
		for _, c := range plan(t, s, o).Tables[0].Columns {
			if c.Name == "id" {
				return string(c.Source)
			}
		}
		return "no key"
	}
	if got := planned(); got != string(seeder.Gap) {
		t.Fatalf("with nobody there keys come from: %s, want gaps", got)
	}
	c, err := pgx.Connect(t.Context(), server.DSN("postgres", db))
	must(t, err)
	defer c.Close(t.Context())
	for what, sql := range map[string]string{
		"draws":  "SELECT nextval('customers_id_seq')",
		"writes": "UPDATE customers SET city = city WHERE id = 1",
	} {
		tx, err := c.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), sql)
		must(t, err)
		if got := planned(); got == string(seeder.Gap) {
			t.Errorf("while somebody %s, keys come from gaps among the last", what)
		}
		must(t, tx.Rollback(t.Context()))
		if got := planned(); got != string(seeder.Gap) {
			t.Errorf("when nobody %s any more, keys come from: %s, want gaps", what, got)
		}
	}
	// A reader is nobody to wait for.
	tx, err := c.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "SELECT id FROM customers WHERE id = 1 FOR SHARE")
	must(t, err)
	if got := planned(); got != string(seeder.Gap) {
		t.Errorf("beside a reader keys come from: %s, want gaps", got)
	}
	must(t, tx.Rollback(t.Context()))
}
