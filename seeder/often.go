package seeder

import (
	"context"
	"slices"
)

// lookOften finds which of the titles and places that stand in one sampled row stand
// in more rows of the table: of a large table most that a sample holds once do.
// Rows that hold them are as good templates as others.
func (d *draft) lookOften(ctx context.Context, st *study) error {
	db, ok := d.s.Database.(Kinsman)
	if !ok || len(st.sample.Rows) < d.o.SampleRows || st.table.Rows > maxForgotten { // the sample is the table; or it takes too long
		return nil
	}
	for _, f := range st.columns {
		if f.sample < 0 || !f.CanSelect || !f.keeps() {
			continue
		}
		count := map[string]int{}
		for _, v := range f.seen.Values {
			count[v]++
		}
		var once []string
		for v, n := range count {
			if n == 1 {
				once = append(once, v)
			}
		}
		if rarely*len(once) < len(f.seen.Values) {
			continue
		}
		slices.Sort(once)
		s, err := db.Kin(ctx, st.table, f.Name, once, maxKin)
		if err != nil {
			if passable(err) != nil {
				return err
			}
			continue
		}
		if s.index(f.Name) < 0 {
			continue
		}
		clear(count)
		f.often = map[string]bool{}
		for _, v := range s.column(f.Name) {
			if count[v]++; count[v] == 2 {
				f.often[v] = true
			}
		}
	}
	return nil
}

// rarely is the share of a column's rows, one of so many, up to which values that
// stand in one sampled row are not looked up.
const rarely = 50

// keeps reports whether honey rows take a template's value of this column over,
// though it may be its own.
func (f *field) keeps() bool {
	if f.plan.Source != Made && f.plan.Source != Copied {
		return false
	}
	switch f.plan.Kind {
	case "city", "region", "title", "role", "status", "company":
		return true
	}
	return false
}
