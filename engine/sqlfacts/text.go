package sqlfacts

// TextLimit is how many bytes of a text are looked at unless Text.Limit says
// otherwise.
const TextLimit = 256 << 10

// LiteralKind says what a literal is.
type LiteralKind uint8

// The kinds.
const (
	StringLiteral  LiteralKind = iota + 1
	IntegerLiteral             // digits
	DecimalLiteral             // with a point
	FloatLiteral               // with an exponent
	HexLiteral                 // x'..', and 0x.. where that is bytes
	BitLiteral                 // b'..', 0b..
)

// hashed is the kind that counts for the shape: a bit literal is a hex one in
// the surrogate.
func (k LiteralKind) hashed() LiteralKind {
	if k == BitLiteral {
		return HexLiteral
	}
	return k
}

// form says how a literal's content is to be decoded.
type form uint8

const (
	asIs      form = iota // numbers and dollar quotes
	doubled               // only the quote is doubled
	backslash             // MySQL's escapes
	extended              // PostgreSQL's E''
	unicode               // PostgreSQL's U&''
	hexDigits             // x'..' and 0x..
	bitDigits             // b'..' and 0b..
	radix                 // PostgreSQL 16's 0x, 0o and 0b: integers
)

// Literal is one literal of a text: [From, To) are its bytes with quotes,
// prefix and sign.
type Literal struct {
	From, To int32
	// Slot is its number in the shape, the Slot of the node that stands for it in
	// the trees. The members of a list of literals share one, as do those of a
	// column in VALUES of several rows. It is -1 if the trees have none.
	Slot int32
	Kind LiteralKind
	// Kept: the literal is part of the shape and stands in the surrogate as it
	// is, such as the 10 of VARCHAR(10); Slot is -1.
	Kept bool
	// Joined: it continues the literal before it ('a' 'b' is 'ab'); Value gives
	// both at the first.
	Joined bool

	in, out int32 // the content
	form    form
	quote   byte
	uesc    byte    // the escape character of U&''
	coded   bool    // the content holds doubled quotes or escapes
	stands  keyword // what the surrogate must have: kwCharset, kwCollate, kwEscape
}

// Mark is a place for a bound value: $1 or ?, that begins at From.
type Mark struct {
	From int32
	// Place is its number among the shape's places, from 0, in the order of the
	// text: the Slot of the Param that stands for it in the trees. The members of
	// a list share one. It is -1 if the trees have none.
	Place int32
	// Bound is which of the bound values it takes, from 0.
	Bound int32
}

// edit is a part of the text that the surrogate has a space for.
type edit struct{ from, to int32 }

// Text is a statement's text, cut into lexemes. It is meant to be used again
// and again: Lex of a warm Text allocates nothing. It is no use to more than one
// goroutine at a time.
type Text struct {
	// Limit is how many bytes are looked at; 0 means TextLimit.
	Limit int

	// What the last Lex found. Raw is the caller's slice, cut to Limit.
	Raw []byte
	Env Env
	// Shape is the text without its literals, comments and white space, with its
	// Marks: texts of one Shape have the same facts. It is comparable within one
	// process only.
	Shape uint64
	// Pattern is Shape without the Marks: that of Readable and Surrogate too.
	Pattern uint64
	Marks   Marks
	// Lexemes is the number of lexemes, Depth the deepest nesting of brackets,
	// Chain the number of lexemes of which each can make a parser's tree one
	// deeper: operators, casts, AND, JOIN, UNION. Chain and Kept leave out what
	// collapsed into the first member of a list; Lexemes has everything.
	Lexemes, Depth, Chain, Kept int
	// Literals are all literals in the order of the text; valid until the next
	// Lex.
	Literals []Literal
	// Params are all places for bound values, likewise.
	Params []Mark

	places int32   // in the shape
	slots  []int32 // the first literal of each slot
	edits  []edit
	rules  *rules
	envKey uint64

	lexer
}

// Slots is the number of slots in the text's shape.
func (t *Text) Slots() int { return len(t.slots) }

// First returns the literal that a slot stands for: the first, if it is one of
// a list.
func (t *Text) First(slot int) (Literal, bool) {
	if slot < 0 || slot >= len(t.slots) {
		return Literal{}, false
	}
	return t.Literals[t.slots[slot]], true
}

// Key is what facts are found by: Shape, and what it means in Env.
func (t *Text) Key() uint64 { return mix(t.Shape, t.envKey) }

// Lex cuts raw into lexemes by the rules of env. It takes any bytes and never
// fails: whatever is not closed reaches to the end and is marked. The Text
// refers to raw until the next Lex.
func (t *Text) Lex(raw []byte, env Env) { t.lex(raw, env, false) }

// LexPart is Lex for a text of total bytes of which raw is the beginning, or
// all: what is not closed where raw ends may well be closed behind it.
func (t *Text) LexPart(raw []byte, total int, env Env) { t.lex(raw, env, total > len(raw)) }

func (t *Text) lex(raw []byte, env Env, part bool) {
	limit := t.Limit
	if limit <= 0 {
		limit = TextLimit
	}
	t.Marks = 0
	if len(raw) > limit {
		raw = raw[:limit]
		part = true
	}
	if part {
		t.Marks = Oversize
	}
	t.Raw = raw
	if t.rules == nil || t.Env != env {
		t.Env = env
		t.rules = rulesOf(env)
		t.envKey = keyOf(env)
	}
	t.Literals, t.slots, t.edits = t.Literals[:0], t.slots[:0], t.edits[:0]
	t.Params, t.places = t.Params[:0], 0
	t.Lexemes, t.Depth, t.Chain, t.Kept = 0, 0, 0, 0
	t.lexer = lexer{lists: lists{first: t.first[:0], current: t.current[:0], lastRow: -1}, h: seeds[3], semi: -1}
	t.run()
	t.finish()
}

// finish closes what is open and makes the hashes.
func (t *Text) finish() {
	if t.inRow {
		t.h = mix(t.beforeRow, t.h)
	}
	if t.exec {
		t.Marks |= Unclosed
	}
	if t.semi >= 0 && t.Lexemes-t.semi > t.semis {
		t.Marks |= Stacked
	}
	if t.cut > 0 && t.cut == t.Lexemes { // what follows is comments only, the application's perhaps
		t.Marks |= CommentTail | CommentCut
	}
	if t.built > 1 {
		t.Marks |= CharBuild
	}
	if t.Marks&Oversize != 0 { // this is not the text's end
		t.Marks &^= Unclosed | CommentTail | CommentCut
	}
	t.encoding()
	t.Kept += t.Lexemes
	t.Pattern = mix(t.h, seeds[2])
	t.Shape = mix(t.Pattern, uint64(t.Marks))
}

func keyOf(e Env) uint64 {
	x := uint64(e.Flavour) | uint64(e.Version)<<8
	for i, b := range []bool{e.ANSIQuotes, e.NoBackslash, e.PipesConcat} {
		if b {
			x |= 1 << (60 + i)
		}
	}
	return hashBytes(mix(seeds[2], x), []byte(e.Charset))
}
