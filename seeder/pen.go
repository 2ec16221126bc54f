package seeder

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"

	"honeyrow/seeder/generate"
)

// pen is what is free in a table of relatives while the rows are drawn that they
// will belong to: the dates of a row are chosen so that those of its relatives
// come where their table's keys have gaps.
type pen struct {
	st   *study
	free []slot // in the order of keys
	// blocks are, where the numbers of relatives rise with the key of the row that
	// they hang on (they were loaded or counted row by row), its key and the last
	// of them, in order, and the first; else nil.
	blocks [][3]int64
	bays   *bays    // where dates of rows suit relatives that hang on them, once asked for
	share  *float64 // of its table's rows, how many stand beside a gap; once asked for
	inTurn bool     // relatives of one date are numbered in the order of the rows that they hang on
	tide   *tide    // how long missing numbers took, where dates may move for them
	learnt bool
	need   int // how many relatives there will be
}

// pens finds the free numbers of the tables whose rows will point at the honey
// rows of st.
func (d *draft) openPens(ctx context.Context, st *study) error {
	d.pens[st] = nil
	for _, o := range d.studies {
		if o.kin == nil || o.kin.to != st || o.kin.parent {
			continue
		}
		n := 0
		for _, tpl := range d.picks[st] {
			n += o.kin.many(st.sample.Rows[tpl])
		}
		if n == 0 {
			continue
		}
		r := generate.New(d.o.Seed, o.table.String()+" templates")
		free, err := d.openings(ctx, o, r, n, max(12*n, leastPen), nil)
		if err != nil {
			return err
		}
		slices.SortFunc(free, func(a, b slot) int { return cmp.Compare(a.key, b.key) })
		d.pens[st] = append(d.pens[st], &pen{st: o, free: free, blocks: o.blocks(st), inTurn: o.byOwner(), need: n, learnt: o.kin.pointed != nil})
	}
	return nil
}

// company returns the rows of the run at hand but one, and our own if the run is
// another's.
func (d *draft) company(st *study, but int) (out []*hand) {
	for i, h := range d.run {
		if h != nil && i != but {
			out = append(out, h)
		}
	}
	if ours := d.hands[st]; len(ours) > 0 && &ours[0] != &d.run[0] {
		out = append(out, ours...)
	}
	return out
}

// spent are the numbers of a pen that these rows' relatives have, with whose they are.
func (p *pen) spent(rows []*hand) map[int64]lot {
	out := map[int64]lot{}
	for _, h := range rows {
		for _, s := range h.kids[p.st] {
			out[s.key] = lot{s.taken, h.id(), s.open}
		}
	}
	return out
}

// nest chooses the dates of a row so that its relatives' agree with the numbers
// that are free for them, and gives each its number. Where the key fixes the
// dates, there is little to choose.
func (d *draft) nest(st *study, r *rand.Rand, h *hand, n, total int) {
	var nests []*nest
	company := d.company(st, n)
	for _, p := range d.pens[st] {
		if len(p.free) > 0 {
			nests = append(nests, p.nest(st, h, p.spent(company)))
		}
	}
	if len(nests) == 0 {
		return
	}
	_, latest := st.past(h.was, h.g.Now)
	var crowd []*crowd
	if slices.ContainsFunc(nests, func(x *nest) bool { return slices.ContainsFunc(x.kids, func(k kin) bool { return k.tied }) }) {
		crowd = st.crowd(r, company)
	}
	best, least := h.dated(), time.Duration(1<<62)
	kids := map[*study][]slot{}
	weighed := 0
	weigh := func() (well bool) {
		first, _ := h.past(st)
		beside, cost := 0, time.Duration(st.unruly(h))*breach
		laid := map[*study][]slot{}
		for _, x := range nests {
			x.follow(h, h.brood(x.st, r))
			out, c, ok := x.moor(h, r)
			if !ok {
				out, c = x.lay(&h.g, first)
			}
			laid[x.st] = out
			cost += c
			beside += x.beside
		}
		for _, c := range crowd {
			cost += c.off(h)
		}
		if all := cost + time.Duration(beside)*leftGap; all < least {
			best, least, kids = h.dated(), all, laid
		}
		weighed++
		return cost == 0 && (beside == 0 || weighed > fewNests)
	}
	well := weigh()
	if !well {
		for _, h.haven = range h.havens(st, r, nests) {
			if h.steer(st, r) && weigh() {
				well = true
				break
			}
		}
		h.haven = nil
	}
	tries := maxNests
	for _, x := range nests { // of many relatives some are off whatever is chosen
		tries = max(fewNests, min(tries, 8*maxNests/max(len(x.kids), 8)))
	}
	for try := 1; try < tries && !well && st.reset(r, h, n, total, try > tries/2, latest); try++ {
		if try%2 == 1 && !h.bound && len(st.dates(h.was)) == 0 { // no date of its own has to move: its relatives' need not
			h.g.Shift, h.g.Anchor, h.g.Scale = time.Duration(r.Int64N(int64(2*around)))-around, time.Time{}, 0
		}
		h.place(st, r)
		if well = weigh(); try >= fewNests && h.slot != nil && st.inOrder != nil {
			break
		}
	}
	h.redate(best)
	h.kids = kids
}

// leastPen is how many free numbers are looked for at least: of few each would be taken,
// however little time it took.
const leastPen = 1200

// maxNests is how many ways to move a row's dates are looked at, and fewNests
// how many where its key says where they lie.
const (
	maxNests = 600
	fewNests = 12
)

// around is how far relatives' dates move whose row has none that moves.
const around = 18 * time.Hour

// nest is the relatives that one row will have in one table.
type nest struct {
	*pen
	taken  map[int64]lot // numbers that others have
	own    int64         // the row's own, 0 if not known
	strict bool          // their dates are whole months from one of the row's
	kids   []kin
	// full: as many of the others' stand beside a gap that stays as shall, once counted.
	full, counted bool
	beside        int // how many of those laid stand beside a gap that stays, against the habit of the table
}

// kin is one of them, as its template is.
type kin struct {
	key   int64
	row   int       // its template
	at    time.Time // zero: no date tells the order
	to    time.Time // where that comes to stand, if it is chosen
	lost  bool      // there will be none
	alone bool      // its number shall leave no gap beside it
	tied  bool      // its date is one of the row's own, and moves with it
	order int
}

func (p *pen) nest(st *study, h *hand, taken map[int64]lot) *nest {
	x := &nest{pen: p, taken: taken, own: h.id()}
	k := p.st.kin
	v := h.was[st.sample.index(k.fk.RefColumns[0])]
	if v == nil {
		return x
	}
	x.strict = p.st.inOrder != nil && p.st.hanging(h.g.Now).tied()
	last, blocked := p.block(h)
	for i, row := range k.rows[*v][:min(len(k.rows[*v]), maxBrood)] {
		one := kin{order: i, row: row, alone: !x.strict && x.lonely(h, row)}
		if at, ok := p.st.ordered(row); ok && !p.st.stays(p.st.inOrder, p.st.sample.Rows[row]) {
			one.at, one.tied = at, p.st.tied(h, at)
		}
		if f := p.st.drawn(); f != nil && p.st.sample.Rows[row][f.sample] != nil {
			one.key, _ = strconv.ParseInt(*p.st.sample.Rows[row][f.sample], 10, 64)
		}
		if blocked {
			one.key = last + 1 + int64(i)
		}
		x.kids = append(x.kids, one)
	}
	slices.SortStableFunc(x.kids, func(a, b kin) int { // who can't move without the row chooses first
		switch {
		case a.tied == b.tied:
			return 0
		case a.tied:
			return -1
		}
		return 1
	})
	return x
}

// follow takes up where the dates of a row's relatives are chosen to be.
func (x *nest) follow(h *hand, brood kindred) {
	for i := range x.kids {
		kid := &x.kids[i]
		kid.lost = h.lacks(x.st, kid.row)
		if at, ok := brood[kid.row][x.st.inOrder]; ok && !kid.at.IsZero() {
			kid.to, kid.tied = inPlace(at, kid.at.Location()), false
			for _, own := range h.when {
				kid.tied = kid.tied || own.Equal(at)
			}
		}
	}
}

// blocks finds whether relatives' numbers rise with the key of their row of st, and
// where they end and begin.
func (st *study) blocks(to *study) (out [][3]int64) {
	own, key := st.drawn(), to.drawn()
	at := to.sample.index(st.kin.fk.RefColumns[0])
	if own == nil || key == nil || at < 0 {
		return nil
	}
	for _, row := range to.sample.Rows {
		if row[key.sample] == nil || row[at] == nil {
			continue
		}
		k, err := strconv.ParseInt(*row[key.sample], 10, 64)
		first, last := int64(1)<<62, int64(0)
		for _, kid := range st.kin.rows[*row[at]] {
			if v := st.sample.Rows[kid][own.sample]; v != nil {
				if n, err := strconv.ParseInt(*v, 10, 64); err == nil {
					first, last = min(first, n), max(last, n)
				}
			}
		}
		if err == nil && last > 0 {
			out = append(out, [3]int64{k, last, first})
		}
	}
	slices.SortFunc(out, func(a, b [3]int64) int { return cmp.Compare(a[0], b[0]) })
	up := 0
	for i := 1; i < len(out); i++ {
		if out[i][1] > out[i-1][1] {
			up++
		}
	}
	if len(out) < 10 || 100*up < 97*(len(out)-1) {
		return nil
	}
	return out
}

// block is the last number of the relatives of the row before a honey row.
func (p *pen) block(h *hand) (last int64, ok bool) {
	if h.slot == nil || len(p.blocks) == 0 {
		return 0, false
	}
	i := sort.Search(len(p.blocks), func(i int) bool { return p.blocks[i][0] >= h.slot.key })
	return p.blocks[max(i-1, 0)][1], true
}

// reset moves a row's dates another way, if they are free to move; far allows
// more than usual.
func (st *study) reset(r *rand.Rand, h *hand, n, total int, far bool, latest time.Time) bool {
	switch {
	case h.bound:
		return false
	case st.inOrder == nil || h.was[st.inOrder.sample] == nil:
		h.shift(st, r, n, total)
		if by := time.Duration(r.IntN(2*farthest)-farthest)*24*time.Hour + time.Duration(r.Int64N(int64(time.Hour))); far && (latest.IsZero() || !latest.Add(by).After(h.g.Now)) {
			h.g.Shift = by
		}
		return true
	case h.slot != nil:
		st.settle(r, h)
		return true
	}
	return false
}

const farthest = 200 // days

// lay gives each relative a free number. cost is how far their dates are from
// those at which the numbers were given. None if there are too few.
func (x *nest) lay(g *generate.Row, born time.Time) (out []slot, cost time.Duration) {
	out = make([]slot, len(x.kids))
	used := map[int64]bool{}
	x.beside = 0
	for _, kid := range x.kids {
		if kid.lost {
			continue
		}
		best, far, to := -1, time.Duration(0), time.Time{}
		if kid.at.IsZero() {
			best = x.close(kid.key, func(key int64) bool { return used[key] })
		} else {
			if to = kid.to; to.IsZero() {
				to = movedBy(g, kid.at, x.st.inOrder)
			}
			best, far = x.nearest(to, born, func(key int64) bool { return used[key] }, kid.alone)
		}
		if best < 0 {
			return nil, 1 << 61
		}
		out[kid.order] = x.free[best]
		if !to.IsZero() && far == 0 {
			out[kid.order].taken = to
		}
		used[out[kid.order].key] = true
		if far > 0 && x.strict {
			far += odd
		}
		if kid.tied {
			far *= 20
		}
		cost = min(cost+far, 1<<60)
	}
	for _, kid := range x.kids {
		if kid.alone && !kid.lost && x.borders(out[kid.order].key, used) {
			x.beside++
		}
	}
	return x.without(out), cost
}

// without leaves out the places of relatives that there will not be.
func (x *nest) without(out []slot) []slot {
	for _, kid := range slices.Backward(slices.SortedFunc(slices.Values(x.kids), func(a, b kin) int { return cmp.Compare(a.order, b.order) })) {
		if kid.lost {
			out = slices.Delete(out, kid.order, kid.order+1)
		}
	}
	return out
}

// disorder is by how much dates may go against their keys for the nearest number
// to be found.
const disorder = 72 * time.Hour

// nearest returns the free number whose place in time is nearest to a date, and
// how far that is: 0 if the date lies there. One that leaves no gap is looked for within
// leftGap for who shall stand alone.
func (x *nest) nearest(at, born time.Time, used func(key int64) bool, alone bool) (best int, far time.Duration) {
	best, far = -1, 1<<61
	cost := far
	mid := sort.Search(len(x.free), func(i int) bool { return !x.free[i].high.Before(at) })
	for _, step := range []int{-1, 1} {
		k := mid
		if step < 0 {
			k--
		}
		for ; k >= 0 && k < len(x.free); k += step {
			s := &x.free[k]
			if _, taken := x.taken[s.key]; taken || used(s.key) {
				continue
			}
			away := x.away(k, at)
			if !born.IsZero() && s.high.Before(born) {
				away += 1 << 54
			}
			all := away
			if alone && x.stays(k, used) {
				all += leftGap
			}
			if all < cost {
				best, far, cost = k, away, all
			}
			if away > cost+disorder || cost == 0 {
				break
			}
		}
	}
	return best, far
}

// close returns the free number nearest to another, where no date tells more.
func (x *nest) close(want int64, used func(key int64) bool) int {
	up := sort.Search(len(x.free), func(i int) bool { return x.free[i].key >= want })
	down := up - 1
	busy := func(k int) bool {
		_, taken := x.taken[x.free[k].key]
		return taken || used(x.free[k].key)
	}
	for up < len(x.free) && busy(up) {
		up++
	}
	for down >= 0 && busy(down) {
		down--
	}
	if up == len(x.free) || down >= 0 && want-x.free[down].key <= x.free[up].key-want {
		return down
	}
	return up
}

// away is how far a date lies from those of a slot, 0 if between them.
func (s *slot) away(at time.Time) time.Duration { return at.Sub(s.clip(at)).Abs() }

// clip returns the date nearest to at that suits the slot.
func (s *slot) clip(at time.Time) time.Time {
	switch {
	case at.Before(s.low):
		return s.low
	case at.After(s.high):
		return s.high
	}
	return at
}

// ordered returns the date of a sampled row by which keys grow.
func (st *study) ordered(row int) (time.Time, bool) {
	if st.inOrder == nil || st.sample.Rows[row][st.inOrder.sample] == nil {
		return time.Time{}, false
	}
	at, _, ok := generate.ParseTime(*st.sample.Rows[row][st.inOrder.sample])
	return at, ok && !generate.Sentinel(at)
}

// tied reports whether a relative's date is one of the dates of its row.
func (st *study) tied(h *hand, at time.Time) bool {
	return slices.ContainsFunc(st.kin.to.dates(h.was), at.Equal)
}

// dates are those of a row that move.
func (st *study) dates(row []*string) (out []time.Time) {
	for _, f := range st.columns {
		if f.plan.Kind == "timestamp" && f.sample >= 0 && row[f.sample] != nil {
			if at, _, ok := generate.ParseTime(*row[f.sample]); ok && !generate.Sentinel(at) {
				out = append(out, at)
			}
		}
	}
	return out
}

// movedBy is where a date of a template row comes to stand.
func movedBy(g *generate.Row, at time.Time, f *field) time.Time {
	by := g.Shift
	if g.Scale > 0 && at.After(g.Anchor) && !at.After(g.Now) {
		by -= time.Duration((1 - g.Scale) * float64(at.Sub(g.Anchor)))
	}
	if f.Class == generate.Date {
		by = by.Round(24 * time.Hour)
	}
	to := at.Add(by)
	for back := by - 24*time.Hour; back > 0 && !at.After(g.Now) && to.After(g.Now); back -= 24 * time.Hour {
		to = at.Add(back)
	}
	return to
}
