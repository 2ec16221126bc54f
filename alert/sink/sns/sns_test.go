package sns

import (
	"io"
	"net/http"
	"net/url"
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
	topic  = "arn:aws:sns:eu-central-1:123456789012:honeyrow"
)

// service checks what SNS checks: signature, sizes, characters.
func service(t *testing.T, hook func(url.Values)) sinktest.Fake {
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if err := sinktest.SigV4(r, body, keyID, secret, "eu-central-1", "sns"); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		f, err := url.ParseQuery(string(body))
		subject, size := f.Get("Subject"), len(f.Get("Message"))
		for k := range f { // attributes count
			if strings.HasPrefix(k, "MessageAttributes.") {
				size += len(f.Get(k))
			}
		}
		if err != nil || f.Get("Action") != "Publish" || f.Get("Version") != "2010-03-31" || !strings.HasPrefix(f.Get("TopicArn"), topic) ||
			f.Get("Message") == "" || size > 256<<10 || subject == "" || len(subject) >= 100 || strings.Trim(subject, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			t.Errorf("SNS refuses %v, subject %q", err, subject)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if hook != nil {
			hook(f)
		}
		taken(event.ID(f.Get("MessageAttributes.entry.3.Value.StringValue")))
		_, _ = io.WriteString(w, "<PublishResponse/>")
	})
}

func open(t *testing.T, w sinktest.Where, topic string) *Sink {
	s, err := New("sns", Config{
		Topic: topic, Config: aws.Config{HTTP: w.HTTP(), Region: "eu-central-1", AccessKeyID: keyID, SecretKeyFile: sinktest.Secret(t, secret)},
	}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSNSBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{secret},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w, topic) },
		Fake: func(t *testing.T) sinktest.Fake { return service(t, nil) },
	})
}

func TestFIFOTopicKeepsAnIncidentInOrderAndKnowsRepeats(t *testing.T) {
	var got []string
	s := open(t, sinktest.At(t, service(t, func(f url.Values) { got = append(got, f.Get("MessageGroupId"), f.Get("MessageDeduplicationId")) })), topic+".fifo")
	defer s.Close()
	d := alerttest.Detection(1)
	d.Revision, d.Incident = 2, &event.Membership{ID: "incident"}
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != "incident" || got[1] != string(d.ID)+"-2" {
		t.Errorf("got %q", got)
	}
}

func TestAClientCanNotMakeItsAlertTooLarge(t *testing.T) {
	for _, format := range []string{"json", "ecs", "ocsf", "text"} {
		got := ""
		s := open(t, sinktest.At(t, service(t, func(f url.Values) { got = f.Get("Message") })), topic)
		s.cfg.Format = format
		d := alerttest.Detection(1)
		long := strings.Repeat("\x01", 1<<14)
		d.Statement.Text, d.Client.User, d.Client.Application = long, long, long
		d.Client.Attributes = map[string]string{"a": long, long: "b", "c": "d"}
		d.Findings = []event.Finding{{Detector: "x", Detail: long}}
		for range 64 {
			d.Hits = append(d.Hits, d.Hits[0])
		}
		if err := s.Deliver(t.Context(), &d); err != nil || !strings.Contains(got, string(d.ID)) {
			t.Errorf("%s: %v, %d bytes", format, err, len(got))
		}
		if len(d.Client.User) != len(long) || len(d.Client.Attributes["a"]) != len(long) || d.Findings[0].Detail != long {
			t.Errorf("%s: the detection itself has changed", format)
		}
		s.Close()
	}
}

func TestWhatTheOwnerCanMendIsTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for body, permanent := range map[string]bool{
		`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`: false,
		`<ErrorResponse><Error><Code>KMSDisabled</Code></Error></ErrorResponse>`:                                                                                                    false,
		`<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>`:                                                                                               true,
		`no XML`: true,
	} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, _ *http.Request, _ func(event.ID)) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, body)
		})), topic)
		if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) != permanent {
			t.Errorf("%s: got %v", body, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	key := aws.Config{Region: "eu-central-1", AccessKeyID: keyID, SecretKeyFile: "/nonexistent"}
	for name, c := range map[string]Config{
		"no topic":     {Config: key},
		"no region":    {Topic: topic, Config: aws.Config{AccessKeyID: keyID, SecretKeyFile: "x"}},
		"no key":       {Topic: topic, Config: aws.Config{Region: "x", SecretKeyFile: "x"}},
		"no secret":    {Topic: topic, Config: aws.Config{Region: "x", AccessKeyID: keyID}},
		"two tokens":   {Topic: topic, Config: aws.Config{Region: "x", AccessKeyID: keyID, SecretKeyFile: "x", SessionTokenFile: "a", SessionTokenEnv: "b"}},
		"no such file": {Topic: topic, Config: key},
		"format":       {Topic: topic, Config: key, Format: "cef"},
	} {
		if _, err := New("sns", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
