package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"honeyrow/internal/app"
)

func TestADrillThatWasGivenUpIsDeliveredOnceTheSinkIsMended(t *testing.T) {
	dir := t.TempDir()
	var answer atomic.Int64
	answer.Store(http.StatusBadRequest)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(answer.Load())) }))
	defer srv.Close()
	must(t, dir, "init", "--state", dir, "--server-address", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--domain", "decoy.example")
	path := filepath.Join(dir, "honeyrow.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	with := strings.Replace(string(text), "\n  sinks:\n", "\n  sinks:\n    - {name: hook, type: webhook, url: \""+srv.URL+"\"}\n", 1)
	if err := os.WriteFile(path, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	r := honeyrow(t, dir, "alerts", "test", "hook")
	if r.code != exitFailed || !strings.Contains(r.stderr, "given up") || !strings.Contains(r.stderr, "dead revive hook") || strings.Contains(r.stderr, "tried again") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if list := must(t, dir, "alerts", "dead", "list"); !strings.Contains(list, "answer 400") {
		t.Errorf("got %s", list)
	}
	for _, args := range [][]string{{}, {"hook", "--all"}} {
		if r := honeyrow(t, dir, append([]string{"alerts", "dead", "revive"}, args...)...); r.code != exitUsage {
			t.Errorf("%v: exit code %d", args, r.code)
		}
	}
	answer.Store(http.StatusOK)
	if out := must(t, dir, "alerts", "dead", "revive", "--all"); out != "1 delivery of sink hook is due again\n" {
		t.Errorf("got %q", out)
	}
	if out := must(t, dir, "alerts", "test", "hook"); !strings.Contains(out, "delivered") { // and what waits with it
		t.Errorf("got %q", out)
	}
	if r := honeyrow(t, dir, "alerts", "dead", "revive", "--all"); r.code != 0 || !strings.Contains(r.stderr, "nothing was given up") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
}

// A sink that is gone from the configuration, or has another name there, is told
// apart: what waits for it goes nowhere.
func TestWhatWaitsForASinkThatIsGoneIsSaid(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "init", "--state", dir, "--server-address", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--domain", "decoy.example")
	path := filepath.Join(dir, "honeyrow.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	with := func(sink string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), "\n  sinks:\n", "\n  sinks:\n"+sink, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	states := func() map[string]app.SinkState {
		m := map[string]app.SinkState{}
		for _, k := range lines[app.SinkState](t, must(t, dir, "--json", "alerts", "status")) {
			m[k.Sink] = k
		}
		return m
	}
	with("    - {name: old, type: webhook, url: \"http://127.0.0.1:1\"}\n    - {name: quiet, type: program, argv: [/bin/true]}\n")
	for sink, code := range map[string]int{"old": exitFailed, "quiet": 0} {
		if r := honeyrow(t, dir, "alerts", "test", sink); r.code != code {
			t.Fatalf("drill to %s: %+v", sink, r)
		}
	}
	if m := states(); len(m) != 4 || !m["old"].Configured || m["old"].Pending != 1 || !m["file"].Configured || m["file"].Pending != 0 {
		t.Errorf("every sink is there, drilled or not: %+v", m)
	}
	if out := must(t, dir, "alerts", "status"); strings.Contains(out, "not in the configuration") {
		t.Errorf("got\n%s", out)
	}
	with("    - {name: new, type: webhook, url: \"http://127.0.0.1:1\"}\n")
	if m := states(); len(m) != 4 || m["old"].Configured || m["old"].Pending != 1 || !m["new"].Configured {
		t.Errorf("what waits is there, what does not is not: %+v", m)
	}
	if out := must(t, dir, "alerts", "status"); !strings.Contains(out, "not in the configuration: old.") || !strings.Contains(out, "never") {
		t.Errorf("got\n%s", out)
	}
}
