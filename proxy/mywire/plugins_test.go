package mywire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// installable reports whether a MariaDB has the file of a plugin.
func installable(t *testing.T, s *myserver.Server, plugin string) bool {
	t.Helper()
	out, err := s.Query(t.Context(), "", "select count(distinct plugin_name) from information_schema.all_plugins where plugin_name = '"+plugin+"'")
	if err != nil {
		t.Fatal(err)
	}
	if out != "1\n" {
		t.Logf("left out: this server has no plugin %s", plugin)
	}
	return out == "1\n"
}

// legs calls f for TLS on either, both or no leg: with the address of a proxy and
// the arguments with which the server's own client gets there.
func legs(t *testing.T, s *myserver.Server, f func(what, addr string, rec *inspecttest.Recorder, args []string)) {
	t.Helper()
	_, ca, pair := realServer(t)
	authority := copyFor(t, ca.PEM)
	for _, serverMode := range []string{tlsconf.Disable, tlsconf.Require} {
		rec := inspecttest.New()
		addr, _ := proxiedWith(t, rec, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: serverMode}},
		}, wire.Origin{}, func(error) {})
		f("no TLS with the client, server's "+serverMode, addr, rec, s.NoTLS())
		f("TLS with the client, server's "+serverMode, addr, rec, s.VerifiedTLS(authority))
	}
}

// MariaDB 11.6 and later: the client signs with a key made of the password, and
// learns how it is made from the server, in packets that the proxy does not read.
func TestParsecLoginsOfARealServer(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) || !installable(t, s, "parsec") {
		return
	}
	if err := s.Exec(t.Context(), "", "install soname 'auth_parsec'; create user parsec_u identified via parsec using password('secret'), both_u identified via parsec using password('secret') or ed25519 using password('secret'); grant all on *.* to parsec_u, both_u"); err != nil {
		t.Fatal(err)
	}
	legs(t, s, func(what, addr string, rec *inspecttest.Recorder, args []string) {
		for _, user := range []string{"parsec_u", "both_u"} {
			for _, password := range []string{"secret", "wrong"} {
				what := fmt.Sprintf("%s, %s with %q", user, what, password)
				rec.Reset()
				out, err := client(t, s, addr, "select substring_index(user(), '@', 1)", append(args, "--user="+user, "--password="+password)...)
				opens := rec.Calls("Open")
				if password == "wrong" {
					// MariaDB 11.8 itself hangs up on both_u over TLS instead of answering.
					if err == nil || !strings.Contains(err.Error(), "1045") && user != "both_u" || len(opens) != 0 {
						t.Errorf("%s: %q, %v, opened %+v", what, out, err, opens)
					}
					continue
				}
				if err != nil || out != user+"\n" {
					t.Errorf("%s: %q, %v", what, out, err)
				} else if len(opens) != 1 || opens[0].Client.User != user {
					t.Errorf("%s: opened %+v", what, opens)
				}
			}
		}
	})
}

// A second server that clones the first through the proxy gets nothing unless
// its user is listed; then all pages pass, and are shown.
func TestAClonedServerNeedsAListedUser(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	recipient, err := myserver.Start(t.Context(), myserver.Options{Settings: []string{"plugin_load_add = mysql_clone.so", "max_allowed_packet = 256M"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(recipient.Stop)
	if err := s.Exec(t.Context(), "crm", "install plugin clone soname 'mysql_clone.so'; create table cloned (v varchar(100)); insert into cloned values ('a honey value in a page'); create user clone_u identified by 'secret'; grant backup_admin on *.* to clone_u"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client(t.Context(), "select 1", "--socket="+s.Socket, "--user=clone_u", "--password=secret"); err != nil {
		t.Fatal(err) // from now on the server knows the password's digest
	}
	for _, listed := range []bool{false, true} {
		rec := inspecttest.New()
		rec.Quiet = true
		var replicas []string
		if listed {
			replicas = []string{"clone_u"}
		}
		addr, p := proxiedWith(t, rec, Config{Replication: replicas, Server: Server{Address: s.Addr()}}, wire.Origin{}, func(error) {})
		err := recipient.Exec(t.Context(), "", fmt.Sprintf("set global clone_valid_donor_list = '%s'; clone instance from clone_u@'127.0.0.1':%s identified by 'secret' data directory = '%s/cloned-%v' require no ssl",
			addr, addr[strings.LastIndexByte(addr, ':')+1:], recipient.Dir, listed))
		asked := false
		for _, c := range rec.Calls("Open") {
			asked = asked || c.Client.Replication == "COM_CLONE" && c.Client.User == "clone_u"
		}
		if !asked {
			t.Errorf("listed %v: no COM_CLONE is reported: %v, %+v", listed, err, rec.Calls("Open"))
		}
		shown := rec.Bytes(event.ChannelReplication)
		if listed {
			if err != nil || !bytes.Contains(shown, []byte("a honey value in a page")) {
				t.Errorf("of a listed user: %v, %d bytes shown", err, len(shown))
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "COM_CLONE is not allowed") || len(shown) > 0 || p.Counters.ReplicationRefused.Load() == 0 {
			t.Errorf("of a user who is not listed: %v, %d bytes shown, %d refused", err, len(shown), p.Counters.ReplicationRefused.Load())
		}
	}
}
