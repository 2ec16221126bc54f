package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// What programs write that does not depend on the rows: what a condition begins
// with, filters that are left open, settings of their own.

// ownSetting is the name of the setting that a comparison reads, if it does nothing
// else: an application's own have a dot.
func ownSetting(n *node) *node {
	if n.Kind != sqlfacts.Binary || n.Name != "=" || len(n.Args) != 2 || !isLiteral(n.Args[1]) {
		return nil
	}
	for m := n.Args[0]; ; {
		switch {
		case m.Kind == sqlfacts.Cast && len(m.Args) == 1, m.Kind == sqlfacts.Func && isName(m, "coalesce", "nullif", "lower") && len(m.Args) > 0 && (len(m.Args) == 1 || isLiteral(m.Args[1])):
			m = m.Args[0]
		case m.Kind == sqlfacts.Func && m.Name == "current_setting" && len(m.Args) > 0 && isLiteral(m.Args[0]):
			return m.Args[0]
		default:
			return nil
		}
	}
}

// leftOpen reports whether a value is compared with itself that stands for all
// there are.
func leftOpen(n *node, v Values) bool {
	l, ok1 := value(n.Args[0], v)
	r, ok2 := value(n.Args[1], v)
	if !ok1 || !ok2 || l != r || !isName(n, "=", "in") {
		return false
	}
	switch strings.ToLower(l) {
	case "-1", "all", "any", "*", "%":
		return true
	}
	return false
}

// leading reports whether an arm is what a condition begins with, and neither an
// alternative nor denied: WHERE 1 = 1 AND ..., behind nobody's value.
func (x *probe) leading(a arm) bool { return a.first && !a.or && !a.not }

// narrows reports whether a constant is a part of an alternative that asks for
// something else too.
func (x *probe) narrows(n *node) bool {
	return slices.ContainsFunc(x.groups, func(g *group) bool {
		return slices.ContainsFunc(g.alts, func(alt *node) bool {
			ps := parts(alt)
			return len(ps) > 1 && slices.ContainsFunc(ps, func(m *node) bool { return m == n || denied(m) == n }) && slices.ContainsFunc(ps, func(m *node) bool { return len(columnsOf(m)) > 0 })
		})
	})
}

// behindNulls reports whether nothing but tests for NULL are alternatives before
// a constant, behind which nobody could have put it: (a NOT IN (NULL) OR (1 = 1)) is
// what SQLAlchemy makes of an empty list.
func (x *probe) behindNulls(n *node) bool {
	m, ok := x.member[n]
	return ok && m.i > 0 && m.i <= reachBack && !slices.ContainsFunc(m.g.alts[:m.i], func(o *node) bool {
		m := denied(o)
		return !isNullTest(m) && !(m.Kind == sqlfacts.Binary && m.Name == "in" && len(m.Args) == 2 && m.Args[1].Kind == sqlfacts.Null)
	})
}

// denied is a condition without the NOT before it.
func denied(n *node) *node {
	for n.Kind == sqlfacts.Unary && n.Name == "not" && len(n.Args) == 1 {
		n = n.Args[0]
	}
	return n
}

// leads reports whether an arm is what a condition begins with: query builders
// put everything behind one that is true.
func (x *probe) leads(n *node) bool {
	return slices.ContainsFunc(x.groups, func(g *group) bool {
		ps := parts(g.alts[0])
		return len(ps) > 1 && ps[0] == n
	})
}

// untouched reports whether an arm stands before everything that holds a value, in a
// statement that is no part of another and behind none: whoever puts something into
// a value can write nothing before it.
func (x *probe) untouched(a arm) bool {
	if !a.first || a.of.depth > 0 || a.clause != sqlfacts.Where || x.facts.Statements[0] != a.of.stmt {
		return false
	}
	if m, ok := x.member[a.n]; ok && m.i > 0 && slices.ContainsFunc(m.g.alts[:min(m.i, reachBack)], func(n *node) bool { return !idles(n) && any(n, valued) }) {
		return false
	}
	for _, c := range a.of.stmt.Args {
		switch {
		case c == nil:
		case c.Kind == sqlfacts.Where:
			return true
		case any(c, valued):
			return false
		}
	}
	return false
}

// valued reports whether n is what a program puts its values into.
func valued(n *node) bool {
	return isLiteral(n) && n.Kind != sqlfacts.Null && n.Kind != sqlfacts.Bool || n.Kind == sqlfacts.Param || n.Kind == sqlfacts.Variable
}
