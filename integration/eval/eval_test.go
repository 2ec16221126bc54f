package main

import (
	"os"
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
	}
}

// The bars of the hand-made sets, which no statement alone can meet in full.
func TestHandMadeSetsAreToldApart(t *testing.T) {
	cs, err := loadHard("hard")
	if err != nil {
		t.Fatal(err)
	}
	if len(cs) != 8 {
		t.Fatalf("%d hand-made sets, want 8", len(cs))
	}
	j := newJudge()
	defer j.close()
	for _, c := range cs {
		r, err := j.corpus(t.Context(), c, options{})
		if err != nil {
			t.Fatal(err)
		}
		share := float64(r.total.hits) / float64(r.total.effective)
		if c.attack && share < 0.85 || !c.attack && share > 0.03 {
			t.Errorf("%s: %d of %d statements at medium or above (%.4f)\n%s", c.name, r.total.hits, r.total.effective, share, strings.Join(r.wrong, "\n"))
		}
	}
}
