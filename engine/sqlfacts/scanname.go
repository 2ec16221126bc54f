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
			if !s.my && s.next.is("(") {
				s.advance()
				return newNode(Row, "array", s.brackets())
			}
		case "values":
			if s.my && s.next.is("(") {
				return s.path() // of ON DUPLICATE KEY
			}
		case "current":
			if s.next.word("of") {
				s.advance()
				s.advance()
				n := newNode(Other, "current of")
				n.Qualifier = s.name()
				return n
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
			"localtimestamp", "user", "current_role", "current_catalog", "current_schema", "system_user", "utc_date", "utc_time", "utc_timestamp":
			if !s.next.is(".") && !s.next.is("(") && (x.text != "user" && x.text != "system_user" || !s.my) {
				s.advance()
				return newNode(Func, x.text)
			}
		case "date", "time", "timestamp", "timestamptz":
			if s.next.kind == tkString {
				s.advance()
				return newNode(Cast, x.text, s.atom())
			}
			if !s.my && (s.next.word("with") || s.next.word("without")) {
				name := s.typeName()
				return newNode(Cast, name, s.atom())
			}
		}
		if clauses[x.text] && !(callable[x.text] && s.next.is("(")) && !s.next.is(".") {
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
	if !s.my && s.tok.kind == tkString { // DATE '2020-01-01'
		n := newNode(Cast, typeOf(parts[2]), s.atom())
		n.Qualifier = parts[1]
		return n
	}
	if !s.tok.is("(") {
		return &Node{Kind: Column, Qualifier: parts[1], Name: parts[2], Slot: -1}
	}
	n := &Node{Kind: Func, Qualifier: parts[1], Name: lower(parts[2]), Slot: -1}
	s.advance()
	s.depth++
	defer func() { s.depth-- }()
	s.arguments(n)
	s.behind(n)
	return n
}

// arguments reads those of a call, from behind its bracket to behind the closing
// one.
func (s *scanner) arguments(n *Node) {
	switch {
	case s.accept("distinct"):
		n.Flag = "distinct"
	case s.accept("all"):
	case !s.my && s.accept("variadic"):
		n.Flag = "variadic"
	case s.accept("both", "leading", "trailing"):
		s.accept("from")
	}
	switch {
	case s.tok.kind == tkWord && queries[s.tok.text] && s.depth <= most && !(s.my && s.tok.word("values") && s.next.is("(")):
		n.Args = []*Node{newNode(Query, "", s.statement())}
	case s.tok.kind == tkWord && s.unitOf(n):
		unit := newNode(Interval, s.tok.text)
		if !s.my {
			unit = newNode(String, "")
		}
		s.advance()
		n.Args = s.rest(unit)
	case n.Name == "position":
		n.Args = s.rest(s.expr(bpBits))
	case !s.tok.is(")"):
		n.Args = s.rest(s.expr(bpOr))
	}
	s.accept(")")
}

// unitOf says whether a unit of time stands here, and not a column of its name.
func (s *scanner) unitOf(n *Node) bool {
	switch n.Name {
	case "extract":
		return s.next.word("from")
	case "timestampadd", "timestampdiff":
		return s.my && s.next.is(",")
	}
	return false
}

// behind reads what may stand behind a call.
func (s *scanner) behind(n *Node) {
	for s.tok.kind == tkWord {
		switch {
		case s.tok.text == "within" && s.next.word("group"):
			s.advance()
			s.advance()
			if s.accept("(") {
				if s.accept("order") {
					s.accept("by")
					n.Args = append(n.Args, newNode(Order, "", s.exprs()...))
				}
				s.accept(")")
			}
		case s.tok.text == "filter" && s.next.is("("):
			s.advance()
			s.advance()
			s.accept("where")
			n.Args = append(n.Args, newNode(Where, "", s.exprs()...))
			s.accept(")")
		case s.tok.text == "against" && s.next.is("(") && n.Name == "match":
			s.advance()
			s.advance()
			n.Args = append(n.Args, s.expr(bpBits))
			for s.tok.kind == tkWord && !clauses[s.tok.text] {
				s.advance() // IN BOOLEAN MODE, WITH QUERY EXPANSION
			}
			s.accept(")")
		case (s.tok.text == "ignore" || s.tok.text == "respect") && s.next.word("nulls"):
			s.advance()
			s.advance()
		case s.tok.text == "over":
			s.advance()
			if s.tok.is("(") {
				n.Args = append(n.Args, s.window())
			} else {
				s.name()
			}
		default:
			return
		}
	}
}

// window reads ( ... ) behind OVER or in a WINDOW clause.
func (s *scanner) window() *Node {
	n := newNode(Window, "")
	s.advance()
	for s.tok.kind != tkEnd && !s.tok.is(")") && !s.tok.is(";") {
		switch {
		case s.tok.kind == tkWord && (s.tok.text == "partition" || s.tok.text == "order") && s.next.word("by"):
			k := Group
			if s.tok.text == "order" {
				k = Order
			}
			s.advance()
			s.advance()
			n.Args = append(n.Args, newNode(k, "", s.exprs()...))
		case s.tok.is("("):
			n.Args = append(n.Args, s.brackets())
		default: // a name, ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
			s.advance()
		}
	}
	s.accept(")")
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

// types are the names that PostgreSQL's grammar gives types.
var types = map[string]string{
	"int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool", "real": "float4", "float": "float8",
	"double": "float8", "decimal": "numeric", "dec": "numeric", "char": "bpchar", "character": "bpchar", "nchar": "bpchar",
}

func typeOf(name string) string {
	if t, ok := types[name]; ok {
		return t
	}
	return name
}

// typeName reads a type and gives its name.
func (s *scanner) typeName() string {
	plain := s.tok.kind == tkWord
	name := s.name()
	for s.tok.is(".") {
		s.advance()
		plain = false
		name = s.name()
	}
	switch name {
	case "double":
		s.accept("precision")
	case "character", "national", "bit":
		if s.accept("varying") && !s.my {
			name = "varchar"
		}
		s.accept("character", "char", "varchar")
	case "signed", "unsigned":
		s.accept("integer", "int")
	}
	if s.tok.is("(") {
		s.skipBrackets()
	}
	switch {
	case s.my:
		return name
	case s.tok.word("with") && s.next.word("time"), s.tok.word("without") && s.next.word("time"):
		if s.tok.text == "with" {
			name += "tz"
		}
		s.skip("with", "without", "time", "zone")
	case plain:
		name = typeOf(name)
	}
	for s.tok.is("[") {
		s.advance()
		if s.tok.kind == tkNumber {
			s.advance()
		}
		s.accept("]")
		name += "[]"
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
