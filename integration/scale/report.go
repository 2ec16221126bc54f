package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The bars of the project: what is not reached is said.
const (
	planBar   = 10 * time.Minute
	lookupBar = 10 * time.Millisecond
)

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(rs []*result, o options) string {
	var b strings.Builder
	b.WriteString("# What very many honey rows cost\n\n")
	b.WriteString("Made by `make scale` (`go run ./integration/scale`). ")
	fmt.Fprintf(&b, "Taken on %s with %d processors, load %s at the end (where that is more than the processors, other work ran at the same time, and elapsed times are upper bounds); processor time is that of honeyrow alone, without the server's.\n\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), load())
	how := "it was measured how well the rows hide, as seed plan does by itself"
	if !o.measure {
		how = "how well the rows hide was not measured (--measure=false)"
	}
	fmt.Fprintf(&b, "A private server with %d tables of %d rows, every fifth pointing at another; %d honey rows in each; %s.\n\n", o.tables, o.people, o.rows, how)
	b.WriteString("| | " + strings.Join(names(rs), " | ") + " |\n|---|" + strings.Repeat("---|", len(rs)) + "\n")
	line := func(what string, of func(*result) string) {
		b.WriteString("| " + what)
		for _, r := range rs {
			b.WriteString(" | " + of(r))
		}
		b.WriteString(" |\n")
	}
	line("honey rows, tables, tokens", func(r *result) string { return fmt.Sprintf("%d, %d, %d", r.rows, r.tables, r.tokens) })
	line("`seed plan`", func(r *result) string {
		return fmt.Sprintf("%s (processor %s)%s", short(r.plan), short(r.planCPU), missed(r.plan, planBar))
	})
	line("the plan's file", func(r *result) string { return fmt.Sprintf("%.1f MB", float64(r.file)/1e6) })
	line("`seed apply`", func(r *result) string { return fmt.Sprintf("%s (processor %s)", short(r.apply), short(r.applyCPU)) })
	line("transactions, trials included", func(r *result) string { return fmt.Sprint(len(r.locks.all)) })
	line("a transaction holds locks for: half", func(r *result) string { return short(r.locks.at(0.5)) })
	line("99 %", func(r *result) string { return short(r.locks.at(0.99)) })
	line("longest", func(r *result) string { return short(r.locks.at(1)) })
	line("`seed verify`, without measuring", func(r *result) string { return short(r.verify) })
	line("`seed remove`", func(r *result) string { return short(r.remove) })
	line("a transaction of it holds locks for: half", func(r *result) string { return short(r.unlocks.at(0.5)) })
	line("99 %", func(r *result) string { return short(r.unlocks.at(0.99)) })
	line("longest", func(r *result) string { return short(r.unlocks.at(1)) })
	line("\"where is this value\" among", func(r *result) string { return fmt.Sprintf("%d tokens", r.searched) })
	line("half of the answers", func(r *result) string { return short(r.lookup) + missed(r.lookup, lookupBar) })
	line("99 %", func(r *result) string { return short(r.lookupHi) + missed(r.lookupHi, lookupBar) })
	line("places of the commonest value looked up", func(r *result) string { return fmt.Sprint(r.widest) })
	b.WriteString("\nLocks are those from the first insert or delete that is sent to the answer to COMMIT or ROLLBACK, as the client sees it. Look-ups are of 1,000 planted values, drawn as often as they stand there, in all their forms and with the stories of up to 20 places, as `honeyrow tokens where` makes them.\n\nWhere the time goes:\n\n| | step | elapsed |\n|---|---|---|\n")
	for _, r := range rs {
		for _, s := range r.steps {
			if s.took >= time.Second {
				fmt.Fprintf(&b, "| %s, %s | %s | %s |\n", r.product, s.of, s.name, short(s.took))
			}
		}
	}
	return b.String()
}

func names(rs []*result) (out []string) {
	for _, r := range rs {
		out = append(out, r.product)
	}
	return out
}

func missed(got, bar time.Duration) string {
	if got <= bar {
		return ""
	}
	return fmt.Sprintf(", **above the bar of %s**", short(bar))
}

func short(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// load is how many processes wanted to run in the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
