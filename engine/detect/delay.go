package detect

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// delay: the server is made to wait, and time tells what it saw.
var delay = Detector{
	ID: "time-delay", Title: "A statement that waits on purpose",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, c := range x.calls {
			switch {
			case isName(c.n, "sleep", "benchmark", "pg_sleep", "pg_sleep_for", "pg_sleep_until", "waitfor", "receive_message", "randomblob", "regexp_substring"), strings.HasPrefix(c.n.Qualifier, "dbms_"), strings.HasPrefix(c.n.Qualifier, "utl_"), c.n.Qualifier == "ctxsys":
				if c.clause == sqlfacts.Targets && c.at.depth == 0 && x.alone() && clauseOf(c.at.stmt, sqlfacts.From) == nil && isTarget(c) {
					x.see(2, c.n.Name+" by itself")
				} else {
					x.see(4, c.n.Name+" inside a statement")
				}
			case c.n.Name == "generate_series" && len(c.n.Args) > 1 && c.n.Args[1].Kind == sqlfacts.Number && c.n.Args[1].Slot >= 0:
				slot, weight := c.n.Args[1].Slot, 3
				if x.source(c) {
					weight = 1
				}
				x.seeWhen(weight, "a series of millions", func(v Values) bool {
					b := v.Value(slot, nil)
					return len(b) > 6 && !bytes.ContainsAny(b, "-:/ ")
				})
			}
		}
		for _, c := range x.calls {
			x.lengthened(c)
		}
		x.heavy()
		for _, a := range x.arms {
			x.labours(a)
		}
	},
}

// alone reports whether there is one statement, but for settings before it.
func (x *probe) alone() bool {
	n := 0
	for _, s := range x.facts.Statements {
		if s.Kind != sqlfacts.Set && s.Kind != sqlfacts.Begin {
			n++
		}
	}
	return n == 1
}

// isTarget reports whether a call is a column of its query, as it is or cast.
func isTarget(c call) bool {
	t := clauseOf(c.at.stmt, sqlfacts.Targets)
	return t != nil && slices.ContainsFunc(t.Args, func(n *node) bool {
		for n.Kind == sqlfacts.Cast && len(n.Args) == 1 {
			n = n.Args[0]
		}
		return n == c.n
	})
}

// source reports whether a function gives the rows of a statement that stands by
// itself: it fills a table with made-up rows, or measures something.
func (x *probe) source(c call) bool {
	if !x.alone() || c.clause != sqlfacts.From || c.in == nil || c.in.Kind != sqlfacts.From {
		return false
	}
	if c.at.depth == 1 {
		k := c.at.outer.stmt.Kind
		return k == sqlfacts.Insert || k == sqlfacts.Define || k == sqlfacts.Copy
	}
	return c.at.depth == 0
}

// lengthened is a text or an array of many thousand parts, made for a condition or
// an order: REPEAT(name, 200000).
func (x *probe) lengthened(c call) {
	if !isName(c.n, "repeat", "rpad", "lpad", "space", "array_fill") {
		return
	}
	switch c.clause {
	case sqlfacts.Where, sqlfacts.Having, sqlfacts.Order, sqlfacts.Group, sqlfacts.Limit:
	default:
		return
	}
	ls := literals(c.n)
	x.seeWhen(3, c.n.Name+" to a length that only takes time", func(v Values) bool {
		return slices.ContainsFunc(ls, func(l *node) bool {
			f, ok := number(l, v)
			return ok && l.Kind == sqlfacts.Number && f >= 20000
		})
	})
}

// labours is work on texts that are made up on the spot: what a condition
// without a column takes time with.
func (x *probe) labours(a arm) {
	if !isConst(a.n) || isLiteral(a.n) || len(home(a.of)) == 0 {
		return
	}
	if any(a.n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "repeat", "rpad", "lpad", "space", "encode", "decode", "sha2", "aes_encrypt", "compress", "crypt", "generate_series", "benchmark", "get_lock", "pg_advisory_lock", "regexp_replace", "array_fill") &&
			!any(m, func(k *node) bool { return k.Kind == sqlfacts.Query })
	}) {
		if any(a.n, func(m *node) bool { return m.Kind == sqlfacts.Func && isName(m, "get_lock", "pg_advisory_lock") }) {
			x.see(3, "a lock inside a condition")
		} else {
			x.see(3, "work on a text that is made up for it")
		}
	}
}

// heavy is a product of tables that nobody needs.
func (x *probe) heavy() {
	for _, q := range x.queries {
		if len(q.n.Args) == 0 {
			continue
		}
		s := q.n.Args[0]
		if from := clauseOf(s, sqlfacts.From); from != nil && len(from.Args) >= 3 && clauseOf(s, sqlfacts.Where) == nil && products(from) >= 3 &&
			any(s, func(m *node) bool { return m.Kind == sqlfacts.Func && m.Name == "count" }) {
			x.see(3, "a product of tables counted")
		}
	}
	for _, p := range x.all {
		if p.n.Kind != sqlfacts.From || p.at == nil || clauseOf(p.at.stmt, sqlfacts.Where) != nil {
			continue
		}
		seen := map[string]int{}
		x.loose(p.n, seen)
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			if seen[name] >= 3 {
				x.see(3, "a product of "+name+" with itself")
			}
		}
	}
}

// loose counts the catalogue's tables, by name, that nothing ties to the relation
// before them: what is joined on a column of each side multiplies nothing, however
// often a browser of the catalogue looks the same table up.
func (x *probe) loose(n *node, seen map[string]int) {
	switch n.Kind {
	case sqlfacts.Table:
		if inCatalog(n.Qualifier, n.Name, x.mysql()) {
			seen[strings.ToLower(n.Name)]++
		}
	case sqlfacts.From, sqlfacts.Join:
		for i, r := range n.Args {
			if n.Kind == sqlfacts.Join && onColumns(n) {
				if i > 1 || i == 1 && r.Kind == sqlfacts.Table {
					break
				}
			}
			x.loose(r, seen)
		}
	}
}

// onColumns reports whether a join's condition compares a column of one relation with
// one of another.
func onColumns(join *node) bool {
	return join.Name == "natural" || len(join.Args) > 2 && compares(join.Args[2])
}

func compares(n *node) bool {
	switch {
	case n.Kind != sqlfacts.Binary: // USING
		return n.Kind == sqlfacts.Row || n.Kind == sqlfacts.Column || n.Kind == sqlfacts.Other && n.Name == "using"
	case isName(n, "and", "&&"):
		return slices.ContainsFunc(n.Args, compares)
	case isName(n, "or"):
		return !slices.ContainsFunc(n.Args, func(a *node) bool { return !compares(a) })
	}
	if n.Name != "=" || len(n.Args) != 2 {
		return false
	}
	of := func(n *node) (c *node) {
		each(n, func(m *node) bool {
			if m.Kind == sqlfacts.Column && c == nil {
				c = m
			}
			return c == nil
		})
		return c
	}
	a, b := of(n.Args[0]), of(n.Args[1])
	return a != nil && b != nil && (a.Qualifier != b.Qualifier || a.Qualifier == "" && a.Name != b.Name)
}

// products counts the relations that are put side by side without a condition.
func products(from *node) (n int) {
	for _, r := range from.Args {
		if r.Kind == sqlfacts.Table {
			n++
		}
	}
	return n
}
