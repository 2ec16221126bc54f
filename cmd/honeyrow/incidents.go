package main

import (
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/rules"
)

type incidentsCmd struct {
	List       incidentsListCmd       `cmd:"" help:"List incidents, the latest last."`
	Show       incidentsShowCmd       `cmd:"" help:"Show an incident: who, what, when, and what to do."`
	Ack        incidentsAckCmd        `cmd:"" help:"Say that somebody is at it."`
	Resolve    incidentsResolveCmd    `cmd:"" help:"Say that it is over; what comes later is another incident."`
	Allow      incidentsAllowCmd      `cmd:"" help:"Say that it is expected, and make a narrow allowance of it."`
	Reopen     incidentsReopenCmd     `cmd:"" help:"Take ack, resolve or allow back; an allowance ends with it."`
	Allowances incidentsAllowancesCmd `cmd:"" help:"List the allowances that were made of incidents."`
}

type incidentsListCmd struct {
	Last     int           `short:"n" default:"50" help:"How many of the latest; 0 for all. Default: ${default}."`
	Before   int64         `placeholder:"NUMBER" help:"Only those before this incident in the list: the page before."`
	State    []string      `enum:"open,acknowledged,resolved,allowed" placeholder:"STATE" help:"Only these states: open, acknowledged, resolved, allowed. Default: all."`
	Since    time.Duration `placeholder:"DURATION" help:"Only those with something new in the last time, such as 24h."`
	Severity string        `enum:"info,low,medium,high,critical" default:"info" help:"Only this severity and worse. Default: ${default}."`
	Drills   bool          `help:"Drills too."`
}

// Help is shown by --help.
func (incidentsListCmd) Help() string {
	return "With --json each incident is one JSON line.\n\nExample: honeyrow incidents list --state open --severity high"
}

// Run lists incidents.
func (c *incidentsListCmd) Run(e *env) error {
	q := alert.IncidentQuery{Limit: c.Last, Drills: c.Drills, Before: c.Before}
	for _, s := range c.State {
		q.States = append(q.States, event.IncidentState(s))
	}
	if err := q.MinSeverity.UnmarshalText([]byte(c.Severity)); err != nil {
		return usage{err}
	}
	if c.Since > 0 {
		q.Since = time.Now().Add(-c.Since)
	}
	return e.withStore(func(st *app.Store) error {
		incs, err := st.Incidents(e.ctx, q)
		if err != nil {
			return err
		}
		t := table{head: []string{"NUMBER", "STATE", "SEVERITY", "ALERTS", "ROWS", "LAST", "WHO", "SUMMARY"}}
		for i := range incs {
			inc := &incs[i]
			if e.json {
				if err := e.printLine(inc); err != nil {
					return err
				}
				continue
			}
			_, summary, _ := strings.Cut(inc.Summary, ": ")
			t.add(fmt.Sprint(inc.Number), string(inc.State), inc.Severity.String(), fmt.Sprint(inc.Detections), fmt.Sprint(inc.HoneyRows),
				stamp(inc.Updated), printable(inc.Principal.User+"@"+inc.Principal.Address), printable(summary))
		}
		switch {
		case e.json:
		case len(incs) == 0:
			fmt.Fprintln(e.stderr, "no incidents")
		default:
			t.write(e.stdout)
			if len(incs) == c.Last {
				fmt.Fprintf(e.stderr, "the latest %d; those before them: --before %d\n", len(incs), incs[0].Number)
			}
		}
		return nil
	})
}

type incidentsShowCmd struct {
	Incident string `arg:"" help:"Its number, its id, or an alert's id."`
	Alerts   int    `short:"n" default:"50" help:"How many of its latest alerts; 0 for all. Default: ${default}."`
	Playbook bool   `help:"Print the texts of its playbooks too."`
}

// Help is shown by --help.
func (incidentsShowCmd) Help() string {
	return "The commands to contain it are text: honeyrow never runs them.\n\nExample: honeyrow incidents show 17"
}

// shownIncident is what show prints as JSON.
type shownIncident struct {
	event.Incident
	History []event.IncidentChange `json:"history"` // all changes
	Alerts  []event.Detection      `json:"alerts"`
}

// Run shows one incident.
func (c *incidentsShowCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		inc, err := st.FindIncident(e.ctx, c.Incident)
		if err != nil {
			return err
		}
		history, err := st.Changes(e.ctx, inc.Number)
		if err != nil {
			return err
		}
		es, err := st.Detections(e.ctx, alert.Query{Incident: inc.Number, Limit: c.Alerts})
		if err != nil {
			return err
		}
		ds := make([]event.Detection, len(es))
		for i := range es {
			ds[i] = es[i].Detection
		}
		if e.json {
			return e.printJSON(shownIncident{inc, append([]event.IncidentChange{}, history...), ds})
		}
		text := render.Incident(&inc, history, ds, render.Options{Color: terminal(e.stdout), Zone: time.Local})
		if c.Playbook {
			text += app.PlaybookTexts(inc.Playbooks)
		}
		_, err = fmt.Fprint(e.stdout, text)
		return err
	})
}

// decider is what commands that change an incident share.
type decider struct {
	Incident string `arg:"" help:"Its number, its id, or an alert's id."`
	Note     string `short:"m" placeholder:"TEXT" help:"Why, for the timeline and for those who are told."`
	By       string `placeholder:"NAME" help:"Who decides. Default: the system's user (with sudo, whoever called it)."`
}

func (d *decider) decide(e *env, to event.IncidentState, hint string) error {
	return e.withStore(func(st *app.Store) error {
		inc, err := st.Decide(e.ctx, d.Incident, alert.Decision{To: to, By: who(d.By), Note: d.Note})
		if err != nil {
			return err
		}
		return e.decided(&inc, hint)
	})
}

func (e *env) decided(inc *event.Incident, hint string) error {
	if e.json {
		return e.printLine(inc)
	}
	last := inc.Changes[len(inc.Changes)-1]
	fmt.Fprintf(e.stdout, "incident %d is %s, by %s%s\n", inc.Number, inc.State, printable(last.By), hint)
	return nil
}

type incidentsAckCmd struct{ decider }

// Help is shown by --help.
func (incidentsAckCmd) Help() string {
	return "Sinks that follow incidents are told.\n\nExample: honeyrow incidents ack 17 -m 'calling the account owner'"
}

// Run acknowledges.
func (c *incidentsAckCmd) Run(e *env) error { return c.decide(e, event.Acknowledged, "") }

type incidentsResolveCmd struct{ decider }

// Help is shown by --help.
func (incidentsResolveCmd) Help() string {
	return "Example: honeyrow incidents resolve 17 -m 'password changed, report in TICKET-4711'"
}

// Run resolves.
func (c *incidentsResolveCmd) Run(e *env) error {
	return c.decide(e, event.Resolved, "; what this client does next is a new incident")
}

type incidentsReopenCmd struct{ decider }

// Help is shown by --help.
func (incidentsReopenCmd) Help() string { return "Example: honeyrow incidents reopen 17" }

// Run reopens.
func (c *incidentsReopenCmd) Run(e *env) error { return c.decide(e, event.Open, "") }

type incidentsAllowCmd struct {
	decider
	From         string   `placeholder:"HH:MM" help:"Expected from this time of day on (rule_zone)."`
	To           string   `placeholder:"HH:MM" help:"Up to this time of day; if it isn't later, on the next day."`
	Days         []string `placeholder:"DAY" help:"Expected on these days, such as mon,tue. Default: every day."`
	AnyTime      bool     `help:"Expected at any time, instead of --from and --to."`
	AnyStatement bool     `help:"Also allow alerts that have no statement (COPY data, logins, notifications): all that their rule tells of this client."`
	Until        string   `placeholder:"DATE" help:"Last day, such as 2027-03-31, a year from now at most. Default: 90 days from now."`
	Address      string   `placeholder:"NETWORK" help:"From this network or address, instead of the one that it came from."`
	DryRun       bool     `help:"Print the allowance and do nothing."`
}

// Help is shown by --help.
func (incidentsAllowCmd) Help() string {
	return "The allowance names what was seen and no more: the rule, the server, the user, the address, the application, the database, the certificate " +
		"and the statements' shapes, a time of day and an end. The running proxy takes it over within a second, `incidents reopen` takes it back.\n\n" +
		"Example: honeyrow incidents allow 17 --from 01:00 --to 03:00 --days mon,tue,wed,thu,fri -m 'nightly export'"
}

const (
	allowFor = 90 * 24 * time.Hour
	allowMax = 366 * 24 * time.Hour
)

// Run makes an allowance.
func (c *incidentsAllowCmd) Run(e *env) error {
	p := app.Permit{
		Window: rules.Window{Days: c.Days, From: c.From, To: c.To}, AnyTime: c.AnyTime, AnyStatement: c.AnyStatement, Until: time.Now().Add(allowFor),
		Address: c.Address, By: who(c.By), Note: c.Note,
	}
	if c.AnyTime && (c.From != "" || c.To != "") {
		return usage{errors.New("--any-time and --from or --to exclude each other: keep one")}
	}
	if c.Until != "" {
		t, err := time.Parse(time.DateOnly, c.Until)
		if err != nil {
			return usage{fmt.Errorf("--until %q: write a date such as 2027-03-31", c.Until)}
		}
		if until := time.Until(t); until < -24*time.Hour || until > allowMax {
			return usage{fmt.Errorf("--until %s: use a day from today on, a year from now at most: an allowance must be looked at again", c.Until)}
		}
		p.Until = t
	}
	cfg, err := e.load()
	if err != nil {
		return err
	}
	return e.withStore(func(st *app.Store) error {
		if c.DryRun {
			texts, err := app.PreviewAllowances(e.ctx, cfg, st, c.Incident, p)
			if err != nil {
				return err
			}
			return e.printAllowances(texts)
		}
		inc, texts, err := app.AllowIncident(e.ctx, cfg, st, c.Incident, p)
		if err != nil {
			return err
		}
		if err := e.decided(&inc, ":"); err != nil || e.json {
			return err
		}
		return e.printAllowances(texts)
	})
}

// printAllowances writes entries as the configuration's allow list has them.
func (e *env) printAllowances(texts []string) error {
	for _, text := range texts {
		if e.json {
			if err := e.printLine(map[string]string{"allow": text}); err != nil {
				return err
			}
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			lead := "    "
			if i == 0 {
				lead = "  - "
			}
			fmt.Fprintln(e.stdout, lead+render.Clean(line))
		}
		if !strings.Contains("\n"+text, "\nshapes:") {
			fmt.Fprintln(e.stdout, "    # whatever this client asks: no statement is named")
		}
	}
	return nil
}

type incidentsAllowancesCmd struct{}

// Help is shown by --help.
func (incidentsAllowancesCmd) Help() string {
	return "Those of the configuration itself are in its allow list.\n\nExample: honeyrow incidents allowances"
}

// Run lists allowances.
func (incidentsAllowancesCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		as, err := st.Allowances(e.ctx)
		if err != nil {
			return err
		}
		for _, a := range as {
			if e.json {
				if err := e.printLine(a); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(e.stdout, "incident %d, by %s on %s (take it back: honeyrow incidents reopen %d)\n", a.Incident, printable(a.By), stamp(a.At), a.Incident)
			if err := e.printAllowances([]string{a.Text}); err != nil {
				return err
			}
		}
		if len(as) == 0 && !e.json {
			fmt.Fprintln(e.stderr, "no allowance was made of an incident")
		}
		return nil
	})
}

// who is the name of a person who decides: as given, or whoever called sudo, or
// the system's user.
func who(given string) string {
	if given != "" {
		return given
	}
	if name := sudoUser(); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}
