package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
)

// links says where the foreign keys of a table's honey rows point.
type links struct {
	honey   map[*ForeignKey]honeyTable // to honey rows of the plan
	parents map[*ForeignKey][][]string // to these rows that exist
	// owners are, for relatives, the honey rows that they belong to.
	owners []int
	kin    *ForeignKey
	others map[*ForeignKey]bool // by which rows point at persons that are not theirs
}

// owner returns the honey row that the nth relative belongs to.
func (l *links) owner(n int) (int, bool) {
	if n >= len(l.owners) {
		return 0, false
	}
	return l.owners[n], true
}

// at returns which of rows honey rows the nth row points at.
func (l *links) at(n, rows int) int {
	if o, ok := l.owner(n); ok && l.kin != nil {
		return o % rows
	}
	return n % rows
}

// honeyTable is a table of the plan, and how many rows it has.
type honeyTable struct{ index, rows int }

// links chooses parents: honey rows of the same plan where the parent table
// has some, free parents where each may have one child only, else those of the
// template row. It lowers n where parents are few.
func (d *draft) links(ctx context.Context, st *study, r *rand.Rand, n *int) (*links, error) {
	l := &links{honey: map[*ForeignKey]honeyTable{}, parents: map[*ForeignKey][][]string{}, others: map[*ForeignKey]bool{}}
	if st.kin != nil && !st.kin.parent {
		l.kin = st.kin.fk
	}
	if err := d.follow(ctx, st); err != nil {
		return nil, err
	}
	for _, fk := range st.table.ForeignKeys {
		if parent, err := d.cat.Table((&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String()); err == nil && parent != st.table {
			who, err := d.acquainted(ctx, st, fk, parent)
			if err != nil {
				return nil, err
			}
			l.others[fk] = who != theirs
			serves := who == serving && !single(st.table, fk, true)
			if i, ok := d.position[parent]; ok && d.before(i, st.table) && !st.overridden(fk) && !serves {
				l.honey[fk] = honeyTable{i, len(d.tables[i].Rows)}
				if single(st.table, fk, true) {
					*n = min(*n, len(d.tables[i].Rows))
				}
				continue
			}
		}
		if ps := d.adopted(st, r, fk, *n); len(ps) > 0 {
			l.parents[fk] = ps
			continue
		}
		readable := true
		for _, c := range fk.Columns {
			f := st.table.Column(c)
			readable = readable && f != nil && f.CanSelect
		}
		one, soft := single(st.table, fk, false), single(st.table, fk, true)
		if !soft && readable {
			d.hangs(st, fk)
			continue // the template's
		}
		if !readable && !st.required(fk) {
			continue
		}
		ps, err := d.s.Database.Parents(ctx, st.table, fk, soft, 200)
		if err != nil {
			return nil, err
		}
		if len(ps) == 0 && !one && readable {
			continue // the template's; the trial says whether it may
		}
		if len(ps) == 0 {
			advice := "seed " + fk.RefTable + " as well"
			if parent, err := d.cat.Table(ref(fk)); err == nil && d.cat.leads(parent, st.table) && slices.ContainsFunc(d.studies, func(o *study) bool { return o.table == parent }) {
				advice = "of these tables, which point at each other in a circle, each row needs the other's first; " + copied(st.table)
			}
			return nil, refuse("each row of %s has its row here already (%s), and no honey row is planned there: %s", fk.RefTable, fk.Name, advice)
		}
		r.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
		l.parents[fk] = ps
		if soft {
			*n = min(*n, len(ps))
			st.note("honey rows hang on existing rows of %s and may show where those are shown", fk.RefTable)
		}
	}
	for _, k := range st.ranks() {
		_, honey := l.honey[k.f.fk]
		k.ours = honey || len(l.parents[k.f.fk]) > 0
	}
	return l, nil
}

// hangs warns of honey rows that point at rows that exist of which each is somebody's,
// with few rows of his own here: a card in a real customer's account.
func (d *draft) hangs(st *study, fk *ForeignKey) {
	at := st.sample.index(fk.Columns[0])
	if len(fk.Columns) != 1 || at < 0 || fk.RefTable == st.table.Name && fk.RefSchema == st.table.Schema {
		return
	}
	if vs := column(st.sample, at); len(vs) >= 10 && 5*len(unique(vs)) >= len(vs) {
		advice := "plan " + ref(fk) + " too, so that they hang on honey rows"
		if parent, err := d.cat.Table(ref(fk)); err == nil && d.cat.leads(parent, st.table) {
			advice = "the tables point at each other in a circle, so that with " + ref(fk) + " in the plan those of one of both hang on honey rows; " + copied(st.table)
		}
		st.note("honey rows hang on existing rows of %s (%s) and may show where those are shown, to whom they belong: %s", ref(fk), fk.Name, advice)
	}
}

// ref is the name of the table at which a foreign key points.
func ref(fk *ForeignKey) string { return (&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String() }

// before reports whether the ith table of the plan is inserted before t.
func (d *draft) before(i int, t *Table) bool {
	if own, ok := d.position[t]; ok {
		return i < own
	}
	return i < len(d.tables)
}

// single reports whether a parent may have one child only; with partial, also
// if that holds for some children only.
func single(t *Table, fk *ForeignKey, partial bool) bool {
	for _, u := range t.Uniques {
		if u.Partial && !partial || len(u.Columns) == 0 {
			continue
		}
		inside := true
		for _, c := range u.Columns {
			inside = inside && slices.Contains(fk.Columns, c)
		}
		if inside {
			return true
		}
	}
	return false
}

func (st *study) overridden(fk *ForeignKey) bool {
	for _, f := range st.columns {
		if slices.Contains(fk.Columns, f.Name) && f.plan.Source != Parent {
			return true
		}
	}
	return false
}

// required reports whether a foreign key can't be NULL.
func (st *study) required(fk *ForeignKey) bool {
	for _, c := range fk.Columns {
		if f := st.table.Column(c); f == nil || !f.NotNull {
			return false
		}
	}
	return true
}

// pointed returns which of rows honey rows the nth row points at through fk.
func (l *links) pointed(fk *ForeignKey, n, rows int) int {
	if fk == l.kin {
		return l.at(n, rows)
	}
	return n % rows
}

// fill points a cell of the nth row at its parent.
func (l *links) fill(c *Cell, f *field, n int, was []*string, st *study) error {
	fk := f.fk
	k := slices.Index(fk.Columns, f.Name)
	if h, ok := l.honey[fk]; ok && !st.pointsNowhere(fk, was) {
		c.Source, c.Ref = Honey, &Ref{Table: h.index, Row: l.pointed(fk, n, h.rows), Column: fk.RefColumns[k]}
		return nil
	}
	if ps, ok := l.parents[fk]; ok {
		c.Value = &ps[n%len(ps)][k]
		return nil
	}
	if f.sample < 0 || was[f.sample] == nil {
		if f.NotNull {
			return refuse("column %s must point at %s, and no row to point at is known", f.Name, fk.RefTable)
		}
		c.void()
		return nil
	}
	c.Value = was[f.sample]
	return nil
}

// pointsNowhere reports whether the template's reference is NULL and may be.
func (st *study) pointsNowhere(fk *ForeignKey, was []*string) bool {
	for _, c := range fk.Columns {
		f := st.table.Column(c)
		i := st.sample.index(c)
		if i >= 0 && was[i] == nil && f != nil && !f.NotNull {
			return true
		}
	}
	return false
}
