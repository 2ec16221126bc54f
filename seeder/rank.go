package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"honeyrow/seeder/generate"
)

// rank is in which order a table's rows stand to the rows that they point at: a manager
// came before his staff, who buys was there before he bought. Where a honey row points
// at what a real row points at, it takes only such as keep the order beside its own key
// and its own dates.
type rank struct {
	f      *field    // the reference
	ids    []float64 // by sampled row: the number that it points at, 0: none
	before bool      // what is pointed at has a smaller number than the row
	behind bool      // a greater one
	dates  []sequel
	ours   bool // honey rows point at rows of the plan by it
}

// sequel is an order between a date of a row and one of what it points at.
type sequel struct {
	own    *field
	before bool // the other one's comes first
	at     map[string]time.Time
}

// How many sampled rows have to show an order, how many of a thousand may break it, how
// many would if they pointed anywhere, and how many times those that do: else it says
// nothing.
const (
	leastRanked = 40
	mostUnruly  = 5
	leastUnlike = 8
	leastTimes  = 6
)

// ranks learns the orders by number; orders by date follow once what is pointed at was
// read.
func (st *study) ranks() []*rank {
	if st.ranked != nil {
		return *st.ranked
	}
	out := []*rank{}
	key := st.drawn()
	for _, f := range st.columns {
		if f.fk == nil || len(f.fk.Columns) != 1 || f.sample < 0 || f.plan.Source != Parent || st.kin != nil && st.kin.fk == f.fk {
			continue
		}
		k := &rank{f: f}
		for _, row := range st.sample.Rows {
			k.ids = append(k.ids, numeral(row[f.sample]))
		}
		if key != nil && f.Class == generate.Integer && !st.guardedBy(f) {
			var pairs [][2]float64
			for i, row := range st.sample.Rows {
				if own := numeral(row[key.sample]); own != 0 && k.ids[i] != 0 {
					pairs = append(pairs, [2]float64{k.ids[i], own})
				}
			}
			k.before, k.behind = ordered(pairs)
		}
		out = append(out, k)
	}
	st.ranked = &out
	return out
}

func numeral(v *string) float64 {
	if v == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(*v, 64)
	return n
}

// ordered reports whether the first of each pair is less than the second, or greater,
// as those of pairs that are put together at random are not.
func ordered(pairs [][2]float64) (less, more bool) {
	n := len(pairs)
	if n < leastRanked {
		return false, false
	}
	var not, mixed [2]int
	for i, p := range pairs {
		q := pairs[(i*7919+n/2)%n]
		if p[0] >= p[1] {
			not[0]++
		}
		if p[0] <= p[1] {
			not[1]++
		}
		if p[0] >= q[1] {
			mixed[0]++
		}
		if p[0] <= q[1] {
			mixed[1]++
		}
	}
	holds := func(k int) bool {
		return 1000*not[k] <= mostUnruly*n && mixed[k] >= max(leastUnlike, leastTimes*not[k])
	}
	return holds(0), holds(1)
}

// follow reads the dates of what the sampled rows point at, and learns the orders between them and the rows' own.
func (d *draft) follow(ctx context.Context, st *study) error {
	if st.followed || len(st.ranks()) == 0 || !slices.ContainsFunc(st.columns, func(f *field) bool { return f.plan.Kind == "timestamp" }) {
		return nil
	}
	st.followed = true
	to, err := d.targets(ctx, st, st.sample.Rows)
	if err != nil {
		return err
	}
	for _, k := range st.ranks() {
		for t, ref := range to.refs {
			if ref != k.f.sample {
				continue
			}
			for _, own := range st.columns {
				if own.plan.Kind != "timestamp" || own.sample < 0 {
					continue
				}
				var pairs [][2]float64
				for _, row := range st.sample.Rows {
					if row[ref] == nil || row[own.sample] == nil {
						continue
					}
					is, _, ok := generate.ParseTime(*row[own.sample])
					if at := to.dates[t][*row[ref]]; ok && !at.IsZero() && !generate.Sentinel(is) {
						pairs = append(pairs, [2]float64{float64(at.UnixMicro()), float64(is.UnixMicro()) + 0.5})
					}
				}
				if before, behind := ordered(pairs); before || behind {
					k.dates = append(k.dates, sequel{own, before, to.dates[t]})
				}
			}
		}
	}
	return nil
}

// beside reports whether what the ith sampled row points at may be pointed at by a row
// with such a key.
func (k *rank) beside(i int, at *slot) bool {
	if at == nil || k.ids[i] == 0 {
		return true
	}
	own := float64(at.key)
	return !(k.before && k.ids[i] >= own || k.behind && k.ids[i] <= own)
}

// suits is the same for a row whose key says when it came, too.
func (k *rank) suits(st *study, i int, at *slot) bool {
	if k.ours {
		return true
	}
	if !k.beside(i, at) {
		return false
	}
	v := st.sample.Rows[i][k.f.sample]
	if v == nil || at == nil || at.low.IsZero() {
		return true
	}
	for _, t := range k.dates {
		if is, ok := t.at[*v]; ok && t.own == st.inOrder && (t.before && is.After(at.low) || !t.before && is.Before(at.high)) {
			return false
		}
	}
	return true
}

// unruly counts the orders that a row's dates break with what it points at.
func (st *study) unruly(h *hand) (n int) {
	for _, k := range st.ranks() {
		v := h.was[k.f.sample]
		if v == nil || k.ours {
			continue
		}
		for _, t := range k.dates {
			own, ok := h.when[t.own]
			if at, known := t.at[*v]; ok && known && (t.before && wall(at).After(own) || !t.before && wall(at).Before(own)) {
				n++
			}
		}
	}
	return n
}

// breach is what a broken order counts for where dates are chosen.
const breach = 5 * 365 * day

// obey places a row's dates anew until they stand in order with those of what it points
// at.
func (st *study) obey(r *rand.Rand, h *hand, n, total int) {
	best, least := h.dated(), st.unruly(h)
	for range placings {
		if least == 0 {
			return
		}
		if h.slot == nil && h.after.IsZero() {
			h.shift(st, r, n, total)
		}
		h.place(st, r)
		if now := st.unruly(h); now < least {
			best, least = h.dated(), now
		}
	}
	h.redate(best)
}

// fitting are the candidates for a template that may stand at a slot: what they point
// at keeps its order with the key. All if none may.
func (st *study) fitting(rows []int, at *slot) []int {
	var out []int
	for _, i := range rows {
		if !slices.ContainsFunc(st.ranks(), func(k *rank) bool { return !k.beside(i, at) }) {
			out = append(out, i)
		}
	}
	if len(out) == 0 {
		return rows
	}
	return out
}
