package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"honeyrow/integration/bench/paired"
)

// table is a titled block of text cells; an empty row is a gap between groups.
type table struct {
	title, below string
	head         []string
	rows         [][]string
}

// tables lays the report out, a block of tables for each product.
func (r *report) tables() []table {
	var ts []table
	for _, p := range products {
		for _, w := range sampledWorkloads {
			if t := r.workload(p, w); len(t.rows) > 0 {
				ts = append(ts, t)
			}
		}
		if t := r.memory(p); len(t.rows) > 0 {
			ts = append(ts, t)
		}
		if t := r.starts(p); len(t.rows) > 0 {
			ts = append(ts, t)
		}
		if t := r.verdicts(p); len(t.rows) > 0 {
			ts = append(ts, t)
		}
	}
	return ts
}

// sampledWorkloads are those with rows of targets side by side.
var sampledWorkloads = []string{"point", "novel", "wide", "conn"}

// layouts are the headings that all products share.
var layouts = map[string]struct{ title, cell, rate, cpu string }{
	"point": {"", "mode, clients", "tps", "us a query"},
	"novel": {"point queries whose texts never come again: new literals, new shapes", "kind, clients", "tps", "us a query"},
	"wide":  {"wide results", "protocol", "MB/s", "s a GB"},
	"conn":  {"connections (8 workers, each logs in and leaves)", "", "a second", "us each"},
}

func (r *report) workload(p *product, w string) table {
	l := layouts[w]
	t := table{title: p.title + ": " + l.title, head: []string{
		l.cell, "target", l.rate, "spread", "/ direct", "/ relay", "spread",
		"proxy CPU " + l.cpu, "/ relay", "all CPU", "foreign", "bars",
	}}
	switch w {
	case "point":
		t.title = p.title + ": " + p.points
		t.head = append(t.head[:4:4], append([]string{"ms", "over direct"}, t.head[4:]...)...)
	case "novel":
		t.below = "The analysis of shapes that are not known yet runs beside the traffic, and its CPU time counts as the proxy's. How much it may take is bounded; what it does not come to is judged by its lexemes at once."
	case "conn":
		t.below = p.connections
	}
	last := ""
	for _, x := range r.Rows {
		if x.Workload != w || x.Server != p.name {
			continue
		}
		if last != "" && last != x.Cell {
			t.rows = append(t.rows, nil)
		}
		last = x.Cell
		rate := x.Rate.Median
		if w == "wide" {
			rate /= 1e6
		}
		line := []string{x.Cell, x.Target, figure(rate), percent(x.Rate.Spread)}
		if w == "point" {
			line = append(line, millis(x.Latency), millis(x.Added))
		}
		t.rows = append(t.rows, append(line, ratio(x.ToDirect), ratio(x.ToRelay), spreadOf(x.ToRelay),
			cpu(x), ratio(x.CPUToRelay), figure(x.AllCPU.Median), percent(x.Foreign.Median)+" to "+percent(x.Foreign.Max), r.barsOf(x)))
	}
	return t
}

// barsOf are the verdicts that belong beside a row.
func (r *report) barsOf(x row) string {
	var vs []string
	for _, b := range r.Bars {
		if b.Server == x.Server && b.Workload == x.Workload && b.Cell == x.Cell && b.Target == x.Target {
			vs = append(vs, fmt.Sprintf("%s %s: %s (%s)", b.Figure, b.limit(), b.verdict(), b.from()))
		}
	}
	return strings.Join(vs, "; ")
}

func (r *report) memory(p *product) table {
	t := table{
		title: p.title + ": memory of idle sessions of a fresh process, each after one query",
		below: fmt.Sprintf("Up to %d sessions are held against %s, more against a stub server that only logs in and answers. MiB are resident memory of the proxy and its child processes (of those: workers).", realSessions, p.title),
		head:  []string{"target", "sessions", "against", "at rest MiB", "of it workers", "with sessions MiB", "KiB a session", "spread", "bar"},
	}
	for _, m := range r.Memory {
		if m.Server != p.name {
			continue
		}
		verdict := ""
		for _, b := range r.Bars {
			if m.Target == b.Target && b.Server == m.Server && b.Workload == "mem" && b.Cell == strconv.Itoa(m.Sessions) {
				verdict = fmt.Sprintf("%s: %s (%s)", b.limit(), b.verdict(), b.from())
			}
		}
		t.rows = append(t.rows, []string{
			m.Target, strconv.Itoa(m.Sessions), m.Against, figure(m.Rest.Median), figure(m.Workers.Median),
			figure(m.Held.Median), figure(m.Each.Median), spreadOf(m.Each), verdict,
		})
	}
	return t
}

func (r *report) starts(p *product) table {
	t := table{
		title: p.title + ": starts of honeyrow, until a client is logged in",
		below: "The registry is read from its file and decrypted, and everything to look for is built. Memory is resident memory without the parser's process, in millions of bytes: at rest, and the most at any time.",
		head:  []string{"target", "tokens", "s", "spread", "CPU s", "at rest MB", "peak MB", "bars"},
	}
	for _, s := range r.Starts {
		if s.Server != p.name {
			continue
		}
		x := row{Server: s.Server, Workload: "load", Target: s.Target}
		t.rows = append(t.rows, []string{
			s.Target, strconv.Itoa(s.Tokens), figure(s.Seconds.Median), spreadOf(s.Seconds), figure(s.CPU.Median),
			figure(s.Rest.Median), figure(s.Peak.Median), r.barsOf(x),
		})
	}
	return t
}

// verdicts are honeyrow's figures beside the product's bars.
func (r *report) verdicts(p *product) table {
	t := table{
		title: p.title + ": honeyrow and its bars",
		head:  []string{"workload", "cell", "target", "figure", "measured", "spread", "bar", "", "from"},
	}
	for _, b := range r.Bars {
		if b.Server == p.name {
			t.rows = append(t.rows, []string{b.Workload, b.Cell, b.Target, b.Figure, figure(b.Value.Median), percent(b.Value.Spread), b.limit(), b.verdict(), b.from()})
		}
	}
	return t
}

// targetNotes say what the targets are, those with the same words in one line.
func (r *report) targetNotes() []string {
	var lines []string
	for i, t := range r.Targets {
		same := func(o targetNote) bool { return o.Name == t.Name && o.About == t.About }
		if slices.ContainsFunc(r.Targets[:i], same) {
			continue
		}
		var titles []string
		for _, o := range r.Targets[i:] {
			if of := productOf(o.Server); of != nil && same(o) {
				titles = append(titles, of.title)
			}
		}
		lines = append(lines, fmt.Sprintf("Target %s, in front of %s: %s", t.Name, strings.Join(titles, " and "), t.About))
	}
	return lines
}

// preamble says what was measured, where.
func (r *report) preamble() []string {
	m := r.Machine
	lines := []string{
		fmt.Sprintf("Measured %s UTC in %.0f s (%s)", r.Date.Format("2006-01-02 15:04"), r.Took, r.Options),
		fmt.Sprintf("Machine: %d cores, %s, %d MiB, %s, %s", m.Cores, m.CPU, m.Memory>>20, m.Kernel, m.Go),
		fmt.Sprintf("Load average %.2f before, %.2f after; client, proxy and server share the cores, over loopback, without TLS", r.Load[0], r.Load[1]),
		"With " + strings.Join(r.Versions, ", "),
	}
	if r.Commit != "" {
		lines[0] += ", sources at " + r.Commit
	}
	return append(append(lines, r.targetNotes()...), r.Notes...)
}

const legend = "Medians. Ratios are paired by round; spread is the interquartile range over the median; foreign is the share of the CPUs that other work used, median to worst round."

func writeText(w io.Writer, r *report) {
	for _, l := range r.preamble() {
		fmt.Fprintln(w, l)
	}
	fmt.Fprintln(w, legend)
	for _, t := range r.tables() {
		fmt.Fprintf(w, "\n%s\n", t.title)
		widths := make([]int, len(t.head))
		for _, line := range append([][]string{t.head}, t.rows...) {
			for i, c := range line {
				widths[i] = max(widths[i], utf8.RuneCountInString(c))
			}
		}
		for _, line := range append([][]string{t.head}, t.rows...) {
			var b strings.Builder
			for i, c := range line {
				fmt.Fprintf(&b, "%-*s  ", widths[i], c)
			}
			fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
		}
		if t.below != "" {
			fmt.Fprintln(w, t.below)
		}
	}
	if len(r.Problems) > 0 {
		fmt.Fprintf(w, "\nProblems\n")
		for _, p := range r.Problems {
			fmt.Fprintln(w, "-", p)
		}
	}
}

func writeMarkdown(name string, r *report) error {
	var b strings.Builder
	b.WriteString("# Performance figures\n\nWritten by `go run ./integration/bench --markdown FILE`; not edited by hand.\n[performance.md](performance.md) says how to read it.\n\n")
	for _, l := range r.preamble() {
		fmt.Fprintf(&b, "- %s\n", l)
	}
	fmt.Fprintf(&b, "\n%s\n", legend)
	for _, t := range r.tables() {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "), strings.Repeat("---|", len(t.head)))
		for _, line := range t.rows {
			if line != nil {
				fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
			}
		}
		if t.below != "" {
			fmt.Fprintf(&b, "\n%s\n", t.below)
		}
	}
	if len(r.Problems) > 0 {
		b.WriteString("\n## Problems\n\n")
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(p, "\n", "\n  "))
		}
	}
	return os.WriteFile(name, []byte(b.String()), 0o644)
}

// figure prints x with about three digits that mean something.
func figure(x float64) string {
	switch a := math.Abs(x); {
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case a >= 0.1 || a == 0:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 4, 64)
}

func percent(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) }

func ratio(d paired.Dist) string {
	if d.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", d.Median)
}

func spreadOf(d paired.Dist) string {
	if d.N == 0 {
		return "-"
	}
	return percent(d.Spread)
}

func millis(d paired.Dist) string {
	if d.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", d.Median)
}

func cpu(x row) string {
	if x.Target == "direct" {
		return "-"
	}
	return figure(x.CPU.Median)
}
