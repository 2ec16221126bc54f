package rules

import (
	"testing"

	"honeyrow/event"
)

func builtins(t *testing.T) *Set {
	t.Helper()
	s, err := Compile(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryShippedRuleKeepsItsCases(t *testing.T) {
	for _, r := range builtins(t).All() {
		if len(r.Cases.MustFire) == 0 || len(r.Cases.MustNotFire) == 0 {
			t.Errorf("%s: no case of a kind", r.ID)
		}
		for _, res := range r.Test() {
			if !res.Passed() {
				t.Errorf("%s, case %q: fired %v, want %v %s", r.ID, res.Case, res.Fired, res.Want, res.Error)
			}
		}
	}
}

func TestEveryShippedRuleIsFitForPeople(t *testing.T) {
	for _, r := range builtins(t).All() {
		if r.Title == "" || r.Message == "" || r.Advice == "" || len(r.Tags) == 0 || len(r.FalsePositives) == 0 || r.Severity == event.Info {
			t.Errorf("%s: something is missing: %+v", r.ID, r.Rule)
		}
		if r.Actions.Verdict != event.Alert || len(r.Actions.words()) != 1 {
			t.Errorf("%s: a shipped rule only alerts, got %q", r.ID, r.Actions.words())
		}
		if got, want := r.Disabled, r.Maturity == Experimental; got != want {
			t.Errorf("%s: disabled %v, want %v for %s", r.ID, got, want, r.Maturity)
		}
	}
}

func TestPhasesAreTheEarliestPossible(t *testing.T) {
	s := builtins(t)
	for id, want := range map[string]struct {
		phase Phase
		needs Inputs
	}{
		RowRead: {AtHit, OfHits}, ValuePresented: {AtHit, OfHits}, Replication: {AtConnect, 0},
		Injection: {AtStatement, OfFindings}, "injection-reads-honey": {AtHit, OfHits | OfFindings},
		"honey-mass-read": {AtHit, OfHits}, "novel-statement": {AtStatement, OfNovelty},
		ExpectedMissing: {AtDone, OfExpected}, "server-programs": {AtStatement, OfFindings}, "large-result": {AtDone, OfShape},
	} {
		r := s.Compiled(id)
		if r.Phase != want.phase || r.Needs != want.needs {
			t.Errorf("%s: phase %s, needs %q; want %s, %q", id, r.Phase, r.Needs.Words(), want.phase, want.needs.Words())
		}
	}
}
