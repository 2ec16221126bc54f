package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"honeyrow/event"
	"honeyrow/token"
)

// runLots is run with a transaction for every size rows, children before the
// rows that they point at. What fails leaves the rows before it removed.
func (c *clearing) runLots(ctx context.Context, lim Limits, size int) error {
	if err := c.s.record(ctx, c.cat, c.o.Server, c.deed("remove", c.rows)); err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	var live []event.ID
	for _, r := range c.rows {
		live = append(live, r.ids(token.Live)...)
	}
	if err := c.s.setState(ctx, token.Retired, live); err != nil {
		return errors.Join(fmt.Errorf("retire tokens: %w", err), c.s.setState(context.WithoutCancel(ctx), token.Live, live))
	}
	left, err := c.deleteLots(ctx, lim, size)
	after := context.WithoutCancel(ctx)
	var kept []event.ID
	for _, r := range left {
		kept = append(kept, r.ids(token.Live, token.Retired)...)
	}
	if back := c.s.setState(after, token.Live, kept); back != nil {
		err = errors.Join(err, fmt.Errorf("register rows that were left: %w", back))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w; %d rows were removed before", err, len(c.rows)-len(left)), c.failed(after, err))
	}
	d := c.deed("removed", nil)
	for _, r := range c.out.Rows {
		if r.State != "kept" {
			d.Rows++
			d.Tables = appendOnce(d.Tables, r.Table)
		}
	}
	if n := len(left); n > 0 {
		d.Detail = many(n, "row") + " left"
	}
	return c.s.record(after, c.cat, c.o.Server, d)
}

// deleteLots deletes in rounds, until one deletes nothing, and returns the rows
// that are left.
func (c *clearing) deleteLots(ctx context.Context, lim Limits, size int) (left []*honeyRow, err error) {
	left = slices.Clone(c.rows)
	why := map[event.ID]string{}
	var over []event.ID // tokens of rows that are deleted
	flush := func(least int) error {
		if len(over) == 0 || len(over) < least {
			return nil
		}
		defer func() { over = over[:0] }()
		return c.s.setState(context.WithoutCancel(ctx), token.Removed, over)
	}
	for progress := true; progress && len(left) > 0; {
		progress = false
		var again []*honeyRow
		for end := len(left); end > 0 && err == nil; end -= size {
			lot := left[max(0, end-size):end]
			c.o.progress("remove", lot[0].place().Table, len(c.rows)-len(left)+len(left)-end, len(c.rows))
			var stay []*honeyRow
			var unsure *unsureError
			if stay, err = c.deleteLot(ctx, lim, lot, why, &over); errors.As(err, &unsure) {
				end -= len(lot) // those stay retired, until reconciling tells
			}
			if err != nil {
				again = append(slices.Clone(left[:end]), again...)
				break
			}
			progress = progress || len(stay) < len(lot)
			again = append(stay, again...)
			err = flush(stateLot)
		}
		left = again
		if err != nil {
			return left, errors.Join(err, flush(0))
		}
	}
	for _, r := range left {
		c.out.Rows = append(c.out.Rows, r.report("kept", why[r.id]))
	}
	return left, flush(0)
}

// deleteLot deletes some rows in one transaction and returns those that stay.
func (c *clearing) deleteLot(ctx context.Context, lim Limits, lot []*honeyRow, why map[event.ID]string, done *[]event.ID) (stay []*honeyRow, err error) {
	tx, err := c.s.Database.Begin(ctx, lim)
	if err != nil {
		return nil, fmt.Errorf("start the transaction: %w", err)
	}
	defer tx.End(ctx, false)
	var deleted []event.ID
	var states []RowState
	for i := len(lot) - 1; i >= 0; i-- {
		r := lot[i]
		state, reason, err := c.one(ctx, tx, r)
		switch {
		case err != nil:
			return nil, err
		case state == "removed" || state == string(gone):
			deleted = append(deleted, r.ids(token.Live, token.Retired)...)
			states = append(states, r.report(state, reason))
		default:
			why[r.id] = reason
			stay = append([]*honeyRow{r}, stay...)
		}
	}
	if err := tx.End(ctx, true); err != nil {
		var no *Violation
		if !errors.As(err, &no) {
			err = &unsureError{fmt.Errorf("whether some rows are gone is not known, they stay watched: run seed reconcile: %w", err)}
		}
		return nil, err
	}
	*done = append(*done, deleted...)
	c.out.Rows = append(c.out.Rows, states...)
	return stay, nil
}
