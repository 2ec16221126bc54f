package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"honeyrow/event"
)

// MaxRules is how many rules a Set may hold, disabled ones included.
const MaxRules = 64 * len(Mask{})

// Mask is a set of a Set's rules.
type Mask [4]uint64

// Has reports whether rule r is in the mask.
func (m *Mask) Has(r *Compiled) bool { return m[r.index/64]>>(r.index%64)&1 != 0 }

func (m *Mask) add(i int) { m[i/64] |= 1 << (i % 64) }

// And reports whether the masks have a rule in common.
func (m *Mask) And(o *Mask) bool {
	return m[0]&o[0]|m[1]&o[1]|m[2]&o[2]|m[3]&o[3] != 0
}

// Compiled is a rule as it is in force: immutable, safe for concurrent use.
type Compiled struct {
	Rule
	Phase Phase
	// Uses is what its condition, its raises included, asks for; Needs those
	// inputs without which it cannot hold.
	Uses, Needs Inputs
	Disabled    bool
	// Source is the file, "builtin/reads.yaml" for a shipped one.
	Source string
	// Changed names what the configuration has changed about it.
	Changed []string

	index  int
	weight event.Severity // as in the file: weightiest names a detection
	cond   *condition
	raise  []raise
	loc    *time.Location
	failed *atomic.Uint64
}

type raise struct {
	when *condition
	to   event.Severity
}

// holds evaluates both parts, or the dynamic one alone.
func (r *Compiled) holds(c *condition, e *Env, dynamicOnly bool) bool {
	if r.Uses&OfTime != 0 {
		e.setTime(r.loc)
	}
	ok := true
	if c.static != nil && !dynamicOnly {
		ok = r.run(c, e, true)
	}
	if ok && c.dynamic != nil {
		ok = r.run(c, e, false)
	}
	return ok
}

func (r *Compiled) run(c *condition, e *Env, static bool) bool {
	p := c.dynamic
	if static {
		p = c.static
	}
	ok, err := holds(p, e)
	if err != nil {
		r.failed.Add(1)
	}
	return ok && err == nil
}

// Holds reports whether the condition holds.
func (r *Compiled) Holds(e *Env) bool { return r.holds(r.cond, e, false) }

// HoldsStill is Holds where the static part is known to hold.
func (r *Compiled) HoldsStill(e *Env) bool { return r.holds(r.cond, e, true) }

// Graded returns the rule's severity, raised where that applies.
func (r *Compiled) Graded(e *Env) event.Severity {
	s := r.Severity
	for _, x := range r.raise {
		if x.to > s && r.holds(x.when, e, false) {
			s = x.to
		}
	}
	return s
}

// Weightier reports whether r names a detection rather than o: by the severity
// in its file, then by the order of listings.
func (r *Compiled) Weightier(o *Compiled) bool {
	if r.weight != o.weight {
		return r.weight > o.weight
	}
	return r.index < o.index
}

// Static reports whether part of the condition asks for client and shape alone.
func (r *Compiled) Static() bool { return r.cond.static != nil }

// Index is the rule's number in its Set.
func (r *Compiled) Index() int { return r.index }

// Set is what a Config compiles to: immutable, safe for concurrent use.
type Set struct {
	all   []*Compiled // in the order of listings
	byID  map[string]*Compiled
	phase [AtDone + 1][]*Compiled
	hits  []*Compiled
	free  []*Compiled
	allow []allowance
	masks [AtDone + 1]Mask
	every Mask

	statics bool // a rule has a static part
	expects bool
	failed  atomic.Uint64
}

// Compile makes a Set of the shipped rules and those in c.Files, or returns
// every mistake, with file and line.
func Compile(c Config) (*Set, error) {
	s := &Set{byID: map[string]*Compiled{}}
	var errs []error
	loc, err := zone(c.Zone)
	if err != nil {
		errs = append(errs, fmt.Errorf("rules: rule_zone: %w", err))
		loc = time.UTC
	}
	sources, err := load(c.Files)
	errs = append(errs, err)
	for _, src := range sources {
		errs = append(errs, s.add(src, loc)...)
	}
	errs = append(errs, s.override(c.Override)...)
	errs = append(errs, s.refine(c.Override)...)
	if len(s.all) > MaxRules {
		errs = append(errs, fmt.Errorf("rules: %d rules: %d is the most: leave some out", len(s.all), MaxRules))
	}
	for i, a := range c.Allow {
		ca, err := s.compileAllowance(i, a, loc)
		errs = append(errs, err)
		s.allow = append(s.allow, ca)
		s.expects = s.expects || ca.expects()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.sort()
	return s, nil
}

// add compiles the rules of one file.
func (s *Set) add(src *source, loc *time.Location) (errs []error) {
	for i := range src.Rules {
		r := &src.Rules[i]
		key := fmt.Sprintf("rules[%d]", i)
		before := len(errs)
		fail := func(k, format string, args ...any) { errs = append(errs, src.errorf(key+"."+k, format, args...)) }
		r.check(fail)
		if old := s.byID[r.ID]; old != nil {
			fail("id", "%s is the id of a rule in %s already: choose another; to change a rule use the configuration's rules", r.ID, old.Source)
		}
		c := &Compiled{Rule: *r, Source: src.name, weight: r.Severity, loc: loc, failed: &s.failed, index: len(s.all)}
		if r.Zone != "" {
			c.loc, _ = zone(r.Zone)
		}
		var err error
		if r.Condition.Text != "" {
			if c.cond, err = compileCondition(r.Condition); err != nil {
				errs = append(errs, src.wrap(key+".condition", err))
			}
		}
		for j, x := range r.Raise {
			when, err := compileCondition(x.When)
			if err != nil {
				errs = append(errs, src.wrap(fmt.Sprintf("%s.raise[%d].when", key, j), err))
				continue
			}
			c.raise = append(c.raise, raise{when, x.Severity})
			c.Uses |= when.uses
		}
		if len(errs) > before {
			continue
		}
		c.Uses |= c.cond.uses
		c.Needs, c.Phase = c.cond.needs, c.cond.phase()
		c.Disabled = r.Maturity == Experimental
		s.all = append(s.all, c)
		s.byID[r.ID] = c
	}
	return errs
}

// override applies the configuration's changes.
func (s *Set) override(o map[string]Override) (errs []error) {
	for _, id := range sortedKeys(o) {
		r := s.byID[id]
		if r == nil {
			errs = append(errs, s.unknownRule("override", id))
			continue
		}
		errs = append(errs, r.override(o[id])...)
	}
	return errs
}

// refine checks what rules refine, and switches off what refines a rule that is
// off, unless the configuration speaks of it.
func (s *Set) refine(o map[string]Override) (errs []error) {
	for _, r := range s.all {
		if r.Refines == "" {
			continue
		}
		base := s.byID[r.Refines]
		if base == nil || base == r || base.Refines != "" {
			errs = append(errs, fmt.Errorf("rules: %s: refines %q: name another rule that refines none", r.ID, r.Refines))
			continue
		}
		if own := o[r.ID]; base.Disabled && own.Disabled == nil {
			r.Disabled = true
			r.Changed = append(r.Changed, "disabled with "+base.ID)
		}
	}
	return errs
}

// sort files the rules under what the engine asks for.
func (s *Set) sort() {
	for _, r := range s.all {
		s.phase[r.Phase] = append(s.phase[r.Phase], r)
		if r.Disabled && r.Phase != AtHit && r.Phase != AtConnect {
			continue // nothing but a count depends on it
		}
		s.masks[r.Phase].add(r.index)
		s.statics = s.statics || r.cond.static != nil && r.Phase != AtConnect
		if r.Phase == AtHit || r.Phase == AtDone {
			s.hits = append(s.hits, r)
		}
		if r.Phase >= AtHit && r.Needs&(OfHits|OfExpected|OfProxy) == 0 && !r.Disabled {
			s.free = append(s.free, r)
			s.every.add(r.index)
		}
	}
}

// Rule returns the rule as configured, and whether it is enabled.
func (s *Set) Rule(id string) (r Rule, enabled bool) {
	c := s.byID[id]
	if c == nil {
		return Rule{}, false
	}
	return c.Rule, !c.Disabled
}

// Compiled returns a rule by its ID, nil if there is none.
func (s *Set) Compiled(id string) *Compiled { return s.byID[id] }

// All returns all rules, disabled ones too, in the order of listings. The slice
// is the Set's.
func (s *Set) All() []*Compiled { return s.all }

// Rules returns the enabled rules in the order of listings.
func (s *Set) Rules() []Rule {
	var out []Rule
	for _, r := range s.all {
		if !r.Disabled {
			out = append(out, r.Rule)
		}
	}
	return out
}

// Of returns the rules of a phase, for connect with the disabled ones. The slice
// is the Set's.
func (s *Set) Of(p Phase) []*Compiled { return s.phase[p] }

// OfRuns returns the rules that a run's hits are judged by, disabled ones too:
// those of the phases row and done. The slice is the Set's.
func (s *Set) OfRuns() []*Compiled { return s.hits }

// WithoutHits returns those enabled rules of OfRuns that may hold for a run
// without a hit; they are judged at its end. The slice is the Set's.
func (s *Set) WithoutHits() []*Compiled { return s.free }

// Statics reports whether Static can leave out a rule.
func (s *Set) Statics() bool { return s.statics }

// Static returns the rules whose static part holds, or that have none. Only
// client and statement of e count.
func (s *Set) Static(e *Env) Mask {
	var m Mask
	for _, r := range s.all {
		if r.cond.static == nil || r.run(r.cond, e, true) {
			m.add(r.index)
		}
	}
	return m
}

// Full returns a mask of all rules.
func (s *Set) Full() Mask {
	var m Mask
	for _, r := range s.all {
		m.add(r.index)
	}
	return m
}

// Phase returns the mask of the rules of a phase that are to be judged.
func (s *Set) Phase(p Phase) *Mask { return &s.masks[p] }

// Free returns the mask of WithoutHits.
func (s *Set) Free() *Mask { return &s.every }

// Failed counts evaluations that ended in an error: they did not hold.
func (s *Set) Failed() uint64 { return s.failed.Load() }

// Asks reports whether an enabled rule at statement, row or done asks for in.
func (s *Set) Asks(in Inputs) bool {
	return slices.ContainsFunc(s.all, func(r *Compiled) bool { return !r.Disabled && r.Uses&in != 0 })
}

// Programs returns the enabled rules that run a program.
func (s *Set) Programs() []*Compiled {
	var out []*Compiled
	for _, r := range s.all {
		if !r.Disabled && len(r.Actions.Program.Argv) > 0 {
			out = append(out, r)
		}
	}
	return out
}

func (s *Set) unknownRule(where, id string) error {
	ids := make([]string, len(s.all))
	for i, r := range s.all {
		ids[i] = r.ID
	}
	return fmt.Errorf("rules: %s: there is no rule %q: use one of %s", where, id, strings.Join(ids, ", "))
}
