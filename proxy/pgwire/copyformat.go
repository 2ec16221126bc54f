package pgwire

import (
	"bytes"
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
}

// odd reports whether values stand in lines in another form than usual.
func (c copyFormat) odd() bool {
	if c.csv {
		return c.quote != '"' || c.escape != '"'
	}
	return c.delim != '\t'
}

// maxCopies bounds the formats kept of one text with many statements.
const maxCopies = 16

// copyFormats finds the formats of the COPY statements of a text; nil if there
// is none.
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
		out = append(out, c)
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
		case tok.is("csv"):
			c.csv = true
		case tok.is("delimiter"), tok.is("delimiters"):
			to = &c.delim
		case tok.is("quote"):
			to = &c.quote
		case tok.is("escape"):
			to = &c.escape
		}
		tok = l.next()
		if to == nil {
			continue
		}
		if tok.is("as") {
			tok = l.next()
		}
		if tok.kind == '\'' {
			if len(tok.text) == 1 {
				*to = tok.text[0]
			}
			if string(tok.text) == "csv" { // format 'csv' is a word in quotes
				c.csv = true
			}
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
			t.text = unicodeEscapes(t.text)
			return t
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

// literal reads a quoted text that opens before offset open of the rest.
func (l *sqlLexer) literal(open int, escapes bool) sqlToken {
	b := l.sql[l.at+open:]
	q := l.sql[l.at+open-1]
	var text []byte
	i := 0
	for ; i < len(b); i++ {
		switch {
		case b[i] == q && i+1 < len(b) && b[i+1] == q:
			i++
		case b[i] == q:
			l.at += open + i + 1
			// With standard_conforming_strings off a plain literal has escapes too.
			if q == '\'' && !escapes && len(text) > 1 && text[0] == '\\' {
				if s := backslashes(text); len(s) == 1 {
					text = s
				}
			} else if escapes {
				text = backslashes(text)
			}
			return sqlToken{'\'', text}
		case escapes && b[i] == '\\' && i+1 < len(b):
			text = append(text, b[i])
			i++
		}
		text = append(text, b[i])
	}
	l.at = len(l.sql)
	return sqlToken{'\'', text}
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
func unicodeEscapes(s []byte) []byte {
	var out []byte
	for i := 0; i < len(s); i++ {
		from, n := i+1, 4
		if s[i] == '\\' && from < len(s) && s[from] == '+' {
			from, n = from+1, 6
		}
		if s[i] == '\\' && from+n <= len(s) {
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

// decode appends the values of a line's fields to buf and their places to
// spans. A line break inside quotes ends the line here: the rest of that field
// is decoded as a line of its own.
func (c copyFormat) decode(buf []byte, spans []inspect.Span, line []byte) ([]byte, []inspect.Span) {
	for i, col := 0, int32(0); i <= len(line); col++ {
		from := len(buf)
		if c.csv && i < len(line) && line[i] == c.quote {
			for i++; i < len(line); i++ {
				if line[i] == c.escape && i+1 < len(line) && (line[i+1] == c.quote || line[i+1] == c.escape) {
					i++
				} else if line[i] == c.quote {
					break
				}
				buf = append(buf, line[i])
			}
			i++
		}
		for ; i < len(line) && line[i] != c.delim; i++ {
			if !c.csv && line[i] == '\\' && i+1 < len(line) {
				i++
				if j := bytes.IndexByte([]byte("bfnrtv"), line[i]); j >= 0 {
					buf = append(buf, "\b\f\n\r\t\v"[j])
					continue
				}
			}
			buf = append(buf, line[i])
		}
		i++
		spans = append(spans, inspect.Span{Col: col, Off: int32(from), Len: int32(len(buf) - from)})
	}
	return buf, spans
}
