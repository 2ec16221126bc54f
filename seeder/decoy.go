package seeder

import (
	"context"
	"fmt"

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

// decoys says of each decoy table whether it is there.
func decoys(ts []token.Token, cat *Catalog) []RowState {
	var out []RowState
	for i := range ts {
		r := &honeyRow{id: ts[i].Row, tokens: ts[i : i+1]}
		st := r.report(string(intact), "a decoy table: watched as a whole")
		if t, _ := r.table(cat); t == nil {
			st = r.report(string(gone), "the decoy table exists no more, or the role can't see it: make it, or end its watch with `honeyrow tokens decoy remove`")
		}
		out = append(out, st)
	}
	return out
}

// letGo ends what an interrupted removal of decoy tables had left.
func (s *Seeder) letGo(ctx context.Context, ts []token.Token) error {
	var ids []event.ID
	for i := range ts {
		if ts[i].State == token.Retired {
			ids = append(ids, ts[i].ID)
		}
	}
	if err := s.Store.SetState(ctx, token.Removed, ids...); err != nil {
		return fmt.Errorf("settle decoy tables: %w", err)
	}
	return nil
}
