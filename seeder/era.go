package seeder

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// era is about when a row begins whose key does not tell: another row's time, not its
// template's. Near its template in time, a honey row of few like it would be one of a
// pair, as no two real rows of a rare country and plan are.
type era struct {
	row       int       // of the sample, about as old as which it will be
	low, high time.Time // between which it begins
}

// eraPart is within which part of the rows of its kind a row's beginning is drawn,
// eraRows within how many at least.
const (
	eraPart = 40
	eraRows = 3
)

// era draws one, nil where a row's time is given: by its key, by what its dates have to
// follow, or by relatives, which are lent what was there at the template's time.
func (d *draft) era(st *study, r *rand.Rand, template int, at *slot) *era {
	w := st.woven(d.relatives(st))
	if w == nil || st.whole || st.kin != nil || st.inOrder != nil || at != nil && !at.low.IsZero() || d.followed(st) {
		return nil
	}
	c := st.clock(d.now)
	if len(c.fields) == 0 || c.fields[0].plan.Kind != "timestamp" || !st.dateless(w) {
		return nil
	}
	own, kind := c.of(w.rows[template])
	if firstOf(own) != 0 {
		return nil
	}
	var some []int // in the order of their dates
	for _, i := range c.alike[kind] {
		if st.quiet == nil || st.quiet[i] {
			some = append(some, i)
		}
	}
	if len(some) < leastSpans {
		return nil
	}
	for _, k := range st.timed {
		var agree []int
		for _, i := range some {
			if w.threads[k].code[i] == w.threads[k].code[template] {
				agree = append(agree, i)
			}
		}
		if len(agree) >= leastDonors {
			some = agree
		}
	}
	i := r.IntN(len(some))
	wide := max(eraRows, len(some)/eraPart)
	return &era{some[i], first(c.rows[some[max(0, i-wide)]]), first(c.rows[some[min(len(some)-1, i+wide)]])}
}

// dateless finds what of a row's contents that stay says something of when it began, the
// most first; false where the key does.
func (st *study) dateless(w *weave) bool {
	if st.timeless != nil {
		return *st.timeless
	}
	date := slices.IndexFunc(w.threads, func(t *thread) bool { return t.f == st.dated.fields[0] })
	yes := date >= 0 && (len(w.keys) == 0 || explains(w.threads[date].code, w.places()) == 0)
	st.timeless = &yes
	if !yes {
		return false
	}
	said := map[int]float64{}
	for k, t := range w.threads {
		if t.loose || t.f.plan.Kind == "timestamp" {
			continue
		}
		if s := explains(w.threads[date].code, t.code); s > 0 {
			said[k] = s
			st.timed = append(st.timed, k)
		}
	}
	slices.SortStableFunc(st.timed, func(a, b int) int { return cmp.Compare(said[b], said[a]) })
	return true
}

// shift says by how much all dates of the nth of total rows move: to its era, else as
// those of its template may.
func (h *hand) shift(st *study, r *rand.Rand, n, total int) {
	st.shift(r, &h.g, h.was, n, total)
	if h.era == nil {
		return
	}
	c := st.clock(h.g.Now)
	own, _ := c.of(h.was)
	to := h.era.low
	for range placings {
		if to = h.era.low.Add(time.Duration(r.Int64N(int64(h.era.high.Sub(h.era.low)) + 1))); c.days(-1, 0).takes(r, time.Time{}, to) {
			break
		}
	}
	h.g.Shift, h.g.Anchor, h.g.Scale = to.Sub(own[0]), time.Time{}, 0
}
