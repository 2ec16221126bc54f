package engine

import (
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/rules"
)

// Bounds of what is remembered of clients with findings.
const (
	maxPrincipals = 4096
	maxFindings   = 32               // different detectors of one suspicion
	maxReach      = 16               // tables named
	quiet         = 10 * time.Minute // after which a suspicion is over
	revisions     = time.Second      // the pause between two reports that only count on
	burst         = 5                // syntax errors within burstTime are probing
	burstTime     = time.Minute
)

// principal is who asks, over all sessions: web applications open a new one for
// each request.
type principal struct{ server, user, host, application string }

// suspects remembers the principals that had findings or syntax errors.
type suspects struct {
	mu sync.Mutex
	by map[principal]*suspicion
}

// suspicion is one principal's story while it lasts: what the detectors saw in
// its statements, told as one detection for each rule, which is revised.
type suspicion struct {
	mu       sync.Mutex
	findings []event.Finding
	reach    []string
	last     time.Time
	errors   []time.Time       // of syntax errors, the latest burst of them
	stories  map[string]*story // by topic
}

// story is what one rule has to tell of a principal.
type story struct {
	det    event.Detection
	rules  []graded // the weightiest first
	told   time.Time
	untold bool // counted on since
	due    bool // settle will be called
	file   *dossier
}

func (s *session) principal() principal {
	p := principal{server: s.client.Server, user: s.client.User, host: s.client.Address}
	if host, _, err := net.SplitHostPort(s.client.Address); err == nil {
		p.host = host
	}
	if a := s.app.Load(); a != nil {
		p.application = *a
	} else {
		p.application = s.client.Application
	}
	return p
}

// of returns a principal's suspicion; nil if there is none and make is not asked.
func (m *suspects) of(p principal, now time.Time, make bool) *suspicion {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.by[p]
	if s == nil && make {
		if m.by == nil {
			m.by = map[principal]*suspicion{}
		}
		if len(m.by) >= maxPrincipals {
			m.forget(now)
		}
		s = &suspicion{last: now}
		m.by[p] = s
	}
	return s
}

// forget makes room: what is over goes, or else the one that was quiet longest.
func (m *suspects) forget(now time.Time) {
	var oldest principal
	var at time.Time
	for p, s := range m.by {
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		if now.Sub(last) > quiet {
			delete(m.by, p)
			continue
		}
		if at.IsZero() || last.Before(at) {
			oldest, at = p, last
		}
	}
	if len(m.by) >= maxPrincipals {
		delete(m.by, oldest)
	}
}

// asked is a statement as rules are to judge it.
type asked struct {
	s        *session
	text     []byte // valid during the call
	total    int
	findings []event.Finding
	reach    []string // tables with honey rows that it names
	decoys   []string // of these, those with nothing else
	facts    *sqlfacts.Facts
	lexed    *sqlfacts.Text // the text; nil: it has been judged, the findings came later
	novel    bool           // the shape was not seen while learning
	usual    bool           // what was found in it, many known shapes of the same client have
	run      *event.Run     // at the run's end
	words    *words         // of a text that is judged twice; nil: it is not
	counted  bool           // in its story already: judged before
}

// suspect judges a statement by the rules, adds its findings to its principal's
// story, and reports when a story begins, becomes graver, or has gone on for a
// while. It is called for every statement: one without findings, to which no
// rule applies, costs nothing but a look.
func (e *Engine) suspect(a asked) event.Verdict {
	p := e.policy.Load()
	if len(a.findings) == 0 && !e.concerns(p, &a) || a.s.drilled(a.text) {
		return event.Verdict{}
	}
	news := a.words.news(a.findings)
	if len(news) > 0 && len(news) == len(a.findings) { // else it was counted
		a.s.past.suspicious.Add(1)
	}
	now := e.now()
	env := e.situation(a.s, now)
	defer e.settled(env)
	var name func() string
	if a.lexed != nil {
		name = a.lexed.Name
	}
	a.s.describeStatement(env, p.rules, a.facts, a.text, a.total, name)
	env.AddFindings(a.findings)
	env.Reach, env.Novelty = rules.Reach{Tables: a.reach, Decoys: a.decoys}, rules.Novelty{New: a.novel, Usual: a.usual}
	if p.rules.Asks(rules.OfStory) {
		env.Session.SyntaxErrors = e.recentErrors(a.s)
	}
	var matched []graded
	for _, r := range p.rules.Of(rules.AtStatement) {
		if a.lexed == nil && r.Needs&rules.OfFindings == 0 || lacks(r, env) {
			continue // the statement has been judged: only the findings are new
		}
		if len(news) == 0 && a.words.knows(r) {
			continue
		}
		if r.Holds(env) {
			matched = append(matched, graded{r, 0})
		}
	}
	a.findings, a.counted = news, slices.ContainsFunc(matched, func(g graded) bool { return a.words.knows(g.Compiled) })
	a.words.tell(news, matched)
	return e.narrate(a, env, matched)
}

// concerns reports whether a rule may apply to a statement without findings.
func (e *Engine) concerns(p *policy, a *asked) bool {
	var mask *rules.Mask
	for _, r := range p.rules.Of(rules.AtStatement) {
		switch {
		case r.Disabled, r.Needs&rules.OfFindings != 0, r.Needs&rules.OfNovelty != 0 && !a.novel:
		case a.lexed == nil:
			return false
		case !r.Static():
			return true
		default:
			if mask == nil {
				mask = a.s.static(p, a.lexed.Shape, a.facts, a.lexed)
			}
			if mask.Has(r) {
				return true
			}
		}
	}
	return false
}

// narrate adds what was found to the principal's story, and tells those rules
// that matched and are not allowed.
func (e *Engine) narrate(a asked, env *rules.Env, matched []graded) event.Verdict {
	if len(a.findings)+len(matched) == 0 {
		return event.Verdict{}
	}
	now := e.now()
	s := e.suspects.of(a.s.principal(), now, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	s.add(a.findings, a.reach, now)
	env.Reach.Tables = s.reach
	live := matched[:0]
	for _, g := range matched {
		if g.severity = g.Graded(env); e.speaks(g, &a, now) {
			live = append(live, g)
		}
	}
	if len(live) == 0 {
		return event.Verdict{}
	}
	slices.SortStableFunc(live, heavier)
	return e.tell(s, a, live, now)
}

// speaks reports whether a rule that matched is neither disabled nor allowed.
func (e *Engine) speaks(g graded, a *asked, now time.Time) bool {
	if g.Disabled {
		e.stats.disabled.Add(1)
		return false
	}
	who := a.s.who()
	q := rules.Question{Client: &who, Now: now, Shape: func() string { return a.s.shapeName(a.text) }}
	if ok, _ := e.policy.Load().rules.Allowed(g.ID, q); ok {
		e.stats.allowed.Add(1)
		return false
	}
	return true
}

// renew begins new stories after a quiet time. mu is held.
func (s *suspicion) renew(now time.Time) {
	if now.Sub(s.last) > quiet {
		s.findings, s.reach, s.errors, s.stories = nil, nil, nil, nil
	}
	s.last = now
}

func (s *suspicion) add(fs []event.Finding, reach []string, now time.Time) {
	for _, f := range fs {
		i := slices.IndexFunc(s.findings, func(o event.Finding) bool { return o.Detector == f.Detector })
		if i < 0 {
			if len(s.findings) < maxFindings {
				f.Count, f.First, f.Last = 1, now, now
				s.findings = append(s.findings, f)
			}
			continue
		}
		o := &s.findings[i]
		o.Count++
		o.Last = now
		if f.Weight > o.Weight {
			o.Weight, o.Detail = f.Weight, f.Detail
		}
	}
	for _, t := range reach {
		if !slices.Contains(s.reach, t) && len(s.reach) < maxReach {
			s.reach = append(s.reach, t)
		}
	}
}

// tell makes rules part of a story and reports it if that is news. mu is held.
func (e *Engine) tell(s *suspicion, a asked, live []graded, now time.Time) event.Verdict {
	about := topic(live)
	t := s.stories[about]
	if t == nil {
		if s.stories == nil {
			s.stories = map[string]*story{}
		}
		t = &story{det: event.Detection{Schema: event.Schema, ID: event.NewID(), Time: now}}
		s.stories[about] = t
		e.stats.detections.Add(1)
	}
	d := &t.det
	who := a.s.who()
	graver := t.take(live)
	d.Rule = t.rules[0].ID
	if about == "findings" && d.Rule != rules.Attempt {
		e.distrust(a.s, d.Rule)
	}
	var v event.Verdict
	for _, g := range live {
		w := verdictOf(g.Compiled, &who, d.ID)
		v = worse(v, w)
		graver = graver || g.severity > d.Severity || w.Action > d.Action
		d.Severity, d.Action = max(d.Severity, g.severity), max(d.Action, w.Action)
	}
	if graver || len(d.Client.Session) == 0 {
		d.Client = who
		d.Statement, d.Run = event.Statement{}, event.Run{Started: now}
		if a.total > 0 {
			policy := e.policy.Load()
			text := a.text[:min(len(a.text), policy.MaxStatement)]
			d.Statement = a.s.describe(text, a.total, policy.RedactLiterals, nil)
			d.Statement.Shape = a.s.shapeName(a.text)
		}
		if a.run != nil {
			d.Run = *a.run
			d.Run.Code = clean(strings.Clone(a.run.Code))
		}
	}
	if !a.counted {
		d.HitCount++
	}
	t.untold = true
	for _, g := range live {
		if len(g.Actions.Quarantine.By) > 0 {
			at := *d
			at.Client = who
			t.file = e.shut(g.Compiled, &at, t.file)
			graver = true
		}
	}
	switch {
	case graver || now.Sub(t.told) >= revisions:
		e.publishStory(s, t, now)
	case !t.due:
		t.due = true
		time.AfterFunc(revisions, func() { e.settle(s, t) })
	}
	for _, g := range live {
		e.enforce(g.Compiled, &who, d.ID)
	}
	return v
}

// topic is what a story is about: what the detectors saw, or else the weightiest
// of the rules that matched.
func topic(live []graded) string {
	for _, g := range live {
		if g.Needs&rules.OfFindings != 0 {
			return "findings"
		}
	}
	return live[0].ID
}

// take adds rules to a story and reports whether one of them is new.
func (t *story) take(live []graded) (news bool) {
	for _, g := range live {
		i := slices.IndexFunc(t.rules, func(o graded) bool { return o.ID == g.ID })
		if i < 0 {
			t.rules = append(t.rules, g)
			news = true
			continue
		}
		t.rules[i].severity = max(t.rules[i].severity, g.severity)
	}
	slices.SortStableFunc(t.rules, heavier)
	return news
}

// publishStory hands the story to the Reporter. mu is held.
func (e *Engine) publishStory(s *suspicion, t *story, now time.Time) {
	t.told, t.untold = now, false
	d := t.det
	d.Findings, d.Reach = slices.Clone(s.findings), slices.Clone(s.reach)
	d.Hits = []event.Hit{}
	for _, g := range t.rules {
		d.Rules = append(d.Rules, matchOf(g.Compiled, g.severity))
	}
	d.Summary = summary(&d)
	t.det.Revision = e.report(d, t.file)
}

// settle reports what was only counted since the last report.
func (e *Engine) settle(s *suspicion, t *story) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.due = false
	if t.untold {
		e.publishStory(s, t, e.now())
	}
}

// rest tells the last counts of a session's principal.
func (e *Engine) rest(sess *session) {
	if e.analysis == nil {
		return
	}
	if s := e.suspects.of(sess.principal(), time.Time{}, false); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, t := range s.stories {
			if t.untold {
				e.publishStory(s, t, e.now())
			}
		}
	}
}

// syntaxError counts the statements that the server did not understand: nobody
// but a person and a probe sends many of them.
func (e *Engine) syntaxError(a asked) {
	now := e.now()
	s := e.suspects.of(a.s.principal(), now, true)
	s.mu.Lock()
	s.renew(now)
	s.errors = append(slices.DeleteFunc(s.errors, func(t time.Time) bool { return now.Sub(t) > burstTime }), now)
	many := len(s.errors) >= burst
	if many {
		s.errors = s.errors[len(s.errors)-burst+1:]
	}
	s.mu.Unlock()
	if !many {
		return
	}
	a.findings = []event.Finding{{
		Detector: "syntax-error-burst", Title: "A burst of syntax errors", Weight: detect.Medium,
		Detail: "statements that the server could not understand, one after the other", Maps: []string{"CWE-89", "T1595.002"},
	}}
	e.suspect(a)
}

// recentErrors counts a session's principal's syntax errors of the last minute,
// up to burst.
func (e *Engine) recentErrors(sess *session) (n int) {
	s := e.suspects.of(sess.principal(), time.Time{}, false)
	if s == nil {
		return 0
	}
	now := e.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.errors {
		if now.Sub(t) <= burstTime {
			n++
		}
	}
	return n
}

// told returns what is known against a session's principal, for the detections
// of values that it reads or presents.
func (e *Engine) told(sess *session) ([]event.Finding, []string) {
	if e.analysis == nil {
		return nil, nil
	}
	s := e.suspects.of(sess.principal(), time.Time{}, false)
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.now().Sub(s.last) > quiet {
		return nil, nil
	}
	return slices.Clone(s.findings), slices.Clone(s.reach)
}
