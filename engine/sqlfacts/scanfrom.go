package sqlfacts

// relations reads a list of tables, sub-queries and joins.
func (s *scanner) relations() []*Node {
	var out []*Node
	for {
		n := s.relation()
		if n == nil {
			return out
		}
		n = s.joins(n)
		out = append(out, n)
		if !s.accept(",") {
			return out
		}
	}
}

// joins reads what is joined to a relation.
func (s *scanner) joins(left *Node) *Node {
	for s.tok.kind == tkWord {
		kind := ""
		switch s.tok.text {
		case "join", "inner", "straight_join":
			kind = "inner"
		case "left", "right", "full":
			kind = s.tok.text
		case "cross", "natural":
			kind = s.tok.text
		default:
			return left
		}
		if s.next.is("(") && kind != "inner" {
			return left // LEFT(a, 1)
		}
		for s.tok.kind == tkWord && s.accept("inner", "left", "right", "full", "cross", "natural", "outer", "join", "straight_join", "lateral") {
		}
		right := s.relation()
		if right == nil {
			right = newNode(Missing, "")
		}
		n := newNode(Join, kind, left, right)
		switch {
		case s.accept("on"):
			n.Args = append(n.Args, s.expr(bpOr))
		case s.tok.word("using") && s.next.is("("):
			s.advance()
			n.Args = append(n.Args, s.brackets())
		}
		left = n
	}
	return left
}

func (s *scanner) relation() *Node {
	s.skip("lateral", "only")
	switch {
	case s.tok.is("("):
		if s.depth > most {
			s.advance()
			return newNode(Missing, "")
		}
		s.depth++
		defer func() { s.depth-- }()
		if s.next.kind == tkWord && queries[s.next.text] || s.next.is("(") {
			d := newNode(Derived, "", unwrap(s.brackets()))
			s.alias(d)
			return d
		}
		s.advance()
		in := s.relations()
		s.accept(")")
		if len(in) == 1 {
			s.alias(in[0])
			return in[0]
		}
		n := newNode(Join, "cross", in...)
		s.alias(n)
		return n
	case s.tok.kind == tkIdent, s.tok.kind == tkWord && (!clauses[s.tok.text] || s.next.is(".")):
		return s.table(true)
	}
	return nil
}

// table reads a table's name or a function's call, with an alias. A bracket
// behind the name holds a call's arguments where a relation is read from, and
// may hold columns where one is written or made.
func (s *scanner) table(from bool) *Node {
	n := &Node{Kind: Table, Name: s.tok.text, Slot: -1}
	s.advance()
	for s.tok.is(".") {
		s.advance()
		if s.tok.kind != tkWord && s.tok.kind != tkIdent {
			break
		}
		n.Qualifier, n.Name = n.Name, s.tok.text
		s.advance()
	}
	if s.tok.is("(") && (from || !s.insertColumns()) {
		f := s.callOf(lower(n.Name))
		f.Qualifier = n.Qualifier
		n = f
	}
	s.accept("*")
	s.alias(n)
	return n
}

// insertColumns says whether a bracket behind a name holds the columns of an
// INSERT or CREATE TABLE rather than arguments. The statements that ask look
// for brackets themselves.
func (s *scanner) insertColumns() bool {
	return s.next.kind == tkIdent || s.next.kind == tkWord && !queries[s.next.text] && !s.nextCalls()
}

// nextCalls says whether the word after the bracket is called or calculated
// with.
func (s *scanner) nextCalls() bool {
	i := s.i
	for i < len(s.src) && s.src[i] <= ' ' {
		i++
	}
	return i < len(s.src) && (s.src[i] == '(' || s.src[i] == '.' || s.src[i] == '+' || s.src[i] == '|')
}

func (s *scanner) alias(n *Node) {
	if s.accept("as") {
		n.Alias = s.name()
	} else if s.tok.kind == tkIdent || s.tok.kind == tkWord && !clauses[s.tok.text] && !relationWords[s.tok.text] {
		if _, known := verbs[s.tok.text]; !known {
			n.Alias = s.name()
		}
	}
	if n.Alias != "" && n.Kind != Table && s.tok.is("(") {
		s.brackets() // the names of columns
	}
	for s.tok.kind == tkWord && (s.tok.text == "force" || s.tok.text == "use" || s.tok.text == "ignore") && (s.next.word("index") || s.next.word("key")) {
		s.advance()
		s.advance()
		s.skip("for", "join", "order", "by", "group")
		if s.tok.is("(") {
			s.brackets()
		}
	}
}

// relationWords may follow a relation and are no alias.
var relationWords = words("force use ignore tablesample read write like add rename modify change to column constraint default matching open close")

// ctes reads WITH a AS (...), b AS (...).
func (s *scanner) ctes() *Node {
	s.advance()
	s.accept("recursive")
	n := newNode(With, "")
	for s.tok.kind == tkWord || s.tok.kind == tkIdent {
		d := &Node{Kind: Derived, Slot: -1, Alias: s.name()}
		if s.tok.is("(") {
			s.brackets()
		}
		s.accept("as")
		s.skip("not", "materialized")
		if s.accept("(") {
			d.Args = []*Node{s.statement()}
			s.accept(")")
		}
		n.Args = append(n.Args, d)
		if !s.accept(",") {
			break
		}
	}
	return n
}

// unions reads further arms behind the first.
func (s *scanner) unions(first *Node) *Node {
	n := newNode(Union, "", first)
	for s.tok.word("union") || s.tok.word("except") || s.tok.word("intersect") {
		op := s.tok.text
		s.advance()
		if s.accept("all") {
			op += " all"
		} else {
			s.accept("distinct")
		}
		if n.Name == "" || n.Name == "union" {
			n.Name = op
		}
		var arm *Node
		switch {
		case s.tok.is("("):
			arm = unwrap(s.brackets())
		case s.tok.kind == tkWord && queries[s.tok.text]:
			arm = newNode(Select, "")
			s.verb(arm)
			s.clauses(arm)
		default:
			arm = newNode(Other, "")
			s.clauses(arm)
		}
		n.Args = append(n.Args, arm)
	}
	return n
}
