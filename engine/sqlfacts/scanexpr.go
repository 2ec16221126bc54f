package sqlfacts

import "strings"

// Binding powers of binary operators, the loosest first.
const (
	bpOr = iota + 1
	bpXor
	bpAnd
	bpNot
	bpCompare
	bpMatch
	bpBits
	bpAdd
	bpMul
	bpPower
	bpUnary
)

func newNode(k Kind, name string, args ...*Node) *Node {
	return &Node{Kind: k, Name: name, Slot: -1, Args: args}
}

// binary returns the binding power of the lexeme as a binary operator, and the
// operator's name; 0 if it is none.
func (s *scanner) binary() (int, string) {
	x := s.tok.text
	switch s.tok.kind {
	case tkWord:
		switch x {
		case "or":
			return bpOr, x
		case "xor":
			return bpXor, x
		case "and":
			return bpAnd, x
		case "is", "isnull", "notnull":
			return bpCompare, x
		case "like", "ilike", "regexp", "rlike", "in", "between", "similar", "sounds", "member", "overlaps", "glob":
			return bpMatch, x
		case "not":
			if s.next.kind == tkWord {
				switch s.next.text {
				case "like", "ilike", "regexp", "rlike", "in", "between", "similar", "glob":
					return bpMatch, x
				}
			}
		case "div", "mod":
			return bpMul, x
		case "collate", "at", "operator":
			return bpPower, x
		}
	case tkPunct:
		switch x {
		case "||":
			if s.my && !s.env.PipesConcat {
				return bpOr, "or"
			}
			return bpAdd, x
		case "&&":
			if s.my {
				return bpAnd, "and"
			}
			return bpBits, x
		case "=", "<", ">", "<=", ">=", "<>", "<=>", ":=":
			return bpCompare, x
		case "+", "-":
			return bpAdd, x
		case "*", "/", "%":
			return bpMul, x
		case "^":
			return bpPower, x
		case "::", "[":
			return bpUnary, x
		case "(", ")", "]", "{", "}", ",", ";", ".", ":", "..":
			return 0, ""
		}
		return bpBits, x
	}
	return 0, ""
}

// expr reads an expression whose operators bind at least as tightly as bp.
func (s *scanner) expr(bp int) *Node {
	s.depth++
	defer func() { s.depth-- }()
	left := s.unary()
	for {
		p, op := s.binary()
		if p == 0 || p < bp || s.depth > most {
			return left
		}
		if s.my && op == "*" && (s.next.kind == tkEnd || s.next.is(")")) {
			return left
		}
		left = s.infix(left, p, op)
	}
}

// infix reads an operator and its right side.
func (s *scanner) infix(left *Node, p int, op string) *Node {
	s.advance()
	negated := false
	if op == "not" {
		op = s.tok.text
		s.advance()
		negated = true
	}
	var n *Node
	switch op {
	case "::":
		n = newNode(Cast, s.typeName(), left)
	case "[":
		n = s.subscript(left)
	case "collate":
		name := s.typeName()
		if s.my {
			return left
		}
		n = newNode(Other, "collate", left)
		n.Qualifier = name
	case "at":
		s.accept("time")
		s.accept("zone")
		n = newNode(Func, "timezone", s.expr(p+1), left)
	case "operator":
		n = s.operatorCall(left)
	case "isnull", "notnull":
		n = newNode(Binary, "is", left, newNode(Null, ""))
		negated = op == "notnull"
	case "is":
		negated = s.accept("not")
		n = s.is(left)
	case "in":
		n = newNode(Binary, "in", left)
		n.Args = append(n.Args, s.inside(left)...)
	case "between":
		s.accept("symmetric", "asymmetric")
		low := s.expr(bpBits)
		s.accept("and")
		n = newNode(Binary, "between", left, low, s.expr(bpBits))
	case "like", "ilike", "similar", "regexp", "rlike", "sounds", "glob":
		n = s.pattern(left, op)
	case "member":
		s.accept("of")
		n = newNode(Binary, op, left, s.expr(p+1))
	case "overlaps": // a function of four, for PostgreSQL's parser
		n = newNode(Func, op)
		for _, side := range [...]*Node{left, s.expr(p + 1)} {
			if side.Kind == Row {
				n.Args = append(n.Args, side.Args...)
			} else {
				n.Args = append(n.Args, side)
			}
		}
	case "=>", ":=":
		n = newNode(Binary, op, left, s.expr(bpOr))
		if !s.my && left.Kind == Column { // an argument by its name
			n = newNode(Other, "argument", n.Args[1])
			n.Qualifier = left.Name
		}
	default:
		// As the parsers give them: a OR b OR c has three arguments.
		longer := left.Kind == Binary && left.Name == op && left.Alias == "" &&
			(op == "and" || op == "or" || op == "||") && !(s.my && left == s.bracketed)
		right := s.expr(p + 1)
		if longer {
			left.Args = append(left.Args, right)
			return left
		}
		n = newNode(Binary, op, left, right)
		if s.my && right.Kind == Interval && (op == "+" || op == "-") {
			n.Kind, n.Name = Func, "date_add"
			if op == "-" {
				n.Name = "date_sub"
			}
		}
	}
	if negated {
		return newNode(Unary, "not", n)
	}
	return n
}

// is reads what stands behind IS and IS NOT.
func (s *scanner) is(left *Node) *Node {
	switch {
	case s.accept("distinct"):
		s.accept("from")
		return newNode(Binary, "is distinct from", left, s.expr(bpBits))
	case s.tok.word("unknown"):
		s.advance()
		return newNode(Binary, "is", left, newNode(Null, "unknown"))
	case !s.my && (s.tok.word("json") || s.tok.word("document") || s.tok.word("normalized")):
		n := newNode(Unary, "is "+s.tok.text, left)
		s.advance()
		s.skip("value", "scalar", "array", "object", "with", "without", "unique", "keys")
		return n
	}
	return newNode(Binary, "is", left, s.expr(bpBits))
}

// pattern reads the right side of LIKE and its kin.
func (s *scanner) pattern(left *Node, op string) *Node {
	switch op {
	case "similar":
		s.accept("to")
		op = "similar to"
	case "sounds":
		s.accept("like")
		op = "="
	case "rlike":
		op = "regexp"
	}
	n := newNode(Binary, op, left, s.expr(bpMatch+1))
	if s.accept("escape") {
		if e := s.unary(); !s.my {
			n.Args = append(n.Args, e)
		}
	}
	return n
}

// subscript reads a[1] and a[1:2].
func (s *scanner) subscript(left *Node) *Node {
	n := newNode(Other, "subscript", left)
	for s.tok.kind != tkEnd && !s.tok.is("]") && !s.tok.is(")") && !s.tok.is(";") {
		if s.accept(":") {
			continue
		}
		n.Args = append(n.Args, s.expr(bpOr))
		if !s.tok.is(":") {
			break
		}
	}
	s.accept("]")
	return n
}

// operatorCall reads the rest of PostgreSQL's OPERATOR(schema.=).
func (s *scanner) operatorCall(left *Node) *Node {
	op := ""
	if s.accept("(") {
		for s.tok.kind != tkEnd && !s.tok.is(")") {
			if s.tok.kind == tkPunct && s.tok.text != "." {
				op += s.tok.text
			}
			s.advance()
		}
		s.advance()
	}
	return newNode(Binary, op, left, s.expr(bpBits+1))
}

// unary reads prefix operators and an operand.
func (s *scanner) unary() *Node {
	if s.depth > most {
		n := newNode(Other, "deep")
		if s.tok.kind != tkEnd && !s.ends() {
			n = s.atom()
		}
		return n
	}
	switch s.tok.kind {
	case tkWord:
		switch x := s.tok.text; x {
		case "not":
			s.advance()
			return newNode(Unary, "not", s.expr(bpNot))
		case "exists", "any", "some", "all":
			if s.next.is("(") {
				s.advance()
				if x == "some" {
					x = "any"
				}
				return newNode(Unary, x, s.brackets())
			}
		case "binary", "prior":
			if s.next.kind != tkPunct || s.next.is("(") {
				s.advance()
				return newNode(Unary, x, s.expr(bpUnary))
			}
		case "interval":
			if s.next.kind != tkPunct || s.next.is("(") || s.next.is("-") {
				s.advance()
				if !s.my && s.tok.kind == tkString {
					n := newNode(Cast, "interval", s.atom())
					s.skip("year", "month", "day", "hour", "minute", "second", "to")
					return n
				}
				n := newNode(Interval, "", s.expr(bpAdd))
				if s.tok.kind == tkWord && units[s.tok.text] {
					n.Name = s.tok.text
					s.advance()
				}
				return n
			}
		}
	case tkPunct:
		switch x := s.tok.text; x {
		case "-", "+", "~", "!":
			s.advance()
			if x == "!" {
				x = "not"
			}
			return newNode(Unary, x, s.expr(bpUnary))
		default:
			if !s.my && x != "*" && strings.IndexByte(operatorBytes, x[0]) >= 0 {
				s.advance()
				return newNode(Unary, x, s.expr(bpUnary))
			}
		}
	}
	return s.atom()
}

var units = words(`microsecond second minute hour day week month quarter year second_microsecond minute_microsecond
	minute_second hour_microsecond hour_second hour_minute day_microsecond day_second day_minute day_hour year_month`)

// atom reads an operand.
func (s *scanner) atom() *Node {
	x := s.tok
	switch x.kind {
	case tkNumber:
		s.advance()
		return &Node{Kind: Number, Slot: x.slot}
	case tkString:
		s.advance()
		for s.tok.kind == tkString {
			s.advance()
		}
		return &Node{Kind: String, Slot: x.slot}
	case tkHex:
		s.advance()
		return &Node{Kind: Hex, Slot: x.slot}
	case tkParam:
		s.advance()
		return &Node{Kind: Param, Slot: x.slot}
	case tkVariable:
		s.advance()
		return newNode(Variable, x.text)
	case tkWord, tkIdent:
		return s.named()
	case tkPunct:
		switch x.text {
		case "(":
			return s.brackets()
		case "*":
			s.advance()
			return newNode(Star, "")
		case "[":
			return s.array()
		case "\\":
			if s.next.word("n") {
				s.advance()
				s.advance()
				return newNode(Null, "")
			}
		case "{": // {d '...'}, {fn ...}
			s.advance()
			if s.tok.kind == tkWord && !s.next.is("(") {
				s.advance()
			}
			n := s.expr(bpOr)
			s.accept("}")
			return n
		case ")", "]", "}", ",", ";":
			return newNode(Missing, "")
		}
		s.advance()
		return newNode(Other, x.text)
	}
	return newNode(Missing, "")
}

// ends says whether an expression cannot go on here.
func (s *scanner) ends() bool {
	return s.tok.is(")") || s.tok.is(",") || s.tok.is(";") || s.tok.is("]") || s.tok.kind == tkWord && clauses[s.tok.text]
}

// brackets reads ( ... ): an expression, a row or a sub-query, and what may
// stand behind it.
func (s *scanner) brackets() *Node {
	if !s.accept("(") {
		return s.atom()
	}
	if s.depth > most { // what stands inside is read on this level
		return newNode(Other, "(")
	}
	n := s.inBrackets()
	s.bracketed = n
	for !s.my && s.tok.is(".") { // (row).field
		s.advance()
		f := newNode(Other, "field", n)
		if s.accept("*") {
			f.Args = append(f.Args, newNode(Star, ""))
		} else {
			f.Qualifier = s.name()
		}
		n = f
	}
	return n
}

// inBrackets reads from behind an opening bracket to behind the closing one.
func (s *scanner) inBrackets() *Node {
	s.depth++
	defer func() { s.depth-- }()
	if s.tok.kind == tkWord && queries[s.tok.text] {
		n := newNode(Query, "", s.statement())
		s.accept(")")
		return n
	}
	first := s.expr(bpOr)
	if first.Kind == Query && s.tails() {
		s.clauses(unwrap(first)) // ((SELECT ...) ORDER BY ...)
	}
	args := s.rest(first)
	if s.setOperator() && len(args) == 1 {
		n := newNode(Query, "", s.unions(unwrap(first), first.Kind == Query))
		s.accept(")")
		return n
	}
	s.accept(")")
	if len(args) == 1 {
		return first
	}
	return newNode(Row, "row", args...)
}

// tails says whether a clause goes on here that may stand behind a query in
// brackets.
func (s *scanner) tails() bool {
	return s.tok.kind == tkWord && (s.tok.text == "order" || s.tok.text == "limit" || s.tok.text == "offset" || s.tok.text == "fetch")
}

// setOperator says whether a set operation goes on here.
func (s *scanner) setOperator() bool {
	return s.tok.word("union") || s.tok.word("except") || s.tok.word("intersect")
}

// rest reads the further members of a list in brackets, up to the bracket. What
// the list is sorted by stands behind them.
func (s *scanner) rest(first *Node) []*Node {
	args := []*Node{first}
	var order *Node
	for s.tok.kind != tkEnd && !s.tok.is(")") && !s.tok.is("]") && !s.tok.is(";") {
		if s.setOperator() {
			break
		}
		if s.tok.word("order") && s.next.word("by") {
			s.advance()
			s.advance()
			order = newNode(Order, "", s.exprs()...)
			continue
		}
		if !s.accept(",") {
			if s.tok.kind == tkWord {
				s.advance() // FROM, FOR, USING, AS, SEPARATOR
				if s.ends() {
					continue
				}
			} else if s.tok.is("}") || s.tok.is(":") || s.tok.is(".") || s.tok.is("..") {
				s.advance()
				continue
			}
		}
		args = append(args, s.expr(bpOr))
	}
	if order != nil {
		args = append(args, order)
	}
	return args
}

func unwrap(n *Node) *Node {
	if n.Kind == Query && len(n.Args) == 1 {
		return n.Args[0]
	}
	return n
}

func (s *scanner) array() *Node {
	s.advance()
	n := newNode(Row, "array")
	if !s.tok.is("]") {
		n.Args = s.rest(s.expr(bpOr))
	}
	s.accept("]")
	return n
}
