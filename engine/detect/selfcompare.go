package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// selfCompare is id = id, id >= id, id IN (id), id BETWEEN id AND id.
func (x *probe) selfCompare(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 {
		return
	}
	switch n.Name {
	case "=", "<=", ">=", "<=>", "like", "in", "between", "is not distinct from":
	default:
		return
	}
	left := n.Args[0]
	if n.Name == "=" && len(n.Args) == 2 && left.Kind == sqlfacts.Func && left.Name == "nullif" && n.Args[1].Kind == sqlfacts.Column && ownMade(n.Name, n.Args[1], left) {
		x.see(3, "a column compared with what is made of it")
		return
	}
	if r := n.Args[1]; left.Kind == sqlfacts.Row && r.Kind == sqlfacts.Row && len(left.Args) == len(r.Args) && len(left.Args) > 0 && !slices.ContainsFunc(left.Args, func(m *node) bool { return m.Kind != sqlfacts.Column }) && same(left, r) {
		x.see(3, "columns compared with themselves")
		return
	}
	if n.Name == "in" && len(n.Args) > 2 && left.Kind == sqlfacts.Column && slices.ContainsFunc(n.Args[1:], func(m *node) bool { return same(m, left) }) {
		x.see(3, "a column in a list that holds it")
		return
	}
	for _, r := range n.Args[1:] {
		if left.Kind == sqlfacts.Column && ownMade(n.Name, left, r) {
			x.see(3, "a column compared with what is made of it")
			return
		}
		if r.Kind == sqlfacts.Row && len(r.Args) > 0 {
			r = r.Args[0]
		}
		if left.Kind == sqlfacts.Column && r.Kind == sqlfacts.Column && left.Name == r.Name && left.Qualifier != r.Qualifier && n.Name == "=" && a.of.outer == nil && oneTable(a.of, left, r) {
			x.see(3, "a column compared with itself by another name")
			return
		}
		if left.Kind == sqlfacts.Column && same(left, r) {
			if x.nullSafe(a, left) {
				return
			}
			if a.or {
				x.see(3, "a column compared with itself, as an alternative")
			} else {
				x.see(2, "a column compared with itself")
			}
			return
		}
	}
}

// nullSafe reports whether a comparison is the first half of a = b OR (a IS NULL AND
// b IS NULL), which tools write wherever two columns are compared, be they one.
func (x *probe) nullSafe(a arm, col *node) bool {
	m, ok := x.member[a.n]
	if !ok || m.i != 0 || len(m.g.alts) != 2 {
		return false
	}
	ps := parts(m.g.alts[1])
	return len(ps) == 2 && !slices.ContainsFunc(ps, func(p *node) bool { return !isNullTest(p) || !same(p.Args[0], col) })
}

// oneTable reports whether columns are of the only table that a statement reads.
func oneTable(s *scope, columns ...*node) bool {
	if len(s.names) == 0 || len(s.names) > 2 || len(tablesOf(s.stmt)) != 1 {
		return false
	}
	return !slices.ContainsFunc(columns, func(c *node) bool { return c.Qualifier != "" && !slices.Contains(s.names, c.Qualifier) })
}

// ownMade reports whether what a column is compared with holds the column itself
// in a way that nobody checks data by: in a list, as a bound, in a sub-query that
// reads nothing, between texts, and anything made of a key.
func ownMade(op string, col, r *node) bool {
	own := func(n *node) bool { return any(n, func(m *node) bool { return same(m, col) }) }
	if op == "=" && any(r, func(m *node) bool { return m.Kind == sqlfacts.Func && m.Name == "nullif" && own(m) }) {
		return !params(r)
	}
	if f := r; op == "=" && f.Kind == sqlfacts.Func && isName(f, "coalesce", "ifnull", "nvl") && len(f.Args) > 1 && same(f.Args[0], col) && !params(r) {
		return true // the other way round it is a filter that can be left empty
	}
	if op == "=" && r.Kind == sqlfacts.Case && len(r.Args) > 1 && r.Args[0].Kind == sqlfacts.Missing && (isKey(col) || isOwner(col)) && !params(r) && slices.ContainsFunc(r.Args[1:], func(w *node) bool {
		return w.Kind == sqlfacts.When && len(w.Args) == 2 && own(w.Args[0]) && (same(w.Args[1], col) || same(r.Args[len(r.Args)-1], col))
	}) {
		return true
	}
	if same(r, col) || !own(r) || any(r, func(m *node) bool {
		return m.Kind == sqlfacts.Param || m.Kind == sqlfacts.From || m.Kind == sqlfacts.Func && isName(m, "coalesce", "ifnull", "nvl", "nullif", "if") || m.Kind == sqlfacts.Case
	}) {
		return false
	}
	inner := r
	for inner.Kind == sqlfacts.Unary && isName(inner, "any", "all", "some") && len(inner.Args) == 1 {
		inner = inner.Args[0]
	}
	switch {
	case op == "between", op == "in", inner != r, inner.Kind == sqlfacts.Query, inner.Kind == sqlfacts.Row:
		return true
	case inner.Kind == sqlfacts.Binary && inner.Name == "||" || inner.Kind == sqlfacts.Func && isName(inner, "concat", "concat_ws"):
		return op == "=" || op == "like" && slices.ContainsFunc(r.Args, isLiteral)
	}
	return op == "=" && (isKey(col) || isOwner(col))
}

// nullPairs is x IS NULL OR x IS NOT NULL, and an alternative that excludes
// nothing but NULL.
func (x *probe) nullPairs() {
	type test struct {
		of  *node
		not bool
	}
	var seen []test
	for _, a := range x.arms {
		n := a.n
		if !a.or || n.Kind != sqlfacts.Binary || n.Name != "is" || len(n.Args) != 2 || n.Args[1].Kind != sqlfacts.Null {
			continue
		}
		t := test{n.Args[0], a.not}
		if slices.ContainsFunc(seen, func(o test) bool { return o.not != t.not && same(o.of, t.of) }) {
			x.see(3, "a column that is NULL or is not")
		}
		seen = append(seen, t)
	}
}
