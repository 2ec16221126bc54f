package pgwire

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
