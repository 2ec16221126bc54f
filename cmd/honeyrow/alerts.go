package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
	"honeyrow/internal/app"
)

type alertsCmd struct {
	List   alertsListCmd   `cmd:"" help:"List alerts, oldest first."`
	Show   alertsShowCmd   `cmd:"" help:"Show everything about one alert."`
	Tail   alertsTailCmd   `cmd:"" help:"Show alerts as they come."`
	Status alertsStatusCmd `cmd:"" help:"Show how each sink's deliveries stand."`
	Dead   alertsDeadCmd   `cmd:"" help:"What sinks refused for good or too long: list it, show why, try it again."`
	Verify alertsVerifyCmd `cmd:"" help:"Check that no alert and no decision was altered or removed."`
	Test   alertsTestCmd   `cmd:"" help:"Send a drill to one sink, or to all, and wait until it is delivered."`
}

type alertsListCmd struct {
	Last     int           `short:"n" default:"50" help:"How many of the newest alerts; 0 for all. Default: ${default}."`
	Since    time.Duration `placeholder:"DURATION" help:"Only alerts of the last time, such as 24h."`
	Severity string        `enum:"info,low,medium,high,critical" default:"info" help:"Only this severity and worse. Default: ${default}."`
}

// Help is shown by --help.
func (alertsListCmd) Help() string {
	return "With --json each alert is one JSON line, as sinks get it.\n\nExample: honeyrow alerts list --since 24h --severity high"
}

// Run lists alerts.
func (c *alertsListCmd) Run(e *env) error {
	q := alert.Query{Limit: c.Last}
	if err := q.MinSeverity.UnmarshalText([]byte(c.Severity)); err != nil {
		return usage{err}
	}
	if c.Since > 0 {
		q.Since = time.Now().Add(-c.Since)
	}
	return e.withStore(func(st *app.Store) error {
		es, err := st.Detections(e.ctx, q)
		if err != nil {
			return err
		}
		t := table{head: []string{"TIME", "SEVERITY", "RULE", "ACTION", "CLIENT", "ID", "SUMMARY"}}
		for i := range es {
			d := &es[i].Detection
			if e.json {
				if err := e.printLine(d); err != nil {
					return err
				}
				continue
			}
			t.add(stamp(d.Time), d.Severity.String(), d.Rule, d.Action.String(), clientText(d), string(d.ID), printable(d.Summary))
		}
		switch {
		case e.json:
		case len(es) == 0:
			fmt.Fprintln(e.stderr, "no alerts")
		default:
			t.write(e.stdout)
		}
		return nil
	})
}

func clientText(d *event.Detection) string {
	return printable(d.Client.User + "@" + d.Client.Address)
}

type alertsShowCmd struct {
	ID string `arg:"" help:"The alert's id, or its beginning or end."`
}

// Help is shown by --help.
func (alertsShowCmd) Help() string {
	return "Of an id, four characters or more will do if no other alert's has them there.\n\nExample: honeyrow alerts show 2f6d1c0b9e44"
}

// shortestID is how much of an id must be given.
const shortestID = 4

// Run shows one alert.
func (c *alertsShowCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		if len(c.ID) < shortestID {
			return usage{fmt.Errorf("%q is too little of an id: give %d characters or more", c.ID, shortestID)}
		}
		es, err := st.Detections(e.ctx, alert.Query{Named: c.ID, Limit: 3})
		if err != nil {
			return err
		}
		switch len(es) {
		case 0:
			return fmt.Errorf("no alert has the id %s: `honeyrow alerts list` shows them", c.ID)
		case 1:
		default:
			return fmt.Errorf("%s is the id of several alerts, such as %s and %s: give more of it", c.ID, es[0].Detection.ID, es[1].Detection.ID)
		}
		if e.json {
			return e.printLine(es[0].Detection)
		}
		return app.PrintDetection(e.stdout, &es[0].Detection, terminal(e.stdout))
	})
}

type alertsTestCmd struct {
	Sink    string        `arg:"" optional:"" help:"The sink's name; without it all sinks."`
	Timeout time.Duration `default:"30s" help:"How long to wait for the delivery. Default: ${default}."`
}

// Help is shown by --help.
func (alertsTestCmd) Help() string {
	return "The drill goes through the outbox as a real alert does. A running proxy delivers it; without one this command does.\n\n" +
		"Example: honeyrow alerts test soc"
}

// Run sends a drill.
func (c *alertsTestCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	return e.withStore(func(st *app.Store) error {
		ctx, cancel := context.WithTimeout(e.ctx, c.Timeout)
		defer cancel()
		ds, err := app.SendDrill(ctx, cfg, st, c.Sink, e.stdout)
		if err != nil {
			return err
		}
		failed := false
		for _, d := range ds {
			failed = failed || !d.Delivered
			switch {
			case e.json:
				if err := e.printLine(d); err != nil {
					return err
				}
			case d.Delivered:
				fmt.Fprintf(e.stdout, "sink %s: drill %s delivered by %s\n", d.Sink, d.Detection, d.By)
			case d.GivenUp:
				fmt.Fprintf(e.stderr, "honeyrow: sink %s: %s; correct the sink (`honeyrow doctor`), and send another drill or this one again (`honeyrow alerts dead revive %s`)\n", d.Sink, printable(d.Error), d.Sink)
			default:
				fmt.Fprintf(e.stderr, "honeyrow: sink %s: %s; correct the sink (`honeyrow doctor`); the drill is tried again until then\n", d.Sink, printable(d.Error))
			}
		}
		if failed {
			return errReported
		}
		return nil
	})
}

type alertsStatusCmd struct{}

// Help is shown by --help.
func (alertsStatusCmd) Help() string {
	return "Every sink of the configuration, and those that are in it no more while something waits for them or was given up.\n\n" +
		"Example: honeyrow alerts status --json"
}

// Run shows the state of the outbox.
func (alertsStatusCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	return e.withStore(func(st *app.Store) error {
		ks, err := app.SinkStates(e.ctx, cfg, st)
		if err != nil {
			return err
		}
		t := table{head: []string{"SINK", "PENDING", "FAILING", "GIVEN UP", "OLDEST", "NEXT TRY", "LAST ERROR"}}
		var gone []string
		now := time.Now()
		for i := range ks {
			k := &ks[i]
			if e.json {
				if err := e.printLine(k); err != nil {
					return err
				}
				continue
			}
			next := dueIn(k.NextDue, now)
			if !k.Configured {
				gone, next = append(gone, printable(k.Sink)), "never"
			}
			t.add(printable(k.Sink), fmt.Sprint(k.Pending), fmt.Sprint(k.Failing), fmt.Sprint(k.Dead), waited(k.Oldest, now), next, printable(k.LastError))
		}
		switch {
		case e.json:
		case len(ks) == 0:
			fmt.Fprintln(e.stderr, "no sink is configured: alerts stay in the registry (honeyrow alerts list)")
		default:
			t.write(e.stdout)
			if len(gone) > 0 {
				fmt.Fprintf(e.stdout, "\nnot in the configuration: %s. What waits there is delivered if a sink of that name is there again, and goes with alerts.retention\n", strings.Join(gone, ", "))
			}
		}
		return nil
	})
}

// waited says how long ago t was.
func waited(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return age(now.Sub(t))
}

// dueIn says how far off t is. What was due waits for a sink that has a rest.
func dueIn(t, now time.Time) string {
	switch d := t.Sub(now).Round(time.Second); {
	case t.IsZero():
		return "-"
	case d <= 0:
		return "soon"
	default:
		return "in " + age(d)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return stamp(t)
}
