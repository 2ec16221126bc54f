package seedertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// entitled has users, of whom some have special rights, and tables whose rows would
// act: who may do what, and payments that wait.
func entitled(g Ground) string {
	var users, given, listed, payouts, transfers []string
	for i := range 90 {
		admin, role, level, rights := 0, 1, 1, "read"
		if i%4 == 3 {
			admin, role, level, rights = 1, 2, 9, "read,write,admin"
		}
		users = append(users, fmt.Sprintf("('u%d@corp.example', '%032x', %s, %d, %d, '%s')", i, i*7919+1, []string{"false", "true"}[admin], role, level, rights))
		given = append(given, fmt.Sprintf("(%d, %d, 'boss%d@corp.example')", i+1, role, i))
		listed = append(listed, fmt.Sprintf("('l%d@corp.example', '%s')", i, []string{"admin", "owner"}[i%2]))
		payouts = append(payouts, fmt.Sprintf("('p%d@corp.example', %d, '%s')", i, 10*i, []string{"pending", "scheduled"}[i%2]))
		transfers = append(transfers, fmt.Sprintf("('t%d@corp.example', %d, '%s')", i, 10*i, []string{"pending", "completed", "scheduled"}[i%3]))
	}
	id := "(id " + g.Numbered + " PRIMARY KEY, "
	key := strings.ReplaceAll(g.Number, "AUTO_INCREMENT", "")
	return strings.Join([]string{
		"CREATE TABLE roles " + id + "name varchar(20) NOT NULL)",
		"INSERT INTO roles (name) VALUES ('user'), ('admin')",
		"CREATE TABLE app_accounts " + id + "email varchar(60) NOT NULL, password_hash char(32) NOT NULL, is_admin boolean NOT NULL, role_id " + key + " NOT NULL, access_level smallint NOT NULL, permissions varchar(60) NOT NULL, CONSTRAINT plays FOREIGN KEY (role_id) REFERENCES roles (id))",
		"INSERT INTO app_accounts (email, password_hash, is_admin, role_id, access_level, permissions) VALUES " + strings.Join(users, ", "),
		"CREATE TABLE entitlements " + id + "account_id " + key + " NOT NULL, role_id " + key + " NOT NULL, given_by_email varchar(60) NOT NULL)",
		"INSERT INTO entitlements (account_id, role_id, given_by_email) VALUES " + strings.Join(given, ", "),
		"CREATE TABLE insiders " + id + "email varchar(60) NOT NULL, role varchar(20) NOT NULL)",
		"INSERT INTO insiders (email, role) VALUES " + strings.Join(listed, ", "),
		"CREATE TABLE payouts " + id + "payee_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, status varchar(20) NOT NULL)",
		"INSERT INTO payouts (payee_email, amount, status) VALUES " + strings.Join(payouts, ", "),
		"CREATE TABLE transfers " + id + "payee_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, status varchar(20) NOT NULL)",
		"INSERT INTO transfers (payee_email, amount, status) VALUES " + strings.Join(transfers, ", "),
		"",
	}, ";\n")
}

// unusual names and words for rights, and a status in words of another language.
func unusual(g Ground) string {
	var rows []string
	for i := range 300 {
		have := func(k int, all, few string) string {
			if i%2 == 0 && (i*7+k*13)%11 < 5 {
				return all
			}
			return few
		}
		status := "erledigt"
		if i > 250 || i%3 == 0 {
			status = []string{"angelegt", "geplant"}[i%2]
		}
		rows = append(rows, fmt.Sprintf("('s%d@corp.example', '%s', %s, %s, '%s', '%s', '%s', %s, '%s')", i, have(1, "rwxd", "r"), have(2, "9", "1"), have(3, "true", "false"),
			have(4, "*", "read"), have(5, "wheel", "users"), have(6, "ROLE_ADMIN", "ROLE_USER"), have(7, "true", "false"), status))
	}
	return "CREATE TABLE staffers (id " + g.Numbered + " PRIMARY KEY, email varchar(60) NOT NULL, acl varchar(9) NOT NULL, lvl int NOT NULL, moderator boolean NOT NULL, perms varchar(9) NOT NULL, grp varchar(9) NOT NULL, authority varchar(12) NOT NULL, can_approve boolean NOT NULL, status varchar(12) NOT NULL);\n" +
		"INSERT INTO staffers (email, acl, lvl, moderator, perms, grp, authority, can_approve, status) VALUES " + strings.Join(rows, ", ") + ";\n"
}

func rightsAreKnownByUnusualNamesAndWords(t *testing.T, g Ground) {
	db := g.Database(t, unusual(g))
	o := Options()
	o.Rows = 12
	p := Plan(t, g.Open(t, db, g.Store(t)), o)
	want := map[string][]string{"acl": {"r"}, "lvl": {"1"}, "moderator": {"f", "0"}, "perms": {"read"}, "grp": {"users"}, "authority": {"ROLE_USER"}, "can_approve": {"f", "0"}, "status": {"erledigt"}}
	for _, row := range p.Tables[0].Rows {
		for _, c := range row.Cells {
			if can := want[c.Column]; can != nil && (c.Value == nil || !slices.Contains(can, *c.Value)) {
				t.Errorf("a honey row has %s %v, want one of %q", c.Column, *c.Value, can)
			}
		}
	}
	if len(p.Tables[0].Rows) != 12 {
		t.Errorf("%d rows are planned, want 12\n%s", len(p.Tables[0].Rows), p.Table())
	}
}

func noHoneyRowGivesRightsOrWaitsToBeActedOn(t *testing.T, g Ground) {
	db := g.Database(t, entitled(g))
	s := g.Open(t, db, g.Store(t))
	o := Wide()
	o.Rows = 8
	p := Plan(t, s, o)
	why := map[string]string{}
	for _, r := range p.Refused {
		why[r.Table[strings.LastIndexByte(r.Table, '.')+1:]] = r.Why
	}
	for table, want := range map[string]string{"entitlements": "give rights", "insiders": "rights of an administrator", "payouts": "wait for something"} {
		if !strings.Contains(why[table], want) || !strings.Contains(why[table], "name the table") {
			t.Errorf("%s: %q, want a refusal with %q that can be overruled by naming it", table, why[table], want)
		}
	}
	allowed := map[string][]string{
		"is_admin": {"f", "0"}, "role_id": {"1"}, "access_level": {"1"}, "permissions": {"read"}, "status": {"completed"},
	}
	seen := map[string]int{}
	for _, tp := range p.Tables {
		for _, row := range tp.Rows {
			for _, c := range row.Cells {
				if can := allowed[c.Column]; can != nil && c.Value != nil {
					if seen[c.Column]++; !slices.Contains(can, *c.Value) {
						t.Errorf("%s: a honey row has %s %q, want one of %q", tp, c.Column, *c.Value, can)
					}
				}
			}
		}
	}
	for column := range allowed {
		if seen[column] != 8 {
			t.Errorf("column %s is planted in %d rows, want 8\n%s", column, seen[column], p.Table())
		}
	}
	o.Tables = []string{"payouts", "entitlements"}
	p = Plan(t, s, o)
	for _, tp := range p.Tables {
		if all := strings.Join(tp.Warnings, "\n"); !strings.Contains(all, "wait for something") && !strings.Contains(all, "give rights") {
			t.Errorf("%s was named, and the plan does not warn: %s", tp, all)
		}
	}
	if len(p.Tables) != 2 {
		t.Errorf("%d tables are planned, want the two that were named\n%s", len(p.Tables), p.Table())
	}
}
