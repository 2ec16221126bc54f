package pagerduty

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const key = "0123456789abcdef0123456789abcdef"

// service checks what PagerDuty checks. Hook sees each event.
func service(t *testing.T, hook func(change)) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		var e change
		if !sinktest.Body(t, r, &e) {
			return
		}
		bad := e.RoutingKey != key || len(e.RoutingKey) != 32 || e.DedupKey == "" || len(e.DedupKey) > 255
		if e.Action == "trigger" {
			p := e.Payload
			bad = bad || p == nil || p.Summary == "" || len([]rune(p.Summary)) > 1024 || p.Source == "" || !slices.Contains([]string{"critical", "error", "warning", "info"}, p.Severity)
			if !bad && p.Timestamp != "" {
				_, err := time.Parse(time.RFC3339, p.Timestamp)
				bad = err != nil
			}
		} else {
			bad = bad || e.Action != "acknowledge" && e.Action != "resolve"
		}
		if bad || r.ContentLength > 512<<10 {
			t.Errorf("PagerDuty refuses %+v %+v", e, e.Payload)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if hook != nil {
			hook(e)
		}
		taken(event.ID(e.DedupKey))
		w.WriteHeader(http.StatusAccepted)
	})
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("oncall", Config{HTTP: w.HTTP(), RoutingKeyFile: sinktest.Secret(t, key)}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPagerDutyBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{key},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return service(t, nil) },
	})
}

func TestPagerDutyFollowsTheIncident(t *testing.T) {
	var got []string
	s := open(t, sinktest.At(t, service(t, func(e change) {
		severity := ""
		if e.Payload != nil {
			severity = e.Payload.Severity
		}
		got = append(got, e.DedupKey+" "+e.Action+" "+severity)
	})))
	defer s.Close()
	d := alerttest.Detection(1)
	inc := sinktest.Incident(event.Open)
	send := func(state event.IncidentState, d *event.Detection) {
		t.Helper()
		inc.State = state
		if err := s.DeliverIncident(t.Context(), inc, d); err != nil {
			t.Error(err)
		}
	}
	send(event.Open, &d)
	send(event.Acknowledged, nil)
	send(event.Acknowledged, &d)
	send(event.Resolved, nil)
	send(event.Resolved, &d) // its run ended
	send(event.Open, nil)
	send(event.Allowed, nil)
	send(event.Allowed, &d)
	id := string(inc.ID)
	want := []string{id + " trigger critical", id + " acknowledge ", id + " trigger critical", id + " resolve ", id + " resolve ", id + " trigger critical", id + " resolve ", id + " resolve "}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAWrongKeyIsToldAndTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for body, permanent := range map[string]bool{`{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key"]}`: false, `{"status":"invalid event","message":"Event object is invalid","errors":["Length of summary"]}`: true} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		})))
		if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) != permanent {
			t.Errorf("%s: got %v", body, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"no key":       {},
		"two keys":     {RoutingKeyFile: "a", RoutingKeyEnv: "b"},
		"no such file": {RoutingKeyFile: "/nonexistent"},
		"bad url":      {HTTP: peer.HTTP{URL: "x"}, RoutingKeyFile: "a"},
	} {
		if _, err := New("oncall", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
