package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// Sub-queries over tables that a statement has no business with stand in few
// places where people write them: as the value or the list that a column is
// compared with, as a sum or a count to reckon with. What has one anywhere else
// makes it do something that it was not asked for.

// worked judges a condition on columns of the statement's own.
func (x *probe) worked(a arm, qs []*node) {
	n := a.n
	if !slices.ContainsFunc(qs, func(q *node) bool { return content(q) != nil }) { // a setting, a key, a sum
		return
	}
	if n.Kind != sqlfacts.Binary || !isComparison(n.Name) && !isName(n, "in", "between", "is distinct from") {
		if !x.signalled() {
			x.see(3, "another table's data worked into a condition")
		}
		return
	}
	if anyQuery(n.Args[0]) || slices.ContainsFunc(n.Args[1:], func(r *node) bool { return !usable(r, n.Name, 0) }) {
		if !x.signalled() {
			x.see(3, "another table's data worked into a comparison")
		}
	}
}

// signalled reports whether the detector at work has an alarm already.
func (x *probe) signalled() bool {
	return slices.ContainsFunc(x.signals, func(s signal) bool { return s.by == x.by && s.weight >= 3 && s.when == nil })
}

// usable reports whether a value is one that people compare columns with.
func usable(n *node, op string, depth int) bool {
	if n == nil || !anyQuery(n) {
		return true
	}
	all := func() bool {
		return !slices.ContainsFunc(n.Args, func(m *node) bool { return !usable(m, op, depth+1) })
	}
	switch n.Kind {
	case sqlfacts.Query:
		return usableQuery(n, op, depth)
	case sqlfacts.Unary:
		return isName(n, "any", "all", "some", "not") && all()
	case sqlfacts.Cast:
		return all()
	case sqlfacts.Row:
		return n.Name == "array" && all() || len(n.Args) == 1 && all()
	case sqlfacts.Binary:
		return isName(n, "+", "-", "*", "/", "->", "->>") && all()
	case sqlfacts.Func:
		return reckoning(n) && all()
	}
	return false
}

// usableQuery judges a sub-query that a column is compared with; depth tells how
// much is around it.
func usableQuery(q *node, op string, depth int) bool {
	if len(q.Args) > 0 && q.Args[0].Kind == sqlfacts.Union {
		return depth == 0
	}
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || aggregated(q) {
		return true
	}
	m := t.Args[0]
	for m.Kind == sqlfacts.Cast && len(m.Args) > 0 || m.Kind == sqlfacts.Func && reckoning(m) && len(m.Args) > 0 {
		m = m.Args[0]
	}
	switch m.Kind {
	case sqlfacts.Column:
		return depth == 0 || content(q) == nil
	case sqlfacts.Star, sqlfacts.Number, sqlfacts.String, sqlfacts.Null:
		return true
	case sqlfacts.Binary:
		return isName(m, "+", "-", "*", "/", "||", "->", "->>")
	case sqlfacts.Func:
		return !isName(m, "elt", "field", "interval", "exp", "pow", "power", "sqrt", "ln", "chr", "char", "repeat", "strpos", "instr", "locate", "position", "ascii", "ord", "find_in_set", "strcmp", "sign", "starts_with")
	}
	return false
}

// reckoning reports whether a function leaves a value what it is, or makes of it
// what people reckon with.
func reckoning(n *node) bool {
	return isName(n, "coalesce", "ifnull", "nvl", "nullif", "round", "floor", "ceil", "ceiling", "trunc", "truncate", "abs", "greatest", "least", "lower", "upper", "trim", "btrim", "rtrim", "ltrim", "max", "min", "sum", "avg", "count",
		"date", "date_trunc", "date_add", "date_sub", "adddate", "subdate", "timestampadd", "timestampdiff", "datediff", "extract", "date_part", "year", "month", "day", "to_char", "date_format", "to_number", "to_date", "to_timestamp", "str_to_date", "from_unixtime", "unix_timestamp",
		"array", "unnest", "string_to_array", "any_value", "first_value", "last_value", "format", "concat", "concat_ws", "to_json", "to_jsonb", "json_build_object", "jsonb_build_object", "json_object", "json_array", "json_build_array", "jsonb_build_array", "jsonb_set", "json_set", "json_insert", "json_extract", "jsonb_insert", "row_to_json", "array_agg", "json_agg", "jsonb_agg", "string_agg", "group_concat", "array_to_string", "cardinality", "array_length", "setval", "nextval", "mod", "div", "percentile_cont", "exists", "xmlelement", "xmlforest", "make_interval", "row")
}

// grouped judges a sub-query that rows are grouped by, and whose value nobody reads:
// how many there are of each is an answer.
func (x *probe) grouped(q query) {
	t := clauseOf(q.at.stmt, sqlfacts.Targets)
	if q.clause == sqlfacts.Group && q.in != nil && q.in.Kind == sqlfacts.Group && q.at.depth == 0 && strange(q.n, q.at) && t != nil && !anyQuery(t) && !x.signalled() {
		x.see(3, "another table's data to group by, and not shown")
	}
}

// keyed judges a key of another table's row that something is reckoned with.
func (x *probe) keyed(q query) {
	if q.in == nil || q.in.Kind != sqlfacts.Binary || !isName(q.in, "+", "-", "*", "/", "%", "div", "mod") || len(q.in.Args) != 2 || !closed(q.n, q.at) || !strange(q.n, q.at) || settings(q.n) {
		return
	}
	if t := targetsOf(q.n); t != nil && len(t.Args) == 1 && isKey(t.Args[0]) && !x.signalled() {
		x.see(3, "a key of another table, as a number to reckon with")
	}
}

// behindLiterals is INSERT INTO t SELECT 'x', 'y' UNION SELECT a, b FROM u: rows of a
// table behind the one that was to be written.
func (x *probe) behindLiterals(s *node) {
	if s.Kind != sqlfacts.Insert {
		return
	}
	for _, u := range s.Args {
		if u == nil || u.Kind != sqlfacts.Union || len(u.Args) < 2 {
			continue
		}
		t := clauseOf(u.Args[0], sqlfacts.Targets)
		if t != nil && len(t.Args) > 0 && !reads(u.Args[0]) && allLiterals(t.Args) && slices.ContainsFunc(u.Args[1:], func(a *node) bool { return isStatement(a.Kind) && len(tablesOf(a)) > 0 && !aggregated(a) }) {
			x.see(3, "rows of another table behind the one that is written")
		}
	}
}

// whole judges another table that a value gathers in full, inside of something else.
func (x *probe) whole(q query) {
	switch q.in.Kind {
	case sqlfacts.Func, sqlfacts.When, sqlfacts.Case, sqlfacts.Row:
	default:
		return
	}
	if q.clause == sqlfacts.Targets && q.at.stmt.Kind == sqlfacts.Select && gathers(q.n) && closed(q.n, q.at) && strange(q.n, q.at) && clauseOf(q.n.Args[0], sqlfacts.Where) == nil && !x.signalled() {
		x.see(3, "all of another table inside a value beside each row")
	}
}

// odd judges a sub-query in a value that the statement shows or keeps.
func (x *probe) odd(q query) {
	if q.at.depth == 0 && q.in != nil {
		x.whole(q)
	}
	if q.at.depth > 0 || q.in == nil || q.in.Kind != sqlfacts.Func || reckoning(q.in) || isName(q.in, "if", "setval") {
		return
	}
	switch q.clause {
	case sqlfacts.Targets, sqlfacts.Values, sqlfacts.Conflict, sqlfacts.Return, sqlfacts.Group, sqlfacts.Order, sqlfacts.Window:
	default:
		return
	}
	if content(q.n) != nil && closed(q.n, q.at) && strange(q.n, q.at) && !x.signalled() {
		x.see(3, "another table's data in a function of the statement's values: "+q.in.Name)
	}
}
