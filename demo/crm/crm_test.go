package crm

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
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
		if !account.MatchString(r[6]) {
			t.Fatalf("%s could be a real account", r[6])
		}
	}
}

func TestCustomersNumbersRiseSkipThoseWhoLeftAndSomePhonesAreKeptForFiction(t *testing.T) {
	d, err := Generate(Options{Seed: 1, Customers: 2000})
	if err != nil {
		t.Fatal(err)
	}
	fiction := regexp.MustCompile(`^\+1 \d{3} 555 01\d\d$|^\+44 (163 296|770 090) 0\d{3}$|^\+49 (40669690?|3023125|6990009)\d{3}$`)
	shy, missing := 0, [2]int{} // ids, customer numbers
	last := [2]int{0, 100000}
	for i, r := range d.Table("customers").Rows {
		var now [2]int
		if _, err := fmt.Sscanf(r[0]+" "+r[1], "%d C-%06d", &now[0], &now[1]); err != nil {
			t.Fatal(err)
		}
		for k := range now {
			if now[k] <= last[k] {
				t.Fatalf("customer %d follows %v with %v", i, last, now)
			}
			missing[k] += now[k] - last[k] - 1
		}
		if now[1]-last[1] != 1 && now[1]-last[1] != now[0]-last[0] {
			t.Fatalf("customer %d: from %v to %v, want the same steps where customers were deleted", i, last, now)
		}
		last = now
		if fiction.MatchString(r[5]) {
			shy++
		}
	}
	if missing[0] < 200 || missing[1] < 60 || missing[1] > missing[0]-60 {
		t.Errorf("%d ids and %d customer numbers are missing, want some 300 and half of them", missing[0], missing[1])
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

func TestNumbersRiseWithTheDatesOfTheRowsAndSomeAreMissing(t *testing.T) {
	d, err := Generate(Options{Seed: 1, Customers: 1000, Employees: 200, Now: today})
	if err != nil {
		t.Fatal(err)
	}
	for table, date := range map[string]int{"customers": 17, "payment_cards": 9, "orders": 6, "hr.payroll": 2} {
		rows, id, at := d.Table(table).Rows, 0, ""
		for i, r := range rows {
			n, err := strconv.Atoi(r[0])
			if err != nil || n <= id || r[date] < at {
				t.Fatalf("%s, row %d: %s at %s after %d at %s (%v)", table, i, r[0], r[date], id, at, err)
			}
			id, at = n, r[date]
		}
		if missing := id - len(rows); missing < len(rows)/20 || missing > len(rows)/3 {
			t.Errorf("%s: %d rows, %d numbers are missing", table, len(rows), missing)
		}
	}
	orders := map[string]bool{}
	for _, r := range d.Table("orders").Rows {
		if want := fmt.Sprintf("%s-%06s", r[6][:4], r[0]); r[1] != want {
			t.Fatalf("order %s has number %s, want %s", r[0], r[1], want)
		}
		orders[r[0]] = true
	}
	for _, r := range d.Table("order_items").Rows {
		if !orders[r[0]] {
			t.Fatalf("an item of order %s, which is not there", r[0])
		}
	}
}
