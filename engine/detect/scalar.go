package detect

import (
	"honeyrow/engine/sqlfacts"
)

// scalar: sub-queries where an application has none.
var scalar = Detector{
	ID: "odd-subquery", Title: "A sub-query without a purpose",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, p := range x.all {
			if p.n.Kind == sqlfacts.Join && p.n.Name == "natural" && x.user && len(p.n.Args) > 1 && literalRows(p.n.Args[1]) {
				x.see(3, "rows made of literals, joined by whatever they share")
			}
		}
		for _, q := range x.queries {
			switch {
			case idle(q):
			case !reads(q.n) && q.in != nil && q.in.Kind != sqlfacts.Targets && q.in.Kind != sqlfacts.Row && q.in.Name != "array" && !correlated(q.n, q.at) && !any(q.n, func(m *node) bool { return m.Kind == sqlfacts.Param }):
				if isName(q.in, "in", "not in") || any(q.n, func(m *node) bool { return m.Kind == sqlfacts.Union }) {
					x.see(1, "a list made by a sub-query")
				} else if t := targetsOf(q.n); q.in.Kind == sqlfacts.Binary && q.in.Name == "=" && (isKey(q.in.Args[0]) || isOwner(q.in.Args[0])) && len(q.n.Args[0].Args) == 1 && t != nil && len(t.Args) == 1 && isLiteral(t.Args[0]) {
					x.see(3, "a literal by way of a sub-query")
				} else if x.browses() {
					x.see(1, "a sub-query that reads nothing") // it calculates with the row's columns, or names the database
				} else {
					x.see(2, "a sub-query that reads nothing")
				}
			case madeUp(q):
				x.see(3, "a value by way of rows of literals")
			case reads(q.n) && q.clause == sqlfacts.Targets && q.at.depth == 0 && !correlated(q.n, q.at) && x.foreign(q):
				x.see(1, "another table's value beside the row")
			case reads(q.n) && (q.clause == sqlfacts.Values || q.clause == sqlfacts.Limit) && q.in != nil && q.in.Kind == sqlfacts.Binary:
				x.see(2, "a sub-query inside an expression of values")
			}
		}
	},
}

// madeUp reports whether something is compared with a sub-query that reads nothing
// but rows of literals of its own.
func madeUp(q query) bool {
	return q.in != nil && q.in.Kind == sqlfacts.Binary && isComparison(q.in.Name) && reads(q.n) && len(tablesOf(q.n)) == 0 && !any(q.n, func(m *node) bool {
		return m.Kind == sqlfacts.Func || m.Kind == sqlfacts.Param || m.Kind == sqlfacts.Variable || m.Kind == sqlfacts.With
	})
}

// literalRows reports whether a relation is rows of literals.
func literalRows(n *node) bool {
	return n != nil && n.Kind == sqlfacts.Derived && !reads(n) && !any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func || m.Kind == sqlfacts.Param || m.Kind == sqlfacts.Values
	})
}

// foreign reports whether a sub-query reads the catalogue.
func (x *probe) foreign(q query) bool {
	if from := clauseOf(q.at.stmt, sqlfacts.From); from != nil && any(from, func(m *node) bool {
		return m.Kind == sqlfacts.Table && inCatalog(m.Qualifier, m.Name, x.mysql())
	}) {
		return false // all of it is about the catalogue
	}
	return any(q.n, func(m *node) bool {
		return m.Kind == sqlfacts.Table && inCatalog(m.Qualifier, m.Name, x.mysql())
	})
}
