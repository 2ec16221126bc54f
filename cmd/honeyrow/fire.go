package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/seeder"
)

// fireFlags shape a drill.
type fireFlags struct {
	Fire         bool          `help:"Read one honey row through the proxy and wait for its own alert, a drill, timing it."`
	Row          event.ID      `placeholder:"ID" help:"With --fire: read this honey row; without it one at random."`
	As           string        `placeholder:"USER" help:"With --fire: log in as this database user; without it as the seeding connection does."`
	PasswordFile string        `type:"existingfile" placeholder:"FILE" help:"With --as: the password's file. Default: the environment variable HONEYROW_FIRE_PASSWORD."`
	Listener     string        `placeholder:"NAME" help:"With --fire: the listener to go through; without it the server's first."`
	Address      string        `placeholder:"HOST:PORT" help:"With --fire: connect here, if the listener's own address can't be reached from this machine."`
	Timeout      time.Duration `default:"30s" help:"With --fire: how long to wait for the alert and its deliveries. Default: ${default}."`
}

// verified is what seed verify prints as JSON.
type verified struct {
	*seeder.Verified
	Fired *app.Fired `json:"fired,omitempty"`
}

// check refuses flags that say nothing without another.
func (c *fireFlags) check() error {
	switch {
	case !c.Fire && string(c.Row)+c.As+c.PasswordFile+c.Listener+c.Address != "":
		return usage{errors.New("--row, --as, --password-file, --listener and --address are for --fire: add it")}
	case c.PasswordFile != "" && c.As == "":
		return usage{errors.New("--password-file is the password of --as: name the user")}
	}
	return nil
}

// ready returns what the drill needs, if one is asked for: what it would fail for is
// said before anything else is looked at.
func (c *fireFlags) ready(e *env, s *app.Seeding) (cfg *app.Config, o app.FireOptions, err error) {
	if !c.Fire {
		return nil, o, nil
	}
	if cfg, err = e.load(); err != nil {
		return nil, o, err
	}
	o = app.FireOptions{Listener: c.Listener, Address: c.Address, User: c.As, Timeout: c.Timeout}
	if o.Password, err = c.password(); err != nil {
		return nil, o, err
	}
	if _, _, err := cfg.Door(s.Server, o); err != nil {
		return nil, o, err
	}
	return cfg, o, nil
}

// fire runs the drill, if it is asked for, with one of the rows that are there.
func (c *fireFlags) fire(e *env, s *app.Seeding, v *seeder.Verified, cfg *app.Config, o app.FireOptions) (*app.Fired, error) {
	if !c.Fire {
		return nil, nil
	}
	if c.Row != "" {
		o.Rows = []event.ID{c.Row}
	} else {
		for _, r := range v.Rows {
			if r.State == "intact" {
				o.Rows = append(o.Rows, r.ID)
			}
		}
	}
	return s.Fire(e.ctx, cfg, o)
}

// password is that of --as.
func (c *fireFlags) password() (string, error) {
	if c.PasswordFile == "" {
		return os.Getenv(app.FirePasswordEnv), nil
	}
	b, err := os.ReadFile(c.PasswordFile)
	return strings.TrimRight(string(b), "\r\n"), err
}

// printFired tells how the drill went.
func (e *env) printFired(f *app.Fired) {
	if f == nil {
		return
	}
	who := ""
	if f.User != "" {
		who = " as " + f.User
	}
	fmt.Fprintf(e.stdout, "drill: honey row %s of %s, read through listener %s (%s)%s\n", f.Row, printable(f.Table), f.Listener, printable(f.Address), printable(who))
	answer := counted(f.Rows, "row", "rows")
	if f.Refused != "" {
		answer = "refused: " + f.Refused
	}
	t := table{head: []string{"STEP", "AFTER", "WHAT"}}
	t.add("answered", fmt.Sprintf("%.1f ms", f.Answered), printable(answer))
	if f.Detection != "" {
		var rules []string
		for _, r := range f.Matched {
			rules = append(rules, r.ID+" ("+r.Severity.String()+")")
		}
		t.add("committed", fmt.Sprintf("%.1f ms", f.Committed), printable(fmt.Sprintf("alert %s by %s, %s", f.Detection, strings.Join(rules, ", "), f.Action)))
	}
	for _, k := range f.Sinks {
		when := "not yet"
		if k.Delivered > 0 {
			when = fmt.Sprintf("%.1f ms", k.Delivered)
		}
		t.add("delivered", when, printable(strings.TrimSpace(k.Sink+" "+k.Error)))
	}
	t.write(e.stdout)
}
