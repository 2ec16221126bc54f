package mywire

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
	"github.com/go-sql-driver/mysql"
	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
	"honeyrow/proxy/wire"
)

// clientTLS names a TLS configuration of go-sql-driver that trusts the authority.
func clientTLS(t testing.TB, ca *tlstest.Authority, certs ...tls.Certificate) string {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM)
	name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()) + fmt.Sprint(len(certs))
	if err := mysql.RegisterTLSConfig(name, &tls.Config{RootCAs: pool, ServerName: "db.example", Certificates: certs}); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEveryPluginLogsInWithTLSOnEitherBothOrNeitherSide(t *testing.T) {
	s, ca, pair := realServer(t)
	name := clientTLS(t, ca)
	for _, serverMode := range []string{tlsconf.Disable, tlsconf.Prefer, tlsconf.VerifyFull} {
		rec := inspecttest.New()
		addr := proxied(t, rec, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: serverMode, CAFile: caFor(serverMode, ca), ServerName: "db.example"}},
		})
		for _, clientMode := range []string{"false", name} {
			for _, a := range accountsOf(s.Release) {
				user := a.name
				password := "secret"
				if user == "any_u" {
					password = ""
				}
				cfg := mysql.NewConfig()
				cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.TLSConfig = user, password, "tcp", addr, "crm", clientMode
				c, err := tryOpen(t, cfg.FormatDSN())
				if err != nil && user != "tls_u" {
					// One in 256: this driver takes a last zero byte of
					// ed25519's salt for the end of a string.
					c, err = tryOpen(t, cfg.FormatDSN())
				}
				if user == "tls_u" && serverMode == tlsconf.Disable {
					if err == nil {
						t.Errorf("%s logged in over plaintext", user)
					}
					continue
				}
				if err != nil {
					t.Errorf("client %s, server %s, %s: %v", clientMode, serverMode, user, err)
					continue
				}
				var got, cipher string
				if err := c.QueryRowContext(t.Context(), "select user()").Scan(&got); err != nil || !strings.HasPrefix(got, user+"@") {
					t.Errorf("%s: %q, %v", user, got, err)
				}
				if err := c.QueryRowContext(t.Context(), "show status like 'Ssl_cipher'").Scan(&got, &cipher); err != nil || (cipher != "") != (serverMode != tlsconf.Disable) {
					t.Errorf("server %s: cipher %q, %v", serverMode, cipher, err)
				}
				opens := rec.Calls("Open")
				if who := opens[len(opens)-1].Client; who.User != user || (who.TLS != nil) != (clientMode != "false") {
					t.Errorf("client %+v", who)
				}
			}
			cfg := mysql.NewConfig()
			cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.TLSConfig = "native_u", "wrong", "tcp", addr, clientMode
			_, err := tryOpen(t, cfg.FormatDSN())
			var me *mysql.MySQLError
			if !errors.As(err, &me) || me.Number != 1045 {
				t.Errorf("a wrong password: %v", err)
			}
		}
	}
}

func caFor(mode string, ca *tlstest.Authority) string {
	if mode == tlsconf.VerifyFull {
		return ca.CAFile()
	}
	return ""
}

func TestTheServersOwnClientLogsInWithTLSOnEitherSide(t *testing.T) {
	s, ca, pair := realServer(t)
	for _, serverMode := range []string{tlsconf.Disable, tlsconf.Require} {
		addr := proxied(t, inspecttest.New(), Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: serverMode}},
		})
		for _, args := range [][]string{s.NoTLS(), s.VerifiedTLS(copyFor(t, ca.PEM))} {
			for _, user := range []string{"native_u", "two_u"} {
				out, err := client(t, s, addr, "select 5", append(args, "--user="+user, "--password=secret")...)
				if err != nil || out != "5\n" {
					t.Errorf("server %s, %s, %v: %q, %v", serverMode, user, args[0], out, err)
				}
			}
		}
	}
}

// copyFor writes a file that the servers' user can read.
func copyFor(t *testing.T, b []byte) string {
	t.Helper()
	f, err := os.CreateTemp("", "honeyrow-ca-")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	t.Cleanup(func() { os.Remove(f.Name()) })
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(0o644); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestListenersTermsAreToldInTheProtocolsOwnErrors(t *testing.T) {
	s, ca, pair := realServer(t)
	name := clientTLS(t, ca)
	own := ca.Issue(t, "app client")
	cert, err := tls.X509KeyPair(own.Cert, own.Key)
	if err != nil {
		t.Fatal(err)
	}
	withCert := clientTLS(t, ca, cert)
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	listener := tlsconf.Client{Mode: tlsconf.Require, CertFile: pair.CertFile, KeyFile: pair.KeyFile}
	strict := listener
	strict.ClientAuth, strict.ClientCAFile = tlsconf.CertRequired, ca.CAFile()
	for _, tt := range []struct {
		name string
		conf Config
		dsn  string
		code uint16
		text string
	}{
		{"plaintext where TLS is required", Config{TLS: listener, Server: Server{Address: s.Addr()}}, "native_u:secret@tcp(%s)/", 3159, "connect with TLS"},
		{"no client certificate", Config{TLS: strict, Server: Server{Address: s.Addr()}}, "native_u:secret@tcp(%s)/?tls=" + name, 1045, "--ssl-cert"},
		{"a client certificate", Config{TLS: strict, Server: Server{Address: s.Addr()}}, "native_u:secret@tcp(%s)/?tls=" + withCert, 0, ""},
		{"the server is down", Config{Server: Server{Address: nowhere.Addr().String()}}, "native_u:secret@tcp(%s)/", 1429, "connection refused"},
		{"the server's certificate is another's", Config{Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: tlstest.New(t, t.TempDir()).CAFile()}}}, "native_u:secret@tcp(%s)/", 1429, "TLS between the proxy and the server"},
		{"no such database", Config{Server: Server{Address: s.Addr()}}, "native_u:secret@tcp(%s)/nosuch", 1049, "nosuch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := inspecttest.New()
			addr, _ := proxiedWith(t, rec, tt.conf, wire.Origin{}, func(error) {})
			_, err := tryOpen(t, fmt.Sprintf(tt.dsn, addr))
			var me *mysql.MySQLError
			switch {
			case tt.code == 0 && err != nil:
				t.Fatal(err)
			case tt.code == 0:
				if got := rec.Calls("Open")[0].Client.TLS; got == nil || !strings.Contains(got.Subject, "app client") {
					t.Errorf("TLS facts %+v", got)
				}
			case !errors.As(err, &me) || me.Number != tt.code || !strings.Contains(me.Message, tt.text):
				t.Fatalf("%v, want %d %q", err, tt.code, tt.text)
			}
		})
	}
}

func TestRulesRefuseALoginInTheProtocolsOwnTerms(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.BlockWhen(event.ChannelLogin, "native_u")
	addr, _ := proxiedWith(t, rec, Config{Server: Server{Address: s.Addr()}}, wire.Origin{}, func(error) {})
	_, err := tryOpen(t, "native_u:secret@tcp("+addr+")/")
	var me *mysql.MySQLError
	if !errors.As(err, &me) || me.Number != codeForbidden {
		t.Fatal(err)
	}
	open(t, "two_u:secret@tcp("+addr+")/")
}

func TestServersSeeTheClientsAddressThroughThePROXYHeader(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	if s.Percona { // it waits for a header on every connection of these networks, so the tests' common server has none
		var err error
		if s, err = myserver.Start(t.Context(), myserver.Options{Settings: []string{"proxy_protocol_networks = 127.0.0.1"}}); err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		if err := s.Exec(t.Context(), "", "create user 'far_u'@'10.1.2.3' identified by 'secret'"); err != nil {
			t.Fatal(err)
		}
	}
	for origin, want := range map[string]string{"10.1.2.3:5555": "far_u@10.1.2.3", "": ""} {
		addr, _ := proxiedWith(t, inspecttest.New(), Config{Server: Server{Address: s.Addr(), ProxyProtocol: true}}, wire.Origin{Address: origin}, func(error) {})
		c, err := tryOpen(t, "far_u:secret@tcp("+addr+")/")
		if want == "" {
			if err == nil {
				t.Error("an account of another host logged in")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := c.QueryRowContext(t.Context(), "select user()").Scan(&got); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

func TestUnixSocketOfTheServerIsReached(t *testing.T) {
	s, _, _ := realServer(t)
	addr := proxied(t, inspecttest.New(), Config{Server: Server{Address: s.Socket}})
	c := open(t, "native_u:secret@tcp("+addr+")/crm")
	var n int
	if err := c.QueryRowContext(t.Context(), "select 3").Scan(&n); err != nil || n != 3 {
		t.Fatal(n, err)
	}
}

func TestTurnedAwayClientsAreToldWhy(t *testing.T) {
	p, err := New(Config{Server: Server{Address: "127.0.0.1:1"}}, Deps{Inspector: inspecttest.New(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err == nil {
			p.Reject(context.Background(), c, wire.TooMany)
			c.Close()
		}
	}()
	_, err = tryOpen(t, "u@tcp("+l.Addr().String()+")/")
	var me *mysql.MySQLError
	if !errors.As(err, &me) || me.Number != 1040 {
		t.Errorf("%v", err)
	}
	<-done
}

// sha2Server is a MySQL-8-speaking server: go-mysql's, behind a door that a
// broken session does not bring down.
func sha2Server(t *testing.T, plugin string, conf *tls.Config) (addr string, forget func()) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	srv := server.NewServer("8.0.40", gomysql.DEFAULT_COLLATION_ID, plugin, key, conf)
	users := server.NewInMemoryAuthenticationHandler(plugin)
	if err := users.AddUser("app", "s3cret!", plugin); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer func() { _ = recover() }()
				conn, err := srv.NewCustomizedConn(c, users, answers{})
				for err == nil {
					err = conn.HandleCommand()
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), func() { srv.InvalidateCache("app", l.Addr().String()) }
}

// answers is a server that knows one query.
type answers struct{ server.EmptyHandler }

func (answers) HandleQuery(string) (*gomysql.Result, error) {
	rs, err := gomysql.BuildSimpleTextResultset([]string{"a"}, [][]any{{"x@crm.example"}})
	if err != nil {
		return nil, err
	}
	return gomysql.NewResult(rs), nil
}

// Where only one leg has TLS, client and server disagree on how a password is
// sent; the proxy translates.
func TestCachingSHA2FullAndFastWorkWithTLSOnEitherBothOrNeitherSide(t *testing.T) {
	_, ca, pair := realServer(t)
	name := clientTLS(t, ca)
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, plugin := range []string{gomysql.AUTH_CACHING_SHA2_PASSWORD, gomysql.AUTH_SHA256_PASSWORD} {
		addr, forget := sha2Server(t, plugin, &tls.Config{Certificates: []tls.Certificate{cert}})
		for _, serverMode := range []string{tlsconf.Disable, tlsconf.Require} {
			rec := inspecttest.New()
			proxy, p := proxiedWith(t, rec, Config{
				TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
				Server: Server{Address: addr, TLS: tlsconf.Server{Mode: serverMode}},
			}, wire.Origin{}, func(error) {})
			for _, clientMode := range []string{"false", name} {
				forget()
				before := p.Counters.Translated.Load()
				for _, path := range []string{"full", "fast"} {
					c, err := tryOpen(t, fmt.Sprintf("app:s3cret!@tcp(%s)/?tls=%s", proxy, clientMode))
					if err != nil {
						t.Errorf("%s %s, client %s, server %s: %v", plugin, path, clientMode, serverMode, err)
						continue
					}
					var got string
					if err := c.QueryRowContext(t.Context(), "select a").Scan(&got); err != nil || got != "x@crm.example" {
						t.Errorf("%s %s, client %s, server %s: %q, %v", plugin, path, clientMode, serverMode, got, err)
					}
				}
				if got, want := p.Counters.Translated.Load() > before, (clientMode == "false") != (serverMode == tlsconf.Disable); got != want {
					t.Errorf("%s, client %s, server %s: translated %v, want %v", plugin, clientMode, serverMode, got, want)
				}
				if _, err := tryOpen(t, fmt.Sprintf("app:wrong@tcp(%s)/?tls=%s", proxy, clientMode)); err == nil {
					t.Errorf("%s: a wrong password was taken", plugin)
				}
			}
		}
	}
}

func TestAKeyFileStandsForTheServersKey(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/key.pem"
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600); err != nil {
		t.Fatal(err)
	}
	pair, err := loadKey(file)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := publicKey(pair.pub)
	if err != nil || !pub.Equal(&key.PublicKey) {
		t.Fatal(err)
	}
	salt := []byte("01234567890123456789")
	cipher, err := encryptPassword([]byte("a password longer than the salt\x00"), salt, pub)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decryptPassword(cipher, salt, pair.key)
	if err != nil || string(got) != "a password longer than the salt\x00" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := loadKey(file + ".none"); err == nil || !strings.Contains(err.Error(), "rsa_key_file") {
		t.Error(err)
	}
}

func TestPreferFallsBackToPlaintextWhereTheServersTLSIsBroken(t *testing.T) {
	_, _, pair := realServer(t)
	cert, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	old := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}
	addr, _ := sha2Server(t, gomysql.AUTH_NATIVE_PASSWORD, old)
	for _, mode := range []string{tlsconf.Prefer, tlsconf.Require} {
		proxy, p := proxiedWith(t, inspecttest.New(), Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: mode, MinVersion: "1.3"}}}, wire.Origin{}, func(error) {})
		for range 2 {
			c, err := tryOpen(t, "app:s3cret!@tcp("+proxy+")/")
			if mode == tlsconf.Require {
				if err == nil {
					t.Fatal("mode require went on in plaintext")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			var got string
			if err := c.QueryRowContext(t.Context(), "select a").Scan(&got); err != nil || got != "x@crm.example" {
				t.Errorf("%q, %v", got, err)
			}
		}
		if mode == tlsconf.Prefer {
			if works, again := verdictOf(p); works || again.IsZero() {
				t.Errorf("TLS works: %v, tried again at %v", works, again)
			}
		}
	}
	// A server whose TLS works is spoken to in TLS.
	addr, _ = sha2Server(t, gomysql.AUTH_NATIVE_PASSWORD, &tls.Config{Certificates: []tls.Certificate{cert}})
	proxy, p := proxiedWith(t, inspecttest.New(), Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Prefer, MinVersion: "1.3"}}}, wire.Origin{}, func(error) {})
	open(t, "app:s3cret!@tcp("+proxy+")/")
	if works, _ := verdictOf(p); !works {
		t.Error("plaintext, though TLS works")
	}
}

func verdictOf(p *Protocol) (works bool, again time.Time) {
	t := p.set.Load().trial
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.works, t.again
}
