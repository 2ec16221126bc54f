package app

import (
	"reflect"
	"strings"
	"testing"
)

const everyKind = `
registry: {path: /var/lib/honeyrow/honeyrow.db, key_file: /etc/honeyrow/key}
servers:
  - {name: main, address: "db:5432", seed: {dsn_file: seed.dsn}}
  - {name: shop, protocol: mysql, address: "db:3306", proxy_protocol: true}
listeners:
  - {name: main, server: main, address: "127.0.0.1:6432", mode: protect}
  - {name: shop, server: shop, address: "127.0.0.1:6306", replication: [replica]}
rules:
  honey-row-read: {action: block, severity: high}
allow:
  - {rule: honey-row-read, user: backup, note: nightly, window: {days: [monday, friday], from: "01:00", to: "03:00"}}
alerts:
  retention: 720h
  incidents: {working_hours: {days: [monday, friday], from: "08:00", to: "18:00"}}
  sinks:
    - {name: file, type: file, path: /var/log/alerts.jsonl, only: {severity: medium, tags: [T1190]}}
    - {name: pager, type: pagerduty, routing_key_env: KEY, rate: {max: 10, per: 1m}}
    - {name: elastic, type: elastic, url: "https://elastic.corp:9200", index: honeyrow-alerts}
seed: {domain: [one.example.com, two.example.com], rows: 7}
traces: {url: "https://otel.corp:4318", share: 0.1}
`

func TestTheConfigurationThatIsShownCanBeReadInAgain(t *testing.T) {
	want, err := ParseConfig("honeyrow.yaml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	b, err := want.Show()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig("honeyrow.yaml", b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	want.file, got.file = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read in again it is\n%+v, want\n%+v, from\n%s", got, want, b)
	}
	again, err := got.Show()
	if err != nil || string(again) != string(b) {
		t.Errorf("shown again: %v\n%s", err, again)
	}
}

func TestWhatMayBeASecretIsNotShown(t *testing.T) {
	const secret = "hunter2"
	c, err := ParseConfig("honeyrow.yaml", []byte(`
registry: {path: r.db, key_file: key}
servers: [{name: main, address: "db:5432"}]
listeners: [{name: main, server: main, address: "127.0.0.1:6432"}]
alerts:
  sinks:
    - {name: hook, type: webhook, url: "https://hooks.corp/services/hunter2?key=hunter2", headers: {X-Api-Key: hunter2}}
    - {name: chat, type: slack, url_file: chat.url}
`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Show()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"https://hooks.corp/********", "X-Api-Key: '********'", "chat.url"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %q in\n%s", want, b)
		}
	}
	if strings.Contains(string(b), secret) {
		t.Errorf("the secret is shown:\n%s", b)
	}
	shown, err := c.Shown()
	if err != nil || shown["servers"] == nil {
		t.Errorf("for JSON: %v, %v", shown, err)
	}
}
