package seeder

import (
	"crypto/sha256"
	"encoding/binary"
)

// seedOf makes the seed of a plan for a copy: with the same seed, each copy's
// rows differ, so that a leak names its copy. Without a copy it is seed itself.
func seedOf(seed uint64, copy string) uint64 {
	if copy == "" {
		return seed
	}
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), "copy "+copy...))
	return binary.BigEndian.Uint64(sum[:]) | 1
}
