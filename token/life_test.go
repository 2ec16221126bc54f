package token

import (
	"testing"
	"time"

	"honeyrow/event"
)

func TestALifeIsToldAsAResponderNeedsIt(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	l := Life{Token: Token{
		Place:     event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers_of_note", Column: "email"},
		PlantedBy: "dba@crm-host", PlantedAt: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), State: Live,
	}, RowNumber: 3, DeploymentNumber: 7, Reads: 2}
	l.Verified, l.Found, l.LastSeen = now.Add(-20*time.Hour), "intact", now.Add(-time.Hour)
	if got, want := l.Tell(now), "row 3 of deployment 7, crm.public.customers_of_note.email on server main, planted by dba@crm-host on 2026-11-21, "+
		"last verified yesterday (intact), read twice since, last today"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.State, l.ChangedAt, l.Verified, l.Reads, l.Uses, l.LastSeen = Retired, now.Add(-72*time.Hour), time.Time{}, 0, 1, time.Time{}
	l.Place.Schema = ""
	if got, want := l.Tell(now), "row 3 of deployment 7, crm.customers_of_note.email on server main, planted by dba@crm-host on 2026-11-21, "+
		"out of use since 2026-11-20, never verified, never read since, used in statements once"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAValueIsRecognisedAsItWasCopied(t *testing.T) {
	const want = "anna.stone@decoy.test"
	for _, found := range []string{
		want, "  " + want + "\n", `"` + want + `",`, "<" + want + ">", "Anna.Stone@DECOY.test", "anna.stone%40decoy.test",
		"616e6e612e73746f6e65406465636f792e74657374", `\x616e6e612e73746f6e65406465636f792e74657374`,
		"YW5uYS5zdG9uZUBkZWNveS50ZXN0", "YW5uYS5zdG9uZUBkZWNveS50ZXN0\r\n", "mailto:anna.stone@decoy.test",
		`anna.stone\u0040decoy.test`, `"anna.stone\u0040decoy.test",`, "anna.stone&#64;decoy.test", "\ufeff" + want, "a\x00n\x00n\x00a\x00.\x00s\x00t\x00o\x00n\x00e\x00@\x00d\x00e\x00c\x00o\x00y\x00.\x00t\x00e\x00s\x00t\x00\r\x00",
	} {
		forms, ok := Forms(found), false
		for _, f := range forms {
			ok = ok || f == want
		}
		if !ok || forms[0] != found {
			t.Errorf("%q: got %q", found, forms)
		}
	}
}
