package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"honeyrow/demo/crm"
	"honeyrow/internal/myserver"
	"honeyrow/internal/port"
)

type options struct {
	honeyrow  string // the program
	databases string // postgres, mariadb or both
	keep      bool
	customers int // 0: 10,000
	out       io.Writer
}

// opener starts a private server and loads the rows.
type opener func(ctx context.Context, dir string, p keyPair, data *crm.Data) (*business, error)

// openers are those of -db, in the order of the story.
func openers(databases string) ([]opener, error) {
	switch databases {
	case "postgres":
		return []opener{openPostgres}, nil
	case "mariadb":
		return []opener{openMariaDB}, nil
	case "both", "":
		return []opener{openPostgres, openMariaDB}, nil
	}
	return nil, fmt.Errorf("no databases %q: use postgres, mariadb or both", databases)
}

// run plays the whole demo. Whatever way it ends, nothing is left behind.
func run(ctx context.Context, o options) (err error) {
	p := &printer{w: o.out, colour: isTerminal(o.out)}
	wanted, err := openers(o.databases)
	if err != nil {
		return err
	}
	program, err := filepath.Abs(o.honeyrow)
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w: build it with `make build`", err)
	}
	dir, err := os.MkdirTemp("", "honeyrow-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	defer myserver.Cleanup()

	p.heading("The business")
	s := &stage{dir: dir, honeyrow: program}
	defer s.close()
	if err := s.open(ctx, p, wanted, crm.Options{Seed: 20261122, Customers: o.customers}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := plant(ctx, p, s); err != nil {
		return err
	}
	l := newLedger(s.alerts())
	var all []performance
	var theatres []*theatre
	for _, b := range s.houses {
		th, err := s.theatre(ctx, b)
		if err != nil {
			return err
		}
		defer th.shop.Close()
		title := b.product.name()
		if len(theatres) > 0 { // the act before ended with block
			if err := s.react(ctx, "alert"); err != nil {
				return err
			}
		}
		theatres = append(theatres, th)
		results, err := playAll(ctx, p, s, th, l, func(act) bool { return true })
		if err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		all = append(all, performance{title, results})
	}
	if o.keep {
		err := errors.Join(settle(p, l, all), s.react(ctx, "alert"))
		return errors.Join(err, keepOpen(ctx, p, s, theatres))
	}
	if err := after(ctx, p, s, len(l.order)); err != nil {
		return err
	}
	// What the proxy had committed is delivered before it ends: from here on
	// nothing can come any more.
	if err := s.stop(); err != nil {
		return err
	}
	return settle(p, l, all)
}

// open starts the servers side by side and loads the same rows into each.
func (s *stage) open(ctx context.Context, p *printer, wanted []opener, o crm.Options) error {
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	if err := cert.write(s.dir); err != nil {
		return err
	}
	data, err := crm.Generate(o)
	if err != nil {
		return err
	}
	houses, errs, took := make([]*business, len(wanted)), make([]error, len(wanted)), make([]time.Duration, len(wanted))
	var wg sync.WaitGroup
	for i, open := range wanted {
		wg.Go(func() {
			began := time.Now()
			houses[i], errs[i] = open(ctx, s.dir, cert, data)
			took[i] = time.Since(began)
		})
	}
	wg.Wait()
	for _, b := range houses {
		if b != nil {
			s.houses = append(s.houses, b)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, b := range s.houses {
		if b.listen, err = port.FreeAddress(); err != nil {
			return err
		}
		p.say("%s %s on %s, with TLS and a password for each account, in %s: up and loaded in %.1f s.",
			b.product.name(), b.version, b.address(), b.folder, took[i].Seconds())
	}
	each := ""
	if len(s.houses) > 1 {
		each = " in each"
	}
	p.say("%s%s.", inventory(data), each)
	return nil
}

// close stops the servers.
func (s *stage) close() {
	for _, b := range s.houses {
		b.stop()
	}
}

// theatre makes the shop and everything else the acts need, through the proxy.
func (s *stage) theatre(ctx context.Context, b *business) (*theatre, error) {
	w, err := b.through()
	if err != nil {
		return nil, err
	}
	d, err := s.decoys(ctx, b)
	if err != nil {
		return nil, err
	}
	sh, err := w.openShop("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &theatre{way: w, server: b.server, shop: sh, decoys: d}, nil
}

// plant puts honeyrow in front of the business with its own command line.
func plant(ctx context.Context, p *printer, s *stage) error {
	p.heading("Honeyrow moves in")
	line, out, err := s.configure(ctx)
	if err != nil {
		return err
	}
	p.command(line, out, 3)
	also := ""
	if protocol := s.houses[0].product.protocol(); protocol != "postgres" {
		also = " the server's protocol is set to " + protocol + ","
	}
	p.say("(then%s TLS is switched on in honeyrow.yaml, and the planting role's connection string put into seed.dsn)", also)
	for _, b := range s.houses[1:] {
		p.say("(and %s gets an entry under servers and one under listeners: the same proxy, on %s)", b.product.name(), b.listen)
	}
	if out, err = s.run(ctx, "doctor"); err != nil {
		return err
	}
	p.command("honeyrow doctor", out, 14+10*(len(s.houses)-1))
	if err := s.start(ctx); err != nil {
		return err
	}
	p.command("honeyrow proxy &", nil, 0)
	for i, b := range s.houses {
		if err := plantIn(ctx, p, s, b, i == 0); err != nil {
			return err
		}
	}
	return s.running()
}

// plantIn plants in one database; what is printed is shown at length for the
// first.
func plantIn(ctx context.Context, p *printer, s *stage, b *business, first bool) error {
	plan := "plan.json"
	lines := [4]int{34, 40, 6, 8}
	if !first {
		lines = [4]int{12, 22, 2, 2}
	}
	var server []string
	if len(s.houses) > 1 {
		plan, server = "plan-"+b.server+".json", []string{"--server", b.server}
	}
	for i, args := range [4][]string{
		{"seed", "plan", "--out", plan},
		{"seed", "apply", plan, "--yes"},
		{"seed", "verify"},
		{"tokens", "list", "--table", "customers"},
	} {
		args = append(args, server...)
		out, err := s.run(ctx, args...)
		if err != nil {
			return err
		}
		p.command("honeyrow "+strings.Join(args, " "), out, lines[i])
	}
	return nil
}

// performance is the story as played on one product.
type performance struct {
	title   string // empty: there is only one
	results []*result
}

// result is how one act went.
type result struct {
	act      act
	want     []expectation
	got      []*entry
	problem  string
	duration time.Duration
}

// keeper has the proxy in its hands.
type keeper interface {
	// react makes the proxy do something else about honey rows that are read.
	react(ctx context.Context, action string) error
	// running reports an error if the proxy has ended.
	running() error
}

// playAll plays the acts that are wanted and collects what came of each.
func playAll(ctx context.Context, p *printer, k keeper, th *theatre, l *ledger, wanted func(act) bool) ([]*result, error) {
	var results []*result
	for i, a := range story(th.product.script()) {
		if !wanted(a) {
			continue
		}
		p.heading(fmt.Sprintf("%s, act %d. %s", th.product.name(), i+1, a.title))
		p.say("%s", a.story)
		if a.refuse && !th.refuses {
			if err := k.react(ctx, "block"); err != nil {
				return nil, err
			}
			th.refuses = true
		}
		r, began := &result{act: a, want: a.expected(th)}, time.Now()
		results = append(results, r)
		got, err := l.during(func() (string, error) { return a.play(ctx, th) })
		r.duration = time.Since(began)
		if err != nil {
			if down := k.running(); down != nil {
				err = errors.Join(err, down)
			}
			return nil, fmt.Errorf("act %d (%s): %w", i+1, a.title, err)
		}
		p.say("What they got: %s, in %s.", got, r.duration.Round(time.Millisecond))
		if r.got, err = l.await(ctx, i, r.want, time.Minute); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			r.problem = err.Error()
		}
		for _, e := range r.got {
			p.alert(&e.d)
		}
		switch {
		case r.problem != "":
			p.bad(r.problem)
		case len(r.want) == 0:
			p.good("no alert, as it should be")
		}
		for _, e := range l.free() {
			p.bad("an alert that nobody expected: " + e.d.Summary)
			e.act = i
			r.got = append(r.got, e)
			r.problem = "unexpected: " + e.d.Summary
		}
	}
	return results, nil
}

// after shows what the operator sees, and takes the honey rows back.
func after(ctx context.Context, p *printer, s *stage, alerts int) error {
	p.heading("The morning after")
	out, err := s.run(ctx, "alerts", "list")
	if err != nil {
		return err
	}
	p.command("honeyrow alerts list", out, alerts+3)
	for _, b := range s.houses {
		args := []string{"seed", "remove", "--yes"}
		if len(s.houses) > 1 {
			args = append(args, "--server", b.server)
		}
		if out, err = s.run(ctx, args...); err != nil {
			return err
		}
		p.command("honeyrow "+strings.Join(args, " "), out, 4)
		if err := b.unchanged(ctx); err != nil {
			return err
		}
		p.good("every table of " + b.product.name() + " has exactly the rows it had before")
	}
	return nil
}

var errAlerts = errors.New("the alerts are not exactly the expected ones")

// settle reads the alert file to its end, prints the summary and judges.
func settle(p *printer, l *ledger, all []performance) error {
	if err := l.read(); err != nil {
		return err
	}
	late := l.free()
	for _, e := range late {
		p.bad("an alert that nobody expected: " + e.d.Summary)
	}
	p.heading("Summary")
	wrong, want := len(late), 0
	for _, f := range all {
		p.summary(f)
		for _, r := range f.results {
			want += len(r.want)
			if r.problem != "" || len(r.got) != len(r.want) {
				wrong++
			}
		}
	}
	p.late(len(late))
	if wrong > 0 {
		return fmt.Errorf("%w: see the summary (%d problems)", errAlerts, wrong)
	}
	p.good(fmt.Sprintf("exactly the expected alerts came: %d", want))
	return nil
}

// keepOpen says how to connect and waits for Ctrl-C.
func keepOpen(ctx context.Context, p *printer, s *stage, theatres []*theatre) error {
	p.heading("Still running")
	for i, th := range theatres {
		b := s.houses[i]
		through, err := th.product.hint(th.way, "jhartmann")
		if err != nil {
			return err
		}
		p.say("%s", th.product.name())
		p.say("  Through the proxy:   %s", through)
		p.say("  Straight, as owner:  %s", b.owner)
		p.say("  The vulnerable shop: curl '%s'", th.shop.SearchURL("lamp"))
		p.say("  Proxy and server:    %s -> %s", b.listen, b.address())
		p.say("  Accounts:")
		for _, role := range crm.Roles {
			p.say("    %-14s %s", role, b.passwords[role])
		}
	}
	p.say("Configuration:         %s", s.config())
	p.say("Alert file:            tail -f %s", s.alerts())
	p.say("honeyrow:              %s --config %s tokens list", s.honeyrow, s.config())
	p.say("Ctrl-C stops everything and removes it.")
	select {
	case <-ctx.Done():
	case <-s.ended:
		p.bad("the proxy has ended: " + s.log.String())
	}
	return nil
}
