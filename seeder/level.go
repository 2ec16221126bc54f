package seeder

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
)

// raise has the amounts of a relative lie near those of another, all of them one row's:
// of the one that lends it its categories, or, where none have to be lent, of another
// row's relative that came at about that time. Where rows have high or low ones of their
// own it is one of the template's relatives. One by one near the template's, in their
// order, amounts name the template of a row with several.
func (h *hand) raise(st *study, p *peers, r *rand.Rand) {
	if len(p.levels) == 0 {
		return
	}
	own := st.sample.Rows[h.template]
	kids := st.kin.rows[*own[st.sample.index(st.kin.fk.Columns[0])]]
	sibling, from := kids[r.IntN(len(kids))], h.lender
	if from < 0 {
		from = h.template
		if len(p.lent) == 0 {
			from = h.fellow(st, p, r)
		}
	}
	was := slices.Clone(h.was)
	for _, l := range p.levels {
		v := st.sample.Rows[from][l.f.sample]
		if l.own {
			v = st.sample.Rows[sibling][l.f.sample]
		}
		if v != nil && own[l.f.sample] != nil {
			was[l.f.sample], h.borrowed = v, true
		}
	}
	h.was = was
}

// fellow draws another row's relative that came at about the time of this one, of a row
// alike in its categories; its template if there are few.
func (h *hand) fellow(st *study, p *peers, r *rand.Rand) int {
	rows := p.kindred(st, h)
	if len(rows) < leastLoans {
		return h.template
	}
	at := h.at(st.clock(h.g.Now))
	if at.IsZero() {
		at = st.clock(h.g.Now).began(h.template)
	}
	end := sort.Search(len(rows), func(i int) bool { return rows[i].at.After(at) })
	width := max(leastLoans, len(rows)/10)
	low := max(0, min(end-width, len(rows)-2*width))
	rows = rows[low:min(len(rows), low+2*width)]
	tie := st.sample.index(st.kin.fk.Columns[0])
	for range 8 {
		if from := rows[r.IntN(len(rows))].row; *st.sample.Rows[from][tie] != *st.sample.Rows[h.template][tie] {
			return from
		}
	}
	return h.template
}

// owned reports whether amounts of one row's relatives are nearer to each other than any
// two are, by rank.
func (st *study) owned(families [][]int, f *field) bool {
	var all []float64
	value := func(row int) (float64, bool) {
		v := st.sample.Rows[row][f.sample]
		if v == nil {
			return 0, false
		}
		x, err := strconv.ParseFloat(*v, 64)
		return x, err == nil
	}
	for _, kids := range families {
		for _, kid := range kids {
			if x, ok := value(kid); ok {
				all = append(all, x)
			}
		}
	}
	slices.Sort(all)
	sum, n := 0.0, 0.0
	for _, kids := range families {
		for i := 1; i < len(kids); i++ {
			a, ok1 := value(kids[i-1])
			b, ok2 := value(kids[i])
			if ok1 && ok2 {
				sum += math.Abs(float64(sort.SearchFloat64s(all, a) - sort.SearchFloat64s(all, b)))
				n++
			}
		}
	}
	return n < leastSpans || 3*sum < 0.9*n*float64(len(all)) // of any two it is a third
}

// summed reports whether a column of relatives holds sums over what hangs on them.
func (d *draft) summed(st *study, f *field) bool {
	return slices.ContainsFunc(d.studies, func(o *study) bool {
		return o.kin != nil && !o.kin.parent && o.kin.to == st && slices.ContainsFunc(o.kin.sums(), func(s sum) bool { return s.of == f })
	})
}
