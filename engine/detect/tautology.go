package detect

import (
	"cmp"
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// tautology: a condition, or an arm of one, that does not depend on the rows.
var tautology = Detector{
	ID: "tautology", Title: "Condition that is true for every row",
	Maps: []string{"CWE-89", "T1190"},
	find: func(x *probe) {
		for _, a := range x.arms {
			if a.not && !a.or && a.n.Kind == sqlfacts.Binary && isName(a.n, "and", "or") || a.not && !a.or && contradicts(x.arms, a) {
				x.see(3, "a contradiction, denied")
			}
			x.constant(a)
			x.selfCompare(a)
			x.probed(a)
			x.endless(a)
		}
		for _, p := range x.all {
			x.arithmetic(p.n)
			if v := p.n; v.Kind == sqlfacts.Assign && len(v.Args) == 1 && p.at.stmt.Kind == sqlfacts.Update && (v.Args[0].Kind == sqlfacts.Func && v.Args[0].Name == "concat" || v.Args[0].Kind == sqlfacts.Binary && v.Args[0].Name == "||") && len(v.Args[0].Args) > 1 && allLiterals(v.Args[0].Args) {
				x.see(3, "a text that was taken apart")
			}
			x.padded(p)
		}
		x.nullPairs()
		x.repeated()
	},
}

// contradicts reports whether a denied comparison stands beside the denied
// opposite of it: NOT (a = 1 AND a <> 1).
func contradicts(arms []arm, a arm) bool {
	if a.n.Kind != sqlfacts.Binary || a.n.Name != "<>" && a.n.Name != "!=" {
		return false
	}
	return slices.ContainsFunc(arms, func(o arm) bool {
		return o.not && o.of == a.of && o.n.Kind == sqlfacts.Binary && o.n.Name == "=" && len(o.n.Args) == 2 && same(o.n.Args[0], a.n.Args[0])
	})
}

// constant judges an arm without columns and parameters.
func (x *probe) constant(a arm) {
	n := a.n
	if !isConst(n) {
		x.wildcard(a)
		x.tested(n, a.not)
		x.backwards(a)
		return
	}
	if x.untouched(a) {
		return
	}
	bonus := 0
	if _, whole := x.member[n]; a.or && (whole || n.Kind != sqlfacts.Func && !x.narrows(n)) { // a part of an alternative only narrows it
		bonus = 1
	}
	if first, near := x.filter(a); near != nil {
		tests := literals(n)
		habit := x.optional(a)
		unset := habit && n.Kind == sqlfacts.Binary && n.Name == "is" && allNull(n.Args) // ? IS NULL, for a filter that is not set
		shared := func(v Values) bool {
			return unset || sharesValue(tests, near, v) && (first || habit || !holds(n, v) || len(n.Args) == 2 && leftOpen(n, v))
		}
		from := len(x.signals)
		x.judge(a, bonus)
		for i := from; i < len(x.signals); i++ {
			s := &x.signals[i]
			when := s.when
			s.when = func(v Values) bool { return (when == nil || when(v)) && !shared(v) }
		}
		return
	}
	x.judge(a, bonus)
}

func allNull(ns []*node) bool {
	return !slices.ContainsFunc(ns, func(n *node) bool { return n.Kind != sqlfacts.Null })
}

// filter tells whether an arm is one of alternatives, whether it is the first of
// them, and which the others are: (? = ” OR col = ?) is a filter that can be
// left empty.
func (x *probe) filter(a arm) (first bool, near []*node) {
	m, ok := x.member[a.n]
	if !ok {
		return false, nil
	}
	from, to := max(0, m.i-reachBack), min(len(m.g.alts), m.i+reachBack)
	return m.i == 0, append(append(near, m.g.alts[from:m.i]...), m.g.alts[m.i+1:to]...)
}

// holds reports whether a comparison of two literals may be true: sure is only
// that it is not.
func holds(n *node, v Values) bool {
	if n.Kind != sqlfacts.Binary || len(n.Args) != 2 {
		return true
	}
	l, okL := value(n.Args[0], v)
	r, okR := value(n.Args[1], v)
	switch {
	case !okL || !okR:
		return true
	case n.Name == "=":
		return l == r
	case n.Name == "is":
		return l == r
	}
	a, isA := number(n.Args[0], v)
	b, isB := number(n.Args[1], v)
	if !isA || !isB {
		return true
	}
	return ordered(n.Name, cmp.Compare(a, b))
}

// optional reports whether an arm is one of two alternatives in a condition of
// which several parts are such: (a = 'x' OR 'x' = ”) AND (b = 5 OR 5 = 0). Who
// builds filters that can be left empty builds all of them so.
func (x *probe) optional(a arm) bool {
	m, ok := x.member[a.n]
	if !ok || !m.g.filters() {
		return false
	}
	return x.filtering(a.of)
}

// filtering reports whether several parts of a statement's condition are filters
// that can be left empty.
func (x *probe) filtering(s *scope) bool {
	if !s.filtered {
		for _, g := range x.groups {
			if g.at == s && g.filters() {
				s.filters++
			}
		}
		s.filtered = true
	}
	return s.filters > 1
}

// flag reports whether an arm is all that stands behind the NOT of an alternative
// to what has no literal in it, where nobody can have put it behind one:
// (is_unique OR NOT '0') is how DBD::Pg asks for indexes.
func (x *probe) flag(a arm) bool {
	if !a.not || !a.or {
		return false
	}
	for _, g := range x.groups {
		for i, n := range g.alts {
			if i > 0 && n.Kind == sqlfacts.Unary && len(n.Args) == 1 && n.Args[0] == a.n {
				return !slices.ContainsFunc(g.alts[:i], func(b *node) bool { return any(b, isLiteral) })
			}
		}
	}
	return false
}

// filters reports whether a group is a column's condition or one without columns,
// within an AND.
func (g *group) filters() bool {
	tests := func(n, o *node) bool { return isConst(n) && !isLiteral(n) && len(columnsOf(o)) > 0 }
	return g.anded && len(g.alts) == 2 && (tests(g.alts[0], g.alts[1]) || tests(g.alts[1], g.alts[0]))
}

// judge weighs an arm that is constant.
func (x *probe) judge(a arm, bonus int) {
	n := a.n
	switch {
	case n.Kind == sqlfacts.Bool && n.Name == "false":
		if _, near := x.filter(a); a.or && near == nil {
			x.see(3, "a bare constant that switches the rest of a condition off")
		}
	case n.Kind == sqlfacts.Bool || n.Kind == sqlfacts.Null:
		if first, near := x.filter(a); a.or && !first {
			w := 2
			if near != nil && x.behind(a.n) {
				w = 3
			}
			x.see(w, "a bare constant as an alternative")
		}
	case n.Kind == sqlfacts.Number || n.Kind == sqlfacts.String || n.Kind == sqlfacts.Hex:
		if a.or {
			w := 2
			if x.behind(a.n) || n.Kind == sqlfacts.String {
				w = 3
			}
			flag := x.flag(a)
			bound := func(v Values) bool { s, _ := value(n, v); return flag && len(s) == 1 }
			x.seeWhen(w, "a bare literal as an alternative", func(v Values) bool {
				s, _ := value(n, v)
				return !bound(v) && (s != "0" || n.Kind != sqlfacts.Number)
			})
			x.seeWhen(1, "a bare literal as an alternative", func(v Values) bool { return !bound(v) })
		}
	case n.Kind == sqlfacts.Binary && len(n.Args) == 2 && isLiteral(n.Args[0]) && isLiteral(n.Args[1]):
		// Query builders write 1 = 1 for nothing to ask and 0 = 1 for nothing to
		// find: as an alternative, only the second makes sense.
		used := slots(n)
		plain := func(v Values) bool {
			if !a.or && rowless(a) || neverTrue(n) {
				return true
			}
			for _, s := range used {
				if t := string(v.Value(s, nil)); t != "0" && t != "1" {
					return false
				}
			}
			return n.Name == "=" && len(used) == 2 && (!a.or || x.narrows(n) || string(v.Value(used[0], nil)) != string(v.Value(used[1], nil)))
		}
		weight := 3
		if x.leading(a) {
			x.seeWhen(1, "two literals compared", func(v Values) bool { return plain(v) && !holds(n, v) })
		} else {
			x.seeWhen(1, "two literals compared", plain)
		}
		switch first, near := x.filter(a); {
		case x.sole(a): // nothing of the application's is before it
			weight = 1
		case x.leads(n): // WHERE 1 = 1 AND ... OR ...
			weight = 1
		case x.behindNulls(n):
			weight = 1
		case first && len(near) > 0 && !slices.ContainsFunc(near, func(m *node) bool { return len(columnsOf(m)) == 0 || !behindLiteral(m) }):
			weight = 2 // ('all' = 'all' OR user_id = 1): a filter that can be left open
		}
		if a.first { // nothing is before it that it could have been put behind
			weight = 1
		}
		if a.or && weight > 1 {
			if m, ok := x.member[n]; ok && m.g.filters() {
				holds := plain
				plain = func(v Values) bool { return holds(v) || leftOpen(n, v) }
			}
			x.seeWhen(1, "two literals compared", func(v Values) bool { return !plain(v) })
			x.seeWhen(weight, "two literals compared", func(v Values) bool { return !plain(v) && holds(n, v) })
			return
		}
		x.seeWhen(weight, "two literals compared", func(v Values) bool { return !plain(v) })
	case n.Kind == sqlfacts.Binary && len(n.Args) > 2 && !slices.ContainsFunc(n.Args, func(m *node) bool { return !isLiteral(m) }):
		x.see(2+bonus, "literals compared with each other")
	case n.Kind == sqlfacts.Binary && len(n.Args) > 1 && !slices.ContainsFunc(n.Args, func(m *node) bool { return m.Kind != sqlfacts.Row || !literalsOnly(m) }):
		x.see(3, "rows of literals compared with each other")
	case x.user && a.clause == sqlfacts.Where && calls(n) && !x.sole(a):
		x.see(3, "a function's value tried in a condition, without a column")
	case ownSetting(n) != nil:
		name := ownSetting(n)
		own := func(v Values) bool { s, _ := value(name, v); return strings.Contains(s, ".") }
		x.seeWhen(1, "a setting of the application's in a condition", own)
		x.seeWhen(1+2*bonus, "a comparison without a column", func(v Values) bool { return !own(v) })
	default:
		// A comparison of computed constants: version checks do that outside of
		// alternatives.
		x.see(1+2*bonus, "a comparison without a column")
	}
}

// literalsOnly reports whether a row holds nothing but literals, and rows of them.
func literalsOnly(n *node) bool {
	return len(n.Args) > 0 && !slices.ContainsFunc(n.Args, func(m *node) bool { return !isLiteral(m) && (m.Kind != sqlfacts.Row || !literalsOnly(m)) })
}

// calls reports whether a constant is what a function makes, other than the time
// and what programs put into the form that they need it in.
func calls(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && !isName(m, "coalesce", "ifnull", "nullif", "nvl", "lower", "upper", "trim", "btrim", "concat", "if", "find_in_set", "cardinality", "array_length", "row", "exists", "isnull", "length", "char_length",
			"date", "to_date", "to_timestamp", "str_to_date", "make_date", "date_trunc", "extract", "date_part", "age", "interval", "convert_tz", "timestamp", "timezone", "dayofweek", "hour", "curtime", "current_time", "localtime", "month", "year", "day", "weekday", "last_day", "datediff",
			"array_position", "current_setting", "found_rows", "row_count", "pg_is_in_recovery", "pg_try_advisory_lock", "pg_try_advisory_xact_lock", "get_lock", "is_free_lock", "rand", "random", "uuid", "nextval", "currval", "lastval", "last_insert_id") && !now(m)
	})
}

// probed is a literal that was taken apart: 7 - 0, 'a' || 'b'. Programs reckon
// before they ask; who tries whether a value is read as SQL writes it so.
func (x *probe) probed(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || !isName(n, "=", "in") || len(n.Args) < 2 || n.Args[0].Kind != sqlfacts.Column {
		return
	}
	for _, r := range n.Args[1:] {
		switch {
		case (isKey(n.Args[0]) || isOwner(n.Args[0])) && r.Kind == sqlfacts.Binary && isName(r, "+", "-", "*", "/", "%", "div", "mod") && isConst(r) && any(r, func(m *node) bool { return m.Kind == sqlfacts.Func }) && calls(r):
			x.see(3, "a key that is reckoned of what a function tells")
		case r.Kind == sqlfacts.Binary && len(r.Args) == 2 && r.Args[0].Kind == sqlfacts.Number && r.Args[1].Kind == sqlfacts.Number && isName(r, "+", "-", "*", "/", "%", "^", "#", "|", "&", "<<", ">>", "div", "mod"):
			if r.Name == "+" {
				x.see(1, "a number that was taken apart")
				continue
			}
			from := r.Args[0]
			x.seeWhen(3, "a number that was taken apart", func(v Values) bool { // but the year before one
				f, ok := number(from, v)
				return ok && (f < 1900 || f > 2100)
			})
		case (r.Kind == sqlfacts.Binary && r.Name == "||" && !x.isOr(r) || r.Kind == sqlfacts.Func && r.Name == "concat") && len(r.Args) > 1 && allLiterals(r.Args):
			x.see(3, "a text that was taken apart")
		}
	}
}

// repeated is a join's condition that is asked for once more: what becomes of
// b.id = 2 where the value gives way to a column.
func (x *probe) repeated() {
	pair := func(a arm) bool {
		return a.n.Kind == sqlfacts.Binary && a.n.Name == "=" && len(a.n.Args) == 2 && a.n.Args[0].Kind == sqlfacts.Column && a.n.Args[1].Kind == sqlfacts.Column
	}
	var joins []arm
	for _, a := range x.arms {
		switch {
		case !pair(a) || a.of.depth > 0:
		case a.clause == sqlfacts.From && len(joins) < 16:
			joins = append(joins, a)
		case a.clause == sqlfacts.Where && slices.ContainsFunc(joins, func(j arm) bool {
			l, r := a.n.Args[0], a.n.Args[1]
			return j.of == a.of && (same(j.n.Args[0], l) && same(j.n.Args[1], r) || same(j.n.Args[0], r) && same(j.n.Args[1], l))
		}):
			weight := 3
			if a.first && slices.ContainsFunc(x.arms, func(o arm) bool { // old code joins in both places, and asks for its values behind
				return o.of == a.of && o.clause == sqlfacts.Where && !o.first || o.of == a.of && o.clause == sqlfacts.Where && o.n != a.n && !pair(o) && behindLiteral(o.n)
			}) {
				weight = 1
			}
			x.see(weight, "a join's condition once more, where a value is asked for")
		}
	}
}

// endless is x > '-infinity': what nothing is on the other side of.
func (x *probe) endless(a arm) {
	n := a.n
	if !a.or || n.Kind != sqlfacts.Binary || len(n.Args) != 2 || n.Args[1].Kind != sqlfacts.String || !isName(n, "<", "<=", ">", ">=") {
		return
	}
	limit, op := n.Args[1], n.Name
	x.seeWhen(3, "a limit that nothing is beyond", func(v Values) bool {
		s, _ := value(limit, v)
		return op[0] == '>' && s == "-infinity" || op[0] == '<' && s == "infinity" || op == ">=" && s == ""
	})
}

// sole reports whether an arm is all of its condition.
func (x *probe) sole(a arm) bool {
	return !slices.ContainsFunc(x.arms, func(o arm) bool { return o.of == a.of && o.clause == a.clause && o.n != a.n })
}

// rowless reports whether an arm is of a statement that reads nothing, in which
// there is nothing for anybody to find.
func rowless(a arm) bool {
	return a.of.depth == 0 && a.of.stmt.Kind == sqlfacts.Select && clauseOf(a.of.stmt, sqlfacts.From) == nil
}

// neverTrue reports whether something is compared with NULL by an operator that
// then says neither yes nor no.
func neverTrue(n *node) bool {
	return isName(n, "=", "<>", "!=", "<", ">", "<=", ">=") && (n.Args[0].Kind == sqlfacts.Null || n.Args[1].Kind == sqlfacts.Null)
}

// behind reports whether an alternative stands behind one that ends in a literal.
func (x *probe) behind(n *node) bool {
	m, ok := x.member[n]
	return ok && m.i > 0 && behindLiteral(m.g.alts[m.i-1])
}

// arithmetic is a calculation with a text: 1%'...', 'a'*'b'.
func (x *probe) arithmetic(n *node) {
	if n.Kind != sqlfacts.Binary || len(n.Args) != 2 || !isName(n, "+", "-", "*", "/", "%", "^", "&", "|", "<<", ">>", "div", "mod", "#") {
		return
	}
	l, r := n.Args[0].Kind, n.Args[1].Kind
	switch {
	case l == sqlfacts.String && r == sqlfacts.String, l == sqlfacts.Number && r == sqlfacts.String, l == sqlfacts.String && r == sqlfacts.Number:
		x.see(3, "a calculation with a text")
	}
}

// tested is (x = 'a') IS NOT NULL: whether a comparison has an outcome.
func (x *probe) tested(n *node, not bool) {
	if n.Kind == sqlfacts.Binary && n.Name == "is" && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.Bool {
		if c := n.Args[0]; c.Kind == sqlfacts.Binary && c.Name == "=" && len(c.Args) == 2 && (isKey(c.Args[0]) || isOwner(c.Args[0])) && c.Args[1].Kind == sqlfacts.Number {
			x.see(3, "whether a key is another than the one that was named")
		} else if x.mysql() && not == (n.Args[1].Name == "true") && c.Kind == sqlfacts.Binary && c.Name == "=" && len(c.Args) == 2 && c.Args[0].Kind == sqlfacts.Column && c.Args[1].Kind == sqlfacts.Number {
			n := c.Args[1]
			x.seeWhen(3, "whether a column is another than the number that was named", func(v Values) bool { s, _ := value(n, v); return s != "0" && s != "1" })
		}
		return
	}
	if n.Kind == sqlfacts.Binary && n.Name == "is" && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.Null &&
		n.Args[0].Kind == sqlfacts.Binary && (isComparison(n.Args[0].Name) || isName(n.Args[0], "between", "in")) {
		x.see(3, "whether a comparison has an outcome")
	}
}

// padded is what a text becomes when something is joined to it in the middle of
// its quotes, and nothing of it is left: ” || x || ”. And XOR behind a literal.
func (x *probe) padded(p place) {
	n := p.n
	if n.Kind != sqlfacts.Binary || p.clause != sqlfacts.Where && p.clause != sqlfacts.Having && !(n.Name == "||" && anyQuery(n)) {
		return
	}
	switch {
	case isName(n, "+", "-", "*", "/", "|", "&", "^") && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Number && n.Args[1].Kind == sqlfacts.Binary && isComparison(n.Args[1].Name) && x.mysql():
		x.see(3, "a number that goes on with the outcome of a comparison")
	case n.Name == "xor" && len(n.Args) > 1 && behindLiteral(n.Args[0]):
		w := 3
		if r := n.Args[1]; len(columnsOf(r)) > 0 && !isConst(r) && !anyQuery(r) && len(x.arms) == 2 { // which of two things is so, asked by itself
			w = 2
		}
		x.see(w, "one of two conditions, and not the other")
	case n.Name == "||" && len(n.Args) > 1 && !x.isOr(n) && (p.in == nil || p.in.Kind != sqlfacts.Binary || p.in.Name != "||"):
		first, last := n, n.Args[len(n.Args)-1]
		for first.Kind == sqlfacts.Binary && first.Name == "||" && len(first.Args) > 0 {
			first = first.Args[0]
		}
		if first.Kind == sqlfacts.String && last.Kind == sqlfacts.String && first != n.Args[0] || len(n.Args) > 2 && first.Kind == sqlfacts.String && last.Kind == sqlfacts.String {
			x.seeWhen(3, "a text between two empty ones", func(v Values) bool {
				a, okA := value(first, v)
				b, okB := value(last, v)
				return okA && okB && a == "" && b == ""
			})
		}
	}
}

// backwards is a literal in the place of the column, or a comparison that is
// compared: what is left when text is spliced in behind a value.
func (x *probe) backwards(a arm) {
	n := a.n
	if n.Kind != sqlfacts.Binary || len(n.Args) != 2 || !isComparison(n.Name) {
		return
	}
	if l, r := n.Args[0], n.Args[1]; isName(n, "=", "<>", "!=", "<=>") && asksOf(l) != nil && asksOf(r) != nil && same(asksOf(l), asksOf(r)) {
		x.see(3, "two questions about one column compared with each other")
		return
	}
	for _, m := range n.Args {
		if m.Kind == sqlfacts.Binary && (isComparison(m.Name) || isName(m, "in", "between") && m == n.Args[1]) {
			switch {
			case isConst(m):
				x.see(3, "a comparison of literals compared with a column")
			case n.Name == "=" && n.Args[1].Kind == sqlfacts.Bool && n.Args[1].Name == "true": // (a = 'x') = true: what builders make of a condition
			default:
				w := 2
				if asksOf(n.Args[0]) != nil && asksOf(n.Args[1]) != nil { // whether two columns agree
					w = 1
				}
				if isLiteral(n.Args[1]) && len(m.Args) == 2 && isLiteral(m.Args[1]) {
					w = 3
				}
				x.see(w, "the outcome of a comparison compared")
			}
			return
		}
	}
	if n.Args[0].Kind != sqlfacts.Number {
		return
	}
	switch r := n.Args[1]; {
	case r.Kind == sqlfacts.Binary && isName(r, "#", "*", "/", "%", "^", "&") && len(r.Args) > 0 && isLiteral(r.Args[0]):
		x.see(3, "a number compared with a calculation that begins with a number")
	case r.Kind == sqlfacts.Func && !isAggregate(r):
		w := 2
		if x.browses() {
			w = 1
		}
		x.see(w, "a number compared with a function's value")
	}
}

func isComparison(op string) bool {
	switch op {
	case "=", "<>", "!=", "<", ">", "<=", ">=", "<=>", "like", "not like", "ilike", "rlike", "regexp", "~", "~~":
		return true
	}
	return false
}

func isAggregate(n *node) bool {
	return isName(n, "count", "sum", "max", "min", "avg", "any", "all", "length", "char_length", "mod")
}

// wildcard is x LIKE '%' and its kin: true unless x is NULL.
func (x *probe) wildcard(a arm) {
	n := a.n
	if !a.or || n.Kind != sqlfacts.Binary || len(n.Args) < 2 || n.Args[1].Kind != sqlfacts.String {
		return
	}
	slot, weight := n.Args[1].Slot, 2
	if m, ok := x.member[n]; ok && m.i == 0 && !slices.ContainsFunc(m.g.alts[1:], func(o *node) bool { return !isNullTest(o) || !same(o.Args[0], n.Args[0]) }) {
		weight = 1 // LIKE '%' OR ... IS NULL: a choice of a dashboard's that stands for all
	}
	switch n.Name {
	case "like", "ilike", "rlike", "regexp", "~", "~*", "~~", "~~*", "similar to":
		x.seeWhen(weight, "a pattern that fits everything, as an alternative", func(v Values) bool {
			s := string(v.Value(slot, nil))
			return strings.Trim(s, "%.*^$") == "" || isName(n, "rlike", "regexp", "~", "~*") && fitsAll(s, ".*^$")
		})
	}
}
