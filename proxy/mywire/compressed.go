package mywire

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

const capCompress = caps(1 << 5) // CLIENT_COMPRESS

// compressedConn is the connection of a client that said it compresses although
// nobody offered it: mysqlnd (PHP) and go-mysql then do, for they don't look at
// the greeting. Others only say so. What the client sends first tells which it is;
// in neither case does anything behind this connection see the compressed
// protocol (MySQL Internals, "Compression"). What is written goes out
// in packets that are stored, which the protocol allows.
type compressedConn struct {
	net.Conn
	in      *bufio.Reader
	state   atomic.Int32  // undecided, plain or packed
	seq     atomic.Uint32 // of the next packet to the client
	packet  io.LimitedReader
	body    io.Reader // of the packet that is being read; nil: none
	inflate io.ReadCloser
	left    int // of body, inflated
	out     [headerCompressed]byte
}

const (
	undecided int32 = iota
	plain
	packed
)

// headerCompressed is the length of a compressed packet's header: its length, a
// sequence number, and its length when inflated (0: it is stored).
const headerCompressed = 7

func newCompressedConn(c net.Conn) *compressedConn {
	return &compressedConn{Conn: c, in: bufio.NewReaderSize(c, 4<<10)}
}

// decide looks at the first command. A stored packet has a zero where a command
// is; a deflated one begins with zlib's header (RFC 1950) and is inflated to no more
// than deflate can.
func (c *compressedConn) decide() error {
	b, err := c.in.Peek(header + 1)
	if err != nil {
		return err
	}
	size, is := packetSize(b), plain
	switch {
	case b[4] == 0 && size > header:
		is = packed
	case size >= 9: // zlib's header, one byte, and its sum
		if b, err = c.in.Peek(headerCompressed + 2); err != nil {
			return err
		}
		inflated := packetSize(b[4:])
		if b[7] == 0x78 && (uint(b[7])<<8|uint(b[8]))%31 == 0 && inflated <= 1032*size {
			is = packed
		}
	}
	c.state.Store(is)
	return nil
}

// Read implements net.Conn.
func (c *compressedConn) Read(p []byte) (int, error) {
	if c.state.Load() == undecided {
		if err := c.decide(); err != nil {
			return 0, err
		}
	}
	if c.state.Load() == plain || len(p) == 0 {
		return c.in.Read(p)
	}
	for c.body == nil {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n, err := c.body.Read(p[:min(len(p), c.left)])
	c.left -= n
	if c.left == 0 {
		c.body = nil
		if _, err := io.Copy(io.Discard, &c.packet); err != nil || c.packet.N > 0 {
			return n, errors.Join(err, io.ErrUnexpectedEOF)
		}
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next begins the next packet.
func (c *compressedConn) next() error {
	h, err := c.in.Peek(headerCompressed)
	if err != nil {
		return err
	}
	size, inflated := packetSize(h), packetSize(h[4:])
	c.seq.Store(uint32(h[3]) + 1)
	if _, err := c.in.Discard(headerCompressed); err != nil {
		return err
	}
	c.packet = io.LimitedReader{R: c.in, N: int64(size)}
	if inflated == 0 {
		if c.left = size; size > 0 {
			c.body = &c.packet
		}
		return nil
	}
	c.left = inflated
	if r, ok := c.inflate.(zlib.Resetter); ok {
		err = r.Reset(&c.packet, nil)
	} else {
		c.inflate, err = zlib.NewReader(&c.packet)
	}
	if err != nil {
		return fmt.Errorf("a compressed packet: %w", err)
	}
	c.body = c.inflate
	return nil
}

// Write implements net.Conn.
func (c *compressedConn) Write(p []byte) (n int, err error) {
	if c.state.Load() != packed {
		return c.Conn.Write(p)
	}
	for len(p) > 0 {
		part := p[:min(len(p), maxPacket)]
		size := len(part)
		c.out = [headerCompressed]byte{byte(size), byte(size >> 8), byte(size >> 16), byte(c.seq.Add(1) - 1)}
		b := net.Buffers{c.out[:], part}
		m, err := b.WriteTo(c.Conn)
		n += max(0, int(m)-headerCompressed)
		if err != nil {
			return n, err
		}
		p = p[size:]
	}
	return n, nil
}

// CloseWrite ends the sending direction if the connection knows how.
func (c *compressedConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Close()
}
