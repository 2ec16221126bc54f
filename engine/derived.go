package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine/formula"
	"honeyrow/engine/match"
	"honeyrow/token"
)

// derived is what a formula makes of the strong values: computed when a statement
// first has that formula with these constants, and kept for the next ones. It
// costs a microsecond and 8 bytes a token, and 2 bytes for the filter.
type derived struct {
	x   *match.Index
	by  *formula.Bound
	all []uint64 // a hash of the first eight bytes<<32 | token, sorted
	// filter knows the hashes, by their top bits.
	filter [1 << 10]uint64
}

// Bounds of what is derived.
const (
	keptDerived = 16 // formulas with their constants
	// maxDerived bounds the tokens; digests without constants of the text's are
	// derived once for all statements.
	maxDerived, maxPlainDerived = 200_000, 2_000_000
	maxDerivedField             = 64 << 10
	// derivedShare of one CPU is what ever other constants may cost, and
	// derivedBurst at once: a statement with a salt of its own costs its session
	// some milliseconds with 10,000 tokens.
	derivedShare = 0.1
	derivedBurst = 500 * time.Millisecond
)

// derivations keeps what was derived last.
type derivations struct {
	mu   sync.Mutex
	all  []*derived   // the one used last is last
	owed atomic.Int64 // as budget.owed
	left atomic.Uint64
}

// of returns what a formula makes of the values of x; nil: of none of them
// anything, or of too many, or there was too much to derive of late, which is
// counted. now is the engine's uptime.
func (m *derivations) of(x *match.Index, by *formula.Bound, now time.Duration) *derived {
	m.mu.Lock()
	m.all = slices.DeleteFunc(m.all, func(d *derived) bool { return d.x != x })
	i := slices.IndexFunc(m.all, func(d *derived) bool { return d.by.Key == by.Key })
	var d *derived
	if i >= 0 {
		d = m.all[i]
		m.all = append(slices.Delete(m.all, i, i+1), d)
	}
	m.mu.Unlock()
	if d == nil {
		if !by.Plain && debt(&m.owed, now, derivedShare) > derivedBurst {
			m.left.Add(1)
			return nil
		}
		began := time.Now()
		d = derive(x, by) // two sessions may do so at the same time
		charge(&m.owed, now, time.Since(began), derivedShare)
		m.mu.Lock()
		if len(m.all) >= keptDerived {
			m.all = slices.Delete(m.all, 0, 1)
		}
		m.all = append(m.all, d)
		m.mu.Unlock()
	}
	if len(d.all) == 0 {
		return nil
	}
	return d
}

func derive(x *match.Index, by *formula.Bound) *derived {
	d := &derived{x: x, by: by}
	if n := x.Tokens(); n > maxPlainDerived || n > maxDerived && !by.Plain {
		return d
	}
	for i := range x.Tokens() {
		k := x.Traits(uint32(i))
		if k.Key || k.Strength != token.Strong && !(by.Number && k.Strength == token.Firm) {
			continue
		}
		out := by.Apply(x.Text(uint32(i)))
		if out == nil {
			continue
		}
		h := hashOf(binary.LittleEndian.Uint64(out))
		d.all = append(d.all, uint64(h)<<32|uint64(i))
		d.filter[h>>22] |= 1 << (h >> 16 & 63)
	}
	slices.Sort(d.all)
	return d
}

func hashOf(v uint64) uint32 { return uint32(v * 0x9e3779b97f4a7c15 >> 32) }

// find returns a token of which the formula makes what b begins with, and how
// long that is.
func (d *derived) find(b []byte) (tok uint32, n int, ok bool) {
	h := hashOf(binary.LittleEndian.Uint64(b))
	if d.filter[h>>22]>>(h>>16&63)&1 == 0 {
		return 0, 0, false
	}
	i, _ := slices.BinarySearch(d.all, uint64(h)<<32)
	for ; i < len(d.all) && uint32(d.all[i]>>32) == h; i++ {
		tok := uint32(d.all[i])
		if out := d.by.Apply(d.x.Text(tok)); bytes.HasPrefix(b, out) && len(out) > 0 {
			return tok, len(out), true
		}
	}
	return 0, 0, false
}

// anywhere looks at every place of b.
func (d *derived) anywhere(b []byte, seen func(tok uint32)) {
	for i := 0; i+8 <= len(b); i++ {
		tok, n, ok := d.find(b[i:])
		if !ok {
			continue
		}
		if d.by.Number && (i > 0 && alnum(b[i-1]) || i+n < len(b) && alnum(b[i+n])) {
			continue // the digits of a longer number
		}
		seen(tok)
		i += n - 1
	}
}

// derivedIn looks for what formulas make of values in a field: as it is, in
// hexadecimal digits and in base64.
func (w *rows) derivedIn(at view, i int, b []byte) {
	b = b[:min(len(b), maxDerivedField)]
	for _, d := range w.demand.derived {
		seen := func(tok uint32) {
			if t := d.x.Token(tok); t.State == "" || t.State.Watched() {
				w.hit(at, i, tok, meansDisguised+" "+meansDerived)
			}
		}
		d.anywhere(b, seen)
		if d.by.Number {
			continue
		}
		for from := 0; from+16 <= len(b); from++ {
			to := from
			for to < len(b) && hexDigit(b[to]) < 16 {
				to++
			}
			if to-from >= 16 {
				out := w.scratch[:0]
				for k := from; k+2 <= to; k += 2 {
					out = append(out, hexDigit(b[k])<<4|hexDigit(b[k+1]))
				}
				w.scratch = out
				d.anywhere(out, seen)
			}
			from = to
		}
		if out, ok := w.unbase64(b); ok {
			d.anywhere(out, seen)
		}
	}
}

// unbase64 undoes a field that is base64 as a whole, in lines or not.
func (w *rows) unbase64(b []byte) ([]byte, bool) {
	buf := w.scratch[:0]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\n' || c == '\r':
		case c == '\\' && i+1 < len(b) && (b[i+1] == 'n' || b[i+1] == 'r'): // in COPY
			i++
		case c >= 0x80 || !alnum(c) && c != '+' && c != '/' && c != '=':
			return nil, false
		default:
			buf = append(buf, c)
		}
	}
	w.scratch = buf
	if len(buf) < 12 {
		return nil, false
	}
	n, err := base64.StdEncoding.Decode(buf, buf)
	return buf[:n], err == nil
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return (c | 0x20) - 'a' + 10
	}
	return 255
}
