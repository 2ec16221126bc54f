package seeder

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// What shows that a row is another one over again: it stands among the twentieth of
// those with the same part of a key that came next before or after, has what repeats
// alike, and numbers off by less than a share of the rows.
const (
	copyReach = 20
	copyOff   = 0.06
)

// copied tells which share of the rows that point at an owner's rows are those of
// another owner once more that came shortly before, or shortly after: below are these
// rows, which point at s by the column tie, there called key.
func (t *traits) copied(grand *Table, below *Sample, tie string, key int, s *Sample, owners map[string][]int, when func(k int) time.Time) {
	to := below.index(tie)
	if to < 0 {
		return
	}
	parent := map[string]int{}
	for _, rows := range owners {
		for _, k := range rows {
			if v := s.Rows[k][key]; v != nil {
				parent[*v] = k
			}
		}
	}
	owner := map[int]string{}
	for of, rows := range owners {
		for _, k := range rows {
			owner[k] = of
		}
	}
	told := below.told(grand, tie)
	if told == nil {
		return
	}
	type item struct {
		row, of int
		at      time.Time
	}
	lines := map[string][]item{} // by their part of the key
	for i, row := range below.Rows {
		if row[to] == nil {
			continue
		}
		if k, ok := parent[*row[to]]; ok {
			if at := when(k); !at.IsZero() {
				lines[told[i].part] = append(lines[told[i].part], item{i, k, at})
			}
		}
	}
	const before, after = 0, 1
	var met [2]map[string]float64
	met[before], met[after] = map[string]float64{}, map[string]float64{}
	all := map[string]float64{}
	for _, line := range lines {
		sort.SliceStable(line, func(a, b int) bool {
			if !line[a].at.Equal(line[b].at) {
				return line[a].at.Before(line[b].at)
			}
			return line[a].row < line[b].row
		})
		reach := max(leastLoans, len(line)/copyReach)
		same := map[string][]int{} // places of rows with the same text, in order
		for n, x := range line {
			all[owner[x.of]]++
			same[told[x.row].text] = append(same[told[x.row].text], n)
		}
		for _, places := range same {
			for a, n := range places {
				var found [2]bool
				for side, step := range [2]int{-1, 1} {
					for b := a + step; b >= 0 && b < len(places) && (places[b]-n)*step <= reach && !found[side]; b += step {
						x, y := line[n], line[places[b]]
						found[side] = owner[x.of] != owner[y.of] && told[x.row].near(told[y.row])
					}
					if found[side] {
						met[side][owner[line[n].of]]++
					}
				}
			}
		}
	}
	for side, name := range [2]string{"before", "after"} {
		t.add("rows in "+grand.String()+" that another's are shortly "+name, owners, func(of string, _ []int) float64 {
			return met[side][of] / max(all[of], 1)
		})
	}
}

// saying is what one row says beside its key.
type saying struct {
	part, text string
	ranks      []float64 // of numbers that seldom repeat, as shares of the rows
}

func (a *saying) near(b *saying) bool {
	for i, x := range a.ranks {
		if y := b.ranks[i]; math.IsNaN(x) != math.IsNaN(y) || math.Abs(x-y) > copyOff {
			return false
		}
	}
	return true
}

// told reads what rows say, nil if nothing in which a copy shows. Dates, and texts that
// seldom repeat, are each row's own.
func (s *Sample) told(t *Table, tie string) []*saying {
	out := make([]*saying, len(s.Rows))
	for i := range out {
		out[i] = &saying{}
	}
	n := 0
	for i, name := range s.Columns {
		c := t.Column(name)
		if c == nil || name == tie || c.Class == generate.Date || c.Class == generate.Timestamp {
			continue
		}
		values := column(s, i)
		often := len(unique(values))*leastRepeats <= len(values)
		switch number := c.Class == generate.Integer || c.Class == generate.Decimal; {
		case slices.Contains(t.Primary(), name):
			for k, row := range s.Rows {
				if row[i] != nil && len(t.Primary()) > 1 && often {
					out[k].part += *row[i] + "\x00"
				}
			}
		case often && (!number || c.Class == generate.Integer):
			n++
			for k, row := range s.Rows {
				if row[i] != nil {
					out[k].text += *row[i]
				}
				out[k].text += "\x00"
			}
		case number:
			n++
			var sorted []float64
			of := make([]float64, len(s.Rows))
			for k, row := range s.Rows {
				of[k] = math.NaN()
				if row[i] == nil {
					continue
				}
				if f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(*row[i], "$"), ",", ""), 64); err == nil && !math.IsNaN(f) {
					of[k] = f
					sorted = append(sorted, f)
				}
			}
			sort.Float64s(sorted)
			for k, f := range of {
				if !math.IsNaN(f) {
					lo, hi := sort.SearchFloat64s(sorted, f), sort.Search(len(sorted), func(j int) bool { return sorted[j] > f })
					f = float64(lo+hi) / float64(2*len(sorted))
				}
				out[k].ranks = append(out[k].ranks, f)
			}
		}
	}
	if n < 2 {
		return nil
	}
	return out
}
