package seeder

import (
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"honeyrow/seeder/generate"
)

// span is how far dates are from others that go before them: in whole months, in
// days, in whole hours, or in anything.
type span struct {
	months bool          // at the same hour of the same day of a month
	over   bool          // and where a month has no such day, as many days into the next one
	ends   bool          // it is seen which: of no such month else is any date
	days   bool          // one of both has no hour
	still  bool          // all are from one date, so that the hour is told too
	unit   time.Duration // of which they are multiples, though neither date is; 0: none
	all    []int64       // of real rows, sorted: in months, days or nanoseconds
}

// usually is by which share of the rows a distance is more or less usual than another's.
const usually = 1.0 / 40

// leastSpans is how many rows have to show what a distance is a multiple of.
const leastSpans = 20

func newSpan(pairs [][2]time.Time, grains ...time.Duration) *span {
	s := &span{days: slices.Max(grains) >= day}
	n, months, over, clipped := 0, 0, 0, 0
	units := []time.Duration{day, time.Hour, time.Minute, time.Second}
	count := make([]int, len(units))
	for _, p := range pairs {
		far := p[1].Sub(p[0])
		if far == 0 {
			continue
		}
		n++
		switch v := monthsTo(p[0], p[1]); {
		case v != 0 && p[0].AddDate(0, int(v), 0).Equal(p[1]):
			months++
		case v != 0 && generate.AfterMonths(p[0], v).Equal(p[1]):
			months, clipped = months+1, clipped+1
		case v > 1 && p[0].AddDate(0, int(v-1), 0).Equal(p[1]):
			months, over = months+1, over+1
		}
		for i, u := range units {
			if far%u == 0 {
				count[i]++
			}
		}
	}
	s.months, s.over, s.ends = n >= leastSpans && 100*months >= 95*n, over > clipped, over+clipped > 0
	for i, u := range units {
		if !s.days && s.unit == 0 && n >= leastSpans && 100*count[i] >= 98*n && u > slices.Max(grains) {
			s.unit = u
		}
	}
	for _, p := range pairs {
		s.all = append(s.all, s.far(p[0], p[1]))
	}
	slices.Sort(s.all)
	return s
}

// bound reports whether a distance is a multiple of more than the dates themselves.
func (s *span) bound() bool { return s.months || s.unit > 0 }

// loose is by how much the distances of real rows differ, as far as half of them go;
// below 0 if they are multiples of something, or often none at all.
func (s *span) loose() float64 {
	n := len(s.all)
	if n == 0 {
		return 1 << 62
	}
	v := float64(s.all[n*3/4] - s.all[n/4])
	if s.days {
		v *= float64(day)
	}
	zero, _ := slices.BinarySearch(s.all, 0)
	above, _ := slices.BinarySearch(s.all, 1)
	switch {
	case s.months:
		return -3
	case s.unit > 0:
		return -1 - s.unit.Hours()/100 - 1/(1+v/float64(time.Hour))
	case 20*(above-zero) >= n:
		return -float64(above-zero) / float64(n)
	}
	return v * (1 + 20/float64(n))
}

// usual reports whether a distance lies among those of real rows.
func (s *span) usual(v int64) bool {
	return len(s.all) < leastSpans || v >= s.all[0] && v <= s.all[len(s.all)-1]
}

// far is how far a date is from another.
func (s *span) far(from, to time.Time) int64 {
	switch {
	case s.months:
		v := monthsTo(from, to)
		if s.over && from.AddDate(0, int(v-1), 0).Equal(to) && to.Day() < from.Day() {
			v--
		}
		return v
	case s.days:
		return int64(to.Truncate(day).Sub(from.Truncate(day)) / day)
	}
	return int64(to.Sub(from))
}

// from is the date so far from another. hour says at which time of day it is, where
// the distance does not.
func (s *span) from(at time.Time, v int64, hour func() time.Duration) time.Time {
	switch {
	case s.months && s.over:
		return at.AddDate(0, int(v), 0)
	case s.months:
		return generate.AfterMonths(at, v)
	case s.days:
		return at.Truncate(day).Add(time.Duration(v) * day).Add(hour())
	case s.still || s.unit > 0 || max(v, -v) < int64(36*time.Hour):
		return at.Add(time.Duration(v))
	}
	return at.Add(time.Duration(v)).Truncate(day).Add(hour())
}

// ending reports whether a date so many months from another is known: the month has
// such a day, or real rows show what is done where it has none.
func (s *span) ending(at time.Time, v int64) bool {
	return s.ends || at.AddDate(0, int(v), 0).Day() == at.Day()
}

// habit is how many of n rows share a value that is no chance: a year, the least that is paid.
func habit(n int) int { return max(3, n/33) }

// near is a distance about as usual as another, by up to a share of the rows more or
// less. One that many rows have stays.
func (s *span) near(r *rand.Rand, v int64, by float64) int64 {
	n := len(s.all)
	low := sort.Search(n, func(i int) bool { return s.all[i] >= v })
	same := sort.Search(n, func(i int) bool { return s.all[i] > v }) - low
	if v == 0 || n < 3 || same >= habit(n) || s.months {
		return v
	}
	width := max(2, int(by*float64(n)))
	i := low + r.IntN(2*width+1) - width
	if i < 0 { // back from the end, which would else be many rows'
		i = -i
	}
	if i > n-2 {
		i = 2*(n-2) - i
	}
	i = max(0, min(n-2, i))
	a, b := s.all[i], s.all[i+1]
	if s.unit > 0 {
		b = a
	}
	if got := a + r.Int64N(b-a+1); (got > 0) == (v > 0) && got != 0 {
		return got
	}
	return v
}

// rank is how many of the real distances are less, 0 to 1.
func (s *span) rank(v int64) float64 {
	low := sort.Search(len(s.all), func(i int) bool { return s.all[i] >= v })
	high := sort.Search(len(s.all), func(i int) bool { return s.all[i] > v })
	return float64(low+high) / 2 / float64(max(len(s.all), 1))
}

// monthsTo counts the months from one date to another, their days aside.
func monthsTo(from, to time.Time) int64 {
	return int64(to.Year()-from.Year())*12 + int64(to.Month()) - int64(from.Month())
}
