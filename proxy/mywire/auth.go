package mywire

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/proxy/wire"
)

// Authentication plugins that need more than being passed on. All others are
// opaque: they are relayed unread.
const (
	pluginNative    = mysql.AUTH_NATIVE_PASSWORD
	pluginOld       = mysql.AUTH_MYSQL_OLD_PASSWORD
	pluginSHA2      = mysql.AUTH_CACHING_SHA2_PASSWORD
	pluginSHA256    = mysql.AUTH_SHA256_PASSWORD
	pluginClear     = mysql.AUTH_CLEAR_PASSWORD
	pluginDialog    = "dialog"
	pluginEd25519   = mysql.AUTH_MARIADB_ED25519
	moreData        = mysql.MORE_DATE_HEADER
	nextFactor      = 0x02 // AuthNextFactor
	askKeySHA256    = 0x01 // the client asks for the server's RSA key
	askKeySHA2      = 0x02
	maxRounds       = 64 // packets from the server in one login
	noPasswordByte  = 0x00
	encryptedLength = 128 // bytes of the shortest RSA cipher that counts
)

// exchange is an authentication under way: which plugin, with which salt.
type exchange struct {
	plugin string
	salt   []byte
	// secret is a password that the client gave in the clear and that waits
	// for the server's RSA key.
	secret []byte
}

func (x *exchange) forget() {
	clear(x.secret)
	x.secret = nil
}

// switchTo decodes the body of AuthSwitchRequest or AuthNextFactor: plugin
// name, then its data.
func (x *exchange) switchTo(b []byte) {
	name, data, _ := bytes.Cut(b, []byte{0})
	x.forget()
	x.plugin = string(name)
	x.salt = bytes.Clone(bytes.TrimSuffix(data, []byte{0}))
}

// secureClient and secureServer say whether a leg is one on which clients send
// passwords in the clear: TLS or a unix socket.
func (l *login) secureClient() bool { return l.clientTLS != nil || l.origin.Peer != nil }
func (l *login) secureServer() bool { return l.serverTLS != nil || l.set.network == "unix" }

// safeServer is secureServer or a plaintext link that never leaves this machine.
func (l *login) safeServer() bool {
	if l.secureServer() {
		return true
	}
	a, ok := l.raw.RemoteAddr().(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}

// allow refuses plugins whose passwords would cross a network unprotected.
func (l *login) allow(plugin string) error {
	switch plugin {
	case pluginClear, pluginDialog:
		if !l.safeServer() {
			return fail(wire.Server, "policy", errPayload(codeDenied, stateDenied,
				"the account's plugin "+plugin+" sends the password in the clear, and the proxy's connection to the server is not encrypted: set the server's tls.mode to require on the proxy"),
				"plugin %s over a plaintext connection to the server: set the server's tls.mode to require", plugin)
		}
	case pluginOld:
		return fail(wire.Server, "policy", errPayload(codeAuthMode, stateRejected,
			"the account has a password of before MySQL 4.1: set it anew with old_passwords=0"),
			"the account's plugin is mysql_old_password: set its password anew")
	}
	return nil
}

// answer turns the client's first answer to a plugin into what the server is
// sent. It is a secret: its bytes are looked at only where the two legs differ.
func (l *login) answer(data []byte) ([]byte, error) {
	if err := l.allow(l.auth.plugin); err != nil {
		return nil, err
	}
	if l.auth.plugin != pluginSHA256 {
		return data, nil
	}
	switch c, s := l.secureClient(), l.secureServer(); {
	case c && !s && len(data) > 1:
		l.auth.secret = bytes.Clone(data)
		return []byte{askKeySHA256}, nil
	case !c && s && len(data) > 0 && data[0] != noPasswordByte:
		return l.passwordFrom(data, askKeySHA256)
	}
	return data, nil
}

// passwordFrom gets the client's password with the proxy's own RSA key: data
// is the client's request for the key, or already the encrypted password.
func (l *login) passwordFrom(data []byte, ask byte) ([]byte, error) {
	pair, err := l.p.key(l.set)
	if err != nil {
		return nil, fail(wire.Client, "login", farewell(wire.Broken, ""), "make an RSA key: %w", err)
	}
	if len(data) == 1 && data[0] == ask {
		if err := l.client.write(append([]byte{moreData}, pair.pub...)); err != nil {
			return nil, err
		}
		if data, err = l.client.read(); err != nil {
			return nil, err
		}
	}
	if len(data) < encryptedLength {
		return data, nil // an empty password, or none that could be one
	}
	password, err := decryptPassword(data, l.auth.salt, pair.key)
	if err != nil {
		return nil, fail(wire.Client, "login", errPayload(codeDenied, stateDenied, otherKeyText),
			"a client encrypted its password for another RSA key")
	}
	l.p.Counters.Translated.Add(1)
	return password, nil
}

// sendSecret encrypts the kept password for the server's key and sends it.
func (l *login) sendSecret(pemKey []byte) error {
	defer l.auth.forget()
	key, err := publicKey(pemKey)
	if err != nil {
		return malformed(wire.Server, "%v", err)
	}
	cipher, err := encryptPassword(l.auth.secret, l.auth.salt, key)
	if err != nil {
		return fail(wire.Client, "login", errPayload(codeDenied, stateDenied, "the password can't be encrypted for the server: set the server's tls.mode to require on the proxy"), "encrypt a password for the server: %w", err)
	}
	l.p.Counters.Translated.Add(1)
	return l.server.write(cipher)
}

// authenticate relays the server's requests and the client's answers until the
// server's OK, which it returns; it has not been sent to the client.
func (l *login) authenticate(ctx context.Context) ([]byte, error) {
	for range maxRounds {
		b, err := l.server.read()
		if err != nil {
			return nil, err
		}
		if len(b) == 0 {
			return nil, malformed(wire.Server, "an empty packet during login")
		}
		switch {
		case b[0] == mysql.OK_HEADER:
			l.owes = owesNothing
			return bytes.Clone(b), nil
		case b[0] == mysql.ERR_HEADER:
			return nil, l.refused(b)
		case b[0] == mysql.EOF_HEADER && len(b) == 1:
			return nil, l.allow(pluginOld)
		case b[0] == mysql.EOF_HEADER, b[0] == nextFactor && l.caps.has(capFactors):
			l.auth.switchTo(b[1:])
			err = l.switched(b)
		case l.auth.plugin == pluginSHA2:
			err = l.sha2(b)
		case l.auth.plugin == pluginSHA256 && b[0] == moreData && l.auth.secret != nil:
			err = l.sendSecret(b[1:])
		case l.auth.plugin == pluginSHA256, l.auth.plugin == pluginDialog, l.auth.plugin == pluginClear:
			err = l.roundTrip(b)
		default:
			err = l.opaque(ctx, b)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, malformed(wire.Server, "more than %d packets during login", maxRounds)
}

// switched relays a change of plugin and the client's answer to it.
func (l *login) switched(b []byte) error {
	if err := l.allow(l.auth.plugin); err != nil {
		return err
	}
	if err := l.client.write(b); err != nil {
		return err
	}
	data, err := l.client.read()
	if err != nil {
		return err
	}
	out, err := l.answer(data)
	if err != nil {
		return err
	}
	return l.server.write(out)
}

// roundTrip relays a packet of the server and the client's answer.
func (l *login) roundTrip(b []byte) error {
	if err := l.client.write(b); err != nil {
		return err
	}
	data, err := l.client.read()
	if err != nil {
		return err
	}
	return l.server.write(data)
}

// sha2 relays a packet of caching_sha2_password. Where only one leg is secure
// the full exchange is translated: the client's idea of how to send a password
// and the server's of how to receive it differ.
func (l *login) sha2(b []byte) error {
	full := len(b) == 2 && b[0] == moreData && b[1] == mysql.CACHE_SHA2_FULL_AUTH
	switch c, s := l.secureClient(), l.secureServer(); {
	case len(b) == 2 && b[0] == moreData && b[1] == mysql.CACHE_SHA2_FAST_AUTH:
		return l.client.write(b) // the server speaks next
	case full && c && !s:
		if err := l.client.write(b); err != nil {
			return err
		}
		data, err := l.client.read()
		if err != nil {
			return err
		}
		l.auth.secret = bytes.Clone(data)
		return l.server.write([]byte{askKeySHA2})
	case full && !c && s:
		if err := l.client.write(b); err != nil {
			return err
		}
		data, err := l.client.read()
		if err != nil {
			return err
		}
		password, err := l.passwordFrom(data, askKeySHA2)
		if err != nil {
			return err
		}
		defer clear(password)
		return l.server.write(password)
	case b[0] == moreData && l.auth.secret != nil:
		return l.sendSecret(b[1:])
	}
	return l.roundTrip(b)
}

// opaque relays a packet of a plugin that this proxy does not know. The client
// may owe an answer or not: whichever side speaks next is heard.
func (l *login) opaque(ctx context.Context, b []byte) error {
	if err := l.client.write(b); err != nil {
		return err
	}
	fromClient, fromServer := make(chan error, 1), make(chan error, 1)
	go func() { fromClient <- l.client.fill(header) }()
	go func() { fromServer <- l.server.fill(header) }()
	var cerr, serr error
	client := false
	select {
	case cerr = <-fromClient:
		client = true
		wake(l.raw)
		serr = <-fromServer
	case serr = <-fromServer:
		wake(l.client.conn)
		cerr = <-fromClient
	}
	// Whoever was woken has lost nothing: what it had read is in its framer.
	rest(l.raw)
	rest(l.client.conn)
	switch {
	case ctx.Err() != nil:
		return lost(wire.Client, "read", os.ErrDeadlineExceeded)
	case client && cerr != nil:
		return cerr
	case client && serr != nil:
		data, err := l.client.read()
		if err != nil {
			return err
		}
		return l.server.write(data)
	case !client && serr != nil:
		return serr
	}
	return nil // the server has spoken: its word comes first
}

func wake(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }
func rest(c net.Conn) { _ = c.SetReadDeadline(time.Time{}) }

// refused passes the server's error to the client as it is.
func (l *login) refused(b []byte) error {
	l.owes = owesNothing
	e, err := parseErr(b)
	if err != nil {
		return malformed(wire.Server, "ERR packet: %v", err)
	}
	who := "a connection"
	if l.who.User != "" {
		who = fmt.Sprintf("the login of %q", l.who.User)
	}
	return fail(wire.Server, "login", bytes.Clone(b), "the server refused %s: %d %s %q", who, e.code, e.state, clip(e.message))
}
