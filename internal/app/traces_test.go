package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestATracedReadIsASpanOfItsCallersTrace(t *testing.T) {
	var mu sync.Mutex
	var got strings.Builder
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(b) {
			t.Errorf("%v in %q", err, b)
		}
		mu.Lock()
		defer mu.Unlock()
		got.Write(b)
	}))
	defer srv.Close()
	s := newSite(t, "\ntraces: {url: \""+srv.URL+"\", statements: 1}\n")
	s.plant()
	s.start()
	c := s.connect("crm", false)
	if n := count(t, c, "select * from customers /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/"); n != 101 {
		t.Fatalf("%d rows", n)
	}
	d := s.awaitDetections(1)[0]
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	text := got.String()
	for _, want := range []string{`"name":"session"`, `"name":"statement"`, `"name":"run"`, `"stringValue":"SELECT"`, `"intValue":"101"`, `"parentSpanId":"b7ad6b7169203331"`, `"stringValue":"` + string(d.ID) + `"`, `"stringValue":"` + string(d.Client.Session) + `"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the collector has not got %s", want)
		}
	}
	if strings.Contains(text, honeyMail) || strings.Contains(text, "select") {
		t.Error("a span holds a value or a text")
	}
}
