package match

// Suspect goes through a region in passes over some windows at a time: windows
// that the filter knows, grams around them that theirs knows, patterns filed
// there. What a pass leaves goes into a list, and words from beyond the nearer
// caches are fetched by loops that do nothing else, so that the processor asks for
// many while it waits for the first. With a million tokens that waiting is most of
// what a search costs: see far.
const (
	heldWindows = 32
	heldGrams   = 32
)

// windows collects where windows begin that pass the filter, from pos on, until
// held is nearly full or b ends. It returns how many, and where to go on; the
// end is beyond the last window.
func (p *parts) windows(b []byte, pos int, held *[heldWindows]int32) (n, next int) {
	filter, shift := p.filter, p.fshift&63
	i := pos
	for ; i+3*stride+window <= len(b) && n <= heldWindows-4; i += 4 * stride {
		c := b[i : i+3*stride+window : i+3*stride+window]
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
			n = keepFour(held, n, i, m0&1, m1&1, m2&1, m3&1)
		}
	}
	return p.last(b, i, n, held)
}

// keepFour adds those of four windows that passed.
func keepFour(held *[heldWindows]int32, n, i int, m0, m1, m2, m3 uint64) int {
	held[n&(heldWindows-1)] = int32(i)
	n += int(m0)
	held[n&(heldWindows-1)] = int32(i + stride)
	n += int(m1)
	held[n&(heldWindows-1)] = int32(i + 2*stride)
	n += int(m2)
	held[n&(heldWindows-1)] = int32(i + 3*stride)
	return n + int(m3)
}

// last is windows for the last few of b.
func (p *parts) last(b []byte, i, n int, held *[heldWindows]int32) (int, int) {
	if n > heldWindows-4 {
		return n, i
	}
	for ; i+window <= len(b) && n < heldWindows; i += stride {
		h := windowHash(le64(b[i:]))
		w := p.filter[h>>(p.fshift&63)]
		held[n] = int32(i)
		n += int(w >> (h >> 32 & 63) & (w >> (h >> 26 & 63)) & 1)
	}
	return n, i
}

// lows is all ones if a byte of w is below that of low in its place, else zero. It
// does without a branch, which could not be foretold.
func lows(w, low uint64) uint64 {
	m := (w - low) &^ w & highs
	return uint64(int64(m|-m) >> 63)
}

// heldGram is a gram: where it begins, its hashes in both directions, and its
// word in the filter.
type heldGram struct {
	from            int
	fore, rev, word uint64
}

// around reports whether a value stands around one of the windows.
func (x *Index) around(b []byte, windows []int32) bool {
	var held [heldGrams]heldGram
	p := &x.parts
	for len(windows) > 0 {
		var n int
		n, windows = p.gramsOf(b, windows, &held)
		if x.patterns(b, p.knownOf(b, held[:n])) {
			return true
		}
	}
	return false
}

// gramsOf fills held with the grams that can stand around the first of the
// windows. It returns how many, and the windows that are left.
func (p *parts) gramsOf(b []byte, windows []int32, held *[heldGrams]heldGram) (n int, left []int32) {
	filter, shift := p.filter, p.fshift&63
	for k, at := range windows {
		if n > heldGrams-stride {
			return n, windows[k:]
		}
		w := le64(b[at:])
		h := windowHash(w)
		ahead := ahead(w)
		for places := offsets(filter[h>>shift], h); places != 0; places &= places - 1 {
			from := begins(int(at), places, ahead)
			if from < 0 || from+gram > len(b) {
				continue
			}
			fore, rev := gramHashes(b[from:])
			held[n&(heldGrams-1)] = heldGram{from, fore, rev, 0}
			n++
		}
	}
	return n, nil
}

// knownOf leaves those grams of held that pass the filter.
func (p *parts) knownOf(b []byte, held []heldGram) []heldGram {
	shift := p.gshift & 63
	for i := range held {
		held[i].word = p.grams[(held[i].fore^held[i].rev)>>shift]
	}
	n := 0
	for i := range held {
		g := held[i]
		before, after := beside(b, g.from)
		held[n] = g
		n += int(known(g.word, g.fore^g.rev, before, after))
	}
	return held[:n]
}

// patterns reports whether a pattern stands around one of the grams.
func (x *Index) patterns(b []byte, held []heldGram) bool {
	p := &x.parts
	for i := range held {
		held[i].word = p.table[p.slot(held[i].fore, held[i].rev)]
	}
	for i := range held {
		g := &held[i]
		if g.word == 0 {
			continue
		}
		f := Finder{x: x, b: b, from: g.from, slot: p.slot(g.fore, g.rev), tags: tagsOf(g.fore, g.rev)}
		for {
			v, at, ok := f.probe(p)
			if !ok {
				break
			}
			if x.vals[v].flags&anywhere != 0 || Bounded(b, at, x.Len(v)) {
				return true
			}
		}
	}
	return false
}

// Suspect reports whether a value of MinPart bytes or more stands in region,
// which may be any number of rows with their framing: anywhere if the value is
// strong, plain or in a disguise, else where a field can begin.
func (x *Index) Suspect(region []byte) bool {
	switch p := &x.parts; {
	case len(p.table) == 0:
	case p.near && x.near(region), !p.near && x.far(region):
		return true
	}
	return !x.hidden(region, 0, func(Sight) bool { return false })
}

// near reports whether a value stands in b, whose filter is at hand.
func (x *Index) near(b []byte) bool {
	var held [heldWindows]int32
	for n, pos := 0, 0; pos+window <= len(b); {
		if n, pos = x.parts.windows(b, pos, &held); n > 0 && x.around(b, held[:n]) {
			return true
		}
	}
	return false
}
