package doctor

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"honeyrow/proxy/tlsconf"
)

// MySQL is the Protocol of servers that speak MySQL's.
const MySQL = "mysql"

const (
	greetingMax   = 4 << 10
	capabilityTLS = 1 << 11 // CLIENT_SSL
)

// mysql checks a MySQL or MariaDB server as far as its greeting tells: it
// answers, and offers TLS if the configuration needs it. The seeding role and
// ways around the proxy are not examined, and the doctor says so.
func (x *exam) mysql(ctx context.Context, s *Server) {
	subject := "server " + s.Name
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	start := time.Now()
	version, tls, err := greet(ctx, s.Address)
	if err != nil {
		x.fail(subject, "reachable", "check servers address, the server itself and firewalls between", "%s can't be reached: %v", s.Address, err)
		return
	}
	x.ok(subject, "reachable", "%s answers within %s: %q", s.Address, time.Since(start).Round(100*time.Microsecond), version)
	switch {
	case tls && s.TLS.Mode == tlsconf.Disable && !loopback(s.Address):
		x.warn(subject, "tls", "set servers tls.mode to verify-full with ca_file", "the server offers TLS but tls.mode is disable: passwords and rows cross the network between proxy and server in the clear")
	case tls:
		x.ok(subject, "tls", "the server offers TLS (tls.mode %s); its certificate is checked at the first login", s.TLS.Mode)
	case s.TLS.Mode != tlsconf.Disable && s.TLS.Mode != tlsconf.Prefer:
		x.fail(subject, "tls", "switch TLS on at the server, or set servers tls.mode to prefer", "the server offers no TLS but tls.mode is %s", s.TLS.Mode)
	case loopback(s.Address):
		x.ok(subject, "tls", "the server offers no TLS; the link stays on this machine")
	default:
		x.warn(subject, "tls", "switch TLS on at the server, then set servers tls.mode to verify-full", "the server offers no TLS: passwords and rows cross the network between proxy and server in the clear")
	}
	x.warn(subject, "role", "run `honeyrow seed plan`, which names missing rights, and see in the server's process list that all clients come from the proxy",
		"the rights of the seeding role and ways around the proxy are not examined on MySQL and MariaDB")
}

// greet reads a server's greeting.
func greet(ctx context.Context, addr string) (version string, tls bool, err error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return "", false, err
	}
	defer c.Close()
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return "", false, fmt.Errorf("the server sends no greeting: %w", err)
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n == 0 || n > greetingMax {
		return "", false, errors.New("what answers is not a MySQL or MariaDB server")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c, body); err != nil {
		return "", false, fmt.Errorf("the greeting ends early: %w", err)
	}
	return parseGreeting(body)
}

// parseGreeting decodes the start of a HandshakeV10 packet, or an ERR packet in
// its place (MySQL's client/server protocol, connection phase).
func parseGreeting(b []byte) (version string, tls bool, err error) {
	if len(b) >= 3 && b[0] == 0xff {
		return "", false, fmt.Errorf("the server refuses: %q", b[3:])
	}
	i := bytes.IndexByte(b, 0)
	// version 10, server version, thread id, 8 bytes of salt, a filler, flags
	if len(b) == 0 || b[0] != 10 || i < 1 || len(b) < i+1+4+8+1+2 {
		return "", false, errors.New("what answers is not a MySQL or MariaDB server")
	}
	flags := binary.LittleEndian.Uint16(b[i+1+4+8+1:])
	return string(b[1:i]), flags&capabilityTLS != 0, nil
}
