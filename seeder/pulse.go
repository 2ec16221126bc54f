package seeder

import (
	"math"
	"math/rand/v2"
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

// pulseDays are over how many days on each side rows are counted for how many come on one,
// the smoothest first; sharper is by how much for each row (as a logarithm) a narrower view
// has to say better when the other half of the rows came: rows that come in bursts say so
// plainly, and of others it would learn what is chance. leastPulse is how many rows have to
// show it.
var pulseDays = []int{20, 6, 2, 0}

const (
	sharper    = 0.1
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
	halves := [2][]float64{make([]float64, n), make([]float64, n)} // rows of each day, drawn
	split := rand.New(rand.NewPCG(uint64(n), uint64(len(at))))
	midnight := 0
	for _, t := range at {
		halves[split.IntN(2)][dayOf(t)-p.from]++
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
	for i := range week {
		week[i] *= 7 / float64(len(at))
	}
	wide, best := 0, math.Inf(-1)
	for _, days := range pulseDays {
		told := p.tells(halves[0], halves[1], &week, days) + p.tells(halves[1], halves[0], &week, days)
		if told > best+sharper*float64(len(at)) {
			wide, best = days, told
		}
	}
	for i := range halves[0] {
		halves[0][i] = each * (halves[0][i] + halves[1][i])
	}
	p.rate = p.rates(halves[0], &week, wide)
	sum := 0.0
	for _, rate := range p.rate {
		p.rows = append(p.rows, sum)
		sum += rate
	}
	return p
}

// rates are how many rows come on each day, by those of so many days on each side and by
// how many come on such a day of the week.
func (p *pulse) rates(came []float64, week *[7]float64, days int) []float64 {
	until, out := make([]float64, len(came)+1), make([]float64, len(came))
	for i, n := range came {
		until[i+1] = until[i] + n
	}
	for i := range came {
		a, b := max(0, i-days), min(len(came), i+days+1)
		out[i] = (until[b] - until[a]) / float64(b-a)
		if days > 0 {
			out[i] *= week[time.Unix((p.from+int64(i))*86400, 0).UTC().Weekday()]
		}
	}
	return out
}

// tells is how well rows tell when others come, as a logarithm of how likely that is.
func (p *pulse) tells(came, others []float64, week *[7]float64, days int) (sum float64) {
	for i, rate := range p.rates(came, week, days) {
		rate = max(rate, leastRate)
		sum += others[i]*math.Log(rate) - rate
	}
	return sum
}

// leastRate is how many rows are thought to come on a day on which none did.
const leastRate = 0.01

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
