package baseline

import (
	"hash/maphash"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// A Graft is what was put into a statement that is known: all its words are
// there, up to the place of a value and behind it, and where the value stood
// stands more than a value.
type Graft struct {
	// Known is the shape that it grew on.
	Known string
	// Grown is what stands in the value's place, as a shape: 0 OR 0 = 0.
	Grown string
	// Cut says that what the known shape has behind the value is gone: behind a
	// comment, or a statement's end.
	Cut bool
	// Made is the worst of what it is made of.
	Made Made
}

// Made says what a graft is made of.
type Made uint8

// From what applications do to their own statements to what they do not.
const (
	Plain  Made = iota // conditions more, an order, a column
	Call               // a function's value, or one more condition with a sub-query
	Choice             // an alternative, or a text or a choice that is put together
	Query              // a query in the value's place, another arm of UNION and the like, another statement
)

// Bounds of the search for grafts.
const (
	maxWords  = 2000    // of a text
	maxPlaces = 24      // of a shape
	maxStems  = 100_000 // places of all shapes of an identity
	maxKept   = 4096    // answers
	maxTried  = 2048    // places of known shapes that a text is compared with
)

// grafting finds the known shapes that a text may have grown on.
type grafting struct {
	seed  maphash.Seed
	stems map[uint64][]stem // by what stands before a place
	texts []string          // of each shape
	words [][]word          // likewise
	count int               // of stems
	kept  map[uint64]*Graft // by Text.Pattern and marks; nil: none
}

// stem is a place for a value in a shape.
type stem struct{ shape, at int32 }

// word is one word, sign or quoted name of a shape, or a value.
type word struct {
	text  string
	value bool
}

// Graft returns what a text has that no known shape has in its place, nil if it
// did not grow on one. It is for texts that Has does not know, costs some
// microseconds a word, and remembers: asked again, it neither searches nor
// allocates.
func (k *Known) Graft(t *sqlfacts.Text) *Graft {
	key := key(t)
	k.graftMu.RLock()
	f := k.grafts
	var g *Graft
	ok := false
	if f != nil {
		g, ok = f.kept[key]
	}
	k.graftMu.RUnlock()
	if ok {
		return g
	}
	if f == nil {
		f = newGrafting(k.shapes)
	}
	g = f.find(cut(string(t.Readable(nil))), t.Marks)
	k.graftMu.Lock()
	defer k.graftMu.Unlock()
	if k.grafts == nil {
		k.grafts = f
	}
	k.grafts.keep(key, g)
	return g
}

// keep remembers an answer.
func (f *grafting) keep(key uint64, g *Graft) {
	if len(f.kept) >= maxKept {
		clear(f.kept)
	}
	f.kept[key] = g
}

// recall is find for a text that may have been looked at before.
func (f *grafting) recall(key uint64, t *sqlfacts.Text) *Graft {
	if len(f.stems) == 0 {
		return nil
	}
	g, ok := f.kept[key]
	if !ok {
		g = f.find(cut(string(t.Readable(nil))), t.Marks)
		f.keep(key, g)
	}
	return g
}

func newGrafting(shapes []Shape) *grafting {
	f := &grafting{seed: maphash.MakeSeed(), stems: map[uint64][]stem{}, kept: map[uint64]*Graft{}}
	for i := range shapes {
		f.add(shapes[i].SQL)
	}
	return f
}

// add makes a shape one that texts may have grown on.
func (f *grafting) add(sql string) {
	ws := cut(sql)
	shape := int32(len(f.words))
	f.texts, f.words = append(f.texts, sql), append(f.words, ws)
	var h uint64
	places, rooted := 0, false // SELECT 0 is where many begin
	for at, w := range ws {
		rooted = rooted || w.text == "from" || w.text == "into" || w.text == "update"
		if rooted && places < maxPlaces && f.count < maxStems && (w.value || at > 0 && ws[at-1].text == "by" && name(w.text)) {
			f.stems[h] = append(f.stems[h], stem{shape, int32(at)})
			f.count++
			places++
		}
		h = f.step(h, w)
	}
}

// step hashes one word more.
func (f *grafting) step(h uint64, w word) uint64 {
	return (h^maphash.String(f.seed, w.text))*0x9e3779b97f4a7c15 + 1
}

func (f *grafting) find(ws []word, marks sqlfacts.Marks) *Graft {
	var h uint64
	var best *Graft
	tried := 0
	for at, w := range ws {
		for _, s := range f.stems[h] {
			if tried++; int(s.at) != at || tried > maxTried {
				continue
			}
			rest := f.words[s.shape][at+1:]
			end, gone := len(ws)-len(rest), false
			if end <= at+1 || !same(ws[end:], rest) {
				if len(rest) == 0 || marks&(sqlfacts.CommentTail|sqlfacts.CommentCut) == 0 {
					continue
				}
				end, gone = len(ws), true
			}
			if g := graftOf(ws[at:end]); best == nil || g.Made > best.Made || g.Made == best.Made && len(g.Grown) < len(best.Grown) {
				g.Known, g.Cut = f.texts[s.shape], gone
				best = g
			}
		}
		h = f.step(h, w)
	}
	return best
}

func same(a, b []word) bool {
	for i := range a {
		if a[i].text != b[i].text {
			return false
		}
	}
	return true
}

// graftOf looks at what stands in a value's place: most often a value, which ends
// what an honest user could say, and more behind it.
func graftOf(ws []word) *Graft {
	g := &Graft{}
	var b strings.Builder
	added, depth := false, 0 // added: AND came before, outside of brackets
	for i, w := range ws {
		if i > 0 {
			b.WriteByte(' ')
		}
		if b.Len() < 200 {
			b.WriteString(w.text)
		}
		made := Plain
		switch w.text {
		case "(":
			depth++
			if i > 0 && name(ws[i-1].text) && ws[i-1].text != "in" && ws[i-1].text != "and" && ws[i-1].text != "or" {
				made = Call
			}
		case ")":
			depth--
		case "and":
			added = added || depth <= 0
		case "union", "intersect", "except", ";", "into":
			made = Query
		case "select", "table", "with":
			if made = Query; added && depth > 0 {
				made = Call
			}
		case "or", "||", "xor", "case":
			if made = Choice; added && depth > 0 {
				made = Call
			}
		}
		g.Made = max(g.Made, made)
	}
	g.Grown = b.String()
	return g
}

// name reports whether a word is a name.
func name(w string) bool {
	c := w[0]
	return c >= 'a' && c <= 'z' || c == '_' || c == '"' || c == '`' || c >= 0x80
}

// cut cuts a readable shape into words, small letters but for quoted names.
func cut(sql string) []word {
	b := squeezed(sql)
	var out []word
	for i := 0; i < len(b) && len(out) < maxWords; {
		from := i
		c := b[i]
		switch {
		case c == ' ':
			i++
			continue
		case c == '\'', c == '"', c == '`':
			for i++; i < len(b) && b[i] != c; i++ {
			}
			i++
		case wordy(c):
			for i < len(b) && (wordy(b[i]) || b[i] == '.' && c >= '0' && c <= '9') {
				i++
			}
			if i < len(b) && b[i] == '\'' && i-from == 1 && (c == 'x' || c == 'b') { // x'00'
				for i++; i < len(b) && b[i] != '\''; i++ {
				}
				i++
			}
		case c == '|' && i+1 < len(b) && b[i+1] == '|':
			i += 2
		default:
			i++
		}
		i = min(i, len(b))
		w := b[from:i]
		out = append(out, word{w, c == '\'' || c >= '0' && c <= '9' || strings.HasSuffix(w, "'")})
	}
	return out
}

// squeezed is a shape in small letters but for what is quoted.
func squeezed(sql string) string {
	var b strings.Builder
	var quote byte
	for i := range len(sql) {
		c := sql[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			c = ' '
		}
		b.WriteByte(c)
	}
	return strings.TrimRight(b.String(), "; ")
}

func wordy(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '_' || c == '$' || c == '@' || c >= 0x80
}
