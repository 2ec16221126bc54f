package mywire

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
	"honeyrow/proxy/wire"
)

// The server counts broken handshakes per address, here the one in the PROXY
// header, and shuts an address out that has max_connect_errors in a row.
func TestClientsThatGoAwayDoNotGetTheProxyShutOutOfTheServer(t *testing.T) {
	found, err := myserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	if !applies(t, found.Release) {
		return
	}
	ca := tlstest.New(t, t.TempDir())
	pair := ca.Issue(t, "db.example", "db.example", "127.0.0.1")
	s, err := myserver.Start(t.Context(), myserver.Options{
		Settings: []string{
			"performance_schema = ON", "skip-name-resolve = OFF", "proxy_protocol_networks = 127.0.0.1", "plugin_load_add = auth_ed25519",
			"ssl_cert = server.crt", "ssl_key = server.key",
		},
		Files: map[string][]byte{"server.crt": pair.Cert, "server.key": pair.Key},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	sql := func(text string) string {
		t.Helper()
		out, err := s.Query(context.Background(), "", text)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	sql("create user ed_u@'%' identified via ed25519 using password('secret'); create user native_u@'%' identified by 'secret'")
	broken := func(from string) string {
		t.Helper()
		return sql("select count_handshake_errors from performance_schema.host_cache where ip = '" + from + "'")
	}
	version := sql("select version()")
	clients := map[string]func(net.Conn){
		"closes at once":            func(net.Conn) {},
		"closes after the greeting": func(c net.Conn) { _, _ = readPacket(c) },
		"resets the connection": func(c net.Conn) {
			_, _ = readPacket(c)
			_ = c.(*net.TCPConn).SetLinger(0)
		},
		"says nothing": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"speaks HTTP": func(c net.Conn) {
			_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
			_, _ = io.Copy(io.Discard, c)
		},
		"asks for TLS and closes": func(c net.Conn) {
			r := &response{fixed: make([]byte, responseFixed)}
			r.setCaps(capProtocol41 | capSSL)
			_, _ = c.Write(appendPacket(nil, 1, r.fixed))
		},
		"closes after its login":       func(c net.Conn) { halfLogin(c, "native_u") },
		"closes at a change of plugin": func(c net.Conn) { halfLogin(c, "ed_u"); _, _ = readPacket(c) },
	}
	for i, tt := range []struct{ mode, secure string }{
		{tlsconf.Disable, "OFF"}, {tlsconf.Require, "OFF"}, {tlsconf.Disable, "ON"}, {tlsconf.Prefer, "ON"},
	} {
		sql("set global require_secure_transport = " + tt.secure)
		from := fmt.Sprintf("10.1.2.%d", i+1)
		ended := make(chan error, 1)
		addr, p := proxiedWith(t, inspecttest.New(), Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), ProxyProtocol: true, TLS: tlsconf.Server{Mode: tt.mode}},
		}, wire.Origin{Address: from + ":5555"}, func(err error) { ended <- err })
		set := *p.set.Load()
		set.answer = 300 * time.Millisecond // for the client that says nothing
		p.set.Store(&set)
		for name, play := range clients {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			play(c)
			c.Close()
			if err := <-ended; err == nil {
				t.Fatalf("a client that %s has logged in", name)
			}
		}
		if tt.mode == tlsconf.Disable && tt.secure == "ON" && !strings.HasPrefix(version, "10.") {
			t.Logf("MariaDB %s: a proxy without TLS before a server that requires it is not looked at: no login can succeed, and MariaDB 11 counts each", version)
			continue
		}
		if got := broken(from); got != "0" {
			t.Errorf("tls.mode %s, require_secure_transport %s: the server counts %s broken handshakes", tt.mode, tt.secure, got)
		}
	}
	// The same without the proxy's manners.
	raw, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = proxyHeader(wire.Origin{Address: "10.1.2.99:5555"}, raw.RemoteAddr()).WriteTo(raw)
	_, _ = readPacket(raw)
	raw.Close()
	for end := time.Now().Add(time.Minute); broken("10.1.2.99") != "1"; {
		if time.Now().After(end) {
			t.Fatal("the server does not count broken handshakes: this test shows nothing")
		}
	}
}

// halfLogin begins a login with native passwords.
func halfLogin(c net.Conn, user string) {
	_, _ = readPacket(c)
	const agreed = capProtocol41 | capSecure | capPluginAuth
	r := &response{caps: agreed, fixed: make([]byte, responseFixed), user: []byte(user), plugin: []byte(pluginNative), auth: make([]byte, 20)}
	r.setCaps(agreed)
	_, _ = c.Write(appendPacket(nil, 1, r.encode(agreed)))
}
