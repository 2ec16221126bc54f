package webhook

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const secret = "hmac-s3cr3t"

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWebhookBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		Secrets: []string{secret, "b3arer"}, HTTP: true,
		Open: func(t *testing.T, w sinktest.Where) alert.Sink {
			s, err := New("hook", Config{HTTP: w.HTTP(), SecretFile: secretFile(t, secret), BearerFile: secretFile(t, "b3arer")}, w.Options)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Fake: func(t *testing.T) sinktest.Fake {
			return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					return // cut off
				}
				var d event.Detection
				if err := json.Unmarshal(body, &d); err != nil || d.ID == "" {
					t.Errorf("body: %v", err)
				}
				if err := Verify([]byte(secret), r.Header.Get(SignatureHeader), body, time.Now(), time.Minute); err != nil {
					t.Error(err)
				}
				if r.Header.Get("Authorization") != "Bearer b3arer" {
					t.Error("no bearer token")
				}
				taken(d.ID)
			})
		},
	})
}

// receiver answers 204 and hands over what it got.
func receiver(t *testing.T, serve func(http.Handler) *httptest.Server) (*httptest.Server, chan *http.Request, chan []byte) {
	reqs, bodies := make(chan *http.Request, 1), make(chan []byte, 1)
	srv := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		reqs <- r
		bodies <- b
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(srv.Close)
	return srv, reqs, bodies
}

func TestReceiverCanVerifyWhoSentWhatAndWhen(t *testing.T) {
	srv, reqs, bodies := receiver(t, httptest.NewServer)
	now := time.Unix(1_795_000_000, 0)
	t.Setenv("HOOK_SECRET", secret+"\n")
	s, err := New("hook", Config{HTTP: peer.HTTP{URL: srv.URL + "/in"}, SecretEnv: "HOOK_SECRET"}, peer.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := alerttest.Detection(1)
	d.Revision = 3
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	r, body := <-reqs, <-bodies
	for header, want := range map[string]string{"Content-Type": "application/json", "Idempotency-Key": string(d.ID) + "-3", "User-Agent": "honeyrow"} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
	if r.Method != "POST" || r.URL.Path != "/in" {
		t.Errorf("got %s %s", r.Method, r.URL.Path)
	}
	var back event.Detection
	if err := json.Unmarshal(body, &back); err != nil || back.ID != d.ID {
		t.Errorf("body: %v, %v", back.ID, err)
	}
	sig := r.Header.Get(SignatureHeader)
	if !strings.HasPrefix(sig, "t=1795000000,v1=") || len(sig) != len("t=1795000000,v1=")+64 {
		t.Errorf("signature has form %q", sig)
	}
	if err := Verify([]byte(secret), sig, body, now.Add(time.Minute), 5*time.Minute); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"other body":   Verify([]byte(secret), sig, append(body, ' '), now, time.Minute),
		"other secret": Verify([]byte("x"), sig, body, now, time.Minute),
		"old":          Verify([]byte(secret), sig, body, now.Add(time.Hour), time.Minute),
		"other time":   Verify([]byte(secret), strings.Replace(sig, "t=1795000000", "t=1795000001", 1), body, now, time.Minute),
		"garbage":      Verify([]byte(secret), "t=,v1", body, now, time.Minute),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	// printf '7.b' | openssl dgst -sha256 -hmac k
	if got, want := Sign([]byte("k"), time.Unix(7, 0), []byte("b")), "t=7,v1=a24c2f1b4db1494a2631ee7969c18cd3d1b9025fa7027a62cbb0512eb3c9a5e3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnsignedWithoutSecretAndURLFromAFile(t *testing.T) {
	srv, reqs, bodies := receiver(t, httptest.NewServer)
	s, err := New("hook", Config{HTTP: peer.HTTP{URLFile: secretFile(t, srv.URL+"/services/abc\n")}}, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := alerttest.Detection(1)
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	r := <-reqs
	<-bodies
	if r.URL.Path != "/services/abc" || r.Header.Get(SignatureHeader) != "" {
		t.Errorf("got path %s, signature %q", r.URL.Path, r.Header.Get(SignatureHeader))
	}
}

func TestOnlyTheConfiguredAuthorityIsTrusted(t *testing.T) {
	srv, reqs, bodies := receiver(t, httptest.NewTLSServer)
	srv.Config.ErrorLog = nil
	ca := secretFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	d := alerttest.Detection(1)
	for name, c := range map[string]struct {
		ca string
		ok bool
	}{"configured": {ca, true}, "system": {"system", false}, "default": {"", false}} {
		s, err := New("hook", Config{HTTP: peer.HTTP{URL: srv.URL, TLS: peer.TLS{CAFile: c.ca}}}, peer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Deliver(t.Context(), &d)
		if (err == nil) != c.ok || alert.IsPermanent(err) {
			t.Errorf("%s: got %v", name, err)
		}
		if c.ok {
			<-reqs
			<-bodies
		}
		s.Close()
	}
}

func TestSlowReceiverIsCutOffByTheSinksOwnTimeout(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	s, err := New("hook", Config{HTTP: peer.HTTP{URL: srv.URL, Timeout: 30 * time.Millisecond}}, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := alerttest.Detection(1)
	if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) {
		t.Errorf("got %v, want a failure worth another try", err)
	}
}

func TestConfigThatCannotWorkIsRefusedWithoutShowingSecrets(t *testing.T) {
	for name, c := range map[string]Config{
		"no url":            {},
		"two urls":          {HTTP: peer.HTTP{URL: "https://a", URLEnv: "B"}},
		"no host":           {HTTP: peer.HTTP{URL: "https:///s3cr3t"}},
		"other scheme":      {HTTP: peer.HTTP{URL: "ftp://a/s3cr3t"}},
		"no url at all":     {HTTP: peer.HTTP{URL: "https://a:s3cr3t%zz/"}},
		"two secrets":       {HTTP: peer.HTTP{URL: "https://a"}, SecretFile: "a", SecretEnv: "b"},
		"negative time":     {HTTP: peer.HTTP{URL: "https://a", Timeout: -1}},
		"no secret file":    {HTTP: peer.HTTP{URL: "https://a"}, SecretFile: "/nonexistent/file"},
		"empty secret":      {HTTP: peer.HTTP{URL: "https://a"}, SecretFile: secretFile(t, " \n")},
		"unset variable":    {HTTP: peer.HTTP{URL: "https://a"}, SecretEnv: "HONEYROW_NO_SUCH_VARIABLE"},
		"bad url in file":   {HTTP: peer.HTTP{URLFile: secretFile(t, "nonsense s3cr3t")}},
		"no CA file":        {HTTP: peer.HTTP{URL: "https://a", TLS: peer.TLS{CAFile: "/nonexistent/ca"}}},
		"CA file holds rot": {HTTP: peer.HTTP{URL: "https://a", TLS: peer.TLS{CAFile: secretFile(t, "rot")}}},
	} {
		_, err := New("hook", c, peer.Options{})
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: error shows a secret", name)
		}
	}
}
