package engine

import (
	"net"
	"slices"
	"sync"
	"time"

	"honeyrow/engine/detect"
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
// its statements, told as one detection that is revised.
type suspicion struct {
	mu       sync.Mutex
	findings []event.Finding
	reach    []string
	last     time.Time
	errors   []time.Time // of syntax errors, the latest burst of them
	det      event.Detection
	live     bool // det has been reported
	told     time.Time
	untold   bool // counted on since
	due      bool // settle will be called
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

// asked is a statement with findings.
type asked struct {
	s        *session
	text     []byte // valid during the call
	total    int
	findings []event.Finding
	reach    []string
}

// suspect adds a statement's findings to its principal's story, and reports
// when the story begins, becomes graver, or has gone on for a while.
func (e *Engine) suspect(a asked) event.Verdict {
	now := e.now()
	s := e.suspects.of(a.s.principal(), now, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	s.add(a.findings, a.reach)
	return e.tell(s, a, now)
}

// renew begins a new story after a quiet time. mu is held.
func (s *suspicion) renew(now time.Time) {
	if now.Sub(s.last) > quiet {
		s.findings, s.reach, s.errors, s.live, s.untold = nil, nil, nil, false, false
		s.det = event.Detection{}
	}
	s.last = now
}

func (s *suspicion) add(fs []event.Finding, reach []string) {
	for _, f := range fs {
		i := slices.IndexFunc(s.findings, func(o event.Finding) bool { return o.Detector == f.Detector })
		if i < 0 {
			if len(s.findings) < maxFindings {
				f.Count = 1
				s.findings = append(s.findings, f)
			}
			continue
		}
		o := &s.findings[i]
		o.Count++
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

// tell reports the story if this statement makes it one. mu is held.
func (e *Engine) tell(s *suspicion, a asked, now time.Time) event.Verdict {
	id := a.rule()
	if id == "" {
		return event.Verdict{}
	}
	policy := e.policy.Load()
	rule, on := policy.rules.Rule(id)
	if !on {
		e.stats.disabled.Add(1)
		return event.Verdict{}
	}
	who := a.s.who()
	if policy.rules.Allowed(rule.ID, &who, now) {
		e.stats.allowed.Add(1)
		return event.Verdict{}
	}
	severity := rule.Severity
	if id == rules.Injection && len(s.reach) > 0 {
		severity = max(severity, event.High)
	}
	graver := !s.live || severity > s.det.Severity
	if graver {
		d := &s.det
		if !s.live {
			*d = event.Detection{Schema: event.Schema, ID: event.NewID(), Time: now, Rule: rule.ID, Action: rule.Action}
			e.stats.detections.Add(1)
		}
		s.live = true
		d.Severity, d.Client, d.Rule, d.Action = severity, who, rule.ID, max(d.Action, rule.Action)
		d.Statement = describe(a.text, a.total, a.s.mysql, policy.RedactLiterals, nil)
		d.Run.Started = now
	}
	s.det.HitCount++
	s.untold = true
	switch {
	case graver || now.Sub(s.told) >= revisions:
		e.report(s, now)
	case !s.due:
		s.due = true
		time.AfterFunc(revisions, func() { e.settle(s) })
	}
	return event.Verdict{Action: rule.Action, Rule: rule.ID, Detection: s.det.ID}
}

// report hands the story to the Reporter. mu is held.
func (e *Engine) report(s *suspicion, now time.Time) {
	s.told, s.untold = now, false
	s.det.Revision++
	d := s.det
	d.Findings, d.Reach = slices.Clone(s.findings), slices.Clone(s.reach)
	d.Hits = []event.Hit{}
	d.Summary = summary(&d)
	e.stats.reports.Add(1)
	e.reporter.Report(d)
}

// settle reports what was only counted since the last report.
func (e *Engine) settle(s *suspicion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = false
	if s.live && s.untold {
		e.report(s, e.now())
	}
}

// rest tells the last counts of a session's principal.
func (e *Engine) rest(sess *session) {
	if e.analysis == nil {
		return
	}
	if s := e.suspects.of(sess.principal(), time.Time{}, false); s != nil {
		e.settle(s)
	}
}

// syntaxError counts the statements that the server did not understand: nobody
// but a person and a probe sends many of them.
func (e *Engine) syntaxError(a asked) {
	now := e.now()
	s := e.suspects.of(a.s.principal(), now, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew(now)
	s.errors = append(slices.DeleteFunc(s.errors, func(t time.Time) bool { return now.Sub(t) > burstTime }), now)
	if len(s.errors) < burst {
		return
	}
	s.errors = s.errors[len(s.errors)-burst+1:]
	a.findings = []event.Finding{{
		Detector: "syntax-error-burst", Title: "A burst of syntax errors", Weight: detect.Medium,
		Detail: "statements that the server could not understand, one after the other", Maps: []string{"CWE-89", "T1595.002"},
	}}
	s.add(a.findings, nil)
	e.tell(s, a, now)
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
