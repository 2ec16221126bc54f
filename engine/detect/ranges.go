package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// rangeOf is a range or a list that holds everything, or all but what was asked
// before.
func (x *probe) rangeOf(n *node, not bool, earlier []*node, alone bool) {
	l, op := n.Args[0], n.Name
	asked := l.Kind == sqlfacts.Column && wasAsked(earlier, l)
	if alone {
		x.texts(n, earlier)
	}
	switch {
	case op == "between" && !not && len(n.Args) == 3:
		lo, hi := n.Args[1], n.Args[2]
		if asked && isLiteral(lo) && x.equals(earlier, l) {
			others := isOwner(l) && !isKey(l)
			x.seeWhen(3, "a range beside the value that was asked for", func(v Values) bool { // but 1, 5-9, as people list what they want
				a, okA := number(lo, v)
				b, okB := number(hi, v)
				return others || !okA || !okB || slices.ContainsFunc(earlier, func(e *node) bool {
					if e.Kind != sqlfacts.Binary || e.Name != "=" || len(e.Args) != 2 || !same(e.Args[0], l) {
						return false
					}
					f, ok := number(e.Args[1], v)
					return !ok || a <= f && f <= b
				})
			})
			return
		}
		measures := l.Kind == sqlfacts.Func && isLength(l) && len(columnsOf(l)) > 0
		x.seeWhen(3, "a range that holds everything", func(v Values) bool {
			a, okA := number(lo, v)
			b, okB := number(hi, v)
			return okA && a <= 1 && (okB && (b >= 1<<31-1 || measures && b >= 40) || hi.Kind == sqlfacts.Unary && hi.Name == "~" || !okB && !isLiteral(hi) && isConst(hi))
		})
	case op == "in" && !not:
		truths := 0
		for _, m := range n.Args[1:] {
			if m.Kind == sqlfacts.Bool {
				truths++
			}
		}
		if truths > 1 {
			x.see(3, "a list of all that a truth value can be")
		} else if m := n.Args[1]; m.Kind == sqlfacts.Number && len(n.Args) == 2 {
			x.seeWhen(2, "a list of all that a flag can be", func(v Values) bool { s, _ := value(m, v); return s == "0" && strings.HasPrefix(l.Name, "is_") })
		}
	case isName(n, "<>", "!=") && asked && x.equals(earlier, l) && isLiteral(n.Args[1]) && !not && alone:
		x.see(3, "all but one value, beside one that was asked for")
	case op == "not" || not:
	case isName(n, "<", "<=", ">", ">=") && n.Args[1].Kind == sqlfacts.String && alone && x.longAgo(l, op, n.Args[1]):
	case isName(n, "<", "<=", ">", ">=") && isLiteral(n.Args[1]) && x.beside(l, op, n.Args[1], earlier, alone):
	case isName(n, ">", ">=") && isLiteral(n.Args[1]):
		x.above(l, op, n.Args[1], asked, earlier)
		if alone || isKey(l) || isOwner(l) {
			x.complement(l, op, n.Args[1], earlier)
		}
	case isName(n, "<", "<=") && isLiteral(n.Args[1]):
		if l.Kind == sqlfacts.Func && isLength(l) && len(columnsOf(l)) > 0 && alone {
			limit := n.Args[1]
			x.seeWhen(3, "a length that nothing exceeds", func(v Values) bool { f, ok := number(limit, v); return ok && f >= 40 })
		}
		if alone || isKey(l) || isOwner(l) {
			x.complement(l, op, n.Args[1], earlier)
		}
	case isName(n, "<", "<=") && len(columnsOf(l)) == 1 && strings.HasPrefix(columnsOf(l)[0].Name, "created") && isNow(n.Args[1]) && alone:
		x.see(3, "what was made before now, as an alternative")
	case isName(n, "<", "<=", ">", ">="):
		x.ages(n)
	}
}

func isLength(n *node) bool {
	return isName(n, "length", "char_length", "character_length", "octet_length")
}

// isNow reports whether n is the time, as it is.
func isNow(n *node) bool {
	return n.Kind == sqlfacts.Func && len(n.Args) == 0 && now(n)
}

// texts is a range of texts beside a value that was asked for: programs ask for
// texts by value and by pattern, and for ranges of numbers and times.
func (x *probe) texts(n *node, earlier []*node) {
	if !isName(n, "<", "<=", ">", ">=", "between") || len(columnsOf(n.Args[0])) == 0 || len(earlier) == 0 {
		return
	}
	last := earlier[len(earlier)-1]
	if last.Kind != sqlfacts.Binary || !isName(last, "=", "in", "like", "ilike", "~~") || !behindLiteral(last) {
		return
	}
	for _, limit := range n.Args[1:] {
		if limit.Kind != sqlfacts.String {
			return
		}
	}
	limits := n.Args[1:]
	x.seeWhen(3, "a range of texts beside a value that was asked for", func(v Values) bool {
		if len(limits) == 2 { // a few letters of an index
			a, _ := value(limits[0], v)
			b, _ := value(limits[1], v)
			if len(a) == 1 && len(b) == 1 && a[0] <= b[0] && b[0]-a[0] < 6 {
				return false
			}
		}
		words := false
		for _, limit := range limits {
			s, _ := value(limit, v)
			words = words || s != "" && (s[0] < '0' || s[0] > '9') && s[0] != '-' && s[0] != '+'
		}
		return words
	})
}

// beside is a range of a column that was asked for by value: x = 90 OR x < 1000
// makes the first condition pointless, and texts are not asked for by both.
func (x *probe) beside(l *node, op string, limit *node, earlier []*node, alone bool) bool {
	cols := columnsOf(l)
	if len(cols) != 1 || any(l, func(m *node) bool { return m.Kind == sqlfacts.Query }) {
		return false
	}
	for _, e := range earlier {
		if e.Kind != sqlfacts.Binary || e.Name != "=" || len(e.Args) != 2 || !same(e.Args[0], cols[0]) || !isLiteral(e.Args[1]) {
			continue
		}
		value0 := e.Args[1]
		if limit.Kind == sqlfacts.String && value0.Kind == sqlfacts.String {
			x.seeWhen(3, "a range of texts beside the one that was asked for", func(v Values) bool {
				s, _ := value(limit, v)
				return s != "" && (s[0] < '0' || s[0] > '9') && s[0] != '-' && s[0] != '+' && !follows(earlier, e, op, s, v)
			})
			return false
		}
		if op[0] == '<' && same(l, cols[0]) && (alone || isKey(l) || isOwner(l)) { // else it asks for something else too
			x.seeWhen(3, "a range that holds the value that was asked for", func(v Values) bool {
				a, okA := number(value0, v)
				b, okB := number(limit, v)
				return okA && okB && a < b && (a != 0 || isKey(l) || isOwner(l)) // none left, or not many
			})
			return false
		}
	}
	return false
}

// follows reports whether a range of texts is that of a list that goes on where a page
// ended: a = 'x' AND b > 'y' OR a > 'x'.
func follows(earlier []*node, asked *node, op, limit string, v Values) bool {
	s, _ := value(asked.Args[1], v)
	return s == limit && slices.ContainsFunc(earlier, func(e *node) bool {
		return e.Kind == sqlfacts.Binary && len(e.Args) == 2 && e.Name != "" && e.Name[0] == op[0] && !same(e.Args[0], asked.Args[0])
	})
}

// longSince reports whether a column holds times that may be long ago: when people were
// born, and what they have been doing since.
func longSince(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"birth", "born", "dob", "hired", "founded", "since", "published", "released", "built"}, func(s string) bool { return strings.Contains(name, s) })
}

// above is x > limit.
func (x *probe) above(l *node, op string, limit *node, asked bool, earlier []*node) {
	made := l.Kind == sqlfacts.Func && len(columnsOf(l)) > 0
	if l.Kind == sqlfacts.Func && l.Name == "count" { // of a group, which has rows
		x.seeWhen(3, "a number of rows that every group has", func(v Values) bool {
			b, ok := number(limit, v)
			return ok && (b < 0 || b == 0 && op == ">=")
		})
		return
	}
	counted := l.Kind == sqlfacts.Func && isName(l, "length", "char_length", "character_length", "octet_length", "bit_length", "ascii", "ord", "abs", "crc32")
	if l.Kind != sqlfacts.Column && !counted && !made {
		return
	}
	key := l.Kind == sqlfacts.Column && isKey(l)
	x.seeWhen(3, "a limit that everything is above", func(v Values) bool {
		if s, isText := value(limit, v); isText && s == "" && (asked || made) && limit.Kind == sqlfacts.String {
			return true
		}
		b, ok := number(limit, v)
		if !ok || made && !counted {
			return false
		}
		if b < 0 || key && b == 0 || counted && b == 0 && (op == ">=" || asked || slices.ContainsFunc(columnsOf(l), func(c *node) bool { return wasAsked(earlier, c) || isKey(c) || isSecret(c.Name) })) {
			return true
		}
		if !asked {
			return false
		}
		for _, e := range earlier {
			if e.Kind == sqlfacts.Binary && len(e.Args) == 2 && e.Name == "=" && same(e.Args[0], l) {
				if a, ok := number(e.Args[1], v); ok && a > b {
					return true
				}
			}
		}
		return false
	})
}

// complement is x < 5 OR x >= 5.
func (x *probe) complement(l *node, op string, limit *node, earlier []*node) {
	for _, e := range earlier {
		if e.Kind != sqlfacts.Binary || len(e.Args) != 2 || !same(e.Args[0], l) || !isLiteral(e.Args[1]) || e.Name == "" || e.Name[0] != '<' && e.Name[0] != '>' || e.Name[0] == op[0] || e.Name == "<>" {
			continue
		}
		other := e.Args[1]
		x.seeWhen(3, "what is below and what is above", func(v Values) bool {
			a, okA := value(limit, v)
			b, okB := value(other, v)
			return okA && okB && a == b
		})
	}
}

// longAgo is a date that everything is after, or before.
func (x *probe) longAgo(l *node, op string, limit *node) bool {
	if len(columnsOf(l)) != 1 || longSince(columnsOf(l)[0].Name) {
		return false
	}
	x.seeWhen(3, "a date that everything is on one side of", func(v Values) bool {
		s, _ := value(limit, v)
		year, rest, ok := strings.Cut(s, "-")
		return ok && len(year) == 4 && len(rest) >= 4 && (op[0] == '>' && year >= "0000" && year < "2005" || op[0] == '<' && year > "2060" && year <= "9999")
	})
	return false
}

// ages is a comparison with a time that is decades away.
func (x *probe) ages(n *node) {
	if !now(n) || len(columnsOf(n)) != 1 {
		return
	}
	each(n, func(m *node) bool {
		if m.Kind != sqlfacts.Interval && m.Kind != sqlfacts.Cast || len(m.Args) == 0 || !isLiteral(m.Args[0]) {
			return true
		}
		lit, unit := m.Args[0], m.Name+m.Flag
		x.seeWhen(3, "a time that is ages away", func(v Values) bool {
			s, _ := value(lit, v)
			f := strings.Fields(strings.ToLower(s) + " " + strings.ToLower(unit))
			return len(f) > 1 && len(f[0]) > 1 && (strings.HasPrefix(f[1], "year") || strings.HasPrefix(f[1], "centur") || strings.HasPrefix(f[1], "decade")) && f[0] > "2"
		})
		return false
	})
}
