package main

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// judge compares three runs of the same tests.
func (r *row) judge(direct, again, through, explained map[string]string) {
	for name, result := range direct {
		if strings.HasPrefix(name, "output ") {
			continue
		}
		switch {
		case result == "pass" && again[name] == "pass":
			r.direct++
			if through[name] == "pass" {
				r.through++
				if explained[name] != "" {
					r.stale = append(r.stale, name)
				}
				continue
			}
			if explained[name] != "" {
				r.explained = append(r.explained, name)
				continue
			}
			r.lost = append(r.lost, name)
			fmt.Fprintf(os.Stderr, "--- only directly: %s %s\n%s\n", r.pkg, name, through["output "+name])
		case result != again[name]:
			r.flaky = append(r.flaky, name)
		case result == "skip":
			r.skipped = append(r.skipped, name)
		default:
			r.failing = append(r.failing, name)
		}
		if result != "pass" && result == again[name] && through[name] == "pass" {
			r.gained = append(r.gained, name)
		}
	}
	for _, names := range [][]string{r.lost, r.explained, r.flaky, r.gained, r.failing, r.skipped} {
		slices.Sort(names)
	}
}

// complaints are what makes the comparison fail.
func (r *row) complaints() []string {
	var bad []string
	for _, t := range r.lost {
		bad = append(bad, "fails through the proxy only: "+r.pkg+" "+t)
	}
	for _, t := range r.stale {
		bad = append(bad, "passes through the proxy although its failure is explained: "+r.pkg+" "+t)
	}
	for _, a := range r.alarms {
		bad = append(bad, r.pkg+": nobody expected this: "+a)
	}
	if r.direct == 0 {
		bad = append(bad, r.pkg+": no test passes directly, so nothing was compared")
	}
	return bad
}

// tellDirect prints what the tests that fail or are skipped directly said.
func (r *row) tellDirect(results map[string]string) {
	for _, names := range [][]string{r.failing, r.skipped} {
		for _, t := range names {
			fmt.Printf("--- directly: %s %s\n%s\n", r.pkg, t, results["output "+t])
		}
	}
}

// render is the table as Markdown.
func render(rows []row) string {
	var b strings.Builder
	b.WriteString("| suite | package | passing directly | through the proxy | failing directly, skipped | differences | seconds, direct / through |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		var diff []string
		for what, names := range map[string][]string{"only directly": r.lost, "only directly, explained below": r.explained, "through the proxy at the second attempt": r.second, "only through the proxy": r.gained, "flaky directly, not counted": r.flaky} {
			if len(names) > 0 {
				diff = append(diff, what+": "+strings.Join(names, ", "))
			}
		}
		slices.Sort(diff)
		if len(diff) == 0 {
			diff = []string{"none"}
		}
		fmt.Fprintf(&b, "| %s %s | %s | %d | %d | %d, %d | %s | %.0f / %.0f |\n", r.suite, r.version, r.pkg, r.direct, r.through, len(r.failing), len(r.skipped),
			strings.Join(diff, "; "), r.took[0].Round(time.Second).Seconds(), r.took[1].Round(time.Second).Seconds())
	}
	return b.String()
}

// remarks tell what the table does not.
func remarks(o options) string {
	var b strings.Builder
	for _, p := range products {
		for _, s := range p.suites {
			if !o.wants(s) {
				continue
			}
			if s.why != "" {
				fmt.Fprintf(&b, "\n%s: %s is left out: %s.\n", s.name, s.skip, s.why)
			}
			for _, t := range slices.Sorted(maps.Keys(s.explained)) {
				fmt.Fprintf(&b, "\n%s: %s passes only directly: %s.\n", s.name, t, s.explained[t])
			}
			for _, n := range s.notes {
				fmt.Fprintf(&b, "\n%s: %s.\n", s.name, n)
			}
		}
	}
	return b.String()
}

// heading is the beginning of the results' file.
func heading(outcomes []outcome, now time.Time) string {
	var servers []string
	for _, o := range outcomes {
		if o.version != "" {
			servers = append(servers, o.version)
		}
	}
	return fmt.Sprintf("# Other people's test suites, directly and through the proxy\n\nWritten by `go run ./integration/suites -o FILE` (%s; %d cores, %s, %s). A test counts if it passes directly twice; it must then pass through the proxy, with 5,000 tokens live, disguises and all rules on, every statement judged, and no alarm but those declared below.\n\n",
		strings.Join(servers, ", "), runtime.NumCPU(), runtime.Version(), now.UTC().Format(time.DateOnly))
}
