package seeder

import (
	"math/rand/v2"
	"time"

	"honeyrow/seeder/generate"
)

// gather moves the dates of a row whose key says nothing of them so that they fall on
// days on which about as much happened as on those of a row drawn at random: of
// games none in winter, of orders few on a Sunday.
func (d *draft) gather(st *study, r *rand.Rand, h *hand, n int) {
	if h.bound || h.slot != nil || st.inOrder != nil || len(d.pens[st]) > 0 {
		return
	}
	crowd := st.crowd(r, d.company(st, n))
	if len(crowd) == 0 {
		return
	}
	cost := func() (sum time.Duration) {
		for _, c := range crowd {
			sum += c.off(h)
		}
		return sum + time.Duration(st.unruly(h))*breach
	}
	first, is := h.g.Shift, h.dated()
	best, least := is, cost()
	for _, by := range phases(r) {
		if least == 0 {
			break
		}
		h.g.Shift = first + time.Duration(by)*day
		h.place(st, r)
		if _, last := h.past(st); last.After(h.g.Now) || h.at(st.clock(h.g.Now)).After(h.g.Now) {
			continue
		}
		if c := cost(); c < least {
			best, least = h.dated(), c
		}
	}
	h.redate(best)
}

// phases are the days by which dates are moved to fall on such as suit, in an order
// drawn at random: by up to six weeks, or to about the same time of the year before
// or after. The last day of a season has no other near it on which as much happened.
func phases(r *rand.Rand) (out []int) {
	for by := 1; by <= 45; by++ {
		out = append(out, by, -by)
	}
	for by := 365 - 10; by <= 365+10; by++ {
		out = append(out, by, -by)
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// crowd is how many rows share a date of theirs. Days with numbers left for
// relatives that have the same date are days on which much happened: chosen by these
// alone, more of the honey rows would have company than real ones have.
type crowd struct {
	f     *field
	count map[time.Time]int // among sampled rows
	ours  map[time.Time]int // among honey rows
	want  int               // as many as a row drawn at random has beside it
}

// crowd draws the company of a row's dates, all of them one row's: who began on a day
// with many others may have ended so too. None for times, which stand alone.
func (st *study) crowd(r *rand.Rand, others []*hand) (out []*crowd) {
	var like []*string
	if len(st.sample.Rows) > 0 {
		like = st.sample.Rows[r.IntN(len(st.sample.Rows))]
	}
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.Class != generate.Date || f.sample < 0 || len(f.seen.Values) == 0 {
			continue
		}
		if f.days == nil {
			f.days = map[time.Time]int{}
			for _, v := range f.seen.Values {
				if at, _, ok := generate.ParseTime(v); ok {
					f.days[at]++
				}
			}
		}
		v := f.seen.Values[r.IntN(len(f.seen.Values))]
		if like != nil && like[f.sample] != nil {
			v = *like[f.sample]
		}
		at, _, ok := generate.ParseTime(v)
		if !ok {
			continue
		}
		c := &crowd{f, f.days, map[time.Time]int{}, f.days[at] - 1}
		for _, h := range others {
			if at, ok := h.when[f]; ok {
				c.ours[at]++
			}
		}
		out = append(out, c)
	}
	return out
}

// off is how far a row's date is from such company, as time.
func (c *crowd) off(h *hand) time.Duration {
	to, ok := h.when[c.f]
	if !ok {
		return 0
	}
	have := c.count[to]
	if c.f.bornOn().quiet(to) {
		return breach
	}
	return time.Duration(max(have-c.want, c.want-have)+4*c.ours[to]) * 30 * day
}
