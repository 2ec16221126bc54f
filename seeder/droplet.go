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

// plantOne plants one row of a drip, brought up to the present, in one
// transaction without a trial before it: a trial would leave a hole in the heap
// in front of each honey row. The values that the server made of it are
// registered and watched while the transaction is open.
func (s *Seeder) plantOne(ctx context.Context, p *Plan, d *token.Drip, id event.ID, o DripOptions) (*Applied, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now := *p // its own tables and rows, of which one is replaced
	now.Tables = slices.Clone(p.Tables)
	j := &job{
		s: s, p: &now, o: &o.ApplyOptions, now: s.now().UTC(), far: farKeys{}, done: &Applied{Deployment: p.Deployment},
		only: map[event.ID]bool{id: true}, digest: d.Digest,
	}
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	tp, row := p.row(id)
	switch {
	case row == nil:
		return nil, refuse("the plan has no such row")
	case j.have[id] != nil: // by a run that was interrupted, or another one
		return j.done, s.Store.MoveDrip(ctx, p.Deployment, token.DripRow{Row: id, Due: j.now, State: token.Planted})
	}
	if err := j.parents(ctx, row); err != nil {
		return nil, err
	}
	dr, err := s.dripDraft(ctx, j.cat, &o)
	if err != nil {
		return nil, err
	}
	f, err := dr.freshen(ctx, j, tp, row, dr.chance())
	if err != nil {
		return nil, err
	}
	at := slices.Index(now.Tables, tp)
	own := *tp
	own.Rows = slices.Clone(tp.Rows)
	own.Rows[slices.Index(tp.Rows, row)] = f.row
	now.Tables[at] = &own
	f.tp = &own
	if err := j.stillUnique(ctx); err != nil {
		return nil, forgoing(err)
	}
	if err := j.doubt(ctx, f.row, &own); err != nil {
		return nil, err
	}
	return j.done, j.drip(ctx, f)
}

// forgoing turns a value that was taken meanwhile into a refusal of the row.
func forgoing(err error) error {
	if errors.Is(err, ErrChanged) {
		return refuse("one of its values stands in the table by now")
	}
	return err
}

// doubt lowers the strength of cells whose values stand elsewhere by now.
func (j *job) doubt(ctx context.Context, row *RowPlan, tp *TablePlan) error {
	var ts []token.Token
	var cells []*Cell
	for _, c := range row.Cells {
		if c.Watch && c.Value != nil {
			ts = append(ts, token.Token{Kind: c.Kind, Value: *c.Value, Strength: c.Strength, Place: event.Place{Schema: tp.Schema, Table: tp.Table, Column: c.Column}})
			cells = append(cells, c)
		}
	}
	if err := j.proven(ctx, ts); err != nil {
		return err
	}
	for i, c := range cells {
		c.Strength = ts[i].Strength
	}
	return nil
}

// parents looks for the honey rows at which a row points, and notes their
// values that no token holds.
func (j *job) parents(ctx context.Context, row *RowPlan) error {
	for _, c := range row.Cells {
		if c.Source != Honey {
			continue
		}
		up := j.p.Tables[c.Ref.Table].Rows[c.Ref.Row]
		if _, ok := j.have[up.ID][c.Ref.Column]; ok {
			continue
		}
		v, err := j.fetch(ctx, up.ID, c.Ref.Column)
		switch {
		case err != nil:
			return err
		case v == nil:
			return refuse("the honey row of %s that it points at is not there any more", j.p.Tables[c.Ref.Table])
		}
		j.have[up.ID][c.Ref.Column] = *v
	}
	return nil
}

// fetch reads a column of a live honey row, nil if the row is not there.
func (j *job) fetch(ctx context.Context, id event.ID, column string) (*string, error) {
	ts, err := j.s.Store.List(ctx, token.Filter{Row: id, States: []token.State{token.Live}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	rows := byRow(current(ts))
	if len(rows) != 1 {
		return nil, nil
	}
	t, err := rows[0].table(j.cat)
	if err != nil || t == nil {
		return nil, err
	}
	tx, err := j.s.Database.Begin(ctx, j.limits())
	if err != nil {
		return nil, err
	}
	defer tx.End(ctx, false)
	st, err := rows[0].look(ctx, tx, t)
	if err != nil || st.where == nil {
		return nil, err
	}
	recs, err := tx.Read(ctx, t, st.where, []string{column})
	if err != nil || len(recs) != 1 {
		return nil, err
	}
	return recs[0].Text[0], nil
}

// drip inserts the row and commits it.
func (j *job) drip(ctx context.Context, f *fresh) error {
	deed := token.Deed{
		Action: "plant", Copy: j.p.Copy, Deployment: j.p.Deployment, Tables: []string{f.tp.String()}, Rows: 1,
		PlantedBy: j.p.PlantedBy, Note: j.p.Note, Plan: j.digest, Detail: "one row of a drip",
	}
	if err := j.s.record(ctx, j.cat, j.p.Server, deed); err != nil {
		return fmt.Errorf("nothing was planted: %w", err)
	}
	if err := j.fall(ctx, f); err != nil {
		deed.Action, deed.Detail = "failed", "planting: "+err.Error()
		return errors.Join(err, j.s.record(ctx, j.cat, j.p.Server, deed))
	}
	deed.Action, deed.Tokens = "planted", j.done.Tokens
	return j.s.record(ctx, j.cat, j.p.Server, deed)
}

// fall is drip without the log.
func (j *job) fall(ctx context.Context, f *fresh) error {
	real, err := j.insertFresh(ctx, f)
	if err != nil {
		return err
	}
	defer real.tx.End(ctx, false)
	ts := real.tokens()
	for i := range ts { // what a trigger made was searched for nowhere
		if c := f.row.cell(ts[i].Place.Column); ts[i].Strength == token.Firm && (c == nil || c.Value == nil || *c.Value != strings.TrimRight(ts[i].Value, " ")) {
			ts[i].Strength = token.Weak
		}
	}
	var ids []event.ID
	if err = j.register(ctx, ts, &ids); err == nil {
		if err = real.tx.End(ctx, true); err == nil {
			return j.landed(ctx, real, &ids, nil)
		}
		var no *Violation
		if !errors.As(err, &no) { // the answer was lost
			return j.settle(ctx, &unsureError{err})
		}
	}
	return errors.Join(err, real.tx.End(ctx, false), j.s.Store.SetState(context.WithoutCancel(ctx), token.Removed, ids...))
}

// insertFresh inserts the row in a transaction that stays open. It draws a key
// anew as long as another session takes it first.
func (j *job) insertFresh(ctx context.Context, f *fresh) (l *landing, err error) {
	for range maxDraws {
		if err := j.drawKeys(ctx); err != nil {
			return nil, err
		}
		f.follow()
		l, err = j.insert(ctx)
		var no *Violation
		if !errors.As(err, &no) || !no.Again {
			break
		}
	}
	return l, err
}
