package arch

// A pattern names packages: an import path ("honeyrow/event", "net/http",
// "C" for cgo), or one with "/..." at its end for it and everything below.
// Names of this module are written without the module: "proxy/...".

// rule is one line of the table: no package of From may reach one of Never,
// directly or through other packages of this module. What packages outside
// the module import is their own affair.
type rule struct {
	From   []string
	Except []string // packages of From that the rule does not bind
	Never  []string
	But    []string // packages of Never that are allowed all the same
	// Siblings forbids the folders directly under From's only pattern each other.
	Siblings bool
	Why      string
}

// hot is what has no business on the path between two sockets.
var hot = []string{
	"database/sql/...", "net/http/...", "encoding/json/...", "go.yaml.in/yaml/...", "regexp/...",
	"log/...", "github.com/rs/zerolog/...",
}

// rules is the table. To change a line, change its reason with it.
var rules = []rule{
	{
		From: []string{"event"}, Never: []string{"honeyrow/..."}, But: []string{"event"},
		Why: "the vocabulary stays still: everybody imports it, so it imports nobody",
	},
	{
		From: []string{"inspect"}, Never: []string{"honeyrow/..."}, But: []string{"inspect", "event"},
		Why: "the seam stays still: protocols and the engine meet here, so it knows neither",
	},
	{
		From:  []string{"proxy/..."},
		Never: []string{"engine/...", "rules/...", "token/...", "alert/...", "seeder/..."},
		Why:   "protocols end at the seam (inspect): what is done about a hit is none of their business",
	},
	{
		From: []string{"proxy/pgwire/..."}, Never: []string{"proxy/mywire/..."},
		Why: "no shared quirks: each protocol is read, tested and fixed alone",
	},
	{
		From: []string{"proxy/mywire/..."}, Never: []string{"proxy/pgwire/..."},
		Why: "no shared quirks: each protocol is read, tested and fixed alone",
	},
	{
		From: []string{"proxy/wire/..."}, Never: []string{"proxy/pgwire/...", "proxy/mywire/..."},
		Why: "proxy/wire moves chunks and knows no protocol",
	},
	{
		From:  []string{"engine/...", "rules/..."},
		Never: []string{"proxy/...", "github.com/jackc/pgx/v5/...", "github.com/go-sql-driver/mysql/...", "github.com/go-mysql-org/..."},
		Why:   "one core for any protocol: what the engine needs of the wire comes through inspect",
	},
	{
		From: []string{"proxy/wire", "inspect", "engine/match"}, Never: hot,
		Why: "the hot path is two sockets and memory",
	},
	{
		From: []string{"alert/sink/..."}, Never: []string{"engine/...", "proxy/..."},
		Why: "a sink is removable: it gets a detection and knows nothing of where it came from",
	},
	{
		From: []string{"alert/sink/..."}, Siblings: true,
		Why: "a sink is removable: none leans on another",
	},
	{
		From: []string{"seeder/..."}, Never: []string{"proxy/...", "engine/..."},
		Why: "seeding and watching meet in token, nowhere else",
	},
	{
		From: []string{"proxy/...", "engine/..."}, Never: []string{"seeder/..."},
		Why: "seeding and watching meet in token, nowhere else",
	},
	{
		From: []string{"trap/..."}, Never: []string{"engine/..."},
		Why: "a trap declares the Reporter that it needs: same rules, no coupling",
	},
	{
		From:   []string{"honeyrow/..."},
		Except: []string{"internal/app/...", "cmd/...", "integration/...", "token/sqlite/...", "token/postgres/..."},
		Never:  []string{"token/sqlite/...", "token/postgres/..."},
		Why:    "stores are chosen once, in internal/app: everybody else takes the interface",
	},
	{
		From: []string{"honeyrow/..."},
		// The demo's receiver stands at the other end of a webhook and checks its signature.
		Except: []string{"internal/app/...", "cmd/...", "integration/...", "demo/...", "docker/...", "alert/sink/..."},
		Never:  []string{"alert/sink/..."},
		Why:    "sinks are chosen once, in internal/app: everybody else takes the interface",
	},
	{
		From: []string{"honeyrow/..."}, Except: []string{"engine/sqlfacts/pgsql/..."}, Never: []string{"C"},
		Why: "everything but the SQL parser builds static: no cgo elsewhere, in no dependency either",
	},
	{
		From: []string{"internal/config/..."}, Never: []string{"honeyrow/..."}, But: []string{"internal/config/..."},
		Why: "features own their Config: the reader of the file knows none of them",
	},
	{
		From: []string{"honeyrow/..."}, Never: []string{"github.com/rs/zerolog/log"},
		Why: "the logger is handed in, never global: a test or a library user decides where lines go",
	},
	{
		From: []string{"honeyrow/..."}, Except: []string{"cmd/...", "demo/...", "integration/...", "internal/pgserver"},
		Never: []string{"internal/pgserver"},
		Why:   "the private PostgreSQL is for tests, benchmarks and the demo: the product never starts a server",
	},
	{
		From: []string{"honeyrow/..."}, Except: []string{"cmd/...", "demo/...", "integration/...", "internal/myserver"},
		Never: []string{"internal/myserver"},
		Why:   "the private MariaDB is for tests, benchmarks and the demo: the product never starts a server",
	},
}

// planned are packages that the table names and nobody has built yet. A test
// fails as soon as one exists: take it off this list, and its rules bind.
var planned = []string{
	"trap/...",
	"token/postgres/...",
}
