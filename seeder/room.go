package seeder

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"honeyrow/seeder/generate"
)

// room is between what the rows next to a number point at: of two rows beside each other
// the later one points at the later one. low and high are 0 where they are not in order.
type room struct{ want, low, high int64 }

func (o *room) ordered() bool { return o.low < o.high }

// far is how far a number is from that which would suit best; one that is out of order
// is farther than all that are not.
func (o *room) far(key int64) time.Duration {
	off := time.Duration(max(key-o.want, o.want-key))
	if o.ordered() && (key <= o.low || key >= o.high) {
		off += 1 << 40
	}
	return off
}

// newRoom is between low and high, at part of whole of the way.
func newRoom(low, high, part, whole int64) room {
	whole = max(whole, 1)
	up := (whole - low&1) / 2 // of two that are as near the upper one as often as the lower
	o := room{want: low + ((high-low)*part+up)/whole}
	if low < high {
		o.low, o.high = low, high
	}
	return o
}

// rooms are those of a number between two rows, by the references that have one of their
// own for each row.
func rooms(s *Sample, st *study, before, after []*string, part, whole int64) (out map[string]room) {
	for _, f := range st.columns {
		i := s.index(f.Name)
		if f.fk == nil || f.Class != generate.Integer || i < 0 || !st.guardedBy(f) || before[i] == nil || after[i] == nil {
			continue
		}
		low, err1 := strconv.ParseInt(*before[i], 10, 64)
		high, err2 := strconv.ParseInt(*after[i], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		if out == nil {
			out = map[string]room{}
		}
		out[f.Name] = newRoom(low, high, part, whole)
	}
	return out
}

// neighbour returns the number near which a relative's own would stand: for a
// row that is pointed at, what the rows next to its honey row point at; else
// the template's.
func (st *study) neighbour(d *draft, template, owner int) (room, bool) {
	k, f := st.kin, st.drawn()
	if k == nil || f == nil {
		return room{}, false
	}
	if k.to.drawn() != nil && k.parent && owner < len(d.slots[k.to]) {
		return k.to.beside(k.fk, &d.slots[k.to][owner])
	}
	v := st.sample.Rows[template][f.sample]
	if v == nil {
		return room{}, false
	}
	id, err := strconv.ParseInt(*v, 10, 64)
	return room{want: id}, err == nil
}

// beside returns the room between those that the rows next to a number point at through
// fk: of the table's, else of the sample's.
func (st *study) beside(through *ForeignKey, at *slot) (room, bool) {
	key, fk := st.drawn(), st.field(through.Columns[0])
	if key == nil || fk == nil || fk.sample < 0 {
		return room{}, false
	}
	step := st.inStep(key, fk) // else there is no order
	if o, ok := at.to[fk.Name]; ok {
		if !step {
			o.low, o.high = 0, 0
		}
		return o, true
	}
	var before, after int64 // rows next to it, and what they point at
	var low, high int64
	for _, row := range st.sample.Rows {
		if row[key.sample] == nil || row[fk.sample] == nil {
			continue
		}
		id, err1 := strconv.ParseInt(*row[key.sample], 10, 64)
		to, err2 := strconv.ParseInt(*row[fk.sample], 10, 64)
		switch {
		case err1 != nil || err2 != nil:
		case id < at.key && id > before:
			before, low = id, to
		case id > at.key && (after == 0 || id < after):
			after, high = id, to
		}
	}
	switch {
	case low == 0:
		return room{want: high}, high != 0
	case high == 0:
		return room{want: low}, true
	}
	o := newRoom(low, high, at.key-before, after-before)
	if !step {
		o.low, o.high = 0, 0
	}
	return o, true
}

// closeBy is how far from where a number is needed free ones are looked for, and
// mostBetween how many between two are looked at.
const (
	closeBy     = 12
	mostBetween = 24
)

// close looks for free numbers near those that are needed: of a great table those that
// are met at random are all far away.
func (d *draft) close(ctx context.Context, st *study, f *field, low, high int64, not, free map[int64]bool) error {
	seen := map[int64]bool{}
	var tuples [][]string
	for _, at := range st.needed {
		for k := at - closeBy; k <= at+closeBy; k++ {
			if k > low && k < high && !not[k] && !seen[k] {
				seen[k] = true
				tuples = append(tuples, []string{strconv.FormatInt(k, 10)})
			}
		}
	}
	for _, k := range st.within {
		if k > low && k < high && !not[k] && !seen[k] {
			seen[k] = true
			tuples = append(tuples, []string{strconv.FormatInt(k, 10)})
		}
	}
	return d.untaken(ctx, st.table, f.Name, tuples, free)
}

// complete finds what else is missing beside numbers that are: a gap of which part is
// known would stay one.
func (d *draft) complete(ctx context.Context, st *study, f *field, low, high int64, not, free map[int64]bool) error {
	seen := map[int64]bool{}
	edge := slices.Sorted(maps.Keys(free))
	for range wideReach {
		var tuples [][]string
		for _, k := range edge {
			for _, n := range []int64{k - 1, k + 1} {
				if n > low && n < high && !free[n] && !seen[n] && !not[n] {
					seen[n] = true
					tuples = append(tuples, []string{strconv.FormatInt(n, 10)})
				}
			}
		}
		found := map[int64]bool{}
		if err := d.untaken(ctx, st.table, f.Name, tuples, found); err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		maps.Copy(free, found)
		edge = slices.Sorted(maps.Keys(found))
	}
	return nil
}

// untaken adds the numbers that no row has.
func (d *draft) untaken(ctx context.Context, t *Table, column string, tuples [][]string, free map[int64]bool) error {
	for some := range slices.Chunk(tuples, 500) {
		taken, err := d.s.Database.Taken(ctx, t, []string{column}, some)
		if err != nil {
			return err
		}
		for i, is := range taken {
			if k, err := strconv.ParseInt(some[i][0], 10, 64); err == nil && !is {
				free[k] = true
			}
		}
	}
	return nil
}

// roomFor leaves numbers out between whose rows no number is free in a table of which
// each honey row will have a row of its own, if enough are left: that row would be out of
// order.
func (d *draft) roomFor(ctx context.Context, st *study, slots []slot, n int) ([]slot, error) {
	key := st.drawn()
	for _, g := range d.studies {
		if g.kin == nil || !g.kin.parent || g.kin.to != st || g.drawn() == nil || key == nil {
			continue
		}
		column := g.kin.fk.Columns[0]
		if f := st.field(column); f == nil || f.sample < 0 || !st.inStep(key, f) {
			continue
		}
		low, high, err := d.span(ctx, g, g.drawn()) // none of the last that were given
		if err != nil {
			return nil, err
		}
		var tuples [][]string
		for _, s := range slots {
			o := s.to[column]
			for k := max(o.low, low) + 1; k < min(o.high, high) && k <= o.low+mostBetween; k++ {
				tuples = append(tuples, []string{strconv.FormatInt(k, 10)})
			}
		}
		free := map[int64]bool{}
		if err := d.untaken(ctx, g.table, g.drawn().Name, tuples, free); err != nil {
			return nil, passable(err)
		}
		var left []slot
		for _, s := range slots {
			o, ok := s.to[column]
			fits := !ok || o.ordered() && o.high > o.low+mostBetween
			for k := o.low + 1; k < o.high && !fits; k++ {
				if fits = free[k]; fits {
					delete(free, k) // the next one needs another
				}
			}
			if fits {
				left = append(left, s)
			}
		}
		if len(left) >= n {
			slots = left
		}
	}
	return slots, nil
}
