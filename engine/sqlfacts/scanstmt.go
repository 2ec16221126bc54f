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

// verbs begin a statement.
var verbs = map[string]Kind{
	"select": Select, "values": Select, "table": Select, "insert": Insert, "replace": Insert, "update": Update, "delete": Delete,
	"merge": Merge, "copy": Copy, "call": Call, "do": Call, "execute": Call, "exec": Call, "set": Set, "reset": Set,
	"begin": Begin, "start": Begin, "commit": Begin, "end": Begin, "rollback": Begin, "abort": Begin, "savepoint": Begin,
	"release": Begin, "xa": Begin, "explain": Explain, "analyze": Lock, "create": Define, "alter": Define, "drop": Define,
	"truncate": Define, "rename": Define, "comment": Define, "grant": Grant, "revoke": Grant, "show": Show,
	"describe": Show, "desc": Show, "load": Load, "import": Load, "prepare": Prepare, "lock": Lock, "unlock": Lock,
	"flush": Lock, "kill": Lock, "vacuum": Lock, "handler": Select, "shutdown": Lock, "install": Define, "uninstall": Define,
	"optimize": Lock, "repair": Lock, "check": Lock, "checksum": Lock, "reindex": Lock, "cluster": Lock, "use": Set,
	"with": Select, "declare": Other, "if": Other, "while": Other, "waitfor": Other,
}

// statement reads up to a semicolon, an unmatched bracket or the end.
func (s *scanner) statement() *Node {
	s.depth++
	defer func() { s.depth-- }()
	root := newNode(Other, "")
	if s.tok.kind == tkWord {
		root.Name = s.tok.text
		if k, ok := verbs[s.tok.text]; ok {
			root.Kind = k
			root.Name = ""
		}
	}
	if s.tok.word("with") {
		root.Args = append(root.Args, s.ctes())
		if k, ok := verbs[s.tok.text]; ok && s.tok.kind == tkWord {
			root.Kind = k
		}
	}
	s.verb(root)
	s.clauses(root)
	if s.tok.word("union") || s.tok.word("except") || s.tok.word("intersect") {
		return s.unions(root)
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
			if n := s.brackets(); n.Kind == Row {
				root.Args = append(root.Args, newNode(Targets, "", n.Args...))
			} else {
				root.Args = append(root.Args, newNode(Targets, "", n))
			}
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
		s.setOf(root)
	case Explain, Prepare:
		s.advance()
		for s.tok.kind != tkEnd && !s.tok.is(";") {
			if k := verbs[s.tok.text]; s.tok.kind == tkWord && k >= Select && k <= Merge {
				root.Args = append(root.Args, s.statement())
				return
			}
			s.advance()
		}
	case Call:
		s.advance()
		if s.tok.word("immediate") {
			root.Flag = "immediate"
			s.advance()
		}
		x := s.expr(bpOr)
		if first != "do" {
			root.Name = x.Name
		}
		root.Args = append(root.Args, x)
	case Other:
		if s.tok.kind != tkWord || !clauses[s.tok.text] {
			root.Args = append(root.Args, s.exprs()...)
		}
	default:
		s.simple(root, first)
	}
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
	s.skip("all", "distinct", "distinctrow", "high_priority", "straight_join", "sql_small_result", "sql_big_result",
		"sql_buffer_result", "sql_no_cache", "sql_cache", "sql_calc_found_rows")
	if s.tok.kind == tkWord && clauses[s.tok.text] && !s.next.is("(") {
		return
	}
	root.Args = append(root.Args, newNode(Targets, "", s.exprs()...))
}

// copyOf reads COPY t (cols) FROM|TO 'file'|PROGRAM 'cmd'|STDIN.
func (s *scanner) copyOf(root *Node) {
	s.advance()
	if s.tok.is("(") {
		root.Args = append(root.Args, unwrap(s.brackets()))
	} else {
		s.target(root)
		if s.tok.is("(") {
			s.brackets()
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
}

func (s *scanner) setOf(root *Node) {
	s.advance()
	if s.tok.word("global") || s.tok.word("session") || s.tok.word("local") {
		root.Qualifier = s.tok.text
		s.advance()
	}
	if s.tok.kind != tkEnd {
		root.Name = s.tok.text
	}
	root.Args = append(root.Args, newNode(Targets, "", s.assigns()...))
}

// simple reads statements of which only the names count.
func (s *scanner) simple(root *Node, first string) {
	s.advance()
	root.Name = first
	for s.tok.kind == tkWord && (root.Kind == Define || root.Kind == Show) && describing[s.tok.text] {
		if !fillers[s.tok.text] {
			root.Name += " " + s.tok.text
		}
		s.advance()
	}
	if root.Kind == Define && (s.tok.kind == tkWord && !clauses[s.tok.text] || s.tok.kind == tkIdent) &&
		(strings.Contains(root.Name, "table") || strings.HasSuffix(root.Name, "view") || first == "truncate" || first == "rename") {
		root.Args = append(root.Args, s.table(false))
		for s.accept(",") && s.tok.kind != tkEnd {
			s.target(root)
		}
	}
	if root.Kind == Load {
		if s.tok.word("data") || s.tok.word("xml") {
			s.advance()
		}
		s.skip("low_priority", "concurrent")
		if s.accept("local") {
			root.Flag = "local"
		}
		s.skip("infile")
	}
}

var describing = words(`table tables database databases schema schemas view index unique role user function procedure trigger
	event server extension sequence type domain columns fields full global session status variables processlist grants
	create temporary temp or replace if exists not unlogged materialized only aggregate language foreign data wrapper
	policy publication subscription tablespace operator cast collation rule plugin soname engine engines warnings
	errors keys indexes binary master logs binlog events slave hosts open plugins privileges profile profiles triggers
	character set like`)

var fillers = words("or replace if exists not only like")

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
		if s.depth > most {
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
		return newNode(From, "", s.relations()...)
	case "join", "inner", "left", "right", "cross", "natural", "full", "straight_join":
		return newNode(From, "", s.relations()...)
	case "where":
		return newNode(Where, "", s.exprs()...)
	case "having":
		return newNode(Having, "", s.exprs()...)
	case "group", "order", "partition":
		s.accept("by")
		k := Order
		if x != "order" {
			k = Group
		}
		return newNode(k, "", s.exprs()...)
	case "fetch":
		if !s.accept("first", "next") {
			return nil // FETCH 1000 IN c reads a cursor: no limit
		}
		return newNode(Limit, "", s.exprs()...)
	case "limit", "offset":
		n := newNode(Limit, "", s.exprs()...)
		if s.accept("offset") {
			n.Args = append(n.Args, s.exprs()...)
		}
		return n
	case "set":
		return newNode(Targets, "", s.assigns()...)
	case "returning", "return":
		return newNode(Return, "", s.exprs()...)
	case "procedure":
		return newNode(Options, "procedure", s.exprs()...)
	case "for", "lock":
		if s.accept("update", "share", "no", "key", "in") {
			s.skip("mode", "key", "update", "share", "nowait", "skip", "locked")
			return newNode(Locking, "")
		}
		return nil
	case "on":
		return s.onClause()
	case "window":
		s.skip("window")
		return nil
	case "and", "or", "xor", "between": // of an expression that was broken off
		return newNode(Binary, x, newNode(Missing, ""), s.expr(bpOr))
	case "as", "when", "then", "else", "end", "desc", "asc", "over":
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
	if !s.tok.is(")") {
		n.Args = s.rest(s.expr(bpOr))
	}
	s.accept(")")
	return n
}

func (s *scanner) onClause() *Node {
	switch {
	case s.accept("conflict"):
		n := newNode(Conflict, "")
		if s.tok.is("(") {
			s.brackets()
		}
		s.skip("on", "constraint", "do", "nothing", "update")
		if s.accept("set") {
			n.Args = s.assigns()
		}
		return n
	case s.accept("duplicate"):
		s.skip("key", "update")
		return newNode(Conflict, "", s.assigns()...)
	}
	return newNode(Where, "on", s.exprs()...)
}

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
		n := &Node{Kind: Assign, Name: x.Name, Qualifier: x.Qualifier, Slot: -1}
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
