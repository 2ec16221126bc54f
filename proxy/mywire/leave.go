package mywire

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// debt is what the server is waiting for in a login.
type debt uint8

const (
	owesNothing debt = iota // not greeted yet, in the middle of a TLS handshake, or over
	owesLogin               // its greeting has not been answered
	owesAnswer              // it may have asked for something since
)

const (
	// nobody is the account in whose name the proxy ends a login that its
	// client did not: none that exists, so that no account's count of failed
	// logins moves.
	nobody = "honeyrow_no_client"
	// leaveRounds bounds the server's packets up to its last word.
	leaveRounds = 4
	// answerTimeout is how long a client may take to answer the greeting, TLS
	// included: less than the server's connect_timeout, which is 10 s unless
	// changed, so that it is the proxy that ends the login and not the server.
	answerTimeout = 8 * time.Second
)

// leave ends a login at the server that did not come to its end, because the
// client has gone (a port scanner, a balancer's TCP check) or was turned away.
// A server takes a connection that is closed before it has had an answer for an
// attack on the protocol: after max_connect_errors of them in a row (100) it
// shuts out the host, which is the proxy's, and all clients with it. A login
// that is refused does not count (MySQL manual, "The host_cache Table",
// SUM_CONNECT_ERRORS).
func (l *login) leave() {
	switch l.owes {
	case owesLogin:
		if l.encrypt && l.serverTLS == nil {
			// MariaDB 11 counts a plaintext login too if it wants TLS from all.
			_ = l.raw.SetDeadline(time.Now().Add(tellTimeout))
			ctx, stop := context.WithTimeout(context.Background(), tellTimeout)
			defer stop()
			if l.encryptServer(ctx, l.greet.noResponse(true).fixed) != nil {
				return
			}
		}
		end(l.raw, l.server, l.greet.noLogin(l.serverTLS != nil))
	case owesAnswer:
		end(l.raw, l.server, noPassword(l.auth.plugin))
	}
	l.owes = owesNothing
}

// noLogin is the payload of a login as nobody, without a password.
func (g *greeting) noLogin(encrypted bool) []byte {
	r := g.noResponse(encrypted)
	return r.encode(responseCaps(r.fixed))
}

// noResponse is a response to the greeting as nobody. With encrypted its fixed
// part is a request for TLS, too.
func (g *greeting) noResponse(encrypted bool) *response {
	r := &response{caps: capMySQL, fixed: make([]byte, responseFixed), user: []byte(nobody), plugin: []byte(g.plugin)}
	c := g.caps & (capProtocol41 | capSecure | capPluginAuth)
	if encrypted {
		c |= capSSL
	}
	r.setCaps(c)
	r.fixed[7], r.fixed[8] = 1, 45 // packets of 16 MiB, utf8mb4
	return r
}

// noPassword is an answer that the plugin takes for an answer, and refuses.
func noPassword(plugin string) []byte {
	if plugin == pluginEd25519 { // a signature of another length is a broken handshake
		return make([]byte, ed25519.SignatureSize)
	}
	return nil
}

// end sends a payload and answers without a password until the server has
// spoken its last word, for a short while. raw is the socket under the framer's
// connection.
func end(raw net.Conn, f *framer, payload []byte) {
	_ = raw.SetDeadline(time.Now().Add(tellTimeout))
	for range leaveRounds {
		if f.write(payload) != nil {
			return
		}
		b, err := f.read()
		if err != nil || len(b) == 0 {
			return
		}
		payload = nil
		switch b[0] {
		case mysql.ERR_HEADER:
			return
		case mysql.OK_HEADER: // an account without a password
			_, _ = f.conn.Write([]byte{1, 0, 0, 0, mysql.COM_QUIT})
			return
		case mysql.EOF_HEADER, nextFactor:
			name, _, _ := bytes.Cut(b[1:], []byte{0})
			payload = noPassword(string(name))
		}
	}
}
