package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

type node = sqlfacts.Node

// probe is one shape being looked at. gather walks its trees once and sorts
// what the detectors ask for.
type probe struct {
	facts   *sqlfacts.Facts
	env     sqlfacts.Env
	by      *Detector
	signals []signal

	arms    []arm // the arms of all conditions
	groups  []*group
	member  map[*node]membership // of the alternatives in groups
	chained map[*node]bool       // ORs that are parts of a longer chain
	anded   map[*node]bool       // ORs that are parts of an AND
	queries []query              // sub-queries in expressions
	calls   []call
	unions  []*node
	orders  []*node // expressions in ORDER BY, GROUP BY and LIMIT
	all     []place
	user    bool // a table that is not the catalogue's is named
}

// arm is a part of a condition that stands or falls by itself.
type arm struct {
	n      *node
	or     bool // under an OR or XOR
	not    bool // under a NOT
	first  bool // neither a literal nor a bound value stands before it in its condition
	clause sqlfacts.Kind
	of     *scope
}

// scope is a query with the relations that it names.
type scope struct {
	outer *scope
	stmt  *node
	names []string // of its relations, as they are called in it
	depth int

	filled   uint64 // bits of clauses whose conditions hold a value, as far as they were walked
	keys     []key  // see keysOf
	filters  int    // groups that are filters which can be left empty, see optional
	looked   bool   // keys is filled in
	filtered bool   // filters is
}

// query is a sub-query in an expression.
type query struct {
	n      *node // Query
	in     *node // what it is an operand of, nil if it is a target
	at     *scope
	clause sqlfacts.Kind
}

type call struct {
	n      *node
	at     *scope
	clause sqlfacts.Kind
	in     *node
}

// place is a node with what is around it.
type place struct {
	n, in  *node
	at     *scope
	clause sqlfacts.Kind
}

func (x *probe) see(weight int, detail string) {
	x.signals = append(x.signals, signal{x.by, weight, detail, nil})
}

func (x *probe) seeWhen(weight int, detail string, when func(Values) bool) {
	x.signals = append(x.signals, signal{x.by, weight, detail, when})
}

// browses reports whether the catalogue is read, and nothing else.
func (x *probe) browses() bool { return !x.user && len(x.facts.Tables) > 0 }

func (x *probe) has(m sqlfacts.Marks) bool { return x.facts.Marks&m != 0 }

func (x *probe) gather() {
	for _, t := range x.facts.Tables {
		x.user = x.user || !inCatalog(t.Schema, t.Name, x.mysql())
	}
	for _, s := range x.facts.Statements {
		x.statement(s, nil)
	}
}

// statement walks a statement as a scope of its own.
func (x *probe) statement(n *node, outer *scope) {
	s := &scope{outer: outer, stmt: n}
	if outer != nil {
		s.depth = outer.depth + 1
	}
	if n.Kind == sqlfacts.Union {
		x.unions = append(x.unions, n)
	}
	for _, a := range n.Args {
		s.relations(a)
	}
	for _, a := range n.Args {
		x.walk(a, n, s, 0)
	}
}

// relations collects the names of what a clause brings into scope.
func (s *scope) relations(n *node) {
	switch n.Kind {
	case sqlfacts.From, sqlfacts.Join, sqlfacts.Insert, sqlfacts.Update, sqlfacts.Delete:
		for _, a := range n.Args {
			s.relations(a)
		}
	case sqlfacts.Table:
		s.names = append(s.names, n.Name)
		if n.Alias != "" {
			s.names = append(s.names, n.Alias)
		}
	case sqlfacts.Derived, sqlfacts.Func:
		if n.Alias != "" {
			s.names = append(s.names, n.Alias)
		}
	}
}

func isStatement(k sqlfacts.Kind) bool { return k >= sqlfacts.Select && k <= sqlfacts.Lock }

func isClause(k sqlfacts.Kind) bool { return k >= sqlfacts.With && k <= sqlfacts.Options }

func (x *probe) walk(n, in *node, s *scope, clause sqlfacts.Kind) {
	if n == nil {
		return
	}
	if isStatement(n.Kind) {
		x.statement(n, s)
		return
	}
	if isClause(n.Kind) {
		clause = n.Kind
		switch clause {
		case sqlfacts.Where, sqlfacts.Having:
			for _, a := range n.Args {
				x.condition(a, s, clause, false, false)
			}
		case sqlfacts.Order, sqlfacts.Group, sqlfacts.Limit:
			x.orders = append(x.orders, n)
		case sqlfacts.Options:
			if n.Name == "distinct on" {
				x.orders = append(x.orders, n)
			}
		}
	}
	x.all = append(x.all, place{n, in, s, clause})
	switch n.Kind {
	case sqlfacts.Query:
		x.queries = append(x.queries, query{n, in, s, clause})
	case sqlfacts.Func:
		x.calls = append(x.calls, call{n, s, clause, in})
	case sqlfacts.Join:
		if len(n.Args) > 2 {
			x.condition(n.Args[2], s, sqlfacts.From, false, false)
		}
	}
	for _, a := range n.Args {
		x.walk(a, n, s, clause)
	}
}

// condition sorts a condition's arms.
func (x *probe) condition(n *node, s *scope, clause sqlfacts.Kind, or, not bool) {
	if n == nil {
		return
	}
	if x.isOr(n) && !not && !x.chained[n] {
		x.group(n, s)
	}
	switch {
	case n.Kind == sqlfacts.Binary && (n.Name == "and" || n.Name == "xor" || x.mysql() && n.Name == "&&" || x.isOr(n)):
		for _, a := range n.Args {
			if n.Name == "and" && x.isOr(a) {
				if x.anded == nil {
					x.anded = map[*node]bool{}
				}
				x.anded[a] = true
			}
			x.condition(a, s, clause, or || n.Name != "and" && n.Name != "&&", not)
		}
	case n.Kind == sqlfacts.Unary && (n.Name == "not" || n.Name == "!"):
		for _, a := range n.Args {
			x.condition(a, s, clause, or, !not)
		}
	default:
		x.arms = append(x.arms, arm{n, or, not, s.filled&(1<<clause) == 0, clause, s})
		if s.filled&(1<<clause) == 0 && !idles(n) && any(n, func(m *node) bool {
			return isLiteral(m) || m.Kind == sqlfacts.Param || m.Kind == sqlfacts.Variable || m.Kind == sqlfacts.Query
		}) {
			s.filled |= 1 << clause
		}
	}
}

// idles reports whether a condition compares numbers with each other: 1 = 1 is what
// query builders begin with, and nobody's value.
func idles(n *node) bool {
	return n.Kind == sqlfacts.Binary && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Number && n.Args[1].Kind == sqlfacts.Number
}

// isOr reports whether n is alternatives: for MySQL || is too.
func (x *probe) isOr(n *node) bool {
	return n.Kind == sqlfacts.Binary && (n.Name == "or" || n.Name == "||" && x.mysql() && !x.env.PipesConcat)
}

// group notes a chain of alternatives.
func (x *probe) group(n *node, s *scope) {
	g := &group{x.alternatives(n, nil), s, x.anded[n]}
	x.groups = append(x.groups, g)
	if x.member == nil {
		x.member = map[*node]membership{}
	}
	for i, a := range g.alts {
		x.member[a] = membership{g, i}
	}
}

// alternatives appends those of a chain of ORs, and notes which ORs are parts of
// one.
func (x *probe) alternatives(n *node, to []*node) []*node {
	if !x.isOr(n) {
		return append(to, n)
	}
	for _, a := range n.Args {
		if x.isOr(a) {
			if x.chained == nil {
				x.chained = map[*node]bool{}
			}
			x.chained[a] = true
		}
		to = x.alternatives(a, to)
	}
	return to
}

// each calls fn for n and everything below it; false does not go deeper.
func each(n *node, fn func(*node) bool) {
	if n == nil || !fn(n) {
		return
	}
	for _, a := range n.Args {
		each(a, fn)
	}
}

func any(n *node, fn func(*node) bool) bool {
	found := false
	each(n, func(m *node) bool {
		found = found || fn(m)
		return !found
	})
	return found
}

func isLiteral(n *node) bool {
	switch n.Kind {
	case sqlfacts.Number, sqlfacts.String, sqlfacts.Null, sqlfacts.Bool, sqlfacts.Hex:
		return true
	case sqlfacts.Unary, sqlfacts.Cast, sqlfacts.Interval:
		return len(n.Args) == 1 && isLiteral(n.Args[0])
	}
	return false
}

// isConst reports whether nothing in n depends on a row, a parameter or a
// variable. Sub-queries without FROM count as constant.
func isConst(n *node) bool {
	return n != nil && !any(n, func(m *node) bool {
		switch m.Kind {
		case sqlfacts.Column, sqlfacts.Star, sqlfacts.Param, sqlfacts.Variable, sqlfacts.Table, sqlfacts.Derived, sqlfacts.From:
			return true
		case sqlfacts.Func: // of all rows: MySQL's parser gives COUNT(*) as COUNT(1)
			return isName(m, "count", "sum", "avg")
		}
		return false
	})
}

// reads reports whether a statement reads from anything.
func reads(n *node) bool {
	return any(n, func(m *node) bool { return m.Kind == sqlfacts.From || m.Kind == sqlfacts.Table })
}

// correlated reports whether a sub-query names a relation of the queries around it.
func correlated(q *node, at *scope) bool {
	return any(q, func(m *node) bool {
		if m.Kind != sqlfacts.Column || m.Qualifier == "" {
			return false
		}
		for s := at; s != nil; s = s.outer {
			if slices.Contains(s.names, m.Qualifier) {
				return true
			}
		}
		return false
	})
}

// clauseOf returns a statement's clause, nil if it has none.
func clauseOf(n *node, k sqlfacts.Kind) *node {
	for _, a := range n.Args {
		if a != nil && a.Kind == k {
			return a
		}
	}
	return nil
}

// same compares two expressions.
func same(a, b *node) bool {
	if a.Kind != b.Kind || a.Name != b.Name || a.Qualifier != b.Qualifier || len(a.Args) != len(b.Args) || a.Slot >= 0 || b.Slot >= 0 {
		return false
	}
	for i := range a.Args {
		if !same(a.Args[i], b.Args[i]) {
			return false
		}
	}
	return true
}

// catalogs are the schemas that describe the database.
func inCatalog(schema, name string, mysql bool) bool {
	switch schema {
	case "information_schema", "performance_schema", "sys":
		return true
	case "pg_catalog":
		return true
	case "mysql":
		return mysql && !strings.HasPrefix(name, "help_")
	case "":
		return !mysql && strings.HasPrefix(name, "pg_")
	}
	return false
}

func (x *probe) mysql() bool { return x.env.Flavour != sqlfacts.PostgreSQL }

func isName(n *node, names ...string) bool {
	return slices.Contains(names, n.Name)
}

// slots returns the slots of the literals below n.
func slots(n *node) []int {
	var out []int
	each(n, func(m *node) bool {
		if m.Slot >= 0 && isLiteral(m) {
			out = append(out, m.Slot)
		}
		return true
	})
	return out
}
