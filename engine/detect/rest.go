package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// What is put behind a value has to end so that the rest of the statement, which
// was written for one value, still fits. These see what is left of that.

// takenBack is a = 'x' OR b > 5 AND a <> 'x': behind an alternative that is nothing
// but a value, the next one asks that the column has another, which says nothing.
func (x *probe) takenBack(g *group) {
	for i, alt := range g.alts[1:min(len(g.alts), reachBack)] {
		before, ps := parts(g.alts[i]), parts(alt)
		yes := before[0]
		if len(before) != 1 || len(ps) < 2 || yes.Kind != sqlfacts.Binary || yes.Name != "=" || len(yes.Args) != 2 || yes.Args[0].Kind != sqlfacts.Column || !isLiteral(yes.Args[1]) {
			continue
		}
		if isOwner(yes.Args[0]) && yes.Args[1].Kind == sqlfacts.Number && slices.ContainsFunc(ps, func(p *node) bool { // somebody's, and what others show
			return p.Kind == sqlfacts.Binary && p.Name == "=" && len(p.Args) == 2 && p.Args[0].Kind == sqlfacts.Column && p.Args[1].Kind == sqlfacts.String
		}) {
			continue
		}
		for _, p := range ps {
			no := denied(p)
			if no.Kind != sqlfacts.Binary || len(no.Args) < 2 || !isName(no, "<>", "!=") && (no == p || !isName(no, "in", "=", "like")) || !same(no.Args[0], yes.Args[0]) || !isLiteral(no.Args[1]) {
				continue
			}
			x.seeWhen(3, "a value that was asked for, and then denied beside something else", func(v Values) bool {
				a, ok1 := value(yes.Args[1], v)
				b, ok2 := value(no.Args[1], v)
				return ok1 && ok2 && a == b
			})
		}
	}
}

// quotedAndNot is a > 0 AND b = 'x' OR c = 'y' AND a < '9': a column that one
// alternative holds against a number, and another against one in quotes. Whoever
// writes a condition knows what its column is; who is put into a text's place has
// quotes around whatever comes last.
func (x *probe) quotedAndNot(g *group) {
	type limit struct {
		column, value *node
		alt           int
	}
	var bare, quoted []limit
	for i, alt := range g.alts[:min(len(g.alts), reachBack)] {
		for _, p := range parts(alt) {
			if p.Kind != sqlfacts.Binary || len(p.Args) < 2 || p.Args[0].Kind != sqlfacts.Column || !isName(p, "=", "<>", "!=", "<", ">", "<=", ">=", "between") {
				continue
			}
			for _, a := range p.Args[1:] {
				switch a.Kind {
				case sqlfacts.Number:
					bare = append(bare, limit{p.Args[0], a, i})
				case sqlfacts.String:
					quoted = append(quoted, limit{p.Args[0], a, i})
				}
			}
		}
	}
	for _, q := range quoted {
		if slices.ContainsFunc(bare, func(b limit) bool { return b.alt < q.alt && same(b.column, q.column) }) {
			x.seeWhen(3, "a column held against a number, or else against one in quotes", func(v Values) bool {
				_, ok := number(q.value, v)
				return ok
			})
			return
		}
	}
}

// wider is user_id = 2 AND qty BETWEEN 1 AND 5 OR qty BETWEEN 1 AND 100: what
// somebody owns in a range, or else what anybody has in another range of the same;
// or what has the value that was asked for, or else is beyond another one. And
// user_id = 2 AND a LIKE '%x%' OR b LIKE '%y%': a search looks for one text in all of
// its columns.
func (x *probe) wider(before, ps []*node) {
	asks := func(n *node, ops ...string) bool {
		return n.Kind == sqlfacts.Binary && isName(n, ops...) && len(n.Args) > 1 && n.Args[0].Kind == sqlfacts.Column && isLiteral(n.Args[1])
	}
	if len(before) < 2 {
		return
	}
	last, first := before[len(before)-1], ps[0]
	ranged := asks(first, "<", "<=", ">", ">=", "between") && slices.ContainsFunc(before, func(n *node) bool {
		return (n == last && asks(n, first.Name) || len(ps) == 1 && asks(n, "=")) && same(n.Args[0], first.Args[0])
	})
	searched := asks(first, "like", "ilike") && len(ps) == 1 && asks(last, first.Name)
	if !ranged && !searched {
		return
	}
	owned := func(ns []*node) bool {
		return slices.ContainsFunc(ns, func(n *node) bool {
			return n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && (isKey(n.Args[0]) || isOwner(n.Args[0])) && n.Args[1].Kind == sqlfacts.Number
		})
	}
	switch {
	case !owned(before) || owned(ps):
	case ranged:
		x.see(3, "a range of what somebody owns, or else a range of anybody's")
	default:
		a, b := last.Args[1], first.Args[1]
		x.seeWhen(3, "a text in what somebody owns, or else another in anybody's", func(v Values) bool {
			s, ok1 := value(a, v)
			t, ok2 := value(b, v)
			return ok1 && ok2 && s != t
		})
	}
}

// sandwich is a = 'x' OR ... OR a = ”: what becomes of a text's place when quotes
// are closed in it, and the rest of the statement needs one that is open.
func (x *probe) sandwich(g *group) {
	if len(g.alts) < 3 {
		return
	}
	before, behind := parts(g.alts[0]), parts(g.alts[len(g.alts)-1])
	first, last := before[len(before)-1], behind[0]
	asks := func(n *node) bool {
		return n.Kind == sqlfacts.Binary && isName(n, "=", "like", "ilike", "~~") && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.String
	}
	if !asks(first) || !asks(last) || len(columnsOf(first.Args[0])) == 0 {
		return
	}
	pairs, ok := alike(first.Args[0], last.Args[0], nil)
	if !ok {
		return
	}
	again := func(n *node) bool {
		if !asks(n) || n.Name != first.Name {
			return false
		}
		_, ok := alike(n.Args[0], first.Args[0], nil)
		return ok
	}
	for _, a := range g.alts[1 : len(g.alts)-1] {
		if asks(a) && a.Args[0].Kind == sqlfacts.Column && sorts(a.Args[0].Name) && first.Args[0].Kind == sqlfacts.Column && sorts(first.Args[0].Name) { // one of two, or none is given
			continue
		}
		if !again(a) && !(isNullTest(a) && same(a.Args[0], first.Args[0])) {
			rest := last.Args[1]
			x.seeWhen(3, "a column asked for twice, with something else between, and for nothing at last", func(v Values) bool {
				s, ok := value(rest, v)
				return ok && strings.Trim(s, "% ") == "" && !slices.ContainsFunc(pairs, func(p [2]*node) bool {
					a, ok1 := value(p[0], v)
					b, ok2 := value(p[1], v)
					return !ok1 || !ok2 || a != b
				})
			})
			return
		}
	}
}

// hollow is a = 'x' OR b > 5 AND a <> ”: the quote that was closed behind x needs
// an open one at the end, and a column that is to have a value needs no other
// condition than that to have one.
func (x *probe) hollow(g *group) {
	for i, alt := range g.alts[1:min(len(g.alts), reachBack)] {
		ps := parts(alt)
		last := ps[len(ps)-1]
		if len(ps) < 2 || last.Kind != sqlfacts.Binary || !isName(last, "<>", "!=") || len(last.Args) != 2 || last.Args[0].Kind != sqlfacts.Column || last.Args[1].Kind != sqlfacts.String {
			continue
		}
		before := parts(g.alts[i])
		first := before[len(before)-1]
		if first.Kind != sqlfacts.Binary || !isName(first, "=", "like", "ilike", "~~") || len(first.Args) != 2 || first.Args[1].Kind != sqlfacts.String {
			continue
		}
		// Another column may be asked not to be empty for its own sake, but hardly as
		// the end of a question about another table.
		if !same(first.Args[0], last.Args[0]) && (g.anded || !slices.ContainsFunc(ps[:len(ps)-1], func(p *node) bool {
			return slices.ContainsFunc(inner(p), func(q *node) bool { return closed(q, g.at) && strange(q, g.at) })
		})) {
			continue
		}
		x.seeWhen(3, "a column that was asked for, and at last is not to be empty", func(v Values) bool {
			s, _ := value(last.Args[1], v)
			asked, _ := value(first.Args[1], v)
			return s == "" && asked != ""
		})
	}
}

// box reports whether conditions are ranges of columns, one each: of a map's part.
func box(ps []*node) bool {
	var of []*node
	for _, p := range ps {
		if p.Kind != sqlfacts.Binary || p.Name != "between" || len(p.Args) == 0 || p.Args[0].Kind != sqlfacts.Column {
			return false
		}
		of = append(of, p.Args[0])
	}
	return len(of) > 1 && !twice(of)
}
