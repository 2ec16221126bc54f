package pgwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"honeyrow/proxy/tlsconf"
)

// serverLink is a fresh connection to a server.
type serverLink struct {
	raw  net.Conn             // the socket: for deadlines
	conn net.Conn             // what to speak on: raw, or TLS over it
	tls  *tls.ConnectionState // nil: plaintext
}

var errNoTLS = errors.New("the server does not support TLS: set the server's tls.mode to prefer or disable, or turn on ssl in postgresql.conf")

// dial connects to the server and encrypts as the mode says. Mode prefer falls
// back to plaintext when the server has no TLS or its handshake fails, as
// libpq does; the others never do.
func (s *settings) dial(ctx context.Context) (*serverLink, error) {
	if s.serverTLS == nil {
		return s.dialPlain(ctx)
	}
	ctx, stop := context.WithTimeout(ctx, s.Server.ConnectTimeout)
	defer stop()
	raw, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	link, err := s.encrypt(ctx, raw)
	if err == nil {
		return link, nil
	}
	raw.Close()
	if s.Server.TLS.Mode == tlsconf.Prefer && ctx.Err() == nil {
		return s.dialPlain(ctx)
	}
	return nil, unreachable("tls", fmt.Errorf("TLS with the server at %s: %w", s.address, err))
}

func (s *settings) dialPlain(ctx context.Context) (*serverLink, error) {
	ctx, stop := context.WithTimeout(ctx, s.Server.ConnectTimeout)
	defer stop()
	raw, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &serverLink{raw: raw, conn: raw}, nil
}

func (s *settings) connect(ctx context.Context) (net.Conn, error) {
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
	return c, nil
}

// encrypt asks for TLS on a fresh socket and shakes hands. errNoTLS says that
// the server declined.
func (s *settings) encrypt(ctx context.Context, raw net.Conn) (*serverLink, error) {
	direct := s.Server.TLS.Negotiation == tlsconf.NegotiateDirect
	if !direct {
		stop := guard(ctx, raw)
		err := requestTLS(raw)
		stop()
		if err != nil {
			return nil, err
		}
	}
	c := tls.Client(raw, s.serverTLS)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	state := c.ConnectionState()
	if direct && state.NegotiatedProtocol != alpn {
		return nil, fmt.Errorf("the server did not confirm ALPN %q: set tls.negotiation to postgres", alpn)
	}
	return &serverLink{raw: raw, conn: c, tls: &state}, nil
}

// requestTLS sends SSLRequest. Exactly one byte is read: what follows it must
// be TLS, so that nothing sent in plaintext counts (CVE-2021-23222).
func requestTLS(c net.Conn) error {
	if _, err := c.Write([]byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	var b [1]byte
	if _, err := c.Read(b[:]); err != nil {
		return err
	}
	switch b[0] {
	case 'S':
		return nil
	case 'N':
		return errNoTLS
	}
	return fmt.Errorf("the server answered SSLRequest with %q", b[0])
}

// guard makes reads and writes on c fail once ctx ends. The function that it
// returns lifts the guard and reports whether ctx had not ended.
func guard(ctx context.Context, c net.Conn) (lift func() bool) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return stop
}

// sameCertificate reports whether both legs show one certificate, so that
// channel binding of type tls-server-end-point (RFC 5929), which hashes the
// certificate alone, holds from end to end.
func sameCertificate(client *tls.Config, server *tls.ConnectionState) bool {
	return bytes.Equal(client.Certificates[0].Certificate[0], server.PeerCertificates[0].Raw)
}
