package pgdb_test

import (
	"strings"
	"testing"

	"honeyrow/internal/pgserver"
	"honeyrow/seeder"
	"honeyrow/seeder/pgdb"
)

func TestAPlanNamesWhoSeesTheRowsAndWhatAllowsThem(t *testing.T) {
	s, err := pgserver.Start(t.Context(), pgserver.Options{Settings: []string{"shared_preload_libraries = 'pg_stat_statements'"}})
	must(t, err)
	t.Cleanup(s.Stop)
	must(t, s.Exec(t.Context(), "postgres", customers+`CREATE TABLE "odd (x)" (id serial PRIMARY KEY, email text NOT NULL);
		INSERT INTO "odd (x)" (email) SELECT 'p' || i || '@corp.example' FROM generate_series(1, 100) i; ANALYZE;
		CREATE VIEW people AS SELECT id, email FROM customers; CREATE VIEW shorter AS SELECT * FROM people WHERE id > 5; CREATE MATERIALIZED VIEW monthly AS SELECT * FROM shorter; CREATE VIEW others AS SELECT 1 AS one;
		CREATE ROLE reports LOGIN; CREATE ROLE web LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reports, web;
		CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset();
		SET ROLE reports; SELECT first_name, email FROM customers WHERE balance > 1; SELECT * FROM "odd (x)"; SET ROLE web; SELECT * FROM customers WHERE id = 7; SELECT count(*) FROM customers;`))
	plan := func(user string) *seeder.Plan {
		db, err := pgdb.Open(t.Context(), s.DSN(user, "postgres"))
		must(t, err)
		t.Cleanup(db.Close)
		o := options()
		o.Tables = []string{"customers", "odd (x)"}
		p, err := (&seeder.Seeder{Database: db, Store: store(t)}).Plan(t.Context(), o)
		must(t, err)
		return p
	}
	p := plan("postgres")
	got := map[string][]string{}
	for _, tp := range p.Tables {
		for _, r := range tp.Readers {
			got[tp.Table] = append(got[tp.Table], r.User+"|"+r.What)
		}
	}
	all := strings.Join(got["customers"], "\n")
	for _, want := range []string{"|view public.people", "|view public.shorter", "|materialized view public.monthly: from its next REFRESH on", "reports|role reports: 1 times, "} {
		if !strings.Contains(all, want) {
			t.Errorf("customers are read by\n%s\nwant %q", all, want)
		}
	}
	if strings.Contains(all, "web") || strings.Contains(all, "others") || len(got["customers"]) != 4 {
		t.Errorf("customers are read by\n%s\nwant nobody who reads one row, or none", all)
	}
	if odd := strings.Join(got["odd (x)"], "\n"); !strings.Contains(odd, "reports|role reports") {
		t.Errorf("the odd table is read by %q", odd)
	}
	text := p.Table()
	_, allow, _ := strings.Cut(text, "allow: ")
	allow, _, _ = strings.Cut(allow, "\n")
	if allow != `[{server: crm, user: "reports", address: ITS_HOST, database: "postgres"}]` {
		t.Fatalf("the allowance is %q in\n%s", allow, text)
	}
	must(t, s.Exec(t.Context(), "postgres", "GRANT INSERT ON ALL TABLES IN SCHEMA public TO web; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO web"))
	if p := plan("web"); !strings.Contains(strings.Join(p.Warnings, "\n"), "grant pg_read_all_stats") {
		t.Errorf("a role that sees no statements of others is not told so: %q", p.Warnings)
	}
}
