package alert

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Policy says which detections a sink gets, and at what pace.
type Policy struct {
	// Only selects what the sink gets; empty: everything. Except takes out of it.
	Only   Filter `yaml:"only,omitempty"`
	Except Filter `yaml:"except,omitempty"`
	// Retry is the sink's own retry clock; fields that are zero are those of Config.Retry.
	Retry RetryConfig `yaml:"retry,omitempty"`
	Rate  Rate        `yaml:"rate,omitempty"`
	// NoDrills keeps drills from a sink that acts: a rule's program.
	NoDrills bool `yaml:"-"`
}

// Filter selects detections: all of its conditions hold, of a list any entry.
// Patterns are those of path.Match: sql-*, T1190, crm.public.*.
type Filter struct {
	// Severity is the least that is selected.
	Severity event.Severity `yaml:"severity"`
	Rules    []string       `yaml:"rules"`
	// Tables are those of the hits, and those that a suspicious statement names:
	// table, schema.table, database.schema.table or server.database.schema.table.
	Tables []string `yaml:"tables"`
	// Tags are those of the rules that matched and of the findings: CWE-89, T1190.
	Tags []string `yaml:"tags"`
}

// Rate bounds the tries to deliver: Max at once and as many again in each Per.
// What is above it waits in the outbox; nothing is dropped.
type Rate struct {
	Max int           `yaml:"max"` // 0: no bound
	Per time.Duration `yaml:"per"` // 0: a minute
}

// Route is a sink with what it gets and how it is tried.
type Route struct {
	Sink   Sink
	Policy Policy
}

// Validate reports what cannot work, of the policy alone: Retry is checked once
// it is joined with the common one.
func (p Policy) Validate() error {
	if p.Rate.Max < 0 || p.Rate.Per < 0 {
		return errors.New("rate: use max above zero and per such as 1m, or leave it out")
	}
	if p.Rate.Max == 0 && p.Rate.Per > 0 {
		return errors.New("rate: per without max: say how many, such as {max: 30, per: 1m}")
	}
	if err := p.Only.validate(); err != nil {
		return fmt.Errorf("only.%w", err)
	}
	if err := p.Except.validate(); err != nil {
		return fmt.Errorf("except.%w", err)
	}
	return nil
}

func (f Filter) validate() error {
	for key, list := range map[string][]string{"rules": f.Rules, "tables": f.Tables, "tags": f.Tags} {
		for _, p := range list {
			if _, err := path.Match(p, ""); err != nil || p == "" {
				return fmt.Errorf("%s: %q is no pattern: use a name, with * for any letters", key, p)
			}
		}
	}
	return nil
}

// Empty reports whether f has no condition.
func (f Filter) Empty() bool {
	return f.Severity == 0 && len(f.Rules) == 0 && len(f.Tables) == 0 && len(f.Tags) == 0
}

// Wants reports whether the sink gets d. A drill goes to every sink that it is
// meant for, whatever the filters.
func (p Policy) Wants(d *event.Detection) bool {
	if d.Drill && p.NoDrills {
		return false
	}
	return d.Drill || p.Only.Match(d) && (p.Except.Empty() || !p.Except.Match(d))
}

// WantsChange reports whether the sink gets a change of the incident's state:
// whether it has had detections of it, as far as an incident tells. An incident
// names no tags, so conditions on them are left out.
func (p Policy) WantsChange(inc *event.Incident) bool {
	var names []string
	for _, t := range inc.Tables {
		names = append(names, endings(event.Place{Server: inc.Principal.Server, Database: t.Database, Schema: t.Schema, Table: t.Table})...)
	}
	if inc.Drill && p.NoDrills {
		return false
	}
	return inc.Drill || inc.Severity >= p.Only.Severity &&
		(len(p.Only.Rules) == 0 || anyOf(p.Only.Rules, inc.Rules...)) &&
		(len(p.Only.Tables) == 0 || anyOf(p.Only.Tables, names...))
}

// Match reports whether f selects d. What counts is the severity of d or of its
// incident, whichever is worse.
func (f Filter) Match(d *event.Detection) bool {
	worst := d.Severity
	if d.Incident != nil {
		worst = max(worst, d.Incident.Severity)
	}
	return worst >= f.Severity &&
		(len(f.Rules) == 0 || f.rules(d)) &&
		(len(f.Tables) == 0 || f.tables(d)) &&
		(len(f.Tags) == 0 || f.tags(d))
}

// anyOf reports whether a pattern of the list fits one of the names, whatever
// their case.
func anyOf(patterns []string, names ...string) bool {
	for _, p := range patterns {
		for _, n := range names {
			if ok, err := path.Match(strings.ToLower(p), strings.ToLower(n)); ok && err == nil {
				return true
			}
		}
	}
	return false
}

func (f Filter) rules(d *event.Detection) bool {
	return anyOf(f.Rules, d.Rule) || slices.ContainsFunc(d.Rules, func(m event.Match) bool { return anyOf(f.Rules, m.ID) })
}

func (f Filter) tags(d *event.Detection) bool {
	return slices.ContainsFunc(d.Rules, func(m event.Match) bool { return anyOf(f.Tags, m.Tags...) }) ||
		slices.ContainsFunc(d.Findings, func(n event.Finding) bool { return anyOf(f.Tags, n.Maps...) })
}

func (f Filter) tables(d *event.Detection) bool {
	for i := range d.Hits {
		if anyOf(f.Tables, endings(d.Hits[i].Place)...) {
			return true
		}
	}
	for _, t := range d.Reach { // as the statement's judge names them: crm.public.customers
		parts := strings.Split(t, ".")
		for i := range parts {
			if anyOf(f.Tables, strings.Join(parts[i:], ".")) {
				return true
			}
		}
	}
	return false
}

// endings are a place's names, from the table's alone to the full one.
func endings(p event.Place) []string {
	var out []string
	name := ""
	for _, part := range []string{p.Table, p.Schema, p.Database, p.Server} {
		switch {
		case part == "":
			continue
		case name == "":
			name = part
		default:
			name = part + "." + name
		}
		out = append(out, name)
	}
	return out
}

// Or returns c with d's values in the place of zero ones.
func (c RetryConfig) Or(d RetryConfig) RetryConfig {
	if c.First == 0 {
		c.First = d.First
	}
	if c.Longest == 0 {
		c.Longest = max(d.Longest, c.First)
	}
	if c.MaxAge == 0 {
		c.MaxAge = max(d.MaxAge, c.Longest)
	}
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	return c
}

// pacer is a token bucket. It is the Loop's own.
type pacer struct {
	rate Rate
	left float64
	at   time.Time
}

func newPacer(r Rate) *pacer {
	if r.Per == 0 {
		r.Per = time.Minute
	}
	return &pacer{rate: r, left: float64(r.Max)}
}

// take takes one try; otherwise it returns how long until there is one.
func (p *pacer) take(now time.Time) (wait time.Duration) {
	if p.rate.Max == 0 {
		return 0
	}
	if !p.at.IsZero() && now.After(p.at) {
		p.left = min(p.left+float64(now.Sub(p.at))/float64(p.rate.Per)*float64(p.rate.Max), float64(p.rate.Max))
	}
	p.at = now
	const nearly = 1 - 1e-6 // sums of fractions
	if p.left >= nearly {
		p.left--
		return 0
	}
	return time.Duration((1-p.left)/float64(p.rate.Max)*float64(p.rate.Per)) + time.Millisecond
}
