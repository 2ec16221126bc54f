package seedertest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// counting is a database that counts what its transactions insert, and refuses
// the insert of a number.
type counting struct {
	seeder.Database
	inserts, refuse int
	most            int // inserts of one transaction
	committed       int // transactions
}

func (d *counting) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := d.Database.Begin(ctx, l)
	return &countingTx{Tx: tx, d: d}, err
}

type countingTx struct {
	seeder.Tx
	d *counting
	n int
}

func (x *countingTx) Insert(ctx context.Context, t *seeder.Table, row []seeder.Value) ([]seeder.Value, uint32, error) {
	if x.d.inserts++; x.d.inserts == x.d.refuse {
		return nil, 0, &seeder.Violation{Code: "57014", Why: "a statement was interrupted"}
	}
	x.n++
	x.d.most = max(x.d.most, x.n)
	return x.Tx.Insert(ctx, t, row)
}

func (x *countingTx) End(ctx context.Context, commit bool) error {
	if err := x.Tx.End(ctx, commit); err != nil || !commit {
		return err
	}
	x.d.committed++
	return nil
}

func rowsIn(t *testing.T, g Ground, db string) string {
	t.Helper()
	return g.Query(t, db, "SELECT count(*) FROM customers")
}

func aPlanInManyTransactionsPlantsAndRemovesTheSame(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Wide()
	p := Plan(t, s, o)
	d := &counting{Database: s.Database}
	s.Database = d
	for _, dry := range []bool{true, false} {
		*d = counting{Database: d.Database}
		done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{Batch: 1, DryRun: dry})
		Must(t, err)
		if len(done.Rows) != p.Rows() || dry && (d.committed != 0 || g.Content(t, db) != before) || !dry && d.committed != p.Rows() {
			t.Fatalf("dry run %v: %d rows in %d transactions, want %d", dry, len(done.Rows), d.committed, p.Rows())
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Planned}})
	if Must(t, err); !ver.OK || len(ver.Rows) != p.Rows() || len(ts) != 0 {
		t.Errorf("verify: %+v, %d tokens are planned still", ver.Rows, len(ts))
	}
	if done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{Batch: 1}); err != nil || d.committed != p.Rows() || done.Rows[0].State != "present" {
		t.Errorf("once more: %v, %d transactions", err, d.committed)
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{Batch: 2}})
	Must(t, err)
	if g.Content(t, db) != before || len(rem.Rows) != p.Rows() {
		t.Errorf("after removal the tables differ from before, or not all of %d rows are told of: %d", p.Rows(), len(rem.Rows))
	}
	NothingWatched(t, st)
}

func aFailureBetweenTransactionsTakesOutWhatWasPlantedOrKeepsItIfAsked(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Rows = 4
	p := Plan(t, s, o)
	d := &counting{Database: s.Database, refuse: p.Rows() + 3} // behind the trial of each
	s.Database = d
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{Batch: 1})
	if err == nil || !strings.Contains(err.Error(), "the 2 rows that had been planted were taken out again") || d.committed < 2 {
		t.Fatalf("after %d transactions: %v", d.committed, err)
	}
	if g.Content(t, db) != before {
		t.Error("rows were left behind")
	}
	NothingWatched(t, st)

	*d = counting{Database: d.Database, refuse: p.Rows() + 3}
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{Batch: 1, Keep: true})
	if err == nil || !strings.Contains(err.Error(), "2 rows are planted and stay") || rowsIn(t, g, db) != "1002" {
		t.Fatalf("%s rows: %v", rowsIn(t, g, db), err)
	}
	done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{Batch: 1})
	Must(t, err)
	present := 0
	for _, r := range done.Rows {
		if r.State == "present" {
			present++
		}
	}
	if present != 2 || rowsIn(t, g, db) != "1004" {
		t.Errorf("going on: %d rows were there, %s are", present, rowsIn(t, g, db))
	}

	// Interrupted, it leaves what is planted, as a kill would.
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Apply(ctx, p, seeder.ApplyOptions{Batch: 1, Progress: func(p seeder.Progress) {
		if p.Step == "insert" && p.Done == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 rows are planted and stay") || rowsIn(t, g, db) != "1002" {
		t.Errorf("interrupted: %s rows, %v", rowsIn(t, g, db), err)
	}
}

func aProcessKilledBetweenTransactionsIsGoneOnWith(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Rows = 3
	p := Plan(t, s, o)
	d := Doom{DB: g.DSN(db), Store: st.(interface{ Path() string }).Path(), Plan: filepath.Join(t.TempDir(), "plan.json"), Batch: 1}
	Must(t, p.WriteFile(d.Plan))
	partly := 0
	for d.Die = 25; doomed(t, d); d.Die += stride(9) {
		settled(t, s)
		snap, err := st.Snapshot(t.Context())
		Must(t, err)
		rows := map[event.ID]bool{}
		for _, tk := range snap.Tokens {
			if rows[tk.Row] = true; tk.State != token.Live {
				t.Errorf("killed at step %d: after reconciling token %s is %s", d.Die, tk.ID, tk.State)
			}
		}
		if got, want := rowsIn(t, g, db), fmt.Sprint(1000+len(rows)); got != want {
			t.Fatalf("killed at step %d: %s rows are there, %d honey rows are watched", d.Die, got, len(rows))
		}
		if len(rows) > 0 && len(rows) < p.Rows() {
			partly++
		}
		again, err := seeder.ReadPlan(d.Plan)
		Must(t, err)
		done, err := s.Apply(t.Context(), again, seeder.ApplyOptions{Batch: 1})
		Must(t, err)
		if len(done.Rows) != p.Rows() || rowsIn(t, g, db) != fmt.Sprint(1000+p.Rows()) {
			t.Errorf("killed at step %d: going on gives %+v", d.Die, done.Rows)
		}
		_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{Batch: 1}})
		Must(t, err)
		if g.Content(t, db) != before {
			t.Fatalf("killed at step %d: other rows have changed", d.Die)
		}
	}
	if partly == 0 {
		t.Error("no process was killed between two rows: the test shows nothing")
	}
}
