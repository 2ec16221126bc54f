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
	words, both      int // hits by the statement's words alone; of these by the parse too
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
	differ  []string // what its words alone make another thing of
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
		w := j.words(&text)
		class := c.class(e)
		if r.classes[class] == nil {
			r.classes[class] = &tally{}
		}
		peer, _ := libinjection.IsSQLi(e.SQL)
		for _, t := range [...]*tally{&r.total, r.classes[class]} {
			t.count(e, v, w, c.attack, peer)
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
		if counts && hit != (w.score >= detect.Medium) && (o.class == "" || o.class == class) {
			r.differ = append(r.differ, fmt.Sprintf("[%s parse %d %s; words %d %s] %s", class, v.score, sights(v), w.score, sights(w), oneLine(e.SQL)))
		}
	}
	return r, nil
}

// real reports whether an attack counts: it is effective, and if the corpus
// does not say that it is valid, a parser took it.
func real(e *entry, v verdict) bool {
	return e.effective() && !v.inert && (e.Syntax != "" || v.source != sqlfacts.Scanned)
}

// count adds a statement, judged by its parse (v) and by its words alone (w).
func (t *tally) count(e *entry, v, w verdict, attack, peer bool) {
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
	if w.score >= detect.Medium {
		t.words++
		if v.score >= detect.Medium {
			t.both++
		}
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
	for _, l := range [...]struct {
		what  string
		lines []string
	}{{"missed or mistaken", r.wrong}, {"judged otherwise by their words alone", r.differ}} {
		fmt.Fprintf(out, "%s: %d %s\n", r.c.name, len(l.lines), l.what)
		step := max(1, len(l.lines)/max(limit, 1))
		for i := 0; i < len(l.lines); i += step {
			fmt.Fprintln(out, " ", l.lines[i])
		}
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

// intro stands above the tables of the Markdown report.
const intro = `# Detection figures

Written by ` + "`go run ./integration/eval --keep --markdown FILE`" + `; not edited by hand. Attacks are counted on effective statements: valid syntax (where the corpus does not say, a parser took it) and not inert inside a literal. Findings that weigh 3 or more together are of severity medium at least. The engine adds what one statement alone cannot show (honey rows reached, the session's history, shapes never seen): of that only what is new is in these figures, under Learning. libinjection judges the whole statement and stands beside as the peer.

The corpora of captured and public statements were used to tune the weights. "evasion" and "lookalike" sets were written by hand, are proven to run on PostgreSQL and MariaDB, and are in the repository; the figures of each one's first run, before anything was changed for it, stay in the table: expect those, not the tuned ones, from material that nobody has shown us. "blind" was written before its author had seen the detectors, "second" after they had been tuned on "blind"; "third" is a later set of another author, of which "third-held" was kept back: nobody has read what is missed there. "fourth" was written after "third" had been tuned on, against the detectors as they then were. "fifth" is a later set of an author who had not read the detectors, and of the sets before only how they are written; a half of it, "fifth-held", was kept back like "third-held". "sixth" and "sixth-held" are such a set again, of another author. "seventh" and "seventh-held" (a third) are one more, of a third such author, who wrote the look-alikes of "eighth" after reading the detectors, against each of their rules. "ninth" and "ninth-held" (a third) are of another author, who wrote evasions and look-alikes after reading the detectors, against each of their rules, before looking at any result. "tenth" and "tenth-held" (a half) are of one more author, who had read neither the detectors nor the rules. "eleventh" and "eleventh-held" (a half) are such a set again, whose author knew the detectors by their files' names and by what a list of eight statements said that is not seen.
`

// table prints rows, as Markdown or in columns.
type table struct {
	out      io.Writer
	markdown bool
}

func (t table) row(cells ...string) {
	if t.markdown {
		fmt.Fprintln(t.out, "| "+strings.Join(cells, " | ")+" |")
		return
	}
	for i, c := range cells {
		if i == 0 {
			fmt.Fprintf(t.out, "%-36s", c)
		} else {
			fmt.Fprintf(t.out, " %12s", c)
		}
	}
	fmt.Fprintln(t.out)
}

func (t table) head(title string, cells ...string) {
	fmt.Fprintln(t.out)
	if t.markdown {
		fmt.Fprintf(t.out, "## %s\n\n", title)
	} else {
		fmt.Fprintln(t.out, title)
	}
	t.row(cells...)
	if t.markdown {
		t.row(strings.Split(strings.TrimSuffix(strings.Repeat("---,", len(cells)), ","), ",")...)
	}
}

// report prints the tables.
func report(out io.Writer, rs []*result, ls []*lesson, ss []*shop, kept figures, markdown bool) {
	t := table{out, markdown}
	if markdown {
		fmt.Fprint(out, intro)
	}
	t.head("Attacks", "corpus", "statements", "counted", "medium+", "recall", "first run", "weak only", "libinjection", "mended", "scanned")
	for _, r := range rs {
		if r.c.attack {
			t.row(r.summary(kept)...)
		}
	}
	t.head("Ordinary statements", "corpus", "statements", "counted", "medium+", "a million", "first run", "weak only", "libinjection", "mended", "scanned")
	for _, r := range rs {
		if !r.c.attack {
			t.row(r.summary(kept)...)
		}
	}
	t.words(rs)
	t.lessons(ls)
	t.shops(ss)
	for _, r := range rs {
		share := "recall"
		if !r.c.attack {
			share = "a million"
		}
		t.head(r.c.name+", by class", "class", "counted", "medium+", share, "weak only", "libinjection")
		for _, c := range slices.Sorted(maps.Keys(r.classes)) {
			n := r.classes[c]
			t.row(c, fmt.Sprint(n.effective), fmt.Sprint(n.hits), r.share(n.hits, n.effective), percent(n.weak, n.effective), r.share(n.peer, n.effective))
		}
	}
}

// wordsIntro stands below the table on what is judged by words alone.
const wordsIntro = `The same statements, judged by their words alone: without a parse, as happens to a shape that is new while the parser has no time, is down or is kept from a client that harmed it. "By the parse" is what stands above; what no parser could read was judged by its words there too. "Lost" and "gained" are statements that only one of the two takes for an attack.
`

// words prints the tables on what is judged without a parser.
func (t table) words(rs []*result) {
	for _, x := range [...]struct {
		title, share string
		attack       bool
	}{{"By words alone: attacks", "recall", true}, {"By words alone: ordinary statements", "a million", false}} {
		t.head(x.title, "corpus", "counted", "by the parse", x.share, "by words", x.share, "lost", "gained")
		for _, r := range rs {
			if r.c.attack != x.attack {
				continue
			}
			n := &r.total
			t.row(r.c.name, fmt.Sprint(n.effective), fmt.Sprint(n.hits), r.share(n.hits, n.effective),
				fmt.Sprint(n.words), r.share(n.words, n.effective), fmt.Sprint(n.hits-n.both), fmt.Sprint(n.words-n.both))
		}
	}
	if t.markdown {
		fmt.Fprint(t.out, "\n", wordsIntro)
	}
}

// learnIntro stands above the tables on learning.
const learnIntro = `An engine in protect mode learns the shapes of 70 % of what each application of our own corpora sent (the first of them in the order in which they were captured, or a share drawn with a fixed seed), through the baseline and its file. Then it judges the others, and all effective attacks, each by itself: an alert is a detection of medium severity or more. An attack "passes as known" if the baseline has its shape for any of the applications. Evasions are the hand-written sets above; so are look-alikes, which no application sent: they stand for what a new release or a person asks. "Low" are alerts of low severity, which one finding of the weakest kind in a new statement makes. "Left out" were not learned, for what they looked like or because somebody of the same user and address had sent such. The corpora were thinned out to ten statements a shape, and to one of a text that is prepared: what traffic repeats most is missing, so the shares of new ones here are the highest that can be. Of all of the captured traffic 13 to 16 % were new, by a measurement that is not repeated here. "Without" has neither a baseline nor a past; "seen" has no baseline, but the process has seen what the others learned from twice, an hour and more apart.
`

func (t table) lessons(ls []*lesson) {
	t.head("Learning: ordinary statements", "lesson", "learned", "left out", "shapes", "judged", "new", "share", "alerts", "low", "without", "seen", "look-alikes", "alerts", "low", "without", "seen")
	for _, l := range ls {
		o, a := &l.ordinary, &l.alike
		t.row(l.name, fmt.Sprint(l.learned), fmt.Sprint(l.left), fmt.Sprint(l.shapes), fmt.Sprint(o.all), fmt.Sprint(o.novel), percent(o.novel, o.all),
			percent(o.with, o.all), percent(o.low, o.all), percent(o.bare, o.all), percent(o.seen, o.all), fmt.Sprint(a.all), percent(a.with, a.all), percent(a.low, a.all), percent(a.bare, a.all), percent(a.seen, a.all))
	}
	t.head("Learning: attacks", "lesson", "captured", "as known", "recall", "without", "seen", "evasions", "as known", "recall", "without", "seen")
	for _, l := range ls {
		a, v := &l.attacks, &l.evasions
		t.row(l.name, fmt.Sprint(a.all), fmt.Sprint(a.all-a.novel), percent(a.with, a.all), percent(a.bare, a.all), percent(a.seen, a.all),
			fmt.Sprint(v.all), fmt.Sprint(v.all-v.novel), percent(v.with, v.all), percent(v.bare, v.all), percent(v.seen, v.all))
	}
	if t.markdown {
		fmt.Fprint(t.out, "\n", learnIntro)
	}
}

// shopIntro stands above the table on what is put into known statements.
const shopIntro = `The honest statements of the third hand-written set and of later ones (what the evasions were put into, with what an honest user sends there) are learned as those of one application; then it sends the evasions, each by itself, and the look-alikes, as a new release might.
`

func (t table) shops(ss []*shop) {
	t.head("Learning: what is put into known statements", "application", "learned", "evasions", "as known", "recall", "without", "seen", "kept back", "as known", "recall", "without", "seen", "look-alikes", "alerts", "low", "without", "seen")
	for _, s := range ss {
		v, h, a := &s.tuned, &s.held, &s.alike
		t.row(s.name, fmt.Sprint(s.learned), fmt.Sprint(v.all), fmt.Sprint(v.all-v.novel), percent(v.with, v.all), percent(v.bare, v.all), percent(v.seen, v.all),
			fmt.Sprint(h.all), fmt.Sprint(h.all-h.novel), percent(h.with, h.all), percent(h.bare, h.all), percent(h.seen, h.all),
			fmt.Sprint(a.all), percent(a.with, a.all), percent(a.low, a.all), percent(a.bare, a.all), percent(a.seen, a.all))
	}
	if t.markdown {
		fmt.Fprint(t.out, "\n", shopIntro)
	}
}

// summary is the row of a corpus.
func (r *result) summary(kept figures) []string {
	t := &r.total
	first := "-"
	if f, ok := kept.First[r.c.name]; ok {
		first = r.share(f.Hits, f.Counted)
	}
	return []string{
		r.c.name, fmt.Sprint(t.all), fmt.Sprint(t.effective), fmt.Sprint(t.hits), r.share(t.hits, t.effective), first,
		percent(t.weak, t.effective), r.share(t.peer, t.effective), fmt.Sprint(t.mended), fmt.Sprint(t.scanned),
	}
}

// share is recall in percent for attacks, false alarms a million statements for
// ordinary ones.
func (r *result) share(n, of int) string {
	if r.c.attack || of == 0 {
		return percent(n, of)
	}
	return fmt.Sprint((n*1_000_000 + of/2) / of)
}
