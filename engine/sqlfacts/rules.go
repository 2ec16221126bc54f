package sqlfacts

import (
	"encoding/binary"
	"unicode/utf8"
)

// class sorts bytes for the lexer.
type class uint8

const (
	cOther class = iota
	cSpace
	cOdd // white space that people do not write
	cWord
	cDigit
	cQuote
	cDouble
	cTick
	cOp
	cDash
	cSlash
	cStar
	cHash
	cDollar
	cAt
	cOpen
	cClose
	cComma
	cSemi
	cDot
	cParam
)

// rules are an Env's lexical rules.
type rules struct {
	class [256]class
	// stop tells the bytes that a string's reader must look at: quotes,
	// backslash, %, & and the first bytes of characters.
	stop [256]bool
	// part tells the bytes of which words consist.
	part  [256]bool
	my    bool // MySQL or MariaDB
	multi charset
	utf8  bool // BadEncoding is not UTF-8
	ascii bool // the character set has no more than ASCII
}

// charset tells the character sets of whose characters a byte but the first
// may look like a quote, a backslash or a letter.
type charset uint8

const (
	oneByte charset = iota
	gbk
	sjis
	big5
	gb18030
)

func rulesOf(env Env) *rules {
	r := &rules{my: env.Flavour != PostgreSQL}
	r.charset(env.Charset)
	for c := range 256 {
		r.class[c] = r.classOf(byte(c), env)
		r.part[c] = r.class[c] == cWord || r.class[c] == cDigit || c == '$'
		r.stop[c] = c == '\'' || c == '"' || c == '%' || c == '&' || c == '\\' || c >= 0x80 && r.multi != oneByte
	}
	return r
}

func (r *rules) charset(name string) {
	switch name {
	case "gbk", "johab":
		r.multi = gbk
	case "sjis", "cp932", "shift_jis_2004", "shift_jis", "mskanji", "win932":
		r.multi = sjis
	case "big5", "win950":
		r.multi = big5
	case "gb18030":
		r.multi = gb18030
	case "", "utf8", "utf8mb3", "utf8mb4", "unicode":
		r.utf8 = true
	case "ascii", "sql_ascii":
		r.ascii = name == "ascii"
	}
}

func (r *rules) classOf(c byte, env Env) class {
	switch {
	case c == ' ', c == '\t', c == '\n', c == '\r':
		return cSpace
	case c == '\v' && (r.my || env.Version == 0 || env.Version >= 160000), c == '\f':
		return cOdd
	case c == 0xa0 && r.my && (env.Charset == "latin1" || env.Charset == "latin5"):
		return cOdd
	case c >= '0' && c <= '9':
		return cDigit
	case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_', c >= 0x80:
		return cWord
	}
	switch c {
	case '\'':
		return cQuote
	case '"':
		return cDouble
	case '`':
		if r.my {
			return cTick
		}
	case '-':
		return cDash
	case '/':
		return cSlash
	case '*':
		return cStar
	case '#':
		if r.my {
			return cHash
		}
	case '$':
		if r.my {
			return cWord
		}
		return cDollar
	case '@':
		if r.my {
			return cAt
		}
	case '?':
		if r.my {
			return cParam
		}
	case '(', '[', '{':
		return cOpen
	case ')', ']', '}':
		return cClose
	case ',':
		return cComma
	case ';':
		return cSemi
	case '.':
		return cDot
	}
	if c > ' ' && c < 0x7f {
		return cOp
	}
	return cOther
}

// width is the length of the character at b[i], whose first byte is not ASCII:
// 1 if it is none of the character set.
func (m charset) width(b []byte, i int) int {
	c := b[i]
	if i+1 >= len(b) {
		return 1
	}
	d := b[i+1]
	switch m {
	case gbk:
		if c >= 0x81 && c <= 0xfe && d >= 0x40 && d != 0x7f && d != 0xff {
			return 2
		}
	case gb18030:
		if c < 0x81 || c > 0xfe {
			return 1
		}
		if d >= 0x40 && d != 0x7f && d != 0xff {
			return 2
		}
		if d >= '0' && d <= '9' && i+3 < len(b) && b[i+2] >= 0x81 && b[i+2] != 0xff && b[i+3] >= '0' && b[i+3] <= '9' {
			return 4
		}
	case sjis:
		if (c >= 0x81 && c <= 0x9f || c >= 0xe0 && c <= 0xfc) && d >= 0x40 && d != 0x7f && d <= 0xfc {
			return 2
		}
	case big5:
		if c >= 0xa1 && c <= 0xf9 && (d >= 0x40 && d <= 0x7e || d >= 0xa1 && d <= 0xfe) {
			return 2
		}
	}
	return 1
}

// ascii says whether b has no byte beyond ASCII.
func ascii(b []byte) bool {
	if len(b) < 8 {
		return load(b, 0, len(b))&tops == 0
	}
	i := 0
	for ; i+32 <= len(b); i += 32 {
		x := binary.LittleEndian.Uint64(b[i:]) | binary.LittleEndian.Uint64(b[i+8:]) |
			binary.LittleEndian.Uint64(b[i+16:]) | binary.LittleEndian.Uint64(b[i+24:])
		if x&tops != 0 {
			return false
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&tops != 0 {
			return false
		}
	}
	return binary.LittleEndian.Uint64(b[len(b)-8:])&tops == 0
}

// encoding marks bytes that the character set does not have.
func (t *Text) encoding() {
	b := t.Raw
	if ascii(b) {
		return
	}
	i := 0
	for b[i] < 0x80 {
		i++
	}
	t.wide = true
	switch r := t.rules; {
	case r.utf8:
		end := len(b)
		if t.Marks&Oversize != 0 { // a character may have been cut
			for n := 0; n < 4 && end > i && !utf8.RuneStart(b[end-1]); n++ {
				end--
			}
			if end > i {
				end--
			}
		}
		if !utf8.Valid(b[i:end]) {
			t.Marks |= BadEncoding
		}
	case r.ascii:
		t.Marks |= BadEncoding
	case r.multi != oneByte:
		for i < len(b) {
			if b[i] < 0x80 {
				i++
				continue
			}
			n := r.multi.width(b, i)
			if n == 1 && (r.multi != sjis || b[i] < 0xa1 || b[i] > 0xdf) && i+1 < len(b) {
				t.Marks |= BadEncoding
				return
			}
			i += n
		}
	}
}
