package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// errorBased: data is carried out in an error message.
var errorBased = Detector{
	ID: "error-extraction", Title: "Data forced into an error message",
	Maps: []string{"CWE-89", "CWE-209", "T1190"},
	find: func(x *probe) {
		for _, c := range x.calls {
			switch {
			case isName(c.n, "extractvalue", "updatexml"):
				if len(c.n.Args) > 1 && !isLiteral(c.n.Args[1]) && c.n.Args[1].Kind != sqlfacts.Param {
					x.see(3, c.n.Name+" with a computed path")
				}
			case isName(c.n, "gtid_subset", "gtid_subtract", "st_latfromgeohash", "st_longfromgeohash", "st_pointfromgeohash",
				"geometrycollection", "polygon", "multipoint", "multilinestring", "multipolygon", "linestring", "name_const", "json_keys", "uuid_to_bin", "bin_to_uuid", "exp", "pow", "cot"):
				if any(c.n, func(m *node) bool {
					return m.Kind == sqlfacts.Query && reads(m) && !averaged(m) || m.Kind == sqlfacts.Func && isInfo(m)
				}) {
					x.see(3, c.n.Name+" of a sub-query")
				}
			case isName(c.n, "query_to_xml", "table_to_xml", "database_to_xml", "schema_to_xml", "cursor_to_xml", "query_to_xml_and_xmlschema", "table_to_xmlschema"):
				w := 2
				if x.user && c.clause == sqlfacts.Targets { // beside the application's rows
					w = 3
				}
				x.see(w, c.n.Name)
			}
		}
		for _, p := range x.all {
			n := p.n
			switch {
			case n.Kind == sqlfacts.Options && n.Name == "procedure" && p.at.depth == 0 && x.user:
				if endsInLiteral(p.at.stmt) || clauseOf(p.at.stmt, sqlfacts.Limit) != nil || clauseOf(p.at.stmt, sqlfacts.Where) != nil { // who wants to know of a table's columns asks about all of it
					x.see(3, "a procedure behind a value")
				}
			case n.Kind == sqlfacts.Cast && isNumeric(n.Name) && len(n.Args) == 1:
				if forcesText(n.Args[0]) {
					if !x.user && n.Args[0].Kind == sqlfacts.Query && p.clause == sqlfacts.Targets {
						continue // a monitor reads a setting
					}
					if p.clause != sqlfacts.Where && p.clause != sqlfacts.Having && composed(n) || composed(n) && allOfLiterals(n.Args[0]) {
						continue
					}
					if q := n.Args[0]; q.Kind == sqlfacts.Query && settings(q) && !probing(q) { // a limit that is kept as a text
						continue
					}
					x.see(3, "a text cast to a number")
				}
			case n.Kind == sqlfacts.Binary && isName(n, "/", "%", "div", "mod") && len(n.Args) == 2 && isConst(n.Args[1]) && p.in != nil && p.in.Kind != sqlfacts.Targets:
				if n.Args[1].Kind == sqlfacts.Case || n.Args[1].Kind == sqlfacts.Query {
					x.see(3, "a division that fails on a condition")
				}
			case n.Kind == sqlfacts.Group || n.Kind == sqlfacts.Order:
				if any(n, func(m *node) bool {
					return m.Kind == sqlfacts.Func && m.Name == "rand" && len(m.Args) > 0 && !(n.Kind == sqlfacts.Order && slices.Contains(n.Args, m) && isLiteral(m.Args[0]))
				}) { // but a list that is shuffled in the same way each time
					x.see(3, "grouped by a number that changes")
				}
			}
		}
		for _, s := range x.facts.Statements {
			if any(s, func(m *node) bool {
				return m.Kind == sqlfacts.Func && m.Name == "floor" && any(m, func(k *node) bool { return k.Kind == sqlfacts.Func && m != k && k.Name == "rand" && len(k.Args) > 0 })
			}) {
				x.see(3, "FLOOR(RAND(n)) as a key")
			}
		}
	},
}

// averaged reports whether a sub-query returns a number that was reckoned of many
// rows: of a mean no text can be made.
func averaged(q *node) bool {
	t := targetsOf(q)
	return t != nil && len(t.Args) == 1 && t.Args[0].Kind == sqlfacts.Func && isName(t.Args[0], "avg", "sum", "count", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp")
}

// allOfLiterals reports whether a text is put together of nothing but literals:
// '2026' || '-' || '02', of a program that has a month's parts. It tells nothing.
func allOfLiterals(n *node) bool {
	return len(literals(n)) > 1 && !any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Column || m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Variable || m.Kind == sqlfacts.Func && !isName(m, "concat", "concat_ws")
	})
}

// composed reports whether a text is put together to be a date or a document, of
// what the statement reads anyway.
func composed(n *node) bool {
	switch n.Name {
	case "date", "timestamp", "json", "jsonb":
	default:
		return false
	}
	return !any(n, func(m *node) bool {
		return m.Kind == sqlfacts.Query || m.Kind == sqlfacts.Func && (isInfo(m) || isName(m, "chr", "char")) || m.Kind == sqlfacts.Variable
	})
}

// forcesText reports whether an expression is a text that holds data: a
// concatenation, or a sub-query's value.
func forcesText(n *node) bool {
	switch n.Kind {
	case sqlfacts.Query:
		if len(n.Args) == 0 {
			return false
		}
		t := clauseOf(n.Args[0], sqlfacts.Targets)
		return t != nil && len(t.Args) == 1 && (reads(n) && t.Args[0].Kind == sqlfacts.Column || forcesText(t.Args[0]))
	case sqlfacts.Binary:
		return n.Name == "||"
	case sqlfacts.Func:
		return isInfo(n) && n.Name != "current_setting" || isName(n, "concat", "concat_ws", "chr", "string_agg", "group_concat")
	}
	return false
}

func isNumeric(t string) bool {
	switch strings.TrimSuffix(t, "[]") {
	case "int", "int2", "int4", "int8", "integer", "bigint", "smallint", "numeric", "decimal", "float4", "float8", "real",
		"signed", "unsigned", "signed integer", "unsigned integer", "bool", "boolean", "date", "timestamp", "inet", "uuid", "money", "xml", "json", "jsonb":
		return true
	}
	return false
}

// isInfo names functions that tell about the server or the session.
func isInfo(n *node) bool {
	return isName(n, "version", "user", "current_user", "session_user", "system_user", "database", "schema", "current_database",
		"current_schema", "inet_server_addr", "pg_read_file", "load_file", "current_setting", "getpgusername", "current_query", "inet_server_port", "current_role", "current_catalog")
}
