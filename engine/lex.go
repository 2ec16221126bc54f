package engine

import "bytes"

// kind is what a lexeme is.
type kind uint8

const (
	kString  kind = iota + 1 // a quoted string
	kNumber                  // a number
	kComment                 // a comment
)

// lexeme is one literal or comment of a statement: sql[from:to] with its
// quotes, sql[inFrom:inTo] without.
type lexeme struct {
	kind         kind
	from, to     int
	inFrom, inTo int
	quote        byte // the quote that ends a string; 0 for $$
	escapes      bool // backslashes escape
	coded        bool // the content holds doubled quotes or escapes
}

// lexer finds the literals and comments of a statement. It never fails:
// whatever isn't closed reaches to the end. It knows just as much SQL as that
// needs, and takes PostgreSQL's standard_conforming_strings to be on.
type lexer struct {
	sql   []byte
	i     int
	mysql bool
}

// class sorts bytes for the lexer: 0 is of no interest.
var class [256]byte

const (
	cWord = iota + 1
	cDigit
	cMark // may begin a literal or a comment
)

func init() {
	for c := range 256 {
		switch b := byte(c); {
		case b >= '0' && b <= '9':
			class[c] = cDigit
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b == '_', b >= 0x80:
			class[c] = cWord
		case b == '\'', b == '"', b == '`', b == '$', b == '-', b == '/', b == '#':
			class[c] = cMark
		}
	}
}

// next returns the next literal or comment.
func (l *lexer) next() (lexeme, bool) {
	for l.i < len(l.sql) {
		switch class[l.sql[l.i]] {
		case cWord:
			from := l.i
			l.word()
			if l.i == from+1 && l.i < len(l.sql) && l.sql[l.i] == '\'' && l.sql[from]|0x20 == 'e' {
				return l.quoted('\'', true), true
			}
		case cDigit:
			return l.number(), true
		case cMark:
			if x, ok := l.mark(); ok {
				return x, true
			}
		default:
			l.i++
		}
	}
	return lexeme{}, false
}

// word skips an identifier or keyword; a $ may stand inside.
func (l *lexer) word() {
	for l.i < len(l.sql) && (class[l.sql[l.i]] == cWord || class[l.sql[l.i]] == cDigit || l.sql[l.i] == '$') {
		l.i++
	}
}

func (l *lexer) mark() (lexeme, bool) {
	switch c := l.sql[l.i]; {
	case c == '\'':
		return l.quoted('\'', l.mysql), true
	case c == '"':
		x := l.quoted('"', l.mysql)
		return x, l.mysql
	case c == '`':
		if l.mysql {
			l.quoted('`', false)
			return lexeme{}, false
		}
	case c == '$':
		if !l.mysql {
			if x, ok := l.dollar(); ok {
				return x, true
			}
		}
	case c == '-':
		if l.at(1) == '-' {
			return l.line(2), true
		}
	case c == '#':
		if l.mysql {
			return l.line(1), true
		}
	case c == '/':
		if l.at(1) == '*' {
			return l.block(), true
		}
	}
	l.i++
	return lexeme{}, false
}

func (l *lexer) at(n int) byte {
	if l.i+n < len(l.sql) {
		return l.sql[l.i+n]
	}
	return 0
}

// quoted reads a string from its opening quote at l.i.
func (l *lexer) quoted(q byte, escapes bool) lexeme {
	x := lexeme{kind: kString, from: l.i, inFrom: l.i + 1, quote: q, escapes: escapes}
	for l.i++; l.i < len(l.sql); l.i++ {
		switch c := l.sql[l.i]; {
		case c == '\\' && escapes:
			x.coded = true
			l.i++
		case c == q && l.at(1) == q:
			x.coded = true
			l.i++
		case c == q:
			x.inTo = l.i
			l.i++
			x.to = l.i
			return x
		}
	}
	l.i = len(l.sql)
	x.inTo, x.to = l.i, l.i
	return x
}

// dollar reads $tag$ ... $tag$.
func (l *lexer) dollar() (lexeme, bool) {
	j := l.i + 1
	for j < len(l.sql) && (class[l.sql[j]] == cWord || class[l.sql[j]] == cDigit && j > l.i+1) {
		j++
	}
	if j >= len(l.sql) || l.sql[j] != '$' {
		return lexeme{}, false
	}
	tag := l.sql[l.i : j+1]
	x := lexeme{kind: kString, from: l.i, inFrom: j + 1}
	n := bytes.Index(l.sql[j+1:], tag)
	if n < 0 {
		l.i = len(l.sql)
		x.inTo, x.to = l.i, l.i
		return x, true
	}
	x.inTo = j + 1 + n
	l.i = x.inTo + len(tag)
	x.to = l.i
	return x, true
}

// line reads a comment up to the end of the line; mark is the length of what
// begins it.
func (l *lexer) line(mark int) lexeme {
	x := lexeme{kind: kComment, from: l.i, inFrom: l.i + mark}
	if n := bytes.IndexByte(l.sql[l.i:], '\n'); n >= 0 {
		l.i += n
	} else {
		l.i = len(l.sql)
	}
	x.inTo, x.to = l.i, l.i
	return x
}

// block reads a comment; PostgreSQL's nest.
func (l *lexer) block() lexeme {
	x := lexeme{kind: kComment, from: l.i, inFrom: l.i + 2}
	depth := 1
	for l.i += 2; l.i < len(l.sql); l.i++ {
		switch {
		case l.sql[l.i] == '*' && l.at(1) == '/':
			l.i++
			if depth--; depth == 0 {
				x.inTo = l.i - 1
				l.i++
				x.to = l.i
				return x
			}
		case l.sql[l.i] == '/' && l.at(1) == '*' && !l.mysql:
			l.i++
			depth++
		}
	}
	l.i = len(l.sql)
	x.inTo, x.to = l.i, l.i
	return x
}

// number reads digits, a fraction and an exponent.
func (l *lexer) number() lexeme {
	x := lexeme{kind: kNumber, from: l.i, inFrom: l.i}
	for l.i < len(l.sql) {
		c := l.sql[l.i]
		switch {
		case class[c] == cDigit, class[c] == cWord, c == '.':
		case (c == '+' || c == '-') && l.sql[l.i-1]|0x20 == 'e' && class[l.at(1)] == cDigit:
		default:
			x.inTo, x.to = l.i, l.i
			return x
		}
		l.i++
	}
	x.inTo, x.to = l.i, l.i
	return x
}

// decode appends the content of a string literal without its doubled quotes
// and escapes. Escapes beyond one character stay as they are.
func (x lexeme) decode(dst, sql []byte) []byte {
	b := sql[x.inFrom:x.inTo]
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case x.escapes && c == '\\' && i+1 < len(b):
			i++
			c = unescape(b[i])
		case x.quote != 0 && c == x.quote && i+1 < len(b) && b[i+1] == x.quote:
			i++
		}
		dst = append(dst, c)
	}
	return dst
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}

// redact returns the statement with every literal replaced by ? and without
// its comments.
func redact(sql []byte, mysql bool) []byte {
	out := make([]byte, 0, len(sql))
	l := lexer{sql: sql, mysql: mysql}
	at := 0
	for {
		x, ok := l.next()
		if !ok {
			break
		}
		from := x.from
		if x.escapes && !mysql && from > at && sql[from-1]|0x20 == 'e' {
			from-- // E'...'
		}
		out = append(out, sql[at:from]...)
		switch {
		case x.kind != kComment:
			out = append(out, '?')
		case len(out) > 0 && out[len(out)-1] != ' ':
			out = append(out, ' ')
		}
		at = x.to
	}
	return bytes.TrimSpace(append(out, sql[at:]...))
}
