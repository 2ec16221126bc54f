package app

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert/sink"
	"honeyrow/internal/config"
)

const minimal = "servers:\n  - {name: crm, address: \"db:5432\"}\n"

func TestAMistakeInTheConfigurationNamesItsLine(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no server", "log: {level: info}\n", "h.yaml: servers: no server is configured"},
		{"section named once", minimal + "admin: {address: \"unix:a.sock\"}\n", `h.yaml:3: admin: address "unix:a.sock": use unix: and`},
		{"parser named once", minimal + "parser: {workers: 0}\n", "h.yaml:3: parser: workers is 0"},
		{"unknown key", minimal + "sevrers: []\n", `h.yaml:3: sevrers: unknown key: did you mean "servers"?`},
		{"server without name", "servers:\n  - address: db:5432\n", "h.yaml:2: servers[0].name: missing"},
		{"two of a name", "servers:\n  - {name: a, address: \"db:1\"}\n  - {name: a, address: \"db:2\"}\n", `h.yaml:3: servers[1].name: "a" is also the name of servers[0]`},
		{"bad name", "servers:\n  - {name: \"a b\", address: \"db:1\"}\n", `h.yaml:2: servers[0].name: "a b": use up to 63 letters`},
		{"protocol", "servers:\n  - name: a\n    protocol: oracle\n    address: db:1\n", `h.yaml:3: servers[0].protocol: unknown value "oracle": use postgres`},
		{"server address", "servers:\n  - name: a\n    address: db:port\n", "h.yaml:2: servers[0]: server address"},
		{"server tls", "servers:\n  - name: a\n    address: db:1\n    tls: {mode: verify-full}\n", "h.yaml:2: servers[0]: server tls.mode is verify-full but tls.ca_file is missing"},
		{"two dsns", "servers:\n  - name: a\n    address: db:1\n    seed: {dsn_file: x, dsn_env: Y}\n", "h.yaml:4: servers[0].seed: both dsn_file and dsn_env are given"},
		{"listener of no server", minimal + "listeners:\n  - {name: l, server: erp, address: \":1\"}\n", `h.yaml:4: listeners[0].server: there is no server "erp": known are crm`},
		{"same address", minimal + "listeners:\n  - {name: l, address: \":1\"}\n  - {name: m, address: \":1\"}\n", "h.yaml:5: listeners[1].address: :1 is also the address of listeners[0]"},
		{"listener tls", minimal + "listeners:\n  - {name: l, address: \":1\", tls: {mode: require}}\n", "h.yaml:4: listeners[0]: listener \"l\": tls.mode is require but tls.cert_file"},
		{"unknown rule", minimal + "rules: {honey-row-reed: {action: alert}}\n", `h.yaml:3: rules: rules: `},
		{"allow everybody", minimal + "allow: [{note: x}]\n", "it would allow everybody"},
		{"action", minimal + "rules:\n  honey-row-read:\n    action: shout\n", `h.yaml:5: rules.honey-row-read.action: unknown action "shout": use pass, alert, block or kill`},
		{"sink type", minimal + "alerts:\n  sinks:\n    - {name: x, type: pigeon}\n", "h.yaml:5: alerts.sinks[0]: sink x: type: \"pigeon\" is unknown"},
		{"sink twice", minimal + "alerts:\n  sinks:\n    - {name: x, type: console}\n    - {name: x, type: console}\n", `h.yaml:6: alerts.sinks[1].name: "x" is also the name of alerts.sinks[0]`},
		{"retention", minimal + "alerts: {retention: 1s}\n", "h.yaml:3: alerts: retention"},
		{"domain", minimal + "seed: {domain: gmail.com}\n", "h.yaml:3: seed: domain \"gmail.com\" is not yours alone"},
		{"log level", minimal + "log: {level: loud}\n", `h.yaml:3: log.level: unknown value "loud"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseConfig("h.yaml", []byte(tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestAShortConfigurationHasItsDefaults(t *testing.T) {
	c, err := ParseConfig("/etc/h/h.yaml", []byte(minimal+"listeners: [{name: l, address: \"127.0.0.1:6432\"}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := c.Listeners[0]
	if c.Registry.Path != "/etc/h/honeyrow.db" || c.Registry.KeyFile != "/etc/h/registry.key" || c.Servers[0].TLS.Mode != "prefer" ||
		l.Server != "crm" || l.TLS.Mode != "off" || l.Limits.Connections != 2000 || l.Limits.Handshake != 30*time.Second || l.Limits.Statement != 1<<20 {
		t.Errorf("got %+v", c)
	}
}

func TestInitWritesAConfigurationThatLoads(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	o := InitOptions{Path: filepath.Join(dir, "h.yaml"), Servers: []InitServer{{Name: "crm", Protocol: "postgres", Address: "db.internal:5432", Listen: "unix:/run/h/.s.PGSQL.6432"}}, Domain: "decoy.corp.example"}
	if _, err := Init(ctx, o); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(o.Path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Servers[0].Address != o.Servers[0].Address || c.Listeners[0].Address != o.Servers[0].Listen || len(c.Seed.Domain) != 1 || c.Seed.Domain[0] != o.Domain || len(c.Alerts.Sinks) != 2 {
		t.Errorf("got %+v", c)
	}
	for _, f := range []string{o.Path, c.Registry.Path, c.Registry.KeyFile} {
		if st, err := os.Stat(f); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", f, st.Mode(), err)
		}
	}
	key, err := os.ReadFile(c.Registry.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(ctx, o); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("init over a configuration: %v", err)
	}
	o.Force = true
	if _, err := Init(ctx, o); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(c.Registry.KeyFile); err != nil || !bytes.Equal(key, again) {
		t.Errorf("init --force changed the key (%v)", err)
	}
	o.Path, o.Servers[0].Address = filepath.Join(dir, "other.yaml"), "no:address:at:all"
	if _, err := Init(ctx, o); err == nil {
		t.Error("init took a bad address")
	}
	if _, err := os.Stat(o.Path); err == nil {
		t.Error("init wrote a configuration that does not load")
	}
}

func TestInitWritesAConfigurationForMySQLAndForBothThatLoads(t *testing.T) {
	pg := InitServer{Name: "crm", Protocol: "postgres", Address: "db.internal:5432", Listen: "127.0.0.1:6432"}
	my := InitServer{Name: "shop", Protocol: "mysql", Address: "db.internal:3306", Listen: "127.0.0.1:6306", DSNFile: "shop.dsn"}
	for name, servers := range map[string][]InitServer{"mysql": {my}, "both": {pg, my}, "socket": {{Name: "s", Protocol: "mysql", Address: "unix:/run/mysqld/mysqld.sock", Listen: "unix:/run/h/mysqld.sock"}}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			res, err := Init(t.Context(), InitOptions{Path: filepath.Join(dir, "h.yaml"), Servers: servers, Domain: "decoy.corp.example"})
			if err != nil {
				t.Fatal(err)
			}
			c, err := LoadConfig(res.Config)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Servers) != len(servers) || len(c.Listeners) != len(servers) || len(res.SeedDSN) != len(servers) {
				t.Fatalf("%d servers, %d listeners, %d connection strings, want %d of each", len(c.Servers), len(c.Listeners), len(res.SeedDSN), len(servers))
			}
			for i, s := range servers {
				if got := c.Servers[i]; got.Name != s.Name || got.Protocol != s.Protocol || got.Address != s.Address || c.Listeners[i].Protocol != s.Protocol || c.Listeners[i].Address != s.Listen {
					t.Errorf("got %+v behind %+v", got, c.Listeners[i])
				}
				if want := filepath.Join(dir, cmp.Or(s.DSNFile, "seed.dsn")); res.SeedDSN[i] != want {
					t.Errorf("connection string in %s, want %s", res.SeedDSN[i], want)
				}
			}
			// Each line that is commented out to be taken up by the user is valid too.
			text, err := os.ReadFile(res.Config)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{"proxy_protocol: true", "replication: [repl]", "local_infile: refuse", "rsa_key_file: private_key.pem"} {
				text = bytes.ReplaceAll(text, []byte("# "+line), []byte(line))
				if !bytes.Contains(text, []byte("\n    "+line)) {
					t.Errorf("%q is not offered", line)
				}
			}
			if _, err := ParseConfig(res.Config, text); err != nil {
				t.Errorf("with what it offers the configuration does not load: %v", err)
			}
		})
	}
}

func TestTheProtocolIsGuessedFromTheAddress(t *testing.T) {
	for address, want := range map[string]string{
		"": "postgres", "db:5432": "postgres", "db:6000": "postgres", "db:3306": "mysql", "unix:/run/mysqld/mysqld.sock": "mysql",
		"mariadb.internal:4000": "mysql", "unix:/var/run/postgresql/.s.PGSQL.5432": "postgres",
	} {
		if got := GuessProtocol(address); got != want {
			t.Errorf("%q is taken for %s, want %s", address, got, want)
		}
	}
}

func TestAMissingRegistryIsNotTakenForAnEmptyOne(t *testing.T) {
	c, err := ParseConfig(filepath.Join(t.TempDir(), "h.yaml"), []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenStore(context.Background(), c); err == nil || !strings.Contains(err.Error(), "honeyrow init --registry-only") {
		t.Errorf("got %v", err)
	}
}

// docs/configuration.md has one table row for each key, with its default:
// "| `key` | default | what it does |".
func TestEveryKeyIsDocumentedWithItsDefault(t *testing.T) {
	b, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") {
			continue
		}
		documented[strings.Trim(strings.TrimSpace(cells[1]), "`")] = strings.Trim(strings.TrimSpace(cells[2]), "`")
	}
	ofTypes := map[string]bool{} // those of the types of sinks are in docs/sinks.md: TestEveryTypeOfSink...
	for _, v := range (&sink.Config{}).Variants() {
		for _, k := range config.Keys(v) {
			ofTypes["alerts.sinks[]."+k.Name] = true
		}
	}
	for _, k := range config.Keys(DefaultConfig()) {
		if ofTypes[k.Name] {
			continue
		}
		def, ok := documented[k.Name]
		if !ok {
			t.Errorf("docs/configuration.md does not describe %s (default %q)", k.Name, k.Default)
			continue
		}
		if !sameDefault(def, k.Default) {
			t.Errorf("docs/configuration.md says that the default of %s is %q, it is %q", k.Name, def, k.Default)
		}
		delete(documented, k.Name)
	}
	for k := range documented {
		t.Errorf("docs/configuration.md describes %s, which does not exist", k)
	}
}

// sameDefault lets documentation write durations and sizes as people do: 168h, 1MiB.
func sameDefault(doc, is string) bool {
	if doc == is {
		return true
	}
	if a, err := time.ParseDuration(doc); err == nil {
		b, err := time.ParseDuration(is)
		return err == nil && a == b
	}
	a, err := config.ParseSize(doc)
	if err != nil {
		return false
	}
	b, err := config.ParseSize(is)
	return err == nil && a == b
}
