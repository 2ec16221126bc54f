package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// opposites is a LIKE 'x' OR a NOT LIKE 'x', and whatever else is asked for and
// denied at once.
func (x *probe) opposites(g *group) {
	for i, a := range g.alts {
		if a.Kind != sqlfacts.Unary || a.Name != "not" || len(a.Args) != 1 || a.Args[0].Kind != sqlfacts.Binary || len(a.Args[0].Args) != 2 {
			continue
		}
		no := a.Args[0]
		for j := max(0, i-reachBack); j < min(len(g.alts), i+reachBack); j++ {
			yes := g.alts[j]
			if yes.Kind != sqlfacts.Binary || yes.Name != no.Name || yes.Name == "is" || len(yes.Args) != 2 || !same(yes.Args[0], no.Args[0]) || !isLiteral(yes.Args[1]) || !isLiteral(no.Args[1]) {
				continue
			}
			x.seeWhen(3, "what is asked for and denied at once", func(v Values) bool {
				l, ok1 := value(yes.Args[1], v)
				r, ok2 := value(no.Args[1], v)
				return ok1 && ok2 && l == r
			})
		}
	}
}

// unlocked is name = 'a' AND password = 'x' OR ...: a check of a secret that an
// alternative goes round.
func (x *probe) unlocked(g *group) {
	checks := func(n *node) (lit *node) {
		for _, p := range parts(n) {
			if p.Kind == sqlfacts.Binary && p.Name == "=" && len(p.Args) == 2 && slices.ContainsFunc(columnsOf(p.Args[0]), func(c *node) bool { return isPassword(c.Name) }) && isConst(p.Args[1]) {
				if ls := literals(p.Args[1]); len(ls) > 0 {
					return ls[0]
				}
			}
		}
		return nil
	}
	asks := func(n *node) bool {
		return any(n, func(m *node) bool {
			if m.Kind == sqlfacts.Binary && (g.anded || len(parts(n)) > 1) && !isName(m, "=", "is", "in", "and", "or") {
				return false
			}
			return m.Kind == sqlfacts.Binary && slices.ContainsFunc(m.Args, func(c *node) bool {
				return slices.ContainsFunc(columnsOf(c), func(c *node) bool { return isPassword(c.Name) })
			})
		})
	}
	for i, a := range g.alts {
		lit := checks(a)
		if lit == nil {
			continue
		}
		for j, b := range g.alts {
			if i != j && !asks(b) && !isLiteral(b) {
				x.seeWhen(3, "an alternative that goes round the check of a password", func(v Values) bool { s, _ := value(lit, v); return s != "" })
				break
			}
		}
		return
	}
}

// orWritten is DELETE ... WHERE id = 5 OR ...: who names a row to be written wants
// no others.
func (x *probe) orWritten(before, ps []*node, at *scope) {
	key := before[len(before)-1]
	if at.stmt.Kind != sqlfacts.Update && at.stmt.Kind != sqlfacts.Delete || at.depth > 0 || len(before) != 1 || len(ps) != 1 || key.Kind != sqlfacts.Binary || key.Name != "=" || len(key.Args) != 2 || !isKey(key.Args[0]) && !isOwner(key.Args[0]) || key.Args[1].Kind != sqlfacts.Number {
		return
	}
	for _, n := range ps {
		cols := columnsOf(n)
		if len(cols) > 0 && !isKey(key.Args[0]) && ofTime(cols[0]) && n.Kind == sqlfacts.Binary && isName(n, "<", "<=") && len(n.Args) == 2 && n.Args[0] == cols[0] { // somebody's, and what has run out
			return
		}
		if n.Kind == sqlfacts.Binary && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && isLiteral(n.Args[1]) && isKey(key.Args[0]) {
			x.orAlike(key, n)
		}
		if len(cols) == 0 || keyish(strings.ToLower(cols[0].Name)) || params(n) || now(n) || n.Kind == sqlfacts.Binary && n.Name == "=" {
			return
		}
	}
	x.see(3, "a row that was named, or else others, to be written")
}

// orAlike is DELETE ... WHERE id = 5 OR role = 'x', OR id > 5, OR user_id = 1: the row that
// was named, or else all of a sort, beyond it or somebody's. A row and what hangs on it
// have one number, and a row may be named in another way.
func (x *probe) orAlike(key, n *node) {
	col, to := n.Args[0], n.Args[1]
	name := strings.ToLower(col.Name)
	switch {
	case same(col, key.Args[0]):
		if isName(n, "<", "<=", ">", ">=") {
			x.see(3, "a row that was named, or else those beyond, to be written")
		}
	case n.Name != "=":
	case keyish(name):
		if isOwner(col) && to.Kind == sqlfacts.Number {
			x.seeWhen(3, "a row that was named, or else somebody's, to be written", func(v Values) bool {
				a, ok1 := value(key.Args[1], v)
				b, ok2 := value(to, v)
				return ok1 && ok2 && a != b
			})
		}
	case allows(name) || sorts(name):
		x.see(3, "a row that was named, or else all of a sort, to be written")
	}
}

// orMade is id = 7 OR mod(b, 1) = 0: who names a row or its owner has no use for
// what is made of other columns.
func (x *probe) orMade(before, ps []*node) {
	key := before[len(before)-1]
	if len(before) != 1 || len(ps) != 1 || key.Kind != sqlfacts.Binary || key.Name != "=" || len(key.Args) != 2 || !isKey(key.Args[0]) && !isOwner(key.Args[0]) || key.Args[1].Kind != sqlfacts.Number {
		return
	}
	n := ps[0]
	owner := !isKey(key.Args[0])
	if owner && shares(n) {
		return
	}
	for n.Kind == sqlfacts.Unary && isName(n, "not", "!") && len(n.Args) == 1 {
		n = n.Args[0]
	}
	if n.Kind == sqlfacts.Binary && isName(n, "<", ">", "<=", ">=", "<>", "!=") && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && n.Args[1].Kind == sqlfacts.Column && isKey(key.Args[0]) {
		x.see(3, "a row that was named, or else how columns compare")
		return
	}
	if len(columnsOf(n)) == 0 || params(n) || anyQuery(n) || now(n) || !any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && len(m.Args) > 0 || owner && m.Kind == sqlfacts.Row && m.Name == "row" || m.Kind == sqlfacts.Binary && isName(m, "+", "-", "*", "/", "%", "^", "&", "|", "#", "<<", ">>", "div", "mod", "@>", "<@", "?")
	}) {
		return
	}
	text := literals(n)
	x.seeWhen(3, "a row that was named, or else what is made of others", func(v Values) bool { // but a search for a text, or for the same
		id, _ := value(key.Args[1], v)
		return !slices.ContainsFunc(text, func(l *node) bool {
			s, _ := value(l, v)
			return s == id && owner || l.Kind == sqlfacts.String && len(strings.Trim(s, "%_ ")) > 1 && !numbersOnly(s)
		})
	})
}

// numbersOnly reports whether a text is a document or a range that holds nothing but
// numbers.
func numbersOnly(s string) bool {
	return s != "" && strings.ContainsAny(s[:1], "[({") && strings.Trim(s, "[](){},. 0123456789") == ""
}

// shares reports whether a condition is one that those have beside an owner who let
// others see some of their rows: flags, lists of people, times, a kind that is asked
// for by its name.
func shares(n *node) bool {
	if n.Kind != sqlfacts.Func && n.Kind != sqlfacts.Binary && n.Kind != sqlfacts.Unary {
		return true
	}
	if n.Kind == sqlfacts.Func && !measure(n) {
		return true
	}
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && isName(m, "&", "->", "->>", "is") || m.Kind == sqlfacts.Func && isName(m, "coalesce", "ifnull", "nvl", "lower", "upper", "trim", "date", "date_trunc", "extract", "date_part", "year", "month", "day", "hour", "dayofweek", "weekday", "quarter", "week",
			"find_in_set", "cardinality", "array_length", "json_length", "jsonb_array_length", "st_distance", "st_dwithin", "st_distance_sphere", "similarity", "word_similarity", "levenshtein", "soundex")
	})
}

// orRest is id = 7 OR b <> 'x': as an alternative to a row that was named, what
// nearly all rows fulfil.
func (x *probe) orRest(before, ps []*node) {
	key := before[len(before)-1]
	if len(before) != 1 || key.Kind != sqlfacts.Binary || key.Name != "=" || len(key.Args) != 2 || !isKey(key.Args[0]) || key.Args[1].Kind != sqlfacts.Number || len(ps) != 1 {
		return
	}
	n := ps[0]
	if n.Kind == sqlfacts.Unary && n.Name == "not" || n.Kind == sqlfacts.Binary && isName(n, "<>", "!=", "is distinct from") {
		cols := columnsOf(n)
		if len(cols) == 0 || params(n) || anyQuery(n) {
			return
		}
		lits := literals(n)
		own := same(cols[0], key.Args[0])
		x.seeWhen(3, "a row that was named, or else all but some", func(v Values) bool { // but: or whoever is no admin
			return own || !slices.ContainsFunc(lits, func(l *node) bool { s, _ := value(l, v); return l.Kind == sqlfacts.String && s != "" })
		})
	}
}
