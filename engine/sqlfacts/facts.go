package sqlfacts

import (
	"slices"
	"strings"
)

// nodeSize is about what a Node takes in memory, its strings left out.
const nodeSize = 128

// NewFacts makes the facts of a text from trees.
func NewFacts(t *Text, trees []*Node, source Source, why string) *Facts {
	f := &Facts{
		Source: source, Why: why, Statements: trees,
		Marks: t.Marks, Lexemes: t.Lexemes, Depth: t.Depth,
	}
	numberPlaces(t, trees, source)
	c := collector{facts: f, tables: map[Relation]bool{}, functions: map[string]bool{}}
	for _, n := range trees {
		c.walk(n, nil, false)
	}
	return f
}

// numberPlaces makes the Slots of Params the numbers of their places. MySQL's
// parsers say where each stands in the text; PostgreSQL's have the numbers
// already. Where they do not tally the Slots say nothing.
func numberPlaces(t *Text, trees []*Node, source Source) {
	var all []*Node
	for _, tree := range trees {
		var own []*Node
		Walk(tree, func(n *Node, _ []*Node) bool {
			if n.Kind == Param {
				own = append(own, n)
			}
			return true
		})
		if t.rules != nil && t.rules.my {
			slices.SortStableFunc(own, func(a, b *Node) int { return a.Slot - b.Slot })
		}
		all = append(all, own...)
	}
	my := t.rules != nil && t.rules.my
	for i, n := range all {
		switch {
		case my && (source == Mended || len(all) != int(t.places)), !my && n.Slot >= int(t.places):
			n.Slot = -1
		case my:
			n.Slot = i
		}
	}
}

// collector gathers what the trees name.
type collector struct {
	facts     *Facts
	tables    map[Relation]bool
	functions map[string]bool
	nodes     int
}

// scope are the names of CTEs that a part of a tree sees.
type scope struct {
	names []string
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		for _, n := range s.names {
			if n == name {
				return true
			}
		}
	}
	return false
}

// walk visits n; write says whether tables that stand directly in it are
// written.
func (c *collector) walk(n *Node, s *scope, write bool) {
	if n == nil {
		return
	}
	c.nodes++
	switch n.Kind {
	case Table:
		c.table(n, s, write)
	case Func:
		if name := strings.ToLower(n.Name); name != "" && !c.functions[name] {
			c.functions[name] = true
			c.facts.Functions = append(c.facts.Functions, name)
		}
	case Select, Union, Explain, Show, Prepare, Call, Set, Begin, Lock:
		write = false
	case Insert, Update, Delete, Merge, Define, Load, Grant:
		c.statement(n, s)
		return
	case Copy:
		write = n.Name == "from"
	case From, Where, Targets, Values, Return, Conflict, Query, Derived:
		// A table below one of these is read; in a Join of UPDATE it may be
		// written.
		write = write && (n.Kind == From || n.Kind == Targets)
	}
	s = c.ctes(n, s)
	for _, a := range n.Args {
		c.walk(a, s, write)
	}
}

// ctes adds the names that a WITH directly below n defines.
func (c *collector) ctes(n *Node, s *scope) *scope {
	for _, a := range n.Args {
		if a == nil || a.Kind != With {
			continue
		}
		inner := &scope{outer: s}
		for _, d := range a.Args {
			if d != nil && d.Kind == Derived && d.Alias != "" {
				inner.names = append(inner.names, d.Alias)
			}
		}
		s = inner
	}
	return s
}

// statement visits one that writes: its targets are the tables that stand in it
// directly, those in a join of UPDATE, and what stands before any other clause.
func (c *collector) statement(n *Node, s *scope) {
	s = c.ctes(n, s)
	for _, a := range n.Args {
		if a == nil {
			continue
		}
		switch a.Kind {
		case Table, Join:
			c.walk(a, s, true)
		default:
			c.walk(a, s, false)
		}
	}
}

func (c *collector) table(n *Node, s *scope, write bool) {
	if n.Name == "" || n.Qualifier == "" && s.has(n.Name) && !write {
		return
	}
	r := Relation{Schema: n.Qualifier, Name: n.Name, Write: write}
	if !c.tables[r] {
		c.tables[r] = true
		c.facts.Tables = append(c.facts.Tables, r)
	}
}

// weight is about how many bytes the facts take.
func (f *Facts) weight() int64 {
	n := int64(256)
	for _, s := range f.Statements {
		n += s.weight()
	}
	return n + int64(len(f.Tables)*48+len(f.Functions)*32)
}

func (n *Node) weight() int64 {
	if n == nil {
		return 8
	}
	w := int64(nodeSize + len(n.Name) + len(n.Qualifier) + len(n.Alias) + 8*len(n.Args))
	for _, a := range n.Args {
		w += a.weight()
	}
	return w
}

// Walk calls f for n and everything below it, in the order of the text, with
// the nodes above it, the statement first; f says whether to go below. The
// slice is valid during the call only.
func Walk(n *Node, f func(n *Node, above []*Node) bool) {
	walkDown(n, make([]*Node, 0, 16), f)
}

func walkDown(n *Node, above []*Node, f func(n *Node, above []*Node) bool) {
	if n == nil || !f(n, above) {
		return
	}
	above = append(above, n)
	for _, a := range n.Args {
		walkDown(a, above, f)
	}
}
