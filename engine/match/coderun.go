package match

import (
	"crypto/md5"
	"encoding/binary"
)

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
	group64  [4][256]uint32 // by place: the digit where it belongs in 24 bits; more if it is none
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
	for c := range 256 {
		for place := range 4 {
			if group64[place][c] = 1 << 24; allow64[c] != 0 {
				group64[place][c] = uint32(digit64[c]) << (18 - 6*place)
			}
		}
	}
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

// codeLike rules out most words: of eight letters and digits that are neither
// hexadecimal digits nor in base64, where of two that are four apart both have
// to be capitals or one of a to f. It lets by a few others.
func codeLike(v uint64) bool {
	letter, late := v<<1, v<<3|v<<4 // in the top bits: from @ on; beyond the eighth of its row
	start := letter & (^v<<2 | ^late)
	return letter&late&highs == 0 || start&(start>>32)&(highs>>32) != 0
}

// run looks at the eight characters v at b[i:].
func (w *walk) run(i int, v uint64, seen func(Sight) bool) bool {
	if !codeLike(v) || !runLike(v) {
		return true
	}
	h := agree[0][byte(v)] & agree[1][byte(v>>8)] & agree[2][byte(v>>16)] & agree[3][byte(v>>24)] &
		agree[0][byte(v>>32)] & agree[1][byte(v>>40)] & agree[2][byte(v>>48)] & agree[3][byte(v>>56)]
	if h&(digits|lanesHex) != 0 {
		// There are 24 hexadecimal digits at least: two windows one after the other.
		again := w.hexAt == i-8
		w.hexAt = i
		switch {
		case !again:
			h &^= digits | lanesHex
			w.summed = false
		case !w.summed:
			w.summed = true
			if !w.x.digest(w.b, i, seen) {
				return false
			}
		}
	}
	return h&(lanes64|lanesHex) == 0 || i < w.coded || w.undo(i, h, seen)
}

// undo follows each alignment that the characters at b[i:] agree on.
func (w *walk) undo(i int, h uint8, seen func(Sight) bool) bool {
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
		for last == 3 && at == 0 && to+4 <= len(b) &&
			allow[b[to]]&(allow[b[to+1]]>>1)&(allow[b[to+2]]>>2)&(allow[b[to+3]]>>3)&1 != 0 {
			to, n = to+4, n+4
		}
		for last == 1 && at == 0 && to+2 <= len(b) && allow[b[to]]&(allow[b[to+1]]>>1)&1 != 0 {
			to, n = to+2, n+2
		}
		if to == len(b) {
			break
		}
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

// digit undoes base64 or hexadecimal digits one by one.
type digit struct {
	hex    bool
	place  int // of the next one in its group
	to     int // from here on only a group that has begun is ended
	before int // where the last one is, or -1
	acc    uint32
}

// value returns 64 and more for what is no digit.
func (d *digit) value(c byte) byte {
	switch {
	case d.hex:
		return nibble[c]
	case allow64[c] == 0:
		return 255
	}
	return digit64[c]
}

// step takes the next digit, at b[at] or after line breaks. It returns where to
// go on, -1 at the end, and whether a byte is complete: it came from what begins
// at before, as that was, and ends at next.
func (d *digit) step(b []byte, at int) (next int, out bool) {
	for ; at < len(b); at++ {
		v := d.value(b[at])
		switch {
		case at >= d.to && (d.place == 0 || v > 63):
			return -1, false
		case v > 63:
			l := lineBreak(b[at:])
			if l == 0 {
				return -1, false
			}
			at += l - 1
			continue
		}
		last, width := 3, 6
		if d.hex {
			last, width = 1, 4
		}
		d.acc = d.acc<<width | uint32(v)
		out = d.place != 0 && d.before >= 0
		d.before = at
		d.place = (d.place + 1) & last
		return at + 1, out
	}
	return -1, false
}

// byte returns the one that step completed.
func (d *digit) byte() byte {
	if d.hex {
		return byte(d.acc)
	}
	return byte(d.acc >> (6 - 2*((d.place-1)&3)))
}

// undigit undoes b[from:to], whose first digit is at the given place.
func (x *Index) undigit(b []byte, from, to, place, depth int, as Disguise, seen func(Sight) bool) bool {
	d := digit{hex: as == Hex, place: place, to: to, before: -1}
	o := newBlock(as, origin{b: b, at: from, how: inDigits, digits: d})
	defer o.free()
	// The bits that are left over at the end belong to a byte that may end there.
	for at := from; ; {
		if d.place == 0 {
			if at = d.groups(o, b, at); o.n > blockLen-4 && !o.turn(x, depth, seen) {
				return false
			}
		}
		next, out := d.step(b, at)
		if next < 0 {
			break
		}
		at = next
		if out && !o.put(x, d.byte(), depth, seen) {
			return false
		}
	}
	return o.search(x, depth, seen)
}

// groups undoes whole groups without line breaks among them, from b[at:] on, as
// long as o has room. It returns where it stopped.
func (d *digit) groups(o *block, b []byte, at int) int {
	n := o.n
	if d.hex {
		for ; at+2 <= d.to && n <= blockLen-4; at += 2 {
			hi, lo := nibble[b[at]], nibble[b[at+1]]
			if hi|lo > 15 {
				break
			}
			o.buf[n] = hi<<4 | lo
			n++
		}
	} else {
		for ; at+4 <= d.to && n <= blockLen-4; at += 4 {
			c := b[at : at+4 : at+4]
			v := group64[0][c[0]] | group64[1][c[1]] | group64[2][c[2]] | group64[3][c[3]]
			if v>>24 != 0 {
				break
			}
			dst := o.buf[n : n+3 : n+3]
			dst[0], dst[1], dst[2] = byte(v>>16), byte(v>>8), byte(v)
			n += 3
		}
	}
	if n > o.n {
		d.before, o.n = at-1, n
	}
	return at
}

// digest looks for a digest in the hexadecimal digits around b[i], which may
// have the dashes of a uuid; sixteen of them are around b[i].
func (x *Index) digest(b []byte, i int, seen func(Sight) bool) bool {
	if len(x.digests.slots) == 0 {
		return true
	}
	from := i - 8
	for from > 0 && (nibble[b[from-1]] < 16 || b[from-1] == '-') {
		from--
	}
	if from+2*md5.Size > len(b) {
		return true // fewer digits than the shortest has
	}
	for k := from + 2*md5.Size - 1; k >= from+16; k-- { // from where ordinary keys are over
		if nibble[b[k]] > 15 && b[k] != '-' {
			return true
		}
	}
	if sum, ok := beginning(b[from:]); !ok || !x.digests.may(sum) {
		return true
	}
	var sum [32]byte
	n, _ := undash(sum[:], b[from:])
	if v, as, ok := x.Digest(sum[:n]); ok {
		_, l := undash(sum[:as.size()], b[from:])
		return seen(Sight{v, from, from + l, as, true})
	}
	return true
}

// beginning returns the first eight bytes that hexadecimal digits and dashes
// stand for. The first sixteen of b are known to be such.
func beginning(b []byte) (sum uint64, ok bool) {
	lo, hi := le64(b), le64(b[8:])
	if len(b) >= 18 && b[8] == '-' && b[13] == '-' && nibble[b[16]]|nibble[b[17]] < 16 {
		hi = uint64(binary.LittleEndian.Uint32(b[9:])) | uint64(binary.LittleEndian.Uint32(b[14:]))<<32 // as in a uuid
	}
	if !dashed(lo) && !dashed(hi) {
		return uint64(unhex(lo)) | uint64(unhex(hi))<<32, true
	}
	var buf [8]byte
	n, _ := undash(buf[:], b)
	return le64(buf[:]), n == len(buf)
}

// dashed reports whether one of 8 bytes, hexadecimal digits and dashes, is a dash.
func dashed(w uint64) bool { return (w-'0'*ones)&highs != 0 }

// unhex turns eight hexadecimal digits into four bytes.
func unhex(w uint64) uint32 {
	w = w&(0x0f*ones) + 9*(w>>6&ones)
	w = (w<<4 | w>>8) & 0x00ff00ff00ff00ff
	w = (w | w>>8) & 0x0000ffff0000ffff
	return uint32(w | w>>16)
}

// undash reads hexadecimal digits among dashes into dst: how many bytes, and how
// much of b they took.
func undash(dst, b []byte) (n, took int) {
	odd := false
	for at := 0; at < len(b) && n < len(dst); at++ {
		if b[at] == '-' {
			continue
		}
		if nibble[b[at]] > 15 {
			break
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
