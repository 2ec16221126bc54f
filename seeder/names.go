package seeder

import (
	"context"
	"errors"
	"slices"

	"honeyrow/seeder/generate"
)

// widely is of how many times as many rows as are sampled the names are read: most names
// that stand once in a sample of a large table stand in more of its rows, and a next row
// would bring far fewer new ones than the sample lets believe.
const widely = 10

// callers are the rows whose names the table's are: those of a wider sample, in the order
// of the columns of the other, or that.
func (st *study) callers() [][]*string {
	if st.wide != nil {
		return st.wide
	}
	return st.sample.Rows
}

// learnNames collects the table's names.
func (st *study) learnNames() {
	rows, full := st.callers(), st.full.among(st.callers())
	if st.full != nil && st.full.sample >= 0 && (st.first != nil || st.last != nil) {
		full = nil // the same names again
	}
	st.names = generate.NewNames(st.first.among(rows), st.last.among(rows), full)
	st.groups = st.byCountry(len(full) > 0)
	st.learnSexes()
}

// among are a column's values in rows, those that are there.
func (f *field) among(rows [][]*string) (out []string) {
	if f == nil || f.sample < 0 {
		return nil
	}
	for _, row := range rows {
		if row[f.sample] != nil {
			out = append(out, *row[f.sample])
		}
	}
	return out
}

// lookNames reads the names of more rows than were sampled, where there are more.
func (d *draft) lookNames(ctx context.Context, st *study) error {
	if 10*len(st.sample.Rows) < 9*d.o.SampleRows {
		return nil // the sample is the table; honey rows are out of it
	}
	var of []*field
	named := false
	for _, f := range []*field{st.first, st.last, st.full, st.homeland()} {
		if f != nil && f.sample >= 0 {
			of, named = append(of, f), named || f != st.homeland()
		}
	}
	if !named {
		return nil
	}
	for _, a := range st.tells {
		of = append(of, a.field)
	}
	narrow := *st.table
	narrow.Columns = nil
	key := st.table.Primary()
	for _, f := range st.columns {
		if slices.Contains(of, f) || slices.Contains(key, f.Name) {
			narrow.Columns = append(narrow.Columns, f.Column)
		}
	}
	s, err := d.s.Database.Sample(ctx, &narrow, widely*d.o.SampleRows, d.o.Seed)
	var no *Violation
	if errors.As(err, &no) {
		return nil
	}
	if err != nil {
		return err
	}
	withoutHoney(s, d.snap, d.o.Server, d.cat.Database, st.table)
	if len(s.Rows) <= len(st.sample.Rows) {
		return nil
	}
	for _, got := range s.Rows {
		row := make([]*string, len(st.sample.Columns))
		for _, f := range of {
			if i := s.index(f.Name); i >= 0 {
				row[f.sample] = got[i]
			}
		}
		st.wide = append(st.wide, row)
	}
	st.learnNames()
	return nil
}
