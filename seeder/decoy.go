package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"honeyrow/event"
	"honeyrow/token"
)

// setApart takes the decoy tables out of tokens: they stand for a table, not for
// a row that could be looked for, changed or deleted.
func setApart(ts []token.Token) (rows, decoys []token.Token) {
	for _, t := range ts {
		if t.Kind == token.DecoyTable {
			decoys = append(decoys, t)
		} else {
			rows = append(rows, t)
		}
	}
	return rows, decoys
}

// decoy reports whether a table is watched as a whole.
func (d *draft) decoy(t *Table) bool {
	return slices.ContainsFunc(d.snap.Tokens, func(tk token.Token) bool {
		return tk.Kind == token.DecoyTable && tk.Place.Server == d.o.Server && tk.Place.Database == d.cat.Database && t.holds(tk.Place)
	})
}

// holds reports whether a place is in the table.
func (t *Table) holds(p event.Place) bool { return t.Schema == p.Schema && t.Name == p.Table }

// made reports whether a decoy table was made by a plan, not named by a person.
func made(tk *token.Token) bool { return tk.Deployment != token.NamedDecoy }

// within lists the rows that are in the table of a place.
func within(rows []*honeyRow, p event.Place) (out []*honeyRow) {
	for _, r := range rows {
		if at := r.place(); at.Schema == p.Schema && at.Table == p.Table {
			out = append(out, r)
		}
	}
	return out
}

// decoys says of each decoy table whether it is there and, if it was made by a
// plan, whether it has exactly our rows.
func decoys(ctx context.Context, tx Tx, ts []token.Token, rows []*honeyRow, cat *Catalog) ([]RowState, error) {
	var out []RowState
	for i := range ts {
		r := &honeyRow{id: ts[i].Row, tokens: ts[i : i+1]}
		st := r.report(string(intact), "a decoy table: watched as a whole")
		t, _ := r.table(cat)
		m, counts := tx.(Mason)
		switch {
		case t == nil && made(&ts[i]):
			st = r.report(string(gone), "the decoy table was dropped, or the role can't see it: end its watch with `honeyrow seed remove`, and plan another")
		case t == nil:
			st = r.report(string(gone), "the decoy table exists no more, or the role can't see it: make it, or end its watch with `honeyrow tokens decoy remove`")
		case made(&ts[i]) && counts:
			n, err := m.Count(ctx, t)
			var no *Violation
			ours := len(within(rows, ts[i].Place))
			switch {
			case errors.As(err, &no):
				st = r.report(string(unknown), "its rows can't be counted: "+no.Why)
			case err != nil:
				return nil, err
			case n != int64(ours):
				st = r.report(string(changed), fmt.Sprintf("it has %d rows, %d of them honey rows: somebody uses the table", n, ours))
			default:
				st.Why = fmt.Sprintf("a decoy table with exactly its %d honey rows: watched as a whole", ours)
			}
		}
		out = append(out, st)
	}
	return out, nil
}

// settleDecoys brings decoy tables that an interrupted run left as planned or
// retired to the truth. One that was made, but has got none of its rows, is
// dropped: where making a table can't be rolled back. rows are those that the
// run left too.
func (s *Seeder) settleDecoys(ctx context.Context, cat *Catalog, ts []token.Token, rows []*honeyRow, lim Limits, out *Reconciled) error {
	for i := range ts {
		tk := &ts[i]
		t := cat.relation(tk.Place.Schema, tk.Place.Table)
		to := token.Removed
		switch {
		case !made(tk) && tk.State == token.Planned:
		case t == nil:
			if why, err := s.unseen(ctx, tk.Place.Schema, tk.Place.Table); err != nil {
				return err
			} else if why != "" {
				return fmt.Errorf("settle decoy tables: %s", why)
			}
		case !made(tk): // its watch was being ended
		case tk.State == token.Retired: // its removal never happened
			to = token.Live
		default:
			whole, err := s.finished(ctx, cat, t, within(rows, tk.Place), lim, out)
			if err != nil {
				return fmt.Errorf("settle decoy table %s: %w", t, err)
			}
			if whole {
				to = token.Live
			}
		}
		if err := s.Store.SetState(ctx, to, tk.ID); err != nil {
			return fmt.Errorf("settle decoy tables: %w", err)
		}
	}
	return nil
}

// finished reports whether a planned table has its rows. If it is empty and can
// only be ours, it is dropped, and taken out of the catalogue.
func (s *Seeder) finished(ctx context.Context, cat *Catalog, t *Table, rows []*honeyRow, lim Limits, out *Reconciled) (bool, error) {
	tx, err := s.Database.Begin(ctx, lim)
	if err != nil {
		return false, err
	}
	defer tx.End(ctx, false)
	ours := true
	for _, r := range rows {
		for i := range r.tokens {
			ours = ours && t.Column(r.tokens[i].Place.Column) != nil
		}
		st, err := r.look(ctx, tx, t)
		if err != nil {
			return false, err
		}
		if st.condition == intact || st.condition == changed {
			return true, nil
		}
	}
	m, ok := tx.(Mason)
	if !ok || !ours || len(rows) == 0 || cat.Product == "postgres" { // there a table is never without its rows: it is a stranger's
		return false, nil
	}
	if err := m.Shut(ctx, t); err != nil {
		return false, err
	}
	if n, err := m.Count(ctx, t); err != nil || n > 0 {
		return false, err
	}
	if err := m.Raze(ctx, t, false); err != nil {
		return false, err
	}
	out.Razed++
	cat.Tables = slices.DeleteFunc(cat.Tables, func(o *Table) bool { return o == t })
	return false, tx.End(ctx, true)
}
