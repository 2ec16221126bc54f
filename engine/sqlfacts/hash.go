package sqlfacts

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// seeds key the hash of shapes. They are drawn anew in each process, so that
// nobody outside can make two texts collide; hence shapes are never stored:
// what has to outlive the process is Text.Readable, whose shape is asked anew.
var seeds [4]uint64

func init() {
	for i := range seeds {
		seeds[i] = maphash.String(maphash.MakeSeed(), "shape") | 1
	}
}

// mum mixes two words into one, as wyhash does: the halves of their product.
func mum(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix adds x to the hash h.
func mix(h, x uint64) uint64 { return mum(h^seeds[0], x^seeds[1]) }

// more adds x as the continuation of what was added before.
func more(h, x uint64) uint64 { return mum(h^seeds[2], x^seeds[3]) }

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// uppers says which bytes of w are A to Z, by their highest bits.
func uppers(w uint64) uint64 {
	low := w &^ tops
	ge := low + (0x80-'A')*ones
	gt := low + (0x7f-'Z')*ones
	return (ge ^ gt) & ^w & tops
}

// folded is w, bytes of words, with A to Z as a to z, and the underscore as a
// byte that words do not have.
func folded(w uint64) uint64 { return w | (w&(0x40*ones))>>1&^((w&tops)>>2) }

// masks keep that many bytes of a word.
var masks = [16]uint64{
	0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, 1<<64 - 1,
}

// load returns up to eight bytes of b from i on, in the order of the text from
// the lowest byte up; n is how many, 0 to 8.
func load(b []byte, i, n int) uint64 {
	if i+8 <= len(b) {
		return binary.LittleEndian.Uint64(b[i:i+8]) & masks[n&15]
	}
	return loadEnd(b, i, n)
}

// loadEnd is load near the end of b.
func loadEnd(b []byte, i, n int) uint64 {
	var w uint64
	for j := range n {
		w |= uint64(b[i+j]) << (8 * uint(j) & 63)
	}
	return w
}

// hashBytes adds b to h, byte by byte as it stands.
func hashBytes(h uint64, b []byte) uint64 {
	h = more(h, uint64(len(b)))
	for i := 0; i < len(b); i += 8 {
		h = more(h, load(b, i, min(8, len(b)-i)))
	}
	return h
}
