package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"honeyrow/integration/judges"
)

// suspect is a statement of a suite of which a rule rightly speaks.
type suspect struct {
	// rule speaks of statements with this text in them; of detections that belong
	// to no statement if it is empty.
	rule, text string
	// why it is right. It stands in the results.
	why string
}

// judged is what was made of the statements of one package's tests.
type judged struct {
	statements, words uint64
	told              map[string]int // by rule and reason: declared
	alarms            []string       // of what no suspect declares
}

// judge takes what was judged since the last call.
func (s *suite) judge(ctx context.Context, b *judges.Bench) (judged, error) {
	said, err := b.Take(ctx)
	if err != nil {
		return judged{}, err
	}
	tally := b.Tally()
	j := judged{statements: tally.Statements, words: tally.Words, told: map[string]int{}}
	why := map[string]bool{} // rules that spoke of a declared statement
	for t, n := range tally.Told {
		i := slices.IndexFunc(s.suspects, func(x suspect) bool { return x.rule == t.Rule && x.text != "" && strings.Contains(t.Text, x.text) })
		if i < 0 {
			j.alarms = append(j.alarms, fmt.Sprintf("%s, %d times: %s", t.Rule, n, t.Text))
			continue
		}
		why[t.Rule] = true
		j.told[t.Rule+": "+s.suspects[i].why] += n
	}
	for _, d := range said {
		i := slices.IndexFunc(s.suspects, func(x suspect) bool { return x.rule == d.Rule && x.text == "" })
		switch {
		case i >= 0:
			j.told[d.Rule+": "+s.suspects[i].why]++
		case !why[d.Rule]:
			j.alarms = append(j.alarms, judges.Line(d))
		}
	}
	slices.Sort(j.alarms)
	return j, nil
}

// renderJudged is the table of what was judged, as Markdown.
func renderJudged(rows []row, o options) string {
	var b strings.Builder
	mode := "detect"
	if o.protect {
		mode = "protect"
	}
	fmt.Fprintf(&b, "\n## What was judged\n\nOnce through the proxy, in %s mode, each statement before it was sent.\n\n", mode)
	b.WriteString("| suite | package | statements | detections by rule, and why they are right |\n|---|---|---|---|\n")
	var all uint64
	for _, r := range rows {
		var told []string
		for _, what := range slices.Sorted(maps.Keys(r.told)) {
			told = append(told, fmt.Sprintf("%d %s", r.told[what], what))
		}
		if len(r.alarms) > 0 {
			told = append(told, fmt.Sprintf("%d that nobody declared", len(r.alarms)))
		}
		if len(told) == 0 {
			told = []string{"none"}
		}
		all += r.statements
		fmt.Fprintf(&b, "| %s %s | %s | %d | %s |\n", r.suite, r.version, r.pkg, r.statements, strings.Join(told, "; "))
	}
	fmt.Fprintf(&b, "\n%d statements in all.\n", all)
	return b.String()
}
