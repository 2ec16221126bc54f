package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// slot is a number that no row of a table has any more, between two that have
// one.
type slot struct {
	key int64
	// low and high are the dates of the rows before and after it, where a date
	// grows with the key; zero if none does.
	low, high time.Time
	// beside are what counters in step with the key hold in a row there, by
	// column.
	beside map[string]string
	// before is the number of the row before it, width how far that is from the row
	// after it, and most how far the values of a counter in step with the key are
	// apart there.
	before, width, most int64
	// to is what the rows before and after it point at, by reference.
	to map[string]room
	// ends are the owners of the rows before and after it, of relatives; 0 if not
	// known.
	ends [2]int64
	// holds are how many relatives find room beside those of the rows next to it.
	holds []hold
	// taken is the date of the relative that has it, where it lies there; else zero.
	taken time.Time
	// open is whether a number beside it stays missing, of a relative's.
	open bool
}

func (s *slot) at(share float64) time.Time {
	return s.low.Add(time.Duration(share * float64(s.high.Sub(s.low))))
}

// pick chooses the templates of all tables, and the numbers that their honey
// rows will have if gaps are asked for.
func (d *draft) pick(ctx context.Context) error {
	d.picks, d.slots, d.others, d.pens = map[*study][]int{}, map[*study][]slot{}, map[*study][][]*hand{}, map[*study][]*pen{}
	for _, st := range d.studies {
		r := generate.New(d.o.Seed, st.table.String()+" templates")
		n := d.o.Rows
		if n == 0 {
			n = 3 + r.IntN(3)
		}
		n = st.few(n, d.o.SampleRows)
		if st.kin == nil {
			var err error
			if d.slots[st], err = d.openings(ctx, st, r, n, n, nil); err != nil {
				return err
			}
			if err = d.holds(ctx, st, d.slots[st]); err != nil {
				return err
			}
			d.picks[st] = st.near(r, d.slots[st], n)
		}
	}
	return d.adopt(ctx)
}

// few lowers the honey rows of a table that has hardly more rows itself: they
// would be most of it. One that was named gets what was asked for.
func (st *study) few(n, sampled int) int {
	real := len(st.sample.Rows)
	switch {
	case real >= sampled || n <= max(1, real/4):
		return n
	case st.named:
		if n > real {
			st.note("there are more honey rows than real ones (%d): whoever looks at the table sees that it has grown", real)
		}
		return n
	}
	fewer := max(1, real/4)
	st.note("fewer rows than asked for (%d): the table has no more than %d itself; name it to plant all", fewer, real)
	return fewer
}

// templates returns the templates of a table's honey rows, and for relatives
// whose they are.
func (d *draft) templates(ctx context.Context, st *study) (templates, owners []int, err error) {
	if st.kin == nil {
		return d.picks[st], nil, nil
	}
	templates, owners = d.offspring(st)
	if len(templates) == 0 {
		return nil, nil, refuse("no honey row of %s is made of one that has rows here", st.kin.to.table)
	}
	if err := d.numbers(ctx, st, templates, owners); err != nil {
		return nil, nil, err
	}
	if key := st.drawn(); key != nil && len(d.slots[st]) == 0 && len(d.slots[st.kin.to]) > 0 {
		if share := st.kin.common(); !st.kin.parent && share < 0.5 {
			return nil, nil, refuse("column %s has too few gaps: honey rows of %s have none here, as %.0f %% of its rows; the newest numbers, beside rows with numbers from gaps, would give each of them away", key.Name, st.kin.to.table, 100*(1-share))
		}
		st.note("column %s has too few gaps: these rows get its newest numbers, beside the dates of rows of %s that have numbers from gaps; rows that follow do not hide that (seed.keys: sequence makes all of them the newest, which a drip hides)", key.Name, st.kin.to.table)
	}
	return templates, owners, nil
}

// numbers gives relatives their numbers from gaps: those that were chosen with
// the dates of the rows that they hang on, else the nearest.
func (d *draft) numbers(ctx context.Context, st *study, templates, owners []int) error {
	var chosen []slot
	for _, h := range d.hands[st.kin.to] {
		chosen = append(chosen, h.kids[st]...)
	}
	if !st.kin.parent && len(chosen) == len(templates) {
		apart(chosen)
		d.slots[st] = chosen
		for _, h := range d.hands[st.kin.to] {
			chosen = chosen[copy(h.kids[st], chosen):]
		}
		return nil
	}
	if k := st.kin; k.to.kin != nil && len(d.slots[k.to]) == 0 { // they are as new as what they belong to
		if key := st.drawn(); key != nil {
			st.byItself(key)
		}
		return nil
	}
	r := generate.New(d.o.Seed, st.table.String()+" templates")
	st.needed = nil
	for i := range templates {
		if at, keyed := st.neighbour(d, templates[i], owners[i]); keyed && st.kin.parent {
			st.needed = append(st.needed, at.want)
		}
	}
	free, err := d.openings(ctx, st, r, len(templates), 12*len(templates), nil)
	if err == nil && len(free) > 0 {
		if d.slots[st] = st.suited(d, r, templates, owners, free); len(d.slots[st]) < len(templates) {
			d.slots[st] = nil
			st.byItself(st.drawn())
		} else {
			apart(d.slots[st])
		}
	}
	return err
}

// suited gives each relative the free number whose place in time is nearest to
// its own date.
func (st *study) suited(d *draft, r *rand.Rand, templates, owners []int, free []slot) []slot {
	out := make([]slot, 0, len(templates))
	used := map[int]bool{}
	var rows *pen // of relatives' relatives: where those of the row before end
	if k := st.kin; k != nil && !k.parent && k.to.kin != nil {
		rows = &pen{st: st, blocks: st.blocks(k.to)}
	}
	for i, tpl := range templates {
		best, least := -1, time.Duration(1<<62)
		var at time.Time
		if f := st.inOrder; f != nil && st.sample.Rows[tpl][f.sample] != nil {
			at, _, _ = generate.ParseTime(*st.sample.Rows[tpl][f.sample])
			if owners != nil && st.kin != nil && !st.kin.parent && owners[i] < len(d.hands[st.kin.to]) {
				o := d.hands[st.kin.to][owners[i]]
				if to, ok := o.brood(st, r)[tpl][f]; ok {
					at = inPlace(to, at.Location())
				} else {
					at = at.Add(o.g.Shift)
				}
			}
		}
		var born time.Time // of the row that it hangs on
		if st.kin != nil && !st.kin.parent && owners[i] < len(d.hands[st.kin.to]) {
			born = d.hands[st.kin.to][owners[i]].born
		}
		next, keyed := st.neighbour(d, tpl, owners[i])
		if rows != nil && owners[i] < len(d.hands[st.kin.to]) {
			if last, ok := rows.block(d.hands[st.kin.to][owners[i]]); ok {
				next, keyed = room{want: last + 1}, true
			}
		}
		for k := range free {
			if used[k] {
				continue
			}
			far := time.Duration(0)
			switch {
			case !born.IsZero() && !free[k].high.IsZero() && free[k].high.Before(born):
				far = 1 << 61
			case !at.IsZero() && !free[k].low.IsZero() && !next.ordered():
				far = free[k].at(0.5).Sub(at).Abs()
			case keyed:
				far = next.far(free[k].key)
			}
			if best < 0 || far < least {
				best, least = k, far
			}
		}
		if best < 0 {
			return nil
		}
		used[best] = true
		out = append(out, free[best])
	}
	return out
}

// openings finds n or up to most numbers that no row has any more, and that are
// not among those spoken for. None, with a note if gaps were asked for, if there
// are too few: then the table's generator gives the keys.
func (d *draft) openings(ctx context.Context, st *study, r *rand.Rand, n, most int, spoken []slot) ([]slot, error) {
	f := st.drawn()
	db, ok := d.s.Database.(Kinsman)
	if f == nil || !ok || !d.o.gaps() {
		return nil, nil
	}
	st.byItself(f)
	low, high, err := d.span(ctx, st, f)
	if err != nil {
		return nil, err
	}
	var out []slot
	if high-low >= int64(2*n) {
		not := map[int64]bool{}
		for _, s := range spoken {
			not[s.key] = true
		}
		steps := st.besides(f)
		if out, err = d.free(ctx, db, st, f, r, low, high, n, max(2*most, min(8*n, 2*n+400)), not, steps); err != nil {
			return nil, err
		}
		if out, err = d.roomFor(ctx, st, out, n); err != nil {
			return nil, err
		}
		if len(out) < n && len(steps) > 0 && spoken == nil {
			st.unsteady(f, steps, len(out))
		}
	}
	if len(out) < n {
		if d.o.Keys == fromGaps {
			st.note("column %s has too few gaps (%d suit): honey rows get the newest numbers of all; only rows that come later hide them (seed apply --drip)", f.Name, len(out))
		}
		if st.anyAge && spoken == nil {
			st.anyAge = false
			st.rank(d.now)
		}
		return nil, nil
	}
	f.plan.Source, f.plan.Why = Gap, "a number that no row has any more; if it was somebody's, logs and backups may still know it (seed.keys: sequence takes new ones)"
	if len(st.needed) > 0 { // those that are near count, not how they lie
		return out, nil
	}
	return st.scatter(r, f, out, most), nil
}

// unsteady notes that a counter beside the key has no gaps where the key has: a
// number in the key's gap and the newest of the counter would be out of sequence.
func (st *study) unsteady(key *field, steps []*field, n int) {
	var names []string
	for _, c := range steps {
		names = append(names, c.Name)
	}
	st.note("column %s rises beside %s, and few numbers are missing in both at one place (%d suit): honey rows get the newest of both, so that they agree; only rows that come later hide them (seed apply --drip)", strings.Join(names, ", "), key.Name, n)
}

// fewRounds is after how many looks at 500 numbers each what was found has to
// do, if it suffices; where more relatives need a number, up to maxRounds follow.
const (
	fewRounds = 10
	maxRounds = 80
)

// free tries numbers at random until enough are found, and keeps those that
// suit. It tries longer as long as twice the n needed are not found.
func (d *draft) free(ctx context.Context, db Kinsman, st *study, f *field, r *rand.Rand, low, high int64, n, enough int, not map[int64]bool, steps []*field) ([]slot, error) {
	tried, free := 0, map[int64]bool{}
	var all []int // of a short span every number, in an order drawn at random
	if high-low-1 <= 500*maxRounds {
		all = r.Perm(int(high - low - 1))
	}
	if err := d.close(ctx, st, f, low, high, not, free); err != nil {
		return nil, err
	}
	for round := 0; len(free) < enough && (round < fewRounds || round < maxRounds && len(free) < 2*n); round++ {
		var tuples [][]string
		for i := range 500 {
			k := r.Int64N(high - low - 1)
			if all != nil {
				if 500*round+i >= len(all) {
					break
				}
				k = int64(all[500*round+i])
			}
			tuples = append(tuples, []string{strconv.FormatInt(low+1+k, 10)})
		}
		if len(tuples) == 0 {
			break
		}
		taken, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, tuples)
		if err != nil {
			return nil, err
		}
		for i, t := range taken {
			if v, _ := strconv.ParseInt(tuples[i][0], 10, 64); !t && !not[v] {
				free[v] = true
			}
		}
		if tried += len(tuples); tried >= 1000 && len(free)*200 < tried {
			break
		}
	}
	if st.kin != nil && !st.kin.parent {
		if err := d.complete(ctx, st, f, low, high, not, free); err != nil {
			return nil, err
		}
	}
	if err := d.forgotten(ctx, st, free); err != nil {
		return nil, err
	}
	out, err := d.between(ctx, db, st, f, free, steps, reach)
	if err == nil && (len(out) < n || len(st.within) > 0) && st.kin != nil && !st.kin.parent { // whose own row was deleted with all its relatives
		return d.between(ctx, db, st, f, free, steps, wideReach)
	}
	return out, err
}

// reach is how far from a free number the rows before and after it may be, and
// wideReach how far for relatives where too few are closer: their numbers lie
// together if they came together, and are missing together.
const (
	reach     int64 = 8
	wideReach int64 = maxBrood
)

// between keeps the free numbers that have rows close by on both sides, with
// their dates, and between whose rows the counters of steps have a number left
// too.
func (d *draft) between(ctx context.Context, db Kinsman, st *study, f *field, free map[int64]bool, steps []*field, reach int64) (out []slot, err error) {
	var ask []string
	asked := map[int64]bool{}
	for k := range free {
		for v := k - reach; v <= k+reach; v++ {
			if !free[v] && !asked[v] {
				asked[v] = true
				ask = append(ask, strconv.FormatInt(v, 10))
			}
		}
	}
	slices.Sort(ask)
	s, err := db.Kin(ctx, st.table, f.Name, ask, len(ask)+1)
	if err != nil {
		return nil, err
	}
	key, date := s.index(f.Name), -1
	if st.inOrder != nil {
		date = s.index(st.inOrder.Name)
	}
	rows, whole := map[int64]time.Time{}, map[int64][]*string{}
	for _, row := range s.Rows {
		if row[key] == nil {
			continue
		}
		k, err := strconv.ParseInt(*row[key], 10, 64)
		if err != nil {
			continue
		}
		rows[k], whole[k] = time.Time{}, row
		if date >= 0 && row[date] != nil {
			rows[k], _, _ = generate.ParseTime(*row[date])
		}
	}
	for k := range free {
		sl := slot{key: k}
		var before, after int64
		for i := int64(1); i <= reach && (before == 0 || after == 0); i++ {
			if _, ok := rows[k-i]; ok && before == 0 {
				before = k - i
			}
			if _, ok := rows[k+i]; ok && after == 0 {
				after = k + i
			}
		}
		sl.low, sl.high = bounds(dates(rows, k, -1), dates(rows, k, 1))
		rest := settled
		if k > st.recent {
			rest = atRestAfter
		}
		if before == 0 || after == 0 || st.inOrder != nil && (sl.low.IsZero() || sl.high.IsZero() || sl.high.Before(sl.low) || d.now.Sub(sl.high) < rest) {
			continue
		}
		sl.before, sl.width, sl.to = before, after-before, rooms(s, st, whole[before], whole[after], k-before, after-before)
		sl.ends = st.owners(s, whole[before], whole[after])
		if sl.beside, sl.most = besideOf(s, steps, whole[before], whole[after], k-before, after-before); sl.beside != nil || len(steps) == 0 {
			out = append(out, sl)
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].key < out[b].key })
	return d.unclaimed(ctx, st, steps, out)
}

// dates are up to three of the rows before (way -1) or after a number, the nearest
// first.
func dates(rows map[int64]time.Time, k, way int64) (out []time.Time) {
	for i := int64(1); i <= wideReach && len(out) < 3; i++ {
		if at, ok := rows[k+way*i]; ok && !at.IsZero() {
			out = append(out, at)
		}
	}
	return out
}

// bounds are the dates between which a row with a number belongs, zero if that does
// not show. One neighbour may go against the order: the next ones bear witness.
func bounds(before, after []time.Time) (low, high time.Time) {
	if len(before) == 0 || len(after) == 0 {
		return low, high
	}
	mid := func(v []time.Time) time.Time {
		v = slices.SortedFunc(slices.Values(v), time.Time.Compare)
		return v[len(v)/2]
	}
	earlier, later := mid(before), mid(after)
	low, high = before[0], after[0]
	if low.Before(earlier) || low.After(later) {
		low = earlier
	}
	if high.After(later) || high.Before(low) {
		high = later
	}
	return low, high
}

// settled is how old rows next to a gap have to be: what is missing between
// younger ones may still come.
const settled = 24 * time.Hour

// atRestAfter is the same of the last numbers that were given: a table that few rows
// come to would have none for honey rows beside the newest, and of many rows one
// relative is among those.
const atRestAfter = 7 * 24 * time.Hour

// near chooses n templates, each once as long as they last: for a slot one of
// those whose key is not far, since rows of one age are alike.
func (st *study) near(r *rand.Rand, slots []slot, n int) []int {
	f := st.drawn()
	if len(slots) < n || f == nil {
		return pickTemplates(r, st.pool, n)
	}
	type at struct {
		row int
		key int64
	}
	var all []at
	for _, i := range st.pool {
		if v := st.sample.Rows[i][f.sample]; v != nil {
			if k, err := strconv.ParseInt(*v, 10, 64); err == nil {
				all = append(all, at{i, k})
			}
		}
	}
	if len(all) == 0 {
		return pickTemplates(r, st.pool, n)
	}
	sort.Slice(all, func(a, b int) bool { return all[a].key < all[b].key })
	used := map[int]bool{}
	var out []int
	for _, s := range slots[:n] {
		k := sort.Search(len(all), func(i int) bool { return all[i].key >= s.key })
		width := max(8, len(all)/20)
		lo := max(0, min(k-width, len(all)-2*width))
		var near []int
		for _, a := range all[lo:min(len(all), lo+2*width)] {
			near = append(near, a.row)
		}
		near = st.filling(st.fitting(near, &s), &s)
		choice := near[r.IntN(len(near))]
		for range 20 {
			if !used[choice] {
				break
			}
			choice = near[r.IntN(len(near))]
		}
		used[choice] = true
		out = append(out, choice)
	}
	return out
}
