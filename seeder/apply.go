package seeder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// ApplyOptions shape one run of Apply or Remove.
type ApplyOptions struct {
	// DryRun inserts in a transaction and rolls it back; nothing is registered.
	DryRun bool
	// Force goes on when a running proxy does not watch the new values in time.
	Force bool
	// Batch is how many rows one transaction plants or removes. 0: up to WholeUpTo
	// rows all in one, of more each row in its own.
	Batch int
	// Keep leaves what is planted when another transaction of the same plan fails,
	// so that it can be gone on with; otherwise it is taken out again.
	Keep bool
	// LockTimeout, StatementTimeout, SearchTimeout and WatchTimeout bound the
	// waiting; zero takes DefaultConfig's.
	LockTimeout, StatementTimeout, SearchTimeout, WatchTimeout time.Duration
	Progress                                                   func(Progress)
}

func (o *ApplyOptions) defaults() {
	def := DefaultConfig()
	if o.LockTimeout == 0 {
		o.LockTimeout = def.LockTimeout
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = def.StatementTimeout
	}
	if o.SearchTimeout == 0 {
		o.SearchTimeout = def.SearchTimeout
	}
	if o.WatchTimeout == 0 {
		o.WatchTimeout = def.WatchTimeout
	}
}

func (o *ApplyOptions) progress(step, table string, done, total int) {
	if o.Progress != nil {
		o.Progress(Progress{step, table, done, total})
	}
}

// Applied tells what Apply did.
type Applied struct {
	Deployment string       `json:"deployment"`
	DryRun     bool         `json:"dry_run,omitempty"`
	Rows       []AppliedRow `json:"rows"`
	Tokens     int          `json:"tokens"`   // registered by this run
	Watchers   int          `json:"watchers"` // proxies that watched before the commit
	Reconciled *Reconciled  `json:"reconciled,omitempty"`
	Warnings   []string     `json:"warnings,omitempty"`
}

// AppliedRow is one honey row's fate.
type AppliedRow struct {
	ID    event.ID `json:"id"`
	Table string   `json:"table"`
	Key   string   `json:"key,omitempty"`
	// State is "planted", "present" (by an earlier run of the same plan) or
	// "tried" (dry run).
	State string `json:"state"`
}

// ErrChanged says that the database is not what the plan was made for.
var ErrChanged = errors.New("the database has changed since the plan was made: make a new plan")

// Apply plants exactly the plan, in one transaction or, if it is large, in many
// (ApplyOptions.Batch). Its values are registered and watched by the running
// proxies before any row becomes visible. On failure it leaves nothing behind,
// unless it is interrupted between two of many transactions, or ApplyOptions.Keep
// says so. Applying a plan twice plants nothing new.
func (s *Seeder) Apply(ctx context.Context, p *Plan, o ApplyOptions) (*Applied, error) {
	o.defaults()
	j := &job{s: s, p: p, o: &o, now: s.now().UTC(), far: farKeys{}, done: &Applied{Deployment: p.Deployment, DryRun: o.DryRun}}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	todo := j.todo()
	if n := len(todo); len(p.decoys()) > 0 && n > 0 {
		return j.done, j.plant(ctx)
	} else if n == 0 || o.size(n) < n {
		return j.done, j.plantLots(ctx, todo, o.size(n))
	}
	return j.done, j.plant(ctx)
}

// job is one run of Apply.
type job struct {
	s      *Seeder
	p      *Plan
	o      *ApplyOptions
	now    time.Time
	cat    *Catalog
	tables []*Table                       // beside p.Tables
	have   map[event.ID]map[string]string // rows present: their tokens' values by column
	drawn  map[*Cell]string
	far    farKeys // keys of a dry run
	nearer int     // how often they were taken nearer to those in use
	done   *Applied
	only   map[event.ID]bool   // rows of a drip that are due; nil: all
	digest string              // of the plan as it was reviewed
	stands map[*TablePlan]bool // decoy tables that are there already
	trial  bool                // what is inserted is rolled back
}

// open reports whether a row is to be planted by this run.
func (j *job) open(row *RowPlan) bool {
	return j.have[row.ID] == nil && (j.only == nil || j.only[row.ID])
}

// waits reports whether a row of a table is to be planted by this run. Those of a
// decoy table come with it or not at all.
func (j *job) waits(tp *TablePlan, row *RowPlan) bool {
	return j.open(row) && !j.stands[tp]
}

// check makes sure that the plan still fits the database.
func (j *job) check(ctx context.Context) (err error) {
	if j.cat, err = j.s.Database.Catalog(ctx); err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	if j.cat.Product != j.p.Product || j.cat.Database != j.p.Database {
		return fmt.Errorf("the plan is for database %s (%s), the connection leads to %s (%s): connect to the right one", j.p.Database, j.p.Product, j.cat.Database, j.cat.Product)
	}
	if !j.o.DryRun {
		if j.done.Reconciled, err = j.s.reconcile(ctx, j.cat, j.p.Server, j.limits()); err != nil {
			return err
		}
	}
	print, err := fingerprint(j.cat, j.p.Tables)
	if err != nil {
		return fmt.Errorf("%w (%v)", ErrChanged, err)
	}
	if print != j.p.Fingerprint {
		return fmt.Errorf("%w (the definition of %s)", ErrChanged, cmp.Or(j.p.changed(j.cat), "its tables"))
	}
	for _, tp := range j.p.Tables {
		if tp.Decoy != nil {
			continue
		}
		t, err := j.cat.Table(tp.String())
		if err != nil {
			return err
		}
		if t.Refusal != "" {
			return fmt.Errorf("table %s can't be seeded with this role: %s", t, t.Refusal)
		}
		if t.Lasting != "" && !tp.Lasting { // the trial, which comes first, would leave it behind
			return fmt.Errorf("table %s: %s; or make a new plan that names the table", t, t.Lasting)
		}
		for _, c := range tp.Columns {
			if t.Column(c.Name) == nil {
				return fmt.Errorf("table %s has no column %s: the plan was changed since it was made: make a new plan", t, c.Name)
			}
		}
		j.tables = append(j.tables, t)
	}
	ts, err := j.s.Store.List(ctx, token.Filter{
		Server: j.p.Server, Database: j.p.Database, Deployment: j.p.Deployment,
		States: []token.State{token.Planned, token.Live, token.Retired},
	})
	if err != nil {
		return fmt.Errorf("read registry: %w", err)
	}
	ts = current(ts)
	j.have = map[event.ID]map[string]string{}
	for i := range ts {
		if j.have[ts[i].Row] == nil {
			j.have[ts[i].Row] = map[string]string{}
		}
		j.have[ts[i].Row][ts[i].Place.Column] = ts[i].Value
	}
	return j.foundations(ctx)
}

func (j *job) limits() Limits { return Limits{j.o.LockTimeout, j.o.StatementTimeout} }

// todo lists the rows that are not planted yet, as indexes of table and row.
func (j *job) todo() (out [][2]int) {
	j.done.Rows = nil
	for i, tp := range j.p.Tables {
		for n, row := range tp.Rows {
			if have, ok := j.have[row.ID]; ok {
				j.done.Rows = append(j.done.Rows, AppliedRow{row.ID, tp.String(), keyText(j.tables[i], have), "present"})
				continue
			}
			if j.waits(tp, row) {
				out = append(out, [2]int{i, n})
			}
		}
	}
	return out
}

// plant does the work: preview, register, wait, insert, commit.
func (j *job) plant(ctx context.Context) error {
	if err := j.stillUnique(ctx); err != nil {
		return err
	}
	preview, err := j.preview(ctx)
	if err != nil {
		return err
	}
	if err := preview.tx.End(ctx, false); err != nil {
		return fmt.Errorf("roll back the trial: %w", err)
	}
	if j.o.DryRun {
		for _, l := range preview.rows {
			j.done.Rows = append(j.done.Rows, AppliedRow{l.row.ID, l.table.String(), l.key, "tried"})
		}
		return nil
	}
	if err := j.proven(ctx, preview.tokens()); err != nil {
		return err
	}
	deed := j.deed(preview)
	if err := j.s.record(ctx, j.cat, j.p.Server, deed); err != nil {
		return fmt.Errorf("nothing was planted: %w", err)
	}
	if err := j.land(ctx, preview); err != nil {
		deed.Action, deed.Detail = "failed", "planting: "+err.Error()
		return errors.Join(err, j.s.record(ctx, j.cat, j.p.Server, deed))
	}
	deed.Action, deed.Rows, deed.Tokens = "planted", 0, j.done.Tokens
	for _, r := range j.done.Rows {
		if r.State == "planted" {
			deed.Rows++
		}
	}
	return j.s.record(ctx, j.cat, j.p.Server, deed)
}

// deed is what the log says of this run before it begins.
func (j *job) deed(l *landing) token.Deed {
	d := token.Deed{Action: "plant", Copy: j.p.Copy, Deployment: j.p.Deployment, Rows: len(l.rows), Tokens: len(l.tokens()), PlantedBy: j.p.PlantedBy, Note: j.p.Note, Plan: cmp.Or(j.digest, j.p.Digest())}
	for _, r := range l.rows {
		d.Tables = appendOnce(d.Tables, r.table.String())
	}
	return d
}

// land registers what the preview showed and plants it.
func (j *job) land(ctx context.Context, preview *landing) error {
	var ids []event.ID
	err := j.register(ctx, preview.tokens(), &ids)
	if err == nil {
		err = j.commit(ctx, preview, &ids)
	}
	var unsure *unsureError
	switch {
	case errors.As(err, &unsure):
		return j.settle(ctx, err)
	case err != nil && len(j.p.decoys()) > 0:
		return j.unfound(ctx, err)
	case err != nil && len(ids) > 0:
		ctx := context.WithoutCancel(ctx)
		if undo := j.s.Store.SetState(ctx, token.Removed, ids...); undo != nil {
			return errors.Join(err, fmt.Errorf("nothing was planted, but its tokens stay registered as planned: run seed verify, which settles them: %w", undo))
		}
	}
	return err
}

// preview draws keys and inserts the rows in a transaction that is to be
// rolled back. It draws anew as long as another session takes a key first.
func (j *job) preview(ctx context.Context) (l *landing, err error) {
	for range maxDraws {
		if err := j.drawKeys(ctx); err != nil {
			return nil, err
		}
		j.trial = true
		l, err = j.insert(ctx)
		j.trial = false
		var no *Violation
		switch {
		case !errors.As(err, &no):
			return l, err
		case j.o.DryRun && no.Code == "23514" && j.nearer < len(howFar)-1:
			j.nearer++
			j.far = farKeys{}
		case !no.Again:
			return l, err
		}
	}
	return l, err
}

// unsureError says that the server may or may not have committed.
type unsureError struct{ err error }

func (e *unsureError) Error() string { return e.err.Error() }
func (e *unsureError) Unwrap() error { return e.err }

// settle finds out what became of a commit whose answer was lost.
func (j *job) settle(ctx context.Context, err error) error {
	if len(j.p.decoys()) > 0 {
		cat, cerr := j.s.Database.Catalog(context.WithoutCancel(ctx))
		if cerr != nil {
			return fmt.Errorf("%w; whether the decoy tables were made is not known: they stay watched, run seed verify to settle it", err)
		}
		j.cat = cat
	}
	rec, again := j.s.reconcile(context.WithoutCancel(ctx), j.cat, j.p.Server, j.limits())
	if again != nil {
		return fmt.Errorf("%w; whether the rows were planted is not known: their values stay watched, run seed verify to settle it", err)
	}
	if rec.Live > 0 {
		j.done.Warnings = append(j.done.Warnings, "the answer to the commit was lost, but the rows are there")
		return nil
	}
	return err
}

// stillUnique checks the plan's watched values against today's rows.
func (j *job) stillUnique(ctx context.Context) error {
	for i, tp := range j.p.Tables {
		if tp.Decoy != nil {
			continue
		}
		for _, cp := range tp.Columns {
			var tuples [][]string
			for _, row := range tp.Rows {
				if c := row.cell(cp.Name); c != nil && c.Source == Made && c.Watch && c.Value != nil && j.open(row) && !j.held(tp, c) {
					tuples = append(tuples, []string{*c.Value})
				}
			}
			taken, err := j.s.Database.Taken(ctx, j.tables[i], []string{cp.Name}, tuples)
			if err != nil {
				return fmt.Errorf("check %s.%s: %w", tp, cp.Name, err)
			}
			for _, t := range taken {
				if t {
					return fmt.Errorf("%w (a planned value of %s.%s is in the table by now)", ErrChanged, tp, cp.Name)
				}
			}
		}
	}
	return nil
}

// held reports whether another row of the plan, which is planted already, holds a
// cell's value, as relatives of one row may.
func (j *job) held(tp *TablePlan, c *Cell) bool {
	return len(j.have) > 0 && slices.ContainsFunc(tp.Rows, func(o *RowPlan) bool {
		other := o.cell(c.Column)
		return other != nil && other != c && other.Value != nil && *other.Value == *c.Value && j.have[o.ID][c.Column] == *c.Value
	})
}

// drawKeys takes keys from sequences, so that values can be registered with
// their place before the rows exist. A dry run takes none.
func (j *job) drawKeys(ctx context.Context) error {
	j.drawn = map[*Cell]string{}
	for i, tp := range j.p.Tables {
		for _, cp := range tp.Columns {
			col := j.tables[i].Column(cp.Name)
			if cp.Source != Drawn || col == nil || !col.CanInsert || !col.CanDraw && !j.o.DryRun {
				continue
			}
			var cells []*Cell
			for _, row := range tp.Rows {
				if c := row.cell(cp.Name); c != nil && j.open(row) {
					cells = append(cells, c)
				}
			}
			keys, err := j.keys(ctx, j.tables[i], col, len(cells))
			if err != nil {
				return fmt.Errorf("draw keys for %s.%s: %w", tp, cp.Name, err)
			}
			for k, c := range cells {
				j.drawn[c] = keys[k]
			}
		}
	}
	return nil
}

func (j *job) keys(ctx context.Context, t *Table, col *Column, n int) ([]string, error) {
	if !j.o.DryRun {
		return j.s.Database.Draw(ctx, t, col.Name, n)
	}
	key, err := j.far.start(ctx, j.s.Database, t, col, n)
	if err != nil {
		return nil, err
	}
	for range j.nearer {
		key.nearer()
	}
	out := make([]string, n)
	for i := range out {
		out[i] = key.next()
	}
	return out, nil
}

// register adds planned tokens and where they are, and waits until every
// running proxy watches them. ids collects what was added.
func (j *job) register(ctx context.Context, ts []token.Token, ids *[]event.ID) error {
	j.o.progress("register", "", 0, len(ts))
	if err := j.locate(ctx, ts); err != nil {
		return err
	}
	if err := j.s.Store.Add(ctx, ts); err != nil {
		return fmt.Errorf("register tokens: %w", err)
	}
	for i := range ts {
		*ids = append(*ids, ts[i].ID)
	}
	n, warnings, err := j.s.watched(ctx, j.p.Server, j.o)
	j.done.Watchers = n
	for _, w := range warnings {
		j.done.Warnings = appendOnce(j.done.Warnings, w)
	}
	return err
}

func appendOnce(list []string, s string) []string {
	for _, v := range list {
		if v == s {
			return list
		}
	}
	return append(list, s)
}

// locate tells the atlas where the tokens' columns are.
func (j *job) locate(ctx context.Context, ts []token.Token) error {
	var ls []token.Location
	seen := map[event.Place]bool{}
	for i := range ts {
		p := ts[i].Place
		p.Key = ""
		if seen[p] {
			continue
		}
		seen[p] = true
		t, err := j.tableOf(p)
		if err != nil {
			return err
		}
		ls = append(ls, locations(t, p)...)
	}
	if err := j.s.Store.Locate(ctx, ls); err != nil {
		return fmt.Errorf("register places: %w", err)
	}
	return nil
}

// maxParts bounds the partitions of a table that are watched by number.
const maxParts = 4096

// locations lists the numbers under which a server may report a column: the
// table's own first, then those of its parents, partitions and children.
func locations(t *Table, p event.Place) (out []token.Location) {
	for i, part := range t.Parts {
		if attr := part.Attrs[p.Column]; attr != 0 && i < maxParts {
			out = append(out, token.Location{Server: p.Server, Database: p.Database, Schema: p.Schema, Table: p.Table, Column: p.Column, TableOID: part.OID, Attr: attr})
		}
	}
	return out
}

// commit inserts the rows for good. What differs from the preview (a trigger
// that draws at random, a key that only the server knows) is registered before
// the commit.
func (j *job) commit(ctx context.Context, preview *landing, ids *[]event.ID) error {
	real, err := j.insert(ctx)
	if err != nil {
		return err
	}
	defer real.tx.End(ctx, false)
	fresh, stale := differ(preview.tokens(), real.tokens())
	for i := range fresh { // drawn by a trigger just now: nobody has searched for it
		if fresh[i].Strength == token.Firm {
			fresh[i].Strength = token.Weak
		}
	}
	if len(fresh) > 0 {
		if err := j.register(ctx, fresh, ids); err != nil {
			return err
		}
	}
	if err := j.renumbered(ctx, real); err != nil {
		return err
	}
	j.o.progress("commit", "", len(real.rows), len(real.rows))
	if err := real.tx.End(ctx, true); err != nil {
		var no *Violation
		if errors.As(err, &no) {
			return err // the server said no
		}
		return &unsureError{err}
	}
	return j.landed(ctx, real, ids, stale)
}

// landed writes down that rows were committed, and that the tokens of ids are
// live but for the stale ones, which hold no longer.
func (j *job) landed(ctx context.Context, real *landing, ids *[]event.ID, stale []event.ID) error {
	ctx = context.WithoutCancel(ctx)
	gone := map[event.ID]bool{}
	for _, id := range stale {
		gone[id] = true
	}
	var live []event.ID
	for _, id := range *ids {
		if !gone[id] {
			live = append(live, id)
		}
	}
	*ids = nil // the rows are there: never undo their registration
	err := j.s.Store.SetState(ctx, token.Live, live...)
	if err == nil && len(stale) > 0 {
		err = j.s.Store.SetState(ctx, token.Removed, stale...)
	}
	var in []token.DripRow
	for _, l := range real.rows {
		j.done.Rows = append(j.done.Rows, AppliedRow{l.row.ID, l.table.String(), l.key, "planted"})
		in = append(in, token.DripRow{Row: l.row.ID, Due: j.now, State: token.Planted})
	}
	if err == nil {
		err = j.s.Store.MoveDrip(ctx, j.p.Deployment, in...)
	}
	j.done.Tokens = len(live)
	j.s.Log.Info().Str("deployment", j.p.Deployment).Str("server", j.p.Server).Str("database", j.p.Database).
		Int("rows", len(real.rows)).Int("tokens", len(live)).Msg("honey rows planted")
	if err != nil {
		return fmt.Errorf("the rows are planted and watched, but the registry still calls them planned: run seed verify, which settles it: %w", err)
	}
	return nil
}
