package sqlfacts

import "bytes"

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

func (t *Text) unclosed() {
	t.i = len(t.Raw)
	t.Marks |= Unclosed
	if t.Lexemes > 0 {
		t.Marks |= CommentTail
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
		t.Marks |= CommentExec
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
		return
	}
	left := t.end == at && t.prev != lxOpen && t.prev != lxComma && t.prev != lxSemi
	right := t.rules.class[b[i]] != cSpace && t.rules.class[b[i]] != cClose && t.rules.class[b[i]] != cComma && t.rules.class[b[i]] != cSemi
	if left && right || t.i-at == 4 && !line {
		t.Marks |= CommentSplit
	}
}
