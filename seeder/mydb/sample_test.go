package mydb_test

import (
	"strconv"
	"testing"
)

func TestALargeTableIsSampledFromAllOverItsKeysOrFromBothEnds(t *testing.T) {
	db := database(t, `CREATE TABLE by_number (id int NOT NULL PRIMARY KEY, v varchar(20) NOT NULL) ENGINE=InnoDB;
INSERT INTO by_number SELECT seq, concat('v', seq) FROM seq_1_to_30000;
CREATE TABLE by_name (id varchar(20) NOT NULL PRIMARY KEY, n int NOT NULL) ENGINE=InnoDB;
INSERT INTO by_name SELECT lpad(seq, 8, '0'), seq FROM seq_1_to_30000;
CREATE TABLE keyless (n int NOT NULL) ENGINE=InnoDB;
INSERT INTO keyless SELECT seq FROM seq_1_to_30000;
ANALYZE TABLE by_number, by_name, keyless;
`)
	d := open(t, "root", db, store(t)).Database
	cat, err := d.Catalog(t.Context())
	must(t, err)
	for name, parts := range map[string]int{"by_number": 8, "by_name": 2, "keyless": 1} {
		tb, err := cat.Table(name)
		must(t, err)
		s, err := d.Sample(t.Context(), tb, 400, 7)
		must(t, err)
		seen, tenths := map[string]bool{}, map[int]bool{}
		for _, r := range s.Rows {
			seen[*r[0]] = true
			n, err := strconv.Atoi(*r[0])
			must(t, err)
			tenths[n*10/30001] = true
		}
		if len(s.Rows) < 380 || len(s.Rows) > 440 || len(seen) != len(s.Rows) || len(tenths) < parts {
			t.Errorf("%s: %d rows, %d different, from %d tenths of the table; want about 400 from %d", name, len(s.Rows), len(seen), len(tenths), parts)
		}
	}
}

func TestASampleOfATableThatIsLittleLargerStandsForAllOfIt(t *testing.T) {
	db := database(t, `CREATE TABLE orders (id int NOT NULL PRIMARY KEY, v varchar(20) NOT NULL) ENGINE=InnoDB;
INSERT INTO orders SELECT seq, concat('v', seq) FROM seq_1_to_1500;
ANALYZE TABLE orders;
`)
	d := open(t, "root", db, store(t)).Database
	cat, err := d.Catalog(t.Context())
	must(t, err)
	tb, err := cat.Table("orders")
	must(t, err)
	s, err := d.Sample(t.Context(), tb, 1000, 7)
	must(t, err)
	late := 0
	for _, r := range s.Rows {
		if n, err := strconv.Atoi(*r[0]); err == nil && n > 1000 {
			late++
		}
	}
	if len(s.Rows) < 700 || len(s.Rows) > 1000 || late < len(s.Rows)/4 || late > len(s.Rows)*5/12 {
		t.Errorf("%d rows, %d of them of the last third; want up to 1000, a third of them", len(s.Rows), late)
	}
}
