package pgwire

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/replay"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// Authentication request codes (manual, 55.7).
const (
	authOK           = 0
	authCleartext    = 3
	authMD5          = 5
	authGSS          = 7
	authGSSContinue  = 8
	authSSPI         = 9
	authSASL         = 10
	authSASLContinue = 11
	authSASLFinal    = 12
)

// holdMax bounds in bytes what is gathered for one write to the client.
const holdMax = 32 << 10

// login is one client on its way to a session.
type login struct {
	p      *Protocol
	set    *settings
	origin wire.Origin

	client    *framer
	clientTLS *tls.ConnectionState // nil: plaintext
	silent    bool                 // nothing can be told to the client

	link      *serverLink
	server    *framer
	serverTLS *tls.ConnectionState // nil: plaintext
	lift      func() bool          // of the server's guard

	start    *startup
	bind     binding
	hold     []byte // for the client, not yet written
	asked    bool   // the client has seen an authentication request
	who      event.Client
	key      *cancelKey
	settings [][2]string // reported during login that the inspector wants to know
	status   byte
}

// Login implements wire.Protocol. It is bounded by Config.Handshake as well as
// by ctx.
func (p *Protocol) Login(ctx context.Context, client net.Conn, o wire.Origin) (*wire.Session, error) {
	set := p.set.Load()
	ctx, stop := context.WithTimeout(ctx, set.Handshake)
	defer stop()
	lift := guard(ctx, client)
	defer lift()
	l := &login{p: p, set: set, origin: o, client: newFramer(client, wire.Client)}
	finished := false
	defer func() {
		if !finished { // a panic is passing: the caller recovers and logs it
			l.end(nil)
			l.tell(rejection(wire.Broken))
		}
	}()
	s, err := l.run(ctx)
	if err == nil && s != nil && !(lift() && l.lift()) {
		s.Flow.Close()
		s, err = nil, lost(wire.Server, "read", fmt.Errorf("login: %w", ctx.Err()))
	}
	finished = true
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			err = fail(wire.Client, "policy", rejection(wire.Shutdown), "the proxy is shutting down")
		}
		l.end(err)
		return nil, err
	}
	return s, nil
}

// Reject implements wire.Protocol. It negotiates TLS first, so that the client
// can read why; cancel requests are served all the same.
func (p *Protocol) Reject(ctx context.Context, client net.Conn, r wire.Reason) {
	set := p.set.Load()
	ctx, stop := context.WithTimeout(ctx, min(set.Handshake, 10*time.Second))
	defer stop()
	lift := guard(ctx, client)
	defer lift()
	l := &login{p: p, set: set, client: newFramer(client, wire.Client)}
	what, err := l.open(ctx)
	switch {
	case err != nil:
		l.end(err)
	case what.cancel != nil:
		_ = p.cancel(ctx, what.cancel)
	default:
		l.tell(rejection(r))
	}
}

func (l *login) run(ctx context.Context) (*wire.Session, error) {
	what, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	if what.cancel != nil {
		l.silent = true
		return nil, l.p.cancel(ctx, what.cancel)
	}
	l.start = what.start
	if err := l.admit(); err != nil {
		return nil, err
	}
	l.who = l.describe(l.start)
	if err := l.connect(ctx, l.set.dial); err != nil {
		return nil, err
	}
	if l.start.major() != 3 {
		return nil, l.foreign()
	}
	if err := l.authenticate(ctx); err != nil {
		return nil, err
	}
	if err := l.settle(); err != nil {
		return nil, err
	}
	return l.join()
}

// end closes what a failed login leaves and tells the client.
func (l *login) end(err error) {
	if l.link != nil {
		l.lift()
		l.link.raw.Close()
	}
	if l.key != nil {
		l.p.keys.remove(l.key)
	}
	var le *loginError
	if errors.As(err, &le) {
		_ = l.flush()
		l.tell(le.answer)
	}
}

func (l *login) tell(m []byte) {
	if !l.silent {
		tell(l.client.conn, m)
	}
}

// connect opens the connection to the server and sends the startup packet as
// it came, so that the server itself negotiates version and options.
func (l *login) connect(ctx context.Context, dial func(context.Context) (*serverLink, error)) error {
	link, err := dial(ctx)
	if err != nil {
		return err
	}
	if l.link != nil {
		l.lift()
		l.link.raw.Close()
	}
	l.link, l.serverTLS = link, link.tls
	l.lift = guard(ctx, link.raw)
	l.server = newFramer(link.conn, wire.Server)
	if _, err := link.conn.Write(l.start.raw); err != nil {
		return lost(wire.Server, "write", err)
	}
	return nil
}

// foreign passes the server's answer to a startup of another major version.
// Nothing more goes to the server, so no session can come of it.
func (l *login) foreign() error {
	l.relayRaw()
	return fail(wire.Client, "protocol", nil, "protocol version %d.%d is not supported", l.start.major(), l.start.version&0xffff)
}

// relayRaw passes what the server says until it closes, within bounds.
func (l *login) relayRaw() {
	for total := 0; total < holdMax; {
		if err := l.server.fill(1); err != nil {
			return
		}
		b := l.server.take(len(l.server.buffered()))
		total += len(b)
		if _, err := l.client.conn.Write(b); err != nil {
			return
		}
	}
}

// flush writes what is held for the client.
func (l *login) flush() error {
	if len(l.hold) == 0 || l.silent {
		return nil
	}
	_, err := l.client.conn.Write(l.hold)
	l.hold = l.hold[:0]
	if err != nil {
		return lost(wire.Client, "write", err)
	}
	return nil
}

func (l *login) keep(frame []byte) error {
	l.hold = append(l.hold, frame...)
	if len(l.hold) > holdMax {
		return l.flush()
	}
	return nil
}

// serverMessage reads the server's next message. Errors from before there is a
// protocol ('E' and plain text, as when the server can't fork) pass unread.
func (l *login) serverMessage() ([]byte, error) {
	if err := l.server.fill(header); err != nil {
		return nil, err
	}
	if b := l.server.buffered(); b[0] == 'E' && binary.BigEndian.Uint32(b[1:]) > authServerMax {
		_ = l.flush()
		l.relayRaw()
		return nil, fail(wire.Server, "login", nil, "the server refused the connection before the protocol began")
	}
	return l.server.message(authServerMax)
}

// authenticate relays the server's requests and the client's answers, the
// server first, until AuthenticationOk.
func (l *login) authenticate(ctx context.Context) error {
	for {
		frame, err := l.serverMessage()
		if err != nil {
			return err
		}
		switch frame[0] {
		case 'R':
			done, err := l.request(ctx, frame)
			if done || err != nil {
				return err
			}
		case 'v', 'N':
			if err := l.keep(frame); err != nil {
				return err
			}
		case 'E':
			if again, err := l.withoutTLS(ctx, frame); again || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			return l.refused(frame)
		default:
			return malformed(wire.Server, "message %q before authentication", frame[0])
		}
	}
}

// withoutTLS tries once more in plaintext when a server link of mode prefer
// was refused by pg_hba.conf, as libpq does: only before the client has seen
// anything.
func (l *login) withoutTLS(ctx context.Context, frame []byte) (bool, error) {
	if l.set.Server.TLS.Mode != tlsconf.Prefer || l.serverTLS == nil || l.asked {
		return false, nil
	}
	var e pgproto3.ErrorResponse
	if err := e.Decode(frame[header:]); err != nil || e.Code != codeAuth {
		return false, nil
	}
	l.hold = l.hold[:0] // the server will negotiate again
	return true, l.connect(ctx, l.set.dialPlain)
}

// refused passes the server's error to the client as it is.
func (l *login) refused(frame []byte) error {
	var e pgproto3.ErrorResponse
	if err := e.Decode(frame[header:]); err != nil {
		return malformed(wire.Server, "ErrorResponse: %v", err)
	}
	answer := append([]byte(nil), frame...)
	if l.bindingFailed(&e) {
		answer = bindingError()
	}
	return fail(wire.Server, "login", answer, "the server refused the login of %q to %q: %s %s", l.who.User, l.who.Database, e.Code, e.Message)
}

// request relays one authentication request and, where the method asks for
// one, the client's answer. done is true after AuthenticationOk.
func (l *login) request(ctx context.Context, frame []byte) (done bool, err error) {
	if len(frame) < header+4 {
		return false, malformed(wire.Server, "authentication request without a code")
	}
	code := binary.BigEndian.Uint32(frame[header:])
	if code == authSASL {
		if frame, err = l.offer(frame); err != nil {
			return false, err
		}
	}
	if err := l.keep(frame); err != nil {
		return false, err
	}
	switch code {
	case authOK:
		return true, nil
	case authSASLFinal:
		return false, nil
	}
	if err := l.flush(); err != nil {
		return false, err
	}
	l.asked = true
	switch code {
	case authCleartext, authMD5, authGSS, authSSPI, authSASLContinue:
		return false, l.response(false)
	case authSASL:
		return false, l.response(true)
	}
	return false, l.either(ctx)
}

// response relays the client's answer. It is a secret: its bytes are looked at
// only for the SASL mechanism.
func (l *login) response(first bool) error {
	frame, err := l.client.message(authClientMax)
	if err != nil {
		return err
	}
	if err := l.checkResponse(frame); err != nil {
		return err
	}
	if first {
		if err := l.choice(frame); err != nil {
			return err
		}
	}
	return l.toServer(frame)
}

func (l *login) checkResponse(frame []byte) error {
	switch frame[0] {
	case 'p':
		return nil
	case 'X':
		return lost(wire.Client, "read", net.ErrClosed)
	}
	return malformed(wire.Client, "expected password response, got message type %q", frame[0])
}

func (l *login) toServer(frame []byte) error {
	if _, err := l.server.conn.Write(frame); err != nil {
		return lost(wire.Server, "write", err)
	}
	return nil
}

// either waits for whichever side speaks next: after a GSS token (and after a
// request that this proxy does not know) the client may owe an answer or not.
func (l *login) either(ctx context.Context) error {
	fromClient, fromServer := make(chan error, 1), make(chan error, 1)
	go func() { fromClient <- l.client.fill(header) }()
	go func() { fromServer <- l.server.fill(header) }()
	var cerr, serr error
	client := false
	select {
	case cerr = <-fromClient:
		client = true
		wake(l.link.raw)
		serr = <-fromServer
	case serr = <-fromServer:
		wake(l.client.conn)
		cerr = <-fromClient
	}
	// Whoever was woken has lost nothing: what it had read is in its framer.
	rest(l.link.raw)
	rest(l.client.conn)
	switch {
	case ctx.Err() != nil:
		return lost(wire.Client, "read", os.ErrDeadlineExceeded)
	case client && cerr != nil:
		return cerr
	case client && serr != nil:
		return l.response(false)
	case !client && serr != nil:
		return serr
	}
	return nil // the server has spoken: its word comes first
}

func wake(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }
func rest(c net.Conn) { _ = c.SetReadDeadline(time.Time{}) }

// settle gathers what the server tells after AuthenticationOk, up to the first
// ReadyForQuery.
func (l *login) settle() error {
	for {
		frame, err := l.serverMessage()
		if err != nil {
			return err
		}
		switch frame[0] {
		case 'S':
			var m pgproto3.ParameterStatus
			if err := m.Decode(frame[header:]); err != nil {
				return malformed(wire.Server, "ParameterStatus: %v", err)
			}
			switch m.Name {
			case "server_version":
				l.who.ServerVersion = setting(m.Value)
			case "standard_conforming_strings", "client_encoding":
				l.settings = append(l.settings, [2]string{m.Name, setting(m.Value)})
			}
		case 'K':
			if l.key != nil {
				return malformed(wire.Server, "a second BackendKeyData")
			}
			pid, secret, err := parseKey(frame)
			if err != nil {
				return malformed(wire.Server, "%v", err)
			}
			l.who.BackendPID = pid
			l.key = &cancelKey{set: l.set, pid: pid, secret: secret}
			l.p.keys.add(l.key) // before the client knows it
		case 'N':
		case 'E':
			return l.refused(frame)
		case 'Z':
			if len(frame) != header+1 {
				return malformed(wire.Server, "ReadyForQuery of %d bytes", len(frame))
			}
			l.status = frame[header]
			l.hold = append(l.hold, frame...)
			return nil
		default:
			return malformed(wire.Server, "message %q before the first ReadyForQuery", frame[0])
		}
		if err := l.keep(frame); err != nil {
			return err
		}
	}
}

// join asks the inspector and hands the session over.
func (l *login) join() (*wire.Session, error) {
	sess, v := l.p.deps.Inspector.Open(l.who)
	if v.Blocks() {
		if sess != nil {
			sess.Close()
		}
		l.hold = l.hold[:0]
		_, _ = l.server.conn.Write([]byte{'X', 0, 0, 0, 4})
		return nil, fail(wire.Client, "refused", l.denial(v.Message), "rule %s refused the login of %q to %q", v.Rule, l.who.User, l.who.Database)
	}
	if err := l.flush(); err != nil {
		sess.Close()
		return nil, err
	}
	for _, s := range l.settings {
		sess.Set(s[0], s[1])
	}
	return l.session(sess), nil
}

func (l *login) session(sess inspect.Session) *wire.Session {
	key, p, server := l.key, l.p, l.link.conn // not l: a session outlives its login
	o := flowOptions{
		Encoding: l.encoding(),
		Session:  sess, Status: l.status, Statement: l.set.Statement, Hold: l.set.hold(), Held: &p.Counters.Held,
		Tally: &p.Counters.Tally, Application: l.who.Application,
		Cancel: func(context.Context) error {
			return errors.New("the server gave no cancel key")
		},
		Send: func(b []byte) error {
			_, err := server.Write(b)
			return err
		},
		Close: func() {},
	}
	if key != nil {
		o.Cancel = key.send
		o.Close = func() { p.keys.remove(key) }
	}
	client, kept := replay.Take(l.client.conn)
	return &wire.Session{
		Who: l.who, Client: client, Server: l.link.conn,
		FromClient: append(l.client.rest(), kept...), FromServer: l.server.rest(),
		Flow: newFlow(o), HoldTime: l.set.Hold.Time,
	}
}

// encoding is the client's, as far as the server has told.
func (l *login) encoding() string {
	for _, s := range l.settings {
		if s[0] == clientEncoding {
			return s[1]
		}
	}
	return ""
}

// denial is what a client is told whose login a rule refuses.
func (l *login) denial(says string) []byte {
	return refusal("FATAL", wire.Refusal(denied, says, charsetOf(l.encoding())))
}

// setting bounds what is kept of a server's parameter.
func setting(v string) string { return strings.ToValidUTF8(v[:min(len(v), 128)], "\uFFFD") }
