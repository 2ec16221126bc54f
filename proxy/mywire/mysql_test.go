package mywire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os/user"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// As MySQL 9.7 answers a prepared CALL to a client without DEPRECATE_EOF: the
// EOF behind the values of OUT parameters does not say that an OK follows.
func TestTheOKBehindOUTParametersBelongsToTheCall(t *testing.T) {
	x := start(t, oldCaps, nil)
	x.client(nil, command(mysql.COM_STMT_PREPARE, "call outs(?, ?)"))
	x.server(nil, pk(1, x.prepared(4, 2, 0)...))
	const outs = mysql.SERVER_PS_OUT_PARAMS | mysql.SERVER_MORE_RESULTS_EXISTS | 2
	x.client(nil, cat(execute(4, 0, "1", "x"), query("select 2")))
	answer := append(x.head(mysql.SERVER_MORE_RESULTS_EXISTS|2, column("5", 0, 0, 0)), binaryRow(str("5")), x.end(mysql.SERVER_MORE_RESULTS_EXISTS|2))
	answer = append(append(answer, x.head(outs, twoColumns()...)...), binaryRow(str("2"), str("x!")), x.end(2), x.ok(2))
	x.server(nil, cat(pk(1, answer...), pk(1, x.result(2, twoColumns(), textRow("1", "b"))...)))
	if done := x.rec.Calls("Done"); len(done) != 2 || done[0].N != 2 || done[1].N != 1 || !x.f.AtRest() {
		t.Errorf("runs %+v, at rest %v", done, x.f.AtRest())
	}
}

// MariaDB sends numbers in character_set_results, MySQL the decimals alone.
func TestNumbersAmongWideTextsAreReadConvertedOrNot(t *testing.T) {
	wide := func(s string) string { return "\x00" + strings.Join(strings.Split(s, ""), "\x00") }
	def := column("n", mysql.MYSQL_TYPE_LONGLONG, 63, 0)
	def = cat(str(wide("def")), def[4:])
	text := column("t", 0, 54, 0)
	text = cat(str(wide("def")), text[4:])
	for _, pad := range []int{0, 40_000} { // the second as a row that is read as it passes
		for _, number := range []string{"4111111111111111", "7", wide("4111111111111111"), wide("-1.5")} {
			x := start(t, newCaps, nil)
			x.client(nil, query("select n, t"))
			sent := pk(1, x.result(2, [][]byte{text, def}, textRow(wide(strings.Repeat("x", pad)+"honey"), number))...)
			for i := 0; i < len(sent); {
				n := 1 // byte by byte, but for the midst of the padding
				if i > 500 && len(sent)-i > 2000 {
					n = 997
				}
				if _, err := x.d.Feed(wire.Server, sent[i:i+n]); err != nil {
					t.Fatal(err)
				}
				i += n
			}
			want := "honey\x00" + strings.ReplaceAll(number, "\x00", "")
			var got string
			for _, c := range x.rec.Calls("Row") {
				a, _ := c.Field(0)
				b, _ := c.Field(1)
				got = string(a) + "\x00" + string(b)
			}
			for _, c := range x.rec.Calls("Stream") {
				got += string(c.Data)
			}
			if !strings.Contains(got, want) {
				t.Errorf("%d bytes before, %q: shown as %.80q", pad, number, got[max(0, len(got)-80):])
			}
		}
	}
}

// The real thing of TestCachingSHA2FullAndFast: what a server of Oracle's asks
// for, with its own client and with go-sql-driver.
func TestSHA2LoginsOfARealServer(t *testing.T) {
	s, ca, pair := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	name := clientTLS(t, ca)
	authority := copyFor(t, ca.PEM)
	for _, serverMode := range []string{tlsconf.Disable, tlsconf.Require} {
		rec := inspecttest.New()
		addr, p := proxiedWith(t, rec, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: serverMode}},
		}, wire.Origin{}, func(error) {})
		for _, clientTLS := range []bool{false, true} {
			for _, user := range []string{"two_u", "sha256_u"} {
				if user == "two_u" && s.OldMySQL() {
					continue // a native password
				}
				translates := clientTLS != (serverMode == tlsconf.Require)
				for _, path := range []string{"full", "fast"} {
					what := fmt.Sprintf("%s %s, client's TLS %v, server %s", user, path, clientTLS, serverMode)
					for _, own := range []bool{true, false} {
						if path == "full" { // the server forgets what it knows of passwords
							if err := s.Exec(t.Context(), "", "flush privileges"); err != nil {
								t.Fatal(err)
							}
						}
						before := p.Counters.Translated.Load()
						if own {
							args := s.NoTLS()
							if clientTLS {
								args = s.VerifiedTLS(authority)
							}
							out, err := client(t, s, addr, "select substring_index(user(), '@', 1)", append(args, "--user="+user, "--password=secret")...)
							if err != nil || out != user+"\n" {
								t.Errorf("mysql, %s: %q, %v", what, out, err)
							}
						} else {
							mode := "false"
							if clientTLS {
								mode = name
							}
							c, err := tryOpen(t, fmt.Sprintf("%s:secret@tcp(%s)/crm?tls=%s", user, addr, mode))
							if err != nil {
								t.Errorf("go-sql-driver, %s: %v", what, err)
								continue
							}
							var got string
							if err := c.QueryRowContext(t.Context(), "select user()").Scan(&got); err != nil || !strings.HasPrefix(got, user) {
								t.Errorf("go-sql-driver, %s: %q, %v", what, got, err)
							}
						}
						want := translates && (path == "full" || user == "sha256_u") // sha256_password has no fast path
						if got := p.Counters.Translated.Load() > before; got != want {
							t.Errorf("%s, own client %v: translated %v, want %v", what, own, got, want)
						}
					}
				}
				out, err := client(t, s, addr, "select 1", append(s.NoTLS(), "--user="+user, "--password=wrong")...)
				if err == nil || !strings.Contains(err.Error(), "1045") {
					t.Errorf("%s with a wrong password: %q, %v", user, out, err)
				}
			}
		}
	}
}

// The second factor is who the proxy is at the server's unix socket.
func TestASecondFactorOfARealServerIsAskedFor(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "", "set global authentication_policy = '*,*'; install plugin auth_socket soname 'auth_socket.so'; drop user if exists factor_u; create user factor_u identified with caching_sha2_password by 'secret' and identified with auth_socket as '"+me.Username+"'; set global authentication_policy = '*,,'"); err != nil {
		t.Fatal(err)
	}
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Socket}})
	for _, password := range []string{"secret", "wrong"} {
		out, err := client(t, s, addr, "select current_user()", append(s.NoTLS(), "--user=factor_u", "--password1="+password)...)
		if ok := err == nil && out == "factor_u@%\n"; ok != (password == "secret") {
			t.Errorf("password %q: %q, %v", password, out, err)
		}
	}
	if opens := rec.Calls("Open"); len(opens) != 1 || opens[0].Client.User != "factor_u" {
		t.Errorf("opened %+v", opens)
	}
}

// warm lets the server know the digest of the ordinary account's password again.
func warm(t testing.TB, s *myserver.Server) {
	t.Helper()
	if _, err := s.Client(t.Context(), "select 1", "--socket="+s.Socket, "--user=native_u", "--password=secret"); err != nil {
		t.Fatal(err)
	}
}

func TestRealChangeOfUserWithSHA2(t *testing.T) {
	s, ca, pair := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.PEM)
	for _, serverMode := range []string{tlsconf.Disable, tlsconf.Require} {
		rec := inspecttest.New()
		addr, p := proxiedWith(t, rec, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: serverMode}},
		}, wire.Origin{}, func(error) {})
		for _, secure := range []*tls.Config{nil, {RootCAs: pool, ServerName: "db.example"}} {
			t.Run(fmt.Sprintf("client's TLS %v, server %s", secure != nil, serverMode), func(t *testing.T) {
				changesUser(t, s, rec, p, secure != nil != (serverMode == tlsconf.Require), func() *userChanger {
					warm(t, s)
					return &userChanger{dialRawOver(t, addr, capProtocol41|capSecure|capPluginAuth|capMySQL|capConnectWithDB, secure), secure != nil}
				})
			})
		}
	}
}

// changesUser is TestRealChangeOfUserWithSHA2 on two legs; translates: only one has TLS.
func changesUser(t *testing.T, s *myserver.Server, rec *inspecttest.Recorder, p *Protocol, translates bool, dial func() *userChanger) {
	t.Helper()
	flush := func() { // the server forgets what it knows of passwords
		if err := s.Exec(t.Context(), "", "flush privileges"); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	x := dial()
	before := len(rec.Calls("Open"))
	if p := x.to("two_u", "wrong", pluginSHA2); p[0] != mysql.ERR_HEADER {
		t.Fatalf("a wrong password was taken: %q", p)
	}
	// MySQL ends the session of a change of user that fails.
	if n := len(rec.Calls("Open")); n != before {
		t.Fatalf("%d identities after a failure, want %d", n, before)
	}
	flush()
	x = dial()
	for _, to := range []struct {
		user, plugin string
		full         bool
	}{{"two_u", pluginSHA2, true}, {"two_u", pluginSHA2, false}, {"sha256_u", pluginSHA256, true}} {
		before := p.Counters.Translated.Load()
		if p := x.to(to.user, "secret", to.plugin); p[0] != mysql.OK_HEADER {
			t.Fatalf("%s: %q", to.user, p)
		}
		if got, want := p.Counters.Translated.Load() > before, translates && to.full; got != want {
			t.Errorf("%s, full exchange %v: translated %v, want %v", to.user, to.full, got, want)
		}
		got := x.ask(query("select current_user()"))
		if open := rec.Calls("Open"); open[len(open)-1].Client.User != to.user || open[len(open)-1].Client.Database != "other" || !strings.Contains(got, to.user) {
			t.Errorf("%s: opened %+v; %s", to.user, open[len(open)-1], got)
		}
	}
}

// userChanger is a client that changes its user as Oracle's own does.
type userChanger struct {
	*rawClient
	secure bool // it has TLS: a password goes in the clear
}

// proof is the first answer for a plugin.
func (x *userChanger) proof(plugin, password string) []byte {
	switch {
	case plugin != pluginSHA256:
		return mysql.CalcCachingSha2Password(x.salt, []byte(password))
	case x.secure:
		return []byte(password + "\x00")
	}
	return []byte{askKeySHA256}
}

// to changes the user and returns the server's last word.
func (x *userChanger) to(user, password, plugin string) []byte {
	x.Helper()
	say := func(seq byte, p []byte) {
		if _, err := x.Write(pk(seq, p)); err != nil {
			x.Fatal(err)
		}
	}
	auth := x.proof(plugin, password)
	say(0, cat([]byte{mysql.COM_CHANGE_USER}, []byte(user), []byte{0, byte(len(auth))}, auth, []byte("other\x00"), []byte{45, 0}, []byte(plugin), []byte{0}))
	// A server of 8 and later asks anew, with another salt.
	p, seq := x.packet(), byte(2)
	for range 6 {
		switch {
		case p[0] == mysql.EOF_HEADER:
			got, salt, _ := bytes.Cut(p[1:], []byte{0})
			x.salt = bytes.TrimSuffix(salt, []byte{0})
			say(seq, x.proof(string(got), password))
		case p[0] == moreData && len(p) == 2 && p[1] == mysql.CACHE_SHA2_FULL_AUTH && x.secure:
			say(seq, []byte(password+"\x00"))
		case p[0] == moreData && len(p) == 2 && p[1] == mysql.CACHE_SHA2_FULL_AUTH:
			say(seq, []byte{askKeySHA2})
		case p[0] == moreData && len(p) == 2:
			p = x.packet()
			continue
		case p[0] == moreData:
			key, err := publicKey(p[1:])
			if err != nil {
				x.Fatal(err)
			}
			cipher, err := encryptPassword([]byte(password+"\x00"), x.salt, key)
			if err != nil {
				x.Fatal(err)
			}
			say(seq, cipher)
		default:
			return p
		}
		p, seq = x.packet(), seq+2
	}
	return p
}

func TestCompressedTransactionsOfARealServerAreRead(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	rec := inspecttest.New()
	rec.Quiet = true
	addr, p := proxiedWith(t, rec, Config{Replication: []string{"replica_u"}, Server: Server{Address: s.Addr()}}, originNone, func(error) {})
	sql := "drop table if exists bc; create table bc (e text); set session binlog_transaction_compression = on;"
	for i, format := range []string{"statement", "row"} {
		sql += fmt.Sprintf("set session binlog_format = '%s'; insert into bc select concat(repeat('x', 500), 'honey%d@', 'packed.example', repeat('x', 500));", format, i)
		sql += fmt.Sprintf("insert into bc values (concat('%s', 'statement%d'));", strings.Repeat("padding ", 50), i)
	}
	if err := s.Exec(t.Context(), "crm", sql+"update bc set e = concat(e, e); delete from bc"); err != nil {
		t.Fatal(err)
	}
	status, _ := s.BinaryLog()
	file, err := s.Query(t.Context(), "", status)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	if _, err := s.Tool(t.Context(), "mariadb-binlog", append(s.NoTLS(), "--read-from-remote-server", "--host=127.0.0.1", "--port="+port, "--protocol=tcp", "--user=replica_u", "--password=secret", strings.Fields(file)[0])...); err != nil {
		t.Fatal(err)
	}
	got := rec.Bytes(event.ChannelReplication)
	for _, want := range []string{"honey1@packed.example", "statement0"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%q was not shown among %d bytes", want, len(got))
		}
	}
	if p.Counters.ReplicationUnread.Load() != 0 {
		t.Errorf("%d unread", p.Counters.ReplicationUnread.Load())
	}
	payloads := 0
	for _, c := range rec.Calls("Stream") {
		if len(c.Data) > 5 && c.Data[0] == 0 && c.Data[5] == eventTransactionPayload {
			payloads++
		}
	}
	if payloads == 0 {
		t.Error("the log held no compressed transaction: the test shows nothing")
	}
}

// With its own client: attributes of a query, results without definitions and
// compression asked for, changes of state tracked.
func TestWhatOnlyMySQLsClientsAskForPasses(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	if err := s.Exec(t.Context(), "", "install component 'file://component_query_attributes'"); err != nil {
		t.Fatal(err)
	}
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	for _, tt := range []struct {
		in, want string
		args     []string
	}{
		{"query_attributes n1 honey-attribute n2 v2\nselect mysql_query_attribute_string('n1'), mysql_query_attribute_string('n2');", "honey-attribute\tv2\n", []string{"--commands"}},
		{"select 8", "8\n", []string{"--compression-algorithms=zstd,zlib,uncompressed"}},
		{"set session session_track_state_change = on; set session session_track_gtids = OWN_GTID; use other; select database();\nresetconnection\nselect 2", "other\n2\n", []string{"--commands"}},
		{"select 1; select 'two'", "1\ntwo\n", []string{"--skip-column-names"}},
	} {
		got, err := client(t, s, addr, tt.in, append(tt.args, "--database=crm")...)
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	// A server that insists on compression says so to the client.
	if got, err := client(t, s, addr, "select 8", "--compression-algorithms=zstd"); err == nil {
		t.Errorf("zstd alone: %q", got)
	}
	if !slices.ContainsFunc(rec.Calls("Run"), func(c inspecttest.Call) bool { return string(c.Data) == "honey-attributev2" }) {
		t.Errorf("the attributes were not shown as parameters")
	}
}
