package alert

import (
	"context"
	"time"

	"honeyrow/event"
)

// Query selects detections from the store; zero fields select all.
type Query struct {
	ID          event.ID
	Named       string    // only those whose id begins or ends so
	Incident    int       // only those of the incident with this number
	After       uint64    // only entries with a higher Seq
	Forward     bool      // Limit counts from the oldest entry
	Since       time.Time // of the first hit, inclusive
	Until       time.Time // exclusive
	MinSeverity event.Severity
	Limit       int // the newest entries, or with Forward the oldest; 0: all
}

// Entry is one kept detection.
type Entry struct {
	// Seq rises with every commit. A later revision has a new one.
	Seq       uint64
	Committed time.Time
	Detection event.Detection
}

// SinkStatus tells how one sink's deliveries stand.
type SinkStatus struct {
	Sink    string `json:"sink"`
	Pending int    `json:"pending"` // not delivered yet, tries included
	Failing int    `json:"failing"` // of them, tried in vain at least once
	Dead    int    `json:"dead"`    // given up and kept
	// Oldest is when the oldest pending delivery was committed, NextDue when
	// the next try is due; zero if nothing is pending.
	Oldest    time.Time `json:"oldest,omitzero"`
	NextDue   time.Time `json:"next_due,omitzero"`
	LastError string    `json:"last_error,omitempty"` // of a pending or dead delivery
}

// DeadLetter is a delivery that was given up and is kept.
type DeadLetter struct {
	Sink      string          `json:"sink"`
	Tries     int             `json:"tries"`
	Committed time.Time       `json:"committed"` // of the detection's revision
	Error     string          `json:"error"`     // of the last try
	Detection event.Detection `json:"detection,omitzero"`
	// Incident is the number of the one whose change of state was given up, where
	// there is no Detection.
	Incident int `json:"incident,omitempty"`
}

// DeliveryState tells how the delivery of one detection to one sink stands.
type DeliveryState struct {
	Sink     string `json:"sink"`
	Revision int    `json:"revision"` // of the detection
	// State is "pending", "done", "dead" (given up), or "held" (a later delivery of
	// the incident speaks for it).
	State string `json:"state"`
	Tries int    `json:"tries"`
	Error string `json:"error,omitempty"` // of the last try
}

// Journal is what a store remembers of detections beyond their delivery.
type Journal interface {
	// Detections returns what q selects, in rising order of Seq.
	Detections(ctx context.Context, q Query) ([]Entry, error)
	// Status returns one entry for each sink that the store has ever known.
	Status(ctx context.Context) ([]SinkStatus, error)
	// Deliveries returns how a detection's deliveries stand, one for each sink.
	Deliveries(ctx context.Context, id event.ID) ([]DeliveryState, error)
	// Dead returns the deliveries of a sink that were given up, in order of
	// commit; an empty sink means all sinks.
	Dead(ctx context.Context, sink string) ([]DeadLetter, error)
	// Revive makes the dead deliveries of a sink due now, those of the detections
	// named, or all, changes of incidents too, and returns how many.
	Revive(ctx context.Context, sink string, ids ...event.ID) (int, error)
	// Prune forgets up to max detections committed before the given time and
	// returns how many. One that is pending for a sink of the list is kept.
	Prune(ctx context.Context, before time.Time, sinks []string, max int) (int, error)
}

// followEvery is how often Follow looks for new entries: another process
// writes them, so there is nothing to be woken by.
const followEvery = 300 * time.Millisecond

// Follow calls fn for every entry after the given Seq, now and as they come,
// until ctx ends or fn or the store returns an error.
func Follow(ctx context.Context, j Journal, after uint64, fn func(Entry) error) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		es, err := j.Detections(ctx, Query{After: after, Forward: true, Limit: 100})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, e := range es {
			if err := fn(e); err != nil {
				return err
			}
			after = e.Seq
		}
		if len(es) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
