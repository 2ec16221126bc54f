package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// calendar is on which days real dates fall less often, or more, than chance lets them: all
// on the first of a month, none on a Sunday, none on the last three days after whole
// months since another date.
type calendar struct {
	// How often such a day is kept, 1 as often as it comes; nil: all are. Those of a month are
	// by its length.
	month, week, left []float64
	off               []bool // days of the year around which hardly any date falls: no game is in winter; nil: none
}

// A day is of a time of the year in which hardly any date falls if fewer do around it, by
// aroundYear days, than around all but one in leastSeason dates, and less than one in
// offSeason of those that chance gives it; or hardly one by nextDays days, where that is no
// chance. Of dates of seasonYears years and more.
const (
	aroundYear  = 7
	nextDays    = 2
	leastSeason = 100
	offSeason   = 4
	seasonYears = 3
)

// offSeasons finds the days of the year around which hardly any date falls; nil if there
// are none.
func offSeasons(at []time.Time) []bool {
	if len(at) < 2*leastSeason || slices.MaxFunc(at, time.Time.Compare).Sub(slices.MinFunc(at, time.Time.Compare)) < seasonYears*365*day {
		return nil
	}
	on := make([]int, 366)
	for _, t := range at {
		on[ofYear(t)]++
	}
	near := func(d, width int) (n int) {
		for by := -width; by <= width; by++ {
			n += on[(d+by+len(on))%len(on)]
		}
		return n
	}
	var company []int
	for _, t := range at {
		company = append(company, near(ofYear(t), aroundYear)-1)
	}
	slices.Sort(company)
	least := company[len(company)/leastSeason]
	due := func(width int) float64 { return float64(len(at)*(2*width+1)) / float64(len(on)) }
	off, any := make([]bool, len(on)), false
	for d := range on {
		n := near(d, aroundYear)
		off[d] = n < least && offSeason*float64(n) < due(aroundYear) ||
			due(nextDays) > leastDays && 2*offSeason*float64(near(d, nextDays)) < due(nextDays)
		any = any || off[d]
	}
	if !any {
		return nil
	}
	return off
}

// ofYear is a date's day in its year, by the calendar of a leap year.
func ofYear(t time.Time) int {
	return time.Date(2000, t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).YearDay() - 1
}

// quiet reports whether a day is of a time of the year in which hardly any date falls.
func (c *calendar) quiet(at time.Time) bool { return c.off != nil && c.off[ofYear(at)] }

// tooFew and tooMany are by how many deviations of chance a day's dates are fewer or more
// than the calendar gives it, and leastDays how many it has to give for that to show.
const (
	tooFew    = 3.0
	tooMany   = 4.0
	leastDays = 8
)

// newCalendar learns from dates; pairs are the others from which whole months are
// counted, nil for none.
func newCalendar(from, at []time.Time) *calendar {
	c := &calendar{}
	if !long(from, at) {
		return c
	}
	month, week, left, length := make([]float64, 32), make([]float64, 7), make([]float64, 31), make([]float64, lengths)
	n := 0.0
	for i, t := range at {
		if from == nil {
			month[ofMonth(t)]++
			length[ofLength(t)]++
			week[t.Weekday()]++
			n++
		} else if k := generate.DaysLeft(from[i].Truncate(day), t.Truncate(day)); k >= 0 {
			left[min(k, 30)]++
			n++
		}
	}
	days := make([]float64, 32)
	for d := range days {
		switch {
		case d == 0, d < 28 && d > 0:
			days[d] = 12
		case d == 28:
			days[d] = 11.25
		case d == 29:
			days[d] = 10.75
		case d == 30:
			days[d] = 7
		}
	}
	months := make([]float64, 31) // after whole months
	for d := range months {
		months[d] = []float64{12, 12, 12, 11.25, 11, 7}[max(0, d-25)]
		if d < 28 {
			months[d] = 12
		}
	}
	if from == nil {
		c.off = offSeasons(at)
		c.month, c.week = ofMonths(month, days, length, n), kept(week, []float64{1, 1, 1, 1, 1, 1, 1}, n)
	} else {
		c.left = kept(left, months, n)
	}
	return c
}

// long reports whether dates lie in a year and more, or nearly all intervals are of
// months: else some days are rare since few dates lie there at all.
func long(from, at []time.Time) bool {
	if from == nil {
		return len(at) > 0 && slices.MaxFunc(at, time.Time.Compare).Sub(slices.MinFunc(at, time.Time.Compare)) > 365*day
	}
	n := 0
	for i := range at {
		if at[i].Sub(from[i]).Abs() > 62*day {
			n++
		}
	}
	return 5*n > 4*len(at)
}

// ofMonth is a date's day in its month, 0 for the last.
func ofMonth(t time.Time) int {
	if t.AddDate(0, 0, 1).Day() == 1 {
		return 0
	}
	return t.Day()
}

// lengths is how many kinds of days there are by the lengths of their months.
const lengths = 4 * 32

// ofLength is a date's day in months that are as long as its own.
func ofLength(t time.Time) int {
	last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return (last-28)*32 + t.Day()
}

// ofMonths says how often each day of months of each length comes: as in all months, unless
// enough of those as long lack it; a day that is rare in all of them as in those as long, as
// far as their dates tell.
func ofMonths(count, of, length []float64, n float64) []float64 {
	each, in := make([]float64, lengths), make([]int, lengths)
	for at := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2005; at = at.AddDate(0, 0, 1) {
		each[ofLength(at)]++
		in[ofLength(at)] = ofMonth(at)
	}
	all, odd := rates(count, of, n)
	out, _ := rates(length, each, n)
	for i, v := range out {
		switch due, usual := n*each[i]/fourYears, all[in[i]]; {
		case v < 1 && usual >= 1:
			out[i], odd = v, true
		case usual >= 1:
			out[i] = usual
		case due < leastDays:
			out[i] = min(1, (length[i]+usual)/(due+1))
		default:
			out[i] = min(1, length[i]/due)
		}
	}
	if !odd {
		return nil
	}
	return scaled(out)
}

// fourYears is how many days there are in four years.
const fourYears = 4*365 + 1

// kept says how often each kind of day comes for what it would; nil if none is rare and
// none is one on which most fall.
func kept(count, of []float64, n float64) []float64 {
	out, any := rates(count, of, n)
	if !any {
		return nil
	}
	return scaled(out)
}

// rates are how often each kind of day comes for what it would, 1 where chance may be the reason,
// and whether one is not.
func rates(count, of []float64, n float64) (out []float64, any bool) {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	out = make([]float64, len(of))
	for i := range of {
		out[i] = 1
		due := n * of[i] / sum
		switch off := count[i] - due; {
		case due < leastDays:
		case off < -tooFew*math.Sqrt(due), off > tooMany*math.Sqrt(due) && count[i] > 1.5*due:
			out[i], any = count[i]/due, true
		}
	}
	return out, any
}

// scaled makes of rates how often a day that was drawn is kept.
func scaled(rates []float64) []float64 {
	top := max(1, slices.Max(rates))
	for i := range rates {
		rates[i] /= top
	}
	return rates
}

// takes reports, at random where a day is rare, whether a date may fall on its day.
func (c *calendar) takes(r *rand.Rand, from, at time.Time) bool {
	if c.quiet(at) || c.month != nil && r.Float64() >= c.month[ofLength(at)] || c.week != nil && r.Float64() >= c.week[at.Weekday()] {
		return false
	}
	if c.left == nil {
		return true
	}
	k := generate.DaysLeft(from.Truncate(day), at.Truncate(day))
	return k < 0 || r.Float64() < c.left[min(k, 30)]
}

// days are the days on which the jth field's dates come, since the kth's; k is -1 for
// themselves.
func (c *clock) days(k, j int) *calendar {
	got := c.calendars[[2]int{k, j}]
	if got == nil {
		var from, at []time.Time
		for _, row := range c.rows {
			if row[j].IsZero() || k >= 0 && row[k].IsZero() {
				continue
			}
			if at = append(at, row[j]); k >= 0 {
				from = append(from, row[k])
			}
		}
		if got = (&calendar{}); len(at) >= leastSample {
			got = newCalendar(from, at)
		}
		c.calendars[[2]int{k, j}] = got
	}
	return got
}

// fits reports whether a row's jth date, and those before it, let a date fall on a day.
func (c *clock) fits(r *rand.Rand, out []time.Time, root, j int, at time.Time) bool {
	if !c.days(-1, j).takes(r, time.Time{}, at) {
		return false
	}
	for k := root; k < j; k++ {
		if !out[k].IsZero() && !c.either(r, out[k], at, k, j) {
			return false
		}
	}
	return true
}

// either looks at two dates, the earlier one first.
func (c *clock) either(r *rand.Rand, a, b time.Time, k, j int) bool {
	if b.Before(a) {
		return c.days(j, k).takes(r, b, a)
	}
	return c.days(k, j).takes(r, a, b)
}

// suited is the day nearest to a date that suits; the date itself if none does.
func (c *clock) suited(r *rand.Rand, out []time.Time, root, j int, at time.Time) time.Time {
	far := 62
	if c.days(-1, j).off != nil { // half a year may be empty
		far = 366
	}
	for by := range far {
		to := at.AddDate(0, 0, (by+1)/2*(1-by%2*2))
		if to.After(c.now) == at.After(c.now) && c.fits(r, out, root, j, to) {
			return to
		}
	}
	return at
}

// bornOn are the days of a column that no other date tells.
func (f *field) bornOn() *calendar {
	if f.calendar == nil {
		var at []time.Time
		for _, v := range f.seen.Values {
			if t, _, ok := generate.ParseTime(v); ok && !generate.Sentinel(t) {
				at = append(at, t)
			}
		}
		if f.calendar = (&calendar{}); len(at) >= leastSample {
			f.calendar = newCalendar(nil, at)
		}
	}
	return f.calendar
}

// takes reports whether a day of such a column is as usual as others.
func (f *field) takes(r *rand.Rand, v string) bool {
	at, _, ok := generate.ParseTime(v)
	return !ok || f.bornOn().takes(r, time.Time{}, at)
}
