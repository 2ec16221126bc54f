package sqlfacts

import "strings"

// define reads CREATE, ALTER, DROP and the like: the tables that they name, and
// the queries and conditions in them. What else they say follows other rules than
// queries do, and is passed over.
func (s *scanner) define(root *Node, first string) {
	s.advance()
	root.Name = first
	if first != "comment" {
		s.definedWhat(root)
	}
	switch {
	case first == "comment":
		s.commented(root)
	case first == "truncate" && s.my:
		root.Name = "truncate table"
	case first == "truncate":
		root.Name = first
	}
	if s.definesRelation(root.Name, first) {
		for s.relationOf(root) && (first == "drop" || first == "truncate") && s.accept(",") {
		}
	}
	s.definition(root, root, 0)
}

// definedWhat reads what is made, up to its name.
func (s *scanner) definedWhat(root *Node) {
	done := false
	for s.tok.kind == tkWord {
		x := s.tok.text
		switch {
		case s.my && (x == "algorithm" || x == "definer" || x == "sql") && !done:
			for s.tok.kind != tkEnd && !s.tok.is(";") && !(s.tok.kind == tkWord && routines[s.tok.text]) {
				s.advance() // ALGORITHM=UNDEFINED DEFINER=root@localhost SQL SECURITY DEFINER
			}
			continue
		case fillers[x]:
		case done || !describing[x]:
			return
		default:
			root.Name += " " + x
			done = objectWords[x]
		}
		s.advance()
	}
}

// routines are what may stand behind a DEFINER.
var routines = words("view procedure function trigger event")

// objectWords are the last words of what is made.
var objectWords = words(`table tables database schema view index role user function procedure trigger server extension sequence
	type domain aggregate language wrapper policy publication subscription tablespace cast collation rule plugin group system
	statistics privileges`)

// definesRelation says whether a relation's name comes next.
func (s *scanner) definesRelation(name, first string) bool {
	return name == "refresh materialized view" || strings.HasSuffix(name, " table") || strings.HasSuffix(name, " view") ||
		first == "truncate" || first == "rename" && s.my || strings.HasSuffix(name, " sequence") && first != "create" ||
		name == "alter index" && !s.my
}

// commented reads the object of PostgreSQL's COMMENT ON.
func (s *scanner) commented(root *Node) {
	s.accept("on")
	if s.accept("table", "view", "sequence") {
		s.relationOf(root)
	}
}

// definition reads on to the end of a definition, or of its brackets: into is
// where what it finds goes.
func (s *scanner) definition(root, into *Node, depth int) {
	for s.tok.kind != tkEnd && !s.tok.is(";") {
		switch {
		case s.tok.is(")"):
			if depth > 0 || s.depth > 1 {
				return
			}
			s.advance()
		case s.tok.is("("):
			s.inDefinition(root, into, depth)
		case s.tok.kind == tkWord:
			if s.setOperator() && len(into.Args) > 0 || s.defined(root, into) {
				return
			}
		default:
			s.advance()
		}
	}
}

// inDefinition reads brackets.
func (s *scanner) inDefinition(root, into *Node, depth int) {
	if depth > most/2 || s.depth > most {
		s.skipBrackets()
		return
	}
	if s.next.kind == tkWord && (s.next.text == "select" || s.next.text == "with" || s.next.text == "values") {
		if n := unwrap(s.brackets()); n != nil {
			into.Args = append(into.Args, n)
		}
		return
	}
	s.advance()
	s.depth++
	s.definition(root, into, depth+1)
	s.depth--
	s.accept(")")
}

// defined reads what a word begins; the answer is whether that went to the end.
func (s *scanner) defined(root, into *Node) bool {
	x := s.tok.text
	switch x {
	case "select":
		if s.depth <= most {
			into.Args = append(into.Args, s.statement())
			return true
		}
	case "as":
		if s.next.kind == tkWord && queries[s.next.text] && s.depth <= most {
			s.advance()
			into.Args = append(into.Args, s.statement())
			return true
		}
	}
	s.advance()
	switch x {
	case "on":
		s.definedOn(root, into)
	case "to":
		if strings.HasSuffix(root.Name, " rule") {
			s.relationOf(into)
		}
	case "for":
		s.skip("select", "insert", "update", "delete", "each", "row")
	case "references":
		// PostgreSQL's facts have it as read, MySQL's as written.
		if s.my {
			s.relationOf(into)
			break
		}
		n := newNode(Other, "constraint")
		s.relationOf(n)
		into.Args = append(into.Args, n)
	case "like":
		if s.my && s.tok.kind != tkString {
			s.relationOf(into)
		}
	case "of":
		if strings.HasSuffix(root.Name, " table") {
			s.relationOf(into)
		}
	case "using":
		if strings.HasSuffix(root.Name, " policy") {
			into.Args = append(into.Args, s.expr(bpOr))
		}
	case "default", "check", "where", "when":
		if s.tok.kind != tkWord || !clauses[s.tok.text] && s.tok.text != "privileges" {
			into.Args = append(into.Args, s.expr(bpOr))
		}
	case "soname":
		root.Name += " soname"
	case "do", "begin", "row", "then", "else", "instead", "also":
		s.skip("instead", "also")
		if k := verbs[s.tok.text]; s.tok.kind == tkWord && k >= Select && k <= Delete && s.depth <= most {
			into.Args = append(into.Args, s.statement())
		}
	}
	return false
}

// definedOn reads what stands behind ON: the table of an index, a trigger, a
// rule or a policy; or an event.
func (s *scanner) definedOn(root, into *Node) {
	for _, x := range [...]string{" index", " trigger", " policy"} {
		if strings.HasSuffix(root.Name, x) {
			s.skip("only")
			s.relationOf(into)
			return
		}
	}
	if s.skip("select", "insert", "update", "delete", "commit"); !strings.HasSuffix(root.Name, " rule") {
		s.skip("set", "null", "no", "action", "cascade", "restrict", "default")
	}
}

// relationOf reads a table's name, and says whether there was one.
func (s *scanner) relationOf(into *Node) bool {
	if s.tok.kind != tkIdent && (s.tok.kind != tkWord || clauses[s.tok.text]) {
		return false
	}
	if n := s.tableName(); n.Name != "" {
		into.Args = append(into.Args, n)
	}
	return true
}

var describing = words(`table tables database databases schema schemas view index unique role user function procedure trigger
	event server extension sequence type domain columns fields full global session status variables processlist grants
	create temporary temp or replace if exists not unlogged materialized only aggregate language foreign data wrapper
	policy publication subscription tablespace operator cast collation rule plugin soname engine engines warnings
	errors keys indexes binary master logs binlog events slave hosts open plugins privileges profile profiles triggers
	character set like ignore concurrently constraint recursive group system statistics default foreign fulltext spatial`)

var fillers = words("or replace if exists not only like temporary temp unlogged unique ignore concurrently constraint recursive fulltext spatial global local")
