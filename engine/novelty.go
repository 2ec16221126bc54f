package engine

import (
	"hash/maphash"
	"math/rand/v2"

	"honeyrow/engine/baseline"
	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// The findings on what the baseline does not know. Those on a known user have no
// weight of their own: rules ask for novelty.new.
const (
	newShape       = "new-shape"       // of a user and application that it knows
	newApplication = "new-application" // of a user that it knows
	newUser        = "new-user"
	grown          = "grown-statement"
)

var novelties = map[string]event.Finding{
	newShape: {
		Detector: newShape, Title: "A statement never seen before", Weight: 0,
		Detail: "the baseline knows the user and the application, and no such statement of theirs", Maps: []string{"CWE-89", "T1190"},
	},
	newApplication: {
		Detector: newApplication, Title: "An application never seen before", Weight: 0,
		Detail: "the baseline knows the user with other applications", Maps: []string{"T1078"},
	},
	newUser: {
		Detector: newUser, Title: "A user never seen before", Weight: 1,
		Detail: "the baseline does not know the user at all", Maps: []string{"T1078"},
	},
}

// SetBaseline has statements compared with what was learned; nil ends that.
func (e *Engine) SetBaseline(b *baseline.Book) { e.baseline.Store(b) }

// SetLearner has shapes learned, and none compared with the baseline meanwhile;
// nil ends that.
func (e *Engine) SetLearner(l *baseline.Learner) { e.learner.Store(l) }

// standing is what a baseline knows of a session's user and application.
type standing struct {
	book        *baseline.Book
	application *string
	known       *baseline.Known
	user        bool
}

func (s *session) standing(b *baseline.Book) *standing {
	app := s.app.Load()
	if k := s.stand.Load(); k != nil && k.book == b && k.application == app {
		return k
	}
	p := s.teacher()
	k := &standing{
		book: b, application: app, user: b.HasUser(p.Server, p.User),
		known: b.Of(baseline.Identity{Server: p.Server, User: p.User, Application: baseline.Fold(p.Application)}),
	}
	s.stand.Store(k)
	return k
}

// teacher is the session's principal as far as a baseline goes.
func (s *session) teacher() baseline.Principal {
	p := s.principal()
	return baseline.Principal{Server: p.server, User: p.user, Host: p.host, Application: p.application}
}

// compare learns a text, or says how it differs from what was learned; empty: it
// does not. A text in which the detectors see what is an alert by itself is not
// learned. What applications send has weak findings now and
// then, and would be new for ever.
func (s *session) compare(t *sqlfacts.Text, fs []event.Finding) string {
	if l := s.e.learner.Load(); l != nil {
		switch {
		case detect.Score(fs) >= detect.Medium || s.tripped.Load() == l:
			l.Skip()
		case len(fs) > 0:
			l.Saw(s.teacher(), s.client.Session, t, s.e.now(), weak(fs)...)
		default:
			l.Saw(s.teacher(), s.client.Session, t, s.e.now())
		}
		return ""
	}
	b := s.e.baseline.Load()
	if b == nil {
		return ""
	}
	switch k := s.standing(b); {
	case k.known != nil && k.known.Has(t):
		return ""
	case k.known != nil:
		return newShape
	case k.user:
		return newApplication
	}
	return newUser
}

// weak are the detectors that saw something of themselves in a text: what its
// values look like is not its shape's.
func weak(fs []event.Finding) []string {
	var out []string
	for i := range fs {
		if fs[i].Detector != attemptID {
			out = append(out, fs[i].Detector)
		}
	}
	return out
}

// usual reports whether all that was found in a new shape is one finding of the
// weakest kind, which many known shapes of the same user and application have.
func (s *session) usual(fs []event.Finding) bool {
	b := s.e.baseline.Load()
	if b == nil || len(fs) != 1 || fs[0].Weight != 1 || fs[0].Detector == attemptID {
		return false
	}
	k := s.standing(b).known
	return k != nil && k.Usual(fs[0].Detector)
}

// multiply adds novelty to the findings of a statement that has others, or that
// the rule on novel statements may speak about: the rule decides, the finding says
// why. Applications change, and people ask what nobody has asked before.
func (s *session) multiply(fs []event.Finding, novelty string, honey bool) []event.Finding {
	if len(fs) > 0 || novelty != newUser && (honey || s.e.recentErrors(s) > 0) {
		return append(fs, novelties[novelty])
	}
	return fs
}

// graft returns the finding on a text that has all the words of one that the
// baseline knows, and something else where that has a value: what is left of an
// injection when the application's own statement is taken away, whatever spelling
// it has. Applications add conditions too, so that it says nothing about those.
func (s *session) graft(t *sqlfacts.Text) (event.Finding, bool) {
	b := s.e.baseline.Load()
	if b == nil {
		return event.Finding{}, false
	}
	k := s.standing(b).known
	if k == nil {
		return event.Finding{}, false
	}
	g := k.Graft(t)
	if g == nil {
		return event.Finding{}, false
	}
	return grownFrom(g, "the known statement has")
}

// grownFrom is the finding on a graft.
func grownFrom(g *baseline.Graft, known string) (event.Finding, bool) {
	f := event.Finding{Detector: grown, Title: "A known statement with something put in", Maps: []string{"CWE-89", "T1190"}}
	switch {
	case g.Made == baseline.Query:
		f.Weight, f.Detail = 3, "a query where "+known+" a value"
	case g.Made == baseline.Choice:
		f.Weight, f.Detail = 2, "an alternative where "+known+" a value"
	case g.Cut:
		f.Weight, f.Detail = 2, "the known statement's end is gone"
	case g.Made == baseline.Call:
		f.Weight, f.Detail = 1, "a calculation where "+known+" a value"
	default:
		return event.Finding{}, false
	}
	return f, true
}

// maxEarly is how many texts of a shape the memory is asked about; later ones it is
// asked about now and then.
const (
	maxEarly = 64
	thinning = 64
)

// acquaintance is what the memory knows a session's client by.
type acquaintance struct {
	application *string
	id          baseline.Identity
	bit         uint64 // its mark in notes: another client's with luck
}

func (s *session) acquaintance() *acquaintance {
	app := s.app.Load()
	if a := s.known.Load(); a != nil && a.application == app {
		return a
	}
	p := s.teacher()
	a := &acquaintance{application: app, id: baseline.Identity{Server: p.Server, User: p.User, Application: baseline.Fold(p.Application)}}
	a.bit = 1 << (maphash.Comparable(seed, a.id) % 64)
	s.known.Store(a)
	return a
}

// recall is graft for what nobody has learned: the finding on a text that has all
// the words of one that this process has seen the same client send for a while. A
// shape that the client sends for long costs a look.
func (s *session) recall(t *sqlfacts.Text, n *note, fs []event.Finding) (event.Finding, bool) {
	a := s.acquaintance()
	e := s.e
	if n.met.Load()&a.bit != 0 || n.upkeep || e.baseline.Load() != nil || e.learner.Load() != nil {
		return event.Finding{}, false
	}
	switch early := n.early.Load(); {
	case early < maxEarly:
		n.early.Store(early + 1)
	case n.odd.Load()&a.bit == 0 && rand.Uint32()%thinning != 0:
		return event.Finding{}, false
	}
	r := e.recalls.Saw(a.id, t, detect.Score(fs) < detect.Medium, e.now())
	switch {
	case r.Settled:
		n.odd.And(^a.bit)
		n.met.Or(a.bit)
		return event.Finding{}, false
	case r.Graft == nil:
		return event.Finding{}, false
	}
	f, ok := grownFrom(r.Graft, "one that the client sends often has")
	if ok {
		n.odd.Or(a.bit)
		if f.Weight > 1 { // no rule on novel statements makes more of it
			f.Weight = detect.Medium
		}
	}
	return f, ok
}

// distrust keeps a session from teaching, and its source for a while, and takes back
// what they have taught: it tripped a detector.
func (e *Engine) distrust(s *session, why string) {
	if l := e.learner.Load(); l != nil {
		s.tripped.Store(l)
		l.Distrust(s.teacher(), s.client.Session, why, e.now())
	}
}

// unlearn takes back a statement that the server did not understand.
func (s *session) unlearn(sql []byte) {
	if l := s.e.learner.Load(); l != nil {
		var t sqlfacts.Text
		t.Lex(sql, *s.environment())
		l.Unsaw(s.teacher(), &t)
	}
}
