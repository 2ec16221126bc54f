package sqlfacts

// listMode says in which kind of list the lexer is.
type listMode uint8

const (
	noList listMode = iota
	inList          // IN (...), ARRAY[...]
	valuesList
)

// noRun and paramRun are runSlot's values beside slots.
const (
	noRun    = -1
	paramRun = -2
)

// lists is what makes lists of literals of any length one shape: a member of
// the kind of the one before it takes the hash back to where that ended, and a
// row of VALUES does so as a whole.
type lists struct {
	mode    listMode
	level   int // nesting at which the list's members stand
	runSlot int32
	runKind LiteralKind

	commaAt, chainAtComma, keptAtComma int
	beforeComma                        uint64

	inRow      bool
	constant   bool // in a row that has had nothing but constants so far
	afterRow   bool // the comma follows a row
	lastRow    int  // Lexemes at the end of the last row
	beforeRow  uint64
	rowSlot    int // slots before the row
	rowLiteral int // literals before the row
	rowParam   int // places for bound values before the row, in the text
	rowPlace   int32
	firstPlace int32
	firstCount int
	dropFrom   int // where a row that repeats begins: at its comma; -1: the first row
	dropHash   uint64
	dropChain  int
	dropKept   int

	// The row that the next ones are compared with.
	firstPure bool
	firstHash uint64
	firstSlot int
	first     []int32 // of each constant: its slot or -1
	current   []int32
}

// opened handles an opening bracket; t.nest is the nesting inside it.
func (t *Text) opened() {
	switch {
	case t.inRow:
		t.constant = false
	case t.mode == inList && t.nest == t.level+1 && (t.prev == lxOpen || t.prev == lxComma && t.afterRow):
		t.startRow()
		return
	case t.mode == valuesList && t.nest == t.level+1 && (t.prev == lxWord && t.kw == kwValues || t.prev == lxComma && t.afterRow):
		t.startRow()
		return
	case t.prev == lxWord && t.kw == kwValues:
		t.mode, t.level = valuesList, t.nest-1
		t.lastRow = -1
		t.startRow()
		return
	case t.prev == lxWord && (t.kw == kwIn || t.kw == kwArray):
		t.mode, t.level = inList, t.nest
		t.lastRow = -1
	}
	t.runSlot = noRun
	t.punct(lxOpen)
}

func (t *Text) startRow() {
	t.dropFrom = -1
	if t.prev == lxComma {
		t.dropFrom, t.dropHash, t.dropChain, t.dropKept = t.commaAt, t.beforeComma, t.chainAtComma, t.keptAtComma
	}
	t.punct(lxOpen)
	t.inRow, t.constant = true, true
	t.beforeRow, t.h = t.h, seeds[3]
	t.rowSlot, t.rowLiteral = len(t.slots), len(t.Literals)
	t.rowParam, t.rowPlace = len(t.Params), t.places
	t.current = t.current[:0]
	t.runSlot = noRun
}

// closed handles a closing bracket; t.nest is the nesting outside it.
func (t *Text) closed() {
	t.runSlot = noRun
	if t.inRow && t.nest <= t.level {
		t.endRow()
		return
	}
	if t.mode == inList && !t.inRow && t.nest < t.level {
		t.mode = noList
	}
}

func (t *Text) endRow() {
	row := t.h
	t.inRow = false
	pure := t.constant
	t.constant = false
	t.lastRow = t.Lexemes
	same := t.dropFrom >= 0 && (pure && t.firstPure && len(t.first) == len(t.current) || row == t.firstHash)
	if !same {
		t.h = mix(t.beforeRow, row)
		t.firstPure, t.firstHash, t.firstSlot = pure, row, t.rowSlot
		t.firstPlace, t.firstCount = t.rowPlace, len(t.Params)-t.rowParam
		t.first, t.current = t.current, t.first
		return
	}
	t.h = t.dropHash
	t.Chain = t.dropChain
	t.Kept = t.dropKept - t.Lexemes
	if row == t.firstHash {
		for k := t.rowLiteral; k < len(t.Literals); k++ {
			if l := &t.Literals[k]; l.Slot >= 0 {
				l.Slot += int32(t.firstSlot - t.rowSlot)
			}
		}
	} else {
		k := t.rowLiteral
		for p, s := range t.current {
			for ; s >= 0 && k < len(t.Literals) && t.Literals[k].Slot <= s; k++ {
				if t.Literals[k].Slot == s {
					t.Literals[k].Slot = t.first[p]
				}
			}
		}
	}
	t.slots = t.slots[:t.rowSlot]
	for k := range t.Params[t.rowParam:] {
		m := &t.Params[t.rowParam+k]
		if len(t.Params)-t.rowParam == t.firstCount {
			m.Place += t.firstPlace - t.rowPlace
		} else { // a literal stands at some place instead
			m.Place = -1
		}
	}
	t.places = t.rowPlace
	t.drop(t.dropFrom)
}

// drop leaves out of the surrogate what stands from a place up to t.i.
func (t *Text) drop(from int) {
	n := len(t.edits)
	for n > 0 && int(t.edits[n-1].from) >= from {
		n--
	}
	t.edits = t.edits[:n]
	if n > 0 && int(t.edits[n-1].to) >= from {
		t.edits[n-1].to = int32(t.i)
		return
	}
	t.edits = append(t.edits, edit{int32(from), int32(t.i)})
}

// impure notes that a row has something else than constants.
func (t *Text) impure() { t.constant = false }

// constWord notes a word in a row.
func (t *Text) constWord(id keyword) {
	if id != kwConst {
		t.constant = false
		return
	}
	t.current = append(t.current, -1)
}

// literal notes a literal that ends at t.i: its slot, or that it is one more of
// a list.
func (t *Text) literal(l *Literal) {
	l.To = int32(t.i)
	if t.kept(l) {
		t.h = hashBytes(mix(t.h, uint64(l.Kind)), t.Raw[l.From:l.To])
		l.Slot, l.Kept = -1, true
		t.Literals = append(t.Literals, *l)
		t.impure()
		t.lexed(lxLiteral, kwNone)
		return
	}
	if t.intro {
		t.introduced(l)
	}
	member := t.member()
	if member && t.prev == lxComma && t.runSlot >= 0 && t.runKind == l.Kind.hashed() {
		l.Slot = t.runSlot
		t.Literals = append(t.Literals, *l)
		t.repeat()
		t.lexed(lxLiteral, kwNone)
		t.Kept = t.keptAtComma - t.Lexemes
		return
	}
	l.Slot = int32(len(t.slots))
	t.slots = append(t.slots, int32(len(t.Literals)))
	t.Literals = append(t.Literals, *l)
	t.h = mix(t.h, uint64(l.Kind.hashed()))
	if t.constant {
		t.current = append(t.current, l.Slot)
	}
	if t.chrAt == t.Lexemes || l.Kind == HexLiteral {
		t.chars(l)
	}
	t.lexed(lxLiteral, kwNone)
	t.runSlot = noRun
	if member {
		t.runSlot, t.runKind = l.Slot, l.Kind.hashed()
	}
}

// member says whether what ends at t.i is a member of a list, and all of it.
func (t *Text) member() bool {
	return t.mode == inList && t.wholeMember()
}

func (t *Text) wholeMember() bool {
	if t.nest != t.level || t.inRow || t.prev != lxComma && t.prev != lxOpen {
		return false
	}
	for i := t.i; i < len(t.Raw); i++ {
		switch t.rules.class[t.Raw[i]] {
		case cSpace:
		case cComma, cClose:
			return true
		default:
			return false
		}
	}
	return false
}

// repeat takes the hash back to before the comma.
func (t *Text) repeat() {
	t.h = t.beforeComma
	t.Chain = t.chainAtComma
	t.drop(t.commaAt)
}

// param notes a place for the bound value of that number, from 0, that ends at
// t.i. The numbers of
// PostgreSQL's are not in the shape, for those behind an IN ($1, $2, ...) differ
// with its length.
func (t *Text) param(from, bound int) {
	member := t.member()
	if member && t.prev == lxComma && t.runSlot == paramRun {
		t.Params = append(t.Params, Mark{int32(from), t.places - 1, int32(bound)})
		t.repeat()
		t.lexed(lxParam, kwNone)
		t.Kept = t.keptAtComma - t.Lexemes
		return
	}
	t.Params = append(t.Params, Mark{int32(from), t.places, int32(bound)})
	t.places++
	t.h = mix(t.h, hParam)
	if t.constant {
		t.current = append(t.current, -1)
	}
	t.lexed(lxParam, kwNone)
	t.runSlot = noRun
	if member {
		t.runSlot = paramRun
	}
}

// kept says whether a literal is part of the shape: a length or precision,
// which parsers check.
func (t *Text) kept(l *Literal) bool {
	return l.Kind == IntegerLiteral && t.typeAt == t.nest && t.nest > 0 && l.To-l.From <= 5 && !t.inRow
}

// introduced leaves the _charset before a literal out of the surrogate.
func (t *Text) introduced(l *Literal) {
	t.intro = false
	if t.prev != lxWord || l.Kind != StringLiteral && l.Kind != HexLiteral && l.Kind != BitLiteral {
		return
	}
	if n := len(t.edits); n > 0 && int(t.edits[n-1].to) > t.introAt {
		return
	}
	t.edits = append(t.edits, edit{int32(t.introAt), int32(t.end)})
	t.h = t.beforeIntro
	t.Kept--
}

// chars collects the signs of a text that is built from the codes of its
// characters.
func (t *Text) chars(l *Literal) {
	switch {
	case l.Kind == IntegerLiteral && t.chrAt == t.Lexemes && t.prev == lxOpen:
		t.built++
		t.chrAt += 2 // CHAR(97, 98)
	case l.Kind == IntegerLiteral && t.chrAt == t.Lexemes && t.prev == lxComma:
		t.built++
		t.chrAt += 2
	case l.Kind == HexLiteral && t.rules.my && t.concat == t.nest && t.nest > 0:
		t.built += 2
	}
}
