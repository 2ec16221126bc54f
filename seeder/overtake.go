package seeder

import (
	"context"
	"slices"
	"strconv"

	"honeyrow/seeder/generate"
)

// overtakes reports the honey rows with a number from a gap whose login bears a number
// though who has the same without it, or with a lower one, came later: whoever is second
// came second (smithj2 before smithj). Another name is drawn for them. Where the table's
// own rows don't keep to that, nobody would notice.
func (d *draft) overtakes(ctx context.Context, st *study, hands []*hand) (out []clash, err error) {
	key := st.drawn()
	db, ok := d.s.Database.(Kinsman)
	if key == nil || !ok {
		return nil, nil
	}
	for _, f := range st.columns {
		if !f.numbered {
			continue
		}
		before := map[string][]int{} // logins below, and whose
		for i, h := range hands {
			c := h.row.cell(f.Name)
			if h.slot == nil || c == nil || c.Value == nil || c.Source != Made {
				continue
			}
			for _, v := range generate.Below(*c.Value) {
				before[v] = append(before[v], i)
			}
		}
		if len(before) == 0 || !f.ranked(ctx, db, st, key) {
			continue
		}
		var logins []string
		for v := range before {
			logins = append(logins, v)
		}
		slices.Sort(logins)
		at, err := numbersOf(ctx, db, st, f, key, logins)
		if err != nil {
			return nil, err
		}
		for _, h := range hands { // other honey rows hold some
			if c := h.row.cell(f.Name); h.slot != nil && c != nil && c.Value != nil {
				at[*c.Value] = h.slot.key
			}
		}
		for _, v := range logins {
			for _, i := range before[v] {
				if n, there := at[v]; there && n > hands[i].slot.key {
					hands[i].tries[f.Name] = mostNumbered // a higher number would not help
					out = append(out, clash{i, f.Name})
				}
			}
		}
	}
	return out, nil
}

// ranked reports whether real rows' logins with a number stand behind those without.
func (f *field) ranked(ctx context.Context, db Kinsman, st *study, key *field) bool {
	if f.inRank != nil {
		return *f.inRank
	}
	own := map[string]int64{}
	var firsts []string
	for _, row := range st.sample.Rows {
		if row[f.sample] == nil || row[key.sample] == nil {
			continue
		}
		if first, ok := generate.Unnumbered(*row[f.sample]); ok && len(firsts) < askedNumbered {
			if k, err := strconv.ParseInt(*row[key.sample], 10, 64); err == nil {
				own[first], firsts = k, append(firsts, first)
			}
		}
	}
	at, err := numbersOf(ctx, db, st, f, key, firsts)
	n, behind := 0, 0
	for first, k := range own {
		if v, there := at[first]; there {
			if n++; v < k {
				behind++
			}
		}
	}
	yes := err == nil && n >= leastNumbered && 100*behind >= 95*n
	f.inRank = &yes
	return yes
}

// numbersOf reads the numbers of the rows with these logins, by login; those that can't
// be read are left out.
func numbersOf(ctx context.Context, db Kinsman, st *study, f, key *field, logins []string) (map[string]int64, error) {
	out := map[string]int64{}
	if len(logins) == 0 {
		return out, nil
	}
	s, err := db.Kin(ctx, st.table, f.Name, logins, 4*len(logins))
	if err != nil {
		return out, passable(err)
	}
	login, at := s.index(f.Name), s.index(key.Name)
	for _, row := range s.Rows {
		if login >= 0 && at >= 0 && row[login] != nil && row[at] != nil {
			if k, err := strconv.ParseInt(*row[at], 10, 64); err == nil {
				out[*row[login]] = k
			}
		}
	}
	return out, nil
}
