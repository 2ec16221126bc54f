package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// foreign: a sub-query that has nothing to do with the statement around it, and
// whose value decides something there: what data that the statement does not
// return is drawn out with, whatever functions that takes.
var foreign = Detector{
	ID: "foreign-question", Title: "A question about a table that the statement has no business with",
	Maps: []string{"CWE-89", "T1190", "T1213.006"},
	find: func(x *probe) {
		if !x.user { // tools that look at the server
			return
		}
		for _, a := range x.arms {
			x.asks(a)
			x.measured(a)
		}
		for _, p := range x.all {
			x.grown(p)
		}
		for _, q := range x.queries {
			x.target(q)
			x.borrowed(q)
			x.odd(q)
			x.grouped(q)
			x.keyed(q)
			x.rowSet(q)
			x.reckonedRow(q)
		}
		for _, s := range x.facts.Statements {
			if s.Kind == sqlfacts.Call {
				for _, q := range inner(s) {
					if reads(q) && !aggregated(q) && !params(q) {
						x.see(3, "another table's data given to a procedure")
					}
				}
			}
			x.behindLiterals(s)
			x.besideAll(s)
			x.unconnected(&scope{stmt: s})
		}
		x.rows()
		x.lifted()
		x.tiedByRange()
	},
}

// inner are the sub-queries right below n: not those inside others.
func inner(n *node) []*node {
	var out []*node
	each(n, func(m *node) bool {
		if m.Kind == sqlfacts.Query {
			out = append(out, m)
			return false
		}
		return true
	})
	return out
}

// asks judges one part of a condition.
func (x *probe) asks(a arm) {
	qs := inner(a.n)
	if len(qs) == 0 || len(home(a.of)) == 0 || params(a.n) {
		return
	}
	for _, q := range qs {
		if !closed(q, a.of) || !strange(q, a.of) {
			return
		}
	}
	q := qs[0]
	own := columnsOf(a.n)
	if len(own) == 0 && x.untouched(a) {
		return
	}
	var usual func(Values) bool
	if len(qs) == 1 && !probing(q) {
		usual = x.knows(a, q)
	}
	if a.n.Kind == sqlfacts.Binary && a.n.Name == "in" && len(a.n.Args) > 2 && slices.ContainsFunc(a.n.Args[1:], isLiteral) && !(isOwner(a.n.Args[0]) && !slices.ContainsFunc(qs, func(q *node) bool {
		t := targetsOf(q)
		return probing(q) || drawn(q) || !asksOne(q) || t == nil || len(t.Args) != 1 || !strings.EqualFold(t.Args[0].Name, a.n.Args[0].Name)
	})) {
		x.see(3, "another table's data in a list of literals")
		return
	}
	exists := a.n.Kind == sqlfacts.Unary && a.n.Name == "exists"
	switch {
	case exists && probing(q):
		x.see(3, "whether another table has a row that fits a pattern")
	case exists && clauseOf(q.Args[0], sqlfacts.Where) == nil && clauseOf(q.Args[0], sqlfacts.Limit) != nil && skips(q.Args[0]):
		x.see(3, "how many rows another table has, asked by skipping some")
	case exists:
		if a.of.depth == 0 && a.of.stmt.Kind != sqlfacts.Select && x.sole(a) { // a migration, that asks whether it is to do anything
			return
		}
		if !a.or {
			x.see(1, "whether another table has a row")
		}
	case len(own) == 0 && asksByKey(a.n, q) && !(a.n.Name == "in" && x.putBehind(a, a.n)), settings(q) && aggregated(q) && !probing(q):
		x.see(1, "whether a value of another table is the one that is meant")
	case a.clause == sqlfacts.Having && !a.or && plainly(a.n) && isAggregate(a.n.Args[0]) && counted(q): // those that have all there are
		x.see(1, "as many as another table has rows")
	case len(own) == 1 && isMoney(own[0].Name) && !slices.ContainsFunc(qs, func(q *node) bool {
		return probing(q) || !namesOne(q) || content(q) == nil || !isMoney(content(q).Name)
	}):
		x.see(1, "what something costs, held against what a thing that was named costs")
	case len(own) > 0:
		x.through(a, qs)
		x.worked(a, qs)
	case a.of.depth == 0 && a.clause == sqlfacts.Where && !a.or && a.of.stmt.Kind != sqlfacts.Select && plainly(a.n) && isComparison(a.n.Name) && a.n.Args[1].Kind == sqlfacts.Number && asksOne(q) && !probing(q) && content(q) != nil && !isPersonal(content(q).Name) && len(columnsOf(targetsOf(q))) == 1 && targetsOf(q).Args[0].Kind == sqlfacts.Column:
		x.see(1, "what a row of another table holds, before one is written")
	case recursive(q):
		x.see(3, "a recursion, counted in a condition")
	case len(tablesOf(q)) == 0:
		x.see(3, "a series that is made for a condition only")
	case aggregated(q) && !probing(q) && len(qs) == 1 && plainly(a.n) && !gathers(q) && a.clause == sqlfacts.Where && !a.or && a.of.depth == 0 && a.of.stmt.Kind == sqlfacts.Update && clauseOf(q.Args[0], sqlfacts.Where) != nil:
		x.see(1, "how many rows another table has, before one is written") // a quota
	case aggregated(q) && !probing(q) && len(qs) == 1 && plainly(a.n) && !gathers(q) && a.clause != sqlfacts.Having:
		x.seeUnless(2, "how many or how much another table has, in a condition", usual)
	default:
		x.seeUnless(3, "another table's data compared with a constant", usual)
	}
}

// settings reports whether a sub-query reads nothing but what a program is set to.
func settings(q *node) bool {
	ts := tablesOf(q)
	return len(ts) > 0 && !slices.ContainsFunc(ts, func(t string) bool { return !holdsSettings(t) })
}

// asksByKey is (SELECT role FROM users WHERE id = 4) = 'admin', or 'admin' IN of
// it: what programs check before they do something.
func asksByKey(n, q *node) bool {
	if !plainly(n) || n.Name != "=" && !(n.Name == "in" && isLiteral(n.Args[0])) || len(q.Args) == 0 || probing(q) {
		return false
	}
	t, w := targetsOf(q), clauseOf(q.Args[0], sqlfacts.Where)
	return t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Column && w != nil && len(w.Args) == 1 && w.Args[0].Kind == sqlfacts.Binary && w.Args[0].Name == "=" && len(inner(n)) == 1
}

// plainly is (SELECT ...) op literal.
func plainly(n *node) bool {
	return n.Kind == sqlfacts.Binary && len(n.Args) == 2 && (n.Args[0].Kind == sqlfacts.Query || n.Args[1].Kind == sqlfacts.Query)
}

func recursive(q *node) bool {
	return any(q, func(m *node) bool {
		return m.Kind == sqlfacts.With && any(m, func(d *node) bool {
			return d.Kind == sqlfacts.Derived && d.Alias != "" && any(d, func(t *node) bool { return t.Kind == sqlfacts.Table && t.Name == d.Alias })
		})
	})
}

// through judges a column that is compared with what another table's data was
// made into: choices, pairs, numbers.
func (x *probe) through(a arm, qs []*node) {
	for _, q := range qs {
		if a.n.Kind == sqlfacts.Binary && a.n.Name == "=" && namedAndProbed(q) {
			x.see(3, "a value of another table, if another column of its row fits")
			return
		}
		if t := targetsOf(q); a.n.Name == "=" && t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Case && asksText(t.Args[0]) {
			x.see(3, "a choice by another table's data")
			return
		}
		if pieces(q) {
			x.see(3, "a piece of another table's data compared")
			return
		}
		if t := targetsOf(q); t != nil && len(t.Args) == 1 && isLiteral(t.Args[0]) && reads(q) && !aggregated(q) && isName(a.n, "in", "=") {
			x.see(3, "whether another table has a row, put as a value")
			return
		}
	}
	each(a.n, func(m *node) bool {
		switch {
		case m.Kind == sqlfacts.Query:
			return false
		case m.Kind == sqlfacts.Row && m.Name == "row" && a.n.Kind == sqlfacts.Binary && isComparison(a.n.Name) && anyQuery(m):
			x.see(3, "a pair with another table's data compared")
			return false
		case m.Kind == sqlfacts.Func && isName(m, "nullif", "if", "elt", "field", "interval", "make_set", "greatest", "least", "sign", "strcmp", "find_in_set", "exp", "pow", "json_extract", "json_value", "int4range", "int8range", "numrange") && anyQuery(m):
			x.see(3, "a choice by another table's data: "+m.Name)
			return false
		case m.Kind == sqlfacts.When && anyQuery(m.Args[0]):
			x.see(3, "a choice by another table's data")
			return false
		}
		return true
	})
}

// namedAndProbed reports whether a sub-query names a row by one column and asks
// about another one of it by order or pattern.
func namedAndProbed(q *node) bool {
	w := clauseOf(q.Args[0], sqlfacts.Where)
	if w == nil || len(w.Args) != 1 || aggregated(q) {
		return false
	}
	keyed, asked := false, false
	for _, c := range parts(w.Args[0]) {
		if c.Kind != sqlfacts.Binary || len(c.Args) < 2 || c.Args[0].Kind != sqlfacts.Column {
			continue
		}
		text := c.Args[1].Kind == sqlfacts.String || c.Args[1].Kind == sqlfacts.Hex
		keyed = keyed || c.Name == "=" && isLiteral(c.Args[1])
		asked = asked || text && isName(c, "<", ">", "<=", ">=", "like", "ilike", "rlike", "regexp", "~", "~*", "similar to", "between", "like binary")
	}
	return keyed && asked
}

// asksText reports whether CASE compares a column's values with a text by order or
// pattern.
func asksText(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && len(m.Args) > 1 && m.Args[1].Kind == sqlfacts.String && len(columnsOf(m.Args[0])) > 0 &&
			isName(m, "<", ">", "<=", ">=", "like", "ilike", "rlike", "regexp", "~", "~*", "similar to", "between")
	})
}

// anyOne reports whether a query returns some row, whichever.
func anyOne(s *node) bool {
	return clauseOf(s, sqlfacts.Limit) != nil && clauseOf(s, sqlfacts.Where) == nil && clauseOf(s, sqlfacts.Order) == nil
}

// skips reports whether a query leaves rows out at the beginning.
func skips(s *node) bool {
	l := clauseOf(s, sqlfacts.Limit)
	return l != nil && len(l.Args) > 1 && l.Args[1] != nil && l.Args[1].Kind == sqlfacts.Number
}

// pieces reports whether a sub-query returns what was made of one value: a piece
// of it, a number for it, or how it compares.
func pieces(q *node) bool {
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || aggregated(q) {
		return false
	}
	n := t.Args[0]
	for n.Kind == sqlfacts.Cast && len(n.Args) == 1 {
		n = n.Args[0]
	}
	if len(columnsOf(n)) == 0 || (n.Kind == sqlfacts.Case || n.Name == "if") && tellsKey(n) { // which of two a row names
		return false
	}
	return n.Kind == sqlfacts.Func && isName(n, "ascii", "ord", "substr", "substring", "mid", "left", "right", "length", "char_length", "position", "locate", "instr", "strpos", "hex", "conv", "get_byte", "strcmp", "if") ||
		n.Kind == sqlfacts.Case ||
		n.Kind == sqlfacts.Binary && (isComparison(n.Name) || isName(n, "between", "in", "similar to", "&", ">>"))
}

func anyQuery(n *node) bool {
	return any(n, func(m *node) bool { return m.Kind == sqlfacts.Query && reads(m) })
}

// grown is a literal that goes on as a calculation with another table's data:
// 'x' || (SELECT ...), 1 / (SELECT ...).
func (x *probe) grown(p place) {
	n := p.n
	join := n.Kind == sqlfacts.Binary && n.Name == "||" || n.Kind == sqlfacts.Func && isName(n, "concat", "concat_ws")
	sum := n.Kind == sqlfacts.Binary && isName(n, "+", "-", "*", "/", "%", "^", "#", "|", "&", "<<", ">>", "div", "mod")
	if !join && !sum || len(n.Args) < 2 || !isLiteral(n.Args[0]) || p.at.depth > 0 && p.clause == sqlfacts.Targets {
		return
	}
	var q *node
	for _, a := range n.Args[1:] {
		if a.Kind == sqlfacts.Query {
			q = a
		} else if qs := inner(a); q == nil && len(qs) > 0 && len(columnsOf(a)) == 0 {
			q = qs[0]
			join = join || any(a, func(m *node) bool { return m.Kind == sqlfacts.Binary && isComparison(m.Name) })
		}
	}
	if q == nil || !closed(q, p.at) || !strange(q, p.at) {
		return
	}
	switch p.clause {
	case sqlfacts.Where, sqlfacts.Having, sqlfacts.Limit, sqlfacts.Order:
		if !aggregated(q) || join || probing(q) || isName(n, "+", "-") && extremeOf(q) {
			x.see(3, "a literal that goes on with another table's data")
		}
	case sqlfacts.Values, sqlfacts.Targets, sqlfacts.Conflict:
		if p.at.stmt.Kind == sqlfacts.Select {
			return
		}
		switch {
		case join && isLiteral(n.Args[len(n.Args)-1]) && len(n.Args) > 2, join && !aggregated(q), sum && !aggregated(q) && len(home(p.at)) > 0:
			x.see(3, "a value that goes on with another table's data")
		}
	}
}

// target is another table's value beside the row, or in the place of a new one.
func (x *probe) target(q query) {
	if !closed(q.n, q.at) || q.at.depth > 0 {
		return
	}
	stmt := q.at.stmt
	if !strange(q.n, q.at) && !(stmt.Kind == sqlfacts.Update && pieces(q.n)) {
		return
	}
	switch {
	case q.clause == sqlfacts.Conflict && q.in != nil && q.in.Kind == sqlfacts.Assign && content(q.n) != nil && !isPersonal(content(q.n).Name) && strings.EqualFold(content(q.n).Name, q.in.Name): // the same of another table
	case q.clause == sqlfacts.Conflict, q.clause == sqlfacts.Targets && stmt.Kind == sqlfacts.Insert && q.in != nil && q.in.Kind == sqlfacts.Assign:
		weight := 3
		if t := targetsOf(q.n); t != nil && !probing(q.n) && !gathers(q.n) && !drawn(q.n) && !slices.ContainsFunc(columnsOf(t), func(c *node) bool { return isPersonal(c.Name) }) && q.in.Kind == sqlfacts.Assign && (aggregated(q.n) || namesOne(q.n)) {
			weight = 2 // what there is now, or what a row that was named holds
		}
		x.see(weight, "another table's value, if the row exists")
	case q.clause == sqlfacts.Return:
		x.see(3, "another table's value with what was written")
	case q.clause == sqlfacts.Order && q.in != nil && q.in.Kind == sqlfacts.Order:
		x.see(3, "an order by what is the same for all rows")
	case q.clause == sqlfacts.Targets && stmt.Kind == sqlfacts.Update && pieces(q.n):
		x.see(3, "a piece of another table's data as a value")
	case q.clause == sqlfacts.Limit && settings(q.n) && !probing(q.n):
	case q.clause == sqlfacts.Limit:
		x.see(3, "another table's data as a limit")
	case q.clause != sqlfacts.Targets:
	case stmt.Kind == sqlfacts.Select && q.in != nil && q.in.Kind == sqlfacts.Targets && q.n.Alias == "":
		switch {
		case gathers(q.n):
			x.see(3, "another table in one value beside each row")
		case !aggregated(q.n) && clauseOf(q.n.Args[0], sqlfacts.Where) == nil:
			x.see(3, "any value of another table beside each row")
		}
	case stmt.Kind == sqlfacts.Select && q.in != nil && q.in.Kind == sqlfacts.Targets && gathers(q.n) && slices.ContainsFunc(columnsOf(targetsOf(q.n)), func(c *node) bool { return isPersonal(c.Name) }):
		x.see(3, "what another table knows of people, in one value beside each row")
	case stmt.Kind == sqlfacts.Select && q.in != nil && q.in.Kind == sqlfacts.Targets && gathers(q.n):
		x.see(2, "another table in one value beside each row")
	case stmt.Kind == sqlfacts.Update && !aggregated(q.n) && anyOne(q.n.Args[0]):
		x.see(3, "any value of another table in a row")
	case stmt.Kind == sqlfacts.Update && gathers(q.n):
		x.see(3, "another table in one value of a row")
	}
}

// rows are those of VALUES, where one has another table's data in the place that
// is a literal in the others.
func (x *probe) rows() {
	for _, p := range x.all {
		if p.n.Kind != sqlfacts.Values || len(p.n.Args) < 2 {
			continue
		}
		for _, r := range p.n.Args {
			for i, m := range r.Args {
				among := p.at.depth > 0 && p.at.stmt.Kind == sqlfacts.Select && m.Kind == sqlfacts.Query && reads(m) // relations
				if (m.Kind != sqlfacts.Query || !among && (!closed(m, p.at) || !strange(m, p.at) || x.found(p, i, m))) && !x.worksIn(p, m) && (m.Kind != sqlfacts.Func || !isInfo(m)) {
					continue
				}
				for _, o := range p.n.Args {
					if o != r && i < len(o.Args) && isLiteral(o.Args[i]) {
						if m.Kind == sqlfacts.Query && (counted(m) || aggregated(m) && !gathers(m) && !drawn(m) && slices.ContainsFunc(p.at.stmt.Args, func(t *node) bool { return t != nil && t.Kind == sqlfacts.Table && holdsSettings(t.Name) })) { // what there is, kept by name
							continue
						}
						if c := targetsOf(m); m.Kind == sqlfacts.Query && c != nil && len(c.Args) == 1 && labels(c.Args[0].Name) && asksOne(m) { // who wrote it
							x.see(2, "what a row of another table is called, where other rows have a literal")
							continue
						}
						x.see(3, "another table's data where other rows have a literal")
						return
					}
				}
			}
		}
	}
}

// found reports whether a sub-query looks up what belongs into the column that it
// stands for: a key, or what is called as the column is, of a row that it names.
func (x *probe) found(p place, i int, q *node) bool {
	to, t := clauseOf(p.at.stmt, sqlfacts.Targets), targetsOf(q)
	if to == nil || i >= len(to.Args) || t == nil || len(t.Args) != 1 || t.Args[0].Kind != sqlfacts.Column || probing(q) || clauseOf(q.Args[0], sqlfacts.Where) == nil {
		return false
	}
	col := t.Args[0]
	return isKey(col) && isOwner(to.Args[i]) || !isPersonal(col.Name) && strings.EqualFold(col.Name, to.Args[i].Name)
}

// counted reports whether a sub-query tells how many rows there are, and nothing else.
func counted(q *node) bool {
	t := targetsOf(q)
	return t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Func && t.Args[0].Name == "count" && !probing(q)
}

// asksOne reports whether a sub-query names its row by the key.
func asksOne(q *node) bool {
	w := clauseOf(q.Args[0], sqlfacts.Where)
	return w != nil && len(w.Args) == 1 && w.Args[0].Kind == sqlfacts.Binary && w.Args[0].Name == "=" && len(w.Args[0].Args) == 2 && isKey(w.Args[0].Args[0]) && isLiteral(w.Args[0].Args[1])
}

// worksIn reports whether a value is made of another table's data.
func (x *probe) worksIn(p place, m *node) bool {
	if p.at.depth > 0 || m.Kind == sqlfacts.Query {
		return false
	}
	return slices.ContainsFunc(inner(m), func(q *node) bool {
		c := targetsOf(q)
		return closed(q, p.at) && strange(q, p.at) && c != nil && slices.ContainsFunc(columnsOf(c), func(c *node) bool { return !referring(c.Name) })
	})
}
