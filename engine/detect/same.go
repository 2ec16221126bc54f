package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// alike compares two expressions but for their literals, which have slots of their
// own: the pairs of them are appended to what is given, and whoever has the values
// compares those.
func alike(a, b *node, pairs [][2]*node) ([][2]*node, bool) {
	if a == nil || b == nil {
		return pairs, a == b
	}
	if isLiteral(a) && isLiteral(b) && a.Kind == b.Kind {
		return append(pairs, [2]*node{a, b}), true
	}
	if a.Kind != b.Kind || a.Kind == sqlfacts.Param || a.Name != b.Name || a.Qualifier != b.Qualifier || len(a.Args) != len(b.Args) {
		return pairs, false
	}
	for i := range a.Args {
		var ok bool
		if pairs, ok = alike(a.Args[i], b.Args[i], pairs); !ok {
			return pairs, false
		}
	}
	return pairs, true
}

// twice reports whether one of the columns stands among them more than once.
func twice(columns []*node) bool {
	for i, c := range columns {
		if slices.ContainsFunc(columns[i+1:], func(o *node) bool { return same(c, o) }) {
			return true
		}
	}
	return false
}

// asksOf is the column that a comparison asks about, nil if n is none.
func asksOf(n *node) *node {
	for n.Kind == sqlfacts.Unary && isName(n, "not", "!") && len(n.Args) == 1 {
		n = n.Args[0]
	}
	if n.Kind == sqlfacts.Binary && (isComparison(n.Name) || isName(n, "is", "in", "between")) && len(n.Args) > 1 && n.Args[0].Kind == sqlfacts.Column {
		return n.Args[0]
	}
	return nil
}
