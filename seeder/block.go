package seeder

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strconv"
)

// hold is how many numbers are free for a row's relatives where these are numbered row by
// row: between those of the row before it and those of the row after it.
type hold struct {
	of   *study
	most int
}

// holds finds how many relatives each number has room for, and has the free numbers there
// looked at when their table's are.
func (d *draft) holds(ctx context.Context, st *study, slots []slot) error {
	for _, o := range d.studies {
		if o.kin == nil || o.kin.to != st || o.kin.parent || o.drawn() == nil || len(slots) == 0 {
			continue
		}
		blocks := o.blocks(st)
		if len(blocks) == 0 {
			continue
		}
		o.within = nil
		ends := make([][2]int64, len(slots))
		var tuples [][]string
		for i := range slots {
			k := sort.Search(len(blocks), func(k int) bool { return blocks[k][0] >= slots[i].key })
			if k == 0 || k == len(blocks) || blocks[k][2]-blocks[k-1][1] > 4*maxBrood {
				continue
			}
			ends[i] = [2]int64{blocks[k-1][1], blocks[k][2]}
			ends[i] = roomy(ends[i])
			for n := ends[i][0] + 1; n < ends[i][1]; n++ {
				o.within = append(o.within, n)
				tuples = append(tuples, []string{strconv.FormatInt(n, 10)})
			}
		}
		free := map[int64]bool{}
		if err := d.untaken(ctx, o.table, o.drawn().Name, tuples, free); err != nil {
			return passable(err)
		}
		for i := range slots {
			if ends[i][1] == 0 {
				continue
			}
			most := 0
			for n := ends[i][0] + 1; n < ends[i][1]; n++ {
				if free[n] {
					most++
				}
			}
			slots[i].holds = append(slots[i].holds, hold{o, most})
		}
	}
	return nil
}

// roomy leaves out of the numbers between two those that are too far from either.
func roomy(ends [2]int64) [2]int64 {
	return [2]int64{max(ends[0], ends[1]-wideReach-1), min(ends[1], ends[0]+wideReach+1)}
}

// filling keeps of rows near a number those that have about as many relatives as there
// is room for: the others' would stand among another row's.
func (st *study) filling(near []int, s *slot) []int {
	for _, h := range s.holds {
		many := func(row int) int { return h.of.kin.many(st.sample.Rows[row]) }
		over := func(row int) int { // rather too few than too many
			if by := many(row) - h.most; by > 0 {
				return 1000 + by
			}
			return h.most - many(row)
		}
		least := slices.MinFunc(near, func(a, b int) int { return cmp.Compare(over(a), over(b)) })
		slack := min(over(least), 1) // who fills it up leaves no gap behind
		near = slices.DeleteFunc(slices.Clone(near), func(row int) bool { return over(row) > over(least)+slack })
	}
	return near
}
