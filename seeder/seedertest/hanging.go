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
