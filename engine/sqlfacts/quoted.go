package sqlfacts

import "bytes"

// quote reads a string whose quote is at q and whose literal begins at from, by
// the session's rules for backslashes.
func (t *Text) quote(from, q int) {
	f := doubled
	if !t.Env.NoBackslash {
		f = backslash
		if !t.rules.my {
			f = extended
		}
	}
	t.quoted(from, q, StringLiteral, f)
}

// quoted reads a literal in quotes and what continues it.
func (t *Text) quoted(from, q int, kind LiteralKind, f form) {
	l := Literal{From: int32(from), Kind: kind, form: f}
	t.piece(&l, q)
	if f == unicode {
		l.uesc = '\\'
		t.uescape(&l)
	}
	if kind == StringLiteral {
		if t.prev == lxWord && t.kw == kwEscape {
			l.stands = kwEscape
		} else if t.Lexemes < t.namedUpTo {
			l.stands = t.named
		}
	}
	t.literal(&l)
	if kind != StringLiteral && t.rules.my {
		return
	}
	for {
		at := t.continued()
		if at < 0 {
			return
		}
		first := t.Literals[len(t.Literals)-1]
		next := Literal{From: int32(at), Kind: kind, form: f, Slot: first.Slot, Joined: true, uesc: first.uesc}
		t.piece(&next, at)
		next.To = int32(t.i)
		t.Literals = append(t.Literals, next)
		t.edits = append(t.edits, edit{t.Literals[len(t.Literals)-2].To, next.To})
		t.end = t.i
	}
}

// piece reads from the quote at q to behind the closing one.
func (t *Text) piece(l *Literal, q int) {
	b := t.Raw
	c := b[q]
	l.quote, l.in = c, int32(q+1)
	escapes := l.form == backslash || l.form == extended
	stop := &t.rules.stop
	i := q + 1
	for ; i < len(b); i++ {
		x := b[i]
		if !stop[x] {
			continue
		}
		if x == c {
			if i+1 < len(b) && b[i+1] == c {
				l.coded = true
				i++
				continue
			}
			l.out = int32(i)
			t.i = i + 1
			return
		}
		switch {
		case x == '\\':
			if escapes {
				l.coded = true
				i++
			}
			if l.form == unicode {
				l.coded = true
			}
		case x == '%':
			if i+2 < len(b) && b[i+1] == '2' && (b[i+2] == '7' || b[i+2] == '2' || b[i+2] == '5') {
				t.Marks |= DoubleEncoded
			}
		case x == '&':
			if entity(b[i+1:]) {
				t.Marks |= DoubleEncoded
			}
		case x >= 0x80:
			i += t.rules.multi.width(b, i) - 1
		}
	}
	t.Marks |= Unclosed
	t.i = len(b)
	l.out = int32(len(b))
}

// entity says whether b begins with the rest of an HTML entity for a quote.
func entity(b []byte) bool {
	for _, s := range [...]string{"#39;", "#x27;", "#34;", "#x22;", "quot;", "apos;", "#039;"} {
		if len(b) >= len(s) && string(b[:len(s)]) == s {
			return true
		}
	}
	return false
}

// continued finds the quote of a string that continues the one that ends at
// t.i, or -1. MySQL joins strings with white space or comments between them;
// PostgreSQL wants a line end and takes line comments for white space (SQL:1999).
func (t *Text) continued() int {
	b := t.Raw
	line := t.rules.my
	comment := false
	for i := t.i; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\n' || c == '\r':
			line = true
		case c == '-' && !t.rules.my && i+1 < len(b) && b[i+1] == '-':
			n := bytes.IndexAny(b[i:], "\r\n")
			if n < 0 {
				return -1
			}
			i += n - 1
		case c == '/' && t.rules.my && i+2 < len(b) && b[i+1] == '*' && b[i+2] != '!' && b[i+2] != 'M':
			n := bytes.Index(b[i+2:], []byte("*/"))
			if n < 0 || i+n > t.i+1<<12 { // far away: not worth looking twice
				return -1
			}
			i += n + 3
			comment = true
		case c == '"' && t.rules.my && !t.Env.ANSIQuotes, c == '\'' && line:
			if comment {
				t.Marks |= CommentSplit
			}
			return i
		case t.rules.class[c] != cSpace && t.rules.class[c] != cOdd || i > t.i+1<<12:
			return -1
		}
	}
	return -1
}

// uescape reads the UESCAPE 'x' behind U&”.
func (t *Text) uescape(l *Literal) {
	b := t.Raw
	i := t.i
	for i < len(b) && t.rules.class[b[i]] == cSpace {
		i++
	}
	if i+7 > len(b) || folded(load(b, i, 7)) != folded(load([]byte("uescape"), 0, 7)) {
		return
	}
	for i += 7; i < len(b) && t.rules.class[b[i]] == cSpace; {
		i++
	}
	if i+3 > len(b) || b[i] != '\'' || b[i+2] != '\'' {
		return
	}
	l.uesc, l.coded = b[i+1], true
	t.i = i + 3
}

// dollarQuoted reads a string between two tags.
func (t *Text) dollarQuoted(tag []byte) {
	l := Literal{From: int32(t.i), in: int32(t.i + len(tag)), Kind: StringLiteral, form: asIs}
	n := bytes.Index(t.Raw[l.in:], tag)
	if n < 0 {
		t.Marks |= Unclosed
		l.out = int32(len(t.Raw))
		t.i = len(t.Raw)
	} else {
		l.out = l.in + int32(n)
		t.i = int(l.out) + len(tag)
	}
	t.literal(&l)
}
