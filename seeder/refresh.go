package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// fresh is a planned row brought up to the time at which it is planted: what
// identifies it stays as it was reviewed; dates, counted numbers and codes are
// what a row that comes now has.
type fresh struct {
	j    *job
	st   *study
	tp   *TablePlan
	row  *RowPlan
	beat rhythm
	key  *field // the column whose number is drawn; nil if there is none
	r    *rand.Rand
}

// freshen returns a copy of a planned row for the present. Rows that take a
// number from a gap stay as they are: their dates are those of its neighbours.
func (d *draft) freshen(ctx context.Context, j *job, tp *TablePlan, row *RowPlan, r *rand.Rand) (*fresh, error) {
	t, err := d.cat.Table(tp.String())
	if err != nil {
		return nil, err
	}
	f := &fresh{j: j, tp: tp, r: r, row: &RowPlan{ID: row.ID}}
	for _, c := range row.Cells {
		copied := *c
		f.row.Cells = append(f.row.Cells, &copied)
	}
	if f.st, err = d.look(ctx, t, tp); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(row.Cells, func(c *Cell) bool { return c.Source == Gap }) {
		return f, nil
	}
	f.key = f.st.drawn()
	born := f.st.born()
	if f.beat, err = d.rhythm(ctx, f.st, born); err != nil {
		return nil, err
	}
	f.date(born, j.p.Created, d.now)
	if err := f.count(ctx, d); err != nil {
		return nil, err
	}
	return f, nil
}

// date moves the row's dates: the one at which it was made to now, or, where no
// rows come any more, behind the newest.
func (f *fresh) date(born *field, planned, now time.Time) {
	from, target := planned, now
	if born != nil {
		if c := f.row.cell(born.Name); c != nil && c.Source == Made && c.Value != nil {
			if t, ok := f.read(*c.Value); ok {
				from = t
			}
		}
		if room := min(now.Sub(f.beat.newest), 72*time.Hour); !f.beat.newest.IsZero() && !f.beat.alive(now) {
			target = f.beat.newest.Add(time.Duration(f.r.Int64N(int64(max(room, 1)))))
		}
	}
	touched := f.st.touched()
	for _, cp := range f.tp.Columns {
		c := f.row.cell(cp.Name)
		if cp.Kind != "timestamp" || c == nil || c.Source != Made || c.Value == nil {
			continue
		}
		t, ok := f.read(*c.Value)
		if !ok || generate.Sentinel(t) {
			continue
		}
		by := target.Sub(from)
		switch moved := t.Add(by); {
		case t.Before(from) && touched != nil && touched.Name == cp.Name: // no row was changed before it was made
			by = target.Sub(t)
		case t.Before(from): // before it was made: it keeps its hour
			by = by.Truncate(24 * time.Hour)
		case !t.After(planned) && moved.After(now): // it can't have happened yet
			by = now.Sub(t)
		}
		v := f.write(cp.Name, *c.Value, t.Add(by))
		c.Value = &v
	}
	for _, c := range f.row.Cells {
		if c.Kind == "uuid" && c.Source == Made && c.Value != nil {
			v := generate.Timed(*c.Value, target)
			c.Value = &v
		}
	}
}

// read returns the time that a value means.
func (f *fresh) read(v string) (time.Time, bool) {
	t, layout, ok := generate.ParseTime(v)
	if ok && len(layout) > 10 && !strings.Contains(layout, "07") {
		t = t.Add(-f.beat.zone)
	}
	return t, ok
}

// write writes a time in the form of another value of the column, as coarse as
// its values are.
func (f *fresh) write(column, like string, at time.Time) string {
	t, layout, _ := generate.ParseTime(like)
	if !strings.Contains(layout, "07") {
		at = at.Add(f.beat.zone)
	}
	at = at.In(t.Location())
	if fd := f.st.field(column); fd != nil && fd.Class == generate.Timestamp {
		at, layout = at.Truncate(fd.seen.Grain(like)), fd.seen.Layout(layout)
	}
	return at.Format(layout)
}

// count gives the numbers that follow the highest, and codes that count.
func (f *fresh) count(ctx context.Context, d *draft) error {
	for _, c := range f.row.Cells {
		fd := f.st.field(c.Column)
		switch {
		case fd == nil:
		case c.Source == Next:
			high, err := d.s.Database.Highest(ctx, f.st.table, c.Column)
			if err != nil {
				return err
			}
			k, err := strconv.ParseInt(high, 10, 64)
			if err != nil && high != "" {
				return refuse("column %s: its highest value is beyond what is counted on", c.Column)
			}
			v := strconv.FormatInt(k+1, 10)
			c.Value = &v
		case c.Source == Made && c.Value != nil && f.counts(fd):
			if err := d.last(ctx, f.st); err != nil {
				return err
			}
			v, err := generate.Make(fd.gen, f.r, fd.seen, &generate.Row{Was: *c.Value, Now: d.now})
			if err != nil {
				return err
			}
			c.Value = &v
		}
	}
	return nil
}

func (f *fresh) counts(fd *field) bool {
	return fd.gen != nil && (fd.plan.Kind == "code" || fd.plan.Kind == "account_number") && generate.Counts(fd.seen)
}

// follow writes codes that are made of the key once that is drawn.
func (f *fresh) follow() {
	if f.key == nil {
		return
	}
	c := f.row.cell(f.key.Name)
	if c == nil {
		return
	}
	k, err := strconv.ParseInt(f.j.drawn[c], 10, 64)
	if err != nil {
		return
	}
	h := &hand{row: f.row, slot: &slot{key: k}, was: make([]*string, len(f.st.sample.Columns))}
	for i, name := range f.st.sample.Columns {
		if c := f.row.cell(name); c != nil {
			h.was[i] = c.Value
		}
	}
	for _, fd := range f.st.columns {
		if c := f.row.cell(fd.Name); c != nil && c.Source == Made && c.Value != nil {
			if v := f.st.ofKey(h, fd); v != "" {
				c.Value = &v
			}
		}
	}
}
