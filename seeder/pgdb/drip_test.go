package pgdb_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"honeyrow/seeder"
)

func TestADrippedRowLeavesNoGapInTheHeapAndAmongTransactions(t *testing.T) {
	// Its transactions would count too.
	must(t, server.Exec(t.Context(), "postgres", "ALTER SYSTEM SET autovacuum = off"))
	must(t, server.Exec(t.Context(), "postgres", "SELECT pg_reload_conf()"))
	t.Cleanup(func() {
		must(t, server.Exec(context.Background(), "postgres", "ALTER SYSTEM RESET autovacuum"))
		must(t, server.Exec(context.Background(), "postgres", "SELECT pg_reload_conf()"))
	})
	db := database(t, customers)
	st := store(t)
	s := open(t, "postgres", db, st)
	o := options()
	o.Rows = 3
	// A day after the newest of customers.
	now := time.Date(2024, 5, 6, 9, 1, 2, 0, time.UTC)
	s.Now = func() time.Time { return now }
	p := plan(t, s, o)
	_, err := s.StartDrip(t.Context(), p, 24*time.Hour, seeder.DripOptions{Server: "crm", Config: o.Config})
	must(t, err)
	n := 0
	follow := func() {
		n++
		must(t, server.Exec(t.Context(), db, fmt.Sprintf("INSERT INTO customers (first_name, last_name, email, status, created_at) VALUES ('A', 'B', 'next%d@corp.example', 'active', '%s+00')", n, now.Format(time.DateTime))))
	}
	follow()
	_, err = s.Drip(t.Context(), seeder.DripOptions{Server: "crm", Config: o.Config, Wait: func(_ context.Context, until time.Time) error {
		if until.Sub(now) > time.Minute {
			now = now.Add(until.Sub(now) / 2)
			follow()
		}
		now = until
		return nil
	}})
	must(t, err)
	follow()
	const last = "(SELECT * FROM customers ORDER BY id DESC LIMIT 7)"
	for what, sql := range map[string]string{
		"honey rows":   "SELECT count(*) - 3 FROM " + last + " x WHERE email LIKE '%@mail.shop-partners.test'",
		"transactions": "SELECT max(xmin::text::bigint) - min(xmin::text::bigint) - 6 FROM (SELECT xmin, id FROM customers ORDER BY id DESC LIMIT 7) x",
		"heap":         "SELECT max((ctid::text::point)[1]) - min((ctid::text::point)[1]) - 6 FROM (SELECT ctid, id FROM customers ORDER BY id DESC LIMIT 7) x HAVING count(DISTINCT (ctid::text::point)[0]) = 1",
	} {
		if got := query(t, db, sql); got != "0" && got != "" {
			t.Errorf("%s: %s too many or left out", what, got)
		}
	}
}
