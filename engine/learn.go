package engine

import (
	"sync"
	"time"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/token"
)

// Bounds of what is learned.
const (
	maxLearned     = 4096 // different locations remembered as told
	learnPerMinute = 60
	// maxHomes is how many numbers one place may have: a nightly job that copies
	// the table into a new temporary one must not fill the registry.
	maxHomes = 16
)

// learner passes new locations on, each once, not too many at a time.
type learner struct {
	tell func(token.Location)
	now  func() time.Time

	mu     sync.Mutex
	told   map[token.Location]bool
	minute time.Time
	count  int
}

// offer reports whether the location was passed on.
func (l *learner) offer(loc token.Location) bool {
	if l.tell == nil || !l.admit(loc) {
		return false
	}
	l.tell(loc)
	return true
}

func (l *learner) admit(loc token.Location) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told[loc] {
		return false
	}
	now := l.now()
	if now.Sub(l.minute) >= time.Minute {
		l.minute, l.count = now, 0
	}
	if l.count >= learnPerMinute {
		return false
	}
	l.count++
	if l.told == nil || len(l.told) >= maxLearned {
		l.told = map[token.Location]bool{}
	}
	l.told[loc] = true
	return true
}

// learn follows a table that was recreated: a strong value of another known
// place's row stands whole in field i, under numbers that no location has. The
// same row then tells where the honey row's other columns are: those of the
// same table whose names and values agree, keys included.
func (w *rows) learn(at view, i int, tok uint32) {
	e := w.run.s.e
	col := w.described(at.fields[i].Col)
	if e.learn.tell == nil || col == nil || col.TableOID == 0 || !w.own(tok) {
		return
	}
	w.tell(tok, col)
	for _, m := range w.watch.x.Row(tok) {
		t := w.watch.x.Token(m)
		for j := range at.fields {
			c := w.described(at.fields[j].Col)
			if m == tok || c == nil || c.TableOID != col.TableOID || c.Name != t.Place.Column {
				continue
			}
			if w.watch.x.Is(m, at.bytes(j)) {
				w.tell(m, c)
			}
		}
	}
}

// own reports whether the token is planted where this session is: elsewhere the
// numbers mean nothing.
func (w *rows) own(tok uint32) bool {
	p := &w.watch.x.Token(tok).Place
	return p.Server == w.run.s.scope.Server && p.Database == w.run.s.scope.Database
}

func (w *rows) described(col int32) *inspect.Column {
	if col < 0 || int(col) >= len(w.watch.names) {
		return nil
	}
	return &w.watch.names[col]
}

func (w *rows) tell(tok uint32, c *inspect.Column) {
	if set := w.watch.x.Column(w.run.s.scope, c.TableOID, c.Attr); set != nil && set.Holds(w.watch.x, tok) {
		return
	}
	if w.watch.x.Homes(tok) >= maxHomes {
		return
	}
	if w.run.s.e.learn.offer(locate(w.watch.x.Token(tok).Place, c)) {
		w.run.s.e.stats.learned.Add(1)
	}
}

func locate(p event.Place, c *inspect.Column) token.Location {
	return token.Location{
		Server: p.Server, Database: p.Database, Schema: p.Schema, Table: p.Table, Column: p.Column,
		TableOID: c.TableOID, Attr: c.Attr,
	}
}
