package mydb_test

import (
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
)

func TestAPlanNamesWhoSeesTheRows(t *testing.T) {
	s, err := myserver.Start(t.Context(), myserver.Options{Settings: []string{"performance_schema = ON"}})
	must(t, err)
	t.Cleanup(s.Stop)
	must(t, s.Exec(t.Context(), "", "CREATE DATABASE crm"))
	must(t, s.Exec(t.Context(), "crm", statements(customers+`CREATE VIEW people AS SELECT id, email FROM customers;
CREATE VIEW shorter AS SELECT * FROM people WHERE id > 5;
CREATE VIEW others AS SELECT 1 AS one;
`)))
	must(t, s.Exec(t.Context(), "crm", "SELECT first_name, email FROM `customers` WHERE balance > -1; SELECT * FROM customers WHERE id = 7; SELECT count(*) FROM customers"))
	db, err := mydb.Open(t.Context(), s.DSN("root", "", "crm"))
	must(t, err)
	t.Cleanup(db.Close)
	o := options()
	o.Tables = []string{"customers"}
	p, err := (&seeder.Seeder{Database: db, Store: store(t)}).Plan(t.Context(), o)
	must(t, err)
	var got []string
	for _, r := range p.Tables[0].Readers {
		got = append(got, r.What)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"view crm.people", "view crm.shorter", "a statement, 1 times, "} {
		if !strings.Contains(all, want) {
			t.Errorf("customers are read by\n%s\nwant %q", all, want)
		}
	}
	if strings.Contains(all, "others") || strings.Contains(all, "`id` = ?") {
		t.Errorf("customers are read by\n%s", all)
	}
	if text := p.Table(); !strings.Contains(text, `allow: [{server: crm, user: "WHO_READS_IT", address: ITS_HOST, database: "crm"}]`) {
		t.Errorf("the plan has no allowance:\n%s", text)
	}
}
