package match

import "honeyrow/inspect"

// Stream finds parts in bytes that come in pieces, so that any cut gives the
// same hits. The zero value is ready. It keeps as many bytes as the longest
// part may have in a disguise, at most 1.6 KiB.
type Stream struct{ carry []byte }

// Hit is one occurrence in a stream.
type Hit struct {
	Value Value
	// Bounded says that a field may begin where the value does.
	Bounded bool
	As      Disguise
	Apart   bool // in what came out of a disguise; see Sight
}

// spread is how many bytes a character may have in a disguise: \u0041.
const spread = 6

// keep returns how many bytes are carried.
func (x *Index) keep() int {
	if m := x.MaxPart(); m > 0 && !x.clear {
		return spread*m + 3
	} else if m > 0 {
		return m
	}
	return 0
}

// Scan looks at the next piece and calls emit for each occurrence that ends in
// it. end says that the stream is over: the next piece begins a new one. It
// allocates only while the carry grows.
func (s *Stream) Scan(x *Index, data []byte, end bool, emit func(Hit)) {
	if x.keep() > 0 || len(x.digests.slots) > 0 {
		s.bridge(x, data, emit)
		x.Sights(data, func(h Sight) bool {
			hit := Hit{h.Value, true, h.As, h.Apart}
			switch {
			case h.At > 0:
				hit.Bounded = Bounded(data, h.At, x.Len(h.Value))
			case len(s.carry) > 0:
				hit.Bounded = Bounded(s.carry, len(s.carry), x.Len(h.Value))
			}
			emit(hit)
			return true
		})
	}
	if end {
		s.carry = s.carry[:0]
		return
	}
	s.Keep(x, data)
}

// Reset forgets what was carried.
func (s *Stream) Reset() { s.carry = s.carry[:0] }

// bridge finds occurrences that begin in the carry and end in data.
func (s *Stream) bridge(x *Index, data []byte, emit func(Hit)) {
	if len(s.carry) == 0 || x.MaxPart() < inspect.MinPart {
		return
	}
	n := len(s.carry)
	s.carry = append(s.carry, data[:min(len(data), x.keep())]...)
	b := s.carry
	x.Sights(b, func(h Sight) bool {
		if h.At < n && h.End > n {
			emit(Hit{h.Value, Bounded(b, h.At, x.Len(h.Value)), h.As, h.Apart})
		}
		return true
	})
	s.carry = s.carry[:n]
}

// Keep carries the end of data without looking for anything in it.
func (s *Stream) Keep(x *Index, data []byte) {
	m := x.keep()
	if len(data) >= m {
		s.carry = append(s.carry[:0], data[len(data)-m:]...)
		return
	}
	if over := len(s.carry) + len(data) - m; over > 0 {
		s.carry = s.carry[:copy(s.carry, s.carry[over:])]
	}
	s.carry = append(s.carry, data...)
}
