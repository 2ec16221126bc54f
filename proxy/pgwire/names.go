package pgwire

import "bytes"

// names maps the names of statements or portals to the objects that they stand
// for. The unnamed one has a place of its own: most drivers use no other.
type names[T any] struct {
	unnamed *T
	named   map[string]*T
}

func (n *names[T]) get(name string) *T {
	if name == "" {
		return n.unnamed
	}
	return n.named[name]
}

// find is get by bytes, without a copy of them.
func (n *names[T]) find(name []byte) *T {
	if len(name) == 0 {
		return n.unnamed
	}
	return n.named[string(name)]
}

// set gives a name to an object; nil takes it away.
func (n *names[T]) set(name string, to *T) {
	switch {
	case name == "":
		n.unnamed = to
	case to == nil:
		delete(n.named, name)
	default:
		if n.named == nil {
			n.named = make(map[string]*T)
		}
		n.named[name] = to
	}
}

func (n *names[T]) clear() { n.unnamed, n.named = nil, nil }

func (n *names[T]) len() int {
	if n.unnamed != nil {
		return len(n.named) + 1
	}
	return len(n.named)
}

// deallocated is the name of the prepared statement that a text gives up, if that
// is all it does (manual page of DEALLOCATE), else empty. Drivers close their
// statements so (psycopg, PDO, DBD::Pg, Rails) and give each a name of its own.
func deallocated(sql []byte) string {
	sql = bytes.TrimLeft(sql, " \t\n\r\f\v")
	if len(sql) == 0 || sql[0]|0x20 != 'd' && sql[0] != '/' && sql[0] != '-' {
		return ""
	}
	l := sqlLexer{sql: sql}
	if t := l.next(); t.kind != 'w' || !t.is("deallocate") {
		return ""
	}
	t, end := l.next(), l.next()
	if t.kind == 'w' && t.is("prepare") && (end.kind == 'w' || end.kind == '"') {
		t, end = end, l.next()
	}
	if end.kind == ';' {
		end = l.next()
	}
	switch {
	case end.kind != 0:
	case t.kind == '"':
		return string(t.text)
	case t.kind == 'w':
		return string(bytes.ToLower(t.text))
	}
	return ""
}
