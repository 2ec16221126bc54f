package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/corazawaf/libinjection-go"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
)

// tally counts the statements of one class.
type tally struct {
	all, effective   int
	hits, weak       int // score of Medium and more; some finding below it
	peer             int // libinjection on the whole statement
	scanned, mended  int
	inert, inertHits int
}

// result is what became of a corpus.
type result struct {
	c       *corpus
	total   tally
	classes map[string]*tally
	by      map[string]int // detectors, of the statements that count
	why     map[string]int // reasons of the parser's refusals
	wrong   []string
}

func (j *judge) corpus(ctx context.Context, c *corpus, o options) (*result, error) {
	r := &result{c: c, classes: map[string]*tally{}, by: map[string]int{}, why: map[string]int{}}
	var text sqlfacts.Text
	for i := range c.entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := &c.entries[i]
		v := j.statement(ctx, &text, e)
		class := c.class(e)
		if r.classes[class] == nil {
			r.classes[class] = &tally{}
		}
		peer, _ := libinjection.IsSQLi(e.SQL)
		for _, t := range [...]*tally{&r.total, r.classes[class]} {
			t.count(e, v, c.attack, peer)
		}
		if v.why != "" {
			r.why[v.why[:min(len(v.why), 24)]]++
		}
		hit := v.score >= detect.Medium
		counts := !c.attack || real(e, v)
		if counts {
			for _, f := range v.findings {
				r.by[f.Detector]++
			}
		}
		if counts && hit != c.attack && (o.class == "" || o.class == class) {
			r.wrong = append(r.wrong, fmt.Sprintf("[%s %d %s] %s", class, v.score, sights(v), oneLine(e.SQL)))
		}
	}
	return r, nil
}

// real reports whether an attack counts: it is effective, and if the corpus
// does not say that it is valid, a parser took it.
func real(e *entry, v verdict) bool {
	return e.effective() && !v.inert && (e.Syntax != "" || v.source != sqlfacts.Scanned)
}

func (t *tally) count(e *entry, v verdict, attack, peer bool) {
	t.all++
	switch v.source {
	case sqlfacts.Scanned:
		t.scanned++
	case sqlfacts.Mended:
		t.mended++
	}
	if attack && (e.Inert || v.inert) {
		t.inert++
		if v.score > 0 {
			t.inertHits++
		}
	}
	if attack && !real(e, v) {
		return
	}
	t.effective++
	switch {
	case v.score >= detect.Medium:
		t.hits++
	case v.score > 0:
		t.weak++
	}
	if peer {
		t.peer++
	}
}

func sights(v verdict) string {
	var out []string
	for _, f := range v.findings {
		out = append(out, fmt.Sprintf("%s:%d", f.Detector, f.Weight))
	}
	return strings.Join(out, " ")
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = s[:400] + "..."
	}
	return s
}

func (r *result) list(out io.Writer, limit int) {
	fmt.Fprintf(out, "%s: %d missed or mistaken\n", r.c.name, len(r.wrong))
	step := max(1, len(r.wrong)/max(limit, 1))
	for i := 0; i < len(r.wrong); i += step {
		fmt.Fprintln(out, " ", r.wrong[i])
	}
	for _, d := range slices.Sorted(maps.Keys(r.why)) {
		if r.why[d] > 50 {
			fmt.Fprintf(out, "  refused: %-40s %d\n", d, r.why[d])
		}
	}
	for _, d := range slices.Sorted(maps.Keys(r.by)) {
		fmt.Fprintf(out, "  %-24s %d\n", d, r.by[d])
	}
}

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(of))
}

// report prints the tables.
func report(out io.Writer, rs []*result, markdown bool) {
	row := func(cells ...string) {
		if markdown {
			fmt.Fprintln(out, "| "+strings.Join(cells, " | ")+" |")
			return
		}
		for i, c := range cells {
			if i == 0 {
				fmt.Fprintf(out, "%-36s", c)
			} else {
				fmt.Fprintf(out, " %12s", c)
			}
		}
		fmt.Fprintln(out)
	}
	head := func(title string, cells ...string) {
		fmt.Fprintln(out)
		if markdown {
			fmt.Fprintf(out, "## %s\n\n", title)
		} else {
			fmt.Fprintln(out, title)
		}
		row(cells...)
		if markdown {
			row(strings.Split(strings.TrimSuffix(strings.Repeat("---,", len(cells)), ","), ",")...)
		}
	}
	if markdown {
		fmt.Fprint(out, "# Detection figures\n\nWritten by `go run ./integration/eval --markdown FILE`; not edited by hand. Attacks are counted on effective statements: valid syntax (where the corpus does not say, a parser took it) and not inert inside a literal. The score of the findings is 3 or more from medium on; libinjection judges the whole statement. \"own\" corpora are in the repository, the others are not: `--public DIR` names their folder.\n\nThe rules were tuned on these corpora: figures for material that nobody has seen before are lower.\n")
	}
	head("Corpora", "corpus", "statements", "counted", "medium+", "share", "weak only", "libinjection", "mended", "scanned")
	for _, r := range rs {
		t := &r.total
		row(r.c.name, fmt.Sprint(t.all), fmt.Sprint(t.effective), fmt.Sprint(t.hits), percent(t.hits, t.effective), percent(t.weak, t.effective),
			percent(t.peer, t.effective), fmt.Sprint(t.mended), fmt.Sprint(t.scanned))
	}
	for _, r := range rs {
		head(r.c.name+", by class", "class", "counted", "medium+", "share", "weak only")
		for _, c := range slices.Sorted(maps.Keys(r.classes)) {
			t := r.classes[c]
			row(c, fmt.Sprint(t.effective), fmt.Sprint(t.hits), percent(t.hits, t.effective), percent(t.weak, t.effective))
		}
	}
}
