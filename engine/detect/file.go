package detect

import (
	"honeyrow/engine/sqlfacts"
)

// file: files of the server's, and programs on it.
var file = Detector{
	ID: "file-access", Title: "Files or programs of the server",
	Maps: []string{"CWE-89", "CWE-552", "T1190", "T1059"},
	find: func(x *probe) {
		for _, p := range x.all {
			if p.n.Kind == sqlfacts.Into && isName(p.n, "outfile", "dumpfile") {
				x.see(3, "the result goes to a file of the server")
			}
		}
		for _, s := range x.facts.Statements {
			each(s, func(n *node) bool {
				switch {
				case n.Kind == sqlfacts.Copy && n.Flag == "program":
					x.see(5, "COPY runs a program")
				case n.Kind == sqlfacts.Copy && n.Flag == "file":
					x.see(3, "COPY with a file of the server")
				case n.Kind == sqlfacts.Load && n.Flag != "local":
					x.see(2, "a file of the server is loaded")
				case n.Kind == sqlfacts.Define && isName(n, "create language", "create function soname", "install plugin", "load"):
					x.see(4, "code is brought into the server")
				}
				return true
			})
		}
		for _, c := range x.calls {
			if isName(c.n, "load_file", "lo_import", "lo_export", "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file",
				"sys_exec", "sys_eval", "sys_get", "sys_bineval", "pg_file_write", "pg_execute_server_program") {
				x.see(3, c.n.Name)
			}
			if isName(c.n, "pg_ls_logdir", "pg_ls_waldir", "pg_ls_tmpdir", "pg_ls_archive_statusdir", "pg_reload_conf") {
				if !x.user && x.alone() { // who watches the server counts its files, who runs it makes it read its settings
					x.see(1, c.n.Name+" by itself")
				} else {
					x.see(3, c.n.Name)
				}
			}
			if isName(c.n, "lo_create", "lo_from_bytea", "lo_put", "lowrite") && x.facts.Statements[0].Kind != sqlfacts.Call {
				if c.clause == sqlfacts.Targets && c.at.depth == 0 || c.clause == sqlfacts.Values {
					x.see(1, c.n.Name)
				} else {
					x.see(3, c.n.Name+" inside a condition")
				}
			}
		}
	},
}
