package render

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
)

func row(n int) event.Hit {
	return event.Hit{Row: event.ID(fmt.Sprint("row-", n)), Kind: "email", Place: event.Place{Table: "customers", Column: "email", Key: fmt.Sprint(1000 + n)}}
}

func grown() event.Detection {
	d := fixed()
	d.ID, d.Run.Done, d.Run.Code, d.Run.Rows = "01a20508-97ab-70cd-af8d-8c812003cdf2", false, "", 1
	d.Hits, d.HoneyRows, d.HitCount = []event.Hit{row(0)}, 1, 1
	return d
}

func TestAGrowingAlertIsToldOnceAndThenWhatHasChanged(t *testing.T) {
	const lead = "2026-11-21 09:30:00 UTC alert 8c812003cdf2 of app_ro: "
	end := func(d *event.Detection) { d.Run.Rows, d.Run.Done, d.Run.Code = 10004, true, "SELECT 10004" }
	for _, c := range []struct {
		name   string
		change func(*event.Detection)
		want   string
	}{
		{"rows", func(d *event.Detection) { d.Run.Rows = 500 }, "HIGH " + lead + "500 rows so far, 1 hit\n"},
		{"the end", end, "HIGH " + lead + "ended with 10004 rows (SELECT 10004), 1 hit\n"},
		{"all at once", func(d *event.Detection) {
			end(d)
			d.Severity, d.Action = event.Critical, event.Block
			d.Hits, d.HoneyRows, d.HitCount = append(d.Hits, row(1), row(1), row(2)), 3, 4
		}, "CRITICAL " + lead + "was high; blocked; 3 honey rows (2 more: customers 1001, 1002); ended with 10004 rows (SELECT 10004), 4 hits\n"},
		{"more rows than are named", func(d *event.Detection) {
			d.Hits, d.HoneyRows, d.HitCount = append(d.Hits, row(1), row(2), row(3), row(4)), 90, 90
		}, "HIGH " + lead + "90 honey rows (89 more: customers 1001, 1002, 1003, …); 1 row so far, 90 hits\n"},
		{"a rule, a finding and a quarantine", func(d *event.Detection) {
			d.Rules = append(d.Rules, event.Match{ID: "mass-read"})
			d.Findings = append(d.Findings, event.Finding{Detector: "union-graft", Title: "UNION with an arm of another kind"})
			d.Quarantine = []event.Quarantine{{By: "user", Subject: "app ro", Refused: 2}}
		}, "HIGH " + lead + "mass-read too; seen too: UNION with an arm of another kind; user \"app ro\" is shut out; 2 sessions refused since\n"},
		{"its incident", func(d *event.Detection) { d.Incident = &event.Membership{Number: 17, Severity: event.Critical} }, "HIGH " + lead + "incident 17 is critical now\n"},
		{"nothing", func(*event.Detection) {}, "HIGH " + lead + "1 row so far, 1 hit\n"},
		{
			"what a client chose", func(d *event.Detection) { d.Client.User, d.Run.Code, d.Run.Done = "x: y\x1b[2J", "\n", true },
			"HIGH 2026-11-21 09:30:00 UTC alert 8c812003cdf2 of \"x: y\\x1b[2J\": ended with 1 row (\\n), 1 hit\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			teller := NewTeller(Options{})
			d := grown()
			if err := teller.Tell(&b, &d); err != nil || b.String() != Text(&d, Options{}) {
				t.Fatalf("the first revision, %v:\n%s", err, b.String())
			}
			b.Reset()
			again := d
			c.change(&d)
			d.Revision = 2
			for _, x := range []event.Detection{again, d, d, again} { // deliveries are made at least once
				if err := teller.Tell(&b, &x); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.String(); got != c.want {
				t.Errorf("got  %swant %s", got, c.want)
			}
		})
	}
}

func TestAnotherAlertIsWholeAfterAnEmptyLine(t *testing.T) {
	var b bytes.Buffer
	teller := NewTeller(Options{})
	d := grown()
	other := grown()
	other.ID = "other"
	for _, x := range []*event.Detection{&d, &other} {
		if err := teller.Tell(&b, x); err != nil {
			t.Fatal(err)
		}
	}
	if want := Text(&d, Options{}) + "\n" + Text(&other, Options{}); b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWhatCouldNotBeWrittenIsNotTold(t *testing.T) {
	teller := NewTeller(Options{})
	d := grown()
	if err := teller.Tell(full{}, &d); err == nil {
		t.Fatal("written nowhere")
	}
	var b bytes.Buffer
	if err := teller.Tell(&b, &d); err != nil || b.String() != Text(&d, Options{}) {
		t.Errorf("%v, got\n%s", err, b.String())
	}
}

func TestTheTailIsToldWhatHasChanged(t *testing.T) {
	tail := NewTail(Options{}, 0)
	d := grown()
	d.Incident = &event.Membership{Number: 17, Entry: 3, Severity: event.High}
	first := tail.Detection(&d)
	d.Revision, d.Run.Rows, d.Run.Done, d.Hits, d.HoneyRows = 2, 60, true, append(d.Hits, row(1)), 2
	if got, want := tail.Detection(&d), "  09:30:00  HIGH      #3r2  2 honey rows (1 more: customers 1001); ended with 60 rows, 1 hit\n"; got != want || !strings.Contains(first, "app_ro read honey row 0") {
		t.Errorf("got  %swant %s", got, want)
	}
	if got := tail.Detection(&d); got != "" {
		t.Errorf("told twice: %s", got)
	}
}

func TestTheMemoryOfWhatWasToldIsBounded(t *testing.T) {
	var m memory
	for n := range remembered + 5 {
		d := event.Detection{ID: event.ID(fmt.Sprint(n))}
		m.keep(&d)
		m.keep(&d)
	}
	_, oldest := m.of("4")
	_, kept := m.of("5")
	if len(m.byID) != remembered || len(m.order) != remembered || oldest || !kept {
		t.Errorf("%d and %d kept; the oldest there: %t, the next: %t", len(m.byID), len(m.order), oldest, kept)
	}
}
