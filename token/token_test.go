package token

import (
	"errors"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

func TestLiveTokenIsNeverUnwatchedInOneStep(t *testing.T) {
	states := []State{Planned, Live, Retired, Removed}
	allowed := map[[2]State]bool{
		{Planned, Live}: true, {Planned, Retired}: true, {Planned, Removed}: true,
		{Live, Retired}: true, {Retired, Live}: true, {Retired, Removed}: true,
	}
	for _, from := range states {
		for _, to := range states {
			want := from == to || allowed[[2]State{from, to}]
			if got := from.MayBecome(to); got != want {
				t.Errorf("%s may become %s: got %v, want %v", from, to, got, want)
			}
			err := CheckMove("id-1", from, to)
			if (err == nil) != want {
				t.Errorf("CheckMove %s to %s: got %v", from, to, err)
			}
			if err != nil && (!errors.Is(err, ErrTransition) || !strings.Contains(err.Error(), "id-1")) {
				t.Errorf("CheckMove %s to %s: %v does not wrap ErrTransition or lacks the id", from, to, err)
			}
		}
	}
	if State("gone").Valid() || Live.MayBecome("gone") || State("").MayBecome(Live) {
		t.Error("an unknown state passes")
	}
}

func TestWatchedStatesAreAllButRemoved(t *testing.T) {
	for s, want := range map[State]bool{Planned: true, Live: true, Retired: true, Removed: false, "": false} {
		if got := s.Watched(); got != want {
			t.Errorf("%q watched: got %v, want %v", s, got, want)
		}
	}
}

func TestCheckNamesWhatATokenLacks(t *testing.T) {
	whole := Token{
		ID: "t1", Row: "r1", Kind: "email", Value: "hidden-value", State: Planned,
		Place: event.Place{Table: "customers", Column: "email"},
	}
	if err := whole.Check(); err != nil {
		t.Fatalf("whole token: %v", err)
	}
	for want, spoil := range map[string]func(*Token){
		"without id": func(x *Token) { x.ID = "" },
		"honey row":  func(x *Token) { x.Row = "" },
		"a kind":     func(x *Token) { x.Kind = "" },
		"a value":    func(x *Token) { x.Value = "" },
		"a table":    func(x *Token) { x.Place.Table = "" },
		"a column":   func(x *Token) { x.Place.Column = "" },
		"a state":    func(x *Token) { x.State = "gone" },
	} {
		x := whole
		spoil(&x)
		err := x.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
			continue
		}
		if strings.Contains(err.Error(), "hidden-value") {
			t.Errorf("error shows the value: %v", err)
		}
	}
}

func TestStoryTellsWhatWasPlantedWhereByWhomAndWhen(t *testing.T) {
	tok := Token{
		PlantedBy: "dba@corp", PlantedAt: time.Date(2026, 11, 21, 23, 30, 0, 0, time.FixedZone("", -3600)),
		Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email"},
	}
	if got, want := tok.Story(), "row planted in customers of crm on main by dba@corp on 2026-11-22"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	tok.Place.Schema = "sales"
	if got, want := tok.Story(), "row planted in sales.customers of crm on main by dba@corp on 2026-11-22"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStrengthTextRoundTrip(t *testing.T) {
	for _, s := range []Strength{Weak, Firm, Strong} {
		b, _ := s.MarshalText()
		var back Strength
		if err := back.UnmarshalText(b); err != nil || back != s {
			t.Errorf("%s: got %s, %v", s, back, err)
		}
	}
	if err := new(Strength).UnmarshalText([]byte("mighty")); err == nil {
		t.Error("unknown strength accepted")
	}
	if got, want := Strength(9).String(), "strength(9)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
