package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// lifted judges the places that a statement's shape hardly changes by: a window's
// order, the arguments of what makes rows, an aggregate, a WITH of its own. What
// people write there is of the rows at hand.
func (x *probe) lifted() {
	for _, p := range x.all {
		switch p.n.Kind {
		case sqlfacts.Window:
			if slices.ContainsFunc(inner(p.n), func(q *node) bool {
				return reads(q) && strange(q, p.at) && (content(q) != nil || aggregated(q)) && !(averaged(q) && named(q) && !probing(q)) // but ranked by how many belong to the row
			}) {
				x.see(3, "another table's data in a window")
			}
		case sqlfacts.Options:
			if p.n.Name == "tablesample" && anyQuery(p.n) {
				x.see(3, "another table's data decides how many rows are looked at")
			}
		case sqlfacts.Func:
			x.spun(p)
		case sqlfacts.Cast:
			if p.n.Name == "text" && len(p.n.Args) == 1 && (p.n.Args[0].Kind == sqlfacts.Star || !x.mysql() && p.n.Args[0].Kind == sqlfacts.Column && p.n.Args[0].Qualifier == "" && namesRow(p.n.Args[0].Name, p.at)) && p.in != nil && p.in.Kind == sqlfacts.Targets && p.at.depth == 0 {
				x.see(3, "a whole row as one text")
			}
		}
	}
	for _, s := range x.facts.Statements {
		x.aside(s)
	}
	for _, q := range x.queries {
		x.untied(q)
		x.secretKept(q)
	}
}

// namesRow reports whether what looks like a column is a relation by its name, which
// is a row of it: an alias, or the plural that tables are called by. A table and a
// column of it may be called the same.
func namesRow(name string, at *scope) bool {
	return slices.Contains(at.names, name) && (!slices.Contains(home(at), name) || len(name) > 3 && strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss"))
}

// spun is a sub-query among the arguments of a function that stands for rows, or
// gathers or walks them.
func (x *probe) spun(p place) {
	var q *node
	if i := slices.IndexFunc(p.n.Args, func(m *node) bool { return m.Kind == sqlfacts.Query || len(inner(m)) > 0 }); i >= 0 {
		if q = p.n.Args[i]; q.Kind != sqlfacts.Query {
			q = inner(q)[0]
		}
	}
	if q == nil || !reads(q) || p.at.depth > 0 {
		return
	}
	switch {
	case p.clause == sqlfacts.From && p.in != nil && (p.in.Kind == sqlfacts.From || p.in.Kind == sqlfacts.Join):
		if c := content(q); c != nil && isPersonal(c.Name) && !aggregated(q) || gathers(q) && closed(q, p.at) && strange(q, p.at) || drawn(clauseOf(q.Args[0], sqlfacts.Where)) {
			x.see(3, "what is known of people, or a secret, as an argument of what makes rows: "+p.n.Name)
		}
	case isName(p.n, "lag", "lead", "ntile", "nth_value"):
		if closed(q, p.at) && strange(q, p.at) {
			x.see(3, "another table's data as an argument of "+p.n.Name)
		}
	case isName(p.n, "max", "min", "array_agg", "group_concat", "string_agg", "json_agg", "jsonb_agg", "json_arrayagg", "xmlagg") && p.clause == sqlfacts.Targets:
		if content(q) != nil && !aggregated(q) && strange(q, p.at) && len(p.n.Args) > 0 && slices.ContainsFunc(p.n.Args[:1], anyQuery) {
			x.see(3, "another table's data, row by row, in "+p.n.Name)
		}
	}
}

// aside is a WITH that writes, of which the statement makes no use, behind one that
// ends in a literal.
func (x *probe) aside(s *node) {
	w := clauseOf(s, sqlfacts.With)
	if s.Kind != sqlfacts.Select || w == nil {
		return
	}
	for i, d := range w.Args {
		if i == 0 || d.Kind != sqlfacts.Derived || d.Alias == "" || len(d.Args) == 0 || !endsInLiteral(w.Args[i-1].Args[0]) || w.Args[i-1].Args[0].Kind != sqlfacts.Select {
			continue
		}
		switch d.Args[0].Kind {
		case sqlfacts.Insert, sqlfacts.Update, sqlfacts.Delete, sqlfacts.Merge:
		default:
			continue
		}
		if !any(s, func(m *node) bool { return m.Kind == sqlfacts.Table && m.Name == d.Alias }) {
			x.see(3, "a part of a statement that writes, and is of no use to the rest")
		}
	}
}

// untied is a sub-query beside the row that returns what is of a relation which
// nothing ties to its others, nor to the row.
func (x *probe) untied(q query) {
	if q.clause != sqlfacts.Targets || q.at.depth > 0 || len(q.n.Args) == 0 || q.n.Args[0].Kind != sqlfacts.Select {
		return
	}
	s := q.n.Args[0]
	from := clauseOf(s, sqlfacts.From)
	var rels []relation
	var conds []*node
	if from == nil || !spread(from, &rels, &conds) || len(rels) < 2 || len(rels) > 8 {
		return
	}
	if w := clauseOf(s, sqlfacts.Where); w != nil && len(w.Args) == 1 {
		conds = append(conds, parts(w.Args[0])...)
	}
	for _, c := range conds {
		names, ok := qualifiers(c)
		if !ok || params(c) {
			return
		}
		for _, n := range names {
			wanted(rels, n)
		}
	}
	t := targetsOf(q.n)
	if t == nil {
		return
	}
	for _, c := range columnsOf(t) {
		if slices.ContainsFunc(rels, func(r relation) bool {
			return !r.wanted && c.Qualifier != "" && (r.alias == c.Qualifier || r.name == c.Qualifier)
		}) {
			x.see(3, "a value of a relation that nothing ties to the row")
			return
		}
	}
}

// secretKept is a secret of another table that is kept in a column for none.
func (x *probe) secretKept(q query) {
	t := targetsOf(q.n)
	if q.at.depth > 0 || t == nil || q.in == nil || !reads(q.n) || !strange(q.n, q.at) {
		return
	}
	if q.at.stmt.Kind == sqlfacts.Update && q.clause == sqlfacts.Targets && q.in.Kind == sqlfacts.Assign && holdsSecrets(t) && !isSecret(q.in.Name) && !strings.Contains(strings.ToLower(q.in.Name), "hash") {
		x.see(3, "a secret of another table, kept where none is")
	}
}
