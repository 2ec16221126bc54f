package mydb_test

import (
	"strings"
	"testing"

	"honeyrow/seeder/mydb"
)

func TestRightsAreReadFromSHOWGRANTS(t *testing.T) {
	g := mydb.ParseGrants([]string{
		"GRANT PROCESS, REPLICATION SLAVE ON *.* TO `s`@`%` IDENTIFIED BY PASSWORD '*0123'",
		"GRANT `readers` TO `s`@`%`",
		"GRANT PROXY ON ''@'' TO 's'@'%' WITH GRANT OPTION",
		"GRANT SELECT ON `shop\\_%`.* TO `s`@`%`",
		"GRANT SELECT (`id`, `a,b) ON x`), INSERT ON `shop_a`.`odd ``name` TO `s`@`%` WITH GRANT OPTION",
		"GRANT DELETE, TRIGGER ON `Shop`.`t` TO `s`@`%`",
	})
	for _, tc := range []struct {
		right, db, table string
		want             bool
	}{
		{"PROCESS", "", "", true},
		{"PROCESS", "any", "t", true},
		{"SUPER", "", "", false},
		{"SELECT", "shop_a", "t", true},
		{"SELECT", "shopxa", "t", false},
		{"SELECT()", "shop_a", "odd `name", true},
		{"INSERT", "shop_a", "odd `name", true},
		{"INSERT", "shop_a", "t", false},
		{"TRIGGER", "Shop", "t", true},
		{"TRIGGER", "Shop", "u", false},
	} {
		if got := g.Has(tc.right, tc.db, tc.table); got != tc.want {
			t.Errorf("%s on %s.%s: %t, want %t", tc.right, tc.db, tc.table, got, tc.want)
		}
	}
	g = mydb.ParseGrants([]string{"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`"})
	if !g.Has("DELETE", "shop", "t") || !g.Has("SUPER", "", "") {
		t.Error("all privileges are not all")
	}
	// MySQL 8: a partial revoke.
	g = mydb.ParseGrants([]string{"GRANT SELECT, INSERT ON *.* TO `s`@`%`", "REVOKE SELECT ON `shop`.* FROM `s`@`%`"})
	if g.Has("SELECT", "shop", "t") || !g.Has("SELECT", "other", "t") || !g.Has("INSERT", "shop", "t") {
		t.Error("a partial revoke is not heeded")
	}
}

func FuzzGrants(f *testing.F) {
	f.Add("GRANT SELECT (`id`, `a`), INSERT ON `db`.`t` TO `u`@`%`")
	f.Add("REVOKE SELECT ON `shop\\_%`.* FROM `s`@`%`")
	f.Fuzz(func(t *testing.T, line string) {
		for object, rights := range mydb.ParseGrants([]string{line}) {
			if !strings.Contains(object, ".") {
				t.Fatalf("object %q", object)
			}
			for right, held := range rights {
				if db, table, _ := strings.Cut(object, "."); held && db == "*" && table == "*" && !mydb.ParseGrants([]string{line}).Has(right, "d", "t") {
					t.Fatalf("%q on everything is not had on a table", right)
				}
			}
		}
	})
}
