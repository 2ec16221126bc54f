package seedertest

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// agency is people who point at people: customers at the staff that serves them,
// children at the customer whose they are, cards at their owner.
func agency(g Ground) string {
	firsts := strings.Fields("Ann Abe Ada Amy Bea Ben Bob Cal Cid Dan Dee Don Eve Eli Fay Gus Guy Hal Ida Ike Jan Jim Jon Joy Kay Ken Lee Lou Max May")
	lasts := strings.Fields("Barnes Carver Dalton Fowler Glover Harper Inglis")
	var b strings.Builder
	fmt.Fprintf(&b, `CREATE TABLE staff (id %[1]s PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE);
		CREATE TABLE clients (id %[1]s PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE, agent_id %[2]s NOT NULL, FOREIGN KEY (agent_id) REFERENCES staff (id));
		CREATE TABLE children (id %[1]s PRIMARY KEY, client_id %[2]s NOT NULL, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE, FOREIGN KEY (client_id) REFERENCES clients (id));
		CREATE TABLE cards (id %[1]s PRIMARY KEY, client_id %[2]s NOT NULL, holder_name varchar(80) NOT NULL, card_number varchar(19) NOT NULL UNIQUE, FOREIGN KEY (client_id) REFERENCES clients (id));
		`, g.Numbered, g.Number)
	person := func(i, way int) (string, string) {
		return firsts[i%len(firsts)], lasts[(i/len(firsts)+way*i)%len(lasts)]
	}
	for i := range 12 {
		f, l := person(i, 1)
		fmt.Fprintf(&b, "INSERT INTO staff (first_name, last_name, email) VALUES ('%s', '%s', '%s.%s@corp.example');\n", f, l, strings.ToLower(f), strings.ToLower(l))
	}
	for i := range 120 {
		f, l := person(i, 2)
		fmt.Fprintf(&b, "INSERT INTO clients (first_name, last_name, email, agent_id) VALUES ('%s', '%s', '%s.%s%d@corp.example', %d);\n", f, l, strings.ToLower(f), strings.ToLower(l), i, 3+i%4)
		fmt.Fprintf(&b, "INSERT INTO cards (client_id, holder_name, card_number) VALUES (%d, '%s %s', '%s');\n", i+1, f, l, luhn(fmt.Sprintf("40000000%07d", i*7919%9999999)))
		f, l = person(i*7+3, 3)
		fmt.Fprintf(&b, "INSERT INTO children (client_id, first_name, last_name, email) VALUES (%d, '%s', '%s', 'c%d.%s@corp.example');\n", i+1, f, l, i, strings.ToLower(f))
	}
	return b.String()
}

// luhn appends the check digit.
func luhn(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + fmt.Sprint((10-sum%10)%10)
}

func honeyRowsAreOfThePersonsThatRealOnesAreOf(t *testing.T, g Ground) {
	db := g.Database(t, agency(g))
	s := g.Open(t, db, g.Store(t))
	o := Options()
	o.Tables, o.Rows = []string{"staff", "clients", "children", "cards"}, 3
	p := Plan(t, s, o)
	index := map[string]int{}
	for i, tp := range p.Tables {
		index[tp.Table] = i
	}
	cell := func(row *seeder.RowPlan, column string) *seeder.Cell {
		for _, c := range row.Cells {
			if c.Column == column {
				return c
			}
		}
		t.Fatalf("no column %s", column)
		return nil
	}
	name := func(row *seeder.RowPlan) string {
		return *cell(row, "first_name").Value + " " + *cell(row, "last_name").Value
	}
	rows := func(table string) []*seeder.RowPlan { return p.Tables[index[table]].Rows }
	taken := map[string]string{}
	for _, table := range []string{"staff", "clients", "children"} {
		for _, row := range rows(table) {
			if of := taken[name(row)]; of != "" {
				t.Errorf("a honey row of %s is called as one of %s: %s", table, of, name(row))
			}
			taken[name(row)] = table
		}
	}
	for _, row := range rows("clients") { // each of the staff serves thirty
		if c := cell(row, "agent_id"); c.Source == seeder.Honey {
			t.Errorf("the agent of %s is a honey row", name(row))
		}
	}
	for _, row := range rows("children") { // shown to nobody real
		if c := cell(row, "client_id"); c.Source != seeder.Honey {
			t.Errorf("the parent of %s is %s, want a honey row", name(row), c.Source)
		}
	}
	for _, row := range rows("cards") {
		of := cell(row, "client_id").Ref
		if of == nil || of.Table != index["clients"] || *cell(row, "holder_name").Value != name(rows("clients")[of.Row]) {
			t.Errorf("the card of %s is no honey client's of that name", *cell(row, "holder_name").Value)
		}
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
}
