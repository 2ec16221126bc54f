package engine

import (
	"hash/crc32"
	"slices"
	"strconv"

	"honeyrow/engine/match"
	"honeyrow/token"
)

// checksums are the CRC-32 (IEEE 802.3, as MySQL's CRC32) of strong values. With
// 32 bits one of 10,000 values is met in every 430,000 numbers, so they are
// looked for only in the results of statements that name crc32, and count only
// if the chance of meeting one in what has been read is small.
type checksums struct {
	x    *match.Index
	sums []uint64 // sum<<32 | token, sorted
}

// minSummed is the length of the shortest value whose checksum counts.
const minSummed = 8

// checksumsOf returns the checksums of the values of x; they are computed when a
// statement first names them.
func (e *Engine) checksumsOf(x *match.Index) *checksums {
	if c := e.sums.Load(); c != nil && c.x == x {
		return c
	}
	c := &checksums{x: x}
	for i := range x.Tokens() {
		if k := x.Traits(uint32(i)); k.Strength != token.Strong || k.Key {
			continue
		}
		t := x.Token(uint32(i))
		if len(t.Value) >= minSummed && (t.State == "" || t.State.Watched()) {
			c.sums = append(c.sums, uint64(crc32.ChecksumIEEE([]byte(t.Value)))<<32|uint64(i))
		}
	}
	slices.Sort(c.sums)
	e.sums.Store(c)
	return c
}

// find returns a token whose value has the sum.
func (c *checksums) find(sum uint32) (uint32, bool) {
	i, _ := slices.BinarySearch(c.sums, uint64(sum)<<32)
	if i == len(c.sums) || uint32(c.sums[i]>>32) != sum {
		return 0, false
	}
	return uint32(c.sums[i]), true
}

// checksum looks whether a field is the checksum of a value.
func (w *rows) checksum(at view, i int, b []byte, col *columnWatch) {
	sum, ok := sumOf(b, col.binary && !w.run.s.mysql)
	if !ok || col.set != nil {
		return
	}
	tok, ok := w.demand.crcs.find(sum)
	if !ok {
		return
	}
	l := w.tries(at, meansField)
	if w.isProven(w.watch.x.RowOf(tok)) || chance(32, l.tries*float64(len(w.demand.crcs.sums))) <= silence {
		w.report(at, i, tok, meansDisguised+" "+meansCRC, l)
	}
}

// sumOf reads a field as a sum: a decimal number, eight hexadecimal digits, or
// an integer in binary format.
func sumOf(b []byte, binary bool) (uint32, bool) {
	if n, ok := integer(b); ok && binary && len(b) > 2 {
		return uint32(n), n == int64(uint32(n)) || n == int64(int32(n))
	}
	if len(b) == 0 || len(b) > 11 {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return uint32(n), n == int64(uint32(n)) || n == int64(int32(n))
	}
	if len(b) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 16, 32)
	return uint32(n), err == nil
}
