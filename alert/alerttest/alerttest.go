// Package alerttest is the conformance suite for outboxes, and an outbox in
// memory for tests.
package alerttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

// Start is the time at which every store under test begins.
var Start = time.Date(2026, 11, 21, 9, 30, 0, 123456000, time.UTC)

// Open opens an empty store whose clock is now. The function closes it at the
// end of the test.
type Open func(t *testing.T, now func() time.Time) alert.Store

// Detection makes a detection with every field set. n tells it from others and
// is added to its time in seconds.
func Detection(n int) event.Detection {
	at := Start.Add(time.Duration(n) * time.Second)
	return event.Detection{
		Schema: event.Schema, ID: event.NewID(), Revision: 1, Time: at, Severity: event.High, Rule: "honey-row-read",
		Summary: fmt.Sprintf("app_ro read honey row %d", n), Action: event.Alert,
		Client: event.Client{
			Session: event.NewID(), Started: at.Add(-time.Minute), Protocol: "postgres", Listener: "main", Server: "crm-db",
			Address: "10.0.0.7:51234", Balancer: "10.0.0.1:443", User: "app_ro", Database: "crm", Application: "psql",
			Peer: &event.Peer{PID: 1, UID: 2, GID: 3}, TLS: &event.TLS{
				Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256",
				ServerName: "db.corp", Subject: "CN=app", Issuer: "CN=ca", Fingerprint: "ab12",
			},
			BackendPID: 4711, Replication: "database", Attributes: map[string]string{"driver": "pgx"},
		},
		Statement: event.Statement{
			Text: "SELECT * FROM customers", Truncated: true, Redacted: true,
			Parameters: []string{"1"}, Tags: map[string]string{"route": "/x"},
		},
		Run: event.Run{Started: at, Rows: 20, Done: true, Code: "SELECT 20"},
		Hits: []event.Hit{{
			Token: event.NewID(), Kind: "email", Row: event.NewID(),
			Place: event.Place{Server: "crm-db", Database: "crm", Schema: "public", Table: "customers", Column: "email", Key: "1017"},
			Story: "row planted in public.customers of crm on crm-db by dba@corp on 2026-11-21", PlantedBy: "dba@corp",
			PlantedAt: at.Add(-time.Hour), Note: "round 1", Channel: event.ChannelRow, Means: "column", Column: "email", Count: 2,
		}},
		HoneyRows: 1, HitCount: 2,
	}
}

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *bench)
	}{
		{"a commit is due at once for every sink, whole and in order", commit},
		{"a delivered detection is not due again", delivered},
		{"a failed delivery is due at its next time", retried},
		{"a delivery given up is kept as dead and can be revived", dead},
		{"a later revision replaces and is due again", revisions},
		{"the outcome of an old revision does not settle the new one", staleSettle},
		{"listings are filtered, newest last", listings},
		{"a follower sees new entries and new revisions", follow},
		{"old detections are pruned in batches, pending ones kept", prune},
		{"many goroutines commit at once", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, now: Start}
			b.s = open(t, b.clock)
			c.test(t, b)
		})
	}
}

// bench is one test's store and clock.
type bench struct {
	t   *testing.T
	s   alert.Store
	mu  sync.Mutex
	now time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// put commits n detections one by one.
func (b *bench) put(n int, sinks ...string) (ds []event.Detection) {
	b.t.Helper()
	for i := range n {
		ds = append(ds, Detection(i))
		b.must(b.s.Put(b.t.Context(), ds[i:], sinks))
	}
	return ds
}

func (b *bench) due(sink string, max int) []alert.Delivery {
	b.t.Helper()
	ds, err := b.s.Due(b.t.Context(), sink, b.clock(), max)
	b.must(err)
	return ds
}

func (b *bench) status(sink string) alert.SinkStatus {
	b.t.Helper()
	ss, err := b.s.Status(b.t.Context())
	b.must(err)
	for _, st := range ss {
		if st.Sink == sink {
			return st
		}
	}
	return alert.SinkStatus{}
}

func (b *bench) list(q alert.Query) (out []event.ID) {
	b.t.Helper()
	es, err := b.s.Detections(b.t.Context(), q)
	b.must(err)
	for _, e := range es {
		out = append(out, e.Detection.ID)
	}
	return out
}

func idsOf(ds []event.Detection) (out []event.ID) {
	for _, d := range ds {
		out = append(out, d.ID)
	}
	return out
}

// bare is a detection without what the store adds to it.
func bare(d event.Detection) event.Detection {
	d.Incident, d.Audit = nil, nil
	return d
}

func commit(t *testing.T, b *bench) {
	ctx := t.Context()
	if next, err := b.s.NextDue(ctx, "file"); err != nil || !next.IsZero() {
		t.Errorf("empty outbox is due at %v, %v", next, err)
	}
	ds := b.put(3, "file", "hook")
	b.must(b.s.Put(ctx, nil, []string{"file"}))
	for _, sink := range []string{"file", "hook"} {
		got := b.due(sink, 10)
		if len(got) != 3 {
			t.Fatalf("%s: %d deliveries due, want 3", sink, len(got))
		}
		for i, d := range got {
			if !reflect.DeepEqual(bare(d.Detection), ds[i]) {
				t.Errorf("%s: got %+v\nwant %+v", sink, d.Detection, ds[i])
			}
			if d.Sink != sink || d.Attempt != 1 || !d.Created.Equal(Start) {
				t.Errorf("%s: got sink %s, attempt %d, created %v", sink, d.Sink, d.Attempt, d.Created)
			}
		}
		if next, err := b.s.NextDue(ctx, sink); err != nil || !next.Equal(Start) {
			t.Errorf("%s: due at %v, %v, want %v", sink, next, err, Start)
		}
	}
	if got := b.due("file", 2); len(got) != 2 || got[0].Detection.ID != ds[0].ID {
		t.Errorf("max 2: got %d, want the two oldest", len(got))
	}
	if got := b.due("other", 10); len(got) != 0 {
		t.Errorf("an unknown sink has %d deliveries", len(got))
	}
	want := alert.SinkStatus{Sink: "hook", Pending: 3, Oldest: Start, NextDue: Start}
	if got := b.status("hook"); got != want {
		t.Errorf("status: got %+v, want %+v", got, want)
	}
}

func delivered(t *testing.T, b *bench) {
	ds := b.put(2, "file", "hook")
	d := b.due("file", 1)[0]
	b.must(b.s.Settle(t.Context(), d, nil, time.Time{}))
	b.must(b.s.Settle(t.Context(), d, errors.New("late"), b.clock())) // a second outcome changes nothing
	if got := b.due("file", 10); len(got) != 1 || got[0].Detection.ID != ds[1].ID {
		t.Errorf("file: got %d deliveries, want the second only", len(got))
	}
	if got := b.due("hook", 10); len(got) != 2 {
		t.Errorf("hook: got %d deliveries, want 2", len(got))
	}
	if got, err := b.s.Deliveries(t.Context(), ds[0].ID); err != nil || len(got) != 2 || got[0].Sink != "file" || got[0].State != "done" ||
		got[1].Sink != "hook" || got[1].State != "pending" || got[0].Tries != 1 {
		t.Errorf("deliveries: got %+v, %v, want file done and hook pending", got, err)
	}
	b.must(b.s.Put(t.Context(), ds, []string{"file"})) // the same revision again
	if got := b.status("file"); got.Pending != 1 || got.Dead != 0 {
		t.Errorf("status: got %+v, want 1 pending", got)
	}
	unknown := alert.Delivery{Sink: "file", Detection: Detection(9)}
	b.must(b.s.Settle(t.Context(), unknown, nil, time.Time{})) // pruned meanwhile
}

func retried(t *testing.T, b *bench) {
	b.put(1, "hook")
	for attempt := 1; attempt <= 3; attempt++ {
		got := b.due("hook", 10)
		if len(got) != 1 || got[0].Attempt != attempt {
			t.Fatalf("attempt %d: got %+v", attempt, got)
		}
		next := b.clock().Add(time.Minute)
		b.must(b.s.Settle(t.Context(), got[0], fmt.Errorf("server said 50%d", attempt), next))
		if got := b.due("hook", 10); len(got) != 0 {
			t.Errorf("due again before its time")
		}
		if got, err := b.s.NextDue(t.Context(), "hook"); err != nil || !got.Equal(next) {
			t.Errorf("next: got %v, %v, want %v", got, err, next)
		}
		st := b.status("hook")
		want := alert.SinkStatus{Sink: "hook", Pending: 1, Failing: 1, Oldest: Start, NextDue: next, LastError: fmt.Sprintf("server said 50%d", attempt)}
		if st != want {
			t.Errorf("status: got %+v, want %+v", st, want)
		}
		b.advance(time.Minute)
	}
}

func dead(t *testing.T, b *bench) {
	b.put(2, "hook")
	long := strings.Repeat("ü", 10_000)
	b.must(b.s.Settle(t.Context(), b.due("hook", 1)[0], errors.New(long), time.Time{}))
	if got := b.due("hook", 10); len(got) != 1 {
		t.Errorf("got %d due, want 1", len(got))
	}
	st := b.status("hook")
	if st.Pending != 1 || st.Dead != 1 || !strings.HasPrefix(long, st.LastError) || st.LastError == "" {
		t.Errorf("status: got %+v, want one pending, one dead, with the start of the error", st)
	}
	first, err := b.s.Dead(t.Context(), "hook")
	b.must(err)
	if got, err := b.s.Deliveries(t.Context(), first[0].Detection.ID); err != nil || len(got) != 1 || got[0].State != "dead" || got[0].Error != st.LastError || got[0].Revision != 1 {
		t.Errorf("deliveries: got %+v, %v, want one dead", got, err)
	}
	for sink, want := range map[string]int{"hook": 1, "": 1, "other": 0} {
		ds, err := b.s.Dead(t.Context(), sink)
		if err != nil || len(ds) != want {
			t.Errorf("dead of %q: got %d, %v, want %d", sink, len(ds), err, want)
		}
		for _, d := range ds {
			if d.Sink != "hook" || d.Tries != 1 || d.Error != st.LastError || d.Detection.ID == "" || !d.Committed.Equal(Start) {
				t.Errorf("dead letter: got %+v", d)
			}
		}
	}
	if n, err := b.s.Revive(t.Context(), "hook", "another id"); n != 0 || err != nil {
		t.Errorf("revive another detection: got %d, %v", n, err)
	}
	b.advance(time.Hour)
	if n, err := b.s.Revive(t.Context(), "other"); n != 0 || err != nil {
		t.Errorf("revive another sink: got %d, %v", n, err)
	}
	if n, err := b.s.Revive(t.Context(), "hook"); n != 1 || err != nil {
		t.Errorf("revive: got %d, %v, want 1", n, err)
	}
	if got := b.due("hook", 10); len(got) != 2 || got[0].Attempt != 1 || !got[0].Created.Equal(b.clock()) {
		t.Errorf("revived: got %+v, want two due, the first with a new age", got)
	}
}

func revisions(t *testing.T, b *bench) {
	ds := b.put(2, "file")
	for _, d := range b.due("file", 10) {
		b.must(b.s.Settle(t.Context(), d, nil, time.Time{}))
	}
	b.advance(time.Minute)
	second := ds[0]
	second.Revision, second.HitCount, second.Severity = 2, 99, event.Critical
	b.must(b.s.Put(t.Context(), []event.Detection{second, ds[0]}, []string{"file"})) // the old one comes late
	got := b.due("file", 10)
	if len(got) != 1 || !reflect.DeepEqual(bare(got[0].Detection), second) {
		t.Fatalf("got %+v, want the second revision", got)
	}
	if !got[0].Created.Equal(b.clock()) || got[0].Attempt != 1 {
		t.Errorf("second revision has age %v and attempt %d, want fresh ones", got[0].Created, got[0].Attempt)
	}
	if got, want := b.list(alert.Query{}), []event.ID{ds[1].ID, ds[0].ID}; !slices.Equal(got, want) {
		t.Errorf("listing: got %v, want %v: each once, the revised last", got, want)
	}
	if got, want := b.list(alert.Query{MinSeverity: event.Critical}), []event.ID{ds[0].ID}; !slices.Equal(got, want) {
		t.Errorf("critical: got %v, want %v", got, want)
	}
	third := ds[1]
	third.Revision = 2 // both revisions in one commit
	fourth := third
	fourth.Revision = 3
	b.must(b.s.Put(t.Context(), []event.Detection{third, fourth}, []string{"file"}))
	if got := b.due("file", 10); len(got) != 2 || got[1].Detection.Revision != 3 {
		t.Errorf("two revisions in one commit: got %+v, want the last", got)
	}
}

func staleSettle(t *testing.T, b *bench) {
	ds := b.put(1, "file")
	old := b.due("file", 1)[0]
	second := ds[0]
	second.Revision = 2
	b.must(b.s.Put(t.Context(), []event.Detection{second}, []string{"file"}))
	b.must(b.s.Settle(t.Context(), old, nil, time.Time{}))
	if got := b.due("file", 10); len(got) != 1 || got[0].Detection.Revision != 2 {
		t.Errorf("got %+v, want revision 2 still due", got)
	}
	b.must(b.s.Settle(t.Context(), old, errors.New("refused"), time.Time{}))
	if got := b.status("file"); got.Pending != 1 || got.Dead != 0 {
		t.Errorf("status: got %+v, want 1 pending", got)
	}
}

func listings(t *testing.T, b *bench) {
	var ds []event.Detection
	for i := range 6 {
		d := Detection(i)
		d.Severity = event.Severity(i % 5)
		ds = append(ds, d)
	}
	b.must(b.s.Put(t.Context(), ds, nil)) // without any sink
	all := idsOf(ds)
	for name, c := range map[string]struct {
		q    alert.Query
		want []event.ID
	}{
		"all":      {alert.Query{}, all},
		"limit":    {alert.Query{Limit: 2}, all[4:]},
		"forward":  {alert.Query{Limit: 2, Forward: true}, all[:2]},
		"since":    {alert.Query{Since: ds[3].Time}, all[3:]},
		"until":    {alert.Query{Until: ds[3].Time}, all[:3]},
		"between":  {alert.Query{Since: ds[1].Time, Until: ds[3].Time}, all[1:3]},
		"severity": {alert.Query{MinSeverity: event.High}, all[3:5]},
		"id":       {alert.Query{ID: all[2]}, all[2:3]},
		"none":     {alert.Query{ID: "nobody"}, nil},
		"begins":   {alert.Query{Named: string(all[2][:36])}, all[2:3]},
		"ends":     {alert.Query{Named: string(all[4][20:])}, all[4:5]},
		"neither":  {alert.Query{Named: string(all[4][1:35])}, nil},
		"joker":    {alert.Query{Named: "%"}, nil},
	} {
		if got := b.list(c.q); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	es, err := b.s.Detections(t.Context(), alert.Query{})
	b.must(err)
	for i, e := range es {
		if !reflect.DeepEqual(bare(e.Detection), ds[i]) || !e.Committed.Equal(Start) || i > 0 && e.Seq <= es[i-1].Seq {
			t.Errorf("entry %d: got %+v", i, e)
		}
	}
	if got, want := b.list(alert.Query{After: es[3].Seq}), all[4:]; !slices.Equal(got, want) {
		t.Errorf("after: got %v, want %v", got, want)
	}
}

func follow(t *testing.T, b *bench) {
	ds := b.put(2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	type seen struct {
		id       event.ID
		revision int
	}
	var got []seen
	stop := errors.New("enough")
	err := alert.Follow(ctx, b.s, 0, func(e alert.Entry) error {
		got = append(got, seen{e.Detection.ID, e.Detection.Revision})
		switch len(got) {
		case 2: // now something new, a revision, something new
			second := ds[0]
			second.Revision = 2
			return errors.Join(b.s.Put(ctx, []event.Detection{second}, nil), b.s.Put(ctx, []event.Detection{Detection(7)}, nil))
		case 4:
			return stop
		}
		return nil
	})
	if err != stop {
		t.Fatalf("got %v after %d entries", err, len(got))
	}
	want := []seen{{ds[0].ID, 1}, {ds[1].ID, 1}, {ds[0].ID, 2}, {got[3].id, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func prune(t *testing.T, b *bench) {
	ds := b.put(4, "file", "gone")
	for i, d := range b.due("file", 4) {
		switch i {
		case 0:
			b.must(b.s.Settle(t.Context(), d, nil, time.Time{}))
		case 1:
			b.must(b.s.Settle(t.Context(), d, errors.New("no"), time.Time{}))
		case 2: // stays pending
		case 3:
			b.must(b.s.Settle(t.Context(), d, nil, time.Time{}))
		}
	}
	b.advance(time.Hour)
	recent := b.put(1, "gone")
	count := func(max, want int) {
		t.Helper()
		if n, err := b.s.Prune(t.Context(), Start.Add(time.Minute), []string{"file"}, max); n != want || err != nil {
			t.Errorf("prune up to %d: got %d, %v, want %d", max, n, err, want)
		}
	}
	count(2, 2)
	count(2, 1)
	count(2, 0)
	if got, want := b.list(alert.Query{}), []event.ID{ds[2].ID, recent[0].ID}; !slices.Equal(got, want) {
		t.Errorf("left: got %v, want %v", got, want)
	}
	if got := b.status("file"); got.Pending != 1 || got.Dead != 0 {
		t.Errorf("status: got %+v, want 1 pending", got)
	}
}

func concurrent(t *testing.T, b *bench) {
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range each {
				if err := b.s.Put(t.Context(), []event.Detection{Detection(i), Detection(i)}, []string{"file"}); err != nil {
					t.Error(err)
				}
				if _, err := b.s.Due(t.Context(), "file", b.clock(), 3); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, want := len(b.due("file", 1000)), 2*writers*each; got != want {
		t.Errorf("got %d due, want %d", got, want)
	}
}
