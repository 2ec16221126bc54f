package seeder

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/seeder/camouflage"
	"honeyrow/token"
)

// VerifyOptions shape one run of Verify.
type VerifyOptions struct {
	Server     string // the server's name in the configuration
	Deployment string // empty: all
	// Demote registers values that have come to stand elsewhere as weak ones, so
	// that readers of those other rows raise no alert.
	Demote bool
	// Measure, if set, says how tables are understood, and has the camouflage
	// measured again: tables drift.
	Measure *Options
	// LockTimeout, StatementTimeout and SearchTimeout bound the waiting; zero
	// takes DefaultConfig's.
	ApplyOptions
}

// Verified tells what Verify found.
type Verified struct {
	Rows       []RowState  `json:"rows"`
	OK         bool        `json:"ok"`
	Relocated  int         `json:"relocated"` // columns whose numbers had changed
	Demoted    int         `json:"demoted"`   // tokens that are weak from now on
	Reconciled *Reconciled `json:"reconciled,omitempty"`
	// Camouflage is how well the rows hide today, by table.
	Camouflage []*camouflage.Report `json:"camouflage,omitempty"`
	Product    string               `json:"-"` // the catalogue's
	// Warnings say what could not be looked at.
	Warnings []string `json:"warnings,omitempty"`
}

// RowState is one honey row's condition.
type RowState struct {
	ID         event.ID `json:"id"`
	Deployment string   `json:"deployment"`
	Table      string   `json:"table"`
	Key        string   `json:"key,omitempty"`
	// State is "intact", "changed", "gone", "repeated" (another row holds one of
	// its values by now), "unknown" (it can't be looked for) or, after Remove,
	// "removed", "kept", "dropped" (a decoy table).
	State string `json:"state"`
	// Columns are those that changed or are repeated.
	Columns []string `json:"columns,omitempty"`
	Why     string   `json:"why,omitempty"`
	home    string   // the table in which it stands by now, if that is another one
	// called are columns that have another name by now; see sight.
	called map[string]string
}

// Verify looks for every live honey row of the database: is it there, are its
// values unchanged, are they still unique? It refreshes the numbers of tables
// that were recreated, so that proxies go on recognising their columns.
func (s *Seeder) Verify(ctx context.Context, o VerifyOptions) (*Verified, error) {
	o.defaults()
	lim := Limits{o.LockTimeout, o.StatementTimeout}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	out := &Verified{OK: true, Product: cat.Product}
	if out.Reconciled, err = s.reconcile(ctx, cat, o.Server, lim); err != nil {
		return nil, err
	}
	if out.Relocated, err = s.Relocate(ctx, o.Server, cat); err != nil {
		return nil, err
	}
	ts, err := s.Store.List(ctx, token.Filter{Server: o.Server, Database: cat.Database, Deployment: o.Deployment, States: []token.State{token.Live, token.Retired}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	ts, tables := setApart(current(ts))
	rows := byRow(ts)
	twins, err := s.twins(ctx, cat, rows)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	spread, err := s.spread(ctx, cat, ts, o.ApplyOptions, out)
	if err != nil {
		return nil, err
	}
	tx, err := s.Database.Begin(ctx, lim)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer tx.End(ctx, false)
	for i, r := range rows {
		o.progress("verify", r.place().Table, i, len(rows))
		st, err := s.state(ctx, tx, cat, r, twins)
		if err != nil {
			return nil, fmt.Errorf("verify row %s: %w", r.id, err)
		}
		if err := s.elsewhere(ctx, r, spread, o.Demote, &st, out); err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, st)
		out.OK = out.OK && st.State == string(intact)
	}
	states, err := s.decoys(ctx, tx, tables, rows, cat, out.Rows)
	if err != nil {
		return nil, fmt.Errorf("verify decoy tables: %w", err)
	}
	if err := tx.End(ctx, false); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	for _, st := range states {
		out.Rows = append(out.Rows, st)
		out.OK = out.OK && st.State == string(intact)
	}
	if err := s.noted(ctx, cat, o, out); err != nil {
		return nil, err
	}
	return out, s.camouflage(ctx, o, ts, out)
}

// noted remembers what was found, and when.
func (s *Seeder) noted(ctx context.Context, cat *Catalog, o VerifyOptions, v *Verified) error {
	found, bad := map[event.ID]string{}, 0
	for _, r := range v.Rows {
		if found[r.ID] = r.State; r.State != string(intact) {
			bad++
		}
	}
	if err := s.Store.Verified(ctx, found); err != nil {
		return fmt.Errorf("note what was found: %w", err)
	}
	d := token.Deed{Action: "verified", Deployment: o.Deployment, Rows: len(v.Rows), Tokens: v.Demoted, Detail: "all intact"}
	switch {
	case len(v.Rows) == 0:
		d.Detail = "no honey rows"
	case bad > 0:
		d.Detail = many(bad, "row") + " not intact"
	}
	if v.Demoted > 0 {
		d.Detail += ", " + many(v.Demoted, "token") + " demoted"
	}
	return s.record(ctx, cat, o.Server, d)
}

func (r *honeyRow) report(state, why string) RowState {
	p := r.place()
	return RowState{ID: r.id, Deployment: r.tokens[0].Deployment, Table: (&Table{Schema: p.Schema, Name: p.Table}).String(), Key: p.Key, State: state, Why: why}
}

// twin is a value at a place that several honey rows may hold: the account that all
// salaries of one person go to.
type twin struct {
	place event.Place
	value string
}

func twinOf(t *token.Token) twin {
	p := t.Place
	p.Key = ""
	return twin{p, t.Value}
}

// twins finds the values that several honey rows hold, and whether other rows do.
func (s *Seeder) twins(ctx context.Context, cat *Catalog, rows []*honeyRow) (map[twin]bool, error) {
	count := map[twin]int{}
	for _, r := range rows {
		for i := range r.tokens {
			count[twinOf(&r.tokens[i])]++
		}
	}
	out := map[twin]bool{}
	db, ok := s.Database.(Kinsman)
	for _, r := range rows {
		for i := range r.tokens {
			at := twinOf(&r.tokens[i])
			if _, known := out[at]; known || count[at] < 2 {
				continue
			}
			out[at] = false
			t, err := r.table(cat)
			if err != nil || t == nil || !ok || r.tokens[i].Key {
				continue // its row says so
			}
			if c := t.Column(at.place.Column); c == nil || !c.CanSelect {
				continue
			}
			found, err := db.Kin(ctx, t, at.place.Column, []string{at.value}, count[at]+1)
			if passable(err) != nil {
				return nil, err
			}
			out[at] = err == nil && len(found.Rows) > count[at]
		}
	}
	return out, nil
}

// state looks at one row, and for other rows with its values.
func (s *Seeder) state(ctx context.Context, tx Tx, cat *Catalog, r *honeyRow, twins map[twin]bool) (RowState, error) {
	t, seen, err := s.find(ctx, tx, cat, r)
	if err != nil {
		return RowState{}, err
	}
	switch seen.condition {
	case gone:
		if t == nil {
			return r.report(string(gone), "the table exists no more"), nil
		}
		return r.report(string(gone), "the row was deleted, or its values replaced: its tokens stay watched; plan new rows"), nil
	case unknown:
		return r.report(string(unknown), cmp.Or(seen.why, "the role can't read the columns by which it is found, or several rows have its values")), nil
	case changed:
		st := r.report(string(changed), "somebody changed the row: the old values stay watched, the new ones are not")
		st.Columns = seen.columns
		return st, nil
	}
	st := r.report(string(intact), "")
	if t.String() != st.Table {
		st.Why, st.home = "its table is called "+t.String()+" by now", t.String()
		if r.tokens[0].TableOID == 0 || r.tokens[0].TableOID != t.OID {
			st.Why += unrecognised
		}
	}
	st.renamed(r, t, seen)
	for i := range r.tokens {
		tk := &r.tokens[i]
		if c := t.Column(tk.Place.Column); c == nil || !c.CanSelect || tk.Key && len(t.Primary()) > 1 { // its brothers have it too
			continue
		}
		recs, err := tx.Read(ctx, t, []Value{{tk.Place.Column, &tk.Value}}, []string{tk.Place.Column})
		if err != nil {
			return st, err
		}
		if others, several := twins[twinOf(tk)]; several && others || !several && len(recs) > 1 {
			st.State, st.Columns = "repeated", appendOnce(st.Columns, tk.Place.Column)
			st.Why = "another row has come to hold the same value: a reader of that row would raise an alert"
		}
	}
	return st, nil
}

// unrecognised follows the new name of a table or column that no number tells.
const unrecognised = ": what counts by its own table and column is not recognised there; remove the row and plant anew"

// renamed says of an intact row which of its columns have another name by now, or are
// there no more.
func (st *RowState) renamed(r *honeyRow, t *Table, seen sight) {
	st.called = seen.called
	for _, name := range slices.Sorted(maps.Keys(seen.called)) {
		why := "column " + name + " is called " + seen.called[name] + " by now"
		switch {
		case seen.called[name] == "":
			st.State, st.Columns = string(changed), appendOnce(st.Columns, name)
			why = "column " + name + " is there no more: its value stays watched; remove the row and plant anew"
		case r.tokens[0].TableOID == 0 || r.tokens[0].TableOID != t.OID: // else the column's number is the same
			why += unrecognised
		}
		st.Why = strings.TrimPrefix(st.Why+"; "+why, "; ")
	}
}

// Relocate refreshes the numbers of all columns of the database in which
// tokens are watched, and returns how many columns had others before. It reads
// the catalogue itself if cat is nil. Tables that are gone are left as they
// were.
func (s *Seeder) Relocate(ctx context.Context, server string, cat *Catalog) (int, error) {
	if cat == nil {
		var err error
		if cat, err = s.Database.Catalog(ctx); err != nil {
			return 0, fmt.Errorf("read catalogue: %w", err)
		}
	}
	snap, err := s.Store.Snapshot(ctx)
	if err != nil {
		return 0, fmt.Errorf("read registry: %w", err)
	}
	had := map[event.Place][]token.Location{}
	for _, l := range snap.Locations {
		p := event.Place{Server: l.Server, Database: l.Database, Schema: l.Schema, Table: l.Table, Column: l.Column}
		had[p] = append(had[p], l)
	}
	var all []token.Location
	n := 0
	seen := map[event.Place]bool{}
	for i := range snap.Tokens {
		p := snap.Tokens[i].Place
		p.Key = ""
		if p.Server != server || p.Database != cat.Database || seen[p] || snap.Tokens[i].Kind == token.DecoyTable {
			continue
		}
		seen[p] = true
		for _, t := range cat.Tables {
			if t.Schema != p.Schema || t.Name != p.Table {
				continue
			}
			ls := locations(t, p)
			if len(ls) > 0 && !sameLocations(ls, had[p]) { // a column that is renamed keeps its number
				n++
			}
			all = append(all, ls...)
		}
	}
	if len(all) == 0 {
		return 0, nil
	}
	if err := s.Store.Locate(ctx, all); err != nil {
		return 0, fmt.Errorf("register places: %w", err)
	}
	return n, nil
}

func sameLocations(a, b []token.Location) bool {
	if len(a) != len(b) {
		return false
	}
	in := map[token.Location]bool{}
	for _, l := range a {
		in[l] = true
	}
	for _, l := range b {
		if !in[l] {
			return false
		}
	}
	return true
}
