package sqlite

import (
	"path/filepath"
	"slices"
	"testing"

	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

// What proxies look up columns with must be what a snapshot would tell them.
func TestColumnsAreThoseOfTheSnapshot(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "honeyrow.db"), nil)
	ts := tokentest.Tokens(60)
	if err := s.Add(t.Context(), ts); err != nil {
		t.Fatal(err)
	}
	gone := ts[0].Place
	var ids []event.ID
	for i := range ts {
		if ts[i].Place.Table == gone.Table && ts[i].Place.Column == gone.Column {
			ids = append(ids, ts[i].ID)
		}
	}
	for _, to := range []token.State{token.Live, token.Retired, token.Removed} {
		if err := s.SetState(t.Context(), to, ids...); err != nil {
			t.Fatal(err)
		}
	}
	planted, known, err := s.Columns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[token.Location]bool{}
	for i := range snap.Tokens {
		p := snap.Tokens[i].Place
		want[token.Location{Server: p.Server, Database: p.Database, Schema: p.Schema, Table: p.Table, Column: p.Column}] = true
	}
	got := map[token.Location]bool{}
	for _, l := range planted {
		got[l] = true
	}
	if len(planted) != len(want) || len(got) != len(want) {
		t.Errorf("%d columns, want %d: %v", len(planted), len(want), planted)
	}
	for l := range want {
		if !got[l] {
			t.Errorf("%v is missing", l)
		}
	}
	if !slices.Equal(known, snap.Locations) {
		t.Errorf("locations %v, want %v", known, snap.Locations)
	}
}
