package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"honeyrow/engine/sqlfacts/pgsql"
)

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	os.Exit(m.Run())
}

// The bars of our own corpora: what sqlmap sends is seen, what applications
// send is not.
func TestOurOwnCorporaAreToldApart(t *testing.T) {
	cs, err := load("corpora", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(cs) != 4 {
		t.Fatalf("%d corpora, want 4", len(cs))
	}
	j := newJudge()
	defer j.close()
	for _, c := range cs {
		r, err := j.corpus(t.Context(), c, options{})
		if err != nil {
			t.Fatal(err)
		}
		share := float64(r.total.hits) / float64(r.total.effective)
		if r.total.effective < 1000 {
			t.Errorf("%s: %d statements count: did the parser work?", c.name, r.total.effective)
		}
		if c.attack && share < 0.995 || !c.attack && share > 0.001 {
			t.Errorf("%s: %d of %d statements at medium or above (%.4f)", c.name, r.total.hits, r.total.effective, share)
			for i, w := range r.wrong {
				if i == 20 {
					break
				}
				t.Log(w)
			}
		}
		words := float64(r.total.words) / float64(r.total.effective)
		if c.attack && words < 0.995 || !c.attack && words > 0.001 {
			t.Errorf("%s: %d of %d statements at medium or above by their words alone (%.4f)\n%s",
				c.name, r.total.words, r.total.effective, words, strings.Join(r.differ[:min(20, len(r.differ))], "\n"))
		}
	}
}

// heldBars are what must be seen of the parts of later sets that were kept back.
var heldBars = map[string]float64{"fifth-held": 0.69, "sixth-held": 0.70, "seventh-held": 0.62, "ninth-held": 0.63, "tenth-held": 0.86, "eleventh-held": 0.78}

// The bars of the hand-made sets, which no statement alone can meet in full. What
// is kept back of the fifth is seen less, and its look-alikes are taken for attacks
// no more than in its first run. The sixth is the hardest.
func TestHandMadeSetsAreToldApart(t *testing.T) {
	cs, err := loadHard("hard")
	if err != nil {
		t.Fatal(err)
	}
	if len(cs) != 68 {
		t.Fatalf("%d hand-made sets, want 68", len(cs))
	}
	kept, err := readFigures("figures.json")
	if err != nil {
		t.Fatal(err)
	}
	j := newJudge()
	defer j.close()
	for _, c := range cs {
		r, err := j.corpus(t.Context(), c, options{})
		if err != nil {
			t.Fatal(err)
		}
		share := float64(r.total.hits) / float64(r.total.effective)
		// By its words alone hardly anything is lost or mistaken that is not by the
		// parse: which it is of what was kept back is not said.
		words, little := r.total.words-r.total.hits, max(1, r.total.effective/50)
		if c.attack && words < -little || !c.attack && words > little {
			t.Errorf("%s: %d of %d statements at medium or above by their words alone, %d by the parse", c.name, r.total.words, r.total.effective, r.total.hits)
		}
		if least, split := heldBars[c.name[strings.LastIndex(strings.TrimSuffix(c.name, "-held"), "-")+1:]]; split {
			first, ok := kept.First[c.name]
			if worse := c.attack && share < least || !c.attack && r.total.hits > first.Hits; !ok || worse || first.Counted != r.total.effective {
				t.Errorf("%s: %d of %d statements at medium or above, %d of %d in the first run", c.name, r.total.hits, r.total.effective, first.Hits, first.Counted)
			}
			continue
		}
		bar, wrong := 0.85, strings.Join(r.wrong, "\n")
		if strings.HasSuffix(c.name, "-held") { // whoever reads what was missed there would tune on it
			bar, wrong = 0.80, "(not listed: see hard/README.md)"
		}
		if strings.HasSuffix(c.name, "-sixth") || strings.HasSuffix(c.name, "-seventh") || strings.HasSuffix(c.name, "-ninth") {
			bar = 0.80
		}
		alarms := 0.03
		if strings.HasSuffix(c.name, "-eighth") { // written against the detectors
			alarms = 0.06
		}
		if c.attack && share < bar || !c.attack && share > alarms {
			t.Errorf("%s: %d of %d statements at medium or above (%.4f)\n%s", c.name, r.total.hits, r.total.effective, share, wrong)
		}
	}
}

// Learning lets no attack pass as known, hides none that is seen without it, and
// does not make the rest of what the same applications send an alert.
func TestWhatIsLearnedTellsAttacksFromOrdinaryStatements(t *testing.T) {
	cs, err := load("corpora", false)
	if err != nil {
		t.Fatal(err)
	}
	hard, err := loadHard("hard")
	if err != nil {
		t.Fatal(err)
	}
	j := newJudge()
	defer j.close()
	ls, err := j.lessons(t.Context(), append(cs, hard...))
	if err != nil {
		t.Fatal(err)
	}
	if len(ls) != 4 {
		t.Fatalf("%d lessons, want 4", len(ls))
	}
	for _, l := range ls {
		if l.learned < 1000 || l.ordinary.all < 500 || l.attacks.all < 1000 || l.evasions.all < 100 {
			t.Errorf("%s: too few statements: %+v", l.name, l)
		}
		if len(l.passed) > 0 {
			t.Errorf("%s: %d attacks pass as known: %s", l.name, len(l.passed), strings.Join(l.passed, "\n"))
		}
		if l.attacks.with < l.attacks.bare || l.evasions.with < l.evasions.bare {
			t.Errorf("%s: learning hides attacks: %+v, %+v", l.name, l.attacks, l.evasions)
		}
		if share := float64(l.ordinary.with) / float64(l.ordinary.all); share > 0.01 {
			t.Errorf("%s: %d of %d ordinary statements are alerts of medium severity", l.name, l.ordinary.with, l.ordinary.all)
		}
		if share := float64(l.ordinary.seen) / float64(l.ordinary.all); share > 0.005 {
			t.Errorf("%s: %d of %d ordinary statements are alerts where the process has seen the others", l.name, l.ordinary.seen, l.ordinary.all)
		}
		if l.ordinary.novel == 0 || l.ordinary.novel == l.ordinary.all {
			t.Errorf("%s: %d of %d ordinary statements are new", l.name, l.ordinary.novel, l.ordinary.all)
		}
	}
}

// Where the attacked application itself was learned, most of what is put into its
// statements is seen, whatever its spelling. The sixth set has its figures in
// docs/detection-figures.md and no bar here: one of the honest statements that were
// kept back of it is taken for an attack, and from then on nothing is learned of who sent
// it. The ninth was written against each rule, so that many of its look-alikes have a
// finding of the weakest kind, which a new shape makes an alert: it is learned by itself.
func TestWhatIsPutIntoLearnedStatementsIsSeen(t *testing.T) {
	hard, err := loadHard("hard")
	if err != nil {
		t.Fatal(err)
	}
	j := newJudge()
	defer j.close()
	only := func(keep func(name string) bool) []*corpus {
		return slices.DeleteFunc(slices.Clone(hard), func(c *corpus) bool { return !keep(c.name) })
	}
	for _, x := range [...]struct {
		sets        []*corpus
		tuned, held float64 // what must be seen of the evasions
		alike       float64 // how many look-alikes may be alerts
		seen        float64 // of the kept-back evasions, by what the process has seen
		least       int     // kept-back evasions
	}{
		{only(func(n string) bool { return !strings.Contains(n, "-sixth") && !strings.Contains(n, "-ninth") }), 0.94, 0.88, 0.1, 0.84, 60},
		{only(func(n string) bool { return strings.Contains(n, "-ninth") }), 0.94, 0.80, 0.35, 0.78, 50},
	} {
		ss, err := j.shops(t.Context(), x.sets)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range ss {
			if s.learned < 40 || s.held.all < x.least {
				t.Errorf("%s: too few statements: %+v", s.name, s)
			}
			// Two that were kept back are as their honest statements, but for their values
			// and the number of rows that they write.
			for _, c := range [...]struct {
				counts
				bar   float64
				known int
			}{{s.tuned, x.tuned, 0}, {s.held, x.held, 2}} {
				if share := float64(c.with) / float64(c.all); share < c.bar || c.all-c.novel > c.known || c.with < c.bare {
					t.Errorf("%s: %d of %d evasions seen, %d without learning; %d pass as known", s.name, c.with, c.all, c.bare, c.all-c.novel)
				}
			}
			if share := float64(s.held.seen) / float64(s.held.all); share < x.seen {
				t.Errorf("%s: %d of %d kept-back evasions seen where the process has seen the application's statements", s.name, s.held.seen, s.held.all)
			}
			if share := float64(s.alike.with) / float64(s.alike.all); share > x.alike {
				t.Errorf("%s: %d of %d look-alikes are alerts", s.name, s.alike.with, s.alike.all)
			}
		}
	}
}
