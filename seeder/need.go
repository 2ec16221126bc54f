package seeder

import (
	"cmp"
	"slices"
)

// maxTemplates is among how many rows another template is looked for.
const maxTemplates = 40

// asMany reports whether two rows have as many relatives in each table for which free
// numbers are sought. Where these are few, a draw with more relatives than the row has that
// it takes the place of would be turned down oftener than one with fewer, and honey rows
// would come to have too few.
func (d *draft) asMany(st *study, a, b int) bool {
	for _, p := range d.pens[st] {
		if p.st.kin.many(st.sample.Rows[a]) != p.st.kin.many(st.sample.Rows[b]) {
			return false
		}
	}
	return true
}

// byNeed is the order in which rows are drawn: first those with most relatives for which
// free numbers are sought, who would find none together any more.
func (d *draft) byNeed(st *study, templates []int) []int {
	need, order := make([]int, len(templates)), make([]int, len(templates))
	for i, tpl := range templates {
		order[i] = i
		for _, p := range d.pens[st] {
			need[i] = max(need[i], p.st.kin.many(st.sample.Rows[tpl]))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(need[b], need[a]) })
	return order
}
