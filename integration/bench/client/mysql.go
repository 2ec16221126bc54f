package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

const (
	packetHeader = 4         // 3 bytes of length, the sequence id
	maxPacket    = 1<<24 - 1 // a payload of this length is continued in the next packet

	nativePassword = "mysql_native_password"

	comQuit, comQuery, comPrepare, comExecute, comCloseStatement = 0x01, 0x03, 0x16, 0x17, 0x19

	okPacket, eofPacket, errPacket, localInfile = 0x00, 0xfe, 0xff, 0xfb

	statusMoreResults = 0x0008
)

// Capabilities that the client asks for: those of MySQL 4.1 and later that
// logging in and reading results need. Without CLIENT_DEPRECATE_EOF a result
// ends with an EOF packet of its own, which every server sends.
const capabilities = 1<<0 | // LONG_PASSWORD
	1<<3 | // CONNECT_WITH_DB
	1<<9 | // PROTOCOL_41
	1<<13 | // TRANSACTIONS
	1<<15 | // SECURE_CONNECTION
	1<<17 | // MULTI_RESULTS
	1<<18 | // PS_MULTI_RESULTS
	1<<19 // PLUGIN_AUTH

// MySQL is one logged-in session with a MySQL or MariaDB server. It is for one
// goroutine.
type MySQL struct {
	net  net.Conn
	buf  []byte
	scan packets
}

// DialMySQL logs in and returns once the server is ready for a command.
// buffer is the read buffer's size in bytes, 0 for DefaultBuffer. The user
// must have an empty password for mysql_native_password.
func DialMySQL(ctx context.Context, address, user, database string, buffer int) (*MySQL, error) {
	if buffer == 0 {
		buffer = DefaultBuffer
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	c := &MySQL{net: nc, buf: make([]byte, max(buffer, packetHeader+1))}
	if err := c.logIn(user, database); err != nil {
		nc.Close()
		return nil, fmt.Errorf("log in at %s: %w", address, err)
	}
	return c, nil
}

func (c *MySQL) logIn(user, database string) error {
	seq, greeting, err := c.packet()
	if err != nil {
		return err
	}
	if len(greeting) > 0 && greeting[0] == errPacket {
		return serverError(greeting)
	}
	if len(greeting) == 0 || greeting[0] != 10 {
		return errors.New("the server's greeting is not of protocol version 10")
	}
	b := binary.LittleEndian.AppendUint32(nil, capabilities)
	b = binary.LittleEndian.AppendUint32(b, maxPacket)
	b = append(b, 45) // utf8mb4_general_ci
	b = append(b, make([]byte, 23)...)
	b = append(b, user+"\x00\x00"+database+"\x00"+nativePassword+"\x00"...)
	if err := c.send(seq+1, b); err != nil {
		return err
	}
	for {
		seq, p, err := c.packet()
		if err != nil {
			return err
		}
		switch {
		case len(p) > 0 && p[0] == okPacket:
			return nil
		case len(p) > 0 && p[0] == errPacket:
			return serverError(p)
		case bytes.HasPrefix(p, []byte("\xfe"+nativePassword+"\x00")): // an empty password's answer is empty
			if err := c.send(seq+1, nil); err != nil {
				return err
			}
		default:
			return errors.New("the server asks for a password: the benchmark's user must have none")
		}
	}
}

// packet reads one packet of the login.
func (c *MySQL) packet() (seq byte, payload []byte, err error) {
	var head [packetHeader]byte
	if _, err := io.ReadFull(c.net, head[:]); err != nil {
		return 0, nil, err
	}
	n := packetSize(head[:])
	if n > keptBody {
		return 0, nil, fmt.Errorf("a packet of %d bytes during login", n)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.net, payload)
	return head[3], payload, err
}

func (c *MySQL) send(seq byte, payload []byte) error {
	_, err := c.net.Write(append([]byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), seq}, payload...))
	return err
}

// Query runs sql in the text protocol and reads all its results to the end.
func (c *MySQL) Query(sql string) (Result, error) {
	r, _, err := c.roundTrip(append([]byte{comQuery}, sql...), answer)
	return r, err
}

// QueryBinary prepares sql, executes it once and closes it: its rows come in
// the binary protocol. sql has no parameters.
func (c *MySQL) QueryBinary(sql string) (Result, error) {
	prepared, id, err := c.roundTrip(append([]byte{comPrepare}, sql...), prepareAnswer)
	if err != nil {
		return prepared, err
	}
	b := binary.LittleEndian.AppendUint32([]byte{comExecute}, id)
	r, _, err := c.roundTrip(append(b, 0, 1, 0, 0, 0), answer) // no cursor, one iteration
	r.Bytes += prepared.Bytes
	return r, errors.Join(err, c.send(0, binary.LittleEndian.AppendUint32([]byte{comCloseStatement}, id)))
}

// Close says good-bye and returns when the other side has closed, so that the
// session's cost is spent.
func (c *MySQL) Close() error {
	defer c.net.Close()
	if err := c.send(0, []byte{comQuit}); err != nil {
		return err
	}
	for {
		if _, err := c.net.Read(c.buf); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// Abort closes the socket at once, to unblock a Query on another goroutine.
func (c *MySQL) Abort() { _ = c.net.Close() }

// roundTrip returns what came back and the id of the statement that was prepared.
func (c *MySQL) roundTrip(command []byte, expect phase) (Result, uint32, error) {
	if err := c.send(0, command); err != nil {
		return Result{}, 0, err
	}
	s := &c.scan
	*s = packets{body: s.body[:0], phase: expect}
	have := 0
	for {
		n, err := c.net.Read(c.buf[have:])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return s.Result, 0, err
		}
		have += n
		used, err := s.feed(c.buf[:have])
		if err != nil {
			return s.Result, 0, err
		}
		have = copy(c.buf, c.buf[used:have])
		if s.ready {
			return s.Result, s.statement, s.err
		}
	}
}

func packetSize(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// phase is what a packet of the server's answer means.
type phase uint8

const (
	answer        phase = iota // OK, ERR, or a result's number of columns
	prepareAnswer              // the answer to COM_STMT_PREPARE
	definitions                // of columns or parameters, each list with its EOF
	rows
)

// packets walks the server's packets.
type packets struct {
	Result
	phase     phase
	after     phase  // the phase after the definitions
	lists     []int  // definitions still to come, EOF counted, a list each
	rest      int    // bytes of the packet still to come
	continues bool   // the next packet continues this payload
	keep      bool   // its bytes go to body
	body      []byte // of a packet that is looked at
	statement uint32 // its id, once prepared
	ready     bool
	err       error // of the server
}

// feed takes b, returns how much of it was used (all but a split beginning of
// a packet), and fails on what this client cannot do.
func (s *packets) feed(b []byte) (int, error) {
	pos := 0
	for {
		if s.rest > 0 {
			n := min(s.rest, len(b)-pos)
			if s.keep {
				s.body = append(s.body, b[pos:pos+min(n, keptBody-len(s.body))]...)
			}
			pos += n
			s.Bytes += uint64(n)
			if s.rest -= n; s.rest > 0 {
				return pos, nil
			}
			if err := s.end(); err != nil {
				return pos, err
			}
		}
		// A packet begins once its header and the first byte, which says what it is, are there.
		if s.ready || len(b)-pos < packetHeader || packetSize(b[pos:]) > 0 && len(b)-pos == packetHeader {
			return pos, nil
		}
		s.begin(b[pos:])
		pos += packetHeader
		s.Bytes += packetHeader
		if s.rest == 0 {
			if err := s.end(); err != nil {
				return pos, err
			}
		}
	}
}

// begin looks at a header and the byte behind it.
func (s *packets) begin(b []byte) {
	s.rest = packetSize(b)
	part := s.continues
	s.continues = s.rest == maxPacket
	if part { // of the packet before
		return
	}
	s.keep, s.body = s.phase != definitions, s.body[:0]
	if s.phase != rows {
		return
	}
	// A row may begin with 0xfe too, the mark of a value of 16 MiB and more.
	s.keep = s.rest > 0 && (b[packetHeader] == errPacket || b[packetHeader] == eofPacket && s.rest < 9)
	if !s.keep {
		s.Rows++
	}
}

// end looks at a packet that has come to its end.
func (s *packets) end() error {
	if s.continues {
		return nil
	}
	if s.phase == definitions {
		for s.lists[0]--; len(s.lists) > 0 && s.lists[0] == 0; {
			s.lists = s.lists[1:]
		}
		s.define(s.after, s.lists...)
		return nil
	}
	if !s.keep {
		return nil
	}
	s.keep = false
	switch b := s.body; {
	case len(b) == 0:
		return errors.New("an empty packet where an answer was expected")
	case b[0] == errPacket:
		s.err, s.ready = serverError(b), true
		return nil
	case s.phase == rows: // EOF: warnings, status
		if len(b) < 5 {
			return errors.New("the end of a result is cut short")
		}
		s.finish(binary.LittleEndian.Uint16(b[3:]))
		return nil
	case s.phase == prepareAnswer:
		return s.prepared(b)
	case b[0] == localInfile:
		return errors.New("the server wants a file: the benchmark only reads")
	case b[0] == okPacket:
		return s.ok(b[1:])
	default:
		n, ok := lenenc(&b)
		if !ok || n > 4096 {
			return fmt.Errorf("a result with %d columns", n)
		}
		s.define(rows, int(n)+1)
		return nil
	}
}

// ok reads the status behind an OK packet's two counts.
func (s *packets) ok(b []byte) error {
	_, ok1 := lenenc(&b)
	_, ok2 := lenenc(&b)
	if !ok1 || !ok2 || len(b) < 2 {
		return errors.New("an OK packet is cut short")
	}
	s.finish(binary.LittleEndian.Uint16(b))
	return nil
}

// finish ends a result.
func (s *packets) finish(status uint16) {
	s.phase = answer
	s.ready = status&statusMoreResults == 0
}

// prepared reads the answer to COM_STMT_PREPARE: id, numbers of columns and parameters.
func (s *packets) prepared(b []byte) error {
	if len(b) < 9 || b[0] != okPacket {
		return errors.New("the answer to COM_STMT_PREPARE is cut short")
	}
	s.statement = binary.LittleEndian.Uint32(b[1:])
	var lists []int
	for _, n := range []int{int(binary.LittleEndian.Uint16(b[7:])), int(binary.LittleEndian.Uint16(b[5:]))} {
		if n > 0 {
			lists = append(lists, n+1)
		}
	}
	s.define(prepareAnswer, lists...)
	return nil
}

// define passes lists of definitions and goes on with the phase after them;
// after those of a prepared statement nothing comes.
func (s *packets) define(after phase, lists ...int) {
	s.phase, s.after, s.lists = definitions, after, lists
	if len(lists) == 0 {
		s.phase, s.ready = after, after == prepareAnswer
	}
}

// lenenc takes a length-encoded integer from the front of b.
func lenenc(b *[]byte) (n uint64, ok bool) {
	p := *b
	if len(p) == 0 {
		return 0, false
	}
	size := 0
	switch p[0] {
	case 0xfc:
		size = 2
	case 0xfd:
		size = 3
	case 0xfe:
		size = 8
	case 0xfb, 0xff:
		return 0, false
	default:
		*b = p[1:]
		return uint64(p[0]), true
	}
	if len(p) < 1+size {
		return 0, false
	}
	for i := size; i > 0; i-- {
		n = n<<8 | uint64(p[i])
	}
	*b = p[1+size:]
	return n, true
}

// serverError reads an ERR packet: number, '#', state, text.
func serverError(b []byte) error {
	if len(b) < 3 {
		return errors.New("server: an error that is cut short")
	}
	text := b[3:]
	if len(text) >= 6 && text[0] == '#' {
		text = text[6:]
	}
	return fmt.Errorf("server: %s (%d)", text, binary.LittleEndian.Uint16(b[1:]))
}
