package tracing

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert/peer"
	"honeyrow/event"
	"honeyrow/inspect"
)

// collector checks what a collector checks, and remembers spans.
type collector struct {
	t      *testing.T
	bearer string

	mu    sync.Mutex
	spans []otlpSpan
	raw   string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var q otlpRequest
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != c.bearer {
		c.t.Errorf("%v: %s %s", err, r.URL.Path, r.Header)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw += string(body)
	for _, rs := range q.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				if len(s.TraceID) != 32 || len(s.SpanID) != 16 || s.Start == "" || s.End < s.Start || s.Kind != 2 {
					c.t.Errorf("span %+v", s)
				}
				c.spans = append(c.spans, s)
			}
		}
	}
	_, _ = w.Write([]byte("{}"))
}

// find returns the spans that have the attribute, by name.
func (c *collector) find(name, key, value string) (out []otlpSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name && slices.ContainsFunc(s.Attributes, func(kv keyValue) bool { return kv.Key == key && kv.Value["stringValue"] == value }) {
			out = append(out, s)
		}
	}
	return out
}

// quiet is an inspector that sees nothing, and refuses bob.
type quiet struct{ inspect.Session }

func (quiet) Close() {}

func (quiet) Open(c event.Client) (inspect.Session, event.Verdict) {
	if c.User == "bob" {
		return nil, event.Verdict{Action: event.Block, Rule: "quarantine", Detection: "d-0"}
	}
	return quiet{}, event.Verdict{}
}

func open(t *testing.T, c Config) *Tracer {
	t.Helper()
	tr, err := New(c, "db1", "1.2.3", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

var began = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func client(session event.ID, user string) event.Client {
	return event.Client{Session: session, Started: began, Protocol: "postgres", User: user, Database: "crm", Address: "10.0.0.7:4711", Listener: "main", Server: "crm-db"}
}

func detection(id, session event.ID) event.Detection {
	return event.Detection{
		ID: id, Revision: 1, Time: began.Add(2 * time.Second), Rule: "honey-row-read", Severity: event.High, Action: event.Alert,
		Client: client(session, "app"), Run: event.Run{Started: began.Add(time.Second), Rows: 7}, HoneyRows: 1, HitCount: 3,
		Statement: event.Statement{Text: "select 's3cret'", Shape: "00112233445566aa", Parameters: []string{"s3cret"}},
		Summary:   "s3cret", Hits: []event.Hit{{Place: event.Place{Key: "s3cret"}}},
	}
}

func TestSessionsAndStatementsWithAlertsAreSpans(t *testing.T) {
	fake := &collector{t: t, bearer: "Bearer t0ken"}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	secret := filepath.Join(t.TempDir(), "bearer")
	if err := os.WriteFile(secret, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tr := open(t, Config{HTTP: peer.HTTP{URL: srv.URL}, BearerFile: secret})
	in := tr.Inspector(quiet{})
	s, _ := in.Open(client("s-1", "app"))
	if _, v := in.Open(client("s-2", "bob")); !v.Blocks() {
		t.Error("the verdict is lost")
	}

	d := detection("d-1", "s-1")
	tr.Report(&d)
	d.Revision, d.HoneyRows, d.Run.Done, d.Action = 2, 3, true, event.Block
	tr.Report(&d)
	caller := detection("d-2", "s-1")
	caller.Statement.Tags = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	caller.Run.Done = true
	tr.Report(&caller)
	forged := detection("d-3", "s-1")
	forged.Statement.Tags = map[string]string{"traceparent": "00-zz-zz-01"}
	tr.Report(&forged) // ends with its session
	s.Close()
	late := detection("d-4", "s-1")
	tr.Report(&late) // judged after the session's end
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	session := fake.find("session", "honeyrow.session", "s-1")
	if len(session) != 1 || session[0].ParentSpanID != "" || session[0].Start != nanos(began) || session[0].Status.Code != 0 {
		t.Fatalf("the session's: %+v", session)
	}
	if x := fake.find("session", "user.name", "bob"); len(x) != 1 || x[0].Status.Code != 2 {
		t.Errorf("the refused session's: %+v", x)
	}
	for id, want := range map[string]struct {
		trace, parent string
		links, status int
	}{
		"d-1": {session[0].TraceID, session[0].SpanID, 0, 2},
		"d-2": {"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 1, 0},
		"d-3": {session[0].TraceID, session[0].SpanID, 0, 0},
		"d-4": {"", "", 0, 0},
	} {
		x := fake.find("statement", "honeyrow.detection", id)
		if len(x) != 1 || x[0].ParentSpanID != want.parent || want.trace != "" && x[0].TraceID != want.trace || len(x[0].Links) != want.links ||
			x[0].Status.Code != want.status || x[0].Start != nanos(began.Add(time.Second)) {
			t.Errorf("%s: %+v, want %+v", id, x, want)
		}
		if len(x) == 1 && want.links == 1 && x[0].Links[0].SpanID != session[0].SpanID {
			t.Errorf("%s is linked with %+v, want its session", id, x[0].Links)
		}
	}
	if strings.Contains(fake.raw, "s3cret") {
		t.Error("a span holds a value")
	}
	if len(tr.sessions) != 0 || tr.Failed() != 0 {
		t.Errorf("%d sessions are left, %d exports failed", len(tr.sessions), tr.Failed())
	}
}

func TestAStatementWithAnAlertHasASpanWhateverTheShare(t *testing.T) {
	fake := &collector{t: t}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	tr := open(t, Config{HTTP: peer.HTTP{URL: srv.URL}, Share: 1e-12})
	s, _ := tr.Inspector(quiet{}).Open(client("s-1", "app"))
	d := detection("d-1", "s-1")
	tr.Report(&d)
	s.Close()
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(fake.find("statement", "honeyrow.detection", "d-1")) != 1 || len(fake.find("session", "honeyrow.session", "s-1")) != 0 {
		t.Errorf("got %+v, want the statement alone", fake.spans)
	}
}

func TestACollectorThatIsNotThereHoldsUpNobody(t *testing.T) {
	tr := open(t, Config{HTTP: peer.HTTP{URL: "http://127.0.0.1:1"}})
	in := tr.Inspector(quiet{})
	for i := range 5000 { // more than the queue holds
		s, _ := in.Open(client(event.ID(rune('a'+i%26)), "app"))
		d := detection("d", "x")
		tr.Report(&d)
		s.Close()
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	if err := tr.Close(ctx); err == nil && tr.Failed() == 0 {
		t.Error("nobody noticed")
	}
	if len(tr.sessions) != 0 {
		t.Errorf("%d sessions are left", len(tr.sessions))
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	at := peer.HTTP{URL: "https://otel.corp:4318"}
	for name, c := range map[string]Config{
		"no url":         {Share: 1},
		"bad url":        {HTTP: peer.HTTP{URL: "otel:4318"}},
		"two tokens":     {HTTP: at, BearerFile: "a", BearerEnv: "b"},
		"share above 1":  {HTTP: at, Share: 2},
		"negative share": {HTTP: at, Share: -1},
		"statements":     {HTTP: at, Statements: 1.1},
	} {
		if c.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if (Config{}).Enabled() || (Config{}).Validate() != nil || (Config{HTTP: at}).Validate() != nil {
		t.Error("none, or a url alone, must do")
	}
}
