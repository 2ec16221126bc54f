package engine

import (
	"slices"
	"sync"
	"time"

	"honeyrow/event"
	"honeyrow/rules"
)

// maxBans bounds the subjects that are shut out at the same time; beyond it the
// one whose time is up soonest goes.
const maxBans = 4096

// subject is who is shut out: an address everywhere, a user or an application at
// one server.
type subject struct {
	by            rules.Subject
	server, value string
}

// subjectOf returns a client as a subject. Some are none: a unix socket is
// everybody on the machine, and an empty name everybody without one.
func subjectOf(by rules.Subject, c *event.Client) (subject, bool) {
	s := subject{by: by, server: c.Server}
	switch by {
	case rules.ByAddress:
		s.server, s.value = "", rules.Host(c.Address)
		return s, s.value != "" && c.Address != "unix"
	case rules.ByUser:
		s.value = c.User
	case rules.ByApplication:
		s.value = c.Application
	}
	return s, s.value != ""
}

// is reports whether a client is the subject.
func (s subject) is(c *event.Client) bool {
	o, ok := subjectOf(s.by, c)
	return ok && o == s
}

// bans are the subjects that are shut out now.
type bans struct {
	mu sync.Mutex
	by map[subject]*ban
}

// ban is one subject shut out.
type ban struct {
	subject
	rule    string
	message string
	until   time.Time
	refused int
	file    *dossier
	det     event.ID
}

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
		d.Quarantine[i] = event.Quarantine{By: string(b.by), Subject: b.value, Until: b.until, Refused: b.refused}
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
	}
	return f
}

// add makes or prolongs a ban.
func (x *bans) add(s subject, r *rules.Compiled, now time.Time, f *dossier) *ban {
	x.mu.Lock()
	defer x.mu.Unlock()
	until := now.Add(r.Actions.Quarantine.For)
	if b := x.by[s]; b != nil && b.until.After(now) {
		if until.After(b.until) {
			b.until = until
		}
		return b
	}
	if x.by == nil {
		x.by = map[subject]*ban{}
	}
	if len(x.by) >= maxBans {
		x.forget(now)
	}
	b := &ban{subject: s, rule: r.ID, message: r.Message, until: until, file: f, det: f.id}
	x.by[s] = b
	return b
}

// forget makes room. mu is held.
func (x *bans) forget(now time.Time) {
	var soonest *ban
	for s, b := range x.by {
		if !b.until.After(now) {
			delete(x.by, s)
		} else if soonest == nil || b.until.Before(soonest.until) {
			soonest = b
		}
	}
	if len(x.by) >= maxBans && soonest != nil {
		delete(x.by, soonest.subject)
	}
}

// of returns the ban that a client falls under, and counts.
func (x *bans) of(c *event.Client, now time.Time) *ban {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.by) == 0 {
		return nil
	}
	for _, by := range [...]rules.Subject{rules.ByAddress, rules.ByUser, rules.ByApplication} {
		s, ok := subjectOf(by, c)
		if !ok {
			continue
		}
		if b := x.by[s]; b != nil {
			if b.until.After(now) {
				b.refused++
				return b
			}
			delete(x.by, s)
		}
	}
	return nil
}

// keep lifts the bans of rules that shut nobody out any more.
func (x *bans) keep(set *rules.Set) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for s, b := range x.by {
		r := set.Compiled(b.rule)
		if r == nil || r.Disabled || !slices.Contains(r.Actions.Quarantine.By, s.by) {
			delete(x.by, s)
		}
	}
}

// turnAway refuses a session of a subject that is shut out: it is counted, and
// the detection that began the quarantine tells so.
func (e *Engine) turnAway(s *session) (event.Verdict, bool) {
	b := e.bans.of(&s.client, e.now())
	if b == nil {
		return event.Verdict{}, false
	}
	e.stats.refused.Add(1)
	f := b.file
	f.mu.Lock()
	defer f.mu.Unlock()
	switch now := e.now(); {
	case now.Sub(f.told) >= revisions:
		e.retell(f)
	case !f.due:
		f.due = true
		time.AfterFunc(revisions, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.due {
				e.retell(f)
			}
		})
	}
	return event.Verdict{Action: event.Block, Rule: b.rule, Detection: f.last.ID, Message: b.message}, true
}

// retell reports that sessions were refused. f.mu is held.
func (e *Engine) retell(f *dossier) {
	f.due = false
	d := f.last
	d.Revision++
	e.publish(f, d)
}

// Quarantined is one subject that is shut out now.
type Quarantined struct {
	By, Server, Subject, Rule string
	Until                     time.Time
	Refused                   int
	Detection                 event.ID
}

// Quarantine lists who is shut out now, soonest to end first.
func (e *Engine) Quarantine() []Quarantined {
	now := e.now()
	e.bans.mu.Lock()
	var out []Quarantined
	for _, b := range e.bans.by {
		if b.until.After(now) {
			out = append(out, Quarantined{
				By: string(b.by), Server: b.server, Subject: b.value, Rule: b.rule, Until: b.until, Refused: b.refused,
				Detection: b.det,
			})
		}
	}
	e.bans.mu.Unlock()
	slices.SortFunc(out, func(a, b Quarantined) int { return a.Until.Compare(b.Until) })
	return out
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
