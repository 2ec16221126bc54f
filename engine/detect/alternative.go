package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// alternative: behind a condition on a literal comes another that every row
// fulfils, or all that the first one would have left out. It makes the first
// one pointless, so that nobody writes it.
var alternative = Detector{
	ID: "open-alternative", Title: "An alternative that lets every row through",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, g := range x.groups {
			for i := 1; i < len(g.alts); i++ {
				x.opens(g, i)
			}
			x.sandwich(g)
			x.hollow(g)
			x.opposites(g)
			x.takenBack(g)
			x.quotedAndNot(g)
			x.unlocked(g)
		}
	},
}

// group is a chain of alternatives: a OR b OR c.
type group struct {
	alts  []*node
	at    *scope
	anded bool // it is a part of an AND
}

// membership is an alternative's place in its group.
type membership struct {
	g *group
	i int
}

// reachBack is how many alternatives before one it is compared with: chains may
// have thousands.
const reachBack = 16

// parts are the conditions that an alternative is made of.
func parts(n *node) []*node {
	if n.Kind == sqlfacts.Binary && isName(n, "and", "&&") {
		var out []*node
		for _, a := range n.Args {
			out = append(out, parts(a)...)
		}
		return out
	}
	return []*node{n}
}

// opens judges the alternative i of a group by those before it.
func (x *probe) opens(g *group, i int) {
	last := i - 1
	for last > 0 && isNullTest(g.alts[last]) {
		last--
	}
	before := parts(g.alts[last])
	if !g.anded {
		x.wider(before, parts(g.alts[i]))
	}
	if !behindLiteral(before[len(before)-1]) {
		return
	}
	var earlier []*node
	for _, a := range g.alts[max(0, i-reachBack):i] {
		earlier = append(earlier, parts(a)...)
	}
	ps := parts(g.alts[i])
	if _, parallel := alike(g.alts[0], g.alts[i], nil); parallel && len(ps) > 3 { // a report that asks the same of several kinds
		return
	}
	defer x.unlessSwitched(len(x.signals), ps, before)
	for j, n := range ps {
		if !narrowed(n, ps[:j]) {
			x.open(n, earlier, g.at, len(ps) == 1)
		}
	}
	x.orElse(before, ps, earlier, g.at)
	if !g.anded { // the brackets are the application's: it has alternatives of its own
		x.orWritten(before, ps, g.at)
	}
	x.orRest(before, ps)
	x.orMade(before, ps)
}

// unlessSwitched takes back what was seen of an alternative that begins with a
// switch: ('paid' = 'all' AND status IS NOT NULL), which is off, or is on for the
// very value that the condition before it asks for.
func (x *probe) unlessSwitched(from int, ps, before []*node) {
	test := ps[0]
	if len(ps) < 2 || test.Kind != sqlfacts.Binary || test.Name != "=" || len(test.Args) != 2 || !isLiteral(test.Args[0]) || !isLiteral(test.Args[1]) {
		return
	}
	tests := literals(test)
	for i := from; i < len(x.signals); i++ {
		s := &x.signals[i]
		when := s.when
		s.when = func(v Values) bool {
			return (when == nil || when(v)) && holds(test, v) && !sharesValue(tests, before, v)
		}
	}
}

// narrowed reports whether n only asks that a column is there, behind two and more
// others that are each to have one value: (t = 'a' AND c = 'b') OR (u = 'a' AND
// d = 'b' AND t IS NOT NULL) is how Sequelize asks for foreign keys.
func narrowed(n *node, before []*node) bool {
	if len(before) < 2 || n.Kind != sqlfacts.Unary || !isName(n, "not") || len(n.Args) != 1 || !isNullTest(n.Args[0]) {
		return false
	}
	return !slices.ContainsFunc(before, func(b *node) bool {
		return b.Kind != sqlfacts.Binary || b.Name != "=" || len(b.Args) != 2 || b.Args[0].Kind != sqlfacts.Column || b.Args[1].Kind != sqlfacts.String ||
			same(b.Args[0], n.Args[0].Args[0])
	})
}

// isNullTest reports whether a condition asks for NULL: that is nobody's value.
func isNullTest(n *node) bool {
	return n.Kind == sqlfacts.Binary && n.Name == "is" && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.Null
}

// orElse is id = 7 OR b LIKE 'x%': who names a row wants that one, and who names
// an owner's rows among others wants none of somebody else's.
func (x *probe) orElse(before, ps, earlier []*node, at *scope) {
	for _, n := range ps {
		if n.Kind == sqlfacts.Binary && isName(n, "<", "<=", ">", ">=", "between") && len(n.Args) > 1 && isOwner(n.Args[0]) && n.Args[1].Kind == sqlfacts.Number && x.equals(earlier, n.Args[0]) && !ownKey(n.Args[0], at) {
			below := n.Name[0] == '<'
			limit := n.Args[1]
			x.seeWhen(3, "a range of owners beside the one that was named", func(v Values) bool { // nobody is below nothing
				f, ok := number(limit, v)
				return !below || !ok || f > 0
			})
		}
	}
	key := before[len(before)-1]
	if key.Kind != sqlfacts.Binary || key.Name != "=" || len(key.Args) != 2 || key.Args[0].Kind != sqlfacts.Column || key.Args[1].Kind != sqlfacts.Number {
		return
	}
	owner := isOwner(key.Args[0])
	n := ps[0]
	if picks(key.Args[0], at.stmt) {
		return
	}
	if n.Kind != sqlfacts.Binary || len(n.Args) < 2 || len(columnsOf(n.Args[0])) != 1 || !isLiteral(n.Args[1]) {
		return
	}
	ranged := isName(n, "<", "<=", ">", ">=", "between")
	switch {
	case same(columnsOf(n.Args[0])[0], key.Args[0]):
		if isKey(key.Args[0]) && isName(n, "like", "ilike", "~~", "rlike", "regexp", "~", "~*", "similar to") {
			x.seeWhen(3, "a key by its number, or else by a pattern", func(v Values) bool { // but what begins with the number that was typed
				id, _ := value(key.Args[1], v)
				s, _ := value(n.Args[1], v)
				return !strings.Contains(s, id) || strings.ContainsAny(s, "[|")
			})
		}
	case isKey(key.Args[0]) && len(before) == 1 && ranged && !box(ps) && !chosen(ps):
		x.see(3, "a row that was named, or else others")
	case isKey(key.Args[0]) && len(before) == 1 && isName(n, "like", "ilike", "~~", "rlike", "regexp", "~", "~*", "similar to"):
		x.seeWhen(3, "a row that was named, or else others", func(v Values) bool { // but what was looked for by number and by text
			id, _ := value(key.Args[1], v)
			s, _ := value(n.Args[1], v)
			return strings.Trim(s, "%^$.*") != id && !x.searched(n, v) && !strings.Contains(s, "/") && !slices.Contains(strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' }), id)
		})
	case owner && len(before) > 1 && len(ps) == 1 && ranged:
		x.see(3, "what somebody owns, or else others")
	}
}

// chosen reports whether an alternative that begins with a range also asks for a text:
// whoever is after the others leaves as much open as can be.
func chosen(ps []*node) bool {
	return slices.ContainsFunc(ps[1:], func(n *node) bool {
		return n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && n.Args[1].Kind == sqlfacts.String
	})
}

// picks reports whether a statement is of a list to choose from: sorted by what
// people read, and cut. Who looks for one row by its key needs neither, so that the
// alternative was there before.
func picks(key, stmt *node) bool {
	order, limit := clauseOf(stmt, sqlfacts.Order), clauseOf(stmt, sqlfacts.Limit)
	return order != nil && limit != nil && len(order.Args) > 0 && order.Args[0] != nil && order.Args[0].Kind == sqlfacts.Column && !same(order.Args[0], key) && !isKey(order.Args[0])
}

// searched reports whether another column is asked for the same pattern.
func (x *probe) searched(n *node, v Values) bool {
	m, ok := x.member[n]
	if !ok {
		return false
	}
	want, _ := value(n.Args[1], v)
	return slices.ContainsFunc(m.g.alts, func(o *node) bool {
		if o == n || o.Kind != sqlfacts.Binary || o.Name != n.Name || len(o.Args) != 2 {
			return false
		}
		s, ok := value(o.Args[1], v)
		return ok && s == want && !same(o.Args[0], n.Args[0])
	})
}

// ownKey reports whether a column is named for the table that it is of: film_id of
// films.
func ownKey(n *node, at *scope) bool {
	stem := strings.TrimSuffix(strings.ToLower(n.Name), "id")
	return slices.ContainsFunc(home(at), func(t string) bool { return strings.HasPrefix(strings.ToLower(t), strings.TrimSuffix(stem, "_")) })
}

// isOwner reports whether a column names another table's row.
func isOwner(n *node) bool {
	return n.Kind == sqlfacts.Column && (strings.HasSuffix(n.Name, "_id") || strings.HasSuffix(n.Name, "Id"))
}

// open judges one condition of an alternative; alone says that it has no other.
func (x *probe) open(n *node, earlier []*node, at *scope, alone bool) {
	if when := always(n, x.mysql()); when != nil {
		x.seeWhen(3, "a condition that no value fails, as an alternative", when)
	}
	not := false
	for n.Kind == sqlfacts.Unary && isName(n, "not", "!") && len(n.Args) == 1 {
		n, not = n.Args[0], !not
	}
	switch {
	case n.Kind == sqlfacts.Column:
		if !not && x.mysql() && (wasAsked(earlier, n) || isKey(n)) {
			x.see(3, "a column by itself as an alternative")
		}
	case !not && n.Kind == sqlfacts.Func && isName(n, "find_in_set", "locate", "instr", "position", "strpos", "starts_with", "field") && len(n.Args) > 1 && n.Args[0].Kind == sqlfacts.Column && slices.ContainsFunc(n.Args[1:], func(m *node) bool { return any(m, func(k *node) bool { return same(k, n.Args[0]) }) }):
		x.see(3, "a column looked for in itself, as an alternative")
	case !not && n.Kind == sqlfacts.Func && isName(n, "instr", "starts_with", "strpos", "locate", "position") && len(n.Args) == 2 && len(columnsOf(n)) > 0 && slices.ContainsFunc(n.Args, isLiteral):
		lits := literals(n)
		x.seeWhen(3, "a column that holds next to nothing, as an alternative", func(v Values) bool { s, _ := value(lits[0], v); return len(s) < 2 })
	case !not && n.Kind == sqlfacts.Func && isName(n, "json_overlaps", "json_contains", "json_equals") && len(n.Args) == 2 && twice(columnsOf(n)):
		x.see(3, "a column looked for in itself, as an alternative")
	case n.Kind == sqlfacts.Func && n.Name == "overlaps" && twice(columnsOf(n)):
		x.see(3, "a time that overlaps with itself, as an alternative")
	case n.Kind == sqlfacts.Binary && isComparison(n.Name) && n.Args[0].Kind == sqlfacts.Func && isName(n.Args[0], "num_nulls", "num_nonnulls") && len(n.Args[0].Args) == 1:
		x.see(3, "whether a column is NULL, counted, as an alternative")
	case !not && n.Kind == sqlfacts.Func && n.Name == "isfinite":
		x.see(3, "what nearly every time is, as an alternative")
	case !not && n.Kind == sqlfacts.Binary && n.Name == "@>" && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && n.Args[1].Kind == sqlfacts.String:
		held := n.Args[1]
		x.seeWhen(3, "a document that holds nothing in particular, as an alternative", func(v Values) bool {
			s, _ := value(held, v)
			return s == "{}" || s == "[]"
		})
	case !not && n.Kind == sqlfacts.Binary && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Func && typeOf(n.Args[0]):
		x.see(3, "what a column's type is, as an alternative")
	case !not && x.mysql() && measure(n):
		x.see(3, "a number as an alternative")
	case n.Kind == sqlfacts.Unary && n.Name == "exists" && len(n.Args) == 1 && !not:
		switch q := n.Args[0]; {
		case len(q.Args) > 0 && reads(q) && looksUp(q, nil):
			x.see(3, "whether there is the row that a column refers to, as an alternative")
		case !slices.ContainsFunc(tablesOf(q), func(t string) bool { return t != "dual" }) && !params(q) && !any(q, func(m *node) bool { return m.Kind == sqlfacts.Func }):
			x.see(3, "whether there is a row where nothing is read, as an alternative")
		case closed(q, at) && len(q.Args) > 0 && clauseOf(q.Args[0], sqlfacts.Where) == nil:
			x.see(3, "whether any table has a row, as an alternative")
		}
	case n.Kind == sqlfacts.Func && n.Name == "isnull" && len(n.Args) == 1 && not:
		x.notNull(n.Args[0], earlier, at)
	case n.Kind == sqlfacts.Variable && !not && x.mysql() && strings.HasPrefix(n.Name, "@@"):
		x.see(3, "a server's variable as an alternative")
	case n.Kind != sqlfacts.Binary || len(n.Args) < 2:
	case n.Args[1].Kind == sqlfacts.Star && isComparison(n.Name):
		x.see(3, "a row compared with itself, as an alternative")
	case n.Args[0].Kind == sqlfacts.Column && !x.mysql() && systemColumn(n.Args[0].Name) && !isName(n, "is"):
		x.see(3, "a column that the server keeps, as an alternative")
	case isName(n, "is", "<=>") && n.Args[1].Kind == sqlfacts.Null:
		if not {
			x.notNull(n.Args[0], earlier, at)
		}
	case !not && n.Name == "in" && len(n.Args) > 2:
		x.reckoned(n)
		x.rangeOf(n, not, earlier, alone)
		x.itself(n, not)
	case !not && n.Name == "=" && n.Args[0].Kind == sqlfacts.Column && n.Args[1].Kind == sqlfacts.String && slices.ContainsFunc(earlier, func(e *node) bool {
		return e.Kind == sqlfacts.Binary && e.Name == "=" && len(e.Args) == 2 && e.Args[1].Kind == sqlfacts.Number && same(e.Args[0], n.Args[0])
	}):
		x.see(3, "a column asked for by a number, or else by a text")
	case !not && isName(n, "in", "=") && len(n.Args) == 2:
		x.everyKey(n, at)
		x.itself(n, not)
		x.listed(n, earlier, alone)
	case not && isName(n, "in") && n.Args[1].Kind == sqlfacts.String && len(n.Args) == 2 && alone:
		first := n.Args[1]
		x.seeWhen(2, "all but the empty text, as an alternative", func(v Values) bool { s, _ := value(first, v); return s == "" })
	case not && isName(n, "-", "^", "%", "xor") && same(n.Args[0], n.Args[1]):
		x.see(3, "nothing left of a column, denied")
	case isName(n, "and", "or"):
	case !not && n.Args[0].Kind == sqlfacts.Row && n.Args[1].Kind == sqlfacts.Row && isName(n, ">", ">=") && allLiterals(n.Args[1].Args):
		limits := n.Args[1].Args
		x.seeWhen(3, "limits that everything is above", func(v Values) bool {
			return !slices.ContainsFunc(limits, func(l *node) bool { s, _ := value(l, v); return s != "" && s != "0" })
		})
	default:
		x.reckoned(n)
		x.itself(n, not)
		x.rangeOf(n, not, earlier, alone)
		x.pattern(n, not, earlier)
	}
}

// typeOf reports whether a function tells the type of a column, or of what a function
// makes of one: what is in a document may be of any.
func typeOf(n *node) bool {
	return n.Name == "pg_typeof" || isName(n, "jsonb_typeof", "json_typeof", "json_type") && len(n.Args) == 1 && n.Args[0].Kind == sqlfacts.Func && len(columnsOf(n)) > 0 && !any(n.Args[0], isLiteral)
}

// listed is a = 'x' OR a IN ('y', 'z'): whoever knows all the values makes one list
// of them.
func (x *probe) listed(n *node, earlier []*node, alone bool) {
	r := n.Args[1]
	if r.Kind == sqlfacts.Unary && isName(r, "any", "some") && len(r.Args) == 1 && r.Args[0].Kind == sqlfacts.Row && len(r.Args[0].Args) > 0 {
		r = r.Args[0].Args[0]
	} else if n.Name != "in" {
		return
	}
	if alone && r.Kind == sqlfacts.String && n.Args[0].Kind == sqlfacts.Column && x.equals(earlier, n.Args[0]) {
		weight := 3
		if sorts(n.Args[0].Name) {
			weight = 2
		}
		x.see(weight, "a list of texts beside one that was asked for")
	}
}

// sorts reports whether a column says of what sort a thing is, or where: there are many
// of each, and reports and forms name several of them, in any way.
func sorts(name string) bool {
	switch strings.ToLower(name) {
	case "status", "state", "type", "kind", "category", "level", "priority", "severity", "city", "country", "region", "continent", "currency", "language", "lang", "locale", "channel", "source", "gender", "color", "size", "brand":
		return true
	}
	return false
}

// everyKey is x IN (SELECT x FROM t) without a condition: all of a table.
func (x *probe) everyKey(n *node, at *scope) {
	q := n.Args[1]
	if q.Kind == sqlfacts.Unary && isName(q, "any", "some") && len(q.Args) == 1 {
		q = q.Args[0]
	}
	if q.Kind != sqlfacts.Query || len(q.Args) == 0 || !closed(q, at) || aggregated(q) {
		return
	}
	s := q.Args[0]
	if clauseOf(s, sqlfacts.Where) != nil || clauseOf(s, sqlfacts.Limit) != nil || clauseOf(s, sqlfacts.Having) != nil {
		return
	}
	t := targetsOf(q)
	if key := t != nil && len(t.Args) == 1 && isKey(t.Args[0]); strange(q, at) && (!key || isKey(n.Args[0])) { // what is of a sort is kept in a table of its own, by the same keys
		x.see(2, "all values of another table, as an alternative")
	} else {
		x.see(3, "all keys of a table, as an alternative")
	}
}

// notNull is x IS NOT NULL: all rows of a key, and all that a comparison of the
// same column had left out.
func (x *probe) notNull(n *node, earlier []*node, at *scope) {
	switch {
	case n.Kind == sqlfacts.Column && (wasAsked(earlier, n) || isKey(n) || n.Qualifier == "" && slices.Contains(at.names, n.Name)):
		x.see(3, "all that the column has, as an alternative")
	case n.Kind == sqlfacts.Column && !x.mysql() && systemColumn(n.Name), n.Kind == sqlfacts.Star:
		x.see(3, "what every row has, as an alternative")
	case n.Kind == sqlfacts.Func && len(columnsOf(n)) > 0 && !any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Param || m.Kind == sqlfacts.Func && isName(m, "nullif", "json_extract", "json_value", "regexp_substr", "substring", "array_position", "to_tsvector")
	}):
		x.see(3, "a value that is NULL where the column is, as an alternative")
	}
}

// systemColumn reports whether PostgreSQL gives every row a column of that name
// (manual, "System Columns").
func systemColumn(name string) bool {
	switch name {
	case "ctid", "tableoid", "xmin", "xmax", "cmin", "cmax":
		return true
	}
	return false
}

// reckoned is a comparison with what a function makes of literals: programs call
// functions of their own.
func (x *probe) reckoned(n *node) {
	if !isName(n, "<", "<=", ">", ">=", "in") || len(columnsOf(n.Args[0])) == 0 {
		return
	}
	for _, r := range n.Args[1:] {
		if r.Kind == sqlfacts.Func && len(r.Args) > 0 && isConst(r) && !now(r) && slices.ContainsFunc(r.Args, isLiteral) && (calls(r) || isName(r, "length", "char_length")) {
			x.see(3, "what a function makes of literals, as a limit of an alternative")
			return
		}
	}
}

// itself is a comparison of a column with itself, through whatever leaves it as
// it is.
func (x *probe) itself(n *node, not bool) {
	if not != (n.Name == "is distinct from") || !isName(n, "=", "<=", ">=", "<=>", "like", "ilike", "in", "between", "is distinct from", "sounds like", "similar to", "&&", "@>", "<@") {
		return
	}
	l, r := n.Args[0], n.Args[1]
	if r.Kind == sqlfacts.Unary && isName(r, "any", "all", "some") && len(r.Args) == 1 {
		r = r.Args[0]
	}
	if any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Func && isName(m, "min", "max", "sum", "avg", "count")
	}) || params(n) {
		return
	}
	if l.Kind == sqlfacts.Row && r.Kind == sqlfacts.Row && len(l.Args) == len(r.Args) {
		for i := range l.Args {
			if l.Args[i].Kind == sqlfacts.Column && same(l.Args[i], r.Args[i]) {
				x.see(3, "columns compared with themselves, as an alternative")
				return
			}
		}
	}
	a, b := columnsOf(l), columnsOf(r)
	if len(a) == 0 || len(b) == 0 {
		return
	}
	for _, c := range append(a[1:len(a):len(a)], b...) {
		if !same(a[0], c) {
			return
		}
	}
	x.see(3, "a column compared with itself, as an alternative")
}

// pattern is a pattern that fits everything, beside a condition that does not.
func (x *probe) pattern(n *node, not bool, earlier []*node) {
	if !isName(n, "like", "ilike", "rlike", "regexp", "~", "~*", "~~", "~~*", "similar to", "like binary") {
		return
	}
	l, r := n.Args[0], n.Args[1]
	if not {
		if l.Kind == sqlfacts.Column && x.equals(earlier, l) && isLiteral(r) {
			x.see(2, "all but a pattern, beside a value that was asked for")
		}
		return
	}
	if r.Kind == sqlfacts.String && l.Kind == sqlfacts.Column {
		for _, e := range earlier {
			if e.Kind == sqlfacts.Binary && isName(e, "like", "ilike", "~~", "~~*") && len(e.Args) == 2 && same(e.Args[0], l) && e.Args[1].Kind == sqlfacts.String {
				first := e.Args[1]
				x.seeWhen(3, "a pattern that fits everything, beside one of the same column that does not", func(v Values) bool {
					a, _ := value(first, v)
					b, _ := value(r, v)
					return strings.Trim(a, "%") != "" && b != "" && strings.Trim(b, "%") == ""
				})
			}
		}
	}
	if r.Kind != sqlfacts.String || len(columnsOf(l)) == 0 || !slices.ContainsFunc(earlier, func(e *node) bool { return e.Kind == sqlfacts.Binary && e.Name == "=" && behindLiteral(e) }) {
		return
	}
	like := isName(n, "like", "ilike", "~~", "~~*", "similar to", "like binary")
	x.seeWhen(3, "a pattern that fits everything, beside a value that was asked for", func(v Values) bool {
		s, _ := value(r, v)
		if like {
			return s != "%%" && strings.Trim(s, "%_") == "" && strings.Contains(s, "%") || n.Name == "similar to" && fitsAll(s, "%_.*+") && strings.ContainsAny(s, "%*+|")
		}
		return fitsAll(s, ".*+^$?()") || s == "[^x]*"
	})
}

// fitsAll reports whether a regular expression is, or has an alternative that is,
// nothing but the given signs, which fit any text: '^|x'.
func fitsAll(s, signs string) bool {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case '|':
			if depth == 0 {
				if strings.Trim(s[from:i], signs) == "" {
					return true
				}
				from = i + 1
			}
		}
	}
	return strings.Trim(s[min(from, len(s)):], signs) == ""
}

// equals reports whether a column was compared with a literal by =.
func (x *probe) equals(earlier []*node, col *node) bool {
	return slices.ContainsFunc(earlier, func(e *node) bool {
		return e.Kind == sqlfacts.Binary && e.Name == "=" && len(e.Args) == 2 && same(e.Args[0], col) && isLiteral(e.Args[1])
	})
}

// wasAsked reports whether a column was compared with literals before.
func wasAsked(earlier []*node, col *node) bool {
	return slices.ContainsFunc(earlier, func(e *node) bool {
		return e.Kind == sqlfacts.Binary && len(e.Args) > 1 && isName(e, "=", "in", "like", "between") && same(e.Args[0], col) && isLiteral(e.Args[1])
	})
}

// isKey reports whether a column is a key by its name.
func isKey(n *node) bool {
	return n.Kind == sqlfacts.Column && (strings.EqualFold(n.Name, "id") || strings.EqualFold(n.Name, "uid") || strings.EqualFold(n.Name, "pk"))
}
