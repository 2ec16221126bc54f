// Package detect judges statements: each detector looks at a statement's facts
// for one way in which injected SQL gives itself away.
//
//	facts ──Compile──▶ Plan ──Judge(values)──▶ findings
//
// A Plan belongs to a shape and is made once; what depends on the values of one
// text is left to Judge. The plan of an ordinary shape is empty and costs
// nothing.
package detect

import (
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// Medium is the score from which a statement is a detection of its own.
const Medium = event.InjectionWeight

// Detector looks for one way.
type Detector struct {
	ID    string   // stable, used in alerts and rules
	Title string   // a few words
	Maps  []string // CWE and MITRE ATT&CK numbers
	find  func(*probe)
}

// Values are a text's literals; *sqlfacts.Text has them.
type Values interface {
	// Value decodes the literal in a slot; buf may be used for it.
	Value(slot int, buf []byte) []byte
}

// detectors is the list, in the order of listings.
var detectors = []*Detector{
	&tautology, &alternative, &union, &stacked, &comment, &delay, &errorBased, &inference, &foreign, &schema,
	&file, &outOfBand, &privilege, &secrets, &obfuscation, &ordering, &scalar, &habits,
}

// Detectors returns all detectors, in the order of listings.
func Detectors() []*Detector { return append([]*Detector(nil), detectors...) }

// Plan is what the detectors made of one shape. It is immutable.
type Plan struct{ signals []signal }

// signal is one thing that a detector saw.
type signal struct {
	by     *Detector
	weight int
	detail string
	when   func(Values) bool // nil: whatever the values
}

// Compile lets every detector look at a shape.
func Compile(f *sqlfacts.Facts, env sqlfacts.Env) *Plan {
	x := &probe{facts: f, env: env}
	x.gather()
	for _, d := range detectors {
		x.by = d
		d.find(x)
	}
	return &Plan{x.signals}
}

// Empty reports whether no text of the shape can have a finding.
func (p *Plan) Empty() bool { return len(p.signals) == 0 }

// Judge returns the findings for a text of the shape, at most one a detector:
// the weightiest thing that it saw.
func (p *Plan) Judge(v Values) []event.Finding {
	var out []event.Finding
	var last *Detector
	for i := range p.signals { // in the order of detectors
		s := &p.signals[i]
		if s.when != nil && !s.when(v) {
			continue
		}
		if s.by != last {
			last = s.by
			out = append(out, event.Finding{Detector: s.by.ID, Title: s.by.Title, Weight: s.weight, Detail: s.detail, Maps: s.by.Maps})
		} else if f := &out[len(out)-1]; s.weight > f.Weight {
			f.Weight, f.Detail = s.weight, s.detail
		}
	}
	return out
}

// Score adds the weights up.
func Score(fs []event.Finding) int {
	n := 0
	for i := range fs {
		n += fs[i].Weight
	}
	return n
}
