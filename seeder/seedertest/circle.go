package seedertest

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// circular has companies, each with an owner, and owners, each of a company; each
// owner owns one company. both: each company has one owner, too.
func circular(g Ground, both bool) string {
	var firms, owners []string
	for i := range 90 {
		firms = append(firms, fmt.Sprintf("('billing%d@corp.example', %d)", i, i+1))
		owners = append(owners, fmt.Sprintf("('owner%d@corp.example', %d)", i, i+1))
	}
	id, key := "(id "+g.Numbered+" PRIMARY KEY, ", strings.ReplaceAll(g.Number, "AUTO_INCREMENT", "")
	one := ""
	if both {
		one = ", CONSTRAINT one_owner UNIQUE (company_id)"
	}
	return strings.Join([]string{
		"CREATE TABLE companies " + id + "billing_email varchar(60) NOT NULL, owner_id " + key + " NOT NULL, CONSTRAINT one_company UNIQUE (owner_id))",
		"INSERT INTO companies (billing_email, owner_id) VALUES " + strings.Join(firms, ", "),
		"CREATE TABLE owners " + id + "email varchar(60) NOT NULL, company_id " + key + " NOT NULL" + one + ")",
		"INSERT INTO owners (email, company_id) VALUES " + strings.Join(owners, ", "),
		"ALTER TABLE companies ADD CONSTRAINT owned FOREIGN KEY (owner_id) REFERENCES owners (id)",
		"ALTER TABLE owners ADD CONSTRAINT works FOREIGN KEY (company_id) REFERENCES companies (id)",
		"",
	}, ";\n")
}

// What a refusal and a warning advise has to work.
func tablesThatPointAtEachOtherAreAdvisedWhatWorks(t *testing.T, g Ground) {
	db := g.Database(t, circular(g, false))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Rows, o.Tables = 3, []string{"companies"}
	p, err := s.Plan(t.Context(), o)
	if err == nil || len(p.Refused) != 1 || !strings.Contains(p.Refused[0].Why, "seed owners as well") {
		t.Fatalf("companies alone: %v, %+v; want to be told to seed owners as well", err, p.Refused)
	}
	for _, tables := range [][]string{{"companies", "owners"}, {"owners", "companies"}} {
		o.Tables = tables
		p = Plan(t, s, o)
		if len(p.Tables) != 2 || !strings.HasSuffix(p.Tables[0].Table, "owners") || !strings.Contains(strings.Join(p.Tables[0].Warnings, "\n"), "in a circle") {
			t.Fatalf("%s: want owners, with a warning of the circle, then companies\n%s", tables, p.Table())
		}
		_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
		Must(t, err)
		if n := g.Query(t, db, "SELECT count(*) FROM companies c JOIN owners o ON o.id = c.owner_id WHERE c.billing_"+ours+" AND o."+ours); n != "3" {
			t.Errorf("%s: %s honey companies belong to honey owners, want 3", tables, n)
		}
		rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
		Must(t, err)
		if len(rem.Rows) != 6 || g.Content(t, db) != before {
			t.Errorf("%s: removed %d rows, want 6 and the tables as before", tables, len(rem.Rows))
		}
	}

	db = g.Database(t, circular(g, true))
	s = g.Open(t, db, g.Store(t))
	o.Tables = []string{"companies", "owners"}
	p, err = s.Plan(t.Context(), o)
	const way = "--decoy-tables 1 --tables "
	if err == nil || len(p.Refused) != 2 || !strings.Contains(p.Refused[0].Why+p.Refused[1].Why, way) {
		t.Fatalf("each needs the other's row first: %v, %+v; want the way out", err, p.Refused)
	}
	o.Decoys, o.Tables = 1, []string{"companies"}
	Plan(t, s, o)
}
