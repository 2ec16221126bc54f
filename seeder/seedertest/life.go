package seedertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder"
	"honeyrow/token"
)

func applyAndRemoveLeaveEveryOtherRowByteForByteAsItWas(t *testing.T, g Ground) {
	db := g.Database(t, g.Torture)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	p := Plan(t, s, Wide())
	if got := g.Content(t, db); got != before {
		t.Fatal("planning changed rows")
	}
	drawn := g.Counters(t, db)
	dry, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
	Must(t, err)
	if len(dry.Rows) != p.Rows() || dry.Tokens != 0 {
		t.Fatalf("dry run tried %d rows and registered %d tokens, want %d and 0", len(dry.Rows), dry.Tokens, p.Rows())
	}
	if got := g.Content(t, db); got != before {
		t.Fatal("a dry run changed rows")
	}
	if got := g.Counters(t, db); got != drawn {
		t.Fatalf("a dry run took numbers from counters: %s, were %s", got, drawn)
	}
	if ts, err := st.List(t.Context(), token.Filter{}); err != nil || len(ts) != 0 {
		t.Fatalf("a dry run registered %d tokens (%v)", len(ts), err)
	}
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	planted := g.Content(t, db)
	if planted == before {
		t.Fatal("nothing was planted")
	}
	again, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if again.Tokens != 0 || again.Rows[0].State != "present" || g.Content(t, db) != planted {
		t.Fatalf("applying the same plan twice planted again: %+v", again)
	}
	try, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{DryRun: true}})
	Must(t, err)
	if g.Content(t, db) != planted || len(try.Rows) != p.Rows() {
		t.Fatal("a dry removal changed rows, or left some out")
	}
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	for _, r := range gone.Rows {
		if r.State != "removed" {
			t.Errorf("row in %s: %s: %s", r.Table, r.State, r.Why)
		}
	}
	if got := g.Content(t, db); got != before {
		t.Fatal("after removal the tables differ from before")
	}
	if snap, err := st.Snapshot(t.Context()); err != nil || len(snap.Tokens) != 0 {
		t.Fatalf("%d tokens are still watched (%v)", len(snap.Tokens), err)
	}
}

func applyRefusesWhenTheDatabaseHasChangedSinceThePlan(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := Plan(t, s, Options())
	g.Exec(t, db, "ALTER TABLE customers ADD vip smallint")
	if _, err := s.Apply(t.Context(), p, seeder.ApplyOptions{}); !errors.Is(err, seeder.ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	g.Exec(t, db, "ALTER TABLE customers DROP vip")
	email := *Cell(p, "email").Value
	g.Exec(t, db, "UPDATE customers SET email = '"+email+"' WHERE id = 1")
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	if !errors.Is(err, seeder.ErrChanged) {
		t.Fatalf("got %v, want ErrChanged", err)
	}
	if strings.Contains(err.Error(), email) {
		t.Fatal("the error holds a honey value")
	}
	NothingWatched(t, st)
}

func aFailureInTheMiddleLeavesNothingBehind(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	p := Plan(t, s, Options())
	// The trial passes, the real insert fails: the trigger lets each value in once a session.
	g.Exec(t, db, g.Failing(p.Rows()+2))
	o := Options()
	o.SkipProbe = true
	p = Plan(t, s, o)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	if err == nil || strings.Contains(err.Error(), "@") {
		t.Fatalf("got %v, want an error without a value", err)
	}
	if got := g.Content(t, db); got != before {
		t.Fatal("rows were left behind")
	}
	NothingWatched(t, st)
	removed, err := st.List(t.Context(), token.Filter{States: []token.State{token.Removed}})
	Must(t, err)
	if len(removed) == 0 {
		t.Fatal("the failure came before anything was registered: the test shows nothing")
	}
}

// dying is a database whose transactions end as a crash would leave them.
type dying struct {
	seeder.Database
	commit bool // the server commits before the crash
	begun  int
	die    int // the transaction that dies
}

func (d *dying) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := d.Database.Begin(ctx, l)
	d.begun++
	if err != nil || d.begun != d.die {
		return tx, err
	}
	return &dyingTx{tx, d}, nil
}

type dyingTx struct {
	seeder.Tx
	d *dying
}

func (x *dyingTx) End(ctx context.Context, commit bool) error {
	if !commit {
		return x.Tx.End(ctx, false)
	}
	err := x.Tx.End(ctx, x.d.commit)
	if err == nil {
		panic("crash")
	}
	return err
}

// stopping is a database whose client is killed while it inserts a row.
type stopping struct {
	seeder.Database
	begun, inserted int
}

func (d *stopping) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	tx, err := d.Database.Begin(ctx, l)
	if d.begun++; err != nil || d.begun != 2 { // the first is the trial
		return tx, err
	}
	return &stoppingTx{tx, d}, nil
}

type stoppingTx struct {
	seeder.Tx
	d *stopping
}

func (x *stoppingTx) Insert(ctx context.Context, t *seeder.Table, row []seeder.Value) ([]seeder.Value, uint32, error) {
	if x.d.inserted++; x.d.inserted == 2 {
		x.d.Close() // as the end of the process does
		panic("crash")
	}
	return x.Tx.Insert(ctx, t, row)
}

func aCrashBetweenTwoRowsLeavesNoRowAndIsSettled(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	p := Plan(t, s, Options())
	s.Database = &stopping{Database: s.Database}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("no crash")
			}
		}()
		_, _ = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	}()
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	if len(snap.Tokens) == 0 {
		t.Fatal("nothing was watched before the first row was inserted")
	}
	s = g.Open(t, db, st)
	rec, err := s.Reconcile(t.Context(), "crm")
	Must(t, err)
	if rec.Removed != p.Rows() || rec.Live != 0 {
		t.Errorf("reconciled %+v, want %d removed", rec, p.Rows())
	}
	if g.Content(t, db) != before {
		t.Error("a row was left behind")
	}
	NothingWatched(t, st)
}

func aCrashAtTheCommitIsSettledByLookingAtTheRows(t *testing.T, g Ground) {
	for _, committed := range []bool{true, false} {
		t.Run(fmt.Sprintf("committed=%t", committed), func(t *testing.T) {
			db := g.Database(t, g.Customers)
			st := g.Store(t)
			s := g.Open(t, db, st)
			before := g.Content(t, db)
			p := Plan(t, s, Options())
			whole := s.Database
			// Transactions of an apply: the trial, the real one.
			s.Database = &dying{Database: whole, commit: committed, die: 2}
			func() {
				defer func() {
					if recover() == nil {
						t.Fatal("no crash")
					}
				}()
				_, _ = s.Apply(t.Context(), p, seeder.ApplyOptions{})
			}()
			ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Planned}})
			Must(t, err)
			if len(ts) == 0 {
				t.Fatal("after the crash no token is planned: a visible row would be watched by nobody")
			}
			s = g.Open(t, db, st)
			rec, err := s.Reconcile(t.Context(), "crm")
			Must(t, err)
			if committed {
				if rec.Live != p.Rows() || rec.Removed != 0 {
					t.Fatalf("reconciled %+v, want %d live", rec, p.Rows())
				}
				ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
				Must(t, err)
				if !ver.OK {
					t.Fatalf("verify: %+v", ver)
				}
				return
			}
			if rec.Removed != p.Rows() || rec.Live != 0 {
				t.Fatalf("reconciled %+v, want %d removed", rec, p.Rows())
			}
			if g.Content(t, db) != before {
				t.Fatal("rows were left behind")
			}
			NothingWatched(t, st)
			got, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
			Must(t, err)
			if got.Rows[0].State != "planted" {
				t.Fatalf("the plan can't be applied after the crash: %+v", got)
			}
		})
	}
}

func noRowIsVisibleBeforeEveryProxyWatchesIt(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := Plan(t, s, Options())
	before := g.Content(t, db)
	beat := func(version uint64) {
		Must(t, st.Beat(t.Context(), token.Watcher{ID: "w1", Host: "proxy-1", PID: 77, Servers: []string{"crm"}, Version: version, Seen: time.Now()}))
	}
	beat(0)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{WatchTimeout: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "proxy-1") || !strings.Contains(err.Error(), "--force") {
		t.Fatalf("got %v, want an error that names the proxy and what to do", err)
	}
	if g.Content(t, db) != before {
		t.Fatal("rows were planted that nobody watches")
	}
	NothingWatched(t, st)

	done := make(chan error, 1)
	go func() { // ends when the version has moved once or twice
		snap, err := st.Snapshot(t.Context())
		for err == nil && len(snap.Tokens) == 0 {
			if err = st.Wait(t.Context(), snap.Version); err == nil {
				snap, err = st.Snapshot(t.Context())
			}
		}
		if err == nil && g.Content(t, db) != before {
			err = errors.New("a row was visible before the proxy watched it")
		}
		if err == nil {
			beat(1 << 40)
		}
		done <- err
	}()
	got, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, errors.Join(err, <-done))
	if got.Watchers != 1 {
		t.Fatalf("%d watchers, want 1", got.Watchers)
	}
}
