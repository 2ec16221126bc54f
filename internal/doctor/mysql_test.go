package doctor

import (
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/token"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

// release is which server the tests run.
func release(t *testing.T) myserver.Release {
	t.Helper()
	found, err := myserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	return found.Release
}

// maria starts a MariaDB (or MySQL) with a certificate for localhost, a table and the
// role "seeder", whose password is hush-hush.
func maria(t *testing.T, settings ...string) (my *myserver.Server, ca []byte) {
	t.Helper()
	cert, key := certificate(t, "localhost", time.Now().Add(300*24*time.Hour))
	my, err := myserver.Start(t.Context(), myserver.Options{
		Settings: append([]string{"ssl_cert = server.crt", "ssl_key = server.key"}, settings...),
		Files:    map[string][]byte{"server.crt": cert, "server.key": key},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	run(t, my, `CREATE DATABASE shop; CREATE TABLE shop.customers (id int PRIMARY KEY, email text); CREATE TABLE shop.secrets (id int);
		CREATE USER seeder@'127.0.0.1' IDENTIFIED BY 'hush-hush';
		GRANT SELECT, INSERT, DELETE, TRIGGER ON shop.customers TO seeder@'127.0.0.1'; GRANT SELECT ON shop.secrets TO seeder@'127.0.0.1'`)
	return my, cert
}

// connect opens a session past the proxy that lasts as long as the test.
func connect(t *testing.T, dsn string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func run(t *testing.T, my *myserver.Server, sql string) {
	t.Helper()
	if err := my.Exec(t.Context(), "", sql); err != nil {
		t.Fatal(err)
	}
}

func seeding(my *myserver.Server, password string) string {
	return fmt.Sprintf("mysql://seeder:%s@%s/shop?ssl-mode=PREFERRED", password, my.Addr())
}

// opinions are what the doctor says of a kind of server, and what that has of its own.
type opinions struct {
	settings       []string
	version        string
	sound, unsound string // accounts that come through the proxy, and some that do not
	plugins        []opinion
	noHeader       string
}

// examined is what a kind of server has of its own, and what the doctor says of it.
var examined = map[myserver.Kind]opinions{
	myserver.MariaDB: {
		settings: []string{"plugin_load_add = auth_ed25519", "plugin_load_add = auth_pam"}, version: ": MariaDB 1",
		sound: "CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x')",
		unsound: `CREATE USER old@'%' IDENTIFIED VIA mysql_old_password USING '1234567890abcdef', pam@'%' IDENTIFIED VIA pam, bare@'%';
			GRANT SELECT ON mysql.global_priv TO seeder@'127.0.0.1'; CREATE USER either@'%' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('x')`,
		plugins: []opinion{
			{level: Fail, text: "have a password of before MySQL 4.1, which the proxy refuses: 'old'@'%'"},
			{level: Warn, text: "send the password in the clear (pam), and the listener admits clients without TLS: 'pam'@'%'"},
			{level: Warn, text: "have no password: whoever reaches the proxy is let in: 'bare'@'%'"},
		},
		noHeader: "takes PROXY headers from nobody",
	},
	myserver.MySQL: {
		settings: []string{"plugin_load_add = auth_socket.so"}, version: ": MySQL ",
		sound:   "CREATE USER fast@'%' IDENTIFIED WITH caching_sha2_password BY 'x', slow@'%' IDENTIFIED WITH sha256_password BY 'x'",
		unsound: "CREATE USER sock@'%' IDENTIFIED WITH auth_socket, bare@'%'; GRANT SELECT ON mysql.user TO seeder@'127.0.0.1'",
		plugins: []opinion{
			{level: OK, text: "log in by who their process is, which only the server's own unix socket tells: they stay outside the proxy: 'sock'@'%'"},
			{level: Warn, text: "have no password: whoever reaches the proxy is let in: 'bare'@'%'"},
		},
		noHeader: "does not know the PROXY protocol",
	},
}

// examinedOld is examined of MySQL before 8: no roles, no caching_sha2_password,
// and no TLS 1.3 in Oracle's.
func examinedOld(r myserver.Release) opinions {
	of := examined[myserver.MySQL]
	of.sound = "CREATE USER slow@'%' IDENTIFIED WITH sha256_password BY 'x'"
	if r.Percona { // knows the PROXY protocol
		of.noHeader = examined[myserver.MariaDB].noHeader
	}
	return of
}

func TestTheDoctorExaminesARealMariaDB(t *testing.T) {
	r := release(t)
	of, encrypted, role := examined[r.Kind], "TLS 1.3", "CREATE ROLE readers; "
	if r.OldMySQL() {
		of, role = examinedOld(r), ""
		if !r.Percona { // whose OpenSSL is newer
			encrypted = "TLS 1.2"
		}
	}
	my, ca := maria(t, append([]string{"log_bin = bin"}, of.settings...)...)
	cert, key := certificate(t, "proxy.internal", time.Now().Add(300*24*time.Hour))
	tk := token.Token{ID: "t1", Row: "r1", Value: "x", Place: event.Place{Server: "shop", Database: "shop", Table: "customers", Column: "email"}}
	b := &book{}
	p := patient(t, b)
	server := Server{
		Name: "shop", Protocol: MySQL, Address: my.Addr(), DSN: seeding(my, "hush-hush"),
		TLS: tlsconf.Server{Mode: "verify-full", CAFile: write(t, "ca.pem", ca), MinVersion: "1.2", ServerName: "localhost"},
	}
	listener := Listener{Name: "shop", Server: "shop", Address: "127.0.0.1:0", TLS: tlsconf.Client{Mode: "require", MinVersion: "1.2", CertFile: write(t, "c.pem", cert), KeyFile: write(t, "k.pem", key), ClientAuth: "none"}}

	t.Run("a role that sees little", func(t *testing.T) {
		p.Servers, p.Listeners = []Server{server}, []Listener{listener}
		fs := examine(t, p)
		want(t, fs, OK, "reachable", of.version)
		want(t, fs, OK, "tls", encrypted+" to the server (tls.mode verify-full)")
		want(t, fs, OK, "certificate", `"localhost" is valid until`)
		want(t, fs, OK, "auth", "turns strangers away")
		want(t, fs, OK, "rights", `seeder@127.0.0.1 may plant in 1 of the 2 tables that it sees of database "shop"`)
		want(t, fs, OK, "clock", "agrees")
		want(t, fs, Warn, "sessions", "can't see other sessions")
		want(t, fs, Warn, "accounts", "can't read mysql.user")
		want(t, fs, OK, "bind_address", `"127.0.0.1" only`)
		never(t, fs, "superuser", Warn)
		never(t, fs, "triggers", Warn)
		for _, f := range fs {
			if f.Level == Fail || strings.Contains(f.Text+f.Advice, "hush-hush") {
				t.Errorf("unexpected finding %+v", f)
			}
		}
	})
	// The advice of the findings above, taken word for word.
	var advice []string
	p.Servers, p.Listeners = []Server{server}, []Listener{listener}
	for _, f := range examine(t, p) {
		if a, _, ok := strings.Cut(f.Advice, ", at least"); ok {
			advice = append(advice, a)
		}
	}
	if len(advice) != 2 {
		t.Fatalf("advice to grant: %q", advice)
	}
	run(t, my, strings.Join(advice, ";"))

	t.Run("a sound installation", func(t *testing.T) {
		b.snap.Tokens = []token.Token{tk}
		run(t, my, of.sound+"; CREATE USER app@'127.0.0.1' IDENTIFIED BY 'x'; CREATE USER tls@'127.0.%' IDENTIFIED BY 'x' REQUIRE SSL")
		fs := examine(t, p)
		want(t, fs, OK, "sessions", "nobody is connected")
		want(t, fs, OK, "plugins", "log in through the proxy as they do now")
		want(t, fs, OK, "places", "1 tokens")
		want(t, fs, OK, "hosts", "admit clients that come from 127.0.0.1")
		for _, f := range fs {
			if f.Level == Fail {
				t.Errorf("unexpected finding %+v", f)
			}
		}
	})
	t.Run("accounts that can't pass", func(t *testing.T) {
		run(t, my, of.unsound+`; CREATE USER far@'10.9.8.7' IDENTIFIED BY 'x', two@'%' IDENTIFIED BY 'x', two@'10.1.1.1' IDENTIFIED BY 'x',
			repl@'%' IDENTIFIED BY 'x'; CREATE USER locked@'%' IDENTIFIED BY 'x' ACCOUNT LOCK;
			CREATE USER cert@'%' IDENTIFIED BY 'x' REQUIRE X509; `+role+`GRANT REPLICATION SLAVE ON *.* TO repl@'%'`)
		s, l := server, listener
		s.TLS = tlsconf.Server{Mode: "disable", MinVersion: "1.2"}
		l.TLS.Mode, l.Address = "allow", "0.0.0.0:0"
		l.Replication = []string{"nobody"}
		p.Servers, p.Listeners = []Server{s}, []Listener{l}
		fs := examine(t, p)
		want(t, fs, Warn, "hosts", "'far'@'10.9.8.7'")
		want(t, fs, Warn, "hosts", "'two'@'10.1.1.1'")
		want(t, fs, Fail, "plugins", "require TLS, and the proxy's connection to the server has none: 'cert'@'%', 'tls'@'127.0.%'")
		for _, w := range of.plugins {
			want(t, fs, w.level, "plugins", w.text)
		}
		want(t, fs, Warn, "replication", "not listed under replication: the proxy refuses them, the server itself does not ('repl'@'%')")
		want(t, fs, Warn, "replication", `"nobody" is listed`)
		want(t, fs, OK, "tls", "the server offers TLS, unused")
		for _, f := range fs {
			if strings.Contains(f.Text, "'locked'") || strings.Contains(f.Text, "readers") || f.Check == "plugins" && strings.Contains(f.Text, "'either'") {
				t.Errorf("unexpected finding %+v", f)
			}
		}
		s = server
		p.Servers = []Server{s}
		want(t, examine(t, p), Fail, "plugins", "require a client's certificate, which ends at the proxy: 'cert'@'%'")
	})
	t.Run("sessions around the proxy", func(t *testing.T) {
		connect(t, "app:x@tcp("+my.Addr()+")/")
		p.Servers, p.Listeners = []Server{server}, []Listener{listener}
		// None of our sockets: the parent process stands for a running proxy.
		b.watchers = []token.Watcher{{ID: "w", Host: hostname(t), PID: os.Getppid(), Servers: []string{"shop"}}}
		defer func() { b.watchers = nil }()
		fs := examine(t, p)
		want(t, fs, Warn, "sessions", `1 session(s) of "app" in database "" come from this machine around the proxy`)
		b.watchers[0].PID = os.Getpid()
		want(t, examine(t, p), OK, "sessions", "nobody is connected")
		connect(t, "root@unix("+my.Socket+")/")
		want(t, examine(t, p), Warn, "sessions", `of "root" in database "" come from the server's unix socket`)
	})
	t.Run("a sick installation", func(t *testing.T) {
		gone := tk
		gone.Place.Table = "gone"
		b.snap.Tokens = []token.Token{tk, gone}
		defer func() { b.snap.Tokens = nil }()
		run(t, my, "CREATE USER blind@'%' IDENTIFIED BY 'hush-hush'; GRANT SELECT ON shop.* TO blind@'%'; SET GLOBAL general_log = 1; SET GLOBAL read_only = 1")
		defer run(t, my, "SET GLOBAL general_log = 0; SET GLOBAL read_only = 0")
		s := server
		s.DSN = strings.Replace(s.DSN, "seeder", "blind", 1)
		s.TLS.CAFile = write(t, "other.pem", cert)
		s.ProxyProtocol = true
		p.Servers, p.Listeners = []Server{s}, nil
		fs := examine(t, p)
		want(t, fs, Fail, "rights", "blind@% may plant in none of 2 tables")
		want(t, fs, Warn, "read_only", "read only")
		want(t, fs, Warn, "log", "general_log")
		want(t, fs, Warn, "place", "gone has no column email")
		want(t, fs, Fail, "proxy_protocol", "no PROXY header from this machine")
		want(t, fs, Fail, "proxy_protocol", of.noHeader)
		s.ProxyProtocol = false
		p.Servers = []Server{s}
		want(t, examine(t, p), Fail, "tls", "certificate is not accepted (tls.mode verify-full)")
		s.DSN = seeding(my, "wrong-pass")
		p.Servers = []Server{s}
		fs = examine(t, p)
		want(t, fs, Fail, "role", "can't log in")
		for _, f := range fs {
			if strings.Contains(f.Text+f.Advice, "wrong-pass") {
				t.Errorf("password shown: %+v", f)
			}
		}
	})
	t.Run("a seeding role that comes through the proxy, and one that may do everything", func(t *testing.T) {
		run(t, my, "CREATE USER boss@'%' IDENTIFIED BY 'hush-hush'; GRANT ALL ON *.* TO boss@'%'")
		s, l := server, listener
		s.DSN = strings.Replace(s.DSN, "seeder", "boss", 1)
		l.Address = fmt.Sprintf("localhost:%d", my.Port)
		p.Servers, p.Listeners = []Server{s}, []Listener{l}
		fs := examine(t, p)
		want(t, fs, Fail, "target", "connects through the proxy")
		want(t, fs, Warn, "superuser", "boss@% may do everything")
		want(t, fs, OK, "rights", "may plant in 2 of the 2 tables")
	})
	t.Run("rights on columns, and triggers that are not shown", func(t *testing.T) {
		run(t, my, `CREATE USER half@'%' IDENTIFIED BY 'hush-hush'; GRANT SELECT (id, email), INSERT (id, email) ON shop.customers TO half@'%';
			CREATE USER unseeing@'%' IDENTIFIED BY 'hush-hush'; GRANT SELECT, INSERT ON shop.customers TO unseeing@'%'`)
		s := server
		s.DSN = strings.Replace(server.DSN, "seeder", "half", 1)
		p.Servers, p.Listeners = []Server{s}, []Listener{listener}
		want(t, examine(t, p), Fail, "rights", "rights on some columns are not enough")
		s.DSN = strings.Replace(server.DSN, "seeder", "unseeing", 1)
		p.Servers = []Server{s}
		fs := examine(t, p)
		want(t, fs, Warn, "rights", "could remove rows from only 0")
		want(t, fs, Warn, "triggers", "triggers of customers are not shown")
	})
}

// tlsArg makes a program of each kind speak TLS.
var tlsArg = map[myserver.Kind]string{myserver.MariaDB: "--ssl", myserver.MySQL: "--ssl-mode=REQUIRED"}

func TestAMariaDBThatInsistsOnTLSAndTakesPROXYHeadersIsTold(t *testing.T) {
	settings, headers := []string{"require_secure_transport = 1", "bind-address = 0.0.0.0", "log_bin = bin"}, release(t).Kind == myserver.MariaDB
	if headers {
		settings = append(settings, "proxy_protocol_networks = 127.0.0.1")
	}
	my, _ := maria(t, settings...)
	run(t, my, "GRANT PROCESS ON *.* TO seeder@'127.0.0.1'; GRANT SELECT ON mysql.* TO seeder@'127.0.0.1'; CREATE USER app@'%' IDENTIFIED BY 'x', repl@'%' IDENTIFIED BY 'x'; GRANT REPLICATION SLAVE ON *.* TO repl@'%'")
	b := &book{}
	p := patient(t, b)
	s := Server{Name: "shop", Protocol: MySQL, Address: my.Addr(), DSN: seeding(my, "hush-hush"), TLS: tlsconf.Server{Mode: "disable", MinVersion: "1.2"}}
	p.Servers = []Server{s}
	fs := examine(t, p)
	want(t, fs, Fail, "require_secure_transport", "refuses connections without TLS")
	if headers {
		want(t, fs, Warn, "proxy_protocol", "believes PROXY headers of 127.0.0.1")
	}
	want(t, fs, Warn, "bind_address", `the server listens on "0.0.0.0"`)
	want(t, fs, Warn, "hosts", "admit clients from other machines around the proxy")

	s.TLS.Mode, s.ProxyProtocol = "require", headers
	p.Servers = []Server{s}
	fs = examine(t, p)
	want(t, fs, OK, "auth", "turns strangers away")
	want(t, fs, OK, "require_secure_transport", "insists on TLS")
	if headers {
		want(t, fs, OK, "proxy_protocol", "takes PROXY headers from 127.0.0.1")
		want(t, fs, OK, "sessions", "nobody is connected")
		b.watchers = []token.Watcher{{ID: "w", Host: "elsewhere", PID: 7, Servers: []string{"shop"}}}
		want(t, examine(t, p), Warn, "sessions", "can't be told apart")
		// One that names its sessions is another matter: by its number, the server's
		// own, each is known whatever address it shows.
		c := connect(t, "app:x@tcp("+my.Addr()+")/?tls=skip-verify")
		var id uint32
		if err := c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
			t.Fatal(err)
		}
		p.Proxy = func(context.Context) (*Proxy, error) {
			return &Proxy{Host: "elsewhere", PIDs: []int{7}, Backends: []Backend{{"other", id}}}, nil
		}
		want(t, examine(t, p), Warn, "sessions", `1 session(s) of "app" in database "" come from 127.0.0.1 around the proxy`)
		p.Proxy = func(context.Context) (*Proxy, error) {
			return &Proxy{Host: "elsewhere", PIDs: []int{7}, Backends: []Backend{{"shop", id}}}, nil
		}
		want(t, examine(t, p), OK, "sessions", "nobody is connected")
		b.watchers, p.Proxy = nil, nil
	}

	// A reader of the binary log.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { // ends with ctx
		_, err := my.Tool(ctx, "mariadb-binlog", "--read-from-remote-server", "--raw", "--stop-never", tlsArg[my.Kind], "--user=repl", "--password=x", "--protocol=tcp", "--host=127.0.0.1", fmt.Sprintf("--port=%d", my.Port), "bin.000001")
		done <- err
	}()
	defer func() { cancel(); <-done }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(2 * time.Minute); ; {
		out, err := my.Query(t.Context(), "", "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'")
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(out) == "1" {
			break
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("mariadb-binlog ended: %v", err)
		case <-deadline:
			t.Fatal("nobody reads the binary log")
		case <-tick.C:
		}
	}
	want(t, examine(t, p), Warn, "binlog", `"repl" read the binary log from 127.0.0.1`)
}

func TestManyExaminationsDoNotBlockTheMachine(t *testing.T) {
	noTLS := map[myserver.Kind]string{myserver.MariaDB: "skip_ssl", myserver.MySQL: "tls_version ="}[release(t).Kind]
	my, err := myserver.Start(t.Context(), myserver.Options{Settings: []string{"max_connect_errors = 3", noTLS}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(my.Stop)
	p := patient(t, &book{})
	p.Servers = []Server{{Name: "shop", Protocol: MySQL, Address: my.Addr(), TLS: tlsconf.Server{Mode: "prefer", MinVersion: "1.2"}}}
	var fs []Finding
	for range 6 {
		fs = examine(t, p)
	}
	want(t, fs, OK, "auth", "turns strangers away")
	want(t, fs, OK, "tls", "offers no TLS; the link stays on this machine")
	p.Servers[0].Address = "unix:" + my.Socket
	want(t, examine(t, p), OK, "reachable", ": "+string(my.Kind)+" ")
}

func TestPluginsThatCantPassTheProxyAreToldForEachKindOfLink(t *testing.T) {
	open := passage{}                                      // no TLS anywhere, over a network
	inside := passage{always: true, tls: true, safe: true} // TLS on both legs
	half := passage{tls: true, safe: true}                 // TLS with the server only
	front := passage{always: true}                         // TLS with the clients only
	local := passage{unix: true, safe: true, account: "honeyrow"}
	for _, tc := range []struct {
		plugin string
		user   string
		p      passage
		level  Level
		text   string
	}{
		{"mysql_native_password", "a", open, OK, ""},
		{"ed25519", "a", open, OK, ""},
		{"parsec", "a", open, OK, ""},
		{"mysql_old_password", "a", inside, Fail, "refuses"},
		{"caching_sha2_password", "a", inside, OK, ""},
		{"caching_sha2_password", "a", front, OK, ""},
		{"caching_sha2_password", "a", half, Warn, "the proxy's RSA key"},
		{"sha256_password", "a", open, Warn, "unless they ask for the RSA key"},
		{"pam", "a", open, Fail, "the proxy refuses them"},
		{"pam", "a", front, Fail, "the proxy refuses them"},
		{"authentication_ldap_simple", "a", half, Warn, "clients without TLS"},
		{"auth_pam_compat", "a", inside, OK, ""},
		{"unix_socket", "root", open, OK, "stay outside"},
		{"auth_socket", "honeyrow", local, Fail, "without a password"},
		{"unix_socket", "root", local, OK, "can't come through"},
		{"authentication_kerberos", "a", inside, Warn, "ticket"},
		{"home_made", "a", inside, Warn, "home_made"},
		{"mysql_no_login", "a", open, OK, ""},
	} {
		o := tc.p.pass(tc.plugin, tc.user)
		if o.level != tc.level || !strings.Contains(o.text, tc.text) || (o.level != OK) != (o.advice != "") {
			t.Errorf("%s of %s on %+v: %+v, want %s with %q", tc.plugin, tc.user, tc.p, o, tc.level, tc.text)
		}
	}
	either := account{user: "root", host: "%", plugins: []string{"unix_socket", "mysql_native_password"}}
	if os := inside.judge(either); len(os) != 0 {
		t.Errorf("an account with a second plugin: %+v", os)
	}
	either.user = "honeyrow"
	if os := local.judge(either); len(os) != 1 || os[0].level != Fail {
		t.Errorf("an account that the proxy's own process opens: %+v", os)
	}
	with := inside
	with.cert = true
	for _, tc := range []struct {
		p     passage
		tls   string
		level Level
	}{{open, "", OK}, {open, "ANY", Fail}, {inside, "ANY", OK}, {inside, "X509", Fail}, {with, "SPECIFIED", Warn}} {
		if o := tc.p.required(tc.tls); o.level != tc.level {
			t.Errorf("REQUIRE %q on %+v: %+v, want %s", tc.tls, tc.p, o, tc.level)
		}
	}
}

func TestHostsOfAccountsAreMatchedAsTheServerDoes(t *testing.T) {
	for _, tc := range []struct {
		pattern, host string
		want          bool
	}{
		{"%", "10.0.0.1", true},
		{"", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.%", "10.0.0.77", true},
		{"10.0.0.%", "10.0.1.7", false},
		{"10.0.0._", "10.0.0.7", true},
		{"10.0.0.0/255.255.255.0", "10.0.0.7", true},
		{"10.0.0.0/255.255.255.0", "10.0.1.7", false},
		{"10.0.0.0/24", "10.0.0.7", true},
		{"10.0.0.0/nonsense", "10.0.0.7", false},
		{"localhost", "127.0.0.1", false},
		{"%.Corp.example", "db.corp.example", true},
		{"%.corp.example", "db.corp.example.evil", false},
	} {
		if got := admits(tc.pattern, tc.host); got != tc.want {
			t.Errorf("%q admits %q: %t, want %t", tc.pattern, tc.host, got, tc.want)
		}
	}
}

func TestASelfSignedListenerBeforeANewMariaDBIsTold(t *testing.T) {
	cert, _ := certificate(t, "proxy.internal", time.Now().Add(time.Hour))
	der, _ := pem.Decode(cert)
	leaf, err := x509.ParseCertificate(der.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for version, warned := range map[string]bool{"11.4.2-MariaDB": true, "5.5.5-12.0.1-MariaDB": true, "11.3.9-MariaDB": false, "8.4.3": false} {
		var fs []Finding
		x := &exam{emit: func(f Finding) { fs = append(fs, f) }, probes: map[string]*probe{"shop": {version: version}}}
		x.fingerprint("listener shop", &Listener{Server: "shop"}, leaf)
		if (len(fs) > 0) != warned {
			t.Errorf("%s: %+v, want a warning: %t", version, fs, warned)
		}
	}
}
