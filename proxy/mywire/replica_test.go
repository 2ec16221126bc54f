package mywire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
)

// semiSync are the plugins with which both ends of replication acknowledge what
// has come. MariaDB has them built in.
func semiSync(r myserver.Release) (primary, replica []string) {
	switch {
	case r.Kind == myserver.MariaDB:
		return nil, nil
	case r.MySQLFrom(80026):
		return []string{"plugin_load_add = semisync_source.so"}, []string{"plugin_load_add = semisync_replica.so"}
	}
	return []string{"plugin_load_add = semisync_master.so"}, []string{"plugin_load_add = semisync_slave.so"}
}

// replication is a primary and a replica of it, with the words that their
// release has for them.
type replication struct {
	testing.TB
	primary, replica *myserver.Server
	ca               *tlstest.Authority
}

func newReplication(t testing.TB) *replication {
	t.Helper()
	found, err := myserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	r := &replication{TB: t, ca: tlstest.New(t, t.TempDir())}
	pair := r.ca.Issue(t, "db.example", "db.example", "127.0.0.1")
	primary, replica := semiSync(found.Release)
	if found.Kind == myserver.MySQL {
		gtid := []string{"gtid_mode = ON", "enforce_gtid_consistency = ON", "log_slave_updates = ON"}
		primary, replica = append(primary, gtid...), append(replica, gtid...)
	}
	r.primary, err = myserver.Start(t.Context(), myserver.Options{
		Settings: append([]string{"server_id = 11", "max_allowed_packet = 64M", "log_bin = binlog", "binlog_format = ROW", "ssl_cert = server.crt", "ssl_key = server.key", "ssl_ca = ca.crt"}, primary...),
		Files:    map[string][]byte{"server.crt": pair.Cert, "server.key": pair.Key, "ca.crt": r.ca.PEM},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.primary.Stop)
	r.replica, err = myserver.Start(t.Context(), myserver.Options{
		Settings: append([]string{"server_id = 12", "max_allowed_packet = 64M", "log_bin = binlog", "relay_log = relay", "skip_slave_start = ON"}, replica...),
		// A data folder is copied from a common one, and the identity of MySQL's servers with it.
		Files: map[string][]byte{"ca.crt": r.ca.PEM, "auto.cnf": []byte("[auto]\nserver-uuid=00000000-0000-4000-8000-000000000012\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.replica.Stop)
	r.at(r.primary, "create database crm; create table crm.people (id int auto_increment primary key, e longtext);"+
		"create user replica_u@'%' identified by 'secret'; create user stranger_u@'%' identified by 'secret';"+
		"grant replication slave on *.* to replica_u@'%'; grant replication slave on *.* to stranger_u@'%'")
	return r
}

// at runs statements at one of the servers.
func (r *replication) at(s *myserver.Server, sql string) string {
	r.Helper()
	out, err := s.Query(r.Context(), "", sql)
	if err != nil {
		r.Fatalf("%.300s: %v", sql, err)
	}
	return out
}

// words turns statements in those of before MySQL 8.4 into the replica's own.
func (r *replication) words(sql string) string {
	if r.replica.MySQLFrom(80400) {
		sql = strings.NewReplacer("CHANGE MASTER TO", "CHANGE REPLICATION SOURCE TO", "MASTER_", "SOURCE_", "SLAVE", "REPLICA").Replace(sql)
	}
	return sql
}

// semiWords is words for the variables of acknowledgement.
func (r *replication) semiWords(sql string) string {
	if r.replica.MySQLFrom(80026) {
		sql = strings.NewReplacer("sync_master", "sync_source", "sync_slave", "sync_replica").Replace(sql)
	}
	return sql
}

// semi has writes at the primary wait until the replica has acknowledged them, or not.
func (r *replication) semi(on int) {
	r.Helper()
	r.at(r.primary, r.semiWords(fmt.Sprintf("SET GLOBAL rpl_semi_sync_master_timeout = 120000; SET GLOBAL rpl_semi_sync_master_enabled = %d", on)))
	r.at(r.replica, r.semiWords(fmt.Sprintf("SET GLOBAL rpl_semi_sync_slave_enabled = %d", on)))
}

// semiStatus is one of the primary's counters of acknowledgement.
func (r *replication) semiStatus(name string) string {
	r.Helper()
	f := strings.Fields(r.at(r.primary, r.semiWords("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_"+name+"'")))
	if len(f) != 2 {
		r.Fatalf("status %s: %q", name, f)
	}
	return f[1]
}

// follow points the replica at addr and starts it. from says where it begins.
func (r *replication) follow(addr, user, from string, encrypted bool) {
	r.Helper()
	host, port, _ := strings.Cut(addr, ":")
	sql := fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='%s', MASTER_PASSWORD='secret', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1, %s", host, port, user, from)
	switch {
	case encrypted:
		sql += ", MASTER_SSL=1, MASTER_SSL_CA='" + r.replica.Dir + "/data/ca.crt', MASTER_SSL_VERIFY_SERVER_CERT=1"
	case r.replica.Kind == myserver.MariaDB:
		sql += ", MASTER_SSL=0, MASTER_SSL_VERIFY_SERVER_CERT=0"
	case r.replica.MySQLFrom(80000):
		sql += ", MASTER_SSL=0, GET_MASTER_PUBLIC_KEY=1"
	}
	sql = r.words(sql + "; START SLAVE")
	r.at(r.replica, strings.ReplaceAll(sql, "GET_MASTER_PUBLIC_KEY", r.words("GET_MASTER_PUBLIC_KEY")))
}

func (r *replication) stop() {
	r.Helper()
	r.at(r.replica, r.words("STOP SLAVE"))
	r.until("the primary lets go of the replica", func() bool {
		return r.at(r.primary, "select count(*) from information_schema.processlist where command like 'Binlog Dump%'") == "0\n"
	})
}

// status is the replica's own word on how it is.
func (r *replication) status() string {
	r.Helper()
	return r.at(r.replica, r.words("SHOW SLAVE STATUS"))
}

// until waits for something to become true.
func (r *replication) until(what string, is func() bool) {
	r.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			log := r.replica.Log()
			r.Fatalf("%s: not within two minutes; the replica says:\n%s\n%s", what, r.status(), log[max(0, len(log)-4000):])
		}
	}
}

// has waits until the replica has so many rows, and a table of what they hold.
func (r *replication) has(want string) {
	r.Helper()
	r.until("the replica has "+want, func() bool {
		got, err := r.replica.Query(r.Context(), "", "select count(*), max(length(e)) from crm.people")
		return err == nil && strings.TrimSpace(got) == want
	})
}

// A replica whose user is not listed gets nothing, and says why at the place where
// its administrator looks. One that is listed gets every row, the large ones too, and
// all of it is inspected: from a place in a file and from a GTID, in clear and over
// TLS, with acknowledgements and without.
func TestAReplicaReadsTheBinaryLogThroughTheProxy(t *testing.T) {
	r := newReplication(t)
	front := func(encrypted bool) (*inspecttest.Recorder, string, *Protocol) {
		rec := inspecttest.New()
		rec.Quiet = true
		c := Config{Replication: []string{"replica_u"}, Server: Server{Address: r.primary.Addr()}}
		if encrypted {
			pair := r.ca.Issue(t, "proxy.example", "127.0.0.1")
			c.TLS = tlsconf.Client{Mode: tlsconf.Require, CertFile: pair.CertFile, KeyFile: pair.KeyFile}
			c.Server.TLS = tlsconf.Server{Mode: tlsconf.VerifyFull, CAFile: r.ca.CAFile()}
		}
		addr, p := proxiedWith(t, rec, c, originNone, func(err error) { t.Logf("a session ended: %v", err) })
		return rec, addr, p
	}
	seen := func(rec *inspecttest.Recorder, value string) {
		t.Helper()
		if !bytes.Contains(rec.Bytes(event.ChannelReplication), []byte(value)) {
			t.Errorf("%s was not inspected", value)
		}
	}
	begin := "MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4"
	position := "MASTER_USE_GTID=slave_pos"
	if r.replica.Kind == myserver.MySQL {
		position = "MASTER_AUTO_POSITION=1"
	}

	r.at(r.primary, "insert into crm.people (e) values ('honey1@replica.example')")
	rec, addr, p := front(false)
	r.follow(addr, "stranger_u", begin, false)
	r.until("the replica says why it gets nothing", func() bool {
		return strings.Contains(r.status(), "list the user under replication")
	})
	if n := len(rec.Bytes(event.ChannelReplication)); n != 0 || p.Counters.ReplicationRefused.Load() == 0 {
		t.Errorf("a user who is not listed: %d bytes were read, %d refusals counted", n, p.Counters.ReplicationRefused.Load())
	}
	r.stop()

	r.follow(addr, "replica_u", begin, false)
	r.has("1\t22")
	r.at(r.primary, "insert into crm.people (e) values ('honey2@replica.example')")
	r.has("2\t22")
	seen(rec, "honey1@replica.example")
	seen(rec, "honey2@replica.example")
	r.stop()

	rec, addr, p = front(true)
	r.semi(1)
	r.follow(addr, "replica_u", position, true)
	r.until("the replica acknowledges", func() bool { return r.semiStatus("clients") == "1" })
	r.at(r.primary, "insert into crm.people (e) values ('honey3@replica.example')")
	r.at(r.primary, "insert into crm.people (e) values (concat('honey4@replica.example', repeat('z', 20000000)))")
	if no, yes := r.semiStatus("no_tx"), r.semiStatus("yes_tx"); no != "0" || yes != "2" {
		t.Errorf("%s writes were acknowledged, %s were not", yes, no)
	}
	r.has("4\t20000022")
	seen(rec, "honey3@replica.example")
	seen(rec, "honey4@replica.example")
	var who []string
	for _, c := range rec.Calls("Open") {
		if c.Client.Replication != "" {
			who = append(who, c.Client.User+" "+c.Client.Replication)
		}
	}
	if len(who) != 1 || !strings.HasPrefix(who[0], "replica_u COM_BINLOG_DUMP") {
		t.Errorf("replication sessions %q", who)
	}
	if n := p.Counters.ReplicationUnread.Load(); n != 0 {
		t.Errorf("%d streams could not be read", n)
	}
	r.semi(0)
	r.stop()
}
