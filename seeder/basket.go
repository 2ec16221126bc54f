package seeder

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// lending is which rows may lend their content to one that is planted for a relative:
// those that are alike in what is not lent, by that, in the order of the dates of what
// they belong to.
type lending struct {
	rows    map[string][]loan
	by      *field   // the date of what they belong to, nil if it has none
	keep    []bool   // columns that are not lent
	bundles []bundle // the others
	behind  []sequel // of what they point at, before or after the date of what they belong to
}

type loan struct {
	row int
	at  time.Time
}

// bundle is columns that one row lends together, since what the one holds says what another
// may. Each bundle comes from a row of its own: were it all one row's, the two would be known
// by what stands in both.
type bundle struct {
	fields []*field
	drifts bool // what they hold changes as time goes by
}

// leastLoans is how many rows have to be alike for one to lend its content.
const leastLoans = 10

// borrow gives a row that is planted for a relative the contents of other ones: the same
// basket over again would lead to the template. What ties it, its key, its dates and what
// is unique stay its own.
func (h *hand) borrow(st *study, r *rand.Rand) {
	if h.above == nil || st.kin.to.kin == nil || st.lent == nil {
		return
	}
	l := st.lent
	var rows []loan
	for _, part := range []bool{true, false} { // of few rows with so high a number in their order any other's do
		if rows = l.rows[l.sign(st, h.template, h.above.was, part)]; len(rows) >= leastLoans {
			break
		}
	}
	if len(rows) < leastLoans {
		return
	}
	var at time.Time
	if l.by != nil {
		if c := h.above.row.cell(l.by.Name); c != nil && c.Value != nil {
			at, _, _ = generate.ParseTime(*c.Value)
		}
	}
	for _, b := range l.bundles {
		near := rows
		if b.drifts && !at.IsZero() { // about then, before it and after
			n := min(max(leastLoans, len(rows)/5), len(rows))
			from := sort.Search(len(rows), func(i int) bool { return rows[i].at.After(at) }) - n/2
			from = min(max(from, 0), len(rows)-n)
			near = rows[from : from+n]
		}
		for range 40 {
			from := near[r.IntN(len(near))].row
			if from == h.template || h.repeats(st, from, b.fields) || !l.suits(st, from, b.fields, at) {
				continue
			}
			if !h.borrowed {
				h.was, h.borrowed = slices.Clone(h.was), true
			}
			for _, f := range b.fields {
				h.was[f.sample] = st.sample.Rows[from][f.sample]
			}
			break
		}
	}
}

// repeats reports whether a row points by one of the columns where one of the same
// relative's rows before it does: no order has a product twice.
func (h *hand) repeats(st *study, row int, fields []*field) bool {
	if h.house == nil {
		return false
	}
	for _, f := range fields {
		v := st.sample.Rows[row][f.sample]
		if f.fk == nil || v == nil {
			continue
		}
		for _, m := range h.house.members {
			if w := m.h.was[f.sample]; m.h != h && w != nil && *w == *v {
				return true
			}
		}
	}
	return false
}

// suits reports whether what a row points at by the columns keeps the order with the date
// of what the honey row belongs to that real rows keep: nothing was bought before there
// was any.
func (l *lending) suits(st *study, row int, fields []*field, at time.Time) bool {
	for _, s := range l.behind {
		v := st.sample.Rows[row][s.own.sample]
		if at.IsZero() || v == nil || !slices.Contains(fields, s.own) {
			continue
		}
		if is, ok := s.at[*v]; ok && (s.before && !is.Before(at) || !s.before && !is.After(at)) {
			return false
		}
	}
	return true
}

// baskets finds what rows may lend to those of relatives' relatives, once.
func (d *draft) baskets(ctx context.Context, st *study) error {
	if st.lent != nil || st.kin == nil || st.kin.parent || st.kin.to.kin == nil {
		return nil
	}
	k := st.kin
	l := &lending{rows: map[string][]loan{}, by: k.to.calendar(), keep: make([]bool, len(st.sample.Columns))}
	pk := st.table.Primary()
	var lent []*field
	for _, f := range st.columns {
		if f.sample < 0 {
			continue
		}
		l.keep[f.sample] = slices.Contains(pk, f.Name) || slices.Contains(k.fk.Columns, f.Name) || f.seen.Unique || f.plan.Kind == "timestamp" ||
			f.Class == generate.Date || f.Class == generate.Timestamp || f.plan.Source != Made && f.plan.Source != Copied && f.plan.Source != Parent
		if !l.keep[f.sample] {
			lent = append(lent, f)
		}
	}
	tie, ref := st.sample.index(k.fk.Columns[0]), k.to.sample.index(k.fk.RefColumns[0])
	above := map[string][]*string{}
	for _, row := range k.to.sample.Rows {
		if row[ref] != nil {
			above[*row[ref]] = row
		}
	}
	var classes [][]loan // those that are alike, in which columns are compared
	for _, row := range k.to.sample.Rows {
		if row[ref] == nil {
			continue
		}
		for _, kid := range k.rows[*row[ref]] {
			up := above[*st.sample.Rows[kid][tie]]
			one := loan{row: kid}
			if l.by != nil && up[l.by.sample] != nil {
				one.at, _, _ = generate.ParseTime(*up[l.by.sample])
			}
			for _, part := range []bool{true, false} {
				key := l.sign(st, kid, up, part)
				l.rows[key] = append(l.rows[key], one)
			}
		}
	}
	for _, rows := range l.rows {
		slices.SortStableFunc(rows, func(a, b loan) int { return a.at.Compare(b.at) })
	}
	for key, rows := range l.rows {
		if strings.HasPrefix(key, wholeSign) {
			classes = append(classes, rows)
		}
	}
	slices.SortFunc(classes, func(a, b []loan) int { return cmp.Compare(a[0].row, b[0].row) })
	l.part(st, lent, classes, generate.New(d.o.Seed, st.table.String()+" bundles"))
	st.lent = l
	return d.behind(ctx, st, l, above, tie)
}

// behind learns the orders between the dates of what rows point at and the date of what
// they belong to.
func (d *draft) behind(ctx context.Context, st *study, l *lending, above map[string][]*string, tie int) error {
	if l.by == nil {
		return nil
	}
	to, err := d.targets(ctx, st, st.sample.Rows)
	if err != nil {
		return err
	}
	for t, ref := range to.refs {
		i := slices.IndexFunc(st.columns, func(f *field) bool { return f.sample == ref })
		if i < 0 || l.keep[ref] {
			continue
		}
		var pairs [][2]float64
		for _, row := range st.sample.Rows {
			if row[ref] == nil || row[tie] == nil || above[*row[tie]] == nil || above[*row[tie]][l.by.sample] == nil {
				continue
			}
			is, _, ok := generate.ParseTime(*above[*row[tie]][l.by.sample])
			if at := to.dates[t][*row[ref]]; ok && !at.IsZero() && !generate.Sentinel(is) {
				pairs = append(pairs, [2]float64{float64(at.UnixMicro()), float64(is.UnixMicro()) + 0.5})
			}
		}
		if before, behind := ordered(pairs); before || behind {
			l.behind = append(l.behind, sequel{st.columns[i], before, to.dates[t]})
		}
	}
	return nil
}

// part finds which of the columns go together, and which change with time: among rows
// that are alike in the rest, so that not all of it is what these have in common.
func (l *lending) part(st *study, lent []*field, alike [][]loan, r *rand.Rand) {
	of := make([]int, len(lent)) // the bundle of each, by its first column
	codes := make([][]int32, len(lent))
	for i, f := range lent {
		of[i] = i
		codes[i] = st.coded(f)
	}
	join := func(a, b int) {
		from, to := max(of[a], of[b]), min(of[a], of[b])
		for i := range of {
			if of[i] == from {
				of[i] = to
			}
		}
	}
	for i := range lent {
		for k := range i {
			// What can't be put into classes may go with anything.
			if codes[i] == nil || codes[k] == nil || i >= maxReckoned || of[i] != of[k] && together(codes[i], codes[k], alike, r) {
				join(i, k)
			}
		}
	}
	drifts := make([]bool, len(lent))
	if l.by != nil {
		age := make([]int32, len(st.sample.Rows))
		for _, rows := range alike {
			for n, one := range rows {
				age[one.row] = int32(n * 10 / len(rows))
			}
		}
		for i := range lent {
			drifts[of[i]] = drifts[of[i]] || codes[i] == nil || together(codes[i], age, alike, r)
		}
	}
	for i := range lent {
		if of[i] != i {
			continue
		}
		one := bundle{drifts: drifts[i]}
		for k, f := range lent {
			if of[k] == i {
				one.fields = append(one.fields, f)
			}
		}
		l.bundles = append(l.bundles, one)
	}
}

// coded puts a column's values into classes, nil if it has none.
func (st *study) coded(f *field) []int32 {
	_, code := st.reading(f)
	values := make([]string, len(st.sample.Rows))
	kinds := map[string]bool{}
	for i, row := range st.sample.Rows {
		if v := row[f.sample]; v != nil {
			values[i] = "=" + code(*v)
			kinds[values[i]] = true
		}
	}
	if len(kinds) < 2 && len(f.counts()) > 1 {
		return nil
	}
	return lettered(values)
}

// How many rows are looked at to find whether columns go together, how often they are put
// together at random, and how many standard deviations make a difference.
const (
	mostCompared = 6000
	shuffles     = 16
	notChance    = 4
)

// together reports whether two columns say more of each other than they do once the one
// is put together with the other of another row, of those that are alike.
func together(a, b []int32, alike [][]loan, r *rand.Rand) bool {
	var x, y []int32
	var ends []int
	for _, rows := range alike {
		if len(rows) < 2 || len(x) >= mostCompared {
			continue
		}
		for _, one := range rows {
			x, y = append(x, a[one.row]), append(y, b[one.row])
		}
		ends = append(ends, len(x))
	}
	if len(x) == 0 {
		return false
	}
	own := mutual(x, y)
	sum, square := 0.0, 0.0
	for range shuffles {
		from := 0
		for _, to := range ends {
			part := y[from:to]
			r.Shuffle(len(part), func(i, k int) { part[i], part[k] = part[k], part[i] })
			from = to
		}
		m := mutual(x, y)
		sum, square = sum+m, square+m*m
	}
	mean := sum / shuffles
	return own-mean > notChance*math.Sqrt(max(square/shuffles-mean*mean, 0))+1e-9
}

// mutual is what two columns say of each other, times the rows, but for what depends on
// each alone.
func mutual(a, b []int32) (sum float64) {
	joint := map[[2]int32]float64{}
	for i := range a {
		joint[[2]int32{a[i], b[i]}]++
	}
	var counts []float64 // added up in one order
	for _, n := range joint {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	for _, n := range counts {
		sum += n * math.Log(n)
	}
	return sum
}

// wholeSign begins what rows have to be alike in with their part of a key.
const wholeSign = "part "

// sign writes down in what rows have to be alike: if part is set their part of a key of
// several columns, which dates they have, and the categories of what they belong to.
func (l *lending) sign(st *study, row int, above []*string, part bool) string {
	var b strings.Builder
	put := func(v *string) {
		if v != nil {
			b.WriteString(*v)
		}
		b.WriteByte(0)
	}
	if part {
		b.WriteString(wholeSign)
	} else {
		b.WriteString("any ")
	}
	pk := st.table.Primary()
	for _, f := range st.columns {
		v := (*string)(nil)
		if f.sample >= 0 {
			v = st.sample.Rows[row][f.sample]
		}
		switch {
		case f.sample < 0 || slices.Contains(st.kin.fk.Columns, f.Name):
		case len(pk) > 1 && slices.Contains(pk, f.Name):
			if part {
				put(v)
			}
		case l.keep[f.sample]:
			b.WriteString(strconv.FormatBool(v == nil))
		}
	}
	for _, f := range st.kin.to.columns {
		if f.sample >= 0 && f.plan.Source == Copied {
			put(above[f.sample])
		}
	}
	return b.String()
}
