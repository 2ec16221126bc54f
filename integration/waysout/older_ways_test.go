package waysout

import (
	"fmt"
	"strings"

	"honeyrow/internal/myserver"
)

// What servers have otherwise that are older than those of docs/coverage.md's
// columns. A test sees to it that each name in these tables is a way's.

// gone are ways of notInMySQL that older releases have, and the first that does not.
var gone = map[string]int{
	"PROCEDURE ANALYSE": 80000,
	"statement of another session, COM_PROCESS_INFO": 80400,
}

// newInPostgreSQL are ways, and the first server_version_num that has them.
var newInPostgreSQL = map[string]int{"COPY text, header": 150000}

// lacking are ways that releases of a kind do not have yet.
var lacking = []struct {
	kind myserver.Kind
	from int // the first version that has them
	why  string
	ways []string
}{
	{myserver.MariaDB, 100700, "no such function", []string{"SFORMAT, CHR"}},
	{myserver.MySQL, 90000, "EXPLAIN FOR CONNECTION leaves the conditions out", []string{"statement of another session, EXPLAIN FOR CONNECTION"}},
	{myserver.MySQL, 80100, "no INTO behind EXPLAIN", []string{"EXPLAIN FORMAT=JSON INTO a variable"}},
	{myserver.MySQL, 80000, "no common table expressions, no window functions", []string{"CTE", "recursive CTE", "window function"}},
	{myserver.MySQL, 80000, "no LATERAL, TABLE and VALUES; UNION alone joins queries", []string{"LATERAL", "TABLE statement", "VALUES", "INTERSECT", "EXCEPT"}},
	{myserver.MySQL, 80000, "no such function", []string{
		"JSON_DETAILED, JSON_TABLE", "JSON_TABLE of a column", "JSON_VALUE, JSON_EXTRACT", "BIN_TO_UUID", "GROUPING and QUALIFY-like windows",
		"hexadecimal digits with spaces", "percent encoding of every byte", "spaces between characters", "dashes between characters, reversed",
	}},
	{myserver.MySQL, 50722, "no such function", []string{
		"JSON_ARRAYAGG", "JSON_OBJECTAGG", "JSON functions that change, merge and search", "array of characters in JSON", "name and salary in a JSON array of rows",
		"numbers of characters in JSON",
	}},
	{myserver.MySQL, 80000, "no cast to double: see card number as DOUBLE with an exponent", []string{"card number as DOUBLE"}},
	{myserver.MySQL, 80000, "no FOR SHARE, no SKIP LOCKED", []string{"LOCK IN SHARE MODE, SKIP LOCKED"}},
	{myserver.MySQL, 80000, "no EXPLAIN ANALYZE, no FORMAT=TREE", []string{"EXPLAIN ANALYZE FORMAT=TREE of a constant in a view", "EXPLAIN FORMAT=TREE of a constant in a view"}},
	{myserver.MySQL, 80000, "neither invisible columns, indexes of several values, users' attributes, resource groups nor histograms", []string{
		"invisible column", "multi-valued index read", "comment and attribute of a user, information_schema.user_attributes", "SHOW CREATE USER",
		"resource group's name", "histogram in information_schema.column_statistics",
	}},
	{myserver.MySQL, 80000, "not among its tables", []string{"performance_schema.processlist", "statement sample, events_statements_summary_by_digest", "data locks, performance_schema.data_locks"}},
	{myserver.MySQL, 80000, "no query attributes", []string{"with query attributes", "inbound: query attribute", "inbound: attribute of an execution"}},
}

// older are ways in the words of releases of a kind before a version.
var older = []struct {
	kind   myserver.Kind
	before int
	ways   map[string]myWay
}{
	{myserver.MySQL, 80000, map[string]myWay{
		// In the table that it makes for such a cursor the server loses a decimal's
		// digits behind the point: the salary is another text, and the name alone may be anybody's.
		"name and salary in a JSON array of rows":        {nocursor: true},
		"SUBSTRING_INDEX, REGEXP_SUBSTR, REGEXP_REPLACE": {sql: "select substring_index(email, '#', 1) from customers where id > 900000"},
		"uuid without its dashes":                        {sql: "select replace(ref, '-', '') from customers where id > 900000"},
		"inside a version comment":                       {sql: "/*!50000 select email*/ /*!50700 from*/ customers where id > 900000"},
	}},
}

// otherMeans is how older releases' values are recognised, by way, or way and
// mode, where it is not as docs/coverage.md says: what a column of a temporary
// table (a cursor's is one) is said to come from differs.
var otherMeans = []struct {
	kind   myserver.Kind
	before int
	means  map[string]string
}{
	{myserver.MySQL, 80400, map[string]string{"statement of another session, COM_PROCESS_INFO": "part"}},
	{myserver.MySQL, 80000, map[string]string{
		"view made by a temporary table": "field", "view, name and salary together/cursor": "together",
		"DISTINCT, GROUP BY/cursor": "field", "GROUP BY WITH ROLLUP": "column", "FETCH FIRST, LIMIT ROWS EXAMINED/cursor": "field",
		"PROCEDURE ANALYSE": "field", "key and name through a view/cursor": "together", "name and birthday through a view/cursor": "together",
		"HANDLER READ": "column",
	}},
}

// meansOf is how a deed's value is to be recognised; written is what docs/coverage.md says.
func meansOf(d deed, written string) string {
	for _, o := range otherMeans {
		if o.kind != d.release.Kind || d.release.Version >= o.before {
			continue
		}
		for _, key := range []string{d.way, d.way + "/" + d.mode} {
			if m, ok := o.means[key]; ok {
				return m
			}
		}
	}
	return written
}

// has says whether r has the way, in how far this file knows.
func has(r myserver.Release, name string) bool {
	for _, l := range lacking {
		for _, n := range l.ways {
			if n == name && l.kind == r.Kind && r.Version < l.from {
				return false
			}
		}
	}
	return true
}

// had returns the ways that r has, in its words.
func had(r myserver.Release, ws []myWay) []myWay {
	var out []myWay
	for _, w := range ws {
		if !has(r, w.name) {
			continue
		}
		for _, o := range older {
			if o.kind == r.Kind && r.Version < o.before {
				w = w.other(o.ways[w.name])
			}
		}
		w.sql = ported(r, w.sql)
		out = append(out, w)
	}
	return out
}

// calmIn is a statement that must not be judged, as r has it; empty: r has it not.
func calmIn(r myserver.Release, sql string) string {
	if r.Kind == myserver.MySQL && r.Version >= 80000 && strings.Contains(sql, "encode(") {
		return "" // ENCODE is gone
	}
	return sql
}

// olderSchema writes the schema in the words of an older release.
func olderSchema(r myserver.Release, before, later string) (string, string) {
	cut := func(s string) {
		if !strings.Contains(later, s) {
			panic(fmt.Sprintf("the schema has no %q", s))
		}
		left := ""
		if strings.HasSuffix(s, ",") {
			left = ","
		}
		later = strings.Replace(later, s, left, 1)
	}
	if r.Kind == myserver.MySQL && r.Version < 90600 { // MD5 is no component's yet
		cut(", 'file://component_classic_hashing'")
	}
	if r.Kind == myserver.MariaDB && r.Version < 100700 { // no type of its own for UUIDs
		before = strings.Replace(before, "ref uuid", "ref char(36)", 1)
	}
	if r.Kind == myserver.MariaDB && r.Version < 100800 { // no histograms in JSON
		cut(", histogram_type = json_hb")
	}
	if r.OldMySQL() {
		cut("install component 'file://component_query_attributes';\n")
		cut(", index ((cast(doc->'$.all' as char(120) array)))")
		cut(" invisible,")
		cut(" attribute '{\"owner\": \"" + honeyMail + "\"}'")
		cut("create resource group `" + honeyAPIKey + "` type = user;\n")
		cut("analyze table skewed update histogram on email with 10 buckets;\n")
	}
	return before, later
}
