package mywire

import (
	"bytes"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
)

// changeUser takes COM_CHANGE_USER. Its authentication is relayed as it is; who
// the client is changes with the server's OK.
func (f *flow) changeUser(body []byte) (action, error) {
	who, plugin, auth, err := f.parseChangeUser(body)
	if err != nil {
		return action{}, fmt.Errorf("COM_CHANGE_USER: %w", err)
	}
	clientSafe, serverSafe := f.opts.Secure[0], f.opts.Secure[1]
	switch {
	case (plugin == pluginClear || plugin == pluginDialog) && !f.opts.Safe,
		plugin == pluginSHA256 && clientSafe != serverSafe && auth > 1:
		return f.refuse(errPayload(codeAuthMode, stateRejected, oneLegText), 1), nil
	}
	f.last = nil
	f.fileSeq.Store(0)
	f.authTurn.Store(false)
	f.push(request{kind: change, cmd: mysql.COM_CHANGE_USER, user: who, plugin: plugin})
	f.mode.Store(uint32(authData))
	return action{}, nil
}

// oneLegText is what a client is told whose password would have to be carried
// from an encrypted connection to a plaintext one, or back, within a session.
const oneLegText = "this change of user needs TLS on both sides of the proxy: encrypt the other connection too, or connect anew"

// parseChangeUser decodes COM_CHANGE_USER into who the client becomes, the
// plugin and the length of its first answer.
func (f *flow) parseChangeUser(b []byte) (*event.Client, string, int, error) {
	user, rest, ok := bytes.Cut(b, []byte{0})
	if !ok {
		return nil, "", 0, errShort
	}
	auth := 0
	if f.caps.has(capSecure) {
		if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
			return nil, "", 0, errShort
		}
		auth, rest = int(rest[0]), rest[1+int(rest[0]):]
	} else {
		_, rest, _ = bytes.Cut(rest, []byte{0})
	}
	database, rest, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return nil, "", 0, errShort
	}
	f.mu.Lock()
	who := f.who
	f.mu.Unlock()
	who.User, who.Database = clip(user), clip(database)
	plugin := pluginNative
	if len(rest) >= 2 && f.caps.has(capPluginAuth) {
		var name []byte
		if name, rest, ok = bytes.Cut(rest[2:], []byte{0}); len(name) > 0 {
			plugin = clip(name)
		}
		if ok && f.caps.has(capConnectAttrs) && len(rest) > 0 {
			attrs, _, err := lenencString(rest)
			if err != nil {
				return nil, "", 0, err
			}
			who.Attributes = attributes(attrs)
			who.Application = who.Attributes["program_name"]
		}
	}
	return &who, plugin, auth, nil
}

// changePacket relays the server's side of COM_CHANGE_USER.
func (f *flow) changePacket(r *request, rest, p []byte) (taken, error) {
	n, seq := header+len(p), rest[3]
	switch {
	case p[0] == mysql.ERR_HEADER: // the client is who it was
		t, err := f.errorPacket(r, rest, p)
		f.mode.Store(uint32(commands))
		return t, err
	case p[0] == mysql.OK_HEADER:
		return f.changed(r, p, n, seq)
	case p[0] == mysql.EOF_HEADER, p[0] == nextFactor && f.caps.has(capFactors):
		name, _, _ := bytes.Cut(p[1:], []byte{0})
		r.plugin = string(name)
	}
	if f.unsafeExchange(r.plugin, p) {
		f.inject = appendPacket(f.inject[:0], seq, errPayload(codeAuthMode, stateRejected, oneLegText))
		return taken{skip: n, inject: f.inject, cut: true}, nil
	}
	f.outSeq.Store(uint32(seq + 1))
	// caching_sha2_password's fast path: the server goes on by itself.
	if !(r.plugin == pluginSHA2 && len(p) == 2 && p[0] == moreData && p[1] == mysql.CACHE_SHA2_FAST_AUTH) {
		f.fileSeq.Store(uint32(seq + 1))
		f.authTurn.Store(true)
	}
	return taken{pass: n}, nil
}

// unsafeExchange reports whether the client's answer to p would be a password
// that one leg protects and the other does not.
func (f *flow) unsafeExchange(plugin string, p []byte) bool {
	differ := f.opts.Secure[0] != f.opts.Secure[1]
	switch plugin {
	case pluginClear, pluginDialog:
		return !f.opts.Safe
	case pluginSHA256:
		return differ
	case pluginSHA2:
		return differ && len(p) == 2 && p[0] == moreData && p[1] == mysql.CACHE_SHA2_FULL_AUTH
	}
	return false
}

// changed handles the OK of COM_CHANGE_USER: the client is somebody else, and
// the server has dropped all statements.
func (f *flow) changed(r *request, p []byte, n int, seq byte) (taken, error) {
	ok, err := parseOK(p, f.caps)
	if err != nil {
		return taken{}, fmt.Errorf("OK packet: %w", err)
	}
	f.forgetStatements()
	who := *r.user
	if ok.schema != nil {
		who.Database = clip(ok.schema)
	}
	sess, v := f.opts.Open(who)
	f.sess.Close()
	f.sess = sess
	f.mu.Lock()
	f.who = who
	f.mu.Unlock()
	v = worse(v, f.okay(r, &ok))
	f.mode.Store(uint32(commands))
	t := f.verdict(v, n, seq)
	if v.Blocks() {
		t.cut = true // on the server the session is the new user's
	}
	f.done()
	return t, nil
}
