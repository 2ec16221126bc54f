package render

import (
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

func TestTailGroupsByIncidentAndFitsTheWidth(t *testing.T) {
	at := time.Date(2026, 11, 21, 14, 3, 7, 0, time.UTC)
	d := event.Detection{
		ID: "a", Revision: 1, Time: at, Severity: event.High, Summary: "3 honey rows of crm.public.customers read by app_ro\x1b[2J from 10.2.3.4:51544 with SELECT 日本語日本語日本語日本語 FROM customers",
		Client: event.Client{User: "app_ro", Server: "crm-db"}, Incident: &event.Membership{Number: 17, Entry: 1, Severity: event.Critical},
	}
	second := d
	second.Revision, second.Incident = 2, &event.Membership{Number: 17, Entry: 1, Severity: event.Critical, Held: 4}
	other := d
	other.ID, other.Incident = "b", &event.Membership{Number: 18, Entry: 1, Severity: event.High}
	tail := NewTail(Options{}, 60)
	x := event.IncidentChange{At: at, By: "alice", From: event.Open, To: event.Acknowledged, Severity: event.Critical, Note: "mine"}
	got := tail.Detection(&d) + tail.Detection(&second) + tail.Change(17, &x) + tail.Detection(&other)
	if n := strings.Count(got, "incident 17"); n != 1 || !strings.Contains(got, "── CRITICAL incident 17  app_ro@crm-db ──") {
		t.Errorf("%d headings for incident 17:\n%s", n, got)
	}
	for _, want := range []string{"14:03:07  HIGH      #1  3 honey rows", "#1r2  0 rows so far, 0 hits (and 4\n", "* acknowledged by alice: mine", "\n\n── HIGH incident 18"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Errorf("an escape without colours: %q", got)
	}
	for line := range strings.Lines(got) {
		if n := columns(strings.TrimSuffix(line, "\n")); n > 60 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if colored := NewTail(Options{Color: true}, 60).Detection(&d); strings.Contains(colored, "\x1b[2J") || !strings.Contains(colored, "\x1b[1;31mHIGH\x1b[0m") {
		t.Errorf("colours: %q", colored)
	}
	if unbound := NewTail(Options{}, 0).Detection(&d); strings.Count(unbound, "\n") != 2 {
		t.Errorf("without a width: %q", unbound)
	}
}
