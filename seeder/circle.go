package seeder

import "slices"

// parentsFirst orders studies so that a table comes after those it points at, as far
// as there is no circle. A circle is broken where honey rows can hang on rows that
// exist, not where each of these may be pointed at once.
func parentsFirst(cat *Catalog, in []*study) []*study {
	out := follow(cat, in, false)
	place := map[*Table]int{}
	for i, st := range out {
		place[st.table] = i
	}
	for _, st := range out {
		for _, fk := range st.table.ForeignKeys {
			t, err := cat.Table(ref(fk))
			if at, ok := place[t]; err == nil && ok && at > place[st.table] && single(st.table, fk, true) {
				return follow(cat, in, true)
			}
		}
	}
	return out
}

// follow visits studies along their foreign keys; once has it begin with the tables,
// and keys, of which each row pointed at may have one.
func follow(cat *Catalog, in []*study, once bool) (out []*study) {
	byTable := map[*Table]*study{}
	for _, st := range in {
		byTable[st.table] = st
	}
	state := map[*study]bool{}
	var visit func(*study)
	visit = func(st *study) {
		if _, seen := state[st]; seen {
			return
		}
		state[st] = true
		for _, hard := range []bool{true, false} {
			for _, fk := range st.table.ForeignKeys {
				if hard != (once && single(st.table, fk, true)) {
					continue
				}
				if t, err := cat.Table(ref(fk)); err == nil && byTable[t] != nil {
					visit(byTable[t])
				}
			}
		}
		out = append(out, st)
	}
	for _, hard := range []bool{true, false} {
		for _, st := range in {
			if hard == (once && slices.ContainsFunc(st.table.ForeignKeys, func(fk *ForeignKey) bool { return single(st.table, fk, true) })) {
				visit(st)
			}
		}
	}
	return out
}

// copied is the way out of a circle.
func copied(t *Table) string {
	return "a decoy table as its copy hangs on nothing (--decoy-tables 1 --tables " + t.String() + ")"
}

// leads reports whether foreign keys lead from one table to another.
func (c *Catalog) leads(from, to *Table) bool {
	seen := map[*Table]bool{}
	var visit func(t *Table) bool
	visit = func(t *Table) bool {
		if seen[t] {
			return false
		}
		seen[t] = true
		return t == to || slices.ContainsFunc(t.ForeignKeys, func(fk *ForeignKey) bool {
			parent, err := c.Table(ref(fk))
			return err == nil && visit(parent)
		})
	}
	return visit(from)
}
