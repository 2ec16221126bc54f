package sqlfacts

import "slices"

// relations reads a list of tables, sub-queries and joins.
func (s *scanner) relations() []*Node {
	var out []*Node
	for {
		n := s.relation()
		if n == nil {
			return out
		}
		n = s.joins(n)
		var flat []*Node
		for s.my && n.Kind == Join && n.Name == "cross" && n.Alias == "" && len(n.Args) == 2 { // a CROSS JOIN b is a, b
			flat = append(flat, n.Args[1])
			n = n.Args[0]
		}
		out = append(out, n)
		slices.Reverse(flat)
		out = append(out, flat...)
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
		s.skip("inner", "left", "right", "full", "cross", "natural", "outer", "join", "straight_join")
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
		case kind == "inner":
			n.Name = "cross"
		}
		left = n
	}
	return left
}

func (s *scanner) relation() *Node {
	flag := ""
	for s.tok.word("lateral") || s.tok.word("only") {
		if s.tok.text == "lateral" {
			flag = s.tok.text
		}
		s.advance()
	}
	n := s.source()
	if n == nil {
		return nil
	}
	if n.Flag == "" && (n.Kind == Derived || n.Kind == Func) {
		n.Flag = flag
	}
	if s.accept("tablesample") {
		n.Args = append(n.Args, newNode(Options, "tablesample", s.atom()))
		if s.accept("repeatable") {
			s.brackets()
		}
	}
	return n
}

// source reads a table, a function's call, a sub-query or joins in brackets.
func (s *scanner) source() *Node {
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
			s.alias(d, true)
			return d
		}
		s.advance()
		in := s.relations()
		s.accept(")")
		if len(in) == 1 {
			s.alias(in[0], true)
			return in[0]
		}
		n := newNode(Join, "cross", in...)
		s.alias(n, true)
		return n
	case !s.my && s.tok.word("rows") && s.next.word("from"):
		s.advance()
		s.advance()
		n := newNode(Other, "rows from", s.brackets())
		s.ordinality()
		s.alias(n, true)
		return n
	case s.tok.kind == tkIdent, s.tok.kind == tkWord && (!clauses[s.tok.text] || s.next.is(".")):
		if s.my && s.tok.kind == tkWord && s.tok.text == "dual" && !s.next.is(".") {
			s.advance()
			return newNode(Missing, "")
		}
		return s.table(true)
	}
	return nil
}

// ordinality takes WITH ORDINALITY.
func (s *scanner) ordinality() {
	if s.tok.word("with") && s.next.word("ordinality") {
		s.advance()
		s.advance()
	}
}

// table reads a table's name or a function's call, with an alias. A bracket
// behind the name holds a call's arguments where a relation is read from, and
// may hold columns where one is written or made.
func (s *scanner) table(from bool) *Node {
	n := s.tableName()
	if s.tok.is("(") && (from || !s.insertColumns()) {
		f := s.callOf(lower(n.Name))
		f.Qualifier = n.Qualifier
		n = f
		s.ordinality()
	}
	s.accept("*")
	s.systemTime()
	if s.my && s.tok.word("partition") && s.next.is("(") {
		s.advance()
		s.skipBrackets()
	}
	s.alias(n, from)
	return n
}

// tableName reads a table's name.
func (s *scanner) tableName() *Node {
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
	return n
}

// systemTime passes over MariaDB's FOR SYSTEM_TIME.
func (s *scanner) systemTime() {
	if !s.my || !s.tok.word("for") || !s.next.word("system_time") {
		return
	}
	s.advance()
	s.advance()
	switch {
	case s.accept("all"):
	case s.tok.word("as") && s.next.word("of"):
		s.advance()
		s.advance()
		s.expr(bpBits)
	case s.accept("between", "from"):
		s.expr(bpBits)
		s.accept("and", "to")
		s.expr(bpBits)
	}
}

// skipBrackets passes over what stands in brackets.
func (s *scanner) skipBrackets() {
	depth := 0
	for s.tok.kind != tkEnd && !s.tok.is(";") {
		switch {
		case s.tok.is("("):
			depth++
		case s.tok.is(")"):
			depth--
		}
		s.advance()
		if depth <= 0 {
			return
		}
	}
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

func (s *scanner) alias(n *Node, from bool) {
	if s.accept("as") {
		n.Alias = s.name()
	} else if s.tok.kind == tkIdent || s.tok.kind == tkWord && !clauses[s.tok.text] && !relationWords[s.tok.text] {
		if _, known := verbs[s.tok.text]; !known {
			n.Alias = s.name()
		}
	}
	if (n.Alias != "" || n.Kind == Func && from) && (n.Kind != Table || from) && s.tok.is("(") {
		s.skipBrackets() // the names of columns
	}
	for s.tok.kind == tkWord && (s.tok.text == "force" || s.tok.text == "use" || s.tok.text == "ignore") && (s.next.word("index") || s.next.word("key")) {
		s.advance()
		s.advance()
		s.skip("for", "join", "order", "by", "group")
		if s.tok.is("(") {
			s.skipBrackets()
		}
	}
}

// relationWords may follow a relation and are no alias.
var relationWords = words("force use ignore repeatable tablesample read write like add rename modify change to column constraint default matching open close")

// ctes reads WITH a AS (...), b AS (...).
func (s *scanner) ctes() *Node {
	s.advance()
	s.accept("recursive")
	n := newNode(With, "")
	for s.tok.kind == tkWord || s.tok.kind == tkIdent {
		d := &Node{Kind: Derived, Slot: -1, Alias: s.name()}
		if s.tok.is("(") {
			s.skipBrackets()
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

// unions reads further arms behind the first, which stands in brackets or not.
// What is said of the whole is taken out of the arms where it stands.
func (s *scanner) unions(first *Node, inBrackets bool) *Node {
	n := newNode(Union, "")
	if !inBrackets && len(first.Args) > 0 && first.Args[0].Kind == With {
		n.Args = append(n.Args, first.Args[0])
		first.Args = first.Args[1:]
	}
	n.Args = append(n.Args, first)
	for s.setOperator() {
		op := s.tok.text
		s.advance()
		if s.accept("all") {
			op += " all"
		} else {
			s.skip("distinct", "distinctrow")
		}
		if n.Name == "" || n.Name == "union" {
			n.Name = op
		}
		var arm *Node
		inBrackets = s.tok.is("(")
		switch {
		case inBrackets:
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
		if inBrackets && s.tails() {
			s.clauses(n)
		}
	}
	last := n.Args[len(n.Args)-1]
	if inBrackets || last.Kind != Select {
		return n
	}
	kept := last.Args[:0:0]
	for _, a := range last.Args {
		if a.Kind == Order || a.Kind == Limit || a.Kind == Locking {
			n.Args = append(n.Args, a)
		} else {
			kept = append(kept, a)
		}
	}
	last.Args = kept
	return n
}
