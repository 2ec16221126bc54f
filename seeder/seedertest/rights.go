package seedertest

import (
	"testing"

	"honeyrow/seeder"
	"honeyrow/token"
)

// aRoleWithThePlansRightsLivesThroughItAll has everything done by a role that has
// nothing but what a plan printed: the plan itself, too.
func aRoleWithThePlansRightsLivesThroughItAll(t *testing.T, g Ground) {
	for _, family := range []bool{false, true} {
		db := g.Database(t, g.Customers+`CREATE TABLE orders (id `+g.Numbered+` PRIMARY KEY, customer_id `+g.Number+` NOT NULL, total numeric(10,2) NOT NULL, placed_on date NOT NULL, CONSTRAINT buys FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO orders (customer_id, total, placed_on) SELECT id, id, date(created_at) FROM customers;
`)
		before := g.Content(t, db)
		o := Options()
		o.Tables, o.Rows, o.Family = []string{"customers"}, 3, family
		granted := Plan(t, g.Open(t, db, g.Store(t)), o).Grants
		st := g.Store(t)
		s := g.Granted(t, db, granted, st)
		p := Plan(t, s, o)
		if family != (len(p.Tables) == 2) {
			t.Fatalf("family %v: %d tables are planned", family, len(p.Tables))
		}
		_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
		Must(t, err)
		_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
		Must(t, err)
		ways := []seeder.How{seeder.InPlace}
		if !family { // another row does not come instead of one that is pointed at
			ways = append(ways, seeder.Anew)
		}
		for _, how := range ways {
			ro := rotateOptions(how)
			ro.Plan.Tables, ro.Plan.Family = o.Tables, family
			got, err := s.Rotate(t.Context(), ro)
			Must(t, err)
			changed := 0
			for _, r := range got.Rows {
				if r.Table == p.Tables[0].String() && (r.State == "updated" || r.State == "replaced") && r.Why == "" {
					changed++
				}
			}
			if changed != 3 {
				t.Errorf("family %v, %s: %+v", family, how, got.Rows)
			}
		}
		vo := Options()
		ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm", Measure: &vo})
		Must(t, err)
		if !ver.OK || len(ver.Rows) != p.Rows() || len(ver.Camouflage) == 0 {
			t.Errorf("family %v: %+v", family, ver)
		}
		rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
		Must(t, err)
		for _, r := range rem.Rows {
			if r.State != "removed" {
				t.Errorf("family %v: %s of %s is %s: %s", family, r.Key, r.Table, r.State, r.Why)
			}
		}
		if g.Content(t, db) != before || len(tokensOf(t, st, token.Live)) != 0 {
			t.Errorf("family %v: something is left", family)
		}
	}
}
