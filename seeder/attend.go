package seeder

import (
	"time"

	"honeyrow/seeder/generate"
)

// attend dates the rows that a table's honey rows point at, each its own one, as far
// from its owner's date as that of another row which came about when it did: how old an
// address is goes by how long its member has been there. They are drawn before their
// owners are. Where their keys say when they came, these do.
func (d *draft) attend(to *study) error {
	for _, st := range d.studies {
		if st.kin == nil || !st.kin.parent || st.kin.to != to || st.inOrder != nil {
			continue
		}
		hang := st.hanging(d.now)
		r := generate.New(d.o.Seed, st.table.String()+" owners")
		for _, h := range d.hands[st] {
			if hang.from == nil || len(hang.span.all) == 0 || h.owner >= len(d.hands[to]) {
				continue
			}
			owner := d.hands[to][h.owner]
			from, ok := owner.when[hang.from]
			own := st.clock(d.now)
			at, kind := own.of(h.was)
			j := firstOf(at)
			if !ok || j < 0 {
				continue
			}
			for range placings {
				spans, _ := hang.like(r, owner, to.clock(d.now), 1, from)
				is := hang.span.from(from, hang.span.near(r, spans[0], usually), func() time.Duration { return own.hour(r, j) }).Truncate(own.grain[j])
				if is.After(own.now) != (kind[j] == 'f') || hang.span.all[0] >= 0 && is.Before(from.Truncate(own.grain[j])) {
					continue
				}
				h.when = own.named(own.place(r, h.was, is))
				h.g.Shift, h.g.Anchor, h.g.Scale, h.meant = is.Sub(at[j]), time.Time{}, 0, h.when
				break
			}
			for _, f := range st.columns {
				if _, dated := h.when[f]; !dated || f.plan.Source != Made {
					continue
				}
				if err := h.fill(d, st, r, f, h.row.cell(f.Name)); err != nil {
					return err
				}
			}
			st.keepOrder(r, h)
			h.reckon(st)
			h.born, _ = h.past(st)
		}
	}
	return nil
}
