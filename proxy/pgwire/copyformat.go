package pgwire

import (
	"bytes"
	"slices"
	"strconv"

	"honeyrow/inspect"
)

// copyFormat is what a COPY ... TO STDOUT asks of its lines (manual page of
// COPY). The protocol tells no more of it than the number of columns, so that
// it is read from the statement. Not following it would leave a way out: text
// with delimiter @ writes every @ of a value as \@, csv with quote e doubles
// every e.
type copyFormat struct {
	csv                  bool
	delim, quote, escape byte
	// header says that the first line of each COPY in this format names its columns.
	header bool
}

// odd reports whether values stand in lines in another form than usual.
func (c copyFormat) odd() bool {
	if c.csv {
		return c.quote != '"' || c.escape != '"'
	}
	return c.delim != '\t'
}

// maxCopies bounds the different formats kept of one text with many statements:
// each line is read in each of them. Whoever asks for more is not followed.
const maxCopies = 256

// copyFormats finds the different formats of the COPY statements of a text; nil
// if there is none.
func copyFormats(sql []byte) []copyFormat {
	if !mayCopy(sql) || !mentions(sql, "stdout") {
		return nil
	}
	var out []copyFormat
	l := sqlLexer{sql: sql}
	for tok := l.next(); tok.kind != 0; {
		if !tok.is("stdout") {
			tok = l.next()
			continue
		}
		if len(out) == maxCopies {
			return out
		}
		var c copyFormat
		c, tok = l.options()
		header := c.header
		c.header = false
		if i := slices.IndexFunc(out, func(o copyFormat) bool { o.header = false; return o == c }); i < 0 {
			c.header = header
			out = append(out, c)
		} else if out[i].header != header { // some do: their rows are known at their ends
			out[i].header = false
		}
	}
	return out
}

// mayCopy spares ordinary statements the search: COPY stands at the beginning
// of a text, or behind a semicolon or a comment.
func mayCopy(sql []byte) bool {
	for len(sql) > 0 && (sql[0] <= ' ' || sql[0] == ';') {
		sql = sql[1:]
	}
	if len(sql) == 0 {
		return false
	}
	switch sql[0] {
	case 'c', 'C', '-', '/':
		return true
	}
	i := bytes.IndexByte(sql, ';')
	return i >= 0 && i < len(sql)-1
}

// mentions reports whether the text holds the lower-case word w in any case.
// Each of the two searches goes over the text once.
func mentions(sql []byte, w string) bool {
	lower, upper := -1, -1
	for i := 0; len(sql)-i >= len(w); i++ {
		if lower < i {
			lower = indexFrom(sql, i, w[0])
		}
		if upper < i {
			upper = indexFrom(sql, i, w[0]-'a'+'A')
		}
		if i = min(lower, upper); len(sql)-i < len(w) {
			return false
		}
		if bytes.EqualFold(sql[i:i+len(w)], []byte(w)) {
			return true
		}
	}
	return false
}

// indexFrom returns the next place of c from i on, len(b) if there is none.
func indexFrom(b []byte, i int, c byte) int {
	if j := bytes.IndexByte(b[i:], c); j >= 0 {
		return i + j
	}
	return len(b)
}

// options reads what follows STDOUT up to the end of the statement, in the
// present form or in those of earlier versions.
func (l *sqlLexer) options() (copyFormat, sqlToken) {
	var c copyFormat
	tok := l.next()
	for tok.kind != 0 && tok.kind != ';' && !tok.is("stdout") {
		var to *byte
		switch {
		case tok.names("csv"):
			c.csv = true
		case tok.names("delimiter"), tok.names("delimiters"):
			to = &c.delim
		case tok.names("quote"):
			to = &c.quote
		case tok.names("escape"):
			to = &c.escape
		}
		header := tok.names("header")
		tok = l.next()
		if header {
			c.header = !tok.names("false") && !tok.names("off") && string(tok.text) != "0"
		}
		if to == nil {
			continue
		}
		if tok.is("as") {
			tok = l.next()
		}
		// A value is a literal, or a name as it is read: QUOTE E is the letter e.
		switch {
		case len(tok.text) == 1 && tok.kind == 'w':
			*to = lowered(tok.text[0])
		case len(tok.text) == 1 && (tok.kind == '\'' || tok.kind == '"'):
			*to = tok.text[0]
		case tok.names("csv"): // the name was a value: FORMAT, then a name of its own
			c.csv = true
		}
	}
	if c.delim == 0 {
		c.delim = '\t'
		if c.csv {
			c.delim = ','
		}
	}
	if c.quote == 0 {
		c.quote = '"'
	}
	if c.escape == 0 {
		c.escape = c.quote
	}
	return c, tok
}

// sqlLexer cuts SQL into words, string literals and other characters; comments
// are left out. It knows just enough to find COPY's options.
type sqlLexer struct {
	sql []byte
	at  int
}

// sqlToken is a word (kind 'w'), a string literal decoded (kind '\”), another
// character, or the end (kind 0).
type sqlToken struct {
	kind byte
	text []byte
}

func (t sqlToken) is(word string) bool {
	return (t.kind == 'w' || t.kind == '\'') && len(t.text) == len(word) && bytes.EqualFold(t.text, []byte(word))
}

// names is as is, and takes a quoted name for what it names.
func (t sqlToken) names(word string) bool {
	return t.is(word) || t.kind == '"' && string(t.text) == word
}

func lowered(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func (l *sqlLexer) next() sqlToken {
	for l.at < len(l.sql) {
		b := l.sql[l.at:]
		switch {
		case bytes.IndexByte([]byte(" \t\n\r\f\v"), b[0]) >= 0:
			l.at++
		case bytes.HasPrefix(b, []byte("--")):
			n := bytes.IndexAny(b, "\r\n")
			if n < 0 {
				n = len(b)
			}
			l.at += n
		case bytes.HasPrefix(b, []byte("/*")):
			l.at += comment(b)
		case b[0] == '\'':
			return l.literal(1, false)
		case (b[0] == 'e' || b[0] == 'E') && len(b) > 1 && b[1] == '\'':
			return l.literal(2, true)
		case (b[0] == 'u' || b[0] == 'U') && bytes.HasPrefix(b[1:], []byte("&'")):
			t := l.literal(3, false)
			t.text = unicodeEscapes(t.text, l.uescape())
			return t
		case (b[0] == 'u' || b[0] == 'U') && bytes.HasPrefix(b[1:], []byte(`&"`)):
			t := l.literal(3, false)
			return sqlToken{'"', unicodeEscapes(t.text, l.uescape())}
		case b[0] == '"':
			t := l.literal(1, false)
			t.kind = '"'
			return t
		case b[0] == '$':
			if n := dollarTag(b); n > 0 {
				body := b[n:]
				end := bytes.Index(body, b[:n])
				if end < 0 {
					end = len(body)
				}
				l.at += min(len(b), n+end+n)
				return sqlToken{'\'', body[:end]}
			}
			l.at++
			return sqlToken{kind: '$'}
		case wordByte(b[0]):
			n := 1
			for n < len(b) && (wordByte(b[n]) || b[n] == '$') {
				n++
			}
			l.at += n
			return sqlToken{'w', b[:n]}
		default:
			l.at++
			return sqlToken{kind: b[0]}
		}
	}
	return sqlToken{}
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// comment returns the length of the nested comment at the start of b.
func comment(b []byte) int {
	depth := 0
	for i := 0; i+1 < len(b); i++ {
		switch {
		case b[i] == '/' && b[i+1] == '*':
			depth++
			i++
		case b[i] == '*' && b[i+1] == '/':
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(b)
}

// dollarTag returns the length of the $tag$ at the start of b, 0 if there is none.
func dollarTag(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == '$' {
			return i + 1
		}
		if !wordByte(b[i]) || i == 1 && b[i] >= '0' && b[i] <= '9' {
			return 0
		}
	}
	return 0
}

// literal reads a quoted text that opens before offset open of the rest. Parts
// with nothing but space and a line break between them are one ("String
// Constants" in the manual's chapter 4.1.2.1).
func (l *sqlLexer) literal(open int, escapes bool) sqlToken {
	q := l.sql[l.at+open-1]
	l.at += open
	text := l.part(nil, q, escapes)
	for q == '\'' && l.continued() {
		text = l.part(text, q, escapes)
	}
	switch {
	case escapes:
		text = backslashes(text)
	case q == '\'' && len(text) > 1 && text[0] == '\\':
		// With standard_conforming_strings off a plain literal has escapes too.
		if s := backslashes(text); len(s) == 1 {
			text = s
		}
	}
	return sqlToken{'\'', text}
}

// part appends a quoted text from behind its opening quote and goes behind its
// closing one.
func (l *sqlLexer) part(text []byte, q byte, escapes bool) []byte {
	for l.at < len(l.sql) {
		c := l.sql[l.at]
		l.at++
		next := l.at < len(l.sql)
		switch {
		case c == q && next && l.sql[l.at] == q:
			l.at++
		case c == q:
			return text
		case escapes && c == '\\' && next:
			text = append(text, c)
			c = l.sql[l.at]
			l.at++
		}
		text = append(text, c)
	}
	return text
}

// continued goes behind the quote that opens the next part of a literal, and
// says whether there is one.
func (l *sqlLexer) continued() bool {
	broken := false
	for i := l.at; i < len(l.sql); i++ {
		switch c := l.sql[i]; {
		case c == '\n' || c == '\r':
			broken = true
		case c == ' ' || c == '\t' || c == '\f' || c == '\v':
		case bytes.HasPrefix(l.sql[i:], []byte("--")):
			n := bytes.IndexAny(l.sql[i:], "\r\n")
			if n < 0 {
				return false
			}
			i += n - 1
		case c == '\'' && broken:
			l.at = i + 1
			return true
		default:
			return false
		}
	}
	return false
}

// uescape reads UESCAPE 'c' behind a literal or a name, if it stands there, and
// gives the escape character.
func (l *sqlLexer) uescape() byte {
	at := l.at
	if l.next().is("uescape") {
		if t := l.next(); t.kind == '\'' && len(t.text) == 1 {
			return t.text[0]
		}
	}
	l.at = at
	return '\\'
}

// backslashes decodes the escapes of E'...'.
func backslashes(s []byte) []byte {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		c := s[i]
		base, from, most := 0, i, 3
		switch {
		case c == 'x':
			base, from, most = 16, i+1, 2
		case c == 'u':
			base, from, most = 16, i+1, 4
		case c == 'U':
			base, from, most = 16, i+1, 8
		case c >= '0' && c <= '7':
			base = 8
		}
		if base > 0 {
			for n := min(most, len(s)-from); n > 0; n-- {
				if v, err := strconv.ParseUint(string(s[from:from+n]), base, 32); err == nil {
					c, i = byte(v), from+n-1
					break
				}
			}
			out = append(out, c)
			continue
		}
		if j := bytes.IndexByte([]byte("bfnrtv"), c); j >= 0 {
			c = "\b\f\n\r\t\v"[j]
		}
		out = append(out, c)
	}
	return out
}

// unicodeEscapes decodes the escapes of U&'...', as far as they are ASCII.
func unicodeEscapes(s []byte, escape byte) []byte {
	var out []byte
	for i := 0; i < len(s); i++ {
		from, n := i+1, 4
		if s[i] == escape && from < len(s) && s[from] == '+' {
			from, n = from+1, 6
		}
		if s[i] == escape && from+n <= len(s) {
			if v, err := strconv.ParseUint(string(s[from:from+n]), 16, 32); err == nil {
				out = append(out, byte(v))
				i = from + n - 1
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

// copyReader gives values back as they were before COPY wrote them.
type copyReader struct {
	copyFormat
	inside bool // quotes were open at the end of what was read last
	held   bool // the last byte of the piece before may be an escape
	within bool // behind a field's beginning
}

// fields appends the values of a line's fields to buf and their places to
// spans. A line break inside quotes ends the line here: the rest of that field
// is read as the first field of the next line, inside the quotes.
func (c *copyReader) fields(buf []byte, spans []inspect.Span, line []byte) ([]byte, []inspect.Span) {
	for i, col := 0, int32(0); i <= len(line); col++ {
		from := len(buf)
		if c.csv && (c.inside || i < len(line) && line[i] == c.quote) {
			if !c.inside {
				i++
			}
			for c.inside = true; i < len(line); i++ {
				if line[i] == c.escape && i+1 < len(line) && (line[i+1] == c.quote || line[i+1] == c.escape) {
					i++
				} else if line[i] == c.quote {
					c.inside = false
					i++
					break
				}
				buf = append(buf, line[i])
			}
		}
		for ; i < len(line) && line[i] != c.delim; i++ {
			if !c.csv && line[i] == '\\' && i+1 < len(line) {
				i++
				buf = append(buf, unescaped(line[i]))
				continue
			}
			buf = append(buf, line[i])
		}
		i++
		spans = append(spans, inspect.Span{Col: col, Off: int32(from), Len: int32(len(buf) - from)})
	}
	return buf, spans
}

// piece appends what a piece of a row stands for, cut anywhere, delimiters
// included.
func (c *copyReader) piece(buf, p []byte) []byte {
	for _, b := range p {
		if c.held {
			c.held = false
			switch {
			case !c.csv:
				buf = append(buf, unescaped(b))
				continue
			case b == c.quote || b == c.escape:
				buf = append(buf, b)
				continue
			case c.escape == c.quote:
				c.inside = false
			default:
				buf = append(buf, c.escape)
			}
		}
		switch {
		case !c.csv && b == '\\', c.inside && b == c.escape:
			c.held = true
			continue
		case c.inside && b == c.quote:
			c.inside = false
			continue
		case c.csv && !c.inside && !c.within && b == c.quote:
			c.inside, c.within = true, true
			continue
		case !c.inside:
			c.within = b != c.delim && b != '\n'
		}
		buf = append(buf, b)
	}
	return buf
}

// unescaped is what a backslash and c stand for in text format.
func unescaped(c byte) byte {
	if j := bytes.IndexByte([]byte("bfnrtv"), c); j >= 0 {
		return "\b\f\n\r\t\v"[j]
	}
	return c
}
