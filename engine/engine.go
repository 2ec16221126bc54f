// Package engine is the analysis plane: it implements inspect, decides what a
// sighting of a planted value proves, and turns proof into detections.
//
//	Prepare, Run, Present  ─▶ values that the client presents  ┐
//	Row, Stream, Text      ─▶ values that the server sends     ┴▶ record ─▶ Reporter
//
// One run makes at most one detection. Its first hit is reported at once, so
// that it is durable before anything else happens; a later revision of the same
// detection carries what became known since (see record.go).
package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine/baseline"
	"honeyrow/engine/drill"
	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

// Reporter takes detections. Report is called by the session's goroutines, on
// hits only, before the verdict is returned: when it returns, the detection
// should be safe. It must be safe for concurrent use. The detection's slices
// and maps are its own.
type Reporter interface {
	Report(event.Detection)
}

// Options are what an Engine needs from its surroundings.
type Options struct {
	Reporter Reporter   // required
	Rules    *rules.Set // nil: the builtin rules
	// Learn is told where a planted column was seen under table and column
	// numbers that no Location has: a recreated table, a copy, a view. It is
	// called by the session's goroutine at most a few times a minute and must
	// return quickly; nil: not told. The place may have other Locations, which
	// stay valid: add, do not replace.
	Learn func(token.Location)
	Now   func() time.Time // nil: time.Now
	// Enforce carries out what a rule orders against sessions; it is called by
	// their own goroutines and must not block. nil: nothing but verdicts.
	Enforce func(event.Measure)
	// Shut is told that QuarantineNews has some; it is called by sessions' own
	// goroutines and must not block. nil: quarantines end with the process.
	Shut func()
	// Analysis understands statements; nil: only values are looked for.
	Analysis *Analysis
	// Drills knows the reads that are ordered; nil: none is.
	Drills *drill.Gate
}

// Engine implements inspect.Inspector for any number of sessions.
type Engine struct {
	index    atomic.Pointer[match.Index]
	policy   atomic.Pointer[policy]
	reporter Reporter
	now      func() time.Time
	// uptime is what a run notes as its beginning: it costs half of what the
	// time of day does, and only a run with a hit wants to know that.
	uptime func() time.Duration
	learn  learner
	stats  counters

	sums        atomic.Pointer[checksums]
	derivations derivations
	keys        atomic.Pointer[keyring]
	baseline    atomic.Pointer[baseline.Book]
	learner     atomic.Pointer[baseline.Learner]
	recalls     *baseline.Memory
	suspects    suspects
	bans        bans
	regular     regular
	order       func(event.Measure)
	news        func()                        // there are news of quarantines
	barrier     atomic.Pointer[event.Verdict] // nil: open
	envs        sync.Pool                     // *rules.Env
	copies      copies
	statements  sync.Pool // *statement
	runs        sync.Pool // *run
	texts       sync.Pool // *sqlfacts.Text
	analysis    *Analysis
	drills      *drill.Gate
}

// policy is what configuration says; it is swapped as a whole.
type policy struct {
	Config
	rules *rules.Set
	// What is remembered of this policy's static parts.
	full   rules.Mask
	memory *memory
}

// New returns an Engine that looks for nothing until Swap.
func New(c Config, o Options) (*Engine, error) {
	if o.Reporter == nil {
		return nil, errors.New("engine: no reporter: give one in Options")
	}
	e := &Engine{reporter: o.Reporter, now: o.Now, analysis: o.Analysis, order: o.Enforce, news: o.Shut, drills: o.Drills}
	e.recalls = baseline.NewMemory()
	if e.news == nil {
		e.news = func() {}
	}
	if e.now == nil {
		e.now = time.Now
	}
	began := e.now()
	e.regular.since = began
	e.uptime = func() time.Duration { return e.now().Sub(began) }
	if o.Now == nil {
		e.uptime = func() time.Duration { return time.Since(began) }
	}
	e.learn.tell, e.learn.now = o.Learn, e.now
	none := &token.Snapshot{}
	e.index.Store(match.Compile(none))
	e.keys.Store(newKeyring(e.index.Load(), none))
	if err := e.Configure(c, o.Rules); err != nil {
		return nil, err
	}
	return e, nil
}

// Configure replaces configuration and rules (nil: the builtin ones) for what
// begins from now on. On error nothing changes.
func (e *Engine) Configure(c Config, r *rules.Set) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if r == nil {
		var err error
		if r, err = rules.Compile(rules.Config{}); err != nil {
			return err
		}
	}
	p := &policy{Config: c, rules: r, full: r.Full()}
	if r.Statics() {
		p.memory = new(memory)
	}
	if old := e.policy.Swap(p); old != nil {
		e.bans.keep(old.rules, r)
		e.news()
	}
	return nil
}

// Swap compiles a snapshot, which nobody may change any more, and looks for its
// tokens in whatever begins from now on; a result that has begun keeps the set
// it began with. It takes 2 µs per token; call it from one goroutine at a time.
func (e *Engine) Swap(s *token.Snapshot) {
	compile := match.CompileClear
	if e.policy.Load().Disguises {
		compile = match.Compile
	}
	x := compile(s)
	e.keys.Store(newKeyring(x, s))
	e.index.Store(x)
	e.stats.swaps.Add(1)
}

// since turns a moment of uptime into the time of day.
func (e *Engine) since(moment time.Duration) time.Time {
	return e.now().Add(moment - e.uptime())
}

// Version returns the version of the snapshot that is being watched.
func (e *Engine) Version() uint64 { return e.index.Load().Version() }

// Open implements inspect.Inspector.
func (e *Engine) Open(c event.Client) (inspect.Session, event.Verdict) {
	e.stats.sessions.Add(1)
	s := &session{
		e: e, client: c, mysql: c.Protocol == "mysql",
		scope: match.Scope{Server: c.Server, Database: c.Database},
	}
	if v, away := e.turnAway(s); away {
		return s, v
	}
	return s, e.barred(s.login())
}

// Bar has every login, statement and execution from now on refused with v,
// whatever it asks, until Bar(nil). What runs goes on. Rules judge and report as
// ever.
func (e *Engine) Bar(v *event.Verdict) { e.barrier.Store(v) }

// barred makes v a refusal while all is refused.
func (e *Engine) barred(v event.Verdict) event.Verdict {
	b := e.barrier.Load()
	if b == nil {
		return v
	}
	e.stats.barred.Add(1)
	return worse(v, *b)
}
