package engine

import (
	"honeyrow/engine/drill"
	"honeyrow/event"
	"honeyrow/token"
)

// A drill is a read of one honey row that the owner has ordered and signed
// (package drill). It goes the whole way that a theft goes, to the verdict and
// to every sink, and does no more than that: nobody is shut out or suspected for
// it.

// drilled reports whether a text is signed for the session.
func (s *session) drilled(text []byte) bool {
	return drill.Ends(text) && s.e.drills.Knows(text, s.client.BackendPID, s.client.Session, s.e.now())
}

// order makes the record a drill if its statement is signed.
func (c *record) order(text []byte) {
	if !drill.Ends(text) {
		return
	}
	o, ok := c.e.drills.Claim(text, c.s.client.BackendPID, c.s.client.Session, c.det.Time)
	c.det.Drill, c.ordered = ok, o.Row
}

// strays notes a hit that a drill was not ordered for: from then on it is no
// drill, and what was told of it so far is left as it is.
func (c *record) strays(t *token.Token) {
	if !c.det.Drill || rowOf(t) == c.ordered || t.Kind == token.DecoyTable {
		return
	}
	c.det.Drill, c.strayed = false, true
	if c.det.Rule != "" {
		c.det.ID, c.det.Revision = event.NewID(), 0
		c.e.stats.detections.Add(1)
	}
}

// drillMark begins a drill's summary.
const drillMark = "DRILL, nothing happened: "
