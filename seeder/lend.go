package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// peers are what the relatives of other rows lend to those of a honey row: what they
// point at, categories, numbers. Were all of that the template's relatives', one by one,
// the two rows would be known by the order in which it stands there.
type peers struct {
	lent   []*field          // columns whose content comes from a peer
	stays  []*field          // categories that all relatives of a row have alike: the template's
	leans  []*field          // of those lent: what relatives of a row have alike oftener than by chance
	apart  []*field          // of those lent: what does not go with a thing that few hold
	rows   []loan            // by their first date
	alike  map[string][]loan // by their signs
	kinds  map[int]string    // the sign of each
	things []*thing          // what they point at
	levels []level           // amounts, near to which those of a honey row's relatives lie
}

// level is a column of amounts. own: rows have theirs, high or low, so that the
// template's lend each other.
type level struct {
	f   *field
	own bool
}

// peer gives a relative what another row's relative holds that came at about that time
// and is alike in the rest. Where it points at a relative of its own family (a payment
// at its rental) whose content is another's, it has that of what points there.
func (h *hand) peer(d *draft, st *study, n, total int, r *rand.Rand) {
	p := st.lender
	if p == nil || h.above == nil {
		return
	}
	defer h.raise(st, p, r) // near those of the row that lends the rest, once that is known
	if len(p.lent) == 0 {
		return
	}
	defer p.hold(h, n)
	from := h.lead(d, st)
	thing, rest, held := -1, -1, -1
	if from < 0 {
		rows, any := p.kindred(st, h), make([]int, len(p.things))
		for i := range any {
			any[i] = -1
		}
		if from, held = h.moor(d, st, p, n, total, r); from >= 0 && len(p.apart) > 0 {
			rest = h.choosePeer(d, st, p, n, r, rows, nil, true)
		}
		if from < 0 {
			from = h.choosePeer(d, st, p, n, r, rows, any, false)
		}
		if from < 0 && p.barred(st, h) { // what has no end is another thing's than those of its kind have
			from, thing = h.choosePeer(d, st, p, n, r, rows, nil, false), h.choosePeer(d, st, p, n, r, p.rows, any, false)
		}
	}
	if from < 0 && thing < 0 {
		return
	}
	h.was, h.borrowed = slices.Clone(h.was), true
	if from >= 0 {
		h.lender = from
		for _, f := range p.lent {
			h.was[f.sample] = st.sample.Rows[from][f.sample]
			if held >= 0 && !f.measures() {
				h.was[f.sample] = st.sample.Rows[held][f.sample]
			}
		}
	}
	if rest >= 0 {
		for _, f := range p.apart {
			h.was[f.sample] = st.sample.Rows[rest][f.sample]
		}
	}
	if thing >= 0 {
		h.lender = thing
		for _, x := range p.things {
			h.was[x.f.sample] = st.sample.Rows[thing][x.f.sample]
		}
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

// lentNumber is a number of few kinds as another row's relative lends it: moved to a
// near one it would not go with what else is lent, and rare ones would become common.
func (h *hand) lentNumber(st *study, f *field) (string, bool) {
	if h.lender < 0 || h.tries[f.Name] > 0 || !f.measures() || !slices.Contains(st.lender.lent, f) || h.was[f.sample] == nil {
		return "", false
	}
	return *h.was[f.sample], true
}

// kindred are the rows that are like the template in what a lender has to be.
func (p *peers) kindred(st *study, h *hand) []loan { return p.alike[p.signOf(st, h)] }

// choosePeer draws of rows one that lends, -1 if none suits. What it points at has to be
// free, and held by about as many as wanted, unless want is nil; exact is whether it has
// to have lasted as long, else it may be another where few did: those that were short
// leave more room, and cost less.
func (h *hand) choosePeer(d *draft, st *study, p *peers, n int, r *rand.Rand, rows []loan, want []int, exact bool) int {
	if len(rows) < leastLoans {
		return -1
	}
	c := st.clock(h.g.Now)
	at := h.at(c)
	if at.IsZero() {
		at = c.began(h.template)
	}
	end := sort.Search(len(rows), func(i int) bool { return rows[i].at.After(at) })
	lean := h.leaning(st, p, r)
	own := st.sample.Rows[h.template]
	tie := st.sample.index(st.kin.fk.Columns[0])
	for width := max(leastLoans, len(rows)/20); ; width *= 2 {
		hi := max(end, min(width, len(rows)))
		near := rows[max(0, hi-width):hi]
		for try := range 120 {
			from := near[r.IntN(len(near))].row
			row := st.sample.Rows[from]
			if *row[tie] == *own[tie] || want != nil && !p.free(d, st, h, n, row, want) || (exact || try < 80) && !h.lasts(c, from) {
				continue
			}
			if slices.ContainsFunc(p.leans, func(f *field) bool { return !same(row[f.sample], lean[f.sample]) }) || h.clashes(st, p, row) {
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
		case f.measures() && (m == nil || !m.keeps && len(m.rows) == 0):
			if !f.few() {
				if !d.summed(st, f) {
					p.levels = append(p.levels, level{f, st.owned(families, f)})
				}
				continue
			}
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
	if len(p.lent) == 0 && len(p.levels) == 0 {
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
	p.alike, p.kinds = map[string][]loan{}, map[int]string{}
	for _, l := range p.rows {
		row := st.sample.Rows[l.row]
		sign := p.sign(st, row, above[*row[tie]])
		p.alike[sign], p.kinds[l.row] = append(p.alike[sign], l), sign
	}
	for _, f := range p.lent {
		if f.fk != nil {
			x, err := d.thing(ctx, st, f)
			if err != nil {
				return err
			}
			if x.often != nil {
				x.store(st, p, d.shuffler(st, f))
				if err := d.tariff(ctx, st, p, x); err != nil {
					return err
				}
			}
			p.things = append(p.things, x)
		}
	}
	p.detach(st)
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
