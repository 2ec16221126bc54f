package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
	"honeyrow/internal/app"
)

// incidentSite is a folder with a registry and two incidents: one of app_ro with
// two alerts, one of eve.
func incidentSite(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	conf := "servers:\n  - {name: crm-db, address: '127.0.0.1:1'}\nlisteners: []\n"
	if err := os.WriteFile(filepath.Join(dir, "honeyrow.yaml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "init", "--registry-only")
	c, err := app.LoadConfig(filepath.Join(dir, "honeyrow.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := app.OpenStore(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i, user := range []string{"app_ro", "app_ro", "eve\x1b[2J"} {
		d := alerttest.Detection(i)
		d.Client.User, d.Statement.Shape = user, "00112233445566aa"
		if err := st.Put(context.Background(), []event.Detection{d}, []string{"file"}); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestIncidentsAreListedShownAndDecided(t *testing.T) {
	dir := incidentSite(t)
	list := must(t, dir, "incidents", "list")
	if n := strings.Count(list, "\n"); n != 3 || strings.Contains(list, "\x1b") {
		t.Errorf("list has %d lines, want a head and two:\n%q", n, list)
	}
	show := must(t, dir, "incidents", "show", "1", "--playbook")
	for _, want := range []string{
		"Incident 1 open", "HIGH: 2 honey rows of crm.public.customers read by app_ro", "2 alerts", "Timeline, times in ", " (alert ",
		`ALTER ROLE "app_ro" NOLOGIN;`, "nothing of it has been run",
	} {
		if !strings.Contains(show, want) {
			t.Errorf("show lacks %q:\n%s", want, show)
		}
	}
	if out := must(t, dir, "incidents", "ack", "1", "-m", "calling", "--by", "alice"); !strings.Contains(out, "incident 1 is acknowledged, by alice") {
		t.Errorf("ack: %q", out)
	}
	again := honeyrow(t, dir, "incidents", "ack", "1")
	if again.code != 1 || !strings.Contains(again.stderr, "already, by alice") {
		t.Errorf("ack again: %d %q", again.code, again.stderr)
	}
	must(t, dir, "incidents", "resolve", "1", "-m", "done")
	if out := must(t, dir, "incidents", "list", "--state", "resolved"); strings.Count(out, "\n") != 2 {
		t.Errorf("resolved: %q", out)
	}
	var shown struct {
		event.Incident
		History []event.IncidentChange `json:"history"`
		Alerts  []event.Detection      `json:"alerts"`
	}
	if err := json.Unmarshal([]byte(must(t, dir, "--json", "incidents", "show", "1")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.State != event.Resolved || len(shown.History) != 2 || shown.History[0].Note != "calling" || len(shown.Alerts) != 2 || len(shown.Containment) == 0 {
		t.Errorf("JSON: %+v", shown)
	}
	unknown := honeyrow(t, dir, "incidents", "show", "99")
	if unknown.code != 1 || !strings.Contains(unknown.stderr, "incidents list") {
		t.Errorf("unknown: %d %q", unknown.code, unknown.stderr)
	}
	if out := must(t, dir, "alerts", "verify"); !strings.Contains(out, "the audit holds") || !strings.Contains(out, "3 alerts and 2 decisions") {
		t.Errorf("verify: %q", out)
	}
}

func TestListedIncidentsFitTheirSchema(t *testing.T) {
	schema := alerttest.ReadSchema(t, "../../docs/incident.schema.json")
	dir := incidentSite(t)
	must(t, dir, "incidents", "ack", "1", "-m", "calling")
	incs := lines[map[string]any](t, must(t, dir, "--json", "incidents", "list"))
	if len(incs) != 2 {
		t.Fatalf("%d incidents", len(incs))
	}
	for _, inc := range incs {
		for _, mistake := range schema.Fits(any(inc)) {
			t.Errorf("incident %v: %s", inc["number"], mistake)
		}
	}
	var shown map[string]any
	if err := json.Unmarshal([]byte(must(t, dir, "--json", "incidents", "show", "1")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown["history"] == nil || shown["alerts"] == nil || shown["containment"] == nil {
		t.Errorf("show lacks history, alerts or containment: %v", shown)
	}
	delete(shown, "history")
	delete(shown, "alerts")
	for _, mistake := range schema.Fits(any(shown)) {
		t.Errorf("shown: %s", mistake)
	}
	if n := len(schema.Fits(map[string]any{"schema": "other", "state": "closed", "number": 1.5})); n < 10 {
		t.Errorf("a broken incident has %d mistakes: the check is blind", n)
	}
}

func TestAllowOfAnAlertWithoutAStatementMustBeMeant(t *testing.T) {
	dir := incidentSite(t)
	c, err := app.LoadConfig(filepath.Join(dir, "honeyrow.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := app.OpenStore(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	d := alerttest.Detection(7)
	d.Client.User, d.Client.Session, d.Statement = "copier", "copier's", event.Statement{}
	err = errors.Join(st.Put(context.Background(), []event.Detection{d}, nil), st.Close())
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"incidents", "allow", "3", "--any-time"}
	if r := honeyrow(t, dir, args...); r.code != 1 || !strings.Contains(r.stderr, "--any-statement") || !strings.Contains(r.stderr, string(d.ID)) {
		t.Errorf("without meaning it: %d %q", r.code, r.stderr)
	}
	out := must(t, dir, append(args, "--any-statement")...)
	if strings.Contains(out, "shapes") || !strings.Contains(out, "whatever this client asks") || !strings.Contains(out, "user: copier") {
		t.Errorf("it covers:\n%s", out)
	}
	if out := must(t, dir, "incidents", "allow", "1", "--any-time", "--any-statement"); !strings.Contains(out, "shapes: [") || strings.Contains(out, "whatever") {
		t.Errorf("where there is a statement it is named:\n%s", out)
	}
}

func TestAllowMakesANarrowAllowance(t *testing.T) {
	dir := incidentSite(t)
	for name, c := range map[string]struct {
		args []string
		says string
		code int
	}{
		"without a time":       {[]string{"incidents", "allow", "1"}, "say when it is expected", 1},
		"two times":            {[]string{"incidents", "allow", "1", "--any-time", "--from", "01:00"}, "exclude each other", 2},
		"an end far away":      {[]string{"incidents", "allow", "1", "--any-time", "--until", "2999-01-01"}, "a year from now", 2},
		"an end that is over":  {[]string{"incidents", "allow", "1", "--any-time", "--until", "2001-01-01"}, "from today on", 2},
		"a time that is none":  {[]string{"incidents", "allow", "1", "--from", "25:00"}, "no time of day", 1},
		"a network that isn't": {[]string{"incidents", "allow", "1", "--any-time", "--address", "everywhere"}, "address", 1},
	} {
		if r := honeyrow(t, dir, c.args...); r.code != c.code || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: code %d, %q; want %d and %q", name, r.code, r.stderr, c.code, c.says)
		}
	}
	args := []string{"incidents", "allow", "1", "--from", "01:00", "--to", "03:00", "--days", "mon,tue", "--until", time.Now().UTC().Format(time.DateOnly), "-m", "nightly"}
	dry := must(t, dir, append(args, "--dry-run")...)
	want := `^  - rule: honey-row-read
    server: crm-db
    user: app_ro
    address: 10.0.0.7
    application: psql
    database: crm
    certificate: CN=app
    shapes: \["?00112233445566aa"?\]
    window: \{days: \[mon, tue\], from: "01:00", to: "03:00"\}
    until: "\d{4}-\d\d-\d\d"
    note: 'incident 1: nightly'
  - rule: honey-row-sought
`
	if !regexp.MustCompile(want).MatchString(dry) {
		t.Errorf("dry run\n%s\nwant\n%s", dry, want)
	}
	if out := must(t, dir, "incidents", "show", "1"); !strings.Contains(out, "Incident 1 open") {
		t.Errorf("a dry run changed it:\n%s", out)
	}
	must(t, dir, args...)
	if out := must(t, dir, "incidents", "allowances"); !strings.Contains(out, "incident 1, by ") || !strings.Contains(out, "user: app_ro") {
		t.Errorf("allowances: %q", out)
	}
	must(t, dir, "incidents", "reopen", "1")
	if r := honeyrow(t, dir, "incidents", "allowances"); !strings.Contains(r.stderr, "no allowance") {
		t.Errorf("after reopening: %q", r.out)
	}
}

func TestVerifyNamesWhatWasAlteredAndTakesWitnesses(t *testing.T) {
	dir := incidentSite(t)
	lines := must(t, dir, "--json", "alerts", "list")
	file := filepath.Join(t.TempDir(), "alerts.jsonl")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, dir, "alerts", "verify", "--witness", file); !strings.Contains(out, "3 witnesses agree") {
		t.Errorf("got %q", out)
	}
	forged := regexp.MustCompile(`"hash":"[0-9a-f]{8}`).ReplaceAllString(lines, `"hash":"00000000`)
	if err := os.WriteFile(file, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	r := honeyrow(t, dir, "alerts", "verify", "--witness", file)
	if r.code != 1 || !strings.Contains(r.stderr, "broken at link 2") {
		t.Errorf("forged: %d %q", r.code, r.stderr)
	}
}
