package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"honeyrow/event"
)

// socketPathMax is the longest path of a unix socket on Linux, in bytes.
const socketPathMax = 107

// Socket is an open listening socket, which can be handed over to another process
// (internal/handover).
type Socket interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// Open opens the socket that c, which has its defaults, names.
func Open(ctx context.Context, c Config) (Socket, error) {
	s, err := openSocket(ctx, &c)
	if err != nil {
		return nil, fmt.Errorf("listener %q at %s: %w%s", c.Name, c.Address, err, remedy(err))
	}
	return s, nil
}

// remedy is what to do about a socket that can't be opened; empty if the error
// says it.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return ": choose another address, or end the program that listens there (ss -ltnp names it)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return ": no interface of this machine has the address: choose one that `ip address` shows, or 0.0.0.0 for all"
	case errors.Is(err, syscall.EACCES):
		return ": choose a port from 1024 on, or a folder that the proxy's user may write to"
	}
	return ""
}

// Adopt makes the socket of c out of one that another process has opened for it.
func Adopt(s Socket, c Config) (Socket, error) {
	path, isUnix := strings.CutPrefix(c.Address, "unix:")
	switch l := s.(type) {
	case *net.UnixListener:
		self, err := os.Lstat(path)
		if !isUnix || err != nil {
			return nil, fmt.Errorf("listener %q at %s: take its unix socket over: %w", c.Name, c.Address, err)
		}
		return &unixListener{UnixListener: l, path: path, self: self}, nil
	case *net.TCPListener:
		if !isUnix {
			return &adopted{l}, nil
		}
	}
	return nil, fmt.Errorf("listener %q at %s: the socket to take over is of another kind", c.Name, c.Address)
}

// adopted is a TCP socket of another process: that connections are kept alive is
// not a property of the socket.
type adopted struct{ *net.TCPListener }

// Accept implements net.Listener.
func (l *adopted) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	if err := c.SetKeepAliveConfig(keepAlive); err != nil && !errors.Is(err, syscall.EINVAL) { // it is gone already
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// keepAlive finds clients that are gone without a word.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 10 * time.Second, Count: 6}

func openSocket(ctx context.Context, c *Config) (Socket, error) {
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		mode, err := c.unixMode()
		if err != nil {
			return nil, err
		}
		return listenUnix(path, fs.FileMode(mode))
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	l, err := lc.Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// unixListener removes its path when it closes, if the path is still its own.
type unixListener struct {
	*net.UnixListener
	path string
	self fs.FileInfo
	kept atomic.Bool // the path is left to another process
}

// listenUnix replaces a socket that nobody listens on any more. The socket gets
// its mode before it gets its name, so that nobody can connect in between.
func listenUnix(path string, mode fs.FileMode) (*unixListener, error) {
	if err := stale(path); err != nil {
		return nil, err
	}
	temp := filepath.Join(filepath.Dir(path), ".h"+strconv.FormatInt(int64(os.Getpid()), 36))
	if len(temp) > socketPathMax {
		return nil, fmt.Errorf("folder %s: too long a path for a unix socket; use a shorter one", filepath.Dir(path))
	}
	_ = os.Remove(temp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	self, err := install(temp, path, mode)
	if err != nil {
		l.Close()
		_ = os.Remove(temp)
		return nil, err
	}
	return &unixListener{UnixListener: l, path: path, self: self}, nil
}

func install(temp, path string, mode fs.FileMode) (fs.FileInfo, error) {
	if err := os.Chmod(temp, mode); err != nil {
		return nil, err
	}
	if err := os.Rename(temp, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// stale checks that nothing at path is in the way: nothing is there, or a
// socket that refuses connections.
func stale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is no socket: remove it or choose another path", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("another process listens on %s: stop it or choose another path", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("can't tell whether %s is in use: %w", path, err)
	}
	return nil
}

// Addr names the final path.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Keep has Close leave the path, for another process that has the socket too.
func (l *unixListener) Keep() { l.kept.Store(true) }

// Close stops listening and removes the path unless it is another's by now.
func (l *unixListener) Close() error {
	if now, err := os.Lstat(l.path); !l.kept.Load() && err == nil && os.SameFile(now, l.self) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}

// tune sets what an accepted connection does not inherit.
func tune(c net.Conn, userTimeout time.Duration) error {
	t, ok := c.(*net.TCPConn)
	if !ok || userTimeout <= 0 {
		return nil
	}
	return control(t, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout/time.Millisecond))
	})
}

// peer returns the process at the other end of a unix socket, nil for others.
func peer(c net.Conn) (*event.Peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, nil
	}
	var p *event.Peer
	err := control(u, func(fd int) error {
		cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err == nil {
			p = &event.Peer{PID: cred.Pid, UID: cred.Uid, GID: cred.Gid}
		}
		return err
	})
	return p, err
}

func control(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := raw.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}
