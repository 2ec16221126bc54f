package seeder

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"honeyrow/seeder/generate"
)

// yearSpan is a column of whole numbers that are years, about as long after a date of
// their row as in other rows: the year in which a card expires, one to four years after
// it was issued, or in which a player was born.
type yearSpan struct {
	of, date *field
	after    []int // years by which it comes after the date's, sorted
	low      int   // the first and the last that a row has
	high     int
}

// A column of years goes with that date which says most of it, if that leaves no more of
// its variance than mostLeft.
const mostLeft = 0.9

// yearSpans learns which years go with which dates.
func (st *study) yearSpans() []yearSpan {
	if st.years {
		return st.spanned
	}
	st.years = true
	for _, f := range st.columns {
		if f.sample < 0 || f.fk != nil || f.Class != generate.Integer || f.seen.Unique || f.plan.Source != Made && f.plan.Source != Copied ||
			f.entitles() || !generate.Years(f.seen.Values) {
			continue
		}
		best, least := yearSpan{}, mostLeft
		for _, d := range st.columns {
			if d.sample < 0 || d.plan.Kind != "timestamp" || d.plan.Source != Made {
				continue
			}
			var years, after []float64
			for _, row := range st.sample.Rows {
				if y, at, ok := yearsOf(row, f.sample, d.sample); ok {
					years, after = append(years, float64(y)), append(after, float64(y-at))
				}
			}
			if left := variance(after) / max(variance(years), 1e-9); len(years) >= leastAges && left < least {
				best, least = yearSpan{of: f, date: d}, left
				for _, a := range after {
					best.after = append(best.after, int(a))
				}
				slices.Sort(best.after)
				best.low, best.high = int(slices.Min(years)), int(slices.Max(years))
			}
		}
		if best.of != nil {
			st.spanned = append(st.spanned, best)
		}
	}
	return st.spanned
}

// yearsOf reads the year in a column, and that of a date, of one row.
func yearsOf(row []*string, f, d int) (year, at int, ok bool) {
	if row[f] == nil || row[d] == nil {
		return 0, 0, false
	}
	year, err := strconv.Atoi(*row[f])
	day, _, ok := generate.ParseTime(*row[d])
	return year, day.Year(), err == nil && ok && year != 0 && !generate.Sentinel(day)
}

func variance(v []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, x := range v {
		sum, squares = sum+x, squares+x*x
	}
	n := float64(max(len(v), 1))
	return squares/n - sum/n*(sum/n)
}

// span draws how long after its dates a row's years are: about as long as in the
// template.
func (h *hand) span(st *study, r *rand.Rand) {
	h.spans = map[*field]int{}
	for _, s := range st.yearSpans() {
		if year, at, ok := yearsOf(st.sample.Rows[h.template], s.of.sample, s.date.sample); ok {
			low, _ := slices.BinarySearch(s.after, year-at)
			high, _ := slices.BinarySearch(s.after, year-at+1)
			rank := low + r.IntN(max(high-low, 1)) + r.IntN(len(s.after)/5+1) - len(s.after)/10
			h.spans[s.of] = s.after[min(max(rank, 0), len(s.after)-1)]
		}
	}
}

// writeSpans writes the years that go with the row's dates.
func (h *hand) writeSpans(st *study) {
	for _, s := range st.yearSpans() {
		after, ok := h.spans[s.of]
		c, d := h.row.cell(s.of.Name), h.row.cell(s.date.Name)
		if !ok || c == nil || c.Value == nil || d == nil || d.Value == nil {
			continue
		}
		if day, _, ok := generate.ParseTime(*d.Value); ok && !generate.Sentinel(day) {
			v := strconv.Itoa(min(max(day.Year()+after, s.low), s.high))
			c.Value = &v
		}
	}
}
