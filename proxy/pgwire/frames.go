package pgwire

import (
	"encoding/binary"
	"io"
	"net"

	"honeyrow/proxy/wire"
)

// Frame caps during login, in bytes. A client's are the server's own
// (PG_MAX_AUTH_TOKEN_LENGTH, MAX_STARTUP_PACKET_LENGTH); the server's leave
// room for a login trigger's notices.
const (
	startupMax     = 10_000
	authClientMax  = 65_535
	authServerMax  = 1 << 20
	firstReadBytes = 2 << 10
)

// framer cuts messages out of a connection during login. What it returns is
// valid until its next call.
type framer struct {
	conn net.Conn
	side wire.Side
	buf  []byte // unread bytes are buf[r:w]
	r, w int
}

func newFramer(c net.Conn, side wire.Side) *framer {
	return &framer{conn: c, side: side, buf: make([]byte, firstReadBytes)}
}

// buffered is what was read but not taken.
func (f *framer) buffered() []byte { return f.buf[f.r:f.w] }

// fill reads until n bytes are buffered. io.EOF says that the peer ended the
// stream before the first of them.
func (f *framer) fill(n int) error {
	if f.w-f.r >= n {
		return nil
	}
	if f.r > 0 {
		copy(f.buf, f.buf[f.r:f.w])
		f.r, f.w = 0, f.w-f.r
	}
	for f.w < n {
		if f.w == len(f.buf) { // grow with what arrives, not with what is announced
			f.buf = append(f.buf, make([]byte, len(f.buf))...)
		}
		m, err := f.conn.Read(f.buf[f.w:])
		f.w += m
		if f.w >= n {
			return nil
		}
		if err == io.EOF && f.w > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return lost(f.side, "read", err)
		}
	}
	return nil
}

// take removes n buffered bytes.
func (f *framer) take(n int) []byte {
	b := f.buf[f.r : f.r+n : f.r+n]
	f.r += n
	return b
}

// startup returns the next packet without a type byte, its length included.
func (f *framer) startup() ([]byte, error) {
	if err := f.fill(4); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(f.buffered())
	if n < 8 || n > startupMax {
		return nil, malformed(f.side, "invalid length of startup packet")
	}
	if err := f.fill(int(n)); err != nil {
		return nil, err
	}
	return f.take(int(n)), nil
}

// message returns the next typed message, header included, of at most max
// bytes of body.
func (f *framer) message(max int) ([]byte, error) {
	if err := f.fill(header); err != nil {
		return nil, err
	}
	b := f.buffered()
	n := binary.BigEndian.Uint32(b[1:])
	if n < 4 || n-4 > uint32(max) {
		return nil, malformed(f.side, "message %q announces %d bytes during login", b[0], n)
	}
	if err := f.fill(int(n) + 1); err != nil {
		return nil, err
	}
	return f.take(int(n) + 1), nil
}

// rest hands over what is left, to live on its own.
func (f *framer) rest() []byte {
	if f.r == f.w {
		return nil
	}
	return append([]byte(nil), f.buf[f.r:f.w]...)
}
