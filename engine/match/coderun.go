package match

// A text of ASCII bytes shows in its base64: of a group of four digits, the
// first has its top bit clear, the second its fourth, the third its second. So a
// character allows some of the four places that it may have in its group, and
// eight in a row seldom agree on one, unless they are what they look like.
// Hexadecimal digits likewise have two phases, in which the first of two is
// below 8. What words, names, keys and digests there are in ordinary data pays
// eight look-ups in a small table for eight bytes, and that is all.
const (
	enough64  = 15 // digits that 12 bytes have at least, at any alignment
	enoughHex = 2*gram - 1
)

// Bits of an entry of agree.
const (
	lanes64  = 0x0f // bit p: the first of the eight may be at place p of its group
	lanesHex = 0x30 // bit 4+p: the first may be at place p of two digits
	digits   = 0x40 // hexadecimal digits, or the dash of a uuid
)

// agree holds for the kth character of eight (modulo 4) what it allows.
var (
	agree    [4][256]uint8
	allow64  [256]uint8 // by character: bit p if it may be at place p; 0 if it is no digit
	allowHex [256]uint8
	digit64  [256]byte
)

func init() {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	set := func(c byte, v int) {
		digit64[c] = byte(v)
		allow64[c] = 8
		for place, bit := range [...]int{32, 8, 2} {
			if v&bit == 0 {
				allow64[c] |= 1 << place
			}
		}
	}
	for i := range len(alphabet) {
		set(alphabet[i], i)
	}
	set('+', 62)
	set('-', 62)
	set('/', 63)
	set('_', 63)
	for c, v := range nibble {
		switch {
		case v < 8:
			allowHex[c] = 3
		case v < 16:
			allowHex[c] = 2
		}
		for k := range 4 {
			for place := range 4 {
				agree[k][c] |= allow64[c] >> ((place + k) & 3) & 1 << place
			}
			for place := range 2 {
				agree[k][c] |= allowHex[c] >> ((place + k) & 1) & 1 << (4 + place)
			}
			if v < 16 || c == '-' {
				agree[k][c] |= digits
			}
		}
	}
}

// run looks at the eight characters v at b[i:].
func (w *walk) run(i int, v uint64, seen func(Sight) bool) bool {
	h := agree[0][byte(v)] & agree[1][byte(v>>8)] & agree[2][byte(v>>16)] & agree[3][byte(v>>24)] &
		agree[0][byte(v>>32)] & agree[1][byte(v>>40)] & agree[2][byte(v>>48)] & agree[3][byte(v>>56)]
	if h&(digits|lanesHex) != 0 {
		// There are 24 hexadecimal digits at least: two windows one after the other.
		if w.hexAt != i-8 {
			h &^= digits | lanesHex
		}
		w.hexAt = i
	}
	return h == 0 || w.undo(i, h, seen)
}

// undo follows each alignment that the characters at b[i:] agree on.
func (w *walk) undo(i int, h uint8, seen func(Sight) bool) bool {
	if h&digits != 0 && i >= w.sums {
		if w.sums = w.x.digest(w.b, i, seen); w.sums < 0 {
			return false
		}
	}
	if i < w.coded {
		return true
	}
	for place := range 4 {
		if h>>place&1 != 0 {
			end := w.x.stretch(w.b, i, place, w.depth, Base64, seen)
			if end < 0 {
				return false
			}
			w.coded = max(w.coded, end)
		}
	}
	for place := range 2 {
		if h>>(4+place)&1 != 0 {
			end := w.x.stretch(w.b, i, place, w.depth, Hex, seen)
			if end < 0 {
				return false
			}
			w.coded = max(w.coded, end)
		}
	}
	return true
}

// lineBreak measures a line break, or one that was escaped, at the beginning of
// b: base64 comes in lines of 76 characters.
func lineBreak(b []byte) int {
	switch {
	case b[0] == '\n', b[0] == '\r':
		return 1
	case b[0] == '\\' && len(b) > 1 && (b[1] == 'n' || b[1] == 'r'):
		return 2
	}
	return 0
}

// back returns where the character is that comes before b[j], line breaks left
// out, or -1.
func back(b []byte, j int) int {
	for j > 0 {
		j--
		switch {
		case (b[j] == 'n' || b[j] == 'r') && j > 0 && b[j-1] == '\\':
			j--
		case b[j] == '\n', b[j] == '\r':
		default:
			return j
		}
	}
	return -1
}

// stretch undoes base64 or hexadecimal digits around b[i], which is at the given
// place of its group, as far as they can be those of ASCII bytes. It returns
// where they end, 0 if there are too few, -1 to stop.
func (x *Index) stretch(b []byte, i, place, depth int, as Disguise, seen func(Sight) bool) int {
	allow, last, enough := &allow64, 3, enough64
	if as == Hex {
		allow, last, enough = &allowHex, 1, enoughHex
	}
	from, first, n := i, place, 0
	for {
		k := back(b, from)
		if k < 0 || allow[b[k]]>>((first-1)&last)&1 == 0 {
			// The bits of the byte before are no matter.
			for k >= 0 && first != 0 && allow[b[k]] != 0 {
				from, first = k, (first-1)&last
				k = back(b, from)
			}
			break
		}
		from, first = k, (first-1)&last
		n++
	}
	to, at := i, place
	for to < len(b) {
		if c := b[to]; allow[c]>>at&1 == 0 {
			if l := lineBreak(b[to:]); l > 0 {
				to += l
				continue
			}
			break
		}
		to++
		n++
		at = (at + 1) & last
	}
	if n < enough {
		return 0
	}
	if !x.undigit(b, from, to, first, depth, as, seen) {
		return -1
	}
	return to
}

// undigit undoes b[from:to], whose first digit is at the given place.
func (x *Index) undigit(b []byte, from, to, place, depth int, as Disguise, seen func(Sight) bool) bool {
	o := newBlock(as)
	defer o.free()
	value, last, width := &digit64, 3, 6
	if as == Hex {
		value, last, width = &nibble, 1, 4
	}
	acc, before := uint32(0), -1 // where the character before is
	// The bits that are left over at the end belong to a byte that may end there.
	for at := from; at < len(b); at++ {
		c := b[at]
		if at >= to && (place == 0 || value[c] > 63) {
			break
		}
		if value[c] > 63 || value[c] == 0 && allow64[c] == 0 {
			if l := lineBreak(b[at:]); l > 0 {
				at += l - 1
				continue
			}
			break
		}
		acc = acc<<width | uint32(value[c])
		if place != 0 && before >= 0 {
			out := byte(acc >> (6 - 2*place))
			if as == Hex {
				out = byte(acc)
			}
			if !o.put(x, out, before, at+1, depth, seen) {
				return false
			}
		}
		before, place = at, (place+1)&last
	}
	return o.search(x, depth, seen)
}

// digest looks for a digest in the hexadecimal digits around b[i], which may
// have the dashes of a uuid. It returns where they end, -1 to stop.
func (x *Index) digest(b []byte, i int, seen func(Sight) bool) int {
	if len(x.digests.slots) == 0 {
		return len(b)
	}
	from := i
	for from > 0 && (nibble[b[from-1]] < 16 || b[from-1] == '-') {
		from--
	}
	at := i
	for at < len(b) && (nibble[b[at]] < 16 || b[at] == '-') {
		at++
	}
	var sum [32]byte
	if n, _ := undash(sum[:8], b[from:at]); n < 8 || !x.digests.may(le64(sum[:])) {
		return at
	}
	n, _ := undash(sum[:], b[from:at])
	if v, as, ok := x.Digest(sum[:n]); ok {
		_, l := undash(sum[:as.size()], b[from:at])
		if !seen(Sight{v, from, from + l, as, true}) {
			return -1
		}
	}
	return at
}

// undash reads hexadecimal digits among dashes into dst: how many bytes, and how
// much of b they took.
func undash(dst, b []byte) (n, took int) {
	odd := false
	for at := 0; at < len(b) && n < len(dst); at++ {
		if b[at] == '-' {
			continue
		}
		if odd {
			dst[n] |= nibble[b[at]]
			n++
		} else {
			dst[n] = nibble[b[at]] << 4
		}
		odd, took = !odd, at+1
	}
	return n, took
}
