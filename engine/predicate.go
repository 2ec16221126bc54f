package engine

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// seek is a condition that names rows by the value of a column: c = 1,
// c IN (1, 2), c BETWEEN 1 AND 1. Which rows is up to each text of the shape.
type seek struct {
	tables []int // in note.tables: those that the column may belong to
	column string
	slot   int // of the literals; -1: none
	place  int // of the bound values; -1: none
	// last and lastPlace are the other end of BETWEEN: only if it is the same
	// value does the condition name a row. -1: there is no other end.
	last, lastPlace int
	// group tells the alternatives of an OR apart: a key of several columns is
	// named by conditions that hold together. 0 holds with all.
	group int
}

// maxSeeks bounds what is noted of a shape.
const maxSeeks = 64

// seeker collects a shape's seeks.
type seeker struct {
	tables []sqlfacts.Relation
	seeks  []seek
	groups int
	ctes   map[string][]int
}

// inReach are the relations that conditions can refer to.
type inReach struct {
	by    map[string][]int // by name or alias: the tables behind it
	all   []int
	outer *inReach
}

// findSeeks returns the tables that a text names, in lower case, and its seeks.
func findSeeks(f *sqlfacts.Facts) ([]sqlfacts.Relation, []seek) {
	c := seeker{ctes: map[string][]int{}}
	for _, n := range f.Statements {
		c.statement(n, nil)
	}
	return c.tables, c.seeks
}

func (c *seeker) table(n *sqlfacts.Node) int {
	r := sqlfacts.Relation{Schema: strings.ToLower(n.Qualifier), Name: strings.ToLower(n.Name)}
	if i := slices.Index(c.tables, r); i >= 0 {
		return i
	}
	c.tables = append(c.tables, r)
	return len(c.tables) - 1
}

// statement looks at a statement and returns the tables that it names itself.
func (c *seeker) statement(n *sqlfacts.Node, outer *inReach) []int {
	if n == nil {
		return nil
	}
	w := &inReach{by: map[string][]int{}, outer: outer}
	for _, a := range n.Args {
		if a != nil && a.Kind == sqlfacts.With {
			for _, d := range a.Args {
				c.ctes[strings.ToLower(d.Alias)] = c.below(d, w)
			}
		}
	}
	for _, a := range n.Args {
		c.relations(a, w)
	}
	for _, a := range n.Args {
		c.walk(a, w)
	}
	return w.all
}

// below looks at the statements directly below a node.
func (c *seeker) below(n *sqlfacts.Node, w *inReach) []int {
	var out []int
	for _, a := range n.Args {
		if a != nil && a.Kind >= sqlfacts.Select && a.Kind <= sqlfacts.Lock {
			out = append(out, c.statement(a, w)...)
		}
	}
	return out
}

// relations collects what a clause brings into scope.
func (c *seeker) relations(n *sqlfacts.Node, w *inReach) {
	if n == nil {
		return
	}
	switch n.Kind {
	case sqlfacts.From, sqlfacts.Join, sqlfacts.Targets:
		if n.Kind == sqlfacts.Targets { // of UPDATE and DELETE
			for _, a := range n.Args {
				if a != nil && (a.Kind == sqlfacts.Table || a.Kind == sqlfacts.Join) {
					c.relations(a, w)
				}
			}
			return
		}
		for _, a := range n.Args {
			c.relations(a, w)
		}
	case sqlfacts.Table:
		if members, ok := c.ctes[strings.ToLower(n.Name)]; ok && n.Qualifier == "" {
			w.add(n, members)
			return
		}
		w.add(n, []int{c.table(n)})
	case sqlfacts.Derived:
		w.add(n, c.below(n, w.outer))
	}
}

func (w *inReach) add(n *sqlfacts.Node, tables []int) {
	name := n.Alias
	if name == "" {
		name = n.Name
	}
	w.by[strings.ToLower(name)] = tables
	w.all = append(w.all, tables...)
}

// walk looks for conditions and for statements in expressions.
func (c *seeker) walk(n *sqlfacts.Node, w *inReach) {
	if n == nil {
		return
	}
	switch {
	case n.Kind == sqlfacts.With, n.Kind == sqlfacts.Derived: // seen
		return
	case n.Kind >= sqlfacts.Select && n.Kind <= sqlfacts.Lock:
		c.statement(n, w)
		return
	case n.Kind == sqlfacts.Where, n.Kind == sqlfacts.Having:
		for _, a := range n.Args {
			c.condition(a, w, 0)
		}
	case n.Kind == sqlfacts.Join && len(n.Args) > 2:
		c.condition(n.Args[2], w, 0)
	}
	for _, a := range n.Args {
		c.walk(a, w)
	}
}

// condition looks at a condition that must hold for a row to be touched.
func (c *seeker) condition(n *sqlfacts.Node, w *inReach, group int) {
	if n == nil || n.Kind != sqlfacts.Binary || len(n.Args) < 2 {
		return
	}
	switch n.Name {
	case "and":
		for _, a := range n.Args {
			c.condition(a, w, group)
		}
	case "or", "xor":
		for _, a := range n.Args {
			c.groups++
			c.condition(a, w, c.groups)
		}
	case "=", "<=>", "==", "like", "in", "is":
		for _, v := range n.Args[1:] {
			c.equal(n.Args[0], v, w, group)
		}
		if n.Name == "=" || n.Name == "<=>" {
			c.equal(n.Args[1], n.Args[0], w, group)
		}
	case "between":
		if len(n.Args) == 3 {
			from, to := value(n.Args[1]), value(n.Args[2])
			if from != nil && to != nil {
				c.add(n.Args[0], from, to, w, group)
			}
		}
	}
}

// equal notes that a column equals a value, or columns equal values.
func (c *seeker) equal(l, r *sqlfacts.Node, w *inReach, group int) {
	l = uncast(l)
	switch {
	case l == nil || r == nil:
	case l.Kind == sqlfacts.Row && r.Kind == sqlfacts.Row:
		if len(l.Args) == len(r.Args) {
			for i := range l.Args {
				c.equal(l.Args[i], r.Args[i], w, group)
			}
		}
	case r.Kind == sqlfacts.Unary && r.Name == "any" && len(r.Args) == 1:
		c.equal(l, r.Args[0], w, group)
	case r.Kind == sqlfacts.Row:
		for _, a := range r.Args {
			c.equal(l, a, w, group)
		}
	default:
		if v := value(r); v != nil {
			c.add(l, v, nil, w, group)
		}
	}
}

func (c *seeker) add(column, v, last *sqlfacts.Node, w *inReach, group int) {
	column = uncast(column)
	if column == nil || column.Kind != sqlfacts.Column || len(c.seeks) >= maxSeeks {
		return
	}
	k := seek{tables: w.behind(strings.ToLower(column.Qualifier)), column: strings.ToLower(column.Name), slot: -1, place: -1, last: -1, lastPlace: -1, group: group}
	if len(k.tables) == 0 {
		return
	}
	set := func(v *sqlfacts.Node, slot, place *int) {
		if v.Kind == sqlfacts.Param {
			*place = v.Slot
		} else {
			*slot = v.Slot
		}
	}
	set(v, &k.slot, &k.place)
	if last != nil {
		set(last, &k.last, &k.lastPlace)
	}
	c.seeks = append(c.seeks, k)
}

// behind returns the tables that a name in front of a column may mean.
func (w *inReach) behind(name string) []int {
	for ; w != nil; w = w.outer {
		if name == "" && len(w.all) > 0 {
			return w.all
		}
		if t, ok := w.by[name]; ok {
			return t
		}
	}
	return nil
}

// uncast takes casts off.
func uncast(n *sqlfacts.Node) *sqlfacts.Node {
	for n != nil && len(n.Args) > 0 && (n.Kind == sqlfacts.Cast || n.Kind == sqlfacts.Unary && (n.Name == "+" || n.Name == "binary")) {
		n = n.Args[0]
	}
	return n
}

// value returns the literal or bound value that an expression is; nil: it is
// none.
func value(n *sqlfacts.Node) *sqlfacts.Node {
	n = uncast(n)
	if n == nil || n.Slot < 0 {
		return nil
	}
	switch n.Kind {
	case sqlfacts.Number, sqlfacts.String, sqlfacts.Hex, sqlfacts.Param:
		return n
	}
	return nil
}
