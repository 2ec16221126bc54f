package main

import (
	"errors"
	"fmt"
	"os/user"
	"time"

	"honeyrow/internal/app"
	"honeyrow/token"
)

type tokensDecoyCmd struct {
	Add    decoyAddCmd    `cmd:"" help:"Watch a table as a whole."`
	List   decoyListCmd   `cmd:"" help:"List the decoy tables that are watched."`
	Remove decoyRemoveCmd `cmd:"" help:"End the watch of a decoy table. The table stays."`
}

// decoyName is how the commands are told which table.
type decoyName struct {
	Table    string `arg:"" placeholder:"[SERVER=]SCHEMA.TABLE" help:"SERVER=SCHEMA.TABLE, or SERVER=DATABASE.TABLE for MySQL and MariaDB; the server of the configuration may be left out if it is the only one."`
	Database string `help:"PostgreSQL's database that the table is in. Default: the one of the server's seeding connection."`
}

type decoyAddCmd struct {
	decoyName
	Note string `help:"What the alert shall say about it."`
}

// Help is shown by --help.
func (decoyAddCmd) Help() string {
	return "A decoy table is one with which nobody has business. `honeyrow seed plan --decoy-tables 1` has one made with honey rows; " +
		"this command is for one that you have made yourself, with rows of your own (or none). From then on a statement that names it is an alert (honey-row-sought), even if nothing comes back, and running " +
		"proxies know it within a second. Statements must be judged (alerts.statements).\n\n" +
		"Example: honeyrow tokens decoy add crm=public.payroll_backup --database crm"
}

// Run adds a decoy table.
func (c *decoyAddCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	p, err := app.DecoyPlace(cfg, c.Table, c.Database)
	if err != nil {
		return usage{err}
	}
	return e.withStore(func(st *app.Store) error {
		t, err := app.AddDecoy(e.ctx, st, p, whoami(), c.Note)
		if err != nil {
			return err
		}
		if !cfg.Alerts.Statements {
			fmt.Fprintln(e.stderr, "honeyrow: warning: alerts.statements is off: nobody looks at what statements name, so this table raises no alert")
		}
		if e.json {
			return e.printJSON(t)
		}
		fmt.Fprintf(e.stdout, "%s is a decoy table now (token %s). `honeyrow seed verify` says whether the server has it.\n", placeText(p), t.ID)
		return nil
	})
}

// whoami is the operator, for the alert that says who made the table a decoy.
func whoami() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "operator"
}

type decoyListCmd struct {
	Server string `help:"Only tables of this server."`
}

// Help is shown by --help.
func (decoyListCmd) Help() string { return "Example: honeyrow tokens decoy list" }

// Run lists decoy tables: one JSON line each with --json.
func (c *decoyListCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ts, err := app.Decoys(e.ctx, st, c.Server)
		if err != nil {
			return err
		}
		t := table{head: []string{"TABLE", "SINCE", "BY", "ID", "NOTE"}}
		for i := range ts {
			if e.json {
				if err := e.printLine(ts[i]); err != nil {
					return err
				}
				continue
			}
			x := &ts[i]
			t.add(placeText(x.Place), x.PlantedAt.UTC().Format(time.DateOnly), printable(x.PlantedBy), string(x.ID), printable(x.Note))
		}
		if e.json {
			return nil
		}
		if len(ts) == 0 {
			fmt.Fprintln(e.stderr, "there is no decoy table: name one with `honeyrow tokens decoy add`")
			return nil
		}
		t.write(e.stdout)
		return nil
	})
}

type decoyRemoveCmd struct{ decoyName }

// Help is shown by --help.
func (decoyRemoveCmd) Help() string {
	return "Example: honeyrow tokens decoy remove crm=public.payroll_backup --database crm"
}

// Run ends the watch of a decoy table.
func (c *decoyRemoveCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	p, err := app.DecoyPlace(cfg, c.Table, c.Database)
	if err != nil {
		return usage{err}
	}
	return e.withStore(func(st *app.Store) error {
		var t *token.Token
		if t, err = app.FindDecoy(e.ctx, st, p); err != nil {
			return err
		}
		if t == nil {
			return errors.New(placeText(p) + " is no decoy table: `honeyrow tokens decoy list` shows them")
		}
		if t.Deployment != token.NamedDecoy {
			return fmt.Errorf("%s was made by a plan, with its rows: drop it with `honeyrow seed remove --table %s`", placeText(p), p.Table)
		}
		if err := app.RemoveDecoy(e.ctx, st, t); err != nil {
			return err
		}
		if e.json {
			return e.printJSON(t)
		}
		fmt.Fprintf(e.stdout, "%s is watched no more. The table itself is as it was.\n", placeText(p))
		return nil
	})
}
