package seeder

import (
	"hash/fnv"
	"strconv"
)

// leftGap is how far a relative's date moves for a number that leaves no gap: of the
// gaps of several numbers each would keep one beside the honey rows', and of real rows
// few stand beside any.
const leftGap = 60 * day

// stays reports whether numbers stay missing in a gap of which the kth free number is
// taken, seen what others and its own family have.
func (x *nest) stays(k int, used func(key int64) bool) bool {
	s := &x.free[k]
	left := s.width - 2
	count := func(i int) bool {
		if x.free[i].before != s.before {
			return false
		}
		if _, taken := x.taken[x.free[i].key]; taken || used(x.free[i].key) {
			left--
		}
		return true
	}
	for i := k - 1; i >= 0 && count(i); i-- {
	}
	for i := k + 1; i < len(x.free) && count(i); i++ {
	}
	return left > 0
}

// lonely reports whether a relative made of a row shall stand beside no gap: as many of
// them as of the table's rows do. Where as many others do already, though they should not,
// each of the row's shall stand alone.
func (x *nest) lonely(h *hand, row int) bool {
	if x.share == nil {
		gaps := 0
		for i := range x.free {
			if i == 0 || x.free[i].before != x.free[i-1].before {
				gaps++
			}
		}
		share := 1.0
		if x.st.table != nil {
			share = 2 * float64(gaps) / float64(max(x.st.table.Rows, int64(len(x.st.sample.Rows)), 1))
		}
		x.pen.share = &share
	}
	if !x.counted {
		x.counted = true
		beside := 0
		for i := range x.free {
			if _, taken := x.taken[x.free[i].key]; taken && x.stays(i, func(int64) bool { return false }) {
				beside++
			}
		}
		x.full = float64(beside) > *x.share*float64(len(x.taken)+1)
	}
	f := fnv.New32a()
	f.Write([]byte(strconv.Itoa(row) + "/" + strconv.FormatInt(h.id(), 10)))
	return x.full || float64(f.Sum32()%1000)/1000 >= *x.share
}
