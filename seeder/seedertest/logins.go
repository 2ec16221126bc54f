package seedertest

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

// numbered is a table whose addresses are an initial and a last name, with a number
// for those who came later with the same: of most there are several.
func numbered(g Ground) string {
	firsts := strings.Fields("Ann Abe Ada Amy Bea Ben Bob Cal Cid Dan Dee Don Eve Eli Fay Gus Guy Hal Ida Ike Jan Jim Jon Joy Kay Ken Lee Lou Max May")
	lasts := strings.Fields("Barnes Carver Dalton Fowler")
	var rows []string
	seen := map[string]int{}
	for i := range 80 { // no first and last name twice
		f, l := firsts[i%len(firsts)], lasts[i/len(firsts)+i%2]
		login := strings.ToLower(f[:1] + l)
		if seen[login]++; seen[login] > 1 {
			login += fmt.Sprint(seen[login])
		}
		rows = append(rows, fmt.Sprintf("('%s', '%s', '%s@corp.example')", f, l, login))
	}
	return fmt.Sprintf("CREATE TABLE staff (id %s PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE); INSERT INTO staff (first_name, last_name, email) VALUES %s", g.Numbered, strings.Join(rows, ", "))
}

func addressesAreNumberedAsTheTableNumbersThem(t *testing.T, g Ground) {
	db := g.Database(t, numbered(g))
	s := g.Open(t, db, g.Store(t))
	o := Options()
	o.Tables, o.Rows, o.Domain = []string{"staff"}, 16, seeder.Domains{"corp.example"}
	p := Plan(t, s, o)
	held := func(email string) bool {
		return g.Query(t, db, "SELECT count(*) FROM staff WHERE email = '"+email+"'") == "1"
	}
	n := 0
	for _, row := range p.Tables[0].Rows {
		for _, c := range row.Cells {
			if c.Column != "email" {
				continue
			}
			if first, is := generate.Unnumbered(*c.Value); is {
				if n++; !held(first) {
					t.Errorf("%s has a number, and nobody is %s", *c.Value, first)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no honey row's address bears a number: names that are taken were drawn again")
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
}
