package program_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/sink/program"
	"honeyrow/event"
)

// script writes a shell script and returns its name and its folder.
func script(t *testing.T, text string) (name, dir string) {
	t.Helper()
	dir = t.TempDir()
	name = filepath.Join(dir, "hook")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name, dir
}

func open(t *testing.T, c program.Config) *program.Sink {
	t.Helper()
	s, err := program.New("hook", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheProgramGetsTheDetectionAndACleanEnvironment(t *testing.T) {
	t.Setenv("HONEYROW_KEY", "the registry's key")
	name, dir := script(t, `cat > "$1/body"; env > "$1/env"; pwd > "$1/pwd"`)
	s := open(t, program.Config{Argv: []string{name, dir}})
	d := alerttest.Detection(1)
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	var got event.Detection
	if err := json.Unmarshal([]byte(read(t, dir+"/body")), &got); err != nil || got.ID != d.ID || got.Statement.Text != d.Statement.Text {
		t.Errorf("body: %v %+v", err, got)
	}
	env := read(t, dir+"/env")
	for _, want := range []string{"HONEYROW_DETECTION=" + string(d.ID), "HONEYROW_RULE=" + d.Rule, "HONEYROW_SEVERITY=" + d.Severity.String(), "PATH=/usr/local/sbin"} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is not in the environment:\n%s", want, env)
		}
	}
	if strings.Contains(env, "HONEYROW_KEY") || strings.Contains(env, "HOME=") || read(t, dir+"/pwd") != "/\n" {
		t.Errorf("the proxy's own environment is passed on:\n%s", env)
	}
}

func TestHowAProgramEndsDecidesWhatFollows(t *testing.T) {
	for _, c := range []struct {
		name, text      string
		failed, forGood bool
	}{
		{"taken", "cat >/dev/null", false, false},
		{"taken without reading", "exit 0", false, false},
		{"a failure", "exit 1", true, false},
		{"busy", "exit 75", true, false},
		{"refused", "exit 65", true, true},
		{"killed", "kill -9 $$", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			name, _ := script(t, c.text)
			d := alerttest.Detection(1)
			d.Statement.Text = strings.Repeat("secret ", 50_000) // more than a pipe holds
			err := open(t, program.Config{Argv: []string{name}}).Deliver(t.Context(), &d)
			if (err != nil) != c.failed || alert.IsPermanent(err) != c.forGood {
				t.Errorf("got %v, permanent %v", err, alert.IsPermanent(err))
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the detection: %v", err)
			}
		})
	}
	d := alerttest.Detection(1)
	if err := open(t, program.Config{Argv: []string{"/nowhere/hook"}}).Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) {
		t.Errorf("a program that is not there: %v, want a failure worth another try", err)
	}
}

func TestAProgramThatHangsIsKilledWithWhatItStarted(t *testing.T) {
	name, dir := script(t, `echo $$ > "$1/pid"; sleep 600 & echo $! > "$1/child"; wait`)
	// A busy machine may end the time before the script has done anything.
	for timeout := 300 * time.Millisecond; ; timeout *= 4 {
		s := open(t, program.Config{Argv: []string{name, dir}, RunTimeout: timeout})
		d := alerttest.Detection(1)
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), "run_timeout") {
			t.Fatalf("got %v", err)
		}
		if b, err := os.ReadFile(dir + "/child"); err == nil && len(b) > 0 || timeout > time.Minute {
			break
		}
	}
	child := strings.TrimSpace(read(t, dir+"/child"))
	for range 12_000 { // a killed child may wait for its reaper
		b, err := os.ReadFile("/proc/" + child + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("process %s lives on", child)
}

func TestAnEndedContextEndsTheRun(t *testing.T) {
	name, _ := script(t, "sleep 600")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	d := alerttest.Detection(1)
	if err := open(t, program.Config{Argv: []string{name}}).Deliver(ctx, &d); err == nil || alert.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	for want, c := range map[string]program.Config{
		"argv: missing":    {},
		"no absolute path": {Argv: []string{"page"}},
		"out of range":     {Argv: []string{"/bin/true"}, RunTimeout: 2 * time.Hour},
	} {
		if _, err := program.New("x", c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	name, dir := script(t, "")
	for want, mode := range map[string]os.FileMode{"make it executable": 0o600, "by everybody": 0o707} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		if err := (program.Config{Argv: []string{name}}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := (program.Config{Argv: []string{dir + "/none"}}).Check(t.Context()); err == nil {
		t.Error("a program that is not there passes")
	}
}

func TestOnceRunsItForTheFirstRevisionAlone(t *testing.T) {
	name, dir := script(t, `echo x >> "$1/runs"`)
	s := open(t, program.Config{Argv: []string{name, dir}, Once: true})
	d := alerttest.Detection(1)
	for d.Revision = range 3 {
		if err := s.Deliver(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, dir+"/runs"); got != "x\n" {
		t.Errorf("%d runs, want one", strings.Count(got, "x"))
	}
}
