package pgdb_test

import (
	"strconv"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// Every ninth customer is missing; numbered counts those who are left without
// gaps, or keeps the gaps.
const numbered = customers + `DELETE FROM customers WHERE id % 9 = 4;
ALTER TABLE customers ADD customer_no text;
UPDATE customers c SET customer_no = 'C-' || (5000 + r.n) FROM (SELECT id, NUMBER AS n FROM customers) r WHERE r.id = c.id;
ALTER TABLE customers ALTER customer_no SET NOT NULL, ADD UNIQUE (customer_no); ANALYZE;`

func TestAKeyAndACounterBesideItAreBothFromOneGapOrBothTheNewest(t *testing.T) {
	for counts, gapped := range map[string]bool{"row_number() OVER (ORDER BY id)": false, "id - (id + 4) / 18": true} {
		db := database(t, strings.Replace(numbered, "NUMBER", counts, 1))
		s := open(t, "postgres", db, store(t))
		top, err := strconv.Atoi(query(t, db, "SELECT max(id) FROM customers"))
		must(t, err)
		o := options()
		o.Tables, o.Rows, o.Keys = []string{"customers"}, 12, "gaps"
		p := plan(t, s, o)
		if told := strings.Contains(p.Table(), "customer_no rises beside id"); told == gapped {
			t.Errorf("%s: the plan says that the counter has no gaps: %t\n%s", counts, told, p.Table())
		}
		if told := strings.Contains(p.Table(), "column customer_no: honey rows take the numbers after the highest"); told == gapped {
			t.Errorf("%s: the plan says that honey rows take the next of the counter: %t\n%s", counts, told, p.Table())
		}
		_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
		must(t, err)
		if n := query(t, db, "SELECT count(*) FROM customers WHERE id > "+strconv.Itoa(top)); n != map[bool]string{true: "0", false: "12"}[gapped] {
			t.Errorf("%s: %s of 12 honey rows have the newest ids, want all where numbers have no gaps, else none", counts, n)
		}
		const against = `SELECT count(*) FROM (SELECT id, created_at, substr(customer_no, 3)::int AS no, lag(substr(customer_no, 3)::int) OVER (ORDER BY id) AS before,
			lag(created_at) OVER (ORDER BY id) AS earlier FROM customers) x WHERE before >= no OR earlier > created_at`
		if n := query(t, db, against); n != "0" {
			t.Errorf("%s: %s rows are out of sequence", counts, n)
		}
	}
}
