package pgwire

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
	"honeyrow/proxy/wire"
)

func TestServerTLSModesMeanWhatLibpqsDo(t *testing.T) {
	s, ca, _ := methods(t)
	cert := ca.Issue(t, "cert_u")
	stranger := tlstest.New(t, t.TempDir())
	const refused = "the proxy can't reach the database server"
	for _, tt := range []struct {
		name string
		tls  tlsconf.Server
		user string
		want string
	}{
		{"disable to hostnossl", tlsconf.Server{Mode: tlsconf.Disable}, "plain_u", "plain_u"},
		{"disable to hostssl", tlsconf.Server{Mode: tlsconf.Disable}, "tls_u", "no pg_hba.conf entry"},
		{"prefer to hostssl", tlsconf.Server{Mode: tlsconf.Prefer}, "tls_u", "tls_u"},
		{"prefer falls back to hostnossl", tlsconf.Server{Mode: tlsconf.Prefer}, "plain_u", "plain_u"},
		{"require does not fall back", tlsconf.Server{Mode: tlsconf.Require}, "plain_u", "no pg_hba.conf entry"},
		{"require verifies nothing", tlsconf.Server{Mode: tlsconf.Require}, "tls_u", "tls_u"},
		{"require with an authority verifies it", tlsconf.Server{Mode: tlsconf.Require, CAFile: stranger.CAFile()}, "tls_u", refused},
		{"verify-ca ignores the name", tlsconf.Server{Mode: tlsconf.VerifyCA, CAFile: ca.CAFile(), ServerName: "other.example"}, "tls_u", "tls_u"},
		{"verify-ca of another authority", tlsconf.Server{Mode: tlsconf.VerifyCA, CAFile: stranger.CAFile()}, "tls_u", refused},
		{"verify-full by address", tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: ca.CAFile()}, "tls_u", "tls_u"},
		{"verify-full by name", tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: ca.CAFile(), ServerName: "db.example"}, "tls_u", "tls_u"},
		{"verify-full of another name", tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: ca.CAFile(), ServerName: "other.example"}, "tls_u", refused},
		{"the proxy's own certificate", tlsconf.Server{Mode: tlsconf.Require, CertFile: cert.CertFile, KeyFile: cert.KeyFile}, "cert_u", "cert_u"},
		{"without the proxy's certificate", tlsconf.Server{Mode: tlsconf.Require}, "cert_u", "connection requires a valid client certificate"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := openDoor(t, Config{Server: Server{Address: s.Addr(), TLS: tt.tls}})
			got := d.psql(t, "host=127.0.0.1 dbname=postgres user="+tt.user, whoami)
			if !strings.Contains(got, tt.want) {
				t.Errorf("psql said %q, want %q", got, tt.want)
			}
			if tt.want == tt.user {
				return
			}
			if e := d.loginError(t); e.Side != wire.Server {
				t.Errorf("side %s, want server", e.Side)
			}
		})
	}
}

func TestAServerWithoutTLS(t *testing.T) {
	for mode, want := range map[string]string{tlsconf.Prefer: "", tlsconf.Require: codeConnect} {
		addr := fakeServer(t, func(_ int, c net.Conn) {
			if bytes.Equal(readPacket(t, c), sslRequest) {
				_, _ = c.Write([]byte{'N'})
				return // libpq too connects anew
			}
			_, _ = c.Write(welcome(7, "abcd"))
			_, _ = io.Copy(io.Discard, c)
		})
		d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: mode}}})
		c := d.dial(t)
		_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
		if want == "" {
			untilReady(t, c)
			c.Close()
			continue
		}
		if e := fatalIn(t, answers(t, c)); e.Code != want || e.Hint == "" {
			t.Errorf("%s: %+v", mode, e)
		}
	}
}

func TestAnAnswerToSSLRequestThatIsNotOneByteOfItIsRefused(t *testing.T) {
	for name, reply := range map[string][]byte{
		"an error":          frame('E', "SFATAL\x00C57P03\x00Minjected\x00\x00"),
		"plaintext after S": append([]byte{'S'}, welcome(1, "abcd")...),
	} {
		addr := fakeServer(t, func(_ int, c net.Conn) {
			readPacket(t, c)
			_, _ = c.Write(reply)
			_, _ = io.Copy(io.Discard, c)
		})
		d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Require}}})
		c := d.dial(t)
		_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
		if e := fatalIn(t, answers(t, c)); e.Code != codeConnect || strings.Contains(e.Message, "injected") {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestDirectTLSToAServerThatHasNoneDoesNotFallBack(t *testing.T) {
	addr := fakeServer(t, func(n int, c net.Conn) {
		b := make([]byte, 1)
		if _, err := io.ReadFull(c, b); err != nil || b[0] != tlsRecord {
			t.Errorf("connection %d begins with %x, %v, want TLS", n, b, err)
		}
	})
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Require, Negotiation: tlsconf.NegotiateDirect}}})
	c := d.dial(t)
	_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
	if e := fatalIn(t, answers(t, c)); e.Code != codeConnect {
		t.Errorf("%+v", e)
	}
}

func TestServersByUnixSocket(t *testing.T) {
	s, _, _ := methods(t)
	socket := filepath.Join(s.Socket, ".s.PGSQL."+portOf(s.Addr()))
	d := openDoor(t, Config{Server: Server{Address: "unix:" + socket, TLS: tlsconf.Server{Mode: tlsconf.Require}}})
	if got := d.psql(t, "host=127.0.0.1 dbname=postgres user=scram_u", whoami, "PGPASSWORD=secret"); got != "scram_u" {
		t.Errorf("psql said %q", got)
	}
}

func portOf(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func TestAnUnreachableServerIsNamedWithoutItsAddress(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	d := openDoor(t, Config{Server: Server{Address: addr}})
	got := d.psql(t, "host=127.0.0.1 dbname=postgres user=u", whoami)
	if !strings.Contains(got, "can't reach the database server") || !strings.Contains(got, "connection refused") {
		t.Errorf("psql said %q", got)
	}
	if strings.Contains(got, addr) {
		t.Errorf("psql was told the server's address: %q", got)
	}
	if e := d.loginError(t); e.Side != wire.Server || e.Op != "connect" || !strings.Contains(e.Error(), addr) {
		t.Errorf("error = %v", e)
	}
}

func TestAddressesOfServers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pg.sock")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"db:5433":                    "tcp db:5433",
		"db":                         "tcp db:5432",
		"[::1]":                      "tcp [::1]:5432",
		"[::1]:6000":                 "tcp [::1]:6000",
		"/var/run/none":              "unix /var/run/none/.s.PGSQL.5432",
		"unix:/var/run/none":         "unix /var/run/none/.s.PGSQL.5432",
		"unix:/tmp/x/.s.PGSQL.6432":  "unix /tmp/x/.s.PGSQL.6432",
		"unix:" + file:               "unix " + file,
		"":                           "",
		"db:0":                       "",
		"db:port":                    "",
		":5432":                      "",
		"db:1:2":                     "",
		"db:70000":                   "",
		"@abstract":                  "unix @abstract",
		"unix:" + filepath.Join(dir): "unix " + filepath.Join(dir, ".s.PGSQL.5432"),
	} {
		network, address, err := dialTarget(in)
		got := strings.TrimSpace(network + " " + address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestABlockedLoginIsTold(t *testing.T) {
	s, _, _ := methods(t)
	d := openDoor(t, Config{Server: Server{Address: s.Addr()}})
	d.w.mu.Lock()
	d.w.deny = "trust_u"
	d.w.mu.Unlock()
	got := d.psql(t, "host=127.0.0.1 dbname=postgres user=trust_u", whoami)
	if !strings.Contains(got, "FATAL:  permission denied") {
		t.Errorf("psql said %q", got)
	}
	if e := d.loginError(t); e.Op != "refused" || !strings.Contains(e.Error(), "no-trust_u") {
		t.Errorf("error = %v", e)
	}
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	if d.w.closed != 1 {
		t.Errorf("%d sessions of the inspector were closed, want 1", d.w.closed)
	}
}

// auth builds an authentication request.
func auth(code uint32, rest string) []byte {
	return frame('R', string(binary.BigEndian.AppendUint32(nil, code))+rest)
}

func TestServersThatBreakTheLoginAreNamed(t *testing.T) {
	ok := auth(authOK, "")
	for _, tt := range []struct {
		name  string
		reply []byte
		text  string
	}{
		{"huge frame", []byte{'R', 0x7f, 0, 0, 0}, "the server broke the protocol"},
		{"short length", []byte{'R', 0, 0, 0, 3}, "the server broke the protocol"},
		{"row before authentication", frame('D', "\x00\x00"), "the server broke the protocol"},
		{"request without code", frame('R', ""), "the server broke the protocol"},
		{"row before ready", append(bytes.Clone(ok), frame('D', "\x00\x00")...), "the server broke the protocol"},
		{"key too short", append(bytes.Clone(ok), frame('K', "\x00\x00\x00\x01abc")...), "the server broke the protocol"},
		{"key too long", append(bytes.Clone(ok), frame('K', "\x00\x00\x00\x01"+strings.Repeat("k", keyMax+1))...), "the server broke the protocol"},
		{"two keys", append(bytes.Clone(ok), append(frame('K', "\x00\x00\x00\x01abcd"), frame('K', "\x00\x00\x00\x01abcd")...)...), "the server broke the protocol"},
		{"ready without status", append(bytes.Clone(ok), frame('Z', "")...), "the server broke the protocol"},
		{"broken error", frame('E', "Mno end"), "the server broke the protocol"},
		{"broken mechanisms", auth(authSASL, "SCRAM-SHA-256"), "the server broke the protocol"},
		{"closed at once", nil, "the server closed the connection"},
		{"closed in a frame", []byte{'R', 0, 0, 0, 8, 0}, "the server closed the connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := fakeServer(t, func(_ int, c net.Conn) {
				readPacket(t, c)
				_, _ = c.Write(tt.reply)
			})
			d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
			c := d.dial(t)
			_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
			b := answers(t, c)
			if i := bytes.IndexByte(b, 'E'); i > 0 && bytes.HasPrefix(b, ok) {
				b = b[i:]
			}
			if e := fatalIn(t, b); !strings.Contains(e.Message, tt.text) {
				t.Errorf("client was told %q, want %q", e.Message, tt.text)
			}
			if e := d.loginError(t); e.Side != wire.Server {
				t.Errorf("side %s, want server", e.Side)
			}
		})
	}
}

func TestAnErrorFromBeforeTheProtocolPassesAsItIs(t *testing.T) {
	const old = "Ecould not fork new process for connection: Resource temporarily unavailable\n\x00"
	addr := fakeServer(t, func(_ int, c net.Conn) {
		readPacket(t, c)
		_, _ = io.WriteString(c, old)
	})
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	c := d.dial(t)
	_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
	if got := string(answers(t, c)); got != old {
		t.Errorf("got %q", got)
	}
}

func TestTokensOfMethodsThatTheProxyDoesNotKnowPass(t *testing.T) {
	for _, tt := range []struct {
		name string
		// requests of the server; after those with an answer, one is awaited
		script []struct {
			req    []byte
			answer string
		}
	}{
		{"gss: the last token needs no answer", []struct {
			req    []byte
			answer string
		}{{auth(authGSS, ""), "token1"}, {auth(authGSSContinue, "tokenA"), "token2"}, {auth(authGSSContinue, "last"), ""}}},
		{"unknown code with an answer", []struct {
			req    []byte
			answer string
		}{{auth(99, "what"), "this"}}},
		{"oauth", []struct {
			req    []byte
			answer string
		}{{auth(authSASL, "OAUTHBEARER\x00\x00"), "OAUTHBEARER\x00\x00\x00\x00\x04n,,\x01"}, {auth(authSASLContinue, "{}"), "\x01"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := fakeServer(t, func(_ int, c net.Conn) {
				readPacket(t, c)
				for _, step := range tt.script {
					_, _ = c.Write(step.req)
					if step.answer == "" {
						continue
					}
					want := frame('p', step.answer)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
						t.Errorf("the server got %q, %v, want %q", got, err, want)
					}
				}
				_, _ = c.Write(welcome(3, "abcd"))
				_, _ = io.Copy(io.Discard, c)
			})
			d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
			c := d.dial(t)
			_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
			for _, step := range tt.script {
				got := make([]byte, len(step.req))
				if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, step.req) {
					t.Fatalf("the client got %q, %v, want %q", got, err, step.req)
				}
				if step.answer != "" {
					_, _ = c.Write(frame('p', step.answer))
				}
			}
			untilReady(t, c)
		})
	}
}

func TestAClientThatSpeaksOutOfTurnInAuthenticationIsRefused(t *testing.T) {
	addr := fakeServer(t, func(_ int, c net.Conn) {
		readPacket(t, c)
		_, _ = c.Write(auth(authCleartext, ""))
		if b, _ := io.ReadAll(c); len(b) > 0 {
			t.Errorf("the server got %q", b)
		}
	})
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	for _, bad := range [][]byte{frame('Q', "select 1\x00"), {'p', 0, 2, 0, 0}} {
		c := d.dial(t)
		_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
		_, _ = io.ReadFull(c, make([]byte, 9))
		_, _ = c.Write(bad)
		if e := fatalIn(t, answers(t, c)); e.Code != codeProtocol {
			t.Errorf("code %s, want %s", e.Code, codeProtocol)
		}
		if e := d.loginError(t); e.Side != wire.Client || e.Op != "protocol" {
			t.Errorf("error = %v", e)
		}
	}
}

func TestSASLListsOfOneMechanismThatCannotPass(t *testing.T) {
	cert := tlstest.New(t, t.TempDir()).Issue(t, "x")
	if err := os.Chmod(cert.KeyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	addr := fakeServer(t, func(_ int, c net.Conn) {
		readPacket(t, c)
		_, _ = c.Write(auth(authSASL, scramPlus+"\x00\x00"))
		_, _ = io.Copy(io.Discard, c)
	})
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	c := d.dial(t)
	_, _ = c.Write(packet(v30, "user\x00u\x00\x00"))
	if e := fatalIn(t, answers(t, c)); e.Hint == "" && e.Detail == "" {
		t.Errorf("%+v says nothing of what to change", e)
	}
}

func TestWhatIsSentAheadOfTheLoginIsNotLost(t *testing.T) {
	query := frame('Q', "select 1\x00")
	notice := frame('N', "SNOTICE\x00Mlate\x00\x00")
	got := make(chan []byte, 1)
	addr := fakeServer(t, func(_ int, c net.Conn) {
		readPacket(t, c)
		_, _ = c.Write(append(welcome(5, "abcd"), notice...))
		b := make([]byte, len(query))
		_, _ = io.ReadFull(c, b)
		got <- b
	})
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	c := d.dial(t)
	_, _ = c.Write(append(packet(v30, "user\x00u\x00\x00"), query...))
	untilReady(t, c)
	b := make([]byte, len(notice))
	if _, err := io.ReadFull(c, b); err != nil || !bytes.Equal(b, notice) {
		t.Errorf("client got %q, %v", b, err)
	}
	select {
	case b := <-got:
		if !bytes.Equal(b, query) {
			t.Errorf("server got %q", b)
		}
	case <-time.After(time.Minute):
		t.Error("the query was lost")
	}
}

func TestAnErrorOfTheServerReachesTheClientUnchanged(t *testing.T) {
	s, _, _ := methods(t)
	d := openDoor(t, Config{Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	ask := func(addr string) pgproto3.ErrorResponse {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = c.Write(packet(v30, "user\x00trust_u\x00database\x00none\x00\x00"))
		b := answers(t, c)
		return fatalIn(t, b[bytes.Index(b, []byte("SFATAL\x00"))-header:])
	}
	direct, through := ask(s.Addr()), ask(d.addr)
	if direct.Message == "" || direct.Code != through.Code || direct.Message != through.Message || direct.File != through.File {
		t.Errorf("direct %+v, through the proxy %+v", direct, through)
	}
}
