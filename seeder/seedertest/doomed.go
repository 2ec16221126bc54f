package seedertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// doomedEnv makes a test binary a seeder that kills itself.
const doomedEnv = "HONEYROW_TEST_DOOMED"

// Doom says what a process is to do and when it dies.
type Doom struct {
	DB    string // the database, as Ground.DSN gives it
	Store string // the registry's file
	Plan  string // a plan file: apply it; empty: remove all
	Die   int    // the step before which SIGKILL comes
	// Drip plants what is due of the registry's drips, whenever that is; Rotate
	// gives all honey rows new values.
	Drip   bool
	Rotate seeder.How
	Batch  int // seeder.ApplyOptions.Batch
}

// ServeIfDoomed makes this process apply or remove and kill itself on the way,
// if a test started it for that. A TestMain calls it first.
func ServeIfDoomed(open func(ctx context.Context, d Doom) (*seeder.Seeder, error)) {
	text := os.Getenv(doomedEnv)
	if text == "" {
		return
	}
	if err := serve(text, open); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(text string, open func(ctx context.Context, d Doom) (*seeder.Seeder, error)) error {
	var d Doom
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := open(ctx, d)
	if err != nil {
		return err
	}
	steps := &steps{left: d.Die}
	s.Database, s.Store = &doomedDB{s.Database, steps}, &doomedStore{s.Store, steps}
	switch {
	case d.Drip:
		clock := time.Now()
		s.Now = func() time.Time { return clock }
		_, err = s.Drip(ctx, seeder.DripOptions{Server: "crm", Config: Options().Config, Wait: func(_ context.Context, until time.Time) error {
			clock = until
			return nil
		}})
		return err
	case d.Rotate != "":
		_, err = s.Rotate(ctx, seeder.RotateOptions{Server: "crm", How: d.Rotate, Plan: Options()})
		return err
	case d.Plan == "":
		_, err = s.Remove(ctx, seeder.RemoveOptions{Server: "crm"})
		return err
	}
	p, err := seeder.ReadPlan(d.Plan)
	if err == nil {
		_, err = s.Apply(ctx, p, seeder.ApplyOptions{Batch: d.Batch})
	}
	return err
}

// steps counts down to the end of the process.
type steps struct{ left int }

func (s *steps) step() {
	if s.left--; s.left == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // not a step further
	}
}

type doomedDB struct {
	seeder.Database
	*steps
}

func (d *doomedDB) Lock(ctx context.Context) (func(), error) {
	d.step()
	return d.Database.Lock(ctx)
}

func (d *doomedDB) Draw(ctx context.Context, t *seeder.Table, c string, n int) ([]string, error) {
	d.step()
	return d.Database.Draw(ctx, t, c, n)
}

func (d *doomedDB) Begin(ctx context.Context, l seeder.Limits) (seeder.Tx, error) {
	d.step()
	tx, err := d.Database.Begin(ctx, l)
	return &doomedTx{tx, d.steps}, err
}

func (d *doomedDB) Foundation(ctx context.Context, model, t *seeder.Table) (*seeder.Foundation, error) {
	return d.Database.(seeder.Founder).Foundation(ctx, model, t)
}

type doomedTx struct {
	seeder.Tx
	*steps
}

func (x *doomedTx) Found(ctx context.Context, t *seeder.Table, sql []string, trial bool) error {
	x.step()
	err := x.Tx.(seeder.Mason).Found(ctx, t, sql, trial)
	x.step()
	return err
}

func (x *doomedTx) Count(ctx context.Context, t *seeder.Table) (int64, error) {
	return x.Tx.(seeder.Mason).Count(ctx, t)
}

func (x *doomedTx) Shut(ctx context.Context, t *seeder.Table) error {
	x.step()
	return x.Tx.(seeder.Mason).Shut(ctx, t)
}

func (x *doomedTx) Raze(ctx context.Context, t *seeder.Table, trial bool) error {
	x.step()
	err := x.Tx.(seeder.Mason).Raze(ctx, t, trial)
	x.step()
	return err
}

func (x *doomedTx) Insert(ctx context.Context, t *seeder.Table, row []seeder.Value) ([]seeder.Value, uint32, error) {
	x.step()
	return x.Tx.Insert(ctx, t, row)
}

func (x *doomedTx) Read(ctx context.Context, t *seeder.Table, where []seeder.Value, columns []string) ([]seeder.Record, error) {
	x.step()
	return x.Tx.Read(ctx, t, where, columns)
}

func (x *doomedTx) Update(ctx context.Context, t *seeder.Table, where, set []seeder.Value) (int64, error) {
	x.step()
	return x.Tx.Update(ctx, t, where, set)
}

func (x *doomedTx) Delete(ctx context.Context, t *seeder.Table, where []seeder.Value) (int64, error) {
	x.step()
	return x.Tx.Delete(ctx, t, where)
}

func (x *doomedTx) End(ctx context.Context, commit bool) error {
	x.step()
	err := x.Tx.End(ctx, commit)
	x.step()
	return err
}

type doomedStore struct {
	seeder.Store
	*steps
}

func (s *doomedStore) Add(ctx context.Context, ts []token.Token) error {
	s.step()
	err := s.Store.Add(ctx, ts)
	s.step()
	return err
}

func (s *doomedStore) SetState(ctx context.Context, to token.State, ids ...event.ID) error {
	s.step()
	err := s.Store.SetState(ctx, to, ids...)
	s.step()
	return err
}

func (s *doomedStore) Replace(ctx context.Context, until time.Time, fresh, old []event.ID) error {
	s.step()
	err := s.Store.Replace(ctx, until, fresh, old)
	s.step()
	return err
}

func (s *doomedStore) MoveDrip(ctx context.Context, deployment string, rows ...token.DripRow) error {
	s.step()
	return s.Store.MoveDrip(ctx, deployment, rows...)
}

func (s *doomedStore) Locate(ctx context.Context, ls []token.Location) error {
	s.step()
	return s.Store.Locate(ctx, ls)
}

func (s *doomedStore) Record(ctx context.Context, d token.Deed) error {
	s.step()
	return s.Store.Record(ctx, d)
}

// doomed runs a process that dies before the given step. It reports whether it
// died: false means that it came to its end first.
func doomed(t *testing.T, d Doom) bool {
	t.Helper()
	text, err := json.Marshal(d)
	Must(t, err)
	self, err := os.Executable()
	Must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), doomedEnv+"="+string(text))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		return true
	}
	t.Fatalf("the process of step %d: %v\n%s", d.Die, err, out)
	return false
}

// stride is from which step to the next a killing goes: every step if
// HONEYROW_EVERY_STEP is set (make integration does), else a few that differ.
func stride(usual int) int {
	if os.Getenv("HONEYROW_EVERY_STEP") != "" {
		return 1
	}
	return usual
}

// settled reconciles: that waits until the server has noticed that the other is dead.
func settled(t *testing.T, s *seeder.Seeder) {
	t.Helper()
	s.Patience = time.Minute
	if _, err := s.Reconcile(t.Context(), "crm"); err != nil {
		t.Fatal(err)
	}
}

// truth checks that what is in the table is what the registry says, and returns
// whether the honey rows are there.
func truth(t *testing.T, g Ground, db string, s *seeder.Seeder, rows int, step string) bool {
	t.Helper()
	watched := func() (map[event.ID]bool, int) {
		snap, err := s.Store.Snapshot(t.Context())
		Must(t, err)
		out, open := map[event.ID]bool{}, 0
		for _, tk := range snap.Tokens {
			if out[tk.Row] = true; tk.State != token.Live {
				open++
			}
		}
		return out, open
	}
	n := g.Query(t, db, "SELECT count(*) FROM customers")
	there := n == fmt.Sprint(1000+rows)
	if !there && n != "1000" {
		t.Fatalf("%s: %s rows: some of the honey rows", step, n)
	}
	if w, _ := watched(); there && len(w) != rows {
		t.Errorf("%s: %d honey rows can be read, %d are watched", step, rows, len(w))
	}
	settled(t, s)
	w, open := watched()
	if open > 0 || there && len(w) != rows || !there && len(w) != 0 {
		t.Errorf("%s: after reconciling %d rows are watched, %d tokens open; rows there: %t", step, len(w), open, there)
	}
	if there {
		ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
		Must(t, err)
		if !ver.OK {
			t.Errorf("%s: verify: %+v", step, ver.Rows)
		}
	}
	return there
}

func aProcessKilledAtAnyStepLeavesWhatReconcileBringsBackToTheTruth(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Rows = 2
	p := Plan(t, s, o)
	d := Doom{DB: g.DSN(db), Store: st.(interface{ Path() string }).Path(), Plan: filepath.Join(t.TempDir(), "plan.json")}
	Must(t, p.WriteFile(d.Plan))
	for d.Die = 1; doomed(t, d); d.Die += stride(4) {
		if truth(t, g, db, s, p.Rows(), fmt.Sprintf("apply killed at step %d", d.Die)) {
			rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			Must(t, err)
			for _, r := range rem.Rows {
				if r.State != "removed" {
					t.Errorf("apply killed at step %d: row is %s: %s", d.Die, r.State, r.Why)
				}
			}
		}
		if g.Content(t, db) != before {
			t.Fatalf("apply killed at step %d: other rows have changed", d.Die)
		}
	}
	applied := d.Die - 1
	plan := d.Plan
	d.Plan = ""
	for d.Die = 1; doomed(t, d); d.Die += stride(4) {
		if !truth(t, g, db, s, p.Rows(), fmt.Sprintf("remove killed at step %d", d.Die)) {
			if g.Content(t, db) != before {
				t.Fatalf("remove killed at step %d: other rows have changed", d.Die)
			}
			again, err := seeder.ReadPlan(plan)
			Must(t, err)
			_, err = s.Apply(t.Context(), again, seeder.ApplyOptions{})
			Must(t, err)
		}
	}
	if t.Logf("killed before steps up to %d of apply and %d of remove", applied, d.Die-1); applied < 15 || d.Die < 15 {
		t.Error("too few steps: the test shows nothing")
	}
	if g.Content(t, db) != before {
		t.Error("after removal the tables differ from before")
	}
}
