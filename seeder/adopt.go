package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"

	"honeyrow/seeder/generate"
)

// maxSpare bounds how many rows without owner are looked at.
const maxSpare = 2000

// adopt finds, for honey rows with numbers from gaps, rows of the past for them to
// point at where each row points at one of its own: the address of a customer who
// was deleted. A new one would have the newest number of all beside an old
// owner, for good, if its table has no gaps.
func (d *draft) adopt(ctx context.Context) error {
	for _, g := range slices.Clone(d.studies) {
		if g.kin == nil || !g.kin.parent || len(d.slots[g.kin.to]) == 0 {
			continue
		}
		to, n := g.kin.to, len(d.picks[g.kin.to])
		r := generate.New(d.o.Seed, g.table.String()+" templates")
		free, err := d.openings(ctx, g, r, n, n, nil)
		if err != nil {
			return err
		}
		if len(free) > 0 {
			continue
		}
		spare, err := d.ownerless(ctx, g)
		if err != nil {
			return err
		}
		if len(spare) < 2*n { // few would be known by it
			continue
		}
		if d.spare == nil {
			d.spare = map[*ForeignKey][]int64{}
		}
		d.spare[g.kin.fk] = spare
		d.leaveOut(g)
		to.note("%s has no gaps in its keys: honey rows point at rows there that no row points at any more, as after their owners were deleted (%d of %d such rows); what stands there is what somebody left, and is not watched", g.table, n, len(spare))
	}
	return nil
}

// ownerless are the keys of rows that no row points at, sorted; none if that can't
// be seen, or if something might act on such rows.
func (d *draft) ownerless(ctx context.Context, g *study) ([]int64, error) {
	fk := g.kin.fk
	db, ok := d.s.Database.(Kinsman)
	if !ok || slices.ContainsFunc(g.columns, func(f *field) bool { return f.acts() }) {
		return nil, nil
	}
	rows, err := d.s.Database.Parents(ctx, g.kin.to.table, fk, true, maxSpare)
	if err != nil {
		return nil, passable(err)
	}
	var keys []string
	for _, row := range rows {
		keys = append(keys, row[0])
	}
	owned := map[string]bool{}
	for _, t := range d.cat.Tables {
		for _, other := range t.ForeignKeys {
			if other == fk || other.RefSchema != fk.RefSchema || other.RefTable != fk.RefTable || t.Piece {
				continue
			}
			i := slices.Index(other.RefColumns, fk.RefColumns[0])
			if i < 0 {
				return nil, nil
			}
			s, err := db.Kin(ctx, t, other.Columns[i], keys, maxKin)
			if err != nil || s.index(other.Columns[i]) < 0 || len(s.Rows) == maxKin {
				return nil, passable(err)
			}
			for _, v := range s.column(other.Columns[i]) {
				owned[v] = true
			}
		}
	}
	var out []int64
	for _, k := range keys {
		n, err := strconv.ParseInt(k, 10, 64)
		if err != nil {
			return nil, nil
		}
		if !owned[k] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// adopted chooses for each honey row the spare row whose key is nearest to those
// that its neighbours point at.
func (d *draft) adopted(st *study, r *rand.Rand, fk *ForeignKey, n int) (out [][]string) {
	if len(d.spare[fk]) == 0 {
		return nil
	}
	var spare []int64
	for i := range n {
		if len(spare) == 0 { // a rehearsal may have more rows than ours
			spare = slices.Clone(d.spare[fk])
		}
		best := r.IntN(len(spare))
		if i < len(d.slots[st]) {
			if next, ok := st.beside(fk, &d.slots[st][i]); ok {
				for k := range spare {
					if next.far(spare[k]) < next.far(spare[best]) {
						best = k
					}
				}
			}
		}
		out = append(out, []string{strconv.FormatInt(spare[best], 10)})
		spare = slices.Delete(spare, best, best+1)
	}
	return out
}
