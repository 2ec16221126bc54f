package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
)

// ErrNoElder says that no process before this one is there to be called.
var ErrNoElder = errors.New("there is no process before this one")

// Call returns a connection to the predecessor, which serves it as it thinks fit
// (Heir.Calls). The caller closes it.
func (e *Estate) Call(context.Context) (net.Conn, error) {
	if !e.Present() || !e.serving.Load() {
		return nil, ErrNoElder
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("call the process before this one: %w", err)
	}
	own, other := os.NewFile(uintptr(fds[0]), "call"), os.NewFile(uintptr(fds[1]), "call")
	defer own.Close()
	defer other.Close()
	c, err := net.FileConn(own)
	if err != nil {
		return nil, fmt.Errorf("call the process before this one: %w", err)
	}
	if err := e.l.send(message{Call: true}, fds[1]); err != nil {
		return nil, errors.Join(fmt.Errorf("call the process before this one: %w", err), c.Close())
	}
	return c, nil
}

// calls is a listener whose connections come over the link.
type calls struct {
	conns chan net.Conn
	done  chan struct{}

	mu     sync.Mutex
	closed bool
}

// maxCalls bounds the calls that nobody has taken yet.
const maxCalls = 8

func newCalls() *calls {
	return &calls{conns: make(chan net.Conn, maxCalls), done: make(chan struct{})}
}

// ring hands a call to whoever accepts; one too many is hung up on.
func (c *calls) ring(files []*os.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range files {
		conn, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			continue
		}
		if !c.closed {
			select {
			case c.conns <- conn:
				continue
			default:
			}
		}
		_ = conn.Close()
	}
}

// Accept implements net.Listener.
func (c *calls) Accept() (net.Conn, error) {
	select {
	case <-c.done:
		return nil, net.ErrClosed
	case conn := <-c.conns:
		return conn, nil
	}
}

// Close implements net.Listener. Whoever has called and was not answered is hung up
// on.
func (c *calls) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	close(c.done)
	for {
		select {
		case conn := <-c.conns:
			_ = conn.Close()
		default:
			return nil
		}
	}
}

// Addr implements net.Listener.
func (c *calls) Addr() net.Addr { return &net.UnixAddr{Name: "heir", Net: "unix"} }

// Calls is where the heir's calls come in. It ends with Close or the process.
func (h *Heir) Calls() net.Listener { return h.calls }
