package detect

import (
	"strings"

	"honeyrow/engine/sqlfacts"
)

// schema: the catalogue is read together with something else, or by functions
// that dump it.
var schema = Detector{
	ID: "schema-enumeration", Title: "The database's catalogue is read",
	Maps: []string{"CWE-89", "T1213.006"},
	find: func(x *probe) {
		catalog, user := "", false
		for _, t := range x.facts.Tables {
			if inCatalog(t.Schema, t.Name, x.mysql()) {
				catalog = t.Name
			} else {
				user = true
			}
		}
		switch {
		case catalog != "" && user:
			x.see(2, catalog+" together with the application's tables")
		case catalog != "":
			x.see(1, catalog)
		}
		for _, s := range x.facts.Statements {
			if catalog != "" && user && x.catalogBeside(s) {
				x.see(3, catalog+" beside a table of the application's, and nothing ties them")
			}
		}
		if user {
			for _, q := range x.queries {
				x.catalogHeld(q)
			}
		}
		info := false
		for _, c := range x.calls {
			info = info || isInfo(c.n) && !(c.n.Name == "current_setting" && len(c.n.Args) > 0 && isLiteral(c.n.Args[0]))
			if c.n.Name == "current_setting" && user && len(c.n.Args) > 0 && isLiteral(c.n.Args[0]) {
				setting := c.n.Args[0]
				x.seeWhen(2, "what the server is, together with the application's tables", func(v Values) bool { // an application's own have a dot
					s, _ := value(setting, v)
					return !strings.Contains(s, ".")
				})
			}
		}
		if info && user {
			x.see(2, "what the server is, together with the application's tables")
		}
		for _, a := range x.arms {
			if user && x.mysql() && a.n.Kind == sqlfacts.Binary && len(columnsOf(a.n)) == 0 && !anyQuery(a.n) && any(a.n, func(m *node) bool {
				return m.Kind == sqlfacts.Variable && strings.HasPrefix(m.Name, "@@")
			}) {
				x.see(3, "a server variable in a condition on the application's rows")
			}
			if user && a.n.Kind == sqlfacts.Binary && isName(a.n, "<", ">", "<=", ">=", "<>", "!=", "like") && len(columnsOf(a.n)) > 0 && any(a.n, func(m *node) bool {
				return m.Kind == sqlfacts.Func && isName(m, "version", "database", "current_database") && len(m.Args) == 0
			}) {
				x.see(3, "what the server is, held against a column of the application's")
			}
			if (isConst(a.n) && !x.untouched(a) || withoutRow(a.n)) && user && any(a.n, func(m *node) bool {
				return m.Kind == sqlfacts.Func && isName(m, "to_regclass", "to_regrole", "to_regtype", "to_regproc", "to_regnamespace", "has_table_privilege", "has_column_privilege", "has_schema_privilege", "has_database_privilege", "pg_has_role", "current_setting", "pg_relation_size", "col_description", "obj_description", "pg_get_userbyid", "pg_table_is_visible") ||
					m.Kind == sqlfacts.Cast && strings.HasPrefix(m.Name, "reg")
			}) {
				if name := ownSetting(a.n); name != nil {
					x.seeWhen(3, "what the server is, in a condition on the application's rows", func(v Values) bool {
						s, _ := value(name, v)
						return !strings.Contains(s, ".")
					})
					continue
				}
				x.see(3, "whether an object exists, in a condition on the application's rows")
			}
		}
		if user && x.mysql() {
			for _, p := range x.all {
				if p.at.stmt.Kind == sqlfacts.Set { // what dumps keep, to put it back at last
					continue
				}
				if p.n.Kind == sqlfacts.Variable && len(p.n.Name) > 2 && p.n.Name[:2] == "@@" {
					x.see(2, "a server variable together with the application's tables")
					return
				}
			}
		}
	},
}

// catalogHeld is price > (SELECT count(*) FROM pg_class ...): a column of the
// application's held against what the catalogue says. What people ask it for beside
// rows of theirs is whether something is there, and lists of names and sessions.
func (x *probe) catalogHeld(q query) {
	if q.in == nil || q.in.Kind != sqlfacts.Binary || q.clause != sqlfacts.Where && q.clause != sqlfacts.Having || !x.foreign(q) || !closed(q.n, q.at) || !aggregated(q.n) {
		return
	}
	if isName(q.in, "+", "-", "*", "/", "%") || isComparison(q.in.Name) && len(columnsOf(q.in)) > 0 {
		x.see(3, "what the catalogue says, held against a column of the application's")
	}
}

// withoutRow reports whether a condition compares a column with a choice that does
// not depend on the row.
func withoutRow(n *node) bool {
	return n.Kind == sqlfacts.Binary && len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Column && n.Args[1].Kind == sqlfacts.Case && isConst(n.Args[1])
}
