package seeder

import (
	"context"
	"fmt"
	"math"
	"slices"

	"honeyrow/seeder/generate"
)

// grandchildren plans what points at relatives: an order without items would be known
// by that. It goes no further down.
func (d *draft) grandchildren(ctx context.Context, db Kinsman, p *Plan, in map[*Table]bool) error {
	for _, st := range slices.Clone(d.studies) {
		if st.kin == nil || st.kin.parent || st.kin.to.kin != nil {
			continue
		}
		for _, t := range d.cat.Tables {
			for _, fk := range t.ForeignKeys {
				if in[t] || fk.RefSchema != st.table.Schema || fk.RefTable != st.table.Name || d.passedOver(t) {
					continue
				}
				if err := d.grandchild(ctx, db, p, st, t, fk, in); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// passedOver reports whether a table is none for relatives.
func (d *draft) passedOver(t *Table) bool {
	return t.Piece || t.Kind == "view" || slices.ContainsFunc(d.o.Exclude, func(x string) bool { return x == t.Name || x == t.String() })
}

// grandchild plans rows of t that point at relatives, if at least one in ten of the
// real ones has such.
func (d *draft) grandchild(ctx context.Context, db Kinsman, p *Plan, st *study, t *Table, fk *ForeignKey, in map[*Table]bool) error {
	ref := -1
	if ties(fk) == "" {
		ref = st.sample.index(fk.RefColumns[0])
	}
	own := st.kin.to.sample.index(st.kin.fk.RefColumns[0])
	if ref < 0 || own < 0 {
		return nil
	}
	var values []string // owner by owner, so that those of whole families are read
	for _, row := range shuffled(st.kin.to.sample.Rows, d.o.Seed) {
		if row[own] == nil {
			continue
		}
		for _, kid := range st.kin.rows[*row[own]] {
			if v := st.sample.Rows[kid][ref]; v != nil {
				values = append(values, *v)
			}
		}
	}
	if len(values) == 0 {
		return nil
	}
	s, asked, err := kinOf(ctx, db, t, fk.Columns[0], values)
	if err != nil || len(s.Rows) == 0 || s.index(fk.Columns[0]) < 0 {
		return passable(err)
	}
	with, of := len(unique(column(s, s.index(fk.Columns[0])))), len(values)
	if asked != nil {
		of = len(asked)
	}
	if 10*with < of {
		return nil
	}
	k := &kinship{to: st, fk: fk, share: float64(with) / float64(of)}
	if err := d.relative(ctx, p, k, t, s, fk.Columns[0], in); err != nil || asked == nil || !in[t] {
		return err
	}
	st.kin.to.unread = append(st.kin.to.unread, func(row []*string) bool {
		return row[own] != nil && slices.ContainsFunc(st.kin.rows[*row[own]], func(kid int) bool {
			v := st.sample.Rows[kid][ref]
			return v != nil && !asked[*v]
		})
	})
	st.kin.to.rank(d.now)
	return nil
}

// lacking says what honey rows will not have, and what that costs.
func (k *kinship) lacking(t *Table) string {
	switch {
	case k.parent:
		return fmt.Sprintf("ordinary rows have a row of their own in %s, honey rows will share one", t)
	case k.to.kin != nil:
		return fmt.Sprintf("%.0f %% of the ordinary rows have rows in %s, honey rows will have none, and whoever looks for such rows finds them and what they belong to (without seed.family, or with this table left out, there are no such rows)", 100*k.share, t)
	}
	return fmt.Sprintf("ordinary rows have rows in %s, honey rows will have none", t)
}

// priced reports whether a column of relatives holds what the row that they point at
// fixes: the price of a product.
func (st *study) priced(f *field) bool {
	if f.priced != nil {
		return *f.priced
	}
	yes := false
	for _, g := range st.columns {
		if g.fk == nil || g.sample < 0 || g.plan.Source != Parent || g.fk == st.kin.fk || len(g.fk.Columns) != 1 {
			continue
		}
		values := map[string]map[string]int{}
		n := map[string]int{}
		for _, row := range st.sample.Rows {
			if row[g.sample] != nil && row[f.sample] != nil {
				to := *row[g.sample]
				if values[to] == nil {
					values[to] = map[string]int{}
				}
				values[to][*row[f.sample]]++
				n[to]++
			}
		}
		all, usual := 0, 0
		for to, count := range values {
			most := 0
			for _, c := range count {
				most = max(most, c)
			}
			if n[to] > 1 {
				all, usual = all+n[to], usual+most
			}
		}
		yes = yes || all >= leastStrides && len(values) >= leastKinds && 100*usual >= 95*all
	}
	f.priced = &yes
	return yes
}

// sum is a column of a row that holds the sum over its relatives: of one column, of
// two multiplied, or how many they are.
type sum struct{ of, a, b *field }

// amount is what one relative adds.
func (s *sum) amount(get func(f *field) (float64, bool)) (float64, bool) {
	x, y, ok1, ok2 := 1.0, 1.0, true, true
	if s.a != nil {
		x, ok1 = get(s.a)
	}
	if s.b != nil {
		y, ok2 = get(s.b)
	}
	return x * y, ok1 && ok2
}

// sums finds the columns that hold sums over relatives.
func (k *kinship) sums() []sum {
	if k.summed {
		return k.totals
	}
	k.summed = true
	st := k.of
	tie, ref := st.sample.index(k.fk.Columns[0]), k.to.sample.index(k.fk.RefColumns[0])
	kids := map[string][]int{} // all, also those that are no templates
	for i, row := range st.sample.Rows {
		if row[tie] != nil {
			kids[*row[tie]] = append(kids[*row[tie]], i)
		}
	}
	var numeric []*field
	for _, f := range st.columns {
		if f.sample >= 0 && (f.Class == generate.Integer || f.Class == generate.Decimal) && (f.plan.Source == Made || f.plan.Source == Copied) {
			numeric = append(numeric, f)
		}
	}
	for _, of := range k.to.columns {
		if !of.measures() {
			continue
		}
		try := []sum{}
		for i, a := range numeric {
			for _, b := range numeric[i+1:] {
				try = append(try, sum{of, a, b})
			}
		}
		for _, a := range numeric {
			try = append(try, sum{of, a, nil})
		}
		try = append(try, sum{of, nil, nil})
		for _, s := range try {
			if k.adds(&s, kids, ref) {
				k.totals = append(k.totals, s)
				break
			}
		}
	}
	return k.totals
}

// adds reports whether nearly all rows with relatives hold the sum, and different ones.
func (k *kinship) adds(s *sum, kids map[string][]int, ref int) bool {
	n, right, kinds := 0, 0, map[string]bool{}
	for _, row := range k.to.sample.Rows {
		if row[ref] == nil || row[s.of.sample] == nil || len(kids[*row[ref]]) == 0 {
			continue
		}
		want, ok := generate.Number(*row[s.of.sample])
		if !ok {
			continue
		}
		total := 0.0
		for _, kid := range kids[*row[ref]] {
			v, _ := s.amount(func(f *field) (float64, bool) { return k.of.number(kid, f) })
			total += v
		}
		if n++; math.Abs(total-want) < 0.0051 {
			right++
			kinds[*row[s.of.sample]] = true
		}
		if n > leastSame && 2*right < n {
			return false
		}
	}
	return n >= leastSame && len(kinds) >= leastKinds && 100*right >= 97*n
}

// total sets what holds sums over the relatives that have been drawn.
func (d *draft) total(st *study) {
	k := st.kin
	if k == nil || k.parent {
		return
	}
	for _, s := range k.sums() {
		for _, up := range d.hands[k.to] {
			c := up.row.cell(s.of.Name)
			if up.houses[st] == nil || c == nil || c.Value == nil {
				continue
			}
			total := 0.0
			for _, m := range up.houses[st].members {
				v, _ := s.amount(func(f *field) (float64, bool) {
					if c := m.h.row.cell(f.Name); c != nil && c.Value != nil {
						return generate.Number(*c.Value)
					}
					return 0, false
				})
				total += v
			}
			if v := s.of.seen.Write(total, false); v != *c.Value {
				c.Value, c.Watch = &v, false // others may have it too
			}
		}
	}
	d.total(k.to)
}
