package match

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants with well spread bits (from wyhash and the golden ratio).
const (
	mixA   = 0xa0761d6478bd642f
	mixB   = 0xe7037ed1a0b428db
	golden = 0x9e3779b97f4a7c15
)

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hash is a wyhash-like hash of b. All its bits are good.
func hash(b []byte) uint64 {
	n := len(b)
	seed := uint64(n) * golden
	for len(b) > 16 {
		seed = mix(binary.LittleEndian.Uint64(b)^mixA, binary.LittleEndian.Uint64(b[8:])^seed)
		b = b[16:]
	}
	var lo, hi uint64
	switch n := len(b); {
	case n >= 8:
		lo, hi = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		lo, hi = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		lo = uint64(b[0])<<16 | uint64(b[n>>1])<<8 | uint64(b[n-1])
	}
	return mix(mix(lo^mixA, hi^seed), mixB^seed)
}

// ceilLog returns the smallest l with 1<<l >= n.
func ceilLog(n int) uint {
	if n <= 1 {
		return 0
	}
	return uint(bits.Len(uint(n - 1)))
}
