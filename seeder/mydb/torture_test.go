package mydb_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
)

// tortureFor leaves out what MySQL does not have (Aria, a table's history, sequences)
// and a default that it takes in a loose sql_mode only, and puts its own in their place.
func tortureFor(r myserver.Release, ddl string) string {
	if r.Kind != myserver.MySQL {
		return ddl
	}
	if r.OldMySQL() { // neither invisible columns nor expressions as defaults; it reads checks and forgets them
		ddl = strings.NewReplacer(" INVISIBLE", "", "DEFAULT nextval(tickets)", "AUTO_INCREMENT").Replace(ddl)
	}
	return strings.NewReplacer(
		"'0000-00-00 00:00:00.000'", "'1000-01-01 00:00:00.000'", "=Aria", "=MEMORY", " WITH SYSTEM VERSIONING", "",
		"CREATE SEQUENCE tickets START WITH 500;\n", "", "DEFAULT nextval(tickets)", "DEFAULT (500 + floor(rand() * 1000000000))",
	).Replace(ddl)
}

func torture(t *testing.T) string {
	t.Helper()
	ddl, err := os.ReadFile("testdata/torture.sql")
	must(t, err)
	return database(t, tortureFor(server.Release, string(ddl)))
}

func TestEveryConstraintOfATortureSchemaIsMetOrTheTableIsRefusedWithTheReason(t *testing.T) {
	db := torture(t)
	st := store(t)
	s := open(t, "root", db, st)
	p := plan(t, s, wide())
	if testing.Verbose() {
		t.Log("\n" + p.Table())
	}
	planned := map[string]bool{}
	for _, tp := range p.Tables {
		planned[tp.String()] = true
	}
	for _, want := range []string{"employees", "payroll", "accounts", "users", "wallets", "Api `Credentials", "card_vault", "guests"} {
		if !planned[want] {
			t.Errorf("%s is not planned", want)
		}
	}
	refused := map[string]string{}
	for _, r := range append(p.Refused, p.Skipped...) {
		refused[r.Table] = r.Why
	}
	reasons := map[string]string{
		"full_keys": "used up", "empty_people": "empty", "letters": "body", "mail_outbox": "waiting", "people": "view",
		"legacy_members": "MyISAM", "logged_members": "old_log",
	}
	maps.Copy(reasons, map[myserver.Kind]map[string]string{
		myserver.MariaDB: {"history_people": "history", "aria_members": "Aria"},
		myserver.MySQL:   {"aria_members": "MEMORY"},
	}[server.Kind])
	for table, why := range reasons {
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
