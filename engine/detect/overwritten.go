package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// What a statement writes comes from the form that it was made for, from the row
// itself, or from rows that are tied to it. These judge what is written that is none
// of that.

// reckonedRow is UPDATE t SET a = (SELECT sum(b) FROM u) WHERE id = 7: what all rows of
// another table come to, in one row that was named. Programs keep such sums as what
// they are called: total_sales of sales, avg_price of price.
func (x *probe) reckonedRow(q query) {
	if q.at.depth > 0 || q.in == nil || !closed(q.n, q.at) || !strange(q.n, q.at) || x.summed(q.n) == nil {
		return
	}
	of := x.summed(q.n)
	switch stmt := q.at.stmt; {
	case stmt.Kind == sqlfacts.Update && q.clause == sqlfacts.Targets:
		to := assignedBy(stmt, q.n)
		if to == nil || !namesRowByKey(stmt) || akin(to.Name, of.Name) || slices.ContainsFunc(tablesOf(q.n), func(t string) bool { return akin(to.Name, t) }) {
			return
		}
		if isPersonal(of.Name) {
			x.see(3, "what is known of people, summed up in a row that was named")
		} else {
			x.see(2, "what another table comes to, in a row that was named")
		}
	case stmt.Kind == sqlfacts.Insert && q.clause == sqlfacts.Values && q.in.Kind == sqlfacts.Row:
		to := clauseOf(stmt, sqlfacts.Targets)
		if to == nil || len(to.Args) != len(q.in.Args) {
			return
		}
		for i, c := range to.Args { // a row of somebody's, not one of what there was on a day
			if isOwner(c) && isLiteral(q.in.Args[i]) {
				x.see(3, "what another table comes to, in a row of somebody's")
				return
			}
		}
	}
}

// summed is the column whose values a sub-query sums up over all rows of a table, nil
// if it does something else, or if the column holds keys or times.
func (x *probe) summed(q *node) *node {
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || len(q.Args) == 0 || clauseOf(q.Args[0], sqlfacts.Where) != nil || clauseOf(q.Args[0], sqlfacts.Group) != nil {
		return nil
	}
	f := t.Args[0]
	if f.Kind != sqlfacts.Func || !isName(f, "sum", "avg", "min", "max", "std", "stddev", "variance") || len(f.Args) == 0 || f.Args[0].Kind != sqlfacts.Column || referring(f.Args[0].Name) {
		return nil
	}
	return f.Args[0]
}

// assignedBy is the assignment that a sub-query is a part of.
func assignedBy(stmt, q *node) *node {
	t := clauseOf(stmt, sqlfacts.Targets)
	if t == nil || len(t.Args) > 64 { // a form has no more
		return nil
	}
	for _, m := range t.Args {
		if m.Kind == sqlfacts.Assign && any(m, func(n *node) bool { return n == q }) {
			return m
		}
	}
	return nil
}

// namesRowByKey reports whether a statement names the row that it writes by its key.
func namesRowByKey(s *node) bool {
	w := clauseOf(s, sqlfacts.Where)
	return w != nil && len(w.Args) == 1 && slices.ContainsFunc(parts(w.Args[0]), func(n *node) bool {
		return n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && isKey(n.Args[0]) && isLiteral(n.Args[1])
	})
}

// akin reports whether two names share a word.
func akin(a, b string) bool {
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '_' })
	}
	for _, v := range words(a) {
		for _, w := range words(b) {
			if strings.TrimSuffix(v, "s") == strings.TrimSuffix(w, "s") {
				return true
			}
		}
	}
	return false
}

// secretOverwritten is INSERT ... ON CONFLICT DO UPDATE SET password = 'x' that gives a
// new row no password: the rows that it is after are those that exist. And an UPDATE
// that gives a row the secret of another relation's row, which nothing ties to it.
func (x *probe) secretOverwritten(s *node) {
	t := clauseOf(s, sqlfacts.Targets)
	switch {
	case t == nil:
	case s.Kind == sqlfacts.Insert:
		c := clauseOf(s, sqlfacts.Conflict)
		if c == nil || len(t.Args) == 0 {
			return
		}
		each(c, func(m *node) bool {
			if m.Kind == sqlfacts.Assign && len(m.Args) == 1 && isLiteral(m.Args[0]) && m.Args[0].Kind != sqlfacts.Null && isSecret(m.Name) && !slices.ContainsFunc(t.Args, func(o *node) bool { return strings.EqualFold(o.Name, m.Name) }) {
				x.see(3, "a secret overwritten, that a new row is not given")
			}
			return m.Kind != sqlfacts.Query
		})
	case s.Kind == sqlfacts.Update:
		from, w := clauseOf(s, sqlfacts.From), clauseOf(s, sqlfacts.Where)
		var rels []relation
		var conds []*node
		if from == nil || !spread(from, &rels, &conds) {
			return
		}
		if w != nil && len(w.Args) == 1 {
			conds = append(conds, parts(w.Args[0])...)
		}
		for _, c := range conds {
			if names, ok := qualifiers(c); !ok || len(names) > 1 {
				return
			}
		}
		for _, m := range t.Args {
			if m.Kind == sqlfacts.Assign && len(m.Args) == 1 && m.Args[0].Kind == sqlfacts.Column && m.Args[0].Qualifier != "" && isPersonal(m.Args[0].Name) {
				x.see(3, "what is known of people, taken from a row that nothing ties to the one that is written")
				return
			}
		}
	}
}

// mixed is coalesce((SELECT secret FROM u WHERE u.id = t.id), name): another table's
// secret in the place of what is shown of a row.
func (x *probe) mixed(q query) {
	if q.at.depth > 0 || q.clause != sqlfacts.Targets || q.at.stmt.Kind != sqlfacts.Select || q.in == nil || q.in.Kind != sqlfacts.Func || !strange(q.n, q.at) {
		return
	}
	t := targetsOf(q.n)
	if t == nil || !holdsSecrets(t) || aggregated(q.n) || !isName(q.in, "coalesce", "ifnull", "nvl", "nullif", "concat", "concat_ws", "if", "greatest", "least") {
		return
	}
	if slices.ContainsFunc(q.in.Args, func(m *node) bool { return m.Kind == sqlfacts.Column && shown(m.Name) }) {
		x.see(3, "a secret of another table, in the place of what is shown of a row")
	}
}

// tiedByRange is JOIN u ON u.id = t.u_id OR u.id > 1: relations that belong together
// where their keys are the same, or else wherever one is beyond a number.
func (x *probe) tiedByRange() {
	for _, a := range x.arms {
		n := a.n
		if a.clause != sqlfacts.From || !a.or || a.not || n.Kind != sqlfacts.Binary || len(n.Args) < 2 || !isKey(n.Args[0]) && !isOwner(n.Args[0]) || !isName(n, "<", "<=", ">", ">=", "<>", "!=", "between") || n.Args[1].Kind != sqlfacts.Number {
			continue
		}
		m, ok := x.member[n]
		if ok && slices.ContainsFunc(m.g.alts[:min(len(m.g.alts), reachBack)], func(o *node) bool {
			return o.Kind == sqlfacts.Binary && o.Name == "=" && len(o.Args) == 2 && o.Args[0].Kind == sqlfacts.Column && o.Args[1].Kind == sqlfacts.Column && o.Args[0].Qualifier != o.Args[1].Qualifier
		}) {
			x.see(3, "relations tied by a key, or else by a range of keys")
		}
	}
}

// tiesNothing reports whether a join's condition leaves every row beside every other:
// a constant, a range of keys, or that the keys of two tables differ.
func tiesNothing(c *node) bool {
	if isConst(c) {
		return true
	}
	if c.Kind != sqlfacts.Binary || len(c.Args) < 2 || !isKey(c.Args[0]) {
		return false
	}
	r := c.Args[1]
	return isName(c, "<", "<=", ">", ">=", "<>", "!=", "between") && r.Kind == sqlfacts.Number || isName(c, "<>", "!=") && isKey(r) && c.Args[0].Qualifier != r.Qualifier
}

// besideAll is FROM t JOIN u ON true WHERE t.owner_id = 2 with u.name among what is
// returned: rows that were asked for, each beside all of another table. Who wants that
// joins one row of settings, what a sub-query sums up, or lists to choose from.
func (x *probe) besideAll(s *node) {
	from, t, w := clauseOf(s, sqlfacts.From), clauseOf(s, sqlfacts.Targets), clauseOf(s, sqlfacts.Where)
	if s.Kind != sqlfacts.Select || from == nil || t == nil || w == nil || len(w.Args) != 1 {
		return
	}
	if !any(from, func(j *node) bool {
		return j.Kind == sqlfacts.Join && len(j.Args) > 2 && j.Args[2] != nil && tiesNothing(j.Args[2])
	}) {
		return
	}
	conds := parts(w.Args[0])
	names := func(c *node, of string) bool {
		return any(c, func(m *node) bool { return m.Kind == sqlfacts.Column && (m.Qualifier == of || m.Qualifier == "") })
	}
	joins := 0
	each(from, func(j *node) bool {
		if j.Kind == sqlfacts.Join {
			joins++
		}
		if joins > reachBack || j.Kind != sqlfacts.Join || len(j.Args) < 3 || j.Args[2] == nil || !tiesNothing(j.Args[2]) || j.Args[1] == nil || j.Args[1].Kind != sqlfacts.Table || holdsSettings(j.Args[1].Name) {
			return j.Kind != sqlfacts.Query
		}
		name := j.Args[1].Alias
		if name == "" {
			name = j.Args[1].Name
		}
		if slices.ContainsFunc(conds, func(c *node) bool { return names(c, name) || anyQuery(c) }) || !slices.ContainsFunc(conds, func(c *node) bool {
			return c.Kind == sqlfacts.Binary && c.Name == "=" && len(c.Args) == 2 && (isKey(c.Args[0]) || isOwner(c.Args[0])) && isLiteral(c.Args[1])
		}) {
			return true
		}
		if slices.ContainsFunc(columnsOf(t), func(c *node) bool { return c.Qualifier == name && (isPersonal(c.Name) || labels(c.Name)) }) {
			x.see(3, "all of another table, beside rows that were asked for")
		}
		return true
	})
}
