package engine

import (
	"slices"
	"sync"

	"honeyrow/engine/match"
	"honeyrow/event"
)

// late is what is found out about a statement after it was sent: the analysis
// and the statement's run tell one story, not two. It belongs to both.
type late struct {
	mu    sync.Mutex
	found []lateHit
	over  bool // the run has ended
	told  bool // and had a detection of its own
}

// lateHit is a honey row that the statement asks for.
type lateHit struct {
	x      *match.Index
	tok    uint32
	ch     event.Channel
	means  string
	column string
}

// add leaves hits to the run; false: it has ended, and they are the caller's
// to tell, unless the run's own detection has said it all.
func (l *late) add(hs []lateHit) (left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.found = append(l.found, hs...)
		return true
	}
	return l.told
}

// end says that no run is to be waited for any more; told: all has been said. It
// returns what was left to it.
func (l *late) end(told bool) []lateHit {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.found
	l.found, l.over, l.told = nil, true, told
	return found
}

// lateHits tells what the analysis found while the run went on.
func (r *run) lateHits(l *late) {
	found := l.end(r.rec != nil)
	if len(found) == 0 {
		return
	}
	if r.rec != nil {
		for _, h := range found {
			if s := newSighting(h.x, h.tok, h.means, tried(1)); !r.rec.again(s.tok, h.ch) {
				r.rec.count(s, h.ch, h.column)
			}
		}
		return
	}
	for _, h := range found {
		r.record().sight(h.x, h.tok, h.ch, h.means, h.column, tried(1))
	}
	r.rec.settle()
}

// refused tells what the analysis found meanwhile about a statement that will not
// run.
func (t *statement) refused() {
	found := t.late.end(t.rec != nil)
	for _, h := range found {
		t.ownRecord().sight(h.x, h.tok, h.ch, h.means, h.column, tried(1))
	}
	if len(found) > 0 {
		t.rec.settle()
	}
}

// ended reports whether no run is waited for any more.
func (l *late) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// tellLate tells what was found about a question's statement, with its run or,
// if that has ended, by itself.
func (s *session) tellLate(q *question, hs []lateHit) {
	switch {
	case len(hs) == 0:
	case q.late == nil || !q.late.add(hs):
		s.tellAlone(q, hs)
	case !s.left.keep(q):
		s.tellAlone(q, q.late.end(true))
	}
}

// unclaimed are the questions whose hits wait for a run. A statement may be prepared
// and never run: the session's end tells of it then.
type unclaimed struct {
	mu     sync.Mutex
	of     []*question
	closed bool
}

// maxUnclaimed bounds them: what is beyond is told at once.
const maxUnclaimed = 16

// keep returns false if the question's hits are to be told now.
func (u *unclaimed) keep(q *question) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of = slices.DeleteFunc(u.of, func(o *question) bool { return o.late.ended() })
	if u.closed || len(u.of) >= maxUnclaimed {
		return false
	}
	u.of = append(u.of, q)
	return true
}

// close returns what is left, and keeps nothing any more.
func (u *unclaimed) close() []*question {
	u.mu.Lock()
	defer u.mu.Unlock()
	of := u.of
	u.of, u.closed = nil, true
	return of
}

// tellAlone tells hits that no run tells.
func (s *session) tellAlone(q *question, hs []lateHit) {
	if len(hs) == 0 {
		return
	}
	var c *record
	for _, h := range hs {
		c = s.lateRecord(c, q)
		c.sight(h.x, h.tok, h.ch, h.means, h.column, tried(1))
	}
	c.settle()
}
