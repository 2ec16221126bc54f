package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

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

// Spills is one Spill of several places, of which each helps out for those before
// it. What is kept stays in its order: while a later place holds something,
// nothing goes into an earlier one.
func Spills(first Spill, more ...Spill) Spill {
	if len(more) == 0 {
		return first
	}
	return &spills{all: append([]Spill{first}, more...)}
}

type spills struct {
	mu  sync.Mutex // held while one is chosen and written, or all are emptied
	all []Spill
	// damaged is what of a round that stopped at another error is still to be told.
	damaged error
}

// Keep implements Spill.
func (s *spills) Keep(ds []event.Detection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := 0
	for i, p := range s.all {
		if p.Waiting() > 0 {
			from = i
		}
	}
	var errs []error
	for _, p := range s.all[from:] {
		err := p.Keep(ds)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Replay implements Spill.
func (s *spills) Replay(put func(ds []event.Detection) error) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all {
		k, err := p.Replay(put)
		n += k
		if d, ok := errors.AsType[*SpillDamaged](err); ok {
			s.damaged = errors.Join(s.damaged, d)
		} else if err != nil {
			return n, err
		}
	}
	err, s.damaged = s.damaged, nil
	return n, err
}

// Waiting implements Spill.
func (s *spills) Waiting() (n int) {
	for _, p := range s.all {
		n += p.Waiting()
	}
	return n
}

// Path implements Spill: those that hold something, or else all.
func (s *spills) Path() string {
	var all, held []string
	for _, p := range s.all {
		if all = append(all, p.Path()); p.Waiting() > 0 {
			held = append(held, p.Path())
		}
	}
	if len(held) == 0 {
		held = all
	}
	return strings.Join(held, ", ")
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
