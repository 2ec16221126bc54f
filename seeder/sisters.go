package seeder

import (
	"context"
	"math"
	"slices"
	"time"

	"honeyrow/seeder/generate"
)

// sisters tells how rows go with those that they point at and that belong to the same
// owner: a payment with its rental. It looks whether that one is the owner's, how far
// the dates of both are from each other and how many others are as far, and how usual
// their amounts are beside what that one points at.
func (d *draft) sisters(ctx context.Context, db Kinsman, st *study, child *Table, s *Sample, first []time.Time, tie, at int, owners map[string][]int, t *traits) error {
	for _, fk := range child.ForeignKeys {
		if ties(fk) != "" || s.index(fk.Columns[0]) < 0 || s.index(fk.Columns[0]) == tie {
			continue
		}
		to := d.sisterTable(st, fk, child, s.Columns[tie])
		if to == nil {
			continue
		}
		by := to.table.ForeignKeys[to.fk]
		o, _, err := d.read(ctx, db, to.table, by, column(st.sample, at))
		if err != nil {
			return passable(err)
		}
		ref, own := o.index(fk.RefColumns[0]), o.index(by.Columns[0])
		if ref < 0 || own < 0 {
			continue
		}
		rows := map[string]int{}
		began := make([]time.Time, len(o.Rows))
		for i, row := range o.Rows {
			if row[ref] != nil {
				rows[*row[ref]] = i
			}
			began[i] = firstDate(to.table, o, row)
		}
		t.goes(child, to.table, s, o, s.index(fk.Columns[0]), own, first, began, rows, owners)
	}
	return nil
}

// sisterTo is a table that belongs to the same owner's, by which of its foreign keys.
type sisterTo struct {
	table *Table
	fk    int
}

// sisterTable returns the table of a table's rows' other rows at which a foreign key of
// one such table points, nil if it points at none.
func (d *draft) sisterTable(st *study, fk *ForeignKey, child *Table, tie string) *sisterTo {
	for _, o := range d.cat.Tables {
		if o.Schema != fk.RefSchema || o.Name != fk.RefTable || o == child || o == st.table || o.Piece {
			continue
		}
		mine := slices.IndexFunc(child.ForeignKeys, func(k *ForeignKey) bool { return ties(k) == "" && k.Columns[0] == tie })
		for i, k := range o.ForeignKeys {
			if ties(k) == "" && k.RefSchema == st.table.Schema && k.RefTable == st.table.Name && mine >= 0 && k.RefColumns[0] == child.ForeignKeys[mine].RefColumns[0] {
				return &sisterTo{o, i}
			}
		}
	}
	return nil
}

// goes adds what tells how rows of s go with those of o that they point at by a column:
// rows finds these, own is the column by which they are the owner's.
func (t *traits) goes(child, to *Table, s, o *Sample, by, own int, first, began []time.Time, rows map[string]int, owners map[string][]int) {
	name := s.Columns[by]
	sister := func(k int) int {
		if v := s.Rows[k][by]; v != nil {
			if i, ok := rows[*v]; ok {
				return i
			}
		}
		return -1
	}
	t.add("with another's "+name, owners, func(owner string, ks []int) float64 {
		n := 0.0
		for _, k := range ks {
			if i := sister(k); i >= 0 && (o.Rows[i][own] == nil || *o.Rows[i][own] != owner) {
				n++
			}
		}
		return n
	})
	after := func(k int) (time.Duration, bool) {
		i := sister(k)
		if i < 0 || first[k].IsZero() || began[i].IsZero() {
			return 0, false
		}
		return first[k].Sub(began[i]), true
	}
	count := map[time.Duration]float64{}
	for _, ks := range owners {
		for _, k := range ks {
			if far, ok := after(k); ok {
				count[far]++
			}
		}
	}
	t.add("as long after their "+name, owners, meanOf(after, func(far time.Duration) float64 { return math.Log(count[far]) }))
	t.add("time after their "+name, owners, meanOf(after, func(far time.Duration) float64 {
		return math.Copysign(math.Log1p(math.Abs(far.Hours())), float64(far))
	}))
	lasted := func(i int) string {
		var at []time.Time
		for k, name := range o.Columns {
			if c := to.Column(name); c == nil || c.Class != generate.Date && c.Class != generate.Timestamp || len(at) == 2 {
				continue
			}
			is := time.Time{}
			if v := o.Rows[i][k]; v != nil {
				is, _, _ = generate.ParseTime(*v)
			}
			at = append(at, wall(is))
		}
		return (&tariff{calendar: true}).between(at)
	}
	n := 0
	for i, amount := range s.Columns {
		if c := child.Column(amount); c == nil || c.Class != generate.Decimal || n == maxTraitDates {
			continue
		}
		n++
		for _, thing := range pointers(to, o, own) {
			both, all := map[[2]string]float64{}, map[string]float64{}
			pair := func(k int) (p [2]string, ok bool) {
				j := sister(k)
				if j < 0 || s.Rows[k][i] == nil || o.Rows[j][thing] == nil {
					return p, false
				}
				return [2]string{*o.Rows[j][thing], *s.Rows[k][i]}, true
			}
			for _, ks := range owners {
				for _, k := range ks {
					if p, ok := pair(k); ok {
						both[p]++
						all[p[0]]++
					}
				}
			}
			t.add("others of the same "+amount+" with the same "+o.Columns[thing], owners, meanOf(pair, func(p [2]string) float64 {
				return (both[p] - 0.5) / all[p[0]]
			}))
			// Of those that lasted as many days too: what costs else than all of them.
			alike, like := map[string]map[string]float64{}, map[string]float64{}
			for _, ks := range owners {
				for _, k := range ks {
					if p, ok := pair(k); ok {
						key := p[0] + "\x00" + lasted(sister(k))
						if alike[key] == nil {
							alike[key] = map[string]float64{}
						}
						alike[key][p[1]]++
						like[key]++
					}
				}
			}
			t.add("another "+amount+" than those as long with the same "+o.Columns[thing], owners, func(_ string, ks []int) float64 {
				n := 0.0
				for _, k := range ks {
					if p, ok := pair(k); ok {
						if key := p[0] + "\x00" + lasted(sister(k)); like[key] > 1 && alike[key][p[1]] == 1 {
							n++
						}
					}
				}
				return n
			})
		}
	}
}

// meanOf is the mean over an owner's rows of what is told of those that have it.
func meanOf[T any](has func(k int) (T, bool), of func(T) float64) func(string, []int) float64 {
	return func(_ string, ks []int) float64 {
		sum, n := 0.0, 0.0
		for _, k := range ks {
			if v, ok := has(k); ok {
				sum, n = sum+of(v), n+1
			}
		}
		return sum / max(n, 1)
	}
}

// strangers tells how many rows of other owners have their numbers between those of an
// owner's: where rows are numbered owner by owner, none should.
func (t *traits) strangers(child *Table, s *Sample, owners map[string][]int) {
	var all []int64
	keys := map[string][]int64{}
	for owner, rows := range owners {
		for _, k := range rows {
			if n, ok := numbered(child, s, s.Rows[k]); ok {
				keys[owner], all = append(keys[owner], n), append(all, n)
			}
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	t.add("others' keys between theirs", owners, func(owner string, _ []int) float64 {
		own := keys[owner]
		if len(own) == 0 {
			return 0
		}
		low, _ := slices.BinarySearch(all, slices.Min(own))
		high, _ := slices.BinarySearch(all, slices.Max(own))
		return math.Log1p(float64(high - low + 1 - len(own)))
	})
}
