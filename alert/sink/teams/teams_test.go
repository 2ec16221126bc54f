package teams

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

// workflow checks what Teams checks: one adaptive card in a message of up to 28
// KB, with elements of schema 1.4.
func workflow(t *testing.T) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if len(b) > 28_000 || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d bytes of %s", len(b), r.Header.Get("Content-Type"))
		}
		var m struct {
			Type        string
			Attachments []struct {
				ContentType string
				Content     struct {
					Type, Version string
					Body          []struct {
						Type    string
						Inlines []struct{ Type, Text string }
					}
				}
			}
		}
		if err := json.Unmarshal(b, &m); err != nil || m.Type != "message" || len(m.Attachments) != 1 {
			t.Errorf("%v: %.300s", err, b)
			return
		}
		a := m.Attachments[0]
		if a.ContentType != "application/vnd.microsoft.card.adaptive" || a.Content.Type != "AdaptiveCard" || a.Content.Version != "1.4" || len(a.Content.Body) == 0 {
			t.Errorf("attachment %+v", a)
		}
		last := ""
		for _, e := range a.Content.Body {
			if e.Type != "RichTextBlock" || len(e.Inlines) == 0 {
				t.Errorf("element %s: its text could be Markdown", e.Type)
			}
			for _, x := range e.Inlines {
				if x.Type != "TextRun" || x.Text == "" {
					t.Errorf("inline %+v", x)
				}
				last = x.Text
			}
		}
		if last[:len("honeyrow, alert")] == "honeyrow, alert" {
			taken(sinktest.ID(t, last))
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("teams", Config{HTTP: w.HTTP()}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTeamsBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true,
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: workflow,
	})
	if _, err := New("teams", Config{}, peer.Options{}); err == nil {
		t.Error("no address: accepted")
	}
}

func TestIncidentAndItsChangesFitACard(t *testing.T) {
	s := open(t, sinktest.At(t, workflow(t)))
	defer s.Close()
	d := sinktest.Hostile()
	for _, d := range []*event.Detection{&d, nil} {
		if err := s.DeliverIncident(t.Context(), sinktest.Incident(event.Acknowledged), d); err != nil {
			t.Error(err)
		}
	}
}
