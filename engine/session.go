package engine

import (
	"strings"
	"sync/atomic"
	"time"

	"honeyrow/engine/baseline"
	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/inspect"
)

// session follows one client. Its fields belong to one of the two goroutines
// that package inspect names, as noted.
type session struct {
	e      *Engine
	client event.Client // as at Open
	app    atomic.Pointer[string]
	schema atomic.Pointer[string] // MySQL: the current one
	env    atomic.Pointer[sqlfacts.Env]
	ident  atomic.Uint64 // see identity; 0: not made yet
	past   past
	stand  atomic.Pointer[standing]
	wishes atomic.Pointer[wish] // of statements that make what others read
	known  atomic.Pointer[acquaintance]
	left   unclaimed // what the analysis found, for runs to come
	// tripped is the learner of a baseline that learns nothing more from here.
	tripped atomic.Pointer[baseline.Learner]
	mysql   bool
	scope   match.Scope

	// The client's goroutine.
	last     *statement // prepared or run last: the text behind a COPY's data
	long     *statement // whose text goes on in Present
	incoming streams
	offered  *record // hits in Present, until its end

	// The server's goroutine.
	layouts   [layoutCache]*layout
	layoutAt  int
	bare      *watch  // for results without a description
	loose     *record // hits in texts outside runs
	looseEnd  time.Time
	standby   *record    // a replication connection
	piecemeal *piecemeal // nil: no value was read piece by piece yet
	said      *said      // texts of the server's; nil: none yet
}

// layoutCache is how many result shapes a session remembers.
const layoutCache = 8

// who returns the client with the application name and schema as they are now.
func (s *session) who() event.Client {
	c := s.client
	if a := s.app.Load(); a != nil {
		c.Application = *a
	}
	if d := s.schema.Load(); d != nil {
		c.Database = *d
	}
	return c
}

// login looks at what is known when the session opens.
func (s *session) login() event.Verdict {
	v := s.connect()
	x := s.e.index.Load()
	var c *record
	for _, f := range [...][2]string{{"user", s.client.User}, {"database", s.client.Database}, {"application name", s.client.Application}} {
		b := []byte(f[1])
		s.sightings(x, b, true, func(t uint32, means string) {
			if c == nil {
				c = s.e.newRecord(s, nil, time.Time{})
			}
			c.sight(x, t, event.ChannelLogin, means, f[0], tried(len(b)))
		})
	}
	v = worse(v, c.settle())
	if c != nil {
		c.done(0, "")
	}
	return v
}

// sightings calls seen for every token that stands in a text which is no field
// of a row: strong ones anywhere; firm ones if they are the whole text, or
// stand apart in it, or anywhere if the text came from the client.
func (s *session) sightings(x *match.Index, b []byte, inbound bool, seen func(tok uint32, means string)) {
	whole, isWhole := x.Whole(b)
	if isWhole {
		proven(x, whole, asText, func(t uint32) { seen(t, meansField) })
	}
	x.Sights(b, func(h match.Sight) bool {
		if (!isWhole || h.Value != whole) && (x.Anywhere(h.Value) || inbound || h.Apart) {
			proven(x, h.Value, asPart, func(t uint32) { seen(t, meansOf(h.As)) })
		}
		return true
	})
}

// meansOf is how a value was recognised that is part of something longer.
func meansOf(as match.Disguise) string {
	if as == match.Plain {
		return meansPart
	}
	return meansDisguised + " " + as.String()
}

// Set implements inspect.Session.
func (s *session) Set(name, value string) {
	switch {
	case strings.EqualFold(name, "application_name"):
		v := strings.Clone(value)
		s.app.Store(&v)
		s.ident.Store(0)
	case s.mysql && name == "schema":
		v := strings.Clone(value)
		s.schema.Store(&v)
		s.ident.Store(0)
	case s.e.analysis != nil:
		s.setEnv(name, value)
	}
}

// Text implements inspect.Session.
func (s *session) Text(ch event.Channel, text []byte) event.Verdict {
	x := s.e.index.Load()
	if x.Empty() {
		return event.Verdict{}
	}
	var c *record
	seen := func(t uint32, means string) {
		c = s.looseRecord()
		c.sight(x, t, ch, means, "", tried(len(text)))
	}
	s.sightings(x, text, false, seen)
	s.pieced(x, text, seen)
	if ch == event.ChannelError {
		s.begun(x, text, seen)
	}
	return c.settle()
}

// looseRecord folds hits outside runs into one detection for a while.
func (s *session) looseRecord() *record {
	now := s.e.now()
	if s.loose != nil && now.After(s.looseEnd) {
		s.loose.done(0, "")
		s.loose = nil
	}
	if s.loose == nil {
		s.loose = s.e.newRecord(s, nil, now)
		s.looseEnd = now.Add(s.e.policy.Load().Fold)
	}
	return s.loose
}

// Present implements inspect.Session.
func (s *session) Present(ch event.Channel, data []byte, end bool) event.Verdict {
	st := s.last
	if ch == event.ChannelStatement {
		st = s.long
		if end {
			s.long = nil
		}
	}
	return s.present(ch, st, data, end)
}

// present looks at bytes from the client that belong to st; nil if that is not known.
func (s *session) present(ch event.Channel, st *statement, data []byte, end bool) event.Verdict {
	x := s.e.index.Load()
	var c *record
	in := s.incoming.of(ch)
	in.searched += uint64(len(data))
	in.Scan(x, data, end, func(h match.Hit) {
		proven(x, h.Value, asPart, func(t uint32) {
			c = s.offer(ch, st)
			c.sight(x, t, ch, meansOf(h.As), "", tried(in.searched))
		})
	})
	v := c.settle()
	if end && s.offered != nil && ch != event.ChannelStatement {
		s.offered.done(0, "")
		s.offered = nil
	}
	return v
}

// offer returns the record for hits in Present: the statement's own while its
// text is still coming, one for the whole COPY or call otherwise.
func (s *session) offer(ch event.Channel, st *statement) *record {
	if ch == event.ChannelStatement && st != nil && !st.ran {
		return st.ownRecord()
	}
	if s.offered != nil && s.offered.st != st { // what that one was sent is not over and never will be
		s.offered.done(0, "")
		s.offered = nil
	}
	if s.offered == nil {
		s.offered = s.e.newRecord(s, st, time.Time{})
	}
	return s.offered
}

// Close implements inspect.Session.
func (s *session) Close() {
	for _, c := range [...]*record{s.offered, s.loose, s.standby} {
		if c != nil {
			c.done(c.det.Run.Rows, c.det.Run.Code)
		}
	}
	for _, q := range s.left.close() {
		s.tellAlone(q, q.late.end(true))
	}
	if s.last != nil {
		s.last.unref()
	}
	s.e.rest(s)
	s.offered, s.loose, s.standby, s.last, s.long, s.incoming = nil, nil, nil, nil, nil, nil
}

// Describe implements inspect.Session.
func (s *session) Describe(cols []inspect.Column) inspect.Layout {
	for _, l := range s.layouts {
		if l != nil && l.is(cols) {
			return l
		}
	}
	l := newLayout(s, cols)
	s.layouts[s.layoutAt] = l
	s.layoutAt = (s.layoutAt + 1) % layoutCache
	return l
}

// streams holds the carry of each channel in use: one or two, so a slice.
type streams []stream

type stream struct {
	ch event.Channel
	match.Stream
	searched uint64 // bytes so far
}

func (s *streams) of(ch event.Channel) *stream {
	for i := range *s {
		if (*s)[i].ch == ch {
			return &(*s)[i]
		}
	}
	if n := len(*s); n < cap(*s) { // keep the carry's memory of a pooled run
		*s = (*s)[:n+1]
	} else {
		*s = append(*s, stream{})
	}
	t := &(*s)[len(*s)-1]
	t.ch, t.searched = ch, 0
	t.Reset()
	return t
}

// worse returns the stricter of two verdicts, the first if they are equal.
func worse(a, b event.Verdict) event.Verdict {
	if b.Action > a.Action {
		return b
	}
	return a
}

// The means of a hit, as event.Hit documents them.
const (
	meansColumn   = "column"
	meansField    = "field"
	meansPart     = "part"
	meansTogether = "together"
	// A statement names a honey row's key, or a decoy table.
	meansPredicate = "predicate"
	meansTable     = "table"
	// meansDisguised is followed by the disguise in what is passed to sight.
	meansDisguised = "disguised"
	// meansCRC and meansDerived are the disguises that package match does not know.
	meansCRC = "crc32"
	// meansDerived is what a formula of the statement made of a value.
	meansDerived = "computed"
)
