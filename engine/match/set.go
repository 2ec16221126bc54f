package match

// set finds whole values: a filter of 16 to 32 bits a value, two of which are
// tested in one word, then an open-addressing table of value numbers, then a
// full comparison.
type set struct {
	filter []uint64
	fshift uint
	table  []uint32 // value number + 1; 0 is empty
	tmask  uint64
}

func newSet(n int) set {
	fl := max(ceilLog(n*16/64+1), 1)
	tl := max(ceilLog(n*3/2+1), 2)
	return set{
		filter: make([]uint64, 1<<fl), fshift: 64 - fl,
		table: make([]uint32, 1<<tl), tmask: 1<<tl - 1,
	}
}

// add files value v. The caller adds each value once.
func (s *set) add(x *Index, v uint32) {
	h := hash(x.bytes(v))
	s.filter[h>>s.fshift] |= 1<<(h&63) | 1<<(h>>6&63)
	i := h >> 12 & s.tmask
	for s.table[i] != 0 {
		i = (i + 1) & s.tmask
	}
	s.table[i] = v + 1
}

// find returns the value equal to b.
func (s *set) find(x *Index, b []byte) (uint32, bool) {
	if len(s.table) == 0 {
		return 0, false
	}
	h := hash(b)
	w := s.filter[h>>(s.fshift&63)]
	if w>>(h&63)&(w>>(h>>6&63))&1 == 0 {
		return 0, false
	}
	return s.probe(x, b, h)
}

func (s *set) probe(x *Index, b []byte, h uint64) (uint32, bool) {
	for i := h >> 12 & s.tmask; s.table[i] != 0; i = (i + 1) & s.tmask {
		v := s.table[i] - 1
		if string(x.bytes(v)) == string(b) {
			return v, true
		}
	}
	return 0, false
}

func (s *set) size() int { return 8*len(s.filter) + 4*len(s.table) }
