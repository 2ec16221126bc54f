package opsgenie

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const key = "a1b2c3d4-genie-k3y"

// service checks what Opsgenie checks: the key, and the lengths of its fields.
func service(t *testing.T, hook func(path, priority string)) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		var a struct {
			Message, Alias, Description, Entity, Source, Priority, Note string
			Tags                                                        []string
			Details                                                     map[string]string
		}
		if !sinktest.Body(t, r, &a) {
			return
		}
		if r.Header.Get("Authorization") != "GenieKey "+key {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		details := 0
		for k, v := range a.Details {
			details += len(k) + len(v)
		}
		runes := func(s string) int { return len([]rune(s)) }
		path := strings.TrimPrefix(r.URL.Path, sinktest.SecretPath+"/v2/alerts")
		bad := runes(a.Message) > 130 || runes(a.Alias) > 512 || runes(a.Description) > 15000 || runes(a.Entity) > 512 ||
			runes(a.Source) > 100 || len(a.Tags) > 20 || details > 8000 || runes(a.Note) > 25000
		if path == "" {
			bad = bad || a.Message == "" || a.Alias == "" || len(a.Priority) != 2
		} else {
			bad = bad || r.URL.Query().Get("identifierType") != "alias"
		}
		for _, tag := range a.Tags {
			bad = bad || runes(tag) > 50
		}
		if bad {
			t.Errorf("Opsgenie refuses %s %+v", r.URL.Path, a)
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		if hook != nil {
			hook(path, a.Priority)
		}
		taken(event.ID(a.Alias))
		w.WriteHeader(http.StatusAccepted)
	})
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("genie", Config{HTTP: w.HTTP(), APIKeyFile: sinktest.Secret(t, key), Tags: []string{"db", strings.Repeat("x", 99)}}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpsgenieBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{key},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return service(t, nil) },
	})
}

func TestOpsgenieFollowsTheIncident(t *testing.T) {
	var got []string
	s := open(t, sinktest.At(t, service(t, func(path, priority string) { got = append(got, path+priority) })))
	defer s.Close()
	d := alerttest.Detection(1)
	id := string(sinktest.Incident(event.Open).ID)
	for _, c := range []struct {
		state event.IncidentState
		d     *event.Detection
	}{{event.Open, &d}, {event.Acknowledged, nil}, {event.Resolved, nil}, {event.Resolved, &d}, {event.Open, nil}, {event.Allowed, nil}, {event.Allowed, &d}} {
		if err := s.DeliverIncident(t.Context(), sinktest.Incident(c.state), c.d); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"P1", "/" + id + "/acknowledge", "/" + id + "/close", "/" + id + "/notes", "P1", "/" + id + "/close", "/" + id + "/notes"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAWrongKeyIsToldAndTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for body, permanent := range map[string]bool{`{"message":"Key format is not valid!","took":0.001,"requestId":"1"}`: false, `{"message":"Request body is not processable"}`: true} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
			w.WriteHeader(http.StatusUnprocessableEntity)
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
		"no key":        {},
		"two keys":      {APIKeyFile: "a", APIKeyEnv: "b"},
		"no such file":  {APIKeyFile: "/nonexistent"},
		"too many tags": {APIKeyFile: "a", Tags: make([]string, 17)},
	} {
		if _, err := New("genie", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
