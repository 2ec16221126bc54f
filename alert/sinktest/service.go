package sinktest

import (
	"net"
	"net/http"
	"slices"
	"sync"

	"honeyrow/event"
)

// Fake is a fake of a real service. It checks what the service checks, tells
// the test of what is wrong, and remembers what it took.
type Fake interface {
	// Serve talks to one client until the connection ends.
	Serve(conn net.Conn)
	// Taken returns the ids of the detections that the service has for good.
	Taken() []event.ID
}

// Ledger remembers ids. It is safe for concurrent use.
type Ledger struct {
	mu  sync.Mutex
	ids []event.ID
}

// Take remembers an id.
func (l *Ledger) Take(id event.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
}

// Taken returns what was remembered, in order.
func (l *Ledger) Taken() []event.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

type service struct {
	Ledger
	handler func(w http.ResponseWriter, r *http.Request, taken func(event.ID))
}

// Service makes a Fake of a service that speaks HTTP.
func Service(handler func(w http.ResponseWriter, r *http.Request, taken func(event.ID))) Fake {
	return &service{handler: handler}
}

// Serve implements Fake.
func (s *service) Serve(conn net.Conn) { serveHTTP(conn, s.ServeHTTP) }

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler(w, r, s.Take) }

// serveHTTP answers the requests of one connection.
func serveHTTP(conn net.Conn, h http.HandlerFunc) {
	l := &single{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conn <- &noted{Conn: conn, closed: l.done}
	srv := &http.Server{Handler: h, ErrorLog: silent}
	_ = srv.Serve(l)
}

// single is a listener with one connection; it ends with it.
type single struct {
	conn chan net.Conn
	done chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return address(Host) }

type noted struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *noted) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
