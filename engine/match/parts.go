package match

import (
	"encoding/binary"

	"honeyrow/inspect"
)

// The shortest pattern has MinPart = 12 bytes and a window 8, so 12-8+1 = 5
// windows in a row lie inside any occurrence: looking at every fifth position
// meets exactly one of them. Each pattern is filed under five of its windows.
const (
	window = 8
	stride = inspect.MinPart - window + 1

	// maxPart bounds how much of a value is compared inside longer text, and so
	// the carry that a stream keeps. The first 1,024 bytes of a key file are
	// proof enough.
	maxPart = 1024
)

// parts finds patterns anywhere.
type parts struct {
	filter []uint64 // two bits of one word per window
	fshift uint     // the word is chosen by the product's HIGH bits
	table  []uint32 // pattern*stride + k + 1; 0 is empty
	tshift uint
	value  []uint32 // by pattern: the value
	off    []uint16 // by pattern: where its five windows begin
	maxLen int      // of the longest pattern as compared, at most maxPart
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// slot spreads a window over the table independently of the filter's choice.
func (p *parts) slot(w uint64) uint64 { return (w ^ w>>29) * mixA >> (p.tshift & 63) }

// build files the given values, each of at least MinPart bytes.
func (p *parts) build(x *Index, vals []uint32) {
	if len(vals) == 0 {
		return
	}
	keys := len(vals) * stride
	fl := max(ceilLog(keys*16/64), 4)
	tl := max(ceilLog(keys*3/2), 4)
	p.filter, p.fshift = make([]uint64, 1<<fl), 64-fl
	p.table, p.tshift = make([]uint32, 1<<tl), 64-tl
	p.value = vals
	p.off = make([]uint16, len(vals))
	c := newCensus(keys)
	for _, v := range vals {
		c.count(x.part(v))
	}
	mask := uint64(len(p.table) - 1)
	for i, v := range vals {
		b := x.part(v)
		p.maxLen = max(p.maxLen, len(b))
		o := c.choose(b)
		p.off[i] = uint16(o)
		for k := range stride {
			w := le64(b[o+k:])
			h := w * golden
			p.filter[h>>p.fshift] |= 1<<(h>>32&63) | 1<<(h>>26&63)
			s := p.slot(w)
			for p.table[s] != 0 {
				s = (s + 1) & mask
			}
			p.table[s] = uint32(i*stride+k) + 1
		}
	}
}

// Finder walks the occurrences of parts in a text. It is a plain value: keep
// it on the stack.
type Finder struct {
	x    *Index
	b    []byte
	pos  int    // of the window being looked at, or of the next one
	slot uint64 // where to go on in the table, if open
	open bool
}

// Find returns a Finder over b.
func (x *Index) Find(b []byte) Finder { return Finder{x: x, b: b} }

// Next returns the next occurrence: the value, and the offset at which it
// begins. Occurrences come in the order of their windows, not of their starts.
func (f *Finder) Next() (v Value, at int, ok bool) {
	p := &f.x.parts
	if len(p.table) == 0 {
		return 0, 0, false
	}
	mask := uint64(len(p.table) - 1)
	for {
		if !f.open {
			f.pos = p.skip(f.b, f.pos)
			if f.pos < 0 {
				f.pos = len(f.b)
				return 0, 0, false
			}
			f.slot, f.open = p.slot(le64(f.b[f.pos:])), true
		}
		w := le64(f.b[f.pos:])
		for p.table[f.slot] != 0 {
			e := p.table[f.slot] - 1
			f.slot = (f.slot + 1) & mask
			i, k := e/stride, int(e%stride)
			val := p.value[i]
			part := f.x.part(val)
			k += int(p.off[i])
			if le64(part[k:]) != w {
				continue
			}
			start := f.pos - k
			if start < 0 || start+len(part) > len(f.b) || string(f.b[start:start+len(part)]) != string(part) {
				continue
			}
			return Value(val), start, true
		}
		f.open = false
		f.pos += stride
	}
}

// skip returns the first position from pos, in steps of stride, whose window
// passes the filter, or -1.
func (p *parts) skip(b []byte, pos int) int {
	if pos+window > len(b) {
		return -1
	}
	filter, shift := p.filter, p.fshift&63
	i := pos
	for c := b[pos:]; len(c) >= 3*stride+window; c = c[4*stride:] {
		h0 := le64(c) * golden
		h1 := le64(c[stride:]) * golden
		h2 := le64(c[2*stride:]) * golden
		h3 := le64(c[3*stride:]) * golden
		w0 := filter[h0>>shift]
		w1 := filter[h1>>shift]
		w2 := filter[h2>>shift]
		w3 := filter[h3>>shift]
		m0 := w0 >> (h0 >> 32 & 63) & (w0 >> (h0 >> 26 & 63))
		m1 := w1 >> (h1 >> 32 & 63) & (w1 >> (h1 >> 26 & 63))
		m2 := w2 >> (h2 >> 32 & 63) & (w2 >> (h2 >> 26 & 63))
		m3 := w3 >> (h3 >> 32 & 63) & (w3 >> (h3 >> 26 & 63))
		if (m0|m1|m2|m3)&1 != 0 {
			switch {
			case m0&1 != 0:
				return i
			case m1&1 != 0:
				return i + stride
			case m2&1 != 0:
				return i + 2*stride
			}
			return i + 3*stride
		}
		i += 4 * stride
		if len(c) < 4*stride {
			break
		}
	}
	for ; i+window <= len(b); i += stride {
		h := le64(b[i:]) * golden
		w := filter[h>>shift]
		if w>>(h>>32&63)&(w>>(h>>26&63))&1 != 0 {
			return i
		}
	}
	return -1
}

// Suspect reports whether a value of MinPart bytes or more stands in region,
// which may be any number of rows with their framing: anywhere if the value is
// strong, else where a field can begin.
func (x *Index) Suspect(region []byte) bool {
	f := x.Find(region)
	for {
		v, at, ok := f.Next()
		if !ok {
			return false
		}
		if x.vals[v].flags&anywhere != 0 || Bounded(region, at, x.Len(v)) {
			return true
		}
	}
}

// Bounded reports whether a field of n bytes may begin at b[at:]: at the
// beginning, after a length that PostgreSQL or MySQL writes before a field, or
// after a byte that is no letter or digit (COPY text and CSV, JSON, SQL).
func Bounded(b []byte, at, n int) bool {
	if at == 0 {
		return true
	}
	c := b[at-1]
	switch {
	case c == byte(n), n > 250 && (c == byte(n>>8) || c == byte(n>>16)):
		return true
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
		return false
	}
	return true
}
