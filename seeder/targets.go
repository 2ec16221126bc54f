package seeder

import (
	"context"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// targets are the dates of the rows that a table's rows point at, as a dump shows them.
type targets struct {
	names []string
	refs  []int // of each, the column in the sample by which it is pointed at
	dates []map[string]time.Time
}

// How many references of a table are followed, and how many dates there are looked at.
const (
	maxFollowed = 3
	maxDated    = 2
)

// targets reads the dates of what rows point at.
func (d *draft) targets(ctx context.Context, st *study, rows [][]*string) (*targets, error) {
	p := &targets{}
	db, ok := d.s.Database.(Kinsman)
	followed := 0
	for i, fk := range st.table.ForeignKeys {
		t, err := d.cat.Table((&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String())
		again := slices.ContainsFunc(st.table.ForeignKeys[:i], func(o *ForeignKey) bool { return ties(fk) == "" && slices.Equal(o.Columns, fk.Columns) })
		if !ok || err != nil || again || ties(fk) != "" || followed == maxFollowed {
			continue
		}
		ref := st.sample.index(fk.Columns[0])
		var dates []*Column
		for _, c := range t.Columns {
			if c.CanSelect && (c.Class == generate.Date || c.Class == generate.Timestamp) && len(dates) < maxDated {
				dates = append(dates, c)
			}
		}
		if ref < 0 || len(dates) == 0 {
			continue
		}
		followed++
		var keys []string
		seen := map[string]bool{}
		for _, row := range rows {
			if v := row[ref]; v != nil && !seen[*v] {
				seen[*v], keys = true, append(keys, *v)
			}
		}
		s, err := db.Kin(ctx, t, fk.RefColumns[0], keys, len(keys))
		if err != nil {
			if passable(err) != nil {
				return nil, err
			}
			continue
		}
		key := s.index(fk.RefColumns[0])
		for _, c := range dates {
			at := s.index(c.Name)
			if key < 0 || at < 0 {
				continue
			}
			of := map[string]time.Time{}
			for _, row := range s.Rows {
				if row[key] == nil || row[at] == nil {
					continue
				}
				if t, _, ok := generate.ParseTime(*row[at]); ok && !generate.Sentinel(t) {
					of[*row[key]] = t
				}
			}
			p.names, p.refs, p.dates = append(p.names, fk.Columns[0]+"'s "+c.Name), append(p.refs, ref), append(p.dates, of)
		}
	}
	return p, nil
}

// of are the dates of what a row points at, zero where there is none.
func (p *targets) of(row []*string) (out []time.Time) {
	for k, ref := range p.refs {
		at := time.Time{}
		if row[ref] != nil {
			at = p.dates[k][*row[ref]]
		}
		out = append(out, at)
	}
	return out
}

// ofHand are those of a honey row that is not planted yet; where it points at another
// one, its template's.
func (p *targets) ofHand(h *hand, st *study) []time.Time {
	row := slices.Clone(h.was)
	for _, f := range st.columns {
		if c := h.row.cell(f.Name); f.sample >= 0 && c != nil && c.Source == Parent {
			row[f.sample] = c.Value
		}
	}
	return p.of(row)
}
