// Package client is the benchmark's reader: clients of PostgreSQL and of MySQL
// that spend as little as they can, so that what is measured is the server and
// the proxy. Each logs in without a password, sends a query, walks headers in a
// large buffer, and counts rows and bytes; it never looks at a value.
package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// DefaultBuffer is large enough that reads, not bookkeeping, set the pace.
const DefaultBuffer = 256 << 10

const (
	headerSize = 5
	keptBody   = 4 << 10 // of an error
)

// Conn is one logged-in session with a PostgreSQL server. It is for one goroutine.
type Conn struct {
	net  net.Conn
	buf  []byte
	scan scanner
}

// Result says what came back.
type Result struct {
	Rows  uint64 // PostgreSQL: DataRow and CopyData messages
	Bytes uint64 // of the whole answer, headers included; PostgreSQL: up to and with ReadyForQuery
}

// Dial logs in and returns once the server is ready for a query. buffer is the
// read buffer's size in bytes, 0 for DefaultBuffer. The server must trust.
func Dial(ctx context.Context, address, user, database string, buffer int) (*Conn, error) {
	if buffer == 0 {
		buffer = DefaultBuffer
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Conn{net: nc, buf: make([]byte, max(buffer, headerSize))}
	var b []byte
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, 3<<16)
	b = append(b, "user\x00"+user+"\x00database\x00"+database+"\x00\x00"...)
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	if _, err := c.roundTrip(b); err != nil {
		nc.Close()
		return nil, fmt.Errorf("log in at %s: %w", address, err)
	}
	return c, nil
}

// Query runs sql by the simple protocol (COPY ... TO STDOUT too) and reads its
// answer to the end.
func (c *Conn) Query(sql string) (Result, error) {
	return c.roundTrip(message(nil, 'Q', sql+"\x00"))
}

// QueryBinary runs sql by the extended protocol with all columns in binary.
func (c *Conn) QueryBinary(sql string) (Result, error) {
	b := message(nil, 'P', "\x00"+sql+"\x00\x00\x00")
	b = message(b, 'B', "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01")
	b = message(b, 'D', "P\x00")
	b = message(b, 'E', "\x00\x00\x00\x00\x00")
	b = message(b, 'S', "")
	return c.roundTrip(b)
}

// Close says good-bye and returns when the other side has closed, so that the
// session's cost is spent.
func (c *Conn) Close() error {
	defer c.net.Close()
	if _, err := c.net.Write(message(nil, 'X', "")); err != nil {
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
func (c *Conn) Abort() { _ = c.net.Close() }

func (c *Conn) roundTrip(out []byte) (Result, error) {
	if _, err := c.net.Write(out); err != nil {
		return Result{}, err
	}
	s := &c.scan
	*s = scanner{body: s.body[:0]}
	have := 0
	for {
		n, err := c.net.Read(c.buf[have:])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return s.Result, errors.Join(s.err, err)
		}
		have += n
		used, err := s.feed(c.buf[:have])
		if err != nil {
			return s.Result, err
		}
		have = copy(c.buf, c.buf[used:have])
		if s.ready {
			return s.Result, s.err
		}
	}
}

func message(b []byte, kind byte, body string) []byte {
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)+4))
	return append(b, body...)
}

// scanner walks the server's messages.
type scanner struct {
	Result
	kind  byte   // of the message whose body is being passed
	rest  uint64 // bytes of that body still to come
	body  []byte // of an ErrorResponse or an authentication request
	ready bool
	err   error // of the server
}

// feed takes b, returns how much of it was used (all but a split header), and
// fails on what this client cannot do.
func (s *scanner) feed(b []byte) (int, error) {
	pos := 0
	for {
		if s.rest > 0 {
			n := int(min(s.rest, uint64(len(b)-pos)))
			if keep := min(n, keptBody-len(s.body)); keep > 0 && (s.kind == 'E' || s.kind == 'R') {
				s.body = append(s.body, b[pos:pos+keep]...)
			}
			pos += n
			s.Bytes += uint64(n)
			if s.rest -= uint64(n); s.rest > 0 {
				return pos, nil
			}
			if err := s.end(); err != nil {
				return pos, err
			}
		}
		if s.ready || len(b)-pos < headerSize {
			return pos, nil
		}
		length := binary.BigEndian.Uint32(b[pos+1:])
		if length < 4 {
			return pos, fmt.Errorf("message %q has length %d", b[pos], length)
		}
		s.kind, s.rest = b[pos], uint64(length-4)
		pos += headerSize
		s.Bytes += headerSize
		if s.kind == 'D' || s.kind == 'd' {
			s.Rows++
		}
		if s.rest == 0 {
			if err := s.end(); err != nil {
				return pos, err
			}
		}
	}
}

// end looks at a message that has come to its end.
func (s *scanner) end() error {
	switch s.kind {
	case 'Z':
		s.ready = true
	case 'E':
		s.err = fmt.Errorf("server: %s", errorText(s.body))
		s.body = s.body[:0]
	case 'R':
		if len(s.body) < 4 || binary.BigEndian.Uint32(s.body) != 0 {
			return errors.New("the server asks for a password: the benchmark's server must trust")
		}
		s.body = s.body[:0]
	case 'G', 'W':
		return errors.New("the server wants COPY data: the benchmark only reads")
	}
	return nil
}

// errorText takes code and message from an ErrorResponse's fields.
func errorText(body []byte) string {
	var code, text string
	for _, f := range strings.Split(string(body), "\x00") {
		if f == "" {
			continue
		}
		switch f[0] {
		case 'C':
			code = f[1:]
		case 'M':
			text = f[1:]
		}
	}
	return strings.TrimSpace(text + " (" + code + ")")
}
