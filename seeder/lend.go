package seeder

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// peers are what the relatives of other rows lend to those of a honey row: what they
// point at, categories, numbers of few kinds. Were all of that the template's relatives',
// one by one, the two rows would be known by the order in which it stands there.
type peers struct {
	lent   []*field // columns whose content comes from a peer
	stays  []*field // categories that all relatives of a row have alike: the template's
	leans  []*field // of those lent: what relatives of a row have alike oftener than by chance
	rows   []loan   // by their first date
	signs  []string // of those rows
	single []exclusive
}

// exclusive is a column of which one row at a time holds a value: from one of its dates
// to another (a thing is lent to one at a time).
type exclusive struct {
	f     *field
	busy  map[string][][2]time.Time
	asked map[string]bool // of which values that is known, nil: of all
	open  bool            // what has no end is held for good
}

// How many times in a row of one thing have to show that they do not overlap.
const leastTurns = 30

// peer gives a relative what another row's relative holds that came at about that time
// and is alike in the rest. Where it points at a relative of its own family (a payment
// at its rental) whose content is another's, it has that of what points there.
func (h *hand) peer(d *draft, st *study, r *rand.Rand) {
	p := st.lender
	if p == nil || len(p.lent) == 0 || h.above == nil {
		return
	}
	from := h.lead(d, st)
	if from < 0 {
		from = h.choosePeer(d, st, p, r)
	}
	if from < 0 {
		return
	}
	h.was, h.lender, h.borrowed = slices.Clone(h.was), from, true
	for _, f := range p.lent {
		h.was[f.sample] = st.sample.Rows[from][f.sample]
	}
}

// lead returns what points at the lender of the relative that this one points at, -1 if
// that is not known or it points at none.
func (h *hand) lead(d *draft, st *study) int {
	for _, f := range st.columns {
		other := d.sister(st, f)
		if other == nil || h.was[f.sample] == nil {
			continue
		}
		ref, tie := other.sample.index(f.fk.RefColumns[0]), other.sample.index(other.kin.fk.Columns[0])
		for _, o := range d.hands[other] {
			if ref < 0 || tie < 0 || o.lender < 0 || !h.descends(o) && o.above != h.above || o.was[ref] == nil || *o.was[ref] != *h.was[f.sample] {
				continue
			}
			lender := other.sample.Rows[o.lender]
			if lender[tie] == nil || lender[ref] == nil {
				continue
			}
			for _, kid := range st.kin.rows[*lender[tie]] {
				if v := st.sample.Rows[kid][f.sample]; v != nil && *v == *lender[ref] && h.alike(st, kid) {
					return kid
				}
			}
		}
	}
	return -1
}

// alike reports whether a row has a value where the template has one.
func (h *hand) alike(st *study, row int) bool {
	for i, v := range st.sample.Rows[row] {
		if (v == nil) != (h.was[i] == nil) {
			return false
		}
	}
	return true
}

// sister returns the study of the same row's relatives at which a column of relatives
// points, nil if it points at none.
func (d *draft) sister(st *study, f *field) *study {
	if f.fk == nil || f.sample < 0 || len(f.fk.Columns) != 1 || f.fk == st.kin.fk {
		return nil
	}
	for _, o := range d.studies {
		if o.kin != nil && !o.kin.parent && o.kin.to == st.kin.to && o.table.Schema == f.fk.RefSchema && o.table.Name == f.fk.RefTable {
			return o
		}
	}
	return nil
}

// choosePeer draws a row that lends, -1 if none suits.
func (h *hand) choosePeer(d *draft, st *study, p *peers, r *rand.Rand) int {
	c := st.clock(h.g.Now)
	at := h.at(c)
	if at.IsZero() {
		at = c.began(h.template)
	}
	up := make([]*string, len(st.kin.to.sample.Columns)) // the honey row as far as categories go
	for _, f := range st.kin.to.columns {
		if cell := h.above.row.cell(f.Name); cell != nil && f.sample >= 0 {
			up[f.sample] = cell.Value
		}
	}
	sign := p.sign(st, h.was, up)
	var rows []loan
	for i, s := range p.signs {
		if s == sign {
			rows = append(rows, p.rows[i])
		}
	}
	if len(rows) < leastLoans {
		return -1
	}
	end := sort.Search(len(rows), func(i int) bool { return rows[i].at.After(at) })
	want := h.leaning(st, p, r)
	own := st.sample.Rows[h.template]
	tie := st.sample.index(st.kin.fk.Columns[0])
	for width := max(leastLoans, len(rows)/20); ; width *= 2 {
		hi := max(end, min(width, len(rows)))
		near := rows[max(0, hi-width):hi]
		for try := range 60 {
			from := near[r.IntN(len(near))].row
			row := st.sample.Rows[from]
			if *row[tie] == *own[tie] || try < 40 && !h.lasts(c, from) {
				continue
			}
			if slices.ContainsFunc(p.leans, func(f *field) bool { return !same(row[f.sample], want[f.sample]) }) || h.clashes(st, p, row) || !h.free(d, st, p, row) {
				continue
			}
			return from
		}
		if width >= len(rows) {
			return -1
		}
		if hi == width && width < len(rows) { // the first of all: later ones too
			end = min(2*width, len(rows))
		}
	}
}

func same(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }

// leaning is a relative of the template, drawn at random, in what a row's relatives have
// alike oftener than by chance: as many of the honey row's are so, in another order.
func (h *hand) leaning(st *study, p *peers, r *rand.Rand) []*string {
	if len(p.leans) == 0 {
		return nil
	}
	v := st.sample.Rows[h.template][st.sample.index(st.kin.fk.Columns[0])]
	kids := st.kin.rows[*v]
	return st.sample.Rows[kids[r.IntN(len(kids))]]
}

// lasts reports whether the times between the dates of a row are as many whole days as
// the relative's: what was lent longer cost more.
func (h *hand) lasts(c *clock, row int) bool {
	from := h.at(c)
	began := c.began(row)
	for j, f := range c.fields {
		if at, ok := h.when[f]; ok && !c.rows[row][j].IsZero() && at.Sub(from).Truncate(day) != c.rows[row][j].Sub(began).Truncate(day) {
			return false
		}
	}
	return true
}

// free reports whether nothing that one row has at a time is another's meanwhile.
func (h *hand) free(d *draft, st *study, p *peers, row []*string) bool {
	own, ok := st.turn(h.was, h.when)
	if !ok {
		return true
	}
	meets := func(span [2]time.Time) bool { return span[0].Before(own[1]) && own[0].Before(span[1]) }
	for _, x := range p.single {
		v := row[x.f.sample]
		if v == nil || !x.open && own[1] == endless {
			continue
		}
		if x.asked != nil && !x.asked[*v] || slices.ContainsFunc(x.busy[*v], meets) {
			return false
		}
		for _, o := range d.run {
			if o == nil || o == h || !same(o.was[x.f.sample], v) {
				continue
			}
			if span, ok := st.turn(o.was, o.when); ok && meets(span) && (x.open || span[1] != endless) {
				return false
			}
		}
	}
	return true
}

// clashes reports whether the row would hold, in what is lent of a key of several
// columns, the same as one of its family before it.
func (h *hand) clashes(st *study, p *peers, row []*string) bool {
	if h.house == nil {
		return false
	}
	for _, u := range st.table.Uniques {
		var lent []*field
		for _, f := range p.lent {
			if slices.Contains(u.Columns, f.Name) {
				lent = append(lent, f)
			}
		}
		for _, m := range h.house.members {
			if len(lent) > 0 && m.h != h && !slices.ContainsFunc(lent, func(f *field) bool { return !same(m.h.was[f.sample], row[f.sample]) }) {
				return true
			}
		}
	}
	return false
}

// endless is the end of what has none.
var endless = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// turn is from when to when a row lasts: from its first date to its next in the order of
// columns, where those that are not placed are what the row holds.
func (st *study) turn(row []*string, placed moments) (span [2]time.Time, ok bool) {
	for _, f := range st.columns {
		if f.plan.Kind != "timestamp" || f.sample < 0 || f.load {
			continue
		}
		at, there := placed[f]
		if !there && row[f.sample] != nil {
			if at, _, there = generate.ParseTime(*row[f.sample]); generate.Sentinel(at) {
				there = false
			}
			at = wall(at)
		}
		switch {
		case span[0].IsZero() && !there:
			return span, false
		case span[0].IsZero():
			span[0] = at
		case there:
			span[1] = at
			return span, at.After(span[0])
		default:
			span[1] = endless
			return span, true
		}
	}
	return span, false
}

// peers finds what relatives of the table's rows lend, once.
func (d *draft) peers(ctx context.Context, st *study) error {
	if st.lender != nil || st.kin == nil || st.kin.parent || st.kin.to.kin != nil {
		return nil
	}
	p := &peers{}
	st.lender = p
	k, pk, memories, sames := st.kin, st.table.Primary(), st.memories(), st.kin.sames(st)
	var families [][]int
	ref := k.to.sample.index(k.fk.RefColumns[0])
	for _, row := range k.to.sample.Rows {
		if row[ref] != nil && len(k.rows[*row[ref]]) > 0 {
			families = append(families, k.rows[*row[ref]])
		}
	}
	for _, f := range st.columns {
		if f.sample < 0 || slices.Contains(pk, f.Name) || slices.Contains(k.fk.Columns, f.Name) || f.seen.Unique || sames[f] != nil || f.entitles() {
			continue
		}
		m := memories[f]
		switch {
		case f.plan.Source == Parent && f.fk != nil && len(f.fk.Columns) == 1 && !d.planned(f.fk):
		case f.plan.Source == Copied && f.fk == nil:
		case f.measures() && f.few() && (m == nil || !m.keeps && len(m.rows) == 0):
		default:
			continue
		}
		switch own, any := st.agreement(families, f); {
		case own >= 0.9:
			p.stays = append(p.stays, f)
			continue
		case own > any+0.1:
			p.leans = append(p.leans, f)
		}
		p.lent = append(p.lent, f)
	}
	if len(p.lent) == 0 {
		return nil
	}
	c := st.clock(d.now)
	for _, row := range k.to.sample.Rows {
		if row[ref] == nil {
			continue
		}
		for _, kid := range k.rows[*row[ref]] {
			p.rows = append(p.rows, loan{kid, c.began(kid)})
		}
	}
	slices.SortStableFunc(p.rows, func(a, b loan) int { return a.at.Compare(b.at) })
	above := map[string][]*string{}
	for _, row := range k.to.sample.Rows {
		if row[ref] != nil {
			above[*row[ref]] = row
		}
	}
	tie := st.sample.index(k.fk.Columns[0])
	for _, l := range p.rows {
		row := st.sample.Rows[l.row]
		p.signs = append(p.signs, p.sign(st, row, above[*row[tie]]))
	}
	for _, f := range p.lent {
		if f.fk != nil {
			x, err := d.exclusive(ctx, st, f)
			if err != nil {
				return err
			}
			if x != nil {
				p.single = append(p.single, *x)
			}
		}
	}
	return nil
}

// began is a sampled row's first date, zero if it has none that moves.
func (c *clock) began(row int) time.Time {
	if len(c.rows) == 0 {
		return time.Time{}
	}
	return first(c.rows[row])
}

// planned reports whether a foreign key points at honey rows of this plan.
func (d *draft) planned(fk *ForeignKey) bool {
	return slices.ContainsFunc(d.studies, func(o *study) bool { return o.table.Schema == fk.RefSchema && o.table.Name == fk.RefTable })
}

// agreement is how often two relatives of one row hold the same in a column, and how
// often any two do.
func (st *study) agreement(families [][]int, f *field) (own, any float64) {
	var all []*string
	n, equal := 0.0, 0.0
	for _, kids := range families {
		for i, kid := range kids {
			v := st.sample.Rows[kid][f.sample]
			all = append(all, v)
			if i > 0 {
				n++
				if same(v, st.sample.Rows[kids[i-1]][f.sample]) {
					equal++
				}
			}
		}
	}
	if n == 0 {
		return 0, 0
	}
	other := 0.0
	for i, v := range all {
		if same(v, all[(i+len(all)/2)%len(all)]) {
			other++
		}
	}
	return equal / n, other / float64(len(all))
}

// sign writes down in what a row has to be alike to lend: where it has values, what all
// of a family have alike, and the categories of what it hangs on.
func (p *peers) sign(st *study, row, above []*string) string {
	var b strings.Builder
	for _, f := range st.columns {
		if f.sample >= 0 {
			b.WriteString(strconv.FormatBool(row[f.sample] == nil))
		}
	}
	put := func(v *string) {
		if v != nil {
			b.WriteString(*v)
		}
		b.WriteByte(0)
	}
	for _, f := range p.stays {
		if f.plan.Source == Copied {
			put(row[f.sample])
		}
	}
	for _, f := range st.kin.to.columns {
		if f.sample >= 0 && f.plan.Source == Copied {
			put(above[f.sample])
		}
	}
	return b.String()
}

// exclusive finds whether no two rows hold one value of a column at the same time, nil
// if some do or few show it. It reads all rows that hold it, whosever they are: a value
// of which that can't be known is not lent.
func (d *draft) exclusive(ctx context.Context, st *study, f *field) (*exclusive, error) {
	open := st.turns(st.sample, f, true).apart() // else nobody knows how long what has no end lasts
	if !open && !st.turns(st.sample, f, false).apart() {
		return nil, nil
	}
	db, ok := d.s.Database.(Kinsman)
	if !ok {
		return nil, nil
	}
	values := slices.Sorted(maps.Keys(unique(column(st.sample, f.sample))))
	generate.New(d.o.Seed, st.table.String()+" turns").Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	s, asked, err := kinOf(ctx, db, st.table, f.Name, values)
	if err != nil || !slices.Equal(s.Columns, st.sample.Columns) {
		return nil, passable(err)
	}
	x := st.turns(s, f, open)
	x.asked = asked
	return x, nil
}

// turns are when rows hold which values of a column; open counts those without an end.
func (st *study) turns(s *Sample, f *field, open bool) *exclusive {
	x := &exclusive{f: f, open: open, busy: map[string][][2]time.Time{}}
	for _, row := range s.Rows {
		if span, ok := st.turn(row, nil); ok && row[f.sample] != nil && (open || span[1] != endless) {
			x.busy[*row[f.sample]] = append(x.busy[*row[f.sample]], span)
		}
	}
	return x
}

// apart reports whether nearly all rows that hold one value do so one after the other.
func (x *exclusive) apart() bool {
	turns, met := 0, 0
	for _, all := range x.busy {
		slices.SortFunc(all, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
		for i := 1; i < len(all); i++ {
			if turns++; all[i][0].Before(all[i-1][1]) {
				met++
			}
		}
	}
	return turns >= leastTurns && 100*met <= turns
}
