package sqlfacts

// lexeme sorts lexemes by what may come next.
type lexeme uint8

const (
	lxNone lexeme = iota
	lxWord
	lxIdent // a quoted identifier or a variable
	lxLiteral
	lxParam
	lxOp
	lxOpen
	lxClose
	lxComma
	lxSemi
	lxDot
)

// What lexemes other than words add to the hash: control characters, which
// words do not have. Literals add their kind.
const (
	hParam = 16 + iota
	hIdent
)

// lexer is the state of Text.Lex.
type lexer struct {
	h    uint64
	i    int
	end  int // where the last lexeme ended
	prev lexeme
	kw   keyword // of the last lexeme, if it is a word

	nest  int // open brackets
	exec  bool
	semi  int  // lexemes up to the first semicolon, -1: none
	semis int  // semicolons behind it
	wide  bool // there are bytes beyond ASCII
	nul   bool // there are NULs

	intro         bool // the last word is _charset
	introAt       int
	beforeIntro   uint64  // the hash
	cut           int     // lexemes before the last comment that cuts a statement off
	built         int     // signs of CharBuild
	concat        int     // nesting of the last CONCAT's bracket
	typeAt        int     // nesting inside the bracket of a type
	named         keyword // kwCharset, kwCollate: what a string names
	namedUpTo     int     // up to which lexeme
	chrAt         int     // lexeme number of the bracket of a CHR
	operandBefore bool
	slip          uint64 // the word with one letter in the wrong case, 0: none

	lists
}

// run cuts the whole text.
func (t *Text) run() {
	b := t.Raw
	cl := &t.rules.class
	for t.i < len(b) {
		c := b[t.i]
		if c == ' ' { // most of all: not worth a jump
			t.i++
			continue
		}
		switch cl[c] {
		case cSpace:
			t.i++
		case cOdd:
			t.Marks |= OddSpace
			t.edits = append(t.edits, edit{int32(t.i), int32(t.i + 1)})
			t.i++
		case cWord:
			t.word()
		case cDigit:
			if t.rules.my && t.prev == lxDot && t.end == t.i {
				t.word() // t.1
			} else {
				t.number(t.i)
			}
		case cQuote:
			t.quote(t.i, t.i)
		case cDouble:
			if t.rules.my && !t.Env.ANSIQuotes {
				t.quote(t.i, t.i)
			} else {
				t.ident('"')
			}
		case cTick:
			t.ident('`')
		case cOpen:
			t.open()
		case cClose:
			t.close()
		case cComma:
			t.comma()
		case cSemi:
			t.semicolon()
		case cDot:
			t.dot()
		case cDash, cSlash, cStar, cHash, cOp:
			t.operator()
		case cDollar:
			t.dollar()
		case cAt:
			t.variable()
		case cParam:
			t.i++
			t.param(t.i-1, len(t.Params))
		default:
			t.nul = true
			t.Chain++
			t.impure()
			t.punct(lxOp)
		}
	}
}

// lexed notes a lexeme that ends at t.i.
func (t *Text) lexed(x lexeme, id keyword) {
	t.Lexemes++
	t.prev, t.kw = x, id
	t.end = t.i
}

// punct takes the byte at t.i as it is.
func (t *Text) punct(x lexeme) {
	t.h = mix(t.h, uint64(t.Raw[t.i])|1<<63)
	t.i++
	t.Lexemes++
	t.prev, t.kw = x, kwNone
	t.end = t.i
}

func (t *Text) open() {
	t.nest++
	if t.nest > t.Depth {
		t.Depth = t.nest
	}
	if t.prev == lxWord {
		switch t.kw {
		case kwType:
			t.typeAt = t.nest
		case kwConcat:
			t.concat = t.nest
		case kwChr:
			if !t.operandBefore {
				t.chrAt = t.Lexemes + 1
			}
		}
	}
	if t.Raw[t.i] == '[' && t.kw != kwArray {
		t.Chain++
	}
	t.opened()
}

func (t *Text) close() {
	if t.nest == t.typeAt {
		t.typeAt = -1
	}
	if t.nest == t.concat {
		t.concat = -1
	}
	if t.nest > 0 {
		t.nest--
	}
	t.punct(lxClose)
	t.closed()
}

func (t *Text) comma() {
	t.commaAt, t.beforeComma, t.chainAtComma = t.i, t.h, t.Chain
	t.keptAtComma = t.Kept + t.Lexemes
	t.afterRow = t.prev == lxClose && t.lastRow == t.Lexemes
	run := t.runSlot
	if t.prev != lxLiteral && t.prev != lxParam {
		run = noRun
	}
	t.punct(lxComma)
	t.runSlot = run
}

func (t *Text) semicolon() {
	if t.semi < 0 {
		t.semi = t.Lexemes + 1
	} else {
		t.semis++
	}
	t.punct(lxSemi)
}

func (t *Text) dot() {
	if t.i+1 < len(t.Raw) && t.rules.class[t.Raw[t.i+1]] == cDigit && (t.prev != lxWord && t.prev != lxIdent || t.end != t.i) {
		t.number(t.i)
		return
	}
	t.impure()
	t.punct(lxDot)
}

// operator reads a run of operator characters, a comment or a sign.
func (t *Text) operator() {
	b, cl := t.Raw, &t.rules.class
	at := t.i
	for t.i < len(b) {
		c := b[t.i]
		switch cl[c] {
		case cDash:
			if t.lineComment() {
				goto done
			}
			if t.i > at && b[t.i-1] == '-' {
				// Two minus signs, which must not become a comment when a comment
				// behind them becomes a space.
				t.edits = append(t.edits, edit{int32(t.i), int32(t.i)})
				goto done
			}
			if t.sign(at) {
				goto done
			}
		case cHash:
			goto done
		case cSlash:
			if t.i+1 < len(b) && b[t.i+1] == '*' {
				goto done
			}
		case cStar:
			if t.exec && t.i+1 < len(b) && b[t.i+1] == '/' {
				goto done
			}
		case cOp:
			if c == '+' && t.sign(at) {
				goto done
			}
		default:
			goto done
		}
		t.i++
	}
done:
	if t.i > at {
		n := t.i - at
		t.i = at
		for n > 0 { // longer runs are hashed in pieces
			k := min(n, 7)
			t.h = mix(t.h, load(b, t.i, k)|1<<63)
			t.i += k
			n -= k
		}
		t.Chain++
		t.impure()
		t.lexed(lxOp, kwNone)
		return
	}
	switch cl[b[t.i]] {
	case cDash:
		if t.lineComment() {
			t.line(2)
		} else {
			t.number(t.i)
		}
	case cHash:
		t.line(1)
	case cSlash:
		t.block()
	case cStar: // the end of a versioned comment that runs
		t.edits = append(t.edits, edit{int32(t.i), int32(t.i + 2)})
		t.i += 2
		t.exec = false
	default:
		t.number(t.i)
	}
}

// sign says whether the + or - at t.i, in a run of operators from at, belongs
// to a number behind it.
func (t *Text) sign(at int) bool {
	if t.i+1 >= len(t.Raw) || t.rules.class[t.Raw[t.i+1]] != cDigit {
		return false
	}
	if t.i > at {
		switch t.Raw[t.i-1] {
		case '=', '<', '>':
			return true
		}
		return false
	}
	switch t.prev {
	case lxOpen, lxComma:
		return true
	case lxOp:
		switch t.Raw[t.end-1] {
		case '=', '<', '>':
			return true
		}
	}
	return false
}

// ident reads a quoted identifier.
func (t *Text) ident(q byte) {
	b := t.Raw
	at := t.i
	closed := false
	for t.i++; t.i < len(b); t.i++ {
		c := b[t.i]
		if c == q {
			if t.i+1 < len(b) && b[t.i+1] == q {
				t.i++
				continue
			}
			closed = true
			t.i++
			break
		}
		if c >= 0x80 && t.rules.multi != oneByte {
			t.i += t.rules.multi.width(b, t.i) - 1
		}
	}
	if !closed {
		t.i = len(b)
		t.Marks |= Unclosed
	}
	t.h = hashBytes(mix(t.h, hIdent), b[at:t.i])
	t.impure()
	t.lexed(lxIdent, kwNone)
}

// variable reads MySQL's @x, @'x', @@global.x.
func (t *Text) variable() {
	b := t.Raw
	at := t.i
	for t.i < len(b) && b[t.i] == '@' {
		t.i++
	}
	if t.i < len(b) && (b[t.i] == '\'' || b[t.i] == '"' || b[t.i] == '`') && t.i-at <= 2 {
		t.ident(b[t.i])
		return
	}
	for t.i < len(b) && (t.rules.part[b[t.i]] || b[t.i] == '.') {
		t.i++
	}
	h := more(mix(t.h, hIdent), uint64(t.i-at))
	for k := at; k < t.i; k += 8 {
		h = more(h, folded(load(b, k, min(8, t.i-k))))
	}
	t.h = h
	t.impure()
	t.lexed(lxIdent, kwNone)
}

// dollar reads PostgreSQL's $1 and $tag$ ... $tag$.
func (t *Text) dollar() {
	b := t.Raw
	i := t.i + 1
	if i < len(b) && t.rules.class[b[i]] == cDigit {
		for i < len(b) && t.rules.class[b[i]] == cDigit {
			i++
		}
		from, n := t.i, 0
		for k := from + 1; k < i && n < 1<<20; k++ {
			n = n*10 + int(b[k]-'0')
		}
		t.i = i
		t.param(from, n-1)
		return
	}
	for i < len(b) && (t.rules.class[b[i]] == cWord || t.rules.class[b[i]] == cDigit) {
		i++
	}
	if i >= len(b) || b[i] != '$' {
		t.impure()
		t.punct(lxOp)
		return
	}
	t.dollarQuoted(b[t.i : i+1])
}
