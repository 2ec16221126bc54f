package app

import (
	"context"
	"slices"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/event"
)

// What is allowed of an incident is silent in the running proxy at once, and
// nothing else is; reopened, it is told again.
func TestAnAllowedIncidentIsSilentInTheRunningProxy(t *testing.T) {
	s := newSite(t, "")
	s.plant()
	s.start()
	c := s.connect("crm", true)
	const allowed, other = "select * from customers where id = 4711", "select id, email from customers where id = 4711"
	count(t, c, allowed)
	first := s.awaitDetections(1)[0]
	if first.Incident == nil || first.Incident.Number != 1 || first.Incident.Entry != 1 || first.Audit == nil {
		t.Fatalf("delivered with %+v, %+v: want its place in incident 1 and its link", first.Incident, first.Audit)
	}
	inForce := func() int { // with the rules that follow from them
		s.app.mu.Lock()
		defer s.app.mu.Unlock()
		return len(*s.app.allowed.Load())
	}
	s.withStore(func(st *Store) error {
		p := Permit{AnyTime: true, Until: time.Now().Add(24 * time.Hour), By: "alice"}
		inc, texts, err := AllowIncident(context.Background(), s.config(), st, "1", p)
		if err == nil && (inc.State != event.Allowed || len(texts) == 0) {
			t.Errorf("got %s, %q", inc.State, texts)
		}
		return err
	})
	await(t, 10*time.Second, "the proxy takes the allowance over", func() bool { return inForce() > 0 })
	count(t, c, allowed)
	count(t, c, other)
	for _, d := range s.awaitDetections(2) {
		if d.ID != first.ID && (d.Statement.Text != other || d.Incident.Number != 2) {
			t.Errorf("told of %q (rule %s, revision %d, %d rules, first %s) in incident %d, want the other statement in a new one", d.Statement.Text, d.Rule, d.Revision, len(d.Rules), first.Rule, d.Incident.Number)
		}
	}
	s.withStore(func(st *Store) error {
		_, err := st.Decide(context.Background(), "1", alert.Decision{To: event.Open, By: "bob"})
		return err
	})
	await(t, 10*time.Second, "the proxy ends the allowance", func() bool { return inForce() == 0 })
	count(t, c, allowed)
	s.awaitDetections(3)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.withStore(func(st *Store) error {
		decided, err := st.Changes(context.Background(), 1)
		if err != nil {
			return err
		}
		// Both incidents may have a rise of their severity, if their reads were
		// committed after what asked for them.
		decided = slices.DeleteFunc(decided, func(c event.IncidentChange) bool { return c.By == incident.Self })
		a, err := st.Verify(context.Background(), nil)
		if err == nil && (a.Broken != nil || len(decided) != 2 || a.Changes < 2) {
			t.Errorf("audit %+v, %+v, decided %+v", a, a.Broken, decided)
		}
		return err
	})
}
