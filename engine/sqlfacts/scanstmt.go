package sqlfacts

import "strings"

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

func lower(s string) string { return strings.ToLower(s) }

// queries begin a sub-query behind a bracket.
var queries = words("select with values table")

// clauses are words that end an expression.
var clauses = words(`select from where group having order limit offset union except intersect into values set on using
	join inner left right cross natural full straight_join returning for when then else end as procedure window fetch
	desc asc lock over partition insert update delete and or xor between`)

// callable are those of them that may also be called.
var callable = words("left right insert values")

// verbs begin a statement.
var verbs = map[string]Kind{
	"select": Select, "values": Select, "table": Select, "insert": Insert, "replace": Insert, "update": Update, "delete": Delete,
	"merge": Merge, "copy": Copy, "call": Call, "do": Call, "execute": Call, "exec": Call, "set": Set, "reset": Set,
	"begin": Begin, "start": Begin, "commit": Begin, "end": Begin, "rollback": Begin, "abort": Begin, "savepoint": Begin,
	"release": Begin, "xa": Begin, "explain": Explain, "analyze": Lock, "create": Define, "alter": Define, "drop": Define,
	"truncate": Define, "rename": Define, "comment": Define, "refresh": Define, "security": Define, "reassign": Define, "grant": Grant, "revoke": Grant, "show": Show,
	"describe": Show, "desc": Show, "load": Load, "import": Load, "prepare": Prepare, "lock": Lock, "unlock": Lock,
	"discard": Lock, "checkpoint": Lock, "flush": Lock, "kill": Lock, "vacuum": Lock, "handler": Select, "shutdown": Lock, "install": Define, "uninstall": Define,
	"optimize": Lock, "repair": Lock, "check": Lock, "checksum": Lock, "reindex": Lock, "cluster": Lock, "use": Set,
	"with": Select, "declare": Other, "if": Other, "while": Other, "waitfor": Other,
}

// statement reads up to a semicolon, an unmatched bracket or the end.
func (s *scanner) statement() *Node {
	s.depth++
	defer func() { s.depth-- }()
	root := newNode(Other, "")
	inBrackets := false
	switch {
	case s.tok.is("(") && s.depth <= most:
		n := s.brackets()
		if inBrackets = n.Kind == Query; inBrackets {
			root = unwrap(n)
		} else {
			root.Args = append(root.Args, n)
		}
	case s.tok.kind == tkWord:
		root.Name = s.tok.text
		if k, ok := verbs[s.tok.text]; ok {
			root.Kind = k
			root.Name = ""
		}
		if s.tok.text == "with" {
			root.Args = append(root.Args, s.ctes())
			if k, ok := verbs[s.tok.text]; ok && s.tok.kind == tkWord {
				root.Kind = k
			}
		}
		s.verb(root)
	default:
		s.verb(root)
	}
	s.clauses(root)
	if s.setOperator() {
		return s.unions(root, inBrackets)
	}
	return root
}

// verb reads the beginning of a statement.
func (s *scanner) verb(root *Node) {
	first := s.tok.text
	switch root.Kind {
	case Select:
		s.selectList(root, first)
	case Insert:
		s.advance()
		s.skip("low_priority", "delayed", "high_priority", "ignore", "overwrite")
		s.accept("into")
		s.target(root)
		if s.tok.is("(") && !(s.next.kind == tkWord && queries[s.next.text]) {
			root.Args = append(root.Args, s.columns(Targets, ""))
		}
		if s.tok.is("(") && s.depth <= most { // a query
			root.Args = append(root.Args, unwrap(s.brackets()))
		}
		if s.tok.word("default") && s.next.word("values") {
			s.advance()
			s.advance()
			root.Args = append(root.Args, newNode(Options, "default values"))
		}
	case Update:
		s.advance()
		s.skip("low_priority", "ignore", "only")
		root.Args = append(root.Args, s.relations()...)
	case Delete:
		s.advance()
		s.skip("low_priority", "quick", "ignore")
		if !s.tok.word("from") {
			root.Args = append(root.Args, s.relations()...)
		} else {
			s.advance()
			s.accept("only")
			root.Args = append(root.Args, s.relations()...)
		}
	case Merge:
		s.advance()
		s.accept("into")
		s.target(root)
	case Copy:
		s.copyOf(root)
	case Set:
		s.setOf(root, first)
	case Explain:
		s.explain(root)
	case Prepare:
		s.prepare(root)
	case Call:
		s.call(root, first)
	case Begin:
		s.begin(root, first)
	case Show:
		s.show(root, first)
	case Lock:
		s.maintenance(root, first)
	case Grant:
		s.grant(root, first)
	case Load:
		if !s.my && first == "import" {
			root.Kind = Define
			s.define(root, first)
			break
		}
		s.load(root, first)
	case Define:
		s.define(root, first)
	case Other:
		if !s.cursor(root, first) && (s.tok.kind != tkWord || !clauses[s.tok.text]) {
			root.Args = append(root.Args, s.exprs()...)
		}
	}
}

// columns reads a list of columns in brackets.
func (s *scanner) columns(k Kind, name string) *Node {
	n := s.brackets()
	if n.Kind == Row {
		return newNode(k, name, n.Args...)
	}
	return newNode(k, name, n)
}

func (s *scanner) skip(words ...string) {
	for s.tok.kind == tkWord && s.accept(words...) {
	}
}

// target reads the table that is written.
func (s *scanner) target(root *Node) {
	if s.tok.kind == tkWord || s.tok.kind == tkIdent {
		root.Args = append(root.Args, s.table(false))
	}
}

func (s *scanner) selectList(root *Node, first string) {
	switch first {
	case "values":
		root.Args = append(root.Args, s.values())
		return
	case "table", "handler":
		s.advance()
		if first == "table" {
			root.Args = append(root.Args, newNode(Targets, "", newNode(Star, "")))
		}
		if s.tok.kind == tkWord || s.tok.kind == tkIdent {
			root.Args = append(root.Args, newNode(From, "", s.table(false)))
		}
		if first == "handler" {
			s.skip("open", "read", "close", "first", "next", "prev", "last")
		}
		return
	}
	if !s.accept("select") {
		return
	}
	for s.tok.kind == tkWord && choosing[s.tok.text] {
		if s.tok.text == "distinct" || s.tok.text == "distinctrow" {
			root.Flag = "distinct"
			if !s.my && s.next.word("on") {
				s.advance()
				s.advance()
				root.Args = append(root.Args, s.columns(Options, "distinct on"))
				break
			}
		}
		s.advance()
	}
	if s.tok.kind == tkWord && clauses[s.tok.text] && !(callable[s.tok.text] && s.next.is("(")) {
		return
	}
	root.Args = append(root.Args, newNode(Targets, "", s.exprs()...))
}

// choosing are words that may stand behind SELECT.
var choosing = words(`all distinct distinctrow high_priority straight_join sql_small_result sql_big_result sql_buffer_result
	sql_no_cache sql_cache sql_calc_found_rows`)

// copyOf reads COPY t (cols) FROM|TO 'file'|PROGRAM 'cmd'|STDIN.
func (s *scanner) copyOf(root *Node) {
	s.advance()
	if s.tok.is("(") {
		root.Args = append(root.Args, unwrap(s.brackets()))
	} else {
		s.target(root)
		if s.tok.is("(") {
			root.Args = append(root.Args, s.columns(Targets, ""))
		}
	}
	if s.tok.word("from") || s.tok.word("to") {
		root.Name = s.tok.text
		s.advance()
	}
	if s.tok.word("program") || s.tok.word("stdin") || s.tok.word("stdout") {
		root.Flag = s.tok.text
		s.advance()
	}
	if s.tok.kind == tkString {
		if root.Flag == "" {
			root.Flag = "file"
		}
		root.Args = append(root.Args, s.atom())
	}
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.tok.word("where") && !s.starts() { // options
		s.advance()
	}
}

// starts says whether a query begins here, or goes on with another arm.
func (s *scanner) starts() bool {
	return s.tok.word("select") || s.setOperator()
}

// clauses reads the clauses of a statement, in whatever order.
func (s *scanner) clauses(root *Node) {
	for s.tok.kind != tkEnd && !s.tok.is(";") {
		if s.tok.is(")") {
			if s.depth > 1 {
				return
			}
			s.advance() // a bracket that was never opened
			continue
		}
		if s.tok.kind != tkWord {
			if s.tok.is(",") {
				s.advance()
				continue
			}
			root.Args = append(root.Args, s.expr(bpOr))
			s.accept("]", "}", ":", "..", ".")
			continue
		}
		switch s.tok.text {
		case "union", "except", "intersect":
			return
		}
		if n := s.clause(root); n != nil {
			root.Args = append(root.Args, n)
		}
	}
}

// clause reads one clause, or any lexemes that are none.
func (s *scanner) clause(root *Node) *Node {
	x := s.tok.text
	switch x {
	case "select", "with":
		if s.depth > most || x == "with" && (s.next.is("(") || s.next.kind == tkWord && within[s.next.text]) {
			s.advance()
			return nil
		}
		return s.statement()
	case "values", "value":
		return s.values()
	case "into":
		return s.into(root)
	}
	s.advance()
	switch x {
	case "from", "using":
		n := newNode(From, "", s.relations()...)
		if len(n.Args) == 1 && n.Args[0].Kind == Missing {
			return nil // FROM DUAL
		}
		return n
	case "join", "inner", "left", "right", "cross", "natural", "full", "straight_join":
		return newNode(From, "", s.relations()...)
	case "where":
		return newNode(Where, "", s.exprs()...)
	case "having":
		return newNode(Having, "", s.exprs()...)
	case "group", "order":
		if !s.accept("by") && root.Kind != Select {
			return nil
		}
		if x == "order" {
			return newNode(Order, "", s.exprs()...)
		}
		s.skip("distinct", "all")
		return newNode(Group, "", s.groups()...)
	case "partition":
		return nil
	case "fetch":
		if !s.accept("first", "next") {
			return nil // FETCH 1000 IN c reads a cursor: no limit
		}
		return newNode(Limit, "", s.exprs()...)
	case "limit", "offset":
		return s.limit(root, x)
	case "set":
		return newNode(Targets, "", s.assigns()...)
	case "returning", "return":
		return newNode(Return, "", s.exprs()...)
	case "procedure":
		return newNode(Options, "procedure", s.exprs()...)
	case "for", "lock":
		if s.accept("update", "share", "no", "key", "in") {
			s.skip("mode", "key", "update", "share", "of", "nowait", "skip", "locked")
			return newNode(Locking, "")
		}
		return nil
	case "on":
		return s.onClause()
	case "window":
		n := newNode(Window, "")
		for s.tok.kind == tkWord || s.tok.kind == tkIdent {
			s.name()
			s.accept("as")
			if !s.tok.is("(") {
				break
			}
			n.Args = append(n.Args, s.window())
			if !s.accept(",") {
				break
			}
		}
		return n
	case "and", "or", "xor", "between": // of an expression that was broken off
		return newNode(Binary, x, newNode(Missing, ""), s.expr(bpOr))
	case "when":
		if root.Kind == Merge {
			return s.merging()
		}
		return nil
	case "as", "then", "else", "end", "desc", "asc", "over":
		return nil
	}
	if k, ok := verbs[x]; ok && k >= Insert && k <= Merge {
		n := newNode(k, "")
		s.target(n)
		return n
	}
	if s.tok.is("(") { // a call
		return s.callOf(x)
	}
	if s.tok.kind == tkPunct && !s.ends() {
		if p, _ := s.binary(); p > 0 {
			left := &Node{Kind: Column, Name: x, Slot: -1}
			for p > 0 {
				_, op := s.binary()
				left = s.infix(left, p, op)
				p, _ = s.binary()
			}
			return left
		}
	}
	return nil
}

func (s *scanner) callOf(name string) *Node {
	n := newNode(Func, name)
	s.advance()
	s.depth++
	defer func() { s.depth-- }()
	s.arguments(n)
	return n
}

func (s *scanner) onClause() *Node {
	switch {
	case s.accept("conflict"):
		n := newNode(Conflict, "")
		if s.tok.is("(") {
			n.Args = append(n.Args, s.columns(Options, "conflict target"))
		}
		if s.accept("where") {
			n.Args = append(n.Args, s.exprs()...)
		}
		if s.accept("on") {
			s.accept("constraint")
			s.name()
		}
		s.skip("do", "nothing", "update")
		if s.accept("set") {
			n.Args = append(n.Args, newNode(Targets, "", s.assigns()...))
		}
		if s.accept("where") {
			n.Args = append(n.Args, newNode(Where, "", s.exprs()...))
		}
		return n
	case s.accept("duplicate"):
		s.skip("key", "update")
		return newNode(Conflict, "", s.assigns()...)
	}
	return newNode(Where, "on", s.exprs()...)
}
