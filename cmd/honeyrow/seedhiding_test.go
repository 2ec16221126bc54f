package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (w *town) hides(t *testing.T) {
	plan := filepath.Join(w.dir, "seen.json")
	out := must(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "6", "--seed", "3", "--out", plan)
	for _, want := range []string{"Camouflage, against thieves", "public.staff: content ", "dump with keys and children ", "6 honey rows and 4 runs like them among "} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan does not say %q:\n%s", want, out)
		}
	}
	if err := os.Remove(plan); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"--max-auc", "--max-dump-auc"} {
		r := honeyrow(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "6", "--seed", "3", "--keys", "sequence", limit, "0.51", "--out", plan)
		if r.code != 1 || !strings.Contains(r.stderr, "too easy to tell from real ones") || !strings.Contains(r.out, "Camouflage, against thieves") {
			t.Errorf("%s: exit code %d, %s", limit, r.code, r.stderr)
		}
		if _, err := os.Stat(plan); err == nil {
			t.Errorf("%s: a plan that is refused was written", limit)
		}
	}
	if r := honeyrow(t, w.dir, "seed", "plan", "--tables", "staff", "--keys", "holes"); r.code != 2 {
		t.Errorf("keys from nowhere: exit code %d", r.code)
	}
	if out := must(t, w.dir, "seed", "verify"); !strings.Contains(out, "public.staff: content ") || !strings.Contains(out, "and 4 runs like them") {
		t.Errorf("verify does not measure again:\n%s", out)
	}
}
