package app

import (
	"strings"
	"testing"

	"honeyrow/engine/sqlfacts/pgsql"
)

// Before a session waits for a statement's verdict, the parser is there: the time
// that its start takes is not the first statement's. Where nobody waits, nothing is
// started before there is a statement.
func TestTheParserIsThereBeforeASessionWaitsForIt(t *testing.T) {
	protect := func(text string) string {
		return strings.Replace(text, "127.0.0.1:0\n", "127.0.0.1:0\n    mode: protect\n", 1)
	}
	workers := uint64(pgsql.DefaultConfig().Workers)
	s := newSite(t, "")
	s.start()
	if n := s.app.parser.Stats().Starts; n != 0 {
		t.Errorf("in detect mode %d processes were started before the first statement", n)
	}
	s.configure(protect(configText("")))
	if err := s.app.Reload(t.Context(), s.config()); err != nil {
		t.Fatal(err)
	}
	if n := s.app.parser.Stats().Starts; n != workers {
		t.Errorf("after a reload into protect mode there are %d processes, want %d", n, workers)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.start()
	if n := s.app.parser.Stats().Starts; n != workers {
		t.Errorf("after a start in protect mode there are %d processes, want %d", n, workers)
	}
}
