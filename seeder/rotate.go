package seeder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// How says in which way a honey row gets new values.
type How string

// The ways. Auto takes InPlace where an update is what rows of the table
// undergo, else Anew.
const (
	Auto    How = "auto"
	InPlace How = "update" // the row stays, some of its columns change
	Anew    How = "row"    // another honey row comes, the old one goes
)

// RotateOptions shape one run of Rotate.
type RotateOptions struct {
	Server     string     // the server's name in the configuration
	Deployment string     // empty: all
	Rows       []event.ID // empty: all
	// OlderThan chooses rows none of whose values is younger.
	OlderThan time.Duration
	// Limit bounds the rows of one run, the oldest first: rows that all change in
	// the same minute would be known by it. 0: all that are due.
	Limit int
	// Keep is how long replaced values stay watched; 0: a year.
	Keep time.Duration
	How  How // empty: Auto
	// Lasting goes on where a trigger leaves something that no rollback takes back.
	Lasting bool
	// Plan says how columns are understood, and how new rows are made.
	Plan Options
	ApplyOptions
}

// Rotated tells what Rotate did.
type Rotated struct {
	Rows   []RotatedRow `json:"rows"`
	DryRun bool         `json:"dry_run,omitempty"`
	// Until is the end of the replaced values' watch.
	Until      time.Time   `json:"watched_until"`
	Tokens     int         `json:"tokens"`  // new ones
	Expired    int         `json:"expired"` // old ones, watched on
	Reconciled *Reconciled `json:"reconciled,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
}

// RotatedRow is what became of one honey row.
type RotatedRow struct {
	ID    event.ID `json:"id"`
	Table string   `json:"table"`
	Key   string   `json:"key,omitempty"`
	// State is "updated", "replaced" (by another row) or "kept".
	State   string   `json:"state"`
	Columns []string `json:"columns,omitempty"` // that have new values
	By      event.ID `json:"by,omitempty"`      // the row that came instead
	Why     string   `json:"why,omitempty"`
}

// year is how long replaced values are watched unless said otherwise.
const year = 365 * 24 * time.Hour

// Rotate gives honey rows new values. Where rows of a table are updated in
// ordinary life, secrets, addresses and telephone numbers of the row change in
// place, one row a transaction; elsewhere another honey row is planted and the old
// one is taken away, since an update would show. The new values are watched
// before they can be read, the old ones are watched on until Keep has passed: who
// holds one has an old copy. A run that was interrupted is settled by the next.
func (s *Seeder) Rotate(ctx context.Context, o RotateOptions) (*Rotated, error) {
	o.defaults()
	if o.Keep <= 0 {
		o.Keep = year
	}
	if o.How == "" {
		o.How = Auto
	}
	o.Plan.Server = o.Server
	t := &turn{s: s, o: &o, now: s.now().UTC(), out: &Rotated{DryRun: o.DryRun, Until: s.now().Add(o.Keep).UTC()}}
	if err := t.inPlace(ctx); err != nil {
		return t.out, err
	}
	return t.out, t.anew(ctx)
}

// turn is one run of Rotate.
type turn struct {
	s       *Seeder
	o       *RotateOptions
	out     *Rotated
	now     time.Time
	cat     *Catalog
	d       *draft
	r       *rand.Rand
	studies map[*Table]*study
	fresh   []*honeyRow // that need another row instead
	anchors map[event.ID]map[string]string
	holders map[string]map[event.ID]bool // by value: the honey rows that hold it
}

// inPlace updates the rows for which that is the way.
func (t *turn) inPlace(ctx context.Context) error {
	unlock, err := t.s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if t.cat, err = t.s.Database.Catalog(ctx); err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	lim := Limits{t.o.LockTimeout, t.o.StatementTimeout}
	if !t.o.DryRun {
		if t.out.Reconciled, err = t.s.reconcile(ctx, t.cat, t.o.Server, lim); err != nil {
			return err
		}
	}
	rows, err := t.due(ctx)
	if err != nil || len(rows) == 0 {
		return err
	}
	do := DripOptions{Config: t.o.Plan.Config, Server: t.o.Server, Seed: t.o.Plan.Seed}
	if t.d, err = t.s.dripDraft(ctx, t.cat, &do); err != nil {
		return err
	}
	t.studies, t.r = map[*Table]*study{}, t.d.chance()
	var now []*change
	for _, row := range rows {
		c, err := t.judge(ctx, row)
		if err != nil {
			return fmt.Errorf("row %s: %w", row.id, err)
		}
		if c != nil {
			now = append(now, c)
		}
	}
	if len(now) == 0 {
		return nil
	}
	deed := token.Deed{Action: "rotate", Deployment: t.o.Deployment, Rows: len(now), Detail: "new values in place; the old ones are watched until " + t.out.Until.Format(time.DateOnly)}
	for _, c := range now {
		deed.Tables = appendOnce(deed.Tables, c.table.String())
	}
	if err := t.record(ctx, deed); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	done := 0
	for i, c := range now {
		t.o.progress("rotate", c.table.String(), i, len(now))
		if err = t.change(ctx, c); err != nil {
			break
		}
		done++
	}
	deed.Action, deed.Rows, deed.Tokens = "rotated", done, t.out.Tokens
	if err != nil {
		deed.Action, deed.Detail = "failed", "rotating: "+err.Error()
	}
	return errors.Join(err, t.record(ctx, deed))
}

// record writes the log, but for a dry run.
func (t *turn) record(ctx context.Context, d token.Deed) error {
	if t.o.DryRun {
		return nil
	}
	return t.s.record(ctx, t.cat, t.o.Server, d)
}

// due lists the honey rows that are old enough and hold something that is worth
// replacing.
func (t *turn) due(ctx context.Context) ([]*honeyRow, error) {
	ts, err := t.s.Store.List(ctx, token.Filter{Server: t.o.Server, Database: t.cat.Database, Deployment: t.o.Deployment, States: []token.State{token.Live}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	ts, tables := setApart(ts)
	ts = slices.DeleteFunc(ts, func(tk token.Token) bool { // a copy is never updated, nor gets new rows
		return slices.ContainsFunc(tables, func(d token.Token) bool {
			return made(&d) && d.Place.Schema == tk.Place.Schema && d.Place.Table == tk.Place.Table
		})
	})
	var out []*honeyRow
	age := map[*honeyRow]time.Time{}
	come := map[event.ID]bool{} // instead of rows that an interrupted run has left
	for _, row := range byRow(ts) {
		come[successor(row.id)] = true
	}
	for _, row := range selected(byRow(ts), t.o.Rows) {
		if come[row.id] {
			continue
		}
		var youngest time.Time
		worth := false
		for i := range row.tokens {
			tk := &row.tokens[i]
			if tk.PlantedAt.After(youngest) {
				youngest = tk.PlantedAt
			}
			worth = worth || tk.Strength >= token.Firm && !tk.Key
		}
		if worth && t.now.Sub(youngest) >= t.o.OlderThan {
			out, age[row] = append(out, row), youngest
		}
	}
	if t.o.Limit > 0 && len(out) > t.o.Limit {
		slices.SortStableFunc(out, func(a, b *honeyRow) int { return age[a].Compare(age[b]) })
		out = out[:t.o.Limit]
	}
	return out, nil
}

// kept notes that a row stays as it is.
func (t *turn) kept(row *honeyRow, format string, args ...any) {
	r := row.report("", "")
	t.out.Rows = append(t.out.Rows, RotatedRow{ID: row.id, Table: r.Table, Key: r.Key, State: "kept", Why: fmt.Sprintf(format, args...)})
}

// judge decides what is done with a row: nil, if it is not changed in place.
func (t *turn) judge(ctx context.Context, row *honeyRow) (*change, error) {
	table, err := row.table(t.cat)
	if err != nil {
		return nil, err
	}
	if table == nil {
		t.kept(row, "the table exists no more, or the role can't see it")
		return nil, nil
	}
	tx, err := t.s.Database.Begin(ctx, Limits{t.o.LockTimeout, t.o.StatementTimeout})
	if err != nil {
		return nil, err
	}
	defer tx.End(ctx, false)
	seen, err := row.look(ctx, tx, table)
	if err != nil {
		return nil, err
	}
	if seen.condition != intact {
		t.kept(row, "it is %s: see seed verify", seen.condition)
		return nil, nil
	}
	c := &change{row: row, table: table, held: seen.held}
	if c.was, err = c.read(ctx, tx, seen.where); err != nil {
		return nil, err
	}
	leaf, err := (&clearing{s: t.s, cat: t.cat}).dependents(ctx, tx, seen.where, table)
	if err != nil {
		return nil, err
	}
	if err := tx.End(ctx, false); err != nil {
		return nil, err
	}
	st, err := t.study(ctx, table)
	if err != nil {
		return nil, err
	}
	stays, last := "", "" // what an update leaves, and another row
	if !t.o.Lasting {
		stays, last = table.outlastsUpdate(), cmp.Or(table.outlastsDelete(), table.outlastsInsert(), t.cat.alters(table, nil))
	}
	single := t.anchor(row, c)
	if single != "" || len(t.anchors[row.id]) > 0 {
		c.keep = t.shared(row)
	}
	betrays := cmp.Or(stays, t.betrays(ctx, st, c))
	switch {
	case t.o.How == Anew || t.o.How == Auto && betrays != "" && leaf == "":
		if leaf != "" {
			t.kept(row, "another row can't come instead: %s", leaf)
			return nil, nil
		}
		if last != "" {
			t.kept(row, "another row can't come instead: %s%s", last, asked)
			return nil, nil
		}
		if len(c.keep) > 0 {
			single = cmp.Or(single, "as rows of one family do, it holds in "+strings.Join(c.keep, ", ")+" what another honey row holds; remove them together and plant anew")
		}
		if single != "" {
			t.kept(row, "another row can't come instead: %s", single)
			return nil, nil
		}
		t.fresh = append(t.fresh, row)
		return nil, nil
	case len(c.columns(st, t.cat)) == 0:
		t.kept(row, "no column of it changes in the life of an ordinary row, and another row can't come instead: %s", leaf)
		return nil, nil
	case stays != "":
		t.kept(row, "when it is updated, %s%s", stays, asked)
		return nil, nil
	case betrays != "":
		t.out.Warnings = appendOnce(t.out.Warnings, fmt.Sprintf("%s: its rows are changed in place, although %s", table, betrays))
	}
	return c, t.compose(ctx, st, c)
}

// study reads what is usual in a table, once.
func (t *turn) study(ctx context.Context, table *Table) (*study, error) {
	if st := t.studies[table]; st != nil {
		return st, nil
	}
	sample, err := t.s.Database.Sample(ctx, table, t.d.o.SampleRows, t.d.o.Seed)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", table, err)
	}
	withoutHoney(sample, t.d.snap, t.o.Server, t.cat.Database, table)
	st, err := learn(table, sample, func(c string) string { return t.d.override(table, c) })
	if err != nil {
		return nil, err
	}
	t.studies[table] = st
	return st, nil
}

// Historian is a Database that knows how often rows of a table are updated.
type Historian interface {
	// Updated returns the updates of a table for each of its rows; known is false
	// if that can't be told, or if an update leaves nothing that could be seen.
	Updated(ctx context.Context, t *Table) (share float64, known bool, err error)
}

// betrays says why an update would show, "" if it would not.
func (t *turn) betrays(ctx context.Context, st *study, c *change) string {
	if len(c.columns(st, t.cat)) == 0 {
		return "none of its columns changes in the life of an ordinary row"
	}
	if !transactional(st.table) {
		return "an update of it can't be undone"
	}
	if h, ok := t.s.Database.(Historian); ok {
		if share, known, err := h.Updated(ctx, st.table); err == nil && known && share < 0.01 {
			return "its rows are hardly ever updated, so that ctid and xmin would show it"
		}
	}
	up, born := st.touched(), st.born()
	if up == nil || born == nil || up == born {
		return ""
	}
	later, n := 0, 0
	for _, row := range st.sample.Rows {
		if row[up.sample] != nil && row[born.sample] != nil {
			if n++; *row[up.sample] != *row[born.sample] {
				later++
			}
		}
	}
	if n >= 30 && 50*later < n {
		return fmt.Sprintf("%s says that its rows are never updated", up.Name)
	}
	return ""
}

// transactional reports whether a change of the table can be rolled back.
func transactional(t *Table) bool { return t.Unsafe == "" || t.Lasting != "" }

// successor is the id of the honey row that comes instead of another one: the
// same in every run, so that an interrupted one is recognised.
func successor(id event.ID) event.ID {
	b := sha256.Sum256([]byte("honeyrow rotate\x00" + id))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: RFC 9562, 5.8
	return event.ID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]))
}

// anew plants other rows for those that can't be changed, and takes the old
// ones away.
func (t *turn) anew(ctx context.Context) error {
	if len(t.fresh) == 0 {
		return nil
	}
	type group struct{ table, copy string }
	rows := map[group][]*honeyRow{}
	var groups []group
	for _, row := range t.fresh {
		g := group{row.report("", "").Table, row.tokens[0].Copy}
		if rows[g] == nil {
			groups = append(groups, g)
		}
		rows[g] = append(rows[g], row)
	}
	for _, g := range groups {
		if err := t.replace(ctx, g.table, rows[g]); err != nil {
			return fmt.Errorf("%s: %w", g.table, err)
		}
	}
	return nil
}

// replace is anew for one table and one copy.
func (t *turn) replace(ctx context.Context, table string, old []*honeyRow) error {
	var todo []*honeyRow
	for _, row := range old {
		ts, err := t.s.Store.List(ctx, token.Filter{Row: successor(row.id), States: []token.State{token.Live}})
		if err != nil {
			return fmt.Errorf("read registry: %w", err)
		}
		if len(ts) == 0 {
			todo = append(todo, row)
		}
	}
	ready := slices.DeleteFunc(slices.Clone(old), func(r *honeyRow) bool { return slices.Contains(todo, r) })
	if len(todo) > 0 {
		o := t.o.Plan
		o.Tables, o.Rows, o.Family, o.Deployment = []string{table}, len(todo), false, ""
		o.Note, o.Copy = old[0].tokens[0].Note, old[0].tokens[0].Copy
		p, err := t.s.Plan(ctx, o)
		if errors.Is(err, ErrNothing) {
			for _, row := range todo {
				t.kept(row, "no other row can be made: %s", p.why(table))
			}
			todo = nil
		} else if err != nil {
			return err
		} else {
			rows := p.Tables[0].Rows
			for i, row := range todo {
				if i < len(rows) {
					rows[i].ID = successor(row.id)
					rows[i].hang(t.anchors[row.id])
				} else {
					t.kept(row, "the table takes no more than %d new rows now: rotate again later", len(rows))
				}
			}
			todo = todo[:min(len(todo), len(rows))]
			ao := t.o.ApplyOptions
			done, err := t.s.Apply(ctx, p, ao)
			if err != nil {
				return err
			}
			t.out.Tokens += done.Tokens
			for _, w := range done.Warnings {
				t.out.Warnings = appendOnce(t.out.Warnings, w)
			}
		}
	}
	return t.retire(ctx, append(ready, todo...))
}

func (p *Plan) why(table string) string {
	for _, r := range append(slices.Clone(p.Refused), p.Skipped...) {
		if r.Table == table {
			return r.Why
		}
	}
	return ErrNothing.Error()
}

// retire takes old rows away; their values stay watched as expired.
func (t *turn) retire(ctx context.Context, old []*honeyRow) error {
	if len(old) == 0 {
		return nil
	}
	var ids []event.ID
	tokens := map[event.ID]int{}
	for _, row := range old {
		ids = append(ids, row.id)
		tokens[row.id] = len(row.tokens)
	}
	if t.o.DryRun {
		for _, row := range old {
			r := row.report("", "")
			t.out.Rows = append(t.out.Rows, RotatedRow{ID: row.id, Table: r.Table, Key: r.Key, State: "replaced", Why: "tried and rolled back"})
		}
		return nil
	}
	rem, err := t.s.Remove(ctx, RemoveOptions{Server: t.o.Server, Rows: ids, Until: t.out.Until, Lasting: t.o.Lasting, ApplyOptions: t.o.ApplyOptions})
	if rem != nil {
		for _, r := range rem.Rows {
			x := RotatedRow{ID: r.ID, Table: r.Table, Key: r.Key, State: "replaced", By: successor(r.ID)}
			if r.State == "kept" {
				x.Why = "the new row is there, the old one stays too: " + r.Why
			} else {
				t.out.Expired += tokens[r.ID]
			}
			t.out.Rows = append(t.out.Rows, x)
		}
	}
	return err
}
