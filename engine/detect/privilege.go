package detect

import (
	"strings"

	"honeyrow/engine/sqlfacts"
)

// privilege: passwords, roles and global settings.
var privilege = Detector{
	ID: "privilege-tables", Title: "Accounts, passwords or global settings",
	Maps: []string{"CWE-89", "CWE-269", "T1078", "T1003"},
	find: func(x *probe) {
		w := 1 // tools that dump or watch the server read them by themselves
		for _, t := range x.facts.Tables {
			if !inCatalog(t.Schema, t.Name, x.mysql()) {
				w = 2
			}
		}
		for _, t := range x.facts.Tables {
			switch {
			case !x.mysql() && (t.Name == "pg_authid" || t.Name == "pg_shadow" || t.Name == "pg_user_mapping"):
				x.see(w, t.Name)
			case x.mysql() && t.Schema == "mysql" && (t.Name == "user" || t.Name == "global_priv" || t.Name == "db"):
				x.see(w, "mysql."+t.Name)
			}
		}
		for _, c := range x.calls {
			if (c.clause == sqlfacts.Where || c.clause == sqlfacts.Having || c.clause == sqlfacts.Order || c.clause == sqlfacts.Group) && x.user && isName(c.n, "pg_notify", "set_config", "setval", "pg_terminate_backend", "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_switch_wal", "pg_advisory_unlock_all", "pg_export_snapshot", "pg_logical_emit_message", "release_all_locks") && len(c.n.Args) > 0 {
				x.see(3, c.n.Name+" in a condition: it has an effect")
			}
		}
		for _, c := range x.calls {
			if c.n.Name == "set_config" && c.clause == sqlfacts.Targets && x.user && clauseOf(c.at.stmt, sqlfacts.From) != nil && len(c.n.Args) > 1 && allLiterals(c.n.Args[:2]) {
				name := c.n.Args[0]
				x.seeWhen(3, "a setting of the server's changed beside the application's rows", func(v Values) bool { // its own have a dot
					s, _ := value(name, v)
					return !strings.Contains(s, ".")
				})
			}
		}
		if len(x.facts.Statements) < 2 || definitions(x.facts.Statements) {
			return
		}
		for _, s := range x.facts.Statements[1:] {
			switch {
			case s.Kind == sqlfacts.Grant, s.Kind == sqlfacts.Define && (strings.HasSuffix(s.Name, " role") || strings.HasSuffix(s.Name, " user")):
				x.see(3, s.Name+" behind another statement")
			case s.Kind == sqlfacts.Set && isName(s, "role", "session_authorization") && isData(x.facts.Statements[0].Kind):
				x.see(3, "another role taken behind another statement")
			case s.Kind == sqlfacts.Set && s.Qualifier == "global":
				x.see(3, "a global setting changed behind another statement")
			}
		}
	},
}

// definitions reports whether a batch begins with a definition or a GRANT, settings
// apart: a migration, or somebody who administers by hand. What is put into an
// application's statement stands behind one that reads or writes rows.
func definitions(ss []*node) bool {
	for _, s := range ss {
		switch s.Kind {
		case sqlfacts.Begin, sqlfacts.Set:
			continue
		case sqlfacts.Grant:
			return true
		case sqlfacts.Define:
			return s.Name != "create table" || !reads(s)
		}
		return false
	}
	return false
}
