package mywire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/pires/go-proxyproto"
	"golang.org/x/sys/unix"

	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

var errNoTLS = errors.New("the server does not support TLS: set the server's tls.mode to prefer or disable, or give the server a certificate (ssl_cert, ssl_key)")

// connect opens a connection to the server and sends the PROXY header if one
// is configured. The server speaks first, and only after that header.
func (s *settings) connect(ctx context.Context, o wire.Origin) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 10 * time.Second, Count: 6}}
	if ms := int(s.Server.UserTimeout / time.Millisecond); ms > 0 && s.network == "tcp" {
		d.Control = func(_, _ string, c syscall.RawConn) error {
			var serr error
			err := c.Control(func(fd uintptr) {
				serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms)
			})
			return errors.Join(err, serr)
		}
	}
	c, err := d.DialContext(ctx, s.network, s.address)
	if err != nil {
		return nil, unreachable("connect", fmt.Errorf("connect to the server: %w", err))
	}
	if s.Server.ProxyProtocol {
		if _, err := proxyHeader(o, c.RemoteAddr()).WriteTo(c); err != nil {
			c.Close()
			return nil, unreachable("connect", fmt.Errorf("send the PROXY header to the server: %w", err))
		}
	}
	return c, nil
}

// proxyHeader names the client to the server. A client without an IP address
// (a unix socket) is the proxy's own affair: LOCAL.
func proxyHeader(o wire.Origin, server net.Addr) *proxyproto.Header {
	from, err := netip.ParseAddrPort(o.Address)
	if err != nil {
		return &proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	}
	src := net.TCPAddrFromAddrPort(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	dst, ok := server.(*net.TCPAddr)
	if !ok || (src.IP.To4() == nil) != (dst.IP.To4() == nil) {
		dst = &net.TCPAddr{IP: net.IPv6loopback, Port: 3306} // of the client's family
		if src.IP.To4() != nil {
			dst.IP = net.IPv4(127, 0, 0, 1)
		}
	}
	return proxyproto.HeaderProxyFromAddrs(2, src, dst)
}

// reach connects to the server and reads its greeting.
func (l *login) reach(ctx context.Context) error {
	dctx, stop := context.WithTimeout(ctx, l.set.Server.ConnectTimeout)
	defer stop()
	raw, err := l.set.connect(dctx, l.origin)
	if err != nil {
		return err
	}
	l.raw, l.server = raw, newFramer(raw, wire.Server)
	l.lift = guard(ctx, raw)
	early := guard(dctx, raw)
	b, err := l.server.read()
	if !early() && ctx.Err() == nil {
		return unreachable("connect", fmt.Errorf("the server's greeting: %w", context.DeadlineExceeded))
	}
	if err != nil {
		return err
	}
	if len(b) > 0 && b[0] == 0xff { // too many connections, host not allowed
		return l.refused(b)
	}
	if l.greet, err = parseGreeting(b); err != nil {
		return malformed(wire.Server, "greeting: %v", err)
	}
	l.owes = owesLogin
	return nil
}

// encryptServer asks the server for TLS and shakes hands. first is the start
// of the response to come, whose capabilities count.
func (l *login) encryptServer(ctx context.Context, first []byte) error {
	l.owes = owesNothing
	if err := l.server.write(first); err != nil {
		return err
	}
	if len(l.server.buffered()) > 0 {
		return malformed(wire.Server, "unencrypted data before TLS")
	}
	c := tls.Client(l.raw, l.set.serverTLS)
	if err := c.HandshakeContext(ctx); err != nil {
		l.set.trial.failed()
		return unreachable("tls", fmt.Errorf("TLS with the server at %s: %w", l.set.address, err))
	}
	state := c.ConnectionState()
	seq := l.server.seq
	l.serverTLS, l.server = &state, newFramer(c, wire.Server)
	l.server.seq = seq
	l.owes = owesLogin
	return nil
}

// wantsServerTLS decides about the server's leg from its greeting.
func (l *login) wantsServerTLS(ctx context.Context) (bool, error) {
	prefer := l.set.Server.TLS.Mode == tlsconf.Prefer
	switch {
	case l.set.serverTLS == nil:
		return false, nil
	case l.greet.caps.has(capSSL):
		return !prefer || l.tlsWorks(ctx), nil
	case prefer:
		return false, nil
	}
	return false, unreachable("tls", errNoTLS)
}

// trial remembers, for mode prefer, whether TLS with the server works. A
// handshake that fails can't be followed by plaintext within the same login, as
// libpq does: the client has answered the greeting of the connection that
// failed, with its salt and its id. So TLS is tried on a connection of its own
// before the first client is greeted, and again some time after it has failed.
type trial struct {
	mu    sync.Mutex
	works bool
	again time.Time // TLS has failed: plaintext until then
}

// failed makes the next login try again.
func (t *trial) failed() {
	t.mu.Lock()
	t.works = false
	t.mu.Unlock()
}

// trialPause is how long a server whose TLS has failed is spoken to in plaintext
// before it is tried again.
const trialPause = time.Minute

// tlsWorks reports whether to speak TLS with the server in mode prefer. If it
// can't be found out, the login is to say why.
func (l *login) tlsWorks(ctx context.Context) bool {
	t := l.set.trial
	t.mu.Lock()
	works, wait := t.works, l.p.deps.Now().Before(t.again)
	t.mu.Unlock()
	if works || wait {
		return works
	}
	ctx, stop := context.WithTimeout(ctx, l.set.Server.ConnectTimeout)
	defer stop()
	err := l.tryTLS(ctx)
	if err != nil && (ctx.Err() != nil || !errors.Is(err, errTrial)) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.works = err == nil; !t.works {
		t.again = l.p.deps.Now().Add(trialPause)
		l.p.deps.Log.Warn().Err(err).Str("server", l.set.Server.Name).Msg("TLS with the server fails; connecting in plaintext, as tls.mode prefer allows: repair the server's certificate and versions, or set tls.mode to require")
	}
	return t.works
}

var errTrial = errors.New("TLS handshake")

// tryTLS shakes hands with the server on a connection of its own. The error is
// errTrial if it was the handshake that failed.
func (l *login) tryTLS(ctx context.Context) error {
	raw, err := l.set.connect(ctx, l.origin)
	if err != nil {
		return err
	}
	defer raw.Close()
	defer guard(ctx, raw)()
	s := newFramer(raw, wire.Server)
	b, err := s.read()
	if err != nil {
		return err
	}
	g, err := parseGreeting(b)
	if err != nil {
		return err
	}
	if err := s.write(g.noResponse(true).fixed); err != nil {
		return err
	}
	c := tls.Client(raw, l.set.serverTLS)
	if err := c.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("%w: %w", errTrial, err)
	}
	f := newFramer(c, wire.Server)
	f.seq = s.seq
	end(raw, f, g.noLogin(true))
	return c.Close()
}

// guard makes reads and writes on c fail once ctx ends. The function that it
// returns lifts the guard and reports whether ctx had not ended; if it had, the
// guard has done its work by then. It may be called more than once.
func guard(ctx context.Context, c net.Conn) (lift func() bool) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	return sync.OnceValue(func() bool {
		if stop() {
			return true
		}
		<-done
		return false
	})
}
