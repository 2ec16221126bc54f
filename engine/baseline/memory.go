package baseline

import (
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
)

// Bounds of a Memory.
const (
	maxRecalled   = 256    // identities
	maxRoutine    = 2000   // shapes of an identity
	maxRoutines   = 20_000 // of all
	maxPending    = 4096   // shapes of an identity that are not routine yet
	maxRecallText = 4 << 10
)

// Routine says for how long an identity sends a shape until it counts as what it
// does every day, and for how long if the shape grew on another.
const (
	Routine      = 10 * time.Minute
	GrownRoutine = 24 * time.Hour
)

// Memory is what one process has seen identities send again and again: enough to
// see where something is put into a statement while nothing has been learned. It
// knows nothing of what was sent before it was made, proves nothing by itself, and
// is no baseline: who sends something for long enough has it remembered. It is
// safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	by       map[Identity]*recollection
	routines int
}

// recollection is what is remembered of one identity.
type recollection struct {
	first  map[uint64]time.Time // by key: shapes that are not routine yet
	known  map[uint64]bool      // those that are
	grafts *grafting
}

// NewMemory returns an empty memory.
func NewMemory() *Memory { return &Memory{by: map[Identity]*recollection{}} }

// Recall is what a memory makes of a text.
type Recall struct {
	// Graft is what was put into a shape of the routine; nil: nothing was.
	Graft *Graft
	// Settled says that the shape is of the routine: nothing more will be said of
	// it.
	Settled bool
}

// Saw looks at a text of an identity, and remembers it if nothing was wrong with
// it.
func (m *Memory) Saw(id Identity, t *sqlfacts.Text, clean bool, now time.Time) Recall {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.by[id]
	if r == nil {
		if len(m.by) >= maxRecalled {
			return Recall{}
		}
		r = &recollection{first: map[uint64]time.Time{}, known: map[uint64]bool{}, grafts: newGrafting(nil)}
		m.by[id] = r
	}
	k := key(t)
	if r.known[k] {
		return Recall{Settled: true}
	}
	g := r.grafts.recall(k, t)
	first, met := r.first[k]
	wait := Routine
	if g != nil && g.Made != Plain {
		wait = GrownRoutine
	}
	switch {
	case !clean:
	case !met:
		if len(r.first) >= maxPending {
			clear(r.first)
		}
		r.first[k] = now
	case now.Sub(first) >= wait && len(r.known) < maxRoutine && m.routines < maxRoutines:
		delete(r.first, k)
		r.known[k] = true
		m.routines++
		if text := t.Readable(nil); len(text) <= maxRecallText {
			r.grafts.add(string(text))
		}
		clear(r.grafts.kept) // a text may have grown on this one
		return Recall{Settled: true}
	}
	return Recall{Graft: g}
}

// Size returns how many identities and shapes of their routines are remembered.
func (m *Memory) Size() (identities, shapes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.by), m.routines
}
