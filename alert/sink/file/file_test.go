package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

func open(t *testing.T, c Config) *Sink {
	t.Helper()
	s, err := New("file", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func deliver(t *testing.T, s *Sink, n int) event.ID {
	t.Helper()
	d := alerttest.Detection(n)
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	return d.ID
}

// read returns the ids in a file; every line must be whole.
func read(t *testing.T, path string) (ids []event.ID) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var d event.Detection
		if err := json.Unmarshal(line, &d); err != nil {
			t.Errorf("%s: %v in %q", filepath.Base(path), err, line)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

func TestEachDetectionIsOneLineInAFileForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "alerts.jsonl")
	s := open(t, Config{Path: path})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			d := alerttest.Detection(i)
			d.Statement.Text = "SELECT\n1\u2028"
			if err := s.Deliver(t.Context(), &d); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(read(t, path)); got != 20 {
		t.Errorf("%d lines, want 20", got)
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		st, err := os.Stat(p)
		if err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %04o", p, st.Mode(), err, want)
		}
	}
}

func TestFileIsRotatedBySizeAndOldOnesGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	s := open(t, Config{Path: path, MaxSize: 4000, Keep: 2})
	var want []event.ID
	for i := range 12 {
		want = append(want, deliver(t, s, i))
	}
	var got []event.ID
	for _, p := range []string{path + ".2", path + ".1", path} {
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > 4000 {
			t.Errorf("%s has %d bytes, want 4000 at most", filepath.Base(p), st.Size())
		}
		got = append(got, read(t, p)...)
	}
	if len(got) < 3 || fmt.Sprint(got) != fmt.Sprint(want[len(want)-len(got):]) {
		t.Errorf("kept %v, want the newest of %v in order", got, want)
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("a third old file is kept")
	}
}

func TestLineLargerThanTheLimitIsWrittenAllTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	s := open(t, Config{Path: path, MaxSize: 10, Keep: 1})
	first, second := deliver(t, s, 0), deliver(t, s, 1)
	if a, b := read(t, path+".1"), read(t, path); len(a) != 1 || a[0] != first || len(b) != 1 || b[0] != second {
		t.Errorf("got %v and %v", a, b)
	}
}

func TestFileMovedOrEmptiedByLogrotateIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	s := open(t, Config{Path: path, MaxSize: -1})
	first := deliver(t, s, 0)
	if err := os.Rename(path, path+"-20261121"); err != nil {
		t.Fatal(err)
	}
	second := deliver(t, s, 1)
	if got := read(t, path+"-20261121"); len(got) != 1 || got[0] != first {
		t.Errorf("moved file: %v", got)
	}
	if got := read(t, path); len(got) != 1 || got[0] != second {
		t.Errorf("new file: %v, want %v", got, second)
	}
	if err := os.Truncate(path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	third := deliver(t, s, 2)
	if got := read(t, path); len(got) != 1 || got[0] != third {
		t.Errorf("emptied file: %v, want %v", got, third)
	}
}

func TestLineTornByACrashDoesNotSpoilTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	if err := os.WriteFile(path, []byte(`{"schema":"honeyrow.det`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: path})
	deliver(t, s, 0)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != 2 || !json.Valid([]byte(lines[1])) {
		t.Errorf("got %d lines, want the torn one and a whole one", len(lines))
	}
}

func TestFailureIsReportedAndRecoveredFrom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	path := filepath.Join(dir, "alerts.jsonl")
	s := open(t, Config{Path: path})
	deliver(t, s, 0)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the folder was
		t.Fatal(err)
	}
	d := alerttest.Detection(1)
	if err := s.Deliver(t.Context(), &d); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want an error that names the place", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); len(got) != 1 {
		t.Errorf("%d lines after recovery, want 1", len(got))
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for _, c := range []Config{{}, {Path: "x", Keep: -1}} {
		if _, err := New("file", c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if _, err := New("file", Config{Path: "/dev/null"}); err == nil {
		t.Error("a device was accepted as alert file")
	}
}
