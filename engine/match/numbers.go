package match

// Numbers calls seen for values whose characters stand in b by their numbers, in
// decimal, hexadecimal, octal or binary digits, one after the other with the same
// sort of signs between them or of a fixed width: as lists of ascii() or ord(),
// bit(8) or bin() make them. It goes over b once for each base, which ordinary
// results are spared: it is for those of statements that name such functions. It
// reports whether it went to the end. A Sight is all of b.
func (x *Index) Numbers(b []byte, seen func(Sight) bool) bool {
	if x.clear || len(x.parts.table) == 0 || len(b) < 2*gram {
		return true
	}
	for _, base := range [...]int{10, 16, 8, 2} {
		n := numbering{x: x, base: base, size: len(b)}
		if !n.read(b, seen) {
			return false
		}
	}
	return true
}

// numbering undoes numbers of one base.
type numbering struct {
	x    *Index
	base int
	size int // of the text
	o    *block
}

// maxSigns is how many bytes may stand between two numbers.
const maxSigns = 4

func (n *numbering) read(b []byte, seen func(Sight) bool) bool {
	n.o = newBlock(Numbered, origin{})
	defer n.o.free()
	signs := 0
	for i := 0; i < len(b); {
		k := i
		for k < len(b) && int(nibble[b[k]]) < n.base {
			k++
		}
		if k == i {
			// 0x41 begins with a number of its own, which is none.
			x := (b[i] == 'x' || b[i] == 'X') && n.base == 16
			if signs++; signs > maxSigns || !x && alphanumeric(b[i]) {
				if !n.flush(seen) {
					return false
				}
			}
			i++
			continue
		}
		signs = 0
		if n.base == 16 && b[i] == '0' && k == i+1 && k < len(b) && b[k]|0x20 == 'x' {
			i = k
			continue
		}
		if !n.run(b[i:k], seen) {
			return false
		}
		i = k
	}
	return n.flush(seen)
}

// run takes digits that stand together: one number, or several of a width.
func (n *numbering) run(digits []byte, seen func(Sight) bool) bool {
	width := [17]int{2: 8, 8: 3, 10: 3, 16: 2}[n.base]
	most := width
	if n.base == 8 {
		most = 4 // with a zero before
	}
	switch {
	case len(digits) <= most:
		return n.number(digits, seen)
	case len(digits)%width != 0:
		return n.flush(seen)
	}
	for ; len(digits) > 0; digits = digits[width:] {
		if !n.number(digits[:width], seen) {
			return false
		}
	}
	return true
}

func (n *numbering) number(digits []byte, seen func(Sight) bool) bool {
	v := 0
	for _, d := range digits {
		v = v*n.base + int(nibble[d])
	}
	if v < '\t' || v > 0xff {
		return n.flush(seen)
	}
	if n.o.n == blockLen {
		if !n.search(seen) {
			return false
		}
		copy(n.o.buf[:], n.o.buf[blockLen-overlap:])
		n.o.n, n.o.fresh = overlap, overlap
	}
	n.o.buf[n.o.n] = byte(v)
	n.o.n++
	return true
}

// flush searches what has come and begins anew.
func (n *numbering) flush(seen func(Sight) bool) bool {
	ok := n.search(seen)
	n.o.n, n.o.fresh = 0, 0
	return ok
}

func (n *numbering) search(seen func(Sight) bool) bool {
	return n.x.bare(n.o.buf[:n.o.n], n.o.fresh, func(v Value, apart bool) bool {
		return seen(Sight{v, 0, n.size, Numbered, apart})
	})
}

// bare looks for values that end behind fresh in what came out of a code that
// nothing but an encoder can have made.
func (x *Index) bare(b []byte, fresh int, seen func(v Value, apart bool) bool) bool {
	if len(b) < gram {
		return true
	}
	for f := x.Find(b); ; {
		v, at, ok := f.Next()
		if !ok {
			return true
		}
		if f.End() <= fresh {
			continue
		}
		apart := Apart(b, at, f.End()-at) && (at > 0 || fresh == 0)
		if x.vals[v].flags&veiled == 0 && !(apart && f.As() == Plain && x.firm(v)) {
			continue
		}
		if !seen(v, apart) {
			return false
		}
	}
}
