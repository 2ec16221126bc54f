package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/rules"
)

// Whoever relies on an allowance learns of its end from the log, on the day, once,
// and again when the configuration is taken over anew.
func TestTheEndOfAnAllowanceIsLoggedOnce(t *testing.T) {
	set, err := rules.Compile(rules.Config{Allow: []rules.Allowance{{User: "backup", Until: "2026-12-31"}, {User: "nightly", Until: "2027-12-31"}}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	log := zerolog.New(&b)
	var e ended
	last := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	e.tell(&log, last) // no rules yet
	e.watch(set)
	e.tell(&log, last)
	if b.Len() > 0 {
		t.Errorf("told on the last day: %s", b.String())
	}
	for range 3 {
		e.tell(&log, last.Add(time.Second))
	}
	e.watch(set)
	e.tell(&log, last.Add(time.Hour))
	if lines := strings.Split(strings.TrimSpace(b.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "allow entry 1 (user backup) ended on 2026-12-31") || lines[0] != lines[1] {
		t.Errorf("told %q", lines)
	}
}
