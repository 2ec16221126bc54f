package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/alert"
	"honeyrow/docs/playbooks"
	"honeyrow/rules"
)

func TestEveryShippedRuleLinksAPlaybookAndEveryPlaybookIsLinked(t *testing.T) {
	set, err := rules.Compile(rules.Config{})
	if err != nil {
		t.Fatal(err)
	}
	linked := map[string]bool{filepath.Base(alert.WaitingPlaybook): true} // of no rule's, but honeyrow's own
	for _, r := range set.All() {
		text, ok := playbooks.Text(r.Playbook)
		if !ok || !strings.HasPrefix(text, "# ") {
			t.Errorf("rule %s: playbook %q is no page of docs/playbooks", r.ID, r.Playbook)
		}
		linked[filepath.Base(r.Playbook)] = true
	}
	pages, err := filepath.Glob("../../docs/playbooks/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, p := range pages {
		if !linked[filepath.Base(p)] {
			t.Errorf("%s is linked by no rule", p)
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(b)) { // links between pages
			if _, rest, ok := strings.Cut(word, "]("); ok {
				target, _, _ := strings.Cut(rest, ")")
				if _, err := os.Stat(filepath.Join(filepath.Dir(p), target)); err != nil {
					t.Errorf("%s links %s: %v", p, target, err)
				}
			}
		}
	}
}

func TestAPlaybookOfTheOwnersIsNamed(t *testing.T) {
	got := PlaybookTexts([]string{"https://wiki.example/\x1b[2J"})
	if !strings.Contains(got, `https://wiki.example/\x1b[2J`) {
		t.Errorf("got %q", got)
	}
}
