package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// inference: an answer is drawn out bit by bit.
var inference = Detector{
	ID: "boolean-inference", Title: "A question about data that the statement does not return",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, a := range x.arms {
			x.question(a)
		}
		for _, p := range x.all {
			switch {
			case p.n.Kind == sqlfacts.Case:
				x.cases(p)
			case p.n.Kind == sqlfacts.Func && isName(p.n, "if", "iif", "elt", "ifnull", "nullif", "make_set") && len(p.n.Args) > 1:
				if isConst(p.n.Args[0]) && !isLiteral(p.n.Args[0]) && p.n.Args[0].Kind != sqlfacts.Func {
					w := 3
					if p.clause == sqlfacts.Where && x.filtering(p.at) || p.n.Name == "if" && chooses(p, p.n.Args[1:]) {
						w = 1
					}
					x.unlessShared(w, p.n.Name+" on a constant condition", p.n.Args[0], p.n.Args[1:])
				} else if peeks(p.n.Args[0]) {
					x.see(3, p.n.Name+" on a piece of data")
				}
			}
		}
	},
}

// question judges one arm of a condition.
func (x *probe) question(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary && n.Kind != sqlfacts.Unary && n.Kind != sqlfacts.Query && n.Kind != sqlfacts.Func {
		return
	}
	if peeks(n) {
		x.see(3, "a piece of a sub-query's value compared")
		return
	}
	if any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "ascii", "ord", "unicode") && len(m.Args) == 1 &&
			m.Args[0].Kind == sqlfacts.Func && isName(m.Args[0], "substr", "substring", "mid", "left", "right")
	}) {
		edges := literals(n)
		x.seeWhen(3, "a character's number compared", func(v Values) bool {
			if len(edges) > 0 && edgeOf(n, edges[len(edges)-1], v) || x.sole(a) && initials(n, v) {
				return false
			}
			kinds := 0
			for _, l := range edges { // 127 and the like tell kinds of characters apart, and so do both ends of the letters
				switch s, _ := value(l, v); s {
				case "127", "128", "126", "255", "32", "31":
					return false
				case "48", "57", "65", "90", "97", "122":
					kinds++
				}
			}
			return kinds < 2
		})
		return
	}
	if n.Kind == sqlfacts.Binary && len(n.Args) >= 2 && !isName(n, "in", "not in", "and", "or") {
		if r := n.Args[1]; a.or && n.Args[0].Kind == sqlfacts.Column && isName(n, "=", "<>", "!=", "<", ">", "<=", ">=") && len(n.Args) == 2 && x.putBehind(a, n) {
			for r.Kind == sqlfacts.Unary && isName(r, "any", "all", "some") && len(r.Args) == 1 {
				r = r.Args[0]
			}
			if r.Kind == sqlfacts.Query && closed(r, a.of) && (n.Name != "=" || aggregated(r)) {
				x.see(3, "a limit that a sub-query gives, as an alternative")
				return
			}
		}
		for i, q := range n.Args {
			other := n.Args[(i+1)%len(n.Args)]
			if q.Kind == sqlfacts.Query && reads(q) && !correlated(q, a.of) && isConst(other) {
				if first, _ := x.filter(a); a.or && !(first && asksByKey(n, q)) && !(settings(q) && !probing(q)) {
					x.seeUnless(2, "a sub-query compared with a constant, as an alternative", x.knows(a, q))
				} else {
					x.see(1, "a sub-query compared with a constant")
				}
				return
			}
		}
	}
	if n.Kind == sqlfacts.Unary && n.Name == "exists" || n.Kind == sqlfacts.Query {
		if reads(n) && !correlated(n, a.of) && a.or && x.user { // drivers ask the catalogue so for a table's key
			x.see(2, "whether another table has a row, as an alternative")
		}
	}
}

// edgeOf reports whether a character's number is held against an end of the digits
// or of the letters, from the side on which there are none: < 65, > 122.
func edgeOf(n, edge *node, v Values) bool {
	s, _ := value(edge, v)
	switch n.Name {
	case "<":
		return s == "48" || s == "65" || s == "97"
	case ">":
		return s == "57" || s == "90" || s == "122"
	}
	return false
}

// initials reports whether a condition asks for the names that begin with some
// letters, for a page of an index: ascii(left(name, 1)) BETWEEN 65 AND 77.
func initials(n *node, v Values) bool {
	if n.Name != "between" || len(n.Args) != 3 || n.Args[0].Kind != sqlfacts.Func || len(n.Args[0].Args) != 1 || len(columnsOf(n.Args[0])) != 1 || isPassword(columnsOf(n.Args[0])[0].Name) {
		return false
	}
	for _, l := range literals(n.Args[0]) {
		if s, _ := value(l, v); s != "1" {
			return false
		}
	}
	lo, ok1 := number(n.Args[1], v)
	hi, ok2 := number(n.Args[2], v)
	return ok1 && ok2 && lo < hi && (lo >= 'A' && hi <= 'Z' || lo >= 'a' && hi <= 'z')
}

// putBehind reports whether an arm is one of alternatives, of which the one before
// ends in a literal.
func (x *probe) putBehind(a arm, n *node) bool {
	m, ok := x.member[n]
	if !ok { // one of several parts of an alternative
		for _, g := range x.groups {
			for i, alt := range g.alts {
				if i > 0 && alt.Kind == sqlfacts.Binary && slices.Contains(parts(alt), n) && behindLiteral(g.alts[i-1]) {
					return true
				}
			}
		}
		return false
	}
	return m.i > 0 && behindLiteral(m.g.alts[m.i-1])
}

// peeks reports whether a sub-query that reads is looked at by the character,
// by its length, by a pattern or by the bit.
func peeks(n *node) bool {
	return any(n, func(m *node) bool {
		switch {
		case m.Kind == sqlfacts.Func && isName(m, "ascii", "ord", "unicode", "substr", "substring", "mid", "left", "right", "length",
			"char_length", "character_length", "octet_length", "bit_length", "position", "locate", "instr", "strpos", "get_byte", "get_bit", "lpad", "rpad",
			"hex", "bin", "conv", "find_in_set", "field", "strcmp", "regexp_like", "regexp_instr", "starts_with", "split_part", "overlay", "encode", "to_hex", "trim", "reverse", "translate", "crc32", "md5"):
			for _, a := range m.Args {
				if looks(a) {
					return true
				}
			}
		case m.Kind == sqlfacts.Binary && isName(m, "like", "not like", "ilike", "rlike", "regexp", "~", "~*", "similar to", "like binary", "sounds like"):
			return len(m.Args) > 0 && m.Args[0].Kind == sqlfacts.Query && reads(m.Args[0])
		case m.Kind == sqlfacts.Binary && isName(m, "&", ">>", "<<") && len(m.Args) == 2:
			return looks(m.Args[0])
		}
		return false
	})
}

// looks reports whether n is a sub-query that reads, or tells about the server,
// perhaps inside casts and functions.
func looks(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Query && reads(m) || m.Kind == sqlfacts.Func && isInfo(m) ||
			m.Kind == sqlfacts.Variable && strings.HasPrefix(m.Name, "@@") || m.Kind == sqlfacts.Unary && m.Name == "@@"
	})
}

// cases judges CASE: a constant condition, or one on data out of place.
func (x *probe) cases(p place) {
	for _, w := range p.n.Args {
		if w == nil || w.Kind != sqlfacts.When || len(w.Args) < 2 {
			continue
		}
		switch {
		case isConst(w.Args[0]) && !isLiteral(w.Args[0]) && w.Args[0].Kind != sqlfacts.Func && p.n.Args[0].Kind == sqlfacts.Missing:
			weight := 3
			if p.in != nil && p.in.Kind == sqlfacts.Binary && isName(p.in, "like", "ilike") && !anyQuery(p.n) || p.clause == sqlfacts.Targets && lastOf(p.n, w) {
				weight = 1 // a pattern that is left open, or an ELSE
			}
			if chooses(p, append(p.n.Args[1:len(p.n.Args):len(p.n.Args)], w.Args[1:]...)) {
				weight = 1
			}
			x.unlessShared(weight, "CASE on a constant condition", w.Args[0], append(p.n.Args[1:len(p.n.Args):len(p.n.Args)], w.Args[1:]...))
		case peeks(w.Args[0]):
			x.see(3, "CASE on a piece of data")
		case p.clause == sqlfacts.Order && looks(w.Args[0]) && !(len(inner(w.Args[0])) > 0 && tied(w.Args[0])) && !listed(w.Args[0]):
			x.see(3, "an order that depends on another table's data")
		}
	}
}

// lastOf reports whether a branch is the last of a CASE whose others depend on the
// row: it stands for ELSE.
func lastOf(n, w *node) bool {
	i := slices.Index(n.Args, w)
	return i == len(n.Args)-1 && i > 1 && len(columnsOf(n.Args[1])) > 0 && !anyQuery(n)
}

// chooses reports whether a choice by literals alone is made between what the row
// holds anyway, to be shown: IF('de' = 'de', title_de, title_en) tells nobody
// anything else than the row.
func chooses(p place, branches []*node) bool {
	if p.clause != sqlfacts.Targets || p.at.depth > 0 || p.at.stmt.Kind != sqlfacts.Select || any(p.n, func(m *node) bool {
		return m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Func && m != p.n && isInfo(m)
	}) {
		return false
	}
	return slices.ContainsFunc(branches, func(b *node) bool { return b.Kind == sqlfacts.Column })
}

// unlessShared sees a constant condition, but not one on a value that a column
// is compared with nearby: that is a filter that can be left empty.
func (x *probe) unlessShared(weight int, detail string, test *node, near []*node) {
	tests := literals(test)
	if !any(test, func(m *node) bool {
		return m.Kind == sqlfacts.Binary && (isComparison(m.Name) || isName(m, "in", "between", "is", "and", "or", "xor", "similar to", "is distinct from")) || m.Kind == sqlfacts.Unary || m.Kind == sqlfacts.Query
	}) {
		return
	}
	if !x.user && !anyQuery(test) { // a tool that looks at the server's version
		weight = 1
	}
	idle := func(Values) bool { return false }
	if test.Kind == sqlfacts.Binary && test.Name == "=" && len(test.Args) == 2 && test.Args[0].Kind == sqlfacts.Number && test.Args[1].Kind == sqlfacts.Number {
		l, r := test.Args[0], test.Args[1] // 0 = 1 is how tools write that nothing is to be left out
		idle = func(v Values) bool {
			a, _ := value(l, v)
			b, _ := value(r, v)
			return a == "0" && b == "1" || a == "1" && b == "0"
		}
		x.seeWhen(1, detail, idle)
	}
	names := map[string]bool{}
	for _, p := range x.all {
		if p.n.Kind == sqlfacts.Column && p.clause == sqlfacts.Order {
			names[p.n.Name] = true
		}
	}
	lefts, returned := append(x.switches(test), switchedBy(near, test)...), literalsOf(near)
	// CASE WHEN 0 = 0 THEN user_id ELSE 0 END: the column itself, or else the value
	// that is tested.
	open := test.Name == "=" && slices.ContainsFunc(near, func(n *node) bool { return n.Kind == sqlfacts.Column })
	x.seeWhen(weight, detail, func(v Values) bool {
		if idle(v) || sharesValue(tests, near, v) || test.Kind == sqlfacts.Binary && len(test.Args) == 2 && leftOpen(test, v) {
			return false
		}
		for _, l := range tests {
			s, ok := value(l, v)
			if open && ok && slices.ContainsFunc(returned, func(o *node) bool { t, ok := value(o, v); return ok && t == s }) {
				return false
			}
			if !ok || l.Kind != sqlfacts.String || s == "" {
				continue
			}
			// What is tested is what is chosen, or is tested for something else beside.
			if slices.ContainsFunc(append(returned, lefts...), func(o *node) bool { t, ok := value(o, v); return ok && t == s }) {
				return false
			}
		}
		for _, l := range tests { // a list that is sorted by the column that was named
			s, _ := value(l, v)
			if names[s] {
				return false
			}
			for name := range names { // price_desc
				if len(name) > 2 && l.Kind == sqlfacts.String && strings.HasPrefix(s, name+"_") {
					return false
				}
			}
		}
		return true
	})
}

// switches are what CASE beside a test compares with something too: CASE WHEN
// 'name' = 'name' THEN name END, CASE WHEN 'name' = 'price' THEN price END.
func (x *probe) switches(test *node) []*node {
	var out []*node
	for _, p := range x.all {
		if p.n.Kind != sqlfacts.When || p.clause != sqlfacts.Order || len(p.n.Args) == 0 || len(out) >= reachBack {
			continue
		}
		if o := p.n.Args[0]; o != test && o.Kind == sqlfacts.Binary && o.Name == "=" && len(o.Args) == 2 && isLiteral(o.Args[0]) && isLiteral(o.Args[1]) {
			out = append(out, o.Args[0])
		}
	}
	return out
}

// switchedBy are what the other branches of the same CASE compare with something.
func switchedBy(near []*node, test *node) []*node {
	var out []*node
	for _, w := range near {
		if w == nil || w.Kind != sqlfacts.When || len(w.Args) == 0 || w.Args[0] == test || len(out) >= reachBack {
			continue
		}
		if o := w.Args[0]; o.Kind == sqlfacts.Binary && o.Name == "=" && len(o.Args) == 2 && isLiteral(o.Args[0]) && isLiteral(o.Args[1]) {
			out = append(out, o.Args[0])
		}
	}
	return out
}

// literalsOf are the literals that are branches by themselves.
func literalsOf(ns []*node) []*node {
	var out []*node
	for _, n := range ns {
		if isLiteral(n) {
			out = append(out, n)
		}
	}
	return out
}

// sharesValue reports whether one of the literals is a value that a column is
// compared with below near.
func sharesValue(tests, near []*node, v Values) bool {
	for _, n := range near {
		if any(n, func(m *node) bool {
			if m.Kind != sqlfacts.Binary || len(m.Args) < 2 || !isComparison(m.Name) && !isName(m, "in", "between") || len(columnsOf(m.Args[0])) == 0 {
				return false
			}
			for _, r := range m.Args[1:] {
				for _, l := range literals(r) {
					b, okB := value(l, v)
					for _, t := range tests {
						if a, okA := value(t, v); okA && okB && a == b {
							return true
						}
					}
				}
			}
			return false
		}) {
			return true
		}
	}
	return false
}
