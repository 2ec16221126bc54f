package engine

import (
	"bytes"
	"slices"

	"honeyrow/engine/match"
	"honeyrow/token"
)

// Bounds of what is remembered of the server's texts.
const (
	maxSaid  = 64      // texts
	saidRoom = 4 << 10 // bytes of them
	maxText  = 512     // bytes of one that may hold a piece
	maxSaids = 512     // bytes of pieces put together
	// variants is up to how many texts another border between what they have in
	// common and the pieces is tried: pieces begin or end alike by chance.
	variants = 4
)

// said puts together what a session's errors, notices and the like say one after
// the other: whoever reads a value out of errors gets some thirty bytes at a time,
// within the same words. What the texts have in common at both ends is taken for
// those words, the rest for a piece. The zero value is ready.
type said struct {
	texts          [][]byte
	size           int
	prefix, suffix int // of what all texts have in common; not known of one text
	buf            []byte
}

func (m *said) reset() { m.texts, m.size = m.texts[:0], 0 }

// common returns how many bytes two texts have in common at either end, which do
// not overlap in either of them.
func common(a, b []byte) (prefix, suffix int) {
	n := min(len(a), len(b))
	for prefix < n && a[prefix] == b[prefix] {
		prefix++
	}
	for suffix < n-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	return prefix, suffix
}

// add takes the next text and returns a strong value of which it holds the last
// piece, if any.
func (m *said) add(x *match.Index, text []byte) (tok uint32, ok bool) {
	if len(text) == 0 || len(text) > maxText {
		m.reset()
		return 0, false
	}
	if n := len(m.texts); n > 0 {
		last := m.texts[n-1]
		if bytes.Equal(last, text) {
			return 0, false
		}
		prefix, suffix := common(last, text)
		p, s := prefix, suffix
		if n > 1 {
			p, s = min(p, m.prefix), min(s, m.suffix)
		}
		if n > 1 && prefix+suffix >= 8+2*(p+s) { // other words than those before
			m.texts[0], m.texts = last, m.texts[:1]
			m.size, p, s = len(last), prefix, suffix
		}
		m.prefix, m.suffix = p, s
	}
	for len(m.texts) > 0 && (len(m.texts) >= maxSaid || m.size+len(text) > saidRoom) {
		m.size -= len(m.texts[0])
		m.texts = slices.Delete(m.texts, 0, 1)
	}
	m.texts = append(m.texts, bytes.Clone(text))
	m.size += len(text)
	if len(m.texts) < 2 {
		return 0, false
	}
	most := 0
	if len(m.texts) <= variants {
		most = 2
	}
	for p := m.prefix; p >= max(m.prefix-most, 0); p-- {
		for s := m.suffix; s >= max(m.suffix-most, 0); s-- {
			if tok, ok = m.search(x, p, s); ok {
				m.reset()
				return tok, true
			}
		}
	}
	return 0, false
}

// search looks for a value in the pieces that stand between prefix and suffix
// bytes of the texts; it ends in the last one, and begins before it.
func (m *said) search(x *match.Index, prefix, suffix int) (tok uint32, ok bool) {
	from, size := len(m.texts), 0
	for from > 0 {
		n := len(m.texts[from-1]) - prefix - suffix
		if n < 0 || size+n > maxSaids {
			break
		}
		size += n
		from--
	}
	buf := m.buf[:0]
	for _, t := range m.texts[from:] {
		buf = append(buf, t[prefix:len(t)-suffix]...)
	}
	m.buf = buf
	last := len(buf) - (len(m.texts[len(m.texts)-1]) - prefix - suffix)
	for f := x.Find(buf); ; {
		v, at, more := f.Next()
		if !more {
			return 0, false
		}
		if f.End() <= last || at >= last || !x.Anywhere(v) {
			continue
		}
		proven(x, v, asText, func(t uint32) {
			if x.Traits(t).Strength == token.Strong {
				tok, ok = t, true
			}
		})
		if ok {
			return tok, true
		}
	}
}

// pieced looks whether a text of the server's is the last of several that hold a
// value piece by piece. Server's goroutine.
func (s *session) pieced(x *match.Index, text []byte, seen func(tok uint32, means string)) {
	if x.Clear() {
		return
	}
	if s.said == nil {
		s.said = new(said)
	}
	if tok, ok := s.said.add(x, text); ok {
		seen(tok, meansOf(match.Chunks))
	}
}
