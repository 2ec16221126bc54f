package sqlite

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

func TestADripIsKeptSealedUntilNoRowWaits(t *testing.T) {
	clock := tokentest.NewClock()
	path := dbPath(t)
	s := openAt(t, path, clock.Now)
	rows := []token.DripRow{
		{Row: "b", Table: "public.staff", Due: clock.Now().Add(2 * time.Hour), State: token.Waiting},
		{Row: "a", Table: "public.staff", Due: clock.Now().Add(time.Hour), State: token.Waiting},
		{Row: "c", Table: "public.staff", Due: clock.Now().Add(3 * time.Hour), State: token.Waiting},
	}
	d := token.Drip{Deployment: "d", Server: "crm", Database: "shop", Digest: "ff", Begun: clock.Now(), Over: 7 * 24 * time.Hour, Rows: rows}
	plan := []byte(`{"email":"somebody@decoy.example"}`)
	must(t, s.Schedule(t.Context(), d, plan))
	if err := s.Schedule(t.Context(), d, plan); !errors.Is(err, token.ErrExists) {
		t.Errorf("begun twice: %v, want ErrExists", err)
	}
	read := func() token.Drip {
		t.Helper()
		ds, err := s.Drips(t.Context(), "crm", "d")
		if err != nil || len(ds) != 1 {
			t.Fatalf("%d drips, %v", len(ds), err)
		}
		return ds[0]
	}
	if got := read(); got.Over != d.Over || !got.Begun.Equal(d.Begun) || got.Digest != "ff" || got.Left() != 3 || got.Next().Row != "a" {
		t.Errorf("got %+v", got)
	}
	if ds, err := s.Drips(t.Context(), "another", ""); err != nil || len(ds) != 0 {
		t.Errorf("another server has %d drips, %v", len(ds), err)
	}
	if got, err := s.DripPlan(t.Context(), "d"); err != nil || !bytes.Equal(got, plan) {
		t.Errorf("plan %s, %v", got, err)
	}
	for _, name := range []string{path, path + "-wal"} {
		if raw, err := os.ReadFile(name); err != nil || bytes.Contains(raw, []byte("somebody@")) {
			t.Errorf("%s holds a value (%v)", name, err)
		}
	}
	move := func(row event.ID, state token.DripState) {
		t.Helper()
		must(t, s.MoveDrip(t.Context(), "d", token.DripRow{Row: row, Due: clock.Now(), State: state, Why: "so"}))
	}
	move("a", token.Planted)
	move("a", token.Cancelled) // too late
	move("b", token.Cancelled)
	move("b", token.Waiting) // what was ended does not come back
	move("nobody", token.Planted)
	must(t, s.MoveDrip(t.Context(), "nothing", token.DripRow{Row: "a", State: token.Planted}))
	if got := read(); got.In() != 1 || got.Left() != 1 || got.Next().Row != "c" {
		t.Errorf("got %+v", got)
	}
	move("b", token.Planted) // it was on its way
	move("c", token.Foregone)
	if got := read(); got.In() != 2 || got.Next() != nil || got.Rows[2].Why != "so" {
		t.Errorf("at the end: %+v", got)
	}
	if _, err := s.DripPlan(t.Context(), "d"); !errors.Is(err, token.ErrNotFound) {
		t.Errorf("the plan is still there: %v", err)
	}
	must(t, s.Schedule(t.Context(), d, plan)) // over: it may begin anew
}
