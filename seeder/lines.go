package seeder

import (
	"math"
	"sort"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
)

// relatives are the tables whose rows point at those of a table and are planted for its
// honey rows too, made of those of the template.
func (d *draft) relatives(st *study) (out []*study) {
	for _, o := range d.studies {
		if o.kin != nil && o.kin.to == st && !o.kin.parent {
			out = append(out, o)
		}
	}
	return out
}

// lines are what the relatives of a table's rows say of them: how many there are, and of
// each column what most of them hold, or how much. A honey row has the relatives of its
// template, so that what it has from other rows has to go with these: the title with the
// salary.
func (st *study) lines(of *study, rows [][]*string) (out []*thread) {
	at, ref := st.sample.index(st.kin.fk.Columns[0]), of.sample.index(st.kin.fk.RefColumns[0])
	if at < 0 || ref < 0 {
		return nil
	}
	kids := map[string][][]*string{}
	for _, row := range st.sample.Rows {
		if v := row[at]; v != nil {
			kids[*v] = append(kids[*v], row)
		}
	}
	brood := func(row []*string) [][]*string {
		if row[ref] == nil {
			return nil
		}
		return kids[*row[ref]]
	}
	add := func(name string, shown bool, value func(kids [][]*string) string) {
		values := make([]string, len(rows))
		for i, row := range rows {
			if k := brood(row); len(k) > 0 {
				values[i] = value(k)
			}
		}
		t := &thread{f: &field{Column: &Column{Name: st.table.Name + "." + name}, plan: &ColumnPlan{Kind: "relatives"}, seen: &generate.Column{}, sample: -1}, with: -1}
		t.code = lettered(values)
		t.exact = t.code
		if t.weigh(); t.size < 0.01 {
			return
		}
		if !shown {
			clear(t.weight)
		}
		out = append(out, t)
	}
	most := 3 // as many as are told apart: of more one in mostMany rows
	for many := len(rows); most < maxBrood && many*mostMany >= len(rows); most++ {
		many = 0
		for _, row := range rows {
			if len(brood(row)) > most+1 {
				many++
			}
		}
	}
	add("", true, func(k [][]*string) string { return strconv.Itoa(min(len(k), most)) })
	for _, f := range st.columns {
		if f.sample < 0 || f.sample == at {
			continue
		}
		if numeric(f) && f.plan.Source == Made {
			cut := quantiles(brood, rows, f.sample)
			add(f.Name, false, func(k [][]*string) string {
				x, ok := mean(k, f.sample)
				if !ok {
					return ""
				}
				return strconv.Itoa(sort.SearchFloat64s(cut, x))
			})
		} else if f.plan.Source == Copied || f.plan.Kind == "status" || f.plan.Kind == "title" || f.plan.Kind == "flag" {
			add(f.Name, false, func(k [][]*string) string { return usual(k, f.sample) })
		}
	}
	return out
}

// mostMany is in how many rows one has to have more relatives for the number to count.
const mostMany = 30

// mean is that of what some rows hold in a column.
func mean(rows [][]*string, at int) (float64, bool) {
	sum, n := 0.0, 0.0
	for _, row := range rows {
		if row[at] != nil {
			if x, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(*row[at], "$"), ",", ""), 64); err == nil && !math.IsNaN(x) {
				sum, n = sum+x, n+1
			}
		}
	}
	return sum / max(n, 1), n > 0
}

// quantiles are the numbers that part the means of all broods into eight classes.
func quantiles(brood func(row []*string) [][]*string, rows [][]*string, at int) (out []float64) {
	var all []float64
	for _, row := range rows {
		if x, ok := mean(brood(row), at); ok {
			all = append(all, x)
		}
	}
	sort.Float64s(all)
	for i := 1; i < 8 && len(all) > 0; i++ {
		out = append(out, all[i*len(all)/8])
	}
	return out
}

// usual is what most of some rows hold in a column, the first in order of those as many
// hold.
func usual(rows [][]*string, at int) string {
	count, best := map[string]int{}, ""
	for _, row := range rows {
		if row[at] != nil {
			count[*row[at]]++
		}
	}
	for v, n := range count {
		if n > count[best] || n == count[best] && v < best {
			best = v
		}
	}
	return best
}
