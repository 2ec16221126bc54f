package pgwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"strings"

	"honeyrow/event"
	"honeyrow/proxy/replay"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// Request codes in the place of a protocol version (manual, 55.7).
const (
	requestCancel = 80877102
	requestSSL    = 80877103
	requestGSS    = 80877104
)

// alpn is the protocol name in TLS (IANA registry).
const alpn = "postgresql"

// tlsRecord is the first byte of a TLS handshake.
const tlsRecord = 0x16

// startup is a decoded StartupMessage.
type startup struct {
	raw     []byte // the packet as it came, length included
	version uint32 // major<<16 | minor
	params  map[string]string
}

func (s *startup) major() uint32 { return s.version >> 16 }

// parseStartup decodes a whole packet. Of versions other than 3 only the
// version is read: answering them is the server's business. raw is kept.
func parseStartup(raw []byte) (*startup, error) {
	s := &startup{raw: raw, version: binary.BigEndian.Uint32(raw[4:])}
	if s.major() != 3 {
		return s, nil
	}
	s.params = make(map[string]string, 8)
	rest := raw[8:]
	for {
		name, value, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil, errors.New("invalid startup packet layout: expected terminator as last byte")
		}
		if len(name) == 0 {
			if len(value) > 0 {
				return nil, errors.New("invalid startup packet layout: expected terminator as last byte")
			}
			return s, nil
		}
		v, after, ok := bytes.Cut(value, []byte{0})
		if !ok {
			return nil, errors.New("invalid startup packet layout: expected terminator as last byte")
		}
		s.params[string(name)] = string(v)
		rest = after
	}
}

// replication returns the replication parameter unless it says no.
func (s *startup) replication() string {
	v := s.params["replication"]
	switch strings.ToLower(v) {
	case "false", "fals", "fal", "fa", "f", "off", "of", "no", "n", "0":
		return ""
	}
	return v
}

// opening is what a client wants: exactly one of start and cancel is set.
type opening struct {
	start  *startup
	cancel []byte // the whole CancelRequest
}

// open answers a client's requests for encryption until it says what it wants.
// afterwards l.client reads from the encrypted connection, if it is one.
func (l *login) open(ctx context.Context) (opening, error) {
	if err := l.client.fill(1); err != nil {
		return opening{}, err
	}
	if l.client.buffered()[0] == tlsRecord {
		if err := l.direct(ctx); err != nil {
			return opening{}, err
		}
	}
	var askedSSL, askedGSS bool
	for {
		packet, err := l.client.startup()
		if err != nil {
			return opening{}, err
		}
		switch code := binary.BigEndian.Uint32(packet[4:]); code {
		case requestCancel:
			return opening{cancel: bytes.Clone(packet)}, nil
		case requestSSL:
			if askedSSL || l.clientTLS != nil || len(packet) != 8 {
				return opening{}, malformed(wire.Client, "unexpected SSLRequest")
			}
			askedSSL = true
			err = l.answerSSL(ctx)
		case requestGSS:
			if askedGSS || l.clientTLS != nil || len(packet) != 8 {
				return opening{}, malformed(wire.Client, "unexpected GSSENCRequest")
			}
			askedGSS = true
			err = l.answer('N') // what is encrypted so can't be inspected
		default:
			start, err := parseStartup(bytes.Clone(packet))
			if err != nil {
				return opening{}, malformed(wire.Client, "%v", err)
			}
			return opening{start: start}, nil
		}
		if err != nil {
			return opening{}, err
		}
	}
}

// answer replies to a request for encryption. Bytes that came behind the
// request may be anybody's (CVE-2021-23214): they end the connection.
func (l *login) answer(b byte) error {
	if len(l.client.buffered()) > 0 {
		return malformed(wire.Client, "received unencrypted data after SSL request")
	}
	if _, err := l.client.conn.Write([]byte{b}); err != nil {
		return lost(wire.Client, "write", err)
	}
	return nil
}

func (l *login) answerSSL(ctx context.Context) error {
	if l.set.clientTLS == nil {
		return l.answer('N')
	}
	if err := l.answer('S'); err != nil {
		return err
	}
	return l.encrypt(ctx, tls.Server(l.client.conn, l.set.clientTLS))
}

// direct serves TLS from the first byte, as PostgreSQL 17 does: only with ALPN,
// so that no other protocol's client can be led here.
func (l *login) direct(ctx context.Context) error {
	if l.set.clientTLS == nil {
		return fail(wire.Client, "tls", nil, "a client began TLS but the listener's tls.mode is off")
	}
	conn := replay.New(l.client.conn, bytes.Clone(l.client.buffered()))
	if err := l.encrypt(ctx, tls.Server(conn, l.set.clientTLS)); err != nil {
		return err
	}
	if l.clientTLS.NegotiatedProtocol != alpn {
		return fail(wire.Client, "tls", nil, "a client began direct TLS without ALPN %q", alpn)
	}
	return nil
}

func (l *login) encrypt(ctx context.Context, c *tls.Conn) error {
	if err := c.HandshakeContext(ctx); err != nil {
		l.silent = true // the client has had a TLS alert; text would only confuse it
		if ended(err) {
			return lost(wire.Client, "read", err)
		}
		return fail(wire.Client, "tls", nil, "TLS with the client: %w", err)
	}
	state := c.ConnectionState()
	l.clientTLS = &state
	l.client = newFramer(c, wire.Client)
	return nil
}

// admit applies the listener's own conditions to a decoded startup.
func (l *login) admit() error {
	if l.set.TLS.Mode == tlsconf.Require && l.clientTLS == nil {
		return fail(wire.Client, "policy", fatal(codeAuth, "this proxy accepts encrypted connections only", "",
			"Connect with sslmode=require."), "a client without TLS, which tls.mode require refuses")
	}
	if l.set.TLS.ClientAuth == tlsconf.CertRequired && len(l.clientTLS.VerifiedChains) == 0 {
		return fail(wire.Client, "policy", fatal(codeAuth, "connection requires a valid client certificate", "",
			"Set sslcert and sslkey to a certificate that the proxy's administrator accepts."), "a client without a certificate, which tls.client_auth require refuses")
	}
	return nil
}

// describe builds the client's facts from what is known before the server answers.
func (l *login) describe(s *startup) event.Client {
	c := event.Client{
		Session: event.NewID(), Started: l.p.deps.Now(), Protocol: "postgres",
		Listener: l.origin.Listener, Server: l.set.Server.Name,
		Address: l.origin.Address, Balancer: l.origin.Balancer, Peer: l.origin.Peer,
		User: s.params["user"], Database: s.params["database"],
		Application: s.params["application_name"], Replication: s.replication(), Protect: l.set.Protect,
	}
	if c.Listener == "" {
		c.Listener = l.set.Listener
	}
	if c.Database == "" && (c.Replication == "" || strings.EqualFold(c.Replication, "database")) {
		c.Database = c.User
	}
	if l.clientTLS != nil {
		c.TLS = tlsconf.Facts(l.clientTLS)
	}
	return c
}
