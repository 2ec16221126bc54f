package seeder

import (
	"math"
	"slices"
	"sort"
	"time"
)

// pulse is how rows of a table come over the years, the week and the day: by it the time
// between two rows is told in rows that usually come in it. Of an interval of a night as
// long as one of a morning, the second one is longer.
type pulse struct {
	from  int64     // the first day
	rows  []float64 // that came before each day
	rate  []float64 // that come on each
	hours []float64 // times of day, sorted, in seconds
}

// pulseDays is over how many days on each side rows are counted for how many come on one,
// leastPulse how many rows have to show it.
const (
	pulseDays  = 20
	leastPulse = 100
)

// newPulse learns from the dates of some of a table's rows; nil if they are few, or tell
// no hour.
func newPulse(at []time.Time, rows int64) *pulse {
	if len(at) < leastPulse {
		return nil
	}
	at = slices.SortedFunc(slices.Values(at), time.Time.Compare)
	dayOf := func(t time.Time) int64 { return t.Unix() / 86400 }
	p := &pulse{from: dayOf(at[0]) - 1}
	n := int(dayOf(at[len(at)-1])-p.from) + 2
	if n > 400*366 {
		return nil
	}
	each := float64(max(rows, int64(len(at)))) / float64(len(at))
	var week [7]float64
	before := make([]float64, n+1) // rows that came before each day
	midnight := 0
	for _, t := range at {
		before[dayOf(t)-p.from+1] += each
		week[t.Weekday()]++
		hour := t.Sub(t.Truncate(day)).Seconds()
		if hour == 0 {
			midnight++
		}
		p.hours = append(p.hours, hour)
	}
	if 2*midnight > len(at) {
		return nil
	}
	slices.Sort(p.hours)
	for i := range n {
		before[i+1] += before[i]
	}
	sum := 0.0
	for i := range n {
		a, b := max(0, i-pulseDays), min(n, i+pulseDays+1)
		rate := (before[b] - before[a]) / float64(b-a)
		rate *= 7 * week[time.Unix((p.from+int64(i))*86400, 0).UTC().Weekday()] / float64(len(at))
		p.rows, p.rate = append(p.rows, sum), append(p.rate, rate)
		sum += rate
	}
	return p
}

// until is how many rows usually come until a time.
func (p *pulse) until(at time.Time) float64 {
	i := at.Unix()/86400 - p.from
	switch {
	case i < 0:
		return 0
	case i >= int64(len(p.rows)):
		return p.rows[len(p.rows)-1] + p.rate[len(p.rate)-1]
	}
	hour := at.Sub(at.Truncate(day)).Seconds()
	return p.rows[i] + p.rate[i]*float64(sort.SearchFloat64s(p.hours, hour))/float64(len(p.hours))
}

// between is how many rows usually come between two times.
func (p *pulse) between(low, high time.Time) float64 {
	return max(p.until(high)-p.until(low), 0)
}

// burst is by how much rows that stand at these places in the pulse's time, the ith among
// them, are closer together than such rows are: the likelihood that one to three of them
// were put there, each beside the ith, for that they came as rows do.
func burst(at []float64, i int) float64 {
	sum, of, fact := 0.0, 0.0, 1.0
	for k := 1; k <= 3; k++ {
		fact *= float64(k)
		l, n := 0.0, 0.0
		for a := i - k; a < i; a++ {
			if b := a + k + 1; a >= 0 && b < len(at) {
				l += min(fact/math.Pow(max(at[b]-at[a], 0.02), float64(k)), 60)
				n++
			}
		}
		if n > 0 {
			sum, of = sum+l/n, of+1
		}
	}
	if of == 0 {
		return 0
	}
	return math.Log(max(sum/of, 0.2))
}
