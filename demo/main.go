// Command demo plays honeyrow's story from end to end against a private
// PostgreSQL and a private MariaDB: it loads an invented business, plants honey
// rows with the real command line, puts one proxy in front of both, and then behaves in turn like an
// ordinary application, a curious insider, a thief with a stolen password and
// an attacker with an injection. It ends with 0 if exactly the expected alerts
// came. `make demo` runs it; KEEP=1 leaves everything running at the end.
//
// `demo prepare`, `demo load` and so on are the parts of it as programs of
// their own, from which docker/compose.yaml makes the same story in containers.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if is, err := runJob(ctx, os.Args[1:], os.Stdout); is {
		stop()
		if err != nil && !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "demo:", err)
			os.Exit(1)
		}
		return
	}
	flag.Usage = usage
	honeyrow := flag.String("honeyrow", "bin/honeyrow", "the program to show")
	databases := flag.String("db", "both", "what the story is played on: postgres, mariadb or both")
	keep := flag.Bool("keep", false, "leave everything running at the end and say how to connect")
	flag.Parse()
	if flag.NArg() > 0 {
		usage()
		os.Exit(2)
	}
	err := run(ctx, options{honeyrow: *honeyrow, databases: *databases, keep: *keep, out: os.Stdout})
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

func usage() {
	out := flag.CommandLine.Output()
	fmt.Fprintln(out, "Usage: demo [flags], or demo JOB [flags]")
	flag.PrintDefaults()
	fmt.Fprintln(out, "Jobs, each a part of the demo as a program of its own:")
	for _, j := range jobs() {
		fmt.Fprintf(out, "  %-8s %s\n", j.name, j.help)
	}
}
