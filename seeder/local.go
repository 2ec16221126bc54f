package seeder

import "strings"

// local is what the rows of a row's place hold in a column: of a postcode those of the
// town, of a street those of the country, whose houses have the numbers that they have.
// Nil where no column says the place.
func (st *study) local(f *field, was []*string) []string {
	by := st.localBy(f)
	if by == nil || was[by.sample] == nil {
		return nil
	}
	if f.locals == nil {
		f.locals = map[string][]string{}
		for _, row := range st.sample.Rows {
			if v := row[f.sample]; v != nil && row[by.sample] != nil {
				f.locals[by.value(row)] = append(f.locals[by.value(row)], *v)
			}
		}
	}
	return f.locals[strings.ToLower(*was[by.sample])]
}

// localBy is the column of the place that a postcode or a street goes by: the town, the
// region of fewest kinds. Nil if there is none.
func (st *study) localBy(f *field) (by *field) {
	kind := map[string]string{"postcode": "city", "street": "region"}[f.plan.Kind]
	if kind == "" || f.sample < 0 {
		return nil
	}
	for _, other := range st.columns {
		if other.plan.Kind == kind && other.sample >= 0 && st.placed(other) == st.placed(f) && (by == nil || len(other.counts()) < len(by.counts())) {
			by = other
		}
	}
	return by
}
