package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/incident"
	"honeyrow/event"
)

// desk is a store with a clock and a quiet policy.
type desk struct {
	*Store
	t    *testing.T
	path string
	now  time.Time
}

func newDesk(t *testing.T, change func(*incident.Policy)) *desk {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "honeyrow.db"), now: alerttest.Start}
	d.Store = openAt(t, d.path, func() time.Time { return d.now })
	p := incident.Policy{Config: incident.DefaultConfig()}
	if change != nil {
		change(&p)
	}
	d.SetPolicy(p)
	return d
}

// seen is a detection of a person's one session, at the desk's time.
func (k *desk) seen(change func(*event.Detection)) event.Detection {
	d := alerttest.Detection(0)
	d.Time, d.Client.Session = k.now, "session-1"
	d.Statement.Shape = "00112233445566aa"
	if change != nil {
		change(&d)
	}
	return d
}

func (k *desk) put(ds ...event.Detection) {
	k.t.Helper()
	if err := k.Put(k.t.Context(), ds, []string{"file"}); err != nil {
		k.t.Fatal(err)
	}
}

func (k *desk) incident(ref string) event.Incident {
	k.t.Helper()
	inc, err := k.FindIncident(k.t.Context(), ref)
	if err != nil {
		k.t.Fatal(err)
	}
	return inc
}

func (k *desk) incidents() []event.Incident {
	k.t.Helper()
	out, err := k.Incidents(k.t.Context(), alert.IncidentQuery{Drills: true})
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

func (k *desk) due(sink string) []alert.Delivery {
	k.t.Helper()
	ds, err := k.Due(k.t.Context(), sink, k.now, 1000)
	if err != nil {
		k.t.Fatal(err)
	}
	return ds
}

func (k *desk) settle(ds ...alert.Delivery) {
	k.t.Helper()
	for _, d := range ds {
		if err := k.Settle(k.t.Context(), d, nil, time.Time{}); err != nil {
			k.t.Fatal(err)
		}
	}
}

func (k *desk) verified(witnesses ...alert.Witness) alert.Audit {
	k.t.Helper()
	a, err := k.Verify(k.t.Context(), witnesses)
	if err != nil {
		k.t.Fatal(err)
	}
	return a
}

func TestOneClientsStoryIsOneIncidentThatGrows(t *testing.T) {
	k := newDesk(t, nil)
	injection := func(d *event.Detection) {
		d.Rule, d.Severity, d.Hits, d.HoneyRows = "sql-injection", event.Medium, nil, 0
		d.Findings = []event.Finding{{Detector: "union-graft", Title: "UNION grafted on", Weight: 3, Count: 1}}
		d.Reach = []string{"crm.customers"}
	}
	k.put(k.seen(injection))
	inc := k.incident("1")
	if inc.Severity != event.Medium || inc.Detections != 1 || !inc.Injection || inc.HoneyRows != 0 {
		t.Errorf("after the injection: %+v", inc)
	}
	for range 3 { // three rows, from another session of the same client
		k.now = k.now.Add(20 * time.Minute)
		k.put(k.seen(func(d *event.Detection) {
			d.Severity, d.Client.Session, d.Client.Address = event.Medium, "session-2", "10.0.0.7:999"
		}))
	}
	inc = k.incident("1")
	if n := len(k.incidents()); n != 1 {
		t.Fatalf("%d incidents, want one", n)
	}
	if inc.Detections != 4 || inc.HoneyRows != 3 || inc.SessionCount != 2 || inc.Repeats != 2 || inc.Severity != event.Critical {
		t.Errorf("detections %d, rows %d, sessions %d, repeats %d, severity %s: want 4, 3, 2, 2, critical", inc.Detections, inc.HoneyRows, inc.SessionCount, inc.Repeats, inc.Severity)
	}
	want := []string{"3 different honey rows", "injection together with honey rows"}
	if !slices.Equal(inc.Raised, want) {
		t.Errorf("raised by %q, want %q", inc.Raised, want)
	}
	if inc.ChangeCount != 2 || inc.Changes[0].By != incident.Self || inc.Changes[0].Severity != event.High {
		t.Errorf("changes %+v, want two of severity by honeyrow", inc.Changes)
	}
	wantText := "CRITICAL: 3 honey rows of crm.public.customers read by app_ro from 10.0.0.7 in 2 sessions (psql, app's certificate) with SELECT * FROM customers; " +
		"SQL injection suspected (UNION grafted on); planted by dba@corp on 2026-11-21; 4 alerts, 2 of them repeats, since 09:30:00 UTC"
	if inc.Summary != wantText {
		t.Errorf("summary\n%s\nwant\n%s", inc.Summary, wantText)
	}
	es, err := k.Detections(t.Context(), alert.Query{Incident: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range es {
		m := e.Detection.Incident
		if m == nil || m.ID != inc.ID || m.Number != 1 || m.Entry != i+1 || e.Detection.Audit == nil {
			t.Errorf("detection %d belongs to %+v, audit %+v", i, m, e.Detection.Audit)
		}
	}
}

func TestIncidentsAreApartByPrincipalStoryAndQuiet(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*event.Detection)
		after  time.Duration
		want   int
	}{
		"the same session a moment later":        {nil, time.Minute, 1},
		"the same session after the quiet gap":   {nil, 31 * time.Minute, 2},
		"another session of the same client":     {func(d *event.Detection) { d.Client.Session = "b" }, 0, 1},
		"another user":                           {func(d *event.Detection) { d.Client.Session, d.Client.User = "b", "eve" }, 0, 2},
		"another address":                        {func(d *event.Detection) { d.Client.Session, d.Client.Address = "b", "10.0.0.8:1" }, 0, 2},
		"another server":                         {func(d *event.Detection) { d.Client.Session, d.Client.Server = "b", "hr-db" }, 0, 2},
		"another certificate":                    {func(d *event.Detection) { d.Client.Session, d.Client.TLS = "b", nil }, 0, 2},
		"another application":                    {func(d *event.Detection) { d.Client.Session, d.Client.Application = "b", "x" }, 0, 2},
		"the application's number alone differs": {func(d *event.Detection) { d.Client.Session, d.Client.Application = "b", "psql 17" }, 0, 2},
		"a session that renames its application": {func(d *event.Detection) { d.Client.Application = "x" }, 0, 1},
		"a drill":                                {func(d *event.Detection) { d.Drill = true }, 0, 2},
		"the parser fails":                       {func(d *event.Detection) { d.Rule = "parser-failing" }, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			k := newDesk(t, nil)
			k.put(k.seen(nil))
			k.now = k.now.Add(c.after)
			k.put(k.seen(c.change))
			if got := len(k.incidents()); got != c.want {
				t.Errorf("got %d incidents, want %d", got, c.want)
			}
		})
	}
	k := newDesk(t, nil)
	k.put(k.seen(func(d *event.Detection) { d.Client.Application = "worker-17" }))
	k.put(k.seen(func(d *event.Detection) { d.Client.Session, d.Client.Application = "b", "worker-4" }))
	if got := len(k.incidents()); got != 1 {
		t.Errorf("numbered workers make %d incidents, want 1", got)
	}
}

func TestIncidentsAreReadPageByPage(t *testing.T) {
	k := newDesk(t, nil)
	for i := range 7 {
		if i != 5 { // two of one time
			k.now = k.now.Add(time.Minute)
		}
		k.put(k.seen(func(d *event.Detection) {
			d.Client.User, d.Client.Session = fmt.Sprint("user", i), event.ID(fmt.Sprint("s", i))
		}))
	}
	k.now = k.now.Add(time.Minute)
	k.put(k.seen(func(d *event.Detection) { d.Client.User, d.Client.Session = "user2", "s2" })) // the third is the latest
	var got []int64
	for before := int64(0); ; {
		page, err := k.Incidents(t.Context(), alert.IncidentQuery{Limit: 3, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, inc := range slices.Backward(page) {
			got = append(got, int64(inc.Number))
		}
		before = int64(page[0].Number)
	}
	if want := []int64{3, 7, 6, 5, 4, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: each once, the latest first", got, want)
	}
	if out, err := k.Incidents(t.Context(), alert.IncidentQuery{Before: 99}); err != nil || len(out) != 0 {
		t.Errorf("before an incident that there is not: %v, %v", out, err)
	}
}

func TestALaterRevisionStaysInItsIncidentAndIsNotCountedAgain(t *testing.T) {
	k := newDesk(t, nil)
	d := k.seen(nil)
	k.put(d)
	k.now = k.now.Add(2 * time.Hour)
	k.put(k.seen(func(x *event.Detection) { x.Client.Session = "later" })) // a new incident
	d.Revision, d.HitCount = 2, 40
	k.put(d)
	inc := k.incident("1")
	if inc.Detections != 1 || inc.Repeats != 0 || inc.Revision != 2 {
		t.Errorf("got %d detections, %d repeats, revision %d: want 1, 0, 2", inc.Detections, inc.Repeats, inc.Revision)
	}
	if k.incident(string(d.ID)).Number != 1 {
		t.Error("a detection's id does not find its incident")
	}
}

func TestStatesAreDecidedOnceAndToldToSinksInOrder(t *testing.T) {
	k := newDesk(t, nil)
	k.put(k.seen(nil))
	decide := func(to event.IncidentState, by, note string) event.Incident {
		t.Helper()
		inc, err := k.Decide(t.Context(), "1", alert.Decision{To: to, By: by, Note: note})
		if err != nil {
			t.Fatal(err)
		}
		return inc
	}
	inc := decide(event.Acknowledged, "alice", "looking")
	ds := k.due("file")
	if len(ds) != 2 || ds[0].Change() || !ds[1].Change() || ds[1].Incident.State != event.Acknowledged || ds[1].Incident.Revision != inc.Revision {
		t.Fatalf("due: %+v, want the detection, then the change", ds)
	}
	if last := ds[1].Incident.Changes[0]; last.By != "alice" || last.Note != "looking" || last.From != event.Open {
		t.Errorf("change %+v", last)
	}
	if len(ds[0].Incident.Containment) == 0 {
		t.Error("the delivery has no containment commands")
	}
	// A detection that must be tried again keeps the change waiting.
	if err := k.Settle(t.Context(), ds[0], errors.New("down"), k.now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := k.due("file"); len(got) != 0 {
		t.Errorf("%d deliveries overtake the one that waits", len(got))
	}
	k.now = k.now.Add(time.Minute)
	k.settle(k.due("file")...)
	if got := k.due("file"); len(got) != 0 {
		t.Errorf("%d deliveries are left", len(got))
	}
	_, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Acknowledged, By: "bob"})
	if _, ok := errors.AsType[*incident.StateError](err); !ok || !strings.Contains(err.Error(), "alice") {
		t.Errorf("again: %v, want who did it", err)
	}
	decide(event.Resolved, "bob", "")
	if _, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Acknowledged}); err == nil {
		t.Error("a resolved incident was acknowledged")
	}
	k.put(k.seen(nil))
	two := k.incident("2")
	if two.Previous != 1 || two.State != event.Open {
		t.Errorf("after it was resolved: %+v, want a new incident that names the first", two)
	}
	if _, err := k.FindIncident(t.Context(), "77"); !errors.Is(err, alert.ErrNoIncident) {
		t.Errorf("unknown incident: %v", err)
	}
	cs, err := k.Changes(t.Context(), 1)
	if err != nil || len(cs) != 2 || cs[1].To != event.Resolved {
		t.Errorf("changes %+v, %v", cs, err)
	}
}

func TestAnAllowedIncidentTakesOnlyWhatWasAllowed(t *testing.T) {
	k := newDesk(t, nil)
	d := k.seen(nil)
	k.put(d)
	_, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Allowed, Allowances: []string{"{user: app_ro}"}, Covers: []string{incident.Covered(&d)}})
	if err != nil {
		t.Fatal(err)
	}
	k.put(k.seen(nil))
	k.put(k.seen(func(d *event.Detection) { d.Statement.Shape = "ffff000011112222" }))
	if one, two := k.incident("1"), k.incident("2"); one.Detections != 2 || two.Detections != 1 {
		t.Errorf("the allowed one has %d detections, the other %d: want 2 and 1", one.Detections, two.Detections)
	}
	as, err := k.Allowances(t.Context())
	if err != nil || len(as) != 1 || as[0].Incident != 1 || as[0].Text != "{user: app_ro}" || as[0].By != "tester" {
		t.Errorf("allowances %+v, %v", as, err)
	}
	if _, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Open}); err != nil {
		t.Fatal(err)
	}
	if as, err := k.Allowances(t.Context()); err != nil || len(as) != 0 {
		t.Errorf("reopened, it keeps %+v, %v", as, err)
	}
	if a := k.verified(); a.Broken != nil {
		t.Errorf("audit: %+v", a.Broken)
	}
}

func TestTheHourAndANewIdentityLiftByOneStepUpToHigh(t *testing.T) {
	for name, c := range map[string]struct {
		severity event.Severity
		night    bool
		known    time.Duration // of the identity; -1: never seen
		want     event.Severity
	}{
		"by day, known":            {event.Medium, false, 48 * time.Hour, event.Medium},
		"at night":                 {event.Medium, true, 48 * time.Hour, event.High},
		"new":                      {event.Medium, false, -1, event.High},
		"first seen an hour ago":   {event.Medium, false, time.Hour, event.High},
		"new at night":             {event.Medium, true, -1, event.High},
		"high stays high":          {event.High, true, -1, event.High},
		"a coincidence is nothing": {event.Low, true, -1, event.Low},
	} {
		t.Run(name, func(t *testing.T) {
			k := newDesk(t, func(p *incident.Policy) {
				p.OffHours = func(time.Time) bool { return c.night }
			})
			began := k.now
			k.now = began.Add(8 * 24 * time.Hour)
			d := k.seen(func(d *event.Detection) { d.Severity = c.severity })
			if c.known >= 0 {
				who := d.Client
				who.Started = k.now.Add(-c.known)
				if err := k.Greet(t.Context(), []event.Client{who}); err != nil {
					t.Fatal(err)
				}
			}
			k.put(d)
			if got := k.incident("1"); got.Severity != c.want || got.OffHours != c.night || got.FirstSeen != (c.known < 24*time.Hour) {
				t.Errorf("got %s, off hours %v, first seen %v; want %s", got.Severity, got.OffHours, got.FirstSeen, c.want)
			}
		})
	}
	k := newDesk(t, nil) // a young registry knows nobody: nobody is new
	k.put(k.seen(nil))
	if k.incident("1").FirstSeen {
		t.Error("in a new registry somebody counts as new")
	}
}

func TestIdentitiesAreBounded(t *testing.T) {
	k := newDesk(t, func(p *incident.Policy) { p.Identities = 100 })
	var cs []event.Client
	for i := range 300 {
		cs = append(cs, event.Client{User: fmt.Sprint("u", i), Started: k.now.Add(time.Duration(i) * time.Second)})
	}
	if err := k.Greet(t.Context(), cs); err != nil {
		t.Fatal(err)
	}
	var n, oldest int64
	if err := k.read.QueryRow("SELECT count(*), min(last) FROM identity").Scan(&n, &oldest); err != nil {
		t.Fatal(err)
	}
	if n != 100 || oldest != micros(cs[200].Started) {
		t.Errorf("%d are kept, the oldest of %v: want the last 100", n, fromMicros(oldest))
	}
}

func TestAThrottleCountsWhatItHoldsBackAndLetsNewsPass(t *testing.T) {
	k := newDesk(t, func(p *incident.Policy) {
		p.Throttle = incident.Throttle{Sinks: []string{"pager"}, After: 2, Every: 10 * time.Minute}
	})
	row := k.seen(nil).Hits[0].Row
	again := func(change func(*event.Detection)) event.Detection {
		d := k.seen(func(d *event.Detection) { d.Hits[0].Row = row })
		if change != nil {
			change(&d)
		}
		if err := k.Put(t.Context(), []event.Detection{d}, []string{"pager", "file"}); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for range 2 {
		again(nil)
	}
	k.settle(k.due("pager")...)
	var last event.Detection
	for range 5 {
		last = again(nil)
	}
	if got := k.due("pager"); len(got) != 0 {
		t.Fatalf("%d pass the throttle", len(got))
	}
	if got := len(k.due("file")); got != 7 {
		t.Errorf("a sink that isn't throttled gets %d of 7", got)
	}
	graver := again(func(d *event.Detection) { d.Severity = event.Critical })
	got := k.due("pager")
	if len(got) != 1 || got[0].Detection.ID != graver.ID || got[0].Detection.Incident.Held != 5 {
		t.Fatalf("graver: got %+v, want it alone, for 5 held back", got)
	}
	k.settle(got...)
	for range 3 {
		last = again(nil)
	}
	k.now = k.now.Add(10 * time.Minute)
	got = k.due("pager")
	if len(got) != 1 || got[0].Detection.ID != last.ID || got[0].Detection.Incident.Held != 2 {
		t.Fatalf("when its time is over: got %+v, want the last, for 2 held back", got)
	}
	if inc := k.incident("1"); inc.Held != 7 || inc.Detections != 11 {
		t.Errorf("the incident counts %d held of %d, want 7 of 11", inc.Held, inc.Detections)
	}
	// Deliveries made and held back are all that there were.
	if next, err := k.NextDue(t.Context(), "pager"); err != nil || next.IsZero() {
		t.Errorf("next due %v, %v", next, err)
	}
}

func TestADamagedIncidentHoldsUpNoDetection(t *testing.T) {
	k := newDesk(t, nil)
	k.put(k.seen(nil))
	alter(t, k.path, "UPDATE incident SET body = x'00'")
	k.put(k.seen(nil))
	ds := k.due("file")
	if len(ds) != 2 || ds[0].Incident != nil || ds[1].Incident == nil || ds[1].Incident.Number != 2 {
		t.Errorf("due: %d, %+v", len(ds), ds)
	}
}

// Whoever can write one row of the file, or a fault of the disk, silences no sink.
func TestARowThatCanNotBeReadHoldsUpNoDelivery(t *testing.T) {
	k := newDesk(t, nil)
	bad, good := k.seen(nil), k.seen(nil)
	k.put(bad, good)
	if _, err := k.Decide(t.Context(), "1", alert.Decision{To: event.Acknowledged, By: "bob"}); err != nil {
		t.Fatal(err)
	}
	alter(t, k.path, "UPDATE detection SET body = x'00' WHERE id = '"+string(bad.ID)+"'; UPDATE incident SET body = x'00'")
	sink := &taker{}
	l := alert.NewLoop(k.Store, sink, alert.DefaultRetry(), zerolog.Nop(), alert.LoopOptions{Now: func() time.Time { return k.now }})
	n, err := l.Drain(t.Context())
	if n != 1 || err != nil || len(sink.got) != 1 || sink.got[0] != good.ID {
		t.Errorf("delivered %d, %v, %v; want the one that can be read", n, sink.got, err)
	}
	dead, err := k.Dead(t.Context(), "file")
	if err != nil || len(dead) != 2 || dead[0].Detection.ID != bad.ID || !strings.Contains(dead[0].Error, "altered outside") || dead[1].Incident != 1 {
		t.Errorf("given up: %+v, %v; want the other, and the change of the incident", dead, err)
	}
}

// taker is a sink that takes what comes.
type taker struct{ got []event.ID }

func (s *taker) Name() string { return "file" }
func (s *taker) Close() error { return nil }
func (s *taker) Deliver(_ context.Context, d *event.Detection) error {
	s.got = append(s.got, d.ID)
	return nil
}

func (s *taker) DeliverIncident(ctx context.Context, _ *event.Incident, d *event.Detection) error {
	if d == nil {
		return nil
	}
	return s.Deliver(ctx, d)
}

// A throttle holds back what a later delivery of the incident speaks for. If the
// sink's filter leaves that one out, it speaks for nobody.
func TestWhatAThrottleHeldBackForADeliveryThatIsNotMadeIsMade(t *testing.T) {
	k := newDesk(t, func(p *incident.Policy) {
		p.Throttle = incident.Throttle{Sinks: []string{"file"}, After: 1, Every: 10 * time.Minute}
	})
	row := k.seen(nil).Hits[0].Row
	again := func(rule string) event.ID {
		d := k.seen(func(d *event.Detection) { d.Hits[0].Row, d.Rule = row, rule })
		k.put(d)
		return d.ID
	}
	first, second, third := again("wanted"), again("wanted"), again("wanted")
	again("other") // news: it leaves at once, for both that wait
	sink := &taker{}
	l := alert.NewLoop(k.Store, sink, alert.DefaultRetry(), zerolog.Nop(), alert.LoopOptions{
		Now: func() time.Time { return k.now }, Policy: alert.Policy{Only: alert.Filter{Rules: []string{"wanted"}}},
	})
	if _, err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []event.ID{first, third}; !slices.Equal(sink.got, want) {
		t.Errorf("delivered %v, want %v: the last that waited, for %s", sink.got, want, second)
	}
	if st, err := k.Deliveries(t.Context(), second); err != nil || len(st) != 1 || st[0].State != "held" {
		t.Errorf("the one before: %+v, %v; want it held, spoken for", st, err)
	}
}

func TestAMigratedFileGoesOnAndSaysSinceWhenItIsChained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	version1(t, path, alerttest.Detection(1), alerttest.Detection(2))
	s := openAt(t, path, nil)
	due, err := s.Due(t.Context(), "file", time.Now(), 10)
	if err != nil || len(due) != 2 || due[0].Incident != nil || due[0].Detection.Incident != nil {
		t.Fatalf("after the migration: %+v, %v", due, err)
	}
	d := due[0].Detection
	d.Revision = 2
	if err := s.Put(context.Background(), []event.Detection{d, alerttest.Detection(3)}, []string{"file"}); err != nil {
		t.Fatal(err)
	}
	if es, err := s.Detections(t.Context(), alert.Query{Incident: 1}); err != nil || len(es) != 2 {
		t.Errorf("incident 1 has %d detections, %v: want the revised one and the new one", len(es), err)
	}
	a, err := s.Verify(t.Context(), nil)
	if err != nil || a.Broken != nil || a.Before != 2 || a.Detections != 2 {
		t.Errorf("audit %+v, %v", a, err)
	}
}

// version1 makes a file as the first release left it, with detections that wait
// for the sink "file".
func version1(t *testing.T, path string, ds ...event.Detection) {
	t.Helper()
	first, err := migrations.ReadFile("migrations/0001_registry_and_outbox.sql")
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBox(testKey)
	if err != nil {
		t.Fatal(err)
	}
	steps := []string{
		"PRAGMA journal_mode = WAL", string(first), fmt.Sprintf("PRAGMA user_version = 1; PRAGMA application_id = %d", applicationID),
		fmt.Sprintf("INSERT INTO meta VALUES ('check', x'%X')", b.seal("check", []byte(checkText))),
	}
	for _, d := range ds {
		body, err := json.Marshal(&d)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps,
			fmt.Sprintf("INSERT INTO detection (id, revision, at, severity, drill, committed, body) VALUES ('%s', 1, 1, 3, 0, 1, x'%X')", d.ID, b.seal(aboutDetection(d.ID, 1), body)),
			fmt.Sprintf("INSERT INTO delivery (sink, detection, revision, state, tries, created, due) VALUES ('file', '%s', 1, 'pending', 0, 1, 1)", d.ID))
	}
	alter(t, path, steps...)
}
