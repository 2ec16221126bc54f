package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"honeyrow/internal/app"
	"honeyrow/seeder"
)

type seedRotateCmd struct {
	target
	OlderThan  days     `placeholder:"90d" help:"Only rows none of whose values is younger, such as 90d."`
	Deployment string   `help:"Only rows of this seeding run."`
	Table      []string `help:"Only rows of these tables, as table or schema.table."`
	Row        []string `placeholder:"ID" help:"Only these honey rows."`
	Limit      int      `placeholder:"N" help:"At most so many rows in this run, the oldest first: a few a day tell less than all at once."`
	Keep       days     `default:"365d" help:"How long replaced values stay watched. Default: ${default}."`
	How        string   `enum:"auto,update,row" default:"auto" help:"auto; update: change secrets, addresses and telephone numbers in place; row: plant another row and take the old one away. Default: ${default}."`
	DryRun     bool     `help:"Change in transactions that are rolled back."`
	Force      bool     `help:"Go on when a running proxy does not watch the new values in time."`
	Lasting    bool     `help:"Rows too whose triggers then leave what no rollback takes back, such as in a MyISAM table."`
	Yes        bool     `short:"y" help:"Do not ask."`
}

// Help is shown by --help.
func (seedRotateCmd) Help() string {
	return "Gives honey rows new values. The old ones stay watched: an alert on one says since when it is out of use, and so how old the leak is. " +
		"Rows of tables whose rows are never updated are replaced by others, since an update would show. Run it from a timer to have it done on a schedule.\n\n" +
		"Example: honeyrow seed rotate --older-than 90d --yes"
}

// Run rotates.
func (c *seedRotateCmd) Run(e *env) error {
	if c.Limit < 0 {
		return usage{errors.New("--limit can't be negative: 0 takes all that are due")}
	}
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		rows, all, err := (&seedRemoveCmd{Deployment: c.Deployment, Table: c.Table, Row: c.Row}).rows(e, s)
		if err != nil {
			return err
		}
		if !all && len(rows) == 0 {
			return errors.New("no honey row matches: `honeyrow tokens list` shows them")
		}
		if !c.DryRun {
			what := "all honey rows"
			if !all {
				what = counted(len(rows), "honey row", "honey rows")
			}
			if c.Limit > 0 {
				what = fmt.Sprintf("at most %d of ", c.Limit) + what
			}
			if c.OlderThan > 0 {
				what += fmt.Sprintf(" older than %s", c.OlderThan)
			}
			if err := e.confirm(c.Yes, "Give new values to "+what+" of server "+s.Server+"?"); err != nil {
				return err
			}
		}
		show, end := e.progress()
		done, err := s.Rotate(e.ctx, seeder.RotateOptions{
			Server: s.Server, Deployment: c.Deployment, Rows: rows, OlderThan: time.Duration(c.OlderThan), Limit: c.Limit, Keep: time.Duration(c.Keep), How: seeder.How(c.How), Lasting: c.Lasting,
			Plan: seeder.Options{Config: s.Config, SkipMeasure: true, Progress: show},
			ApplyOptions: seeder.ApplyOptions{
				DryRun: c.DryRun, Force: c.Force, LockTimeout: s.Config.LockTimeout,
				StatementTimeout: s.Config.StatementTimeout, SearchTimeout: s.Config.SearchTimeout,
				WatchTimeout: s.Config.WatchTimeout, Progress: show,
			},
		})
		end()
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(done)
		}
		e.printRotated(done)
		return nil
	})
}

func (e *env) printRotated(done *seeder.Rotated) {
	for _, w := range done.Warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", printable(w))
	}
	if len(done.Rows) == 0 {
		fmt.Fprintln(e.stdout, "no honey row is due: nothing was changed")
		return
	}
	t := table{head: []string{"TABLE", "KEY", "STATE", "COLUMNS", "ROW", "WHY"}}
	counts := map[string]int{}
	for _, r := range done.Rows {
		counts[r.State]++
		why := r.Why
		if why == "" && r.By != "" {
			why = "by " + string(r.By)
		}
		t.add(printable(r.Table), printable(r.Key), r.State, printable(strings.Join(r.Columns, ",")), string(r.ID), printable(why))
	}
	t.write(e.stdout)
	if done.DryRun {
		fmt.Fprintf(e.stdout, "%d updated, %d replaced by other rows, %d kept, all rolled back: nothing was changed\n", counts["updated"], counts["replaced"], counts["kept"])
		return
	}
	fmt.Fprintf(e.stdout, "%d updated, %d replaced by other rows, %d kept; %s registered, %s watched until %s\n", counts["updated"], counts["replaced"], counts["kept"],
		counted(done.Tokens, "token", "tokens"), counted(done.Expired, "replaced value is", "replaced values are"), done.Until.UTC().Format(time.DateOnly))
}
