// Command suites runs other people's test suites against a real PostgreSQL and
// a real MariaDB, twice directly and once through the proxy, and compares test
// by test: what passes directly must pass through the proxy. The sources are
// those that `go mod download` brings; their tests are run where they are, in a
// copy.
//
//	go run ./integration/suites              all of it, each suite twice directly: ten minutes on two cores
//	go run ./integration/suites -short       the subset for CI, under two
//	go run ./integration/suites -o FILE.md   write the results as Markdown, too
//	go run ./integration/suites -protect     the proxy is in protect mode
//
// Every statement is judged, before it is sent so that each of which a rule
// speaks is known by its text. It ends with 1 if a test fails through the proxy
// only, if the proxy met a frame that it could not follow, or if it raised an
// alarm that the suite does not declare.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"honeyrow/engine/sqlfacts/pgsql"
)

func main() {
	pgsql.ServeIfWorker()
	out := flag.String("o", "", "write the results as Markdown into this `file`")
	only := flag.String("suite", "", "run only the suites whose name begins with this, such as pgx, pq or go-mysql")
	short := flag.Bool("short", false, "run the subset for CI: each suite once directly, without the slow packages and tests, both servers at a time")
	run := flag.String("run", "", "run only tests that match (go test's -run)")
	verbose := flag.Bool("v", false, "list tests that take longer than a second, and those that fail or are skipped directly")
	protect := flag.Bool("protect", false, "put the proxy into protect mode: results are held back until they are known to be harmless")
	limit := flag.Duration("timeout", 20*time.Minute, "give up after this time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, *limit)
	err := play(ctx, options{out: *out, only: *only, short: *short, run: *run, verbose: *verbose, protect: *protect})
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suites:", err)
		os.Exit(1)
	}
}

type options struct {
	out, only, run string
	short, verbose bool
	protect        bool
}

func (o options) wants(s suite) bool { return strings.HasPrefix(s.name, o.only) }

// product is a server product with the suites that need it.
type product struct {
	name   string
	start  func(context.Context, options) (*ground, error)
	suites []suite
}

var products = []product{
	{"PostgreSQL", postgres, postgresSuites},
	{"MariaDB", mysql, mysqlSuites},
}

// outcome is what became of one product's suites.
type outcome struct {
	version string
	rows    []row
	bad     []string
	err     error
}

func play(ctx context.Context, o options) error {
	outcomes := make([]outcome, len(products))
	done := make(chan struct{}, len(products))
	for i, p := range products {
		one := func() {
			outcomes[i] = p.play(ctx, o)
			done <- struct{}{}
		}
		if o.short { // nothing is measured: the two servers do not meet
			go one()
		} else {
			one()
		}
	}
	for range products {
		<-done
	}
	var rows []row
	var bad []string
	var errs []error
	for _, out := range outcomes {
		rows, bad, errs = append(rows, out.rows...), append(bad, out.bad...), append(errs, out.err)
	}
	table := render(rows) + remarks(o) + renderJudged(rows, o)
	fmt.Print("\n" + table)
	for _, r := range rows {
		bad = append(bad, r.complaints()...)
	}
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, complain(bad))
	}
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(heading(outcomes, time.Now())+table), 0o644); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("no suite is called %q", o.only)
	}
	return complain(bad)
}

func complain(bad []string) error {
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("%d problems:\n%s", len(bad), strings.Join(bad, "\n"))
}

// play runs the suites that need one product.
func (p product) play(ctx context.Context, o options) (out outcome) {
	var wanted []suite
	for _, s := range p.suites {
		if o.wants(s) {
			wanted = append(wanted, s)
		}
	}
	if len(wanted) == 0 {
		return out
	}
	g, err := p.start(ctx, o)
	if err != nil {
		out.err = err
		return out
	}
	defer func() { out.err = errors.Join(out.err, g.close()) }()
	out.version = cmp.Or(g.product, p.name) + " " + g.version
	for _, s := range wanted {
		rows, err := s.compare(ctx, g, o)
		if err != nil {
			out.err = fmt.Errorf("%s: %w", s.name, err)
			return out
		}
		out.rows = append(out.rows, rows...)
	}
	if b := g.broken(); b != "" {
		out.bad = append(out.bad, "the proxy could not follow a session: "+b)
	}
	return out
}
