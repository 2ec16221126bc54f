package seeder

import (
	"fmt"
	"math"
	"time"

	"honeyrow/seeder/generate"
)

// seams tells how an owner's rows go on from one to the next: whether one begins when the
// one before ends, how usual it is that it comes so many days later, and when those began
// that have not ended.
func (t *traits) seams(s *Sample, dates []int, first []time.Time, owners map[string][]int) {
	moment := func(k, column int) (at time.Time, ok bool) {
		if v := s.Rows[k][column]; v != nil {
			if x, _, ok := generate.ParseTime(*v); ok && !generate.Sentinel(x) {
				return wall(x), true
			}
		}
		return time.Time{}, false
	}
	for _, end := range dates {
		for _, begin := range dates {
			if begin == end {
				continue
			}
			open, n, joined := 0, 0, 0 // rows without an end, those that another follows, and where it joins
			apart := func(rows []int) float64 {
				off := 0.0
				for i := 1; i < len(rows); i++ {
					a, ok1 := moment(rows[i-1], end)
					if b, ok2 := moment(rows[i], begin); ok1 && ok2 && a.Equal(b) {
						joined++
					} else {
						off++
					}
					n++
				}
				return off
			}
			for _, rows := range owners {
				apart(rows)
				for _, k := range rows {
					if _, ok := moment(k, end); !ok {
						open++
					}
				}
			}
			if n >= leastAgainst && 2*joined >= n {
				t.add(fmt.Sprintf("rows whose %s is not the %s before", s.Columns[begin], s.Columns[end]), owners, func(_ string, rows []int) float64 { return apart(rows) })
			}
			if open >= leastAgainst && begin == dates[0] {
				t.add(fmt.Sprintf("%s of the row without %s", s.Columns[begin], s.Columns[end]), owners, func(_ string, rows []int) float64 {
					last := -1.0
					for _, k := range rows {
						if _, ended := moment(k, end); !ended {
							if at, ok := moment(k, begin); ok {
								last = max(last, float64(at.Unix()))
							}
						}
					}
					return last
				})
			}
		}
	}
	step := func(rows []int, i int) (int64, bool) {
		a, b := first[rows[i-1]], first[rows[i]]
		return int64(math.Floor(wall(b).Sub(wall(a)).Hours() / 24)), !a.IsZero() && !b.IsZero()
	}
	count := map[int64]float64{}
	for _, rows := range owners {
		for i := 1; i < len(rows); i++ {
			if v, ok := step(rows, i); ok {
				count[v]++
			}
		}
	}
	t.add("others as many days after the row before", owners, func(_ string, rows []int) float64 {
		least := math.Inf(1)
		for i := 1; i < len(rows); i++ {
			if v, ok := step(rows, i); ok {
				least = min(least, math.Log(count[v]))
			}
		}
		return least
	})
}
