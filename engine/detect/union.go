package detect

import (
	"honeyrow/engine/sqlfacts"
)

// union: a later arm of a UNION that was grafted on.
var union = Detector{
	ID: "union-graft", Title: "UNION with an arm of another kind",
	Maps: []string{"CWE-89", "T1190", "T1213.006"},
	find: func(x *probe) {
		for _, u := range x.unions {
			if len(u.Args) > 1 {
				x.graft(u)
			}
		}
	},
}

func (x *probe) graft(u *node) {
	first := shapeOf(u.Args[0], x.mysql())
	for _, a := range u.Args[1:] {
		arm := shapeOf(a, x.mysql())
		switch {
		case first.catalog && arm.catalog: // a tool that looks at the server
		case arm.nulls > 0 && first.reads && first.nulls == 0 && arm.nulls+arm.literals >= arm.columns-1:
			x.see(3, "an arm padded with NULLs")
		case arm.catalog && !first.catalog:
			x.see(3, "an arm that reads the catalogue")
		case !arm.reads && first.reads && arm.columns > 0 && arm.literals == arm.columns:
			x.see(2+min(1, (arm.columns-1)/2), "an arm of literals without a table")
		case !arm.reads && first.reads && arm.columns > 0:
			x.see(2, "an arm without a table")
		case arm.reads && first.reads && arm.table != first.table && arm.literals > 0 && first.literals == 0:
			x.see(3, "an arm that reads another table, padded with literals")
		case arm.reads && first.reads && arm.table != first.table && arm.joined && !first.joined:
			x.see(2, "an arm that joins another table's columns into one text")
		case arm.reads && first.reads && arm.table != first.table && (!first.star && arm.star || arm.bare && !first.bare):
			x.see(2, "an arm that reads all of another table")
		}
	}
}

// outline is what matters of an arm.
type outline struct {
	columns, literals, nulls           int
	reads, catalog, star, joined, bare bool
	table                              string
}

func shapeOf(n *node, mysql bool) outline {
	var o outline
	if n.Kind == sqlfacts.Union && len(n.Args) > 0 {
		n = n.Args[0]
	}
	if t := clauseOf(n, sqlfacts.Targets); t != nil {
		o.columns = len(t.Args)
		for _, c := range t.Args {
			switch {
			case c.Kind == sqlfacts.Null || c.Kind == sqlfacts.Cast && len(c.Args) == 1 && c.Args[0].Kind == sqlfacts.Null:
				o.nulls++
			case isConst(c):
				o.literals++
			case c.Kind == sqlfacts.Star:
				o.star = true
			case joins(c):
				o.joined = true
			}
		}
	}
	if from := clauseOf(n, sqlfacts.From); from != nil {
		o.reads = true
		o.bare = clauseOf(n, sqlfacts.Where) == nil && clauseOf(n, sqlfacts.Limit) == nil && clauseOf(n, sqlfacts.Group) == nil
		each(from, func(m *node) bool {
			if m.Kind == sqlfacts.Table {
				if o.table == "" {
					o.table = m.Name
				}
				o.catalog = o.catalog || inCatalog(m.Qualifier, m.Name, mysql)
			}
			return true
		})
	}
	return o
}

// joins reports whether an expression builds one text of several columns.
func joins(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "concat", "concat_ws", "group_concat", "string_agg", "json_arrayagg", "array_to_string", "json_agg", "xmlagg", "row_to_json", "make_set", "json_object", "json_array") ||
			m.Kind == sqlfacts.Binary && m.Name == "||"
	})
}
