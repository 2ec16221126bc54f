package seeder

import (
	"context"
	"fmt"
	"strconv"
)

// farKeys makes keys for rows that will be rolled back: above the highest in
// use, and so far above where there is room that no real insert wants them
// meanwhile. It maps a sequence to the last key given out, since inheriting
// tables share one. No sequence is moved.
type farKeys map[string]int64

// howFar is how far above, and how far where the database refuses such a row: a
// partition or a check may end the numbers.
var howFar = []int64{1_000_000, 1000, 50, 0}

// trialKey makes the keys of one column.
type trialKey struct {
	far   farKeys
	c     *Column
	high  int64 // the highest in use
	at    int64 // the last one made
	step  int   // of howFar
	spare []string
	given int // of the spare ones
}

// start makes room for n keys of a column.
func (f farKeys) start(ctx context.Context, db Planter, t *Table, c *Column, n int) (*trialKey, error) {
	high, err := db.Highest(ctx, t, c.Name)
	if err != nil {
		return nil, err
	}
	k := &trialKey{far: f, c: c}
	if high != "" {
		if k.high, err = strconv.ParseInt(high, 10, 64); err != nil {
			return nil, refuse("column %s (%s): its highest value is beyond what is counted on", c.Name, c.Type)
		}
	}
	k.at = k.high
	switch room := c.MaxInt - k.high; {
	case c.MaxInt <= 0 || room > howFar[0]+int64(n):
		k.at += howFar[0]
	case room < int64(n):
		return nil, refuse("column %s (%s) has used up its numbers: no room for %d more", c.Name, c.Type, n)
	default:
		k.step = len(howFar)
	}
	if k.spare, err = db.Spare(ctx, t, c.Name, n); err != nil {
		if no, ok := err.(*Violation); ok {
			return nil, refuse("%s", no.Why)
		}
		return nil, err
	}
	if last, ok := f[c.Sequence]; ok && last >= k.at {
		k.at = last
	}
	return k, nil
}

// next makes a key.
func (k *trialKey) next() string {
	if len(k.spare) > 0 { // a row that was refused leaves its key free
		k.given++
		return k.spare[(k.given-1)%len(k.spare)]
	}
	k.at++
	k.far[k.c.Sequence] = k.at
	return fmt.Sprint(k.at)
}

// nearer takes the next keys nearer to those in use; false if that can't be.
func (k *trialKey) nearer() bool {
	if len(k.spare) > 0 || k.step+1 >= len(howFar) {
		return false
	}
	k.step++
	k.at = k.high + howFar[k.step]
	return true
}

// nearer takes the keys of all columns nearer to those in use.
func nearer(keys map[string]*trialKey) (any bool) {
	for _, k := range keys {
		any = k.nearer() || any
	}
	return any
}

// trialKeys returns, per drawn column, what makes keys for a trial.
func (d *draft) trialKeys(ctx context.Context, st *study, used farKeys) (map[string]*trialKey, error) {
	out := map[string]*trialKey{}
	for _, f := range st.columns {
		if f.plan.Source != Drawn || !f.CanInsert {
			continue
		}
		k, err := used.start(ctx, d.s.Database, st.table, f.Column, len(d.tables[d.position[st.table]].Rows))
		if err != nil {
			return nil, err
		}
		out[f.Name] = k
	}
	return out, nil
}

// roomy refuses a table whose generator would have few numbers left behind the
// honey rows.
func (d *draft) roomy(ctx context.Context, st *study, f *field, n int) error {
	high, err := d.s.Database.Highest(ctx, st.table, f.Name)
	if err != nil {
		return err
	}
	k, err := strconv.ParseInt(high, 10, 64)
	if err != nil { // none yet, not to be read, or beyond what is counted on: the trial tells
		return nil
	}
	if g, ok := d.s.Database.(Giver); ok {
		given, known, err := g.Given(ctx, st.table, f.Name)
		if err != nil {
			return err
		}
		if known && given < k {
			if err := d.ahead(ctx, st, f, given, n); err != nil {
				return err
			}
		}
		if known {
			k = max(k, given)
		}
	}
	return f.leaves(k, n)
}

// ahead refuses a table among whose rows the generator's next n numbers and as many
// behind them stand: rows were put there with numbers of their own, and the generator was
// left behind. What is planted would fail, or take the few numbers among them that are
// free, and use up the ones with which the owner would have noticed.
func (d *draft) ahead(ctx context.Context, st *study, f *field, given int64, n int) error {
	db, ok := d.s.Database.(Kinsman)
	if !ok || !f.CanSelect {
		return nil
	}
	var next []string
	for i := range int64(2 * n) {
		next = append(next, strconv.FormatInt(given+1+i, 10))
	}
	found, err := db.Kin(ctx, st.table, f.Name, next, 1)
	if passable(err) != nil {
		return err
	}
	if err == nil && len(found.Rows) > 0 {
		return refuse("the next numbers that %s gives to column %s, from %s on, stand in the table: the application's own inserts fail at them too; have its owner set it behind them (SELECT setval), then plan again", f.Sequence, f.Name, next[0])
	}
	return nil
}

// leaves refuses a column whose highest number is k if n more leave the application
// hardly any: what takes the last ones stops its inserts.
func (f *field) leaves(k int64, n int) error {
	if f.MaxInt <= 0 {
		return nil
	}
	keep := max(10*int64(n), min(f.MaxInt/20, 1000))
	switch room := f.MaxInt - k; {
	case room < int64(n):
		return refuse("column %s (%s) has used up its numbers: no room for %d more", f.Name, f.Type, n)
	case room < int64(n)+keep:
		return refuse("column %s (%s) has almost used up its numbers: %d are left, and they are the application's", f.Name, f.Type, room)
	}
	return nil
}
