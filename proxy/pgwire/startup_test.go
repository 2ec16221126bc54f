package pgwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
	"honeyrow/proxy/wire"
)

// packet builds a startup packet: a code and what follows it.
func packet(code uint32, rest string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(rest)))
	b = binary.BigEndian.AppendUint32(b, code)
	return append(b, rest...)
}

const (
	v30 = 3 << 16
	v32 = 3<<16 | 2
)

var (
	sslRequest = packet(requestSSL, "")
	gssRequest = packet(requestGSS, "")
)

// fakeServer accepts connections one after another and plays script on each.
func fakeServer(t *testing.T, script func(n int, c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			script(n, c)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return ln.Addr().String()
}

// frame builds a typed message.
func frame(typ byte, body string) []byte {
	b := append([]byte{typ}, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(b[1:], uint32(4+len(body)))
	return append(b, body...)
}

// welcome is a server's answer that lets anybody in, with a cancel key.
func welcome(pid uint32, key string) []byte {
	b := frame('R', "\x00\x00\x00\x00")
	b = append(b, frame('S', "server_version\x0018.4\x00")...)
	b = append(b, frame('K', string(binary.BigEndian.AppendUint32(nil, pid))+key)...)
	return append(b, frame('Z', "I")...)
}

// readPacket reads a packet without a type.
func readPacket(t *testing.T, c net.Conn) []byte {
	t.Helper()
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err != nil {
		return nil
	}
	rest := make([]byte, binary.BigEndian.Uint32(b)-4)
	if _, err := io.ReadFull(c, rest); err != nil {
		return nil
	}
	return append(b, rest...)
}

func (d *door) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { c.Close() })
	return c
}

// answers reads until the proxy closes, and closes too.
func answers(t *testing.T, c net.Conn) []byte {
	t.Helper()
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil && !ended(err) {
		t.Fatalf("read: %v (after %q)", err, b)
	}
	return b
}

// fatalIn decodes the ErrorResponse that b must be.
func fatalIn(t *testing.T, b []byte) pgproto3.ErrorResponse {
	t.Helper()
	if len(b) < header || b[0] != 'E' {
		t.Fatalf("got %q, want an ErrorResponse", b)
	}
	var e pgproto3.ErrorResponse
	if err := e.Decode(b[header:]); err != nil {
		t.Fatal(err)
	}
	return e
}

func (d *door) loginError(t *testing.T) *wire.Error {
	t.Helper()
	select {
	case err := <-d.errs:
		var e *wire.Error
		if !errors.As(err, &e) {
			t.Fatalf("login failed with %T: %v", err, err)
		}
		return e
	case <-time.After(time.Minute):
		t.Fatal("the login did not fail")
	}
	return nil
}

func TestMalformedStartupsAreRefusedBeforeTheServerHearsOfThem(t *testing.T) {
	addr := fakeServer(t, func(int, net.Conn) { t.Error("the server was called") })
	d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	for _, tt := range []struct {
		name   string
		send   []byte
		prefix string // before the error
		text   string
	}{
		{"1 GiB", []byte{0x40, 0, 0, 0}, "", "invalid length of startup packet"},
		{"just over the limit", binary.BigEndian.AppendUint32(nil, startupMax+1), "", "invalid length of startup packet"},
		{"too short", packet(v30, "")[:4:4][:4], "", ""},
		{"length 7", []byte{0, 0, 0, 7, 0, 3, 0}, "", "invalid length of startup packet"},
		{"http", []byte("GET / HTTP/1.1\r\n\r\n"), "", "invalid length of startup packet"},
		{"proxy header of an unlisted peer", []byte("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), "", "invalid length of startup packet"},
		{"no terminator", packet(v30, "user\x00a"), "", "expected terminator"},
		{"name without value", packet(v30, "user\x00"), "", "expected terminator"},
		{"bytes after the terminator", packet(v30, "user\x00a\x00\x00x"), "", "expected terminator"},
		{"nothing after the version", packet(v30, ""), "", "expected terminator"},
		{"data behind SSLRequest", append(sslRequest[:8:8], "user"...), "", "unencrypted data"},
		{"data behind GSSENCRequest", append(gssRequest[:8:8], sslRequest...), "", "unencrypted data"},
		{"long SSLRequest", packet(requestSSL, "xxxx"), "", "unexpected SSLRequest"},
		{"cancel without key", packet(requestCancel, "abcd"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := d.dial(t)
			if _, err := c.Write(tt.send); err != nil {
				t.Fatal(err)
			}
			_ = c.(*net.TCPConn).CloseWrite()
			b := answers(t, c)
			if e := d.loginError(t); e.Side != wire.Client {
				t.Errorf("side = %s, want client", e.Side)
			}
			if tt.text == "" {
				if len(b) > 0 {
					t.Errorf("got %q, want nothing", b)
				}
				return
			}
			if e := fatalIn(t, b); e.Severity != "FATAL" || e.Code != codeProtocol || !strings.Contains(e.Message, tt.text) {
				t.Errorf("got %s %s %q, want FATAL 08P01 with %q", e.Severity, e.Code, e.Message, tt.text)
			}
		})
	}
}

func TestASecondRequestForEncryptionIsRefused(t *testing.T) {
	d := openDoor(t, Config{Server: Server{Address: "127.0.0.1:1"}})
	for name, req := range map[string][]byte{"ssl": sslRequest, "gss": gssRequest} {
		c := d.dial(t)
		var b [1]byte
		_, _ = c.Write(req)
		if _, err := io.ReadFull(c, b[:]); err != nil || b[0] != 'N' {
			t.Fatalf("%s: got %q, %v, want N", name, b, err)
		}
		_, _ = c.Write(req)
		if e := fatalIn(t, answers(t, c)); !strings.Contains(e.Message, "unexpected") {
			t.Errorf("%s: %q", name, e.Message)
		}
		d.loginError(t)
	}
}

func TestGSSThenSSLThenStartupOnOneConnection(t *testing.T) {
	s, _, pair := methods(t)
	d := openDoor(t, Config{
		TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
		Server: Server{Address: s.Addr()},
	})
	c := d.dial(t)
	var b [1]byte
	for _, step := range []struct {
		req  []byte
		want byte
	}{{gssRequest, 'N'}, {sslRequest, 'S'}} {
		_, _ = c.Write(step.req)
		if _, err := io.ReadFull(c, b[:]); err != nil || b[0] != step.want {
			t.Fatalf("got %q, %v, want %q", b, err, step.want)
		}
	}
	tc := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	_, _ = tc.Write(packet(v30, "user\x00trust_u\x00database\x00postgres\x00\x00"))
	if got := untilReady(t, tc); got[0] != 'R' {
		t.Errorf("got %q", got)
	}
	_, _ = tc.Write(frame('X', ""))
}

// untilReady reads whole messages up to ReadyForQuery and returns their types.
func untilReady(t *testing.T, c net.Conn) string {
	t.Helper()
	var types []byte
	for {
		h := make([]byte, header)
		if _, err := io.ReadFull(c, h); err != nil {
			t.Fatalf("after %q: %v", types, err)
		}
		body := make([]byte, binary.BigEndian.Uint32(h[1:])-4)
		if _, err := io.ReadFull(c, body); err != nil {
			t.Fatal(err)
		}
		types = append(types, h[0])
		if h[0] == 'E' {
			t.Fatalf("error after %q: %q", types, body)
		}
		if h[0] == 'Z' {
			return string(types)
		}
	}
}

func TestDirectTLSNeedsALPNAsPostgreSQL17Does(t *testing.T) {
	s, ca, pair := methods(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.PEM)
	d := openDoor(t, Config{
		TLS:    tlsconf.Client{Mode: tlsconf.Require, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
		Server: Server{Address: s.Addr()},
	})
	for _, tt := range []struct {
		name  string
		alpn  []string
		works bool
	}{
		{"none", nil, false},
		{"postgresql", []string{"postgresql"}, true},
		{"http", []string{"http/1.1"}, false},
		{"both", []string{"h2", "postgresql"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tls.Client(d.dial(t), &tls.Config{RootCAs: roots, ServerName: "db.example", NextProtos: tt.alpn})
			err := c.HandshakeContext(t.Context())
			if err == nil {
				_, _ = c.Write(packet(v30, "user\x00trust_u\x00database\x00postgres\x00\x00"))
			}
			if !tt.works {
				if err == nil {
					if b, _ := io.ReadAll(c); len(b) > 0 {
						t.Errorf("got %q, want a closed connection", b)
					}
				}
				d.loginError(t)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			untilReady(t, c)
			if who := d.w.last(); who.TLS == nil || who.TLS.ServerName != "db.example" || who.TLS.Version != "TLS 1.3" {
				t.Errorf("TLS facts = %+v", who.TLS)
			}
			_, _ = c.Write(frame('X', ""))
		})
	}
	t.Run("mode off", func(t *testing.T) {
		d := openDoor(t, Config{Server: Server{Address: s.Addr()}})
		c := tls.Client(d.dial(t), &tls.Config{RootCAs: roots, ServerName: "db.example", NextProtos: []string{"postgresql"}})
		if err := c.HandshakeContext(t.Context()); err == nil {
			t.Error("the handshake worked with tls.mode off")
		}
		d.loginError(t)
	})
}

func TestClientTLSPolicies(t *testing.T) {
	s, ca, pair := methods(t)
	alice := ca.Issue(t, "alice")
	stranger := tlstest.New(t, t.TempDir()).Issue(t, "alice")
	conf := func(mode, auth, min string) Config {
		c := tlsconf.Client{Mode: mode, CertFile: pair.CertFile, KeyFile: pair.KeyFile, ClientAuth: auth, MinVersion: min}
		if auth != "" {
			c.ClientCAFile = ca.CAFile()
		}
		return Config{TLS: c, Server: Server{Address: s.Addr()}}
	}
	cert := func(p tlstest.Pair) string { return " sslcert=" + p.CertFile + " sslkey=" + p.KeyFile }
	for _, tt := range []struct {
		name    string
		conf    Config
		info    string
		want    string // part of psql's output
		subject string
	}{
		{"required and used", conf(tlsconf.Require, "", ""), "sslmode=require", "trust_u", ""},
		{"required and missing", conf(tlsconf.Require, "", ""), "sslmode=disable", "sslmode=require", ""},
		{"off and wanted", Config{Server: Server{Address: s.Addr()}}, "sslmode=require", "server does not support SSL", ""},
		{"off and preferred", Config{Server: Server{Address: s.Addr()}}, "sslmode=prefer", "trust_u", ""},
		{"version too old", conf(tlsconf.Require, "", "1.3"), "sslmode=require ssl_max_protocol_version=TLSv1.2", "protocol version", ""},
		{"certificate required and given", conf(tlsconf.Require, tlsconf.CertRequired, ""), "sslmode=require" + cert(alice), "trust_u", "CN=alice,O=Example"},
		{"certificate required and missing", conf(tlsconf.Require, tlsconf.CertRequired, ""), "sslmode=require", "connection requires a valid client certificate", ""},
		{"certificate of a stranger", conf(tlsconf.Require, tlsconf.CertRequired, ""), "sslmode=require" + cert(stranger), "unknown", ""},
		{"certificate optional and given", conf(tlsconf.Require, tlsconf.CertOptional, ""), "sslmode=require" + cert(alice), "trust_u", "CN=alice,O=Example"},
		{"certificate optional and missing", conf(tlsconf.Require, tlsconf.CertOptional, ""), "sslmode=require", "trust_u", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := openDoor(t, tt.conf)
			if got := d.psql(t, "host=127.0.0.1 dbname=postgres user=trust_u "+tt.info, whoami); !strings.Contains(got, tt.want) {
				t.Errorf("psql said %q, want %q", got, tt.want)
			}
			who := d.w.last()
			if tt.subject == "" {
				if who.TLS != nil && who.TLS.Subject != "" {
					t.Errorf("subject = %q without a certificate", who.TLS.Subject)
				}
				return
			}
			if who.TLS == nil || who.TLS.Subject != tt.subject || who.TLS.Issuer == "" || len(who.TLS.Fingerprint) != 64 {
				t.Errorf("TLS facts = %+v, want subject %q", who.TLS, tt.subject)
			}
		})
	}
}

func TestStartupsPassUntouchedAndTheServerNegotiates(t *testing.T) {
	negotiate := frame('v', "\x00\x03\x00\x02\x00\x00\x00\x01_pq_.foo\x00")
	for _, tt := range []struct {
		name    string
		version uint32
		params  string
		answer  []byte
		want    string // message types that the client sees
	}{
		{"3.0", v30, "user\x00u\x00\x00", welcome(1, "abcd"), "RSKZ"},
		{"3.2 with a long key", v32, "user\x00u\x00\x00", welcome(1, strings.Repeat("k", 32)), "RSKZ"},
		{"longest key", v32, "user\x00u\x00\x00", welcome(1, strings.Repeat("k", keyMax)), "RSKZ"},
		{"3.1 negotiated", 3<<16 | 1, "user\x00u\x00_pq_.foo\x001\x00\x00", append(bytes.Clone(negotiate), welcome(1, "abcd")...), "vRSKZ"},
		{"3.9999 negotiated", 3<<16 | 9999, "user\x00u\x00_pq_.test_protocol_negotiation\x00\x00\x00", append(bytes.Clone(negotiate), welcome(1, "abcd")...), "vRSKZ"},
		{"no key", v30, "user\x00u\x00\x00", append(frame('R', "\x00\x00\x00\x00"), frame('Z', "I")...), "RZ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := packet(tt.version, tt.params)
			got := make(chan []byte, 1)
			addr := fakeServer(t, func(_ int, c net.Conn) {
				got <- readPacket(t, c)
				_, _ = c.Write(tt.answer)
				_, _ = io.Copy(io.Discard, c)
			})
			d := openDoor(t, Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
			c := d.dial(t)
			_, _ = c.Write(sent)
			if types := untilReady(t, c); types != tt.want {
				t.Errorf("messages %q, want %q", types, tt.want)
			}
			if b := <-got; !bytes.Equal(b, sent) {
				t.Errorf("the server got %q, want %q", b, sent)
			}
			if who := d.w.last(); who.User != "u" || who.Database != "u" {
				t.Errorf("user %q, database %q, want u and u", who.User, who.Database)
			}
		})
	}
}

func TestTheServerAnswersOtherMajorVersions(t *testing.T) {
	s, _, _ := methods(t)
	d := openDoor(t, Config{Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}}})
	for _, version := range []uint32{2 << 16, 4 << 16, requestGSS + 1} {
		ask := func(addr string) []byte {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, _ = c.Write(packet(version, "user\x00trust_u\x00\x00"))
			return answers(t, c)
		}
		direct, through := ask(s.Addr()), ask(d.addr)
		if !bytes.Equal(direct, through) || len(direct) == 0 {
			t.Errorf("version %x: the server says %q, the proxy %q", version, direct, through)
		}
		d.loginError(t)
	}
}

func TestAClientThatSaysNothingIsCutAtTheDeadline(t *testing.T) {
	d := openDoor(t, Config{Handshake: 50 * time.Millisecond, Server: Server{Address: "127.0.0.1:1"}})
	c := d.dial(t)
	_, _ = c.Write([]byte{0, 0})
	if e := fatalIn(t, answers(t, c)); e.Code != codeTimeout {
		t.Errorf("code %s, want %s", e.Code, codeTimeout)
	}
	d.loginError(t)
}

func TestLoginsEndWhenTheProxyShutsDown(t *testing.T) {
	addr := fakeServer(t, func(_ int, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	p, err := New(Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}}, Deps{Inspector: &greeter{}})
	if err != nil {
		t.Fatal(err)
	}
	near, far := tcpPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Login(ctx, far, wire.Origin{})
		done <- err
	}()
	_, _ = near.Write(packet(v30, "user\x00u\x00\x00"))
	cancel()
	if e := fatalIn(t, answers(t, near)); e.Code != codeNotNow {
		t.Errorf("code %s, want %s", e.Code, codeNotNow)
	}
	near.Close()
	if err := <-done; err == nil {
		t.Error("the login did not fail")
	}
}

func tcpPair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = near.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}
