package mywire

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"honeyrow/internal/leaks"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf/tlstest"
)

// shared is the server that tests have in common, MariaDB or MySQL: it has TLS,
// and one user per authentication method, all with the password "secret".
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
	os.Exit(leaks.After(code))
}

// realServer returns the shared server, its authority and its certificate.
func realServer(t testing.TB) (*myserver.Server, *tlstest.Authority, tlstest.Pair) {
	t.Helper()
	shared.once.Do(func() { startShared(t) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server, shared.ca, shared.pair
}

// notFor are the tests that show nothing with a kind of server, and why.
var notFor = map[myserver.Kind]map[string]string{
	myserver.MySQL: {
		"TestServersSeeTheClientsAddressThroughThePROXYHeader":    "MySQL takes no PROXY header (Percona Server does)",
		"TestClientsThatGoAwayDoNotGetTheProxyShutOutOfTheServer": "MySQL takes no PROXY header, and counts no errors of loopback",
		"TestACompressedLogOfARealServerIsRead":                   "log_bin_compress is MariaDB's: TestCompressedTransactionsOfARealServerAreRead is MySQL's",
		"TestPAMLoginsOfARealServer":                              "MariaDB's plugin and dialog; MySQL's PAM is not free",
		"TestParsecLoginsOfARealServer":                           "parsec is MariaDB's",
		"TestRealChangeOfUserAcrossPlugins":                       "native passwords are gone from MySQL 9: TestRealChangeOfUserWithSHA2 is its own",
	},
	myserver.MariaDB: {
		"TestAClonedServerNeedsAListedUser":              "CLONE is MySQL's",
		"TestSHA2LoginsOfARealServer":                    "MariaDB has neither caching_sha2_password nor sha256_password before 12",
		"TestRealChangeOfUserWithSHA2":                   "MariaDB has no caching_sha2_password before 12",
		"TestASecondFactorOfARealServerIsAskedFor":       "MariaDB has no second factors",
		"TestWhatOnlyMySQLsClientsAskForPasses":          "what MySQL's own client asks for",
		"TestCompressedTransactionsOfARealServerAreRead": "binlog_transaction_compression is MySQL's",
	},
}

// notIn are the tests that show nothing with some releases of a kind, and why.
var notIn = []struct {
	test string
	in   func(myserver.Release) bool
	why  string
}{
	{"TestRealChangeOfUserWithSHA2", myserver.Release.OldMySQL, "no caching_sha2_password before 8"},
	{"TestASecondFactorOfARealServerIsAskedFor", myserver.Release.OldMySQL, "no second factors before 8.0.27"},
	{"TestCompressedTransactionsOfARealServerAreRead", myserver.Release.OldMySQL, "no binlog_transaction_compression before 8.0.20"},
	{"TestWhatOnlyMySQLsClientsAskForPasses", myserver.Release.OldMySQL, "no query attributes before 8.0.23, no zstd before 8.0.18"},
	{"TestAClonedServerNeedsAListedUser", myserver.Release.OldMySQL, "no CLONE before 8.0.17"},
}

// applies says whether a test shows anything with this server, and prints why not.
func applies(t testing.TB, r myserver.Release) bool {
	t.Helper()
	why, out := notFor[r.Kind][t.Name()]
	if r.Percona && t.Name() == "TestServersSeeTheClientsAddressThroughThePROXYHeader" {
		out = false
	}
	for _, n := range notIn {
		if n.test == t.Name() && n.in(r) {
			why, out = n.why, true
		}
	}
	if out {
		t.Logf("left out with %s: %s", r, why)
	}
	return !out
}

// account is a user of the shared server.
type account struct{ name, how string }

// accounts are the ones with the plugins of each kind. The first's is the
// ordinary one.
var accounts = map[myserver.Kind][]account{
	myserver.MariaDB: {
		{"native_u", "identified via mysql_native_password using password('secret')"},
		{"ed_u", "identified via ed25519 using password('secret')"},
		{"two_u", "identified via ed25519 using password('secret') or mysql_native_password using password('secret')"},
		{"switch_u", "identified via ed25519 using password('secret')"},
		{"tls_u", "identified by 'secret' require ssl"},
		{"any_u", "identified by ''"},
		{"honey's ü", "identified by 'secret'"},
		{"replica_u", "identified by 'secret'"},
	},
	myserver.MySQL: {
		{"native_u", "identified with caching_sha2_password by 'secret'"},
		{"sha256_u", "identified with sha256_password by 'secret'"},
		{"two_u", "identified with caching_sha2_password by 'secret'"},
		{"tls_u", "identified by 'secret' require ssl"},
		{"any_u", "identified by ''"},
		{"honey's ü", "identified by 'secret'"},
		{"replica_u", "identified by 'secret'"},
	},
}

// serverSettings are the shared server's own ones of each kind. No thread of
// MariaDB's is kept for a session to come: that would number its prepared
// statements on from where another one, which ended in time or not, had come to.
var serverSettings = map[myserver.Kind][]string{
	myserver.MariaDB: {"plugin_load_add = auth_ed25519", "proxy_protocol_networks = 127.0.0.1", "log_bin = binlog", "session_track_system_variables = *", "thread_cache_size = 0"},
	// Not "*": statement_id, a counter, is among them.
	myserver.MySQL: {"session_track_system_variables = autocommit,character_set_client,character_set_results,character_set_connection,sql_mode,session_track_schema", "log_bin = binlog"},
}

// accountsOf are the accounts of a release.
func accountsOf(r myserver.Release) []account {
	as := slices.Clone(accounts[r.Kind])
	switch {
	case r.OldMySQL(): // before caching_sha2_password
		for i := range as {
			as[i].how = strings.Replace(as[i].how, "caching_sha2_password", "mysql_native_password", 1)
		}
	case r.Kind == myserver.MySQL && r.Version < 90000:
		as = append(as, account{"old_u", "identified with mysql_native_password by 'secret'"})
	}
	return as
}

// settingsOf are the settings of a release.
func settingsOf(r myserver.Release) []string {
	out := slices.Clone(serverSettings[r.Kind])
	if !r.OldMySQL() && r.Kind == myserver.MySQL {
		out = append(out, "cte_max_recursion_depth = 1000000")
	}
	if r.MySQLFrom(80400) && r.Version < 90000 { // there, but asleep
		out = append(out, "mysql_native_password = ON")
	}
	return out
}

func startShared(t testing.TB) {
	if shared.dir, shared.err = os.MkdirTemp("", "honeyrow-tls-"); shared.err != nil {
		return
	}
	shared.ca = tlstest.New(t, shared.dir)
	shared.pair = shared.ca.Issue(t, "db.example", "db.example", "127.0.0.1")
	found, err := myserver.Find()
	if err != nil {
		shared.err = err
		return
	}
	shared.server, shared.err = myserver.Start(context.Background(), myserver.Options{
		Settings: append([]string{
			"ssl_cert = server.crt", "ssl_key = server.key", "ssl_ca = ca.crt", "max_allowed_packet = 256M",
			"server_id = 1", "local_infile = ON",
		}, settingsOf(found.Release)...),
		Files: map[string][]byte{"server.crt": shared.pair.Cert, "server.key": shared.pair.Key, "ca.crt": shared.ca.PEM},
	})
	if shared.err != nil {
		return
	}
	sql := "create database crm; create database other;"
	for _, a := range accountsOf(found.Release) {
		user := strings.ReplaceAll(a.name, "'", "''")
		sql += fmt.Sprintf("create user '%s'@'%%' %s; grant all on *.* to '%s'@'%%';", user, a.how, user)
	}
	sql += "create user 'far_u'@'10.1.2.3' identified by 'secret';"
	if found.Kind == myserver.MySQL { // MariaDB has such tables of itself
		for _, n := range []int{3, 5, 1000, 2000, 20000, 500000} {
			what := "view"
			if found.OldMySQL() { // refuses such views to everybody
				what = "table"
			}
			sql += fmt.Sprintf("create %s crm.seq_1_to_%d as select seq from %s s;", what, n, found.Sequence(1, n, 1))
		}
	}
	if shared.err = shared.server.Exec(context.Background(), "", sql); shared.err == nil && found.Kind == myserver.MySQL {
		// From now on the server knows the password's digest.
		_, shared.err = shared.server.Client(context.Background(), "select 1", "--socket="+shared.server.Socket, "--user=native_u", "--password=secret")
	}
}
