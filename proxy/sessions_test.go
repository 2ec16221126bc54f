package proxy

import (
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

func TestMeasuresReachTheSessionsThatTheyMean(t *testing.T) {
	h := open(t, Config{})
	all := h.deps.Sessions
	a, b, c := h.mustConnect(t), h.mustConnect(t), h.mustConnect(t)
	until(t, "three sessions", func() bool { return len(all.List()) == 3 })
	pids := map[uint32]event.ID{}
	for _, s := range all.List() {
		pids[s.Who.BackendPID] = s.Who.Session
	}
	if len(pids) != 3 {
		t.Fatalf("%d sessions are listed", len(pids))
	}
	all.Enforce(event.Measure{Session: pids[a.PID()], Kill: true, Rule: "r", Detection: "d-1"})
	until(t, "the end of the killed session", func() bool { return len(all.List()) == 2 })
	_, err := a.Exec(t.Context(), "select 1").ReadAll()
	if err == nil {
		t.Fatal("the killed session goes on")
	}
	until(t, "its log line", func() bool { return strings.Contains(h.log.String(), "ended by rule r, detection d-1") })
	if _, err := b.Exec(t.Context(), "select 1").ReadAll(); err != nil {
		t.Fatalf("another session: %v", err)
	}
	all.Enforce(event.Measure{Of: func(who *event.Client) bool { return who.BackendPID == b.PID() }, Delay: time.Millisecond})
	for _, s := range all.List() {
		if want := map[bool]time.Duration{true: time.Millisecond}[s.Who.BackendPID == b.PID()]; s.Delay != want || s.ToClient == 0 && s.Who.BackendPID == b.PID() {
			t.Errorf("%+v", s)
		}
	}
	if !all.Kill(pids[c.PID()]) || all.Kill("nobody") {
		t.Fatal("the operator's order")
	}
	until(t, "the end of the other killed session", func() bool { return len(all.List()) == 1 })
}

// A measure may overtake the login of the session that it means.
func TestMeasureWaitsForASessionThatIsLoggingIn(t *testing.T) {
	now := time.Now()
	s := NewSessions(func() time.Time { return now })
	s.Enforce(event.Measure{Session: "s-1", Kill: true})
	s.Enforce(event.Measure{Of: func(who *event.Client) bool { return who.User == "app" }, Kill: true})
	if n := len(s.current()); n != 2 {
		t.Fatalf("%d orders are kept", n)
	}
	now = now.Add(overtaken + time.Second)
	if n := len(s.current()); n != 0 {
		t.Fatalf("%d orders are kept for ever", n)
	}
	for range 2 * overtakenMax {
		s.Enforce(event.Measure{Session: "s-2", Kill: true})
	}
	if n := len(s.orders); n != overtakenMax {
		t.Fatalf("%d orders are kept", n)
	}
}
