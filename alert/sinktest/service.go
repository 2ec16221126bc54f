package sinktest

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"honeyrow/event"
)

// Fake is a fake of a real service. It checks what the service checks, tells
// the test of what is wrong, and remembers what it took.
type Fake interface {
	// Serve talks to one client until the connection ends.
	Serve(conn net.Conn)
	// Taken returns the ids of the detections that the service has for good.
	Taken() []event.ID
}

// Ledger remembers ids. It is safe for concurrent use.
type Ledger struct {
	mu  sync.Mutex
	ids []event.ID
}

// Take remembers an id.
func (l *Ledger) Take(id event.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
}

// Taken returns what was remembered, in order.
func (l *Ledger) Taken() []event.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

type service struct {
	Ledger
	handler func(w http.ResponseWriter, r *http.Request, taken func(event.ID))
}

// Service makes a Fake of a service that speaks HTTP.
func Service(handler func(w http.ResponseWriter, r *http.Request, taken func(event.ID))) Fake {
	return &service{handler: handler}
}

// Serve implements Fake.
func (s *service) Serve(conn net.Conn) { serveHTTP(conn, s.ServeHTTP) }

// ServeHTTP implements http.Handler.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler(w, r, s.Take) }

// serveHTTP answers the requests of one connection.
func serveHTTP(conn net.Conn, h http.HandlerFunc) {
	l := &single{conn: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conn <- &noted{Conn: conn, closed: l.done}
	srv := &http.Server{Handler: h, ErrorLog: silent}
	_ = srv.Serve(l)
}

// single is a listener with one connection; it ends with it.
type single struct {
	conn chan net.Conn
	done chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return address(Host) }

type noted struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *noted) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Body reads a request's body as JSON. It returns false if the client broke off,
// and tells the test of what is no JSON.
func Body(t *testing.T, r *http.Request, into any) bool {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	if r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("content type %q", r.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Errorf("%v in %.300q", err, b)
		return false
	}
	return true
}

var idOf = regexp.MustCompile(`alert ([0-9a-f-]{36})`)

// ID finds the id of a detection in a text.
func ID(t *testing.T, text string) event.ID {
	m := idOf.FindStringSubmatch(text)
	if m == nil {
		t.Errorf("no alert's id in %.300q", text)
		return ""
	}
	return event.ID(m[1])
}

// Secret writes a secret to a file.
func Secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Texts returns every text of a document, at any depth.
func Texts(v any) (out []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case map[string]any:
		for _, w := range v {
			out = append(out, Texts(w)...)
		}
	case []any:
		for _, w := range v {
			out = append(out, Texts(w)...)
		}
	}
	return out
}

// Incident is an incident in a state, with the change that led there.
func Incident(state event.IncidentState) *event.Incident {
	return &event.Incident{
		Schema: event.IncidentSchema, ID: "01939e5a-7c1b-7d3e-8a51-2f6d1c0b9e44", Number: 7, Revision: 3, State: state, Severity: event.Critical,
		Summary: "CRITICAL: 3 honey rows of crm.public.customers read by app_ro", Detections: 4, HoneyRows: 3,
		Principal: event.Principal{Server: "crm-db", User: "app_ro", Address: "10.0.0.7", Protocol: "postgres"},
		Changes:   []event.IncidentChange{{By: "alice <x> *y*", To: state, Note: "known <@U1> pentest", Revision: 3}},
	}
}
