package seeder

import (
	"cmp"
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// house is the relatives that one honey row has in one table.
type house struct {
	members []member                  // in the order in which they are drawn
	series  map[*field]map[int]string // numbers that follow one another, by template
}

type member struct {
	n int // which relative of the table's it is
	h *hand
}

// join puts the nth relative of a table among those of its honey row. One that is
// drawn again takes its own place.
func (h *hand) join(st *study, n int) {
	if h.above == nil {
		return
	}
	if h.above.houses == nil {
		h.above.houses = map[*study]*house{}
	}
	o := h.above.houses[st]
	if o == nil {
		o = &house{}
		h.above.houses[st] = o
	}
	h.house = o
	at, again := slices.BinarySearchFunc(o.members, n, func(m member, n int) int { return cmp.Compare(m.n, n) })
	if again {
		o.members[at].h = h
	} else {
		o.members = slices.Insert(o.members, at, member{n, h})
	}
}

// family returns what a relative's column holds because another row of its family
// holds it: the honey row that it hangs on, where real relatives hold what theirs
// does (a card its owner's name), or one of the same honey row's relatives before
// it whose template held the same (an account that all salaries of a person go to).
// nil if there is none.
func (h *hand) family(st *study, f *field) *Cell {
	if h.house == nil || f.sample < 0 || f.seen.Unique || f.plan.Kind == "timestamp" || f.Class == generate.Date || f.Class == generate.Timestamp || h.was[f.sample] == nil {
		return nil
	}
	was := *h.was[f.sample]
	if of := st.kin.sames(st)[f]; of != nil {
		model := st.kin.to.sample.Rows[h.above.template] // whose relative's template is
		if up := h.above.row.cell(of.Name); up != nil && up.Value != nil && model[of.sample] != nil && strings.EqualFold(*model[of.sample], was) {
			v := generate.Casing(*up.Value, was)
			return &Cell{Source: f.plan.Source, Value: &v, Watch: f.plan.Watch, Strength: strengthOf(f, v)}
		}
	}
	if m := st.memories()[f]; f.plan.Source != Made || !st.keyed() || m != nil && (m.keeps || len(m.rows) > 0) { // it is found again by its values
		return nil
	}
	for _, m := range h.house.members {
		switch {
		case m.h == h:
			return nil
		case m.h.was[f.sample] != nil && *m.h.was[f.sample] == was:
			return m.h.row.cell(f.Name)
		}
	}
	return nil
}

// within lets a relative that points at honey rows of a second table point at one of
// its own family there: the shipment of a customer's order is that customer's.
func (d *draft) within(h *hand, f *field, c *Cell) {
	if c.Source != Honey || h.above == nil {
		return
	}
	for _, other := range d.studies {
		if at, ok := d.position[other.table]; !ok || at != c.Ref.Table {
			continue
		}
		ref, best := other.sample.index(c.Ref.Column), -1
		for i, o := range d.hands[other] {
			mine := h.descends(o)
			if !mine && (o.above == nil || !h.descends(o.above)) {
				continue
			}
			if best < 0 {
				best = i
			}
			if mine || ref >= 0 && o.was[ref] != nil && h.was[f.sample] != nil && *o.was[ref] == *h.was[f.sample] {
				best = i // what the template points at
				break
			}
		}
		if best >= 0 {
			c.Ref.Row = best
		}
	}
}

// descends reports whether a relative hangs on a honey row, or on one that does.
func (h *hand) descends(o *hand) bool {
	for up := h.above; up != nil; up = up.above {
		if up == o {
			return true
		}
	}
	return false
}

// succeed gives a row that is drawn again the relatives of the one before.
func (d *draft) succeed(st *study, n int, h *hand) {
	before := d.hands[st][n]
	d.hands[st][n], h.houses, h.kids = h, before.houses, before.kids
	for _, o := range d.studies {
		if h.houses[o] == nil {
			continue
		}
		for _, m := range h.houses[o].members {
			m.h.above, m.h.row.of = h, h
		}
		d.total(o)
	}
}

// renew gives those of a relative's family that come after it what it holds now.
func (h *hand) renew(st *study, columns []string) {
	if h.house != nil {
		h.house.renew(st, h, columns)
	}
	for kids, o := range h.houses {
		o.renew(kids, nil, nil)
	}
}

// renew gives the members but one what their family holds in these columns, nil for
// all.
func (o *house) renew(st *study, but *hand, columns []string) {
	for _, m := range o.members {
		for _, f := range st.columns {
			c := m.h.row.cell(f.Name)
			if m.h == but || c == nil || c.Value == nil || columns != nil && !slices.Contains(columns, f.Name) {
				continue
			}
			if like := m.h.family(st, f); like != nil {
				c.like(like)
			}
		}
	}
}

// like gives a cell what another one holds.
func (c *Cell) like(o *Cell) {
	c.Source, c.Value, c.Watch, c.Strength = o.Source, o.Value, o.Watch, o.Strength
}

// How many relatives have to show that a column of theirs holds what one of the row's
// does, and how many different values.
const (
	leastSame  = 20
	leastKinds = 5
)

// sames finds the columns of relatives that hold what a column of their row does.
func (k *kinship) sames(st *study) map[*field]*field {
	if k.same != nil {
		return k.same
	}
	k.same = map[*field]*field{}
	at := k.to.sample.index(k.fk.RefColumns[0])
	for _, f := range st.columns {
		if f.sample < 0 || f.fk != nil || f.plan.Source != Made && f.plan.Source != Copied || f.seen.Unique {
			continue
		}
		for _, of := range k.to.columns {
			if of.sample < 0 || of.Class != f.Class || of.plan.Source != Made && of.plan.Source != Copied && of.plan.Source != Gap {
				continue
			}
			if k.holds(f, of, at) {
				k.same[f] = of
				break
			}
		}
	}
	return k.same
}

// holds reports whether nearly all relatives hold in f what their row holds in of.
func (k *kinship) holds(f, of *field, at int) bool {
	same, n, kinds := 0, 0, map[string]bool{}
	for _, row := range k.to.sample.Rows {
		if row[at] == nil || row[of.sample] == nil {
			continue
		}
		for _, kid := range k.rows[*row[at]] {
			if v := k.of.sample.Rows[kid][f.sample]; v != nil {
				if n++; strings.EqualFold(*v, *row[of.sample]) {
					same++
					kinds[*v] = true
				}
			}
		}
		if n > 2*leastSame && 2*same < n {
			return false
		}
	}
	return n >= leastSame && len(kinds) >= leastKinds && 100*same >= 97*n
}
