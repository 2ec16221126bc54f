package handover

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Listener is a socket that can be handed over: those of package net can.
type Listener interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// Gate is a listener that can stop accepting without closing: connections then
// wait in the kernel's queue, for whoever accepts from the socket next.
type Gate struct {
	l Listener

	mu     sync.Mutex
	shut   chan struct{} // nil: open; closed when it opens again or closes
	closed bool
}

// NewGate returns an open gate. It owns l.
func NewGate(l Listener) *Gate { return &Gate{l: l} }

// Accept implements net.Listener.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		g.mu.Lock()
		shut, closed := g.shut, g.closed
		g.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if shut != nil {
			<-shut
			continue
		}
		c, err := g.l.Accept()
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			continue // of Shut
		}
		return c, err
	}
}

// Shut stops accepting. An Accept that is under way goes on waiting.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil && !g.closed {
		g.shut = make(chan struct{})
		_ = g.l.SetDeadline(time.Unix(1, 0))
	}
}

// Open takes Shut back.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil && !g.closed {
		_ = g.l.SetDeadline(time.Time{})
		close(g.shut)
		g.shut = nil
	}
}

// Close implements net.Listener. The path of a unix socket is removed.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return net.ErrClosed
	}
	if g.closed = true; g.shut != nil {
		close(g.shut)
	}
	return g.l.Close()
}

// Keep has Close leave the path of a unix socket, for another process that goes on
// with the socket.
func (g *Gate) Keep() {
	switch l := g.l.(type) {
	case interface{ Keep() }:
		l.Keep()
	case *net.UnixListener:
		l.SetUnlinkOnClose(false)
	}
}

// Addr implements net.Listener.
func (g *Gate) Addr() net.Addr { return g.l.Addr() }

// descriptor calls f with the socket's number. It is valid during the call.
func (g *Gate) descriptor(f func(fd int) error) error {
	raw, err := g.l.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
