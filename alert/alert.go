// Package alert carries detections from the engine to people: a recorder that
// commits them to a durable outbox, and a loop that delivers each to every
// sink at least once.
package alert

import (
	"context"
	"errors"
	"time"

	"honeyrow/event"
)

// Delivery is one detection, or one change of an incident, on its way to one
// sink.
type Delivery struct {
	Sink string
	// Detection is the zero Detection if nothing but the incident's state changed.
	Detection event.Detection
	// Incident is what the detection belongs to, as it is now; nil if the store
	// keeps none, as for what was committed by earlier versions.
	Incident *event.Incident
	Attempt  int // 1 for the first try
	Created  time.Time
	// Broken says why the store can't read what is to be delivered: then it is to be
	// given up, so that it holds up nothing else. Of the rest, ids alone are set.
	Broken error
}

// ErrSkipped is the outcome of a delivery that is not for the sink, as its policy
// says: it counts as delivered, but the one that a throttle held back for it, if there
// is one, is due in its place.
var ErrSkipped = errors.New("not for this sink")

// Change reports whether the delivery is of a change of the incident's state.
func (d *Delivery) Change() bool { return d.Detection.ID == "" && d.Incident != nil }

// Outbox is the durable queue between detections and sinks. Implementations
// are safe for concurrent use.
type Outbox interface {
	// Put commits detections for the named sinks. A higher revision of a known
	// ID replaces the body and is due again; the same or a lower one changes nothing.
	Put(ctx context.Context, ds []event.Detection, sinks []string) error
	// Due returns up to max deliveries whose time has come, oldest first.
	Due(ctx context.Context, sink string, now time.Time, max int) ([]Delivery, error)
	// Settle records the outcome of a try: nil err means delivered, otherwise
	// the delivery is due again at next (zero: given up, kept as dead); ErrSkipped, see
	// there.
	Settle(ctx context.Context, d Delivery, err error, next time.Time) error
	// NextDue returns when the next undelivered delivery for sink is due, or
	// the zero time if there is none.
	NextDue(ctx context.Context, sink string) (time.Time, error)
}

// Sink is a destination. Deliver returns nil once the destination has the
// detection for good. A Permanent error is not tried again.
type Sink interface {
	Name() string
	Deliver(ctx context.Context, d *event.Detection) error
	Close() error
}

// IncidentSink is a Sink that follows incidents. DeliverIncident is called in
// the place of Deliver: with each detection and the incident as it is then, and
// with a nil detection when somebody has acknowledged, resolved, allowed or
// reopened it (inc.Changes ends with what happened). inc is nil with a detection
// that belongs to none. A change's idempotency key is the incident's ID and
// Revision. It must keep neither.
type IncidentSink interface {
	Sink
	DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error
}
