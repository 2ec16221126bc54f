package detect

import (
	"slices"

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
				case n == nil || isLiteral(n) || slices.ContainsFunc(x.queries, func(q query) bool { return q.n == n && idle(q) }):
				case any(n, func(m *node) bool { return m.Kind == sqlfacts.Query && reads(m) }):
					switch {
					case c.Kind == sqlfacts.Limit && anyRow(n):
					case c.Kind == sqlfacts.Limit && set(n):
						x.see(1, "a setting as a limit")
					case c.Kind == sqlfacts.Order && n.Kind != sqlfacts.Query && (tied(n) || x.relative(n)), (c.Kind == sqlfacts.Order || c.Kind == sqlfacts.Group && n.Name == "in") && n.Kind != sqlfacts.Query && listed(n):
						x.see(1, "a sub-query in "+clauseName(c.Kind))
					case n.Kind != sqlfacts.Query || len(tablesOf(n)) == 0 || c.Kind == sqlfacts.Limit || c.Kind == sqlfacts.Options:
						x.see(3, "a question in "+clauseName(c.Kind))
					case named(n):
						x.see(1, "a sub-query in "+clauseName(c.Kind))
					default:
						x.see(2, "a sub-query in "+clauseName(c.Kind))
					}
				case spliced(n) && !weighs(n) || peeks(n):
					x.see(3, "a condition behind a number in "+clauseName(c.Kind))
				case c.Kind == sqlfacts.Limit && reckons(n):
				case c.Kind != sqlfacts.Limit && n.Kind == sqlfacts.Func && len(n.Args) == 0: // a column called user, in PostgreSQL: it asks nothing
				case c.Kind == sqlfacts.Group && isName(n, "grouping sets", "rollup", "cube") && allLiterals(n.Args):
				case isConst(n) && !any(n, func(m *node) bool {
					return m.Kind == sqlfacts.Func && (isName(m, "rand", "random", "now", "uuid", "count") || clauseOf(m, sqlfacts.Window) != nil || isName(m, "rank", "dense_rank", "row_number", "percent_rank", "cume_dist"))
				}):
					weight := 3
					if c.Kind == sqlfacts.Group || x.series(n) { // of one group, or a row for each number
						weight = 2
					}
					x.see(weight, "a constant expression in "+clauseName(c.Kind))
				}
			}
		}
	},
}

// series reports whether an expression makes rows, as PostgreSQL lets a list's values do.
func (x *probe) series(n *node) bool {
	return !x.mysql() && any(n, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "generate_series", "unnest") })
}

// idle is ORDER BY (SELECT 1), with which programs ask for some order where LIMIT
// is to have one.
func idle(q query) bool {
	t := targetsOf(q.n)
	return q.in != nil && q.in.Kind == sqlfacts.Order && !reads(q.n) && t != nil && len(t.Args) == 1 && isLiteral(t.Args[0]) && len(q.n.Args[0].Args) == 1 && clauseOf(q.at.stmt, sqlfacts.Limit) != nil
}

// anyRow reports whether an expression takes a number by chance among as many as a
// table has rows.
func anyRow(n *node) bool {
	qs := inner(n)
	return n.Kind != sqlfacts.Query && len(qs) == 1 && any(n, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "random", "rand") }) &&
		aggregated(qs[0]) && !gathers(qs[0]) && clauseOf(qs[0].Args[0], sqlfacts.Where) == nil && any(qs[0], func(m *node) bool { return m.Kind == sqlfacts.Func && m.Name == "count" })
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

// set reports whether all that an expression asks for is what a program is set to.
func set(n *node) bool {
	return !slices.ContainsFunc(inner(n), func(q *node) bool { return !settings(q) || probing(q) })
}

// tied reports whether all sub-queries of an expression count, sum up or look for
// rows of the row at hand.
func tied(n *node) bool {
	return !peeks(n) && !slices.ContainsFunc(inner(n), func(q *node) bool {
		if !named(q) || probing(q) {
			return true
		}
		exists := any(n, func(m *node) bool {
			return m.Kind == sqlfacts.Unary && m.Name == "exists" && len(m.Args) == 1 && m.Args[0] == q
		})
		return !exists && (content(q) != nil || !aggregated(q))
	})
}

// relative reports whether an expression holds a row's own column against what all
// rows of its table come to.
func (x *probe) relative(n *node) bool {
	qs := inner(n)
	if len(qs) != 1 || len(columnsOf(n)) == 0 || probing(qs[0]) || drawn(qs[0]) || gathers(qs[0]) || !aggregated(qs[0]) || clauseOf(qs[0].Args[0], sqlfacts.Where) != nil {
		return false
	}
	t := targetsOf(qs[0])
	return !slices.ContainsFunc(columnsOf(t), func(c *node) bool { return isPersonal(c.Name) }) && slices.ContainsFunc(x.queries, func(q query) bool { return q.n == qs[0] && q.at.depth == 0 && !strange(q.n, q.at) })
}

// listed reports whether all sub-queries of an expression are keys or settings, or
// lists of keys, that a column of the row is looked for in, and ask for no piece or pattern.
func listed(n *node) bool {
	good := map[*node]bool{}
	each(n, func(m *node) bool {
		if m.Kind == sqlfacts.Binary && isName(m, "in", "=") && len(m.Args) == 2 && m.Args[0].Kind == sqlfacts.Column && m.Args[1].Kind == sqlfacts.Query {
			good[m.Args[1]] = true
		}
		return true
	})
	qs := inner(n)
	return len(qs) > 0 && !slices.ContainsFunc(qs, func(q *node) bool {
		return !good[q] || probing(q) || drawn(q) || !givesKey(q) && !settings(q)
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

// weighs is 1.0 * price / (stock + 1): a calculation with the row's own columns that
// begins with a number.
func weighs(n *node) bool {
	return n.Kind == sqlfacts.Binary && isName(n, "+", "-", "*", "/") && !any(n, func(m *node) bool {
		switch m.Kind {
		case sqlfacts.Query, sqlfacts.Case, sqlfacts.Variable:
			return true
		case sqlfacts.Func:
			return isInfo(m) || isName(m, "if", "ascii", "ord")
		case sqlfacts.Binary:
			return !isName(m, "+", "-", "*", "/")
		}
		return false
	})
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
