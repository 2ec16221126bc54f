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
// plan, whether it has exactly our rows. states are those of the rows.
func (s *Seeder) decoys(ctx context.Context, tx Tx, ts []token.Token, rows []*honeyRow, cat *Catalog, states []RowState) ([]RowState, error) {
	var out []RowState
	for i := range ts {
		r := &honeyRow{id: ts[i].Row, tokens: ts[i : i+1]}
		t, _ := r.table(cat)
		switch {
		case t == nil && made(&ts[i]):
			now, err := s.renamedDecoy(ctx, tx, cat, within(rows, ts[i].Place))
			if err != nil {
				return nil, err
			}
			if now != nil {
				out = append(out, r.report(string(changed), fmt.Sprintf("it is called %s by now: who names it there is told of only if its rows come back; give it its name again, or remove it and plan another", now)))
				continue
			}
			out = append(out, r.report(string(gone), "the decoy table was dropped, or the role can't see it: end its watch with `honeyrow seed remove`, and plan another"))
		case t == nil:
			out = append(out, r.report(string(gone), "the decoy table exists no more, or the role can't see it: make it, or end its watch with `honeyrow tokens decoy remove`"))
		case made(&ts[i]):
			st, err := r.counted(ctx, tx, t, within(rows, ts[i].Place), states)
			if err != nil {
				return nil, err
			}
			out = append(out, st)
		default:
			out = append(out, r.report(string(intact), "a decoy table: watched as a whole"))
		}
	}
	return out, nil
}

// counted compares what a decoy table of a plan has with what it should have.
func (r *honeyRow) counted(ctx context.Context, tx Tx, t *Table, rows []*honeyRow, states []RowState) (RowState, error) {
	m, ok := tx.(Mason)
	if !ok {
		return r.report(string(intact), "a decoy table: watched as a whole"), nil
	}
	n, err := m.Count(ctx, t)
	var no *Violation
	if errors.As(err, &no) {
		return r.report(string(unknown), "its rows can't be counted: "+no.Why), nil
	} else if err != nil {
		return RowState{}, err
	}
	as, there := 0, 0 // as planted, and there at all
	for _, st := range states {
		if slices.ContainsFunc(rows, func(o *honeyRow) bool { return o.id == st.ID }) {
			if st.State != string(gone) {
				there++
			}
			if st.State == string(intact) || st.State == "repeated" {
				as++
			}
		}
	}
	switch ours := len(rows); {
	case n > int64(there):
		return r.report(string(changed), fmt.Sprintf("it has %d rows, %d of them honey rows: somebody uses the table", n, there)), nil
	case there < ours:
		return r.report(string(changed), fmt.Sprintf("it has %d of its %d honey rows: somebody deleted the others", there, ours)), nil
	case as < ours:
		return r.report(string(changed), fmt.Sprintf("it has its %d honey rows, of which somebody changed %d", ours, ours-as)), nil
	}
	return r.report(string(intact), fmt.Sprintf("a decoy table with exactly its %d honey rows: watched as a whole", len(rows))), nil
}

// renamedDecoy is the table in which a decoy table's rows are by now, nil if none is
// found.
func (s *Seeder) renamedDecoy(ctx context.Context, tx Tx, cat *Catalog, rows []*honeyRow) (*Table, error) {
	for _, r := range rows[:min(len(rows), 3)] { // somebody may have taken one out
		t, seen, err := s.find(ctx, tx, cat, r)
		if err != nil {
			return nil, err
		}
		if t != nil && seen.condition == intact && !t.shows() {
			return t, nil
		}
	}
	return nil, nil
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
