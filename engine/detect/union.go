package detect

import (
	"slices"
	"strings"

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
	if x.walks(u) {
		return
	}
	var arms []*node
	for _, a := range u.Args {
		if isStatement(a.Kind) {
			arms = append(arms, a)
		}
	}
	if len(arms) == 0 {
		return
	}
	mysql := x.mysql()
	first := shapeOf(arms[0], mysql)
	for i, a := range arms[1:] {
		arm := shapeOf(a, mysql)
		switch {
		case first.catalog && !x.user && !arm.reads:
			x.see(1, "an arm without a table")
		case first.catalog && arm.catalog, arm.catalog && first.reads && !x.user: // a tool or a driver that looks at the server
		case arm.nulls > 0 && arm.sums && arm.table == first.table: // the line below a report
		case first.labelled && first.sums && arm.labelled && !arm.reads && !arm.asks && !arm.info && arm.nulls+arm.literals == arm.columns: // an empty one
		case arm.nulls > 0 && first.reads && first.nulls == 0 && arm.nulls+arm.literals >= arm.columns-1 && !(arm.reads && first.labelled && arm.labelled) && (arm.literals > 0 || arm.nulls > 1 || arm.columns == 1 || !arm.reads):
			x.see(3, "an arm padded with NULLs")
		case arm.catalog && !first.catalog:
			x.see(3, "an arm that reads the catalogue")
		case !arm.reads && first.reads && arm.asks && !first.asks:
			x.see(3, "an arm whose values are sub-queries")
		case !arm.reads && first.reads && arm.info:
			x.see(3, "an arm that tells about the server")
		case !arm.reads && first.reads && arm.columns > 0 && arm.literals == arm.columns:
			if first.open {
				x.see(2+min(1, (arm.columns-1)/2), "an arm of literals without a table")
			} else {
				x.see(1, "an arm of literals without a table")
			}
		case !arm.reads && first.reads && arm.columns > 0:
			x.see(2, "an arm without a table")
		case arm.reads && first.reads && arm.asks && !first.asks && first.open && arm.closed:
			x.see(3, "an arm with a sub-query of another table among its values")
		case arm.reads && first.reads && arm.table == first.table && arm.star && arm.bare && !first.star && endsInLiteral(arms[i]):
			x.see(3, "an arm that reads all of the table that rows were asked of, behind a literal")
		case arm.reads && first.reads && arm.table != first.table:
			x.strangeArm(&first, &arm, arms[i], a)
		}
	}
}

// walks reports whether a UNION is a WITH RECURSIVE of its own, all of whose later
// arms read what it has found so far.
func (x *probe) walks(u *node) bool {
	for _, s := range x.facts.Statements {
		w := clauseOf(s, sqlfacts.With)
		if w == nil {
			continue
		}
		for _, d := range w.Args {
			if d.Kind == sqlfacts.Derived && d.Alias != "" && len(d.Args) > 0 && d.Args[0] == u {
				return !slices.ContainsFunc(u.Args[1:], func(a *node) bool {
					return isStatement(a.Kind) && !slices.Contains(tablesOf(a), d.Alias) || drawn(a)
				})
			}
		}
	}
	return false
}

// strangeArm judges an arm that reads another table; before is the arm in front
// of it.
func (x *probe) strangeArm(first, arm *outline, before, a *node) {
	open := endsInLiteral(before) || first.open && !reads(before)
	switch {
	case arm.literals > 0 && first.literals == 0 && open:
		x.see(3, "an arm that reads another table, padded with literals")
	case arm.literals > 0 && first.literals == 0 && arm.literals > 1:
		x.see(3, "an arm that reads another table, padded with literals")
	case arm.gathers && !first.gathers:
		x.see(3, "an arm that puts another table into one text")
	case !open:
		if arm.joined && !first.joined || !first.star && arm.star {
			x.see(2, "an arm that reads all of another table")
		}
	case !first.star && arm.star:
		x.see(3, "an arm that reads all of another table, behind a literal")
	case arm.joined && !first.joined:
		x.see(3, "an arm that joins another table's columns into one text")
	default:
		x.mismatch(first, arm, before, a)
	}
}

// mismatch is an arm whose columns are others than the first one's: unless it
// asks for the same value as that does, as searches over several tables do.
func (x *probe) mismatch(first, arm *outline, before, a *node) {
	differ, renamed := len(first.names) != len(arm.names), true
	personal := false // what is known of people stands where the first arm has something else
	targets := targetsOf(before)
	for i := range min(len(first.names), len(arm.names)) {
		l, r := first.names[i], arm.names[i]
		if l == r || keyish(l) && keyish(r) || (labels(l) || tells(l)) && (labels(r) || tells(r)) {
			continue
		}
		if targets == nil || i >= len(targets.Args) || targets.Args[i].Alias == "" {
			renamed = false
		}
		differ = true
		personal = personal || isPersonal(r) && !isPersonal(l)
	}
	weight := 3
	if renamed || first.sums && arm.sums && len(first.names) == 1 && len(arm.names) == 1 && verb(first.names[0]) == verb(arm.names[0]) { // the first arm calls its columns what fits both, or both are sums
		weight = 2
	}
	if holdsSettings(arm.table) && clauseOf(a, sqlfacts.Where) != nil && !probing(a) { // what a program is set to, among the rest
		weight = 2
	}
	mine := literalsIn(clauseOf(a, sqlfacts.Where))
	if from := clauseOf(a, sqlfacts.From); from != nil {
		each(from, func(m *node) bool {
			if m.Kind == sqlfacts.Where {
				mine = append(mine, literals(m)...)
			}
			return true
		})
	}
	theirs := literalsIn(clauseOf(before, sqlfacts.Where))
	shares := func(v Values) bool {
		for _, m := range mine {
			for _, t := range theirs {
				s, ok := value(m, v)
				o, ok2 := value(t, v)
				if ok && ok2 && s == o && strings.Trim(s, "%") != "" && !(personal && m.Kind == sqlfacts.Number && len(s) < 4) { // rows of any table are numbered from 1
					return true
				}
			}
		}
		return false
	}
	if differ {
		x.seeWhen(weight, "an arm that reads other columns of another table, behind a literal", func(v Values) bool { return !shares(v) })
		return
	}
	if last := lastPart(clauseOf(a, sqlfacts.Where)); last != nil && last.Kind == sqlfacts.Binary && isName(last, "<>", "!=") && len(last.Args) == 2 && last.Args[0].Kind == sqlfacts.Column && last.Args[1].Kind == sqlfacts.String && endsInText(before) {
		x.seeWhen(3, "an arm that reads another table, and at last asks that something is not empty", func(v Values) bool { s, _ := value(last.Args[1], v); return s == "" })
	}
	x.seeWhen(2, "an arm that reads all of another table, behind a literal", func(v Values) bool { return arm.bare && !shares(v) })
}

// lastPart is what a condition ends in, nil if there is none.
func lastPart(w *node) *node {
	if w == nil || len(w.Args) != 1 {
		return nil
	}
	ps := parts(w.Args[0])
	return ps[len(ps)-1]
}

// endsInText reports whether a query's condition ends in a text.
func endsInText(s *node) bool {
	last := lastPart(clauseOf(s, sqlfacts.Where))
	return last != nil && last.Kind == sqlfacts.Binary && len(last.Args) > 1 && last.Args[len(last.Args)-1].Kind == sqlfacts.String
}

// verb is the first word of what an expression is made of: the function.
func verb(spelled string) string {
	s, _, _ := strings.Cut(spelled, " ")
	return s
}

func literalsIn(n *node) []*node {
	if n == nil {
		return nil
	}
	return literals(n)
}

// keyish reports whether a name is that of a key.
func keyish(name string) bool {
	return strings.HasSuffix(name, "id") || strings.HasSuffix(name, "_key")
}

// tells reports whether a name is that of what a line of a log or a diary says.
func tells(name string) bool {
	switch name {
	case "message", "summary", "event", "action", "description", "what":
		return true
	}
	return false
}

// labels reports whether a name is that of what a person calls a thing.
func labels(name string) bool {
	switch name {
	case "name", "title", "label", "subject", "caption", "display_name", "full_name", "username", "headline":
		return true
	}
	return false
}

// outline is what matters of an arm.
type outline struct {
	columns, literals, nulls           int
	reads, catalog, star, joined, bare bool
	asks, info, gathers, open          bool
	sums                               bool     // a column is reckoned from all rows
	closed                             bool     // a sub-query among the values has nothing to do with the arm
	labelled                           bool     // the first value is a text
	names                              []string // of the columns, as the result calls them
	table                              string
}

func shapeOf(n *node, mysql bool) outline {
	var o outline
	if n.Kind == sqlfacts.Union && len(n.Args) > 0 {
		n = n.Args[0]
	}
	o.open = endsInLiteral(n)
	if v := clauseOf(n, sqlfacts.Values); v != nil && len(v.Args) > 0 {
		o.columns = len(v.Args[0].Args)
		o.asks = anyQuery(v)
	}
	if t := clauseOf(n, sqlfacts.Targets); t != nil {
		o.gathers = gathers(n)
		o.asks = anyQuery(t)
		o.sums = slices.ContainsFunc(t.Args, func(m *node) bool {
			return m.Kind == sqlfacts.Func && isName(m, "count", "sum", "avg", "max", "min")
		})
		for _, q := range inner(t) {
			o.closed = o.closed || closed(q, &scope{stmt: n})
		}
		o.labelled = len(t.Args) > 0 && t.Args[0].Kind == sqlfacts.String
		o.info = any(t, func(m *node) bool {
			return m.Kind == sqlfacts.Func && isInfo(m) || m.Kind == sqlfacts.Variable && strings.HasPrefix(m.Name, "@@")
		})
		for _, c := range t.Args {
			name := c.Alias
			if name == "" {
				name = spelled(c)
			}
			o.names = append(o.names, strings.ToLower(name))
		}
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

// spelled is what an expression without a name is made of: a column's name, or the
// function and what it is given.
func spelled(c *node) string {
	if c.Kind == sqlfacts.Column {
		return c.Name
	}
	var b strings.Builder
	each(c, func(m *node) bool {
		if m.Kind == sqlfacts.Column || m.Kind == sqlfacts.Func {
			b.WriteString(m.Name)
			b.WriteByte(' ')
		}
		return m.Kind != sqlfacts.Query
	})
	return b.String()
}

// joins reports whether an expression builds one text of several columns.
func joins(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "concat", "concat_ws", "group_concat", "string_agg", "json_arrayagg", "array_to_string", "json_agg", "xmlagg", "row_to_json", "make_set", "json_object", "json_array") ||
			m.Kind == sqlfacts.Binary && m.Name == "||"
	})
}
