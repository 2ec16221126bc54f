package mywire

import (
	"bytes"
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// okPacket is a decoded OK packet (header 0x00, or 0xfe at the end of a result
// under DEPRECATE_EOF). Its slices are parts of the packet.
type okPacket struct {
	status uint16
	info   []byte
	track  []byte // session state, encoded
	schema []byte // nil unless the schema changed
}

func parseOK(b []byte, c caps) (okPacket, error) {
	var o okPacket
	if len(b) == 0 {
		return o, errShort
	}
	_, _, rest, err := lenenc(b[1:]) // affected rows
	if err != nil {
		return o, err
	}
	if _, _, rest, err = lenenc(rest); err != nil { // last insert id
		return o, err
	}
	if len(rest) < 4 {
		return o, errShort
	}
	o.status = binary.LittleEndian.Uint16(rest)
	rest = rest[4:] // status, warnings
	if !c.has(capSessionTrack) {
		o.info = rest
		return o, nil
	}
	if len(rest) == 0 {
		return o, nil
	}
	if o.info, rest, err = lenencString(rest); err != nil {
		return o, err
	}
	if o.status&mysql.SERVER_SESSION_STATE_CHANGED == 0 || len(rest) == 0 {
		return o, nil
	}
	if o.track, _, err = lenencString(rest); err != nil {
		return o, err
	}
	err = o.each(func(kind byte, name, value []byte) {
		if kind == mysql.SESSION_TRACK_SCHEMA {
			o.schema = value
			if value == nil {
				o.schema = []byte{}
			}
		}
	})
	return o, err
}

// each calls f for every change of session state; name is a system variable's.
// Types that are not known are shown as they are.
func (o *okPacket) each(f func(kind byte, name, value []byte)) error {
	for b := o.track; len(b) > 0; {
		kind := b[0]
		data, rest, err := lenencString(b[1:])
		if err != nil {
			return err
		}
		b = rest
		switch kind {
		case mysql.SESSION_TRACK_SYSTEM_VARIABLES:
			for len(data) > 0 {
				name, tail, err := lenencString(data)
				if err != nil {
					return err
				}
				value, tail, err := lenencString(tail)
				if err != nil {
					return err
				}
				f(kind, name, value)
				data = tail
			}
		case mysql.SESSION_TRACK_SCHEMA:
			value, _, err := lenencString(data)
			if err != nil {
				return err
			}
			f(kind, nil, value)
		default:
			f(kind, nil, data)
		}
	}
	return nil
}

// Names by which a server sends clients elsewhere: MariaDB 11.3's session
// variable, and the text in an OK packet of a well-known cloud's MySQL.
var (
	redirectName  = []byte("redirect_url")
	redirectAlias = []byte("redirect_off") // of the same length: no packet changes its size
	redirectInfo  = []byte("Location: mysql://")
)

// unredirect renames what would lead the client around the proxy, in place, and
// returns how often. The value stays: nobody looks for it under that name.
func (o *okPacket) unredirect() int {
	n := 0
	if bytes.Contains(o.track, redirectName) {
		_ = o.each(func(kind byte, name, _ []byte) {
			if kind == mysql.SESSION_TRACK_SYSTEM_VARIABLES && bytes.EqualFold(name, redirectName) {
				copy(name, redirectAlias)
				n++
			}
		})
	}
	if bytes.HasPrefix(o.info, redirectInfo) {
		o.info[0] = 'X'
		n++
	}
	return n
}

// eofStatus is the status of an EOF packet, or of the OK packet that takes its
// place under DEPRECATE_EOF.
func eofStatus(b []byte, c caps) (okPacket, error) {
	if c.has(capDeprecateEOF) && len(b) > 5 {
		return parseOK(b, c)
	}
	if len(b) < 5 {
		return okPacket{}, errShort
	}
	return okPacket{status: binary.LittleEndian.Uint16(b[3:])}, nil
}
