package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// What a statement takes from another table is tied to the rows at hand by a key,
// counts or sums something up, or finds a key by a name. These judge what is
// none of that: a value of one row of a table that has nothing to do with the
// statement, shown, kept or compared.

// borrowed judges a sub-query that stands for a value.
func (x *probe) borrowed(q query) {
	if q.at.depth > 0 || q.in == nil || !closed(q.n, q.at) || !strange(q.n, q.at) {
		return
	}
	stmt := q.at.stmt
	if stmt.Kind == sqlfacts.Select && clauseOf(stmt, sqlfacts.From) == nil {
		return
	}
	col := content(q.n)
	if col == nil {
		return
	}
	switch q.clause {
	case sqlfacts.Targets, sqlfacts.Values, sqlfacts.Conflict:
		if q.in.Kind == sqlfacts.Binary && isComparison(q.in.Name) || q.in.Kind == sqlfacts.Unary {
			return
		}
		weight := 3
		if q.clause == sqlfacts.Values && labels(col.Name) { // who wrote a comment
			weight = 2
		}
		if !x.fits(q, col) {
			x.seeUnless(weight, "a value of a row of another table, for one of the statement's own", related(q.n, q.at))
		}
	case sqlfacts.Group:
		x.see(3, "another table's data to group by")
	}
}

// content is the column of which a sub-query returns one row's value, nil if it
// returns a key, a setting, a time, or what was reckoned from many rows.
func content(q *node) *node {
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || gathers(q) {
		return nil
	}
	cols := columnsOf(t.Args[0])
	if len(cols) == 0 || aggregated(q) && !isPersonal(cols[0].Name) {
		return nil
	}
	c := cols[0]
	if any(q, func(m *node) bool { return m.Kind == sqlfacts.Table && m.Qualifier == "mysql" }) { // what the server knows is judged elsewhere
		return nil
	}
	if referring(c.Name) || slices.ContainsFunc(tablesOf(q), holdsSettings) {
		return nil
	}
	if any(t, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "count", "sum", "avg") }) {
		return nil
	}
	return c
}

// referring reports whether a column names a row, a time or a setting.
func referring(name string) bool {
	name = strings.ToLower(name)
	for _, s := range [...]string{"id", "key", "uuid", "code", "slug", "value", "_at", "_on", "date", "time", "version", "rate", "oid", "_no", "count", "total", "pos", "position", "rank", "level", "setting"} {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// holdsSettings reports whether a table is called as those are that hold what a
// program is set to.
func holdsSettings(table string) bool {
	table = strings.ToLower(table)
	for _, s := range [...]string{"setting", "config", "option", "param", "preference", "constant", "variable", "propert", "meta", "rates", "currenc"} {
		if strings.Contains(table, s) {
			return true
		}
	}
	return false
}

// isPersonal reports whether a column is called as what is known of people.
func isPersonal(name string) bool {
	name = strings.ToLower(name)
	for _, s := range [...]string{"email", "e_mail", "phone", "mobile", "salary", "wage", "address", "street", "birth", "passport", "iban"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return name == "dob" || name == "mail" || isSecret(name)
}

// fits reports whether a value goes where its name says that it belongs.
func (x *probe) fits(q query, col *node) bool {
	like := func(name string) bool {
		a, b := strings.ToLower(name), strings.ToLower(col.Name)
		return strings.Contains(a, b) || strings.Contains(b, a)
	}
	switch q.in.Kind {
	case sqlfacts.Assign:
		return like(q.in.Name) || slices.ContainsFunc(tablesOf(q.n), func(t string) bool { return strings.HasPrefix(t, strings.ToLower(q.in.Name)) })
	case sqlfacts.Row:
		to := clauseOf(q.at.stmt, sqlfacts.Targets)
		i := slices.Index(q.in.Args, q.n)
		return to != nil && i >= 0 && i < len(to.Args) && like(to.Args[i].Name)
	}
	return false
}

// measured is a key compared with how many rows another table has, and a column
// that is held against the value of one row of it.
func (x *probe) measured(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 || n.Args[0].Kind != sqlfacts.Column || !isName(n, "=", "<", ">", "<=", ">=", "between", "in") {
		return
	}
	col := n.Args[0]
	for _, q := range n.Args[1:] {
		if q.Kind != sqlfacts.Query || !closed(q, a.of) || !strange(q, a.of) {
			continue
		}
		t := targetsOf(q)
		switch {
		case t == nil || len(t.Args) != 1:
		case isName(n, "=", "between") && (isKey(col) || isOwner(col)) && any(t, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "count", "avg", "sum") }):
			x.see(3, "a key that is how many rows another table has")
		case isName(n, "<", ">", "<=", ">="):
			if c := content(q); c != nil && c.Name != col.Name && !aggregated(q) {
				x.seeUnless(3, "a column held against the value of one row of another table", related(q, a.of))
			}
		}
	}
}
