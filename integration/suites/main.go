// Command suites runs other people's test suites against a real PostgreSQL,
// twice directly and once through the proxy, and compares test by test: what
// passes directly must pass through the proxy. The sources are those that
// `go mod download` brings; their tests are run where they are, in a copy.
//
//	go run ./integration/suites              all of it, each suite twice directly: seven minutes on two cores
//	go run ./integration/suites -short       the subset for CI, under three
//	go run ./integration/suites -o FILE.md   write the table as Markdown, too
//
// It ends with 1 if a test fails through the proxy only, if the proxy met a
// frame that it could not follow, or if it raised an alarm.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"honeyrow/integration"
)

func main() {
	out := flag.String("o", "", "write the table as Markdown into this `file`")
	only := flag.String("suite", "", "run only this suite (pgx or pq)")
	short := flag.Bool("short", false, "run the subset for CI: each suite once directly, without the slow packages and tests")
	run := flag.String("run", "", "run only tests that match (go test's -run)")
	verbose := flag.Bool("v", false, "list tests that take longer than a second")
	limit := flag.Duration("timeout", 15*time.Minute, "give up after this time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, cancel := context.WithTimeout(ctx, *limit)
	err := play(ctx, options{out: *out, only: *only, short: *short, run: *run, verbose: *verbose})
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
}

func play(ctx context.Context, o options) error {
	stand, err := integration.Start(ctx, integration.Options{HBA: hba})
	if err != nil {
		return err
	}
	defer stand.Close()
	var rows []row
	for _, s := range suites {
		if o.only != "" && o.only != s.name {
			continue
		}
		r, err := s.compare(ctx, stand, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, r...)
	}
	table := render(rows)
	for _, s := range suites {
		if s.why != "" && (o.only == "" || o.only == s.name) {
			table += fmt.Sprintf("\n%s: %s is left out: %s.\n", s.name, s.skip, s.why)
		}
	}
	fmt.Print("\n" + table)
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(table), 0o644); err != nil {
			return err
		}
	}
	return verdict(stand, rows)
}

func verdict(stand *integration.Stand, rows []row) error {
	var bad []string
	for _, r := range rows {
		for _, t := range r.lost {
			bad = append(bad, "fails through the proxy only: "+r.pkg+" "+t)
		}
		if r.direct == 0 {
			bad = append(bad, r.pkg+": no test passes directly, so nothing was compared")
		}
	}
	if b := stand.Broken(); b != "" {
		bad = append(bad, "the proxy could not follow a session: "+b)
	}
	if d := stand.Detections(); len(d) > 0 {
		bad = append(bad, fmt.Sprintf("false alarms: %v", d))
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("%d problems:\n%s", len(bad), strings.Join(bad, "\n"))
}
