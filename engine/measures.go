package engine

import (
	"slices"
	"sync"
	"time"

	"honeyrow/event"
	"honeyrow/rules"
)

// dossier is a detection of which bans go on telling after its own story ends.
type dossier struct {
	id   event.ID
	mu   sync.Mutex
	last event.Detection // as reported last
	bans []*ban
	told time.Time
	due  bool
}

// report hands a detection to the Reporter. Those with a dossier are numbered
// there, since sessions that are refused make revisions too.
func (e *Engine) report(d event.Detection, f *dossier) int {
	if f == nil {
		d.Revision++
		e.hand(d)
		return d.Revision
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d.Revision = max(d.Revision, f.last.Revision) + 1
	e.publish(f, d)
	return d.Revision
}

func (e *Engine) hand(d event.Detection) {
	e.stats.reports.Add(1)
	e.reporter.Report(d)
}

// publish reports a revision of a dossier's detection. f.mu is held.
func (e *Engine) publish(f *dossier, d event.Detection) {
	d.Quarantine = make([]event.Quarantine, len(f.bans))
	e.bans.mu.Lock()
	for i, b := range f.bans {
		d.Quarantine[i] = event.Quarantine{By: b.By, Subject: b.Subject, Until: b.Until, Refused: b.refused}
	}
	e.bans.mu.Unlock()
	f.last, f.told = d, e.now()
	e.hand(d)
}

// shut begins quarantines, or makes them longer; d is the detection behind them.
// It returns the dossier that has them.
func (e *Engine) shut(r *rules.Compiled, d *event.Detection, f *dossier) *dossier {
	now := e.now()
	for _, by := range r.Actions.Quarantine.By {
		s, ok := subjectOf(by, &d.Client)
		if !ok {
			e.stats.spared.Add(1)
			continue
		}
		if f == nil {
			f = &dossier{id: d.ID, last: *d}
		}
		b := e.bans.add(s, r, now, f)
		f.mu.Lock()
		if !slices.Contains(f.bans, b) {
			f.bans = append(f.bans, b)
		}
		f.mu.Unlock()
		e.news()
	}
	return f
}

// enforce orders what a rule does against sessions: after the detection is
// reported, before its verdict is returned. subjects are shut out already.
func (e *Engine) enforce(r *rules.Compiled, c *event.Client, id event.ID) {
	if e.order == nil {
		return
	}
	a := &r.Actions
	if a.Tarpit > 0 {
		e.order(event.Measure{Session: c.Session, Delay: a.Tarpit, Rule: r.ID, Detection: id})
	}
	for _, by := range a.Quarantine.By {
		if s, ok := subjectOf(by, c); ok {
			e.order(event.Measure{Of: s.is, Kill: true, Rule: r.ID, Detection: id})
		}
	}
	if a.Verdict == event.Kill {
		e.order(event.Measure{Session: c.Session, Kill: true, Rule: r.ID, Detection: id})
	}
}

// verdictOf is what a rule says about the traffic: who is put into quarantine
// has no session left.
func verdictOf(r *rules.Compiled, c *event.Client, id event.ID) event.Verdict {
	v := event.Verdict{Action: r.Actions.Verdict, Rule: r.ID, Detection: id, Message: r.Message}
	for _, by := range r.Actions.Quarantine.By {
		if _, ok := subjectOf(by, c); ok {
			v.Action = event.Kill
		}
	}
	return v
}

// matchOf is how a detection tells of a rule.
func matchOf(r *rules.Compiled, severity event.Severity) event.Match {
	return event.Match{ID: r.ID, Title: r.Title, Severity: severity, Actions: r.Actions.Words(), Tags: r.Tags, Playbook: r.Playbook}
}
