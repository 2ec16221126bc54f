package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/seeder/pgdb"
	"honeyrow/token"
	"honeyrow/token/sqlite"
)

// stopwatch keeps how long each transaction was open that held a lock: from the
// first insert or delete that was sent to the end.
type stopwatch struct{ all []time.Duration }

func (w *stopwatch) reset() { w.all = nil }

func (w *stopwatch) copy() *stopwatch { return &stopwatch{slices.Sorted(slices.Values(w.all))} }

// at returns the share's quantile of sorted durations.
func (w *stopwatch) at(share float64) time.Duration {
	if len(w.all) == 0 {
		return 0
	}
	return w.all[min(int(share*float64(len(w.all))), len(w.all)-1)]
}

// String tells the half, the slowest hundredth and the longest.
func (w *stopwatch) String() string {
	return fmt.Sprintf("%d transactions, half %s, 99 %% %s, longest %s", len(w.all), w.at(0.5), w.at(0.99), w.at(1))
}

// The databases whose transactions are timed are otherwise the products' own,
// with all that these can do beside what a seeder.Database must.
type (
	timedPG struct {
		*pgdb.DB
		locks *stopwatch
	}
	timedMy struct {
		*mydb.DB
		locks *stopwatch
	}
)

// Begin implements seeder.Planter.
func (t *timedPG) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := t.DB.Begin(ctx, l)
	return watch(tx, t.locks), err
}

// Begin implements seeder.Planter.
func (t *timedMy) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := t.DB.Begin(ctx, l)
	return watch(tx, t.locks), err
}

func watch(tx seeder.Tx, locks *stopwatch) seeder.Tx {
	if tx == nil {
		return nil
	}
	return &timedTx{Tx: tx, locks: locks}
}

type timedTx struct {
	seeder.Tx
	locks *stopwatch
	began time.Time
}

func (t *timedTx) touch() {
	if t.began.IsZero() {
		t.began = time.Now()
	}
}

// Insert implements seeder.Tx.
func (t *timedTx) Insert(ctx context.Context, tb *seeder.Table, row []seeder.Value) ([]seeder.Value, uint32, error) {
	t.touch()
	return t.Tx.Insert(ctx, tb, row)
}

// Delete implements seeder.Tx.
func (t *timedTx) Delete(ctx context.Context, tb *seeder.Table, where []seeder.Value) (int64, error) {
	t.touch()
	return t.Tx.Delete(ctx, tb, where)
}

// End implements seeder.Tx.
func (t *timedTx) End(ctx context.Context, commit bool) error {
	err := t.Tx.End(ctx, commit)
	if !t.began.IsZero() {
		t.locks.all = append(t.locks.all, time.Since(t.began))
		t.began = time.Time{}
	}
	return err
}

// step is a part of the work.
type step struct {
	of, name string
	took     time.Duration
}

// clock adds up what the steps of the seeder take, and shows where it is.
type clock struct {
	errs    io.Writer
	quiet   bool
	product string
	last    string
	at      time.Time
	shown   time.Time
	took    map[string]time.Duration
}

func (c *clock) see(p seeder.Progress) {
	now := time.Now()
	if c.took == nil {
		c.took = map[string]time.Duration{}
	}
	if !c.at.IsZero() {
		c.took[c.last] += now.Sub(c.at)
	}
	c.last, c.at = p.Step, now
	if !c.quiet && now.Sub(c.shown) > 5*time.Second {
		c.shown = now
		fmt.Fprintf(c.errs, "%s: %s %s %d/%d\n", c.product, p.Step, p.Table, p.Done, p.Total)
	}
}

// end appends the steps so far.
func (c *clock) end(of string, to []step) []step {
	if !c.at.IsZero() {
		c.took[c.last] += time.Since(c.at)
	}
	for name, d := range c.took {
		to = append(to, step{of, name, d})
	}
	c.took, c.at = nil, time.Time{}
	slices.SortFunc(to, func(a, b step) int { return int(b.took - a.took) })
	return to
}

// stories is how many `honeyrow tokens where` tells of a value by itself.
const stories = 20

// lookups fills the registry up and asks it for planted values.
func (r *result) lookups(ctx context.Context, store *sqlite.Store, o options, c *clock) error {
	ts, err := store.List(ctx, token.Filter{})
	if err != nil {
		return err
	}
	for n := len(ts); n < o.tokens; {
		var more []token.Token
		for range min(50_000, o.tokens-n) {
			id := event.NewID()
			more = append(more, token.Token{
				ID: id, Row: id, Kind: "api_key", Value: "filler-" + string(id), Strength: token.Strong, State: token.Live,
				Place:      event.Place{Server: "scale", Database: "filler", Schema: "public", Table: "filler", Column: "key", Key: string(id)},
				Deployment: "filler", PlantedBy: "scale", PlantedAt: time.Now(), ChangedAt: time.Now(),
			})
		}
		if err := store.Add(ctx, more); err != nil {
			return err
		}
		n += len(more)
		c.see(seeder.Progress{Step: "fill", Done: n, Total: o.tokens})
	}
	r.searched = max(len(ts), o.tokens)
	w := &stopwatch{}
	for i := 0; i < len(ts); i += max(1, len(ts)/1000) {
		began := time.Now()
		ls, all, err := store.Lookup(ctx, stories, token.Forms(ts[i].Value)...)
		if err != nil {
			return err
		}
		w.all = append(w.all, time.Since(began))
		if r.widest = max(r.widest, all); all <= stories && !slices.ContainsFunc(ls, func(l token.Life) bool { return l.ID == ts[i].ID }) {
			return fmt.Errorf("token %s is not found by its value", ts[i].ID)
		}
		c.see(seeder.Progress{Step: "look up", Done: i, Total: len(ts)})
	}
	w = w.copy()
	r.lookup, r.lookupHi = w.at(0.5), w.at(0.99)
	return nil
}
