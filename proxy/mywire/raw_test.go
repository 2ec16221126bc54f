package mywire

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
)

// rawClient speaks the protocol byte by byte, to say what no driver says.
type rawClient struct {
	testing.TB
	net.Conn
	salt []byte
	caps caps
}

func dialRaw(t testing.TB, addr string, c caps) *rawClient {
	t.Helper()
	return dialRawOver(t, addr, c, nil)
}

// dialRawOver logs in over TLS, if secure is set.
func dialRawOver(t testing.TB, addr string, c caps, secure *tls.Config) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	x := &rawClient{TB: t, Conn: conn, caps: c}
	g, err := parseGreeting(x.packet())
	if err != nil {
		t.Fatal(err)
	}
	x.salt = g.salt
	r := &response{caps: c, fixed: make([]byte, responseFixed), user: []byte("native_u"), database: []byte("crm"), plugin: []byte(pluginNative), auth: x.native()}
	if g.plugin == pluginSHA2 { // MySQL; the fast path needs a login before
		r.plugin, r.auth = []byte(pluginSHA2), gomysql.CalcCachingSha2Password(x.salt, []byte("secret"))
	}
	r.setCaps(c & g.caps)
	r.fixed[7] = 1 // packets of 16 MiB
	r.fixed[8] = 45
	seq := byte(1)
	if secure != nil {
		r.setCaps(c&g.caps | capSSL)
		if _, err := conn.Write(appendPacket(nil, seq, r.encode(c & g.caps)[:responseFixed])); err != nil {
			t.Fatal(err)
		}
		x.Conn, seq = tls.Client(conn, secure), 2
	}
	if _, err := x.Write(appendPacket(nil, seq, r.encode(c&g.caps))); err != nil {
		t.Fatal(err)
	}
	p := x.packet()
	if len(p) == 2 && p[0] == moreData && p[1] == gomysql.CACHE_SHA2_FAST_AUTH {
		p = x.packet()
	}
	if p[0] != 0 {
		t.Fatalf("login: %q", p)
	}
	x.caps = c & g.caps
	return x
}

func (x *rawClient) native() []byte { return gomysql.CalcNativePassword(x.salt, []byte("secret")) }

func (x *rawClient) packet() []byte {
	x.Helper()
	p, err := readPacket(x.Conn)
	if err != nil {
		x.Fatal(err)
	}
	return p
}

// ask sends packets and returns all packets that answer them: those before the
// answer to a query with a marker.
func (x *rawClient) ask(sent ...[]byte) string {
	x.Helper()
	const marker = "the end of the answers"
	if _, err := x.Write(append(cat(sent...), query("select '"+marker+"'")...)); err != nil {
		x.Fatal(err)
	}
	var all []string
	for {
		p := x.packet()
		all = append(all, fmt.Sprintf("%q", p))
		if len(p) > 0 && string(p[1:]) == marker {
			x.packet()
			break
		}
	}
	head := 3 // column count, definition, row
	if !x.caps.has(capDeprecateEOF) {
		head++
	}
	return strings.Join(all[:len(all)-head], "\n")
}

// gtid is what a server counts up in each session state that it reports.
var gtid = regexp.MustCompile(`0-1-\d+`)

// What clients can say must be answered through the proxy byte by byte as the
// server answers itself.
func TestEveryCommandIsAnsweredAsWithoutTheProxy(t *testing.T) {
	s, _, _ := realServer(t)
	if _, err := s.Query(t.Context(), "crm", "drop table if exists raw;\ndelimiter //\ncreate table raw (a int, b varchar(40) default 'a default'); insert into raw values (1, 'one'), (2, 'two'), (3, null), (4, 'four'); drop procedure if exists outs; create procedure outs(out x int, inout y text) begin select 1; set x = 5; set y = concat(y, '!'); end//"); err != nil {
		t.Fatal(err)
	}
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	base := capProtocol41 | capSecure | capPluginAuth | capConnectWithDB | 1<<13 | 1<<16 | 1<<17 | 1<<18
	for name, c := range map[string]caps{
		"old": base | capMySQL, "new": base | capMySQL | capDeprecateEOF | capSessionTrack,
		"MariaDB's cached":         base | capDeprecateEOF | capSessionTrack | mariaExtendedMeta | mariaBulk | mariaCacheMeta,
		"MariaDB's cached and EOF": base | mariaBulk | mariaCacheMeta,
		"MariaDB's":                base | capDeprecateEOF | capSessionTrack | mariaExtendedMeta | mariaBulk | mariaProgress,
	} {
		var got [2][]string
		for i, a := range []string{s.Addr(), addr} {
			x := dialRaw(t, a, c)
			say := func(sent ...[]byte) { got[i] = append(got[i], x.ask(sent...)) }
			say(command(gomysql.COM_INIT_DB, "crm"))
			say(query("select a, b from raw"), query("do 1"))
			say(query("select 1; do 1; select 2 from raw"))
			say(query("selec"))
			say(command(gomysql.COM_FIELD_LIST, "raw\x00b"))
			say(command(gomysql.COM_SET_OPTION, "\x01\x00"), query("select 1; select 2"), command(gomysql.COM_SET_OPTION, "\x00\x00"))
			say(command(gomysql.COM_DEBUG, ""), command(gomysql.COM_PING, ""), command(gomysql.COM_TIME, ""))
			// A cursor, fetched bit by bit, twice.
			say(command(gomysql.COM_STMT_PREPARE, "select a, b from raw order by a"))
			say(execute(1, 1), fetchRows(1, 1), fetchRows(1, 2), fetchRows(1, 9), fetchRows(1, 9))
			say(execute(1, 1), fetchRows(1, 1), pk(0, cat([]byte{gomysql.COM_STMT_RESET}, le32(1))), fetchRows(1, 1))
			say(execute(1, 0), closeStmt(1), execute(1, 0)) // then of a statement that is gone
			// Long data, and MariaDB's last statement.
			say(command(gomysql.COM_STMT_PREPARE, "select concat(?, '!')"))
			say(pk(0, cat([]byte{gomysql.COM_STMT_SEND_LONG_DATA}, le32(2), []byte{0, 0}, []byte("long "))),
				pk(0, cat([]byte{gomysql.COM_STMT_SEND_LONG_DATA}, le32(2), []byte{0, 0}, []byte("data"))),
				pk(0, cat([]byte{gomysql.COM_STMT_EXECUTE}, le32(2), []byte{0}, le32(1), []byte{0, 1, 0xfc, 0})))
			say(command(gomysql.COM_STMT_PREPARE, "select ?"), execute(lastPreparedID, 0, "both at once"))
			say(command(gomysql.COM_STMT_PREPARE, "call outs(?, ?)"))
			say(execute(4, 0, "1", "out parameters"))
			say(command(gomysql.COM_STMT_PREPARE, "insert into raw values (?, ?)"))
			if c.has(mariaBulk) {
				say(pk(0, cat([]byte{comStmtBulkExecute}, le32(5), []byte{bulkSendTypes, 0, 3, 0, 0xfe, 0}, []byte{0}, le32(8), []byte{0}, str("bulk"), []byte{0}, le32(9), []byte{1})))
				say(query("delete from raw where a > 7"))
			}
			// MySQL opens a cursor unannounced for the second and third.
			say(command(gomysql.COM_STMT_PREPARE, "select a, concat('unannounced ', b) from raw order by a"))
			say(execute(6, 1), fetchRows(6, 1))
			say(execute(6, 0))
			say(execute(6, 0), fetchRows(6, 3), fetchRows(6, 9))
			say(query("set session session_track_schema = on"), query("use other"), query("use nosuch"), query("use crm"))
			say(command(gomysql.COM_RESET_CONNECTION, ""), execute(5, 0))
			say(query("select database(), user()"))
		}
		if left := strings.Contains(strings.Join(got[0], "\n"), `"\x02\x00"`); left != (c.has(mariaCacheMeta) && s.Kind == myserver.MariaDB) {
			t.Errorf("%s: definitions were left out: %v", name, left)
		}
		for i := range got[0] {
			for k := range got {
				got[k][i] = gtid.ReplaceAllString(got[k][i], "gtid")
			}
			if got[0][i] != got[1][i] {
				t.Errorf("%s, step %d:\ndirect  %s\nproxied %s", name, i, got[0][i], got[1][i])
			}
		}
	}
	shown := rec.Bytes(event.ChannelRow)
	wanted := []string{"four", "long data!", "out parameters!", "unannounced four"}
	if s.Kind == myserver.MariaDB { // MySQL has no id for the last statement
		wanted = append(wanted, "both at once")
	}
	for _, want := range wanted {
		if !bytes.Contains(shown, []byte(want)) {
			t.Errorf("%q was not shown", want)
		}
	}
	if !bytes.Contains(rec.Bytes(event.ChannelLabel), []byte("a default")) {
		t.Error("a default was not shown")
	}
}

func TestRealChangeOfUserAcrossPlugins(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	x := dialRaw(t, addr, capProtocol41|capSecure|capPluginAuth|capMySQL|capConnectWithDB)
	changeTo := func(user string, auth []byte) []byte {
		if _, err := x.Write(pk(0, cat([]byte{gomysql.COM_CHANGE_USER}, []byte(user), []byte{0, byte(len(auth))}, auth, []byte("other\x00"), []byte{45, 0}, []byte(pluginNative), []byte{0}))); err != nil {
			t.Fatal(err)
		}
		return x.packet()
	}
	// ed_u has another plugin: the server switches, the client answers.
	p := changeTo("ed_u", x.native())
	if p[0] != 0xfe || !bytes.HasPrefix(p[1:], []byte(pluginEd25519)) {
		t.Fatalf("%q", p)
	}
	if _, err := x.Write(pk(2, bytes.Repeat([]byte{1}, 64))); err != nil {
		t.Fatal(err)
	}
	if p = x.packet(); p[0] != 0xff {
		t.Fatalf("a wrong proof was taken: %q", p)
	}
	if n := len(rec.Calls("Open")); n != 1 {
		t.Fatalf("%d identities after a failure", n)
	}
	p = changeTo("two_u", x.native())
	if p[0] == 0xfe { // two plugins: the server asks for the first
		if _, err := x.Write(pk(2, nil)); err != nil {
			t.Fatal(err)
		}
		for p = x.packet(); p[0] == 0xfe; p = x.packet() {
			x.salt = bytes.TrimSuffix(p[bytes.IndexByte(p, 0)+1:], []byte{0})
			if _, err := x.Write(pk(4, x.native())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p[0] != 0 {
		t.Fatalf("%q", p)
	}
	got := x.ask(query("select current_user()"))
	if open := rec.Calls("Open"); len(open) != 2 || open[1].Client.User != "two_u" || open[1].Client.Database != "other" || !strings.Contains(got, "two_u") {
		t.Errorf("opened %+v; %s", open, got)
	}
}

// A half-closed client still gets its answers, and a server's end is passed on.
func TestHalfClosedClientsGetTheirAnswers(t *testing.T) {
	s, _, _ := realServer(t)
	addr := proxied(t, inspecttest.New(), Config{Server: Server{Address: s.Addr()}})
	x := dialRaw(t, addr, capProtocol41|capSecure|capPluginAuth|capMySQL|capConnectWithDB|capDeprecateEOF)
	if _, err := x.Write(cat(query("select 'last'"), command(gomysql.COM_QUIT, ""))); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(x.Conn)
	if err != nil || !bytes.Contains(all, []byte("last")) {
		t.Fatalf("%q, %v", all, err)
	}
}
