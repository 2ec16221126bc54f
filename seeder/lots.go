package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// A plan of many rows is not planted in one transaction: what it inserts would
// stay locked until its end (the rows pointed at, the values of unique indexes,
// the tables against changes of their definition). Beyond WholeUpTo rows each
// has a transaction of its own, unless the owner asks for another size. All or
// nothing is then the seeder's to give: if a row fails, those planted are taken
// out again.

const (
	// WholeUpTo is up to how many rows one transaction takes all.
	WholeUpTo = 500
	// stateLot bounds the tokens that one transaction of the registry changes:
	// proxies commit their detections to the same file.
	stateLot = 2000
	// liveLot is after how many rows their tokens are called live. Planned ones are
	// watched as well.
	liveLot = 200
	// watchLot is for how many new tokens a proxy gets another second.
	watchLot = 20_000
)

// size is how many rows one transaction takes of n; n: all.
func (o *ApplyOptions) size(n int) int {
	switch {
	case o.Batch > 0:
		return min(o.Batch, n)
	case n <= WholeUpTo:
		return n
	}
	return 1
}

// spot is a row of a plan: the indexes of its table and of itself.
type spot = [2]int

// lotsJob plants in lots.
type lotsJob struct {
	*job
	lots  [][]spot
	tried []*landing              // beside lots, rolled back
	ids   map[event.ID][]event.ID // registered tokens by row
	in    map[event.ID]bool       // rows that are committed
	ready []event.ID              // tokens of committed rows that are still planned
	fresh []token.DripRow         // committed rows that a drip may still wait for
}

// plantLots plants the rows in transactions of size rows, parents first.
func (j *job) plantLots(ctx context.Context, todo []spot, size int) error {
	if len(todo) == 0 {
		return nil
	}
	l := &lotsJob{job: j, ids: map[event.ID][]event.ID{}, in: map[event.ID]bool{}}
	for lot := range slices.Chunk(todo, size) {
		l.lots = append(l.lots, lot)
	}
	if err := j.stillUnique(ctx); err != nil {
		return err
	}
	ts, err := l.tryAll(ctx)
	if err != nil || j.o.DryRun {
		return err
	}
	if err := j.proven(ctx, ts); err != nil {
		return err
	}
	deed := j.deed(&landing{memo: ts, rows: l.all()})
	deed.Detail = fmt.Sprintf("in %d transactions", len(l.lots))
	if err := j.s.record(ctx, j.cat, j.p.Server, deed); err != nil {
		return fmt.Errorf("nothing was planted: %w", err)
	}
	if err := l.land(ctx, ts); err != nil {
		deed.Action, deed.Detail = "failed", "planting: "+err.Error()
		return errors.Join(err, j.s.record(ctx, j.cat, j.p.Server, deed))
	}
	deed.Action, deed.Rows, deed.Tokens = "planted", len(l.in), j.done.Tokens
	return j.s.record(ctx, j.cat, j.p.Server, deed)
}

func (l *lotsJob) all() (out []*landed) {
	for _, t := range l.tried {
		out = append(out, t.rows...)
	}
	return out
}

// tryAll draws keys and inserts each lot in a transaction that is rolled back,
// so that all values are known before the first row is there.
func (l *lotsJob) tryAll(ctx context.Context) (ts []token.Token, err error) {
	j := l.job
	if j.o.DryRun {
		err = j.drawKeys(ctx)
	} else {
		j.drawn = map[*Cell]string{}
	}
	for i, lot := range l.lots {
		if err != nil {
			return nil, err
		}
		j.o.progress("try", j.p.Tables[lot[0][0]].String(), i, len(l.lots))
		var t *landing
		if t, err = l.try(ctx, lot); err != nil {
			return nil, err
		}
		l.tried = append(l.tried, t)
		ts = append(ts, t.tokens()...)
		for _, r := range t.rows {
			if j.o.DryRun {
				j.done.Rows = append(j.done.Rows, AppliedRow{r.row.ID, r.table.String(), r.key, "tried"})
			}
		}
	}
	return ts, err
}

func (l *lotsJob) try(ctx context.Context, lot []spot) (t *landing, err error) {
	for range maxDraws {
		if !l.o.DryRun {
			if err := l.drawLot(ctx, lot); err != nil {
				return nil, err
			}
		}
		t, err = l.insertLot(ctx, lot, l.ancestors(lot))
		var no *Violation
		if !errors.As(err, &no) || !no.Again {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if err := t.tx.End(ctx, false); err != nil {
		return nil, fmt.Errorf("roll back the trial: %w", err)
	}
	t.tokens() // now: what is read back is kept no longer than the rows
	return t, nil
}

// drawLot takes keys for some rows from sequences.
func (j *job) drawLot(ctx context.Context, lot []spot) error {
	for _, at := range lot {
		tp, t := j.p.Tables[at[0]], j.tables[at[0]]
		for _, cp := range tp.Columns {
			col := t.Column(cp.Name)
			if cp.Source != Drawn || col == nil || !col.CanInsert || !col.CanDraw {
				continue
			}
			c := tp.Rows[at[1]].cell(cp.Name)
			if c == nil {
				continue
			}
			keys, err := j.keys(ctx, t, col, 1)
			if err != nil {
				return fmt.Errorf("draw a key for %s.%s: %w", tp, cp.Name, err)
			}
			j.drawn[c] = keys[0]
		}
	}
	return nil
}

// ancestors are the honey rows that a lot's rows point at, over others too, and
// that neither are in the lot nor in the database: parents first.
func (j *job) ancestors(lot []spot) (out []spot) {
	seen := map[spot]bool{}
	for _, at := range lot {
		seen[at] = true
	}
	var visit func(at spot)
	visit = func(at spot) {
		for _, c := range j.p.Tables[at[0]].Rows[at[1]].Cells {
			if c.Source != Honey {
				continue
			}
			up := spot{c.Ref.Table, c.Ref.Row}
			if seen[up] || j.have[j.p.Tables[up[0]].Rows[up[1]].ID] != nil {
				continue
			}
			seen[up] = true
			visit(up)
			out = append(out, up)
		}
	}
	for _, at := range lot {
		visit(at)
	}
	return out
}

// land registers the tokens, waits until they are watched, and plants.
func (l *lotsJob) land(ctx context.Context, ts []token.Token) error {
	err := l.registerAll(ctx, ts)
	for i := 0; err == nil && i < len(l.lots); i++ {
		l.o.progress("insert", l.p.Tables[l.lots[i][0][0]].String(), i, len(l.lots))
		if err = ctx.Err(); err == nil {
			err = l.commitLot(ctx, l.lots[i], l.tried[i])
		}
	}
	after := context.WithoutCancel(ctx)
	if flush := l.live(after, 0); err == nil && flush != nil {
		return fmt.Errorf("the rows are planted and watched, but the registry still calls some planned: run seed reconcile: %w", flush)
	}
	if err == nil {
		return nil
	}
	var unsure *unsureError
	if errors.As(err, &unsure) {
		if _, again := l.s.reconcile(after, l.cat, l.p.Server, l.limits()); again != nil {
			return fmt.Errorf("%w; whether the last row was planted is not known, %d others are: all stay watched, run seed reconcile to settle it", err, len(l.in))
		}
		if again := l.recount(after); again != nil {
			return errors.Join(err, again)
		}
	}
	return l.giveUp(after, err, ctx.Err() != nil)
}

// recount finds out which rows are there after reconciling.
func (l *lotsJob) recount(ctx context.Context) error {
	ts, err := l.s.Store.List(ctx, token.Filter{Server: l.p.Server, Database: l.p.Database, Deployment: l.p.Deployment, States: []token.State{token.Live}})
	for i := range ts {
		if l.ids[ts[i].Row] != nil {
			l.in[ts[i].Row] = true
		}
	}
	return err
}

// registerAll adds the planned tokens, and waits until every running proxy
// watches them.
func (l *lotsJob) registerAll(ctx context.Context, ts []token.Token) error {
	if err := l.locate(ctx, ts); err != nil {
		return err
	}
	for some := range slices.Chunk(ts, stateLot) {
		if err := l.s.Store.Add(ctx, some); err != nil {
			return fmt.Errorf("register tokens: %w", err)
		}
		for i := range some {
			l.ids[some[i].Row] = append(l.ids[some[i].Row], some[i].ID)
		}
		l.o.progress("register", "", len(l.ids), len(ts))
	}
	o := *l.o
	o.WatchTimeout += time.Duration(len(ts)/watchLot) * time.Second // to compile them
	n, warnings, err := l.s.watched(ctx, l.p.Server, &o)
	l.done.Watchers = n
	for _, w := range warnings {
		l.done.Warnings = appendOnce(l.done.Warnings, w)
	}
	return err
}

// commitLot inserts a lot for good. What differs from the trial is registered
// before the commit.
func (l *lotsJob) commitLot(ctx context.Context, lot []spot, tried *landing) error {
	real, err := l.insertLot(ctx, lot, nil)
	if err != nil {
		return err
	}
	defer real.tx.End(ctx, false)
	fresh, stale := differ(tried.tokens(), real.tokens())
	if len(fresh) > 0 {
		for i := range fresh { // drawn by a trigger just now: nobody has searched for it
			if fresh[i].Strength == token.Firm {
				fresh[i].Strength = token.Weak
			}
		}
		var ids []event.ID
		err := l.register(ctx, fresh, &ids)
		for i := range ids {
			l.ids[fresh[i].Row] = append(l.ids[fresh[i].Row], ids[i])
		}
		if err != nil {
			return err
		}
	}
	if err := real.tx.End(ctx, true); err != nil {
		var no *Violation
		if errors.As(err, &no) {
			return err
		}
		return &unsureError{err}
	}
	for _, r := range real.rows {
		l.in[r.row.ID], l.have[r.row.ID] = true, r.values
		l.fresh = append(l.fresh, token.DripRow{Row: r.row.ID, Due: l.now, State: token.Planted})
		for _, id := range l.ids[r.row.ID] {
			if !slices.Contains(stale, id) {
				l.ready = append(l.ready, id)
			}
		}
		l.done.Rows = append(l.done.Rows, AppliedRow{r.row.ID, r.table.String(), r.key, "planted"})
	}
	after := context.WithoutCancel(ctx)
	if err := l.s.setState(after, token.Removed, stale); err != nil {
		return err
	}
	return l.live(after, liveLot)
}

// live calls the tokens of committed rows live, once there are as many rows.
func (l *lotsJob) live(ctx context.Context, least int) error {
	if len(l.ready) == 0 || len(l.ready) < least {
		return nil
	}
	if err := l.s.setState(ctx, token.Live, l.ready); err != nil {
		return err
	}
	l.done.Tokens += len(l.ready)
	l.ready = l.ready[:0]
	defer func() { l.fresh = l.fresh[:0] }()
	return l.s.Store.MoveDrip(ctx, l.p.Deployment, l.fresh...)
}

// setState is SetState for any number of tokens.
func (s *Seeder) setState(ctx context.Context, to token.State, ids []event.ID) error {
	for some := range slices.Chunk(ids, stateLot) {
		if err := s.Store.SetState(ctx, to, some...); err != nil {
			return err
		}
	}
	return nil
}

// giveUp ends a planting in the middle: what is planted is taken out again, or
// stays, if the owner wants to go on later or has interrupted it.
func (l *lotsJob) giveUp(ctx context.Context, why error, interrupted bool) error {
	var left []event.ID
	for row, ids := range l.ids {
		if !l.in[row] {
			left = append(left, ids...)
		}
	}
	if err := l.s.setState(ctx, token.Removed, left); err != nil {
		return errors.Join(why, fmt.Errorf("tokens of rows that were not planted stay registered as planned: run seed reconcile, which settles them: %w", err))
	}
	n := len(l.in)
	if n == 0 {
		return why
	}
	if l.o.Keep || interrupted {
		return fmt.Errorf("%w; %d rows are planted and stay, watched: apply the same plan again to go on, or take them out with `honeyrow seed remove --deployment %s`", why, n, l.p.Deployment)
	}
	out, err := l.takeBack(ctx)
	switch {
	case err != nil:
		return errors.Join(why, fmt.Errorf("taking %d planted rows out again failed; they stay, watched: run `honeyrow seed remove --deployment %s`: %w", n, l.p.Deployment, err))
	case len(out) > 0:
		return fmt.Errorf("%w; %d of the %d planted rows could not be taken out again (%s) and stay watched: run `honeyrow seed verify`", why, len(out), n, out[0].Why)
	}
	l.done.Rows = slices.DeleteFunc(l.done.Rows, func(r AppliedRow) bool { return l.in[r.ID] })
	return fmt.Errorf("%w; the %d rows that had been planted were taken out again", why, n)
}

// takeBack removes what was planted and returns what had to stay.
func (l *lotsJob) takeBack(ctx context.Context) (kept []RowState, err error) {
	ts, err := l.s.Store.List(ctx, token.Filter{Server: l.p.Server, Database: l.p.Database, Deployment: l.p.Deployment, States: []token.State{token.Live}})
	if err != nil {
		return nil, err
	}
	ts = slices.DeleteFunc(ts, func(t token.Token) bool { return !l.in[t.Row] })
	c := &clearing{s: l.s, cat: l.cat, out: &Removed{}, rows: byRow(ts), o: &RemoveOptions{Server: l.p.Server, Deployment: l.p.Deployment, Lasting: true, ApplyOptions: *l.o}} // all or nothing was promised
	if err := c.runLots(ctx, l.limits(), 1); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(c.out.Rows, func(r RowState) bool { return r.State != "kept" }), nil
}
