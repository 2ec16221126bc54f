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
	if q.clause == sqlfacts.Group {
		x.see(3, "another table's data to group by")
		return
	}
	col := content(q.n)
	if col == nil {
		return
	}
	switch q.clause {
	case sqlfacts.Targets, sqlfacts.Values, sqlfacts.Conflict:
		weight := 3
		if q.clause == sqlfacts.Values && labels(col.Name) { // who wrote a comment
			weight = 2
		}
		if !x.fits(q, col) {
			x.seeUnless(weight, "a value of a row of another table, for one of the statement's own", related(q.n, q.at))
		}
	}
}

// content is the column of which a sub-query returns one row's value, nil if it
// returns a key, a setting, a time, or what was reckoned from many rows.
func content(q *node) *node {
	t := targetsOf(q)
	if t == nil || gathers(q) {
		return nil
	}
	cols := columnsOf(t)
	if len(t.Args) > 1 {
		cols = slices.DeleteFunc(cols, func(c *node) bool { return referring(c.Name) })
	}
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

// reflects reports whether a sub-query returns the key of the row that a column
// refers to, and asks nothing more: user_id = (SELECT id FROM users u WHERE u.id =
// user_id), which is every row.
func reflects(q, col *node) bool {
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || !isKey(t.Args[0]) || !refers(col.Name, tablesOf(q)) {
		return false
	}
	return looksUp(q, col)
}

// looksUp reports whether all that a sub-query asks is that its key is the column.
func looksUp(q, col *node) bool {
	w := clauseOf(q.Args[0], sqlfacts.Where)
	if w == nil || len(w.Args) != 1 || clauseOf(q.Args[0], sqlfacts.Group) != nil {
		return false
	}
	c := w.Args[0]
	if c.Kind != sqlfacts.Binary || c.Name != "=" || len(c.Args) != 2 || c.Args[0].Kind != sqlfacts.Column || c.Args[1].Kind != sqlfacts.Column {
		return false
	}
	l, r := c.Args[0], c.Args[1]
	return isKey(l) && refers(r.Name, tablesOf(q)) && (col == nil || r.Name == col.Name) || isKey(r) && refers(l.Name, tablesOf(q)) && (col == nil || l.Name == col.Name)
}

// measured is a key compared with how many rows another table has, and a column
// that is held against the value of one row of it.
func (x *probe) measured(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 || !isName(n, "=", "<", ">", "<=", ">=", "between", "in", "like") {
		return
	}
	if l := n.Args[0]; l.Kind == sqlfacts.Row && n.Name == "in" && slices.ContainsFunc(l.Args, isLiteral) && len(columnsOf(l)) > 0 && n.Args[1].Kind == sqlfacts.Query && closed(n.Args[1], a.of) && strange(n.Args[1], a.of) {
		x.see(3, "a literal beside a column, looked for in another table")
	}
	if f := n.Args[0]; f.Kind == sqlfacts.Func && isAggregate(f) && a.clause == sqlfacts.Having && len(columnsOf(f)) > 0 && isComparison(n.Name) && n.Args[1].Kind == sqlfacts.Query && closed(n.Args[1], a.of) && strange(n.Args[1], a.of) && content(n.Args[1]) != nil && !aggregated(n.Args[1]) {
		x.seeUnless(3, "a sum held against the value of one row of another table", related(n.Args[1], a.of))
	}
	if n.Args[0].Kind != sqlfacts.Column {
		return
	}
	col := n.Args[0]
	for _, q := range n.Args[1:] {
		if q.Kind == sqlfacts.Unary && isName(q, "any", "some") && len(q.Args) == 1 {
			q = q.Args[0]
		}
		if q.Kind == sqlfacts.Query && isName(n, "=", "in") && !a.not && len(q.Args) > 0 && reflects(q, col) {
			x.see(3, "a key that is looked up by itself")
		}
		if q.Kind != sqlfacts.Query || !closed(q, a.of) || !strange(q, a.of) {
			continue
		}
		t := targetsOf(q)
		switch {
		case t == nil || len(t.Args) != 1:
		case isName(n, "=", "between") && (isKey(col) || isOwner(col)) && any(t, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "count", "avg", "sum") }):
			x.see(3, "a key that is how many rows another table has")
		case n.Name == "in" && isKey(col) && isKey(t.Args[0]) && probing(q):
			x.see(3, "the keys of one kind of rows among those of another, by what is asked of these")
		case isName(n, "<", ">", "<=", ">=", "like"):
			if c := content(q); c != nil && c.Name != col.Name && !aggregated(q) {
				x.seeUnless(3, "a column held against the value of one row of another table", related(q, a.of))
			}
		}
	}
}
