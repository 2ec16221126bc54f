package doctor

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"honeyrow/proxy/tlsconf"
)

// offer is what the server says about TLS.
type offer byte

const (
	noTLS  offer = 'N'
	hasTLS offer = 'S'
)

// probe is what a first conversation with a server tells, without any password.
type probe struct {
	took   time.Duration
	offer  offer
	mode   string // the configured tls.mode
	state  *tls.ConnectionState
	tlsErr error // the handshake failed
	// verifyErr says why the configured mode would not accept the certificate.
	verifyErr error

	auth       string // "trust", "cleartext", "md5", "sasl", "gss", "sspi", "error", or "method N"
	mechanisms []string
	errText    string

	// Of MySQL's protocol; auth is then "ok", "error" or "".
	version, plugin string
	code            uint16 // of the error
}

const (
	sslRequest = 80877103
	version30  = 3 << 16
	// maxFirst bounds a message before authentication (PostgreSQL's own limit
	// is 30,000 for errors of that phase; libpq, fe-connect.c).
	maxFirst = 30000
)

// ask connects to a PostgreSQL server, tries TLS as conf says (with mode
// disable only to see whether it is offered), and sends a startup packet to
// learn how the server would authenticate. An error means that nobody answers.
func ask(ctx context.Context, addr string, conf tlsconf.Server, user, database string) (*probe, error) {
	begin := time.Now()
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() { conn.Close() }()
	pr := &probe{took: time.Since(begin), offer: noTLS, mode: conf.Mode}
	if network, _ := split(addr); network == "tcp" {
		if err := pr.encrypt(ctx, &conn, addr, conf); err != nil {
			return nil, err
		}
		if pr.tlsErr != nil {
			return pr, nil
		}
		pr.took = time.Since(begin)
		if conf.Mode == tlsconf.Disable && pr.state != nil {
			// Authentication is asked about on the kind of link that is configured.
			conn.Close()
			if conn, err = dial(ctx, addr); err != nil {
				return nil, err
			}
		}
	}
	return pr, pr.startup(conn, user, database)
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	network, a := split(addr)
	return dialTo(ctx, network, a)
}

func dialTo(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if t, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(t); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// encrypt asks for TLS and, if it is there, wraps *conn in it.
func (pr *probe) encrypt(ctx context.Context, conn *net.Conn, addr string, conf tlsconf.Server) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if conf.Mode == tlsconf.Disable {
		conf = tlsconf.Server{Mode: tlsconf.Prefer}
		conf.SetDefaults()
	}
	tc, err := conf.Load(host)
	if err != nil {
		pr.offer, pr.tlsErr = hasTLS, err
		return nil
	}
	if conf.Negotiation == tlsconf.NegotiateDirect {
		tc.NextProtos = []string{"postgresql"}
		pr.offer = hasTLS
	} else {
		req := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, sslRequest)
		if _, err := (*conn).Write(req); err != nil {
			return err
		}
		var b [1]byte
		if _, err := io.ReadFull(*conn, b[:]); err != nil {
			return fmt.Errorf("no answer to a PostgreSQL greeting: %w", err)
		}
		switch offer(b[0]) {
		case noTLS:
			return nil
		case hasTLS:
			pr.offer = hasTLS
		default:
			return errors.New("the answer is not PostgreSQL's: is this the right port?")
		}
	}
	verify := tc.VerifyConnection
	tc.VerifyConnection = nil // shown first, judged after
	tc.InsecureSkipVerify = true
	c := tls.Client(*conn, tc)
	if err := c.HandshakeContext(ctx); err != nil {
		pr.tlsErr = err
		return nil
	}
	st := c.ConnectionState()
	pr.state = &st
	if verify != nil {
		pr.verifyErr = verify(st)
	}
	*conn = c
	return nil
}

// startup sends a startup packet and reads the server's first answer.
func (pr *probe) startup(conn net.Conn, user, database string) error {
	msg := binary.BigEndian.AppendUint32(nil, version30)
	for _, s := range []string{"user", user, "database", database, "application_name", "honeyrow doctor"} {
		msg = append(append(msg, s...), 0)
	}
	msg = append(msg, 0)
	msg = append(binary.BigEndian.AppendUint32(nil, uint32(len(msg)+4)), msg...)
	if _, err := conn.Write(msg); err != nil {
		return fmt.Errorf("send a startup packet: %w", err)
	}
	for {
		typ, body, err := readMessage(conn)
		if err != nil {
			return fmt.Errorf("read the answer to a startup packet: %w", err)
		}
		if pr.read(typ, body) {
			_, _ = conn.Write([]byte{'X', 0, 0, 0, 4}) // a polite end; the conversation is over either way
			return nil
		}
	}
}

func readMessage(r io.Reader) (typ byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n < 4 || n > maxFirst {
		return 0, nil, fmt.Errorf("a message of %d bytes is not PostgreSQL's: is this the right port?", n)
	}
	body = make([]byte, n-4)
	_, err = io.ReadFull(r, body)
	return head[0], body, err
}

// read takes one message in and reports whether the method is known now.
func (pr *probe) read(typ byte, body []byte) bool {
	switch typ {
	case 'E':
		pr.auth, pr.errText = "error", errorText(body)
		return true
	case 'R':
	default: // NegotiateProtocolVersion, notices
		return false
	}
	if len(body) < 4 {
		pr.auth = "a malformed request"
		return true
	}
	// Codes: PostgreSQL manual, chapter 54.7 "Message Formats".
	switch code := binary.BigEndian.Uint32(body); code {
	case 0:
		pr.auth = "trust"
	case 3:
		pr.auth = "cleartext"
	case 5:
		pr.auth = "md5"
	case 7:
		pr.auth = "gss"
	case 9:
		pr.auth = "sspi"
	case 10:
		pr.auth = "sasl"
		for _, m := range strings.Split(string(body[4:]), "\x00") {
			if m != "" {
				pr.mechanisms = append(pr.mechanisms, m)
			}
		}
	default:
		pr.auth = fmt.Sprintf("method %d", code)
	}
	return true
}

// errorText joins the message and the code of an ErrorResponse.
func errorText(body []byte) string {
	var text, code string
	for _, f := range strings.Split(string(body), "\x00") {
		if f == "" {
			continue
		}
		switch f[0] {
		case 'M':
			text = f[1:]
		case 'C':
			code = f[1:]
		}
	}
	if code != "" {
		text += " (" + code + ")"
	}
	return text
}
