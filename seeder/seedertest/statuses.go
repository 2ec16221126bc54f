package seedertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// coded has tables whose statuses are numbers: explained by the table that they point
// at, by one that is called like them, by a comment, and nowhere.
func coded(g Ground) string {
	var buyers, purchases, bookings, dispatches, claims []string
	for i := range 120 {
		buyers = append(buyers, fmt.Sprintf("('b%d@corp.example')", i))
		purchases = append(purchases, fmt.Sprintf("(%d, 'p%d@corp.example', %d, %d)", i+1, i, 10+i, 1+i%5))
		bookings = append(bookings, fmt.Sprintf("('k%d@corp.example', %d, %d)", i, 10+i, 1+i%3))
		dispatches = append(dispatches, fmt.Sprintf("('d%d@corp.example', %d, %d)", i, 10+i, i%4))
		state := 7 // old claims end in one of two states, new ones have another
		switch {
		case i >= 90:
			state = 2
		case i%3 == 0:
			state = 8
		case i%20 == 1:
			state = 5
		}
		claims = append(claims, fmt.Sprintf("('c%d@corp.example', %d, %d)", i, 10+i, state))
	}
	id, key := "(id "+g.Numbered+" PRIMARY KEY, ", strings.ReplaceAll(g.Number, "AUTO_INCREMENT", "")
	inline, beside := "", "COMMENT ON COLUMN dispatches.status IS '0 = new, 1 = in progress, 2 = done; 3: awaiting pickup'"
	if strings.Contains(g.Numbered, "AUTO_INCREMENT") {
		inline, beside = " COMMENT '0 = new, 1 = in progress, 2 = done; 3: awaiting pickup'", "SELECT 1"
	}
	return strings.Join([]string{
		"CREATE TABLE purchase_statuses (id " + key + " PRIMARY KEY, name varchar(20) NOT NULL)",
		"INSERT INTO purchase_statuses VALUES (1, 'new'), (2, 'paid'), (3, 'to ship'), (4, 'completed'), (5, 'cancelled')",
		"CREATE TABLE booking_statuses (id int PRIMARY KEY, label varchar(20) NOT NULL)",
		"INSERT INTO booking_statuses VALUES (1, 'Requested'), (2, 'Expired'), (3, 'On request')",
		"CREATE TABLE buyers " + id + "email varchar(60) NOT NULL)",
		"INSERT INTO buyers (email) VALUES " + strings.Join(buyers, ", "),
		"CREATE TABLE purchases " + id + "buyer_id " + key + " NOT NULL, contact_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, purchase_status_id " + key +
			" NOT NULL, CONSTRAINT bought FOREIGN KEY (buyer_id) REFERENCES buyers (id), CONSTRAINT stands FOREIGN KEY (purchase_status_id) REFERENCES purchase_statuses (id))",
		"INSERT INTO purchases (buyer_id, contact_email, amount, purchase_status_id) VALUES " + strings.Join(purchases, ", "),
		"CREATE TABLE bookings " + id + "guest_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, status int NOT NULL)",
		"INSERT INTO bookings (guest_email, amount, status) VALUES " + strings.Join(bookings, ", "),
		"CREATE TABLE dispatches " + id + "to_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, status smallint NOT NULL" + inline + ")",
		"INSERT INTO dispatches (to_email, amount, status) VALUES " + strings.Join(dispatches, ", "),
		beside,
		"CREATE TABLE claims " + id + "payee_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, status smallint NOT NULL)",
		"INSERT INTO claims (payee_email, amount, status) VALUES " + strings.Join(claims, ", "),
		"",
	}, ";\n")
}

func aStatusThatIsANumberIsReadFromWhatExplainsIt(t *testing.T, g Ground) {
	db := g.Database(t, coded(g))
	s := g.Open(t, db, g.Store(t))
	o := Wide()
	o.Rows = 8
	p := Plan(t, s, o)
	refused := false
	for _, r := range p.Refused {
		refused = refused || strings.HasSuffix(r.Table, "claims") && strings.Contains(r.Why, "said nowhere") && strings.Contains(r.Why, "name the table")
	}
	if !refused {
		t.Errorf("claims, whose status nothing explains, is not refused\n%s", p.Table())
	}
	rest := map[string][]string{
		"purchases.purchase_status_id": {"4", "5"}, "bookings.status": {"2"}, "dispatches.status": {"2"}, "claims.status": {"7", "8"},
	}
	seen := map[string]int{}
	look := func() {
		for _, tp := range p.Tables {
			for _, row := range tp.Rows {
				for _, c := range row.Cells {
					if can := rest[tp.Table+"."+c.Column]; can != nil {
						if seen[tp.Table]++; c.Value == nil || !slices.Contains(can, *c.Value) {
							t.Errorf("a honey row of %s has status %v, want one of %q", tp, c.Value, can)
						}
					}
				}
			}
		}
	}
	look()
	o.Tables = []string{"claims"}
	p = Plan(t, s, o)
	look()
	if all := strings.Join(p.Tables[0].Warnings, "\n"); !strings.Contains(all, "said nowhere") {
		t.Errorf("claims was named, and the plan does not warn: %s", all)
	}
	for _, table := range []string{"purchases", "bookings", "dispatches", "claims"} {
		if seen[table] == 0 {
			t.Errorf("nothing is planted in %s\n%s", table, p.Table())
		}
	}
	o.Tables, o.Family = []string{"buyers"}, true
	p = Plan(t, s, o) // whose purchases come with them
	seen = map[string]int{}
	look()
	if seen["purchases"] == 0 {
		t.Errorf("no buyer brings a purchase\n%s", p.Table())
	}
}
