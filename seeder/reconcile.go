package seeder

import (
	"context"
	"fmt"
	"slices"

	"honeyrow/event"
	"honeyrow/token"
)

// Reconciled counts what a crash had left open.
type Reconciled struct {
	Live    int `json:"live"`    // planned rows that are in the table
	Removed int `json:"removed"` // planned or retired rows that are not
	Retired int `json:"retired"` // rows whose removal was interrupted
}

// Reconcile brings tokens of server that an interrupted run left as planned or
// retired to the truth, by looking for their rows.
func (s *Seeder) Reconcile(ctx context.Context, server string) (*Reconciled, error) {
	unlock, err := s.Database.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	o := ApplyOptions{}
	o.defaults()
	return s.reconcile(ctx, cat, server, Limits{o.LockTimeout, o.StatementTimeout})
}

// reconcile is Reconcile under the caller's lock.
func (s *Seeder) reconcile(ctx context.Context, cat *Catalog, server string, lim Limits) (*Reconciled, error) {
	ts, err := s.Store.List(ctx, token.Filter{Server: server, Database: cat.Database, States: []token.State{token.Planned, token.Retired}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	out := &Reconciled{}
	if len(ts) == 0 {
		return out, nil
	}
	tx, err := s.Database.Begin(ctx, lim)
	if err != nil {
		return nil, fmt.Errorf("settle interrupted runs: %w", err)
	}
	defer tx.End(ctx, false)
	for _, row := range byRow(ts) {
		t, err := row.table(cat)
		if err != nil {
			return nil, err
		}
		st := gone
		if t != nil {
			if st, _, err = row.look(ctx, tx, t, false); err != nil {
				return nil, fmt.Errorf("look for row %s in %s: %w", row.id, t, err)
			}
		}
		planned, retired := row.ids(token.Planned), row.ids(token.Retired)
		switch {
		case st == gone:
			out.Removed++
			err = s.Store.SetState(ctx, token.Removed, append(planned, retired...)...)
		case st == unknown:
			return nil, fmt.Errorf("row %s in %s can't be looked for: the role needs SELECT on its columns", row.id, t)
		case len(planned) > 0: // of two tokens for one column, both stay watched
			out.Live++
			err = s.Store.SetState(ctx, token.Live, planned...)
		default:
			out.Retired++
		}
		if err != nil {
			return nil, fmt.Errorf("settle row %s: %w", row.id, err)
		}
	}
	return out, nil
}

// honeyRow is the tokens of one row.
type honeyRow struct {
	id     event.ID
	tokens []token.Token
}

// byRow groups tokens by their row, in the order in which the rows come.
func byRow(ts []token.Token) (out []*honeyRow) {
	at := map[event.ID]*honeyRow{}
	for _, t := range ts {
		r := at[t.Row]
		if r == nil {
			r = &honeyRow{id: t.Row}
			at[t.Row] = r
			out = append(out, r)
		}
		r.tokens = append(r.tokens, t)
	}
	return out
}

func (r *honeyRow) place() event.Place { return r.tokens[0].Place }

func (r *honeyRow) ids(states ...token.State) (out []event.ID) {
	for _, t := range r.tokens {
		for _, s := range states {
			if t.State == s {
				out = append(out, t.ID)
			}
		}
	}
	return out
}

// table returns the row's table, nil if it exists no more.
func (r *honeyRow) table(cat *Catalog) (*Table, error) {
	p := r.place()
	for _, t := range cat.Tables {
		if t.Schema == p.Schema && t.Name == p.Table {
			return t, nil
		}
	}
	return nil, nil
}

// condition is what a look at a honey row found.
type condition string

const (
	intact  condition = "intact"
	changed condition = "changed"
	gone    condition = "gone"
	unknown condition = "unknown"
)

// where is how the row is found: by its primary key if the tokens hold it, else
// by the token that proves most.
func (r *honeyRow) where(t *Table) []Value {
	var out []Value
	for _, k := range t.Primary() {
		found := false
		for i := range r.tokens {
			if r.tokens[i].Place.Column == k && !found {
				out, found = append(out, Value{k, &r.tokens[i].Value}), true
			}
		}
		if !found {
			out = nil
			break
		}
	}
	if len(out) > 0 {
		return out
	}
	if best := r.best(t); best != nil {
		return []Value{{best.Place.Column, &best.Value}}
	}
	return nil
}

func (r *honeyRow) best(t *Table) (best *token.Token) {
	for i := range r.tokens {
		tk := &r.tokens[i]
		if c := t.Column(tk.Place.Column); c != nil && c.CanSelect && (best == nil || tk.Strength > best.Strength) {
			best = tk
		}
	}
	return best
}

// look reads the row and compares its values with the tokens. changed lists
// the columns whose value is another one.
func (r *honeyRow) look(ctx context.Context, tx Tx, t *Table, lock bool) (condition, []string, error) {
	var cols []string
	for i := range r.tokens {
		if c := t.Column(r.tokens[i].Place.Column); c != nil && c.CanSelect {
			cols = appendOnce(cols, c.Name)
		}
	}
	cond := r.where(t)
	if len(cols) == 0 || len(cond) == 0 {
		return unknown, nil, nil
	}
	recs, err := tx.Read(ctx, t, cond, cols, lock)
	if err != nil {
		return unknown, nil, err
	}
	switch len(recs) {
	case 0:
		return gone, nil, nil
	case 1:
	default:
		return unknown, nil, nil
	}
	var diff []string
	ours, values := 0, 0
	for i, c := range cols {
		same := false
		for k := range r.tokens {
			same = same || r.tokens[k].Place.Column == c && recs[0].Text[i] != nil && *recs[0].Text[i] == r.tokens[k].Value
		}
		if !same {
			diff = append(diff, c)
		}
		if !slices.Contains(t.Primary(), c) {
			values++
			if same {
				ours++
			}
		}
	}
	if values > 0 && ours == 0 { // another row has its key by now
		return gone, nil, nil
	}
	if len(diff) > 0 {
		return changed, diff, nil
	}
	return intact, nil, nil
}
