package seeder

import (
	"math"
	"slices"
	"strconv"

	"honeyrow/seeder/generate"
)

// equation is a number of a row that others of it make: a line's total its quantity
// times its price, an invoice's the net and the tax, a balance the deposits less the
// fees.
type equation struct {
	of, a, b *field
	op       byte // '*', '+' or '-'; '=' with a alone
}

func (e *equation) value(get func(f *field) (float64, bool)) (float64, bool) {
	x, ok := get(e.a)
	if !ok || e.op == '=' {
		return x, ok
	}
	y, ok := get(e.b)
	switch e.op {
	case '*':
		return x * y, ok
	case '-':
		return x - y, ok
	}
	return x + y, ok
}

// equations learns which numbers of a row others make. They are made again of what
// the honey row holds, since each is drawn near the template's by itself.
func (st *study) equations() []equation {
	if st.reckoned {
		return st.reckons
	}
	st.reckoned = true
	var numeric []*field
	for _, f := range st.columns {
		if f.sample >= 0 && f.fk == nil && (f.Class == generate.Integer || f.Class == generate.Decimal) && (f.plan.Source == Made && f.measures() || f.plan.Source == Copied) {
			numeric = append(numeric, f)
		}
	}
	numeric = numeric[:min(len(numeric), maxReckoned)]
	made := map[*field][]*field{} // what others make, and of what
	for _, of := range numeric {
		if of.plan.Source != Made || of.few() {
			continue
		}
		var try []equation
		for i, a := range numeric {
			for _, b := range numeric[i+1:] {
				try = append(try, equation{of, a, b, '*'}, equation{of, a, b, '+'}, equation{of, a, b, '-'}, equation{of, b, a, '-'})
			}
		}
		for _, a := range numeric {
			try = append(try, equation{of, a, nil, '='})
		}
		for _, e := range try {
			if e.a == of || e.b == of || slices.Contains(made[e.a], of) || e.b != nil && slices.Contains(made[e.b], of) {
				continue
			}
			if st.reckonsUp(&e) {
				made[of] = slices.Concat([]*field{e.a, e.b}, made[e.a], made[e.b])
				st.reckons = append(st.reckons, e)
				break
			}
		}
	}
	return st.reckons
}

// maxReckoned bounds the columns of numbers that are tried with one another.
const maxReckoned = 12

// reckonsUp reports whether an equation holds in nearly all sampled rows, and not
// because they are all alike.
func (st *study) reckonsUp(e *equation) bool {
	n, right, kinds, others := 0, 0, map[string]bool{}, map[string]bool{}
	for i, row := range st.sample.Rows {
		want, ok := st.number(i, e.of)
		got, ok2 := e.value(func(f *field) (float64, bool) { return st.number(i, f) })
		if !ok || !ok2 {
			continue
		}
		if n++; math.Abs(got-want) < 0.0051 {
			right++
			kinds[*row[e.of.sample]] = true
			if e.b != nil {
				others[*row[e.b.sample]] = true
			}
		}
		if n > leastStrides && 2*right < n {
			return false
		}
	}
	return n >= leastStrides && len(kinds) >= leastKinds && (e.b == nil || len(others) > 1) && 100*right >= 97*n
}

// reckon makes the numbers of a row anew that others make, where the template's are
// so, and codes that begin with a year that of their date.
func (h *hand) reckon(st *study) {
	laws := st.equations()
	for range len(laws) { // one may be made of another
		for i := range laws {
			e := &laws[i]
			c := h.row.cell(e.of.Name)
			if c == nil || c.Value == nil || c.Source != Made || !h.obeys(st, e) {
				continue
			}
			got, ok := e.value(func(f *field) (float64, bool) {
				if c := h.row.cell(f.Name); c != nil && c.Value != nil {
					return generate.Number(*c.Value)
				}
				return 0, false
			})
			if ok {
				v := e.of.seen.Write(got, false)
				c.Value = &v
			}
		}
	}
	h.writeYear(st)
	h.writeSpans(st)
}

// obeys reports whether the template row does not break an equation.
func (h *hand) obeys(st *study, e *equation) bool {
	get := func(f *field) (float64, bool) { return st.number(h.template, f) }
	want, ok := get(e.of)
	got, ok2 := e.value(get)
	return !ok || !ok2 || h.borrowed || math.Abs(got-want) < 0.0051
}

// writeYear writes the year of the row's date into codes that begin with it.
func (h *hand) writeYear(st *study) {
	for _, f := range st.columns {
		if f.plan.Source != Made || f.sample < 0 || f.plan.Kind != "code" && f.plan.Kind != "account_number" || h.was[f.sample] == nil {
			continue
		}
		at, date := st.yearOf(f)
		c := h.row.cell(f.Name)
		if date == nil || c == nil || c.Value == nil || len(*c.Value) < at+4 {
			continue
		}
		if d := h.row.cell(date.Name); d != nil && d.Value != nil {
			if day, _, ok := generate.ParseTime(*d.Value); ok && day.Year() > 999 && day.Year() < 10000 {
				v := (*c.Value)[:at] + strconv.Itoa(day.Year()) + (*c.Value)[at+4:]
				c.Value = &v
			}
		}
	}
}

// yearOf finds where a code holds the year of which date of its row, nil if nowhere.
func (st *study) yearOf(f *field) (at int, date *field) {
	if f.year != nil {
		return f.year.at, f.year.date
	}
	f.year = &yearIn{}
	if f.seen.MaxLen > 0 && f.seen.MaxLen < 5 {
		return 0, nil
	}
	for _, d := range st.columns {
		if d.Class != generate.Date && d.Class != generate.Timestamp || d.plan.Source != Made && d.plan.Source != Copied || d.sample < 0 || f.year.date != nil {
			continue
		}
		n, years, right := 0, map[int]bool{}, map[int]int{}
		for _, row := range st.sample.Rows {
			if row[d.sample] == nil || row[f.sample] == nil {
				continue
			}
			day, _, ok := generate.ParseTime(*row[d.sample])
			if !ok || generate.Sentinel(day) {
				continue
			}
			n++
			years[day.Year()] = true
			year, v := strconv.Itoa(day.Year()), *row[f.sample]
			for i := 0; i+len(year) <= min(len(v), maxYearAt+4); i++ {
				if v[i:i+len(year)] == year {
					right[i]++
				}
			}
		}
		for i := range maxYearAt + 1 {
			if n >= leastStrides && len(years) > 1 && 100*right[i] >= 97*n {
				f.year = &yearIn{i, d}
				break
			}
		}
	}
	return f.year.at, f.year.date
}

// yearIn is where a code holds the year of a date.
type yearIn struct {
	at   int
	date *field
}

// maxYearAt is how far into a code a year is looked for.
const maxYearAt = 6
