package match

// A filter that does not fit into a core's own caches is searched in batches. While
// one is looked at, the words of the next are on their way: first the hashes, then
// a request for each word, then the batch before, whose words have come. A look
// that is only waited for when its turn comes holds up what is behind it; a request
// holds up nothing. Nor does anything branch on what a word says, since a branch
// that is foretold wrongly is known to be so only when the word is there.
const (
	heldLooks = 32
	farHeld   = 8 * heldLooks // windows that passed, until their grams are looked at
)

// looks is a batch of windows: where they begin and their hashes.
type looks struct {
	hash [heldLooks]uint64
	at   [heldLooks]int32
	n    int
	next int // where the batch behind it begins
}

// take fills l with the windows of b from i on, and asks for their words. Where no
// gram has a control character, windows that have one are left out: lengths in
// rows' framing have such.
func (p *parts) take(b []byte, i int, l *looks) {
	n, low := 0, p.low
	put := func(at int, w uint64) {
		l.at[n&(heldLooks-1)] = int32(at)
		l.hash[n&(heldLooks-1)] = windowHash(w)
		n += 1 - int(lows(w, low)&1)
	}
	const whole = (heldLooks-1)*stride + window
	if i+whole <= len(b) {
		c := b[i : i+whole : i+whole]
		for k := 0; k < heldLooks*stride; k += 4 * stride {
			d := c[k : k+3*stride+window : k+3*stride+window]
			put(i+k, le64(d))
			put(i+k+stride, le64(d[stride:]))
			put(i+k+2*stride, le64(d[2*stride:]))
			put(i+k+3*stride, le64(d[3*stride:]))
		}
		i += heldLooks * stride
	} else {
		for ; i+window <= len(b); i += stride {
			put(i, le64(b[i:]))
		}
	}
	l.n, l.next = n, i
	fetch(&p.filter[0], &l.hash[0], n, uint64(p.fshift))
}

// passed adds to held, which has n, where those of l begin that pass the filter.
func (p *parts) passed(l *looks, held *[farHeld]int32, n int) int {
	filter, shift := p.filter, p.fshift&63
	for k, h := range l.hash[:l.n] {
		w := filter[h>>shift]
		held[n&(farHeld-1)] = l.at[k]
		n += int(w >> (h >> 32 & 63) & (w >> (h >> 26 & 63)) & 1)
	}
	return n
}

// far reports whether a value stands in b.
func (x *Index) far(b []byte) bool {
	var (
		p     = &x.parts
		batch [2]looks
		held  [farHeld]int32
		n     int
	)
	now, next := &batch[0], &batch[1]
	for p.take(b, 0, now); now.n > 0 || now.next+window <= len(b); now, next = next, now {
		p.take(b, now.next, next)
		if n = p.passed(now, &held, n); n > farHeld-heldLooks {
			if x.farAround(b, held[:n]) {
				return true
			}
			n = 0
		}
	}
	return x.farAround(b, held[:n])
}

// farAround is around, with the words of the next grams on their way as well.
func (x *Index) farAround(b []byte, windows []int32) bool {
	var batch [2]grams
	p := &x.parts
	now, next := &batch[0], &batch[1]
	windows = p.farGrams(b, windows, now)
	for now.n > 0 || len(windows) > 0 {
		windows = p.farGrams(b, windows, next)
		if x.patterns(b, p.knownOf(b, now.held[:now.n])) {
			return true
		}
		now, next = next, now
	}
	return false
}

// grams is a batch of grams, and what their words are asked for by.
type grams struct {
	held [heldGrams]heldGram
	hash [heldGrams]uint64
	n    int
}

// farGrams fills g with the grams around the first of the windows, asks for their
// words, and returns the windows that are left.
func (p *parts) farGrams(b []byte, windows []int32, g *grams) []int32 {
	g.n, windows = p.gramsOf(b, windows, &g.held)
	for i := range g.held[:g.n] {
		g.hash[i] = g.held[i].fore ^ g.held[i].rev
	}
	fetch(&p.grams[0], &g.hash[0], g.n, uint64(p.gshift))
	return windows
}
