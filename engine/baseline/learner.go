package baseline

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// Bounds of what a Learner holds.
const (
	maxPupils   = 4096
	maxShapes   = 50_000 // of all pupils together
	maxText     = 16 << 10
	maxTextSum  = 32 << 20
	maxDistrust = 4096
)

// wary is how long a source teaches nothing after a session of it tripped a detector,
// and of how long before it what it had taught is taken back. The session itself
// teaches nothing any more, and what nobody else taught is taken back. Attacks on an
// application come through its own user and host: without an end, one attempt in a
// week would leave nothing to learn from it.
const wary = time.Hour

// Principal is who sends statements, as far as trust goes: an identity from one
// host.
type Principal struct {
	Server, User, Host, Application string // as the client calls itself
}

// source is what is trusted or not: an application's name is its client's own
// claim.
type source struct{ server, user, host string }

// Learner collects shapes. What a source of statements taught of late is taken back
// when it trips a detector, and it teaches nothing for a while. It is safe for
// concurrent use.
type Learner struct {
	mu       sync.Mutex
	base     *Book
	began    time.Time
	pupils   map[Principal]*pupil
	banned   map[source]Distrusted
	texts    map[uint64]string // by Text.Pattern: of all pupils
	bytes    int
	shapes   int
	progress Progress
}

// pupil is what one principal has taught.
type pupil struct {
	id     Identity
	shapes map[uint64]*lesson // by Text.Pattern and marks
}

// lesson is a shape, when it was taught first, and by which session; empty: by others
// too.
type lesson struct {
	Shape
	began   time.Time
	session event.ID
}

// Progress is what a Learner tells of itself.
type Progress struct {
	Began time.Time `json:"began"`
	// Statements counts those learned from, Left those that were left out because
	// they had a finding or came from a source that is not trusted.
	Statements uint64 `json:"statements"`
	Left       uint64 `json:"left_out"`
	// Identities and Shapes are in the book now, what it began with included.
	Identities int `json:"identities"`
	Shapes     int `json:"shapes"`
	// Overflow counts statements whose shape was not recorded: there were too many.
	Overflow uint64 `json:"overflow"`
	// Distrusted are the sources from which nothing is or was learned for a while.
	Distrusted []Distrusted `json:"distrusted,omitempty"`
}

// Distrusted is a source of statements that tripped a detector: how often, why the
// last time, and until when nothing is learned from it for that.
type Distrusted struct {
	Server string    `json:"server"`
	User   string    `json:"user"`
	Host   string    `json:"host"`
	Why    string    `json:"why"`
	Times  uint64    `json:"times"`
	Until  time.Time `json:"until"`
}

// NewLearner goes on from what base has, which may be nil.
func NewLearner(base *Book, now time.Time) *Learner {
	if base == nil {
		base = NewBook()
	}
	return &Learner{base: base, began: now, pupils: map[Principal]*pupil{}, banned: map[source]Distrusted{}, texts: map[uint64]string{}, progress: Progress{Began: now}}
}

func (p *Principal) source() source { return source{p.Server, p.User, p.Host} }

func key(t *sqlfacts.Text) uint64 { return t.Pattern ^ uint64(t.Marks&telling)*0x9e3779b97f4a7c15 }

// Saw learns a text of a principal's session, in which some detectors saw something
// too weak for an alert. The text's bytes are the caller's.
func (l *Learner) Saw(p Principal, session event.ID, t *sqlfacts.Text, now time.Time, weak ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.banned[p.source()].Until) {
		l.progress.Left++
		return
	}
	u := l.pupils[p]
	if u == nil {
		if len(l.pupils) >= maxPupils {
			l.progress.Overflow++
			return
		}
		u = &pupil{id: Identity{p.Server, p.User, Fold(p.Application)}, shapes: map[uint64]*lesson{}}
		l.pupils[p] = u
	}
	l.progress.Statements++
	s := u.shapes[key(t)]
	if s == nil {
		if s = l.shape(t, now); s == nil {
			l.progress.Overflow++
			return
		}
		s.session = session
		u.shapes[key(t)] = s
		l.shapes++
	}
	if s.session != session {
		s.session = ""
	}
	s.Count++
	s.Last = day(now)
	for _, w := range weak {
		if !slices.Contains(s.Weak, w) {
			s.Weak = append(slices.Clone(s.Weak), w) // books have the old one
		}
	}
}

// day is the day of a moment, in UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// shape makes a new one; nil: there is no room.
func (l *Learner) shape(t *sqlfacts.Text, now time.Time) *lesson {
	if l.shapes >= maxShapes {
		return nil
	}
	text, ok := l.texts[t.Pattern]
	if !ok {
		b := readable(t)
		if len(b) > maxText || l.bytes+len(b) > maxTextSum {
			return nil
		}
		text = string(b)
		l.texts[t.Pattern] = text
		l.bytes += len(b)
	}
	return &lesson{Shape: Shape{SQL: text, Marks: t.Marks & telling, First: day(now)}, began: now}
}

// readable is a shape on one line, if it stays the same shape so.
func readable(t *sqlfacts.Text) []byte {
	b := t.Readable(nil)
	line := bytes.Join(bytes.Fields(b), []byte(" "))
	var x sqlfacts.Text
	if x.Lex(line, t.Env); x.Pattern == t.Pattern {
		return line
	}
	return b
}

// Skip counts a statement that was left out because it had a finding.
func (l *Learner) Skip() {
	l.mu.Lock()
	l.progress.Left++
	l.mu.Unlock()
}

// Unsaw takes back what a text taught: the server did not understand it.
func (l *Learner) Unsaw(p Principal, t *sqlfacts.Text) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress.Left++
	u := l.pupils[p]
	if u == nil {
		return
	}
	if s := u.shapes[key(t)]; s != nil {
		if s.Count--; s.Count == 0 {
			delete(u.shapes, key(t))
			l.shapes--
		}
	}
}

// Distrust takes back what a session alone has taught, and what its principal's user
// has from its host within the last hour, and learns nothing from there for one.
func (l *Learner) Distrust(p Principal, session event.ID, why string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	src := p.source()
	d, ok := l.banned[src]
	if !ok && len(l.banned) >= maxDistrust {
		maps.DeleteFunc(l.banned, func(_ source, d Distrusted) bool { return !now.Before(d.Until) })
		if len(l.banned) >= maxDistrust {
			return
		}
	}
	l.banned[src] = Distrusted{src.server, src.user, src.host, why, d.Times + 1, now.Add(wary)}
	for q, u := range l.pupils {
		if q.source() != src {
			continue
		}
		for k, s := range u.shapes {
			if now.Sub(s.began) < wary || s.session == session {
				delete(u.shapes, k)
				l.shapes--
			}
		}
		if len(u.shapes) == 0 {
			delete(l.pupils, q)
		}
	}
}

// Book returns what has been learned so far, with what there was before.
func (l *Learner) Book() *Book {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := NewBook()
	for id, k := range l.base.of {
		b.Add(id, k.shapes...)
	}
	for _, u := range l.pupils {
		for _, s := range u.shapes {
			b.Add(u.id, s.Shape)
		}
	}
	return b
}

// Progress returns how far it has come.
func (l *Learner) Progress() Progress {
	book := l.Book()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.progress
	p.Identities, p.Shapes = book.Size()
	p.Distrusted = slices.Collect(maps.Values(l.banned))
	slices.SortFunc(p.Distrusted, func(a, b Distrusted) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.User, b.User), cmp.Compare(a.Host, b.Host))
	})
	return p
}
