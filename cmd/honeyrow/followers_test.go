package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/app"
)

// services are PagerDuty and Opsgenie as far as this test needs them: what they
// were told, in order, as "service action key".
type services struct {
	mu   sync.Mutex
	told []string
}

func (s *services) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Action string `json:"event_action"`
		Dedup  string `json:"dedup_key"`
		Alias  string `json:"alias"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	line := "pagerduty " + body.Action + " " + body.Dedup
	if rest, ok := strings.CutPrefix(r.URL.Path, "/v2/alerts"); ok {
		line = "opsgenie create " + body.Alias
		if parts := strings.Split(rest, "/"); len(parts) == 3 {
			line = "opsgenie " + parts[2] + " " + parts[1]
		}
	}
	s.mu.Lock()
	s.told = append(s.told, line)
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func (s *services) has(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.told, line)
}

func TestAcknowledgingAnIncidentReachesThoseOnCall(t *testing.T) {
	fake := &services{}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	w := &town{dir: t.TempDir(), listen: freeAddress(t)}
	file := filepath.Join(w.dir, "honeyrow.yaml")
	conf := fmt.Sprintf(`
servers: [{name: crm-db, address: "127.0.0.1:1"}]
listeners: [{name: main, server: crm-db, address: "%s"}]
alerts:
  sinks:
    - {name: oncall, type: pagerduty, url: "%s/v2/enqueue", routing_key_file: key}
    - {name: genie, type: opsgenie, url: "%s", api_key_file: key}
`, w.listen, srv.URL, srv.URL)
	for name, text := range map[string]string{file: conf, filepath.Join(w.dir, "key"): "0123456789abcdef0123456789abcdef"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.withAdmin(t)
	must(t, w.dir, "init", "--registry-only")
	w.proxy(t)
	c, err := app.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := app.OpenStore(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	put := func(i int, session event.ID) {
		d := alerttest.Detection(i)
		d.Client.Session = session
		if err := st.Put(context.Background(), []event.Detection{d}, []string{"oncall", "genie"}); err != nil {
			t.Fatal(err)
		}
	}
	put(1, "s-1")
	put(2, "s-1")
	incs := lines[event.Incident](t, must(t, w.dir, "--json", "incidents", "list"))
	if len(incs) != 1 || incs[0].Detections != 2 {
		t.Fatalf("%+v", incs)
	}
	id := string(incs[0].ID)
	for _, step := range []struct {
		command []string
		want    []string
	}{
		{nil, []string{"pagerduty trigger " + id, "opsgenie create " + id}},
		{[]string{"ack", "1", "-m", "on it"}, []string{"pagerduty acknowledge " + id, "opsgenie acknowledge " + id}},
		{[]string{"resolve", "1"}, []string{"pagerduty resolve " + id, "opsgenie close " + id}},
	} {
		if step.command != nil {
			must(t, w.dir, append([]string{"incidents"}, step.command...)...)
		}
		for _, line := range step.want {
			within(t, 20*time.Second, line, func() bool { return fake.has(line) })
		}
	}

	// The proxy tells of what this process did.
	k, err := admin.Dial(c.Admin)
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.Metrics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`honeyrow_incidents{severity="` + incs[0].Severity.String() + `",state="resolved"} 1`, `honeyrow_incidents_total{event="opened"} 1`,
		`honeyrow_incidents_total{event="acknowledged"} 1`, `honeyrow_incidents_total{event="resolved"} 1`, `honeyrow_incidents_total{event="allowed"} 0`,
		"honeyrow_incident_alerts_merged_total 1", "honeyrow_incident_alerts_repeated_total 1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}
