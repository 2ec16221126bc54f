package seedertest

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// hanging has people and their accounts.
func hanging(g Ground) string {
	var people, accounts []string
	for i := range 90 {
		people = append(people, fmt.Sprintf("('Pat Number%c%c', 'p%d@corp.example')", 'a'+i%26, 'a'+i/26, i))
		accounts = append(accounts, fmt.Sprintf("(%d, 'a%d@corp.example', '%032x')", i+1, i, i*7919+1))
	}
	id, key := "(id "+g.Numbered+" PRIMARY KEY, ", strings.ReplaceAll(g.Number, "AUTO_INCREMENT", "")
	return strings.Join([]string{
		"CREATE TABLE people " + id + "name varchar(60) NOT NULL, email varchar(60) NOT NULL)",
		"INSERT INTO people (name, email) VALUES " + strings.Join(people, ", "),
		"CREATE TABLE logins " + id + "person_id " + key + " NOT NULL, contact_email varchar(60) NOT NULL, password_hash char(32) NOT NULL, CONSTRAINT whose FOREIGN KEY (person_id) REFERENCES people (id))",
		"INSERT INTO logins (person_id, contact_email, password_hash) VALUES " + strings.Join(accounts, ", "),
		"",
	}, ";\n")
}

func aRowThatComesInsteadHangsOnTheSameHoneyRow(t *testing.T, g Ground) {
	db := g.Database(t, hanging(g))
	st := g.Store(t)
	s := g.Open(t, db, st)
	o := Options()
	o.Rows, o.Tables = 3, []string{"people", "logins"}
	_, err := s.Apply(t.Context(), Plan(t, s, o), seeder.ApplyOptions{})
	Must(t, err)
	const strangers = "SELECT count(*) FROM logins l JOIN people p ON p.id = l.person_id WHERE (l.contact_email LIKE '%mail.shop-partners.test') AND (p.email NOT LIKE '%mail.shop-partners.test')"
	if n := g.Query(t, db, strangers); n != "0" {
		t.Fatalf("%s honey logins are planted at real people", n)
	}
	got, err := s.Rotate(t.Context(), rotateOptions(seeder.Anew))
	Must(t, err)
	replaced := 0
	for _, r := range got.Rows {
		if r.State == "replaced" && strings.HasSuffix(r.Table, "logins") {
			replaced++
		}
	}
	if n := g.Query(t, db, strangers); replaced != 3 || n != "0" {
		t.Errorf("%d logins are replaced, want 3; %s new ones hang on real people", replaced, n)
	}
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if n := g.Query(t, db, "SELECT count(*) FROM people") + " " + g.Query(t, db, "SELECT count(*) FROM logins"); n != "90 90" {
		t.Errorf("%s rows are left, want 90 90", n)
	}
}

// payees has people, and payments to them that all go to the person's own token.
func payees(g Ground) string {
	var people, payments []string
	for i := range 90 {
		people = append(people, fmt.Sprintf("('p%d@corp.example')", i))
		for n := range 3 {
			payments = append(payments, fmt.Sprintf("(%d, 'tok_%032x', %d.%d, 'paid')", i+1, i*7919+1, 10+i, n))
		}
	}
	id, key := "(id "+g.Numbered+" PRIMARY KEY, ", strings.ReplaceAll(g.Number, "AUTO_INCREMENT", "")
	return strings.Join([]string{
		"CREATE TABLE members " + id + "email varchar(60) NOT NULL)",
		"INSERT INTO members (email) VALUES " + strings.Join(people, ", "),
		"CREATE TABLE payments " + id + "member_id " + key + " NOT NULL, api_key varchar(40) NOT NULL, amount decimal(8,2) NOT NULL, status varchar(9) NOT NULL, CONSTRAINT of_whom FOREIGN KEY (member_id) REFERENCES members (id))",
		"INSERT INTO payments (member_id, api_key, amount, status) VALUES " + strings.Join(payments, ", "),
		"",
	}, ";\n")
}

// What the relatives of one row share, a rotation must not give one of them alone.
func whatRelativesShareIsNotGivenOneOfThem(t *testing.T, g Ground) {
	db := g.Database(t, payees(g))
	s := g.Open(t, db, g.Store(t))
	o := Options()
	o.Rows, o.Tables, o.Family = 3, []string{"members"}, true
	_, err := s.Apply(t.Context(), Plan(t, s, o), seeder.ApplyOptions{})
	Must(t, err)
	const kinds = "SELECT count(*) FROM (SELECT p.member_id, count(DISTINCT p.api_key) n, count(*) m FROM payments p JOIN members m ON m.id = p.member_id AND m." + ours + " GROUP BY p.member_id) x WHERE "
	if n := g.Query(t, db, kinds+"n = 1 AND m > 1"); n != "3" {
		t.Fatalf("%s honey members have several payments with one token, want 3", n)
	}
	for _, how := range []seeder.How{seeder.InPlace, seeder.Anew} {
		got, err := s.Rotate(t.Context(), rotateOptions(how))
		Must(t, err)
		payments := 0
		for _, r := range got.Rows {
			if strings.HasSuffix(r.Table, "payments") {
				if payments++; r.State != "kept" || how == seeder.Anew && !strings.Contains(r.Why, "as rows of one family do, it holds in api_key") {
					t.Errorf("%s: a payment is %s: %s", how, r.State, r.Why)
				}
			}
		}
		if n := g.Query(t, db, kinds+"n > 1"); n != "0" || payments < 6 {
			t.Errorf("%s: %s honey members have payments with several tokens, of %d payments", how, n, payments)
		}
	}
}
