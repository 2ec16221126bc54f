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
		if q.in.Name == "in" && listed(q.in) {
			return
		}
		x.see(3, "another table's data to group by")
		return
	}
	col := content(q.n)
	if col == nil {
		return
	}
	switch q.clause {
	case sqlfacts.Targets, sqlfacts.Values, sqlfacts.Conflict:
		if stmt.Kind == sqlfacts.Select && q.in.Kind == sqlfacts.Binary && asksByKey(q.in, q.n) && allows(col.Name) { // what somebody may see
			return
		}
		weight := 3
		if q.clause == sqlfacts.Values && labels(col.Name) { // who wrote a comment
			weight = 2
		}
		if stmt.Kind == sqlfacts.Select && q.clause == sqlfacts.Targets && labels(col.Name) && q.n.Alias != "" && !shown(q.n.Alias) && !probing(q.n) && namesOne(q.n) {
			weight = 2 // what a thing is called that was named, as something of its own
		}
		if !x.fits(q, col) {
			usual := related(q.n, q.at)
			if q.n.Alias != "" && stmt.Kind == sqlfacts.Select && labels(col.Name) && newest(q.n) {
				return
			}
			if beside := keyBeside(q); beside != nil {
				known := usual
				usual = func(v Values) bool { return beside(v) || known != nil && known(v) }
			}
			x.seeUnless(weight, "a value of a row of another table, for one of the statement's own", usual)
		}
	}
}

// namesOne reports whether a sub-query asks for a row by one value of it.
func namesOne(q *node) bool {
	w := clauseOf(q.Args[0], sqlfacts.Where)
	return w != nil && len(w.Args) == 1 && w.Args[0].Kind == sqlfacts.Binary && w.Args[0].Name == "=" && len(w.Args[0].Args) == 2 && w.Args[0].Args[0].Kind == sqlfacts.Column && isLiteral(w.Args[0].Args[1]) && !isSecret(w.Args[0].Args[0].Name)
}

// keyBeside returns whether the same row of another table gives its key too, in
// another place of the row that is written: (SELECT id FROM p WHERE name = 'x'),
// (SELECT price FROM p WHERE name = 'x'). Nil: it does not.
func keyBeside(q query) func(Values) bool {
	if q.clause != sqlfacts.Values || q.in.Kind != sqlfacts.Row {
		return nil
	}
	mine := keysOf(q.n.Args[0])
	for _, o := range q.in.Args {
		if o == q.n || o.Kind != sqlfacts.Query || content(o) != nil || aggregated(o) || !slices.Equal(tablesOf(o), tablesOf(q.n)) {
			continue
		}
		theirs := keysOf(o.Args[0])
		if len(mine) != 1 || len(theirs) != 1 || mine[0].column != theirs[0].column {
			continue
		}
		return func(v Values) bool {
			a, ok1 := value(mine[0].value, v)
			b, ok2 := value(theirs[0].value, v)
			return ok1 && ok2 && a == b
		}
	}
	return nil
}

// newest reports whether a sub-query returns the first or last row by a time.
func newest(q *node) bool {
	o := clauseOf(q.Args[0], sqlfacts.Order)
	return o != nil && len(o.Args) == 1 && o.Args[0] != nil && ofTime(o.Args[0]) && clauseOf(q.Args[0], sqlfacts.Limit) != nil && !probing(q)
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

// isMoney reports whether a column is called as what things cost: such are held
// against each other, and reckoned from each other.
func isMoney(name string) bool {
	switch strings.ToLower(name) {
	case "price", "total", "amount", "cost", "sum", "fee", "discount", "subtotal", "tax", "list_price", "unit_price", "net_price", "gross_price", "unit_cost", "shipping":
		return true
	}
	return false
}

// limits reports whether a column is called as what others are held against.
func limits(name string) bool {
	name = strings.ToLower(name)
	for _, s := range [...]string{"max", "min", "limit", "budget", "quota", "threshold", "capacity", "target", "ceiling", "floor", "cutoff"} {
		if strings.HasPrefix(name, s) || strings.HasSuffix(name, s) || strings.HasSuffix(name, s+"imum") {
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
	case sqlfacts.Binary: // qty * (SELECT price ...)
		to := clauseOf(q.at.stmt, sqlfacts.Targets)
		return isName(q.in, "*", "+", "-", "/") && isMoney(col.Name) && to != nil && slices.ContainsFunc(to.Args, func(m *node) bool {
			return m.Kind == sqlfacts.Assign && len(m.Args) == 1 && m.Args[0] == q.in && isMoney(m.Name)
		})
	case sqlfacts.Assign:
		return isMoney(col.Name) && isMoney(q.in.Name) || like(q.in.Name) || slices.ContainsFunc(tablesOf(q.n), func(t string) bool { return strings.HasPrefix(t, strings.ToLower(q.in.Name)) })
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

// peeksText reports whether a sub-query asks for a pattern or an order of texts.
func peeksText(q *node) bool {
	return any(q, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && len(m.Args) > 1 && m.Args[0].Kind == sqlfacts.Column && isSecret(m.Args[0].Name) && m.Args[1].Kind == sqlfacts.String && isName(m, "<", ">", "<=", ">=", "like", "ilike", "rlike", "regexp", "~", "~*", "~~", "similar to", "between")
	})
}

// sought returns whether a sub-query asks for a text that the alternatives around it
// ask for too: a search.
func (x *probe) sought(a arm, q *node) func(Values) bool {
	mine := literals(q.Args[0])
	var theirs []*node
	for _, o := range x.arms {
		if o.of == a.of && o.n != a.n && len(theirs) < reachBack {
			theirs = append(theirs, literals(o.n)...)
		}
	}
	return func(v Values) bool {
		return slices.ContainsFunc(mine, func(m *node) bool {
			s, ok := value(m, v)
			return ok && strings.Trim(s, "%") != "" && slices.ContainsFunc(theirs, func(o *node) bool { t, ok := value(o, v); return ok && s == t })
		})
	}
}

// listGiven reports whether the rows of a query are those of a list that it is given
// as one text or array: what programs bind where they have many keys.
func listGiven(q *node) bool {
	return any(q, func(m *node) bool {
		return m.Kind == sqlfacts.Func && len(m.Args) > 0 && m.Name != "generate_series" && (m.Args[0].Kind == sqlfacts.String || m.Args[0].Kind == sqlfacts.Cast && len(m.Args[0].Args) == 1 && m.Args[0].Args[0].Kind == sqlfacts.String || m.Args[0].Kind == sqlfacts.Row && allLiterals(m.Args[0].Args))
	})
}

// shifted is a column less a number, or more.
func shifted(n *node) bool {
	return n.Kind == sqlfacts.Binary && isName(n, "+", "-") && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.Number && len(columnsOf(n.Args[0])) > 0 && !any(n, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "max", "min", "count", "sum", "avg") })
}

// measured is a key compared with how many rows another table has, and a column
// that is held against the value of one row of it.
func (x *probe) measured(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 || !isName(n, "=", "<", ">", "<=", ">=", "between", "in", "like") {
		return
	}
	from := n.Args[1]
	if from.Kind == sqlfacts.Unary && isName(from, "any", "all", "some") && len(from.Args) == 1 {
		from = from.Args[0]
	}
	if l := n.Args[0]; l.Kind == sqlfacts.Row && (n.Name == "in" || isComparison(n.Name)) && slices.ContainsFunc(l.Args, isLiteral) && len(columnsOf(l)) > 0 && from.Kind == sqlfacts.Query && closed(from, a.of) && strange(from, a.of) {
		x.see(3, "a literal beside a column, looked for in another table")
	}
	if f := n.Args[0]; f.Kind == sqlfacts.Func && isAggregate(f) && a.clause == sqlfacts.Having && len(columnsOf(f)) > 0 && isComparison(n.Name) && n.Args[1].Kind == sqlfacts.Query && closed(n.Args[1], a.of) && strange(n.Args[1], a.of) && content(n.Args[1]) != nil && !aggregated(n.Args[1]) {
		x.seeUnless(3, "a sum held against the value of one row of another table", related(n.Args[1], a.of))
	}
	if n.Args[0].Kind != sqlfacts.Column {
		return
	}
	col := n.Args[0]
	if n.Name == "=" && isKey(col) && len(tablesOf(n)) == 0 && len(columnsOf(n)) == 1 && any(n.Args[1], func(m *node) bool {
		return m.Kind == sqlfacts.Query && any(m, func(f *node) bool { return f.Kind == sqlfacts.Func && f.Name == "generate_series" })
	}) {
		x.see(3, "keys that are a series of numbers")
		return
	}
	for _, q := range n.Args[1:] {
		if q.Kind == sqlfacts.Unary && isName(q, "any", "some") && len(q.Args) == 1 {
			q = q.Args[0]
		}
		if q.Kind == sqlfacts.Query && isName(n, "=", "in") && !a.not && (isKey(col) || isOwner(col)) && reads(q) && !correlated(q, a.of) && !params(q) && strange(q, a.of) && !givesKey(q) {
			x.see(3, "a key that is made of another table's data")
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
		case n.Name == "in" && isKey(col) && !slices.ContainsFunc(tablesOf(q), func(t string) bool { return !strings.HasPrefix(t, "seq_") }) && !listGiven(q):
			x.see(3, "keys that are a series of numbers")
		case n.Name == "=" && isKey(col) && aggregated(q) && peeksText(q):
			x.see(3, "a key that another table has, if a text of its rows fits")
		case n.Name == "in" && a.or && peeksText(q) && x.putBehind(a, n):
			x.seeUnless(3, "rows by what fits a text of another table, as an alternative", x.sought(a, q))
		case n.Name == "=" && shifted(t.Args[0]) && content(q) != nil:
			x.see(3, "what a number is to another table's")
		case n.Name == "in" && isKey(col) && isKey(t.Args[0]) && probing(q):
			x.see(3, "the keys of one kind of rows among those of another, by what is asked of these")
		case isName(n, "<", ">", "<=", ">=", "like"):
			if c := content(q); c != nil && c.Name != col.Name && !aggregated(q) && !limits(c.Name) && !(isMoney(c.Name) && isMoney(col.Name)) {
				x.seeUnless(3, "a column held against the value of one row of another table", related(q, a.of))
			}
		}
	}
}
