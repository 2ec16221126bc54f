package main

import (
	"fmt"
	"strconv"
	"time"

	"honeyrow/internal/admin"
	"honeyrow/internal/app"
)

// proxyClient reaches the running proxy through its admin listener.
func (e *env) proxyClient() (*admin.Client, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	return admin.Dial(cfg.Admin)
}

type statusCmd struct{}

// Help is shown by --help.
func (statusCmd) Help() string {
	return "Asks the running proxy, through the configuration's admin.address, what it serves, watches and has delivered.\n\n" +
		"Example: honeyrow status --json"
}

// Run asks.
func (statusCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	var s app.Status
	if err := k.Get(e.ctx, "/v1/status", &s); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(s)
	}
	printStatus(e, &s, time.Now())
	return nil
}

func printStatus(e *env, s *app.Status, now time.Time) {
	fmt.Fprintf(e.stdout, "honeyrow %s on %s, pid %d: %s for %s\n", printable(s.Build.Version), printable(s.Host), s.PID, s.State, now.Sub(s.Started).Round(time.Second))
	fmt.Fprintf(e.stdout, "configuration %s, in force since %s\n", printable(s.Config), stamp(s.Reloaded))
	registry := "registry read"
	if !s.Registry.Up {
		registry = "REGISTRY LOST: the tokens last known are watched on"
	}
	fmt.Fprintf(e.stdout, "%d tokens watched (version %d), %s\n", s.Registry.Tokens, s.Registry.Watch, registry)
	fmt.Fprintf(e.stdout, "%d hits, %d detections, %d allowed since the start\n\n", s.Engine.Hits, s.Engine.Detections, s.Engine.Allowed)
	if printOutbox(e, s) {
		fmt.Fprintln(e.stdout)
	}
	t := &table{head: []string{"LISTENER", "ADDRESS", "SERVER", "CONNECTIONS", "SESSIONS", "TO CLIENTS", "TO SERVER"}}
	for _, l := range s.Listener {
		t.add(l.Name, l.Address, l.Server, strconv.FormatInt(l.Connections, 10), strconv.FormatUint(l.Sessions, 10), size(l.ToClient), size(l.ToServer))
	}
	t.write(e.stdout)
	if len(s.Sinks) == 0 {
		fmt.Fprintln(e.stdout, "\nno sink is configured: alerts stay in the registry (honeyrow alerts list)")
		return
	}
	fmt.Fprintln(e.stdout)
	t = &table{head: []string{"SINK", "DELIVERED", "WAITING", "FAILED TRIES", "GIVEN UP"}}
	for _, k := range s.Sinks {
		t.add(k.Name, strconv.FormatUint(k.Delivered, 10), strconv.Itoa(k.Pending), strconv.FormatUint(k.Failed, 10), strconv.FormatUint(k.Dead, 10))
	}
	t.write(e.stdout)
}

// printOutbox tells what is out of the ordinary, and returns whether there is anything.
func printOutbox(e *env, s *app.Status) (said bool) {
	say := func(format string, args ...any) {
		said = true
		fmt.Fprintf(e.stdout, format+"\n", args...)
	}
	if s.Outbox.Unread {
		say("ALERTS CAN'T BE DELIVERED: the registry can't be used for it; see the proxy's log")
	}
	if o := s.Outbox; !o.Up && !o.Unread || o.Spill > 0 || o.Lost > 0 {
		say("ALERTS CAN'T BE RECORDED as they should: %d wait in memory, %d in the spill, %d are lost; see the proxy's log", o.Queued, o.Spill, o.Lost)
	}
	if s.Outbox.Refusing {
		say("TRAFFIC IS REFUSED meanwhile (alerts.unwritable: refuse)")
	}
	known := 0
	for i := range s.Predecessors {
		p := &s.Predecessors[i]
		known += p.Sessions
		until := "while this one may still fail, it stands ready"
		if !p.Until.IsZero() {
			until = "until they end, " + stamp(p.Until) + " at the latest"
		}
		say("process %d (honeyrow %s) has handed over and keeps %s: %s", p.PID, printable(p.Version), counted(p.Sessions, "session", "sessions"), until)
		if o := p.Outbox; !o.Up || o.Spill > 0 || o.Lost > 0 {
			say("THERE ALERTS CAN'T BE RECORDED as they should: %d wait in memory, %d in the spill, %d are lost; see the log", o.Queued, o.Spill, o.Lost)
		}
	}
	if n := s.Elders - known; n > 0 && len(s.Predecessors) == 0 {
		say("%s still with processes that have handed over to this one, which do not answer", counted(n, "session is", "sessions are"))
	}
	return said
}

// size writes bytes for a person.
func size(n uint64) string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, u := float64(n), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	if u == 0 {
		return strconv.FormatUint(n, 10) + " B"
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

type reloadCmd struct{}

// Help is shown by --help.
func (reloadCmd) Help() string {
	return "Has the running proxy read its configuration again, as SIGHUP does, and says what it thinks of it: it is taken over as a whole or not at all."
}

// Run gives the order.
func (reloadCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	if err := k.Post(e.ctx, "/v1/reload"); err != nil {
		return err
	}
	return e.done("the configuration is in force")
}

type drainCmd struct{}

// Help is shown by --help.
func (drainCmd) Help() string {
	return "Has the running proxy end in order, as SIGTERM does: no new connections, transactions may finish until drain.deadline."
}

// Run gives the order.
func (drainCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	if err := k.Post(e.ctx, "/v1/drain"); err != nil {
		return err
	}
	return e.done("the proxy drains and ends")
}

// done tells of an order that was carried out.
func (e *env) done(what string) error {
	if e.json {
		return e.printLine(struct {
			Done string `json:"done"`
		}{what})
	}
	fmt.Fprintln(e.stdout, what)
	return nil
}
