package seeder

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// settle moves a row's dates to where its key stands among the others.
func (st *study) settle(r *rand.Rand, h *hand) {
	f := st.inOrder
	if f == nil || h.was[f.sample] == nil || h.slot.low.IsZero() || st.stays(f, h.was) {
		return
	}
	at, _, ok := generate.ParseTime(*h.was[f.sample])
	if !ok || generate.Sentinel(at) {
		return
	}
	target := time.Time{}
	if h.above != nil { // a relative's dates go with its row's, as far as its number lets them
		want := movedBy(&h.g, at, f)
		if is, ok := h.when[f]; ok {
			want = inPlace(is, at.Location())
		}
		if h.slot.away(want) == 0 {
			return
		}
		if f.Class == generate.Date {
			target = h.slot.clip(want)
		} else {
			target = st.moment(r, h.slot, h.g.Now)
		}
		if c := st.clock(h.g.Now); len(h.when) > 0 { // the others follow it
			h.when = c.named(c.place(r, h.was, wall(target)))
			return
		}
	}
	if target.IsZero() {
		target = st.moment(r, h.slot, h.g.Now)
	}
	h.g.Shift, h.g.Anchor, h.g.Scale = target.Sub(at), time.Time{}, 0
}

// moment is a time within a slot, at an hour at which rows come.
func (st *study) moment(r *rand.Rand, s *slot, now time.Time) time.Time {
	c := st.clock(now)
	j := slices.Index(c.fields, st.inOrder)
	first := inPlace(wall(s.low).Truncate(day), s.low.Location())
	days := int64(s.high.Sub(first)/day) + 1
	for try := range 60 {
		if j < 0 {
			break
		}
		t := first.Add(time.Duration(r.Int64N(days))*day + c.hour(r, j))
		if c.grain[j] < time.Second {
			t = t.Add(time.Duration(r.Int64N(int64(time.Second))).Truncate(c.grain[j]))
		}
		if t.After(s.low) && t.Before(s.high) && (try > 40 || c.days(-1, j).takes(r, time.Time{}, wall(t))) {
			return t
		}
	}
	return s.at(0.05 + 0.9*r.Float64())
}

// ofKey writes a code that is made of the key, as ordinary rows' are
// ("E1042" beside 42), "" if the column is none or the key not known yet.
func (st *study) ofKey(h *hand, f *field) string {
	if h.slot == nil || f.plan.Kind != "code" && f.plan.Kind != "account_number" || f.sample < 0 || h.was[f.sample] == nil {
		return ""
	}
	key := st.drawn()
	if key == nil {
		return ""
	}
	offset, known := st.offset(key, f)
	if !known {
		return ""
	}
	was := *h.was[f.sample]
	stem := strings.TrimRight(was, "0123456789")
	tail := strconv.FormatInt(h.slot.key+offset, 10)
	if width := len(was) - len(stem); len(tail) < width {
		tail = strings.Repeat("0", width-len(tail)) + tail
	}
	if d := st.inOrder; d != nil && h.was[d.sample] != nil { // "2026-000123"
		at, _, ok := generate.ParseTime(*h.was[d.sample])
		if year := strconv.Itoa(at.Year()); ok && strings.HasPrefix(stem, year) {
			if is, ok := h.when[d]; ok {
				at = is
			} else {
				at = at.Add(h.g.Shift)
			}
			stem = strconv.Itoa(at.Year()) + stem[len(year):]
		}
	}
	return stem + tail
}

// offset returns what the number in a code is more than the key.
func (st *study) offset(key, f *field) (int64, bool) {
	count := map[int64]int{}
	n := 0
	for _, row := range st.sample.Rows {
		if row[key.sample] == nil || row[f.sample] == nil {
			continue
		}
		v := *row[f.sample]
		k, err1 := strconv.ParseInt(*row[key.sample], 10, 64)
		c, err2 := strconv.ParseInt(v[len(strings.TrimRight(v, "0123456789")):], 10, 64)
		n++
		if err1 == nil && err2 == nil {
			count[c-k]++
		}
	}
	for off, k := range count {
		if n >= 10 && 100*k >= 95*n {
			return off, true
		}
	}
	return 0, false
}
