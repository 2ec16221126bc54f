package seeder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/token"
)

// Reconciled counts what a crash had left open.
type Reconciled struct {
	Live    int `json:"live"`    // planned rows that are in the table
	Removed int `json:"removed"` // planned or retired rows that are not
	Retired int `json:"retired"` // rows whose removal was interrupted: they are live again
	Expired int `json:"expired"` // replaced values that are watched no longer
	// Rotated counts rows whose values had been replaced when a rotation was interrupted.
	Rotated int `json:"rotated,omitempty"`
	// Razed counts empty decoy tables that an interrupted run had made: dropped.
	Razed int `json:"razed,omitempty"`
}

// any reports whether something was open.
func (r *Reconciled) any() bool { return *r != Reconciled{} }

// Reconcile brings tokens of server that an interrupted run left as planned or
// retired to the truth, by looking for their rows.
func (s *Seeder) Reconcile(ctx context.Context, server string) (*Reconciled, error) {
	unlock, err := s.lock(ctx)
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

// reconcile is Reconcile under the caller's lock. What it changes is logged.
func (s *Seeder) reconcile(ctx context.Context, cat *Catalog, server string, lim Limits) (*Reconciled, error) {
	out, err := s.settleAll(ctx, cat, server, lim)
	if out == nil || !out.any() {
		return out, err
	}
	d := token.Deed{Action: "reconciled", Rows: out.Live + out.Removed + out.Retired + out.Rotated, Tokens: out.Expired, Detail: fmt.Sprintf(
		"%d rows live, %d removed, %d live again after an interrupted removal; %d replaced values are watched no longer", out.Live, out.Removed, out.Retired, out.Expired)}
	if out.Rotated > 0 {
		d.Detail += fmt.Sprintf("; %d rows hold new values of an interrupted rotation", out.Rotated)
	}
	if out.Razed > 0 {
		d.Detail += fmt.Sprintf("; %d decoy tables that were still empty are dropped", out.Razed)
	}
	if lerr := s.record(ctx, cat, server, d); lerr != nil {
		return nil, errors.Join(err, lerr)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// settleAll returns what it did, also beside an error.
func (s *Seeder) settleAll(ctx context.Context, cat *Catalog, server string, lim Limits) (*Reconciled, error) {
	out := &Reconciled{}
	var err error
	if out.Expired, err = s.Store.Expire(ctx); err != nil {
		return out, err
	}
	ts, err := s.Store.List(ctx, token.Filter{Server: server, Database: cat.Database, States: []token.State{token.Planned, token.Retired}})
	if err != nil {
		return out, fmt.Errorf("read registry: %w", err)
	}
	ts, tables := setApart(current(ts))
	if err := s.settleDecoys(ctx, cat, tables, byRow(ts), lim, out); err != nil {
		return out, err
	}
	if len(ts) == 0 {
		return out, nil
	}
	tx, err := s.Database.Begin(ctx, lim)
	if err != nil {
		return out, fmt.Errorf("settle interrupted runs: %w", err)
	}
	defer tx.End(ctx, false)
	in := map[string][]token.DripRow{}
	for _, row := range byRow(ts) {
		if err := s.whole(ctx, row); err != nil {
			return out, err
		}
		t, st, err := s.find(ctx, tx, cat, row)
		if err != nil {
			return out, fmt.Errorf("look for row %s in %s: %w", row.id, row.report("", "").Table, err)
		}
		planned, retired := row.ids(token.Planned), row.ids(token.Retired)
		switch {
		case row.rotating():
			var done bool
			if done, err = s.settleRotation(ctx, row, st); done {
				out.Rotated++
			}
		case st.condition == gone:
			out.Removed++
			err = s.forget(ctx, row, append(planned, retired...))
		case st.condition == unknown:
			return out, fmt.Errorf("row %s in %s can't be looked for: %s", row.id, cmp.Or(t, &Table{Schema: row.place().Schema, Name: row.place().Table}), cmp.Or(st.why, "the role needs SELECT on its columns"))
		case len(planned) > 0: // of two tokens for one column, the one that holds stays
			out.Live++
			err = s.settle(ctx, row, st)
			in[row.tokens[0].Deployment] = append(in[row.tokens[0].Deployment], token.DripRow{Row: row.id, Due: s.now().UTC(), State: token.Planted})
		default: // still there: a removal that was never committed
			out.Retired++
			err = s.Store.SetState(ctx, token.Live, retired...)
		}
		if err != nil {
			return out, fmt.Errorf("settle row %s: %w", row.id, err)
		}
	}
	for deployment, rows := range in {
		if err := s.Store.MoveDrip(ctx, deployment, rows...); err != nil {
			return out, err
		}
	}
	return out, nil
}

// forget ends the watch of a row that is not there. If another one has come
// instead of it, a rotation was interrupted: its values stay watched.
func (s *Seeder) forget(ctx context.Context, row *honeyRow, ids []event.ID) error {
	if len(row.ids(token.Retired)) > 0 {
		ts, err := s.Store.List(ctx, token.Filter{Row: successor(row.id), States: []token.State{token.Live}})
		if err != nil {
			return err
		}
		if len(ts) > 0 {
			return s.Store.Replace(ctx, s.now().Add(year), nil, ids)
		}
	}
	return s.Store.SetState(ctx, token.Removed, ids...)
}

// settle makes the planned tokens of a row that exists live. Those that a
// correction had overtaken are let go, unless somebody changed the row since.
func (s *Seeder) settle(ctx context.Context, row *honeyRow, st sight) error {
	newest := map[string]event.ID{} // ids sort by time
	for i := range row.tokens {
		if tk := &row.tokens[i]; slices.Contains(st.held, tk.ID) {
			newest[tk.Place.Column] = max(newest[tk.Place.Column], tk.ID)
		}
	}
	var live, stale []event.ID
	for i := range row.tokens {
		tk := &row.tokens[i]
		switch {
		case tk.State != token.Planned:
		case st.condition == intact && newest[tk.Place.Column] != tk.ID:
			stale = append(stale, tk.ID)
		default:
			live = append(live, tk.ID)
		}
	}
	if err := s.Store.SetState(ctx, token.Live, live...); err != nil || len(stale) == 0 {
		return err
	}
	return s.Store.SetState(ctx, token.Removed, stale...)
}

// current leaves out tokens whose value was replaced: it stands in no row.
func current(ts []token.Token) []token.Token {
	return slices.DeleteFunc(ts, func(t token.Token) bool { return t.Expired() })
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

// candidates are the ways to find the row: by its primary key if the tokens
// hold it, then by each value that counts anywhere. A run that was interrupted
// while it corrected a token may have left two for one column.
func (r *honeyRow) candidates(t *Table) (out [][]Value) {
	primary := t.Primary()
	if len(primary) == 1 {
		for i := range r.tokens {
			if r.tokens[i].Place.Column == primary[0] {
				out = append(out, []Value{{primary[0], &r.tokens[i].Value}})
			}
		}
	} else if key := r.composite(primary); key != nil {
		out = append(out, key)
	}
	for _, least := range []token.Strength{token.Strong, token.Firm, token.Weak} {
		for i := range r.tokens {
			tk := &r.tokens[i]
			if c := t.Column(tk.Place.Column); c != nil && c.CanSelect && tk.Strength == least && !slices.Contains(primary, c.Name) {
				out = append(out, []Value{{tk.Place.Column, &tk.Value}})
			}
		}
		if len(out) > 0 { // weaker values find other rows too
			break
		}
	}
	return out
}

// composite is a primary key, nil if neither the tokens nor its text tell it.
func (r *honeyRow) composite(primary []string) (out []Value) {
	for _, k := range primary {
		for i := range r.tokens {
			if r.tokens[i].Place.Column == k {
				out = append(out, Value{k, &r.tokens[i].Value})
				break
			}
		}
	}
	if len(out) != len(primary) {
		return keyParts(primary, r.place().Key)
	}
	return out
}

// keyParts takes apart what keyText has written of several columns, nil if it
// could mean several things.
func keyParts(primary []string, text string) (out []Value) {
	if len(primary) < 2 {
		return nil
	}
	rest, ok := strings.CutPrefix(text, primary[0]+"=")
	for i, k := range primary {
		v := rest
		if i+1 < len(primary) {
			between := ", " + primary[i+1] + "="
			if ok = ok && strings.Count(rest, between) == 1; ok {
				v, rest, _ = strings.Cut(rest, between)
			}
		}
		out = append(out, Value{k, &v})
	}
	if !ok {
		return nil
	}
	return out
}

// sight is what a look at a honey row found.
type sight struct {
	condition
	columns []string   // that hold another value than planted
	held    []event.ID // tokens whose value the row holds, or can't be read
	where   []Value    // how the row was found
	why     string     // it is unknown; may be empty
	// called are columns that are there no more, and what holds their value by now; ""
	// if nothing does.
	called map[string]string
}

// look finds the row and compares its values with the tokens.
func (r *honeyRow) look(ctx context.Context, tx Tx, t *Table) (sight, error) {
	var cols []string
	for i := range r.tokens {
		if c := t.Column(r.tokens[i].Place.Column); c != nil && c.CanSelect {
			cols = appendOnce(cols, c.Name)
		}
	}
	ways := r.candidates(t)
	if len(cols) == 0 || len(ways) == 0 {
		return sight{condition: unknown}, nil
	}
	many := false
	for _, way := range ways {
		recs, err := tx.Read(ctx, t, way, cols)
		if err != nil {
			return sight{condition: unknown}, err
		}
		if len(recs) == 1 {
			if s := r.compare(t, cols, recs[0]); s.condition != gone {
				s.where = way
				s.called, err = r.renamed(ctx, tx, t, way)
				return s, err
			}
		}
		many = many || len(recs) > 1
	}
	switch {
	case many:
		return sight{condition: unknown}, nil
	case t.Hidden:
		return sight{condition: unknown, why: fmt.Sprintf("row security hides rows of %s from the role: use one with BYPASSRLS", t)}, nil
	}
	return sight{condition: gone}, nil
}

// renamed finds which columns of the row have another name by now.
func (r *honeyRow) renamed(ctx context.Context, tx Tx, t *Table, way []Value) (map[string]string, error) {
	missing, own := map[string]string{}, map[string]bool{}
	for i := range r.tokens {
		name := r.tokens[i].Place.Column
		if own[name] = true; t.Column(name) == nil {
			missing[name] = r.tokens[i].Value
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	var cols []string
	for _, c := range t.Columns {
		if c.CanSelect && !own[c.Name] {
			cols = append(cols, c.Name)
		}
	}
	out := map[string]string{}
	if len(cols) > 0 {
		recs, err := tx.Read(ctx, t, way, cols)
		if err != nil || len(recs) != 1 {
			return nil, err
		}
		for name, v := range missing {
			for i, text := range recs[0].Text {
				if text != nil && *text == v {
					out[name] = cols[i]
				}
			}
		}
	}
	for name := range missing {
		out[name] += "" // nothing holds it
	}
	return out, nil
}

// compare judges a row that was found: gone means that it is another row,
// which has the key by now.
func (r *honeyRow) compare(t *Table, cols []string, rec Record) sight {
	s := sight{condition: intact}
	right := map[string]bool{}
	for i := range r.tokens {
		tk := &r.tokens[i]
		k := slices.Index(cols, tk.Place.Column)
		switch {
		case k < 0:
			s.held = append(s.held, tk.ID)
		case rec.Text[k] != nil && *rec.Text[k] == tk.Value:
			s.held = append(s.held, tk.ID)
			right[tk.Place.Column] = true
		}
	}
	values, ours := 0, 0
	for k, c := range cols {
		if !right[c] {
			s.condition, s.columns = changed, append(s.columns, c)
		}
		if !slices.Contains(t.Primary(), c) {
			values++
			if right[c] || r.cut(c, rec.Text[k]) {
				ours++
			}
		}
	}
	if values > 0 && ours == 0 {
		s.condition = gone
	}
	return s
}

// cut reports whether a column holds the beginning of what was planted there, or the
// same in other letters: somebody has made the column shorter, or written it anew.
func (r *honeyRow) cut(column string, got *string) bool {
	return got != nil && len(*got) >= leastCut && slices.ContainsFunc(r.tokens, func(tk token.Token) bool {
		return tk.Place.Column == column && len(*got) <= len(tk.Value) && strings.EqualFold(*got, tk.Value[:len(*got)])
	})
}

// leastCut is how much of a value has to be left to know it again.
const leastCut = 5
