package wire

import (
	"io"
	"net"
	"os"
	"syscall"
)

// reader fills a buffer from a connection.
type reader struct {
	conn net.Conn
	raw  syscall.RawConn // nil: not a plain socket
	b    *buffer
	need int
	n    int
	err  error
	try  func(fd uintptr) bool
}

func newReader(c net.Conn) *reader {
	r := &reader{conn: c}
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			r.raw = raw
			r.try = r.attempt
		}
	}
	return r
}

// read appends at least one byte to b, in a buffer that can hold need bytes.
func (r *reader) read(b *buffer, need int) error {
	if r.raw == nil {
		return r.readOpaque(b, need)
	}
	r.b, r.need, r.n, r.err = b, need, 0, nil
	if err := r.raw.Read(r.try); err != nil {
		return err
	}
	if r.err != nil {
		return os.NewSyscallError("read", r.err)
	}
	if r.n == 0 {
		return io.EOF
	}
	b.end += r.n
	return nil
}

// attempt is called when the socket may be readable; false waits until it is.
func (r *reader) attempt(fd uintptr) bool {
	// Room for a whole socket buffer each time: what is left of a frame moves to
	// the front, since a read into little room is a system call for nothing.
	// Behind a result that is kept back less will do: it is mostly short.
	room := large
	if r.b.held > 0 {
		room = large / 4
	}
	r.b.reserve(max(r.need, room))
	for {
		n, err := readNow(fd, r.b.data[r.b.end:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.b.rest()
			return false
		case err != nil:
			r.err = err
			return true
		}
		r.n = n
		return true
	}
}

// readOpaque reads from a connection that can't tell whether there is
// something to read (TLS): it waits with a small buffer, and goes on in a
// large one while that is filled.
func (r *reader) readOpaque(b *buffer, need int) error {
	switch {
	case b.len() == 0 && b.held == 0 && need <= small && (r.n < small || b.data == nil):
		if len(b.data) != small {
			b.move(make([]byte, small), nil)
		}
	default:
		b.reserve(need)
	}
	n, err := r.conn.Read(b.data[b.end:])
	b.end += n
	r.n = n
	if n > 0 {
		return nil
	}
	return err
}

// writer writes to a connection. One goroutine uses it at a time.
type writer struct {
	conn net.Conn
	raw  syscall.RawConn
	out  []byte // what is left
	err  error
	try  func(fd uintptr) bool
}

// newWriter returns c itself unless it is a plain socket.
func newWriter(c net.Conn) io.Writer {
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			w := &writer{conn: c, raw: raw}
			w.try = w.attempt
			return w
		}
	}
	return c
}

// Write implements io.Writer.
func (w *writer) Write(b []byte) (int, error) {
	w.out, w.err = b, nil
	err := w.raw.Write(w.try)
	n := len(b) - len(w.out)
	w.out = nil
	if err == nil && w.err != nil {
		err = os.NewSyscallError("write", w.err)
	}
	return n, err
}

// attempt is called when the socket may take something; false waits until it does.
func (w *writer) attempt(fd uintptr) bool {
	for len(w.out) > 0 {
		n, err := writeNow(fd, w.out)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false
		case err != nil:
			w.err = err
			return true
		}
		w.out = w.out[n:]
	}
	return true
}
