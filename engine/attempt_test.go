package engine

import (
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

func TestSQLInAValueIsAnAttemptOfLowSeverity(t *testing.T) {
	for text, want := range map[string]bool{
		`1" OR "1"="1`:                         true,
		`x") AND 5=5 AND ("a"="a`:              true,
		`1 UNION ALL SELECT NULL,NULL-- -`:     true,
		`a\' OR 1=1 -- x`:                      true,
		`x OR 1=1-- `:                          true,
		`Robert Smith`:                         false,
		`O\'Neill`:                             false,
		`{"a": "b", "c": [1, 2], "d": "e\'s"}`: false,
		`sleep(8) hours`:                       false,
		`x/*y*/`:                               false,
		`Fish & chips = 5 (or so); see #12 -- thanks "me"`: false,
		`a:1:{s:3:"abc";i:5;}`:                             false,
		`2026-01-01 00:00:00`:                              false,
		`SELECT a FROM b WHERE c = 1 AND d = 2`:            false,
		`<a href="x?a=1&b=2">union members select</a>`:     false,
	} {
		l, _, s := seeking(t)
		ask(s, "SELECT * FROM customers WHERE first_name = '"+text+"'", "OK")
		var found *event.Detection
		for _, d := range l.all() {
			found = &d
		}
		if (found != nil) != want {
			t.Errorf("%s: %+v, want a finding: %v", text, found, want)
		} else if want && (found.Rule != rules.Attempt || found.Severity != event.Low || len(found.Reach) != 0) {
			t.Errorf("%s: %+v", text, found)
		}
	}
}

func TestManyAttemptsOfOneClientAreOneDetection(t *testing.T) {
	l, _, s := seeking(t)
	st, _ := s.Prepare([]byte("SELECT * FROM products WHERE name = ?"), 37)
	for range 30 {
		v := []byte(`1" OR "1"="1`)
		r, _ := st.Run(v, []inspect.Param{{Off: 0, Len: int32(len(v))}})
		r.Done(0, "OK")
	}
	ids := map[event.ID]bool{}
	for _, d := range l.all() {
		ids[d.ID] = true
		if d.Rule != rules.Attempt {
			t.Errorf("%+v", d)
		}
	}
	if len(ids) != 1 {
		t.Errorf("%d detections", len(ids))
	}
}

func TestAnAttemptThatSucceedsIsGraver(t *testing.T) {
	l, _, s := seeking(t)
	ask(s, `SELECT * FROM products WHERE name = '1" OR "1"="1'`, "OK")
	ask(s, `SELECT * FROM products WHERE name = 'x' OR '1'='1'-- x'`, "OK")
	ds := l.all()
	last := ds[len(ds)-1]
	if ds[0].Rule != rules.Attempt || last.ID != ds[0].ID || last.Rule != rules.Injection || last.Severity != event.Medium || len(last.Findings) < 2 {
		t.Errorf("%+v", ds)
	}
}
