package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"honeyrow/demo/crm"
	"honeyrow/demo/shop"
)

type options struct {
	honeyrow  string // the program
	keep      bool
	customers int // 0: 10,000
	out       io.Writer
}

// run plays the whole demo. Whatever way it ends, nothing is left behind.
func run(ctx context.Context, o options) (err error) {
	p := &printer{w: o.out, colour: isTerminal(o.out)}
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

	p.heading("The business")
	started := time.Now()
	b, err := openBusiness(ctx, dir, crm.Options{Seed: 20261122, Customers: o.customers})
	if err != nil {
		return err
	}
	defer b.Stop()
	p.say("PostgreSQL %s on %s, with TLS and SCRAM passwords, in %s.", serverVersion(ctx, b), b.Addr(), b.Dir)
	p.say("%s, loaded in %.1f s.", inventory(b.data), time.Since(started).Seconds())

	listen, err := freeAddress()
	if err != nil {
		return err
	}
	s := &stage{b: b, honeyrow: program, listen: listen}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := plant(ctx, p, s); err != nil {
		return err
	}
	th, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer th.shop.Close()

	l := newLedger(s.alerts())
	results, err := playAll(ctx, p, s, th, l, func(act) bool { return true })
	if err != nil {
		return err
	}
	if o.keep {
		err := errors.Join(settle(p, l, results), s.react(ctx, "alert"))
		keepOpen(ctx, p, s, th)
		return err
	}
	if err := after(ctx, p, s, len(l.order)); err != nil {
		return err
	}
	// What the proxy had committed is delivered before it ends: from here on
	// nothing can come any more.
	if err := s.stop(); err != nil {
		return err
	}
	return settle(p, l, results)
}

// open makes the shop and everything else the acts need, through the proxy.
func open(ctx context.Context, s *stage) (*theatre, error) {
	w, err := s.b.through(s.listen)
	if err != nil {
		return nil, err
	}
	d, err := s.decoys(ctx)
	if err != nil {
		return nil, err
	}
	sh, err := shop.Start(ctx, w.dsn("shop_web", "shop"))
	if err != nil {
		return nil, err
	}
	return &theatre{way: w, shop: sh, decoys: d}, nil
}

// plant puts honeyrow in front of the business with its own command line.
func plant(ctx context.Context, p *printer, s *stage) error {
	p.heading("Honeyrow moves in")
	out, err := s.configure(ctx)
	if err != nil {
		return err
	}
	p.command("honeyrow init --name crm --server-address "+s.b.Addr()+" --listen "+s.listen+" --domain "+decoyDomain, out, 3)
	p.say("(then TLS is switched on in honeyrow.yaml, and the planting role's connection string put into seed.dsn)")
	if out, err = s.run(ctx, "doctor"); err != nil {
		return err
	}
	p.command("honeyrow doctor", out, 14)
	if err := s.start(ctx); err != nil {
		return err
	}
	p.command("honeyrow proxy &", nil, 0)
	for _, c := range []struct {
		args  []string
		lines int
	}{
		{[]string{"seed", "plan", "--out", "plan.json"}, 34},
		{[]string{"seed", "apply", "plan.json", "--yes"}, 40},
		{[]string{"seed", "verify"}, 6},
		{[]string{"tokens", "list", "--table", "customers"}, 8},
	} {
		if out, err = s.run(ctx, c.args...); err != nil {
			return err
		}
		p.command("honeyrow "+strings.Join(c.args, " "), out, c.lines)
	}
	return s.running()
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
	for i, a := range story() {
		if !wanted(a) {
			continue
		}
		p.heading(fmt.Sprintf("Act %d. %s", i+1, a.title))
		p.say("%s", a.story)
		if a.refuse && !th.refuses {
			if err := k.react(ctx, "block"); err != nil {
				return nil, err
			}
			th.refuses = true
		}
		r, began := &result{act: a, want: a.expect(th)}, time.Now()
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
		if r.got, err = l.await(ctx, i, r.want, 15*time.Second); err != nil {
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
	if out, err = s.run(ctx, "seed", "remove", "--yes"); err != nil {
		return err
	}
	p.command("honeyrow seed remove --yes", out, 8)
	for _, t := range s.b.data.Tables {
		if t.Name == "orders" || t.Name == "order_items" {
			continue // the ordinary day placed new ones
		}
		n, err := s.b.Query(ctx, database, "SELECT count(*) FROM "+t.Name)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(n); got != fmt.Sprint(len(t.Rows)) {
			return fmt.Errorf("after `seed remove` %s has %s rows, not the %d it had before", t.Name, got, len(t.Rows))
		}
	}
	p.good("every table has exactly the rows it had before")
	return nil
}

var errAlerts = errors.New("the alerts are not exactly the expected ones")

// settle reads the alert file to its end, prints the summary and judges.
func settle(p *printer, l *ledger, results []*result) error {
	if err := l.read(); err != nil {
		return err
	}
	late := l.free()
	for _, e := range late {
		p.bad("an alert that nobody expected: " + e.d.Summary)
	}
	p.heading("Summary")
	p.summary(results, len(late))
	wrong := len(late)
	for _, r := range results {
		if r.problem != "" || len(r.got) != len(r.want) {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%w: see the summary (%d problems)", errAlerts, wrong)
	}
	p.good("exactly the expected alerts came")
	return nil
}

// keepOpen says how to connect and waits for Ctrl-C.
func keepOpen(ctx context.Context, p *printer, s *stage, th *theatre) {
	p.heading("Still running")
	env := func(port int, role string) string {
		return fmt.Sprintf("PGPASSWORD=%s psql 'host=127.0.0.1 port=%d user=%s dbname=%s sslmode=verify-full sslrootcert=%s'",
			s.b.passwords[role], port, role, database, s.b.certificate())
	}
	p.say("Through the proxy:   %s", env(th.port, "jhartmann"))
	p.say("Straight, as owner:  psql -h %s -p %d -U postgres %s", s.b.Socket, s.b.Port, database)
	p.say("The vulnerable shop: curl '%s'", th.shop.SearchURL("lamp"))
	p.say("Configuration:       %s", s.config())
	p.say("Alert file:          tail -f %s", s.alerts())
	p.say("honeyrow:            %s --config %s tokens list", s.honeyrow, s.config())
	p.say("Accounts:            %s (passwords below)", strings.Join(crm.Roles, ", "))
	for _, role := range crm.Roles {
		p.say("                     %-14s %s", role, s.b.passwords[role])
	}
	p.say("Ctrl-C stops everything and removes it.")
	select {
	case <-ctx.Done():
	case <-s.ended:
		p.bad("the proxy has ended: " + s.log.String())
	}
}

func serverVersion(ctx context.Context, b *business) string {
	v, err := b.Query(ctx, database, "SHOW server_version")
	if err != nil {
		return "?"
	}
	v, _, _ = strings.Cut(strings.TrimSpace(v), " ")
	return v
}

// inventory counts the rows: "10,000 customers, 28,412 orders, ...".
func inventory(d *crm.Data) string {
	var parts []string
	for _, name := range []string{"customers", "orders", "order_items", "payment_cards", "hr.employees", "hr.payroll", "api_credentials"} {
		parts = append(parts, fmt.Sprintf("%s %s", thousands(len(d.Table(name).Rows)), strings.ReplaceAll(strings.TrimPrefix(name, "hr."), "_", " ")))
	}
	return strings.Join(parts, ", ")
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
