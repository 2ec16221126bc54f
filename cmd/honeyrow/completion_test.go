package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// proposals are what complete prints for a command line, without their meanings.
func proposals(t *testing.T, dir string, words ...string) (out []string) {
	t.Helper()
	for line := range strings.Lines(must(t, dir, append([]string{"complete", "--"}, words...)...)) {
		name, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, name)
	}
	return out
}

func TestACommandLineIsCompletedWithWhatWouldBeUnderstood(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "init", "--state", dir, "--server-address", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--domain", "decoy.example")
	for _, tc := range []struct {
		words string
		want  string
	}{
		{"al", "alerts"},
		{"alerts te", "test"},
		{"alerts test f", "file"},
		{"alerts dead list ", "file console"},
		{"--json alerts --config x.yaml de", "dead"},
		{"alerts dead r", "revive"},
		{"incidents ack ", ""},
		{"incidents list --sta", "--state"},
		{"incidents list --state=a", "--state=acknowledged --state=allowed"},
		{"incidents list --state open,r", "open,resolved"},
		{"incidents list --state = o", "open"}, // as bash cuts it
		{"incidents list --state open --severity cr", "critical"},
		{"rules explain honey-mass", "honey-mass-read"},
		{"rules check ", ":files"},
		{"--config ", ":files"},
		{"seed apply ", ":files"},
		{"completion ", "bash zsh fish"},
		{"nonsense ", "init"},
		{"complet", "completion"}, // and not the command that answers this
	} {
		got := proposals(t, dir, strings.Split(tc.words, " ")...)
		if tc.want == "init" {
			if !slices.Contains(got, tc.want) {
				t.Errorf("%q: %v, want the commands", tc.words, got)
			}
		} else if strings.Join(got, " ") != tc.want {
			t.Errorf("%q: %v, want %q", tc.words, got, tc.want)
		}
	}
}

func TestBashCompletesHoneyrow(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "init", "--state", dir, "--server-address", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--domain", "decoy.example")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "honeyrow")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	script := must(t, dir, "completion", "bash") + `
COMP_WORDS=("$0" --config "$1" alerts test f) COMP_CWORD=5
_honeyrow
printf '%s\n' "${COMPREPLY[@]}"
`
	cmd := exec.Command("bash", "-c", script, program, filepath.Join(dir, "honeyrow.yaml"))
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "file\n" {
		t.Errorf("bash: %v, %q, want the sink's name", err, out)
	}
}
