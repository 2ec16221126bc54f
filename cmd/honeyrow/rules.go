package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"honeyrow/internal/app"
	"honeyrow/rules"
)

type rulesCmd struct {
	List    rulesListCmd    `cmd:"" help:"List the rules in force."`
	Check   rulesCheckCmd   `cmd:"" help:"Check rule files: those named, or those of the configuration."`
	Test    rulesTestCmd    `cmd:"" help:"Run the cases of all rules, shipped and own."`
	Explain rulesExplainCmd `cmd:"" help:"Say in words what one rule does, when, and what it needs."`
}

// ruleSet compiles the rules of the configuration, or without one the shipped
// rules; files, if named, stand in for the configuration's.
func (e *env) ruleSet(files []string) (*rules.Set, error) {
	name, err := app.FindConfig(e.config)
	if err != nil && e.config == "" {
		return rules.Compile(rules.Config{Files: files})
	}
	if err != nil {
		return nil, err
	}
	return app.RulesOf(name, files)
}

// ruleLine is a rule in --json.
type ruleLine struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Severity string   `json:"severity"`
	Maturity string   `json:"maturity"`
	Phase    string   `json:"phase"`
	Enabled  bool     `json:"enabled"`
	Actions  []string `json:"actions"`
	Tags     []string `json:"tags,omitempty"`
	Source   string   `json:"source"`
	Changed  []string `json:"changed,omitempty"`
	// What explain adds.
	Condition      string   `json:"condition,omitempty"`
	Uses           []string `json:"uses,omitempty"`
	Needs          []string `json:"needs,omitempty"`
	Refines        string   `json:"refines,omitempty"`
	Message        string   `json:"message,omitempty"`
	Advice         string   `json:"advice,omitempty"`
	Playbook       string   `json:"playbook,omitempty"`
	FalsePositives []string `json:"false_positives,omitempty"`
	MustFire       int      `json:"cases_must_fire,omitempty"`
	MustNotFire    int      `json:"cases_must_not_fire,omitempty"`
}

func lineOf(r *rules.Compiled) ruleLine {
	return ruleLine{
		ID: r.ID, Title: r.Title, Severity: r.Severity.String(), Maturity: string(r.Maturity), Phase: r.Phase.String(), Enabled: !r.Disabled,
		Actions: r.Actions.Words(), Tags: r.Tags, Source: r.Source, Changed: r.Changed,
	}
}

type rulesListCmd struct {
	All bool `short:"a" help:"Rules that are switched off too."`
}

// Help is shown by --help.
func (rulesListCmd) Help() string {
	return "With --json each rule is one JSON line.\n\nExample: honeyrow rules list --all"
}

// Run lists rules.
func (c *rulesListCmd) Run(e *env) error {
	set, err := e.ruleSet(nil)
	if err != nil {
		return err
	}
	t := table{head: []string{"ID", "SEVERITY", "PHASE", "ACTIONS", "MATURITY", "STATE", "TITLE", "SOURCE"}}
	for _, r := range set.All() {
		switch {
		case r.Disabled && !c.All:
		case e.json:
			if err := e.printLine(lineOf(r)); err != nil {
				return err
			}
		default:
			t.add(r.ID, r.Severity.String(), r.Phase.String(), strings.Join(r.Actions.Words(), ", "), string(r.Maturity), state(r), printable(r.Title), printable(r.Source))
		}
	}
	if !e.json {
		t.write(e.stdout)
	}
	return nil
}

func state(r *rules.Compiled) string {
	switch {
	case r.Disabled:
		return "off"
	case len(r.Changed) > 0:
		return "changed"
	}
	return "on"
}

type rulesCheckCmd struct {
	Files []string `arg:"" optional:"" type:"existingfile" help:"Rule files; without them those of the configuration."`
}

// Help is shown by --help.
func (rulesCheckCmd) Help() string {
	return "Names file, line and reason of every mistake; exit code 1 if there is one. A running proxy takes changed files over with SIGHUP, " +
		"as a whole or not at all.\n\nExample: honeyrow rules check rules/own.yaml"
}

// Run checks rule files.
func (c *rulesCheckCmd) Run(e *env) error {
	set, err := e.ruleSet(c.Files)
	var warnings []string
	if err == nil {
		warnings, err = e.idle(set)
		warnings = append(warnings, set.Expired(time.Now())...)
	}
	if e.json {
		out := struct {
			OK       bool     `json:"ok"`
			Rules    int      `json:"rules"`
			Mistakes []string `json:"mistakes"`
			Warnings []string `json:"warnings,omitempty"`
		}{err == nil, 0, mistakes(err), warnings}
		if set != nil {
			out.Rules = len(set.All())
		}
		if perr := e.printLine(out); perr != nil {
			return perr
		}
		if err != nil {
			return errReported
		}
		return nil
	}
	for _, w := range warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", w)
	}
	if err != nil {
		for _, m := range mistakes(err) {
			fmt.Fprintln(e.stderr, "honeyrow:", m)
		}
		return errReported
	}
	fmt.Fprintf(e.stdout, "%d rules, %d of them in force\n", len(set.All()), len(set.Rules()))
	return nil
}

// idle says which rules do nothing with the configuration, if there is one.
func (e *env) idle(set *rules.Set) (warnings []string, err error) {
	name, err := app.FindConfig(e.config)
	if err != nil {
		name = ""
	}
	is, err := app.IdleRules(name, set)
	for _, i := range is {
		warnings = append(warnings, i.String())
	}
	return warnings, err
}

// mistakes takes joined errors apart.
func mistakes(err error) []string {
	out := []string{}
	if err == nil {
		return out
	}
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, mistakes(e)...)
		}
		return out
	}
	return append(out, err.Error())
}

type rulesTestCmd struct {
	Files []string `arg:"" optional:"" type:"existingfile" help:"Rule files; without them those of the configuration."`
	Rule  string   `placeholder:"ID" help:"Only this rule."`
}

// Help is shown by --help.
func (rulesTestCmd) Help() string {
	return "Runs every must_fire and must_not_fire case, of rules that are switched off too. Exit code 1 if one fails.\n\nExample: honeyrow rules test rules/own.yaml --json | jq 'select(.passed | not)'"
}

// Run runs the cases.
func (c *rulesTestCmd) Run(e *env) error {
	set, err := e.ruleSet(c.Files)
	if err != nil {
		return err
	}
	if c.Rule != "" && set.Compiled(c.Rule) == nil {
		return unknownRule(c.Rule)
	}
	t := table{head: []string{"RULE", "CASES", "RESULT", "SOURCE"}}
	ran, failed := 0, 0
	for _, r := range set.All() {
		if c.Rule != "" && r.ID != c.Rule {
			continue
		}
		results := r.Test()
		bad := 0
		for _, x := range results {
			if !x.Passed() {
				bad++
			}
			if e.json {
				if err := e.printLine(struct {
					rules.Result
					Passed bool `json:"passed"`
				}{x, x.Passed()}); err != nil {
					return err
				}
			}
		}
		ran, failed = ran+len(results), failed+bad
		word := "passed"
		switch {
		case bad > 0:
			word = fmt.Sprintf("%d failed", bad)
		case len(results) == 0:
			word = "no cases"
		}
		t.add(r.ID, fmt.Sprint(len(results)), word, printable(r.Source))
		if !e.json && bad > 0 {
			defer e.tellCases(results)
		}
	}
	if !e.json {
		t.write(e.stdout)
		fmt.Fprintf(e.stdout, "%d cases, %d failed\n", ran, failed)
	}
	if failed > 0 {
		return errReported
	}
	return nil
}

// tellCases says what is wrong with those that failed.
func (e *env) tellCases(rs []rules.Result) {
	for _, x := range rs {
		switch {
		case x.Passed():
		case x.Error != "":
			fmt.Fprintf(e.stderr, "honeyrow: %s, case %q: %s\n", x.Rule, printable(x.Case), x.Error)
		case x.Want:
			fmt.Fprintf(e.stderr, "honeyrow: %s, case %q: it must fire and does not\n", x.Rule, printable(x.Case))
		default:
			fmt.Fprintf(e.stderr, "honeyrow: %s, case %q: it must not fire and does\n", x.Rule, printable(x.Case))
		}
	}
}

func unknownRule(id string) error {
	return fmt.Errorf("there is no rule %q: `honeyrow rules list --all` shows them", id)
}

type rulesExplainCmd struct {
	ID string `arg:"" help:"The rule's id."`
}

// Help is shown by --help.
func (rulesExplainCmd) Help() string {
	return "Example: honeyrow rules explain honey-row-read"
}

// phases say when a rule is judged.
var phases = map[rules.Phase]string{
	rules.AtConnect:   "once for each session, right after its login",
	rules.AtStatement: "with each statement: before it is sent on a listener in protect mode, else soon after",
	rules.AtHit:       "when a planted value is seen, and once more at the run's end",
	rules.AtDone:      "at each run's end: it can refuse nothing of that run any more",
}

// Run explains one rule.
func (c *rulesExplainCmd) Run(e *env) error {
	set, err := e.ruleSet(nil)
	if err != nil {
		return err
	}
	r := set.Compiled(c.ID)
	if r == nil {
		return unknownRule(c.ID)
	}
	if e.json {
		l := lineOf(r)
		l.Condition, l.Uses, l.Needs, l.Refines = strings.TrimSpace(r.Condition.Text), r.Uses.Words(), r.Needs.Words(), r.Refines
		l.Message, l.Advice, l.Playbook, l.FalsePositives = r.Message, r.Advice, r.Playbook, r.FalsePositives
		l.MustFire, l.MustNotFire = len(r.Cases.MustFire), len(r.Cases.MustNotFire)
		return e.printLine(l)
	}
	say := func(head, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			fmt.Fprintf(e.stdout, "%-16s %s\n", head+":", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 17)))
		}
	}
	fmt.Fprintf(e.stdout, "%s (%s)\n\n", printable(r.Title), r.ID)
	say("Fires when", "%s", r.Condition.Text)
	say("Judged", "%s", phases[r.Phase])
	say("Asks for", "%s", strings.Join(r.Uses.Words(), ", "))
	if n := r.Needs.Words(); len(n) > 0 {
		say("Left alone", "as long as there are no %s", strings.Join(n, ", no "))
	}
	say("Severity", "%s", r.Severity)
	for _, x := range r.Raise {
		say("", "%s if %s", x.Severity, x.When.Text)
	}
	say("Does", "%s", strings.Join(r.Actions.Words(), ", "))
	say("Message", "%s", r.Message)
	say("Refines", "%s", r.Refines)
	say("Tags", "%s", strings.Join(r.Tags, ", "))
	say("Maturity", "%s", string(r.Maturity))
	say("State", "%s", state(r))
	say("Changed by", "%s", changes(r))
	say("What to do", "%s", r.Advice)
	say("Playbook", "%s", r.Playbook)
	say("False alarms", "%s", strings.Join(r.FalsePositives, "\n"))
	say("Cases", "%d must fire, %d must not", len(r.Cases.MustFire), len(r.Cases.MustNotFire))
	say("Source", "%s", r.Source)
	return nil
}

// changes says what the configuration has changed.
func changes(r *rules.Compiled) string {
	if len(r.Changed) == 0 {
		return ""
	}
	return "the configuration (rules." + r.ID + "): " + strings.Join(r.Changed, ", ")
}
