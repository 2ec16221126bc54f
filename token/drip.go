package token

import (
	"context"
	"time"

	"honeyrow/event"
)

// Drip is a plan whose honey rows are planted one by one over a time.
type Drip struct {
	Deployment string `json:"deployment"`
	Server     string `json:"server"`
	Database   string `json:"database"`
	// Digest is the plan's, in hexadecimal digits.
	Digest string    `json:"plan_sha256"`
	Begun  time.Time `json:"begun"`
	// Over is how long it was asked to take.
	Over time.Duration `json:"over_ns"`
	// Rows come in the order in which they are due.
	Rows []DripRow `json:"rows"`
}

// DripState is what became of a row of a drip.
type DripState string

// A waiting row is planted when it is due. The other states are final.
const (
	Waiting   DripState = "waiting"
	Planted   DripState = "planted"
	Foregone  DripState = "foregone"  // the database refuses it
	Cancelled DripState = "cancelled" // somebody ended the drip, or removed its rows
)

// DripRow is one honey row of a drip.
type DripRow struct {
	Row   event.ID  `json:"row"`
	Table string    `json:"table"`
	Due   time.Time `json:"due"` // of a planted row: when it was
	State DripState `json:"state"`
	Why   string    `json:"why,omitempty"` // without values
}

// In counts the rows that were planted.
func (d *Drip) In() int { return d.count(Planted) }

// Left counts the rows that are still to be planted.
func (d *Drip) Left() int { return d.count(Waiting) }

func (d *Drip) count(s DripState) (n int) {
	for i := range d.Rows {
		if d.Rows[i].State == s {
			n++
		}
	}
	return n
}

// Next returns the row that is due next, nil if none waits.
func (d *Drip) Next() *DripRow {
	for i := range d.Rows {
		if d.Rows[i].State == Waiting {
			return &d.Rows[i]
		}
	}
	return nil
}

// Calendar remembers drips, so that no process has to live as long as they do.
type Calendar interface {
	// Schedule begins a drip: plan is its plan's JSON, which is kept sealed until
	// no row waits. It fails with ErrExists if the deployment has one that has
	// rows waiting; one that is over is replaced.
	Schedule(ctx context.Context, d Drip, plan []byte) error
	// Drips returns the drips of a server and a deployment; empty: all. The
	// oldest comes first.
	Drips(ctx context.Context, server, deployment string) ([]Drip, error)
	// DripPlan returns the plan of a drip that has rows waiting.
	DripPlan(ctx context.Context, deployment string) ([]byte, error)
	// MoveDrip writes time, state and reason of rows of a drip. Only waiting rows
	// change, but that one that was cancelled may have been planted after all.
	// Rows that it does not know are passed over.
	MoveDrip(ctx context.Context, deployment string, rows ...DripRow) error
}
