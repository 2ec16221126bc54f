package rules

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"honeyrow/event"
)

func parse(t *testing.T, text string) Config {
	t.Helper()
	var c Config
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigurationOverridesSingleRules(t *testing.T) {
	s, err := Compile(parse(t, `
override:
  honey-row-read: {action: block, severity: high}
  replication-stream: {disabled: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	if r, on := s.Rule(RowRead); !on || r.Actions.Verdict != event.Block || r.Severity != event.High || r.Message == "" {
		t.Errorf("%+v %v", r, on)
	}
	if r, on := s.Rule(ValuePresented); !on || r.Actions.Verdict != event.Alert || r.Severity != event.High {
		t.Errorf("%+v %v", r, on)
	}
	if _, on := s.Rule(Replication); on {
		t.Error("a disabled rule is enabled")
	}
	for _, r := range s.Rules() {
		if r.ID == Replication {
			t.Error("a disabled rule is listed")
		}
	}
}

func TestMistakesAreNamedWithWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"override: {honey-row: {disabled: true}}":                    `there is no rule "honey-row": use one of honey-row-read`,
		"override: {honey-row-read: {action: pass}}":                 "use disabled: true",
		"allow: [{rule: honey-row-read}]":                            "it would allow everybody",
		"allow: [{rule: nope, user: a}]":                             `there is no rule "nope"`,
		"allow: [{user: a, address: 10.0.0.300}]":                    "write 10.1.2.3, 10.1.0.0/16 or unix",
		"allow: [{user: a, until: tomorrow}]":                        "write a date such as",
		"allow: [{user: a}, {user: b, until: x}]\noverride: {x: {}}": "allow entry 2",
	} {
		err := parse(t, text).Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestAllowancesAreNarrow(t *testing.T) {
	s, err := Compile(parse(t, `
allow:
  - {rule: honey-row-read, user: backup, address: 10.1.0.0/16, application: pg_dump, database: crm, until: 2026-12-31, note: nightly}
  - {user: standby, address: unix}
  - {address: "2001:db8::1"}
`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)
	base := event.Client{User: "backup", Address: "10.1.2.3:999", Application: "pg_dump", Database: "crm"}
	for _, c := range []struct {
		name string
		rule string
		edit func(*event.Client)
		now  time.Time
		want bool
	}{
		{"all fields", RowRead, func(*event.Client) {}, now, true},
		{"a mapped address", RowRead, func(c *event.Client) { c.Address = "[::ffff:10.1.2.3]:5" }, now, true},
		{"another rule", ValuePresented, func(*event.Client) {}, now, false},
		{"another user", RowRead, func(c *event.Client) { c.User = "app" }, now, false},
		{"another address", RowRead, func(c *event.Client) { c.Address = "10.2.2.3:999" }, now, false},
		{"another application", RowRead, func(c *event.Client) { c.Application = "psql" }, now, false},
		{"another database", RowRead, func(c *event.Client) { c.Database = "hr" }, now, false},
		{"a unix socket", RowRead, func(c *event.Client) { c.Address = "unix" }, now, false},
		{"the day after", RowRead, func(*event.Client) {}, now.Add(2 * time.Minute), false},
		{"any rule on the socket", Replication, func(c *event.Client) { c.User, c.Address = "standby", "unix" }, now, true},
		{"not from the network", Replication, func(c *event.Client) { c.User = "standby" }, now, false},
		{"a single address", RowRead, func(c *event.Client) { c.User, c.Address = "x", "[2001:db8::1]:80" }, now, true},
	} {
		who := base
		c.edit(&who)
		if got, held := s.Allowed(c.rule, Question{Client: &who, Now: c.now}); got != c.want || held != nil {
			t.Errorf("%s: allowed %v", c.name, got)
		}
	}
	if e := s.Expired(now); len(e) != 0 {
		t.Errorf("expired too early: %q", e)
	}
	e := s.Expired(now.Add(time.Hour))
	if len(e) != 1 || !strings.Contains(e[0], "allow entry 1 (rule honey-row-read, user backup") {
		t.Errorf("expired: %q", e)
	}
}
