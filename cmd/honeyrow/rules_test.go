package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ruled makes a folder with a configuration and one rule file.
func ruled(t *testing.T, text string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "own.yaml")
	for name, text := range map[string]string{
		file: text,
		filepath.Join(dir, "honeyrow.yaml"): "servers: [{name: a, address: 127.0.0.1:1}]\nalerts: {statements: true}\nrule_files: [own.yaml]\n" +
			"rules: {night: {severity: high}}\nlisteners: [{name: a, address: 127.0.0.1:0}]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, file
}

const night = `rules:
  - id: night
    title: Reading at night
    condition: statement.kind == "select" and time.hour < 5
    cases:
      must_fire: [{name: at three, sql: SELECT 1, given: {time: {hour: 3}}}]
      must_not_fire: [{name: at noon, sql: SELECT 1, given: {time: {hour: 12}}}]
`

func TestRulesAreListedCheckedTestedAndExplained(t *testing.T) {
	dir, file := ruled(t, night)
	if out := must(t, dir, "config", "show"); !strings.Contains(out, "rule_files:") || !strings.Contains(out, "connect_timeout: 10s") {
		t.Errorf("config show:\n%s", out)
	}
	if r := honeyrow(t, dir, "--json", "config", "show"); r.code != 0 || !json.Valid([]byte(r.out)) {
		t.Errorf("config show as JSON: %d, %s", r.code, r.out)
	}
	if out := must(t, dir, "rules", "list"); !strings.Contains(out, "night ") || !strings.Contains(out, "honey-row-read") || strings.Contains(out, "large-result") {
		t.Errorf("list:\n%s", out)
	}
	if out := must(t, dir, "rules", "list", "--all"); !strings.Contains(out, "large-result") {
		t.Errorf("list --all:\n%s", out)
	}
	if out := must(t, dir, "rules", "check"); !strings.Contains(out, "rules, ") {
		t.Errorf("check:\n%s", out)
	}
	if out := must(t, dir, "rules", "test", file); !strings.Contains(out, "night") || !strings.Contains(out, " 0 failed") {
		t.Errorf("test:\n%s", out)
	}
	out := must(t, dir, "rules", "explain", "night")
	for _, want := range []string{"Reading at night", "time.hour < 5", "with each statement", "the statement's facts, the time", "high", "the configuration (rules.night): severity", "1 must fire, 1 must not"} {
		if !strings.Contains(out, want) {
			t.Errorf("explain lacks %q:\n%s", want, out)
		}
	}
	var line ruleLine
	if err := json.Unmarshal([]byte(must(t, dir, "--json", "rules", "explain", "night")), &line); err != nil || line.Phase != "statement" || !line.Enabled || line.Severity != "high" {
		t.Errorf("%v %+v", err, line)
	}
	if r := honeyrow(t, dir, "rules", "explain", "day"); r.code != exitFailed || !strings.Contains(r.stderr, `there is no rule "day"`) {
		t.Errorf("%+v", r)
	}
}

func TestAFailingCaseAndABadFileFailTheCommand(t *testing.T) {
	dir, _ := ruled(t, strings.Replace(night, "hour: 12", "hour: 4", 1))
	if r := honeyrow(t, dir, "rules", "test"); r.code != exitFailed || !strings.Contains(r.out, "1 failed") || !strings.Contains(r.stderr, `night, case "at noon": it must not fire and does`) {
		t.Errorf("%+v", r)
	}
	r := honeyrow(t, dir, "--json", "rules", "test", "--rule", "night")
	if r.code != exitFailed || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.out, `"passed":false`) {
		t.Errorf("%+v", r)
	}
	dir, file := ruled(t, strings.Replace(night, "time.hour", "time.our", 1))
	if r := honeyrow(t, dir, "rules", "check"); r.code != exitFailed || !strings.Contains(r.stderr, file+":4: rules[0].condition: type rules.Time has no field our") {
		t.Errorf("%+v", r)
	}
	if r := honeyrow(t, dir, "--json", "rules", "check", file); r.code != exitFailed || !strings.Contains(r.out, `"ok":false`) {
		t.Errorf("%+v", r)
	}
	if r := honeyrow(t, dir, "doctor"); r.code != exitFailed || !strings.Contains(r.stderr, "own.yaml:4") {
		t.Errorf("a proxy would start with it: %+v", r)
	}
}

func TestARuleThatDoesNothingIsNamedWithItsSetting(t *testing.T) {
	const mixed = `rules:
  - id: odd
    title: Odd statements
    condition: score >= 2
  - id: keys
    title: A key was read
    condition: any(hits, .kind == "api_key")
`
	dir, file := ruled(t, mixed)
	config := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "honeyrow.yaml"), []byte("servers: [{name: a, address: 127.0.0.1:1}]\nlisteners: [{name: a, address: 127.0.0.1:0}]\nrule_files: [own.yaml]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config("alerts: {statements: false}\n")
	if r := honeyrow(t, dir, "rules", "check"); r.code != 0 || !strings.Contains(r.stderr, "rule odd is idle: it needs findings: set alerts.statements: true") || strings.Contains(r.stderr, "rule keys") {
		t.Errorf("a rule without findings: %+v", r)
	}
	config("alerts: {statements: true}\nlearn: {path: baseline.yaml}\n")
	if r := honeyrow(t, dir, "rules", "check"); r.code != 0 || strings.Contains(r.stderr, "rule odd") || !strings.Contains(r.stderr, "rule novel-statement is idle: it needs novelty, and nothing was learned yet") {
		t.Errorf("nothing learned: %+v", r)
	}
	config("alerts: {statements: true}\nallow: [{user: backup, until: 2026-01-31}, {user: nightly, until: 2999-01-31}]\n")
	if r := honeyrow(t, dir, "rules", "check"); r.code != 0 || !strings.Contains(r.stderr, "allow entry 1 (user backup) ended on 2026-01-31") || strings.Contains(r.stderr, "allow entry 2") {
		t.Errorf("an allowance that ended: %+v", r)
	}
	config("alerts: {statements: true}\nlearn: {path: baseline.yaml}\n")
	if err := os.WriteFile(filepath.Join(dir, "baseline.yaml"), []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := honeyrow(t, dir, "rules", "check"); r.code != 0 || strings.Contains(r.stderr, "idle") {
		t.Errorf("all is there: %+v", r)
	}
	if err := os.WriteFile(file, []byte(strings.Split(mixed, "  - id: keys")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	config("alerts: {statements: false}\n")
	if r := honeyrow(t, dir, "rules", "check"); r.code != 1 || !strings.Contains(r.stderr, "own.yaml: no rule in it can ever fire") {
		t.Errorf("a file that can never fire: %+v", r)
	}
	if err := os.WriteFile(file, []byte("rules:\n  - id: never\n    title: x\n    condition: 1 > 2 and client.user == \"a\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := honeyrow(t, dir, "rules", "check"); r.code != 1 || !strings.Contains(r.stderr, "own.yaml:4") || !strings.Contains(r.stderr, "can never hold") {
		t.Errorf("a condition that is false: %+v", r)
	}
}
