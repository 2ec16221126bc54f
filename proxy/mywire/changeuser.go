package mywire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/proxy/wire"
)

// reauth is the authentication of a COM_CHANGE_USER under way. Client and
// server take turns, but nothing keeps a broken peer to that: mu guards it.
//
// Where only one leg is secure the two sides disagree on how a password is
// sent, as at login, and the proxy translates: it asks the server for its key,
// or gives the client its own. These are two packets that the other side knows
// nothing of, so that the ids of the two legs differ from there on.
type reauth struct {
	mu sync.Mutex
	exchange
	full     bool   // caching_sha2_password: the server wants the password itself
	keyAsked bool   // the server's next packet is its key
	keyGiven bool   // the client's next packet is a password encrypted for ours
	shift    byte   // the server's ids and shift make the client's
	held     []byte // payload that waits for the password; nil: it has been sent
	charset  multibyte
	from, to int // where its first answer stands in it
	request  request
}

// changeUser takes COM_CHANGE_USER (p is the payload). Who the client is
// changes with the server's OK.
func (f *flow) changeUser(p []byte) (action, error) {
	x, err := f.parseChangeUser(p)
	if err != nil {
		return action{}, fmt.Errorf("COM_CHANGE_USER: %w", err)
	}
	if f.exposed(x.plugin) {
		return f.refuse(errPayload(codeAuthMode, stateRejected, exposedText), 1), nil
	}
	f.last = nil
	f.fileSeq.Store(0)
	f.authTurn.Store(false)
	f.reauth = x
	x.request.kind, x.request.cmd, x.request.auth = change, mysql.COM_CHANGE_USER, x
	f.mode.Store(uint32(authData))
	a, err := f.answer(x, p[x.from:x.to])
	switch {
	case err != nil:
		f.mode.Store(uint32(commands))
		return f.refuse(errPayload(codeDenied, stateDenied, otherKeyText), 1), nil
	case a.toClient != nil:
		x.held = bytes.Clone(p)
		return f.giveKey(x, a.toClient, 0), nil
	}
	f.push(x.request)
	if a.toServer != nil {
		return action{drop: true, inject: f.withAnswer(x, p, a.toServer)}, nil
	}
	return action{}, nil
}

// exposedText is what a client is told whose password would cross a network
// unprotected.
const exposedText = "this account's plugin sends the password in the clear, and the proxy's connection to the server is not encrypted: set the server's tls.mode to require on the proxy"

const otherKeyText = "the password was encrypted for another key than the proxy's: connect with TLS, let the client ask for the key, or give the proxy the server's private key as rsa_key_file"

// exposed reports whether a plugin's passwords would cross a network unprotected.
func (f *flow) exposed(plugin string) bool {
	return (plugin == pluginClear || plugin == pluginDialog) && !f.opts.Safe
}

// parseChangeUser decodes the payload of COM_CHANGE_USER.
func (f *flow) parseChangeUser(p []byte) (*reauth, error) {
	x := &reauth{}
	user, rest, ok := bytes.Cut(p[1:], []byte{0})
	if !ok {
		return nil, errShort
	}
	x.from = len(p) - len(rest)
	if f.caps.has(capSecure) {
		if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
			return nil, errShort
		}
		x.from++
		x.to = x.from + int(rest[0])
		rest = p[x.to:]
	} else {
		_, rest, _ = bytes.Cut(rest, []byte{0})
		x.to = x.from // never one that is translated
	}
	database, rest, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return nil, errShort
	}
	who := f.Who()
	f.mu.Lock()
	x.salt = f.salt
	f.mu.Unlock()
	who.User, who.Database = clip(user), clip(database)
	x.plugin = pluginNative
	if len(rest) >= 2 {
		x.charset = multibyteID(binary.LittleEndian.Uint16(rest))
	}
	if len(rest) >= 2 && f.caps.has(capPluginAuth) {
		var name []byte
		if name, rest, ok = bytes.Cut(rest[2:], []byte{0}); len(name) > 0 {
			x.plugin = clip(name)
		}
		if ok && f.caps.has(capConnectAttrs) && len(rest) > 0 {
			attrs, _, err := lenencString(rest)
			if err != nil {
				return nil, err
			}
			who.Attributes = attributes(attrs)
			who.Application = who.Attributes["program_name"]
		}
	}
	x.request.user = &who
	return x, nil
}

// answered says what becomes of a client's answer: it passes as it is, or
// something else goes to the server, or the client gets a key.
type answered struct{ toServer, toClient []byte }

// answer takes an answer of the client's, which is looked at only where the
// two legs differ. An error means that the password can't be read.
func (f *flow) answer(x *reauth, data []byte) (a answered, err error) {
	client, server := f.opts.Secure[wire.Client], f.opts.Secure[wire.Server]
	ask := byte(askKeySHA256)
	switch {
	case client == server:
		return a, nil
	case x.plugin == pluginSHA2 && x.full:
		ask = askKeySHA2
	case x.plugin != pluginSHA256:
		return a, nil
	}
	switch {
	case client && len(data) > 1:
		x.secret, x.keyAsked = bytes.Clone(data), true
		return answered{toServer: []byte{ask}}, nil
	case client:
		return a, nil
	case len(data) == 1 && data[0] == ask && !x.keyGiven:
		pair, err := f.opts.Key()
		if err != nil {
			return a, err
		}
		x.keyGiven = true
		return answered{toClient: append([]byte{moreData}, pair.pub...)}, nil
	case len(data) < encryptedLength: // an empty password, or none that could be one
		return a, nil
	}
	pair, err := f.opts.Key()
	if err != nil {
		return a, err
	}
	a.toServer, err = decryptPassword(data, x.salt, pair.key)
	if err == nil {
		f.count.Translated.Add(1)
	}
	return a, err
}

// giveKey answers the client's packet of the given id with the proxy's key: the
// server has not heard that the client asked.
func (f *flow) giveKey(x *reauth, key []byte, seq byte) action {
	x.shift += 2
	f.fileSeq.Store(uint32(seq + 2))
	f.authTurn.Store(true)
	return action{drop: true, reply: appendPacket(nil, seq+1, key)}
}

// withAnswer builds COM_CHANGE_USER with another first answer.
func (f *flow) withAnswer(x *reauth, p, answer []byte) []byte {
	defer clear(answer)
	if len(answer) > 250 { // no password of these plugins is that long
		answer = answer[:250]
	}
	b := append(make([]byte, header, header+len(p)+len(answer)), p[:x.from-1]...)
	b = append(append(b, byte(len(answer))), answer...)
	b = append(b, p[x.to:]...)
	n := len(b) - header
	b[0], b[1], b[2], b[3] = byte(n), byte(n>>8), byte(n>>16), 0
	f.secret = b
	return b
}

// authPacket takes the client's answer within COM_CHANGE_USER.
func (f *flow) authPacket(off int, rest []byte, size int) (step wire.Step, n int, err error) {
	if size > loginClientMax {
		return step, 0, fmt.Errorf("a packet of %d bytes during COM_CHANGE_USER", size)
	}
	if header+size > len(rest) {
		return wire.Step{Pass: off, Need: header + size}, 0, nil
	}
	seq := rest[3]
	if want := byte(f.fileSeq.Load()); !f.authTurn.CompareAndSwap(true, false) || seq != want {
		return step, 0, fmt.Errorf("a packet with sequence id %d before the answer to COM_CHANGE_USER", seq)
	}
	x := f.reauth
	x.mu.Lock()
	defer x.mu.Unlock()
	n = header + size
	a, err := f.answer(x, rest[header:n])
	switch {
	case err != nil: // the server waits for a password that nobody has
		f.ended.Store(true)
		reply := appendPacket(nil, seq+1, errPayload(codeDenied, stateDenied, otherKeyText))
		return wire.Step{Pass: off, Skip: n, Reply: reply, Cut: true, Reason: wire.Refused}, 0, nil
	case a.toClient != nil:
		act := f.giveKey(x, a.toClient, seq)
		return wire.Step{Pass: off, Skip: n, Reply: act.reply}, 0, nil
	case x.held != nil:
		p := x.held
		x.held = nil
		if a.toServer == nil {
			a.toServer = bytes.Clone(rest[header:n])
		}
		f.push(x.request)
		return wire.Step{Pass: off, Skip: n, Inject: f.withAnswer(x, p, a.toServer)}, 0, nil
	case a.toServer != nil:
		f.secret = appendPacket(nil, seq-x.shift, a.toServer)
		clear(a.toServer)
		return wire.Step{Pass: off, Skip: n, Inject: f.secret}, 0, nil
	}
	rest[3] = seq - x.shift
	return step, n, nil
}

// changePacket relays the server's side of COM_CHANGE_USER.
func (f *flow) changePacket(r *request, rest, p []byte) (taken, error) {
	x := r.auth
	x.mu.Lock()
	defer x.mu.Unlock()
	n := header + len(p)
	if x.keyAsked && p[0] == moreData {
		return f.sendSecret(x, p, n, rest[3])
	}
	x.keyAsked = false
	rest[3] += x.shift
	seq := rest[3]
	switch {
	case p[0] == mysql.ERR_HEADER: // the client is who it was
		x.forget()
		t, err := f.errorPacket(r, rest, p)
		f.mode.Store(uint32(commands))
		return t, err
	case p[0] == mysql.OK_HEADER:
		x.forget()
		return f.changed(r, p, n, seq)
	case p[0] == mysql.EOF_HEADER, p[0] == nextFactor && f.caps.has(capFactors):
		x.switchTo(p[1:])
		x.full, x.keyGiven = false, false
		f.mu.Lock()
		f.salt = x.salt
		f.mu.Unlock()
	case x.plugin == pluginSHA2 && len(p) == 2 && p[0] == moreData:
		x.full = p[1] == mysql.CACHE_SHA2_FULL_AUTH
	}
	if f.exposed(x.plugin) {
		f.ended.Store(true)
		f.inject = appendPacket(f.inject[:0], seq, errPayload(codeAuthMode, stateRejected, exposedText))
		return taken{skip: n, do: doInject | doCut}, nil
	}
	f.outSeq.Store(uint32(seq + 1))
	// caching_sha2_password's fast path: the server goes on by itself.
	if !(x.plugin == pluginSHA2 && len(p) == 2 && p[0] == moreData && p[1] == mysql.CACHE_SHA2_FAST_AUTH) {
		f.fileSeq.Store(uint32(seq + 1))
		f.authTurn.Store(true)
	}
	return taken{pass: n}, nil
}

// sendSecret answers the server's key with the password that the client gave
// in the clear.
func (f *flow) sendSecret(x *reauth, p []byte, n int, seq byte) (taken, error) {
	defer x.forget()
	key, err := publicKey(p[1:])
	if err != nil {
		return taken{}, err
	}
	cipher, err := encryptPassword(x.secret, x.salt, key)
	if err != nil {
		return taken{}, fmt.Errorf("encrypt a password for the server: %w", err)
	}
	x.keyAsked = false
	x.shift -= 2
	f.count.Translated.Add(1)
	f.reply = appendPacket(nil, seq+1, cipher)
	return taken{skip: n, do: doReply}, nil
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
	f.who.Store(&who)
	f.announced.Store(uint32(r.auth.charset))
	f.charset.Store(uint32(r.auth.charset))
	refused := f.okay(r, &ok) || f.blocks(v)
	f.mode.Store(uint32(commands))
	t := f.verdict(refused, n, seq)
	if refused {
		t.do |= doCut // on the server the session is the new user's
	}
	f.done()
	return t, nil
}
