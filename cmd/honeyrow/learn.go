package main

import (
	"errors"
	"fmt"
	"time"

	"honeyrow/internal/app"
)

type learnCmd struct {
	Start  learnStartCmd  `cmd:"" default:"withargs" help:"Have the running proxy learn for a while (the default)."`
	Status learnStatusCmd `cmd:"" help:"Show how far it has come, and what is in the baseline."`
	Stop   learnStopCmd   `cmd:"" help:"End the learning now: what was learned counts."`
}

type learnStartCmd struct {
	For time.Duration `default:"24h" help:"How long to learn; a week sees the weekly jobs too."`
}

// Help is shown by --help.
func (learnStartCmd) Help() string {
	return "The running proxy records the shapes of statements, without their values, per user and application, into the " +
		"file that learn.path of the configuration names: one line a shape, to be read and edited. Afterwards a shape that is " +
		"not in the file makes other findings graver. Nothing is learned from a session that trips a detector, nor for an hour from " +
		"its user on that host, and what they taught before is taken back. Started again later it adds to the file. SIGHUP makes the proxy read an edited file.\n\n" +
		"Example: honeyrow learn start --for 24h (start may be left out)"
}

// Run leaves the order.
func (c *learnStartCmd) Run(e *env) error {
	if c.For < time.Minute || c.For > 366*24*time.Hour {
		return usage{fmt.Errorf("--for %s: learn for 1m to 8784h", c.For)}
	}
	cfg, err := e.load()
	if err != nil {
		return err
	}
	if !cfg.Alerts.Statements {
		return fmt.Errorf("%s: alerts.statements is false: set it to true and restart the proxy, which judges statements then", cfg.File())
	}
	now := time.Now().UTC()
	o := app.LearnOrder{Asked: now, Until: now.Add(c.For)}
	if err := app.OrderLearning(cfg, o); err != nil {
		return err
	}
	if e.json {
		return e.printLine(o)
	}
	fmt.Fprintf(e.stdout, "The proxy learns until %s, into %s.\nhoneyrow learn status shows how far it has come, honeyrow learn stop ends it.\n",
		o.Until.Local().Format("2006-01-02 15:04"), cfg.Learn.Path)
	return nil
}

type learnStatusCmd struct{}

// Help is shown by --help.
func (learnStatusCmd) Help() string { return "Example: honeyrow learn status" }

// freshStatus is how old what the proxy told may be while it learns.
const freshStatus = 30 * time.Second

// Run prints what the proxy last told.
func (c *learnStatusCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	order, st, err := app.ReadLearning(cfg)
	if err != nil {
		return err
	}
	book, err := app.ReadBaseline(cfg)
	if err != nil {
		return err
	}
	if e.json {
		return e.printLine(map[string]any{"order": order, "status": st})
	}
	stale := order != nil && (st == nil || time.Since(st.Time) > freshStatus)
	switch {
	case order == nil:
		fmt.Fprintln(e.stdout, "Not learning.")
	case stale && time.Since(order.Asked) < freshStatus:
		fmt.Fprintf(e.stdout, "Ordered until %s, a moment ago: a proxy with this configuration begins within seconds.\n", order.Until.Local().Format("2006-01-02 15:04"))
	case stale:
		fmt.Fprintf(e.stdout, "Ordered until %s, but no proxy has told of it within %s: does one run with this configuration?\n",
			order.Until.Local().Format("2006-01-02 15:04"), freshStatus)
	case st.Problem != "":
		fmt.Fprintf(e.stdout, "Ordered, but %s.\n", st.Problem)
	default:
		fmt.Fprintf(e.stdout, "Learning until %s.\n", order.Until.Local().Format("2006-01-02 15:04"))
	}
	if st != nil {
		fmt.Fprintf(e.stdout, "%s learned from, %d left out; %s of %s.\n", counted(int(st.Statements), "statement", "statements"), st.Left, counted(st.Shapes, "shape", "shapes"),
			counted(st.Identities, "user and application", "users and applications"))
		if st.Overflow > 0 {
			fmt.Fprintf(e.stdout, "%d statements were not recorded: there are more shapes than are kept.\n", st.Overflow)
		}
		for _, d := range st.Distrusted {
			verb := "is"
			if !time.Now().Before(d.Until) {
				verb = "was"
			}
			fmt.Fprintf(e.stdout, "Nothing %s learned from %s on %s (server %s) until %s: %s, %s; what it had taught in the hour before, and those sessions alone, was taken back.\n",
				verb, printable(d.User), printable(d.Host), printable(d.Server), d.Until.Local().Format("2006-01-02 15:04"), d.Why, counted(int(d.Times), "once", "%d times"))
		}
	}
	if book == nil {
		fmt.Fprintf(e.stdout, "%s is not there yet.\n", cfg.Learn.Path)
		return nil
	}
	t := table{head: []string{"SERVER", "USER", "APPLICATION", "SHAPES"}}
	for _, id := range book.Identities() {
		t.add(printable(id.Server), printable(id.User), printable(id.Application), fmt.Sprint(len(book.Of(id).Shapes())))
	}
	t.write(e.stdout)
	return nil
}

type learnStopCmd struct{}

// Help is shown by --help.
func (learnStopCmd) Help() string { return "Example: honeyrow learn stop" }

// Run takes the order back.
func (c *learnStopCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	order, st, err := app.ReadLearning(cfg)
	if err != nil {
		return err
	}
	was, err := app.EndLearning(cfg)
	if err != nil {
		return err
	}
	if was && order != nil && (st == nil || st.Time.Before(order.Asked)) {
		return e.done("Stopped before a proxy told that it had begun: hardly anything was learned, perhaps nothing. " +
			"If none runs with this configuration, " + cfg.Learn.Path + " stays as it was.")
	}
	if !was {
		return errors.New("nothing is being learned: start with `honeyrow learn --for 24h`")
	}
	return e.done(fmt.Sprintf("Stopped: the proxy writes %s within a second and compares statements with it.", cfg.Learn.Path))
}
