package match

import "bytes"

// Values in a code are found by undoing it: filing each value in each code
// would cost more memory, and more misses of the cache, than the codes' own
// looks give away. In hexadecimal digits at every phase, base64 at every
// alignment and UTF-16 a value has 35 windows instead of 5: by the table at
// bigFilter that would be some 800 MB/s with 10,000 tokens and 230 with
// 1,000,000, before any escape or separator (estimated, not tried).
//
// One cheap look at every 8 bytes says whether they can lie in a run of digits
// and letters that is long enough, one at every 16 whether bytes come again at
// a distance of two to five; '\\', '&' and the second byte of zlib's header are
// looked for with the processor's widest registers. What passes is undone in a
// small buffer, and that is searched like any text, two codes deep.
const (
	maxDepth = 2 // of codes in codes

	// blockLen is how much of what comes out is searched at once, overlap how
	// much of it again: a value, as compared, may lie across.
	blockLen = 2048
	overlap  = maxPart
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// hidden calls seen for values in codes until it returns false; it reports
// whether it went to the end.
func (x *Index) hidden(b []byte, depth int, seen func(Sight) bool) bool {
	if x.clear || depth >= maxDepth || len(x.parts.table) == 0 && len(x.digests.slots) == 0 {
		return true
	}
	// The shortest base64, escapes (of three bytes) and stream of zlib.
	if len(b) < enough64 || !x.codes(b, depth, seen) {
		return len(b) < enough64
	}
	if len(b) < 3*gram {
		return depth > 0 || len(b) < gram+8 || x.compressed(b, seen)
	}
	return x.chains(b, '\\', depth, seen) && x.chains(b, '&', depth, seen) && (depth > 0 || x.compressed(b, seen))
}

// runLike reports whether all of 8 bytes may be letters, digits, or one of the
// signs of the base64 alphabets, or a few more, which cost nothing to let by.
func runLike(w uint64) bool {
	from := w + (0x80-'+')*ones
	beyond := w + (0x7f-'9')*ones
	letter := (w | fold) + (0x80-'a')*ones
	return (from&^beyond|letter)&^w&highs == highs
}

// four reports whether all but one of four bytes may come again four later, five
// the same of five; y is w xor what comes so much later. Of the bytes that come
// again two stand together at an even place. (Counting them costs twice as much.)
func four(y uint64) bool {
	z := uint32(y | y>>32)
	return z&0xffff == 0 || z>>16 == 0
}

func five(y uint64) bool { return y&0xffff == 0 || y&0xffff0000 == 0 }

// pairs reports whether bytes come again two or three later; y3 is w xor the
// eight bytes that begin three later.
func pairs(w, y3 uint64) int {
	d := w ^ w>>16
	switch {
	case d&0x000000ff00ff00ff == 0, d&0x0000ff00ff00ff00 == 0:
		return 2
	case y3&0x00ff0000ff0000ff == 0, y3&0xff0000ff0000ff00 == 0, y3&0x0000ff0000ff0000 == 0:
		return 3
	}
	return 0
}

// dense reports whether no byte of w is below '+' or beyond ASCII: what has a
// blank, a length of rows' framing or a quote in it is ruled out here. It lets
// by more than runLike, for a third of the cost.
func dense(w uint64) bool { return ((w-'+'*ones)|w)&highs == 0 }

// walk is how far a text has been undone.
type walk struct {
	x      *Index
	b      []byte
	depth  int
	coded  int  // base64 and hexadecimal digits, to here
	spaced int  // spaced characters
	hexAt  int  // the last window that may be hexadecimal digits
	summed bool // whether a digest was looked for where its run begins
}

// codes looks for runs of digits and letters, and for characters with the same
// bytes between them: those at a distance of two and three in every 16 bytes,
// of four and five in every 32, since 12 of them are longer.
func (x *Index) codes(b []byte, depth int, seen func(Sight) bool) bool {
	w := walk{x: x, b: b, depth: depth, hexAt: -2 * window}
	i := 0
	for ; i+48 <= len(b); i += 32 {
		c := b[i : i+48 : i+48]
		w0, w1, w2, w3 := le64(c), le64(c[8:]), le64(c[16:]), le64(c[24:])
		if dense(w0) && !w.run(i, w0, seen) || dense(w1) && !w.run(i+8, w1, seen) ||
			dense(w2) && !w.run(i+16, w2, seen) || dense(w3) && !w.run(i+24, w3, seen) {
			return false
		}
		if p := pairs(w0, w0^le64(c[3:])); p != 0 && !w.period(i, p, seen) {
			return false
		}
		if four(w0^le64(c[4:])) && !w.period(i, 4, seen) || five(w0^le64(c[5:])) && !w.period(i, 5, seen) {
			return false
		}
		if p := pairs(w2, w2^le64(c[19:])); p != 0 && !w.period(i+16, p, seen) {
			return false
		}
	}
	return w.rest(i, seen)
}

// rest does the same with what is left at the end.
func (w *walk) rest(i int, seen func(Sight) bool) bool {
	var tail [64]byte
	copy(tail[:], w.b[i:])
	for k := 0; i+k+window <= len(w.b); k += 8 {
		c := tail[k:]
		v := le64(c)
		if dense(v) && !w.run(i+k, v, seen) {
			return false
		}
		if p := pairs(v, v^le64(c[3:])); p != 0 && !w.period(i+k, p, seen) {
			return false
		}
		if four(v^le64(c[4:])) && !w.period(i+k, 4, seen) || five(v^le64(c[5:])) && !w.period(i+k, 5, seen) {
			return false
		}
	}
	return true
}

func (w *walk) period(i, p int, seen func(Sight) bool) bool {
	if i >= w.spaced {
		w.spaced = w.x.spaced(w.b, i, p, w.depth, seen)
	}
	return w.spaced >= 0
}

// firm reports whether v is the text of a firm token.
func (x *Index) firm(v Value) bool {
	for _, r := range x.Refs(v) {
		if t := x.Traits(r.Token); r.Form == Text && !t.Key && t.Strength != 0 {
			return true
		}
	}
	return false
}

// spaced undoes characters, or pairs of hexadecimal digits, with the same p-1
// bytes (or the same byte) between them, around b[i]. It returns where to go
// on, -1 to stop.
func (x *Index) spaced(b []byte, i, p, depth int, seen func(Sight) bool) int {
	for q := i; q < i+p && q+p < len(b); q++ {
		// Mostly zeros, as in rows' framing and binary numbers: no characters.
		if b[q] < ' ' {
			continue
		}
		if n := x.characters(b, q, p, 1, depth, seen); n < 0 {
			return -1
		} else if n > 0 {
			return n
		}
		if p == 3 {
			if n := x.characters(b, q, p, 2, depth, seen); n < 0 {
				return -1
			} else if n > 0 {
				return n
			}
		}
	}
	return i
}

// characters undoes items of n bytes, one at b[q:], that come every p bytes. It
// returns the end of the last, 0 if there are too few, -1 to stop.
func (x *Index) characters(b []byte, q, p, n, depth int, seen func(Sight) bool) int {
	if q+p+n > len(b) || !item(b[q:], n) {
		return 0
	}
	sep := b[q+n : q+p]
	for _, c := range sep {
		if alphanumeric(c) && c < 0x80 {
			return 0
		}
	}
	last := q
	for last+p+n <= len(b) && string(b[last+n:last+p]) == string(sep) && item(b[last+p:], n) {
		last += p
	}
	if last == q {
		return 0
	}
	first := q
	for first >= p && string(b[first-p+n:first]) == string(sep) && item(b[first-p:], n) {
		first -= p
	}
	if (last-first)/p+1 < gram {
		return 0
	}
	as := Spaced
	switch {
	case n == 2:
		as = Hex
	case sep[0] == 0:
		as = Wide
	}
	o := newBlock(as, origin{b: b, at: first, how: inSteps, step: p, width: n})
	defer o.free()
	for k := first; k <= last; k += p {
		c := b[k]
		if n == 2 {
			c = nibble[b[k]]<<4 | nibble[b[k+1]]
		}
		if !o.put(x, c, depth, seen) {
			return -1
		}
	}
	if !o.search(x, depth, seen) {
		return -1
	}
	return last + n
}

// item reports whether b begins with a character, or with two hexadecimal digits.
func item(b []byte, n int) bool {
	if n == 2 {
		return nibble[b[0]] < 16 && nibble[b[1]] < 16
	}
	return b[0] >= ' '
}

// chains undoes escapes that follow one another, each beginning with lead.
func (x *Index) chains(b []byte, lead byte, depth int, seen func(Sight) bool) bool {
	for p := 0; ; {
		k := bytes.IndexByte(b[p:], lead)
		if k < 0 {
			return true
		}
		from := p + k
		n := 0
		for p = from; ; n++ {
			_, l := unescape(b[p:])
			if l == 0 {
				break
			}
			p += l
		}
		if n < gram {
			p = max(p, from+1)
			continue
		}
		if !x.chain(b[:p], from, depth, seen) {
			return false
		}
	}
}

func (x *Index) chain(b []byte, from, depth int, seen func(Sight) bool) bool {
	o := newBlock(Escaping, origin{b: b, at: from, how: inEscapes})
	defer o.free()
	for from < len(b) {
		c, l := unescape(b[from:])
		if !o.put(x, c, depth, seen) {
			return false
		}
		from += l
	}
	return o.search(x, depth, seen)
}

// unescape reads one numeric escape: \x41, \u0041, \101, &#65;, &#x41;. The
// length is 0 if b begins with none.
func unescape(b []byte) (c byte, n int) {
	if len(b) < 4 {
		return 0, 0
	}
	base, from, to := 16, 2, 4
	switch {
	case b[0] == '\\' && (b[1] == 'x' || b[1] == 'X'):
	case b[0] == '\\' && (b[1] == 'u' || b[1] == 'U'):
		to = 6
	case b[0] == '\\':
		base, from = 8, 1
	case b[1] != '#':
		return 0, 0
	default:
		base, to = 10, min(len(b), 8)
		if b[2] == 'x' || b[2] == 'X' {
			base, from = 16, 3
		}
	}
	if to > len(b) {
		return 0, 0
	}
	v, i := 0, from
	for ; i < to && int(nibble[b[i]]) < base; i++ {
		v = v*base + int(nibble[b[i]])
	}
	if b[0] == '&' {
		if i == from || i == len(b) || b[i] != ';' {
			return 0, 0
		}
		to = i + 1
	} else if i < to {
		return 0, 0
	}
	if v > 0xff {
		return 0, 0
	}
	return byte(v), to
}

// nibble is the value of a hexadecimal digit, 255 of anything else.
var nibble = func() (t [256]byte) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = byte(c - '0')
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			t[c] = byte(c|0x20) - 'a' + 10
		default:
			t[c] = 255
		}
	}
	return t
}()
