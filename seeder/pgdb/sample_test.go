package pgdb_test

import (
	"strconv"
	"testing"
)

func TestASampleStandsForTheWholeTable(t *testing.T) {
	db := database(t, `CREATE TABLE little (id int PRIMARY KEY, v text NOT NULL);
INSERT INTO little SELECT n, 'v' || n FROM generate_series(1, 1500) n;
CREATE TABLE large (id int PRIMARY KEY, v text NOT NULL);
INSERT INTO large SELECT n, 'v' || n FROM generate_series(1, 60000) n;
ANALYZE;`)
	d := open(t, "postgres", db, store(t)).Database
	cat, err := d.Catalog(t.Context())
	must(t, err)
	for name, c := range map[string]struct{ rows, limit int }{"public.little": {1500, 1000}, "public.large": {60000, 1000}} {
		tb, err := cat.Table(name)
		must(t, err)
		s, err := d.Sample(t.Context(), tb, c.limit, 7)
		must(t, err)
		late := 0
		for _, r := range s.Rows {
			if n, err := strconv.Atoi(*r[0]); err == nil && n > c.rows*2/3 {
				late++
			}
		}
		if len(s.Rows) < c.limit/2 || len(s.Rows) > c.limit || late < len(s.Rows)/5 || late > len(s.Rows)/2 {
			t.Errorf("%s: %d rows, %d of them of the last third; want up to %d, a third of them", name, len(s.Rows), late, c.limit)
		}
		again, err := d.Sample(t.Context(), tb, c.limit, 7)
		must(t, err)
		if len(again.Rows) != len(s.Rows) || *again.Rows[0][0] != *s.Rows[0][0] {
			t.Errorf("%s: the same seed gave another sample", name)
		}
	}
}
