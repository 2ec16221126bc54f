package engine

import (
	"slices"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/rules"
)

// words is what a statement told whose parser was late, so that it was judged by
// its words: when the parse comes, it is judged again, and what is new is told.
// The session writes it before judged is closed, the analysis uses it after that.
// A nil one is that of a text that is judged once.
type words struct {
	judged  chan struct{}
	told    bool
	tokens  []event.ID // of the honey rows that the text asks for
	found   []string   // detectors
	matched []string   // rules
	novelty string
	grafts  []event.Finding
}

// again reports whether the text has been judged before.
func (w *words) again() bool { return w != nil && w.told }

// sought notes what the text asks for.
func (w *words) sought(x *match.Index, tok uint32) {
	if w != nil {
		w.tokens = append(w.tokens, x.Token(tok).ID)
	}
}

// others returns those hits that were not told before. It uses the slice.
func (w *words) others(hs []lateHit) []lateHit {
	if w == nil || len(w.tokens) == 0 {
		return hs
	}
	return slices.DeleteFunc(hs, func(h lateHit) bool { return slices.Contains(w.tokens, h.x.Token(h.tok).ID) })
}

// compared notes how the text differs from what was learned, which is asked once.
func (w *words) compared(novelty string, grafts []event.Finding) {
	if w != nil {
		w.told, w.novelty, w.grafts = true, novelty, grafts
	}
}

// news returns those findings that were not told before.
func (w *words) news(fs []event.Finding) []event.Finding {
	if w == nil || len(w.found) == 0 {
		return fs
	}
	var out []event.Finding
	for _, f := range fs {
		if !slices.Contains(w.found, f.Detector) {
			out = append(out, f)
		}
	}
	return out
}

// knows reports whether the rule matched before.
func (w *words) knows(r *rules.Compiled) bool { return w != nil && slices.Contains(w.matched, r.ID) }

// tell notes what is told.
func (w *words) tell(fs []event.Finding, matched []graded) {
	if w == nil {
		return
	}
	for _, f := range fs {
		w.found = append(w.found, f.Detector)
	}
	for _, g := range matched {
		w.matched = append(w.matched, g.ID)
	}
}
