package pgdb_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"honeyrow/seeder"
)

func torture(t *testing.T) string {
	t.Helper()
	return database(t, tortureSQL(t))
}

// tortureSQL is the schema as the server has it.
func tortureSQL(t *testing.T) string {
	t.Helper()
	ddl, err := os.ReadFile("testdata/torture.sql")
	must(t, err)
	if n, err := strconv.Atoi(query(t, "postgres", "SHOW server_version_num")); err != nil || n < 150000 {
		return strings.ReplaceAll(string(ddl), " NULLS NOT DISTINCT", "")
	}
	return string(ddl)
}

func TestEveryConstraintOfATortureSchemaIsMetOrTheTableIsRefusedWithTheReason(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, wide())
	if testing.Verbose() {
		t.Log("\n" + p.Table())
	}
	planned := map[string]bool{}
	for _, tp := range p.Tables {
		planned[tp.String()] = true
	}
	for _, want := range []string{
		"public.employees", "public.payroll", "public.accounts", "public.wallets", `Odd "Schema".Api Credentials`,
		"public.card_vault", "public.stays", "public.contacts", "public.secret_people",
	} {
		if !planned[want] {
			t.Errorf("%s is not planned", want)
		}
	}
	refused := map[string]string{}
	for _, r := range append(p.Refused, p.Skipped...) {
		refused[r.Table] = r.Why
	}
	for table, why := range map[string]string{
		"public.full_keys": "used up", "public.empty_people": "empty", "public.letters": "body", "public.mail_outbox": "waiting",
		"public.swallowed": "swallowed", "public.ruled": "rule", "public.people": "view", "public.people_once": "materialized view",
		"public.accounts_eu": "partition",
	} {
		if !strings.Contains(refused[table], why) {
			t.Errorf("%s: reason %q, want one with %q", table, refused[table], why)
		}
	}
	got, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	if len(got.Rows) != p.Rows() {
		t.Fatalf("%d rows planted, want %d", len(got.Rows), p.Rows())
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	must(t, err)
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Fatalf("verify: %+v", ver)
	}
}
