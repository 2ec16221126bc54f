package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/event"
)

// ownRules writes a rule file beside the configuration.
func (s *site) ownRules(text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "own.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const shutRule = `
rules:
  - id: shut-out
    title: A mail address was read
    severity: critical
    condition: any(hits, not .inbound and .kind == "email")
    actions:
      verdict: kill
      quarantine: {by: [user], for: 1h}
      program: {argv: [/bin/sh, -c, "cat > DIR/told; echo $HONEYROW_RULE > DIR/rule"]}
`

// With a real server: nothing is read, the session ends, another session of the
// user ends too, a new one is refused, and the program has run.
func TestAnOwnRuleKillsShutsOutAndRunsItsProgram(t *testing.T) {
	s := newSite(t, "")
	s.ownRules(strings.ReplaceAll(shutRule, "DIR", s.dir))
	s.configure(configText("rule_files: [own.yaml]"))
	s.plant()
	s.start()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	thief, other := s.connect("crm", true), s.connect("crm", true)
	_, err := thief.Exec(ctx, "select * from customers where id = 4711")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "42501" {
		t.Errorf("the thief was told %v, want a refusal", err)
	}
	if _, err := thief.Exec(ctx, "select 1"); err == nil {
		t.Error("the thief's session goes on")
	}
	await(t, 10*time.Second, "the user's other session ends", func() bool {
		_, err := other.Exec(ctx, "select 1")
		return err != nil
	})
	conn, err := pgconn.Connect(ctx, "postgres://postgres@"+s.app.Addrs()["crm"]+"/postgres?sslmode=disable")
	if err == nil {
		conn.Close(ctx)
		t.Error("a new session of the user is let in")
	}
	await(t, 10*time.Second, "the detection counts the session refused", func() bool {
		d := s.awaitDetections(1)[0]
		return len(d.Quarantine) == 1 && d.Quarantine[0].Subject == "postgres" && d.Quarantine[0].Refused >= 1
	})
	if d := s.awaitDetections(1)[0]; d.Action != event.Kill || d.Rule != "honey-row-read" || len(d.Rules) < 2 { // and honey-row-sought, if the statement was understood in time
		t.Errorf("%s %s %+v", d.Rule, d.Action, d.Rules)
	}
	await(t, 10*time.Second, "the program runs", func() bool {
		b, err := os.ReadFile(filepath.Join(s.dir, "rule"))
		return err == nil && string(b) == "honey-row-read\n"
	})
	// A reload without the rule lets the user in again.
	s.configure(configText(""))
	if err := s.app.Reload(ctx, s.config()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s.connect("crm", true), "select 1"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestABadRuleFileLeavesTheRunningRulesInPlace(t *testing.T) {
	s := newSite(t, "")
	s.ownRules(`
rules:
  - id: refuse
    title: A mail address was read
    condition: any(hits, .kind == "email")
    actions: {verdict: block}
`)
	s.configure(configText("rule_files: [own.yaml]"))
	s.plant()
	s.start()
	ctx := context.Background()
	next := s.config()
	s.ownRules("rules:\n  - id: refuse\n    title: x\n    condition: any(hits, .knd == \"email\")\n")
	if err := s.app.Reload(ctx, next); err == nil || !strings.Contains(err.Error(), "own.yaml:4: rules[0].condition: ") {
		t.Errorf("reload: %v", err)
	}
	if _, err := LoadConfig(s.file); err == nil || !strings.Contains(err.Error(), "own.yaml:4: ") {
		t.Errorf("a start: %v", err)
	}
	_, err := s.connect("crm", true).Exec(ctx, "select * from customers where id = 4711")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "42501" {
		t.Errorf("%v, want the refusal of the rule in force", err)
	}
}
