package sqlfacts

import (
	"encoding/binary"
	"math/bits"
)

// word reads an identifier, a key word, or the prefix of a literal, and what
// follows it with dots.
func (t *Text) word() {
	b, part := t.Raw, &t.rules.part
	at, h := t.i, t.h
	dotted := t.prev == lxDot
	direct := dotted && t.end == at // behind a dot there are only names
	for {
		i := at + 1
		if t.rules.multi == oneByte {
			for i < len(b) && part[b[i]] {
				i++
			}
		} else {
			i = t.wideWord(at)
		}
		n := i - at
		before := h
		var id keyword
		switch {
		case n == 1:
			if i < len(b) && (b[i] == '\'' || b[i] == '&') && !direct {
				t.h = h
				if t.prefix(at) {
					return
				}
			}
			h = mix(h, folded(uint64(b[at])))
		case n <= 8:
			var w uint64
			if at+8 <= len(b) {
				w = binary.LittleEndian.Uint64(b[at:at+8]) & masks[n&15]
			} else {
				w = loadEnd(b, at, n)
			}
			l := folded(w)
			h = mix(h, l)
			if id = lookWord(l, 0); id != kwNone && w != l && w&(0x20*ones) != 0 && mixedCase(w) {
				t.inMixedCase(l, w, 0)
			}
		default:
			h, id = t.longWord(h, at, n)
		}
		if dotted {
			id = kwNone
		}
		if id >= kwActive || t.constant {
			t.i, t.h = i, h
			t.keyWord(id)
		}
		t.Lexemes++
		if i+1 < len(b) && b[i] == '.' && t.rules.class[b[i+1]] == cWord {
			h = mix(h, '.'|1<<63)
			t.Lexemes++
			at = i + 1
			dotted, direct = true, true
			continue
		}
		if b[at] == '_' && t.rules.my {
			t.intro, t.introAt, t.beforeIntro = true, at, before
		}
		t.h, t.i, t.end = h, i, i
		if i < len(b) && b[i] == ' ' {
			t.i++
		}
		t.prev, t.kw = lxWord, id
		return
	}
}

// wideWord finds the end of a word in a character set with characters of
// several bytes.
func (t *Text) wideWord(at int) int {
	b := t.Raw
	i := at
	for i < len(b) && t.rules.part[b[i]] {
		if b[i] >= 0x80 {
			i += t.rules.multi.width(b, i)
		} else {
			i++
		}
	}
	return min(i, len(b))
}

// longWord hashes a word of more than eight bytes.
func (t *Text) longWord(h uint64, at, n int) (uint64, keyword) {
	b := t.Raw
	w0 := load(b, at, 8)
	l0 := folded(w0)
	h = mix(h, l0)
	k := at + 8
	for ; k+8 < at+n; k += 8 {
		h = more(h, folded(load(b, k, 8)))
	}
	w1 := load(b, k, at+n-k)
	l1 := folded(w1)
	h = more(h, l1)
	if n > 16 {
		return h, kwNone
	}
	id := lookWord(l0, l1)
	if id != kwNone && (w0 != l0 || w1 != l1) && mixedLong(w0, w1) {
		t.inMixedCase(l0, w0, w1)
	}
	return h, id
}

// keyWord does what a key word asks for, before it becomes the last lexeme.
func (t *Text) keyWord(id keyword) {
	if t.constant {
		t.constWord(id)
	}
	switch id {
	case kwChain:
		t.Chain++
	case kwCharset, kwCollate:
		t.named, t.namedUpTo = id, t.Lexemes+3
	case kwSet:
		if t.kw == kwCharacter {
			t.named, t.namedUpTo = kwCharset, t.Lexemes+3
		}
	case kwChr:
		t.operandBefore = t.prev == lxIdent || t.prev == lxWord && t.kw != kwClause && t.kw != kwChain && t.kw != kwSet && t.kw != kwIn
	}
}

// mixedCase says whether a word is neither all in one case nor capitalised.
func mixedCase(w uint64) bool {
	up := uppers(w)
	letters := uppers(w &^ (0x20 * ones)) // as if all were in upper case
	return up != 0 && up != letters && up != 0x80
}

func mixedLong(w0, w1 uint64) bool {
	up0, up1 := uppers(w0), uppers(w1)
	l0, l1 := uppers(w0&^(0x20*ones)), uppers(w1&^(0x20*ones))
	return up0|up1 != 0 && (up0 != l0 || up1 != l1) && (up0 != 0x80 || up1 != 0)
}

// inMixedCase takes note of a key word in mixed case. One letter of it in the wrong
// case (ElSE) is a slip of the finger, unless it happens with a second word.
func (t *Text) inMixedCase(folded, w0, w1 uint64) {
	const lower = 0x20 * ones
	up := bits.OnesCount64(uppers(w0)) + bits.OnesCount64(uppers(w1))
	letters := bits.OnesCount64(uppers(w0&^lower)) + bits.OnesCount64(uppers(w1&^lower))
	if letters > 3 && (up == 1 || up == letters-1) && (t.slip == 0 || t.slip == folded) {
		t.slip = folded
		return
	}
	t.Marks |= MixedCase
}

// prefix reads a literal that begins with a letter: E”, X”, B”, N”, U&”.
func (t *Text) prefix(at int) bool {
	b := t.Raw
	next := b[at+1]
	switch c := b[at] | 0x20; {
	case c == 'u' && !t.rules.my && next == '&' && at+2 < len(b) && (b[at+2] == '\'' || b[at+2] == '"'):
		if b[at+2] == '"' {
			t.i = at + 2
			t.ident('"')
			return true
		}
		t.quoted(at, at+2, StringLiteral, unicode)
		return true
	case next != '\'':
		return false
	case c == 'e' && !t.rules.my:
		t.quoted(at, at+1, StringLiteral, extended)
	case c == 'n':
		t.quote(at, at+1)
	case c == 'x':
		t.quoted(at, at+1, HexLiteral, hexDigits)
	case c == 'b':
		t.quoted(at, at+1, BitLiteral, bitDigits)
	default:
		return false
	}
	return true
}
