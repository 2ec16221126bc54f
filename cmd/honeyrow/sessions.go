package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"honeyrow/internal/admin"
)

type sessionsCmd struct {
	List sessionsListCmd `cmd:"" help:"List who is connected, and what they have done so far."`
	Kill sessionsKillCmd `cmd:"" help:"End sessions: their clients are told so in the database's own words."`
}

type sessionsListCmd struct {
	User   string `placeholder:"NAME" help:"Only this database user's."`
	Server string `placeholder:"NAME" help:"Only those with this server of the configuration."`
	Active bool   `help:"Only those for which the server is at work or has a transaction open."`
}

// Help is shown by --help.
func (sessionsListCmd) Help() string {
	return "Asks the running proxy, through the configuration's admin.address. With --json each session is one JSON line. After a hand-over it has those " +
		"that are still with the old process too.\n\n" +
		"Example: honeyrow sessions list --user app_ro"
}

// Run lists sessions.
func (c *sessionsListCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	all, missing, err := k.Sessions(e.ctx)
	if err != nil {
		return err
	}
	e.notAll(missing)
	t := table{head: []string{"ID", "PID", "USER", "DATABASE", "APPLICATION", "CLIENT", "TLS", "SINCE", "STATEMENTS", "ROWS", "OUT", "IN", "STATE"}}
	for i := range all {
		s := &all[i]
		if c.User != "" && s.Client.User != c.User || c.Server != "" && s.Client.Server != c.Server || c.Active && s.State == admin.Idle {
			continue
		}
		if e.json {
			if err := e.printLine(s); err != nil {
				return err
			}
			continue
		}
		t.add(sessionRow(s, time.Now())...)
	}
	switch {
	case e.json:
	case len(t.rows) == 0:
		fmt.Fprintln(e.stderr, "no sessions")
	default:
		t.write(e.stdout)
	}
	return nil
}

// notAll says which sessions a list lacks.
func (e *env) notAll(missing string) {
	if missing != "" {
		fmt.Fprintf(e.stderr, "honeyrow: not all sessions are here: %s\n", printable(missing))
	}
}

// shortID is the end of a session's id: its beginning is a time, which sessions
// that began together share.
func shortID(s *admin.Session) string {
	id := string(s.Client.Session)
	return id[strings.LastIndexByte(id, '-')+1:]
}

func sessionRow(s *admin.Session, now time.Time) []string {
	who := &s.Client
	tls := "-"
	if who.TLS != nil {
		if tls = strings.TrimPrefix(who.TLS.Version, "TLS "); who.TLS.Subject != "" {
			tls += " " + printable(who.TLS.Subject)
		}
	}
	dash := func(x string) string {
		if x == "" {
			return "-"
		}
		return printable(x)
	}
	state := string(s.State)
	if s.State != admin.Active && s.Idle >= time.Second {
		state += " " + age(s.Idle)
	}
	if s.Delay > 0 {
		state += ", slowed by " + s.Delay.String()
	}
	if s.Elder != 0 {
		state += ", with process " + strconv.Itoa(s.Elder)
	}
	return []string{
		shortID(s), strconv.FormatUint(uint64(who.BackendPID), 10), dash(who.User), dash(who.Database), dash(who.Application), dash(who.Address),
		tls, age(now.Sub(who.Started)), strconv.FormatUint(s.Statements, 10), strconv.FormatUint(s.Rows, 10), size(s.ToClient), size(s.ToServer), state,
	}
}

// age writes a time that has passed for a person.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m" + strconv.Itoa(int(d.Seconds())%60) + "s"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h" + strconv.Itoa(int(d.Minutes())%60) + "m"
	}
	return strconv.Itoa(int(d.Hours())/24) + "d" + strconv.Itoa(int(d.Hours())%24) + "h"
}

type sessionsKillCmd struct {
	Sessions []string `arg:"" name:"session" help:"Each by its id, by the end of it as list shows it, or by PID."`
}

// Help is shown by --help.
func (sessionsKillCmd) Help() string {
	return "The client gets the error with which its database ends a connection by an administrator's order (PostgreSQL: 57P01, MySQL: 1927), " +
		"and the connection ends. PostgreSQL is asked to cancel what the session runs; MySQL and MariaDB notice that the client is gone when they have something to send.\n\n" +
		"Example: honeyrow sessions kill 4f0c1a2b3d5e"
}

// killed is what kill prints as JSON.
type killed struct {
	Session string `json:"session"`
	User    string `json:"user"`
	Address string `json:"address"`
	Killed  bool   `json:"killed"`
	Error   string `json:"error,omitempty"`
}

// Run ends sessions. Each is looked up before any is ended.
func (c *sessionsKillCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	all, missing, err := k.Sessions(e.ctx)
	if err != nil {
		return err
	}
	e.notAll(missing)
	meant := make([]*admin.Session, len(c.Sessions))
	for i, name := range c.Sessions {
		if meant[i], err = findSession(all, name); err != nil {
			return err
		}
	}
	failed := false
	for _, s := range meant {
		done := killed{Session: string(s.Client.Session), User: s.Client.User, Address: s.Client.Address, Killed: true}
		if err := k.Kill(e.ctx, s.Client.Session); err != nil {
			failed, done.Killed, done.Error = true, false, err.Error()
		}
		switch {
		case e.json:
			if err := e.printLine(done); err != nil {
				return err
			}
		case done.Killed:
			fmt.Fprintf(e.stdout, "killed %s: %s from %s\n", shortID(s), printable(done.User), printable(done.Address))
		default:
			fmt.Fprintf(e.stderr, "honeyrow: session %s of %s: %s\n", shortID(s), printable(done.User), done.Error)
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// shortest is how much of an id's end must be given, in characters.
const shortest = 4

// findSession finds the one session that name means.
func findSession(all []admin.Session, name string) (*admin.Session, error) {
	var found []*admin.Session
	for i := range all {
		s := &all[i]
		id := string(s.Client.Session)
		switch {
		case id == name:
			return s, nil
		case len(name) >= shortest && strings.HasSuffix(id, name), s.Client.BackendPID != 0 && strconv.FormatUint(uint64(s.Client.BackendPID), 10) == name:
			found = append(found, s)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no session is called %s: it may have ended; see `honeyrow sessions list`", printable(name))
	}
	var ids []string
	for _, s := range found {
		ids = append(ids, string(s.Client.Session))
	}
	return nil, fmt.Errorf("%s means %d sessions: give the whole id, one of %s", printable(name), len(found), strings.Join(ids, ", "))
}
