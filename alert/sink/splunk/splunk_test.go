package splunk

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const token = "11111111-2222-3333-4444-t0ken5555555"

// collector checks what the event collector checks: token, channel, the
// envelope's fields. It tells that an event is indexed when asked twice.
func collector(t *testing.T, acknowledge bool) sinktest.Fake {
	var held []event.ID // sent, by ackId
	asked := map[int]int{}
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		if r.Header.Get("Authorization") != "Splunk "+token {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"text":"Invalid token","code":4}`)
			return
		}
		if channel := r.Header.Get("X-Splunk-Request-Channel"); acknowledge != (len(channel) == 36) || channel != r.URL.Query().Get("channel") {
			t.Errorf("channel %q", channel)
		}
		switch strings.TrimPrefix(r.URL.Path, sinktest.SecretPath) {
		case "/services/collector/event":
			var e map[string]json.RawMessage
			if !sinktest.Body(t, r, &e) {
				return
			}
			for k := range e {
				if !strings.Contains(" time host source sourcetype index event fields ", " "+k+" ") {
					t.Errorf("field %s", k)
				}
			}
			var at float64
			var fields map[string]string
			if json.Unmarshal(e["time"], &at) != nil || at < 1e9 || json.Unmarshal(e["fields"], &fields) != nil || len(e["event"]) < 10 {
				t.Errorf("envelope: time %s, fields %s", e["time"], e["fields"])
			}
			if !acknowledge {
				taken(event.ID(fields["detection"]))
				_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
				return
			}
			held = append(held, event.ID(fields["detection"]))
			fmt.Fprintf(w, `{"text":"Success","code":0,"ackId":%d}`, len(held)-1)
		case "/services/collector/ack":
			var q struct{ Acks []int }
			if !sinktest.Body(t, r, &q) {
				return
			}
			n := q.Acks[0]
			if asked[n]++; asked[n] == 2 {
				taken(held[n])
			}
			fmt.Fprintf(w, `{"acks":{"%d":%v}}`, n, asked[n] >= 2)
		default:
			t.Errorf("path %s", r.URL.Path)
		}
	})
}

func open(t *testing.T, w sinktest.Where, acknowledge bool) *Sink {
	s, err := New("splunk", Config{HTTP: w.HTTP(), TokenFile: sinktest.Secret(t, token), Index: "sec", Acknowledge: acknowledge}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplunkBehavesAsEverySinkMust(t *testing.T) {
	for _, acknowledge := range []bool{false, true} {
		t.Run(fmt.Sprintf("acknowledge %v", acknowledge), func(t *testing.T) {
			sinktest.Run(t, sinktest.Suite{
				HTTP: true, Secrets: []string{token},
				Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w, acknowledge) },
				Fake: func(t *testing.T) sinktest.Fake { return collector(t, acknowledge) },
			})
		})
	}
}

func TestWhatTheOwnerCanMendIsTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for body, permanent := range map[string]bool{`{"text":"Incorrect index","code":7,"invalid-event-number":0}`: false, `{"text":"Invalid data format","code":6}`: true} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(body))
		})), false)
		if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) != permanent {
			t.Errorf("%s: got %v", body, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	at := peer.HTTP{URL: "https://a", Timeout: time.Second}
	for name, c := range map[string]Config{
		"no url":       {TokenFile: "a"},
		"no token":     {HTTP: at},
		"two tokens":   {HTTP: at, TokenFile: "a", TokenEnv: "b"},
		"no such file": {HTTP: at, TokenFile: "/nonexistent"},
		"format":       {HTTP: at, TokenFile: "a", Format: "cef"},
	} {
		if _, err := New("splunk", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
