package mywire

import (
	"bytes"
	"encoding/binary"

	"honeyrow/inspect"
)

// asks reports whether the gate asks for a field of a row, in a result of which
// no column is wanted whatever its length and no text is wide; in the binary
// protocol, for a text. It may say yes where cutting the row shows that there
// is none, never no where there is one. ok false: the fields do not add up to
// the row.
func (w *watch) asks(p []byte) (asked, ok bool) {
	if w.binary {
		return w.asksBinary(p)
	}
	return asksText(p, w.gate, len(w.desc.sizes))
}

// asksText is asks for the text protocol.
func asksText(p []byte, gate uint64, cols int) (asked, ok bool) {
	off := 0
	for range cols {
		if off >= len(p) {
			return false, false
		}
		n := uint(p[off])
		off++
		if n >= 0xfb {
			if n == 0xfb { // NULL
				continue
			}
			if n, off = longLength(p, off-1); off > len(p) {
				return false, false
			}
		}
		if gate>>(min(n, 63)&63)&1 != 0 {
			return true, true
		}
		off += int(n)
	}
	return false, off == len(p)
}

// asksBinary is asks for the binary protocol.
func (w *watch) asksBinary(p []byte) (asked, ok bool) {
	sizes, gate := w.desc.sizes, w.gate
	nulls := (len(sizes) + 9) / 8
	if len(p) < 1+nulls {
		return false, false
	}
	null := anyBit(p[1 : 1+nulls])
	off := 1 + nulls
	if !null && w.desc.texts {
		return asksText(p[off:], gate, len(sizes))
	}
	for col, size := range sizes {
		if null && p[1+(col+2)/8]>>((col+2)%8)&1 == 1 {
			continue
		}
		if size >= 0 {
			off += int(size)
			continue
		}
		if off >= len(p) {
			return false, false
		}
		n := uint(p[off])
		off++
		if size == sizeByte {
			off += int(n)
			continue
		}
		if n >= 0xfb {
			if n, off = longLength(p, off-1); off > len(p) {
				return false, false
			}
		}
		if gate>>(min(n, 63)&63)&1 != 0 {
			return true, true
		}
		off += int(n)
	}
	return false, off == len(p)
}

func anyBit(b []byte) bool {
	var all byte
	for _, c := range b {
		all |= c
	}
	return all != 0
}

// longLength reads a length of more than one byte at p[off:], and returns where
// its text begins; beyond p if p does not hold it.
func longLength(p []byte, off int) (n uint, from int) {
	u, _, rest, err := lenenc(p[off:])
	if err != nil || u > uint64(len(rest)) {
		return 0, len(p) + 1
	}
	return uint(u), len(p) - len(rest)
}

// survey walks the n binary rows of region once. It notes in f.asked which of
// them have a field that the gate asks for, and reports whether a watched value
// stands among those numbers and dates whose texts are long enough to count as
// parts: nobody has seen them in the rows' bytes. ok false: a row does not hold
// its fields.
func (f *flow) survey(region []byte, n int) (suspect, ok bool) {
	f.asked = f.asked[:0]
	conv := f.converted[:0]
	for i := range n {
		if i%64 == 0 {
			f.asked = append(f.asked, 0)
		}
		p := region[header : header+packetSize(region)]
		region = region[header+len(p):]
		var asked bool
		if conv, asked, ok = f.w.survey(p, conv); !ok {
			return false, false
		}
		if asked {
			f.asked[i/64] |= 1 << (i % 64)
		}
		if len(conv) > keepScratch/2 || len(region) == 0 && len(conv) > 0 {
			if f.w.rows.Suspect(conv) {
				return true, true
			}
			conv = conv[:0]
		}
	}
	f.converted = conv
	return false, true
}

// shortNumber is the first number of MinPart digits.
const shortNumber = 100_000_000_000

// survey looks at one row. It appends to conv the texts that may be long, each
// with a zero byte behind it.
func (w *watch) survey(p, conv []byte) (_ []byte, asked, ok bool) {
	d, gate := w.desc, w.gate
	nulls := (len(d.sizes) + 9) / 8
	if len(p) < 1+nulls {
		return conv, false, false
	}
	null := anyBit(p[1 : 1+nulls])
	off := 1 + nulls
	for col, size := range d.sizes {
		if asked && col >= d.long { // the rest is looked at when the row is cut
			return conv, true, true
		}
		if null && p[1+(col+2)/8]>>((col+2)%8)&1 == 1 {
			continue
		}
		from := off
		if size >= 0 {
			off += int(size)
		} else {
			if off >= len(p) {
				return conv, false, false
			}
			n := uint(p[off])
			off++
			if size == sizeLenenc && n >= 0xfb {
				if n, off = longLength(p, off-1); off > len(p) {
					return conv, false, false
				}
			}
			from = off
			off += int(n)
			if size == sizeLenenc {
				asked = asked || gate>>(min(n, 63)&63)&1 != 0
				continue
			}
		}
		if off > len(p) {
			return conv, false, false
		}
		c := &d.fields[col]
		long := col < d.long && c.mayBeLong()
		if !long && !w.numbers[col] {
			continue
		}
		if c.integer() > 0 {
			if size == 8 && !w.numbers[col] && c.width == 0 && binary.LittleEndian.Uint64(p[from:off]) < shortNumber {
				continue
			}
			n := uint(c.textLen(p[from:off]))
			asked = asked || gate>>(min(n, 63)&63)&1 != 0
			if long && n >= inspect.MinPart {
				conv = append(c.appendText(conv, p[from:off]), 0)
			}
			continue
		}
		at := len(conv)
		conv = c.appendText(conv, p[from:off])
		n := uint(len(conv) - at)
		asked = asked || gate>>(min(n, 63)&63)&1 != 0 || c.scientific() && bytes.IndexByte(conv[at:], 'e') >= 0
		if long && n >= inspect.MinPart {
			conv = append(conv, 0)
		} else {
			conv = conv[:at]
		}
	}
	return conv, asked, off == len(p)
}
