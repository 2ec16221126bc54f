package seeder

import (
	"context"
	"slices"
	"strconv"

	"honeyrow/seeder/generate"
)

// byItself gives a key column back its own source of numbers, which gaps had
// replaced.
func (st *study) byItself(f *field) {
	if f.plan.Source != Gap {
		f.source, f.why = f.plan.Source, f.plan.Why
		return
	}
	f.plan.Source, f.plan.Why = f.source, f.why
}

// drawn returns the key column whose numbers could come from gaps: one that a
// generator of the server's gives, else one that the application counts.
func (st *study) drawn() *field {
	var counted *field
	for _, f := range st.columns {
		if f.Class != generate.Integer || !f.CanInsert || !f.CanSelect || !f.seen.Unique || f.sample < 0 || f.fk != nil {
			continue
		}
		switch {
		case f.plan.Source == Drawn || f.plan.Source == Gap:
			return f
		case f.plan.Source == Next && counted == nil && slices.Equal(st.table.Primary(), []string{f.Name}):
			counted = f
		}
	}
	return counted
}

// span returns the numbers between which gaps are looked for: from the least
// sampled key to the highest that the generator has given.
func (d *draft) span(ctx context.Context, st *study, f *field) (low, high int64, err error) {
	low = int64(1) << 62
	for _, v := range f.seen.Values {
		if k, err := strconv.ParseInt(v, 10, 64); err == nil {
			low = min(low, k)
		}
	}
	v, err := d.s.Database.Highest(ctx, st.table, f.Name)
	if err != nil {
		return 0, 0, err
	}
	if high, err = strconv.ParseInt(v, 10, 64); err != nil {
		return 0, 0, nil
	}
	if !f.Drawn() { // who counts may keep some ahead, and nobody can be asked
		st.recent = high - min(keptAhead, (high-low)/20)
		return max(low, 0), st.recent, nil
	}
	if g, ok := d.s.Database.(Giver); ok { // a number that it will still give must stay free
		given, known, err := g.Given(ctx, st.table, f.Name)
		switch {
		case err != nil:
			return 0, 0, err
		case !known:
			if !f.CanDraw {
				st.note("which numbers of column %s no row has any more is not known: grant SELECT on the sequence %s, else the honey rows are the newest", f.Name, f.Sequence)
			}
			return 0, 0, nil
		}
		high = min(high, given)
	}
	st.recent = high - min(inFlight, (high-low)/20)
	idle := false
	if db, ok := d.s.Database.(Idler); ok && st.inOrder != nil {
		// Asked behind Given: who got a number before has it in a row by now, or is
		// seen. A number is given once, so that what is free now stays so.
		if idle, err = db.Idle(ctx, st.table, f.Name); err != nil {
			return 0, 0, err
		}
	}
	if !idle {
		high = st.recent
	}
	return max(low, 0), high, nil
}

// inFlight is how many of the last numbers are left alone: a transaction may
// have been given one and not have come to its end. Where a date grows with the
// key and nobody writes, that is true of those beside rows that are no older than
// atRestAfter: an application that draws numbers ahead may not have used them up.
const inFlight = 64

// keptAhead is how many of the last numbers are left alone where the application
// counts itself: it may have handed them out in blocks that are not used up.
const keptAhead = 1000
