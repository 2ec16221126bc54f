package ses

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/peer/aws"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	token  = "session-t0ken"
)

// service checks what SES checks: signature, addresses, a subject of one line.
func service(t *testing.T) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if err := sinktest.SigV4(r, body, keyID, secret, "eu-central-1", "ses"); err != nil || r.Header.Get("X-Amz-Security-Token") != token {
			t.Error(err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var m struct {
			FromEmailAddress string
			Destination      struct{ ToAddresses []string }
			Content          struct {
				Simple struct {
					Subject struct{ Data, Charset string }
					Body    struct {
						Text, HTML struct{ Data, Charset string }
					}
					Headers []struct{ Name, Value string }
				}
			}
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		c := m.Content.Simple
		refers := false
		for _, h := range c.Headers {
			refers = refers || h.Name == "References"
			if len(h.Value) > 870 || h.Value == "" || strings.Trim(h.Name, "-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("SES refuses the header %+v", h)
			}
		}
		if m.FromEmailAddress != `=?utf-8?q?Honigt=C3=B6pfe?= <honeyrow@corp.example>` || c.Body.HTML.Data == "" || !refers || len(c.Headers) > 15 || len(m.Destination.ToAddresses) != 1 || c.Subject.Data == "" || strings.ContainsAny(c.Subject.Data, "\r\n") ||
			c.Body.Text.Data == "" || c.Subject.Charset != "UTF-8" || r.URL.Path != sinktest.SecretPath+"/v2/email/outbound-emails" {
			t.Errorf("SES refuses %s %+v", r.URL.Path, m)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if strings.Contains(c.Body.Text.Data, "alert ") {
			taken(sinktest.ID(t, c.Body.Text.Data))
		}
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	})
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("ses", Config{
		From: "Honigtöpfe <honeyrow@corp.example>", To: []string{"soc@corp.example"},
		Config: aws.Config{HTTP: w.HTTP(), Region: "eu-central-1", AccessKeyID: keyID, SecretKeyFile: sinktest.Secret(t, secret), SessionTokenFile: sinktest.Secret(t, token)},
	}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSESBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{secret, token},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: service,
	})
}

func TestChangesOfAnIncidentAreMailsToo(t *testing.T) {
	s := open(t, sinktest.At(t, service(t)))
	defer s.Close()
	if err := s.DeliverIncident(t.Context(), sinktest.Incident(event.Resolved), nil); err != nil {
		t.Error(err)
	}
}

func TestWhatTheOwnerCanMendIsTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for name, c := range map[string]struct {
		permanent bool
		want      string
	}{
		"MessageRejected":                       {false, "verify the sender"},
		"SendingPausedException:http://x.test/": {false, "paused"},
		"ThrottlingException":                   {false, "tried again"},
		"BadRequestException":                   {true, "answer 400"},
		"Secret" + secret:                       {true, "answer 400"},
	} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
			w.Header().Set("X-Amzn-ErrorType", name)
			w.WriteHeader(http.StatusBadRequest)
		})))
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", name, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	key := aws.Config{Region: "eu-central-1", AccessKeyID: keyID, SecretKeyFile: "/nonexistent"}
	for name, c := range map[string]Config{
		"no sender":    {To: []string{"a@x.test"}, Config: key},
		"nobody":       {From: "a@x.test", Config: key},
		"no address":   {From: "a@x.test", To: []string{"b"}, Config: key},
		"no region":    {From: "a@x.test", To: []string{"b@x.test"}},
		"no such file": {From: "a@x.test", To: []string{"b@x.test"}, Config: key},
	} {
		if _, err := New("ses", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
