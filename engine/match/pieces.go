package match

// Bounds of what is remembered of fields that may be pieces of a value.
const (
	piecesLen = 512
	// MaxPiece is the length of the longest field that counts as a piece.
	MaxPiece = 32
)

// Pieces puts short fields together that come one after the other, over rows
// and runs: substr(v, 1, 1), substr(v, 2, 1) and so on. The zero value is ready.
// It costs one look into the filter for each byte, and 512 bytes.
type Pieces struct {
	n     int
	armed int // how much further a value may reach whose gram seems to be here
	buf   [piecesLen]byte
}

// Reset forgets what came before.
func (p *Pieces) Reset() { p.n, p.armed = 0, 0 }

// Add puts a field after those before it, and returns the strong value that it
// completes, if any; the value stands in more than one field.
func (p *Pieces) Add(x *Index, field []byte) (Value, Disguise, bool) {
	if len(field) > MaxPiece || len(x.parts.table) == 0 {
		p.Reset()
		return 0, Plain, false
	}
	if p.n+len(field) > piecesLen {
		p.n = copy(p.buf[:], p.buf[p.n-maxPart:p.n])
	}
	old := p.n
	p.n += copy(p.buf[p.n:], field)
	for e := max(old+1, window); e <= p.n; e++ {
		h := windowHash(le64(p.buf[e-window:]))
		w := x.parts.filter[h>>(x.parts.fshift&63)]
		if w>>(h>>32&63)&(w>>(h>>26&63))&1 != 0 {
			p.armed = maxPart
		}
	}
	if p.armed <= 0 {
		return 0, Plain, false
	}
	p.armed -= len(field)
	for f := x.Find(p.buf[:p.n]); ; {
		v, at, ok := f.Next()
		if !ok {
			return 0, Plain, false
		}
		if f.End() <= old || at >= old || x.vals[v].flags&veiled == 0 {
			continue
		}
		p.Reset()
		if f.As() != Plain {
			return v, f.As(), true
		}
		return v, Chunks, true
	}
}
