package mywire

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/rs/zerolog"

	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// realGreeting was captured from MariaDB 10.11.19 with TLS.
var realGreeting = mustHex("0a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275310005000000795b3a526e512a7c00feff2d0200ff81" +
	"150000000000001d000000577c2a5963644e39714f7521006d7973716c5f6e61746976655f70617373776f726400")

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestGreetingOffersOnlyWhatCanBeInspected(t *testing.T) {
	g, err := parseGreeting(realGreeting)
	if err != nil {
		t.Fatal(err)
	}
	if g.version != "5.5.5-10.11.19-MariaDB-0+deb12u1" || g.thread != 5 || string(g.salt) != "y[:RnQ*|W|*YcdN9qOu!" || g.plugin != pluginNative {
		t.Fatalf("%+v", g)
	}
	if !g.caps.has(capSSL|mariaCacheMeta|mariaProgress|mariaBulk|mariaExtendedMeta) || g.caps.has(capMySQL) {
		t.Fatalf("capabilities %x", g.caps)
	}
	out, err := parseGreeting(g.offer(g.caps & inspectable))
	if err != nil {
		t.Fatal(err)
	}
	for name, bit := range map[string]caps{
		"COMPRESS": 1 << 5, "OPTIONAL_RESULTSET_METADATA": 1 << 25, "ZSTD": 1 << 26, "CAPABILITY_EXTENSION": 1 << 29,
		"COM_MULTI": 1 << 33, "a future bit": 1 << 50,
	} {
		if inspectable.has(bit) || out.caps.has(bit) {
			t.Errorf("%s is offered", name)
		}
	}
	if !out.caps.has(capSessionTrack | capDeprecateEOF | mariaBulk | mariaExtendedMeta | mariaProgress | mariaCacheMeta) {
		t.Errorf("capabilities %x", out.caps)
	}
}

// fakeServer greets, reads one response and answers it with what script says.
func fakeServer(t *testing.T, greet []byte, script func(conn net.Conn, response []byte)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		if _, err := c.Write(appendPacket(nil, 0, greet)); err != nil {
			return
		}
		if p, err := readPacket(c); err == nil && script != nil {
			script(c, p)
		}
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func readPacket(c net.Conn) ([]byte, error) {
	h := make([]byte, header)
	if _, err := io.ReadFull(c, h); err != nil {
		return nil, err
	}
	p := make([]byte, packetSize(h))
	_, err := io.ReadFull(c, p)
	return p, err
}

// talk plays a client: it reads the greeting, sends each packet, and reads one
// packet after each.
func talk(t *testing.T, c Config, o wire.Origin, send ...[]byte) (answers [][]byte, err error) {
	t.Helper()
	p, err := New(c, Deps{Inspector: inspecttest.New(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	us, them := tcpPair(t)
	result := make(chan error, 1)
	go func() {
		s, err := p.Login(context.Background(), them, o)
		if err == nil {
			s.Flow.Close()
			s.Server.Close()
		}
		them.Close()
		result <- err
	}()
	defer us.Close()
	for i := range len(send) + 1 {
		b, rerr := readPacket(us)
		if rerr != nil {
			break
		}
		answers = append(answers, b)
		if i < len(send) {
			if _, werr := us.Write(send[i]); werr != nil {
				t.Fatal(werr)
			}
		}
	}
	us.Close()
	return answers, <-result
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func clientResponse(c caps, plugin string, auth []byte) []byte {
	r := &response{caps: c, fixed: make([]byte, responseFixed), user: []byte("app"), auth: auth, plugin: []byte(plugin)}
	r.setCaps(c)
	return appendPacket(nil, 1, r.encode(c))
}

func TestServersThatTurnAwayAreQuoted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refusal := errPayload(1130, "", "Host '10.0.0.7' is not allowed to connect to this MariaDB server")
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write(appendPacket(nil, 0, refusal))
			c.Close()
		}
	}()
	got, err := talk(t, Config{Server: Server{Address: l.Addr().String()}}, wire.Origin{})
	var e *wire.Error
	if !errors.As(err, &e) || e.Side != wire.Server || len(got) != 1 || !bytes.Equal(got[0], refusal) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestMaskedCapabilitiesDoNotReachTheServerThoughTheClientSetsThem(t *testing.T) {
	seen := make(chan []byte, 1)
	addr := fakeServer(t, realGreeting, func(c net.Conn, p []byte) { seen <- p })
	c := newCaps&^capMySQL | 1<<5 | 1<<26 | 1<<33 | capSSL
	p, err := New(Config{Server: Server{Address: addr, TLS: noTLS()}}, Deps{Inspector: inspecttest.New(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	us, them := tcpPair(t)
	result := make(chan error, 1)
	go func() {
		_, err := p.Login(context.Background(), them, wire.Origin{})
		them.Close()
		result <- err
	}()
	if _, err := readPacket(us); err != nil {
		t.Fatal(err)
	}
	if _, err := us.Write(clientResponse(c, pluginNative, []byte("12345678901234567890"))); err != nil {
		t.Fatal(err)
	}
	var b []byte
	select {
	case b = <-seen:
	case err := <-result:
		t.Fatal(err)
	}
	if got := responseCaps(b); got&^inspectable != 0 || got.has(capSSL) || !got.has(capDeprecateEOF) {
		t.Errorf("the server saw capabilities %x", got)
	}
	us.Close()
	<-result
}

func TestPasswordsInTheClearNeedAnEncryptedOrLocalServer(t *testing.T) {
	for _, plugin := range []string{pluginClear, pluginDialog} {
		l := &login{set: &settings{network: "tcp"}, raw: remote{}, auth: exchange{plugin: plugin}}
		_, err := l.answer([]byte("secret\x00"))
		var le *loginError
		if !errors.As(err, &le) || !bytes.Contains(le.answer, []byte("tls.mode to require")) {
			t.Errorf("%s over a network: %v", plugin, err)
		}
		// To a server on this machine it may pass.
		addr := fakeServer(t, realGreeting, func(c net.Conn, p []byte) { _, _ = c.Write(appendPacket(nil, 2, dialect{newCaps}.ok(2))) })
		got, err := talk(t, Config{Server: Server{Address: addr, TLS: noTLS()}}, wire.Origin{}, clientResponse(newCaps, plugin, []byte("secret\x00")))
		if err != nil || len(got) != 2 || got[1][0] != 0 {
			t.Errorf("%s: %q, %v", plugin, got, err)
		}
	}
}

type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 3306} }

// An opaque plugin's exchange has any number of rounds, and either side may be next.
func TestUnknownPluginsAreRelayedWhicheverSideSpeaksNext(t *testing.T) {
	addr := fakeServer(t, realGreeting, func(c net.Conn, _ []byte) {
		_, _ = c.Write(appendPacket(nil, 2, []byte("\xfeparsec\x00salt")))
		_, _ = readPacket(c)
		_, _ = c.Write(appendPacket(nil, 4, []byte("\x01P\x00extra salt")))
		_, _ = readPacket(c)
		_, _ = c.Write(appendPacket(nil, 6, []byte("\x01a word that needs no answer")))
		_, _ = c.Write(appendPacket(nil, 7, dialect{newCaps}.ok(2)))
	})
	got, err := talk(t, Config{Server: Server{Address: addr, TLS: noTLS()}}, wire.Origin{},
		clientResponse(newCaps, "x", nil), appendPacket(nil, 3, nil), appendPacket(nil, 5, []byte("proof")), nil)
	if err != nil || len(got) != 5 || !strings.HasPrefix(string(got[3]), "\x01a word") || got[4][0] != 0 {
		t.Fatalf("%q, %v", got, err)
	}
}

// Up to three factors: each is a plugin with a salt of its own.
func TestMultiFactorLoginsAreRelayedFactorByFactor(t *testing.T) {
	greet := bytes.Clone(realGreeting)
	g, err := parseGreeting(greet)
	if err != nil {
		t.Fatal(err)
	}
	greet = g.offer(g.caps | capFactors)
	addr := fakeServer(t, greet, func(c net.Conn, p []byte) {
		_, _ = c.Write(appendPacket(nil, 2, []byte{moreData, mysql.CACHE_SHA2_FAST_AUTH}))
		_, _ = c.Write(appendPacket(nil, 3, []byte("\x02authentication_ldap_sasl_client\x00challenge")))
		_, _ = readPacket(c)
		_, _ = c.Write(appendPacket(nil, 5, []byte("\x01second challenge")))
		_, _ = readPacket(c)
		_, _ = c.Write(appendPacket(nil, 7, []byte("\x02mysql_clear_password\x00")))
		_, _ = readPacket(c)
		_, _ = c.Write(appendPacket(nil, 9, dialect{newCaps}.ok(2)))
	})
	got, err := talk(t, Config{Server: Server{Address: addr, TLS: noTLS()}}, wire.Origin{},
		clientResponse(newCaps|capFactors, pluginSHA2, []byte("12345678901234567890123456789012")), nil,
		appendPacket(nil, 4, []byte("first answer")), appendPacket(nil, 6, []byte("second answer")), appendPacket(nil, 8, []byte("secret\x00")))
	var heads []string
	for _, b := range got[1:] {
		heads = append(heads, string(b[:min(len(b), 6)]))
	}
	if want := "\x01\x03 \x02authe \x01secon \x02mysql \x00\x00\x00\x02\x00\x00"; err != nil || strings.Join(heads, " ") != want {
		t.Fatalf("%q, %v; want %q", strings.Join(heads, " "), err, want)
	}
}

func TestRedirectsOfTheLoginAreTakenOut(t *testing.T) {
	ok := dialect{newCaps}.tracked("", append([]byte{0}, str(string(append(str("redirect_url"), str("mysql://10.0.0.9")...)))...))
	addr := fakeServer(t, realGreeting, func(c net.Conn, _ []byte) { _, _ = c.Write(appendPacket(nil, 2, ok)) })
	got, err := talk(t, Config{Server: Server{Address: addr, TLS: noTLS()}}, wire.Origin{}, clientResponse(newCaps, pluginNative, nil))
	if err != nil || len(got) != 2 || bytes.Contains(got[1], redirectName) || len(got[1]) != len(ok) {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestBrokenHandshakesAreNamed(t *testing.T) {
	old := bytes.Clone(realGreeting)
	old[0] = 9
	for _, tt := range []struct {
		name   string
		greet  []byte
		send   []byte
		answer string // of the server
		side   wire.Side
		text   string
	}{
		{"protocol 9", old, nil, "", wire.Server, "protocol version 10"},
		{"half a greeting", realGreeting[:30], nil, "", wire.Server, "ends before"},
		{"a client of before 4.1", realGreeting, appendPacket(nil, 1, []byte{0, 0, 0, 0, 0, 'u', 0}), "", wire.Client, "MySQL 4.1"},
		{"a response without an end", realGreeting, appendPacket(nil, 1, clientResponse(newCaps, "x", nil)[4:36]), "", wire.Client, "ends before"},
		{"a wrong sequence id", realGreeting, appendPacket(nil, 5, []byte("x")), "", wire.Client, "out of order"},
		{"a huge response", realGreeting, []byte{0xff, 0xff, 0xff, 1}, "", wire.Client, "16777215 bytes"},
		{"TLS that was not offered", realGreeting, appendPacket(nil, 1, sslRequest()), "", wire.Client, "did not offer"},
		{"an old password", realGreeting, clientResponse(newCaps, pluginNative, nil), "\xfe", wire.Server, "mysql_old_password"},
		{"an empty answer", realGreeting, clientResponse(newCaps, pluginNative, nil), "", wire.Server, "empty packet"},
		{"a broken OK", realGreeting, clientResponse(newCaps, pluginNative, nil), "\x00\x00", wire.Server, "OK packet"},
	} {
		addr := fakeServer(t, tt.greet, func(c net.Conn, _ []byte) { _, _ = c.Write(appendPacket(nil, 2, []byte(tt.answer))) })
		_, err := talk(t, Config{Server: Server{Address: addr, TLS: noTLS()}}, wire.Origin{}, tt.send)
		var e *wire.Error
		if !errors.As(err, &e) || e.Side != tt.side || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func sslRequest() []byte {
	r := response{fixed: make([]byte, responseFixed)}
	r.setCaps(newCaps | capSSL)
	return r.fixed
}

func TestConfigurationMistakesAreNamedWithWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		conf Config
		want string
	}{
		{Config{}, "no address"},
		{Config{Server: Server{Address: "db"}}, ""},
		{Config{Server: Server{Address: "db:99999"}}, "1 to 65535"},
		{Config{Server: Server{Address: "db"}, LocalInfile: "perhaps"}, "use allow or refuse"},
		{Config{Server: Server{Address: "db"}, Replication: []string{""}}, "empty user name"},
		{Config{Server: Server{Address: "db"}, Statement: 1 << 24}, "statement limit"},
		{Config{Server: Server{Address: "db"}, Handshake: -1}, "30s"},
		{Config{Server: Server{Address: "db"}, RSAKeyFile: "/none"}, "rsa_key_file"},
	} {
		_, err := New(tt.conf, Deps{Inspector: inspecttest.New()})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.conf, err, tt.want)
		}
	}
	for addr, want := range map[string]string{
		"db": "tcp db:3306", "db:3307": "tcp db:3307", "[::1]": "tcp [::1]:3306", "::1": "", "unix:/run/my.sock": "unix /run/my.sock",
		"/tmp": "unix /tmp/mysqld.sock", "@abstract": "unix @abstract",
	} {
		n, a, err := dialTarget(addr)
		if got := n + " " + a; want != "" && (err != nil || got != want) || want == "" && err == nil {
			t.Errorf("%s: %q, %v; want %q", addr, fmt.Sprint(got), err, want)
		}
	}
}
