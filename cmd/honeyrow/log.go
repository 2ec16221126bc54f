package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"honeyrow/chain"
	"honeyrow/internal/app"
	"honeyrow/token"
)

type tokensLogCmd struct {
	Verify bool   `help:"Only check that the log is what was written, and print its head."`
	Head   string `placeholder:"N:SUM" help:"A head that an earlier --verify printed: the log must still hold it, or its end was cut off."`
	Last   int    `short:"n" default:"50" help:"How many of the newest entries; 0 for all. Default: ${default}."`
}

// Help is shown by --help.
func (tokensLogCmd) Help() string {
	return "Each entry is linked to all before it by a keyed hash: one that was altered, left out or moved is found. " +
		"Keep the head that --verify prints elsewhere, to find later that the end was cut off. Exit code 1 if the log was altered.\n\n" +
		"Example: honeyrow tokens log --verify"
}

// Run shows or checks the log; either way the whole log is checked.
func (c *tokensLogCmd) Run(e *env) error {
	var want chain.Head
	if c.Head != "" {
		var err error
		if want, err = chain.ParseHead(c.Head); err != nil {
			return usage{err}
		}
	}
	return e.withStore(func(st *app.Store) error {
		var ds []token.Deed
		head, err := st.Log(e.ctx, want, func(d token.Deed) error {
			if ds = append(ds, d); c.Last > 0 && len(ds) >= 2*c.Last {
				ds = append(ds[:0], ds[len(ds)-c.Last:]...)
			}
			return nil
		})
		broken := ""
		switch {
		case errors.Is(err, chain.ErrBroken):
			broken = err.Error()
		case err != nil:
			return err
		}
		if c.Verify {
			return c.verdict(e, head, broken)
		}
		if c.Last > 0 && len(ds) > c.Last {
			ds = ds[len(ds)-c.Last:]
		}
		if err := e.printDeeds(ds); err != nil {
			return err
		}
		if broken != "" {
			return errors.New(broken)
		}
		return nil
	})
}

func (c *tokensLogCmd) verdict(e *env, head chain.Head, broken string) error {
	if e.json {
		out := map[string]any{"ok": broken == "", "entries": head.N, "head": head.String()}
		if broken != "" {
			out = map[string]any{"ok": false, "why": broken}
		}
		if err := e.printJSON(out); err != nil {
			return err
		}
	}
	switch {
	case broken != "" && e.json:
		return errReported
	case broken != "":
		return errors.New(broken)
	case !e.json:
		fmt.Fprintf(e.stdout, "the log is whole: %s\nhead %s\n", counted(int(head.N), "entry", "entries"), head)
	}
	return nil
}

func (e *env) printDeeds(ds []token.Deed) error {
	t := table{head: []string{"N", "TIME", "WHO", "ROLE", "VERSION", "WHAT", "WHERE", "ROWS", "TOKENS", "DEPLOYMENT", "DETAIL"}}
	for _, d := range ds {
		if e.json {
			if err := e.printLine(d); err != nil {
				return err
			}
			continue
		}
		where := strings.Trim(d.Server+"/"+d.Database, "/")
		if d.Copy != "" {
			where += " (copy " + d.Copy + ")"
		}
		if len(d.Tables) > 0 {
			where += ": " + strings.Join(d.Tables, ", ")
		}
		t.add(fmt.Sprint(d.N), d.At.UTC().Format(time.DateTime), printable(d.Actor), printable(d.Role), d.Version, d.Action,
			printable(where), fmt.Sprint(d.Rows), fmt.Sprint(d.Tokens), d.Deployment, printable(strings.Trim(d.Detail+" "+d.Note, " ")))
	}
	switch {
	case e.json:
	case len(ds) == 0:
		fmt.Fprintln(e.stderr, "the log is empty: nothing was planted, rotated or removed")
	default:
		t.write(e.stdout)
	}
	return nil
}
