package detect

import (
	"slices"

	"honeyrow/engine/sqlfacts"
)

// givesKey reports whether what a sub-query returns can be a key that it found: a
// column, the last or the first of them, one that was taken out of a document or a
// list. A number that was reckoned, measured or counted of anything else is an
// answer.
func givesKey(q *node) bool {
	if len(q.Args) == 0 || q.Args[0].Kind != sqlfacts.Select {
		return true
	}
	t := targetsOf(q)
	return t == nil || len(t.Args) != 1 || len(columnsOf(t)) == 0 || tellsKey(t.Args[0])
}

func tellsKey(n *node) bool {
	switch n.Kind {
	case sqlfacts.Column, sqlfacts.Star, sqlfacts.Number, sqlfacts.String, sqlfacts.Null, sqlfacts.Param, sqlfacts.Variable, sqlfacts.Query, sqlfacts.Window:
		return true
	case sqlfacts.Cast:
		return len(n.Args) == 1 && tellsKey(n.Args[0])
	case sqlfacts.Binary: // a document's part, an array's element, the next or the one before
		return isName(n, "->", "->>", "#>", "#>>", "[]") || isName(n, "+", "-") && len(n.Args) == 2 && n.Args[1].Kind == sqlfacts.Number && tellsKey(n.Args[0])
	case sqlfacts.Case:
		return n.Args[0].Kind == sqlfacts.Missing && !slices.ContainsFunc(n.Args[1:], func(w *node) bool {
			return w.Kind == sqlfacts.When && (len(w.Args) != 2 || !tellsKey(w.Args[1]) || isLiteral(w.Args[1])) || w.Kind != sqlfacts.When && !tellsKey(w)
		})
	case sqlfacts.Func:
		if isName(n, "if", "iif") && len(n.Args) == 3 {
			return n.Args[1].Kind == sqlfacts.Column && n.Args[2].Kind == sqlfacts.Column
		}
		if !isName(n, "max", "min", "any_value", "coalesce", "ifnull", "nvl", "nullif", "first_value", "last_value", "lag", "lead", "nth_value", "greatest", "least",
			"count", "sum", "avg", // judged as what they are
			"unnest", "string_to_array", "regexp_split_to_table", "string_to_table", "split_part", "substring_index", "json_extract", "json_unquote", "json_value", "jsonb_path_query", "jsonb_path_query_first", "json_query",
			"json_array_elements", "json_array_elements_text", "jsonb_array_elements", "jsonb_array_elements_text", "jsonb_extract_path_text", "json_extract_path_text", "regexp_replace", "replace", "trim", "convert", "cast", "to_number", "array_agg", "group_concat", "substring", "regexp_substr", "uuid_to_bin", "bin_to_uuid", "hextoraw", "lower", "upper") {
			return false
		}
		return len(n.Args) == 0 || tellsKey(n.Args[0])
	}
	return false
}

// extremeOf reports whether a sub-query returns the most or the least that a column of
// all of a table holds, other than a key or a time.
func extremeOf(q *node) bool {
	t := targetsOf(q)
	if t == nil || len(t.Args) != 1 || len(q.Args) == 0 || clauseOf(q.Args[0], sqlfacts.Where) != nil || clauseOf(q.Args[0], sqlfacts.Group) != nil {
		return false
	}
	f := t.Args[0]
	return f.Kind == sqlfacts.Func && isName(f, "max", "min") && len(f.Args) > 0 && f.Args[0].Kind == sqlfacts.Column && !referring(f.Args[0].Name)
}

// rowSet is UPDATE t SET a = 5, b = (SELECT max(c) FROM u) WHERE id = 7: a value that a
// form gave for a row, and beside it the most that another table has.
func (x *probe) rowSet(q query) {
	if q.at.depth > 0 || q.clause != sqlfacts.Targets || q.at.stmt.Kind != sqlfacts.Update || q.in == nil || q.in.Kind != sqlfacts.Assign || !closed(q.n, q.at) || !strange(q.n, q.at) || !extremeOf(q.n) {
		return
	}
	w := clauseOf(q.at.stmt, sqlfacts.Where)
	if w == nil || len(w.Args) != 1 || !slices.ContainsFunc(parts(w.Args[0]), func(n *node) bool {
		return n.Kind == sqlfacts.Binary && n.Name == "=" && len(n.Args) == 2 && isKey(n.Args[0]) && isLiteral(n.Args[1])
	}) {
		return
	}
	if t := clauseOf(q.at.stmt, sqlfacts.Targets); t != nil && slices.ContainsFunc(t.Args, func(m *node) bool {
		return m.Kind == sqlfacts.Assign && len(m.Args) == 1 && isLiteral(m.Args[0])
	}) {
		x.see(3, "the most that another table has, beside a value of a row that was named")
	}
}

// measure is what calculates with a column, or measures it: true for MySQL unless
// it is 0.
func measure(n *node) bool {
	if len(columnsOf(n)) == 0 || any(n, func(m *node) bool { return m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Param }) {
		return false
	}
	return n.Kind == sqlfacts.Unary && isName(n, "-", "+", "~") && len(n.Args) == 1 ||
		n.Kind == sqlfacts.Binary && isName(n, "+", "-", "*", "|", "div") ||
		n.Kind == sqlfacts.Func && isName(n, "length", "char_length", "ascii", "ord", "abs", "crc32", "bit_length", "floor", "ceil", "round", "sign", "exp", "pi", "strcmp", "elt", "interval", "field", "hex", "unhex", "conv", "concat",
			"upper", "lower", "trim", "reverse", "left", "right", "mid", "substr", "substring", "md5", "sha1", "year", "month", "day", "unix_timestamp", "to_days", "sqrt", "ln", "log", "mod", "quarter", "bin", "oct",
			"quote", "make_set", "export_set", "space", "lpad", "rpad", "repeat", "replace", "insert", "substring_index", "soundex", "sha", "sha2", "aes_encrypt", "compress", "week", "weekday", "dayofweek", "dayofyear", "dayofmonth", "hour", "minute", "second", "time_to_sec", "to_seconds",
			"date_format", "concat_ws", "greatest", "least", "degrees", "radians", "pow", "power", "truncate", "bit_count", "octet_length", "json_length", "json_depth", "json_quote", "json_array", "json_object", "json_type", "json_keys", "format", "to_base64", "ucase", "lcase", "ltrim", "rtrim", "date", "last_day")
}
