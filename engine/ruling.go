package engine

import (
	"slices"
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/rules"
)

// judging is what the rules say about a record.
type judging struct {
	news     bool // hits that settle has not seen
	outbound bool // a hit that the server sent
	rulings  []ruling
	live     []graded // what is told, the weightiest first
	waiting  []graded // held back by an allowance that expects something of the run
	held     *rules.Held
	released bool // held has not been lived up to
	verdict  event.Verdict
	file     *dossier
	ask      *answer // about the statement; nil: not asked yet
	env      *rules.Env
	identity uint64 // of the client in env
}

// graded is a rule that matched, and how grave.
type graded struct {
	*rules.Compiled
	severity event.Severity
}

// ruling is what was decided about a rule.
type ruling uint8

const (
	undecided ruling = iota
	decided          // live, waiting, allowed or disabled: it is not asked again
)

// answer is what the analysis says of the record's statement.
type answer struct {
	facts    *sqlfacts.Facts
	findings []event.Finding
	reach    []string
	decoys   []string
	final    bool
}

// settle returns the verdict on the hits so far: once for all of one call of the
// seam, so that a report tells all that the call saw. It reports if a rule makes
// the detection new or graver. A nil record had no hits.
func (c *record) settle() event.Verdict {
	if c == nil || !c.news {
		return event.Verdict{}
	}
	c.news = false
	fresh := append(c.judge(false), c.sure()...)
	if c.held != nil && !c.released && c.held.Broken(c.det.Run.Rows, uint64(c.det.HoneyRows), c.places()) {
		fresh = append(fresh, c.release()...)
	}
	if len(fresh) == 0 {
		return c.verdict
	}
	c.admit(fresh)
	if c.verdict.Blocks() && !c.outbound {
		c.det.Run.Done = true // it does not even begin
	}
	c.report()
	c.enforce(fresh)
	return c.verdict
}

// judge asks the rules that are undecided, and returns those that match and are
// neither allowed nor held back. end: the run is over.
func (c *record) judge(end bool) (fresh []graded) {
	set := c.policy.rules
	if c.rulings == nil {
		c.rulings = make([]ruling, len(set.All()))
	}
	env := c.situation(end)
	for _, r := range set.OfRuns() {
		if c.rulings[r.Index()] != undecided || r.Phase == rules.AtDone && !end || lacks(r, env) || !r.Holds(env) {
			continue
		}
		c.rulings[r.Index()] = decided
		if g := (graded{r, r.Graded(env)}); c.admissible(g) {
			fresh = append(fresh, g)
		}
	}
	return fresh
}

// lacks reports whether a rule need not be asked: it cannot hold without what is
// not there.
func lacks(r *rules.Compiled, env *rules.Env) bool {
	return r.Needs&rules.OfHits != 0 && len(env.Hits) == 0 ||
		r.Needs&rules.OfFindings != 0 && len(env.Findings) == 0 ||
		r.Needs&rules.OfReach != 0 && len(env.Reach.Tables)+len(env.Reach.Decoys) == 0 ||
		r.Needs&rules.OfNovelty != 0 && !env.Novelty.New ||
		r.Needs&rules.OfExpected != 0 && !env.Expected.Missing || r.Needs&rules.OfProxy != 0
}

// admissible reports whether a rule that matched may speak now.
func (c *record) admissible(g graded) bool {
	if g.Disabled {
		c.e.stats.disabled.Add(1)
		return false
	}
	ok, held := c.policy.rules.Allowed(g.ID, c.question())
	switch {
	case !ok:
		return true
	case held == nil:
		c.e.stats.allowed.Add(1)
		return false
	case c.released || c.closed:
		return true
	}
	c.held = held
	c.waiting = append(c.waiting, g)
	return false
}

// question is the record as an allowance looks at it: windows are about when a
// run began.
func (c *record) question() rules.Question {
	who := c.s.who()
	q := rules.Question{Client: &who, Now: c.det.Run.Started}
	if c.st != nil {
		q.Shape = c.st.Name
	}
	return q
}

// release lets those speak that were held back.
func (c *record) release() []graded {
	c.released = true
	out := c.waiting
	c.waiting = nil
	return out
}

// admit makes rules part of the detection: the weightiest names it, the highest
// severity and the strictest action count.
func (c *record) admit(fresh []graded) {
	if c.det.Rule == "" {
		c.det.ID = event.NewID()
		c.e.stats.detections.Add(1)
	}
	c.det.Client = c.s.who()
	c.live = append(c.live, fresh...)
	slices.SortStableFunc(c.live, heavier)
	c.det.Rule = c.live[0].ID
	for _, g := range fresh {
		v, severity := verdictOf(g.Compiled, &c.det.Client, c.det.ID), g.severity
		switch {
		case c.det.Drill:
			severity = event.Info
		case c.doubt:
			v.Action, severity = min(v.Action, event.Alert), min(severity, event.Low)
		default:
			c.file = c.e.shut(g.Compiled, &c.det, c.file)
		}
		c.det.Severity = max(c.det.Severity, severity)
		c.det.Action = max(c.det.Action, v.Action)
		c.verdict = worse(c.verdict, v)
	}
}

// sure looks again whether the hits may be chance. It returns the rules that
// were held back for that or for a drill, if they no longer are.
func (c *record) sure() (again []graded) {
	was := c.doubt || c.strayed
	c.strayed = false
	if c.doubt = c.doubtful(); was && !c.doubt {
		again, c.live = c.live, nil
	}
	return again
}

func heavier(a, b graded) int {
	switch {
	case a.Weightier(b.Compiled):
		return -1
	case b.Weightier(a.Compiled):
		return 1
	}
	return 0
}

// enforce orders what the rules do against sessions.
func (c *record) enforce(fresh []graded) {
	if c.doubt || c.det.Drill {
		return
	}
	for _, g := range fresh {
		c.e.enforce(g.Compiled, &c.det.Client, c.det.ID)
	}
}

// matches tells of the live rules.
func (c *record) matches() []event.Match {
	out := make([]event.Match, len(c.live))
	for i, g := range c.live {
		out[i] = matchOf(g.Compiled, g.severity)
	}
	return out
}

// conclude judges the run as a whole, and returns what speaks only now.
func (c *record) conclude() []graded {
	var fresh []graded
	if len(c.det.Hits) > 0 || c.held != nil {
		fresh = append(c.judge(true), c.sure()...)
	}
	if c.held != nil && !c.released {
		rows, honey := c.det.Run.Rows, uint64(c.det.HoneyRows)
		switch c.held.End(rows, honey, c.places()) {
		case rules.Met:
			c.e.stats.allowed.Add(uint64(len(c.waiting)))
		case rules.Other:
			fresh = append(fresh, c.release()...)
		case rules.Missing:
			fresh = append(fresh, c.missing()...)
		}
	}
	if len(fresh) > 0 {
		c.admit(fresh)
	}
	return fresh
}

// missing asks the rules about expectations that were not met.
func (c *record) missing() (fresh []graded) {
	env := c.situation(true)
	env.Expected = rules.Expected{Missing: true, HoneyRows: int(c.held.HoneyRows()), Seen: c.det.HoneyRows}
	for _, r := range c.policy.rules.OfRuns() {
		if r.Needs&rules.OfExpected == 0 || !r.Holds(env) {
			continue
		}
		if r.Disabled {
			c.e.stats.disabled.Add(1)
			continue
		}
		fresh = append(fresh, graded{r, r.Graded(env)})
	}
	return fresh
}

// places are the tables of the hits.
func (c *record) places() []rules.Place {
	out := make([]rules.Place, 0, len(c.det.Hits))
	for i := range c.det.Hits {
		if p := (rules.Place{Schema: c.det.Hits[i].Place.Schema, Table: c.det.Hits[i].Place.Table}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// situation is what the rules see of the record. The environment is the
// record's own while it lasts: of a dump that hits with every row, only what is
// new is filled in.
func (c *record) situation(end bool) *rules.Env {
	e, set := c.e, c.policy.rules
	if c.env == nil {
		c.env = rules.NewEnv()
	}
	env := c.env
	if id := c.s.identity(); c.identity != id {
		c.identity = id
		who := c.s.who()
		env.SetClient(&who)
	}
	e.history(env, c.s, e.now())
	if c.st != nil && (c.ask == nil || end && !c.ask.final) {
		c.ask = e.inquire(c.s, c.st)
		c.s.describeStatement(env, set, c.ask.facts, c.st.text, c.st.total, c.st.Name)
		env.SetFindings(c.ask.findings)
		env.Reach = rules.Reach{Tables: c.ask.reach, Decoys: c.ask.decoys}
	}
	if set.Asks(rules.OfStory) {
		env.Session.SyntaxErrors = e.recentErrors(c.s)
	}
	for i := range c.det.Hits {
		if i == len(env.Hits) {
			env.Hits = append(env.Hits, hitOf(&c.det.Hits[i], c.strength[i].String()))
		}
		env.Hits[i].Count = c.det.Hits[i].Count
	}
	r := &c.det.Run
	env.Run = rules.Run{
		Rows: int(min(r.Rows, 1<<62)), HoneyRows: c.det.HoneyRows, Hits: c.det.HitCount, Ended: end, Code: r.Code, Chance: c.det.Chance,
		Failed: end && failed(r.Code), Seconds: env.Since(r.Started).Seconds(),
	}
	return env
}

// hitOf is a hit as conditions see it.
func hitOf(h *event.Hit, strength string) rules.Hit {
	return rules.Hit{
		Token: string(h.Token), Row: string(h.Row), Kind: h.Kind, Server: h.Place.Server, Database: h.Place.Database,
		Schema: h.Place.Schema, Table: h.Place.Table, Column: h.Place.Column, Strength: strength,
		Channel: string(h.Channel), Inbound: h.Channel.Inbound(), Means: h.Means, Disguise: h.Disguise, Count: h.Count,
	}
}

// failed reports whether a run's code is an error's, or none since the session
// ended first: an SQLSTATE has five characters, a command tag other letters.
func failed(code string) bool {
	if code == "" || code == "1064" {
		return true
	}
	if len(code) != 5 {
		return false
	}
	for _, b := range []byte(code) {
		if (b < '0' || b > '9') && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return code[0] <= '9' || code[1] <= '9'
}

// inquire asks the analysis about a statement, without waiting for it: of a shape
// that it has not got to yet, it tells what the words say.
func (e *Engine) inquire(s *session, st *statement) *answer {
	a := e.analysis
	if a == nil {
		return &answer{final: true}
	}
	t := s.lex(st.text, st.total)
	defer e.unlex(t)
	f, known := a.by.Facts(t)
	if !known {
		f = a.by.Scan(t)
	}
	n := f.Note.(*note)
	g := s.ground(n)
	return &answer{facts: f, findings: n.findings(t), reach: g.reach, decoys: g.decoyNames, final: known}
}

// connect judges a session that opens. A replication connection has a record
// that goes on as long as the session does.
func (s *session) connect() event.Verdict {
	e := s.e
	p := e.policy.Load()
	if rules.Replicates(&s.client) {
		s.standby = e.newRecord(s, nil, time.Time{})
	}
	if len(p.rules.Of(rules.AtConnect)) == 0 {
		return event.Verdict{}
	}
	env := e.situation(s, e.now())
	defer e.settled(env)
	var matched []graded
	for _, r := range p.rules.Of(rules.AtConnect) {
		if r.Holds(env) {
			matched = append(matched, graded{r, r.Graded(env)})
		}
	}
	if s.standby == nil {
		return e.narrate(asked{s: s}, env, matched)
	}
	c := s.standby
	matched = slices.DeleteFunc(matched, func(g graded) bool { return !c.admissible(g) })
	if len(matched) == 0 {
		return event.Verdict{}
	}
	c.admit(matched)
	c.report()
	c.enforce(matched)
	return c.verdict
}

// ended judges a run at its end by the rules that need no hit, and notes what
// allowances expect of it.
func (r *run) ended(n uint64, code string) {
	e := r.s.e
	p := e.policy.Load()
	if r.expecting != nil {
		c := r.record()
		if c.held == nil {
			c.held = r.expecting
		}
		r.expecting = nil
	}
	if r.rec != nil || len(p.rules.WithoutHits()) == 0 {
		return
	}
	var matched []graded
	var env *rules.Env
	for _, x := range p.rules.WithoutHits() {
		if x.Needs&rules.OfShape != 0 && e.analysis == nil || x.Static() && !r.st.static(p).Has(x) {
			continue
		}
		if env == nil {
			env = e.situation(r.s, e.now())
			defer e.settled(env)
			a := e.inquire(r.s, r.st)
			r.s.describeStatement(env, p.rules, a.facts, r.st.text, r.st.total, r.st.Name)
			env.AddFindings(a.findings)
			env.Reach = rules.Reach{Tables: a.reach, Decoys: a.decoys}
			env.Run = rules.Run{Rows: int(min(n, 1<<62)), Ended: true, Code: code, Failed: failed(code), Seconds: (e.uptime() - r.started).Seconds()}
			if p.rules.Asks(rules.OfStory) {
				env.Session.SyntaxErrors = e.recentErrors(r.s)
			}
		}
		if !lacks(x, env) && x.Holds(env) {
			matched = append(matched, graded{x, x.Graded(env)})
		}
	}
	if len(matched) > 0 && !r.s.drilled(r.st.text) {
		e.narrate(asked{s: r.s, text: r.st.text, total: r.st.total, run: &event.Run{Started: e.since(r.started), Rows: n, Done: true, Code: code}}, env, matched)
	}
}

// static returns the rules whose static part holds for the statement.
func (t *statement) static(p *policy) *rules.Mask {
	if !t.lexed {
		return &p.full
	}
	return t.s.static(p, t.shape, t.facts, t)
}

// regular is when allowances last saw the runs that they expect.
type regular struct {
	sync.Mutex
	since time.Time // the engine's beginning
	seen  map[string]time.Time
	told  map[string]time.Time // the window's end that was told of last
}

// expect notes a run that an allowance expects something of.
func (e *Engine) expect(s *session, t *statement, now time.Time) *rules.Held {
	set := e.policy.Load().rules
	who := s.who()
	h := set.Expecting(rules.Question{Client: &who, Shape: t.Name, Now: now})
	if h != nil {
		e.regular.Lock()
		defer e.regular.Unlock()
		if e.regular.seen == nil {
			e.regular.seen = map[string]time.Time{}
		}
		e.regular.seen[h.Key()] = now
	}
	return h
}

// Patrol looks whether the runs that allowances expect in a window took place,
// and reports those that did not. Call it every minute or so.
func (e *Engine) Patrol() {
	now := e.now()
	set := e.policy.Load().rules
	for _, h := range set.Regular(now) {
		from, to, ok := h.Last(now)
		if !ok || from.Before(e.regular.since) || !e.regular.missed(h.Key(), from, to) {
			continue
		}
		e.absent(set, h, from, to)
	}
}

// missed reports, once for each window, whether no run was seen in it.
func (g *regular) missed(key string, from, to time.Time) bool {
	g.Lock()
	defer g.Unlock()
	if !g.seen[key].Before(from) || g.told[key].Equal(to) {
		return false
	}
	if g.told == nil {
		g.told = map[string]time.Time{}
	}
	g.told[key] = to
	return true
}

// absent reports a window without the run that an allowance expects.
func (e *Engine) absent(set *rules.Set, h *rules.Held, from, to time.Time) {
	env := rules.NewEnv()
	env.Reset(e.now())
	d := event.Detection{
		Schema: event.Schema, ID: event.NewID(), Time: e.now(), Client: h.Identity(), Hits: []event.Hit{},
		Statement: event.Statement{Text: clean(h.Statement())}, Run: event.Run{Started: from, Done: true},
	}
	env.SetClient(&d.Client)
	env.Expected = rules.Expected{Missing: true, HoneyRows: int(h.HoneyRows())}
	for _, r := range set.OfRuns() {
		if r.Needs&rules.OfExpected == 0 || r.Disabled || !r.Holds(env) {
			continue
		}
		s := r.Graded(env)
		if d.Rule == "" {
			d.Rule = r.ID
		}
		d.Severity, d.Action = max(d.Severity, s), event.Alert
		d.Rules = append(d.Rules, matchOf(r, s))
	}
	if d.Rule == "" {
		e.stats.disabled.Add(1)
		return
	}
	e.stats.detections.Add(1)
	d.Summary = clean("Expected run of " + h.Name() + " did not come between " + from.Format(time.RFC3339) + " and " + to.Format(time.RFC3339))
	e.report(d, nil)
}
