package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Given is what a configuration gives the rules to judge by.
type Given struct {
	Statements bool // statements are judged by what they ask
	Learning   bool // a baseline is configured
	Baseline   bool // and there is one
}

// Idle is a rule in force that does nothing: what its condition needs is not there.
type Idle struct {
	Rule *Compiled
	// Setting is the key of the configuration, Needs what the condition asks for.
	Setting, Needs string
	// Never says that the configuration must change; else learning will do.
	Never bool
}

func (i Idle) String() string {
	if !i.Never {
		return fmt.Sprintf("rule %s is idle: it needs %s, and nothing was learned yet: run `honeyrow learn --for 24h`", i.Rule.ID, i.Needs)
	}
	return fmt.Sprintf("rule %s is idle: it needs %s: set %s, or switch the rule off", i.Rule.ID, i.Needs, i.Setting)
}

// Shipped reports whether the rule is one of the program's own.
func (r *Compiled) Shipped() bool { return strings.HasPrefix(r.Source, "builtin/") }

// Idle lists the rules in force that can't hold with what is given, in the order
// of listings.
func (s *Set) Idle(g Given) []Idle {
	var out []Idle
	for _, r := range s.all {
		if r.Disabled {
			continue
		}
		judged := r.Needs & (OfShape | OfFindings | OfReach | OfNovelty)
		switch {
		case judged != 0 && !g.Statements:
			out = append(out, Idle{r, "alerts.statements: true", strings.Join(judged.Words(), " and "), true})
		case r.Needs&OfNovelty != 0 && !g.Learning:
			out = append(out, Idle{r, "learn.path", OfNovelty.Words()[0], true})
		case r.Needs&OfNovelty != 0 && !g.Baseline:
			out = append(out, Idle{r, "learn.path", OfNovelty.Words()[0], false})
		}
	}
	return out
}

// Dead returns an error for each own rule file of which no rule can ever fire
// with what is given: its author relies on it.
func (s *Set) Dead(g Given) (errs []error) {
	idle := map[*Compiled]Idle{}
	for _, i := range s.Idle(g) {
		if i.Never {
			idle[i.Rule] = i
		}
	}
	var files []string
	for _, r := range s.all {
		if !r.Shipped() && !r.Disabled && !slices.Contains(files, r.Source) {
			files = append(files, r.Source)
		}
	}
	for _, f := range files {
		var first *Idle
		lives := false
		for _, r := range s.all {
			if r.Source != f || r.Disabled {
				continue
			}
			i, dead := idle[r]
			if lives = lives || !dead; dead && first == nil {
				first = &i
			}
		}
		if !lives && first != nil {
			errs = append(errs, fmt.Errorf("%s: no rule in it can ever fire: %s", f, first))
		}
	}
	return errs
}
