package sqlfacts

import (
	"bytes"
	"strings"
)

// lineComment says whether a comment of the kind -- begins at t.i. MySQL wants
// white space or a control character behind it.
func (t *Text) lineComment() bool {
	b := t.Raw
	if t.i+1 >= len(b) || b[t.i+1] != '-' {
		return false
	}
	return !t.rules.my || t.i+2 >= len(b) || b[t.i+2] <= ' ' || b[t.i+2] == 0x7f || t.rules.class[b[t.i+2]] == cOdd
}

// line reads a comment that reaches to the end of the line; skip is the length
// of what begins it. For MySQL a NUL ends it too.
func (t *Text) line(skip int) {
	b := t.Raw
	at := t.i
	i := at + skip
	for i < len(b) && b[i] != '\n' && (t.rules.my || b[i] != '\r') && (!t.rules.my || b[i] != 0) {
		i++
	}
	t.i = i
	t.comment(at, true)
}

// block reads a comment in /* */.
func (t *Text) block() {
	b := t.Raw
	at := t.i
	if t.rules.my && t.versioned() {
		return
	}
	t.i = at + 2
	if t.rules.my {
		t.skipBlock(0)
	} else {
		t.skipNested()
	}
	t.comment(at, false)
	if len(b)-at > 4 && b[at+2] == '!' && t.rules.my {
		t.Marks |= CommentSkip
	}
}

// skipNested goes behind a PostgreSQL comment; they nest.
func (t *Text) skipNested() {
	b := t.Raw
	depth := 1
	for i := t.i; i+1 < len(b); i++ {
		switch {
		case b[i] == '*' && b[i+1] == '/':
			i++
			if depth--; depth == 0 {
				t.i = i + 1
				return
			}
		case b[i] == '/' && b[i+1] == '*':
			i++
			depth++
		}
	}
	t.unclosed()
}

// skipBlock goes behind a comment in which inner ones may stand so and so
// deep: none in an ordinary comment, one in a versioned one that is skipped.
func (t *Text) skipBlock(inner int) {
	b := t.Raw
	open, floor := 1, t.i
	for i := t.i; ; {
		n := bytes.IndexByte(b[i:], '*')
		if n < 0 {
			break
		}
		i += n
		if inner > 0 && open == 1 && i > floor && b[i-1] == '/' {
			open = 2
			i++
			floor = i
			continue
		}
		i++
		if i < len(b) && b[i] == '/' {
			i++
			floor = i
			if open--; open == 0 {
				t.i = i
				return
			}
		}
	}
	t.unclosed()
}

// Comments yields the content of every comment in /* */ that does not run, in the
// order of the text.
func (t *Text) Comments(yield func(content []byte) bool) {
	for _, e := range t.edits {
		c := t.Raw[e.from:e.to]
		if len(c) < 2 || c[0] != '/' || c[1] != '*' {
			continue
		}
		c = bytes.TrimSuffix(c[2:], []byte("*/"))
		if !yield(c) {
			return
		}
	}
}

func (t *Text) unclosed() {
	t.i = len(t.Raw)
	t.Marks |= Unclosed
	if t.Lexemes > 0 {
		t.Marks |= CommentTail | CommentCut
	}
}

// versioned handles /*! and, for MariaDB, /*M!, at t.i. It says whether that is
// all: the lexer is inside a comment that runs, or behind one that does not.
//
// MariaDB runs a comment without a version, and one whose version (five or six
// digits) is not above its own, but for /*!50700 to /*!99999, which are meant
// for MySQL (sql_lex.cc; manual, "Comment Syntax"). MySQL takes five digits, or
// six with white space behind them (manual, "Comments").
func (t *Text) versioned() bool {
	b := t.Raw
	i := t.i + 2
	maria := t.Env.Flavour == MariaDB
	m := false
	if maria && i < len(b) && b[i] == 'M' {
		m = true
		i++
	}
	if i >= len(b) || b[i] != '!' {
		return false
	}
	i++
	digits, version := 0, 0
	for digits < 6 && i+digits < len(b) && t.rules.class[b[i+digits]] == cDigit {
		version = version*10 + int(b[i+digits]-'0')
		digits++
	}
	if digits == 6 && !maria && (i+6 >= len(b) || b[i+6] > ' ') {
		digits, version = 5, version/10
	}
	if digits < 5 {
		digits, version = 0, 0
	}
	own := t.Env.Version
	if own == 0 {
		own = 999999
	}
	if version <= own && (digits == 0 || !maria || m || version < 50700 || version > 99999) {
		at := t.i
		t.i = i + digits
		t.edits = append(t.edits, edit{int32(at), int32(t.i)})
		t.exec = true
		if !isHint(b[t.i:]) {
			t.Marks |= CommentExec
		}
		return true
	}
	at := t.i
	t.i = i
	t.skipBlock(1)
	t.comment(at, false)
	t.Marks |= CommentSkip
	return true
}

// comment notes a comment [at, t.i).
func (t *Text) comment(at int, line bool) {
	b := t.Raw
	t.edits = append(t.edits, edit{int32(at), int32(t.i)})
	if t.Lexemes == 0 {
		return
	}
	i := t.i
	if line {
		skip := 2
		if b[at] == '#' {
			skip = 1
		}
		if t.cutOff(at, b[at+skip:t.i]) {
			t.cut = t.Lexemes
		}
		for i < len(b) && (t.rules.class[b[i]] == cSpace || t.rules.class[b[i]] == cOdd) {
			i++
		}
		if i == len(b) {
			t.Marks |= CommentTail
			return
		}
		if i-t.i > 1 {
			return
		}
	}
	if i >= len(b) {
		if t.Marks&Unclosed == 0 && t.i-at > 4 && quoted(b[at+2:t.i-2]) {
			t.Marks |= CommentCut
		}
		return
	}
	if !line && t.i-at > 4 && b[at+2] != '%' && quoted(b[at+2:t.i-2]) {
		t.Marks |= CommentOver
	}
	left := t.end == at && t.prev != lxOpen && t.prev != lxComma && t.prev != lxSemi
	right := t.rules.class[b[i]] != cSpace && t.rules.class[b[i]] != cClose && t.rules.class[b[i]] != cComma && t.rules.class[b[i]] != cSemi
	if left && right || t.i-at == 4 && !line {
		t.Marks |= CommentSplit
	}
}

// cutOff tells a statement's rest from a remark: the comment that begins at a
// place stands right behind a word or a literal, there is nothing in it, it
// begins with what ends a text or a bracket, it goes on as SQL does, or it is no
// word of any language. On a line of its own a comment is a remark or code that
// somebody left out, unless it ends a text.
func (t *Text) cutOff(at int, c []byte) bool {
	c = bytes.TrimSpace(c)
	if quoted(c) {
		return true
	}
	if bytes.IndexByte(t.Raw[t.end:at], '\n') >= 0 {
		return false
	}
	if len(c) == 0 || t.end == at && t.prev != lxSemi || bytes.Count(c, []byte{')'}) > bytes.Count(c, []byte{'('}) {
		return true
	}
	switch c[0] {
	case ')', ';', ',', '-', '+', '%', '#', '"', '`':
		return true
	}
	word := c
	if n := bytes.IndexByte(c, ' '); n >= 0 {
		word = c[:n]
	}
	if len(word) < len(c) {
		for _, w := range continuations {
			if bytes.EqualFold(word, w) && !bytes.Equal(word, bytes.ToLower(w)) {
				return true
			}
		}
		return false
	}
	return random(word)
}

var continuations = [...][]byte{[]byte("AND"), []byte("OR"), []byte("ORDER"), []byte("LIMIT"), []byte("GROUP"), []byte("HAVING"), []byte("FROM"), []byte("UNION")}

// quoted says whether a comment begins as the rest of a text in quotes does, or
// holds one half of a pair of quotes that is not an apostrophe inside a word.
func quoted(c []byte) bool {
	c = bytes.TrimSpace(c)
	if len(c) == 0 {
		return false
	}
	if c[0] == '\'' || c[0] == '%' {
		return true
	}
	odd := false
	for i, x := range c {
		if x != '\'' {
			continue
		}
		if i+1 < len(c) && letter(c[i-1]) && letter(c[i+1]) { // don't
			continue
		}
		odd = !odd
	}
	return odd
}

func letter(x byte) bool { return x|0x20 >= 'a' && x|0x20 <= 'z' }

// random is what tools put behind a comment's beginning: a few letters, capital
// ones among them behind small ones, or two letters at most.
func random(w []byte) bool {
	if len(w) > 8 {
		return false
	}
	small := false
	for _, x := range w {
		switch {
		case !letter(x):
			return false
		case x >= 'a':
			small = true
		case small:
			return true
		}
	}
	return len(w) <= 2 || !small && len(w) == 4
}

// isHint reports whether what a versioned comment begins with, up to its end, is
// one of the words that dumps and checksum tools put behind SELECT for old servers.
func isHint(b []byte) bool {
	word, _, ok := bytes.Cut(b[:min(len(b), 32)], []byte("*/"))
	if !ok {
		return false
	}
	switch strings.ToLower(string(bytes.TrimSpace(word))) {
	case "sql_no_cache", "sql_cache", "straight_join", "high_priority", "sql_small_result", "sql_big_result", "sql_buffer_result":
		return true
	}
	return false
}
