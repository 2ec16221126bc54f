package mywire

import (
	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
)

// rowStream reads a row that is too large to hold, piece by piece, and shows
// its values as texts with a zero byte between them: numbers and dates of the
// binary protocol, and texts in UTF-16 or UTF-32, would not be recognised as
// they are. The short fields among them are kept, and shown as a row, for what
// stands beside a long text is known by its column or by its company: those of the
// first piece, of which nothing has left yet, and all of them when the row ends.
type rowStream struct {
	w     *watch
	col   int
	begun bool   // binary: the NULL bitmap is whole
	nulls []byte // the bitmap
	pend  []byte // of a value or a length that is not whole
	left  uint64 // of a text
	text  bool   // inside a text
	out   []byte

	keep  bool // the field in hand is short
	from  int  // where it begins in kept
	kept  []byte
	spans []inspect.Span
	shown int  // of spans
	first bool // no piece has been shown
}

// What is kept of a row: fields of up to keptField bytes, keptRow in all.
const (
	keptField = 4 << 10
	keptRow   = 64 << 10
)

// begin starts a row of the result that w watches.
func (s *rowStream) begin(w *watch) {
	*s = rowStream{w: w, nulls: s.nulls[:0], pend: s.pend[:0], out: s.out[:0], kept: s.kept[:0], spans: s.spans[:0], keep: true, first: true}
}

// show takes the next piece of the row.
func (s *rowStream) show(run inspect.Run, ch event.Channel, n uint64, p []byte, end bool) event.Verdict {
	s.out = s.out[:0]
	for len(p) > 0 {
		p = s.step(p)
	}
	v := run.Stream(ch, n, s.out, end)
	if len(s.spans) > s.shown && (end || s.first) {
		s.shown = len(s.spans)
		v = worse(v, s.w.rows.Row(n, s.kept, s.spans))
	}
	s.first = false
	return v
}

// emit adds bytes of the field in hand that stand in s.out[at:].
func (s *rowStream) emit(at int) {
	if s.keep {
		s.kept = append(s.kept, s.out[at:]...)
	}
}

// step consumes bytes of p or comes to the next value.
func (s *rowStream) step(p []byte) []byte {
	if s.text {
		return s.textPiece(p)
	}
	fields, binary := s.w.desc.fields, s.w.binary
	if binary && !s.begun {
		need := 1 + (len(fields)+9)/8
		rest, ok := s.gather(p, need)
		if ok {
			s.begun = true
			s.nulls = append(s.nulls, s.pend[1:]...)
			s.pend = s.pend[:0]
			s.skipNulls()
		}
		return rest
	}
	if s.col >= len(fields) { // more than the definitions announce
		s.out = append(s.out, p...)
		return nil
	}
	c := fields[s.col]
	if binary && c.typ == mysql.MYSQL_TYPE_NULL {
		s.next()
		return p
	}
	if binary && c.fixed() {
		return s.fixedPiece(c, p)
	}
	need := 1
	if len(s.pend) > 0 {
		need = lenencSize(s.pend[0])
	}
	rest, ok := s.gather(p, need)
	if !ok || lenencSize(s.pend[0]) > len(s.pend) {
		return rest
	}
	size, null, _, err := lenenc(s.pend)
	s.pend = s.pend[:0]
	s.left, s.text = size, err == nil && !null && size > 0
	s.keep = s.text && size <= keptField && len(s.kept)+keptField <= keptRow
	if !s.text {
		s.next()
	}
	return rest
}

// lenencSize is the size of a length-encoded integer by its first byte.
func lenencSize(first byte) int {
	switch first {
	case 0xfc:
		return 3
	case 0xfd:
		return 4
	case 0xfe:
		return 9
	}
	return 1
}

// gather fills s.pend up to need bytes.
func (s *rowStream) gather(p []byte, need int) (rest []byte, ok bool) {
	n := min(max(need-len(s.pend), 0), len(p))
	s.pend = append(s.pend, p[:n]...)
	return p[n:], len(s.pend) >= need
}

// next goes to the next value that is not NULL.
func (s *rowStream) next() {
	s.out = append(s.out, 0)
	if n := len(s.kept) - s.from; n > 0 && s.keep && (s.w.gate>>min(n, 63)&1 != 0 || s.w.wanted[s.col]) {
		s.spans = append(s.spans, inspect.Span{Col: int32(s.col), Off: int32(s.from), Len: int32(n)})
	}
	s.from, s.keep = len(s.kept), len(s.kept)+keptField <= keptRow
	s.col++
	s.skipNulls()
}

func (s *rowStream) skipNulls() {
	for s.w.binary && s.col < len(s.w.desc.fields) && s.nulls[(s.col+2)/8]>>((s.col+2)%8)&1 == 1 {
		s.col++
	}
}

func (s *rowStream) fixedPiece(c field, p []byte) []byte {
	need := c.integer()
	if need == 0 {
		need = 1 // a date's length
		if raw, _, err := c.take([]byte{0, 0, 0, 0, 0, 0, 0, 0}); err == nil && len(raw) > 0 {
			need = len(raw) // a float
		} else if len(s.pend) > 0 {
			need = 1 + int(s.pend[0])
		}
	}
	rest, ok := s.gather(p, need)
	if !ok {
		return rest
	}
	raw, _, err := c.take(s.pend)
	if err != nil { // a date whose length has just become known
		return rest
	}
	at := len(s.out)
	s.out = c.appendText(s.out, raw)
	s.emit(at)
	s.pend = s.pend[:0]
	s.next()
	return rest
}

// textPiece takes a piece of a text. Of a wide one a character may be split:
// what does not fill eight bytes waits for the next piece.
func (s *rowStream) textPiece(p []byte) []byte {
	n := int(min(s.left, uint64(len(p))))
	piece := p[:n]
	s.left -= uint64(n)
	c, at := &s.w.desc.fields[s.col], len(s.out)
	of := c.wide
	if c.guess { // what is long counts as it is: in UTF-16 it is a disguise
		of = narrow
	}
	if of != narrow && c.either {
		s.pend = append(s.pend, piece...)
		if s.left > 0 && len(s.pend) < numberLimit {
			return p[n:] // only a whole number tells whether it was converted
		}
		of, piece = c.encodingOf(s.pend), nil
	}
	if of == narrow {
		s.out = append(append(s.out, s.pend...), piece...)
		s.pend = s.pend[:0]
	} else {
		s.pend = append(s.pend, piece...)
		use := len(s.pend)
		if s.left > 0 {
			use = of.whole(s.pend)
		}
		s.out = appendUTF8(s.out, s.pend[:use], of)
		s.pend = append(s.pend[:0], s.pend[use:]...)
	}
	s.emit(at)
	if s.left == 0 {
		s.text, s.pend = false, s.pend[:0]
		s.next()
	}
	return p[n:]
}

func surrogateAt(b []byte, of encoding) bool {
	c := b[0]
	if of == utf16le {
		c = b[1]
	}
	return c >= 0xd8 && c <= 0xdb
}
