package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// upstream makes a repository with two files and returns its address and commit.
func upstream(t *testing.T, files map[string]string) (dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b.example"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q")
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run("add", "-A")
	run("commit", "-q", "-m", "one")
	return dir, run("rev-parse", "HEAD")
}

func TestASampleIsDownloadedAtItsCommitAndLoadedOnlyWithItsDigest(t *testing.T) {
	files := map[string]string{"all.sql": "DROP DATABASE IF EXISTS x;\nCREATE DATABASE x;\nUSE x;\nCREATE TABLE x.a (n int);\nsource rows.sql ;\nsource timing.sql;\nSELECT 1;\n", "rows.sql": "INSERT INTO x.a VALUES (1);\n"}
	dir, commit := upstream(t, files)
	s := &sample{name: "x", from: "file://" + dir, commit: commit, licence: "MIT", prefix: "x."}
	for _, name := range []string{"all.sql", "rows.sql"} {
		s.files = append(s.files, sampleFile{name, digest([]byte(files[name]))})
	}
	at := t.TempDir()
	if _, err := s.read(at); !errors.Is(err, errAway) {
		t.Errorf("a sample that is not there: %v", err)
	}
	for range 2 { // the second time it is there
		if err := s.download(t.Context(), at, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	sql, err := s.read(at)
	if want := "CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);\n\n\nSELECT 1;"; err != nil || strings.TrimSpace(sql) != want {
		t.Errorf("loaded as %q, want %q: %v", strings.TrimSpace(sql), want, err)
	}
	if err := os.WriteFile(s.file(at, s.files[1]), []byte("DROP TABLE a;"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.read(at); err == nil || errors.Is(err, errAway) || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a file that was changed is loaded: %v", err)
	}
	s.files[1].sum = strings.Repeat("0", 64)
	if err := s.download(t.Context(), at, io.Discard); err == nil || !strings.Contains(err.Error(), "want 0000") {
		t.Errorf("a file with another digest is taken: %v", err)
	}
}

func TestTheReportBeginsWithTheSamplesThatWereNotAtHand(t *testing.T) {
	dir := t.TempDir()
	var out, errs strings.Builder
	file := filepath.Join(dir, "figures.md")
	if err := run(t.Context(), []string{"-published", "-samples", dir, "-markdown", file}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(out.String(), "| table | way |")
	for _, c := range published(dir) {
		if !strings.Contains(head, "**LEFT OUT: "+c.name+"**") || !strings.Contains(errs.String(), c.name+": left out") {
			t.Errorf("nothing says that %s is missing:\n%s\n%s", c.name, head, errs.String())
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != out.String() {
		t.Errorf("the file holds something else than was printed: %v", err)
	}
}

func TestEverySampleOfTheTablesIsKnownWithCommitLicenceAndDigests(t *testing.T) {
	used := map[string]bool{}
	for _, c := range published(".") {
		used[c.of] = true
	}
	for name, s := range samples {
		if !used[name] || s.name != name || len(s.commit) != 40 || s.licence == "" {
			t.Errorf("sample %s: used %t, named %s, commit %q, licence %q", name, used[name], s.name, s.commit, s.licence)
		}
		for _, f := range s.files {
			if len(f.sum) != 64 {
				t.Errorf("sample %s: %s has no digest", name, f.path)
			}
		}
		delete(used, name)
	}
	for name := range used {
		t.Errorf("nobody knows sample %q", name)
	}
}
