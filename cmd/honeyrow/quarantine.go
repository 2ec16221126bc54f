package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/app"
)

type quarantineCmd struct {
	List quarantineListCmd `cmd:"" default:"withargs" help:"List who is shut out (the default)."`
	Lift quarantineLiftCmd `cmd:"" help:"Let somebody in again."`
	Add  quarantineAddCmd  `cmd:"" help:"Shut an address, a user or an application out for a time."`
}

// wards are where quarantines are listed and ordered: the running proxy, or the
// registry where none answers.
type wards interface {
	list(all bool) ([]event.Quarantined, error)
	add(o admin.QuarantineOrder) (event.Quarantined, error)
	lift(id event.ID, note string) error
}

// withWards asks the running proxy if the configuration has an admin listener and
// one answers there, else the registry itself.
func (e *env) withWards(do func(wards) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	if cfg.Admin.Enabled() {
		k, err := admin.Dial(cfg.Admin)
		if err != nil {
			return err
		}
		if err := do(asked{e, k}); !errors.Is(err, admin.ErrNoProxy) {
			return err
		}
	}
	return e.withStore(func(st *app.Store) error { return do(written{e, st, cfg}) })
}

// asked are those of the running proxy.
type asked struct {
	e *env
	k *admin.Client
}

func (a asked) list(all bool) (qs []event.Quarantined, err error) {
	return qs, a.k.Get(a.e.ctx, "/v1/quarantine?all="+strconv.FormatBool(all), &qs)
}

func (a asked) add(o admin.QuarantineOrder) (q event.Quarantined, err error) {
	return q, a.k.Order(a.e.ctx, http.MethodPost, "/v1/quarantine", o, &q)
}

func (a asked) lift(id event.ID, note string) error {
	var q event.Quarantined
	return a.k.Order(a.e.ctx, http.MethodDelete, "/v1/quarantine/"+string(id), admin.LiftOrder{Author: app.Me(), Note: note}, &q)
}

// written are those in the registry; proxies follow it.
type written struct {
	e   *env
	st  *app.Store
	cfg *app.Config
}

func (w written) list(all bool) ([]event.Quarantined, error) { return w.st.Quarantines(w.e.ctx, all) }

func (w written) add(o admin.QuarantineOrder) (event.Quarantined, error) {
	return app.ShutOut(w.e.ctx, w.st, w.cfg, o)
}

func (w written) lift(id event.ID, note string) error {
	_, err := w.st.Lift(w.e.ctx, id, app.Me(), note)
	return err
}

type quarantineListCmd struct {
	All bool `help:"Those of the last 30 days that are over too."`
}

// Help is shown by --help.
func (quarantineListCmd) Help() string {
	return "Rules shut clients out (actions.quarantine), and `honeyrow quarantine add` does. Asks the running proxy, or the registry where none answers.\n\n" +
		"Example: honeyrow quarantine list --all"
}

// Run lists: JSON lines with --json.
func (c *quarantineListCmd) Run(e *env) error {
	return e.withWards(func(w wards) error {
		qs, err := w.list(c.All)
		if err != nil {
			return err
		}
		t := &table{head: []string{"ID", "WHO", "SERVER", "FROM", "UNTIL", "REFUSED", "BY", "ALERT", "WHY"}}
		for i := range qs {
			q := &qs[i]
			if e.json {
				if err := e.printLine(q); err != nil {
					return err
				}
				continue
			}
			by, why := "rule "+q.Rule, q.Note
			if q.Rule == "" {
				by = q.Author
			}
			until := localTime(q.Until)
			if !q.Lifted.IsZero() {
				until = "lifted " + localTime(q.Lifted)
				why = strings.TrimPrefix(why+"; lifted by "+q.LiftedBy, "; ")
				if q.LiftNote != "" {
					why += ": " + q.LiftNote
				}
			}
			t.add(string(q.ID), q.By+" "+printable(q.Subject), printable(q.Server), localTime(q.Since), until, strconv.Itoa(q.Refused),
				printable(by), string(q.Detection), printable(why))
		}
		switch {
		case e.json:
		case len(qs) == 0:
			fmt.Fprintln(e.stdout, "nobody is in quarantine")
		default:
			t.write(e.stdout)
		}
		return nil
	})
}

func localTime(t time.Time) string { return stamp(t) }

type quarantineLiftCmd struct {
	Who  []string `arg:"" optional:"" help:"Ids as listed, beginnings of them, or the addresses', users' or applications' names."`
	All  bool     `help:"Everybody."`
	Note string   `help:"Why; kept in the audit and listed with --all."`
}

// Help is shown by --help.
func (quarantineLiftCmd) Help() string {
	return "Takes effect within a second. A rule that matches again shuts the client out again.\n\n" +
		"Example: honeyrow quarantine lift 10.0.0.7 --note \"our own backup job\""
}

// Run lifts all that are named, or nothing.
func (c *quarantineLiftCmd) Run(e *env) error {
	if (len(c.Who) == 0) != c.All {
		return usage{errors.New("name who is to be let in, or give --all")}
	}
	return e.withWards(func(w wards) error {
		qs, err := w.list(false)
		if err != nil {
			return err
		}
		if !c.All {
			if qs, err = pick(qs, c.Who); err != nil {
				return err
			}
		}
		for i := range qs {
			if err := w.lift(qs[i].ID, c.Note); err != nil {
				return err
			}
			if err := e.done(fmt.Sprintf("%s %s is let in again", qs[i].By, printable(qs[i].Subject))); err != nil {
				return err
			}
		}
		return nil
	})
}

// pick finds one quarantine for each name.
func pick(qs []event.Quarantined, names []string) (out []event.Quarantined, err error) {
	for _, name := range names {
		var found []event.Quarantined
		for i := range qs {
			if qs[i].Subject == name || name != "" && strings.HasPrefix(string(qs[i].ID), name) {
				found = append(found, qs[i])
			}
		}
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("%q is not in quarantine: `honeyrow quarantine list` shows who is", name)
		case 1:
			out = append(out, found[0])
		default:
			return nil, fmt.Errorf("%q may be one of %d in quarantine: give the id as listed", name, len(found))
		}
	}
	return out, nil
}

type quarantineAddCmd struct {
	Address     string        `xor:"who" help:"An IP address, shut out at every server."`
	User        string        `xor:"who" help:"A user of --server."`
	Application string        `xor:"who" help:"An application of --server, as it calls itself."`
	Server      string        `help:"The server, as the configuration calls it; may be left out if there is one only."`
	For         time.Duration `default:"1h" help:"For how long, up to 720h."`
	Note        string        `help:"Why; kept in the audit and listed."`
	Message     string        `help:"What a client reads who is refused."`
}

// Help is shown by --help.
func (quarantineAddCmd) Help() string {
	return "New sessions are refused and running ones end, within a second. Whoever is in quarantine already stays until the later of both times.\n\n" +
		"Example: honeyrow quarantine add --address 10.0.0.7 --for 4h --note \"asked on the phone, nobody knows it\""
}

// Run shuts somebody out.
func (c *quarantineAddCmd) Run(e *env) error {
	o := admin.QuarantineOrder{Server: c.Server, For: c.For, Author: app.Me(), Note: c.Note, Message: c.Message}
	for by, name := range map[string]string{"address": c.Address, "user": c.User, "application": c.Application} {
		if name != "" {
			o.By, o.Subject = by, name
		}
	}
	if o.By == "" {
		return usage{errors.New("say who: --address, --user or --application")}
	}
	return e.withWards(func(w wards) error {
		q, err := w.add(o)
		if err != nil {
			return err
		}
		if e.json {
			return e.printLine(q)
		}
		fmt.Fprintf(e.stdout, "%s %s is shut out until %s\n", q.By, printable(q.Subject), localTime(q.Until))
		return nil
	})
}
