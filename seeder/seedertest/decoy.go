package seedertest

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// decoyPlan plans one decoy table.
func decoyPlan(t *testing.T, s *seeder.Seeder, rows int) *seeder.Plan {
	t.Helper()
	o := Options()
	o.Decoys, o.Rows = 1, rows
	return Plan(t, s, o)
}

// there reports whether the database shows the table of a plan.
func there(t *testing.T, g Ground, db string, p *seeder.Plan) bool {
	t.Helper()
	return g.Query(t, db, "SELECT count(*) FROM information_schema.tables WHERE table_name = '"+p.Tables[0].Table+"'") != "0"
}

func state(rows []seeder.RowState, id event.ID) string {
	for _, r := range rows {
		if r.ID == id {
			return r.State + ": " + r.Why
		}
	}
	return "not told of"
}

func aDecoyTableIsPlannedMadeVerifiedAndDropped(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	p := decoyPlan(t, s, 0)
	tp := p.Tables[0]
	if len(p.Tables) != 1 || tp.Decoy == nil || !strings.HasPrefix(tp.Table, "customers_") || len(tp.Rows) < 24 || !p.Probed {
		t.Fatalf("the plan is no decoy table of some dozens of rows, tried: %s", p.Table())
	}
	for _, want := range []string{tp.Decoy.SQL[0], "backups", "allow: [{server: crm", "CREATE", "Tried"} {
		if !strings.Contains(p.Table(), want) || want != "Tried" && !strings.Contains(p.SQL(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, p.Table())
		}
	}
	var copied []string
	for _, row := range tp.Rows {
		for _, c := range row.Cells {
			if c.Value != nil && (c.Watch && c.Strength > token.Weak || c.Column == "id") {
				copied = append(copied, fmt.Sprintf(g.Letter, c.Column)+" = '"+*c.Value+"'")
			}
		}
	}
	if n := g.Query(t, db, "SELECT count(*) FROM customers WHERE "+strings.Join(copied, " OR ")); n != "0" || len(copied) < 2*len(tp.Rows) {
		t.Errorf("%s real rows hold a key or a value that proves something of the decoy table's (%d values)", n, len(copied))
	}
	if there(t, g, db, p) || g.Content(t, db) != before {
		t.Fatal("planning left something behind")
	}
	dry, err := s.Apply(t.Context(), p, seeder.ApplyOptions{DryRun: true})
	Must(t, err)
	if there(t, g, db, p) || len(dry.Rows) != len(tp.Rows) {
		t.Fatalf("a dry run left the table behind, or tried %d rows", len(dry.Rows))
	}
	NothingWatched(t, st)
	if _, err := s.Apply(t.Context(), p, seeder.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := g.Query(t, db, "SELECT count(*) FROM "+tp.Table); n != fmt.Sprint(len(tp.Rows)) {
		t.Fatalf("the table has %s rows, want %d", n, len(tp.Rows))
	}
	again, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if again.Tokens != 0 || len(again.Rows) != len(tp.Rows) || again.Rows[0].State != "present" {
		t.Errorf("applied twice: %+v", again)
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm", Measure: &seeder.Options{Config: Options().Config}})
	Must(t, err)
	if !ver.OK || !strings.Contains(state(ver.Rows, tp.Decoy.ID), "exactly its") {
		t.Errorf("verify: %s", state(ver.Rows, tp.Decoy.ID))
	}
	ranks, err := s.Scan(t.Context(), Options())
	Must(t, err)
	for _, r := range ranks {
		if strings.HasSuffix(r.Table, tp.Table) && r.Advice != "refused" {
			t.Errorf("a scan says %q of a decoy table", r.Advice)
		}
	}
	try, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{DryRun: true}})
	Must(t, err)
	if got := state(try.Rows, tp.Decoy.ID); got != "dropped: " || !there(t, g, db, p) {
		t.Errorf("a dry removal: %s", got)
	}
	gone, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", Rows: []event.ID{tp.Decoy.ID}})
	Must(t, err)
	if got := state(gone.Rows, tp.Decoy.ID); got != "dropped: " || there(t, g, db, p) || len(gone.Rows) != 1+len(tp.Rows) {
		t.Errorf("removal: %s", got)
	}
	NothingWatched(t, st)
	if g.Content(t, db) != before {
		t.Error("another table has changed")
	}
}

func aDecoyTableIsNotThereBeforeEveryProxyWatchesIt(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := decoyPlan(t, s, 3)
	Must(t, st.Beat(t.Context(), token.Watcher{ID: "w1", Host: "proxy-1", PID: 77, Servers: []string{"crm"}, Seen: time.Now()}))
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{WatchTimeout: 200 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "proxy-1") {
		t.Fatalf("got %v, want an error that names the proxy", err)
	}
	if there(t, g, db, p) {
		t.Fatal("a table was made that nobody watches")
	}
	NothingWatched(t, st)
	g.Exec(t, db, "CREATE TABLE "+p.Tables[0].Table+" (id int)")
	if _, err := s.Apply(t.Context(), p, seeder.ApplyOptions{Force: true}); !errors.Is(err, seeder.ErrChanged) {
		t.Errorf("the name is taken: %v, want ErrChanged", err)
	}
	o := Options()
	o.DecoyName = p.Tables[0].Table
	if _, err := s.Plan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "there is a table of that name") {
		t.Errorf("a plan with the name of a table: %v", err)
	}
}

func aDecoyTableThatSomebodyUsesIsKept(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := decoyPlan(t, s, 3)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	name := p.Tables[0].Table
	for _, use := range []struct{ do, undo, why string }{
		{"INSERT INTO " + name + " (id) VALUES (1)", "DELETE FROM " + name + " WHERE id = 1", "4 rows, and only 3"},
		{"CREATE VIEW seen AS SELECT id FROM " + name, "DROP VIEW seen", "seen"},
		{"CREATE TABLE child (id " + g.Number + " REFERENCES " + name + " (id), FOREIGN KEY (id) REFERENCES " + name + " (id))", "DROP TABLE child", "child"},
		{"UPDATE " + name + " SET email = 'changed@corp.example' WHERE id = " + *Cell(p, "id").Value, "UPDATE " + name + " SET email = '" + *Cell(p, "email").Value + "' WHERE id = " + *Cell(p, "id").Value, "planted (email): look"},
	} {
		g.Exec(t, db, use.do)
		rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
		Must(t, err)
		if got := state(rem.Rows, p.Tables[0].Decoy.ID); !strings.HasPrefix(got, "kept: ") || !strings.Contains(got, use.why) {
			t.Errorf("after %s: %s, want kept because of %s", use.do, got, use.why)
		}
		if strings.HasPrefix(use.do, "INSERT") {
			ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
			Must(t, err)
			if got := state(ver.Rows, p.Tables[0].Decoy.ID); ver.OK || !strings.Contains(got, "it has 4 rows, 3 of them honey rows") {
				t.Errorf("verify with a stranger's row: %s", got)
			}
		}
		g.Exec(t, db, use.undo)
	}
	verified := func(want string) {
		t.Helper()
		ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
		Must(t, err)
		if got := state(ver.Rows, p.Tables[0].Decoy.ID); ver.OK || !strings.Contains(got, want) {
			t.Errorf("verify: %s, want: %s", got, want)
		}
	}
	g.Exec(t, db, "ALTER TABLE "+name+" RENAME TO put_away")
	verified("put_away by now: who names it there")
	try, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{DryRun: true}})
	Must(t, err)
	if got := state(try.Rows, p.Tables[0].Decoy.ID); got != "dropped: " {
		t.Errorf("a renamed table: %s", got)
	}
	g.Exec(t, db, "DELETE FROM put_away WHERE id = "+*Cell(p, "id").Value)
	g.Exec(t, db, "ALTER TABLE put_away RENAME TO "+name)
	verified("it has 2 of its 3 honey rows: somebody deleted the others")
	g.Exec(t, db, "ALTER TABLE "+name+" RENAME TO put_away")
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	for _, tk := range snap.Tokens {
		if tk.State != token.Live {
			t.Errorf("a token of the kept table is %s", tk.State)
		}
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	if got := state(rem.Rows, p.Tables[0].Decoy.ID); got != "dropped: " || g.Query(t, db, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'put_away'") != "0" {
		t.Errorf("when nobody uses it any more, under another name: %s", got)
	}
	NothingWatched(t, st)
}

func aProcessKilledAtAnyStepOfADecoyTablesLifeIsSettled(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := decoyPlan(t, s, 2)
	d := Doom{DB: g.DSN(db), Store: st.(interface{ Path() string }).Path(), Plan: filepath.Join(t.TempDir(), "plan.json")}
	Must(t, p.WriteFile(d.Plan))
	plan := d.Plan
	// look compares table and registry, before and after they are settled.
	look := func(what string) (stands bool) {
		step := fmt.Sprintf("%s killed at step %d", what, d.Die)
		snap, err := st.Snapshot(t.Context())
		Must(t, err)
		if there(t, g, db, p) && len(snap.Tokens) == 0 {
			t.Errorf("%s: the table can be read and nothing is watched", step)
		}
		settled(t, s)
		snap, err = st.Snapshot(t.Context())
		Must(t, err)
		for _, tk := range snap.Tokens {
			if tk.State != token.Live {
				t.Errorf("%s: a token is %s", step, tk.State)
			}
		}
		if stands = there(t, g, db, p); stands != (len(snap.Tokens) > 0) {
			t.Errorf("%s: the table is there: %t, %d tokens are watched", step, stands, len(snap.Tokens))
		}
		if stands {
			ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
			Must(t, err)
			if !ver.OK {
				t.Errorf("%s: verify: %+v", step, ver.Rows)
			}
		}
		return stands
	}
	for d.Die = 1; doomed(t, d); d.Die += stride(7) {
		if look("apply") {
			_, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			Must(t, err)
		}
	}
	applied := d.Die
	d.Plan = ""
	if !there(t, g, db, p) {
		t.Fatal("the run that was not killed made no table")
	}
	for d.Die = 1; doomed(t, d); d.Die += stride(7) {
		if !look("remove") {
			again, err := seeder.ReadPlan(plan)
			Must(t, err)
			_, err = s.Apply(t.Context(), again, seeder.ApplyOptions{})
			Must(t, err)
		}
	}
	if applied < 10 || d.Die < 5 {
		t.Errorf("%d steps of apply and %d of remove: the test shows nothing", applied, d.Die)
	}
}
