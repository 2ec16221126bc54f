package sqlfacts

import "strings"

// setOf reads SET, RESET and USE.
func (s *scanner) setOf(root *Node, first string) {
	s.advance()
	if s.my && first == "use" {
		root.Name = first
		s.name()
		return
	}
	switch {
	case s.tok.word("global"), s.tok.word("session") && !s.next.word("characteristics"), s.tok.word("local"):
		root.Qualifier = s.tok.text
		s.advance()
	}
	if !s.my {
		s.setting(root, first)
		return
	}
	switch {
	case s.tok.kind != tkWord || s.next.is("=") || s.next.is(":="):
	case s.tok.text == "names", s.tok.text == "transaction", s.tok.text == "role", s.tok.text == "default", s.tok.text == "charset", s.tok.text == "character":
		root.Name = s.tok.text
		s.toEnd()
		return
	}
	root.Name = s.tok.text
	if s.tok.kind == tkVariable {
		scope, name := variable(s.tok.text)
		if root.Name = name; scope != "" {
			root.Qualifier = scope
		}
	}
	root.Args = append(root.Args, newNode(Targets, "", s.assigns()...))
}

// variable splits the name of one of MySQL's variables: @@global.x.
func variable(text string) (scope, name string) {
	name = strings.TrimLeft(text, "@")
	for _, scope := range [...]string{"global", "session", "local"} {
		if rest, ok := strings.CutPrefix(name, scope+"."); ok && strings.HasPrefix(text, "@@") {
			return scope, rest
		}
	}
	return "", name
}

// setting reads one of PostgreSQL's: its values are literals or bare words.
func (s *scanner) setting(root *Node, first string) {
	if first == "reset" {
		root.Flag = first
	}
	root.Name = s.tok.text
	s.advance()
	for s.tok.is(".") {
		s.advance()
		root.Name += "." + s.name()
	}
	switch {
	case root.Name == "time" && s.accept("zone"):
		root.Name = "timezone"
	case root.Name == "authorization" && root.Qualifier == "session":
		root.Name = "session_authorization"
	case root.Name == "names":
		root.Name = "client_encoding"
	case root.Name == "session":
		root.Name = "session characteristics"
	}
	if s.tok.is(".") {
		return
	}
	s.accept("=", "to")
	for s.tok.kind != tkEnd && !s.tok.is(";") && !s.starts() {
		switch {
		case s.tok.kind == tkWord, s.tok.is(","), s.tok.is(")"), s.tok.kind == tkIdent:
			s.advance()
		default:
			root.Args = append(root.Args, s.expr(bpOr))
		}
	}
}
