package seedertest

import (
	"fmt"
	"testing"

	"honeyrow/seeder"
)

// paid gives most customers one to four salaries, all to one account and under the
// customer's own name and address in capitals.
const paid = `DELETE FROM customers WHERE id %% 9 = 4;
CREATE TABLE salaries (id %[1]s PRIMARY KEY, customer_id %[2]s NOT NULL, holder_email varchar(90) NOT NULL, iban varchar(34) NOT NULL, tax_id varchar(20) NOT NULL,
	valid_from date NOT NULL, annual_salary decimal(10,2) NOT NULL, CONSTRAINT earns FOREIGN KEY (customer_id) REFERENCES customers (id));
` + payOf1 + payOf2 + payOf3 + payOf4

const (
	payOf1 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT id, upper(email), concat('DE4050', 1000000000000000 + id * 7919031), concat('***-**-', 1000 + id * 7 %% 9000), '2022-03-01', 30000 + 50 * (id * 37 %% 400) FROM customers;` + "\n"
	payOf2 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2023-03-01', annual_salary + 50 * (10 + customer_id %% 17) FROM salaries WHERE valid_from = '2022-03-01' AND customer_id %% 4 > 0;` + "\n"
	payOf3 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2024-03-01', annual_salary + 50 * (10 + customer_id %% 13) FROM salaries WHERE valid_from = '2023-03-01' AND customer_id %% 4 > 1;` + "\n"
	payOf4 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2025-03-01', annual_salary + 50 * (10 + customer_id %% 11) FROM salaries WHERE valid_from = '2024-03-01' AND customer_id %% 4 > 2;` + "\n"
)

func relativesOfOneRowAgreeWithOneAnother(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(paid, g.Numbered, g.Number))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Tables, o.Rows, o.Keys, o.Family = []string{"customers"}, 12, "gaps", true
	p := Plan(t, s, o)
	if len(p.Tables) != 2 || p.Tables[1].Table != "salaries" || len(p.Tables[1].Rows) < 20 {
		t.Fatalf("the plan has no relatives:\n%s", p.Table())
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	for _, c := range []struct{ what, sql string }{
		{"people have two accounts", "SELECT count(*) FROM (SELECT customer_id FROM salaries GROUP BY customer_id HAVING count(DISTINCT iban) > 1) x"},
		{"people have two tax numbers", "SELECT count(*) FROM (SELECT customer_id FROM salaries GROUP BY customer_id HAVING count(DISTINCT tax_id) > 1) x"},
		{"accounts are two people's", "SELECT count(*) FROM (SELECT iban FROM salaries GROUP BY iban HAVING count(DISTINCT customer_id) > 1) x"},
		{"salaries are of another address than their owner's", "SELECT count(*) FROM salaries s JOIN customers c ON c.id = s.customer_id WHERE s.holder_email <> upper(c.email)"},
	} {
		if got := g.Query(t, db, c.sql); got != "0" {
			t.Errorf("%s %s, no real one", got, c.what)
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK || len(ver.Rows) != p.Rows() {
		t.Errorf("verify: %d rows, all well %t: %+v", len(ver.Rows), ver.OK, ver.Rows)
	}
	g.Exec(t, db, `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary)
		SELECT 1, 'SOMEBODY@ELSE.TEST', max(iban), '***-**-0001', '2025-04-01', 40000 FROM salaries WHERE customer_id % 9 = 4`)
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if ver.OK {
		t.Error("a real row with a honey row's account is not told of")
	}
	g.Exec(t, db, "DELETE FROM salaries WHERE tax_id = '***-**-0001'")
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	for _, r := range gone.Rows {
		if r.State != "removed" {
			t.Errorf("row in %s is %s: %s", r.Table, r.State, r.Why)
		}
	}
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
	NothingWatched(t, st)
}
