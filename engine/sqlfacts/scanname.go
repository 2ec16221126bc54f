package sqlfacts

// named reads what begins with a name: a column, a call, a constant, CASE,
// CAST.
func (s *scanner) named() *Node {
	x := s.tok
	if x.kind == tkWord {
		switch x.text {
		case "null":
			s.advance()
			return newNode(Null, "")
		case "true", "false":
			s.advance()
			return newNode(Bool, x.text)
		case "case":
			return s.caseOf()
		case "default":
			if !s.next.is("(") {
				s.advance()
				return newNode(Other, "default")
			}
		case "array":
			if s.next.is("[") {
				s.advance()
				return s.array()
			}
		case "row":
			if s.next.is("(") {
				s.advance()
				n := s.brackets()
				if n.Kind != Row {
					n = newNode(Row, "row", n)
				}
				return n
			}
		case "cast", "try_cast", "convert":
			if s.next.is("(") {
				return s.castOf()
			}
		case "current_user", "session_user", "current_date", "current_time", "current_timestamp", "localtime",
			"localtimestamp", "user", "current_role", "current_catalog", "current_schema", "utc_date", "utc_time", "utc_timestamp":
			if !s.next.is(".") && !s.next.is("(") && (x.text != "user" || !s.my) {
				s.advance()
				return newNode(Func, x.text)
			}
		case "date", "time", "timestamp", "timestamptz":
			if s.next.kind == tkString {
				s.advance()
				return newNode(Cast, x.text, s.atom())
			}
		}
		if clauses[x.text] && !s.next.is("(") && !s.next.is(".") {
			return newNode(Missing, "")
		}
		if queries[x.text] {
			if s.depth > most {
				s.advance()
				return newNode(Other, x.text)
			}
			return newNode(Query, "", s.statement())
		}
	}
	return s.path()
}

// path reads a.b.c, a.* and calls.
func (s *scanner) path() *Node {
	var parts [3]string // of the last three
	parts[2] = s.tok.text
	s.advance()
	for s.tok.is(".") {
		s.advance()
		if s.tok.is("*") {
			s.advance()
			return &Node{Kind: Star, Qualifier: parts[2], Slot: -1}
		}
		if s.tok.kind != tkWord && s.tok.kind != tkIdent {
			break
		}
		parts[0], parts[1], parts[2] = parts[1], parts[2], s.tok.text
		s.advance()
	}
	if !s.tok.is("(") {
		return &Node{Kind: Column, Qualifier: parts[1], Name: parts[2], Slot: -1}
	}
	n := &Node{Kind: Func, Qualifier: parts[1], Name: lower(parts[2]), Slot: -1}
	s.advance()
	s.depth++
	defer func() { s.depth-- }()
	if s.accept("distinct", "all", "both", "leading", "trailing") && s.tok.word("from") {
		s.advance()
	}
	switch {
	case s.tok.kind == tkWord && queries[s.tok.text] && s.depth <= most:
		n.Args = []*Node{newNode(Query, "", s.statement())}
	case !s.tok.is(")"):
		n.Args = s.rest(s.expr(bpOr))
	}
	s.accept(")")
	if s.accept("over") {
		if s.tok.is("(") {
			n.Args = append(n.Args, newNode(Window, "", s.brackets()))
		} else {
			s.name()
		}
	}
	return n
}

func (s *scanner) caseOf() *Node {
	s.advance()
	n := newNode(Case, "")
	if s.tok.word("when") {
		n.Args = append(n.Args, newNode(Missing, ""))
	} else {
		n.Args = append(n.Args, s.expr(bpOr))
	}
	for s.accept("when") {
		cond := s.expr(bpOr)
		s.accept("then")
		n.Args = append(n.Args, newNode(When, "", cond, s.expr(bpOr)))
	}
	if s.accept("else") {
		n.Args = append(n.Args, s.expr(bpOr))
	}
	s.accept("end")
	return n
}

// castOf reads CAST(x AS type), CONVERT(x, type) and CONVERT(x USING charset).
func (s *scanner) castOf() *Node {
	convert := s.tok.text == "convert"
	s.advance()
	s.advance()
	s.depth++
	defer func() { s.depth-- }()
	x := s.expr(bpOr)
	n := newNode(Cast, "", x)
	switch {
	case s.accept("as"), convert && s.my && s.accept(","):
		n.Name = s.typeName()
	case s.accept("using"):
		n.Name, n.Flag = s.name(), "using"
	default:
		n.Kind, n.Name = Func, "convert"
		n.Args = s.rest(x)
	}
	for s.tok.kind != tkEnd && !s.tok.is(")") && !s.tok.is(";") && !s.tok.is(",") {
		s.advance()
	}
	s.accept(")")
	return n
}

// typeName reads a type and gives its name.
func (s *scanner) typeName() string {
	name := s.name()
	for s.tok.is(".") {
		s.advance()
		name = s.name()
	}
	switch name {
	case "double":
		s.accept("precision")
	case "character", "national", "bit":
		s.accept("varying", "character", "char", "varchar")
	case "signed", "unsigned":
		s.accept("integer", "int")
	}
	if s.accept("(") {
		for s.tok.kind != tkEnd && !s.tok.is(")") && !s.tok.is(";") {
			s.advance()
		}
		s.accept(")")
	}
	for s.tok.is("[") && s.next.is("]") {
		s.advance()
		s.advance()
	}
	return name
}

// name takes a name, if there is one.
func (s *scanner) name() string {
	if s.tok.kind != tkWord && s.tok.kind != tkIdent {
		return ""
	}
	x := s.tok.text
	s.advance()
	return x
}
