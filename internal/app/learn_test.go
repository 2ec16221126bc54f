package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

// until waits for something that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await(t, 2*time.Minute, what, ok)
}

func TestWhatIsLearnedIsReadableAndMakesLaterFindingsGraver(t *testing.T) {
	s := newSite(t, "learn: {path: baseline.yaml}")
	s.start()
	c := s.config()
	now := time.Now()
	if err := OrderLearning(c, LearnOrder{Asked: now, Until: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	learns := func() bool {
		_, st, err := ReadLearning(c)
		return err == nil && st != nil && st.Learning
	}
	until(t, "learning", learns)
	ctx := context.Background()
	conn := s.connect("crm", true)
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(s.dir, "baseline.yaml")
	until(t, "the statement is learned", func() bool { // its first text may be parsed beside the traffic
		exec("SELECT name FROM customers WHERE id = 5 AND email <> 'secret@corp.example'")
		return s.app.school.learner.Progress().Shapes > 0
	})
	if stood, err := EndLearning(c); err != nil || !stood {
		t.Fatal(stood, err)
	}
	until(t, "the end", func() bool { o, st, _ := ReadLearning(c); return o == nil && st != nil && !st.Learning })
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(b); !strings.Contains(text, `"SELECT name FROM customers WHERE id = 0 AND email <> 'x'"`) || strings.Contains(text, "secret") || !strings.Contains(text, `application: "test"`) {
		t.Fatalf("the file:\n%s", text)
	}
	// A weak finding in a statement that the application never sends.
	exec("SELECT name FROM customers WHERE id = 5 OR name LIKE '%'")
	until(t, "the alert", func() bool {
		for _, d := range s.detections() {
			for _, f := range d.Findings {
				if f.Detector == "new-shape" && d.Severity >= event.Medium {
					return true
				}
			}
		}
		return false
	})
}

func TestABrokenBaselineIsNamedWithItsLineAndTheOldOneStays(t *testing.T) {
	s := newSite(t, "learn: {path: baseline.yaml}")
	file := filepath.Join(s.dir, "baseline.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("version: 1\nidentities:\n  - user: postgres\n    server: crm\n    application: test\n")
	s.start()
	had := s.app.school.book
	write("version: 1\nidentities:\n  - usr: postgres\n")
	err := s.app.Reload(context.Background(), s.config())
	if err == nil || !strings.Contains(err.Error(), "baseline.yaml:3: unknown key \"usr\"") || s.app.school.book != had {
		t.Errorf("%v", err)
	}
	if _, err := New(context.Background(), s.config(), Options{}); err == nil || !strings.Contains(err.Error(), "baseline.yaml:3") {
		t.Errorf("a start with it: %v", err)
	}
	write("version: 1\nidentities: []\n")
	if err := s.app.Reload(context.Background(), s.config()); err != nil || s.app.school.book == had {
		t.Errorf("%v", err)
	}
}
