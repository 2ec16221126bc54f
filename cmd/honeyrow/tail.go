package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"honeyrow/alert"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/app"
)

type alertsTailCmd struct {
	Last int  `short:"n" default:"10" help:"How many of the newest alerts to begin with. Default: ${default}."`
	Full bool `help:"Show everything about each alert, as alerts show does, and what has changed when it grows."`
}

// Help is shown by --help.
func (alertsTailCmd) Help() string {
	return "Follows until interrupted. An alert that grows, or ends, comes again as a line of what has changed: #2r3 is the third revision of its incident's second alert. " +
		"Alerts stand under their incident, with what is decided about it; 'honeyrow incidents show' names each alert, for 'honeyrow alerts show'. Colours and line breaks are for terminals; NO_COLOR takes the colours away, COLUMNS sets the width.\n\n" +
		"Example: honeyrow alerts tail --json | jq .summary"
}

// Run follows alerts; an interrupt is its usual end.
func (c *alertsTailCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		var after uint64
		newest, err := st.Detections(e.ctx, alert.Query{Limit: max(c.Last, 1)})
		if err != nil {
			return err
		}
		o := render.Options{Color: terminal(e.stdout), Zone: time.Local}
		t := &tail{e: e, full: c.Full, lines: render.NewTail(o, width(e.stdout)), whole: render.NewTeller(o)}
		for i := range newest {
			if after = newest[i].Seq; c.Last > 0 {
				if err := t.detection(&newest[i].Detection); err != nil {
					return err
				}
			}
		}
		t.changed = after
		if err := t.changes(st); err != nil {
			return err
		}
		follow, cancel := context.WithCancel(e.ctx)
		defer cancel()
		err = alert.Follow(follow, &changing{Store: st, t: t}, after, func(n alert.Entry) error { return t.detection(&n.Detection) })
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
}

// tail prints what comes.
type tail struct {
	e       *env
	full    bool
	lines   *render.Tail
	whole   *render.Teller // with full
	changed uint64         // seq of the last change told
}

func (t *tail) detection(d *event.Detection) error {
	switch {
	case t.e.json:
		return t.e.printLine(d)
	case t.full:
		return t.whole.Tell(t.e.stdout, d)
	}
	_, err := io.WriteString(t.e.stdout, t.lines.Detection(d))
	return err
}

// changes tells what was decided since; JSON lines are alerts alone.
func (t *tail) changes(st *app.Store) error {
	cs, err := st.ChangesAfter(t.e.ctx, t.changed, 100)
	if err != nil {
		return err
	}
	for i := range cs {
		if t.changed = cs[i].Seq; t.e.json {
			continue
		}
		if _, err := io.WriteString(t.e.stdout, t.lines.Change(cs[i].Incident, &cs[i].Change)); err != nil {
			return err
		}
	}
	return nil
}

// changing is a store whose follower is told of changes as well.
type changing struct {
	*app.Store
	t *tail
}

// Detections implements alert.Journal.
func (c *changing) Detections(ctx context.Context, q alert.Query) ([]alert.Entry, error) {
	es, err := c.Store.Detections(ctx, q)
	if err != nil || len(es) > 0 {
		return es, err
	}
	return nil, c.t.changes(c.Store)
}

// width is how many columns w has: 0 unless it is a terminal or COLUMNS says.
func width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// sudoUser is who called sudo, if anybody did.
func sudoUser() string {
	if os.Geteuid() != 0 {
		return ""
	}
	return os.Getenv("SUDO_USER")
}

type alertsVerifyCmd struct {
	Witness []string `type:"existingfile" placeholder:"FILE" help:"A file of alerts as a file sink has written it, kept elsewhere: its links must be the same."`
}

// Help is shown by --help.
func (alertsVerifyCmd) Help() string {
	return "Follows the chain of the audit: every alert that was committed and every decision about an incident is a link, whose keyed hash covers the one before. " +
		"Whoever alters the database without its key breaks the chain; an older copy of the whole database is told from a witness alone. Exit code 1 if it is broken.\n\n" +
		"Example: honeyrow alerts verify --witness /srv/archive/alerts.jsonl"
}

// Run verifies the audit.
func (c *alertsVerifyCmd) Run(e *env) error {
	var witnesses []alert.Witness
	for _, name := range c.Witness {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		ws, err := alert.Witnesses(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		witnesses = append(witnesses, ws...)
	}
	return e.withStore(func(st *app.Store) error {
		a, err := st.Verify(e.ctx, witnesses)
		if err != nil {
			return err
		}
		if e.json {
			if err := e.printJSON(a); err != nil || a.Broken == nil {
				return err
			}
			return errReported
		}
		if a.Broken != nil {
			fmt.Fprintf(e.stderr, "honeyrow: the audit is broken at link %d: %s. %d links before it hold. Keep a copy of the database, and compare with what the sinks were given.\n",
				a.Broken.N, printable(a.Broken.What), a.Links)
			return errReported
		}
		fmt.Fprintf(e.stdout, "the audit holds: %d links, %d alerts and %d decisions as they were committed\n", a.Links, a.Detections, a.Changes)
		if a.Anchor > 0 {
			fmt.Fprintf(e.stdout, "it begins after link %d: what was before is past alerts.retention\n", a.Anchor)
		}
		if a.Before > 0 {
			fmt.Fprintf(e.stdout, "%d alerts were there before it began, and are not covered\n", a.Before)
		}
		if len(witnesses) > 0 {
			fmt.Fprintf(e.stdout, "%d witnesses agree, %d are of links that were pruned\n", a.Witnessed, a.TooOld)
		}
		fmt.Fprintf(e.stdout, "last link: %d %s\n", a.Head.N, a.Head.Hash)
		return nil
	})
}
