// Package replay gives back bytes that were read from a connection ahead of
// time: a PROXY header's surplus, or the first bytes of a TLS handshake.
package replay

import "net"

// Conn is a connection whose Read returns kept bytes first. Reads must come
// from one goroutine at a time, as with any stream that is parsed.
type Conn struct {
	net.Conn
	kept []byte
}

// New returns a connection that yields kept, then what c yields. It takes
// ownership of kept. With nothing kept it returns c itself.
func New(c net.Conn, kept []byte) net.Conn {
	if len(kept) == 0 {
		return c
	}
	return &Conn{Conn: c, kept: kept}
}

// Read implements io.Reader.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.kept) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.kept)
	c.kept = c.kept[n:]
	if len(c.kept) == 0 {
		c.kept = nil // let the array go
	}
	return n, nil
}

// CloseWrite ends the sending direction if the connection knows how.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return c.Close()
}

// Take returns the connection underneath and the bytes that are still kept.
// For any other connection it returns c and nil. The Conn must not be used
// afterwards.
func Take(c net.Conn) (net.Conn, []byte) {
	r, ok := c.(*Conn)
	if !ok {
		return c, nil
	}
	inner, more := Take(r.Conn)
	kept := append(r.kept[:len(r.kept):len(r.kept)], more...)
	r.kept = nil
	return inner, kept
}
