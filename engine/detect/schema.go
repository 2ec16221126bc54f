package detect

import (
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
		info := false
		for _, c := range x.calls {
			info = info || isInfo(c.n)
		}
		if info && user {
			x.see(2, "what the server is, together with the application's tables")
		}
		if user && x.mysql() {
			for _, p := range x.all {
				if p.n.Kind == sqlfacts.Variable && len(p.n.Name) > 2 && p.n.Name[:2] == "@@" {
					x.see(2, "a server variable together with the application's tables")
					return
				}
			}
		}
	},
}
