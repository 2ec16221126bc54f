package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Workloads and targets, in the order of the report.
var (
	workloads   = []string{"point", "novel", "wide", "conn", "mem", "load"}
	targetNames = []string{"direct", "relay", "pgbouncer", "haproxy", honeyrowAll, honeyrowValues, honeyrowMillion}
	// allModes are those of all products.
	allModes = []string{"simple", "extended", "text", "prepared"}
)

type options struct {
	only, targets, modes []string
	servers              []string // products by name
	named, serversNamed  bool     // the targets, the servers were asked for by name
	clients, sessions    []int
	rounds, seconds      int
	crowded              int // rounds of work by several clients
	scale, rows, tokens  int
	million              int // tokens of honeyrow-million
	quick                bool
	honeyrow             string
	json, markdown       string
	profile              string // folder
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	o := options{honeyrow: "bin/honeyrow"}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(usage)
	fs.BoolVar(&o.quick, "quick", false, "about 5 minutes: 3 rounds, no honeyrow-million (default: about 25 minutes, 5 rounds)")
	servers := fs.String("server", "", "servers, of "+strings.Join(productNames(), ",")+" (default: all that are installed)")
	only := fs.String("only", strings.Join(workloads, ","), "workloads")
	targets := fs.String("targets", "", "targets, of "+strings.Join(targetNames, ",")+" (default: all that are there)")
	modes := fs.String("modes", strings.Join(allModes, ","), "modes of point queries: pgbench has simple,extended,prepared, sysbench text,prepared")
	clients := fs.String("clients", "", "numbers of clients of point queries (default 1,8,32; quick 1,8)")
	sessions := fs.String("sessions", "500,2000", "numbers of idle sessions")
	fs.IntVar(&o.rounds, "rounds", 0, "rounds (default 5; quick 3)")
	fs.IntVar(&o.crowded, "crowded", 0, "rounds of statements by several clients, those beyond --rounds with relay and honeyrow alone (default as many as --rounds; without that either 15; quick 3)")
	fs.IntVar(&o.seconds, "seconds", 1, "length of one point query or connection measurement")
	fs.IntVar(&o.scale, "scale", 10, "rows of the table of point queries, in 100,000")
	fs.IntVar(&o.rows, "rows", 1_000_000, "rows of the wide result, about 162 bytes each")
	fs.IntVar(&o.tokens, "tokens", 10_000, "live tokens in honeyrow's registry")
	fs.IntVar(&o.million, "million", 1_000_000, "live tokens in the registry of the target honeyrow-million")
	fs.StringVar(&o.honeyrow, "honeyrow", o.honeyrow, "honeyrow's executable")
	fs.StringVar(&o.json, "json", "", "write everything measured to this file")
	fs.StringVar(&o.markdown, "markdown", "", "write the report to this file as Markdown")
	fs.StringVar(&o.profile, "profile", "", "after measuring, write profiles of honeyrow at each work into this folder (for go tool pprof)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: see --help", fs.Arg(0))
	}
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 3
		} else if o.crowded == 0 {
			o.crowded = 15
		}
	}
	if o.crowded == 0 {
		o.crowded = o.rounds
	}
	if *clients == "" {
		*clients = "1,8,32"
		if o.quick {
			*clients = "1,8"
		}
	}
	if o.named = *targets != ""; !o.named {
		*targets = strings.Join(targetNames, ",")
		if o.quick {
			*targets = strings.TrimSuffix(*targets, ","+honeyrowMillion)
		}
	}
	if o.serversNamed = *servers != ""; !o.serversNamed {
		*servers = strings.Join(productNames(), ",")
	}
	var err error
	if o.servers, err = choose("--server", *servers, productNames()); err != nil {
		return o, err
	}
	if o.only, err = choose("--only", *only, workloads); err != nil {
		return o, err
	}
	if o.targets, err = choose("--targets", *targets, targetNames); err != nil {
		return o, err
	}
	if o.modes, err = choose("--modes", *modes, allModes); err != nil {
		return o, err
	}
	if o.clients, err = numbers("--clients", *clients); err != nil {
		return o, err
	}
	if o.sessions, err = numbers("--sessions", *sessions); err != nil {
		return o, err
	}
	for name, n := range map[string]int{"rounds": o.rounds, "crowded": o.crowded, "seconds": o.seconds, "scale": o.scale, "rows": o.rows, "tokens": o.tokens, "million": o.million} {
		if n < 1 {
			return o, fmt.Errorf("--%s %d: give a number of 1 or more", name, n)
		}
	}
	return o, nil
}

// choose returns the members of all that list names, in all's order.
func choose(flag, list string, all []string) ([]string, error) {
	asked := strings.Split(list, ",")
	for _, name := range asked {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("%s %q is not known: choose from %s", flag, name, strings.Join(all, ","))
		}
	}
	var chosen []string
	for _, name := range all {
		if slices.Contains(asked, name) {
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

func numbers(flag, list string) ([]int, error) {
	var ns []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s %q: give numbers of 1 or more with commas between", flag, s)
		}
		ns = append(ns, n)
	}
	slices.Sort(ns)
	return slices.Compact(ns), nil
}
