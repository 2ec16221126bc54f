package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/token"
)

// raze drops the decoy tables among what is to be removed, each in a transaction
// of its own, and takes their rows out of the clearing: they go with the table
// or stay with it.
func (c *clearing) raze(ctx context.Context, lim Limits, tables []token.Token, all []*honeyRow) error {
	for i := range tables {
		tk := &tables[i]
		t := c.cat.relation(tk.Place.Schema, tk.Place.Table)
		asked := len(c.o.Rows) == 0 || slices.Contains(c.o.Rows, tk.Row)
		if !made(tk) || !asked {
			continue
		}
		rows := within(all, tk.Place)
		if t == nil && len(rows) > 0 {
			tx, err := c.s.Database.Begin(ctx, lim)
			if err != nil {
				return err
			}
			t, err = c.s.renamedDecoy(ctx, tx, c.cat, rows)
			if err = errors.Join(err, tx.End(ctx, false)); err != nil {
				return fmt.Errorf("look for decoy table %s: %w", tk.Place.Table, err)
			}
		}
		if t != nil && t.OID != 0 && t.Name != tk.Place.Table && !slices.ContainsFunc(rows, func(r *honeyRow) bool { return r.tokens[0].TableOID == t.OID }) {
			c.out.Rows = append(c.out.Rows, (&honeyRow{id: tk.Row, tokens: []token.Token{*tk}}).report("kept", fmt.Sprintf("its rows are in %s by now, which is another table: drop that by hand", t)))
			continue
		}
		if t == nil { // its rows are found to be gone, or to be hidden, one by one
			why, err := c.s.unseen(ctx, tk.Place.Schema, tk.Place.Table)
			if err != nil {
				return err
			}
			if why != "" {
				c.out.Rows = append(c.out.Rows, (&honeyRow{id: tk.Row, tokens: []token.Token{*tk}}).report("kept", why))
			} else if !c.o.DryRun {
				if err := c.forget(ctx, tk.ID); err != nil {
					return err
				}
			}
			continue
		}
		c.rows = slices.DeleteFunc(c.rows, func(r *honeyRow) bool { return slices.Contains(rows, r) })
		if err := c.razeOne(ctx, lim, t, tk, rows); err != nil {
			return fmt.Errorf("drop decoy table %s: %w", t, err)
		}
	}
	return nil
}

func (c *clearing) forget(ctx context.Context, ids ...event.ID) error {
	if err := c.s.Store.SetState(ctx, token.Retired, ids...); err != nil {
		return err
	}
	return c.s.Store.SetState(ctx, token.Removed, ids...)
}

// razeOne drops a decoy table if it has nothing but honey rows as they were
// planted and nothing depends on it.
func (c *clearing) razeOne(ctx context.Context, lim Limits, t *Table, tk *token.Token, rows []*honeyRow) error {
	ids := []event.ID{tk.ID}
	for _, r := range rows {
		ids = append(ids, r.ids(token.Live, token.Retired)...)
	}
	tell := func(state, why string) {
		whole := state
		if state == "removed" {
			whole = "dropped"
		}
		c.out.Rows = append(c.out.Rows, (&honeyRow{id: tk.Row, tokens: []token.Token{*tk}}).report(whole, why))
		for _, r := range rows {
			c.out.Rows = append(c.out.Rows, r.report(state, why))
		}
	}
	tx, err := c.s.Database.Begin(ctx, lim)
	if err != nil {
		return err
	}
	defer tx.End(ctx, false)
	m, ok := tx.(Mason)
	if !ok {
		return errors.New("tables can't be dropped in this product")
	}
	why, err := c.inTheWay(ctx, tx, m, t, rows)
	if err != nil {
		return err
	}
	if why != "" {
		tell("kept", why)
		return nil
	}
	d := token.Deed{Action: "remove", Deployment: tk.Deployment, Tables: []string{t.String()}, Rows: len(rows), Tokens: len(ids), Detail: "the decoy table is dropped"}
	if !c.o.DryRun {
		if err := c.s.record(ctx, c.cat, c.o.Server, d); err != nil {
			return fmt.Errorf("nothing was removed: %w", err)
		}
		if err := c.s.Store.SetState(ctx, token.Retired, ids...); err != nil {
			return fmt.Errorf("retire tokens: %w", err)
		}
	}
	if err = m.Raze(ctx, t, c.o.DryRun); err == nil {
		err = tx.End(ctx, !c.o.DryRun)
	}
	var no *Violation
	if errors.As(err, &no) { // it stands, and stays watched
		tell("kept", no.Why)
		err := tx.End(ctx, false)
		if c.o.DryRun {
			return err
		}
		d.Action, d.Detail = "failed", "removing: "+no.Why
		ctx := context.WithoutCancel(ctx)
		return errors.Join(err, c.s.Store.SetState(ctx, token.Live, ids...), c.s.record(ctx, c.cat, c.o.Server, d))
	}
	if err != nil {
		return fmt.Errorf("whether the table is gone is not known: its values stay watched; run seed verify, then seed remove again: %w", err)
	}
	tell("removed", "")
	if c.o.DryRun {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err := c.s.Store.SetState(ctx, token.Removed, ids...); err != nil {
		return fmt.Errorf("the table is gone, but the registry still watches it: run seed verify, which settles it: %w", err)
	}
	d.Action = "removed"
	return c.s.record(ctx, c.cat, c.o.Server, d)
}

// inTheWay shuts the table and says why it can't be dropped, "" if it can.
func (c *clearing) inTheWay(ctx context.Context, tx Tx, m Mason, t *Table, rows []*honeyRow) (string, error) {
	for _, child := range c.cat.Tables {
		for _, fk := range child.ForeignKeys {
			if fk.RefSchema == t.Schema && fk.RefTable == t.Name && child != t {
				return fmt.Sprintf("%s points at the table (%s): somebody uses it", child, fk.Name), nil
			}
		}
	}
	if len(t.Triggers) > 0 {
		return fmt.Sprintf("it has a trigger that is not ours (%s): somebody uses it", t.Triggers[0].Name), nil
	}
	err := m.Shut(ctx, t)
	var no *Violation
	if errors.As(err, &no) && no.Code == "2BP01" {
		return no.Why, nil
	} else if errors.As(err, &no) {
		return "it can't be locked: " + no.Why, nil
	} else if err != nil {
		return "", err
	}
	n, err := m.Count(ctx, t)
	if errors.As(err, &no) {
		return "its rows can't be counted: " + no.Why, nil
	} else if err != nil {
		return "", err
	}
	good := int64(0)
	for _, r := range rows {
		seen, err := r.look(ctx, tx, t)
		if err != nil {
			return "", err
		}
		if seen.condition == changed {
			return fmt.Sprintf("a honey row in it was changed after it was planted (%s): look at it, then drop the table by hand", strings.Join(seen.columns, ", ")), nil
		}
		if seen.condition == intact {
			good++
		}
	}
	if n != good {
		return fmt.Sprintf("it has %d rows, and only %d are honey rows: somebody uses the table; take the other rows out, then remove it again", n, good), nil
	}
	return "", nil
}
