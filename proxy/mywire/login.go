package mywire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/proxy/replay"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// login is one client on its way to a session. The server speaks first:
//
//	client             proxy                 server
//	                   connect ────────────▶
//	       ◀── greeting, masked ◀── greeting
//	(SSLRequest, TLS) ▶
//	response ────────▶ (SSLRequest, TLS) ──▶
//	                   response ───────────▶
//	       ◀────── plugin's exchange ──────▶
//	       ◀──────────────────────────── OK
type login struct {
	p      *Protocol
	set    *settings
	origin wire.Origin

	client    *framer
	clientTLS *tls.ConnectionState // nil: plaintext
	silent    bool                 // nothing can be told to the client

	raw       net.Conn // the server's socket, nil before it is reached
	server    *framer
	serverTLS *tls.ConnectionState // nil: plaintext
	lift      func() bool          // of the server's guard
	encrypt   bool                 // TLS with the server is wanted, and begins with the client's response

	greet *greeting
	caps  caps // agreed between client and server
	auth  exchange
	who   event.Client
	owes  debt // to the server

	charset    uint16 // the client's collation
	compresses bool   // the client says so, unasked
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
			l.end(fail(wire.Client, "panic", farewell(wire.Broken, ""), "panic"))
		}
	}()
	s, err := l.run(ctx)
	if err == nil && !(lift() && l.lift()) {
		s.Flow.Close()
		s, err = nil, lost(wire.Server, "read", fmt.Errorf("login: %w", ctx.Err()))
	}
	finished = true
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			err = fail(wire.Client, "policy", farewell(wire.Shutdown, ""), "the proxy is shutting down")
		}
		l.end(err)
		return nil, err
	}
	return s, nil
}

// Reject implements wire.Protocol. The server's side speaks first, so that the
// error can take the greeting's place.
func (p *Protocol) Reject(_ context.Context, client net.Conn, r wire.Reason) {
	payload := farewell(r, "")
	e, _ := parseErr(payload) // before the greeting there is no SQLSTATE
	tell(client, appendPacket(nil, 0, errPayload(e.code, "", string(e.message))))
}

func (l *login) run(ctx context.Context) (*wire.Session, error) {
	if err := l.reach(ctx); err != nil {
		return nil, err
	}
	var err error
	if l.encrypt, err = l.wantsServerTLS(ctx); err != nil {
		return nil, err
	}
	return l.greeted(ctx)
}

// greeted is a login from the server's greeting on.
func (l *login) greeted(ctx context.Context) (*wire.Session, error) {
	defer l.auth.forget()
	r, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.admit(); err != nil {
		return nil, err
	}
	l.who = l.describe(r)
	if err := l.present(ctx, r); err != nil {
		return nil, err
	}
	ok, err := l.authenticate(ctx)
	if err != nil {
		return nil, err
	}
	return l.join(ok)
}

// end closes what a failed login leaves and tells the client.
func (l *login) end(err error) {
	if l.raw != nil {
		l.lift()
		l.leave()
		l.raw.Close()
	}
	var le *loginError
	if errors.As(err, &le) && le.answer != nil && !l.silent {
		answer := le.answer
		if l.client.seq == 0 { // before the greeting there is no SQLSTATE
			if e, err := parseErr(answer); err == nil {
				answer = errPayload(e.code, "", string(e.message))
			}
		}
		tell(l.client.conn, appendPacket(nil, l.client.seq, answer))
	}
}

// open greets the client, serves its request for TLS and returns its response,
// within answerTimeout.
func (l *login) open(ctx context.Context) (*response, error) {
	ctx, stop := context.WithTimeout(ctx, l.set.answer)
	defer stop()
	early := guard(ctx, l.client.conn)
	defer early()
	r, err := l.response(ctx)
	if err == nil && !early() {
		return nil, lost(wire.Client, "read", os.ErrDeadlineExceeded)
	}
	return r, err
}

func (l *login) response(ctx context.Context) (*response, error) {
	offered := l.greet.caps & inspectable &^ capSSL
	if l.set.LocalInfile == InfileRefuse {
		offered &^= capLocalFiles
	}
	if l.set.clientTLS != nil {
		offered |= capSSL
	}
	if err := l.client.write(l.greet.offer(offered)); err != nil {
		return nil, err
	}
	b, err := l.client.read()
	if err != nil {
		return nil, err
	}
	if isSSLRequest(b) {
		if l.set.clientTLS == nil {
			return nil, malformed(wire.Client, "a request for TLS, which the greeting did not offer")
		}
		if err := l.encryptClient(ctx); err != nil {
			return nil, err
		}
		if b, err = l.client.read(); err != nil {
			return nil, err
		}
	}
	r, err := parseResponse(b, offered)
	clear(b)
	if err != nil {
		return nil, malformed(wire.Client, "response to the greeting: %v", err)
	}
	l.caps = r.caps & offered &^ capSSL
	l.compresses = r.caps.has(capCompress)
	return r, nil
}

// encryptClient shakes hands with the client. What it sent behind its request
// is the beginning of TLS: plaintext there breaks the handshake.
func (l *login) encryptClient(ctx context.Context) error {
	conn := replay.New(l.client.conn, bytes.Clone(l.client.buffered()))
	c := tls.Server(conn, l.set.clientTLS)
	if err := c.HandshakeContext(ctx); err != nil {
		l.silent = true // the client has had a TLS alert; a packet would only confuse it
		if ended(err) {
			return lost(wire.Client, "read", err)
		}
		return fail(wire.Client, "tls", nil, "TLS with the client: %w", err)
	}
	state := c.ConnectionState()
	seq := l.client.seq
	l.clientTLS, l.client = &state, newFramer(c, wire.Client)
	l.client.seq = seq
	return nil
}

// admit applies the listener's own conditions.
func (l *login) admit() error {
	if l.set.TLS.Mode == tlsconf.Require && l.clientTLS == nil {
		return fail(wire.Client, "policy", errPayload(codeNeedTLS, stateGeneral,
			"this proxy accepts encrypted connections only: connect with TLS (--ssl, tls=true, sslMode=REQUIRED)"),
			"a client without TLS, which tls.mode require refuses")
	}
	if l.set.TLS.ClientAuth == tlsconf.CertRequired && len(l.clientTLS.VerifiedChains) == 0 {
		return fail(wire.Client, "policy", errPayload(codeDenied, stateDenied,
			"this proxy requires a client certificate: set --ssl-cert and --ssl-key to one that its administrator accepts"),
			"a client without a certificate, which tls.client_auth require refuses")
	}
	return nil
}

// describe builds the client's facts from what is known before the server answers.
func (l *login) describe(r *response) event.Client {
	c := event.Client{
		Session: event.NewID(), Started: l.p.deps.Now(), Protocol: "mysql",
		Listener: l.origin.Listener, Server: l.set.Server.Name,
		Address: l.origin.Address, Balancer: l.origin.Balancer, Peer: l.origin.Peer,
		User: clip(r.user), Database: clip(r.database), BackendPID: l.greet.thread, ServerVersion: clip([]byte(l.greet.version)),
		Attributes: attributes(r.attrs), Protect: l.set.Protect,
	}
	c.Application = c.Attributes["program_name"]
	if c.Listener == "" {
		c.Listener = l.set.Listener
	}
	if l.clientTLS != nil {
		c.TLS = tlsconf.Facts(l.clientTLS)
	}
	return c
}

// present sends the client's response to the server, over TLS if so decided.
// Capabilities that were not offered are taken out of it: the server would
// agree to them.
func (l *login) present(ctx context.Context, r *response) error {
	agreed := l.caps
	l.charset = uint16(r.fixed[8])
	if l.encrypt {
		agreed |= capSSL
		r.setCaps(agreed)
		if err := l.encryptServer(ctx, r.fixed); err != nil {
			return err
		}
	} else {
		r.setCaps(agreed)
	}
	l.auth = exchange{plugin: pluginNative, salt: l.greet.salt}
	if l.caps.has(capPluginAuth) && len(r.plugin) > 0 {
		l.auth.plugin = clip(r.plugin)
	}
	auth, err := l.answer(r.auth)
	if err != nil {
		return err
	}
	defer clear(r.auth)
	r.auth = auth
	defer clear(auth)
	if len(auth) > 250 && !l.caps.has(capLenencAuth) {
		return malformed(wire.Client, "an authentication response of %d bytes", len(auth))
	}
	b := r.encode(l.caps)
	defer clear(b)
	l.owes = owesAnswer
	return l.server.write(b)
}

// join asks the inspector and hands the session over.
func (l *login) join(payload []byte) (*wire.Session, error) {
	ok, err := parseOK(payload, l.caps)
	if err != nil {
		return nil, malformed(wire.Server, "OK packet of the login: %v", err)
	}
	l.neutralise(&ok)
	if ok.schema != nil {
		l.who.Database = clip(ok.schema)
	}
	sess, v := l.p.deps.Inspector.Open(l.who)
	if v.Blocks() {
		if sess != nil {
			sess.Close()
		}
		_, _ = l.server.conn.Write([]byte{1, 0, 0, 0, mysql.COM_QUIT})
		return nil, fail(wire.Client, "refused", l.denial(v.Message), "rule %s refused the login of %q to %q", v.Rule, l.who.User, l.who.Database)
	}
	if err := l.client.write(payload); err != nil {
		sess.Close()
		return nil, err
	}
	p, set := l.p, l.set // not l: a session outlives its login
	client, kept := replay.Take(l.client.conn)
	kept = append(l.client.rest(), kept...)
	if l.compresses {
		client, kept = newCompressedConn(replay.New(client, kept)), nil
	}
	s := &wire.Session{
		Who: l.who, Client: client, Server: l.server.conn,
		FromClient: kept, FromServer: l.server.rest(), HoldTime: set.Hold.Time,
	}
	s.Flow = newFlow(flowOptions{
		Session: sess, Who: &s.Who, Caps: l.caps, Status: ok.status, Statement: set.Statement,
		Open: p.deps.Inspector.Open, Replicas: set.replicas, Counters: &p.Counters,
		Secure: [2]bool{l.secureClient(), l.secureServer()}, Safe: l.safeServer(),
		Charset: l.charset, Salt: l.auth.salt, Key: func() (*keyPair, error) { return p.key(set) },
		Hold: set.hold(),
	})
	return s, nil
}

// denial is what a client is told whose login a rule refuses.
func (l *login) denial(says string) []byte {
	c := wire.ASCII
	if multibyteID(l.charset) == unicode {
		c = wire.UTF8
	}
	return refusal(says, c)
}

// neutralise keeps a server from sending the client around the proxy: it
// changes the packet that ok is made of.
func (l *login) neutralise(ok *okPacket) {
	n := ok.unredirect()
	if n > 0 {
		l.p.Counters.Redirects.Add(uint64(n))
		l.p.deps.Log.Warn().Str("server", l.set.Server.Name).Msg("the server told a client to connect elsewhere, around the proxy: taken out; remove redirect_url from the server's settings")
	}
}
