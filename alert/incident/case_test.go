package incident

import (
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

// policy is DefaultConfig's, with an hour that is outside of working hours.
func policy() *Policy {
	return &Policy{Config: DefaultConfig(), OffHours: func(at time.Time) bool { return at.Hour() == 3 }}
}

func TestEachKindOfEvidenceRaisesTheSeverityByItself(t *testing.T) {
	day := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	night := day.Add(15 * time.Hour)
	read := []event.Hit{{Row: "r1", Channel: event.ChannelRow, Means: "column", Place: event.Place{Database: "crm", Table: "customers"}}}
	union := []event.Finding{{Detector: "union-graft", Title: "UNION grafted on", Weight: 3}}
	rows := func(n int) []event.Place { return make([]event.Place, n) }
	for name, c := range map[string]struct {
		severity event.Severity
		at       time.Time
		hits     []event.Hit
		findings []event.Finding
		marks    Marks
		want     event.Severity
		says     string // in Raised; empty: nothing is
	}{
		"nothing of it":                    {event.Medium, day, read, nil, Marks{Rows: rows(1)}, event.Medium, ""},
		"two rows are not enough":          {event.Medium, day, read, nil, Marks{Rows: rows(2)}, event.Medium, ""},
		"three honey rows":                 {event.Medium, day, read, nil, Marks{Rows: rows(3)}, event.High, "3 different honey rows"},
		"injection that read a row":        {event.Medium, day, read, union, Marks{Rows: rows(1)}, event.High, "injection together"},
		"injection that read none":         {event.Medium, day, nil, union, Marks{}, event.Medium, ""},
		"off hours":                        {event.Medium, night, read, nil, Marks{Rows: rows(1)}, event.High, "outside of working hours"},
		"an identity not seen before":      {event.Medium, day, read, nil, Marks{Rows: rows(1), Newcomer: true}, event.High, "not seen before"},
		"new and off hours are one step":   {event.Medium, night, read, nil, Marks{Rows: rows(1), Newcomer: true}, event.High, "outside of working hours and an identity"},
		"rows and injection are two steps": {event.Medium, day, read, union, Marks{Rows: rows(3)}, event.Critical, "injection together"},
		"all of it ends at critical":       {event.High, night, read, union, Marks{Rows: rows(9), Newcomer: true}, event.Critical, "9 different honey rows"},
		"a coincidence stays one":          {event.Low, night, read, union, Marks{Rows: rows(9), Newcomer: true}, event.Low, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := event.Detection{ID: "d-1", Rule: "honey-row-read", Severity: c.severity, Time: c.at, Hits: c.hits, Findings: c.findings}
			k := New(1, &d)
			policy().Add(k, &d, c.marks, c.at)
			if k.Incident.Severity != c.want || strings.Contains(strings.Join(k.Incident.Raised, "; "), c.says) != true || (c.says == "") != (len(k.Incident.Raised) == 0) {
				t.Errorf("got %s, raised by %q; want %s, %q", k.Incident.Severity, k.Incident.Raised, c.want, c.says)
			}
		})
	}
}

func TestFindingsTellTheStoryInTheOrderInWhichTheyWereSeen(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	min := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	first := event.Detection{ID: "d-1", Severity: event.Medium, Time: min(9), Findings: []event.Finding{
		{Detector: "union-graft", Title: "UNION grafted on", First: min(5), Last: min(9)}, // the weightiest comes first
		{Detector: "catalogue", Title: "tables enumerated", First: min(2), Last: min(3)},
		{Detector: "untimed", Title: "of an older version"},
	}}
	later := event.Detection{ID: "d-2", Severity: event.Medium, Time: min(10), Findings: []event.Finding{
		{Detector: "comment", Title: "comment cut off", First: min(1), Last: min(10)},
		{Detector: "catalogue", Title: "tables enumerated", First: min(2), Last: min(8)},
	}}
	k := New(1, &first)
	policy().Add(k, &first, Marks{}, min(9))
	policy().Add(k, &later, Marks{}, min(10))
	var got []string
	for _, f := range k.Incident.Findings {
		got = append(got, f.Detector+" "+f.First.Format("15:04")+"-"+f.Last.Format("15:04"))
	}
	if want := []string{"comment 12:01-12:10", "catalogue 12:02-12:08", "union-graft 12:05-12:09", "untimed 12:09-12:09"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range 2 * event.MaxFindings {
		f := event.Finding{Detector: strings.Repeat("x", i), First: min(20)}
		k.found(&f, at)
	}
	if n := len(k.Incident.Findings); n != event.MaxFindings {
		t.Errorf("%d findings are kept", n)
	}
}
