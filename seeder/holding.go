package seeder

import (
	"math"
	"slices"
	"sort"
	"time"
)

// pointers are the columns by which rows point at something else than their owner.
func pointers(child *Table, s *Sample, tie int) (out []int) {
	for _, fk := range child.ForeignKeys {
		if len(fk.Columns) != 1 {
			continue
		}
		if at := s.index(fk.Columns[0]); at >= 0 && at != tie && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

// shared tells how many rows point at the same things as the owner's: a row that is
// made of one that is there is one more at its thing. It tells too how many of these
// came before, and how far the next one is: what is taken from those that came before
// was never somebody's first.
func (t *traits) shared(child *Table, s *Sample, first []time.Time, tie int, owners map[string][]int) {
	for _, at := range pointers(child, s, tie) {
		often, came := map[string]float64{}, map[string][]time.Time{}
		for _, rows := range owners {
			for _, k := range rows {
				if v := s.Rows[k][at]; v != nil {
					often[*v]++
					if !first[k].IsZero() {
						came[*v] = append(came[*v], first[k])
					}
				}
			}
		}
		for _, all := range came {
			slices.SortFunc(all, time.Time.Compare)
		}
		t.add("rows before with the same "+s.Columns[at], owners, func(_ string, rows []int) float64 {
			sum, n := 0.0, 0.0
			for _, k := range rows {
				if v := s.Rows[k][at]; v != nil && !first[k].IsZero() && len(came[*v]) > 1 {
					sum, n = sum+float64(before(came[*v], first[k]))/float64(len(came[*v])-1), n+1
				}
			}
			return (sum + 0.5) / (n + 1)
		})
		t.add("time to the next row with the same "+s.Columns[at], owners, func(_ string, rows []int) float64 {
			sum, n := 0.0, 0.0
			for _, k := range rows {
				if v := s.Rows[k][at]; v != nil && !first[k].IsZero() && len(came[*v]) > 1 {
					sum, n = sum+math.Log1p(shorter(nextTo(came[*v], first[k])).Hours()), n+1
				}
			}
			return sum / max(n, 1)
		})
		t.add("rows with the same "+s.Columns[at], owners, func(_ string, rows []int) float64 {
			sum, n := 0.0, 0.0
			for _, k := range rows {
				if v := s.Rows[k][at]; v != nil {
					sum, n = sum+math.Log(often[*v]), n+1
				}
			}
			return sum / max(n, 1)
		})
	}
}

// meanwhile tells how many rows point at something at which another row does at the
// same time: nobody is lent what somebody has. Those that have not ended are looked at
// by themselves.
func (t *traits) meanwhile(child *Table, s *Sample, of func(k int) (from, to time.Time), from, to, tie int, owners map[string][]int) {
	type turn struct {
		from, to time.Time
		row      int
	}
	for _, at := range pointers(child, s, tie) {
		turns, open := map[string][]turn{}, map[string][]int{}
		for _, rows := range owners {
			for _, k := range rows {
				v := s.Rows[k][at]
				if v == nil {
					continue
				}
				switch a, b := of(k); {
				case a.IsZero():
				case b.IsZero():
					open[*v] = append(open[*v], k)
				case a.Before(b):
					turns[*v] = append(turns[*v], turn{a, b, k})
				}
			}
		}
		met := map[int]bool{}
		for _, all := range turns {
			sort.Slice(all, func(a, b int) bool { return all[a].from.Before(all[b].from) })
			var end time.Time // the latest of those before
			for i, x := range all {
				if x.from.Before(end) || i+1 < len(all) && all[i+1].from.Before(x.to) {
					met[x.row] = true
				}
				if x.to.After(end) {
					end = x.to
				}
			}
		}
		both := map[int]bool{}
		for _, rows := range open {
			for _, k := range rows {
				both[k] = len(rows) > 1
			}
		}
		for _, one := range []struct {
			name string
			is   map[int]bool
		}{
			{"others at the same " + s.Columns[at] + " from " + s.Columns[from] + " to " + s.Columns[to], met},
			{"others at the same " + s.Columns[at] + " without " + s.Columns[to], both},
		} {
			t.add(one.name, owners, func(_ string, rows []int) float64 {
				n := 0.0
				for _, k := range rows {
					if one.is[k] {
						n++
					}
				}
				return n
			})
		}
	}
}
