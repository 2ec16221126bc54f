// Package sinktest is the conformance suite for sinks that speak with another
// machine: what is delivered, which failures are tried again, that a slow peer
// is cut off, that an outage of an hour loses nothing, that no secret shows.
package sinktest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/event"
)

// Suite is a sink and a fake of its service.
type Suite struct {
	// Open makes the sink under test for the service at w; it uses every secret
	// that the sink can be given.
	Open func(t *testing.T, w Where) alert.Sink
	// Fake makes the service; it may be called often.
	Fake func(t *testing.T) Fake
	// Secrets are the texts that no error may hold, beside SecretPath.
	Secrets []string
	// HTTP says that the service speaks HTTP, whose answers are sorted alike by
	// every sink.
	HTTP bool
	// OwnTLS says that the service does not begin with TLS: the sink tests it.
	OwnTLS bool
	// Mute says that the service never says anything: silence is no failure.
	Mute bool
}

// Where is where the sink under test finds its service.
type Where struct {
	Address string // host:port
	TLS     bool
	CAFile  string // to trust, for TLS
	Options peer.Options
}

// SecretPath is part of every url: a sink must not show it in errors.
const SecretPath = "/services/s3cr3t-in-path"

// URL is the service's address for HTTP.
func (w Where) URL() string {
	scheme := "http"
	if w.TLS {
		scheme = "https"
	}
	return scheme + "://" + w.Address + SecretPath
}

// HTTP is the part of a sink's configuration that names the service.
func (w Where) HTTP() peer.HTTP {
	return peer.HTTP{URL: w.URL(), TLS: peer.TLS{CAFile: w.CAFile}}
}

var silent = log.New(io.Discard, "", 0)

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	s.Secrets = append(slices.Clone(s.Secrets), "s3cr3t-in-path")
	t.Run("the service takes what it is sent", s.taken)
	if !s.OwnTLS {
		t.Run("the service takes it over TLS, and nobody else does", s.overTLS)
	}
	t.Run("hostile content is taken too", s.hostile)
	t.Run("a slow, absent or broken peer is tried again", s.absent)
	t.Run("an outage of an hour loses nothing", s.outage)
	if s.HTTP {
		t.Run("answers are sorted into again and never again", s.classes)
		t.Run("the asked time to wait is passed on", s.waits)
		t.Run("redirects are not followed", s.redirects)
		t.Run("a huge answer is not read", s.huge)
		t.Run("an answer that is cut off is no refusal", s.cutAnswer)
	}
}

// where makes a world with one service.
func where(t *testing.T, serve func(net.Conn)) (Where, *network) {
	n := newNetwork(t, serve)
	t.Cleanup(n.close)
	return Where{Address: Host + ":4321", Options: peer.Options{Dial: n.dial}}, n
}

func (s Suite) deliver(ctx context.Context, t *testing.T, w Where, d *event.Detection) error {
	t.Helper()
	k := s.Open(t, w)
	err := k.Deliver(ctx, d)
	s.hides(t, err)
	_ = k.Close()
	return err
}

func (s Suite) hides(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range s.Secrets {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("error shows a secret: %v", strings.ReplaceAll(err.Error(), secret, "<secret>"))
		}
	}
}

func (s Suite) taken(t *testing.T) {
	fake := s.Fake(t)
	w, _ := where(t, fake.Serve)
	k := s.Open(t, w)
	defer k.Close()
	var want []event.ID
	for i := range 3 {
		d := alerttest.Detection(i)
		d.Revision = i + 1
		want = append(want, d.ID)
		if err := k.Deliver(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	if got := fake.Taken(); !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
}

func (s Suite) overTLS(t *testing.T) {
	cfg, ca := Identity(t)
	fake := s.Fake(t)
	w, _ := where(t, func(c net.Conn) { fake.Serve(tls.Server(c, cfg)) })
	w.TLS = true
	d := alerttest.Detection(1)
	for _, file := range []string{ca, ""} {
		w.CAFile = file
		err := s.deliver(t.Context(), t, w, &d)
		if (err == nil) != (file == ca) || alert.IsPermanent(err) {
			t.Errorf("with the authority %q: %v, want trust in the configured one alone, and another try", file, err)
		}
	}
	if got := fake.Taken(); !slices.Equal(got, []event.ID{d.ID}) {
		t.Errorf("taken %v, want %s once", got, d.ID)
	}
}

// Hostile is a detection in which everything that a client or a database
// chooses tries to break out of every form.
func Hostile() event.Detection {
	d := alerttest.Detection(9)
	bad := "evil<!channel><https://x.test|click> *b* `c` @here |a=b\\ \"x\"] \r\n.\r\nRCPT TO:<a@x.test>\r\n<13>1 forged\t^\x00\x1b[2J\u202e\u2028 </p><script>alert(1)</script> {{.}} &amp; \xff"
	d.Summary, d.Client.User, d.Client.Database, d.Client.Application, d.Statement.Text = bad, bad, bad, bad, bad
	d.Client.Attributes, d.Statement.Tags = map[string]string{bad: bad}, map[string]string{bad: bad}
	d.Hits[0].Place.Table, d.Hits[0].Place.Key, d.Hits[0].Column = bad, bad, bad
	return d
}

func (s Suite) hostile(t *testing.T) {
	fake := s.Fake(t)
	w, _ := where(t, fake.Serve)
	d := Hostile()
	d.Statement.Text = strings.Repeat(d.Statement.Text, 2000) // longer than any limit
	if err := s.deliver(t.Context(), t, w, &d); err != nil {
		t.Fatal(err)
	}
	if got := fake.Taken(); !slices.Equal(got, []event.ID{d.ID}) {
		t.Errorf("taken %v, want %s", got, d.ID)
	}
}

func (s Suite) absent(t *testing.T) {
	d := alerttest.Detection(1)
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	longer, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // for services that speak first
	defer cancel()
	read := func(n int) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, n)); c.Close() }
	}
	for name, c := range map[string]struct {
		ctx   context.Context
		serve func(net.Conn)
		down  error
	}{
		"says nothing":       {short, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, nil},
		"hangs up at once":   {t.Context(), read(0), nil},
		"hangs up midway":    {longer, read(64), nil},
		"speaks nonsense":    {t.Context(), func(c net.Conn) { _, _ = c.Write([]byte(strings.Repeat("nonsense\r\n", 99))); read(64)(c) }, nil},
		"is not there":       {t.Context(), nil, syscall.ECONNREFUSED},
		"has no name in DNS": {t.Context(), nil, &net.DNSError{Err: "no such host", Name: Host, IsNotFound: true}},
	} {
		if s.Mute && (name == "says nothing" || name == "speaks nonsense") {
			continue
		}
		w, n := where(t, c.serve)
		n.setDown(c.down)
		err := s.deliver(c.ctx, t, w, &d)
		if err == nil || alert.IsPermanent(err) {
			t.Errorf("%s: got %v, want a failure worth another try", name, err)
		}
	}
	w, _ := where(t, func(c net.Conn) { _, _ = io.WriteString(c, "I speak no TLS\r\n"); read(64)(c) })
	w.TLS = true
	if err := s.deliver(t.Context(), t, w, &d); err == nil || alert.IsPermanent(err) {
		t.Errorf("speaks no TLS: got %v, want a failure worth another try", err)
	}
}

// outage is an hour in which the service is away while detections come, in
// virtual time, between the outbox's loop and the sink as in the product.
func (s Suite) outage(t *testing.T) {
	retry := alert.DefaultRetry()
	synctest.Test(t, func(t *testing.T) {
		fake := s.Fake(t)
		n := newNetwork(t, fake.Serve)
		k := s.Open(t, Where{Address: Host + ":4321", Options: peer.Options{Dial: n.dial}})
		out := &alerttest.Memory{}
		loop := alert.NewLoop(out, k, retry, zerolog.Nop(), alert.LoopOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); loop.Run(ctx) }()
		var want []event.ID
		put := func(count int) {
			for range count {
				d := alerttest.Detection(len(want))
				want = append(want, d.ID)
				if err := out.Put(ctx, []event.Detection{d}, []string{k.Name()}); err != nil {
					t.Error(err)
				}
			}
			loop.Wake()
		}
		put(2)
		time.Sleep(time.Minute)
		n.setDown(syscall.ECONNREFUSED)
		for range 6 {
			put(1)
			time.Sleep(10 * time.Minute)
		}
		tries := n.dialled()
		n.setDown(nil)
		time.Sleep(retry.Longest + time.Minute)
		put(2)
		time.Sleep(retry.Longest + time.Minute)
		cancel()
		<-done
		if err := k.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		n.close()
		got := slices.Compact(fake.Taken())
		sorted, wanted := slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
		if !slices.Equal(slices.Compact(sorted), wanted) {
			t.Errorf("taken %d of %d detections", len(got), len(want))
		}
		if st := loop.Stats(); st.Dead != 0 || st.Delivered != uint64(len(want)) || st.Failing {
			t.Errorf("%+v, want all delivered and none given up", st)
		}
		if tries > 1000 {
			t.Errorf("%d connections were tried in an hour", tries)
		}
	})
}

// answer is a service that gives one answer.
func answer(h http.HandlerFunc) func(net.Conn) { return func(c net.Conn) { serveHTTP(c, h) } }

func (s Suite) classes(t *testing.T) {
	d := alerttest.Detection(1)
	for code := 300; code < 600; code++ {
		if http.StatusText(code) == "" && code%100 > 1 {
			continue // one unknown code in each class is enough
		}
		w, _ := where(t, answer(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }))
		err := s.deliver(t.Context(), t, w, &d)
		again := code >= 500 || slices.Contains([]int{401, 403, 404, 407, 408, 410, 425, 429}, code)
		if err == nil || alert.IsPermanent(err) == again {
			t.Errorf("answer %d: got %v, permanent %v", code, err, alert.IsPermanent(err))
		} else if !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("answer %d: error does not name it: %v", code, err)
		}
	}
}

func (s Suite) waits(t *testing.T) {
	d := alerttest.Detection(1)
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
			w, _ := where(t, answer(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(code)
			}))
			err := s.deliver(t.Context(), t, w, &d)
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

func (s Suite) redirects(t *testing.T) {
	d := alerttest.Detection(1)
	for _, code := range []int{301, 302, 303, 307, 308} {
		requests := 0
		w, _ := where(t, answer(func(w http.ResponseWriter, r *http.Request) {
			requests++
			http.Redirect(w, r, "http://elsewhere.test/", code)
		}))
		if err := s.deliver(t.Context(), t, w, &d); !alert.IsPermanent(err) || requests != 1 {
			t.Errorf("%d: got %v after %d requests, want a permanent failure after one", code, err, requests)
		}
	}
}

func (s Suite) huge(t *testing.T) {
	sent := make(chan int, 64)
	w, _ := where(t, func(c net.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			block, n := make([]byte, 1<<20), 0
			for range 64 {
				if _, err := w.Write(block); err != nil {
					break
				}
				n++
			}
			sent <- n
		})
	})
	d := alerttest.Detection(1)
	_ = s.deliver(t.Context(), t, w, &d) // it must come back; what it makes of nulls is its own affair
	if n := <-sent; n > 8 {
		t.Errorf("%d MiB were read", n)
	}
}

func (s Suite) cutAnswer(t *testing.T) {
	d := alerttest.Detection(1)
	w, _ := where(t, func(c net.Conn) {
		serveHTTP(c, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"half":`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
	})
	if err := s.deliver(t.Context(), t, w, &d); alert.IsPermanent(err) {
		t.Errorf("got %v, want success or another try", err)
	}
}

// At makes a world with the fake alone, for tests of a sink's own.
func At(t *testing.T, fake Fake) Where {
	w, _ := where(t, fake.Serve)
	return w
}
