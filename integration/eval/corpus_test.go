package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Corpora that somebody else keeps may have any name.
func TestAnAttackIsKnownByItsTechniqueNotByTheNameOfItsFile(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"kept-pg.jsonl":  `{"dialect":"pg","technique":"union","sql":"SELECT 1 UNION SELECT 2"}` + "\n",
		"other-pg.jsonl": `{"dialect":"pg","source":"psql","sql":"SELECT 1"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := load(folder, false)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range cs {
		if len(c.entries) != 1 {
			t.Errorf("%s has %d statements, want 1", c.name, len(c.entries))
		}
		got[c.name] = c.attack
	}
	if len(got) != 2 || !got["kept-pg"] || got["other-pg"] {
		t.Errorf("attacks: %v, want kept-pg alone", got)
	}
}
