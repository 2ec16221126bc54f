package mydb_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder"
)

func TestASearchForVeryManyValuesFindsWhatOneForFewFinds(t *testing.T) {
	const held = `CREATE TABLE %[1]s (id int PRIMARY KEY, short varchar(30), padded char(30), body text, n bigint, amount decimal(12,2), looked varchar(30), raw binary(4), d date, KEY (looked));
		INSERT INTO %[1]s SELECT seq, concat('short-', seq), concat('padded-', seq), concat('long-', seq), 4000000000 + seq, seq + 0.25, concat('indexed-', seq), unhex(lpad(hex(seq), 8, '0')), date '2020-01-01' + interval seq day FROM seq_1_to_%[2]d;
		INSERT INTO %[1]s (id, body) VALUES (100000, repeat('y', 60000)); ANALYZE TABLE %[1]s;`
	db := database(t, fmt.Sprintf(held, "small", 300)+fmt.Sprintf(held, "large", 14000))
	s := open(t, "root", db, store(t))
	cat, err := s.Database.Catalog(t.Context())
	must(t, err)
	f := s.Database.(seeder.Finder)
	values := []string{"short-7", "SHORT-8", "padded-9", "long-300", "4000000011", "12.25", "indexed-3", "indexed-300", `\x00000005`, "nowhere", "2020-01-15"}
	columns := []string{"short", "padded", "body", "n", "amount", "looked", "raw", "d"}
	many := slices.Clone(values)
	for i := range 11_000 {
		many = append(many, fmt.Sprintf("filler-%d", i))
	}
	for _, name := range []string{"small", "large"} { // one is read whole, of the other the columns without an index
		tb, err := cat.Table(name)
		must(t, err)
		few, err := f.Find(t.Context(), tb, columns, seeder.Seek(values), time.Minute)
		must(t, err)
		got, err := f.Find(t.Context(), tb, columns, seeder.Seek(many), time.Minute)
		must(t, err)
		if seeder.Seek(many).Sift(tb.Rows) != (name == "small") {
			t.Errorf("%s, of about %d rows, is not searched as it should be", name, tb.Rows)
		}
		if want := 9; len(few) != want || !slices.Equal(sortedSpots(got), sortedSpots(few)) {
			t.Errorf("%s, among many: %v\namong few (%d wanted): %v", name, sortedSpots(got), want, sortedSpots(few))
		}
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
