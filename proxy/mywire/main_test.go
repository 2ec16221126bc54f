package mywire

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf/tlstest"
)

// shared is the server that tests have in common: it has TLS, and one user per
// authentication method, all with the password "secret".
var shared struct {
	once   sync.Once
	dir    string // of the certificates
	server *myserver.Server
	ca     *tlstest.Authority
	pair   tlstest.Pair // the server's certificate
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	myserver.Cleanup()
	os.RemoveAll(shared.dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// mariadb returns the shared server, its authority and its certificate.
func mariadb(t testing.TB) (*myserver.Server, *tlstest.Authority, tlstest.Pair) {
	t.Helper()
	shared.once.Do(func() { startShared(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server, shared.ca, shared.pair
}

func startShared(t testing.TB) {
	if shared.dir, shared.err = os.MkdirTemp("", "honeyrow-tls-"); shared.err != nil {
		return
	}
	shared.ca = tlstest.New(t, shared.dir)
	shared.pair = shared.ca.Issue(t, "db.example", "db.example", "127.0.0.1")
	shared.server, shared.err = myserver.Start(context.Background(), myserver.Options{
		Settings: []string{
			"ssl_cert = server.crt", "ssl_key = server.key", "ssl_ca = ca.crt", "plugin_load_add = auth_ed25519",
			"max_allowed_packet = 256M", "log_bin = binlog", "server_id = 1", "local_infile = ON",
			"proxy_protocol_networks = 127.0.0.1", "session_track_system_variables = *",
		},
		Files: map[string][]byte{"server.crt": shared.pair.Cert, "server.key": shared.pair.Key, "ca.crt": shared.ca.PEM},
	})
	if shared.err != nil {
		return
	}
	sql := "create database crm; create database other;"
	for user, how := range map[string]string{
		"native_u":   "identified via mysql_native_password using password('secret')",
		"ed_u":       "identified via ed25519 using password('secret')",
		"tls_u":      "identified by 'secret' require ssl",
		"any_u":      "identified by ''",
		"two_u":      "identified via ed25519 using password('secret') or mysql_native_password using password('secret')",
		"replica_u":  "identified by 'secret'",
		"switch_u":   "identified via ed25519 using password('secret')",
		"honey''s ü": "identified by 'secret'",
	} {
		sql += fmt.Sprintf("create user '%s'@'%%' %s; grant all on *.* to '%s'@'%%';", user, how, user)
	}
	sql += "create user 'far_u'@'10.1.2.3' identified by 'secret';"
	shared.err = shared.server.Exec(context.Background(), "", sql)
}
