package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// obfuscation: texts are built so that no quote or word shows.
var obfuscation = Detector{
	ID: "obfuscation", Title: "Texts built of codes",
	Maps: []string{"CWE-89", "T1027"},
	find: func(x *probe) {
		var codes []int
		for _, c := range x.calls {
			switch {
			case isName(c.n, "chr", "char", "nchar") && len(c.n.Args) > 0 && allLiterals(c.n.Args):
				codes = append(codes, slots(c.n)...)
			case isName(c.n, "concat", "concat_ws", "make_set", "elt") && hexes(c.n) > 0:
				ls := literals(c.n)
				x.seeWhen(3, "hexadecimal texts joined", func(v Values) bool { // but a file's first bytes
					return slices.ContainsFunc(ls, func(l *node) bool { return l.Kind == sqlfacts.Hex && (l.Slot < 0 || readable(v.Value(l.Slot, nil))) })
				})
			case isName(c.n, "unhex", "from_base64", "decode", "convert_from") && len(c.n.Args) > 0 && isLiteral(c.n.Args[0]):
				if c.clause != sqlfacts.Values && c.clause != sqlfacts.Targets {
					x.see(2, c.n.Name+" of a literal")
				}
			case isName(c.n, "replace", "translate") && nested(c.n, c.n.Name) >= 3:
				x.see(1, c.n.Name+" nested")
			}
		}
		if len(codes) >= 3 {
			x.seeWhen(3, "characters given by their numbers", func(v Values) bool { return seen(codes, v) >= 3 })
		}
		if x.has(sqlfacts.CommentExec) && !x.wholeComment() {
			x.see(2, "code inside a versioned comment")
		}
		if x.has(sqlfacts.OddSpace) {
			x.see(1, "unusual white space")
		}
		if x.has(sqlfacts.DoubleEncoded) {
			x.see(1, "encoded characters inside a literal")
		}
	},
}

// readable reports whether there is nothing but ASCII in a text.
func readable(b []byte) bool {
	return len(b) > 0 && !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c >= 0x7f })
}

// seen counts the codes of characters that can be seen: for tabs and line ends
// there is no other way to write them, and what stands around and between the fields
// of a line is written so.
func seen(codes []int, v Values) (n int) {
	for _, s := range codes {
		switch string(v.Value(s, nil)) {
		case "0", "9", "10", "11", "12", "13", "32", "34", "44", "59", "160":
		default:
			n++
		}
	}
	return n
}

// wholeComment: dumps wrap statements of their own in versioned comments.
func (x *probe) wholeComment() bool {
	for _, s := range x.facts.Statements {
		if isData(s.Kind) {
			return false
		}
	}
	return true
}

func allLiterals(ns []*node) bool {
	for _, n := range ns {
		if !isLiteral(n) {
			return false
		}
	}
	return true
}

func hexes(n *node) (count int) {
	each(n, func(m *node) bool {
		if m.Kind == sqlfacts.Hex {
			count++
		}
		return m == n || m.Kind != sqlfacts.Query
	})
	return count
}

func nested(n *node, name string) int {
	depth := 0
	for n != nil && n.Kind == sqlfacts.Func && n.Name == name && len(n.Args) > 0 {
		depth++
		n = n.Args[0]
	}
	return depth
}
