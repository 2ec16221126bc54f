package seeder

import (
	"cmp"
	"hash/fnv"
	"slices"
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

// borders reports whether a number next to one stays missing once a family has its own.
func (x *nest) borders(key int64, used map[int64]bool) bool {
	for _, next := range []int64{key - 1, key + 1} {
		_, taken := x.taken[next]
		if _, free := slices.BinarySearchFunc(x.free, next, func(s slot, key int64) int { return cmp.Compare(s.key, key) }); free && !taken && !used[next] {
			return true
		}
	}
	return false
}

// gaps counts a table's gaps and the numbers that are missing there: by its rows if all of
// them were read, else those that suit.
func (p *pen) gaps() (gaps, missing float64) {
	key := p.st.drawn()
	if key == nil || 10*int64(len(p.st.sample.Rows)) < 9*p.st.table.Rows {
		for i := range p.free {
			if missing++; i == 0 || p.free[i].before != p.free[i-1].before {
				gaps++
			}
		}
		return gaps, missing
	}
	var keys []int64
	for _, v := range column(p.st.sample, key.sample) {
		if k, err := strconv.ParseInt(v, 10, 64); err == nil {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for i := 1; i < len(keys); i++ {
		if keys[i] > keys[i-1]+1 {
			gaps, missing = gaps+1, missing+float64(keys[i]-keys[i-1]-1)
		}
	}
	return gaps, missing
}

// exposure is which share of the table's rows will stand beside a gap once relatives fill
// some up, one or, of several numbers, as many as a gap has on average. It is reckoned once.
func (p *pen) exposure() float64 {
	if p.share != nil {
		return *p.share
	}
	share := 1.0
	p.share = &share
	if p.st.table == nil {
		return share
	}
	gaps, missing := p.gaps()
	rows, need := float64(max(p.st.table.Rows, int64(len(p.st.sample.Rows)), 1)), float64(p.need)
	full := need * gaps / max(missing, 1) // if none of them stood beside one
	share = max(0, min(2*(gaps-full)/max(rows+need-2*full, 1), 1))
	return share
}

// lonely reports whether a relative made of a row shall stand beside no gap: as many of
// them as of the table's rows do. Where as many others do already, though they should not,
// each of the row's shall stand alone.
func (x *nest) lonely(h *hand, row int) bool {
	share := x.exposure()
	if !x.counted {
		x.counted = true
		beside := 0
		for i := range x.free {
			if x.tide != nil && x.tide.kept[x.free[i].before] { // what is missing there is going to be filled up
				continue
			}
			if _, taken := x.taken[x.free[i].key]; taken && x.stays(i, func(int64) bool { return false }) {
				beside++
			}
		}
		x.full = float64(beside) > share*float64(len(x.taken)+1)
	}
	f := fnv.New32a()
	f.Write([]byte(strconv.Itoa(row) + "/" + strconv.FormatInt(h.id(), 10)))
	return x.full || float64(f.Sum32()%1000)/1000 >= share
}
