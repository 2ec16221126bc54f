package waysout

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Capabilities of three kinds of clients.
const (
	base4     = mysql.CLIENT_LONG_PASSWORD // of clients that are not MariaDB's
	common4   = mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_PLUGIN_AUTH | mysql.CLIENT_CONNECT_WITH_DB | mysql.CLIENT_LOCAL_FILES | mysql.CLIENT_TRANSACTIONS | mysql.CLIENT_CONNECT_ATTRS | mysql.CLIENT_MULTI_STATEMENTS | mysql.CLIENT_MULTI_RESULTS | mysql.CLIENT_PS_MULTI_RESULTS
	oldCaps   = base4 | common4
	newCaps   = base4 | common4 | mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_SESSION_TRACK
	mariaCaps = common4 | mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_SESSION_TRACK
	// mariaExtended are MariaDB's own: progress reports, bulk execution, extended metadata.
	mariaExtended = 1 | 4 | 8
)

// myTalk is a client that speaks MySQL's protocol packet by packet.
type myTalk struct {
	t      testing.TB
	conn   net.Conn
	caps   uint32
	app    string // what it calls itself; application if empty
	id     uint32 // of the connection
	status uint16
	// Of the last exchange:
	errs  []uint16
	rows  [][]byte // payloads
	infos []string
	file  []byte // what is sent if the server asks for a file
}

// dialMy logs in to port as clerk without a password, in schema crm.
func dialMy(t testing.TB, port string, caps uint32) *myTalk {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	return loginMy(t, conn, caps, "clerk")
}

// dialMyAs is dialMy of a client that calls itself app.
func dialMyAs(t testing.TB, port, app string) *myTalk {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	c := &myTalk{t: t, conn: conn, caps: newCaps, app: app}
	t.Cleanup(c.close)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	c.answer(c.packet(), 1, "clerk")
	return c
}

func loginMy(t testing.TB, conn net.Conn, caps uint32, user string) *myTalk {
	t.Helper()
	c := &myTalk{t: t, conn: conn, caps: caps}
	t.Cleanup(c.close)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	c.answer(c.packet(), 1, user)
	return c
}

// answer logs in by the greeting g; seq is the answer's sequence id.
func (c *myTalk) answer(g []byte, seq byte, user string) {
	c.t.Helper()
	if len(g) < 40 || g[0] != 10 {
		c.t.Fatalf("greeting %q", g)
	}
	at := 1 + bytes.IndexByte(g[1:], 0) + 1
	c.id = binary.LittleEndian.Uint32(g[at:])
	caps := c.caps
	if seq > 1 {
		caps |= mysql.CLIENT_SSL
	}
	b := binary.LittleEndian.AppendUint32(nil, caps)
	b = append(binary.LittleEndian.AppendUint32(b, 64<<20), 45)
	b = append(b, make([]byte, 19)...)
	ext := uint32(0)
	if caps&base4 == 0 {
		ext = mariaExtended
	}
	b = binary.LittleEndian.AppendUint32(b, ext)
	b = append(append(b, user...), 0, 0)
	b = append(b, "crm\x00"+pluginOf(g)+"\x00"...)
	attrs := append(lstr("program_name"), lstr(cmp.Or(c.app, application))...)
	b = append(append(b, byte(len(attrs))), attrs...)
	c.write(seq, b)
	if p := c.packet(); p[0] != 0 {
		c.t.Fatalf("login: %q", p)
	}
}

// pluginOf is the plugin that a greeting names: accounts without a password have it.
func pluginOf(g []byte) string {
	g = bytes.TrimSuffix(g, []byte{0})
	return string(g[bytes.LastIndexByte(g, 0)+1:])
}

func lstr(s string) []byte { return mysql.PutLengthEncodedString([]byte(s)) }

func (c *myTalk) close() {
	if c.conn != nil {
		_, _ = c.conn.Write([]byte{1, 0, 0, 0, mysql.COM_QUIT})
		_ = c.conn.Close()
		c.conn = nil
	}
}

// frames are the packets of a payload, from sequence id seq on.
func frames(seq byte, p []byte) []byte {
	var b []byte
	for {
		n := min(len(p), 1<<24-1)
		b = append(b, byte(n), byte(n>>8), byte(n>>16), seq)
		b = append(b, p[:n]...)
		p = p[n:]
		seq++
		if n < 1<<24-1 {
			return b
		}
	}
}

func (c *myTalk) write(seq byte, p []byte) {
	if _, err := c.conn.Write(frames(seq, p)); err != nil {
		c.t.Logf("send: %v", err)
	}
}

func (c *myTalk) read() ([]byte, error) {
	var all []byte
	for {
		var h [4]byte
		if _, err := io.ReadFull(c.conn, h[:]); err != nil {
			return nil, err
		}
		n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
		at := len(all)
		all = slices.Grow(all, n)[:at+n]
		if _, err := io.ReadFull(c.conn, all[at:]); err != nil {
			return nil, err
		}
		if n < 1<<24-1 {
			return all, nil
		}
	}
}

func (c *myTalk) packet() []byte {
	p, err := c.read()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return p
}

// forget begins a new exchange.
func (c *myTalk) forget() { c.errs, c.rows, c.infos = nil, nil, nil }

// note takes an OK, EOF or ERR packet.
func (c *myTalk) note(p []byte) {
	switch {
	case p[0] == 0xff:
		c.errs = append(c.errs, binary.LittleEndian.Uint16(p[1:]))
		c.status &^= mysql.SERVER_MORE_RESULTS_EXISTS
	case p[0] == 0xfe && len(p) == 5: // EOF, not OK
		c.status = binary.LittleEndian.Uint16(p[3:])
	default:
		_, _, n := mysql.LengthEncodedInt(p[1:])
		_, _, m := mysql.LengthEncodedInt(p[1+n:])
		c.status = binary.LittleEndian.Uint16(p[1+n+m:])
		if rest := p[1+n+m+4:]; len(rest) > 0 {
			c.infos = append(c.infos, string(rest))
		}
	}
}

// results reads all results of a command.
func (c *myTalk) results() {
	for {
		p := c.packet()
		for len(p) > 3 && p[0] == 0xff && binary.LittleEndian.Uint16(p[1:]) == 0xffff { // a progress report
			p = c.packet()
		}
		switch p[0] {
		case 0, 0xff:
			c.note(p)
		case 0xfb:
			for at := 0; at < len(c.file); at += 4000 {
				c.write(byte(2+at/4000), c.file[at:min(at+4000, len(c.file))])
			}
			c.write(byte(2+(len(c.file)+3999)/4000), nil)
			continue
		default:
			n, _, _ := mysql.LengthEncodedInt(p)
			c.definitions(int(n))
			if c.status&(mysql.SERVER_STATUS_CURSOR_EXISTS|mysql.SERVER_MORE_RESULTS_EXISTS) != mysql.SERVER_STATUS_CURSOR_EXISTS {
				c.rowsUntilEnd()
			}
		}
		if c.status&mysql.SERVER_MORE_RESULTS_EXISTS == 0 {
			return
		}
	}
}

// definitions reads n column definitions.
func (c *myTalk) definitions(n int) {
	for range n {
		c.packet()
	}
	c.status = 0
	if c.caps&mysql.CLIENT_DEPRECATE_EOF == 0 {
		c.note(c.packet())
	} else if n > 0 {
		c.peekCursor()
	}
}

// peekCursor is for clients without EOF packets: the packet that announces a
// cursor stands alone, and nothing follows it.
func (c *myTalk) peekCursor() {
	p := c.packet()
	if p[0] == 0xfe && len(p) < 1<<24-1 || p[0] == 0xff {
		c.note(p)
		c.status |= endSeen
		return
	}
	c.rows = append(c.rows, p)
}

// endSeen is a bit that no server sets: the end of the rows has been read.
const endSeen = 1 << 15

func (c *myTalk) rowsUntilEnd() {
	if c.status&endSeen != 0 {
		return
	}
	for {
		p := c.packet()
		if p[0] == 0xff || p[0] == 0xfe && (len(p) < 9 || c.caps&mysql.CLIENT_DEPRECATE_EOF != 0 && len(p) < 1<<24-1) {
			c.note(p)
			return
		}
		c.rows = append(c.rows, p)
	}
}

// command sends a command. A client with query attributes sends none with its text.
func (c *myTalk) command(cmd byte, body string) {
	if cmd == mysql.COM_QUERY && c.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 {
		body = "\x00\x01" + body
	}
	c.write(0, append([]byte{cmd}, body...))
}

// query runs SQL in the text protocol.
func (c *myTalk) query(sql string) *myTalk {
	c.forget()
	c.command(mysql.COM_QUERY, ported(my.release, sql))
	c.results()
	return c
}

// need is query for what must succeed.
func (c *myTalk) need(sql string) {
	c.t.Helper()
	if c.query(sql); len(c.errs) > 0 {
		c.t.Errorf("%s: error %v", sql, c.errs)
	}
}

// prepare returns a statement's id, 0 if that fails.
func (c *myTalk) prepare(sql string) uint32 {
	c.forget()
	c.command(mysql.COM_STMT_PREPARE, ported(my.release, sql))
	return c.prepared()
}

func (c *myTalk) prepared() uint32 {
	p := c.packet()
	if p[0] != 0 {
		c.note(p)
		return 0
	}
	for _, n := range []uint16{binary.LittleEndian.Uint16(p[7:]), binary.LittleEndian.Uint16(p[5:])} {
		for range n {
			c.packet()
		}
		if n > 0 && c.caps&mysql.CLIENT_DEPRECATE_EOF == 0 {
			c.packet()
		}
	}
	return binary.LittleEndian.Uint32(p[1:])
}

// executeBody is COM_STMT_EXECUTE with parameters as strings.
func executeBody(id uint32, flags byte, args ...string) string {
	b := append(binary.LittleEndian.AppendUint32(nil, id), flags, 1, 0, 0, 0)
	if len(args) > 0 {
		b = append(b, make([]byte, (len(args)+7)/8)...)
		b = append(b, 1)
		for range args {
			b = append(b, 0xfd, 0)
		}
		for _, a := range args {
			b = append(b, lstr(a)...)
		}
	}
	return string(b)
}

// execute runs a prepared statement.
func (c *myTalk) execute(id uint32, args ...string) *myTalk {
	c.command(mysql.COM_STMT_EXECUTE, executeBody(id, 0, args...))
	c.results()
	return c
}

// binary prepares and runs.
func (c *myTalk) binary(sql string, args ...string) *myTalk {
	if id := c.prepare(sql); id != 0 {
		c.execute(id, args...)
	}
	return c
}

// cursor prepares, opens a cursor and fetches n rows at a time to the end.
func (c *myTalk) cursor(sql string, n uint32, args ...string) {
	id := c.prepare(sql)
	if id == 0 {
		return
	}
	c.command(mysql.COM_STMT_EXECUTE, executeBody(id, 1, args...))
	c.results()
	for c.status&mysql.SERVER_STATUS_CURSOR_EXISTS != 0 && c.status&mysql.SERVER_STATUS_LAST_ROW_SEND == 0 && len(c.errs) == 0 {
		c.fetch(id, n)
	}
}

// fetch asks for n rows of a cursor.
func (c *myTalk) fetch(id, n uint32) {
	c.command(mysql.COM_STMT_FETCH, string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, id), n)))
	c.status = 0
	c.rowsUntilEnd()
}

// fieldList asks for a table's columns.
func (c *myTalk) fieldList(table string) {
	c.forget()
	c.command(mysql.COM_FIELD_LIST, table+"\x00")
	for {
		p := c.packet()
		if p[0] == 0xff || p[0] == 0xfe && len(p) < 9 {
			c.note(p)
			return
		}
		c.rows = append(c.rows, p)
	}
}

// simple is a command that is answered by one packet.
func (c *myTalk) simple(cmd byte, body string) {
	c.forget()
	c.command(cmd, body)
	c.note(c.packet())
}

// long sends a parameter's value in advance.
func (c *myTalk) long(id uint32, param uint16, data string) {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint32(nil, id), param)
	c.command(mysql.COM_STMT_SEND_LONG_DATA, string(b)+data)
}

// drain reads up to the end of the session.
func (c *myTalk) drain() {
	if tc, ok := c.conn.(*net.TCPConn); ok {
		_ = tc.SetReadDeadline(time.Now().Add(time.Minute))
	}
	_, _ = io.Copy(io.Discard, c.conn)
}

// mariadbClient runs the mariadb command line client, as clerk in crm, with a
// script, and returns what it printed.
func mariadbClient(t testing.TB, port, script string, args ...string) string {
	t.Helper()
	args = append(append([]string{"--host=127.0.0.1", "--port=" + port, "--user=clerk", "--force", "--database=crm", "--local-infile=1"}, my.db.NoTLS()...), args...)
	if my.release.MySQLFrom(80000) { // else it takes no \G from a pipe
		args = append(args, "--commands")
	}
	out, err := my.db.Client(t.Context(), script, args...)
	if err != nil {
		out += err.Error()
	}
	return out
}

// admin does something at the server directly.
func (c *myTalk) admin(sql string) {
	c.t.Helper()
	if err := my.db.Exec(c.t.Context(), "crm", sql); err != nil {
		c.t.Errorf("%.80s: %v", sql, err)
	}
}

// ask returns one value from the server directly.
func (c *myTalk) ask(format string, args ...any) string {
	c.t.Helper()
	out, err := my.db.Query(c.t.Context(), "crm", fmt.Sprintf(format, args...))
	if err != nil {
		c.t.Errorf("%.80s: %v", format, err)
	}
	return string(bytes.TrimSpace([]byte(out)))
}
