package sqlfacts

// within are words behind WITH that begin no query.
var within = words("rollup cube ordinality ties time data no check local cascaded consistent query grant admin option parser hold unique")

// groups reads the list of GROUP BY.
func (s *scanner) groups() []*Node {
	var out []*Node
	for {
		if s.my || s.tok.kind != tkWord || !s.next.is("(") && !s.next.word("sets") {
			out = append(out, s.exprs()...)
			return out
		}
		switch name := s.tok.text; name {
		case "grouping", "rollup", "cube":
			s.advance()
			if s.accept("sets") {
				name += " sets"
			}
			n := newNode(Other, name)
			if b := s.brackets(); b.Kind == Row {
				n.Args = b.Args
			} else {
				n.Args = []*Node{b}
			}
			out = append(out, n)
		default:
			out = append(out, s.expr(bpOr))
		}
		if !s.accept(",") {
			return out
		}
	}
}

// limit reads behind LIMIT and OFFSET: a Limit has the number of rows, then how
// many are left out.
func (s *scanner) limit(root *Node, first string) *Node {
	var count, offset *Node
	for x := first; x != ""; {
		switch e := s.exprs(); {
		case x == "offset":
			offset = e[0]
			s.skip("row", "rows")
		case len(e) > 1: // MySQL's LIMIT offset, rows
			offset, count = e[0], e[1]
		default:
			count = e[0]
		}
		x = ""
		if s.tok.word("offset") || s.tok.word("limit") {
			x = s.tok.text
			s.advance()
		}
	}
	n := newNode(Limit, "", count)
	if count == nil {
		n.Args[0] = newNode(Missing, "")
	}
	if offset != nil {
		n.Args = append(n.Args, offset)
	}
	return n
}

// merging reads a WHEN [NOT] MATCHED [AND x] THEN of MERGE.
func (s *scanner) merging() *Node {
	s.skip("not", "matched", "by", "source", "target")
	n := newNode(When, "", newNode(Missing, ""))
	if s.accept("and") {
		n.Args[0] = s.expr(bpOr)
	}
	s.accept("then")
	do := newNode(Other, "nothing")
	switch {
	case s.accept("update"):
		do = newNode(Update, "")
		if s.accept("set") {
			do.Args = append(do.Args, newNode(Targets, "", s.assigns()...))
		}
	case s.accept("delete"):
		do = newNode(Delete, "")
	case s.accept("insert"):
		do = newNode(Insert, "")
		if s.tok.is("(") {
			do.Args = append(do.Args, s.columns(Targets, ""))
		}
		s.skip("overriding", "user", "system", "value")
		if s.tok.word("values") {
			do.Args = append(do.Args, s.values())
		}
	}
	n.Args = append(n.Args, do)
	return n
}

// toEnd passes over what is left of a statement of which nothing more counts,
// up to a query that was put behind it.
func (s *scanner) toEnd() {
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.starts() {
		s.advance()
	}
}

func (s *scanner) explain(root *Node) {
	s.advance()
	if s.tok.kind == tkIdent || s.tok.kind == tkWord && verbs[s.tok.text] == 0 && !explaining[s.tok.text] {
		if s.my { // EXPLAIN t
			s.described(root)
			return
		}
	}
	for s.tok.kind != tkEnd && !s.tok.is(";") {
		if k := verbs[s.tok.text]; s.tok.kind == tkWord && k >= Select && k <= Merge {
			root.Args = append(root.Args, s.statement())
			return
		}
		s.advance()
	}
}

var explaining = words("extended partitions format analyze for verbose")

// described reads the table of DESCRIBE.
func (s *scanner) described(root *Node) {
	root.Kind, root.Name = Show, "columns"
	root.Args = append(root.Args, s.table(false))
	s.toEnd()
}

func (s *scanner) prepare(root *Node) {
	s.advance()
	if s.tok.word("transaction") {
		root.Kind, root.Name = Begin, "prepare transaction"
		s.toEnd()
		return
	}
	root.Name = s.name()
	for s.tok.kind != tkEnd && !s.tok.is(";") {
		if k := verbs[s.tok.text]; s.tok.kind == tkWord && k >= Select && k <= Merge {
			root.Args = append(root.Args, s.statement())
			return
		}
		if s.accept("from") { // a text
			root.Args = append(root.Args, s.expr(bpOr))
			return
		}
		s.advance()
	}
}

func (s *scanner) call(root *Node, first string) {
	s.advance()
	if s.tok.word("immediate") {
		root.Flag = "immediate"
		s.advance()
	}
	if !s.my && first == "do" {
		s.skip("language")
	}
	x := s.expr(bpOr)
	switch {
	case first == "do":
		root.Args = append(root.Args, x)
		return
	case x.Kind == Column: // EXECUTE of a prepared statement
	case x.Kind == Func && !s.my:
		root.Args = append(root.Args, x.Args...)
	default:
		root.Args = append(root.Args, x)
	}
	root.Name = x.Name
}

// begin reads statements of transaction control.
func (s *scanner) begin(root *Node, first string) {
	s.advance()
	root.Name = first
	switch first {
	case "start":
		root.Name = "begin"
	case "end":
		root.Name = "commit"
	case "abort":
		root.Name = "rollback"
	}
	if s.my && first == "begin" && s.tok.word("not") { // BEGIN NOT ATOMIC: no transaction, but a block of statements
		root.Name = "begin not atomic"
	}
	s.skip("work", "transaction", "isolation", "level", "read", "write", "only", "committed", "uncommitted", "repeatable", "serializable",
		"deferrable", "not", "with", "consistent", "snapshot", "and", "no", "chain", "release", "prepared", "savepoint", "to", "atomic")
}

// showNames are what MySQL's parser calls some of what is shown.
var showNames = map[string]string{"fields": "columns", "indexes": "index", "keys": "index", "schemas": "databases", "character set": "charset"}

// show reads SHOW and DESCRIBE.
func (s *scanner) show(root *Node, first string) {
	s.advance()
	if !s.my || first != "show" {
		root.Name = s.tok.text
		if s.my && (s.tok.kind == tkIdent || s.tok.kind == tkWord && verbs[s.tok.text] != Select && verbs[s.tok.text] != Update && verbs[s.tok.text] != Delete && verbs[s.tok.text] != Insert) {
			s.described(root)
			return
		}
		s.toEnd()
		return
	}
	s.skip("full", "global", "session", "extended")
	root.Name = ""
	for s.tok.kind == tkWord && describing[s.tok.text] && !s.tok.word("like") {
		if !fillers[s.tok.text] {
			if root.Name != "" {
				root.Name += " "
			}
			root.Name += s.tok.text
		}
		s.advance()
	}
	if n, ok := showNames[root.Name]; ok {
		root.Name = n
	}
	switch root.Name {
	case "columns", "index":
		if s.accept("from", "in") {
			root.Args = append(root.Args, s.table(false))
		}
	case "create table", "create view":
		if s.tok.kind == tkWord || s.tok.kind == tkIdent {
			root.Args = append(root.Args, s.table(false))
		}
	}
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.tok.word("where") && !s.starts() {
		if s.accept("like") {
			root.Args = append(root.Args, newNode(Binary, "like", newNode(Missing, ""), s.expr(bpBits)))
			continue
		}
		if s.accept("from", "in") {
			s.name() // a database
			continue
		}
		s.advance()
	}
}

// maintenance reads LOCK, ANALYZE, VACUUM, KILL and their kin.
func (s *scanner) maintenance(root *Node, first string) {
	root.Name = first
	s.advance()
	switch first {
	case "kill":
		s.skip("hard", "soft", "connection", "query", "id", "user")
		root.Args = append(root.Args, s.expr(bpOr))
	case "flush":
		if s.skip("local", "no_write_to_binlog"); s.accept("table", "tables") {
			for (s.tok.kind == tkIdent || s.tok.kind == tkWord && !s.tok.word("with") && !s.tok.word("for")) && s.relationOf(root) && s.accept(",") {
			}
		}
	case "lock", "analyze", "vacuum", "optimize", "repair", "check", "checksum", "reindex", "cluster":
		if s.tok.is("(") {
			s.skipBrackets()
		}
		s.skip("no_write_to_binlog", "local", "full", "freeze", "verbose", "analyze", "concurrently")
		of := ""
		if s.tok.word("table") || s.tok.word("tables") || s.tok.word("index") || s.tok.word("database") || s.tok.word("schema") || s.tok.word("system") {
			of = s.tok.text
			s.advance()
		}
		s.skip("only", "concurrently", "if", "exists")
		for (s.tok.kind == tkWord || s.tok.kind == tkIdent) && (of == "" || of == "table" || of == "tables") {
			root.Args = append(root.Args, s.tableName())
			s.accept("*")
			if s.tok.is("(") {
				s.skipBrackets()
			}
			for s.tok.kind == tkWord && !s.starts() { // READ, IN EXCLUSIVE MODE
				s.advance()
			}
			if !s.accept(",") {
				break
			}
		}
	}
	s.toEnd()
}

// grant reads GRANT and REVOKE: the tables that stand behind ON.
func (s *scanner) grant(root *Node, first string) {
	root.Name = first
	s.advance()
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.tok.word("to") && !s.tok.word("from") && !s.tok.is(")") {
		if s.tok.is("(") {
			s.skipBrackets()
			continue
		}
		if !s.accept("on") {
			s.advance()
			continue
		}
		if s.tok.kind == tkWord && objects[s.tok.text] && s.tok.text != "table" && !s.next.is(".") {
			break
		}
		s.accept("table")
		for s.tok.kind == tkWord || s.tok.kind == tkIdent {
			n := s.tableName()
			if s.tok.is("*") { // of a database
				s.advance()
			} else {
				root.Args = append(root.Args, n)
			}
			if !s.accept(",") {
				break
			}
		}
	}
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.tok.word("union") { // grantees
		s.advance()
	}
}

var objects = words("table database schema sequence function procedure routine language type domain foreign tablespace large parameter all package")

// load reads MySQL's LOAD DATA and PostgreSQL's LOAD.
func (s *scanner) load(root *Node, first string) {
	root.Name = first
	s.advance()
	s.skip("data", "xml", "low_priority", "concurrent")
	if s.accept("local") {
		root.Flag = "local"
	}
	s.skip("infile")
	if !s.my && s.tok.kind == tkString {
		root.Name = "library"
	}
}

// cursor reads PostgreSQL's statements about cursors, channels and prepared
// statements, and says whether it was one.
func (s *scanner) cursor(root *Node, first string) bool {
	if s.my || s.tok.kind != tkWord || s.next.kind != tkWord && s.next.kind != tkIdent && s.next.kind != tkNumber && s.next.kind != tkParam && !s.next.is("*") && !s.next.is("-") {
		return false
	}
	switch first {
	case "declare":
		s.advance()
		root.Name, root.Alias = "declare cursor", s.name()
		for s.tok.kind != tkEnd && !s.tok.is(";") {
			if s.accept("for") {
				if s.depth <= most {
					root.Args = append(root.Args, s.statement())
				}
				return true
			}
			if s.starts() {
				return true
			}
			s.advance()
		}
	case "fetch", "move", "close", "deallocate", "listen", "unlisten":
		s.advance()
		for s.tok.kind != tkEnd && !s.tok.is(";") && !s.starts() {
			if s.tok.kind == tkWord || s.tok.kind == tkIdent {
				root.Alias = s.tok.text
			}
			s.advance()
		}
	case "notify":
		s.advance()
		root.Alias = s.name()
		if s.accept(",") {
			root.Args = append(root.Args, s.expr(bpOr))
		}
	default:
		return false
	}
	return true
}
