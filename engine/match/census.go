package match

import "math/bits"

// census chooses which windows of a pattern to file: those that few other
// patterns share and that look least like ordinary text. Decoy addresses end
// alike and keys begin alike; filed there, one window would lead to thousands
// of patterns and be met in every row of ordinary data.
type census struct {
	seen  []uint8 // how many windows fell here, saturating
	shift uint
}

// candidates bounds how many places of a pattern are weighed.
const candidates = 8

func newCensus(keys int) *census {
	l := min(max(ceilLog(keys*8), 8), 23)
	return &census{seen: make([]uint8, 1<<l), shift: 64 - l}
}

func (c *census) at(b []byte) *uint8 { return &c.seen[le64(b)*golden>>(c.shift&63)] }

// step spreads the candidates over a long pattern.
func step(n int) int { return (n-window-stride+1)/candidates + 1 }

func (c *census) count(b []byte) {
	d := step(len(b))
	for o := 0; o+stride-1+window <= len(b); o += d {
		// The middle window stands for the five.
		if s := c.at(b[o+stride/2:]); *s < 255 {
			*s++
		}
	}
}

// choose returns the offset of the first of the five windows.
func (c *census) choose(b []byte) int {
	best, bestScore := 0, -1<<30
	d := step(len(b))
	for o := 0; o+stride-1+window <= len(b); o += d {
		shared := bits.Len8(*c.at(b[o+stride/2:]))
		score := worth(b[o:o+gram]) - 12*shared
		if score > bestScore {
			best, bestScore = o, score
		}
	}
	return best
}

// worth guesses how seldom the bytes of a gram stand in ordinary data, and
// prefers grams that escapes and decoders leave as they are: a value is found in
// escapes only around such a one, and in hexadecimal digits and base64 only by
// ASCII. One that eight patterns share is worth less than none.
func worth(b []byte) int {
	var lo, hi uint64 // set of byte values, folded to 128
	score, all := 0, uint8(0)
	for _, c := range b {
		k := kinds[c]
		all |= k
		score += int(k & 3)
		if c < 64 {
			lo |= 1 << (c & 63)
		} else {
			hi |= 1 << (c & 63)
		}
	}
	score += 3 * (bits.OnesCount64(lo) + bits.OnesCount64(hi))
	switch {
	case all&beyondASCII != 0:
		return score
	case all&unsafe != 0:
		return score + 24
	}
	return score + 48
}

// Bits of an entry of kinds, beside what the byte scores.
const (
	unsafe      = 4
	beyondASCII = 8
)

var kinds = func() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z':
			t[i] = 2
		case c >= 0x80:
			t[i] = 1 | beyondASCII
		}
		if !safe(c) {
			t[i] |= unsafe
		}
	}
	return t
}()
