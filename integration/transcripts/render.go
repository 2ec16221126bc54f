package transcripts

import (
	"encoding/binary"
	"fmt"
	"strings"
)

var names = map[string]string{
	"1": "ParseComplete", "2": "BindComplete", "3": "CloseComplete", "n": "NoData", "s": "PortalSuspended",
	"I": "EmptyQueryResponse", "c": "CopyDone", "EOF": "EOF",
}

// String is the message as a person reads it. What a server's version may
// change (the wording of messages) is left out: the replays compare it.
func (a answer) String() string {
	b := &cursor{b: a.body}
	if n, ok := names[a.typ]; ok {
		return n
	}
	switch a.typ {
	case "T":
		s := "RowDescription"
		for range b.u16() {
			name, oid, attr := b.str(), b.u32(), b.u16()
			typ := b.u32()
			b.skip(6)
			format := b.u16()
			s += fmt.Sprintf(" %s:%d", name, typ)
			if oid != 0 {
				s += fmt.Sprintf("@%d", attr)
			}
			if format == 1 {
				s += "/b"
			}
		}
		return s
	case "D":
		if a.size >= keep {
			return fmt.Sprintf("DataRow of %d bytes, sha256 %x", a.size, a.body[:8])
		}
		s := "DataRow"
		for range b.u16() {
			n := int32(b.u32())
			if n < 0 {
				s += " NULL"
				continue
			}
			s += " " + short(b.take(int(n)))
		}
		return s
	case "C":
		return "CommandComplete " + b.str()
	case "Z":
		return "ReadyForQuery " + string(a.body)
	case "E", "N":
		return map[string]string{"E": "ErrorResponse", "N": "NoticeResponse"}[a.typ] + fieldsOf(b)
	case "S":
		return "ParameterStatus " + b.str() + " = " + b.str()
	case "A":
		b.skip(4)
		return fmt.Sprintf("NotificationResponse %s %q", b.str(), b.str())
	case "t":
		s := "ParameterDescription"
		for range b.u16() {
			s += fmt.Sprintf(" %d", b.u32())
		}
		return s
	case "d":
		return "CopyData " + short(a.body)
	case "G", "H", "W":
		return map[string]string{"G": "CopyInResponse", "H": "CopyOutResponse", "W": "CopyBothResponse"}[a.typ] + fmt.Sprintf(" %x", a.body)
	case "V":
		if n := int32(b.u32()); n >= 0 {
			return "FunctionCallResponse " + short(b.take(int(n)))
		}
		return "FunctionCallResponse NULL"
	}
	return fmt.Sprintf("%s %x", a.typ, a.body)
}

func fieldsOf(b *cursor) string {
	s := ""
	for len(b.b) > 1 {
		k := b.take(1)[0]
		v := b.str()
		switch k {
		case 'V', 'C':
			s += " " + v
		case 'D', 's', 't', 'n':
			s += fmt.Sprintf(" %c=%s", k, short([]byte(v)))
		}
	}
	return s
}

func short(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("(%d bytes, %q...)", len(b), b[:16])
	}
	return fmt.Sprintf("%q", b)
}

// cursor reads a body.
type cursor struct{ b []byte }

func (c *cursor) take(n int) []byte {
	n = min(n, len(c.b))
	p := c.b[:n]
	c.b = c.b[n:]
	return p
}
func (c *cursor) skip(n int)  { c.take(n) }
func (c *cursor) u16() uint16 { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) u32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }
func (c *cursor) str() string {
	s, _, _ := strings.Cut(string(c.b), "\x00")
	c.skip(len(s) + 1)
	return s
}
