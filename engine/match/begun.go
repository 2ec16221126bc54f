package match

import "bytes"

// A beginning of a value tells which it is from so many bytes on, and from so much
// of it: vendors' keys, tokens and account numbers have beginnings in common.
const (
	minBegun           = 16
	begunNum, begunDen = 2, 3
)

// Begun returns a strong value that text ends with the beginning of, its letters in
// either case. It looks at every value: it is for texts that are rare and known to
// be cut short.
func (x *Index) Begun(text []byte) (Value, bool) {
	for v := range x.vals {
		d := &x.vals[v]
		if d.flags&anywhere == 0 {
			continue
		}
		b := x.bytes(uint32(v))
		need := max(minBegun, (len(b)*begunNum+begunDen-1)/begunDen)
		for n := min(len(b)-1, len(text)); n >= need; n-- {
			if end := text[len(text)-n:]; end[0]|0x20 == b[0]|0x20 && bytes.EqualFold(end, b[:n]) {
				return Value(v), true
			}
		}
	}
	return 0, false
}
