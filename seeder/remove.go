package seeder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// RemoveOptions shape one run of Remove.
type RemoveOptions struct {
	Server     string     // the server's name in the configuration
	Deployment string     // empty: all
	Rows       []event.ID // empty: all
	// Until, if set, is how long the values of deleted rows stay watched, since
	// other rows have come instead of them.
	Until time.Time
	// Lasting deletes rows of tables whose triggers then leave something that no
	// rollback takes back as well: what they leave is the user's to clear away.
	Lasting bool
	ApplyOptions
}

// Removed tells what Remove did.
type Removed struct {
	Rows       []RowState  `json:"rows"`
	DryRun     bool        `json:"dry_run,omitempty"`
	Reconciled *Reconciled `json:"reconciled,omitempty"`
	// Cancelled counts rows of drips that will not be planted any more.
	Cancelled int `json:"cancelled,omitempty"`
}

// Remove deletes honey rows in one transaction: only those whose key and
// values still are what was planted, and on which no other row depends. A row
// that is left stays watched, and the result says why. Tokens of a deleted row
// stay watched until the deletion is committed. Rows of a drip that are to be
// planted later are not: what was asked to be gone must not come back. Nor is a row
// deleted whose triggers leave something that no rollback takes back, unless that
// is asked for; a dry run does not try those.
func (s *Seeder) Remove(ctx context.Context, o RemoveOptions) (*Removed, error) {
	o.defaults()
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	out := &Removed{DryRun: o.DryRun}
	lim := Limits{o.LockTimeout, o.StatementTimeout}
	if !o.DryRun {
		if out.Reconciled, err = s.reconcile(ctx, cat, o.Server, lim); err != nil {
			return nil, err
		}
	}
	if out.Cancelled, err = s.cancel(ctx, cat, &o, o.Rows); err != nil {
		return nil, err
	}
	ts, err := s.Store.List(ctx, token.Filter{Server: o.Server, Database: cat.Database, Deployment: o.Deployment, States: []token.State{token.Live, token.Retired}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	ts, tables := setApart(current(ts))
	all := byRow(ts)
	c := &clearing{s: s, cat: cat, o: &o, out: out, rows: selected(all, o.Rows)}
	if err := c.raze(ctx, lim, tables, all); err != nil {
		return nil, err
	}
	if len(c.rows) == 0 {
		return out, nil
	}
	if n := len(c.rows); o.size(n) < n && !o.DryRun {
		return out, c.runLots(ctx, lim, o.size(n))
	}
	return out, c.run(ctx, lim)
}

func selected(rows []*honeyRow, ids []event.ID) []*honeyRow {
	if len(ids) == 0 {
		return rows
	}
	want := map[event.ID]bool{}
	for _, id := range ids {
		want[id] = true
	}
	var out []*honeyRow
	for _, r := range rows {
		if want[r.id] {
			out = append(out, r)
		}
	}
	return out
}

// clearing is one run of Remove.
type clearing struct {
	s    *Seeder
	cat  *Catalog
	o    *RemoveOptions
	out  *Removed
	rows []*honeyRow
}

// run retires the tokens, deletes the rows, and lets the tokens go.
func (c *clearing) run(ctx context.Context, lim Limits) error {
	tx, err := c.s.Database.Begin(ctx, lim)
	if err != nil {
		return fmt.Errorf("start the transaction: %w", err)
	}
	defer tx.End(ctx, false)
	var before []event.ID // live until now
	if !c.o.DryRun {
		if err := c.s.record(ctx, c.cat, c.o.Server, c.deed("remove", c.rows)); err != nil {
			return fmt.Errorf("nothing was removed: %w", err)
		}
		for _, r := range c.rows {
			before = append(before, r.ids(token.Live)...)
		}
		if err := c.s.Store.SetState(ctx, token.Retired, before...); err != nil {
			return fmt.Errorf("retire tokens: %w", err)
		}
	}
	back := func(ids []event.ID) error { // still there, still watched
		if len(ids) == 0 || c.o.DryRun {
			return nil
		}
		return c.s.Store.SetState(context.WithoutCancel(ctx), token.Live, ids...)
	}
	deleted, kept, err := c.delete(ctx, tx)
	if err != nil {
		return errors.Join(err, tx.End(ctx, false), back(before), c.failed(ctx, err))
	}
	if err := tx.End(ctx, !c.o.DryRun); err != nil {
		var no *Violation
		if errors.As(err, &no) {
			return errors.Join(err, back(before), c.failed(ctx, err))
		}
		return fmt.Errorf("whether the rows are gone is not known: they stay watched; run seed verify, then seed remove again: %w", err)
	}
	if c.o.DryRun {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if err := back(kept); err != nil {
		return fmt.Errorf("register rows that were left: %w", err)
	}
	c.s.Log.Info().Str("server", c.o.Server).Str("database", c.cat.Database).Int("tokens", len(deleted)).Int("kept", len(kept)).Msg("honey rows removed")
	if err := c.letGo(ctx, deleted); err != nil {
		return fmt.Errorf("the rows are gone, but the registry still watches them: run seed verify, which settles it: %w", err)
	}
	d := c.deed("removed", nil)
	for _, r := range c.out.Rows {
		if r.State != "kept" {
			d.Rows++
			d.Tables = appendOnce(d.Tables, r.Table)
		}
	}
	d.Tokens = len(deleted)
	if !c.o.Until.IsZero() {
		d.Detail = "others have come instead; the values are watched until " + c.o.Until.Format(time.DateOnly)
	}
	if n := len(c.out.Rows) - d.Rows; n > 0 {
		d.Detail = strings.TrimPrefix(d.Detail+"; "+many(n, "row")+" left", "; ")
	}
	return c.s.record(ctx, c.cat, c.o.Server, d)
}

// letGo ends the watch of deleted rows' values, or says how long it goes on.
func (c *clearing) letGo(ctx context.Context, deleted []event.ID) error {
	if c.o.Until.IsZero() {
		return c.s.Store.SetState(ctx, token.Removed, deleted...)
	}
	return c.s.Store.Replace(ctx, c.o.Until, nil, deleted)
}

// deed is an entry of the log about rows.
func (c *clearing) deed(action string, rows []*honeyRow) token.Deed {
	d := token.Deed{Action: action, Deployment: c.o.Deployment, Rows: len(rows)}
	for _, r := range rows {
		d.Tables = appendOnce(d.Tables, r.report("", "").Table)
		d.Tokens += len(r.tokens)
	}
	return d
}

func (c *clearing) failed(ctx context.Context, why error) error {
	d := c.deed("failed", c.rows)
	d.Detail = "removing: " + why.Error()
	return c.s.record(ctx, c.cat, c.o.Server, d)
}

// delete deletes what may be deleted. Rows that depend on each other are tried
// in rounds, until a round deletes nothing.
func (c *clearing) delete(ctx context.Context, tx Tx) (deleted, kept []event.ID, err error) {
	left := c.rows
	why := map[event.ID]string{}
	for progress := true; progress && len(left) > 0; {
		progress = false
		var again []*honeyRow
		for i := len(left) - 1; i >= 0; i-- { // children were planted after their parents
			r := left[i]
			c.o.progress("remove", r.place().Table, len(c.rows)-len(left), len(c.rows))
			state, reason, err := c.one(ctx, tx, r)
			switch {
			case err != nil:
				return nil, nil, err
			case state == "removed" || state == string(gone):
				progress = true
				deleted = append(deleted, r.ids(token.Live, token.Retired)...)
				c.out.Rows = append(c.out.Rows, r.report(state, reason))
			default:
				why[r.id] = reason
				again = append([]*honeyRow{r}, again...)
			}
		}
		left = again
	}
	for _, r := range left {
		kept = append(kept, r.ids(token.Live, token.Retired)...)
		c.out.Rows = append(c.out.Rows, r.report("kept", why[r.id]))
	}
	return deleted, kept, nil
}

// one deletes one row, or says why it must stay.
func (c *clearing) one(ctx context.Context, tx Tx, r *honeyRow) (state, why string, err error) {
	t, seen, err := c.s.find(ctx, tx, c.cat, r)
	if err != nil {
		return "", "", err
	}
	switch seen.condition {
	case gone:
		if t == nil {
			return string(gone), "the table exists no more", nil
		}
		return string(gone), "the row was gone already", nil
	case unknown:
		return "kept", cmp.Or(seen.why, "it can't be told from other rows"), nil
	case intact:
		if t.shows() { // what points at the table beneath it is not known here
			return "kept", fmt.Sprintf("%s is a %s by now: delete it by hand in the table beneath", t, t.Kind), nil
		}
	case changed:
		return "kept", fmt.Sprintf("it was changed after it was planted (%s): look at it, then delete it by hand", strings.Join(seen.columns, ", ")), nil
	}
	if h, ok := tx.(Holder); ok {
		err := h.Hold(ctx, t, seen.where)
		var no *Violation
		switch {
		case errors.As(err, &no) && no.Code == "42501": // MySQL 8 has nobody lock what he may not change
			return "", "", fmt.Errorf("delete from %s: %w; removing needs GRANT DELETE", t, no)
		case err != nil:
			return "", "", fmt.Errorf("keep a row of %s from being pointed at: %w", t, err)
		}
	}
	if dep, err := c.dependents(ctx, tx, seen.where, t); err != nil || dep != "" {
		return "kept", dep, err
	}
	if what := t.outlastsDelete(); what != "" {
		if !c.o.Lasting {
			return "kept", what + asked, nil
		}
		if c.o.DryRun {
			return "removed", "not tried: " + what, nil
		}
	}
	n, err := tx.Delete(ctx, t, r.all(t, seen))
	var no *Violation
	switch {
	case errors.As(err, &no) && (no.Code == "25000" || no.Code == Swallowed):
		return "kept", no.Why, nil
	case errors.As(err, &no) && no.Code == "23503":
		return "kept", "rows that are not ours point at it: " + no.Why, nil
	case errors.As(err, &no) && no.Code == "42501":
		return "", "", fmt.Errorf("delete from %s: %w; removing needs GRANT DELETE", t, no)
	case err != nil:
		return "", "", fmt.Errorf("delete a row of %s: %w", t, err)
	case n == 0:
		return "kept", "a trigger or another transaction kept it", nil
	}
	return "removed", "", nil
}

// all is the condition under which a row is deleted: every value that was
// planted, so that nothing that changed meanwhile is lost, and what it was found
// by.
func (r *honeyRow) all(t *Table, s sight) (out []Value) {
	seen := map[string]bool{}
	for i := range r.tokens {
		c := t.Column(r.tokens[i].Place.Column)
		if c != nil && c.CanSelect && !seen[c.Name] && slices.Contains(s.held, r.tokens[i].ID) {
			seen[c.Name] = true
			out = append(out, Value{c.Name, &r.tokens[i].Value})
		}
		if name := s.called[r.tokens[i].Place.Column]; name != "" && !seen[name] {
			seen[name] = true
			out = append(out, Value{name, &r.tokens[i].Value})
		}
	}
	for _, v := range s.where {
		if !seen[v.Column] {
			out = append(out, v)
		}
	}
	return out
}

// dependents looks for rows of other tables that point at the row. The server
// checks it too, but ON DELETE CASCADE and SET NULL would act without asking.
func (c *clearing) dependents(ctx context.Context, tx Tx, where []Value, t *Table) (string, error) {
	for _, child := range c.cat.Tables {
		for _, fk := range child.ForeignKeys {
			if fk.RefSchema != t.Schema || fk.RefTable != t.Name || len(fk.Columns) == 0 {
				continue
			}
			cond, err := pointing(ctx, tx, where, t, fk)
			if err != nil {
				return "", err
			}
			if cond == nil {
				return fmt.Sprintf("whether rows of %s point at it can't be seen: grant SELECT (%s) on %s", child, strings.Join(fk.RefColumns, ", "), t), nil
			}
			readable := true
			for _, name := range fk.Columns {
				col := child.Column(name)
				readable = readable && col != nil && col.CanSelect
			}
			if !readable {
				return fmt.Sprintf("whether rows of %s point at it can't be seen: grant SELECT (%s) on it", child, strings.Join(fk.Columns, ", ")), nil
			}
			recs, err := tx.Read(ctx, child, cond, fk.Columns[:1])
			if err != nil {
				return "", err
			}
			if len(recs) > 0 {
				return fmt.Sprintf("rows of %s point at it (%s)", child, fk.Name), nil
			}
		}
	}
	return "", nil
}

// pointing is the condition for rows that point at a row through fk, nil if the
// columns pointed at can't be read.
func pointing(ctx context.Context, tx Tx, where []Value, t *Table, fk *ForeignKey) ([]Value, error) {
	for _, name := range fk.RefColumns {
		if c := t.Column(name); c == nil || !c.CanSelect {
			return nil, nil
		}
	}
	recs, err := tx.Read(ctx, t, where, fk.RefColumns)
	if err != nil || len(recs) != 1 {
		return nil, err
	}
	var out []Value
	for i, v := range recs[0].Text {
		if v == nil { // nothing can point at NULL
			return []Value{}, nil
		}
		out = append(out, Value{fk.Columns[i], v})
	}
	return out, nil
}
