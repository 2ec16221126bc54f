package render

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/event"
)

// Note is an alert for places where people talk: a title, a sentence, a few
// facts. Its texts are clean (see Clean) but not escaped for any markup.
type Note struct {
	Severity  event.Severity
	Title     string // "HIGH: honey row read"
	Summary   string
	Facts     []Fact
	Statement string
	Foot      string // ids
	// Playbook is where the next steps are written down; empty: nowhere.
	Playbook string
}

// Fact is a label and its value.
type Fact struct{ Name, Value string }

// Key is what all alerts of one incident share, or what is left without one:
// the detection's id. One of inc and d may be nil.
func Key(inc *event.Incident, d *event.Detection) string {
	switch {
	case inc != nil:
		return string(inc.ID)
	case d.Incident != nil:
		return string(d.Incident.ID)
	}
	return string(d.ID)
}

// Over reports whether people are done with an incident: it is resolved or
// allowed. What is delivered of it then, such as the last revision of an alert
// whose run ends later, must wake nobody.
func Over(inc *event.Incident) bool {
	return inc != nil && (inc.State == event.Resolved || inc.State == event.Allowed)
}

// Gravity is the severity of a detection or of its incident, whichever is worse.
func Gravity(inc *event.Incident, d *event.Detection) event.Severity {
	var worst event.Severity
	if d != nil {
		worst = d.Severity
		if d.Incident != nil {
			worst = max(worst, d.Incident.Severity)
		}
	}
	if inc != nil {
		worst = max(worst, inc.Severity)
	}
	return worst
}

// Brief makes a note of a detection; inc is its incident or nil.
func Brief(inc *event.Incident, d *event.Detection) Note {
	n := Note{Severity: Gravity(inc, d), Summary: Clean(d.Summary)}
	what := d.Rule
	for _, r := range d.Rules {
		if r.ID == d.Rule && r.Title != "" {
			what = r.Title
		}
		if n.Playbook == "" {
			n.Playbook = Clean(r.Playbook)
		}
	}
	n.Title = strings.ToUpper(n.Severity.String()) + ": " + Clean(what)
	if d.Drill {
		n.Title = "DRILL, nothing happened: " + Clean(what)
	}
	fact := func(name, value string) {
		if value != "" {
			n.Facts = append(n.Facts, Fact{name, value})
		}
	}
	fact("Who", who(&d.Client))
	fact("From", from(&d.Client))
	if len(d.Hits) > 0 {
		fact("Touched", hit(&d.Hits[0]))
		fact("Planted", story(&d.Hits[0], time.UTC))
	}
	if len(d.Findings) > 0 {
		fact("Suspicion", Clean(d.Findings[0].Title))
	}
	fact("Result", result(d))
	fact("Done", done(d))
	if inc != nil && inc.Detections > 1 {
		fact("Incident", fmt.Sprintf("number %d, %s, %d alerts, %s", inc.Number, inc.State, inc.Detections, plural(uint64(max(inc.HoneyRows, 0)), "honey row")))
	}
	fact("Next steps", n.Playbook)
	w := writer{o: Options{Statement: 1500}}
	n.Statement = w.statement(&d.Statement)
	n.Foot = fmt.Sprintf("honeyrow, alert %s revision %d, %s", d.ID, d.Revision, d.Time.UTC().Format("2006-01-02 15:04:05 MST"))
	if d.Incident != nil {
		n.Foot += ", incident " + strconv.Itoa(d.Incident.Number)
	}
	return n
}

// Told makes a note of what a sink that follows incidents is told: a detection,
// or without one the latest change of an incident.
func Told(inc *event.Incident, d *event.Detection) Note {
	if d != nil {
		return Brief(inc, d)
	}
	return Change(inc)
}

// Change makes a note of the latest change of an incident's state.
func Change(inc *event.Incident) Note {
	n := Note{
		Severity: inc.Severity, Title: fmt.Sprintf("Incident %d is %s", inc.Number, inc.State), Summary: Clean(inc.Summary),
		Foot: fmt.Sprintf("honeyrow, incident %s revision %d", inc.ID, inc.Revision),
	}
	if len(inc.Changes) > 0 {
		c := inc.Changes[len(inc.Changes)-1]
		n.Facts = append(n.Facts, Fact{"By", name(c.By)}, Fact{"At", c.At.UTC().Format("2006-01-02 15:04:05 MST")})
		n.Title += " by " + name(c.By)
		if c.Note != "" {
			n.Facts = append(n.Facts, Fact{"Note", Clean(c.Note)})
		}
	}
	return n
}

// Lines writes a note as plain text.
func (n Note) Lines() string {
	var b strings.Builder
	b.WriteString(n.Summary + "\n\n")
	for _, f := range n.Facts {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	if n.Statement != "" {
		b.WriteString("\nStatement: " + n.Statement + "\n")
	}
	b.WriteString("\n" + n.Foot + "\n")
	return b.String()
}

// Within returns n with its texts cut so that they have about max characters
// together at most, for services that refuse a whole message that is too long: the
// names that a client gives itself must not keep its alert away.
func (n Note) Within(max int) Note {
	n.Title, n.Foot = Cut(n.Title, max/16), Cut(n.Foot, max/16)
	n.Summary, n.Statement = Cut(n.Summary, max/4), Cut(n.Statement, max/4)
	n.Facts = slices.Clone(n.Facts)
	left := max / 4
	for i := range n.Facts {
		f := &n.Facts[i]
		share := left / (len(n.Facts) - i)
		f.Name, f.Value = Cut(f.Name, 40), Cut(f.Value, share)
		left -= utf8.RuneCountInString(f.Value)
	}
	return n
}

// Cut returns s shortened to max characters, with an ellipsis in the place of
// what is missing.
func Cut(s string, max int) string {
	n := 0
	last := 0 // where the ellipsis would stand
	for i := range s {
		if n == max-1 {
			last = i
		}
		if n++; n > max {
			return s[:last] + "…"
		}
	}
	return s
}
