package detect

import (
	"bytes"

	"honeyrow/engine/sqlfacts"
)

// outOfBand: data leaves by a connection that the server makes.
var outOfBand = Detector{
	ID: "out-of-band", Title: "The server is made to connect elsewhere",
	Maps: []string{"CWE-89", "T1190", "T1048"},
	find: func(x *probe) {
		for _, c := range x.calls {
			if isName(c.n, "dblink", "dblink_connect", "dblink_connect_u", "dblink_send_query", "dblink_exec", "dblink_open",
				"http_get", "http_post", "http_put", "xp_dirtree", "utl_http.request", "postgres_fdw_get_connections") {
				w := 3
				if c.n.Name == "dblink" && c.clause == sqlfacts.From && len(c.n.Args) > 0 && isLiteral(c.n.Args[0]) {
					w = 2 // ordinary use
				}
				x.see(w, c.n.Name)
			}
			if isName(c.n, "load_file") {
				for _, s := range slots(c.n) {
					x.seeWhen(4, "a path on another machine", func(v Values) bool {
						return bytes.HasPrefix(v.Value(s, nil), []byte(`\\`)) || bytes.HasPrefix(v.Value(s, nil), []byte("//"))
					})
				}
			}
		}
		for _, s := range x.facts.Statements {
			if s.Kind == sqlfacts.Define && isName(s, "create server", "create user mapping", "create subscription", "create foreign table") && len(x.facts.Statements) > 1 {
				x.see(3, s.Name)
			}
		}
	},
}
