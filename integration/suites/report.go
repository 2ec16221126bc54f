package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// judge compares three runs of the same tests.
func (r *row) judge(direct, again, through map[string]string) {
	for name, result := range direct {
		if strings.HasPrefix(name, "output ") {
			continue
		}
		switch {
		case result == "pass" && again[name] == "pass":
			r.direct++
			if through[name] == "pass" {
				r.through++
				continue
			}
			r.lost = append(r.lost, name)
			fmt.Fprintf(os.Stderr, "--- only directly: %s %s\n%s\n", r.pkg, name, through["output "+name])
		case result != again[name]:
			r.flaky = append(r.flaky, name)
		case result == "skip":
			r.skipped++
		default:
			r.failing++
		}
		if result == "fail" && through[name] == "pass" {
			r.gained = append(r.gained, name)
		}
	}
	slices.Sort(r.lost)
	slices.Sort(r.flaky)
	slices.Sort(r.gained)
}

// render is the table as Markdown.
func render(rows []row) string {
	var b strings.Builder
	b.WriteString("| suite | package | passing directly | through the proxy | failing directly, skipped | differences | seconds, direct / through |\n|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		var diff []string
		for what, names := range map[string][]string{"only directly": r.lost, "only through the proxy": r.gained, "flaky directly, not counted": r.flaky} {
			if len(names) > 0 {
				diff = append(diff, what+": "+strings.Join(names, ", "))
			}
		}
		slices.Sort(diff)
		if len(diff) == 0 {
			diff = []string{"none"}
		}
		fmt.Fprintf(&b, "| %s %s | %s | %d | %d | %d, %d | %s | %.0f / %.0f |\n", r.suite, r.version, r.pkg, r.direct, r.through, r.failing, r.skipped,
			strings.Join(diff, "; "), r.took[0].Round(time.Second).Seconds(), r.took[1].Round(time.Second).Seconds())
	}
	return b.String()
}
