package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// A program that knows who asks writes the same key into a statement and into
// the sub-query that checks something about it: user_id = 2 OR (SELECT role FROM
// users WHERE id = 2) = 'admin'. What is put into a statement does not know such
// keys, or has no use for them.

// named is a key that a statement names.
type key struct {
	column string
	value  *node
}

// related returns whether a sub-query names a key that the statement around it
// names too, nil if it cannot: the values say so.
func related(q *node, at *scope, others ...key) func(Values) bool {
	if len(q.Args) == 0 {
		return nil
	}
	mine := others
	if w := clauseOf(q.Args[0], sqlfacts.Where); w != nil && len(w.Args) == 1 {
		mine = append(mine, keysIn(parts(w.Args[0]))...)
	}
	if !at.looked {
		at.keys, at.looked = keysOf(at.stmt), true
	}
	theirs := at.keys
	if len(mine) == 0 || len(theirs) == 0 {
		return nil
	}
	inside, outside := tablesOf(q), home(at)
	var pairs [][2]*node
	for _, m := range mine {
		for _, t := range theirs {
			if refers(t.column, inside) && !refers(m.column, nil) || refers(m.column, outside) && !refers(t.column, nil) || m.column == t.column && refers(m.column, nil) {
				pairs = append(pairs, [2]*node{m.value, t.value})
			}
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return func(v Values) bool {
		return slices.ContainsFunc(pairs, func(p [2]*node) bool {
			a, ok1 := value(p[0], v)
			b, ok2 := value(p[1], v)
			return ok1 && ok2 && a == b && a != ""
		})
	}
}

// knows is related for an arm of a condition, in which the literal that is looked
// for may be the key: 2 IN (SELECT id FROM users WHERE role = 'admin').
func (x *probe) knows(a arm, q *node) func(Values) bool {
	var looked []key
	if t := targetsOf(q); a.n.Kind == sqlfacts.Binary && isName(a.n, "in", "=") && len(a.n.Args) == 2 && t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Column && isLiteral(a.n.Args[0]) {
		looked = []key{{t.Args[0].Name, a.n.Args[0]}}
	}
	return related(q, a.of, looked...)
}

// refers reports whether a column is called as references to rows are; of one of
// the tables, if any are given.
func refers(column string, tables []string) bool {
	stem, ok := strings.CutSuffix(strings.ToLower(column), "id")
	stem = strings.TrimSuffix(stem, "_")
	if !ok || stem == "" {
		return false
	}
	return tables == nil || slices.ContainsFunc(tables, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), stem) })
}

// keysOf are the keys that a statement names by a literal: in its conditions, in
// the rows that it inserts, in what it sets.
func keysOf(stmt *node) []key {
	var out []key
	var targets []*node
	for _, c := range stmt.Args {
		if c == nil {
			continue
		}
		switch c.Kind {
		case sqlfacts.Where:
			each(c, func(m *node) bool {
				out = append(out, keysIn([]*node{m})...)
				return m.Kind != sqlfacts.Query && len(out) < reachBack
			})
		case sqlfacts.Targets:
			targets = c.Args
			for _, m := range c.Args {
				if m.Kind == sqlfacts.Assign && len(m.Args) == 1 && isLiteral(m.Args[0]) && len(out) < reachBack {
					out = append(out, key{m.Name, m.Args[0]})
				}
			}
		case sqlfacts.Values:
			if len(c.Args) == 0 {
				continue
			}
			for i, m := range c.Args[0].Args {
				if i < len(targets) && isLiteral(m) && len(out) < reachBack {
					out = append(out, key{targets[i].Name, m})
				}
			}
		}
	}
	return out
}

// keysIn are those that conditions name.
func keysIn(conditions []*node) []key {
	var out []key
	for _, n := range conditions {
		if n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && isLiteral(n.Args[1]) {
			out = append(out, key{n.Args[0].Name, n.Args[1]})
		}
	}
	return out
}

// seeUnless sees something that is nothing to speak of where usual is true.
func (x *probe) seeUnless(weight int, detail string, usual func(Values) bool) {
	if usual == nil {
		x.see(weight, detail)
		return
	}
	x.seeWhen(weight, detail, func(v Values) bool { return !usual(v) })
}
