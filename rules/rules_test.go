package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"

	"honeyrow/engine/sqlfacts"
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

// ownFile writes a rule file with the given entries.
func ownFile(t *testing.T, text string) Config {
	t.Helper()
	name := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Config{Files: []string{name}}
}

func TestABadRuleFileNamesFileLineAndReason(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "rules:\n- id: a\n  titel: x\n", `own.yaml:3: rules[0].titel: unknown key: did you mean "title"?`},
		{"unknown field", "rules:\n- id: a\n  title: x\n  condition: client.usr == \"x\"\n", `own.yaml:4: rules[0].condition: type rules.Client has no field usr`},
		{"in a block", "rules:\n- id: a\n  title: x\n  condition: |\n    client.user == \"x\"\n    and statement.kind = 1\n", `own.yaml:6: rules[0].condition:`},
		{"wrong type", "rules:\n- id: a\n  title: x\n  condition: |\n    client.user == \"x\"\n    and score > \"3\"\n", `own.yaml:6: rules[0].condition: invalid operation: > (mismatched types int and string)`},
		{"no boolean", "rules:\n- id: a\n  title: x\n  condition: score\n", `own.yaml:4: rules[0].condition: expected bool, but got int`},
		{"a constant", "rules:\n- id: a\n  title: x\n  condition: 1 == 1\n", `own.yaml:4: rules[0].condition: it is the same always`},
		{"no network", "rules:\n- id: a\n  title: x\n  condition: within(client.address, \"10.0.0.300\")\n", `own.yaml:4: rules[0].condition: "10.0.0.300" is no address and no network`},
		{"no detector", "rules:\n- id: a\n  title: x\n  condition: found(\"unionn\")\n", `there is no detector "unionn": use one of tautology, `},
		{"raise", "rules:\n- {id: a, title: x, severity: high, condition: score > 1, raise: [{when: score > 2, severity: low}]}\n", `rules[0].raise[0].severity: low does not raise high`},
		{"no id", "rules:\n- {id: My Rule, title: x, condition: score > 1}\n", `own.yaml:2: rules[0].id: "My Rule" is no rule id`},
		{"taken", "rules:\n- {id: honey-row-read, title: x, condition: score > 1}\n", `is the id of a rule in builtin/honey.yaml already`},
		{"pass", "rules:\n- {id: a, title: x, condition: score > 1, actions: {verdict: pass}}\n", `rules[0].actions.verdict: pass would hide a match`},
		{"tarpit", "rules:\n- {id: a, title: x, condition: score > 1, actions: {tarpit: 2h}}\n", `rules[0].actions.tarpit: 2h0m0s is out of range`},
		{"quarantine", "rules:\n- {id: a, title: x, condition: score > 1, actions: {quarantine: {by: [host], for: 1m}}}\n", `unknown subject "host": use address, user or application`},
		{"quarantine without end", "rules:\n- {id: a, title: x, condition: score > 1, actions: {quarantine: {by: [user]}}}\n", `rules[0].actions.quarantine.for: 0s is out of range`},
		{"program", "rules:\n- {id: a, title: x, condition: score > 1, actions: {program: {argv: [page]}}}\n", `"page" is no absolute path`},
		{"zone", "rules:\n- {id: a, title: x, condition: score > 1, zone: Moon}\n", `unknown zone "Moon"`},
		{"refines nothing", "rules:\n- {id: a, title: x, condition: score > 1, refines: b}\n", `a: refines "b": name another rule`},
		{"empty", "rules: []\n", `own.yaml:1: rules: no rule in it`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(ownFile(t, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := Compile(Config{Files: []string{"/nowhere/*.yaml"}}); err == nil || !strings.Contains(err.Error(), "there is no file /nowhere/*.yaml") {
		t.Errorf("a pattern without files: %v", err)
	}
}

func TestConditionsReachNothingAndEnd(t *testing.T) {
	for _, text := range []string{
		"now().Year() > 1", "len(1..1000000) > score", "all(1..9, score > #)", "$env[\"score\"] > 1", "score > 1 and client.user matches client.application",
		"repeat(client.user, 1000000) != \"\"", "fromJSON(client.user) != nil", "score ** 99999 > 1", "any(hits, any(hits, any(hits, .count > 1)))",
		"client.SetClient(nil)", "Reset(nil)", strings.Repeat("score > 1 and ", 300) + "score > 1", strings.Repeat("(", 5000) + "score > 1" + strings.Repeat(")", 5000),
	} {
		if c, err := compileCondition(Condition{Text: text}); err == nil {
			t.Errorf("%.60s: compiled to %+v", text, c)
		}
	}
	c, err := compileCondition(Condition{Text: "len(map(findings, map(findings, .weight))) > 0"})
	if err != nil {
		t.Fatal(err)
	}
	e := NewEnv()
	e.Findings = make([]Finding, 2000)
	if ok, err := holds(c.dynamic, e); ok || err == nil || !strings.Contains(err.Error(), "memory budget") {
		t.Errorf("four million elements: %v %v", ok, err)
	}
}

func TestARuleIsLeftAloneWithoutWhatItNeeds(t *testing.T) {
	for text, want := range map[string]struct {
		phase  Phase
		needs  Inputs
		static bool
	}{
		`client.user == "x"`:                                         {AtConnect, 0, true},
		`client.user == "x" and time.hour > 20`:                      {AtConnect, 0, true},
		`statement.kind == "define"`:                                 {AtStatement, OfShape, true},
		`not statement.parsed`:                                       {AtStatement, 0, true},
		`statement.length > 9000`:                                    {AtStatement, 0, false},
		`writes("a") and statement.length > 9000`:                    {AtStatement, OfShape, true},
		`found("union-graft") or score >= 5`:                         {AtStatement, OfFindings, false},
		`not found("union-graft") and statement.length > 1`:          {AtStatement, 0, false},
		`score >= 1 and len(reach.decoys) > 0`:                       {AtStatement, OfFindings | OfReach, false},
		`novelty.new and score > 0`:                                  {AtStatement, OfNovelty | OfFindings, false},
		`count(hits, .kind == client.user) > 2`:                      {AtHit, OfHits, false},
		`none(hits, .inbound)`:                                       {AtHit, 0, false},
		`len(hits) > 0 and run.rows > 5`:                             {AtHit, OfHits, false},
		`run.rows > 5`:                                               {AtDone, 0, false},
		`any(hits, .inbound) and run.failed`:                         {AtDone, OfHits, false},
		`client.user == "x" and run.rows > 5 and reads("customers")`: {AtDone, OfShape, true},
		`session.statements > 5`:                                     {AtStatement, 0, false},
		`len(hits) > 0 ? score > 1 : session.seconds > 5`:            {AtHit, 0, false},
	} {
		c, err := compileCondition(Condition{Text: text})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.phase() != want.phase || c.needs != want.needs || (c.static != nil) != want.static {
			t.Errorf("%s: phase %s, needs %q, static %v", text, c.phase(), c.needs.Words(), c.static != nil)
		}
	}
}

func TestExperimentalRulesAreOnWhenAskedFor(t *testing.T) {
	s, err := Compile(parse(t, "override: {large-result: {disabled: false}, honey-row-read: {disabled: true}, honey-mass-read: {disabled: false}}"))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"large-result": true, "honey-row-chain": false, RowRead: false, "honey-read-after-login": false, "honey-mass-read": true} {
		if _, on := s.Rule(id); on != want {
			t.Errorf("%s: on %v, want %v", id, on, want)
		}
	}
}

func TestAllowancesKnowStatementsWindowsAndCertificates(t *testing.T) {
	c := parse(t, `
zone: Europe/Berlin
allow:
  - user: backup
    certificate: backup
    statements: ["SELECT * FROM customers WHERE region = 'x'"]
    window: {days: [fri], from: "23:00", to: "02:00"}
`)
	s, err := Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	base := event.Client{User: "backup", TLS: &event.TLS{Subject: "O=Corp,CN=backup"}}
	in := time.Date(2026, 11, 21, 0, 30, 0, 0, time.UTC) // Saturday 01:30 in Berlin: Friday's window
	shape := func(sql string) func() string {
		var x sqlfacts.Text
		x.Lex([]byte(sql), dialectEnvs[1])
		return x.Name
	}
	same := shape("select * from customers where region = 'north' -- all")
	for _, x := range []struct {
		name string
		q    Question
		want bool
	}{
		{"as written", Question{Client: &base, Shape: same, Now: in}, true},
		{"another statement", Question{Client: &base, Shape: shape("select * from customers"), Now: in}, false},
		{"no statement", Question{Client: &base, Now: in}, false},
		{"after the window", Question{Client: &base, Shape: same, Now: in.Add(time.Hour)}, false},
		{"the next night", Question{Client: &base, Shape: same, Now: in.Add(24 * time.Hour)}, false},
		{"another certificate", Question{Client: &event.Client{User: "backup", TLS: &event.TLS{Subject: "CN=other"}}, Shape: same, Now: in}, false},
		{"no certificate", Question{Client: &event.Client{User: "backup"}, Shape: same, Now: in}, false},
	} {
		if got, _ := s.Allowed(RowRead, x.q); got != x.want {
			t.Errorf("%s: allowed %v", x.name, got)
		}
	}
	for text, want := range map[string]string{
		"allow: [{user: a, expect: {honey_rows: 2}}]":                        "name its statement in statements or shapes",
		"allow: [{address: 10.0.0.1, shapes: [x], expect: {honey_rows: 2}}]": "write the 16 digits",
		"allow: [{user: a, window: {days: [someday]}}]":                      `unknown day "someday"`,
		"allow: [{user: a, window: {from: 25h}}]":                            `"25h" is no time of day`,
		"zone: Moon": `rule_zone: unknown zone "Moon"`,
		"allow: [{database: a, statements: [select 1], expect: {rows: 2-3}}]": "name a user or a certificate",
	} {
		if err := parse(t, text).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestRangesAreWrittenAsPeopleDo(t *testing.T) {
	for in, want := range map[string]Range{"12": {12, 12, true}, "10-14": {10, 14, true}, " 10 - 14 ": {10, 14, true}, "10-": {10, 1<<64 - 1, true}} {
		var r Range
		if err := r.UnmarshalText([]byte(in)); err != nil || r != want {
			t.Errorf("%q: %+v %v", in, r, err)
		}
	}
	for _, in := range []string{"", "x", "5-3", "-4", "1-2-3", "1.5"} {
		var r Range
		if err := r.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q: %+v", in, r)
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, r := range func() []*Compiled { s, _ := Compile(Config{}); return s.All() }() {
		f.Add(r.Condition.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := compileCondition(Condition{Text: text})
		if err != nil {
			return
		}
		// What it needs it can't do without.
		e := NewEnv()
		whole := true
		for _, p := range []*vm.Program{c.static, c.dynamic} {
			if p != nil {
				ok, _ := holds(p, e)
				whole = whole && ok
			}
		}
		if whole && c.needs != 0 {
			t.Errorf("%q holds in an empty environment, and needs %q", text, c.needs.Words())
		}
	})
}
