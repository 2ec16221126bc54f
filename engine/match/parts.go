package match

import (
	"encoding/binary"
	"math/bits"

	"honeyrow/inspect"
)

// The shortest pattern has MinPart = 12 bytes and a window 8, so 12-8+1 = 5
// windows in a row lie inside any occurrence: looking at every fifth position
// meets exactly one of them. Five windows of each pattern are filed: those of
// one 12-byte gram of it.
const (
	window = 8
	stride = inspect.MinPart - window + 1

	// maxPart bounds how much of a value is compared inside longer text, and so
	// the carry that a stream keeps. The first 256 bytes of a key file are
	// proof enough.
	maxPart = 256
)

// bigFilter is the size in bits from which a filter gets 8 bits a window
// instead of 16: it is then read from beyond a core's second-level cache, where
// a smaller one gains more than fewer false steps.
//
// MB/s of skip alone (best of 60, two bits tested in one word, random keys):
//
//	bits a window      8     16     32
//	1,000 values    1225   1734   1866
//	10,000          1333   1489   1348
//	100,000         1002    860    737
//	1,000,000        835    715    227
//
// One tested bit instead of two gave 1482 and 764 at 10,000 and 100,000 values
// and 16 bits, a loop that is not unrolled 973 and 548.
const bigFilter = (512 << 10) * 8

// Windows are hashed so that letters in either case hash alike, and so does a
// text read backwards: a bit is set in each byte, and the products of the bytes
// in both orders are combined. So upper(), lower() and reverse() of a value lead
// to it like the value itself, without an entry of their own.
const fold = 0x2020202020202020

func windowHash(w uint64) uint64 {
	w |= fold
	return w*golden ^ bits.ReverseBytes64(w)*golden
}

// A window's word in the filter has a third bit, which says where in its gram the
// window stands: one of five, offsetStep apart, from a place that the hash gives.
// Since a window hashes like itself backwards, places are counted from the end
// that comes first in an order of the two.
const (
	offsetStep = 12
	offsetBits = 1 | 1<<offsetStep | 1<<(2*offsetStep) | 1<<(3*offsetStep) | 1<<(4*offsetStep)
)

// ahead reports whether a window's places are counted from its gram's beginning.
func ahead(w uint64) bool {
	w |= fold
	return w*golden > bits.ReverseBytes64(w)*golden
}

// offsets returns the places in a gram that the window w may have, by the word of
// the filter that its hash leads to: bit offsetStep*i stands for i.
func offsets(word, hash uint64) uint64 {
	return bits.RotateLeft64(word, -int(hash>>20&63)) & offsetBits
}

// begins returns where the gram begins of which a window at pos has the lowest of
// the given places.
func begins(pos int, places uint64, ahead bool) int {
	i := bits.TrailingZeros64(places) / offsetStep
	if ahead {
		return pos - i
	}
	return pos - (stride - 1 - i)
}

// file files the window w, which stands k behind the beginning of its gram.
func (p *parts) file(w uint64, k int) {
	h := windowHash(w)
	word := &p.filter[h>>p.fshift]
	*word |= 1<<(h>>32&63) | 1<<(h>>26&63)
	back := stride - 1 - k
	if !ahead(w) {
		k, back = back, k
	}
	*word |= 1 << ((h>>20 + uint64(offsetStep*k)) & 63)
	if w |= fold; w == bits.ReverseBytes64(w) {
		*word |= 1 << ((h>>20 + uint64(offsetStep*back)) & 63)
	}
}

// parts finds patterns anywhere: a window in the filter leads to the five
// 12-byte grams that it can lie in, in both directions, and those to the
// patterns. Patterns are looked up by gram, not by window: thousands of
// telephone numbers share most of their windows, with each other and with the
// data, but not their grams.
type parts struct {
	filter []uint64 // three bits of one word per window
	fshift uint     // the word is chosen by the product's HIGH bits
	near   bool     // the filter is read from a core's own caches, and few windows pass
	low    uint64   // a window in a gram has no byte below that, in each byte; 0: it may have any
	grams  []uint64 // a filter of grams, 16 to 32 bits each
	gshift uint
	table  []uint64 // by gram: sign<<32 | pattern+1; 0 is empty
	tmask  uint64
	value  []uint32 // by pattern: the value
	off    []uint16 // by pattern: where its gram begins
	maxLen int      // of the longest pattern as compared, at most maxPart
}

const gram = inspect.MinPart

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// gramHashes hashes the first 12 bytes of b, without regard to case, and the
// same bytes read backwards. A gram is looked up by both together, so that one
// look finds the patterns that have it in either direction; its tag tells which.
func gramHashes(b []byte) (fore, rev uint64) {
	const low = fold & (1<<32 - 1)
	b = b[:gram:gram]
	fore = mix((le64(b)|fold)^mixA, uint64(binary.LittleEndian.Uint32(b[window:])|low)^mixB)
	rev = mix((bits.ReverseBytes64(le64(b[gram-window:]))|fold)^mixA, uint64(bits.ReverseBytes32(binary.LittleEndian.Uint32(b))|low)^mixB)
	return fore, rev
}

// slot is where patterns with a gram begin in the table.
func (p *parts) slot(fore, rev uint64) uint64 { return (fore ^ rev) >> 12 & p.tmask }

// gramBits are a gram's bits in its word of the filter. c is a byte beside it
// that is in the pattern too, which tells it from grams of ordinary data that
// stand beside another: a telephone number with another country's code.
func gramBits(h uint64, c uint8) uint64 {
	h ^= uint64(c) * 0x9e5
	return 1<<(h&63) | 1<<(h>>6&63)
}

// neighbour is the byte that a pattern's gram is filed with, by its signs: 0 if
// there is none.
func neighbour(sign uint64) uint8 {
	if c := uint8(sign >> 16); c != 0 {
		return c
	}
	return uint8(sign >> 24)
}

// known reports, in the lowest bit, whether a gram is in the filter, between these
// bytes or alone.
func known(word, h uint64, before, after uint8) uint64 {
	a, b := h^uint64(before)*0x9e5, h^uint64(after)*0x9e5
	return (word>>(h&63)&(word>>(h>>6&63)) | word>>(a&63)&(word>>(a>>6&63)) | word>>(b&63)&(word>>(b>>6&63))) & 1
}

// tags tell a gram from others that lead to the same slot, in both directions.
type tags struct{ fore, rev uint16 }

func tagsOf(fore, rev uint64) tags { return tags{uint16(fore >> 48), uint16(rev >> 48)} }

// build files the given values, each of at least MinPart bytes.
func (p *parts) build(x *Index, vals []uint32) {
	if len(vals) == 0 {
		return
	}
	keys := len(vals) * stride
	perKey := 16
	if p.near = keys*perKey <= bigFilter; !p.near {
		perKey = 8
	}
	fl := max(ceilLog(keys*perKey/64), 4)
	gl := max(ceilLog(len(vals)*16/64), 1)
	tl := max(ceilLog(len(vals)*3/2), 2)
	p.filter, p.fshift = make([]uint64, 1<<fl), 64-fl
	p.low = ' ' * ones
	p.grams, p.gshift = make([]uint64, 1<<gl), 64-gl
	p.table, p.tmask = make([]uint64, 1<<tl), 1<<tl-1
	p.value = vals
	p.off = make([]uint16, len(vals))
	c := newCensus(keys)
	for _, v := range vals {
		c.count(x.part(v))
	}
	for i, v := range vals {
		b := x.part(v)
		p.maxLen = max(p.maxLen, len(b))
		o := c.choose(b)
		p.off[i] = uint16(o)
		for _, c := range b[o : o+gram] {
			if c < ' ' {
				p.low = 0
			}
		}
		for k := range stride {
			p.file(le64(b[o+k:]), k)
		}
		fore, rev := gramHashes(b[o:])
		h, sign := fore^rev, signs(fore, b, o, x.vals[v].flags)
		p.grams[h>>p.gshift] |= gramBits(h, neighbour(sign))
		s := p.slot(fore, rev)
		for p.table[s] != 0 {
			s = (s + 1) & p.tmask
		}
		p.table[s] = sign<<32 | uint64(i+1)
	}
}

// Finder walks the occurrences of parts in a text: exact ones of any value, and
// those of strong ones in other letters, backwards or with escapes in them. It
// is a plain value: keep it on the stack.
type Finder struct {
	x      *Index
	b      []byte
	pos    int    // of the window being looked at, or of the next one
	places uint64 // that the window may have in grams that are still to be looked at; see offsets
	ahead  bool
	from   int    // where the gram begins that is looked at
	slot   uint64 // where to go on in the table
	tags   tags   // of the gram
	back   bool   // the pattern there was compared forwards already
	open   bool   // from, slot, tags and back mean something
	as     Disguise
	end    int
}

// Find returns a Finder over b.
func (x *Index) Find(b []byte) Finder { return Finder{x: x, b: b} }

// End returns where the occurrence that Next returned last ends: a long value
// is compared, and found, in its first bytes only.
func (f *Finder) End() int { return f.end }

// As returns the disguise of the occurrence that Next returned last: Plain,
// Case, Reversed or Escaping.
func (f *Finder) As() Disguise { return f.as }

// Next returns the next occurrence: the value, and the offset at which it
// begins. Occurrences come in the order of their windows, not of their starts.
func (f *Finder) Next() (v Value, at int, ok bool) {
	p := &f.x.parts
	if len(p.table) == 0 {
		return 0, 0, false
	}
	for {
		if f.open {
			if v, at, ok = f.probe(p); ok {
				return v, at, true
			}
			f.open = false
		}
		if f.seek(p) {
			continue
		}
		if f.pos = p.skip(f.b, f.pos); f.pos < 0 {
			f.pos = len(f.b)
			return 0, 0, false
		}
		w := le64(f.b[f.pos:])
		h := windowHash(w)
		f.places, f.ahead = offsets(p.filter[h>>(p.fshift&63)], h), ahead(w)
		f.pos += stride
	}
}

// seek opens the next gram around the window that passes the grams' filter. It
// reports whether there is one.
func (f *Finder) seek(p *parts) bool {
	for f.places != 0 {
		from := begins(f.pos-stride, f.places, f.ahead)
		f.places &= f.places - 1
		if from < 0 || from+gram > len(f.b) {
			continue
		}
		fore, rev := gramHashes(f.b[from:])
		h := fore ^ rev
		f.from = from
		before, after := f.beside()
		if known(p.grams[h>>(p.gshift&63)], h, before, after) != 0 {
			f.slot, f.tags, f.back, f.open = p.slot(fore, rev), tagsOf(fore, rev), false, true
			return true
		}
	}
	return false
}

// probe goes on through the patterns filed where the gram leads, each forwards
// and then backwards.
func (f *Finder) probe(p *parts) (Value, int, bool) {
	before, after := f.beside()
	for p.table[f.slot] != 0 {
		e := p.table[f.slot]
		back := f.back
		f.back = !back
		if back {
			f.slot = (f.slot + 1) & p.tmask
			if !fits(e, f.tags.rev, after, before) {
				continue
			}
		} else if !fits(e, f.tags.fore, before, after) {
			continue
		}
		i := uint32(e) - 1
		val := p.value[i]
		if at, ok := f.compare(f.x.part(val), f.x.vals[val].flags, f.from, int(p.off[i]), back); ok {
			return Value(val), at, true
		}
	}
	return 0, 0, false
}

// signs are 32 bits by which most patterns are ruled out without a look at them,
// which would cost several misses of the cache: 16 of the gram's hash, and the
// bytes before and behind the gram in the pattern, without regard to case. They
// are 0 if there is none, or if escapes may stand there: thousands of telephone
// numbers differ from ordinary ones in nothing but what stands before the gram.
func signs(h uint64, part []byte, o int, flags uint8) uint64 {
	s := h >> 48
	if flags&(veiled|special) == veiled|special {
		return s
	}
	if o > 0 {
		s |= uint64(part[o-1]|caseBit) << 16
	}
	if o+gram < len(part) {
		s |= uint64(part[o+gram]|caseBit) << 24
	}
	return s
}

// caseBit is the bit that fold sets in each byte.
const caseBit = fold & 0xff

// fits reports whether the signs of a table's entry allow a gram with this tag
// between these bytes.
func fits(entry uint64, tag uint16, before, after uint8) bool {
	b, a := uint8(entry>>48), uint8(entry>>56)
	return uint16(entry>>32) == tag && (b == 0 || b == before) && (a == 0 || a == after)
}

// beside returns the bytes before and behind the gram; 0 where there is none.
func (f *Finder) beside() (before, after uint8) { return beside(f.b, f.from) }

func beside(b []byte, from int) (before, after uint8) {
	if from > 0 {
		before = b[from-1] | caseBit
	}
	if from+gram < len(b) {
		after = b[from+gram] | caseBit
	}
	return before, after
}

// compare holds a pattern whose gram begins at o against the text, where a gram
// that hashes alike begins at from. It sets as and end.
func (f *Finder) compare(part []byte, flags uint8, from, o int, back bool) (at int, ok bool) {
	n := len(part)
	if back {
		at = from + gram + o - n
		if flags&veiled == 0 || at < 0 || at+n > len(f.b) || !equalReversed(f.b[at:at+n], part) {
			return 0, false
		}
		f.as, f.end = Reversed, at+n
		// A palindrome is found forwards.
		return at, !equalFold(f.b[at:at+n], part)
	}
	if at = from - o; at >= 0 && at+n <= len(f.b) {
		f.end = at + n
		text := f.b[at:f.end]
		if string(text) == string(part) {
			f.as = Plain
			return at, true
		}
		if flags&veiled != 0 && equalFold(text, part) {
			f.as = Case
			return at, true
		}
	}
	if flags&(veiled|special) != veiled|special || !equalFold(f.b[from:from+gram], part[o:o+gram]) {
		return 0, false
	}
	f.as = Escaping
	at, f.end, ok = tolerant(f.b, from, part, o)
	return at, ok
}

// skip returns the first position from pos, in steps of stride, whose window
// passes the filter, or -1.
func (p *parts) skip(b []byte, pos int) int {
	if pos+window > len(b) {
		return -1
	}
	filter, shift := p.filter, p.fshift&63
	i := pos
	for c := b[pos:]; len(c) >= 3*stride+window; c = c[4*stride:] {
		h0 := windowHash(le64(c))
		h1 := windowHash(le64(c[stride:]))
		h2 := windowHash(le64(c[2*stride:]))
		h3 := windowHash(le64(c[3*stride:]))
		w0 := filter[h0>>shift]
		w1 := filter[h1>>shift]
		w2 := filter[h2>>shift]
		w3 := filter[h3>>shift]
		m0 := w0 >> (h0 >> 32 & 63) & (w0 >> (h0 >> 26 & 63))
		m1 := w1 >> (h1 >> 32 & 63) & (w1 >> (h1 >> 26 & 63))
		m2 := w2 >> (h2 >> 32 & 63) & (w2 >> (h2 >> 26 & 63))
		m3 := w3 >> (h3 >> 32 & 63) & (w3 >> (h3 >> 26 & 63))
		if (m0|m1|m2|m3)&1 != 0 {
			switch {
			case m0&1 != 0:
				return i
			case m1&1 != 0:
				return i + stride
			case m2&1 != 0:
				return i + 2*stride
			}
			return i + 3*stride
		}
		i += 4 * stride
		if len(c) < 4*stride {
			break
		}
	}
	for ; i+window <= len(b); i += stride {
		h := windowHash(le64(b[i:]))
		w := filter[h>>shift]
		if w>>(h>>32&63)&(w>>(h>>26&63))&1 != 0 {
			return i
		}
	}
	return -1
}

// Bounded reports whether a field of n bytes may begin at b[at:]: at the
// beginning, after a length that PostgreSQL or MySQL writes before a field, or
// after a byte that is no letter or digit (COPY text and CSV, JSON, SQL).
func Bounded(b []byte, at, n int) bool {
	if at == 0 {
		return true
	}
	c := b[at-1]
	switch {
	case c == byte(n), n > 250 && (c == byte(n>>8) || c == byte(n>>16)):
		return true
	}
	return !alphanumeric(c)
}

// Apart reports whether the n bytes at b[at:] are bounded on both sides: no
// letter or digit follows them either. A letter that a backslash makes a tab or
// a line break bounds them too.
func Apart(b []byte, at, n int) bool {
	if end := at + n; end < len(b) && alphanumeric(b[end]) {
		return false
	}
	return Bounded(b, at, n) || at > 1 && b[at-2] == '\\'
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
