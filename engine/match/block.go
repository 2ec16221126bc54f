package match

import "sync"

// block is what came out of a code.
type block struct {
	n     int
	fresh int // what ends before has been searched
	as    Disguise
	base  int    // how many bytes came out before the first that is kept
	from  origin // of the first byte that ever came out
	near  origin // of one that came out a while before the last hit
	buf   [blockLen]byte
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// newBlock returns an empty block, which goes back to the pool with free.
func newBlock(as Disguise, from origin) *block {
	o := blocks.Get().(*block)
	o.n, o.fresh, o.as, o.base = 0, 0, as, 0
	o.from, o.near = from, from
	return o
}

func (o *block) free() {
	o.from.b, o.near.b = nil, nil
	blocks.Put(o)
}

// put appends a byte that came out; it searches a block that is full.
func (o *block) put(x *Index, c byte, depth int, seen func(Sight) bool) bool {
	if o.n == blockLen && !o.turn(x, depth, seen) {
		return false
	}
	o.buf[o.n] = c
	o.n++
	return true
}

// turn searches a full block and keeps the end of it.
func (o *block) turn(x *Index, depth int, seen func(Sight) bool) bool {
	if !o.search(x, depth, seen) {
		return false
	}
	o.base += o.n - overlap
	copy(o.buf[:], o.buf[o.n-overlap:o.n])
	o.n, o.fresh = overlap, overlap
	return true
}

// search looks for values in the block.
func (o *block) search(x *Index, depth int, seen func(Sight) bool) bool {
	b := o.buf[:o.n]
	if len(b) < gram {
		return true
	}
	for f := x.Find(b); ; {
		v, at, ok := f.Next()
		if !ok {
			break
		}
		if f.End() <= o.fresh {
			continue
		}
		apart := Apart(b, at, f.End()-at) && (at > 0 || o.fresh == 0)
		if x.vals[v].flags&veiled == 0 && !(apart && f.As() == Plain && o.as.coded() && x.firm(v)) {
			continue
		}
		from, to := o.where(at, f.End())
		if !seen(Sight{v, from, to, o.as, apart}) {
			return false
		}
	}
	if o.as != Hex && o.as != Base64 && depth > 0 {
		return true
	}
	return x.hidden(b, depth+1, func(s Sight) bool {
		if s.End <= o.fresh {
			return true
		}
		from, to := o.where(s.At, s.End)
		return seen(Sight{s.Value, from, to, o.as, s.Apart})
	})
}

// where returns the text that buf[at:end] came out of. It undoes the code again,
// from where the last hit was: hits are rare, and notes of every byte are not.
func (o *block) where(at, end int) (from, to int) {
	at, end = at+o.base, end+o.base
	if o.near.n > at {
		o.near = o.from
	}
	// Hits do not come in the order in which they begin.
	for o.near.n < at-2*maxPart && o.near.next() {
	}
	w := o.near
	for w.next() {
		if w.n == at+1 {
			from = w.first
		}
		if w.n == end {
			break
		}
	}
	return from, w.last
}

// Ways in which a code is undone.
const (
	inDigits = iota
	inSteps
	inEscapes
)

// origin undoes a code byte by byte, to tell where each came from.
type origin struct {
	b           []byte
	at          int // the next character
	how         uint8
	n           int   // bytes that came out
	first, last int   // the last of them came from b[first:last]
	step, width int   // inSteps
	digits      digit // inDigits
}

// next moves on to the next byte that comes out.
func (w *origin) next() bool {
	switch w.how {
	case inSteps:
		if w.at+w.width > len(w.b) {
			return false
		}
		w.first, w.last = w.at, w.at+w.width
		w.at += w.step
	case inEscapes:
		_, l := unescape(w.b[w.at:])
		if l == 0 {
			return false
		}
		w.first, w.last = w.at, w.at+l
		w.at += l
	default:
		for {
			before, after := w.digits.before, false
			if w.at, after = w.digits.step(w.b, w.at); w.at < 0 {
				w.at = len(w.b)
				return false
			} else if after {
				w.first, w.last = before, w.at
				break
			}
		}
	}
	w.n++
	return true
}
