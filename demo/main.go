// Command demo plays honeyrow's story from end to end against a private
// PostgreSQL: it loads an invented business, plants honey rows with the real
// command line, puts the proxy in front, and then behaves in turn like an
// ordinary application, a curious insider, a thief with a stolen password and
// an attacker with an injection. It ends with 0 if exactly the expected alerts
// came. `make demo` runs it; KEEP=1 leaves everything running at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	honeyrow := flag.String("honeyrow", "bin/honeyrow", "the program to show")
	keep := flag.Bool("keep", false, "leave everything running at the end and say how to connect")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, options{honeyrow: *honeyrow, keep: *keep, out: os.Stdout})
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted && !errors.Is(err, errAlerts):
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything is cleaned up")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
