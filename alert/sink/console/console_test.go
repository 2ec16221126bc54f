package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

func write(t *testing.T, c Config, d event.Detection) string {
	t.Helper()
	var b bytes.Buffer
	s, err := New("console", c, &b)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextIsForPeopleWithoutColorInAPipe(t *testing.T) {
	got := write(t, Config{}, alerttest.Detection(0))
	if !strings.HasPrefix(got, "HIGH ") || !strings.HasSuffix(got, "\n") || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
	if got := write(t, Config{Color: "always"}, alerttest.Detection(0)); !strings.HasPrefix(got, "\x1b[") {
		t.Errorf("color always: got %q", got[:10])
	}
}

func TestAnAlertThatGrowsIsWholeOnceAndThenALine(t *testing.T) {
	for _, c := range []struct {
		format string
		whole  int
		lines  int
	}{{"text", 1, 1}, {"json", 0, 2}} {
		var b bytes.Buffer
		s, err := New("console", Config{Format: c.format}, &b)
		if err != nil {
			t.Fatal(err)
		}
		d := alerttest.Detection(0)
		d.Run.Done, d.Run.Code = false, ""
		for _, rows := range []uint64{20, 10004} {
			d.Run.Rows = rows
			if err := s.Deliver(t.Context(), &d); err != nil {
				t.Fatal(err)
			}
			d.Revision++
		}
		got := b.String()
		if n := strings.Count(got, "  statement  "); n != c.whole {
			t.Errorf("%s: shown whole %d times\n%s", c.format, n, got)
		}
		if n := strings.Count(got, "\n") - c.whole*strings.Count(got, "\n  "); n != c.lines+c.whole {
			t.Errorf("%s: %d lines beside the block\n%s", c.format, n, got)
		}
	}
}

func TestJSONIsOneLine(t *testing.T) {
	d := alerttest.Detection(0)
	got := write(t, Config{Format: "json"}, d)
	var back event.Detection
	if err := json.Unmarshal([]byte(got), &back); err != nil || back.ID != d.ID || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFileAndPipeAreNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) || IsTerminal(&bytes.Buffer{}) {
		t.Error("taken for a terminal")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestFailedWriteIsReported(t *testing.T) {
	s, err := New("console", Config{}, broken{})
	if err != nil {
		t.Fatal(err)
	}
	d := alerttest.Detection(0)
	if err := s.Deliver(t.Context(), &d); err == nil {
		t.Error("a lost alert counts as delivered")
	}
}

func TestUnknownFormatOrColorIsRefused(t *testing.T) {
	for _, c := range []Config{{Format: "xml"}, {Color: "pink"}} {
		if _, err := New("console", c, &bytes.Buffer{}); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
