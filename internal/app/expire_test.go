package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// A token is watched until after its row is gone; a value that another one has
// replaced, until its time is over; nobody has to run a command for that.
func TestOnlyReplacedValuesWhoseTimeIsOverAreLetGo(t *testing.T) {
	s := newSite(t, "")
	now := time.Now().UTC()
	add := func(value string, state token.State) event.ID {
		tk := token.Token{
			ID: event.NewID(), Row: event.NewID(), Kind: "email", Value: value, Strength: token.Strong, Deployment: "test", PlantedBy: "dba@corp",
			Place:     event.Place{Server: "crm", Database: "postgres", Schema: "public", Table: "customers", Column: "email", Key: value},
			PlantedAt: now, State: state, ChangedAt: now,
		}
		s.withStore(func(st *Store) error { return st.Add(context.Background(), []token.Token{tk}) })
		return tk.ID
	}
	over, later := add("over@mail.test", token.Live), add("later@mail.test", token.Live)
	live, leaving := add("live@mail.test", token.Live), add("leaving@mail.test", token.Live)
	s.withStore(func(st *Store) error {
		ctx := context.Background()
		return errors.Join(
			st.Replace(ctx, now.Add(-time.Minute), nil, []event.ID{over}),
			st.Replace(ctx, now.Add(time.Hour), nil, []event.ID{later}),
			st.SetState(ctx, token.Retired, leaving), // its row may be there yet
		)
	})
	s.start()
	await(t, 10*time.Second, "three values are watched", func() bool { return s.app.Engine().Stats().Tokens == 3 })
	s.withStore(func(st *Store) error {
		for id, want := range map[event.ID]token.State{over: token.Removed, later: token.Retired, live: token.Live, leaving: token.Retired} {
			if got, err := st.Get(context.Background(), id); err != nil || got.State != want {
				t.Errorf("%s is %s, %v; want %s", got.Value, got.State, err, want)
			}
		}
		return nil
	})
}

func TestAClockThatWasSetEndsNoWatch(t *testing.T) {
	began := time.Now()
	for _, tc := range []struct {
		by   time.Duration
		want bool
	}{{0, false}, {59 * time.Minute, false}, {-59 * time.Minute, false}, {61 * time.Minute, true}, {-365 * 24 * time.Hour, true}, {365 * 24 * time.Hour, true}} {
		started := began.Add(-2 * time.Hour)
		if got := jumpedBy(started.Round(0).Add(-tc.by), started, began); got != tc.want {
			t.Errorf("set by %s: %t, want %t", tc.by, got, tc.want)
		}
	}
}
