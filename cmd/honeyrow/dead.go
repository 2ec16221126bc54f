package main

import (
	"errors"
	"fmt"
	"slices"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/app"
)

type alertsDeadCmd struct {
	List   deadListCmd   `cmd:"" help:"List the deliveries that were given up."`
	Show   deadShowCmd   `cmd:"" help:"Show one alert that was given up, and each sink's reason."`
	Revive deadReviveCmd `cmd:"" help:"Make given up deliveries of a sink due again."`
}

type deadListCmd struct {
	Sink string `arg:"" optional:"" help:"The sink's name; without it all sinks."`
}

// Help is shown by --help.
func (deadListCmd) Help() string {
	return "A delivery is given up when the sink refuses it for good, or after the retry clock's max_age. It is kept as long as the alert.\n\n" +
		"Example: honeyrow alerts dead list soc"
}

// Run lists dead letters.
func (c *deadListCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ds, err := st.Dead(e.ctx, c.Sink)
		if err != nil {
			return err
		}
		t := table{head: []string{"SINK", "COMMITTED", "TRIES", "SEVERITY", "RULE", "ERROR", "ID"}}
		for _, d := range ds {
			if e.json {
				if err := e.printLine(d); err != nil {
					return err
				}
				continue
			}
			if d.Incident > 0 {
				t.add(printable(d.Sink), when(d.Committed), fmt.Sprint(d.Tries), "", "", printable(d.Error), fmt.Sprintf("incident %d", d.Incident))
				continue
			}
			t.add(printable(d.Sink), when(d.Committed), fmt.Sprint(d.Tries), d.Detection.Severity.String(), d.Detection.Rule, printable(d.Error), string(d.Detection.ID))
		}
		switch {
		case e.json:
		case len(ds) == 0:
			fmt.Fprintln(e.stderr, "nothing was given up")
		default:
			t.write(e.stdout)
		}
		return nil
	})
}

type deadShowCmd struct {
	ID string `arg:"" help:"The alert's id."`
}

// Help is shown by --help.
func (deadShowCmd) Help() string {
	return "Example: honeyrow alerts dead show 01939e5a-7c1b-7d3e-8a51-2f6d1c0b9e44"
}

// Run shows why one alert was given up.
func (c *deadShowCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ds, err := st.Dead(e.ctx, "")
		if err != nil {
			return err
		}
		ds = slices.DeleteFunc(ds, func(d alert.DeadLetter) bool { return d.Detection.ID != event.ID(c.ID) })
		if len(ds) == 0 {
			return fmt.Errorf("no delivery of %s was given up: `honeyrow alerts dead list` shows those that were", c.ID)
		}
		for _, d := range ds {
			if e.json {
				if err := e.printLine(d); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(e.stdout, "sink %s gave up after %d tries: %s\n", printable(d.Sink), d.Tries, printable(d.Error))
		}
		if e.json {
			return nil
		}
		return app.PrintDetection(e.stdout, &ds[0].Detection, terminal(e.stdout))
	})
}

type deadReviveCmd struct {
	Sink string   `arg:"" optional:"" help:"The sink's name."`
	IDs  []string `arg:"" optional:"" help:"The alerts' ids; without them all of the sink."`
	All  bool     `help:"Of all sinks."`
}

// Help is shown by --help.
func (deadReviveCmd) Help() string {
	return "Correct the sink first (honeyrow doctor, honeyrow alerts test). The running proxy delivers them.\n\n" +
		"Example: honeyrow alerts dead revive soc"
}

// Run makes given up deliveries due again.
func (c *deadReviveCmd) Run(e *env) error {
	if (c.Sink == "") != c.All {
		return usage{errors.New("name the sink, or use --all")}
	}
	return e.withStore(func(st *app.Store) error {
		sinks := []string{c.Sink}
		if c.All {
			ss, err := st.Status(e.ctx)
			if err != nil {
				return err
			}
			sinks = nil
			for _, s := range ss {
				if s.Dead > 0 {
					sinks = append(sinks, s.Sink)
				}
			}
			if len(sinks) == 0 && !e.json {
				fmt.Fprintln(e.stderr, "nothing was given up")
			}
		}
		for _, sink := range sinks {
			if err := c.revive(e, st, sink); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *deadReviveCmd) revive(e *env, st *app.Store, sink string) error {
	var ids []event.ID
	for _, id := range c.IDs {
		ids = append(ids, event.ID(id))
	}
	n, err := st.Revive(e.ctx, sink, ids...)
	switch {
	case err != nil:
		return err
	case e.json:
		return e.printLine(map[string]any{"sink": sink, "revived": n})
	case n == 1:
		fmt.Fprintf(e.stdout, "1 delivery of sink %s is due again\n", printable(sink))
	default:
		fmt.Fprintf(e.stdout, "%d deliveries of sink %s are due again\n", n, printable(sink))
	}
	return nil
}
