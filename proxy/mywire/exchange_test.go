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

func TestPasswordsInTheClearDoNotLeaveForAnUnsafeServerInAChangeOfUser(t *testing.T) {
	for _, plugin := range []string{pluginClear, pluginDialog} {
		x := start(t, newCaps, nil)
		x.f.opts.Safe, x.f.opts.Secure = false, [2]bool{true, false}
		x.client(ping, changeUser("other", plugin))
		x.server(pk(1, errPayload(codeAuthMode, stateRejected, exposedText)), pk(1, x.ok(2)))
		// Nor if it is the server that asks for it.
		x.client(nil, changeUser("other", pluginNative))
		x.server(pk(1, errPayload(codeAuthMode, stateRejected, exposedText)), pk(1, []byte("\xfe"+plugin+"\x00")))
		if !x.d.Cut() || x.f.Farewell(wire.Refused, "") != nil {
			t.Error("the client may still send its password, or is told twice")
		}
	}
}

// oneLeg starts a session of which only one leg is secure, and makes the
// server's RSA key.
func oneLeg(t *testing.T, client bool) (*fixture, *keyPair) {
	t.Helper()
	x := start(t, newCaps, nil)
	x.f.opts.Secure, x.f.opts.Safe = [2]bool{client, !client}, !client
	x.f.salt = []byte("01234567890123456789")
	var ring, servers keyring
	x.f.opts.Key = ring.get
	pair, err := servers.get()
	if err != nil {
		t.Fatal(err)
	}
	return x, pair
}

// reply is what has gone back to a side since the last call.
func (x *fixture) reply(side wire.Side) []byte {
	b := x.d.Replies[side]
	x.d.Replies[side] = nil
	return b
}

func TestAChangeOfUserFromAnEncryptedClientIsTranslatedForAPlaintextServer(t *testing.T) {
	for _, how := range []string{"caching_sha2 full", "sha256", "sha256 after a switch", "caching_sha2 fast"} {
		x, pair := oneLeg(t, true)
		ask := byte(askKeySHA256)
		salt := "01234567890123456789"
		id := byte(1) // of the server's next packet
		switch how {
		case "caching_sha2 fast":
			x.client(nil, changeUser("other", pluginSHA2))
			x.server(nil, pk(1, []byte{1, 3}, x.ok(2)))
		case "caching_sha2 full":
			ask, salt = askKeySHA2, "abcdefghijabcdefghij"
			x.client(nil, changeUser("other", pluginNative))
			x.server(nil, pk(1, []byte("\xfe"+pluginSHA2+"\x00"+salt+"\x00")))
			x.client(nil, pk(2, []byte("scramble")))
			x.server(nil, pk(3, []byte{1, 4}))
			x.client(pk(4, []byte{ask}), pk(4, []byte("pass word\x00")))
			id = 5
		case "sha256":
			sent := changeUser("other", pluginSHA256)
			want := bytes.Replace(sent, []byte("\x03abc"), []byte{1, ask}, 1)
			want[0] -= 2
			x.client(want, bytes.Replace(sent, []byte("\x03abc"), []byte("\x03pw\x00"), 1))
		case "sha256 after a switch":
			x.client(nil, changeUser("other", pluginNative))
			x.server(nil, pk(1, []byte("\xfe"+pluginSHA256+"\x00"+salt+"\x00")))
			x.client(pk(2, []byte{ask}), pk(2, []byte("pass word\x00")))
			id = 3
		}
		if how != "caching_sha2 fast" {
			x.server(nothing, pk(id, append([]byte{moreData}, pair.pub...)))
			b := x.reply(wire.Server)
			if len(b) < header || b[3] != id+1 || packetSize(b) != len(b)-header {
				t.Fatalf("%s: reply %q", how, b)
			}
			got, err := decryptPassword(b[header:], []byte(salt), pair.key)
			if want := map[bool]string{true: "pw\x00", false: "pass word\x00"}[how == "sha256"]; err != nil || string(got) != want {
				t.Fatalf("%s: the server decrypts %q, %v", how, got, err)
			}
			// The client has not heard of the key: its ids go on as they were.
			x.server(pk(id, x.ok(2)), pk(id+2, x.ok(2)))
		}
		if open := x.rec.Calls("Open"); len(open) != 2 || open[1].Client.User != "other" || !x.f.AtRest() {
			t.Errorf("%s: opened %+v", how, open)
		}
		x.client(nil, query("select 1"))
		x.server(nil, pk(1, x.ok(2)))
		if n := x.f.count.Translated.Load(); (n == 1) != (how != "caching_sha2 fast") {
			t.Errorf("%s: translated %d", how, n)
		}
	}
}

func TestAChangeOfUserFromAPlaintextClientIsTranslatedForAnEncryptedServer(t *testing.T) {
	for _, how := range []string{"caching_sha2 full", "sha256", "sha256 after a switch"} {
		for _, known := range []bool{false, true} { // the client knows the key already
			x, _ := oneLeg(t, false)
			ask, id := byte(askKeySHA256), byte(2) // id of the client's next packet
			salt := []byte("01234567890123456789")
			pair, err := x.f.opts.Key()
			if err != nil {
				t.Fatal(err)
			}
			cipher, err := encryptPassword([]byte("pass word\x00"), salt, &pair.key.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			ours := cat([]byte{mysql.COM_CHANGE_USER}, []byte("other\x00"))
			rest := cat([]byte("crm2\x00"), []byte{45, 0}, []byte(pluginSHA256+"\x00"))
			first := func(auth []byte) []byte { return pk(0, cat(ours, []byte{byte(len(auth))}, auth, rest)) }
			switch {
			case how == "sha256" && !known:
				x.client(nothing, first([]byte{ask}))
				if x.f.AtRest() {
					t.Error("at rest while the client owes its password")
				}
			case how == "sha256":
				continue // the packet can't hold a cipher
			case how == "caching_sha2 full":
				ask = askKeySHA2
				x.client(nil, changeUser("other", pluginSHA2))
				x.server(nil, pk(1, []byte{1, 4}))
			default:
				x.client(nil, changeUser("other", pluginNative))
				x.server(nil, pk(1, cat([]byte("\xfe"+pluginSHA256+"\x00"), salt, []byte{0})))
			}
			shift := byte(2)
			if how != "sha256" && !known {
				x.client(nothing, pk(id, []byte{ask}))
				id += 2
			} else if known {
				shift = 0
			}
			if !known {
				b := x.reply(wire.Client)
				if want := pk(id-1, append([]byte{moreData}, pair.pub...)); !bytes.Equal(b, want) {
					t.Fatalf("%s: reply %q", how, b)
				}
			}
			want := pk(id-shift, []byte("pass word\x00"))
			if how == "sha256" {
				want = first([]byte("pass word\x00"))
			}
			x.client(want, pk(id, cipher))
			x.server(pk(id+1, x.ok(2)), pk(id+1-shift, x.ok(2)))
			if open := x.rec.Calls("Open"); len(open) != 2 || open[1].Client.User != "other" || !x.f.AtRest() {
				t.Errorf("%s: opened %+v", how, open)
			}
			x.client(nil, query("select 1"))
			x.server(nil, pk(1, x.ok(2)))
		}
	}
}

func TestAPasswordForAnotherKeyEndsAChangeOfUserWithWhatToDo(t *testing.T) {
	x, other := oneLeg(t, false)
	cipher, err := encryptPassword([]byte("secret\x00"), []byte("01234567890123456789"), &other.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	x.client(nil, changeUser("other", pluginSHA2))
	x.server(nil, pk(1, []byte{1, 4}))
	x.client(nothing, pk(2, cipher))
	if b := x.reply(wire.Client); !bytes.Equal(b, pk(3, errPayload(codeDenied, stateDenied, otherKeyText))) || !x.d.Cut() {
		t.Errorf("the client is told %q", b)
	}
	if m := x.f.Farewell(wire.Refused, ""); m != nil {
		t.Errorf("and then %q", m)
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
	e, _ := parseErr(out[header:])
	if err != nil || e.code != 1236 || e.state != "HY000" || !bytes.Contains(e.message, []byte("list the user under replication")) {
		t.Fatalf("%q, %v: a replica asks again and again unless it is error 1236", out, err)
	}
	if c := x.rec.Calls("Open"); len(c) != 2 || c[1].Client.Replication != "COM_BINLOG_DUMP" {
		t.Errorf("opened %+v", c)
	}
	for cmd, name := range map[byte]string{
		mysql.COM_BINLOG_DUMP_GTID: "COM_BINLOG_DUMP_GTID", mysql.COM_TABLE_DUMP: "COM_TABLE_DUMP", mysql.COM_CLONE: "COM_CLONE",
	} {
		x := start(t, newCaps, nil)
		x.client(ping, command(cmd, "\x03crm\x06people"))
		out, err := x.d.Feed(wire.Server, pk(1, x.ok(2)))
		if c := x.rec.Calls("Open"); err != nil || !bytes.Contains(out, []byte(name+" is not allowed")) || len(c) != 2 || c[1].Client.Replication != name {
			t.Errorf("%s: %q, %v; opened %+v", name, out, err, c)
		}
		x = start(t, newCaps, nil)
		x.f.who.Load().User = "replica"
		x.client(nil, command(cmd, "\x03crm\x06people"))
		x.server(nil, pk(1, append([]byte{0}, "a row with honey"...)))
		if got := x.rec.Bytes(event.ChannelReplication); !bytes.Contains(got, []byte("with honey")) {
			t.Errorf("%s of a listed user: shown %q", name, got)
		}
		x.f.Close()
	}
	x = start(t, newCaps, nil)
	x.f.who.Load().User = "replica"
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
