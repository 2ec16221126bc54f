package slack

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

// workspace checks what Slack checks of a webhook's message: block kit's types
// and lengths. Hook sees each message.
func workspace(t *testing.T, hook func(map[string]any)) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		var m map[string]any
		if !sinktest.Body(t, r, &m) {
			return
		}
		if r.URL.Path != sinktest.SecretPath || r.Method != "POST" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "no_service")
			return
		}
		blocks := m["blocks"].([]any)
		if len(blocks) > 50 || m["text"] == "" {
			t.Errorf("%d blocks, text %q", len(blocks), m["text"])
		}
		id := event.ID("")
		for _, b := range blocks {
			b := b.(map[string]any)
			switch b["type"] {
			case "header":
				x := b["text"].(map[string]any)
				if x["type"] != "plain_text" || len([]rune(x["text"].(string))) > 150 || x["text"] == "" {
					t.Errorf("header %v", x)
				}
			case "rich_text":
				for _, e := range b["elements"].([]any) {
					elements(t, e.(map[string]any))
				}
			case "context":
				es := b["elements"].([]any)
				if len(es) > 10 {
					t.Errorf("%d elements in a context", len(es))
				}
				if text := es[0].(map[string]any)["text"].(string); strings.Contains(text, "alert ") {
					id = sinktest.ID(t, text)
				}
			default:
				t.Errorf("block %v", b["type"])
			}
		}
		sum := len([]rune(m["text"].(string)))
		for _, x := range sinktest.Texts(blocks) {
			sum += len([]rune(x))
		}
		if sum > 11_000 { // seen by others, documented nowhere
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "msg_blocks_too_long")
			return
		}
		if hook != nil {
			hook(m)
		}
		taken(id)
		_, _ = io.WriteString(w, "ok")
	})
}

func elements(t *testing.T, e map[string]any) {
	if e["type"] != "rich_text_section" && e["type"] != "rich_text_preformatted" {
		t.Errorf("element %v", e["type"])
	}
	for _, x := range e["elements"].([]any) {
		x := x.(map[string]any)
		switch x["type"] {
		case "emoji":
		case "text": // a link, user, channel or broadcast would be another type
			if s := x["text"].(string); s == "" || len([]rune(s)) > 3000 {
				t.Errorf("text of %d characters", len(s))
			}
		default:
			t.Errorf("element of type %v: a client could have made it", x["type"])
		}
	}
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("slack", Config{HTTP: w.HTTP()}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSlackBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true,
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return workspace(t, nil) },
	})
}

func TestTextOfAThiefIsNeitherMentionNorLinkNorMarkup(t *testing.T) {
	fake := workspace(t, func(m map[string]any) {
		if s := m["text"].(string); strings.ContainsAny(s, "<>") || m["mrkdwn"] != false {
			t.Errorf("notification %q, marked up %v", s, m["mrkdwn"])
		}
		for _, s := range sinktest.Texts(m) {
			if s == "mrkdwn" {
				t.Error("marked up text is in use")
			}
		}
	})
	w := sinktest.At(t, fake)
	s := open(t, w)
	defer s.Close()
	d := sinktest.Hostile()
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if err := s.DeliverIncident(t.Context(), sinktest.Incident(event.Resolved), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.DeliverIncident(t.Context(), sinktest.Incident(event.Open), &d); err != nil {
		t.Fatal(err)
	}
}

func TestErrorOfSlackIsNamed(t *testing.T) {
	w := sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, "channel_is_archived")
	}))
	s := open(t, w)
	defer s.Close()
	d := sinktest.Hostile()
	if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), "channel_is_archived") {
		t.Errorf("got %v", err)
	}
	if _, err := New("slack", Config{}, peer.Options{}); err == nil {
		t.Error("no address: accepted")
	}
}

func TestAClientCanNotMakeItsAlertTooLong(t *testing.T) {
	s := open(t, sinktest.At(t, workspace(t, nil)))
	defer s.Close()
	d := alerttest.Detection(1)
	long := strings.Repeat("ß\x01", 1<<12)
	d.Summary, d.Statement.Text, d.Client.User, d.Client.Application, d.Client.Database = long, long, long, long, long
	d.Hits[0].Story, d.Hits[0].Note, d.Hits[0].Column = long, long, long
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Error(err)
	}
}
