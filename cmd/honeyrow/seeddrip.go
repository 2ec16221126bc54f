package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"honeyrow/internal/app"
	"honeyrow/seeder"
	"honeyrow/token"
)

type seedDripCmd struct {
	target
	Deployment string `arg:"" optional:"" help:"Only the drip of this seeding run; without it all that are unfinished."`
	Stop       bool   `help:"End the drip instead: rows that are in stay, the others are not planted."`
	Force      bool   `help:"Go on when a running proxy does not watch the new values in time."`
	Yes        bool   `short:"y" help:"Do not ask before --stop."`
}

// Help is shown by --help.
func (seedDripCmd) Help() string {
	return "Plants the rows of 'seed apply --drip' when they are due, and ends with the last of them. The schedule is in the registry: " +
		"the command can be stopped and started at any time, on any machine that has registry and configuration. " +
		"Rows that were due meanwhile get new times. Exit code 1 if the database refused a row.\n\n" +
		"Example: honeyrow seed drip"
}

// Run goes on with drips, or ends them.
func (c *seedDripCmd) Run(e *env) error {
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		ds, err := s.Store.Drips(e.ctx, s.Server, c.Deployment)
		if err != nil {
			return err
		}
		left := 0
		for i := range ds {
			left += ds[i].Left()
		}
		if left == 0 {
			fmt.Fprintln(e.stderr, "no row waits to be planted: begin with `honeyrow seed apply --drip 7d`")
			return nil
		}
		if c.Stop {
			return c.stop(e, s, left)
		}
		return e.drip(s, c.Deployment, c.Force)
	})
}

func (c *seedDripCmd) stop(e *env, s *app.Seeding, left int) error {
	if err := e.confirm(c.Yes, fmt.Sprintf("Leave %s of server %s out?", counted(left, "honey row that waits", "honey rows that wait"), s.Server)); err != nil {
		return err
	}
	n, err := s.StopDrip(e.ctx, s.Server, c.Deployment)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(map[string]any{"cancelled": n})
	}
	fmt.Fprintf(e.stdout, "%s left out; those that are in stay: take them away with `honeyrow seed remove`\n", counted(n, "row is", "rows are"))
	return nil
}

// begin starts a drip and prints its schedule.
func (c *seedApplyCmd) begin(e *env, s *app.Seeding, p *seeder.Plan, o seeder.ApplyOptions) error {
	d, err := s.StartDrip(e.ctx, p, time.Duration(c.Drip), seeder.DripOptions{ApplyOptions: o, Config: s.Config, Server: s.Server})
	if err != nil {
		return err
	}
	switch {
	case e.json && c.DryRun:
		return e.printJSON(d)
	case e.json:
		err = e.printLine(d)
	default:
		e.printSchedule(d, time.Duration(c.Drip))
	}
	if err != nil || c.DryRun || len(d.Rows) == 0 {
		return err
	}
	return e.drip(s, p.Deployment, c.Force)
}

func (e *env) printSchedule(d *seeder.Dripping, over time.Duration) {
	t := table{head: []string{"DUE (UTC)", "TABLE", "ROW"}}
	for _, r := range d.Rows {
		t.add(r.Due.Format(time.DateTime), printable(r.Table), string(r.Row))
	}
	t.write(e.stdout)
	for _, sh := range d.Shares {
		hours := "at hours at which its rows come"
		if !sh.Hours {
			hours = "at hours of other tables or at any, since no date of its rows tells"
		}
		after := "how many rows will follow can't be told"
		if sh.Newer > 0 {
			after = fmt.Sprintf("at the end about %.1f %% of it will be newer than the first: by its keys alone a thief gets an AUC of about %.2f", 100*sh.Newer, sh.AUC())
		}
		fmt.Fprintf(e.stdout, "%s: %s; %s\n", printable(sh.Table), hours, after)
	}
	for _, w := range d.Warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", printable(w))
	}
	if d.DryRun {
		fmt.Fprintf(e.stdout, "%s would be planted over %s (drawn anew when it begins): nothing was changed\n", counted(len(d.Rows), "row", "rows"), days(over))
		return
	}
	fmt.Fprintf(e.stdout, "%s will be planted over %s (deployment %s). Leave this running, or stop it and go on with `honeyrow seed drip`\n", counted(len(d.Rows), "row", "rows"), days(over), d.Deployment)
}

// drip plants what is due until nothing waits.
func (e *env) drip(s *app.Seeding, deployment string, force bool) error {
	if !e.json {
		ds, err := s.Store.Drips(e.ctx, s.Server, deployment)
		if err != nil {
			return err
		}
		for i := range ds {
			if ds[i].Left() > 0 {
				fmt.Fprintf(e.stdout, "deployment %s: %s\n", ds[i].Deployment, seeder.DripStatus(&ds[i], time.Now()))
			}
		}
	}
	out, err := s.GoOn(e.ctx, seeder.DripOptions{
		Deployment: deployment, Config: s.Config, Server: s.Server, Report: e.drop,
		ApplyOptions: seeder.ApplyOptions{
			Force: force, LockTimeout: s.Config.LockTimeout, StatementTimeout: s.Config.StatementTimeout,
			SearchTimeout: s.Config.SearchTimeout, WatchTimeout: s.Config.WatchTimeout,
		},
	})
	if out != nil {
		for _, w := range out.Warnings {
			fmt.Fprintln(e.stderr, "honeyrow: warning:", printable(w))
		}
	}
	if e.ctx.Err() != nil {
		return e.interrupted(s, deployment)
	}
	if err != nil {
		return err
	}
	if !e.json {
		fmt.Fprintf(e.stdout, "%s planted; no row waits any more\n", counted(out.Planted, "row", "rows"))
	}
	if n := len(out.Foregone); n > 0 {
		return fmt.Errorf("%s left out: the reason stands above; plan new rows for them", counted(n, "row was", "rows were"))
	}
	return nil
}

// drop prints what happened to a row.
func (e *env) drop(x seeder.Drop) {
	if e.json {
		_ = e.printLine(x)
		return
	}
	what := fmt.Sprintf("%s  %s", x.Time.Format(time.DateTime), printable(x.Table))
	if x.Key != "" {
		what += " " + printable(x.Key)
	}
	what += ": " + x.State
	if x.Why != "" {
		what += ": " + printable(x.Why)
	}
	next := ""
	if !x.Next.IsZero() {
		next = ", next " + x.Next.Format(time.DateTime)
	}
	fmt.Fprintf(e.stdout, "%s (%d of %d%s)\n", what, x.In, x.Total, next)
}

// interrupted says how far the drips came, and how to go on.
func (e *env) interrupted(s *app.Seeding, deployment string) error {
	ds, err := s.Store.Drips(context.WithoutCancel(e.ctx), s.Server, deployment)
	if err != nil {
		return err
	}
	for i := range ds {
		if ds[i].Left() > 0 {
			fmt.Fprintf(e.stderr, "honeyrow: deployment %s: %s; go on with `honeyrow seed drip`, end it with `honeyrow seed drip --stop`\n", ds[i].Deployment, seeder.DripStatus(&ds[i], time.Now()))
		}
	}
	return errReported
}

// unfinished returns the drip of a plan that has rows waiting, nil if it has none.
func unfinished(e *env, s *app.Seeding, p *seeder.Plan) (*token.Drip, error) {
	ds, err := s.Store.Drips(e.ctx, s.Server, p.Deployment)
	if err != nil || len(ds) == 0 || ds[0].Left() == 0 {
		return nil, err
	}
	if ds[0].Digest != p.Digest() {
		return nil, fmt.Errorf("deployment %s is being dripped in from another plan (%s): this file has changed since; go on with `honeyrow seed drip`, or end it with `honeyrow seed drip --stop`", p.Deployment, ds[0].Digest)
	}
	return &ds[0], nil
}

// resume goes on with the drip of a plan.
func (c *seedApplyCmd) resume(e *env, s *app.Seeding, d *token.Drip) error {
	if c.Drip != 0 && time.Duration(c.Drip) != d.Over {
		return fmt.Errorf("deployment %s is being dripped in over %s already: leave --drip out to go on, or end it with `honeyrow seed drip %s --stop` and begin anew", d.Deployment, days(d.Over), d.Deployment)
	}
	if c.DryRun {
		if e.json {
			return e.printJSON(d)
		}
		fmt.Fprintf(e.stdout, "deployment %s: %s: nothing was changed\n", d.Deployment, seeder.DripStatus(d, time.Now()))
		return nil
	}
	return e.drip(s, d.Deployment, c.Force)
}

var errShortDrip = usage{errors.New("--drip takes 10m to 366d, such as 7d")}

// printDrips says how far drips have come.
func (e *env) printDrips(s *app.Seeding) {
	ds, err := s.Store.Drips(e.ctx, s.Server, "")
	for i := range ds {
		if err == nil && ds[i].Left() > 0 {
			fmt.Fprintf(e.stdout, "deployment %s: %s\n", ds[i].Deployment, seeder.DripStatus(&ds[i], time.Now()))
		}
	}
}
