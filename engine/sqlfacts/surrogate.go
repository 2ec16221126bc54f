package sqlfacts

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// slotBase is the number that stands for slot 0: ten digits that fit an int32
// with room for 147 million slots. No smaller number stands for a slot, and
// literals that a surrogate keeps have five digits at most.
const slotBase = 2_000_000_000

// SlotOfInt decodes an integer of a surrogate; ok is false for one that stands
// for no slot.
func SlotOfInt(n int64) (slot int, ok bool) {
	if n < slotBase || n > 1<<31-1 {
		return -1, false
	}
	return int(n - slotBase), true
}

// SlotOfNumber decodes a number of a surrogate as a parser gives it back:
// "2000000007", "2000000007.5", "2000000007e0" or "2.000000007e9".
func SlotOfNumber(s string) (slot int, ok bool) {
	n := int64(0)
	for i := 0; i < len(s) && i < 10; i++ {
		if s[i] < '0' || s[i] > '9' {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil || !(f >= slotBase && f < 1<<31) {
				return -1, false
			}
			return SlotOfInt(int64(f))
		}
		n = n*10 + int64(s[i]-'0')
	}
	if len(s) > 10 && s[10] >= '0' && s[10] <= '9' {
		return -1, false
	}
	return SlotOfInt(n)
}

// SlotOfString decodes a string of a surrogate. Strings that a parser joined
// give the first one's.
func SlotOfString(s string) (slot int, ok bool) {
	if len(s) < 11 || s[0] != '?' {
		return -1, false
	}
	return SlotOfNumber(s[1:11])
}

// SlotOfHex decodes the digits of a hex literal of a surrogate.
func SlotOfHex(digits string) (slot int, ok bool) {
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return -1, false
	}
	return SlotOfInt(int64(n))
}

// SlotOfBytes decodes the value of a hex literal of a surrogate.
func SlotOfBytes(b []byte) (slot int, ok bool) {
	if len(b) != 4 {
		return -1, false
	}
	return SlotOfInt(int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3]))
}

// AppendString appends the string literal that stands for a slot.
func AppendString(dst []byte, slot int) []byte {
	dst = append(dst, '\'', '?')
	return append(strconv.AppendInt(dst, slotBase+int64(slot), 10), '\'')
}

// Surrogate appends the text that a parser is given to dst: comments are
// spaces, versioned comments are code or gone, a list of literals is its first
// member, and each literal is one of the same type that says its slot; so do
// PostgreSQL's places for bound values, from $1, while a ? is as it was. It is
// UTF-8 without NUL. Its Pattern is the text's.
func (t *Text) Surrogate(dst []byte) []byte {
	plain := t.plain
	if !t.rules.my && len(t.Params) > 0 {
		plain = t.numbered
	}
	return t.rewrite(dst, plain, func(dst []byte, l *Literal) []byte {
		if l.Kept {
			return append(dst, t.Raw[l.From:l.To]...)
		}
		n := int64(slotBase) + int64(l.Slot)
		switch l.stands {
		case kwEscape:
			return append(dst, "'!'"...)
		case kwCharset:
			return append(dst, "'utf8mb4'"...)
		case kwCollate:
			return append(dst, "'utf8mb4_bin'"...)
		}
		switch l.Kind {
		case IntegerLiteral:
			return strconv.AppendInt(dst, n, 10)
		case DecimalLiteral:
			return append(strconv.AppendInt(dst, n, 10), ".5"...)
		case FloatLiteral:
			return append(strconv.AppendInt(dst, n, 10), "e0"...)
		case HexLiteral, BitLiteral:
			dst = append(dst, 'x', '\'')
			return append(strconv.AppendInt(dst, n, 16), '\'')
		}
		return AppendString(dst, int(l.Slot))
	})
}

// Readable appends the text without its literals' values, for people and for
// files: 'x' for strings, 0 for integers, 0.0 and 0e0, x'00' and b'0'. Its Pattern is
// the text's.
func (t *Text) Readable(dst []byte) []byte {
	return t.rewrite(dst, t.plain, func(dst []byte, l *Literal) []byte {
		if l.Kept {
			return append(dst, t.Raw[l.From:l.To]...)
		}
		switch l.Kind {
		case IntegerLiteral:
			return append(dst, '0')
		case DecimalLiteral:
			return append(dst, "0.0"...)
		case FloatLiteral:
			return append(dst, "0e0"...)
		case HexLiteral:
			return append(dst, "x'00'"...)
		case BitLiteral:
			return append(dst, "b'0'"...)
		}
		return append(dst, "'x'"...)
	})
}

// Redacted appends the text with a question mark for every literal, and a space
// for comments and for what begins and ends those that run: what the server
// reads, without the values.
func (t *Text) Redacted(dst []byte) []byte {
	plain := func(dst []byte, from, to int) []byte {
		if from < to {
			dst = append(dst, t.Raw[from:to]...)
		}
		return dst
	}
	return t.rewrite(dst, plain, func(dst []byte, _ *Literal) []byte { return append(dst, '?') })
}

func (t *Text) rewrite(dst []byte, plain func(dst []byte, from, to int) []byte, literal func([]byte, *Literal) []byte) []byte {
	at := 0
	e := 0
	for k := range t.Literals {
		l := &t.Literals[k]
		for e < len(t.edits) && t.edits[e].from <= l.From {
			dst = plain(dst, at, int(t.edits[e].from))
			dst = space(dst)
			at = max(at, int(t.edits[e].to))
			e++
		}
		if int(l.From) < at || l.Joined {
			continue
		}
		dst = plain(dst, at, int(l.From))
		if n := len(dst); n > 0 && (wordByte(dst[n-1]) || dst[n-1] == '\'' || dst[n-1] == '"' || dst[n-1] == '.') {
			dst = append(dst, ' ')
		}
		if !t.rules.my {
			apart(dst)
		}
		dst = literal(dst, l)
		at = int(l.To)
		if at < len(t.Raw) && (t.rules.part[t.Raw[at]] || t.Raw[at] == '\'' || t.Raw[at] == '"' || t.Raw[at] == '.') {
			dst = append(dst, ' ')
		}
	}
	for ; e < len(t.edits); e++ {
		dst = plain(dst, at, int(t.edits[e].from))
		dst = space(dst)
		at = max(at, int(t.edits[e].to))
	}
	return plain(dst, at, len(t.Raw))
}

// space separates what follows from what stands at the end of dst.
func space(dst []byte) []byte {
	if len(dst) == 0 || dst[len(dst)-1] == ' ' || dst[len(dst)-1] == '(' {
		return dst
	}
	return append(dst, ' ')
}

// apart turns the line ends between a literal at the end of dst and the next
// one into spaces: for PostgreSQL they would be one.
func apart(dst []byte) {
	i := len(dst) - 1
	for i >= 0 && (dst[i] == ' ' || dst[i] == '\n' || dst[i] == '\r' || dst[i] == '\t') {
		i--
	}
	if i < 0 || dst[i] != '\'' {
		return
	}
	for i++; i < len(dst); i++ {
		dst[i] = ' '
	}
}

// numbered appends the bytes [from, to), which hold no literal and no comment,
// with PostgreSQL's places for bound values under their numbers in the shape.
func (t *Text) numbered(dst []byte, from, to int) []byte {
	k, _ := slices.BinarySearchFunc(t.Params, from, func(m Mark, at int) int { return int(m.From) - at })
	for ; k < len(t.Params) && int(t.Params[k].From) < to; k++ {
		m := &t.Params[k]
		dst = t.plain(dst, from, int(m.From)+1)
		dst = strconv.AppendInt(dst, int64(max(m.Place, 0))+1, 10)
		for from = int(m.From) + 1; from < to && t.rules.class[t.Raw[from]] == cDigit; from++ {
		}
	}
	return t.plain(dst, from, to)
}

// plain appends the bytes [from, to) as UTF-8.
func (t *Text) plain(dst []byte, from, to int) []byte {
	if from >= to {
		return dst
	}
	b := t.Raw[from:to]
	if !t.wide && !t.nul {
		return append(dst, b...)
	}
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == 0:
			if t.trailing(from + i) {
				return dst
			}
			dst = append(dst, 1)
		case c < 0x80:
			dst = append(dst, c)
		case t.rules.multi != oneByte:
			// Any mapping does that keeps names apart and the text in one piece.
			n := t.rules.multi.width(b, i)
			for _, x := range b[i : i+n] {
				dst = utf8.AppendRune(dst, 0x100+rune(x))
			}
			i += n - 1
		case t.rules.utf8:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n <= 1 {
				dst = utf8.AppendRune(dst, 0x100+rune(c))
			} else {
				dst = append(dst, b[i:i+n]...)
				i += n - 1
			}
		default:
			dst = utf8.AppendRune(dst, rune(c))
		}
		i++
	}
	return dst
}

// trailing says whether the NUL at i is the text's last byte but for white
// space and semicolons: servers take it for the end.
func (t *Text) trailing(i int) bool {
	for i++; i < len(t.Raw); i++ {
		if c := t.rules.class[t.Raw[i]]; c != cSpace && c != cSemi {
			return false
		}
	}
	return true
}
