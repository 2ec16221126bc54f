package alert

import (
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
)

// Spill keeps detections durably while the outbox cannot be written, in a place
// of its own. It is safe for concurrent use, by several processes too.
type Spill interface {
	// Keep appends detections: on return they survive kill -9. On error none is
	// kept.
	Keep(ds []event.Detection) error
	// Replay gives all that is kept to put, in order and in groups, and forgets it
	// once all have been taken. On put's first error it stops, forgets nothing and
	// returns that error: put must not mind what it has had before. It returns how
	// many put has taken.
	Replay(put func(ds []event.Detection) error) (int, error)
	// Waiting is how many are kept now.
	Waiting() int
	// Path names the place for people.
	Path() string
}

// SpillDamaged says that a part of a spill could not be read: a crash in the
// middle of a write, another key, or somebody's hand.
type SpillDamaged struct {
	Path    string // where the file is now
	Records int    // whole, but not to be opened
	Bytes   int64  // of a last record that is not whole
}

// Error implements error.
func (e *SpillDamaged) Error() string {
	return fmt.Sprintf("the spill held %d records that do not open and %d bytes of an unfinished one; all others are committed: it is kept as %s", e.Records, e.Bytes, e.Path)
}

// What becomes of traffic while the outbox cannot be written.
const (
	// UnwritableHold lets it pass; when spill and queue are full, a session that
	// makes a further detection waits. Nothing is lost.
	UnwritableHold = "hold"
	// UnwritablePass lets it pass whatever happens: what fits nowhere is counted.
	UnwritablePass = "pass"
	// UnwritableRefuse refuses statements and logins until it can be written.
	UnwritableRefuse = "refuse"
)

var unwritable = []string{UnwritableHold, UnwritablePass, UnwritableRefuse}

func validUnwritable(s string) error {
	if !slices.Contains(unwritable, s) {
		return fmt.Errorf("unwritable: %q is unknown: use %s", s, strings.Join(unwritable, ", "))
	}
	return nil
}
