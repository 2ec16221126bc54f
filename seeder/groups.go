package seeder

import (
	"math/rand/v2"
	"strings"

	"honeyrow/seeder/generate"
)

// groups are the names of a table by the country, or else the region, of its
// rows: what people are called depends on where they live.
type groups struct {
	of    func(row []*string) string // "" if it is not known
	names map[string]*generate.Names
}

// leastNames is how many rows a group needs to have names of its own.
const leastNames = 25

// byCountry collects the names by country, nil if the table has none.
func (st *study) byCountry(full bool) *groups {
	f := st.homeland()
	if f == nil || st.first == nil && st.last == nil && st.full == nil {
		return nil
	}
	by := f.sample
	return st.grouped(full, func(row []*string) string {
		if row[by] == nil {
			return ""
		}
		return *row[by]
	})
}

// homeland is the column that says where people are from, nil if there is none.
func (st *study) homeland() *field {
	for _, f := range st.columns {
		if f.sample >= 0 && generate.HasPhrase(f.Name, "country", "country code", "nationality", "locale", "language", "lang") && generate.Repeats(f.seen.Values) {
			return f
		}
	}
	return nil
}

// grouped collects the names by what of says of rows.
func (st *study) grouped(full bool, of func(row []*string) string) *groups {
	rows := map[string][][]*string{}
	for _, row := range st.callers() {
		if by := of(row); by != "" {
			rows[by] = append(rows[by], row)
		}
	}
	g := &groups{of: of, names: map[string]*generate.Names{}}
	for v, rs := range rows {
		if len(rs) < leastNames {
			continue
		}
		var whole []string
		if full {
			whole = st.full.among(rs)
		}
		g.names[v] = generate.NewNames(st.first.among(rs), st.last.among(rs), whole)
		g.names[v].Of = st.names
	}
	return g
}

// given returns the given names of a sampled row whose person is called as the
// honey row's, for a column of them beside that of the name in use: who is called
// Dave is a David. "" if f is no such column, or nobody is called so.
func (st *study) given(r *rand.Rand, h *hand, f *field) string {
	if f.plan.Kind != "first_name" || st.first == nil || f == st.first || f.sample < 0 || st.first.sample < 0 {
		return ""
	}
	if f.given == nil {
		f.given = map[string][]string{}
		for _, row := range st.sample.Rows {
			if used, all := row[st.first.sample], row[f.sample]; used != nil && all != nil {
				f.given[strings.ToLower(*used)] = append(f.given[strings.ToLower(*used)], *all)
			}
		}
	}
	those := f.given[strings.ToLower(h.g.First)]
	if len(those) == 0 {
		return ""
	}
	return those[r.IntN(len(those))]
}
