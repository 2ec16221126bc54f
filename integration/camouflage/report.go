package main

import (
	"fmt"
	"slices"
	"strings"

	"honeyrow/seeder/camouflage"
)

// The bars, with 20 honey rows and the mean of 5 runs.
const (
	contentBar = 0.60
	dumpBar    = 0.65
)

func report(rs []*result, away []*scene, o options) string {
	var b strings.Builder
	b.WriteString("# Camouflage figures\n\nWritten by `make camouflage` (`go run ./integration/camouflage --markdown FILE`); not edited by hand. ")
	fmt.Fprintf(&b, "%d honey rows a run, mean of %d runs. AUC: 0.50 is a guess, 1.00 finds every honey row. ", o.rows, o.seeds)
	b.WriteString("The attacker has the labels of the other runs (boosted trees; hashed pieces of texts), or looks for what is unlike the rest; the best of them counts. " +
		"\"floor\" is what he scores on as many real rows; \"rules\" is what a thief gets who goes by nothing but the rules of what is never imitated (a status that is not at rest, a live token, a namesake, an address that is not the owner's), the mean of what the plans say, and \"by the rules\" what the same attackers score on real rows that obey these rules, in the place of honey rows: what is above that is what honey rows have of their own. The dump adds keys, their order, what rows point at and what points at them. Rows were planted on real servers and dumped; each run was planted while the rows of the one before stood there, which its dump does not show: a thief who plays the generator on a stolen dump finds the numbers of our rows taken (where there are too few gaps for that, each run's rows were taken out before the next). Those of the naive ways were only put beside the dump. " +
		"Some tables are invented here (their columns go together: see `integration/camouflage/portal.go` and `demo/crm`), the others are of sample databases that others publish (`make samples` downloads them; not a part of this repository):\n\n")
	b.WriteString(sources(rs, away))
	fmt.Fprintf(&b, "Bars for the ways in bold: content %.2f, dump %.2f, no habit. Behind ± is the standard error of the mean. \"(rules)\" is a bar that is missed by no more than real rows which obey the rules miss it.\n\n", contentBar, dumpBar)
	b.WriteString("| table | way | content | floor | by the rules | dump | floor | by the rules | rules | habits that give away | bars |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rs {
		var habits []string
		for _, h := range r.rep.Habits {
			habits = append(habits, h.Name)
		}
		name, bars := r.way, ""
		if r.bar {
			name, bars = "**"+name+"**", "met"
			missed := slices.DeleteFunc([]string{r.missed("content", r.rep.Content, contentBar, 0), r.missed("dump", r.rep.Dump, dumpBar, 1)}, func(v string) bool { return v == "" })
			if r.refused > 0 {
				missed = append(missed, fmt.Sprintf("runs refused: %d", r.refused))
			}
			if len(habits) > 0 {
				missed = append(missed, "habits")
			}
			if len(missed) > 0 {
				bars = "missed: " + strings.Join(missed, ", ")
			}
		}
		content, dump := "", ""
		if r.ruled != nil {
			content, dump = fmt.Sprintf("%.2f", r.ruled[0]), fmt.Sprintf("%.2f", r.ruled[1])
		}
		fmt.Fprintf(&b, "| %s | %s | %.2f ± %.2f | %.2f | %s | %.2f ± %.2f | %.2f | %s | %s | %s | %s |\n", r.scene.name, name,
			r.rep.Content.AUC, r.rep.Content.Error, r.rep.Content.Floor, content, r.rep.Dump.AUC, r.rep.Dump.Error, r.rep.Dump.Floor, dump, r.known(), strings.Join(habits, "; "), bars)
	}
	b.WriteString("\n## What betrays\n\nFeatures that tell by themselves, with their AUC.\n\n")
	last := ""
	for _, r := range rs {
		if r.scene.name != last {
			last = r.scene.name
			fmt.Fprintf(&b, "**%s**: %s\n\n", last, r.scene.about)
		}
		var clues []string
		for _, c := range r.rep.Betrays {
			clues = append(clues, fmt.Sprintf("%s %.2f", c.Feature, c.AUC))
		}
		if len(clues) == 0 {
			clues = []string{"nothing by itself"}
		}
		fmt.Fprintf(&b, "- %s (labelled %.2f / %.2f, unlike the rest %.2f / %.2f): %s", r.way,
			r.rep.Content.Labelled, r.rep.Dump.Labelled, r.rep.Content.Unsupervised, r.rep.Dump.Unsupervised, strings.Join(clues, "; "))
		clues = nil
		for _, c := range r.rep.Together {
			clues = append(clues, fmt.Sprintf("%s %.0f %%", c.Feature, 100*c.AUC))
		}
		if len(clues) > 0 {
			fmt.Fprintf(&b, ". Together: %s", strings.Join(clues, "; "))
		}
		if r.note != "" {
			fmt.Fprintf(&b, ". %s", r.note)
		}
		b.WriteString("\n")
		if i := indexOf(rs, r); i+1 == len(rs) || rs[i+1].scene.name != last {
			b.WriteString("\n")
		}
	}
	return b.String()
}

// missed names what is above its bar, and whether real rows that obey the rules are
// there too; "" if it is not.
func (r *result) missed(name string, s camouflage.Score, bar float64, ruled int) string {
	switch {
	case s.AUC <= bar:
		return ""
	case r.ruled != nil && s.AUC <= r.ruled[ruled]:
		return name + " (rules)"
	}
	return name
}

// sources tells which published samples were judged, and which were not at hand.
func sources(rs []*result, away []*scene) string {
	var b strings.Builder
	seen := map[string]bool{"": true}
	for _, r := range rs {
		if s := samples[r.scene.of]; s != nil && !seen[s.name] {
			seen[s.name] = true
			fmt.Fprintf(&b, "- %s: %s at %s (%s)\n", s.name, s.from, s.commit[:12], s.licence)
		}
	}
	for _, c := range away {
		fmt.Fprintf(&b, "- **LEFT OUT: %s**: sample %s was not at hand; `make samples` downloads it\n", c.name, c.of)
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + "\n"
}

// known is what the rules of what is never imitated give a thief, the mean over the
// runs; empty for naive rows, which have no such rules.
func (r *result) known() string {
	if len(r.rules) == 0 {
		return ""
	}
	sum := 0.0
	for _, v := range r.rules {
		sum += v
	}
	return fmt.Sprintf("%.2f", sum/float64(len(r.rules)))
}

func indexOf(rs []*result, r *result) int {
	for i := range rs {
		if rs[i] == r {
			return i
		}
	}
	return -1
}
