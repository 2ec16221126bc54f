package baseline

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
)

// Bounds of what a Learner holds.
const (
	maxPupils   = 4096
	maxShapes   = 50_000 // of all pupils together
	maxText     = 16 << 10
	maxTextSum  = 32 << 20
	maxDistrust = 4096
)

// Principal is who sends statements, as far as trust goes: an identity from one
// host.
type Principal struct {
	Server, User, Host, Application string // as the client calls itself
}

// source is what is trusted or not: an application's name is its client's own
// claim.
type source struct{ server, user, host string }

// Learner collects shapes. What a source of statements taught is taken back when
// it trips a detector, and it teaches nothing more. It is safe for concurrent use.
type Learner struct {
	mu       sync.Mutex
	base     *Book
	began    time.Time
	pupils   map[Principal]*pupil
	banned   map[source]string // why
	texts    map[uint64]string // by Text.Pattern: of all pupils
	bytes    int
	shapes   int
	progress Progress
}

// pupil is what one principal has taught.
type pupil struct {
	id     Identity
	shapes map[uint64]*Shape // by Text.Pattern and marks
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
	// Distrusted are the sources from which nothing is learned, and why.
	Distrusted []Distrusted `json:"distrusted,omitempty"`
}

// Distrusted is a source of statements that tripped a detector.
type Distrusted struct {
	Server string `json:"server"`
	User   string `json:"user"`
	Host   string `json:"host"`
	Why    string `json:"why"`
}

// NewLearner goes on from what base has, which may be nil.
func NewLearner(base *Book, now time.Time) *Learner {
	if base == nil {
		base = NewBook()
	}
	return &Learner{base: base, began: now, pupils: map[Principal]*pupil{}, banned: map[source]string{}, texts: map[uint64]string{}, progress: Progress{Began: now}}
}

func (p *Principal) source() source { return source{p.Server, p.User, p.Host} }

func key(t *sqlfacts.Text) uint64 { return t.Pattern ^ uint64(t.Marks&telling)*0x9e3779b97f4a7c15 }

// Saw learns a text of a principal, in which some detectors saw something too weak
// for an alert. The text's bytes are the caller's.
func (l *Learner) Saw(p Principal, t *sqlfacts.Text, now time.Time, weak ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.banned[p.source()]; ok {
		l.progress.Left++
		return
	}
	u := l.pupils[p]
	if u == nil {
		if len(l.pupils) >= maxPupils {
			l.progress.Overflow++
			return
		}
		u = &pupil{id: Identity{p.Server, p.User, Fold(p.Application)}, shapes: map[uint64]*Shape{}}
		l.pupils[p] = u
	}
	l.progress.Statements++
	s := u.shapes[key(t)]
	if s == nil {
		if s = l.shape(t, now); s == nil {
			l.progress.Overflow++
			return
		}
		u.shapes[key(t)] = s
		l.shapes++
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
func (l *Learner) shape(t *sqlfacts.Text, now time.Time) *Shape {
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
	return &Shape{SQL: text, Marks: t.Marks & telling, First: day(now)}
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

// Distrust takes back all that a principal's user has taught from its host, and
// learns nothing more from there.
func (l *Learner) Distrust(p Principal, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	src := p.source()
	if _, ok := l.banned[src]; ok || len(l.banned) >= maxDistrust {
		return
	}
	l.banned[src] = why
	for q, u := range l.pupils {
		if q.source() == src {
			l.shapes -= len(u.shapes)
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
			b.Add(u.id, *s)
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
	for s, why := range l.banned {
		p.Distrusted = append(p.Distrusted, Distrusted{s.server, s.user, s.host, why})
	}
	slices.SortFunc(p.Distrusted, func(a, b Distrusted) int {
		return cmp.Or(cmp.Compare(a.Server, b.Server), cmp.Compare(a.User, b.User), cmp.Compare(a.Host, b.Host))
	})
	return p
}
