package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// unconnected are relations of a FROM that nothing ties to the others, of which
// nothing is returned, and which are asked about by literals: whether there is
// such a row decides whether the statement returns anything.
func (x *probe) unconnected(s *scope) {
	from := clauseOf(s.stmt, sqlfacts.From)
	if s.stmt.Kind != sqlfacts.Select || from == nil || s.depth > 0 {
		return
	}
	var rels []relation
	var conds []*node
	if !spread(from, &rels, &conds) || len(rels) < 2 || len(rels) > 8 {
		return
	}
	if w := clauseOf(s.stmt, sqlfacts.Where); w != nil && len(w.Args) == 1 {
		conds = append(conds, parts(w.Args[0])...)
	}
	for _, c := range s.stmt.Args { // what the other clauses name is wanted
		if c == nil || c.Kind == sqlfacts.From || c.Kind == sqlfacts.Where {
			continue
		}
		if any(c, func(m *node) bool {
			return m.Kind == sqlfacts.Star && m.Qualifier == "" || m.Kind == sqlfacts.Column && m.Qualifier == ""
		}) {
			return
		}
		each(c, func(m *node) bool {
			if m.Kind == sqlfacts.Column || m.Kind == sqlfacts.Star {
				wanted(rels, m.Qualifier)
			}
			return true
		})
	}
	asked := map[string]bool{}
	for _, c := range conds {
		names, ok := qualifiers(c)
		switch {
		case !ok || params(c):
			return
		case len(names) > 1:
			for _, n := range names {
				wanted(rels, n)
			}
		case len(names) == 1 && probes(c):
			asked[names[0]] = true
		}
	}
	x.secretBeside(s, rels, conds)
	if !slices.ContainsFunc(rels, func(r relation) bool { return r.name != rels[0].name }) {
		return // one table, more than once
	}
	for _, r := range rels[1:] {
		if !r.wanted && (asked[r.name] || asked[r.alias]) {
			x.see(3, "a question about a table that nothing ties to the others")
			return
		}
	}
}

// catalogBeside reports whether a statement returns something of the catalogue from
// beside a table of the application's, and nothing ties the two.
func (x *probe) catalogBeside(s *node) bool {
	from, t := clauseOf(s, sqlfacts.From), clauseOf(s, sqlfacts.Targets)
	var rels []relation
	var conds []*node
	if s.Kind != sqlfacts.Select || from == nil || t == nil || !spread(from, &rels, &conds) || len(rels) < 2 || len(rels) > 8 {
		return false
	}
	if w := clauseOf(s, sqlfacts.Where); w != nil && len(w.Args) == 1 {
		conds = append(conds, parts(w.Args[0])...)
	}
	for _, c := range conds {
		if names, ok := qualifiers(c); !ok || len(names) > 1 {
			return false
		}
	}
	own, catalog := false, ""
	each(from, func(m *node) bool {
		if m.Kind == sqlfacts.Table && !inCatalog(m.Qualifier, m.Name, x.mysql()) {
			own = true
		} else if m.Kind == sqlfacts.Table && catalog == "" {
			if catalog = m.Alias; catalog == "" {
				catalog = m.Name
			}
		}
		return true
	})
	return own && catalog != "" && slices.ContainsFunc(columnsOf(t), func(c *node) bool { return c.Qualifier == catalog })
}

// secretBeside is FROM orders o JOIN customers c ON true with c.card_number among
// what is returned: each row with every secret.
func (x *probe) secretBeside(s *scope, rels []relation, conds []*node) {
	t := clauseOf(s.stmt, sqlfacts.Targets)
	if t == nil {
		return
	}
	tied := map[string]bool{}
	for _, c := range conds {
		if names, ok := qualifiers(c); ok && len(names) > 1 {
			for _, n := range names {
				tied[n] = true
			}
		}
	}
	for _, r := range rels[1:] {
		name := r.alias
		if name == "" {
			name = r.name
		}
		if !tied[name] && slices.ContainsFunc(columnsOf(t), func(c *node) bool { return c.Qualifier == name && isSecret(c.Name) }) {
			x.see(3, "a secret of a table that nothing ties to the others")
			return
		}
	}
}

// relation is one of a FROM, as it is called there.
type relation struct {
	name, alias string
	wanted      bool // something of it is returned, or tied to another
}

func wanted(rels []relation, name string) {
	for i := range rels {
		if name != "" && (rels[i].alias == name || rels[i].alias == "" && rels[i].name == name) {
			rels[i].wanted = true
		}
	}
}

// spread collects the tables of a FROM and the conditions that join them. False:
// there is something else in it.
func spread(n *node, rels *[]relation, conds *[]*node) bool {
	switch n.Kind {
	case sqlfacts.From:
		return !slices.ContainsFunc(n.Args, func(a *node) bool { return !spread(a, rels, conds) })
	case sqlfacts.Join:
		if n.Name == "natural" || len(n.Args) < 2 || !spread(n.Args[0], rels, conds) || !spread(n.Args[1], rels, conds) {
			return false
		}
		if len(n.Args) > 2 && n.Args[2] != nil {
			*conds = append(*conds, parts(n.Args[2])...)
		}
		return true
	case sqlfacts.Table:
		*rels = append(*rels, relation{name: n.Name, alias: n.Alias})
		return true
	}
	return false
}

// qualifiers are the relations that a condition names. False: it names a column
// without saying of which.
func qualifiers(c *node) (out []string, ok bool) {
	ok = true
	each(c, func(m *node) bool {
		switch {
		case m.Kind == sqlfacts.Query:
			ok = false
		case m.Kind == sqlfacts.Column && m.Qualifier == "":
			ok = false
		case m.Kind == sqlfacts.Column && !slices.Contains(out, m.Qualifier):
			out = append(out, m.Qualifier)
		}
		return ok
	})
	return out, ok
}

// probes reports whether a condition compares by order, pattern or piece.
func probes(c *node) bool {
	return c.Kind == sqlfacts.Binary && len(c.Args) > 1 && isName(c, "<", ">", "<=", ">=", "like", "ilike", "rlike", "regexp", "~", "~*", "similar to", "between", "like binary") && isConst(c.Args[1]) && !now(c.Args[1])
}
