// Package tokentest is the conformance suite for stores of tokens: every
// implementation of token's interfaces runs it.
package tokentest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// Store is what a store of tokens implements.
type Store interface {
	token.Registry
	token.Shelf
	token.Atlas
	token.Watch
}

// Clock is the time that a store under test is told.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 21, 9, 30, 0, 123456000, time.UTC)} }

// Now is the store's clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Open opens a store on the data of one test: calls with the same t see the
// same data, as several processes would. The function closes it at the end.
type Open func(t *testing.T, now func() time.Time) Store

// Tokens makes n planned tokens in two tables, two for each honey row. Values
// hold bytes that text columns find hard.
func Tokens(n int) []token.Token {
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	ts := make([]token.Token, n)
	var row event.ID
	for i := range ts {
		if i%2 == 0 {
			row = event.NewID()
		}
		ts[i] = token.Token{
			ID: event.NewID(), Row: row, Kind: "email", Value: fmt.Sprintf("añ\x00'%%_%d@decoy.example", i), Strength: token.Strong,
			Place:      event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email", Key: fmt.Sprint(1000 + i/2)},
			Deployment: "dep-1", PlantedBy: "dba@corp", PlantedAt: at, Note: "quarterly\nround", State: token.Planned, ChangedAt: at,
		}
		if i%2 == 1 {
			ts[i].Kind, ts[i].Strength, ts[i].Key = "key", token.Weak, true
			ts[i].Value, ts[i].Binary = fmt.Sprint(1000+i/2), []byte{0, 0, byte(i >> 8), byte(i)}
			ts[i].Place.Table, ts[i].Place.Column, ts[i].Deployment, ts[i].Note = "employees", "id", "dep-2", ""
		}
	}
	return ts
}

// Run runs the suite.
func Run(t *testing.T, open Open) {
	t.Run("a registered token comes back whole", func(t *testing.T) { roundTrip(t, open) })
	t.Run("registering is all or none", func(t *testing.T) { allOrNone(t, open) })
	t.Run("states move only where they may", func(t *testing.T) { transitions(t, open) })
	t.Run("a removed token is kept but not watched", func(t *testing.T) { removed(t, open) })
	t.Run("listings are filtered by every field", func(t *testing.T) { filters(t, open) })
	t.Run("each change makes a new version", func(t *testing.T) { versions(t, open) })
	t.Run("wait returns within a second of another process's change", func(t *testing.T) { wait(t, open) })
	t.Run("locations are replaced per column", func(t *testing.T) { atlas(t, open) })
	t.Run("watchers are seen for ten seconds", func(t *testing.T) { watchers(t, open) })
	t.Run("several processes write at once", func(t *testing.T) { concurrent(t, open) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func snapshot(t *testing.T, s Store) *token.Snapshot {
	t.Helper()
	snap, err := s.Snapshot(t.Context())
	must(t, err)
	return snap
}

func ids(ts []token.Token) (out []event.ID) {
	for _, x := range ts {
		out = append(out, x.ID)
	}
	return out
}

// same compares tokens with times in UTC and nil slices as they are.
func same(t *testing.T, what string, got, want []token.Token) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %d tokens, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s: token %d:\ngot  %+v\nwant %+v", what, i, got[i], want[i])
		}
	}
}

func roundTrip(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(6)
	ts[0].TableOID, ts[0].Attr, ts[0].Copy = 16384, 3, "vendor-acme"
	for i := 2; i < 6; i += 2 { // the same column, so the same numbers
		ts[i].TableOID, ts[i].Attr = 16384, 3
	}
	must(t, s.Add(t.Context(), nil))
	must(t, s.Add(t.Context(), ts))
	same(t, "snapshot", snapshot(t, s).Tokens, ts)
	same(t, "seen by another process", snapshot(t, open(t, NewClock().Now)).Tokens, ts)
	got, err := s.Get(t.Context(), ts[1].ID)
	must(t, err)
	same(t, "get", []token.Token{got}, ts[1:2])
	if _, err := s.Get(t.Context(), "nobody"); !errors.Is(err, token.ErrNotFound) {
		t.Errorf("get of an unknown id: got %v, want ErrNotFound", err)
	}
}

func allOrNone(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(4)
	must(t, s.Add(t.Context(), ts[:1]))
	before := snapshot(t, s)
	if err := s.Add(t.Context(), []token.Token{ts[1], ts[0]}); !errors.Is(err, token.ErrExists) {
		t.Errorf("second registration: got %v, want ErrExists", err)
	}
	broken := ts[3]
	broken.Value = ""
	if err := s.Add(t.Context(), []token.Token{ts[2], broken}); err == nil {
		t.Error("a token without a value was registered")
	}
	if after := snapshot(t, s); !reflect.DeepEqual(after, before) {
		t.Errorf("failed calls left something behind: got %+v, want %+v", after, before)
	}
}

func transitions(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(3)
	must(t, s.Add(t.Context(), ts))
	all := ids(ts)
	must(t, s.SetState(t.Context(), token.Live, all...))
	must(t, s.SetState(t.Context(), token.Live, all...)) // repeated after an interruption
	must(t, s.SetState(t.Context(), token.Retired, all[0]))
	for _, c := range []struct {
		to   token.State
		ids  []event.ID
		want error
	}{
		{token.Removed, all, token.ErrTransition}, // all[0] could, the live ones cannot
		{token.Planned, all[:1], token.ErrTransition},
		{"gone", all[:1], token.ErrTransition},
		{token.Retired, []event.ID{all[1], "nobody"}, token.ErrNotFound},
	} {
		before := snapshot(t, s)
		if err := s.SetState(t.Context(), c.to, c.ids...); !errors.Is(err, c.want) {
			t.Errorf("to %s: got %v, want %v", c.to, err, c.want)
		}
		if after := snapshot(t, s); !reflect.DeepEqual(after, before) {
			t.Errorf("to %s: a failed call changed something", c.to)
		}
	}
}

func removed(t *testing.T, open Open) {
	clock := NewClock()
	s := open(t, clock.Now)
	ts := Tokens(2)
	must(t, s.Add(t.Context(), ts))
	clock.Advance(time.Hour)
	for _, to := range []token.State{token.Live, token.Retired} {
		must(t, s.SetState(t.Context(), to, ts[0].ID))
		if got := len(snapshot(t, s).Tokens); got != 2 {
			t.Errorf("%s: %d tokens watched, want 2", to, got)
		}
	}
	must(t, s.SetState(t.Context(), token.Removed, ts[0].ID))
	same(t, "watched", snapshot(t, s).Tokens, ts[1:])
	got, err := s.Get(t.Context(), ts[0].ID)
	must(t, err)
	want := ts[0]
	want.State, want.ChangedAt = token.Removed, clock.Now()
	same(t, "kept", []token.Token{got}, []token.Token{want})
}

func filters(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(6)
	ts[4].Place.Server, ts[4].Place.Database, ts[4].Place.Schema = "second", "shop", "sales"
	ts[4].Copy = "staging"
	must(t, s.Add(t.Context(), ts))
	must(t, s.SetState(t.Context(), token.Live, ts[0].ID, ts[1].ID))
	for name, c := range map[string]struct {
		f    token.Filter
		want []event.ID
	}{
		"all":        {token.Filter{}, ids(ts)},
		"state":      {token.Filter{States: []token.State{token.Live}}, ids(ts[:2])},
		"two states": {token.Filter{States: []token.State{token.Live, token.Planned}}, ids(ts)},
		"server":     {token.Filter{Server: "second"}, []event.ID{ts[4].ID}},
		"database":   {token.Filter{Database: "shop"}, []event.ID{ts[4].ID}},
		"schema":     {token.Filter{Schema: "sales"}, []event.ID{ts[4].ID}},
		"table":      {token.Filter{Table: "employees"}, []event.ID{ts[1].ID, ts[3].ID, ts[5].ID}},
		"kind":       {token.Filter{Kind: "key"}, []event.ID{ts[1].ID, ts[3].ID, ts[5].ID}},
		"deployment": {token.Filter{Deployment: "dep-2"}, []event.ID{ts[1].ID, ts[3].ID, ts[5].ID}},
		"row":        {token.Filter{Row: ts[2].Row}, ids(ts[2:4])},
		"copy":       {token.Filter{Copy: "staging"}, []event.ID{ts[4].ID}},
		"own":        {token.Filter{Own: true}, ids(ts)},
		"owner":      {token.Filter{Owner: "nobody"}, nil},
		"value":      {token.Filter{Value: ts[2].Value}, ids(ts[2:3])},
		"part":       {token.Filter{Value: ts[2].Value[1:]}, nil},
		"together":   {token.Filter{Table: "employees", Deployment: "dep-2", States: []token.State{token.Planned}, Kind: "key"}, []event.ID{ts[3].ID, ts[5].ID}},
		"none":       {token.Filter{Table: "customers", Kind: "key"}, nil},
		"injection":  {token.Filter{Table: "x' OR '1'='1"}, nil},
	} {
		got, err := s.List(t.Context(), c.f)
		must(t, err)
		if !slices.Equal(ids(got), c.want) {
			t.Errorf("%s: got %v, want %v", name, ids(got), c.want)
		}
		all, err := s.List(t.Context(), token.Filter{})
		must(t, err)
		all = slices.DeleteFunc(all, func(x token.Token) bool { return !c.f.Selects(&x) })
		if !slices.Equal(ids(all), c.want) {
			t.Errorf("%s: the filter by itself selects %v, want %v", name, ids(all), c.want)
		}
	}
}

func versions(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(2)
	loc := []token.Location{{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email", TableOID: 5, Attr: 2}}
	last := snapshot(t, s).Version
	for _, step := range []struct {
		name    string
		do      func() error
		changes bool
	}{
		{"add", func() error { return s.Add(t.Context(), ts) }, true},
		{"add nothing", func() error { return s.Add(t.Context(), nil) }, false},
		{"live", func() error { return s.SetState(t.Context(), token.Live, ids(ts)...) }, true},
		{"live again", func() error { return s.SetState(t.Context(), token.Live, ids(ts)...) }, false},
		{"locate", func() error { return s.Locate(t.Context(), loc) }, true},
		{"locate again", func() error { return s.Locate(t.Context(), loc) }, false},
		{"beat", func() error { return s.Beat(t.Context(), token.Watcher{ID: "w"}) }, false},
		{"leave", func() error { return s.Leave(t.Context(), "w") }, false},
	} {
		must(t, step.do())
		v := snapshot(t, s).Version
		if (v != last) != step.changes {
			t.Errorf("%s: version %d after %d, want a change: %v", step.name, v, last, step.changes)
		}
		last = v
	}
}

func wait(t *testing.T, open Open) {
	s, other := open(t, NewClock().Now), open(t, NewClock().Now)
	v := snapshot(t, s).Version
	must(t, s.Wait(t.Context(), v+1)) // differs already
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, v); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got %v", err)
	}
	started, done := make(chan struct{}), make(chan error, 1)
	go func() { close(started); done <- s.Wait(t.Context(), v) }()
	<-started
	must(t, other.Add(t.Context(), Tokens(1)))
	changed := time.Now()
	must(t, <-done)
	if d := time.Since(changed); d > time.Second {
		t.Errorf("noticed after %s, want within a second", d)
	}
	if snapshot(t, s).Version == v {
		t.Error("Wait returned without a change")
	}
}

func atlas(t *testing.T, open Open) {
	s := open(t, NewClock().Now)
	ts := Tokens(2)
	must(t, s.Add(t.Context(), ts))
	at := func(table, column string, oid uint32, attr uint16) token.Location {
		return token.Location{Server: "main", Database: "crm", Schema: "public", Table: table, Column: column, TableOID: oid, Attr: attr}
	}
	partition, parent := at("customers", "email", 100, 3), at("customers", "email", 90, 3)
	key := at("employees", "id", 200, 1)
	check := func(when string, oid uint32, want ...token.Location) {
		t.Helper()
		snap := snapshot(t, s)
		if !slices.Equal(snap.Locations, want) {
			t.Errorf("%s: got %v, want %v", when, snap.Locations, want)
		}
		if snap.Tokens[0].TableOID != oid {
			t.Errorf("%s: token's table has number %d, want %d", when, snap.Tokens[0].TableOID, oid)
		}
	}
	must(t, s.Locate(t.Context(), []token.Location{partition, parent, key}))
	check("first", 100, partition, parent, key)
	fresh := at("customers", "email", 300, 4)
	must(t, s.Locate(t.Context(), []token.Location{fresh}))
	check("table recreated", 300, fresh, key)
	must(t, s.Locate(t.Context(), []token.Location{at("customers", "email", 0, 0)}))
	check("table gone", 0, key)
}

func watchers(t *testing.T, open Open) {
	clock := NewClock()
	s, other := open(t, clock.Now), open(t, clock.Now)
	w1 := token.Watcher{ID: "w1", Host: "a", PID: 7, Servers: []string{"main", "it's"}, Version: 3}
	w2 := token.Watcher{ID: "w2", Host: "b", PID: 8, Servers: []string{"main"}, Version: 4}
	check := func(when string, want ...token.Watcher) {
		t.Helper()
		got, err := other.Watchers(t.Context())
		must(t, err)
		if len(got) != len(want) {
			t.Fatalf("%s: got %d watchers, want %d", when, len(got), len(want))
		}
		for i := range got {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Errorf("%s: got %+v, want %+v", when, got[i], want[i])
			}
		}
	}
	beat := func(w *token.Watcher) {
		t.Helper()
		must(t, s.Beat(t.Context(), *w))
		w.Seen = clock.Now()
	}
	check("none")
	beat(&w1)
	clock.Advance(6 * time.Second)
	beat(&w2)
	check("both", w1, w2)
	clock.Advance(5 * time.Second)
	check("first silent for 11 s", w2)
	silent, err := other.Silent(t.Context())
	must(t, err)
	if len(silent) != 1 || !reflect.DeepEqual(silent[0], w1) {
		t.Errorf("silent: %+v, want %+v", silent, w1)
	}
	w1.Version = 9
	beat(&w1)
	check("first back", w1, w2)
	must(t, s.Leave(t.Context(), "w2"))
	must(t, s.Leave(t.Context(), "nobody"))
	check("second left", w1)
}

func concurrent(t *testing.T, open Open) {
	const processes, rounds = 4, 10
	start := snapshot(t, open(t, NewClock().Now)).Version
	var wg sync.WaitGroup
	for range processes {
		s := open(t, NewClock().Now)
		wg.Go(func() {
			for range rounds {
				ts := Tokens(5)
				if err := s.Add(t.Context(), ts); err != nil {
					t.Error(err)
				}
				if err := s.SetState(t.Context(), token.Live, ids(ts)...); err != nil {
					t.Error(err)
				}
				if _, err := s.Snapshot(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	snap := snapshot(t, open(t, NewClock().Now))
	if got, want := len(snap.Tokens), processes*rounds*5; got != want {
		t.Errorf("got %d tokens, want %d", got, want)
	}
	if got, want := snap.Version-start, uint64(2*processes*rounds); got != want {
		t.Errorf("got %d versions, want %d: one for each change", got, want)
	}
}
