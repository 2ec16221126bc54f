package detect

import (
	"bytes"
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
	seen := map[*scope]map[string]int{}
	for _, p := range x.all {
		if p.n.Kind != sqlfacts.Table || !inCatalog(p.n.Qualifier, p.n.Name, x.mysql()) {
			continue
		}
		if seen[p.at] == nil {
			seen[p.at] = map[string]int{}
		}
		name := strings.ToLower(p.n.Name)
		if seen[p.at][name]++; seen[p.at][name] == 3 && clauseOf(p.at.stmt, sqlfacts.Where) == nil {
			x.see(3, "a product of "+name+" with itself")
		}
	}
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
