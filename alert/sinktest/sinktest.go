// Package sinktest is the conformance suite for sinks that speak HTTP: which
// failures are tried again, that a slow peer is cut off, that no secret shows.
package sinktest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
)

// Open makes the sink under test, which delivers to url and uses every secret
// that it can be given.
type Open func(t *testing.T, url string) alert.Sink

// SecretPath is part of every url: a sink must not show it in errors.
const SecretPath = "/services/s3cr3t-in-path"

// Run runs the suite. secrets are the texts that no error may hold, beside
// SecretPath.
func Run(t *testing.T, open Open, secrets ...string) {
	secrets = append(secrets, "s3cr3t-in-path")
	t.Run("answers are sorted into delivered, again and never again", func(t *testing.T) { classes(t, open, secrets) })
	t.Run("the asked time to wait is passed on", func(t *testing.T) { waits(t, open) })
	t.Run("a slow or absent peer is tried again", func(t *testing.T) { absent(t, open, secrets) })
	t.Run("redirects are not followed", func(t *testing.T) { redirects(t, open) })
	t.Run("a huge answer is not read", func(t *testing.T) { huge(t, open) })
}

// peer is an HTTP server that counts requests.
type peer struct {
	*httptest.Server
	mu    sync.Mutex
	count int
}

func newPeer(t *testing.T, h http.HandlerFunc) *peer {
	p := &peer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.count++
		p.mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

func deliver(ctx context.Context, t *testing.T, open Open, url string) error {
	t.Helper()
	s := open(t, url+SecretPath)
	defer s.Close()
	d := alerttest.Detection(1)
	return s.Deliver(ctx, &d)
}

func hidesSecrets(t *testing.T, err error, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), s) {
			t.Errorf("error shows a secret: %v", strings.ReplaceAll(err.Error(), s, "<secret>"))
		}
	}
}

func classes(t *testing.T, open Open, secrets []string) {
	for code := 200; code < 600; code++ {
		if http.StatusText(code) == "" && code%100 > 1 {
			continue // one unknown code in each class is enough
		}
		p := newPeer(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
		err := deliver(t.Context(), t, open, p.URL)
		good := code < 300
		again := code >= 500 || code == 429 || code == 408 || code == 425
		if (err == nil) != good || alert.IsPermanent(err) != (!good && !again) {
			t.Errorf("answer %d: got %v, permanent %v", code, err, alert.IsPermanent(err))
		}
		if err != nil {
			hidesSecrets(t, err, secrets)
			if !strings.Contains(err.Error(), fmt.Sprint(code)) {
				t.Errorf("answer %d: error does not name it: %v", code, err)
			}
		}
		p.Close()
	}
}

func waits(t *testing.T, open Open) {
	for header, want := range map[string][2]time.Duration{
		"120":                  {120 * time.Second, 120 * time.Second},
		"0":                    {},
		"-5":                   {},
		"soon":                 {},
		"99999999999999999999": {},
		time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat): {8 * time.Minute, 10 * time.Minute},
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       {},
	} {
		for _, code := range []int{429, 503} {
			p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(code)
			})
			err := deliver(t.Context(), t, open, p.URL)
			var got time.Duration
			if e, ok := errors.AsType[*alert.RetryAfterError](err); ok {
				got = e.After
			}
			if err == nil || alert.IsPermanent(err) || got < want[0] || got > want[1] {
				t.Errorf("%d with Retry-After %q: got %v, want %v", code, header, got, want)
			}
		}
	}
}

func absent(t *testing.T, open Open, secrets []string) {
	release := make(chan struct{})
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	gone := newPeer(t, nil)
	gone.Close()
	cut := newPeer(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	for name, err := range map[string]error{
		"slow":          deliver(ctx, t, open, p.URL),
		"not there":     deliver(t.Context(), t, open, gone.URL),
		"hangs up":      deliver(t.Context(), t, open, cut.URL),
		"not in DNS":    deliver(t.Context(), t, open, "http://nobody.invalid"),
		"speaks no TLS": deliver(t.Context(), t, open, strings.Replace(cut.URL, "http:", "https:", 1)),
	} {
		if err == nil || alert.IsPermanent(err) {
			t.Errorf("%s: got %v, want a failure worth another try", name, err)
			continue
		}
		hidesSecrets(t, err, secrets)
	}
}

func redirects(t *testing.T, open Open) {
	elsewhere := newPeer(t, func(w http.ResponseWriter, r *http.Request) {})
	for _, code := range []int{301, 302, 303, 307, 308} {
		p := newPeer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		if err := deliver(t.Context(), t, open, p.URL); !alert.IsPermanent(err) {
			t.Errorf("%d: got %v, want a permanent failure", code, err)
		}
	}
	if n := elsewhere.requests(); n != 0 {
		t.Errorf("%d detections went elsewhere", n)
	}
}

func huge(t *testing.T, open Open) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	start := time.Now()
	if err := deliver(t.Context(), t, open, p.URL); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %s: was the gigabyte read?", d)
	}
}
