package mywire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"honeyrow/proxy/wire"
)

const (
	// header is a packet's: 3 bytes of length, least significant first, and
	// the sequence id.
	header = 4
	// maxPacket is the payload that says that another packet continues it.
	maxPacket = 1<<24 - 1
)

// Caps of packets during login in bytes, header included.
const (
	loginClientMax = 256 << 10 // connection attributes are up to 64 KiB
	loginServerMax = 256 << 10
	firstReadBytes = 1 << 10
)

var errShort = errors.New("a packet ends before its announced content")

// packetSize is the payload length in a packet's header.
func packetSize(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// appendPacket appends a packet.
func appendPacket(b []byte, seq byte, payload []byte) []byte {
	b = append(b, byte(len(payload)), byte(len(payload)>>8), byte(len(payload)>>16), seq)
	return append(b, payload...)
}

// lenenc reads a length-encoded integer. null is true for the byte 0xfb.
func lenenc(b []byte) (n uint64, null bool, rest []byte, err error) {
	if len(b) == 0 {
		return 0, false, nil, errShort
	}
	switch c := b[0]; {
	case c < 0xfb:
		return uint64(c), false, b[1:], nil
	case c == 0xfb:
		return 0, true, b[1:], nil
	case c == 0xfc && len(b) >= 3:
		return uint64(binary.LittleEndian.Uint16(b[1:])), false, b[3:], nil
	case c == 0xfd && len(b) >= 4:
		return uint64(packetSize(b[1:])), false, b[4:], nil
	case c == 0xfe && len(b) >= 9:
		return binary.LittleEndian.Uint64(b[1:]), false, b[9:], nil
	}
	return 0, false, nil, errShort
}

// lenencString reads a length-encoded string; NULL reads as empty.
func lenencString(b []byte) (s, rest []byte, err error) {
	n, _, rest, err := lenenc(b)
	if err != nil {
		return nil, nil, err
	}
	if n > uint64(len(rest)) {
		return nil, nil, errShort
	}
	return rest[:n], rest[n:], nil
}

func appendLenenc(b []byte, n uint64) []byte {
	switch {
	case n < 0xfb:
		return append(b, byte(n))
	case n < 1<<16:
		return append(b, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(b, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xfe), n)
}

// framer cuts packets out of a connection during login and keeps its sequence
// of ids, which differs between the two legs if one has TLS and the other has
// not. What it returns is valid until its next call.
type framer struct {
	conn net.Conn
	side wire.Side
	seq  byte   // of the next packet in either direction
	buf  []byte // unread bytes are buf[r:w]
	r, w int
}

func newFramer(c net.Conn, side wire.Side) *framer {
	return &framer{conn: c, side: side, buf: make([]byte, firstReadBytes)}
}

func (f *framer) buffered() []byte { return f.buf[f.r:f.w] }

// fill reads until n bytes are buffered.
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

// read returns the payload of the next packet.
func (f *framer) read() ([]byte, error) {
	if err := f.fill(header); err != nil {
		return nil, err
	}
	b := f.buffered()
	n, limit := packetSize(b), loginClientMax
	if f.side == wire.Server {
		limit = loginServerMax
	}
	if n > limit {
		return nil, malformed(f.side, "a packet of %d bytes during login", n)
	}
	if b[3] != f.seq {
		return nil, malformed(f.side, "packets out of order: sequence id %d during login, expected %d", b[3], f.seq)
	}
	f.seq++
	if err := f.fill(header + n); err != nil {
		return nil, err
	}
	p := f.buf[f.r+header : f.r+header+n : f.r+header+n]
	f.r += header + n
	return p, nil
}

// write sends a packet.
func (f *framer) write(payload []byte) error {
	b := appendPacket(make([]byte, 0, header+len(payload)), f.seq, payload)
	f.seq++
	_, err := f.conn.Write(b)
	clear(b) // it may hold a password
	if err != nil {
		return lost(f.side, "write", err)
	}
	return nil
}

// rest hands over what is left, to live on its own.
func (f *framer) rest() []byte {
	if f.r == f.w {
		return nil
	}
	return append([]byte(nil), f.buf[f.r:f.w]...)
}
