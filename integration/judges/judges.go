// Package judges has a stand's traffic judged as an operator's is who switches
// everything on: statements, disguises, all shipped rules. What they report is
// kept, and what no test expected is a false alarm. It is for tests and for the
// programs below integration only.
package judges

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine"
	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// Options shape a Bench.
type Options struct {
	Rules rules.Config
	// Ahead has every statement judged before it is sent, as in protect mode,
	// without anything being held back: only then is each statement that a rule
	// spoke of known by its text (Tally.Told). A story tells of many by one.
	Ahead bool
	// Words has every statement judged by its words alone, as while the parsers
	// have no time; so has the environment's HONEYROW_JUDGE_BY=words.
	Words bool
}

// Bench is an engine with its parsers and what they reported. It is an
// inspect.Inspector and an engine.Reporter. A program that makes one for
// PostgreSQL calls pgsql.ServeIfWorker first.
type Bench struct {
	*engine.Engine
	ahead    bool
	words    bool
	parser   *pgsql.Parser
	analysis *engine.Analysis

	statements atomic.Uint64

	mu       sync.Mutex
	latest   map[event.ID]event.Detection
	expected []*Expected
	told     map[Told]int
	tallied  Tally // when Tally was called last
}

// Told is a statement of which a rule spoke when it was about to be sent.
type Told struct{ Rule, User, Application, Text string }

// New returns a Bench that watches for nothing until Swap. Close ends it.
func New(o Options) (*Bench, error) {
	set, err := rules.Compile(o.Rules)
	if err != nil {
		return nil, err
	}
	b := &Bench{ahead: o.Ahead, words: o.Words || os.Getenv("HONEYROW_JUDGE_BY") == "words", latest: map[event.ID]event.Detection{}, told: map[Told]int{}}
	deaths := pgsql.DefaultConfig().Deaths
	b.parser = pgsql.New(pgsql.DefaultConfig(), func(d pgsql.Death) {
		if d.Row == deaths {
			b.ParserFailing(d.Row, d.Reason)
		}
	})
	my := new(mysql.Parser)
	dialects := map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.PostgreSQL: b.parser, sqlfacts.MySQL: my, sqlfacts.MariaDB: my}
	if b.words {
		clear(dialects)
	}
	// The machine that tests run on is busy: a statement that has to be judged
	// before it is sent shall be judged by its parser all the same.
	b.analysis = engine.NewAnalysis(dialects, engine.AnalysisOptions{Patience: time.Minute})
	c := engine.DefaultConfig()
	c.Disguises = true
	if b.Engine, err = engine.New(c, engine.Options{Reporter: b, Rules: set, Analysis: b.analysis}); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Close ends the judging. Sessions must have ended.
func (b *Bench) Close() {
	b.analysis.Close()
	_ = b.parser.Close()
}

// Open implements inspect.Inspector.
func (b *Bench) Open(c event.Client) (inspect.Session, event.Verdict) {
	c.Protect = c.Protect || b.ahead
	s, v := b.Engine.Open(c)
	return &session{Session: s, b: b, user: c.User, application: c.Application}, v
}

// session counts statements, and keeps those of which a rule speaks.
type session struct {
	inspect.Session
	b                 *Bench
	user, application string
}

// Prepare implements inspect.Session.
func (s *session) Prepare(sql []byte, total int) (inspect.Statement, event.Verdict) {
	s.b.statements.Add(1)
	st, v := s.Session.Prepare(sql, total)
	if v.Action != event.Pass {
		text := strings.Join(strings.Fields(string(sql[:min(len(sql), 2_000)])), " ")
		s.b.mu.Lock()
		s.b.told[Told{v.Rule, s.user, s.application, text}]++
		s.b.mu.Unlock()
	}
	return st, v
}

// Report implements engine.Reporter.
func (b *Bench) Report(d event.Detection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.latest[d.ID] = d
}

// Expected is what a test provokes.
type Expected struct {
	Rule string
	// Detectors are the only ones that may have seen something, of weight 2 and
	// more, in the story that a detection tells.
	Detectors []string
	// Statements stand, one of them, in each statement of which the rule speaks.
	Statements []string
}

func (e *Expected) is(d *event.Detection) bool {
	return d.Rule == e.Rule && !slices.ContainsFunc(d.Findings, func(f event.Finding) bool {
		return f.Weight > 1 && !slices.Contains(e.Detectors, f.Detector)
	})
}

func (e *Expected) speaksOf(t Told) bool {
	return t.Rule == e.Rule && slices.ContainsFunc(e.Statements, func(s string) bool { return strings.Contains(t.Text, s) })
}

// Expect names what is right from now on, until undo is called.
func (b *Bench) Expect(es ...Expected) (undo func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var mine []*Expected
	for i := range es {
		mine = append(mine, &es[i])
	}
	b.expected = append(b.expected, mine...)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.expected = slices.DeleteFunc(b.expected, func(e *Expected) bool { return slices.Contains(mine, e) })
	}
}

// Take waits until all that was sent has been judged and returns what was
// reported since the last call, each detection in its last revision, the oldest
// first, but for what is expected.
func (b *Bench) Take(ctx context.Context) ([]event.Detection, error) {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	if err := b.analysis.Drain(ctx); err != nil {
		return nil, fmt.Errorf("statements are still being judged after two minutes: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []event.Detection
	for _, d := range b.latest {
		if !slices.ContainsFunc(b.expected, func(e *Expected) bool { return e.is(&d) }) {
			out = append(out, d)
		}
	}
	clear(b.latest)
	slices.SortFunc(out, func(x, y event.Detection) int { return cmp.Compare(x.ID, y.ID) })
	return out, nil
}

// Tally is what was judged since the last one.
type Tally struct {
	Statements uint64
	// Words counts those that were judged by their words alone.
	Words uint64
	// Told are the statements of which a rule spoke when they were about to be
	// sent, with how often they were: all of them if the Bench judges ahead.
	Told map[Told]int
}

// Tally returns what was judged since the last call.
func (b *Bench) Tally() Tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := Tally{Statements: b.statements.Load(), Words: b.Stats().Inline}
	if b.words {
		now.Words = now.Statements
	}
	t := Tally{Statements: now.Statements - b.tallied.Statements, Words: now.Words - b.tallied.Words, Told: maps.Clone(b.told)}
	b.tallied = now
	clear(b.told)
	return t
}

// Alarms returns the statements of which a rule spoke before they were sent since
// the last call, and that nobody expects, one a line.
func (b *Bench) Alarms() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for t, n := range b.told {
		if !slices.ContainsFunc(b.expected, func(e *Expected) bool { return e.speaksOf(t) }) {
			out = append(out, fmt.Sprintf("%s, %d times: %s@%s %s\n", t.Rule, n, t.User, t.Application, t.Text))
		}
	}
	clear(b.told)
	slices.Sort(out)
	return strings.Join(out, "")
}

// Line tells a detection in a line.
func Line(d event.Detection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s@%s %d times:", d.Rule, d.Severity, d.Client.User, d.Client.Application, d.HitCount)
	for _, f := range d.Findings {
		fmt.Fprintf(&b, " [%s %d x%d: %s]", f.Detector, f.Weight, f.Count, f.Detail)
	}
	for _, h := range d.Hits {
		fmt.Fprintf(&b, " [%s %s %s]", h.Kind, h.Channel, h.Means)
	}
	text := strings.Join(strings.Fields(d.Statement.Text), " ")
	fmt.Fprintf(&b, " %.1000s", text)
	return b.String()
}

// Lines tells detections, one a line.
func Lines(ds []event.Detection) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(Line(d) + "\n")
	}
	return b.String()
}
