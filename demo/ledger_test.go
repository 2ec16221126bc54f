package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

func line(t *testing.T, id string, revision int, done bool) string {
	t.Helper()
	b, err := json.Marshal(event.Detection{
		Schema: event.Schema, ID: event.ID(id), Revision: revision, Rule: read, Action: event.Alert,
		Client:    event.Client{User: "jhartmann", Application: "psql", Database: database, Address: "127.0.0.1:40000", BackendPID: 7},
		Statement: event.Statement{Text: "SELECT * FROM customers"}, Run: event.Run{Done: done},
		Hits: []event.Hit{{Place: event.Place{Schema: "public", Table: "customers"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestTheLedgerCountsADetectionOnceHoweverOftenItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	l := newLedger(path)
	if err := l.read(); err != nil {
		t.Fatalf("no file yet: %v", err)
	}
	full := line(t, "a", 1, false) + line(t, "a", 2, true) + line(t, "a", 1, false) + line(t, "b", 1, true)
	for n := range full { // however the writes fall
		if err := os.WriteFile(path, []byte(full[:n+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if n%7 == 0 || n == len(full)-1 {
			if err := l.read(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := len(l.order); got != 2 {
		t.Fatalf("%d detections, want 2", got)
	}
	if a := l.entries["a"]; a.d.Revision != 2 || !a.d.Run.Done || a.lines != 3 {
		t.Errorf("a has revision %d after %d lines, done %t; want revision 2 after 3, done", a.d.Revision, a.lines, a.d.Run.Done)
	}
}

func TestAnExpectationTakesOneDetectionAndMissingOnesAreExplained(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	if err := os.WriteFile(path, []byte(line(t, "a", 1, true)+line(t, "b", 1, true)), 0o600); err != nil {
		t.Fatal(err)
	}
	want := expectation{user: "jhartmann", application: "psql", table: "public.customers", statement: "SELECT * FROM customers"}
	l := newLedger(path)
	found, err := l.await(ctx, 3, []expectation{want}, time.Second)
	if err != nil || len(found) != 1 || found[0].d.ID != "a" || found[0].act != 3 {
		t.Fatalf("found %v, %v; want the first detection, for act 3", found, err)
	}
	if rest := l.free(); len(rest) != 1 || rest[0].d.ID != "b" {
		t.Fatalf("%d detections are left over, want b alone", len(rest))
	}
	other := want
	other.user = "backup_svc"
	if _, err := l.await(ctx, 4, []expectation{other}, 20*time.Millisecond); err == nil || !strings.Contains(err.Error(), `the user is "jhartmann", not "backup_svc"`) {
		t.Errorf("the report on a missing alert is %v", err)
	}
}

func TestAnAlertFileThatIsNotOneIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.jsonl")
	for _, text := range []string{"not json\n", "{}\n", `{"schema":"other/1","id":"x","revision":1}` + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := newLedger(path).read(); err == nil {
			t.Errorf("%q is taken for a detection", text)
		}
	}
}
