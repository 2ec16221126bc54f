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

func subjectIn(q *event.Quarantined) subject {
	return subject{rules.Subject(q.By), q.Server, q.Subject}
}

// bans are the subjects that are shut out now. They outlive the process if
// somebody keeps what News tells and gives it to Shut again.
type bans struct {
	mu    sync.Mutex
	by    map[subject]*ban
	ended []Ended
}

// ban is one subject shut out.
type ban struct {
	event.Quarantined
	file    *dossier // nil: none of this process
	fresh   bool     // News has not told it, or not how long it lasts
	untold  int      // sessions refused that News has not told
	refused int      // since file has it
}

// Ended is a quarantine that the engine itself has ended.
type Ended struct {
	ID  event.ID
	Why string
}

// News is what has changed since it was last asked for, to be kept.
type News struct {
	Begun   []event.Quarantined // or prolonged
	Ended   []Ended
	Refused map[event.ID]int // sessions refused since
}

// add makes or prolongs a ban.
func (x *bans) add(s subject, r *rules.Compiled, now time.Time, f *dossier) *ban {
	x.mu.Lock()
	defer x.mu.Unlock()
	now = now.Round(0) // it ends by the clock on the wall, also if the machine sleeps
	until := now.Add(r.Actions.Quarantine.For)
	if b := x.by[s]; b != nil && b.InForce(now) {
		if until.After(b.Until) {
			b.Until, b.fresh = until, true
		}
		if b.file == nil {
			b.file, b.refused = f, 0
		}
		return b
	}
	b := &ban{file: f, fresh: true, Quarantined: event.Quarantined{
		ID: event.NewID(), By: string(s.by), Server: s.server, Subject: s.value, Rule: r.ID, Message: r.Message,
		Detection: f.id, Since: now, Until: until,
	}}
	x.put(s, b, now)
	return b
}

// put makes room for a ban and puts it there. mu is held.
func (x *bans) put(s subject, b *ban, now time.Time) {
	if x.by == nil {
		x.by = map[subject]*ban{}
	}
	if len(x.by) >= maxBans && x.by[s] == nil {
		x.forget(now)
	}
	x.by[s] = b
}

// forget makes room. mu is held.
func (x *bans) forget(now time.Time) {
	var soonest *ban
	for s, b := range x.by {
		if !b.InForce(now) {
			delete(x.by, s)
		} else if soonest == nil || b.Until.Before(soonest.Until) {
			soonest = b
		}
	}
	if len(x.by) >= maxBans && soonest != nil {
		x.end(soonest, "too many are in quarantine: this one was the soonest to end")
	}
}

// end removes a ban before its time. mu is held.
func (x *bans) end(b *ban, why string) {
	delete(x.by, subjectIn(&b.Quarantined))
	x.ended = append(x.ended, Ended{b.ID, why})
}

// of returns the ban that a client falls under, and counts.
func (x *bans) of(c *event.Client, now time.Time) (ban, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.by) == 0 {
		return ban{}, false
	}
	for _, by := range [...]rules.Subject{rules.ByAddress, rules.ByUser, rules.ByApplication} {
		s, ok := subjectOf(by, c)
		if !ok {
			continue
		}
		if b := x.by[s]; b != nil {
			if b.InForce(now) {
				b.refused++
				b.untold++
				b.Refused++
				return *b, true
			}
			delete(x.by, s)
		}
	}
	return ban{}, false
}

// keep lifts the bans of rules that shut somebody out and do so no more. Those
// of rules that this engine never had are somebody else's, and go on.
func (x *bans) keep(old, set *rules.Set) {
	shuts := func(set *rules.Set, b *ban) bool {
		r := set.Compiled(b.Rule)
		return r != nil && !r.Disabled && slices.Contains(r.Actions.Quarantine.By, rules.Subject(b.By))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range x.by {
		if b.Rule != "" && shuts(old, b) && !shuts(set, b) {
			x.end(b, "rule "+b.Rule+" shuts nobody out any more")
		}
	}
}

// turnAway refuses a session of a subject that is shut out: it is counted, and
// the detection that began the quarantine tells so.
func (e *Engine) turnAway(s *session) (event.Verdict, bool) {
	b, away := e.bans.of(&s.client, e.now())
	if !away {
		return event.Verdict{}, false
	}
	e.stats.refused.Add(1)
	v := event.Verdict{Action: event.Block, Rule: b.Rule, Detection: b.Detection, Message: b.Message}
	if v.Rule == "" {
		v.Rule = "quarantine"
	}
	f := b.file
	if f == nil { // of an earlier process, or a person's
		return v, true
	}
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
	return v, true
}

// retell reports that sessions were refused. f.mu is held.
func (e *Engine) retell(f *dossier) {
	f.due = false
	d := f.last
	d.Revision++
	e.publish(f, d)
}

// Quarantine lists who is shut out now, soonest to end first.
func (e *Engine) Quarantine() []event.Quarantined {
	now := e.now()
	e.bans.mu.Lock()
	var out []event.Quarantined
	for _, b := range e.bans.by {
		if b.InForce(now) {
			out = append(out, b.Quarantined)
		}
	}
	e.bans.mu.Unlock()
	slices.SortFunc(out, func(a, b event.Quarantined) int { return a.Until.Compare(b.Until) })
	return out
}

// QuarantineNews returns what is to be kept, once: give it to Untold if it could
// not be. Options.Shut is called when there is some.
func (e *Engine) QuarantineNews() News {
	x := &e.bans
	x.mu.Lock()
	defer x.mu.Unlock()
	n := News{Ended: x.ended, Refused: map[event.ID]int{}}
	x.ended = nil
	for _, b := range x.by {
		if b.fresh {
			n.Begun = append(n.Begun, b.Quarantined)
		}
		if b.untold > 0 {
			n.Refused[b.ID] = b.untold
		}
		b.fresh, b.untold = false, 0
	}
	return n
}

// Untold takes news back that could not be kept.
func (e *Engine) Untold(n News) {
	x := &e.bans
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = append(n.Ended, x.ended...)
	for i := range n.Begun {
		if b := x.by[subjectIn(&n.Begun[i])]; b != nil {
			b.fresh = true
		}
	}
	for _, b := range x.by {
		b.untold += n.Refused[b.ID]
	}
}

// SetQuarantine replaces who is shut out by what is kept, but for what has
// happened since News was last asked for. Sessions of those who were not shut out
// so far are ended.
func (e *Engine) SetQuarantine(kept []event.Quarantined) {
	now := e.now()
	x := &e.bans
	x.mu.Lock()
	have := make(map[subject]bool, len(kept))
	var fresh []*event.Quarantined
	for i := range kept {
		q := &kept[i]
		s := subjectIn(q)
		if !q.InForce(now) || slices.ContainsFunc(x.ended, func(n Ended) bool { return n.ID == q.ID }) {
			continue
		}
		have[s] = true
		if b := x.by[s]; b != nil {
			until := b.Until
			b.Quarantined = *q
			if b.Refused += b.untold; b.fresh && until.After(q.Until) {
				b.Until = until
			}
			continue
		}
		x.put(s, &ban{Quarantined: *q}, now)
		fresh = append(fresh, q)
	}
	for s, b := range x.by {
		if !have[s] && !b.fresh {
			delete(x.by, s)
		}
	}
	x.mu.Unlock()
	if e.order == nil {
		return
	}
	for _, q := range fresh {
		e.order(event.Measure{Of: subjectIn(q).is, Kill: true, Rule: q.Rule, Detection: q.Detection})
	}
}
