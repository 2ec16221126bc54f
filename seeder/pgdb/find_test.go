package pgdb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder"
)

func TestASearchForVeryManyValuesFindsWhatOneForFewFinds(t *testing.T) {
	db := database(t, `CREATE TABLE held (id int PRIMARY KEY, short varchar(30), padded char(30), long text, n bigint, amount numeric(12,2), indexed text, d date);
		CREATE INDEX ON held (indexed);
		INSERT INTO held SELECT i, 'short-' || i, 'padded-' || i, 'long-' || i, 4000000000 + i, i + 0.25, 'indexed-' || i, '2020-01-01'::date + i FROM generate_series(1, 300) i;
		INSERT INTO held (id, long) VALUES (1000, repeat('y', 100000)); ANALYZE held;`)
	s := open(t, "postgres", db, store(t))
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("held")
	must(t, err)
	f := s.Database.(seeder.Finder)
	values := []string{"short-7", "short-77x", "padded-9", "long-300", "4000000011", "12.25", "indexed-3", "indexed-300", "nowhere", "2020-01-15"}
	columns := []string{"short", "padded", "long", "n", "amount", "indexed", "d"}
	few, err := f.Find(t.Context(), tb, columns, seeder.Seek(values), time.Minute)
	must(t, err)
	many := slices.Clone(values)
	for i := range 3000 {
		many = append(many, fmt.Sprintf("filler-%d", i))
	}
	if sought := seeder.Seek(many); seeder.Seek(values).Sift(tb.Rows) || !sought.Sift(tb.Rows) {
		t.Fatalf("%d and %d values are looked for in the same way", len(values), len(many))
	}
	got, err := f.Find(t.Context(), tb, columns, seeder.Seek(many), time.Minute)
	must(t, err)
	if want := 8; len(few) != want || !slices.Equal(sortedSpots(got), sortedSpots(few)) {
		t.Errorf("among many: %v\namong few (%d wanted): %v", sortedSpots(got), want, sortedSpots(few))
	}
}

func sortedSpots(in []seeder.Spot) []string {
	var out []string
	for _, s := range in {
		out = append(out, s.Column+" "+s.Value)
	}
	slices.Sort(out)
	return out
}
