package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
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

const key = "QVBJLWtleTpzM2NyM3Q="

// cluster checks what Elasticsearch checks: the content type, whole lines, one
// action and one document, whose id it takes once.
func cluster(t *testing.T, auth string, status int) sinktest.Fake {
	seen := map[string]bool{}
	return sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Header.Get("Authorization") != auth {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		lines := bytes.Split(b, []byte("\n"))
		var head struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			} `json:"create"`
		}
		var doc map[string]any
		if r.Header.Get("Content-Type") != "application/x-ndjson" || r.URL.Path != sinktest.SecretPath+"/_bulk" || len(lines) != 3 || len(lines[2]) != 0 ||
			json.Unmarshal(lines[0], &head) != nil || json.Unmarshal(lines[1], &doc) != nil || doc["@timestamp"] == nil || head.Create.Index != "honeyrow" || len(head.Create.ID) > 512 {
			t.Errorf("Elasticsearch refuses %s of %d lines: %s", r.URL.Path, len(lines), lines[0])
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		switch {
		case status != 0:
			fmt.Fprintf(w, `{"errors":true,"items":[{"create":{"_id":"x","status":%d,"error":{"type":"mapper_parsing_exception","reason":"failed [secret statement]"}}}]}`, status)
			return
		case seen[head.Create.ID]:
			_, _ = io.WriteString(w, `{"errors":true,"items":[{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}]}`)
			return
		}
		seen[head.Create.ID] = true
		taken(event.ID(head.Create.ID[:36]))
		_, _ = io.WriteString(w, `{"errors":false,"items":[{"create":{"status":201}}]}`)
	})
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("es", Config{HTTP: w.HTTP(), Index: "honeyrow", APIKeyFile: sinktest.Secret(t, key)}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestElasticsearchBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{key},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return cluster(t, "ApiKey "+key, 0) },
	})
}

func TestDetectionDeliveredTwiceIsOneDocumentAndARevisionAnother(t *testing.T) {
	fake := cluster(t, "Basic dTpw", 0)
	w := sinktest.At(t, fake)
	s, err := New("es", Config{HTTP: w.HTTP(), Index: "honeyrow", Username: "u", PasswordFile: sinktest.Secret(t, "p")}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := alerttest.Detection(1)
	for _, d.Revision = range []int{1, 1, 2, 2} {
		if err := s.Deliver(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
	}
	if got := fake.Taken(); len(got) != 2 {
		t.Errorf("%d documents, want 2", len(got))
	}
}

func TestStatusOfTheItemCounts(t *testing.T) {
	for status, permanent := range map[int]bool{400: true, 413: true, 429: false, 503: false, 403: false} {
		s := open(t, sinktest.At(t, cluster(t, "ApiKey "+key, status)))
		d := alerttest.Detection(1)
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) != permanent || !strings.Contains(err.Error(), "mapper_parsing_exception") || strings.Contains(err.Error(), "statement") {
			t.Errorf("%d: got %v", status, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	at := peer.HTTP{URL: "https://a"}
	for name, c := range map[string]Config{
		"no url":           {Index: "a"},
		"no index":         {HTTP: at},
		"capital letters":  {HTTP: at, Index: "A"},
		"path in index":    {HTTP: at, Index: "a/b"},
		"two credentials":  {HTTP: at, Index: "a", APIKeyFile: "x", Username: "u", PasswordEnv: "P"},
		"no password":      {HTTP: at, Index: "a", Username: "u"},
		"password alone":   {HTTP: at, Index: "a", PasswordEnv: "P"},
		"no such key file": {HTTP: at, Index: "a", APIKeyFile: "/nonexistent"},
		"format":           {HTTP: at, Index: "a", Format: "leef"},
	} {
		if _, err := New("es", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
