package mywire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// greeting is the server's first packet: HandshakeV10.
type greeting struct {
	raw     []byte // a copy of the payload
	version string
	thread  uint32
	caps    caps
	salt    []byte // 20 bytes as a rule
	plugin  string // the default plugin; empty if the server names none

	low, high, ext int // where the capabilities stand in raw; ext 0: MySQL's
}

// parseGreeting decodes a greeting. It keeps nothing of b.
func parseGreeting(b []byte) (*greeting, error) {
	if len(b) == 0 || b[0] != 10 {
		return nil, errors.New("the greeting is not of protocol version 10")
	}
	g := &greeting{raw: bytes.Clone(b)}
	version, rest, ok := bytes.Cut(g.raw[1:], []byte{0})
	if !ok || len(rest) < 4+8+1+2 {
		return nil, errShort
	}
	g.version = string(version)
	g.thread = binary.LittleEndian.Uint32(rest)
	g.salt = append(g.salt, rest[4:12]...)
	g.low = len(g.raw) - len(rest) + 13
	g.caps = caps(binary.LittleEndian.Uint16(rest[13:]))
	rest = rest[15:]
	if len(rest) < 1+2+2+1+10 { // servers from before 4.1 end here
		return nil, errors.New("the server does not speak the protocol of MySQL 4.1 and later")
	}
	g.high = len(g.raw) - len(rest) + 3
	g.caps |= caps(binary.LittleEndian.Uint16(rest[3:])) << 16
	saltLen := int(rest[5])
	if !g.caps.has(capMySQL) {
		g.ext = len(g.raw) - len(rest) + 12
		g.caps |= caps(binary.LittleEndian.Uint32(rest[12:])) << 32
	}
	rest = rest[16:]
	if !g.caps.has(capProtocol41 | capSecure) {
		return nil, errors.New("the server does not speak the protocol of MySQL 4.1 and later")
	}
	n := max(13, saltLen-8)
	if len(rest) < n {
		return nil, errShort
	}
	g.salt = append(g.salt, bytes.TrimSuffix(rest[:n], []byte{0})...)
	if g.caps.has(capPluginAuth) {
		name, _, _ := bytes.Cut(rest[n:], []byte{0})
		g.plugin = string(name)
	}
	return g, nil
}

// offer writes other capabilities into the greeting and returns its payload.
func (g *greeting) offer(c caps) []byte {
	binary.LittleEndian.PutUint16(g.raw[g.low:], uint16(c))
	binary.LittleEndian.PutUint16(g.raw[g.high:], uint16(c>>16))
	if g.ext > 0 {
		binary.LittleEndian.PutUint32(g.raw[g.ext:], uint32(c>>32))
	}
	return g.raw
}

// response is the client's HandshakeResponse41.
type response struct {
	caps     caps   // what the client sent, not masked
	fixed    []byte // the first 32 bytes: those of an SSLRequest
	user     []byte
	auth     []byte
	database []byte
	plugin   []byte
	attrs    []byte // the encoded attributes without their total length
}

const responseFixed = 32

// isSSLRequest reports whether a client's packet is the short one that asks for TLS.
func isSSLRequest(b []byte) bool {
	return len(b) == responseFixed && responseCaps(b).has(capSSL|capProtocol41)
}

func responseCaps(b []byte) caps {
	c := caps(binary.LittleEndian.Uint32(b))
	if !c.has(capMySQL) {
		c |= caps(binary.LittleEndian.Uint32(b[28:])) << 32
	}
	return c
}

// parseResponse decodes a client's answer to a greeting that offered the given
// capabilities. A flag that was not offered does not count, as for a server.
// The result's slices are its own.
func parseResponse(b []byte, offered caps) (*response, error) {
	if len(b) < 2 || !caps(binary.LittleEndian.Uint16(b)).has(capProtocol41) {
		return nil, errors.New("the client does not speak the protocol of MySQL 4.1 and later")
	}
	if len(b) < responseFixed {
		return nil, errShort
	}
	b = bytes.Clone(b)
	r := &response{caps: responseCaps(b), fixed: b[:responseFixed:responseFixed]}
	agreed := r.caps & offered
	var err error
	var ok bool
	rest := b[responseFixed:]
	if r.user, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
		return nil, errShort
	}
	switch {
	case agreed.has(capLenencAuth):
		r.auth, rest, err = lenencString(rest)
	case agreed.has(capSecure):
		if len(rest) == 0 || int(rest[0]) > len(rest)-1 {
			return nil, errShort
		}
		r.auth, rest = rest[1:1+int(rest[0])], rest[1+int(rest[0]):]
	default:
		r.auth, rest, _ = bytes.Cut(rest, []byte{0})
	}
	if err != nil {
		return nil, err
	}
	if agreed.has(capConnectWithDB) {
		r.database, rest, _ = bytes.Cut(rest, []byte{0})
	}
	if agreed.has(capPluginAuth) {
		r.plugin, rest, _ = bytes.Cut(rest, []byte{0})
	}
	if agreed.has(capConnectAttrs) && len(rest) > 0 {
		if r.attrs, _, err = lenencString(rest); err != nil {
			return nil, fmt.Errorf("connection attributes: %w", err)
		}
	}
	return r, nil
}

// setCaps writes the capabilities that the server is to see into the fixed
// part. Bit 0 stays the client's own word on whose client it is.
func (r *response) setCaps(c caps) {
	c = c&^capMySQL | r.caps&capMySQL
	binary.LittleEndian.PutUint32(r.fixed, uint32(c))
	if !c.has(capMySQL) {
		binary.LittleEndian.PutUint32(r.fixed[28:], uint32(c>>32))
	}
}

// encode builds the payload for a server that agreed to c: its own flags must
// be those of setCaps.
func (r *response) encode(c caps) []byte {
	b := make([]byte, 0, responseFixed+len(r.user)+len(r.auth)+len(r.database)+len(r.plugin)+len(r.attrs)+24)
	b = append(append(append(b, r.fixed...), r.user...), 0)
	switch {
	case c.has(capLenencAuth):
		b = append(appendLenenc(b, uint64(len(r.auth))), r.auth...)
	case c.has(capSecure):
		b = append(append(b, byte(len(r.auth))), r.auth...)
	default:
		b = append(append(b, r.auth...), 0)
	}
	if c.has(capConnectWithDB) {
		b = append(append(b, r.database...), 0)
	}
	if c.has(capPluginAuth) {
		b = append(append(b, r.plugin...), 0)
	}
	if c.has(capConnectAttrs) {
		b = append(appendLenenc(b, uint64(len(r.attrs))), r.attrs...)
	}
	return b
}

// Bounds of what is kept of a client's connection attributes for events.
const (
	maxAttributes   = 64
	maxAttributeLen = 512 // bytes of a name or a value
)

// attributes decodes connection attributes for events. What is malformed or
// beyond the bounds is left out: the server judges the original.
func attributes(b []byte) map[string]string {
	m := make(map[string]string)
	for len(b) > 0 && len(m) < maxAttributes {
		name, rest, err := lenencString(b)
		if err != nil {
			break
		}
		value, rest, err := lenencString(rest)
		if err != nil {
			break
		}
		m[clip(name)] = clip(value)
		b = rest
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// clip makes a bounded, valid string of a client's bytes.
func clip(b []byte) string {
	return string(bytes.ToValidUTF8(b[:min(len(b), maxAttributeLen)], []byte("\uFFFD")))
}

// errPacket is a decoded ERR packet.
type errPacket struct {
	code    uint16
	state   string // SQLSTATE, empty before the handshake
	message []byte // valid as long as the packet
}

// runCode is what an error that ends a run is told as: its SQLSTATE. A syntax
// error, whose state stands for much else too, is told by a number, the same
// for both of the numbers that servers have for it.
func (e *errPacket) runCode() string {
	if e.code == mysql.ER_PARSE_ERROR || e.code == mysql.ER_SYNTAX_ERROR {
		return codeSyntax
	}
	return e.state
}

func parseErr(b []byte) (errPacket, error) {
	if len(b) < 3 || b[0] != mysql.ERR_HEADER {
		return errPacket{}, errShort
	}
	e := errPacket{code: binary.LittleEndian.Uint16(b[1:]), message: b[3:]}
	if len(e.message) >= 6 && e.message[0] == '#' {
		e.state, e.message = string(e.message[1:6]), e.message[6:]
	}
	return e, nil
}
