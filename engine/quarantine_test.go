package engine

import (
	"testing"
	"time"

	"honeyrow/event"
)

const shutting = `
rules:
  - id: shut
    title: A honey row was read
    severity: critical
    condition: any(hits, not .inbound)
    actions: {quarantine: {by: [user], for: 10m}}
`

func refused(c *court, user, address string) bool {
	c.t.Helper()
	s, v := c.e.Open(c.client(user, address))
	s.Close()
	return v.Blocks()
}

func TestQuarantineNewsAreToldOnceAndAgainIfTheyCouldNotBeKept(t *testing.T) {
	c := newCourt(t, own(t, shutting), "")
	c.ask(c.open("app", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	if !refused(c, "app", "10.0.0.2:1") {
		t.Fatal("not refused")
	}
	n := c.e.QuarantineNews()
	if len(n.Begun) != 1 || n.Begun[0].Subject != "app" || n.Begun[0].Rule != "shut" || n.Begun[0].Server != "main" ||
		n.Begun[0].Detection != c.l.last()[0].ID || n.Refused[n.Begun[0].ID] != 1 {
		t.Fatalf("news %+v", n)
	}
	c.e.Untold(n)
	if again := c.e.QuarantineNews(); len(again.Begun) != 1 || again.Refused[n.Begun[0].ID] != 1 {
		t.Errorf("after a failure: %+v", again)
	}
	if again := c.e.QuarantineNews(); len(again.Begun)+len(again.Refused) != 0 {
		t.Errorf("told again: %+v", again)
	}
	c.now = c.now.Add(time.Minute)
	c.ask(c.open("other", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	if again := c.e.QuarantineNews(); len(again.Begun) != 1 || again.Begun[0].Subject != "other" {
		t.Errorf("the second: %+v", again)
	}
}

func TestWhatIsKeptReplacesWhoIsShutOutButForTheNews(t *testing.T) {
	c := newCourt(t, own(t, shutting), "")
	kept := event.Quarantined{ID: "q1", By: "address", Subject: "10.9.9.9", Author: "bob@desk", Since: c.now, Until: c.now.Add(time.Hour), Refused: 7}
	lapsed := event.Quarantined{ID: "q2", By: "user", Server: "main", Subject: "late", Since: c.now, Until: c.now}
	c.e.SetQuarantine([]event.Quarantined{kept, lapsed})
	if !refused(c, "x", "10.9.9.9:1") || refused(c, "late", "10.0.0.1:1") {
		t.Error("a person's quarantine does not hold, or one whose time is up does")
	}
	who := c.client("x", "10.9.9.9:2")
	if len(c.orders) != 1 || !c.orders[0].Kill || !c.orders[0].Of(&who) {
		t.Errorf("orders %+v: running sessions are to end", c.orders)
	}
	c.ask(c.open("app", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	c.e.SetQuarantine(nil) // lifted elsewhere, while app's has not been kept yet
	if refused(c, "x", "10.9.9.9:1") || !refused(c, "app", "10.0.0.1:6") {
		t.Error("a lifted one holds on, or the news are gone")
	}
	n := c.e.QuarantineNews()
	c.e.SetQuarantine(n.Begun)
	if len(c.e.Quarantine()) != 1 || !refused(c, "app", "10.0.0.1:6") {
		t.Errorf("kept: %+v", c.e.Quarantine())
	}
	c.e.SetQuarantine(nil)
	if refused(c, "app", "10.0.0.1:6") {
		t.Error("refused after it was lifted")
	}
}

func TestAReloadLiftsForTheRegistryToo(t *testing.T) {
	c := newCourt(t, own(t, shutting), "")
	foreign := event.Quarantined{ID: "q1", By: "user", Server: "main", Subject: "foreign", Rule: "elsewhere", Since: c.now, Until: c.now.Add(time.Hour)}
	byHand := event.Quarantined{ID: "q2", By: "user", Server: "main", Subject: "byhand", Author: "bob", Since: c.now, Until: c.now.Add(time.Hour)}
	c.e.SetQuarantine([]event.Quarantined{foreign, byHand})
	c.ask(c.open("app", "10.0.0.1:5"), "SELECT * FROM customers", rowA)
	begun := c.e.QuarantineNews().Begun
	if err := c.e.Configure(DefaultConfig(), nil); err != nil {
		t.Fatal(err)
	}
	n := c.e.QuarantineNews()
	if len(n.Ended) != 1 || n.Ended[0].ID != begun[0].ID || n.Ended[0].Why == "" || len(c.e.Quarantine()) != 2 {
		t.Errorf("news %+v, in quarantine %+v", n, c.e.Quarantine())
	}
	c.e.Untold(n)
	c.e.SetQuarantine(append(begun, foreign, byHand)) // read before it was lifted there
	if refused(c, "app", "10.0.0.1:6") || !refused(c, "foreign", "10.0.0.1:6") || !refused(c, "byhand", "10.0.0.1:6") {
		t.Error("a lifted one came back, or one is gone that this engine's rules have nothing to do with")
	}
}
