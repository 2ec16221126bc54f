package mysql8

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// peer greets as a real server did and then speaks as the protocol's manual
// says: the fast path of caching_sha2_password (or mysql_native_password, if
// the greeting names it), query attributes, session tracking, and results that
// end in OK or EOF packets as agreed. Its users all have the same password.
type peer struct {
	greeting []byte
	tls      *tls.Config
	ln       net.Listener
	wait     sync.WaitGroup

	mu     sync.Mutex
	caps   uint32            // that the last client asked for
	attrs  map[string]string // the last statement's query attributes
	sql    []string
	broken []error // of sessions that this peer could not follow
}

func startPeer(t *testing.T, greeting []byte, conf *tls.Config) *peer {
	t.Helper()
	p := &peer{greeting: greeting, tls: conf}
	var err error
	if p.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.wait.Go(func() {
		for {
			c, err := p.ln.Accept()
			if err != nil {
				return
			}
			p.wait.Go(func() {
				defer c.Close()
				if err := p.serve(c); err != nil {
					p.mu.Lock()
					p.broken = append(p.broken, err)
					p.mu.Unlock()
				}
			})
		}
	})
	t.Cleanup(func() {
		p.ln.Close()
		p.wait.Wait()
		for _, err := range p.broken {
			t.Errorf("the peer: %v", err)
		}
	})
	return p
}

// take returns what was seen since the last call.
func (p *peer) take() (caps uint32, attrs map[string]string, sql []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	caps, attrs, sql = p.caps, p.attrs, p.sql
	p.attrs, p.sql = nil, nil
	return caps, attrs, sql
}

// conversation is one client of the peer.
type conversation struct {
	p     *peer
	c     net.Conn
	in    io.Reader // not buffered: what follows a request for TLS is TLS
	seq   byte
	caps  uint32 // agreed
	stmts []string
}

func (p *peer) serve(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	v := &conversation{p: p, c: c, in: c}
	if err := v.login(); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	for {
		b, err := v.read()
		if err != nil || b[0] == mysql.COM_QUIT {
			return nil // clients may leave without a word
		}
		if err := v.command(b[0], b[1:]); err != nil {
			return fmt.Errorf("command %#x: %w", b[0], err)
		}
	}
}

func (v *conversation) read() ([]byte, error) {
	seq, b, err := readPacket(v.in)
	if err == nil && len(b) == 0 {
		err = io.ErrUnexpectedEOF
	}
	v.seq = seq + 1
	return b, err
}

func (v *conversation) write(b ...byte) error {
	err := writePacket(v.c, v.seq, b)
	v.seq++
	return err
}

func (v *conversation) login() error {
	if err := v.write(v.p.greeting...); err != nil {
		return err
	}
	b, err := v.read()
	if err != nil {
		return nil // it only wanted to look
	}
	if len(b) == 32 && binary.LittleEndian.Uint32(b)&mysql.CLIENT_SSL != 0 {
		c := tls.Server(v.c, v.p.tls)
		v.c, v.in = c, c
		if b, err = v.read(); err != nil {
			return err
		}
	}
	asked := binary.LittleEndian.Uint32(b)
	v.caps = asked & capsOf(v.p.greeting)
	v.p.mu.Lock()
	v.p.caps = asked
	v.p.mu.Unlock()
	_, rest, _ := bytes.Cut(b[32:], []byte{0}) // user
	proof := rest[1 : 1+rest[0]]               // shorter than 251 bytes in all these plugins
	if err := v.authenticate(proof); err != nil {
		return err
	}
	return v.ok(mysql.SERVER_STATUS_AUTOCOMMIT, "")
}

func (v *conversation) authenticate(proof []byte) error {
	low, _ := capOffsets(v.p.greeting)
	salt := append(bytes.Clone(v.p.greeting[low-9:low-1]), v.p.greeting[low+18:low+30]...)
	if bytes.HasSuffix(v.p.greeting, []byte("native_password\x00")) {
		if want := mysql.CalcNativePassword(salt, []byte(password)); !bytes.Equal(proof, want) {
			return fmt.Errorf("wrong answer to mysql_native_password: %x", proof)
		}
		return nil
	}
	if want := mysql.CalcCachingSha2Password(salt, []byte(password)); !bytes.Equal(proof, want) {
		return fmt.Errorf("wrong answer to caching_sha2_password: %x", proof)
	}
	return v.write(mysql.MORE_DATE_HEADER, mysql.CACHE_SHA2_FAST_AUTH)
}

// ok answers; schema, if any, is told to clients that track it.
func (v *conversation) ok(status uint16, schema string) error {
	return v.write(v.okPacket(mysql.OK_HEADER, status, schema)...)
}

func (v *conversation) okPacket(header byte, status uint16, schema string) []byte {
	track := v.caps&mysql.CLIENT_SESSION_TRACK != 0
	if track && schema != "" {
		status |= mysql.SERVER_SESSION_STATE_CHANGED
	}
	b := append([]byte{header, 0, 0}, byte(status), byte(status>>8), 0, 0)
	if track && schema != "" {
		name := mysql.PutLengthEncodedString([]byte(schema))
		change := append([]byte{mysql.SESSION_TRACK_SCHEMA, byte(len(name))}, name...)
		b = append(append(append(b, 0), byte(len(change))), change...)
	}
	return b
}

// end is the packet behind definitions and rows.
func (v *conversation) end() error {
	if v.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		return v.write(v.okPacket(mysql.EOF_HEADER, mysql.SERVER_STATUS_AUTOCOMMIT, "")...)
	}
	return v.write(mysql.EOF_HEADER, 0, 0, byte(mysql.SERVER_STATUS_AUTOCOMMIT), 0)
}

// betweenEOF follows definitions, unless EOF is deprecated.
func (v *conversation) betweenEOF() error {
	if v.caps&mysql.CLIENT_DEPRECATE_EOF != 0 {
		return nil
	}
	return v.end()
}

func (v *conversation) saw(sql string, attrs map[string]string) {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.p.sql, v.p.attrs = append(v.p.sql, sql), attrs
}

func (v *conversation) command(cmd byte, b []byte) error {
	switch cmd {
	case mysql.COM_QUERY:
		attrs, sql, err := v.attributes(b)
		if err != nil {
			return err
		}
		v.saw(string(sql), attrs)
		return v.query(string(sql), false)
	case mysql.COM_STMT_PREPARE:
		v.stmts = append(v.stmts, string(b))
		return v.prepared(string(b))
	case mysql.COM_STMT_EXECUTE:
		id, flags := binary.LittleEndian.Uint32(b), b[4]
		sql := v.stmts[id-1]
		var attrs map[string]string
		if v.caps&mysql.CLIENT_QUERY_ATTRIBUTES != 0 && (flags&mysql.PARAMETER_COUNT_AVAILABLE != 0 || strings.Contains(sql, "?")) {
			var err error
			n, _, skip := mysql.LengthEncodedInt(b[9:])
			if attrs, _, err = parameters(b[9+skip:], int(n)); err != nil {
				return err
			}
		}
		v.saw(sql, attrs)
		return v.query(sql, true)
	case mysql.COM_STMT_CLOSE:
		return nil
	case mysql.COM_INIT_DB:
		return v.ok(mysql.SERVER_STATUS_AUTOCOMMIT, string(b))
	}
	return v.ok(mysql.SERVER_STATUS_AUTOCOMMIT, "") // ping, reset
}

// attributes takes the block in front of a COM_QUERY's text off.
func (v *conversation) attributes(b []byte) (map[string]string, []byte, error) {
	if v.caps&mysql.CLIENT_QUERY_ATTRIBUTES == 0 {
		return nil, b, nil
	}
	n, _, skip := mysql.LengthEncodedInt(b)
	sets, _, more := mysql.LengthEncodedInt(b[skip:])
	if sets != 1 {
		return nil, nil, fmt.Errorf("%d sets of parameters", sets)
	}
	return parameters(b[skip+more:], int(n))
}

// parameters reads n named parameters, all of them texts or 64-bit integers.
func parameters(b []byte, n int) (map[string]string, []byte, error) {
	m := map[string]string{}
	if n == 0 {
		return m, b, nil
	}
	b = b[(n+7)/8:]
	if b[0] != 1 {
		return nil, nil, fmt.Errorf("types are not bound: %x", b)
	}
	b = b[1:]
	types, names := make([]byte, n), make([]string, n)
	for i := range n {
		name, _, skip, err := mysql.LengthEncodedString(b[2:])
		if err != nil {
			return nil, nil, err
		}
		types[i], names[i] = b[0], string(name)
		b = b[2+skip:]
	}
	for i := range n {
		if types[i] == mysql.MYSQL_TYPE_LONGLONG {
			m[names[i]], b = fmt.Sprint(binary.LittleEndian.Uint64(b)), b[8:]
			continue
		}
		value, _, skip, err := mysql.LengthEncodedString(b)
		if err != nil {
			return nil, nil, err
		}
		m[names[i]], b = string(value), b[skip:]
	}
	return m, b, nil
}

func definition(name string, typ byte) []byte {
	var b []byte
	for _, s := range []string{"def", "crm", "customers", "customers", name, name} {
		b = append(b, mysql.PutLengthEncodedString([]byte(s))...)
	}
	return append(b, 0x0c, 45, 0, 0xff, 0, 0, 0, typ, 0, 0, 0, 0, 0)
}

func (v *conversation) prepared(sql string) error {
	params := strings.Count(sql, "?")
	head := []byte{0}
	head = binary.LittleEndian.AppendUint32(head, uint32(len(v.stmts)))
	if err := v.write(append(head, 2, 0, byte(params), 0, 0, 0, 0)...); err != nil {
		return err
	}
	if params > 0 {
		for range params {
			if err := v.write(definition("?", mysql.MYSQL_TYPE_VAR_STRING)...); err != nil {
				return err
			}
		}
		if err := v.betweenEOF(); err != nil {
			return err
		}
	}
	return v.columns()
}

func (v *conversation) columns() error {
	if err := v.write(definition("id", mysql.MYSQL_TYPE_LONGLONG)...); err != nil {
		return err
	}
	if err := v.write(definition("email", mysql.MYSQL_TYPE_VAR_STRING)...); err != nil {
		return err
	}
	return v.betweenEOF()
}

func (v *conversation) query(sql string, binaryRows bool) error {
	lower := strings.ToLower(sql)
	if schema, ok := strings.CutPrefix(lower, "use "); ok {
		return v.ok(mysql.SERVER_STATUS_AUTOCOMMIT, schema)
	}
	if !strings.HasPrefix(lower, "select") {
		return v.ok(mysql.SERVER_STATUS_AUTOCOMMIT, "")
	}
	if !strings.Contains(lower, "from customers") {
		return v.one()
	}
	if err := v.write(2); err != nil {
		return err
	}
	if err := v.columns(); err != nil {
		return err
	}
	for _, customer := range []struct {
		id   uint64
		mail string
	}{{1, "c1@shop.example"}, {7, honeyMail}} {
		id, mail := customer.id, customer.mail
		row := append(mysql.PutLengthEncodedString([]byte(fmt.Sprint(id))), mysql.PutLengthEncodedString([]byte(mail))...)
		if binaryRows {
			row = append(binary.LittleEndian.AppendUint64([]byte{0, 0}, id), mysql.PutLengthEncodedString([]byte(mail))...)
		}
		if err := v.write(row...); err != nil {
			return err
		}
	}
	return v.end()
}

// one answers "select 1".
func (v *conversation) one() error {
	if err := v.write(1); err != nil {
		return err
	}
	if err := v.write(definition("1", mysql.MYSQL_TYPE_LONGLONG)...); err != nil {
		return err
	}
	if err := v.betweenEOF(); err != nil {
		return err
	}
	if err := v.write(1, '1'); err != nil {
		return err
	}
	return v.end()
}
