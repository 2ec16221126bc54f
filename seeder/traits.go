package seeder

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// traits is what a thief can tell of the rows that point at one, beside how many
// and when: whether a value that is the owner's differs among them, how far numbers
// fall and rise from one to the next, whether they are those of another owner's,
// whether times keep to the hour and to the owner's day of the year, and whether
// they have the rows of their own that others have.
type traits struct {
	names []string
	of    map[string][]float64 // by what the rows point at
}

// How many columns and dates are looked at.
const (
	maxTraits     = 12
	maxTraitDates = 3
)

// add appends one number for each owner, told by his rows in order.
func (t *traits) add(name string, owners map[string][]int, of func(owner string, rows []int) float64) {
	t.names = append(t.names, name)
	for owner, rows := range owners {
		t.of[owner] = append(t.of[owner], of(owner, rows))
	}
}

// traitsOf looks at the rows s of child, by what their column tie holds: rows of
// st.table, whose column at it is.
func (d *draft) traitsOf(ctx context.Context, db Kinsman, st *study, child *Table, s *Sample, tie, at int) (*traits, error) {
	t := &traits{of: map[string][]float64{}}
	owners := map[string][]int{}
	first := make([]time.Time, len(s.Rows))
	for i, row := range s.Rows {
		if tie >= 0 && row[tie] != nil {
			first[i] = firstDate(child, s, row)
			owners[*row[tie]] = append(owners[*row[tie]], i)
		}
	}
	for _, rows := range owners {
		sort.SliceStable(rows, func(a, b int) bool {
			if x, y := first[rows[a]], first[rows[b]]; !x.Equal(y) {
				return x.Before(y)
			}
			x, _ := numbered(child, s, s.Rows[rows[a]])
			y, _ := numbered(child, s, s.Rows[rows[b]])
			return x < y
		})
	}
	var dates []int
	n := 0
	for i, name := range s.Columns {
		c := child.Column(name)
		if c == nil || i == tie || slices.Contains(child.Primary(), name) || n >= maxTraits {
			continue
		}
		n++
		switch c.Class {
		case generate.Date, generate.Timestamp:
			dates = append(dates, i)
			continue
		case generate.Integer, generate.Decimal:
			t.series(s, i, owners)
			t.begins(s, i, owners)
		}
		t.add("different "+name, owners, func(_ string, rows []int) float64 {
			seen := map[string]bool{}
			for _, k := range rows {
				if v := s.Rows[k][i]; v != nil {
					seen[*v] = true
				}
			}
			return float64(len(seen))
		})
	}
	t.shared(child, s, first, tie, owners)
	if err := d.sisters(ctx, db, st, child, s, first, tie, at, owners, t); err != nil {
		return nil, err
	}
	t.strangers(child, s, owners)
	t.years(child, s, dates, owners)
	t.times(st, child, s, dates[:min(len(dates), maxTraitDates)], at, tie, first, owners)
	t.against(st, child, s, dates[:min(len(dates), maxTraitDates)], at, owners)
	t.copies(st, first, at, owners)
	t.seams(s, dates[:min(len(dates), maxTraitDates)], first, owners)
	t.pressed(child, s, first, owners)
	return t, d.childless(ctx, db, child, s, owners, t)
}

// years tells how usual it is that a year comes so long after that of a row's date.
func (t *traits) years(child *Table, s *Sample, dates []int, owners map[string][]int) {
	for i, name := range s.Columns {
		if c := child.Column(name); c == nil || c.Class != generate.Integer || !generate.Years(column(s, i)) {
			continue
		}
		for _, date := range dates[:min(len(dates), maxTraitDates)] {
			after := func(k int) (int, bool) {
				y, at, ok := yearsOf(s.Rows[k], i, date)
				return y - at, ok
			}
			count := map[int]float64{}
			for _, rows := range owners {
				for _, k := range rows {
					if n, ok := after(k); ok {
						count[n]++
					}
				}
			}
			t.add("rows whose "+name+" is as long after the year of "+s.Columns[date], owners, func(_ string, rows []int) float64 {
				least := math.Inf(1)
				for _, k := range rows {
					if n, ok := after(k); ok {
						least = min(least, math.Log(count[n]))
					}
				}
				return least
			})
		}
	}
}

// series tells how a number goes on from one row to the next.
func (t *traits) series(s *Sample, column int, owners map[string][]int) {
	name := s.Columns[column]
	number := func(k int) float64 {
		if v := s.Rows[k][column]; v != nil {
			if f, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(*v, "$"), ",", ""), 64); err == nil {
				return f
			}
		}
		return math.NaN()
	}
	step := func(pick func(a, b float64) float64) func(string, []int) float64 {
		return func(_ string, rows []int) float64 {
			out := 0.0
			for i := 1; i < len(rows); i++ {
				if a, b := number(rows[i-1]), number(rows[i]); a > 0 && b > 0 {
					out = pick(out, math.Log(b/a))
				}
			}
			return out
		}
	}
	t.add("fall of "+name, owners, step(func(a, b float64) float64 { return min(a, b) }))
	t.add("rise of "+name, owners, step(func(a, b float64) float64 { return max(a, b) }))
	ends := map[string]float64{}
	for _, rows := range owners {
		for _, k := range rows {
			if v := s.Rows[k][column]; v != nil {
				ends[camouflage.Ending(*v, 2)]++
			}
		}
	}
	t.add("others with the rarest ending of "+name, owners, func(_ string, rows []int) float64 {
		least := math.Inf(1)
		for _, k := range rows {
			if v := s.Rows[k][column]; v != nil {
				least = min(least, math.Log(ends[camouflage.Ending(*v, 2)]))
			}
		}
		return least
	})
	said := func(rows []int) string {
		var b strings.Builder
		for _, k := range rows {
			if v := s.Rows[k][column]; v != nil {
				b.WriteString(*v)
			}
			b.WriteByte(0)
		}
		return b.String()
	}
	others := map[string]int{}
	for _, rows := range owners {
		others[said(rows)]++
	}
	t.add("others with the same "+name, owners, func(_ string, rows []int) float64 {
		return math.Log1p(float64(others[said(rows)]-1)) * float64(len(rows))
	})
}

// times tells whether intervals are whole hours, and whether rows come on the
// owner's day of the year.
func (t *traits) times(st *study, child *Table, s *Sample, dates []int, at, tie int, first []time.Time, owners map[string][]int) {
	moment := func(k, column int) time.Time {
		if v := s.Rows[k][column]; v != nil {
			if at, _, ok := generate.ParseTime(*v); ok && !generate.Sentinel(at) {
				return at
			}
		}
		return time.Time{}
	}
	for i, a := range dates {
		for _, b := range dates[i+1:] {
			if child.Column(s.Columns[a]).Class != generate.Timestamp || child.Column(s.Columns[b]).Class != generate.Timestamp {
				continue
			}
			t.meanwhile(child, s, func(k int) (from, to time.Time) { return moment(k, a), moment(k, b) }, a, b, tie, owners)
			t.add(fmt.Sprintf("from %s to %s in no whole hours", s.Columns[a], s.Columns[b]), owners, func(_ string, rows []int) float64 {
				n := 0.0
				for _, k := range rows {
					if x, y := moment(k, a), moment(k, b); !x.IsZero() && !y.IsZero() && y.Sub(x)%time.Hour != 0 {
						n++
					}
				}
				return n
			})
		}
	}
	own := map[string][]*string{}
	for _, row := range st.sample.Rows {
		if row[at] != nil {
			own[*row[at]] = row
		}
	}
	n := 0
	for i, name := range st.sample.Columns {
		if c := st.table.Column(name); c == nil || c.Class != generate.Timestamp && c.Class != generate.Date || n >= maxTraitDates {
			continue
		}
		n++
		t.add("not on the day of "+name, owners, func(owner string, rows []int) float64 {
			row := own[owner]
			if row == nil || row[i] == nil {
				return 0
			}
			day, _, ok := generate.ParseTime(*row[i])
			if !ok {
				return 0
			}
			n := 0.0
			for _, k := range rows {
				if !first[k].IsZero() && (first[k].Month() != day.Month() || first[k].Day() != day.Day()) {
					n++
				}
			}
			return n
		})
	}
}

// childless tells how many rows have none of their own in the tables that point at
// theirs.
func (d *draft) childless(ctx context.Context, db Kinsman, child *Table, s *Sample, owners map[string][]int, t *traits) error {
	if !d.deep {
		return nil
	}
	for _, grand := range d.cat.Tables {
		for _, fk := range grand.ForeignKeys {
			if ties(fk) != "" || fk.RefSchema != child.Schema || fk.RefTable != child.Name || grand.Piece || grand == child {
				continue
			}
			key := s.index(fk.RefColumns[0])
			if key < 0 {
				continue
			}
			below, asked, err := kinOf(ctx, db, grand, fk.Columns[0], column(s, key))
			if err != nil {
				return passable(err)
			}
			has := map[string]bool{}
			if to := below.index(fk.Columns[0]); to >= 0 {
				for _, v := range column(below, to) {
					has[v] = true
				}
			}
			t.add("without rows in "+grand.String(), owners, func(_ string, rows []int) float64 {
				n := 0.0
				for _, k := range rows {
					if v := s.Rows[k][key]; v != nil && !has[*v] && (asked == nil || asked[*v]) {
						n++
					}
				}
				return n
			})
			t.endings(grand, s, below, key, below.index(fk.Columns[0]), owners)
			t.copied(grand, below, fk.Columns[0], key, s, owners, func(k int) time.Time { return firstDate(child, s, s.Rows[k]) })
		}
	}
	return nil
}

// endings tells how usual that price is, of those in rows that point at an owner's, that
// ends as the fewest do.
func (t *traits) endings(grand *Table, s, below *Sample, key, tie int, owners map[string][]int) {
	if tie < 0 {
		return
	}
	n := 0
	for i, name := range below.Columns {
		if c := grand.Column(name); c == nil || c.Class != generate.Decimal || slices.Contains(grand.Primary(), name) || n == maxTraitDates {
			continue
		}
		n++
		ends, of := map[string]float64{}, map[string][]string{}
		for _, row := range below.Rows {
			if row[i] != nil && row[tie] != nil {
				end := camouflage.Ending(*row[i], 2)
				ends[end]++
				of[*row[tie]] = append(of[*row[tie]], end)
			}
		}
		t.add("others with the rarest ending of "+grand.String()+"'s "+name, owners, func(_ string, rows []int) float64 {
			least := math.Inf(1)
			for _, k := range rows {
				if v := s.Rows[k][key]; v != nil {
					for _, end := range of[*v] {
						least = min(least, math.Log(ends[end]))
					}
				}
			}
			return least
		})
	}
}
