package detect

import (
	"slices"
	"strconv"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// What an application puts into its statements as text stands where literals
// stand, so what an attacker adds comes right behind one. These helpers say
// whether it can have.

// behindLiteral reports whether n ends in a literal: text can have been put in
// there.
func behindLiteral(n *node) bool {
	for n != nil {
		if isLiteral(n) {
			return true
		}
		switch n.Kind {
		case sqlfacts.Binary:
			if len(n.Args) == 0 || n.Name == "is" && n.Args[len(n.Args)-1].Kind == sqlfacts.Null {
				return false // nobody puts a value there
			}
			n = n.Args[len(n.Args)-1]
		case sqlfacts.Query: // WHERE id = (SELECT 0)
			t := targetsOf(n)
			return !reads(n) && t != nil && behindLiteral(t)
		case sqlfacts.Targets, sqlfacts.Row, sqlfacts.Where, sqlfacts.Having, sqlfacts.Limit, sqlfacts.Unary, sqlfacts.From, sqlfacts.Join, sqlfacts.Func:
			if len(n.Args) == 0 {
				return false
			}
			n = n.Args[len(n.Args)-1]
		default:
			return false
		}
	}
	return false
}

// endsInLiteral reports whether the last clause of a query ends in a literal, or
// in a condition that is one all by itself.
func endsInLiteral(stmt *node) bool {
	if stmt == nil || len(stmt.Args) == 0 {
		return false
	}
	last := stmt.Args[len(stmt.Args)-1]
	switch last.Kind {
	case sqlfacts.Where, sqlfacts.Having:
		return behindLiteral(last) || any(last, func(m *node) bool {
			return m.Kind == sqlfacts.Query && !isConst(m) && len(m.Args) > 0 && endsInLiteral(m.Args[0])
		})
	case sqlfacts.Limit:
		return behindLiteral(last)
	}
	return false
}

// value is a literal's text, with its sign.
func value(n *node, v Values) (string, bool) {
	sign := ""
	for n != nil && (n.Kind == sqlfacts.Unary && (n.Name == "-" || n.Name == "+" || n.Name == "any") || n.Kind == sqlfacts.Cast) && len(n.Args) == 1 {
		if n.Name == "-" && n.Kind == sqlfacts.Unary {
			sign = "-"
		}
		n = n.Args[0]
	}
	switch {
	case n == nil:
		return "", false
	case n.Kind == sqlfacts.Null:
		return "NULL", true
	case n.Kind == sqlfacts.Bool:
		return n.Name, true
	case n.Slot >= 0 && isLiteral(n):
		return sign + string(v.Value(n.Slot, nil)), true
	}
	return "", false
}

func number(n *node, v Values) (float64, bool) {
	s, ok := value(n, v)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil
}

// literals returns the literals below n, sub-queries left out.
func literals(n *node) []*node {
	var out []*node
	each(n, func(m *node) bool {
		if isLiteral(m) {
			out = append(out, m)
			return false
		}
		return m.Kind != sqlfacts.Query
	})
	return out
}

// columnsOf returns the columns below n, sub-queries left out.
func columnsOf(n *node) []*node {
	var out []*node
	each(n, func(m *node) bool {
		if m.Kind == sqlfacts.Column {
			out = append(out, m)
		}
		return m.Kind != sqlfacts.Query
	})
	return out
}

// params reports whether a bound value stands below n.
func params(n *node) bool {
	return any(n, func(m *node) bool { return m.Kind == sqlfacts.Param || m.Kind == sqlfacts.Variable })
}

// closed reports whether a sub-query reads a table and has nothing to do with the
// queries around it: no name of theirs in it, and no two columns compared of
// which one could be theirs.
func closed(q *node, at *scope) bool {
	if q.Kind != sqlfacts.Query || !reads(q) || correlated(q, at) {
		return false
	}
	if params(q) {
		return false
	}
	return !any(q, func(m *node) bool {
		if m.Kind != sqlfacts.Binary || len(m.Args) != 2 || !isComparison(m.Name) {
			return false
		}
		l, r := m.Args[0], m.Args[1]
		return l.Kind == sqlfacts.Column && r.Kind == sqlfacts.Column && (l.Qualifier == "" || r.Qualifier == "") && !same(l, r)
	})
}

// tablesOf are the names of the tables that a tree reads.
func tablesOf(n *node) []string {
	var out []string
	each(n, func(m *node) bool {
		if m.Kind == sqlfacts.Table {
			out = append(out, m.Name)
		}
		return true
	})
	return out
}

// home are the tables of a statement's own FROM, or those that it writes.
func home(s *scope) []string {
	var out []string
	for ; s != nil; s = s.outer {
		for _, a := range s.stmt.Args {
			switch a.Kind {
			case sqlfacts.From, sqlfacts.Table, sqlfacts.Join: // but what a join's condition asks of others
				each(a, func(m *node) bool {
					if m.Kind == sqlfacts.Table {
						out = append(out, m.Name)
					}
					return m.Kind != sqlfacts.Query
				})
			}
		}
	}
	return out
}

// strange reports whether a sub-query reads what the statement around it does
// not.
func strange(q *node, at *scope) bool {
	own := home(at)
	if len(own) == 0 {
		return false
	}
	for _, t := range tablesOf(q) {
		if !slices.Contains(own, t) {
			return true
		}
	}
	return len(tablesOf(q)) == 0
}

// aggregated reports whether a sub-query returns nothing but a count or an
// extreme.
func aggregated(q *node) bool {
	t := targetsOf(q)
	return t != nil && len(t.Args) == 1 && any(t.Args[0], func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "count", "sum", "max", "min", "avg")
	})
}

func targetsOf(q *node) *node {
	if q.Kind == sqlfacts.Query && len(q.Args) > 0 {
		q = q.Args[0]
	}
	return clauseOf(q, sqlfacts.Targets)
}

// gathers reports whether a sub-query puts a table's column into one text.
func gathers(q *node) bool {
	t := targetsOf(q)
	return t != nil && any(t, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "group_concat", "string_agg", "array_agg", "array_to_string", "json_agg", "jsonb_agg", "json_arrayagg", "json_objectagg", "xmlagg", "row_to_json", "to_json", "to_jsonb", "json_object_agg", "query_to_xml", "table_to_xml")
	})
}

// probing reports whether a sub-query asks by pattern, by order or by a piece of
// a value.
func probing(q *node) bool {
	return any(q, func(m *node) bool {
		switch m.Kind {
		case sqlfacts.Binary:
			if len(m.Args) < 2 || len(columnsOf(m.Args[0])) == 0 {
				return false
			}
			if isName(m, "<", ">", "<=", ">=", "between") && ofTime(m.Args[0]) {
				return false
			}
			return isName(m, "<", ">", "<=", ">=", "like", "ilike", "rlike", "regexp", "~", "~*", "~~", "similar to", "between", "like binary", "sounds like", "&", "^@") && isConst(m.Args[1]) && !now(m.Args[1])
		case sqlfacts.Func:
			return isName(m, "substr", "substring", "mid", "left", "right", "ascii", "ord", "length", "char_length", "position", "locate", "instr", "strpos", "starts_with", "regexp_like", "strcmp", "get_byte", "md5", "hex")
		}
		return false
	})
}

// ofTime reports whether a column is called as times are: a range of those is no
// question about a value.
func ofTime(n *node) bool {
	name := strings.ToLower(n.Name)
	return n.Kind == sqlfacts.Column && slices.ContainsFunc([]string{"_at", "_on", "date", "time", "_from", "_until", "_since", "_start", "_end", "_to"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

// now reports whether an expression tells the time.
func now(n *node) bool {
	return any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Func && isName(m, "now", "current_timestamp", "current_date", "localtimestamp", "clock_timestamp", "curdate", "utc_timestamp", "sysdate", "unix_timestamp", "date_sub", "date_add")
	})
}
