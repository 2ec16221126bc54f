package seeder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// What a measurement is made with: an attacker learns from so many other runs
// of so many rows each.
const (
	rehearsals   = 4
	rehearsed    = 20
	leastSample  = 60   // real rows, for a figure to say something
	conspicuous  = 0.98 // rows that look more like honey rows than so many real ones are drawn again
	maxRedraws   = 3
	measureEvery = 200 // tables: of more, only the first are measured
)

// ErrSeen says that honey rows are too easy to tell from real ones.
var ErrSeen = errors.New("the honey rows are too easy to tell from real ones")

// Seen reports, as an ErrSeen, tables whose rows are easier to tell from real
// ones than allowed; 0 allows everything.
func (p *Plan) Seen(content, dump float64) error {
	for _, r := range p.Camouflage {
		for _, c := range []struct {
			what  string
			got   camouflage.Score
			limit float64
			key   string
		}{{"content", r.Content, content, "max_auc"}, {"dump", r.Dump, dump, "max_dump_auc"}} {
			if c.limit > 0 && c.got.Excess() > c.limit {
				return fmt.Errorf("%w: %s, AUC %.2f on the %s, %s allows %.2f; see what betrays in the plan, exclude the table or raise the limit", ErrSeen, r.Table, c.got.AUC, c.what, c.key, c.limit)
			}
		}
	}
	return nil
}

// rehearse makes the honey rows of other runs, which only an attacker uses who
// plays the generator himself. He does not know the owner's mail domain, so
// each run takes one of the table's.
func (d *draft) rehearse(ctx context.Context, st *study) ([][]*hand, error) {
	if got, ok := d.others[st]; ok {
		return got, nil
	}
	domain, slots := d.o.Domain, d.slots[st]
	warn := slices.Clone(st.warn)
	defer func() { d.o.Domain, d.slots[st], st.warn = domain, slots, warn }()
	var out [][]*hand
	for k := range rehearsals {
		r := generate.New(d.o.Seed, fmt.Sprint(st.table, " rehearsal ", k))
		d.o.Domain = st.otherDomain(r, domain)
		if len(slots) > 0 {
			free, err := d.openings(ctx, st, r, rehearsed, rehearsed)
			if err != nil {
				return nil, err
			}
			if d.slots[st] = free; len(free) == 0 {
				d.slots[st] = slots
			}
		}
		n := rehearsed
		if len(d.slots[st]) > 0 {
			n = min(n, len(d.slots[st]))
		}
		l, err := d.links(ctx, st, r, &n)
		if err != nil {
			return nil, err
		}
		next, err := d.next(ctx, st, n)
		if err != nil {
			return nil, err
		}
		var hands []*hand
		for i, template := range st.near(r, d.slots[st], n) {
			h, err := d.deal(st, r, template, i, n, l, next, nil)
			if err != nil {
				return nil, err
			}
			hands = append(hands, h)
		}
		out = append(out, hands)
	}
	d.others[st] = out
	return out, nil
}

// otherDomain is a mail domain of the table's, drawn by how often it stands
// there; the owner's if most rows are at it.
func (st *study) otherDomain(r *rand.Rand, own string) string {
	var all []string
	same := 0
	for _, f := range st.columns {
		if f.plan.Kind != "email" {
			continue
		}
		for _, v := range f.seen.Values {
			if _, dom, ok := cutLast(v, '@'); ok {
				all = append(all, dom)
				if dom == own {
					same++
				}
			}
		}
	}
	switch {
	case own == "" || 2*same > len(all):
		return own
	case same == 0: // one that no row has
		return "mail" + strconv.Itoa(r.IntN(1000)) + ".example"
	}
	return all[r.IntN(len(all))]
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// disguise draws those rows again that an attacker would be surest of.
func (d *draft) disguise(ctx context.Context, st *study, tp *TablePlan, r *rand.Rand, l *links, next map[string][]string) error {
	if d.o.SkipRedraw || st.kin != nil || len(st.sample.Rows) < leastSample || d.guarded(st) || len(d.tables) >= measureEvery {
		return nil
	}
	hands := d.hands[st]
	for range maxRedraws {
		t, err := d.staged(ctx, st, hands)
		if err != nil {
			return err
		}
		again := false
		for i, s := range camouflage.Suspect(t) {
			if s < conspicuous {
				continue
			}
			template := st.near(r, d.slots[st][min(i, len(d.slots[st])):], 1)[0]
			h, err := d.deal(st, r, template, i, len(hands), l, next, nil)
			if err != nil {
				return err
			}
			h.row.ID = hands[i].row.ID
			hands[i], again = h, true
		}
		if !again {
			return nil
		}
		tp.Rows = rowsOf(hands)
		if err := d.distinct(ctx, st, tp, hands, r); err != nil {
			return err
		}
	}
	return nil
}

// guarded reports whether a row of another table was planted for each of these
// rows already, made of its template.
func (d *draft) guarded(st *study) bool {
	return slices.ContainsFunc(d.studies, func(o *study) bool { return o.kin != nil && o.kin.to == st && o.kin.parent })
}

// measure has attackers look at a table's honey rows.
func (d *draft) measure(ctx context.Context, st *study, hands []*hand) (*camouflage.Report, error) {
	t, err := d.staged(ctx, st, hands)
	if err != nil {
		return nil, err
	}
	return camouflage.Measure(t), nil
}

// staged is what attackers look at.
func (d *draft) staged(ctx context.Context, st *study, hands []*hand) (camouflage.Table, error) {
	t := st.view()
	others, err := d.rehearse(ctx, st)
	if err != nil {
		return t, err
	}
	broods, err := d.broods(ctx, st, &t)
	if err != nil {
		return t, err
	}
	for _, row := range st.sample.Rows {
		t.Real = append(t.Real, camouflage.Row{Values: st.values(row), Broods: broods.of(row, nil, true), Place: -1})
	}
	high, err := d.highest(ctx, st)
	if err != nil {
		return t, err
	}
	for _, run := range append([][]*hand{hands}, others...) {
		var rows []camouflage.Row
		for n, h := range run {
			rows = append(rows, camouflage.Row{Values: h.values(st, high, n), Broods: broods.of(h.was, h, d.o.Family), Place: -1})
		}
		t.Runs = append(t.Runs, rows)
	}
	t.Seed = d.o.Seed
	return t, nil
}

// judge measures all tables of a plan.
func (d *draft) judge(ctx context.Context, p *Plan) error {
	for i, st := range d.studies {
		if st.kin != nil {
			continue
		}
		if len(st.sample.Rows) < leastSample {
			p.Warnings = appendOnce(p.Warnings, fmt.Sprintf("%s: too few rows to say how well honey rows hide (%d)", st.table, len(st.sample.Rows)))
			continue
		}
		if len(p.Camouflage) >= measureEvery {
			p.Warnings = append(p.Warnings, fmt.Sprintf("how well honey rows hide is measured for %d tables only", measureEvery))
			return nil
		}
		d.o.progress("measure", st.table.String(), i, len(d.studies))
		rep, err := d.measure(ctx, st, d.hands[st])
		var no *refusal
		switch {
		case errors.As(err, &no):
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: how well honey rows hide can't be measured: %s", st.table, no.why))
			continue
		case err != nil:
			return fmt.Errorf("measure %s: %w", st.table, err)
		}
		p.Camouflage = append(p.Camouflage, rep)
	}
	return nil
}

// highest returns the greatest number of each column whose numbers are drawn
// when the plan is applied.
func (d *draft) highest(ctx context.Context, st *study) (map[string]int64, error) {
	out := map[string]int64{}
	for _, f := range st.columns {
		if f.plan.Source != Drawn {
			continue
		}
		v, err := d.s.Database.Highest(ctx, st.table, f.Name)
		if err != nil {
			return nil, err
		}
		out[f.Name], _ = strconv.ParseInt(v, 10, 64)
	}
	return out, nil
}

// view is the table as an attacker sees it, without rows.
func (st *study) view() camouflage.Table {
	t := camouflage.Table{Name: st.table.String()}
	for _, f := range st.columns {
		if f.sample < 0 {
			continue
		}
		c := camouflage.Column{Name: f.Name, Class: f.Class, Kind: f.plan.Kind, Role: camouflage.Content}
		c.Person = f.gen != nil && f.gen.Trait().Person
		switch {
		case f.plan.Source == Drawn && f.Class == generate.Integer, f.plan.Source == Next, f.plan.Source == Gap:
			c.Role = camouflage.Key
		case f.plan.Source == Parent:
			c.Role = camouflage.Reference
		case f.plan.Source == Default || f.plan.Source == Computed || f.plan.Source == Drawn:
			c.Role = camouflage.Ignored
		case (f.plan.Kind == "code" || f.plan.Kind == "account_number") && (generate.Counts(f.seen) || st.follows(f)):
			c.Role = camouflage.Key
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// follows reports whether a code is made of the key.
func (st *study) follows(f *field) bool {
	key := st.drawn()
	if key == nil || f.sample < 0 {
		return false
	}
	_, ok := st.offset(key, f)
	return ok
}

// values picks the columns of a sampled row that view shows.
func (st *study) values(row []*string) []*string {
	var out []*string
	for _, f := range st.columns {
		if f.sample >= 0 {
			out = append(out, row[f.sample])
		}
	}
	return out
}

// values are a honey row's, with the numbers that it will probably get.
func (h *hand) values(st *study, high map[string]int64, n int) []*string {
	var out []*string
	for _, f := range st.columns {
		if f.sample < 0 {
			continue
		}
		c := h.row.cell(f.Name)
		v := c.Value
		switch c.Source {
		case Drawn:
			s := strconv.FormatInt(high[f.Name]+int64(n)+1, 10)
			v = &s
		case Honey: // a row that points where its template does, as far as this table shows
			v = h.was[f.sample]
		}
		out = append(out, v)
	}
	return out
}

// litter is what points at a table's rows.
type litter struct {
	at   int // the column pointed at, in the sample
	kin  bool
	rows map[string]camouflage.Brood
	tail bool // honey rows' children get the newest numbers
}

type litters []*litter

// broods reads the children that ordinary rows have.
func (d *draft) broods(ctx context.Context, st *study, t *camouflage.Table) (litters, error) {
	db, ok := d.s.Database.(Kinsman)
	if !ok {
		return nil, nil
	}
	var out litters
	for _, child := range d.cat.Tables {
		for _, fk := range child.ForeignKeys {
			at := -1
			if ties(fk) == "" && fk.RefSchema == st.table.Schema && fk.RefTable == st.table.Name && !child.Piece {
				at = st.sample.index(fk.RefColumns[0])
			}
			if at < 0 || child == st.table {
				continue
			}
			l, err := d.litter(ctx, db, st, child, fk, at)
			if err != nil {
				return nil, err
			}
			if l != nil {
				out = append(out, l)
				t.Children = append(t.Children, child.String())
			}
		}
	}
	return out, nil
}

func (d *draft) litter(ctx context.Context, db Kinsman, st *study, child *Table, fk *ForeignKey, at int) (*litter, error) {
	s, err := d.read(ctx, db, child, fk, column(st.sample, at))
	if err != nil || s == nil || len(s.Rows) == 0 {
		return nil, passable(err)
	}
	tie := s.index(fk.Columns[0])
	l := &litter{at: at, rows: map[string]camouflage.Brood{}}
	for _, o := range d.studies {
		l.kin = l.kin || o.table == child
		if o.table == child {
			l.tail = o.drawn() != nil && o.drawn().plan.Source != Gap
		}
	}
	var kids []kid
	counted := true
	for _, row := range s.Rows {
		if tie < 0 || row[tie] == nil {
			continue
		}
		k := kid{of: *row[tie], at: firstDate(child, s, row)}
		key, ok := numbered(child, s, row)
		k.key, counted = key, counted && ok
		kids = append(kids, k)
	}
	standing(kids)
	for _, k := range kids {
		b := l.rows[k.of]
		n := float64(b.Count)
		b.Count++
		if !k.at.IsZero() && (b.First.IsZero() || k.at.Before(b.First)) {
			b.First = k.at
		}
		if k.at.After(b.Last) {
			b.Last = k.at
		}
		if counted {
			b.Rank += (k.rank - b.Rank) / (n + 1)
			b.Lag += (k.lag - b.Lag) / (n + 1)
		}
		l.rows[k.of] = b
	}
	return l, nil
}

// kid is a row that points at another.
type kid struct {
	of        string
	key       int64
	at        time.Time
	rank, lag float64
}

// firstDate is the first date of a row in the order of its columns, zero if it
// has none.
func firstDate(t *Table, s *Sample, row []*string) time.Time {
	for i, c := range s.Columns {
		col := t.Column(c)
		if row[i] == nil || col == nil || col.Class != generate.Timestamp && col.Class != generate.Date {
			continue
		}
		if at, _, ok := generate.ParseTime(*row[i]); ok && !generate.Sentinel(at) {
			return at
		}
	}
	return time.Time{}
}

// read remembers the children that were read.
func (d *draft) read(ctx context.Context, db Kinsman, child *Table, fk *ForeignKey, values []string) (*Sample, error) {
	if d.children == nil {
		d.children = map[*ForeignKey]*Sample{}
	}
	if s, ok := d.children[fk]; ok {
		return s, nil
	}
	s, err := db.Kin(ctx, child, fk.Columns[0], values, maxKin)
	if err != nil {
		return nil, err
	}
	d.children[fk] = s
	return s, nil
}

// of returns a row's children, for a honey row those that it will have: its
// template's, moved in time, if relatives are planted.
func (ls litters) of(was []*string, h *hand, family bool) (out []camouflage.Brood) {
	for _, l := range ls {
		var b camouflage.Brood
		if v := was[l.at]; v != nil {
			b = l.rows[*v]
		}
		if h != nil {
			switch {
			case !l.kin:
				b = camouflage.Brood{}
			case family && b.Count > 0:
				b.First, b.Last = b.First.Add(h.g.Shift), b.Last.Add(h.g.Shift)
				if l.tail {
					b.Rank, b.Lag = 1, 1-(b.Rank-b.Lag)
				}
			}
		}
		out = append(out, b)
	}
	return out
}
