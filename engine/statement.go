package engine

import (
	"sync/atomic"
	"time"

	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/token"
)

// keepText is the capacity of a text buffer that goes back to the pool.
const keepText = 4 << 10

// statement is a text that may run. It lives until the protocol has released it
// and its last run is done, then returns to the pool; one that is never
// released is left to the garbage collector.
type statement struct {
	s     *session
	refs  atomic.Int32
	text  []byte // at most Config.MaxStatement bytes
	total int
	ran   bool
	// What the analysis knew of it at Prepare: of its shape, and facts if it had
	// any.
	lexed bool
	shape uint64
	facts *sqlfacts.Facts

	// rec is the detection of the values in the text. The first run takes it
	// over, since presenting and reading are one story; later runs that see
	// something tell the story again from hits.
	rec  *record
	hits []sighting // in the text, for later runs

	// What the analysis wants to know of a run's bound values: the shape's note
	// once it is known, else its key.
	note   *note
	key    uint64
	env    sqlfacts.Env
	places []sqlfacts.Mark
	late   *late // nil: the shape was known
}

// maxSightings bounds statement.hits.
const maxSightings = 16

// Prepare implements inspect.Session.
func (s *session) Prepare(sql []byte, total int) (inspect.Statement, event.Verdict) {
	e := s.e
	t, _ := e.statements.Get().(*statement)
	if t == nil {
		t = new(statement)
	}
	t.s, t.total, t.ran = s, total, false
	s.past.statements.Add(1)
	t.refs.Store(1)
	t.text = append(t.text[:0], sql[:min(len(sql), e.policy.Load().MaxStatement)]...)
	if len(t.text) < total {
		e.stats.truncated.Add(1)
	}
	s.remember(t)
	s.long = nil
	x := e.index.Load()
	var text *sqlfacts.Text
	if e.analysis != nil {
		text = s.lex(sql, total)
		defer e.unlex(text)
	}
	v := s.understand(t, text, sql, total)
	if x.Empty() {
		return t, e.barred(worse(v, t.rec.settle()))
	}
	v = e.barred(worse(v, t.scan(x, sql, text)))
	if t.late != nil && v.Blocks() {
		t.refused()
	}
	if total > len(sql) {
		s.long = t
		// The carry for what follows; what stands in sql has been seen.
		in := s.incoming.of(event.ChannelStatement)
		in.Reset()
		in.searched = uint64(len(sql))
		in.Keep(x, sql)
	}
	return t, v
}

// scan looks for values in the text: strong ones of MinPart bytes and more
// anywhere, firm ones where they stand apart, shorter ones as a whole literal.
func (t *statement) scan(x *match.Index, sql []byte, text *sqlfacts.Text) event.Verdict {
	f := x.Find(sql)
	for {
		val, at, ok := f.Next()
		if !ok {
			break
		}
		if x.Anywhere(val) || match.Apart(sql, at, x.Len(val)) {
			proven(x, val, asPart, func(tok uint32) { t.sight(x, tok, meansOf(f.As()), tried(len(sql))) })
		}
	}
	t.literals(x, sql, text)
	return t.rec.settle()
}

func (t *statement) sight(x *match.Index, tok uint32, means string, at look) {
	if len(t.hits) < maxSightings {
		t.hits = append(t.hits, newSighting(x, tok, means, at))
	}
	t.ownRecord().sight(x, tok, event.ChannelStatement, means, "", at)
}

// sightKey is sight for what the statement asks for, whatever it gets.
func (t *statement) sightKey(x *match.Index, tok uint32, means string) {
	if len(t.hits) < maxSightings {
		t.hits = append(t.hits, newSighting(x, tok, means, tried(1)))
	}
	t.ownRecord().sight(x, tok, event.ChannelStatement, means, "", tried(1))
}

func (t *statement) ownRecord() *record {
	if t.rec == nil {
		t.rec = t.s.e.newRecord(t.s, t, time.Time{})
	}
	return t.rec
}

// Bind implements inspect.Statement.
func (t *statement) Bind(data []byte, end bool) event.Verdict {
	return t.s.present(event.ChannelBind, t, data, end)
}

// Run implements inspect.Statement.
func (t *statement) Run(buf []byte, params []inspect.Param) (inspect.Run, event.Verdict) {
	e := t.s.e
	r, _ := e.runs.Get().(*run)
	if r == nil {
		r = new(run)
	}
	t.refs.Add(1)
	r.s, r.st, r.started = t.s, t, e.uptime()
	r.again = t.ran
	r.rec, t.rec = t.rec, nil
	t.ran = true
	t.s.remember(t)
	r.note = t.understood()
	t.s.wished(t, r.note)
	if r.rec != nil {
		r.rec.det.Run.Started = e.since(r.started)
	}
	if e.policy.Load().rules.Expects() {
		r.expecting = e.expect(t.s, t, e.now())
	}
	if len(params) == 0 {
		return r, e.barred(event.Verdict{})
	}
	if e.policy.Load().Parameters {
		r.keepParams(buf, params)
		if r.rec != nil {
			r.rec.parameters(r.bound)
		}
	}
	v := worse(r.bind(buf, params), r.seekBound(buf, params))
	if e.analysis != nil {
		if f, ok := t.s.boundAttempt(buf, params); ok {
			v = worse(v, e.suspect(asked{s: t.s, text: t.text, total: t.total, findings: []event.Finding{f}}))
		}
	}
	return r, e.barred(v)
}

// remember makes t the statement that data from the client belongs to, and
// keeps it from being reused meanwhile. A long one is not kept: idle sessions
// must stay small, and what announces data (COPY FROM STDIN) is short.
func (s *session) remember(t *statement) {
	if s.last == t {
		return
	}
	if s.last != nil {
		s.last.unref()
		s.last = nil
	}
	if len(t.text) <= keepText {
		t.refs.Add(1)
		s.last = t
	}
}

// Failed implements inspect.Statement.
func (t *statement) Failed(code string) {
	if t.s.e.analysis != nil && isSyntaxError(code) {
		t.s.e.syntaxError(asked{s: t.s, text: t.text, total: t.total})
	}
}

// Release implements inspect.Statement.
func (t *statement) Release() { t.unref() }

func (t *statement) unref() {
	if t.refs.Add(-1) != 0 {
		return
	}
	e := t.s.e
	if cap(t.text) > keepText {
		t.text = nil
	}
	*t = statement{text: t.text[:0], hits: t.hits[:0], places: t.places[:0]}
	e.statements.Put(t)
}

// The forms that count where a value stands.
const (
	asText   = match.Text                                // a whole text field
	asBinary = match.Text | match.Binary                 // a whole field in binary format
	asPart   = match.Text | match.Binary | match.Escaped // inside something longer
)

// proven calls fn for the tokens for which a sighting of v outside a known
// column is proof by itself: strong and firm ones in one of the given forms.
// Whether a firm one seen as a part stands where it counts is the caller's to say.
func proven(x *match.Index, v match.Value, forms match.Form, fn func(tok uint32)) {
	for _, r := range x.Refs(v) {
		if t := x.Traits(r.Token); r.Form&forms != 0 && !t.Key && t.Strength >= token.Firm {
			fn(r.Token)
		}
	}
}
