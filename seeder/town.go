package seeder

import (
	"math/rand/v2"
	"strings"
)

// around returns the columns of country and region that go with a column of towns,
// and whether a honey row may name another town of the same region than its
// template: not where a postcode belongs to it.
func (st *study) around(f *field) (regions []*field, free bool) {
	if f.plan.Kind != "city" || f.plan.Source != Made || f.sample < 0 {
		return nil, false
	}
	of := func(name string) string { return name[:max(strings.LastIndexByte(name, '_'), 0)] } // birth_city, death_city
	for _, other := range st.columns {
		if of(other.Name) != of(f.Name) || other.sample < 0 {
			continue
		}
		switch other.plan.Kind {
		case "postcode":
			return nil, false
		case "region":
			regions = append(regions, other)
		}
	}
	return regions, true
}

// town returns another town for a row whose own stands there once: taken over, it
// would stand in two rows that are alike in other things too. It is a rare one as
// well, of the same region; "" if the template's serves, or there is none.
func (st *study) town(r *rand.Rand, was []*string, f *field) string {
	regions, free := st.around(f)
	if !free || was[f.sample] == nil {
		return ""
	}
	times := f.counts()
	if own := *was[f.sample]; times[own] > 1 || f.often[own] {
		return ""
	}
	var rare []string
rows:
	for _, row := range st.sample.Rows {
		if v := row[f.sample]; v == nil || *v == *was[f.sample] || times[*v] > 1 {
			continue
		}
		for _, at := range regions {
			if a, b := row[at.sample], was[at.sample]; (a == nil) != (b == nil) || a != nil && *a != *b {
				continue rows
			}
		}
		rare = append(rare, *row[f.sample])
	}
	if len(rare) == 0 {
		return ""
	}
	return rare[r.IntN(len(rare))]
}
