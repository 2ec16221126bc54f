// Command bench measures what honeyrow costs. In one run, in interleaved
// rounds, it puts the same work through nothing, through a relay that frames
// messages and inspects nothing, through PgBouncer and HAProxy where they are
// installed, and through honeyrow with thousands of live tokens; first in front
// of PostgreSQL, then in front of MariaDB. It reports
// medians of ratios paired by round, the CPU time of the proxy per unit of
// work, and the memory of idle sessions. docs/performance.md says how to read
// it. Timings are never asserted: it exits 0 when everything ran.
//
// It needs Linux and an installation of the servers, starts private instances of
// all it measures on random loopback ports, and removes them in the end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"honeyrow/internal/myserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parseOptions(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	err = run(ctx, o, os.Stdout, os.Stderr)
	myserver.Cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// run measures and writes the report to out, progress to log.
func run(ctx context.Context, o options, out, log io.Writer) error {
	b, err := newBench(o, log)
	if err != nil {
		return err
	}
	defer b.close()
	if err := errors.Join(b.measure(ctx), ctx.Err()); err != nil {
		return err
	}
	r := b.report()
	writeText(out, r)
	if o.json != "" {
		if err := writeJSON(o.json, r); err != nil {
			return err
		}
	}
	if o.markdown != "" {
		if err := writeMarkdown(o.markdown, r); err != nil {
			return err
		}
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("%d measurements failed: see Problems above", len(r.Problems))
	}
	return nil
}

func writeJSON(name string, r *report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}

// note writes one line of progress.
func (b *bench) note(format string, args ...any) {
	fmt.Fprintf(b.log, "%6s  %s\n", time.Since(b.started).Truncate(time.Second), fmt.Sprintf(format, args...))
}
