package sqlfacts

import "slices"

// exprs reads a list of expressions with aliases and directions.
func (s *scanner) exprs() []*Node {
	var out []*Node
	for {
		before := s.i
		n := s.expr(bpOr)
		switch {
		case s.accept("as"):
			n.Alias = s.name()
			if n.Alias == "" && s.tok.kind == tkString {
				s.advance()
			}
		case s.tok.kind == tkIdent, s.tok.kind == tkWord && !clauses[s.tok.text] && !s.next.is("("):
			if _, known := verbs[s.tok.text]; !known {
				n.Alias = s.name()
			}
		}
		if s.tok.word("using") && s.next.kind == tkPunct && !s.next.is("(") { // ORDER BY a USING >
			s.advance()
			s.advance()
		}
		if s.tok.word("desc") && n.Flag == "" && !s.my {
			n.Flag = "desc"
		}
		s.skip("asc", "desc", "nulls", "first", "last")
		out = append(out, n)
		if s.accept(",") {
			continue
		}
		if n.Kind == Missing && s.i == before {
			return out
		}
		return out
	}
}

// assigns reads a = x, b = y.
func (s *scanner) assigns() []*Node {
	var out []*Node
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.tok.is(")") {
		x := s.expr(bpAdd)
		if x.Kind == Row && s.accept("=") {
			out = append(out, s.several(x)...)
			if !s.accept(",") {
				break
			}
			continue
		}
		n := &Node{Kind: Assign, Name: x.Name, Qualifier: x.Qualifier, Slot: -1}
		if x.Kind == Variable {
			n.Qualifier, n.Name = variable(x.Name)
		}
		switch {
		case s.accept("=", ":=", "to"):
			n.Args = []*Node{s.expr(bpOr)}
		case x.Kind == Missing:
			return out
		default:
			n.Args = []*Node{x}
		}
		out = append(out, n)
		if !s.accept(",") {
			break
		}
	}
	return out
}

// several reads what the columns of (a, b) = ... are set to: a query is the first
// one's.
func (s *scanner) several(columns *Node) []*Node {
	value := s.expr(bpOr)
	var out []*Node
	for i, c := range columns.Args {
		n := newNode(Assign, c.Name, newNode(Missing, ""))
		switch {
		case value.Kind == Row && i < len(value.Args):
			n.Args[0] = value.Args[i]
		case i == 0:
			n.Args[0] = value
		}
		out = append(out, n)
	}
	return out
}

func (s *scanner) values() *Node {
	s.advance()
	n := newNode(Values, "")
	for {
		s.accept("row")
		if !s.tok.is("(") {
			return n
		}
		row := s.brackets()
		if row.Kind != Row {
			row = newNode(Row, "row", row)
		}
		n.Args = append(n.Args, row)
		if !s.accept(",") {
			return n
		}
	}
}

func (s *scanner) into(root *Node) *Node {
	s.advance()
	switch {
	case s.tok.word("outfile") || s.tok.word("dumpfile"):
		n := newNode(Into, s.tok.text)
		s.advance()
		if s.tok.kind == tkString || s.tok.kind == tkHex {
			n.Args = append(n.Args, s.atom())
		}
		return n
	case s.tok.kind == tkVariable:
		return newNode(Into, "variable", s.exprs()...)
	case root.Kind == Load:
		s.accept("table")
		return s.table(false)
	case s.tok.kind == tkWord || s.tok.kind == tkIdent:
		s.skip("temporary", "temp", "unlogged", "table")
		return newNode(Into, "table", s.table(false))
	}
	return nil
}

// inside reads what stands in brackets behind IN: a sub-query or a list.
func (s *scanner) inside(left *Node) []*Node {
	if !s.tok.is("(") {
		return []*Node{s.expr(bpBits)}
	}
	n := s.brackets()
	if n.Kind == Row && n.Name == "row" && (left.Kind != Row || slices.ContainsFunc(n.Args, func(m *Node) bool { return m.Kind == Row })) { // else a list of one row
		return n.Args
	}
	return []*Node{n}
}
