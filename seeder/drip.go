package seeder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// The bounds of how long a drip may take.
const (
	MinDrip = 10 * time.Minute
	MaxDrip = 366 * 24 * time.Hour
)

// DripOptions shape one run of StartDrip or Drip.
type DripOptions struct {
	ApplyOptions
	// Config says how columns are understood, as it did for the plan.
	Config Config
	Server string // the server's name in the configuration
	// Database is the one that Open leads to: drips of others are left alone.
	// Empty: there is only one.
	Database string
	// Deployment is the drip to go on with; empty: all of the server and database.
	Deployment string
	// Seed makes times repeatable; 0 takes one at random.
	Seed uint64
	// Open connects to the database for one row; Drip closes it again, so that no
	// connection stays open for days. nil: the Seeder's own is used.
	Open func(context.Context) (Database, error)
	// Wait returns at a time, or somewhat earlier, or when ctx ends. nil sleeps.
	Wait func(ctx context.Context, until time.Time) error
	// Report, if set, is told of each row.
	Report func(Drop)
}

// Drop is what happened to one row of a drip.
type Drop struct {
	Deployment string    `json:"deployment"`
	Row        event.ID  `json:"row"`
	Table      string    `json:"table"`
	Key        string    `json:"key,omitempty"`
	Time       time.Time `json:"time"`
	// State is "planted", "foregone", "later" or "stuck" (with all rows of its drip).
	State string    `json:"state"`
	Why   string    `json:"why,omitempty"`
	In    int       `json:"in"` // rows planted so far
	Total int       `json:"total"`
	Next  time.Time `json:"next,omitzero"` // when the next row is due
}

// Dripping is a drip that begins.
type Dripping struct {
	token.Drip
	Shares   []Share  `json:"shares"`
	DryRun   bool     `json:"dry_run,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// StartDrip writes down when each row of a plan will be planted, between now
// and after over. It plants none itself: Drip does. With DryRun it writes
// nothing. Rows that are there already are left out.
func (s *Seeder) StartDrip(ctx context.Context, p *Plan, over time.Duration, o DripOptions) (*Dripping, error) {
	o.defaults()
	if over < MinDrip || over > MaxDrip {
		return nil, fmt.Errorf("a drip of %s: use %s to 366d", over, MinDrip)
	}
	if len(p.decoys()) > 0 {
		return nil, errors.New("a decoy table comes with all its rows: apply the plan without a drip")
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	j := &job{s: s, p: p, o: &o.ApplyOptions, now: s.now().UTC(), far: farKeys{}, done: &Applied{Deployment: p.Deployment, DryRun: o.DryRun}}
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	if err := j.stillUnique(ctx); err != nil {
		return nil, err
	}
	d, err := s.dripDraft(ctx, j.cat, &o)
	if err != nil {
		return nil, err
	}
	beat, shares, err := d.rhythms(ctx, p, over)
	if err != nil {
		return nil, err
	}
	waiting := map[event.ID]bool{}
	for _, at := range j.todo() {
		waiting[p.Tables[at[0]].Rows[at[1]].ID] = true
	}
	out := &Dripping{Shares: shares, DryRun: o.DryRun, Drip: token.Drip{
		Deployment: p.Deployment, Server: p.Server, Database: p.Database, Digest: p.Digest(), Begun: j.now, Over: over,
		Rows: p.schedule(d.chance(), beat, waiting, j.now, j.now.Add(over)),
	}}
	sortDue(out.Rows)
	out.Warnings = p.dripWarnings()
	if o.DryRun || len(out.Rows) == 0 {
		return out, nil
	}
	deed := token.Deed{
		Action: "drip", Copy: p.Copy, Deployment: p.Deployment, Rows: len(out.Rows), PlantedBy: p.PlantedBy, Note: p.Note, Plan: out.Digest,
		Detail: fmt.Sprintf("one by one until %s", out.Rows[len(out.Rows)-1].Due.Format(time.DateTime)),
	}
	for _, tp := range p.Tables {
		deed.Tables = appendOnce(deed.Tables, tp.String())
	}
	if err := s.record(ctx, j.cat, p.Server, deed); err != nil {
		return nil, err
	}
	plan, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return out, s.Store.Schedule(ctx, out.Drip, plan)
}

func sortDue(rows []token.DripRow) {
	slices.SortStableFunc(rows, func(a, b token.DripRow) int { return a.Due.Compare(b.Due) })
}

// dripWarnings says of what dripping changes nothing.
func (p *Plan) dripWarnings() (out []string) {
	for _, tp := range p.Tables {
		for _, cp := range tp.Columns {
			if cp.Source == Gap {
				out = append(out, fmt.Sprintf("%s: honey rows take numbers from gaps, so they keep the dates of their neighbours; only their place in the heap and xmin follow the drip", tp))
			}
		}
	}
	return out
}

// dripDraft is what rows are brought up to date with.
func (s *Seeder) dripDraft(ctx context.Context, cat *Catalog, o *DripOptions) (*draft, error) {
	if o.Config.SampleRows == 0 {
		o.Config.SampleRows = DefaultConfig().SampleRows
	}
	seed := o.Seed
	if seed == 0 {
		seed = rand.Uint64() | 1
	}
	opt := &Options{Config: o.Config, Server: o.Server, Seed: seed}
	snap, err := s.Store.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	return &draft{s: s, o: opt, cat: cat, now: s.now(), snap: snap, taken: map[string]bool{}, elsewhere: map[string]string{}, slots: map[*study][]slot{}}, nil
}

// chance is a source of randomness that differs from row to row.
func (d *draft) chance() *rand.Rand {
	return rand.New(rand.NewPCG(d.o.Seed, uint64(d.now.UnixNano())))
}

// Drip plants the rows of unfinished drips as they become due, each in a
// transaction of its own, and returns when none waits any more or ctx ends. It
// holds neither a connection nor a lock while it waits: the schedule is the
// registry's, and several processes may do the same. What can't be reached for a
// while is tried again; the first try of a run must succeed.
func (s *Seeder) Drip(ctx context.Context, o DripOptions) (*Dripped, error) {
	o.defaults()
	if o.Wait == nil {
		o.Wait = doze
	}
	w := &watch{s: s, o: &o, out: &Dripped{}, plans: map[string]*Plan{}, stuck: map[string]error{}}
	if err := w.within(ctx, func(*Seeder) error { return nil }); err != nil {
		return w.out, err
	}
	for {
		d, err := w.next(ctx)
		if err != nil || d == nil {
			return w.out, errors.Join(err, w.ended())
		}
		now := s.now()
		switch row := d.Next(); {
		case row.Due.After(now):
			if err := o.Wait(ctx, row.Due); err != nil {
				return w.out, err
			}
		case now.Sub(row.Due) > late:
			err = w.within(ctx, func(s *Seeder) error { return w.spread(ctx, s, d) })
		default:
			// A row that was begun is brought to its end.
			err = w.within(context.WithoutCancel(ctx), func(s *Seeder) error { return w.drop(context.WithoutCancel(ctx), s, d, row) })
		}
		if errors.Is(err, ErrChanged) {
			w.hold(ctx, d, err)
		} else if err != nil {
			return w.out, errors.Join(err, w.ended())
		}
	}
}

// hold has the rows of one drip wait for a person, while those of others come.
func (w *watch) hold(ctx context.Context, d *token.Drip, why error) {
	w.stuck[d.Deployment] = why
	row := d.Next()
	w.s.Log.Error().Err(why).Str("deployment", d.Deployment).Msg("a drip can't go on")
	w.tell(ctx, d, Drop{Row: row.Row, Table: row.Table, State: "stuck", Why: why.Error()})
}

// ended says which drips could not go on, and what to do.
func (w *watch) ended() (err error) {
	for _, id := range slices.Sorted(maps.Keys(w.stuck)) {
		err = errors.Join(err, fmt.Errorf("deployment %s can't go on: %w; `honeyrow seed drip %s --stop` leaves out what has not come, `honeyrow seed remove --deployment %s` takes out what has", id, w.stuck[id], id, id))
	}
	return err
}

// late is by how much a row may be overdue; of more, nobody was there to plant
// it, and all that wait get new times: rows that were held up must not come at once.
const late = 15 * time.Minute

// doze waits, at most a minute: somebody may end the drip meanwhile.
func doze(ctx context.Context, until time.Time) error {
	t := time.NewTimer(min(time.Until(until), time.Minute))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Dripped tells what a run of Drip did.
type Dripped struct {
	Planted  int      `json:"planted"`
	Foregone []Drop   `json:"foregone,omitempty"` // rows that the database refused
	Warnings []string `json:"warnings,omitempty"`
}

// watch is one run of Drip.
type watch struct {
	s     *Seeder
	o     *DripOptions
	out   *Dripped
	plans map[string]*Plan
	met   bool             // the database was reached
	stuck map[string]error // by deployment: why its rows can't come, while others do
}

// next returns the drip with the row that is due next, nil if there is none.
func (w *watch) next(ctx context.Context) (*token.Drip, error) {
	ds, err := w.s.Store.Drips(ctx, w.o.Server, w.o.Deployment)
	if err != nil {
		return nil, err
	}
	var best *token.Drip
	for i := range ds {
		if row := ds[i].Next(); row != nil && w.stuck[ds[i].Deployment] == nil && (w.o.Database == "" || w.o.Database == ds[i].Database) && (best == nil || row.Due.Before(best.Next().Due)) {
			best = &ds[i]
		}
	}
	return best, nil
}

// plan returns the plan of a drip.
func (w *watch) plan(ctx context.Context, d *token.Drip) (*Plan, error) {
	if p := w.plans[d.Deployment]; p != nil {
		return p, nil
	}
	b, err := w.s.Store.DripPlan(ctx, d.Deployment)
	if err != nil {
		return nil, err
	}
	p := new(Plan)
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(p); err != nil {
		return nil, fmt.Errorf("the plan of deployment %s: %w", d.Deployment, err)
	}
	w.plans[d.Deployment] = p
	return p, nil
}

// within does something with a connection. What went wrong for the moment only
// makes all rows that are due wait.
func (w *watch) within(ctx context.Context, do func(*Seeder) error) error {
	s := *w.s
	if w.o.Open != nil {
		db, err := w.o.Open(ctx)
		if err != nil {
			return w.later(ctx, err)
		}
		defer db.Close()
		s.Database = db
	}
	err := do(&s)
	if err == nil {
		w.met = true
		return nil
	}
	return w.later(ctx, err)
}

// later puts off what is due after an error that may pass; the first of a run
// and one that will not pass are returned.
func (w *watch) later(ctx context.Context, why error) error {
	if !w.met || errors.Is(why, ErrChanged) || ctx.Err() != nil {
		return why
	}
	d, err := w.next(ctx)
	if err != nil || d == nil {
		return err
	}
	row := *d.Next()
	if row.Due.After(w.s.now()) {
		return nil
	}
	row.Due = w.s.now().Add(time.Minute + time.Duration(rand.Int64N(int64(5*time.Minute)))).UTC()
	w.s.Log.Warn().Err(why).Str("deployment", d.Deployment).Time("again", row.Due).Msg("a honey row waits")
	w.tell(ctx, d, Drop{Row: row.Row, Table: row.Table, State: "later", Why: why.Error()})
	return w.s.Store.MoveDrip(ctx, d.Deployment, row)
}

// tell reports what became of a row.
func (w *watch) tell(ctx context.Context, d *token.Drip, x Drop) {
	x.Deployment, x.Time, x.Total = d.Deployment, w.s.now().UTC(), len(d.Rows)
	if ds, err := w.s.Store.Drips(ctx, w.o.Server, d.Deployment); err == nil && len(ds) == 1 {
		x.In = ds[0].In()
		if n := ds[0].Next(); n != nil {
			x.Next = n.Due
		}
	}
	if x.State == string(token.Foregone) {
		w.out.Foregone = append(w.out.Foregone, x)
	}
	if w.o.Report != nil {
		w.o.Report(x)
	}
}

// spread gives all waiting rows of a drip new times, from now on, in as long
// as so many rows take.
func (w *watch) spread(ctx context.Context, s *Seeder, d *token.Drip) error {
	p, err := w.plan(ctx, d)
	if err != nil {
		return err
	}
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("read catalogue: %w", err)
	}
	dr, err := s.dripDraft(ctx, cat, w.o)
	if err != nil {
		return err
	}
	beat, _, err := dr.rhythms(ctx, p, d.Over)
	if err != nil {
		return err
	}
	waiting := map[event.ID]bool{}
	for i := range d.Rows {
		if d.Rows[i].State == token.Waiting {
			waiting[d.Rows[i].Row] = true
		}
	}
	now := s.now().UTC()
	end := d.Begun.Add(d.Over)
	if need := now.Add(d.Over * time.Duration(len(waiting)) / time.Duration(len(d.Rows))); need.After(end) {
		end = need
	}
	return s.Store.MoveDrip(ctx, d.Deployment, p.schedule(dr.chance(), beat, waiting, now, end)...)
}

// drop plants one row.
func (w *watch) drop(ctx context.Context, s *Seeder, d *token.Drip, row *token.DripRow) error {
	p, err := w.plan(ctx, d)
	if err != nil {
		return err
	}
	if at, state := p.parentsOf(d, row.Row); state != "" {
		return w.orphan(ctx, d, row, at, state)
	}
	done, err := s.plantOne(ctx, p, d, row.Row, *w.o)
	var no *refusal
	var v *Violation
	switch {
	case errors.As(err, &no), errors.As(err, &v) && v.data():
		return w.forgo(ctx, d, row, err)
	case err != nil:
		return err
	}
	for _, warning := range done.Warnings {
		w.out.Warnings = appendOnce(w.out.Warnings, warning)
	}
	w.out.Planted++
	key := ""
	for _, r := range done.Rows {
		if r.ID == row.Row {
			key = r.Key
		}
	}
	w.tell(ctx, d, Drop{Row: row.Row, Table: row.Table, Key: key, State: string(token.Planted)})
	return nil
}

// forgo leaves a row out for good.
func (w *watch) forgo(ctx context.Context, d *token.Drip, row *token.DripRow, why error) error {
	gone := *row
	gone.State, gone.Why = token.Foregone, why.Error()
	if err := w.s.Store.MoveDrip(ctx, d.Deployment, gone); err != nil {
		return err
	}
	w.tell(ctx, d, Drop{Row: row.Row, Table: row.Table, State: string(token.Foregone), Why: gone.Why})
	return nil
}

// orphan deals with a row that points at one that is not there (yet).
func (w *watch) orphan(ctx context.Context, d *token.Drip, row *token.DripRow, at time.Time, state token.DripState) error {
	if state != token.Waiting {
		return w.forgo(ctx, d, row, errors.New("the honey row that it points at was not planted"))
	}
	moved := *row
	moved.Due = at.Add(time.Minute + time.Duration(rand.Int64N(int64(10*time.Minute))))
	return w.s.Store.MoveDrip(ctx, d.Deployment, moved)
}

// parentsOf returns the state of a row of the drip at which another one points,
// if that is not planted, and when it is due; an empty state if nothing is missing.
func (p *Plan) parentsOf(d *token.Drip, id event.ID) (time.Time, token.DripState) {
	byID := map[event.ID]*token.DripRow{}
	for i := range d.Rows {
		byID[d.Rows[i].Row] = &d.Rows[i]
	}
	_, row := p.row(id)
	if row == nil {
		return time.Time{}, token.Cancelled
	}
	for _, c := range row.Cells {
		if c.Source != Honey {
			continue
		}
		if up := byID[p.Tables[c.Ref.Table].Rows[c.Ref.Row].ID]; up != nil && up.State != token.Planted {
			return up.Due, up.State
		}
	}
	return time.Time{}, ""
}

// row returns a row of the plan and its table.
func (p *Plan) row(id event.ID) (*TablePlan, *RowPlan) {
	for _, tp := range p.Tables {
		for _, r := range tp.Rows {
			if r.ID == id {
				return tp, r
			}
		}
	}
	return nil, nil
}

// StopDrip ends a deployment's drip: the rows that wait are not planted, those
// that are in stay. It returns how many are left out.
func (s *Seeder) StopDrip(ctx context.Context, server, deployment string) (int, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return 0, fmt.Errorf("read catalogue: %w", err)
	}
	return s.cancel(ctx, cat, &RemoveOptions{Server: server, Deployment: deployment}, nil)
}

// cancel leaves waiting rows out, of all or of some, and returns how many.
func (s *Seeder) cancel(ctx context.Context, cat *Catalog, o *RemoveOptions, only []event.ID) (int, error) {
	ds, err := s.Store.Drips(ctx, o.Server, o.Deployment)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range ds {
		d := &ds[i]
		if d.Database != cat.Database {
			continue
		}
		var rows []token.DripRow
		for _, r := range d.Rows {
			if r.State == token.Waiting && (len(only) == 0 || slices.Contains(only, r.Row)) {
				r.State = token.Cancelled
				rows = append(rows, r)
			}
		}
		if n += len(rows); len(rows) == 0 || o.DryRun {
			continue
		}
		deed := token.Deed{Action: "drip stopped", Deployment: d.Deployment, Rows: len(rows), Plan: d.Digest, Detail: fmt.Sprintf("%d of %d rows are in", d.In(), len(d.Rows))}
		if err := s.record(ctx, cat, o.Server, deed); err != nil {
			return n, err
		}
		if err := s.Store.MoveDrip(ctx, d.Deployment, rows...); err != nil {
			return n, err
		}
	}
	return n, nil
}
