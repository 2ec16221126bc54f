package render

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Teller writes detections for people while they grow: the first revision that
// it meets in whole, as Text has it, each later one as a line of what has changed
// since. Make one with NewTeller; it is not safe for concurrent use.
type Teller struct {
	o     Options
	past  memory
	begun bool
}

// NewTeller makes a Teller.
func NewTeller(o Options) *Teller {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Teller{o: o}
}

// Tell writes d to w in one write; whole alerts have an empty line before them. A
// revision that was told already, or an older one, is not told again. What could
// not be written counts as not told.
func (t *Teller) Tell(w io.Writer, d *event.Detection) error {
	old, grown := t.past.of(d.ID)
	text := ""
	switch {
	case grown && d.Revision <= old.revision:
		return nil
	case grown:
		text = t.line(&old, d)
	case t.begun:
		text = "\n" + Text(d, t.o)
	default:
		text = Text(d, t.o)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	t.begun = true
	t.past.keep(d)
	return nil
}

// line is a later revision's: who and which alert it is about, and the news.
func (t *Teller) line(old *told, d *event.Detection) string {
	w := writer{o: t.o}
	mark := ""
	if d.Drill {
		mark = " (drill)"
	}
	return fmt.Sprintf("%s%s %s alert %s of %s: %s\n", w.paint(colors[d.Severity], strings.ToUpper(d.Severity.String())), mark,
		w.paint("2", d.Time.In(t.o.Zone).Format("2006-01-02 15:04:05 MST")), shortID(d.ID), name(d.Client.User), news(old, d))
}

// shortID is the end of an id: of a UUID version 7 the part that chance made.
// `honeyrow alerts show` finds an alert by it.
func shortID(id event.ID) string {
	s := string(id)
	return Clean(s[strings.LastIndexByte(s, '-')+1:])
}

// remembered is how many detections a memory holds; what is older is told in
// whole again.
const remembered = 1000

// told is what a reader knows of a detection.
type told struct {
	revision         int
	severity         event.Severity
	incident         event.Severity // of its incident, where it has one
	action           event.Action
	rows             uint64
	done             bool
	honeyRows, hits  int
	seen             map[event.ID]bool // honey rows, as far as hits name them
	rules, findings  []string
	shutOut, refused int
}

// memory holds the latest detections told, the oldest first.
type memory struct {
	byID  map[event.ID]told
	order []event.ID
}

func (m *memory) of(id event.ID) (told, bool) {
	t, ok := m.byID[id]
	return t, ok
}

func (m *memory) keep(d *event.Detection) {
	if m.byID == nil {
		m.byID = map[event.ID]told{}
	}
	if _, ok := m.byID[d.ID]; !ok {
		if len(m.order) == remembered {
			delete(m.byID, m.order[0])
			m.order = append(m.order[:0], m.order[1:]...)
		}
		m.order = append(m.order, d.ID)
	}
	k := told{
		revision: d.Revision, severity: d.Severity, action: d.Action, rows: d.Run.Rows, done: d.Run.Done,
		honeyRows: d.HoneyRows, hits: d.HitCount, seen: map[event.ID]bool{}, shutOut: len(d.Quarantine),
	}
	if d.Incident != nil {
		k.incident = d.Incident.Severity
	}
	for i := range d.Hits {
		k.seen[d.Hits[i].Row] = true
	}
	for i := range d.Rules {
		k.rules = append(k.rules, d.Rules[i].ID)
	}
	for i := range d.Findings {
		k.findings = append(k.findings, d.Findings[i].Detector)
	}
	for i := range d.Quarantine {
		k.refused += d.Quarantine[i].Refused
	}
	m.byID[d.ID] = k
}

// news says in one line what d says beyond what was told.
func news(old *told, d *event.Detection) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if d.Severity != old.severity {
		add("was %s", old.severity)
	}
	if d.Incident != nil && d.Incident.Severity > max(old.incident, d.Severity) {
		add("incident %d is %s now", d.Incident.Number, d.Incident.Severity)
	}
	if d.Action != old.action {
		add("%s", done(d))
	}
	for i := range d.Rules {
		if r := &d.Rules[i]; !slices.Contains(old.rules, r.ID) {
			add("%s too", Clean(r.ID))
		}
	}
	if more := d.HoneyRows - old.honeyRows; more > 0 {
		add("%s (%d more%s)", plural(uint64(d.HoneyRows), "honey row"), more, fresh(old, d))
	}
	for i := range d.Findings {
		if f := &d.Findings[i]; !slices.Contains(old.findings, f.Detector) {
			add("seen too: %s", Clean(f.Title))
		}
	}
	refused := 0
	for i, q := range d.Quarantine {
		if refused += q.Refused; i >= old.shutOut {
			add("%s %s is shut out", Clean(q.By), name(q.Subject))
		}
	}
	if refused > old.refused {
		add("%s refused since", plural(uint64(refused), "session"))
	}
	if len(parts) == 0 || d.Run.Rows != old.rows || d.HitCount != old.hits || d.Run.Done != old.done {
		parts = append(parts, progress(old, d))
	}
	return strings.Join(parts, "; ")
}

// progress is how far the run, or the suspicion, has come.
func progress(old *told, d *event.Detection) string {
	if len(d.Hits) == 0 && len(d.Findings) > 0 && !d.Run.Done {
		return plural(uint64(max(d.HitCount, 0)), "suspicious statement") + " so far"
	}
	text := plural(d.Run.Rows, "row")
	switch {
	case !d.Run.Done:
		text += " so far"
	case !old.done:
		text = "ended with " + text
	}
	if d.Run.Code != "" {
		text += " (" + Clean(d.Run.Code) + ")"
	}
	return text + ", " + plural(uint64(max(d.HitCount, 0)), "hit")
}

// freshMost is how many new honey rows a line names.
const freshMost = 3

// fresh names the honey rows that were not told yet: ": customers 2580, 8433".
func fresh(old *told, d *event.Detection) string {
	var names []string
	table := ""
	named := map[event.ID]bool{}
	for i := range d.Hits {
		h := &d.Hits[i]
		if old.seen[h.Row] || named[h.Row] || h.Place.Key == "" {
			continue
		}
		named[h.Row] = true
		text := Clean(h.Place.Key)
		if h.Place.Table != table {
			table = h.Place.Table
			text = Clean(table) + " " + text
		}
		if names = append(names, text); len(names) == freshMost {
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	if d.HoneyRows-old.honeyRows > len(names) {
		names = append(names, "…")
	}
	return ": " + strings.Join(names, ", ")
}
