package receiver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/sink/webhook"
	"honeyrow/event"
)

var secret = []byte("the two of us know it")

func start(t *testing.T, o Options) (*Receiver, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	o.Secret, o.Out = secret, &out
	r, err := Start("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r, &out
}

func detection(id string, revision int) *event.Detection {
	d := alert.DrillDetection(time.Now())
	d.ID, d.Revision = event.ID(id), revision
	d.Client.User = "jhartmann"
	return &d
}

func send(t *testing.T, url, signature string, body []byte) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if signature != "" {
		req.Header.Set(webhook.SignatureHeader, signature)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func fetch(t *testing.T, url string) (body, from string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, res.Status, err)
	}
	return string(b), res.Header.Get("X-From")
}

func TestAnAlertOfTheWebhookSinkIsPrintedOnceAndHandedOut(t *testing.T) {
	r, out := start(t, Options{})
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := webhook.New("soc", webhook.Config{HTTP: peer.HTTP{URL: r.URL}, SecretFile: file}, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, d := range []*event.Detection{detection("a", 1), detection("a", 1), detection("a", 2), detection("b", 1)} {
		if err := s.Deliver(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	all, _ := fetch(t, r.URL)
	lines := strings.SplitAfter(all, "\n")
	if len(lines) != 4 || lines[3] != "" || !strings.Contains(lines[0], `"id":"a"`) || !strings.Contains(lines[2], `"id":"b"`) {
		t.Fatalf("%d lines:\n%s", len(lines)-1, all)
	}
	if rest, from := fetch(t, fmt.Sprintf("%s?from=%d", r.URL, len(lines[0]))); rest != lines[1]+lines[2] || from != fmt.Sprint(len(lines[0])) {
		t.Errorf("from the second line on: %q at %s", rest, from)
	}
	if rest, _ := fetch(t, fmt.Sprintf("%s?from=%d", r.URL, len(all)+100)); rest != "" {
		t.Errorf("behind the end: %q", rest)
	}
	whole, grown := strings.Count(out.String(), "who        user jhartmann"), strings.Count(out.String(), " alert a of jhartmann: ")
	if whole != 2 || grown != 1 {
		t.Errorf("%d alerts printed and %d lines of what has changed, want 2 and 1:\n%s", whole, grown, out.String())
	}
}

func TestWhatIsNotSignedOrNoAlertIsRefused(t *testing.T) {
	r, out := start(t, Options{})
	good, err := alert.Line(detection("a", 1))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, tc := range map[string]struct {
		signature string
		body      []byte
		want      int
	}{
		"unsigned":       {"", good, 401},
		"another secret": {webhook.Sign([]byte("guessed"), now, good), good, 401},
		"changed":        {webhook.Sign(secret, now, good), bytes.Replace(good, []byte("jhartmann"), []byte("nobody"), 1), 401},
		"replayed":       {webhook.Sign(secret, now.Add(-time.Hour), good), good, 401},
		"no JSON":        {webhook.Sign(secret, now, []byte("hello")), []byte("hello"), 400},
		"no alert":       {webhook.Sign(secret, now, []byte("{}")), []byte("{}"), 400},
		"too large":      {"", make([]byte, maxBody+1), 413},
	} {
		if got := send(t, r.URL, tc.signature, tc.body); got != tc.want {
			t.Errorf("%s: answer %d, want %d", name, got, tc.want)
		}
	}
	if all, _ := fetch(t, r.URL); all != "" || out.Len() > 0 {
		t.Errorf("kept %q, printed %q", all, out.String())
	}
	if _, err := Start("127.0.0.1:0", Options{}); err == nil {
		t.Error("a receiver without a secret was started")
	}
}

func TestTheOldestAlertsGoFirst(t *testing.T) {
	r, _ := start(t, Options{Keep: 6000})
	sent := int64(0)
	for i := range 20 {
		b, err := alert.Line(detection(fmt.Sprintf("id-%02d", i), 1))
		if err != nil {
			t.Fatal(err)
		}
		sent += int64(len(b))
		if got := send(t, r.URL, webhook.Sign(secret, time.Now(), b), b); got != 204 {
			t.Fatalf("answer %d", got)
		}
	}
	rest, from := fetch(t, r.URL)
	if len(rest) == 0 || len(rest) > 6000 || !strings.Contains(rest, "id-19") || strings.Contains(rest, "id-00") || !strings.HasPrefix(rest, "{") {
		t.Errorf("%d bytes kept: %.80q", len(rest), rest)
	}
	if want := fmt.Sprint(sent - int64(len(rest))); from != want {
		t.Errorf("they begin at %s, want %s", from, want)
	}
}
