package crm

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/internal/pgserver"
)

var today = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestTheSameSeedMakesTheSameBusiness(t *testing.T) {
	a, err := Generate(Options{Seed: 7, Customers: 300, Now: today})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Generate(Options{Seed: 7, Customers: 300, Now: today})
	c, _ := Generate(Options{Seed: 8, Customers: 300, Now: today})
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs with one seed differ")
	}
	if reflect.DeepEqual(a.Table("customers"), c.Table("customers")) {
		t.Error("another seed makes the same customers")
	}
}

func TestNoAddressOrAccountOfTheDemoIsAnybodys(t *testing.T) {
	d, err := Generate(Options{Seed: 1, Customers: 2000, Now: today})
	if err != nil {
		t.Fatal(err)
	}
	domains := map[string]bool{}
	for _, r := range d.Table("customers").Rows {
		email := r[4]
		if !strings.HasSuffix(email, ".example") {
			t.Fatalf("%s is outside .example", email)
		}
		domains[email[strings.IndexByte(email, '@'):]] = true
	}
	if len(domains) < 100 {
		t.Errorf("%d mail domains, want at least 100", len(domains))
	}
	account := regexp.MustCompile(`^DE\d\d9\d{17}$`)
	for _, r := range d.Table("hr.payroll").Rows {
		if !account.MatchString(r[5]) {
			t.Fatalf("%s could be a real account", r[5])
		}
	}
}

func TestCustomersAreNumberedOneAfterAnotherAndSomeHaveNumbersKeptForFiction(t *testing.T) {
	d, err := Generate(Options{Seed: 1, Customers: 2000})
	if err != nil {
		t.Fatal(err)
	}
	fiction := regexp.MustCompile(`^\+1 \d{3} 555 01\d\d$|^\+44 (163 296|770 090) 0\d{3}$|^\+49 (40669690?|3023125|6990009)\d{3}$`)
	shy := 0
	for i, r := range d.Table("customers").Rows {
		if want := fmt.Sprintf("C-%06d", 100001+i); r[1] != want {
			t.Fatalf("customer %d has number %s, want %s", i, r[1], want)
		}
		if fiction.MatchString(r[5]) {
			shy++
		}
	}
	if shy < 50 || shy > 400 {
		t.Errorf("%d of 2000 customers have a number kept for fiction, want some 120", shy)
	}
}

func TestGitHubTokensCarryTheirChecksum(t *testing.T) {
	// A token that GitHub published as an example, long expired: ghp_ + 30 + 6.
	if got := base62sum("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"); got != "0mLq17" {
		t.Fatalf("checksum = %q, want 0mLq17", got)
	}
}

func TestTheBusinessLoadsIntoPostgreSQL(t *testing.T) {
	ctx := context.Background()
	s, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	d, err := Generate(Options{Seed: 1, Customers: 1500, Now: today})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, s.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	passwords := map[string]string{}
	for _, r := range Roles {
		passwords[r] = "it's " + r
	}
	if err := Load(ctx, conn, d, passwords); err != nil {
		t.Fatal(err)
	}
	for _, table := range d.Tables {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+table.Name).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n != len(table.Rows) || n == 0 {
			t.Errorf("%s has %d rows, want %d", table.Name, n, len(table.Rows))
		}
	}
	// The next customer gets an id of its own.
	var id, most int64
	err = conn.QueryRow(ctx, `WITH new AS (INSERT INTO customers (customer_no, first_name, last_name, email, street, postal_code, city, country)
		VALUES ('C-999999', 'A', 'B', 'a.b@post.example', 'x', '1', 'y', 'DE') RETURNING id)
		SELECT new.id, (SELECT max(id) FROM customers) FROM new`).Scan(&id, &most)
	if err != nil {
		t.Fatal(err)
	}
	if id != most+1 {
		t.Errorf("new id %d after %d", id, most)
	}
	var method string
	err = conn.QueryRow(ctx, "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'crm_app'").Scan(&method)
	if err != nil || method != "SCRAM-SHA-256$" {
		t.Errorf("the password is stored as %q (%v), want a SCRAM verifier", method, err)
	}
}
