package engine

import (
	"sync"
	"time"
)

// lane is who asks, as far as fairness goes: names that a client gives itself
// make no second lane.
type lane struct{ server, user, host string }

// Bounds of what waits for a parser.
const (
	maxWaiting      = 1024     // statements
	maxWaitingBytes = 16 << 20 // of their texts
	// laneShare of them is what one client may have waiting.
	laneShare = 4
)

// turns is a queue in which clients take turns: however many new shapes one
// sends, another waits for no more than one of each other client's. Of one
// client one question is being answered at a time.
type turns struct {
	mu     sync.Mutex
	filled sync.Cond
	lanes  map[lane]*waiting
	ring   []*waiting // those whose turn may come, the next one first
	count  int
	bytes  int
	closed bool
	empty  chan struct{} // closed when no question waits or is being answered; nil: nobody asked
}

// waiting are one client's questions.
type waiting struct {
	who   lane
	all   []*question
	bytes int
	busy  bool // one is being answered: not in ring
	// asked is when the one that is being answered came.
	asked time.Time
}

func newTurns() *turns {
	t := &turns{lanes: map[lane]*waiting{}}
	t.filled.L = &t.mu
	return t
}

// push adds a question; false says that there are too many.
func (t *turns) push(q *question) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(q.text)
	if t.closed || t.count >= maxWaiting || t.bytes+n > maxWaitingBytes {
		return false
	}
	w := t.lanes[q.lane]
	if w == nil {
		w = &waiting{who: q.lane}
		t.lanes[q.lane] = w
	}
	if len(w.all) >= maxWaiting/laneShare || w.bytes+n > maxWaitingBytes/laneShare {
		return false
	}
	w.all = append(w.all, q)
	w.bytes += n
	t.count++
	t.bytes += n
	if len(w.all) == 1 && !w.busy {
		t.ring = append(t.ring, w)
		t.filled.Signal()
	}
	return true
}

// pop takes the next question, for which it waits; nil after close. The caller
// says with done when it is answered.
func (t *turns) pop() *question {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ring) == 0 && !t.closed {
		t.filled.Wait()
	}
	if t.closed {
		return nil
	}
	w := t.ring[0]
	t.ring[0] = nil
	t.ring = t.ring[1:]
	q := w.all[0]
	w.all[0] = nil
	w.all = w.all[1:]
	w.bytes -= len(q.text)
	w.busy, w.asked = true, q.asked
	t.count--
	t.bytes -= len(q.text)
	return q
}

func (t *turns) done(q *question) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.lanes[q.lane]
	if w == nil {
		return
	}
	w.busy = false
	if len(w.all) == 0 {
		delete(t.lanes, q.lane)
		if len(t.lanes) == 0 && t.empty != nil {
			close(t.empty)
			t.empty = nil
		}
		return
	}
	t.ring = append(t.ring, w)
	t.filled.Signal()
}

// drained is closed once all that waits now, and what comes meanwhile, is answered.
func (t *turns) drained() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.empty == nil {
		t.empty = make(chan struct{})
	}
	c := t.empty
	if len(t.lanes) == 0 || t.closed {
		close(c)
		t.empty = nil
	}
	return c
}

// waits returns how many questions wait.
func (t *turns) waits() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// oldest returns how many questions wait, and when the oldest of those that are
// not answered yet was asked; zero: all are.
func (t *turns) oldest() (n int, asked time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.lanes {
		first := w.asked
		if !w.busy {
			first = w.all[0].asked
		}
		if asked.IsZero() || first.Before(asked) {
			asked = first
		}
	}
	return t.count, asked
}

// close wakes everybody; what still waits is not answered.
func (t *turns) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.filled.Broadcast()
}
