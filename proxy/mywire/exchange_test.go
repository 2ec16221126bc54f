package mywire

import (
	"bytes"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

func changeUser(user, plugin string) []byte {
	b := cat([]byte{mysql.COM_CHANGE_USER}, []byte(user), []byte{0, 3}, []byte("abc"), []byte("crm2\x00"), []byte{45, 0}, []byte(plugin), []byte{0})
	return pk(0, append(b, str(string(cat(str("program_name"), str("batch"))))...))
}

func TestIdentityChangesOnlyWithTheServersOK(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelLogin, "forbidden") }, func(x *fixture) {
		x.client(nil, changeUser("other", pluginNative))
		x.server(nil, pk(1, append([]byte{0xfe}, "client_ed25519\x00saltsaltsaltsalt"...)))
		x.client(nil, pk(2, []byte("proof")))
		if n := len(x.rec.Calls("Open")); n != 1 {
			x.Fatal("opened before the OK")
		}
		x.server(nil, pk(3, errPayload(1045, "28000", "Access denied")))
		x.client(nil, query("select 1"))
		x.server(nil, pk(1, x.ok(2)))
		x.client(nil, command(mysql.COM_STMT_PREPARE, "select 2"))
		x.server(nil, pk(1, x.prepared(4, 0, 1)...))
		x.client(nil, changeUser("other", pluginNative))
		x.server(nil, pk(1, x.ok(2)))
		open := x.rec.Calls("Open")
		if len(open) != 2 || open[1].Client.User != "other" || open[1].Client.Database != "crm2" || open[1].Client.Application != "batch" {
			x.Fatalf("opened %+v", open)
		}
		x.client(nil, query("select 3"))
		x.server(nil, pk(1, x.ok(2)))
		if got := x.rec.Calls("Prepare"); got[len(got)-1].Session != 2 {
			x.Error("the statement went to the old session")
		}
		if len(x.f.statements) != 0 {
			x.Error("prepared statements live on")
		}
		// A rule may refuse the new identity: the session ends.
		x.client(nil, changeUser("forbidden", pluginNative))
		x.server(errPk(1), pk(1, x.ok(2)))
		if !x.d.Cut() {
			x.Error("the session goes on")
		}
	})
}

func TestCommandsCanNotHideBehindAChangeOfUser(t *testing.T) {
	x := start(t, newCaps, nil)
	x.client(nil, changeUser("other", pluginNative))
	x.broken(wire.Client, query("select * from secrets"), "before the answer to COM_CHANGE_USER")
	x = start(t, newCaps, nil)
	x.client(nil, changeUser("other", pluginNative))
	x.server(nil, pk(1, []byte("\xfemysql_native_password\x00salt")))
	x.broken(wire.Client, cat(pk(2, []byte("proof")), pk(3, []byte{3, 'x'})), "before the answer to COM_CHANGE_USER")
}

func TestPasswordsDoNotCrossFromASafeToAnUnsafeLegInAChangeOfUser(t *testing.T) {
	for _, plugin := range []string{pluginClear, pluginDialog, pluginSHA256} {
		x := start(t, newCaps, nil)
		x.f.opts.Safe, x.f.opts.Secure = false, [2]bool{true, false}
		x.client(ping, changeUser("other", plugin))
		x.server(pk(1, errPayload(codeAuthMode, stateRejected, oneLegText)), pk(1, x.ok(2)))
	}
	x := start(t, newCaps, nil)
	x.f.opts.Safe, x.f.opts.Secure = false, [2]bool{true, false}
	x.client(nil, changeUser("other", pluginSHA2))
	x.server(nil, pk(1, []byte{1, 3})) // the fast path needs nothing
	x.server(pk(2, errPayload(codeAuthMode, stateRejected, oneLegText)), pk(2, []byte{1, 4}))
	if !x.d.Cut() {
		t.Error("the client may still send its password")
	}
}

func TestFilesAreOnlyAskedForByLoadDataLocal(t *testing.T) {
	x := start(t, newCaps, nil)
	x.client(nil, query("load data Local inFile 'f' into table t"))
	x.server(nil, pk(1, []byte("\xfbf")))
	x.client(nil, pk(2, []byte("1\tann\n"), []byte("2\tbob\n"), nil))
	x.server(nil, pk(5, x.ok(2)))
	if got := string(x.rec.Bytes(event.ChannelCopyIn)); got != "1\tann\n2\tbob\n" || !x.f.AtRest() {
		t.Errorf("file %q", got)
	}
	x.client(nil, query("select 1"))
	x.broken(wire.Server, pk(1, []byte("\xfb/etc/passwd")), "without LOAD DATA LOCAL INFILE")

	x = start(t, newCaps, nil)
	x.client(nil, cat(query("load data local infile 'f' into table t"), query("select 1")))
	x.broken(wire.Server, pk(1, []byte("\xfbf")), "without waiting")

	x = start(t, newCaps, nil)
	x.client(nil, query("load data local infile 'f' into table t"))
	x.server(nil, pk(1, []byte("\xfbf")))
	x.broken(wire.Client, query("select 1"), "out of order")
}

func TestMoreThan254PacketsOfAFileWrapTheirIds(t *testing.T) {
	x := start(t, newCaps, nil)
	x.client(nil, query("load data local infile 'f' into table t"))
	x.server(nil, pk(1, []byte("\xfbf")))
	var parts [][]byte
	for range 600 {
		parts = append(parts, []byte("1\tx\n"))
	}
	x.client(nil, pk(2, append(parts, nil)...))
	x.server(nil, pk(90, x.ok(2)))
	if !x.f.AtRest() {
		t.Error("not at rest")
	}
}

func TestReplicationNeedsToBeListed(t *testing.T) {
	x := start(t, newCaps, nil)
	dump := command(mysql.COM_BINLOG_DUMP, "\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00binlog.000001")
	x.client(ping, dump)
	out, err := x.d.Feed(wire.Server, pk(1, x.ok(2)))
	if err != nil || !bytes.Contains(out, []byte("list the user under replication")) {
		t.Fatalf("%q, %v", out, err)
	}
	if c := x.rec.Calls("Open"); len(c) != 2 || c[1].Client.Replication != "COM_BINLOG_DUMP" {
		t.Errorf("opened %+v", c)
	}
	x = start(t, newCaps, nil)
	x.f.who.User = "replica"
	x.client(nil, dump)
	x.server(nil, pk(1, append([]byte{0}, "an event with honey"...), append([]byte{0}, bytes.Repeat([]byte("e"), 100_000)...)))
	x.client(nil, command(semiSyncMagic, "position"))
	x.server(nil, pk(3, errPayload(1236, "HY000", "log purged")))
	x.client(nil, query("select 1"))
	x.server(nil, pk(1, x.ok(2)))
	if got := x.rec.Bytes(event.ChannelReplication); !bytes.Contains(got, []byte("with honey")) || len(got) < 100_000 || !x.f.AtRest() {
		t.Errorf("%d bytes of the stream were shown", len(got))
	}
	if got := x.rec.Statements()[0]; got != `-- COM_BINLOG_DUMP from "binlog.000001" at 4` {
		t.Errorf("note %q", got)
	}
}
