package match

import "honeyrow/inspect"

// Stream finds parts in bytes that come in pieces, so that any cut gives the
// same hits. The zero value is ready; it keeps at most the longest part less
// one byte, and three more to see what stands before it.
type Stream struct{ carry []byte }

// Hit is one occurrence in a stream.
type Hit struct {
	Value Value
	// Bounded says that a field may begin where the value does.
	Bounded bool
}

// Scan looks at the next piece and calls emit for each occurrence that ends in
// it. end says that the stream is over: the next piece begins a new one. It
// allocates only while the carry grows, up to Index.MaxPart+3 bytes.
func (s *Stream) Scan(x *Index, data []byte, end bool, emit func(Hit)) {
	s.bridge(x, data, emit)
	f := x.Find(data)
	for {
		v, at, ok := f.Next()
		if !ok {
			break
		}
		h := Hit{v, true}
		switch {
		case at > 0:
			h.Bounded = Bounded(data, at, x.Len(v))
		case len(s.carry) > 0:
			h.Bounded = Bounded(s.carry, len(s.carry), x.Len(v))
		}
		emit(h)
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
	m := x.MaxPart()
	if len(s.carry) == 0 || m < inspect.MinPart {
		return
	}
	n := len(s.carry)
	s.carry = append(s.carry, data[:min(len(data), m-1)]...)
	f := x.Find(s.carry)
	for {
		v, at, ok := f.Next()
		if !ok {
			break
		}
		if l := min(x.Len(v), maxPart); at < n && at+l > n {
			emit(Hit{v, Bounded(s.carry, at, x.Len(v))})
		}
	}
	s.carry = s.carry[:n]
}

// Keep carries the end of data without looking for anything in it.
func (s *Stream) Keep(x *Index, data []byte) {
	m := x.MaxPart() + 3
	if len(data) >= m {
		s.carry = append(s.carry[:0], data[len(data)-m:]...)
		return
	}
	if over := len(s.carry) + len(data) - m; over > 0 {
		s.carry = s.carry[:copy(s.carry, s.carry[over:])]
	}
	s.carry = append(s.carry, data...)
}
