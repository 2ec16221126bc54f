package sqlfacts

import (
	"strconv"
	"unicode/utf8"
)

// Value appends the value of a slot's (first) literal to buf: a string without
// quotes, doubled quotes and escapes; the bytes of a hex or bit literal; a
// number as it stands, with its sign. Nothing is appended for a slot that the
// text does not have.
func (t *Text) Value(slot int, buf []byte) []byte {
	if slot < 0 || slot >= len(t.slots) {
		return buf
	}
	return t.Decode(int(t.slots[slot]), buf)
}

// Decode appends the value of Literals[n], and of those that continue it, to
// buf.
func (t *Text) Decode(n int, buf []byte) []byte {
	buf = t.decode(&t.Literals[n], buf)
	for n++; n < len(t.Literals) && t.Literals[n].Joined; n++ {
		buf = t.decode(&t.Literals[n], buf)
	}
	return buf
}

// Size returns how many bytes of Raw the content of Literals[n] takes, quotes
// left out; 0 for one that continues another.
func (t *Text) Size(n int) int {
	l := &t.Literals[n]
	switch {
	case l.Joined:
		return 0
	case n+1 < len(t.Literals) && t.Literals[n+1].Joined:
		k := n + 1
		for k < len(t.Literals) && t.Literals[k].Joined {
			k++
		}
		return int(t.Literals[k-1].out - l.in)
	case l.form == asIs && l.Kind != StringLiteral:
		return int(l.To - l.From)
	}
	return int(l.out - l.in)
}

func (t *Text) decode(l *Literal, dst []byte) []byte {
	b := t.Raw[l.in:l.out]
	switch l.form {
	case hexDigits:
		return appendHex(dst, b)
	case bitDigits:
		return appendBits(dst, b)
	case radix:
		if n, err := strconv.ParseUint(string(b), 0, 64); err == nil {
			if t.Raw[l.From] == '-' {
				dst = append(dst, '-')
			}
			return strconv.AppendUint(dst, n, 10)
		}
		return append(dst, b...)
	case asIs:
		if l.Kind != StringLiteral {
			return appendNumber(dst, t.Raw[l.From:l.To])
		}
		return append(dst, b...)
	}
	if !l.coded {
		return append(dst, b...)
	}
	multi := t.rules.multi
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c >= 0x80 && multi != oneByte:
			n := multi.width(b, i)
			dst = append(dst, b[i:i+n]...)
			i += n
		case c == l.quote && i+1 < len(b) && b[i+1] == c:
			dst = append(dst, c)
			i += 2
		case c == '\\' && l.form == backslash && i+1 < len(b):
			dst = appendEscape(dst, b[i+1])
			i += 2
		case c == '\\' && l.form == extended && i+1 < len(b):
			var n int
			dst, n = appendExtended(dst, b[i+1:])
			i += 1 + n
		case c == l.uesc && l.form == unicode && i+1 < len(b):
			var n int
			dst, n = appendUnicode(dst, b[i+1:], l.uesc)
			i += 1 + n
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

func appendNumber(dst, b []byte) []byte {
	for i, c := range b {
		if c != '_' && (i > 0 || c != '+') {
			dst = append(dst, c)
		}
	}
	return dst
}

// appendEscape decodes MySQL's backslash and c (manual, "String Literals").
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '0':
		return append(dst, 0)
	case 'b':
		return append(dst, '\b')
	case 'n':
		return append(dst, '\n')
	case 'r':
		return append(dst, '\r')
	case 't':
		return append(dst, '\t')
	case 'Z':
		return append(dst, 26)
	case '%', '_':
		return append(dst, '\\', c)
	}
	return append(dst, c)
}

// appendExtended decodes what follows a backslash in E”; n is its length.
func appendExtended(dst, b []byte) (_ []byte, n int) {
	switch c := b[0]; {
	case c == 'b':
		return append(dst, '\b'), 1
	case c == 'f':
		return append(dst, '\f'), 1
	case c == 'n':
		return append(dst, '\n'), 1
	case c == 'r':
		return append(dst, '\r'), 1
	case c == 't':
		return append(dst, '\t'), 1
	case c == 'v':
		return append(dst, '\v'), 1
	case c >= '0' && c <= '7':
		v := 0
		for n < 3 && n < len(b) && b[n] >= '0' && b[n] <= '7' {
			v = v*8 + int(b[n]-'0')
			n++
		}
		return append(dst, byte(v)), n
	case c == 'x' && len(b) > 1 && isHex(b[1]):
		v, k := hexRun(b[1:], 2)
		return append(dst, byte(v)), 1 + k
	case c == 'u' || c == 'U':
		want := 4
		if c == 'U' {
			want = 8
		}
		if v, k := hexRun(b[1:], want); k == want {
			return appendRune(dst, v), 1 + k
		}
	}
	return append(dst, b[0]), 1
}

// appendUnicode decodes what follows the escape character in U&”.
func appendUnicode(dst, b []byte, esc byte) (_ []byte, n int) {
	if b[0] == esc {
		return append(dst, esc), 1
	}
	if b[0] == '+' {
		if v, k := hexRun(b[1:], 6); k == 6 {
			return appendRune(dst, v), 7
		}
	} else if v, k := hexRun(b, 4); k == 4 {
		return appendRune(dst, v), 4
	}
	return append(dst, esc), 0
}

// appendRune appends a code point; the halves of a surrogate pair, which may
// follow each other, are joined.
func appendRune(dst []byte, v uint32) []byte {
	if v >= 0xdc00 && v < 0xe000 && len(dst) >= 3 {
		if p := dst[len(dst)-3:]; p[0] == 0xed && p[1] >= 0xa0 && p[1] < 0xb0 {
			hi := 0xd000 | uint32(p[1]&0x3f)<<6 | uint32(p[2]&0x3f)
			return utf8.AppendRune(dst[:len(dst)-3], rune(0x10000+(hi-0xd800)<<10+(v-0xdc00)))
		}
	}
	if v >= 0xd800 && v < 0xdc00 { // waits for its other half, as CESU-8
		return append(dst, 0xe0|byte(v>>12), 0x80|byte(v>>6&0x3f), 0x80|byte(v&0x3f))
	}
	return utf8.AppendRune(dst, rune(v&0x7fffffff))
}

func hexRun(b []byte, most int) (v uint32, n int) {
	for n < most && n < len(b) && isHex(b[n]) {
		v = v<<4 | uint32(hexDigit(b[n]))
		n++
	}
	return v, n
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// appendHex decodes hex digits; an odd one stands in front.
func appendHex(dst, b []byte) []byte {
	odd := len(b)%2 == 1
	var acc byte
	for i, c := range b {
		if !isHex(c) {
			return append(dst, b[i:]...)
		}
		acc = acc<<4 | hexDigit(c)
		if (i%2 == 0) == odd {
			dst = append(dst, acc)
			acc = 0
		}
	}
	return dst
}

func appendBits(dst, b []byte) []byte {
	var acc byte
	for i, c := range b {
		acc = acc<<1 | c&1
		if (len(b)-1-i)%8 == 0 {
			dst = append(dst, acc)
			acc = 0
		}
	}
	return dst
}
