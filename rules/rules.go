// Package rules says what follows from what was seen: how grave it is, whether
// the traffic passes, what else is done, and which known clients are left in
// peace.
//
//	builtin/*.yaml, own files ─▶ Compile ─▶ Set ─▶ Matches(Env) ─▶ detections, measures
//
// A rule is a condition over an Env: the client, the statement's facts, findings,
// hits, the run, the session, the time. The phase at which it is judged is
// inferred from what its condition asks for: the earliest at which all of that is
// known. docs/rules.md is the manual.
package rules

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones by name, on machines that have no list of them: 410 KB

	"go.yaml.in/yaml/v3"

	"honeyrow/event"
	"honeyrow/internal/config"
)

// Rule is one rule as its file says it.
type Rule struct {
	ID       string         `yaml:"id"`    // stable, used in configuration and alerts
	Title    string         `yaml:"title"` // a few words for listings
	Severity event.Severity `yaml:"severity"`
	Maturity Maturity       `yaml:"maturity"` // experimental rules are off until switched on
	// Tags are weaknesses and techniques: CWE-89, T1190.
	Tags      []string  `yaml:"tags"`
	Condition Condition `yaml:"condition"`
	// Refines names a rule of which this one is a graver case: an allowance for that
	// rule covers this one, and switching that off switches this one off.
	Refines string `yaml:"refines"`
	// Raise makes the severity higher where something more holds.
	Raise   []Raise `yaml:"raise"`
	Actions Actions `yaml:"actions"`
	Message string  `yaml:"message"` // what the client is told when it is refused
	Advice  string  `yaml:"advice"`  // what to do about a detection, for people
	// Playbook is where the steps are written down: a URL, a page's name.
	Playbook       string   `yaml:"playbook"`
	FalsePositives []string `yaml:"false_positives"` // known ones, for people
	// Zone is the time zone of time.*; empty: the configuration's.
	Zone  string `yaml:"zone"`
	Cases Cases  `yaml:"cases"`
}

// SetDefaults implements config.Defaulter.
func (r *Rule) SetDefaults() {
	r.Severity, r.Maturity, r.Message = event.Medium, Stable, "refused by policy"
	r.Actions.SetDefaults()
}

// Raise is a higher severity under a further condition.
type Raise struct {
	When     Condition      `yaml:"when"`
	Severity event.Severity `yaml:"severity"`
}

// Condition is an expression with its place in the file.
type Condition struct {
	Text string
	line int  // of the first line of the text; 0: unknown
	flat bool // lines of the text are not lines of the file
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *Condition) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("a condition is one expression")
	}
	c.Text, c.line, c.flat = n.Value, n.Line, n.Style&yaml.LiteralStyle == 0
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		c.line++ // the text begins below its key
	}
	return nil
}

// at is the file's line of the text's line n, from 1.
func (c Condition) at(n int) int {
	if c.line == 0 || c.flat || n < 1 {
		return c.line
	}
	return c.line + n - 1
}

// Maturity says how well a rule is known.
type Maturity string

// The maturities.
const (
	Stable       Maturity = "stable"       // quiet in ordinary traffic, and tested for it
	Test         Maturity = "test"         // on, and watched for false alarms
	Experimental Maturity = "experimental" // off until the configuration says disabled: false
)

// Actions are what a rule does beside recording a detection.
type Actions struct {
	// Verdict is alert, block (the statement or its result is refused) or kill
	// (the session ends as well).
	Verdict event.Action `yaml:"verdict"`
	// Tarpit is slept before each chunk of the session from then on, in both
	// directions, at most MaxTarpit; 0: nothing.
	Tarpit     time.Duration `yaml:"tarpit"`
	Quarantine Quarantine    `yaml:"quarantine"`
	Program    Program       `yaml:"program"`
}

// MaxTarpit bounds Actions.Tarpit.
const MaxTarpit = time.Minute

// SetDefaults implements config.Defaulter.
func (a *Actions) SetDefaults() { a.Verdict = event.Alert }

// Quarantine refuses new sessions of a subject for a time and ends those that
// it has.
type Quarantine struct {
	By  []Subject     `yaml:"by"`  // each by itself
	For time.Duration `yaml:"for"` // from the last match
}

// Subject is by what a client is shut out.
type Subject string

// The subjects.
const (
	ByAddress     Subject = "address"
	ByUser        Subject = "user"        // of one server
	ByApplication Subject = "application" // of one server; a mere claim of the client
)

var subjects = []Subject{ByAddress, ByUser, ByApplication}

// Program is run with a detection of the rule as JSON on its standard input.
type Program struct {
	Argv    []string      `yaml:"argv"`    // no shell; argv[0] is a path
	Timeout time.Duration `yaml:"timeout"` // 0: 10 s
}

// words names the actions for people: "alert", "tarpit 2s", "quarantine address 15m0s".
func (a Actions) words() []string {
	out := []string{a.Verdict.String()}
	if a.Tarpit > 0 {
		out = append(out, "tarpit "+a.Tarpit.String())
	}
	for _, by := range a.Quarantine.By {
		out = append(out, fmt.Sprintf("quarantine %s %s", by, a.Quarantine.For))
	}
	if len(a.Program.Argv) > 0 {
		out = append(out, "program "+a.Program.Argv[0])
	}
	return out
}

// Words names the actions for people and for detections.
func (a Actions) Words() []string { return a.words() }

// Cases are examples that a rule must fire on, and that it must not.
type Cases struct {
	MustFire    []Case `yaml:"must_fire"`
	MustNotFire []Case `yaml:"must_not_fire"`
}

// Case is one example.
type Case struct {
	Name string `yaml:"name"`
	// SQL, if given, fills in statement and findings from a text, by the lexer
	// alone; Given goes before. Dialect is postgres, mysql or mariadb.
	SQL     string `yaml:"sql"`
	Dialect string `yaml:"dialect"`
	// Given is the environment that the condition sees, as an Env; what it leaves
	// out is empty.
	Given config.Section `yaml:"given"`
}

// The builtin rules' IDs that the program itself speaks of.
const (
	RowRead         = "honey-row-read"
	RowSought       = "honey-row-sought"
	ValuePresented  = "honey-value-presented"
	Replication     = "replication-stream"
	Injection       = "sql-injection"
	Attempt         = "injection-attempt"
	ParserFailing   = "parser-failing"
	ExpectedMissing = "expected-read-missing"
)

// check returns the mistakes of a rule beside its conditions, by key.
func (r *Rule) check(fail func(key, format string, args ...any)) {
	if !isID(r.ID) {
		fail("id", "%q is no rule id: use small letters, digits and dashes, such as %q", r.ID, "night-export")
	}
	if r.Title == "" {
		fail("title", "missing: say in a few words what the rule sees")
	}
	if r.Condition.Text == "" {
		fail("condition", "missing: say when the rule fires, such as any(hits, .kind == \"api_key\")")
	}
	if !slices.Contains([]Maturity{Stable, Test, Experimental}, r.Maturity) {
		fail("maturity", "unknown maturity %q: use stable, test or experimental", r.Maturity)
	}
	if _, err := zone(r.Zone); err != nil {
		fail("zone", "%v", err)
	}
	for i, x := range r.Raise {
		if x.Severity <= r.Severity {
			fail(fmt.Sprintf("raise[%d].severity", i), "%s does not raise %s: name a higher severity", x.Severity, r.Severity)
		}
	}
	r.Actions.check(func(key, format string, args ...any) { fail("actions."+key, format, args...) })
}

func (a Actions) check(fail func(key, format string, args ...any)) {
	if a.Verdict == event.Pass {
		fail("verdict", "pass would hide a match: use alert, block or kill, or an allowance")
	}
	if a.Tarpit < 0 || a.Tarpit > MaxTarpit {
		fail("tarpit", "%s is out of range: use up to %s", a.Tarpit, MaxTarpit)
	}
	for i, by := range a.Quarantine.By {
		if !slices.Contains(subjects, by) {
			fail(fmt.Sprintf("quarantine.by[%d]", i), "unknown subject %q: use address, user or application", by)
		}
	}
	q := a.Quarantine
	switch {
	case len(q.By) == 0 && q.For != 0:
		fail("quarantine.by", "missing: name address, user or application")
	case len(q.By) > 0 && (q.For < time.Second || q.For > 30*24*time.Hour):
		fail("quarantine.for", "%s is out of range: use 1s to 720h", q.For)
	}
	p := a.Program
	switch {
	case len(p.Argv) == 0 && p.Timeout != 0:
		fail("program.argv", "missing: name the program and its arguments")
	case len(p.Argv) > 0 && (p.Argv[0] == "" || p.Argv[0][0] != '/'):
		fail("program.argv[0]", "%q is no absolute path: name the program as /usr/local/bin/page", p.Argv[0])
	case p.Timeout < 0 || p.Timeout > time.Hour:
		fail("program.timeout", "%s is out of range: use up to 1h", p.Timeout)
	}
}

func isID(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 48 && s[0] != '-'
}

// zone loads a time zone; empty is UTC.
func zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf("zone Local is another one on each machine: name it, such as Europe/Berlin")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown zone %q: use a name such as Europe/Berlin", name)
	}
	return loc, nil
}
