package seeder

import (
	"context"
	"slices"
	"sort"
	"time"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// litter is what points at a table's rows.
type litter struct {
	at     int // the column pointed at, in the sample
	kin    bool
	rows   map[string]camouflage.Brood
	tail   bool   // honey rows' children get the newest numbers
	st     *study // of honey rows' children, nil if they will have none
	keys   []int64
	ats    []int64 // seconds of their dates, sorted as keys are
	traits *traits
	// asked are the values whose children were read, nil for all.
	asked map[string]bool
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
				t.Children, t.Traits = append(t.Children, child.String()), append(t.Traits, l.traits.names)
			}
		}
	}
	return out, nil
}

func (d *draft) litter(ctx context.Context, db Kinsman, st *study, child *Table, fk *ForeignKey, at int) (*litter, error) {
	s, asked, err := d.read(ctx, db, child, fk, column(st.sample, at))
	if err != nil || s == nil || len(s.Rows) == 0 {
		return nil, passable(err)
	}
	tie := s.index(fk.Columns[0])
	l := &litter{at: at, rows: map[string]camouflage.Brood{}, asked: asked}
	if l.traits, err = d.traitsOf(ctx, db, st, child, s, tie, at); err != nil {
		return nil, err
	}
	for _, o := range d.studies {
		l.kin = l.kin || o.table == child
		if o.table == child {
			l.st = o
			l.tail = o.drawn() != nil && o.drawn().plan.Source != Gap
		}
	}
	var kids []kid
	counted := true
	for _, row := range s.Rows {
		if tie < 0 || row[tie] == nil {
			continue
		}
		k := kid{of: *row[tie], at: firstDate(child, s, row), end: lastDate(child, s, row)}
		key, ok := numbered(child, s, row)
		k.key, counted = key, counted && ok
		kids = append(kids, k)
	}
	standing(kids)
	for _, k := range kids {
		if counted && !k.at.IsZero() {
			l.keys, l.ats = append(l.keys, k.key), append(l.ats, k.at.Unix())
		}
	}
	slices.Sort(l.keys)
	slices.Sort(l.ats)
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
		if k.end.After(b.End) {
			b.End = k.end
		}
		if counted {
			b.Rank += (k.rank - b.Rank) / (n + 1)
			b.Lag += (k.lag - b.Lag) / (n + 1)
		}
		l.rows[k.of] = b
	}
	for owner, b := range l.rows {
		b.Traits = l.traits.of[owner]
		l.rows[owner] = b
	}
	return l, nil
}

// kid is a row that points at another.
type kid struct {
	of        string
	key       int64
	at, end   time.Time
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

// lastDate is the last of a row's dates, zero if it has none.
func lastDate(t *Table, s *Sample, row []*string) (last time.Time) {
	for i, c := range s.Columns {
		col := t.Column(c)
		if row[i] == nil || col == nil || col.Class != generate.Timestamp && col.Class != generate.Date {
			continue
		}
		if at, _, ok := generate.ParseTime(*row[i]); ok && !generate.Sentinel(at) && at.After(last) {
			last = at
		}
	}
	return last
}

// brood is the children that were read of some rows.
type brood struct {
	s     *Sample
	asked map[string]bool // of which values; nil: of all
}

// read remembers the children that were read.
func (d *draft) read(ctx context.Context, db Kinsman, child *Table, fk *ForeignKey, values []string) (*Sample, map[string]bool, error) {
	if d.children == nil {
		d.children = map[*ForeignKey]*brood{}
	}
	if b, ok := d.children[fk]; ok {
		return b.s, b.asked, nil
	}
	s, asked, err := kinOf(ctx, db, child, fk.Columns[0], values)
	if err != nil {
		return nil, nil, err
	}
	d.children[fk] = &brood{s, asked}
	return s, asked, nil
}

// kinOf reads the rows of t whose column holds one of the values. Where they are
// too many, it reads all of those of the first values, and says of which: a row
// some of whose children were left out would look like one that has few.
func kinOf(ctx context.Context, db Kinsman, t *Table, column string, values []string) (*Sample, map[string]bool, error) {
	for n := len(values); ; n = n / 2 {
		s, err := db.Kin(ctx, t, column, values[:n], maxKin+1)
		switch {
		case err != nil:
			return nil, nil, err
		case len(s.Rows) > maxKin && n > 1:
			continue
		case n == len(values):
			return s, nil, nil
		}
		return s, unique(values[:n]), nil
	}
}

// known reports whether a row's children were read.
func (ls litters) known(row []*string) bool {
	for _, l := range ls {
		if v := row[l.at]; v != nil && l.asked != nil && !l.asked[*v] {
			return false
		}
	}
	return true
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
				b.First, b.Last, b.End = b.First.Add(h.g.Shift), b.Last.Add(h.g.Shift), b.End.Add(h.g.Shift)
				if at := h.broods[l.st].ends(l.st.clock(h.g.Now)); len(at) > 0 {
					b.First, b.Last = at[0], at[1]
					b.End = h.broods[l.st].end()
				}
				if l.tail {
					b.Rank, b.Lag = 1, 1-(b.Rank-b.Lag)
				} else if kids := h.kids[l.st]; len(kids) > 0 && len(l.keys) > 0 {
					traits, end := b.Traits, b.End // as far as anybody can guess
					b = l.placed(h, kids)
					b.Traits, b.End = traits, end
				}
			}
		}
		out = append(out, b)
	}
	return out
}

// placed is what the relatives of a honey row look like that have numbers from
// gaps: their dates lie there as far as the row's own let them.
func (l *litter) placed(h *hand, slots []slot) (b camouflage.Brood) {
	rows := slices.DeleteFunc(slices.Clone(l.st.kin.rows[*h.was[l.at]]), func(row int) bool { return h.lacks(l.st, row) })
	n := float64(max(len(l.keys), 1))
	for i, s := range slots {
		if i >= len(rows) {
			break
		}
		at, ordered := l.st.ordered(rows[i])
		want := time.Time{}
		if ordered {
			want = movedBy(&h.g, at, l.st.inOrder)
			if to, ok := h.broods[l.st][rows[i]][l.st.inOrder]; ok {
				want = inPlace(to, at.Location())
			}
		}
		switch {
		case !ordered: // its number tells nothing of its date
			if at = firstDate(l.st.table, l.st.sample, l.st.sample.Rows[rows[i]]); at.IsZero() {
				continue
			}
			at = at.Add(h.g.Shift)
		case l.st.stays(l.st.inOrder, l.st.sample.Rows[rows[i]]):
		case s.away(want) == 0:
			at = want
		case l.st.tied(h, at): // it stays with its row's date, whatever its number
			at = want
		case l.st.inOrder.Class == generate.Date:
			at = s.clip(want)
		default:
			at = s.at(0.5)
		}
		k := sort.Search(len(l.keys), func(i int) bool { return l.keys[i] >= s.key })
		t := sort.Search(len(l.ats), func(i int) bool { return l.ats[i] >= at.Unix() })
		if t < k { // among those of the same date in the order of keys
			t = min(k, sort.Search(len(l.ats), func(i int) bool { return l.ats[i] > at.Unix() }))
		}
		b.Count++
		b.Rank += (float64(k)/n - b.Rank) / float64(b.Count)
		b.Lag += (float64(k-t)/n - b.Lag) / float64(b.Count)
		if b.First.IsZero() || at.Before(b.First) {
			b.First = at
		}
		if at.After(b.Last) {
			b.Last = at
		}
	}
	return b
}
