package match

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
)

// digests finds the MD5, SHA-1 and SHA-256 of strong tokens' texts by their
// first eight bytes. A slot keeps 32 bits of them and the value, 8 bytes in all;
// what they lead to is computed again and compared whole.
//
// CRC32 is not looked for: it has 32 bits, so a set of 10,000 tokens would meet
// one by chance in every 430,000 fields.
type digests struct {
	filter []uint64 // by the low bits: two bits of one word, 8 to 16 bits a digest
	slots  []uint64 // tag<<32 | value+1; 0 is empty
	mask   uint64
}

// maxDigested bounds the tokens whose digests are filed: 24 to 48 bytes and
// half a microsecond each.
const maxDigested = 2_000_000

// minDigested is the length of the shortest text whose digests are filed: those
// of shorter ones stand in lists.
const minDigested = 8

func (d *digests) build(x *Index) {
	n := 0
	for v := range x.vals {
		if x.digested(v) {
			n++
		}
	}
	if n == 0 || n > maxDigested {
		return
	}
	l := ceilLog(n * 4)
	d.slots, d.mask = make([]uint64, 1<<l), 1<<l-1
	d.filter = make([]uint64, 1<<(max(l, 3)-3))
	for v := range x.vals {
		if !x.digested(v) {
			continue
		}
		b := x.bytes(uint32(v))
		m, s1, s2 := md5.Sum(b), sha1.Sum(b), sha256.Sum256(b)
		for _, sum := range [...]uint64{le64(m[:]), le64(s1[:]), le64(s2[:])} {
			i := sum & d.mask
			for d.slots[i] != 0 {
				i = (i + 1) & d.mask
			}
			d.slots[i] = sum>>32<<32 | uint64(v+1)
			d.filter[sum&uint64(len(d.filter)-1)] |= twoBits(sum)
		}
	}
}

// digested reports whether the digests of v are filed: a strong token's text.
func (x *Index) digested(v int) bool {
	d := &x.vals[v]
	return d.n >= minDigested && d.flags&hashed != 0
}

// Digest returns the value of which b begins with a digest, and which one.
func (x *Index) Digest(b []byte) (Value, Disguise, bool) {
	d := &x.digests
	if len(b) < md5.Size || len(d.slots) == 0 {
		return 0, Plain, false
	}
	sum := binary.LittleEndian.Uint64(b)
	if !d.may(sum) {
		return 0, Plain, false
	}
	for i := sum & d.mask; d.slots[i] != 0; i = (i + 1) & d.mask {
		if d.slots[i]>>32 != sum>>32 {
			continue
		}
		v := uint32(d.slots[i]) - 1
		if as := digestOf(b, x.bytes(v)); as != Plain {
			return Value(v), as, true
		}
	}
	return 0, Plain, false
}

// may reports whether a digest may begin with these eight bytes.
func (d *digests) may(sum uint64) bool {
	bits := twoBits(sum)
	return d.filter[sum&uint64(len(d.filter)-1)]&bits == bits
}

func twoBits(sum uint64) uint64 { return 1<<(sum>>58) | 1<<(sum>>52&63) }

// digestOf says which digest of v stands at the beginning of b.
func digestOf(b, v []byte) Disguise {
	if m := md5.Sum(v); string(m[:]) == string(b[:md5.Size]) {
		return MD5
	}
	if s := sha1.Sum(v); len(b) >= sha1.Size && string(s[:]) == string(b[:sha1.Size]) {
		return SHA1
	}
	if s := sha256.Sum256(v); len(b) >= sha256.Size && string(s[:]) == string(b[:sha256.Size]) {
		return SHA256
	}
	return Plain
}

// size returns how many bytes a digest has.
func (d Disguise) size() int {
	switch d {
	case MD5:
		return md5.Size
	case SHA1:
		return sha1.Size
	}
	return sha256.Size
}
