package sqlite

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/chain"
	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

// bundle is what the registry at an address sends.
func bundle(registry, owner string, at time.Time, ts ...token.Token) token.Bundle {
	return token.Bundle{
		Registry: registry, Owner: owner, Made: at, Deed: token.Deed{Action: "merged"},
		Lives: func(yield func(*token.Life, error) bool) {
			for _, t := range ts {
				if !yield(&token.Life{Token: t, Verified: at, Found: "intact"}, nil) {
					return
				}
			}
		},
		Locations: func() []token.Location {
			return []token.Location{{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email", TableOID: 99, Attr: 3}}
		},
	}
}

func merge(t *testing.T, s *Store, b token.Bundle) token.Merged {
	t.Helper()
	m, err := s.Merge(t.Context(), b)
	must(t, err)
	return m
}

func version(t *testing.T, s *Store) uint64 {
	t.Helper()
	v, err := s.Version(t.Context())
	must(t, err)
	return v
}

func TestMergedTokensAreWatchedAndSayWhoseTheyAre(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	theirs := tokentest.Tokens(mergeLot + 10)
	theirs[0].Copy = "staging"
	before := version(t, s)
	if m := merge(t, s, bundle("hr1crm", "crm-team", clock.Now(), theirs...)); m.Added != len(theirs) || m.Read != len(theirs) || len(m.Clashes) > 0 {
		t.Fatalf("%+v", m)
	}
	after := version(t, s)
	snap, err := s.Snapshot(t.Context())
	must(t, err)
	if after == before || len(snap.Tokens) != len(theirs) || snap.Tokens[0].Owner != "crm-team" || snap.Tokens[0].TableOID != 99 || len(snap.Locations) != 1 {
		t.Errorf("version %d after %d, %d tokens watched, the first %+v", after, before, len(snap.Tokens), snap.Tokens[0])
	}
	l := lookup(t, s, theirs[0].Value)
	if len(l) != 1 || l[0].Found != "intact" || !strings.Contains(l[0].Tell(clock.Now()), "copy staging of crm") || !strings.Contains(l[0].Tell(clock.Now()), "registered by crm-team") {
		t.Errorf("the story: %+v", l)
	}
	// Once more: nothing moves, no proxy is woken.
	if m := merge(t, s, bundle("hr1crm", "crm-team", clock.Now(), theirs...)); m.Added+m.Changed+m.Refused != 0 || version(t, s) != after {
		t.Errorf("a second time: %+v, version %d", m, version(t, s))
	}
	var log []string
	if _, err := s.Log(t.Context(), chain.Head{}, func(d token.Deed) error { log = append(log, d.Action+" "+d.Detail); return nil }); err != nil || len(log) != 2 || !strings.Contains(log[0], "from crm-team (hr1crm)") {
		t.Errorf("the log: %q, %v", log, err)
	}
	own := tokentest.Tokens(2)
	must(t, s.Add(t.Context(), own))
	for name, c := range map[string]struct {
		f    token.Filter
		want int
	}{"own": {token.Filter{Own: true}, 2}, "owner": {token.Filter{Owner: "crm-team"}, len(theirs)}, "stranger": {token.Filter{Owner: "hr"}, 0}} {
		if ts, err := s.List(t.Context(), c.f); err != nil || len(ts) != c.want {
			t.Errorf("%s: %d tokens, want %d (%v)", name, len(ts), c.want, err)
		}
	}
}

func TestTheNewerStateWinsWhateverOrderManifestsCome(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	old := tokentest.Tokens(2)
	at := func(h int, st token.State) []token.Token {
		ts := slices.Clone(old)
		for i := range ts {
			ts[i].State, ts[i].ChangedAt = st, old[i].ChangedAt.Add(time.Duration(h)*time.Hour)
		}
		return ts
	}
	for i, c := range []struct {
		ts      []token.Token
		want    token.State
		changed int
	}{
		{at(1, token.Live), token.Live, 0},
		{at(0, token.Planned), token.Live, 0},
		{at(5, token.Retired), token.Retired, 2},
		{at(3, token.Live), token.Retired, 0},
		{at(6, token.Live), token.Live, 2},
		{at(9, token.Removed), token.Removed, 2},
		{at(12, token.Live), token.Removed, 0},
	} {
		m := merge(t, s, bundle("hr1crm", "crm-team", clock.Now().Add(time.Duration(-i)*time.Hour), c.ts...))
		got, err := s.Get(t.Context(), old[0].ID)
		must(t, err)
		if got.State != c.want || m.Changed != c.changed || m.Refused != 0 {
			t.Errorf("step %d: %s, %+v; want %s, %d changed", i, got.State, m, c.want, c.changed)
		}
	}
}

func TestNobodyElsesTokensAreTouchedByAManifest(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	own, third := tokentest.Tokens(2), tokentest.Tokens(2)
	must(t, s.Add(t.Context(), own))
	must(t, s.Locate(t.Context(), []token.Location{{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email", TableOID: 5, Attr: 1}}))
	merge(t, s, bundle("hr1third", "hr-team", clock.Now(), third...))
	var evil []token.Token
	for _, x := range append(slices.Clone(own), third...) {
		x.State, x.ChangedAt = token.Removed, x.ChangedAt.Add(time.Hour)
		evil = append(evil, x)
	}
	intruder := tokentest.Tokens(1)[0]
	intruder.Row = own[0].Row
	m := merge(t, s, bundle("hr1evil", "crm-team", clock.Now(), append(evil, intruder)...))
	if m.Refused != 5 || m.Added+m.Changed != 0 || len(m.Clashes) != 5 {
		t.Errorf("%+v", m)
	}
	snap, err := s.Snapshot(t.Context())
	must(t, err)
	if len(snap.Tokens) != 4 || snap.Locations[0].TableOID != 5 || lookup(t, s, own[0].Value)[0].Found != "" {
		t.Errorf("%d tokens watched, locations %+v", len(snap.Tokens), snap.Locations)
	}
	// Its own token with another value is none of its tokens.
	other := third[0]
	other.Value = "another"
	if m := merge(t, s, bundle("hr1third", "hr-team", clock.Now(), other)); m.Refused != 1 {
		t.Errorf("an id with another value: %+v", m)
	}
	if _, err := s.Merge(t.Context(), bundle("hr1evil", "hr-team", clock.Now())); err == nil || !strings.Contains(err.Error(), "calls itself hr-team") {
		t.Errorf("under another's name: %v", err)
	}
	bad := tokentest.Tokens(1)[0]
	bad.Strength = 7
	if _, err := s.Merge(t.Context(), bundle("hr1third", "hr-team", clock.Now(), bad)); err == nil || strings.Contains(err.Error(), bad.Value) {
		t.Errorf("a strength that does not exist: %v", err)
	}
	if _, err := s.Merge(t.Context(), token.Bundle{Registry: "hr1", Owner: "x", Lives: func(y func(*token.Life, error) bool) { y(nil, errors.New("cut")) }}); err == nil {
		t.Error("an error of the manifest is lost")
	}
}

func TestAValueAtTwoPlacesIsReportedAndWatchedAtBoth(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	own := tokentest.Tokens(2)
	must(t, s.Add(t.Context(), own))
	theirs := tokentest.Tokens(2)
	for i := range theirs {
		theirs[i].Value, theirs[i].Copy = own[i].Value, "staging"
	}
	m := merge(t, s, bundle("hr1crm", "crm-team", clock.Now(), theirs...))
	if m.Added != 2 || m.Doubled != 1 || len(m.Clashes) != 1 || m.Clashes[0].Other != own[0].ID || m.Clashes[0].Copy != "staging" ||
		m.Clashes[0].OtherPlace != (event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email"}) {
		t.Errorf("the strong one alone is to be reported: %+v", m)
	}
	if l := lookup(t, s, own[0].Value); len(l) != 2 || l[0].Owner != "" || l[1].Owner != "crm-team" {
		t.Errorf("the look-up tells %+v", l)
	}
}
