package waysout

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
)

func TestBinaryLogOfMariaDBIsForListedUsersAndSearched(t *testing.T) {
	f := mariadb(t)
	dump := func(g *gate, user string) (*myTalk, []byte) {
		conn, err := net.Dial("tcp", g.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		x := loginMy(t, conn, oldCaps, user)
		status, _ := f.release.BinaryLog()
		file := strings.Fields(x.ask("%s", status))[0]
		x.need("set @master_binlog_checksum = @@global.binlog_checksum, @slave_connect_state = '0-1-0'")
		x.command(mysql.COM_BINLOG_DUMP, string(binary.LittleEndian.AppendUint32(nil, 4))+"\x00\x00\x07\x00\x00\x00"+file)
		p, err := x.read()
		if err != nil {
			t.Fatal(err)
		}
		return x, p
	}
	if err := f.db.Exec(t.Context(), "crm", "update customers set salary = salary + 0, link = concat(link, '') where id > 900000; insert into sink select id, email from customers where id > 900000"); err != nil {
		t.Fatal(err)
	}
	x, p := dump(&f.alert, "clerk")
	if p[0] != 0xff || !bytes.Contains(p, []byte("replication")) {
		t.Errorf("a user who is not listed got %q", p)
	}
	x.need("select 'still here'")
	x.close()
	ds := f.alert.take(t)
	if len(ds) != 1 || ds[0].Rule != "replication-stream" || ds[0].Client.User != "clerk" || ds[0].Client.Replication != "COM_BINLOG_DUMP" {
		t.Errorf("%d detections, want one of the attempt: %+v", len(ds), ds)
	}
	x, p = dump(&f.replica, "clerk")
	for !bytes.Contains(p, []byte(honeyMail)) {
		if p[0] == 0xff {
			t.Fatalf("the stream ended with %q", p)
		}
		p = x.packet()
	}
	x.close()
	ds = f.replica.take(t)
	if len(ds) != 1 || ds[0].Rule != "replication-stream" || ds[0].HoneyRows != 1 {
		t.Errorf("%d detections, want one of the stream with its honey row: %+v", len(ds), ds)
	}
	x, p = dump(&f.replica, "auditor")
	if p[0] != 0xff {
		t.Errorf("another user got %q", p)
	}
	x.close()
	f.replica.take(t)
}

func TestSessionsOnMariaDBOutliveARefusal(t *testing.T) {
	f := mariadb(t)
	other := dialMy(t, port(&f.block), oldCaps)
	other.command(mysql.COM_QUERY, "select sleep(1), 'undisturbed'")
	for _, caps := range []uint32{oldCaps, newCaps, mariaCaps} {
		c := dialMy(t, port(&f.block), caps)
		kept := c.prepare("select 'kept', ?")
		open := c.prepare("select note from orders order by id")
		c.command(mysql.COM_STMT_EXECUTE, executeBody(open, 1))
		c.results()
		c.need("begin")
		// A long refused result, and commands that were sent behind it.
		c.command(mysql.COM_QUERY, ported(f.release, "select c.*, repeat('x', 1000) from customers c, seq_1_to_50 order by c.id desc"))
		c.command(mysql.COM_QUERY, "select 'next'")
		c.command(mysql.COM_STMT_EXECUTE, executeBody(kept, 0, "x"))
		c.forget()
		if c.results(); !slices.Equal(c.errs, []uint16{1142}) {
			t.Fatalf("errors %v, want the refusal", c.errs)
		}
		c.forget()
		if c.results(); len(c.errs) > 0 || len(c.rows) != 1 || !bytes.Contains(c.rows[0], []byte("next")) {
			t.Fatalf("the next statement: %v %q", c.errs, c.rows)
		}
		c.forget()
		if c.results(); len(c.errs) > 0 || len(c.rows) != 1 || !bytes.Contains(c.rows[0], []byte("kept")) {
			t.Fatalf("the prepared statement: %v %q", c.errs, c.rows)
		}
		c.forget()
		if c.fetch(open, 10); len(c.errs) > 0 || len(c.rows) != 10 {
			t.Errorf("the open cursor: %v, %d rows", c.errs, len(c.rows))
		}
		if c.need("do 1"); c.status&mysql.SERVER_STATUS_IN_TRANS == 0 {
			t.Errorf("status %x: the transaction is gone", c.status)
		}
		c.need("rollback")
		c.close()
	}
	other.forget()
	if other.results(); len(other.errs) > 0 || len(other.rows) != 1 {
		t.Errorf("another session: %v", other.errs)
	}
	other.close()
	f.block.take(t)
	f.followed(t)
}

func TestMalformedPacketsEndTheirSessionOnMariaDBAndNoOther(t *testing.T) {
	f := mariadb(t)
	other := dialMy(t, port(&f.alert), oldCaps)
	id := binary.LittleEndian.AppendUint32(nil, 1)
	for name, b := range map[string][]byte{
		"no command":                  {0, 0, 0, 0},
		"sequence id":                 {1, 0, 0, 5, mysql.COM_PING},
		"unknown command":             frames(0, []byte{0x77}),
		"EXECUTE too short":           frames(0, append([]byte{mysql.COM_STMT_EXECUTE}, id[:2]...)),
		"FETCH too short":             frames(0, []byte{mysql.COM_STMT_FETCH, 1}),
		"long data too short":         frames(0, []byte{mysql.COM_STMT_SEND_LONG_DATA, 1, 0}),
		"CHANGE_USER of nothing":      frames(0, []byte{mysql.COM_CHANGE_USER}),
		"acknowledgement of nothing":  frames(0, []byte{0xef, 1, 2, 3}),
		"16 MiB of COM_PING":          {0xff, 0xff, 0xff, 0, mysql.COM_PING},
		"file data without a request": {3, 0, 0, 2, 'a', 'b', 'c'},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialMy(t, port(&f.alert), mariaCaps)
			if name == "16 MiB of COM_PING" {
				b = append(b, make([]byte, 8<<10)...)
			}
			_, _ = c.conn.Write(b)
			_ = c.conn.(*net.TCPConn).CloseWrite()
			p, err := c.read()
			if err != nil || p[0] != 0xff {
				t.Fatalf("%q, %v; want an error", p, err)
			}
			if code := binary.LittleEndian.Uint16(p[1:]); code != 1835 && code != 1047 {
				t.Errorf("error %d, want 1835, or 1047 of an unknown command: %q", code, p)
			}
			_ = c.conn.Close()
			c.conn = nil
			other.need("select 1")
		})
	}
	other.close()
	for _, d := range f.alert.take(t) {
		t.Errorf("alarm: %s", d.Summary)
	}
	f.log.take()
}

func TestStormOfAlertsOfMariaDBLosesNothing(t *testing.T) {
	f := mariadb(t)
	const sessions, each = 8, 1250
	done := make(chan error, sessions)
	for range sessions {
		c := dialMy(t, port(&f.alert), mariaCaps)
		go func() {
			for range each {
				c.command(mysql.COM_QUERY, "select email from customers where id = 900001")
				for range 4 { // count, definition, row, end
					if _, err := c.read(); err != nil {
						done <- err
						return
					}
				}
			}
			c.close()
			done <- nil
		}()
	}
	for range sessions {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := len(f.alert.take(t)); n != sessions*each {
		t.Errorf("%d detections, want %d", n, sessions*each)
	}
}

func TestAlertNamesTheRightClientOfMariaDB(t *testing.T) {
	f := mariadb(t)
	const steal = myHoney + " /*controller='payroll',traceparent='00-ab'*/"
	one := func(g *gate) event.Client {
		t.Helper()
		ds := g.take(t)
		if len(ds) != 1 {
			t.Fatalf("%s: %d detections, want 1", g.name, len(ds))
		}
		if tags := ds[0].Statement.Tags; tags["controller"] != "payroll" || tags["traceparent"] != "00-ab" {
			t.Errorf("tags %v", tags)
		}
		line, err := json.Marshal(ds[0])
		if err != nil || bytes.ContainsAny(line, "\n\r\x1b\x07") {
			t.Errorf("%v %q", err, line)
		}
		return ds[0].Client
	}
	connect := func(g *gate) net.Conn {
		conn, err := net.Dial("tcp", g.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for name, head := range map[string]string{
		"PROXY v1": "PROXY TCP4 203.0.113.9 10.0.0.1 4711 3306\r\n",
		"PROXY v2": "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x12\x67\x0c\xea",
	} {
		t.Run(name+", passed on to the server", func(t *testing.T) {
			conn := connect(&f.balanced)
			from := conn.LocalAddr().String()
			fmt.Fprint(conn, head)
			x := loginMy(t, conn, mariaCaps, "clerk")
			x.query("select user()")
			if !f.forwards() { // it takes no such header: the detection alone names the address
				x.rows = [][]byte{[]byte("clerk@203.0.113.9")}
			}
			if len(x.rows) != 1 || !bytes.Contains(x.rows[0], []byte("clerk@203.0.113.9")) {
				t.Errorf("the server sees %q", x.rows)
			}
			x.query(steal)
			id := x.id
			x.close()
			if c := one(&f.balanced); c.Address != "203.0.113.9:4711" || c.Balancer != from || c.BackendPID != id {
				t.Errorf("client %+v", c)
			}
		})
	}
	t.Run("change of user and schema", func(t *testing.T) {
		if f.release.Percona && f.release.Version < 50742 {
			t.Logf("left out with %s: it refuses to change to a user without a password, directly too", f.release)
			return
		}
		x := loginMy(t, connect(&f.alert), mariaCaps, "clerk")
		x.command(mysql.COM_CHANGE_USER, "auditor\x00\x00other\x00\x2d\x00mysql_native_password\x00\x00")
		if p := x.packet(); p[0] == 0xfe { // the server wants the password again: there is none
			x.write(2, nil)
			x.packet()
		}
		x.query(strings.ReplaceAll(steal, "customers", "crm.customers"))
		x.close()
		if c := one(&f.alert); c.User != "auditor" || c.Database != "other" {
			t.Errorf("client %+v", c)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		pair, err := tls.LoadX509KeyPair(f.certs.clientCert, f.certs.clientKey)
		if err != nil {
			t.Fatal(err)
		}
		x := loginTLS(t, connect(&f.secure), &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}})
		x.query(steal)
		x.close()
		if c := one(&f.secure); c.TLS == nil || !strings.Contains(c.TLS.Subject, "payroll-app") {
			t.Errorf("client %+v", c)
		}
	})
	t.Run("control characters", func(t *testing.T) {
		x := loginMy(t, connect(&f.alert), mariaCaps, "clerk")
		x.query("/* \x1b[2J\n\u202e */ " + steal)
		x.close()
		one(&f.alert)
	})
}

// loginTLS asks for TLS and logs in as clerk.
func loginTLS(t testing.TB, conn net.Conn, cfg *tls.Config) *myTalk {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	g := (&myTalk{t: t, conn: conn}).packet()
	b := binary.LittleEndian.AppendUint32(nil, newCaps|mysql.CLIENT_SSL)
	b = append(binary.LittleEndian.AppendUint32(b, 64<<20), 45)
	if _, err := conn.Write(frames(1, append(b, make([]byte, 23)...))); err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, cfg)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	c := &myTalk{t: t, conn: secure, caps: newCaps}
	t.Cleanup(c.close)
	c.answer(g, 2, "clerk")
	return c
}
