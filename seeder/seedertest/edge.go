package seedertest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/seeder"
	"honeyrow/token"
)

func twoSeedingRunsAtOnceAreKeptApart(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	a, b := g.Open(t, db, st), g.Open(t, db, st)
	unlock, err := a.Database.Lock(t.Context())
	Must(t, err)
	p := Plan(t, b, Options())
	b.Patience = time.Millisecond
	if _, err := b.Apply(t.Context(), p, seeder.ApplyOptions{}); err == nil || !regexp.MustCompile(`another seeding run .* \((connection|backend) \d+`).MatchString(err.Error()) {
		t.Fatalf("got %v, want an error that names the other run", err)
	}
	// One that ends in time, or whose end the server notices in time, is waited for.
	b.Patience = time.Minute
	waits := make(chan struct{})
	b.Log = zerolog.New(writer(func(line []byte) {
		if strings.Contains(string(line), "waiting for another seeding run") && strings.Contains(string(line), `"holder":"`) {
			close(waits)
		}
	}))
	go func() {
		<-waits
		unlock()
	}()
	_, err = b.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
}

// writer is a log of lines.
type writer func(line []byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

func manyRowsInATableWithFewValuesStayToldApart(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers+"UPDATE customers SET balance = 1000 * (id % 30);")
	st := g.Store(t)
	s := g.Open(t, db, st)
	o := Options()
	o.Rows = 150 // more than the area code has numbers for fiction
	p := Plan(t, s, o)
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	for _, r := range ver.Rows {
		if r.State != "intact" {
			t.Errorf("row %s is %s: %v", r.Key, r.State, r.Columns)
		}
	}
}

func triggersThatChangeOrInventValuesAreRegisteredAsTheyLand(t *testing.T, g Ground) {
	db := g.Database(t, g.Inventing)
	st := g.Store(t)
	s := g.Open(t, db, st)
	got, err := s.Apply(t.Context(), Plan(t, s, Options()), seeder.ApplyOptions{})
	Must(t, err)
	ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
	Must(t, err)
	if len(ts) == 0 || len(ts) != got.Tokens {
		t.Fatalf("%d live tokens, apply says %d", len(ts), got.Tokens)
	}
	for _, tk := range ts {
		n := g.Query(t, db, fmt.Sprintf("SELECT count(*) FROM people WHERE %s = '%s' AND id = '%s'", fmt.Sprintf(g.Letter, tk.Place.Column), tk.Value, tk.Place.Key))
		if n != "1" {
			t.Errorf("token of %s: its value stands in %s rows with its key, want 1", tk.Place.Column, n)
		}
	}
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	if len(snap.Tokens) != len(ts) {
		t.Errorf("%d tokens are watched, want %d: values that never landed are watched too", len(snap.Tokens), len(ts))
	}
}

func aCrashAfterTriggersChangedValuesLeavesOnlyWhatTheRowsHoldWatched(t *testing.T, g Ground) {
	db := g.Database(t, g.Shifting)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := Plan(t, s, Options())
	s.Database = &dying{Database: s.Database, commit: true, die: 2}
	func() {
		defer func() { _ = recover() }()
		_, _ = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	}()
	s = g.Open(t, db, st)
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if !ver.OK || ver.Reconciled.Live != p.Rows() {
		t.Fatalf("verify: %+v, reconciled %+v", ver, ver.Reconciled)
	}
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	if want := 3 * p.Rows(); len(snap.Tokens) != want {
		t.Errorf("%d tokens are watched, want %d", len(snap.Tokens), want)
	}
	rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
	Must(t, err)
	for _, r := range rem.Rows {
		if r.State != "removed" {
			t.Errorf("row is %s: %s", r.State, r.Why)
		}
	}
	if n := g.Query(t, db, "SELECT count(*) FROM people"); n != "50" {
		t.Errorf("%s rows, want 50", n)
	}
}

func aLockedTableMakesApplyGiveUpAndLeaveNothing(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := Plan(t, s, Options())
	blocker, err := g.Open(t, db, st).Database.Begin(t.Context(), seeder.Limits{})
	Must(t, err)
	defer blocker.End(t.Context(), false)
	cat, err := s.Database.Catalog(t.Context())
	Must(t, err)
	tb, err := cat.Table("customers")
	Must(t, err)
	// A row with the same unique value, not committed: the insert has to wait for it.
	email := Cell(p, "email").Value
	x, status, zero, one := "x", "active", "0", "999999"
	_, _, err = blocker.Insert(t.Context(), tb, []seeder.Value{
		{Column: "id", Text: &one},
		{Column: "first_name", Text: &x},
		{Column: "last_name", Text: &x},
		{Column: "email", Text: email},
		{Column: "balance", Text: &zero},
		{Column: "status", Text: &status},
	})
	Must(t, err)
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{LockTimeout: 1e9})
	if err == nil || !strings.Contains(err.Error(), "lock_timeout") {
		t.Fatalf("got %v, want a lock timeout", err)
	}
	Must(t, blocker.End(t.Context(), false))
	NothingWatched(t, st)
	_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
}

func namedTablesOverridesAndExclusionsAreObeyed(t *testing.T, g Ground) {
	db := g.Database(t, g.Torture)
	st := g.Store(t)
	s := g.Open(t, db, st)
	o := Options()
	o.Tables = []string{"letters", "mail_outbox", "full_keys"}
	o.Columns = map[string]string{"letters.body": "copy"}
	o.Rows = 2
	p := Plan(t, s, o)
	if len(p.Tables) != 2 || p.Rows() != 4 {
		t.Fatalf("%d tables, %d rows planned, want 2 and 4\n%s", len(p.Tables), p.Rows(), p.Table())
	}
	o.Tables = []string{"audit"}
	if p, err := s.Plan(t.Context(), o); !errors.Is(err, seeder.ErrNothing) || len(p.Refused) != 1 || p.Refused[0].Why == "" {
		t.Fatalf("got %v: a table with nothing sensitive must be an explained refusal", err)
	}
	o.Tables = []string{"no_such_table"}
	if _, err := s.Plan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no_such_table") {
		t.Fatalf("got %v, want an error that names the table", err)
	}
	o = Wide()
	o.Exclude = []string{"employees"}
	for _, tp := range Plan(t, s, o).Tables {
		if tp.Table == "employees" {
			t.Error("an excluded table is planned")
		}
	}
	o = Wide()
	o.Domain = nil
	for _, tp := range Plan(t, s, o).Tables {
		for _, r := range tp.Rows {
			for _, c := range r.Cells {
				if c.Kind == "email" && c.Value != nil {
					t.Errorf("%s.%s got an address without a decoy domain", tp, c.Column)
				}
			}
		}
	}
}

func theSameSeedGivesTheSamePlan(t *testing.T, g Ground) {
	db := g.Database(t, g.Torture)
	st := g.Store(t)
	s := g.Open(t, db, st)
	values := func(p *seeder.Plan) (out []string) {
		for _, tp := range p.Tables {
			for _, r := range tp.Rows {
				for _, c := range r.Cells {
					if c.Value != nil && c.Kind != "timestamp" && c.Kind != "uuid" {
						out = append(out, tp.Table+"."+c.Column+"="+*c.Value)
					}
				}
			}
		}
		return out
	}
	a, b := values(Plan(t, s, Wide())), values(Plan(t, s, Wide()))
	if strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("two plans with one seed differ")
	}
}

func noErrorOrPlanOfARefusalHoldsAValue(t *testing.T, g Ground) {
	db := g.Database(t, g.Torture)
	st := g.Store(t)
	s := g.Open(t, db, st)
	p := Plan(t, s, Wide())
	for _, tp := range p.Tables {
		for _, r := range tp.Rows {
			for _, c := range r.Cells {
				if c.Value == nil || len(*c.Value) < 8 {
					continue
				}
				for _, why := range append(append([]seeder.Reason{}, p.Refused...), p.Skipped...) {
					if strings.Contains(why.Why, *c.Value) {
						t.Errorf("the reason for %s holds a value", why.Table)
					}
				}
			}
		}
	}
}

func progressIsReportedForLongWork(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	st := g.Store(t)
	s := g.Open(t, db, st)
	var mu sync.Mutex
	steps := map[string]int{}
	note := func(p seeder.Progress) {
		mu.Lock()
		defer mu.Unlock()
		steps[p.Step]++
	}
	o := Options()
	o.Progress = note
	_, err := s.Apply(t.Context(), Plan(t, s, o), seeder.ApplyOptions{Progress: note})
	Must(t, err)
	_, err = s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm", ApplyOptions: seeder.ApplyOptions{Progress: note}})
	Must(t, err)
	for _, want := range []string{"read", "draw", "try", "register", "insert", "commit", "remove"} {
		if steps[want] == 0 {
			t.Errorf("step %q was not reported: %v", want, steps)
		}
	}
}
