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
			case isName(c.n, "convert_from", "convert", "decode", "from_base64", "unhex") && len(c.n.Args) > 0 && c.n.Args[0].Kind == sqlfacts.Func && isName(c.n.Args[0], "decode", "unhex", "from_base64") && allLiterals(c.n.Args[0].Args) && (c.clause == sqlfacts.Where || c.clause == sqlfacts.Having):
				x.see(3, c.n.Name+" of a literal that is decoded before")
			case isName(c.n, "unhex", "from_base64", "decode", "convert_from") && len(c.n.Args) > 0 && isLiteral(c.n.Args[0]):
				if c.clause != sqlfacts.Values && c.clause != sqlfacts.Targets {
					x.see(2, c.n.Name+" of a literal")
				}
			case isName(c.n, "replace", "translate") && nested(c.n, c.n.Name) >= 3:
				x.see(1, c.n.Name+" nested")
			}
		}
		for _, a := range x.arms {
			x.numbered(a)
		}
		if len(codes) >= 3 {
			x.seeWhen(3, "characters given by their numbers", func(v Values) bool { return seen(codes, v) >= 3 })
		}
		if x.has(sqlfacts.CommentExec) && !x.wholeComment() {
			w := 2
			if x.browses() { // a column of the catalogue that older servers lack
				w = 1
			}
			x.see(w, "code inside a versioned comment")
		}
		if x.has(sqlfacts.OddSpace) {
			x.see(1, "unusual white space")
		}
		if x.has(sqlfacts.DoubleEncoded) {
			x.see(1, "encoded characters inside a literal")
		}
	},
}

// numbered is name = 0x61646d696e: a word that is compared without quotes.
func (x *probe) numbered(a arm) {
	if a.n.Kind != sqlfacts.Binary || !isComparison(a.n.Name) || len(columnsOf(a.n)) == 0 {
		return
	}
	weight := 3
	if x.sole(a) && a.of.depth == 0 && len(x.facts.Statements) == 1 { // the application's own column and value
		weight = 1
	}
	for _, l := range a.n.Args[1:] {
		if l.Kind == sqlfacts.Hex && l.Slot >= 0 {
			x.seeWhen(weight, "a word as a number", func(v Values) bool {
				b := v.Value(l.Slot, nil)
				return len(b) > 2 && readable(b) && !slices.ContainsFunc(b, func(c byte) bool { return !letter(c) && c != ' ' && c != '%' && c != '_' })
			})
		}
	}
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

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
