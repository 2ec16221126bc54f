package pgwire

import (
	"context"
	"os"
	"sync"
	"testing"

	"honeyrow/internal/leaks"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy/tlsconf/tlstest"
)

// shared is the server that login tests have in common: it has TLS and one
// user per authentication method, all with the password "secret".
var shared struct {
	once   sync.Once
	dir    string // of the certificates
	server *pgserver.Server
	ca     *tlstest.Authority
	pair   tlstest.Pair // the server's certificate
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		shared.server.Stop()
	}
	os.RemoveAll(shared.dir)
	os.Exit(leaks.After(code))
}

// methods returns the shared server, its authority and its certificate.
func methods(t *testing.T) (*pgserver.Server, *tlstest.Authority, tlstest.Pair) {
	t.Helper()
	shared.once.Do(func() { startShared(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server, shared.ca, shared.pair
}

func startShared(t *testing.T) {
	if shared.dir, shared.err = os.MkdirTemp("", "honeyrow-tls-"); shared.err != nil {
		return
	}
	shared.ca = tlstest.New(t, shared.dir)
	shared.pair = shared.ca.Issue(t, "db.example", "db.example", "127.0.0.1")
	shared.server, shared.err = pgserver.Start(context.Background(), pgserver.Options{
		Settings: []string{"ssl = on", "ssl_ca_file = 'ca.crt'"},
		Files:    map[string][]byte{"server.crt": shared.pair.Cert, "server.key": shared.pair.Key, "ca.crt": shared.ca.PEM},
		HBA: []string{
			"local all postgres trust",
			"local all all scram-sha-256",
			"host all trust_u 127.0.0.1/32 trust",
			"host all pw_u 127.0.0.1/32 password",
			"host all md5_u 127.0.0.1/32 md5",
			"host all scram_u 127.0.0.1/32 scram-sha-256",
			"hostnossl all plain_u 127.0.0.1/32 trust",
			"hostssl all tls_u 127.0.0.1/32 trust",
			"hostssl all cert_u 127.0.0.1/32 cert",
		},
	})
	if shared.err != nil {
		return
	}
	shared.err = shared.server.Exec(context.Background(), "postgres",
		`create role trust_u login; create role plain_u login; create role tls_u login; create role cert_u login;
		create role pw_u login password 'secret'; create role scram_u login password 'secret';
		set password_encryption = 'md5'; create role md5_u login password 'secret';`)
}
