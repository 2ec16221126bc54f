package seeder

import (
	"context"
	"errors"
	"fmt"
)

// farKeys makes keys for rows that will be rolled back: above the highest in
// use, and so far above where there is room that no real insert wants them
// meanwhile. It maps a sequence to the last key given out, since inheriting
// tables share one. No sequence is moved.
type farKeys map[string]int64

// far is how far above.
const far = 1_000_000

// start makes room for n keys of a column, and returns what draws them.
func (f farKeys) start(ctx context.Context, db Planter, t *Table, c *Column, n int) (func() string, error) {
	high, err := db.Highest(ctx, t, c.Name)
	if err != nil {
		return nil, err
	}
	var from int64
	if high != "" {
		if _, err := fmt.Sscan(high, &from); err != nil {
			return nil, errors.New("its highest value is no number")
		}
	}
	switch room := c.MaxInt - from; {
	case c.MaxInt <= 0 || room > far+int64(n):
		from += far
	case room < int64(n):
		return nil, refuse("column %s (%s) has used up its numbers: no room for %d more", c.Name, c.Type, n)
	}
	keys, err := db.Spare(ctx, t, c.Name, n)
	var no *Violation
	switch {
	case errors.As(err, &no):
		return nil, refuse("%s", no.Why)
	case err != nil:
		return nil, err
	case len(keys) > 0:
		i := 0
		return func() string { // a row that was refused leaves its key free
			i++
			return keys[(i-1)%len(keys)]
		}, nil
	}
	if last, ok := f[c.Sequence]; ok && last >= from {
		from = last
	}
	return func() string {
		from++
		f[c.Sequence] = from
		return fmt.Sprint(from)
	}, nil
}

// trialKeys returns, per drawn column, how to make keys for a trial.
func (d *draft) trialKeys(ctx context.Context, st *study, used farKeys) (map[string]func() string, error) {
	out := map[string]func() string{}
	for _, f := range st.columns {
		if f.plan.Source != Drawn || !f.CanInsert {
			continue
		}
		draw, err := used.start(ctx, d.s.Database, st.table, f.Column, len(d.tables[d.position[st.table]].Rows))
		if err != nil {
			return nil, err
		}
		out[f.Name] = draw
	}
	return out, nil
}
