package seeder

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"

	"honeyrow/seeder/generate"
)

// berth is how a row stands among those that hold the same thing: how many these are,
// itself included, how many of them came before it, and how far from it the next ones
// began, 0 if there is none.
type berth struct {
	all, before  int
	since, until time.Duration
}

// How many berths are tried for a relative, and of how many things that suit that one is
// taken whose other holders came about as long before and after.
const (
	maxBerths = 8
	maxMoored = 40
)

// moor finds for a relative one that lends it a thing of which it will be held as by a
// real row that came at about that time: with as many others, as many of them before it,
// and about as close. Were it drawn as the things of real rows are, one row more would
// hold each, and things that many hold would be held by still more. -1 if it points at
// nothing that few hold, or none suits. What it costs is what another of the same kind
// costs that lasted as long: with is a row that holds the thing, lender one of that cost.
func (h *hand) moor(d *draft, st *study, p *peers, n, total int, r *rand.Rand) (lender, with int) {
	i := slices.IndexFunc(p.things, func(x *thing) bool { return x.often != nil })
	if i < 0 {
		return -1, -1
	}
	x, c := p.things[i], st.clock(h.g.Now)
	span, _ := st.turn(h.was, h.when)
	at := span[0]
	sign := p.signOf(st, h)
	rows := p.alike[sign]
	if len(rows) < leastLoans {
		return -1, -1
	}
	lean, own := h.leaning(st, p, r), st.sample.Rows[h.template]
	tie := st.sample.index(st.kin.fk.Columns[0])
	want := make([]int, len(p.things))
	for range maxBerths {
		model := st.sample.Rows[about(rows, h.at(c), r)]
		for k, o := range p.things {
			want[k] = -1
			if o.often != nil && k != i {
				want[k] = o.stand(d, st, model, n, total, r).all - 1
			}
		}
		b := x.stand(d, st, model, n, total, r)
		if want[i] = b.all - 1; want[i] < 0 {
			continue
		}
		best, cost, least, nearer, found := -1, -1, math.Inf(1), 0.0, 0
		owed := x.owed[h.above]
		stock := x.stock[want[i]]
		from := 0
		if len(stock) > 0 {
			from = r.IntN(len(stock))
		}
		for k := range stock {
			v := stock[(from+k)%len(stock)]
			if x.busy(d, v, n) || !at.IsZero() && (at.Before(x.there[v]) || before(x.starts[v], at) != b.before) {
				continue
			}
			for _, o := range x.rows[v] {
				row := st.sample.Rows[o]
				if p.kinds[o] != sign || *row[tie] == *own[tie] || x.tariff == nil && !h.lasts(c, o) || h.clashes(st, p, row) || !p.free(d, st, h, n, row, want) ||
					slices.ContainsFunc(p.leans, func(f *field) bool { return f != x.f && !same(row[f.sample], lean[f.sample]) }) {
					continue
				}
				like := o
				if x.tariff != nil {
					if like = x.tariff.fellow(st, p, x, h, v, sign, r); like < 0 {
						break
					}
				}
				by := b.nearer(x.starts[v], at)
				if off := b.off(x.starts[v], at) + x.crowded(v, at) + math.Abs(owed+by); off < least {
					best, cost, least, nearer = o, like, off, by
				}
				found++
				break
			}
			if found == maxMoored {
				break
			}
		}
		if best >= 0 {
			x.owed[h.above] = owed + nearer
			return cost, best
		}
	}
	return -1, -1
}

// about draws one of the rows that came at about a time.
func about(rows []loan, at time.Time, r *rand.Rand) int {
	width := max(leastLoans, len(rows)/40)
	mid := len(rows) / 2
	if at.IsZero() {
		width = len(rows)
	} else {
		mid = sort.Search(len(rows), func(i int) bool { return rows[i].at.After(at) })
	}
	low := max(0, min(mid-width, len(rows)-2*width))
	rows = rows[low:min(len(rows), low+2*width)]
	return rows[r.IntN(len(rows))].row
}

// stand is how a real row will stand among those that hold its thing once all honey rows
// are planted, as far as that can be told while the nth of so many is drawn.
func (x *thing) stand(d *draft, st *study, row []*string, n, total int, r *rand.Rand) (b berth) {
	v := row[x.f.sample]
	if v == nil || x.asked != nil && !x.asked[*v] {
		return b
	}
	span, _ := st.turn(row, nil)
	b.all = x.often[*v]
	b.before = before(x.starts[*v], span[0])
	for _, o := range x.held[*v] {
		if o.is(d) && o.n != n {
			b.all++
			if at, _ := st.turn(o.h.was, o.h.when); at[0].Before(span[0]) {
				b.before++
			}
		}
	}
	if r.Float64() < x.more(b.all)*float64(total-n) {
		b.all++
		if r.IntN(b.all) <= b.before {
			b.before++
		}
	}
	b.since, b.until = nextTo(x.starts[*v], span[0])
	return b
}

// is reports whether a holder is one of the run that is being drawn.
func (o *holder) is(d *draft) bool { return o.n < len(d.run) && d.run[o.n] == o.h }

// busy reports whether another honey row of the run holds a thing.
func (x *thing) busy(d *draft, v string, n int) bool {
	return slices.ContainsFunc(x.held[v], func(o holder) bool { return o.n != n && o.is(d) })
}

// before is how many of sorted times lie before one.
func before(all []time.Time, at time.Time) int {
	return sort.Search(len(all), func(i int) bool { return !all[i].Before(at) })
}

// nextTo is how far the next of sorted times before and after one are, 0 if there is none.
func nextTo(all []time.Time, at time.Time) (since, until time.Duration) {
	if i := before(all, at); i > 0 {
		since = at.Sub(all[i-1])
	}
	if i := sort.Search(len(all), func(i int) bool { return all[i].After(at) }); i < len(all) {
		until = all[i].Sub(at)
	}
	return since, until
}

// shorter is the shorter of the two distances of nextTo, 0 if there is none.
func shorter(since, until time.Duration) time.Duration {
	if until == 0 || since > 0 && since < until {
		return since
	}
	return until
}

// off is by how much other times lie before and after a date than they do in a berth.
func (b *berth) off(all []time.Time, at time.Time) float64 {
	far := func(x, y time.Duration) float64 {
		return math.Abs(math.Log((x.Hours() + 1) / (y.Hours() + 1)))
	}
	since, until := nextTo(all, at)
	return far(since, b.since) + far(until, b.until)
}

// nearer is by how much the nearer of other times lies closer to a date than in a berth:
// there is more room for a row close to another than far from it, and what each of a row's
// relatives is closer than it should be, its next have to make up for.
func (b *berth) nearer(all []time.Time, at time.Time) float64 {
	return math.Log1p(shorter(b.since, b.until).Hours()) - math.Log1p(shorter(nextTo(all, at)).Hours())
}

// store puts the things that few hold in order: by how many hold them, with the rows
// that may lend them and from when on each was there.
func (x *thing) store(st *study, p *peers, r *rand.Rand) {
	x.rows, x.stock, x.there = map[string][]int{}, map[int][]string{}, map[string]time.Time{}
	x.owed = map[*hand]float64{}
	for _, l := range p.rows {
		if v := st.sample.Rows[l.row][x.f.sample]; v != nil {
			x.rows[*v] = append(x.rows[*v], l.row)
		}
	}
	all, sum := slices.Sorted(maps.Keys(x.often)), 0
	for _, v := range all {
		sum += x.often[v]
		if x.asked == nil || x.asked[v] {
			x.stock[x.often[v]] = append(x.stock[x.often[v]], v)
		}
		if len(x.starts[v]) > 0 {
			x.there[v] = x.starts[v][0]
		}
	}
	for _, k := range slices.Sorted(maps.Keys(x.stock)) {
		r.Shuffle(len(x.stock[k]), func(i, j int) { x.stock[k][i], x.stock[k][j] = x.stock[k][j], x.stock[k][i] })
	}
	x.known = float64(sum) / float64(max(int(st.table.Rows), sum))
	x.share = map[int]float64{}
	var gaps []time.Duration
	for _, v := range slices.Sorted(maps.Keys(x.rows)) {
		if x.asked == nil || x.asked[v] {
			x.share[x.often[v]] += float64(len(x.rows[v])) / float64(max(len(p.rows), 1))
		}
		for i := 1; i < len(x.starts[v]); i++ {
			gaps = append(gaps, x.starts[v][i].Sub(x.starts[v][i-1]))
		}
	}
	if slices.Sort(gaps); len(gaps) >= leastTurns {
		x.least = gaps[len(gaps)/100]
	}
	x.counted(all)
}

// more is how likely one honey row is to hold what so many rows do: it holds what is
// known here, real rows anything.
func (x *thing) more(many int) float64 {
	return x.known * x.share[many+1] / float64(max(len(x.stock[many]), 1))
}

// crowded is 0 unless another holds a thing sooner before or after a date than real rows
// do.
func (x *thing) crowded(v string, at time.Time) float64 {
	since, until := nextTo(x.starts[v], at)
	if since > 0 && since < x.least || until > 0 && until < x.least {
		return 100
	}
	return 0
}

// counted has things with numbers be there as early as any with a higher number was held.
func (x *thing) counted(all []string) {
	number := map[string]int64{}
	for _, v := range all {
		k, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return
		}
		number[v] = k
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(number[b], number[a]) })
	var least time.Time
	for _, v := range all {
		at, ok := x.there[v]
		if ok && (least.IsZero() || at.Before(least)) {
			least = at
		}
		if !least.IsZero() {
			x.there[v] = least
		}
	}
}

// loose finds which of what relatives are lent does not go with things that few hold: it
// need not come with them.
func (p *peers) detach(st *study) {
	for _, f := range p.lent {
		goes := f.fk != nil && slices.ContainsFunc(p.things, func(x *thing) bool { return x.f == f && x.often != nil })
		for _, x := range p.things {
			if goes || x.often == nil {
				continue
			}
			var shared [][]int
			for _, v := range slices.Sorted(maps.Keys(x.rows)) {
				shared = append(shared, x.rows[v])
			}
			own, any := st.agreement(shared, f)
			goes = own > any+0.1
		}
		if !goes {
			p.apart = append(p.apart, f)
		}
	}
}

// signOf is in what rows have to be like a relative to lend.
func (p *peers) signOf(st *study, h *hand) string {
	up := make([]*string, len(st.kin.to.sample.Columns)) // the honey row as far as categories go
	for _, f := range st.kin.to.columns {
		if cell := h.above.row.cell(f.Name); cell != nil && f.sample >= 0 {
			up[f.sample] = cell.Value
		}
	}
	return p.sign(st, h.was, up)
}

// shuffler is a source for the order of a column's things.
func (d *draft) shuffler(st *study, f *field) *rand.Rand {
	return generate.New(d.o.Seed, st.table.String()+" "+f.Name+" stock")
}
