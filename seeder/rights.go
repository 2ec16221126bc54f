package seeder

import (
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// grantsRights says why a table's rows seem to give somebody a right, empty if they
// don't: a honey row there would be a grant, maybe to a real user.
func grantsRights(t *Table, s *Sample) string {
	const why = "its rows seem to give rights to people: a honey row there would be a grant"
	if generate.HasPhrase(t.Name, "grants", "acl", "acls", "access control", "access controls", "access rights", "role assignment", "role assignments", "role grants",
		"user role", "user roles", "users roles", "roles users", "role user", "role users", "role members", "role members", "user permission", "user permissions", "role permission", "role permissions",
		"user privileges", "user rights", "group members", "group member", "user groups", "users groups", "sudoers", "allowlist", "allow list", "whitelist", "allowed users", "allowed emails", "admin emails") {
		return why
	}
	who, what := false, false
	for _, c := range t.Columns {
		name := c.Name
		if fk := t.foreign(c.Name); fk != nil {
			who = who || generate.HasPhrase(fk.RefTable, "user", "users", "account", "accounts", "member", "members", "employee", "employees", "staff", "person", "persons", "people", "principals")
			what = what || generate.HasPhrase(fk.RefTable, "role", "roles", "permission", "permissions", "privilege", "privileges", "scopes")
		}
		who = who || generate.HasPhrase(name, "user id", "userid", "account id", "member id", "employee id", "person id", "principal id", "grantee")
		what = what || generate.HasPhrase(name, "role id", "roleid", "permission id", "privilege id", "scope id")
	}
	if who && what {
		return why
	}
	for i, column := range s.Columns {
		if !generate.HasPhrase(column, "role", "roles", "permission", "permissions", "privilege", "privileges", "access level") {
			continue
		}
		high, n := 0, 0
		for _, row := range s.Rows {
			if row[i] == nil {
				continue
			}
			if n++; generate.Mighty(*row[i]) {
				high++
			}
		}
		if n > 0 && high == n {
			return "each of its rows gives somebody the rights of an administrator (" + column + "): a honey row there would do so too"
		}
	}
	return ""
}

// Names of columns that say what a row's person may do: in words, yes or no, a number.
var (
	rightsInWords = []string{
		"role", "roles", "permission", "permissions", "perm", "perms", "privilege", "privileges", "scopes", "authority", "authorities", "acl", "acls", "access", "access rights", "rights",
		"capability", "capabilities", "caps", "entitlement", "entitlements", "user class", "user grp", "usergroup", "usergroups", "admin group",
	}
	rightsByFlag = []string{
		"admin", "administrator", "superuser", "super user", "is super", "root", "staff", "sysadmin", "superadmin", "moderator", "is manager", "is owner", "sudo",
		"can approve", "can edit", "can write", "can delete", "can manage", "can admin", "can create", "can publish", "can pay", "can transfer", "can refund", "can sign", "can grant", "can impersonate", "can export",
	}
	rightsByNumber = []string{
		"role", "role id", "access level", "permission level", "privilege level", "user level", "security level", "permissions", "privileges", "user type", "user role",
		"acl", "perms", "rights", "lvl", "admin level", "auth level", "access lvl", "user lvl", "clearance", "user class", "user group", "usergroup", "user grp", "admin group",
	}
)

// everything are words that give all rights in a column that gives rights, and mean
// nothing elsewhere.
var everything = []string{"*", "all", "any", "full", "everything", "super", "su"}

// entitles reports whether a column says what its row's person may do, other than in
// a word that is replaced (generate's kind "role").
func (f *field) entitles() bool {
	if f.sample < 0 || f.plan.Kind == "role" && !f.allowsAll() || f.acts() || f.Computed {
		return false
	}
	switch {
	case f.fk != nil:
		return generate.HasPhrase(f.fk.RefTable, "role", "roles", "permission", "permissions", "privilege", "privileges", "user group", "user groups", "usergroups", "access levels", "user levels", "clearances")
	case f.Class == generate.Bool, f.Class == generate.Integer && f.plan.Source != Drawn && f.plan.Source != Next:
		return generate.HasPhrase(f.Name, rightsByFlag...) || leveled(f.Name)
	}
	return generate.HasPhrase(f.Name, rightsInWords...) || f.mighty()
}

// allowsAll reports whether a column of rights holds a word that gives all of them.
func (f *field) allowsAll() bool {
	return slices.ContainsFunc(everything, func(w string) bool { return f.counts()[w] > 0 })
}

// mighty reports whether a column is a category of which some values, and not all, are
// called as an administrator is, whatever its own name.
func (f *field) mighty() bool {
	if f.Class != generate.Text && f.Class != generate.Enum || f.gen != nil || len(f.counts()) > maxStatuses || !generate.Repeats(f.seen.Values) {
		return false
	}
	return f.someMighty()
}

// someMighty reports whether some values, and not all, are called so.
func (f *field) someMighty() bool {
	n := 0
	for v := range f.counts() {
		if generate.Mighty(v) {
			n++
		}
	}
	return n > 0 && n < len(f.counts())
}

// leveled reports whether a column is called as one in which a number stands for
// rights.
func leveled(column string) bool { return generate.HasPhrase(column, rightsByNumber...) }

// ordinary reports whether a row holds no more rights in such a column than most do:
// what is not said in words is taken for the less, the more rows have it.
func (f *field) ordinary(v string) bool {
	if f.fk == nil && (f.Class == generate.Bool || f.Class == generate.Integer) && !leveled(f.Name) {
		return slices.Contains([]string{"f", "false", "0", "N", "no"}, v)
	}
	if f.fk == nil && f.Class != generate.Integer && f.Class != generate.Bool && f.someMighty() {
		return !generate.Mighty(v) && !slices.Contains(everything, strings.ToLower(v))
	}
	most := 0
	for _, n := range f.counts() {
		most = max(most, n)
	}
	return f.counts()[v] == most
}

// waits says why a table's rows seem to wait for something to be done with them,
// empty if they don't: none of its sampled statuses is at rest.
func (st *study) waits() string {
	for _, f := range st.columns {
		if !f.acts() || f.Class == generate.Bool && !f.coded() || len(f.seen.Values) == 0 {
			continue
		}
		waiting, rest := 0, 0
		for _, v := range f.seen.Values {
			switch {
			case st.atRest(f, v) && !f.settled[v]:
				rest++
			case generate.Waiting(f.says(v)):
				waiting++
			}
		}
		if rest == 0 && 2*waiting >= len(f.seen.Values) {
			return "its rows seem to wait for something to be done with them (" + f.Name + "), and none is at rest: a honey row there might be executed or paid"
		}
	}
	return ""
}

// unrested names the columns of a status none of whose sampled values is known to be
// at rest.
func (st *study) unrested() string {
	var names []string
	for _, f := range st.columns {
		if f.sample >= 0 && (f.Class != generate.Bool || f.coded()) && len(f.seen.Values) > 0 && generate.HasPhrase(f.Name, "status", "statusid") &&
			!slices.ContainsFunc(f.seen.Values, func(v string) bool { return f.acts() && st.atRest(f, v) }) {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}
