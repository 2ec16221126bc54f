package detect

import (
	"honeyrow/engine/sqlfacts"
)

// ordering: something other than columns decides order, groups or limit.
var ordering = Detector{
	ID: "odd-ordering", Title: "An order or a limit that asks a question",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, c := range x.orders {
			for _, n := range c.Args {
				switch {
				case n == nil || isLiteral(n):
				case any(n, func(m *node) bool { return m.Kind == sqlfacts.Query && reads(m) }):
					switch {
					case n.Kind != sqlfacts.Query || c.Kind == sqlfacts.Limit || c.Kind == sqlfacts.Options:
						x.see(3, "a question in "+clauseName(c.Kind))
					case named(n):
						x.see(1, "a sub-query in "+clauseName(c.Kind))
					default:
						x.see(2, "a sub-query in "+clauseName(c.Kind))
					}
				case spliced(n) || peeks(n):
					x.see(3, "a condition behind a number in "+clauseName(c.Kind))
				case c.Kind == sqlfacts.Limit && reckons(n):
				case isConst(n) && !any(n, func(m *node) bool {
					return m.Kind == sqlfacts.Func && isName(m, "rand", "random", "now", "uuid", "count")
				}):
					x.see(3, "a constant expression in "+clauseName(c.Kind))
				}
			}
		}
	},
}

// reckons reports whether an expression calculates with numbers: a page's first
// row.
func reckons(n *node) bool {
	return !any(n, func(m *node) bool {
		switch m.Kind {
		case sqlfacts.Number, sqlfacts.Param, sqlfacts.Variable, sqlfacts.Null, sqlfacts.Missing, sqlfacts.Cast:
			return false
		case sqlfacts.Binary, sqlfacts.Unary:
			return !isName(m, "+", "-", "*", "/")
		case sqlfacts.Func:
			return !isName(m, "greatest", "least")
		}
		return true
	})
}

// named reports whether a sub-query compares columns: with the row at hand, as
// far as one can see.
func named(q *node) bool {
	return any(q, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && m.Name == "=" && len(m.Args) == 2 && m.Args[0].Kind == sqlfacts.Column && m.Args[1].Kind == sqlfacts.Column
	})
}

// spliced is 1 AND x, 1 + f(x): what is left of a number that something was
// put behind.
func spliced(n *node) bool {
	return n.Kind == sqlfacts.Binary && len(n.Args) > 1 && (n.Args[0].Kind == sqlfacts.Number || spliced(n.Args[0])) && !isConst(n) ||
		n.Kind == sqlfacts.Binary && isName(n, "and", "or", "xor") && len(n.Args) > 0 && n.Args[0].Kind == sqlfacts.Number
}

func clauseName(k sqlfacts.Kind) string {
	switch k {
	case sqlfacts.Order:
		return "ORDER BY"
	case sqlfacts.Group:
		return "GROUP BY"
	case sqlfacts.Options:
		return "DISTINCT ON"
	}
	return "LIMIT"
}
