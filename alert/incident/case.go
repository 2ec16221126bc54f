package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
)

// Case is an incident with what its growth depends on. A store keeps it whole
// as JSON.
type Case struct {
	Incident event.Incident `json:"incident"`
	// Base is the highest severity of its detections.
	Base event.Severity `json:"base"`
	// Read, Sought and Presented say what was done with honey rows; Suspicion what
	// the weightiest finding is called; Doing what else happened, in words.
	Read      bool   `json:"read,omitempty"`
	Sought    bool   `json:"sought,omitempty"`
	Presented bool   `json:"presented,omitempty"`
	Suspicion string `json:"suspicion,omitempty"`
	Doing     string `json:"doing,omitempty"`
	// Weight is what Gravest is chosen by.
	Weight int `json:"weight"`
	// Refused counts, ShutOut names what was done.
	ShutOut []event.Quarantine `json:"shut_out,omitempty"`
	// Covers are the marks of the detections that an allowance was made for.
	Covers []string `json:"covers,omitempty"`
	// Listed says when the store opened and last changed it, as its lists have it.
	Listed Listed `json:"listed,omitzero"`
}

// Listed are times in microseconds since 1970; 0: written by a release that did not
// keep them here.
type Listed struct {
	Opened  int64 `json:"opened,omitempty"`
	Updated int64 `json:"updated,omitempty"`
}

// Marks are what a store remembers of an incident's detections so as to tell
// what is new: of each, whether it was remembered before.
type Marks struct {
	Session  bool // the session is new to the incident
	Sight    bool // rule, statement and tables are
	Rows     []event.Place
	Newcomer bool // the identity is new to the registry
	Revision bool // the detection is a later revision of one that belongs here
}

// Effect is what a detection did to an incident.
type Effect struct {
	// News: a new incident, rule, table or honey row, or a higher severity.
	// What has none of it may be held back by a throttle.
	News bool
	// Changed: Incident.Changes has a new last entry.
	Changed bool
}

// StoryOf tells what kind of happening a detection is.
func StoryOf(d *event.Detection) event.Story {
	switch {
	case d.Drill:
		return event.StoryDrill
	case d.Rule == "parser-failing" || d.Rule == "expected-read-missing":
		return event.StoryOperation
	}
	return event.StoryClient
}

// PrincipalOf names who a detection is about.
func PrincipalOf(c *event.Client) event.Principal {
	p := event.Principal{Server: c.Server, User: c.User, Application: c.Application, Address: host(c.Address), Protocol: c.Protocol}
	if c.TLS != nil {
		p.Certificate = c.TLS.Subject
	}
	return p
}

func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// Key is what detections of one story and principal have in common. Digits of
// the application's name do not count: many drivers put a number there.
func Key(d *event.Detection) string {
	return string(StoryOf(d)) + "\x00" + Identity(&d.Client)
}

// Identity is by what somebody is known again. Digits of the application's name
// do not count.
func Identity(c *event.Client) string {
	p := PrincipalOf(c)
	app := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, p.Application)
	return strings.Join([]string{p.Server, p.User, app, p.Address, p.Certificate}, "\x00")
}

// Sight is what two detections have in common of which the second tells nothing
// new: rule, statement and tables.
func Sight(d *event.Detection) string {
	shape := d.Statement.Shape
	if shape == "" {
		shape = d.Statement.Text
	}
	parts := []string{d.Rule, shape}
	for i := range d.Hits {
		p := &d.Hits[i].Place
		if t := p.Database + "." + p.Schema + "." + p.Table; !slices.Contains(parts, t) {
			parts = append(parts, t)
		}
	}
	slices.Sort(parts[2:])
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// Covered is what an allowance made of a detection covers: its rule and shape.
func Covered(d *event.Detection) string { return d.Rule + "\x00" + d.Statement.Shape }

// Takes reports whether a detection goes into the case as far as its state is
// concerned: an allowed one takes in only what the allowance covers, which a
// proxy reports until it knows of it.
func (c *Case) Takes(d *event.Detection) bool {
	switch c.Incident.State {
	case event.Resolved:
		return false
	case event.Allowed:
		return slices.Contains(c.Covers, Covered(d))
	}
	return true
}

// New begins a case with the detection that Add is called with next.
func New(number int, d *event.Detection) *Case {
	return &Case{Incident: event.Incident{
		Schema: event.IncidentSchema, ID: event.NewID(), Number: number, State: event.Open,
		Opened: d.Time, Updated: d.Time, Story: StoryOf(d), Principal: PrincipalOf(&d.Client),
		Sessions: []event.IncidentSession{}, Rules: []string{}, Changes: []event.IncidentChange{}, Drill: d.Drill,
	}}
}

// Add takes a detection in: the first, a further one, or a later revision. now
// is the time of the commit.
func (p *Policy) Add(c *Case, d *event.Detection, m Marks, now time.Time) Effect {
	inc := &c.Incident
	var e Effect
	e.News = inc.Revision == 0
	inc.Revision++
	if d.Time.After(inc.Updated) {
		inc.Updated = d.Time
	}
	if !m.Revision {
		inc.Detections++
		if !m.Sight {
			inc.Repeats++
		}
	}
	c.session(d, m)
	e.News = c.matched(d) || e.News
	e.News = c.touched(d, m) || e.News
	inc.OffHours = inc.OffHours || p.OffHours != nil && p.OffHours(d.Time)
	inc.FirstSeen = inc.FirstSeen || m.Newcomer
	inc.Action = max(inc.Action, d.Action)
	for _, q := range d.Quarantine {
		c.shutOut(q)
	}
	c.weigh(d)
	before := inc.Severity
	c.Base = max(c.Base, d.Severity)
	inc.Severity, inc.Raised = p.grade(c)
	switch {
	case inc.Revision == 1:
	case inc.Severity > before:
		e.News, e.Changed = true, true
		from := inc.State
		note := fmt.Sprintf("severity %s, was %s", inc.Severity, before)
		if len(inc.Raised) > 0 {
			note += ": " + strings.Join(inc.Raised, ", ")
		}
		if inc.State == event.Resolved {
			inc.State = event.Open
			note += "; open again"
		}
		c.log(event.IncidentChange{At: now, By: Self, From: from, To: inc.State, Note: note})
	}
	inc.Summary = summary(c)
	return e
}

// Self is who changes incidents without being told to.
const Self = "honeyrow"

func (c *Case) session(d *event.Detection, m Marks) {
	inc := &c.Incident
	i := slices.IndexFunc(inc.Sessions, func(s event.IncidentSession) bool { return s.ID == d.Client.Session })
	if i < 0 {
		if m.Session {
			inc.SessionCount++
		}
		if len(inc.Sessions) == event.MaxSessions {
			inc.Sessions = slices.Delete(inc.Sessions, 0, 1)
		}
		inc.Sessions = append(inc.Sessions, event.IncidentSession{ID: d.Client.Session, Started: d.Client.Started})
		i = len(inc.Sessions) - 1
	}
	s := &inc.Sessions[i]
	s.Address, s.Database, s.BackendPID = d.Client.Address, d.Client.Database, d.Client.BackendPID
	if !m.Revision {
		s.Detections++
	}
}

// matched notes rules and their playbooks and reports whether a rule is new.
func (c *Case) matched(d *event.Detection) (news bool) {
	inc := &c.Incident
	add := func(list *[]string, x string) bool {
		if x == "" || slices.Contains(*list, x) || len(*list) == event.MaxTables {
			return false
		}
		*list = append(*list, x)
		return true
	}
	news = add(&inc.Rules, d.Rule)
	for i := range d.Rules {
		news = add(&inc.Rules, d.Rules[i].ID) || news
		add(&inc.Playbooks, d.Rules[i].Playbook)
	}
	return news
}

// touched notes tables and honey rows and reports whether any is new.
func (c *Case) touched(d *event.Detection, m Marks) (news bool) {
	inc := &c.Incident
	for i := range d.Hits {
		h := &d.Hits[i]
		switch {
		case h.Means == "predicate" || h.Means == "table":
			c.Sought = true
		case h.Channel.Inbound():
			c.Presented = true
		default:
			c.Read = true
		}
		news = c.table(h.Place, 0) || news
	}
	for _, p := range m.Rows {
		c.table(p, 1)
		inc.HoneyRows++
		news = true
	}
	// A detection names 64 tokens at most; it counts on.
	if d.HoneyRows > inc.HoneyRows {
		inc.HoneyRows, news = d.HoneyRows, true
	}
	for _, r := range d.Reach { // database.table, or database.schema.table
		parts := strings.Split(r, ".")
		p := event.Place{Table: parts[len(parts)-1]}
		if len(parts) > 1 {
			p.Database = parts[0]
		}
		if len(parts) > 2 {
			p.Schema = strings.Join(parts[1:len(parts)-1], ".")
		}
		if !slices.ContainsFunc(inc.Tables, func(t event.IncidentTable) bool {
			return t.Table == p.Table && t.Database == p.Database && (p.Schema == "" || t.Schema == p.Schema)
		}) {
			news = c.table(p, 0) || news
		}
	}
	// A dump reads the catalogue too: that alone is not an injection.
	if event.Injected(d.Findings) && !inc.Injection {
		inc.Injection, c.Suspicion = true, heaviest(d.Findings)
	} else if len(d.Findings) > 0 && c.Suspicion == "" {
		c.Suspicion = heaviest(d.Findings)
	}
	for i := range d.Findings {
		c.found(&d.Findings[i], d.Time)
	}
	if inc.PlantedAt == nil && len(d.Hits) > 0 {
		h := &d.Hits[0]
		inc.PlantedBy, inc.PlantedAt = h.PlantedBy, &h.PlantedAt
	}
	return news
}

// heaviest is the title of the finding that means most, the first of equals.
func heaviest(fs []event.Finding) string {
	best := &fs[0]
	for i := range fs {
		if fs[i].Weight > best.Weight {
			best = &fs[i]
		}
	}
	return best.Title
}

// found puts a finding into its place in the story. at is when its detection
// was made, for those that nobody timed.
func (c *Case) found(f *event.Finding, at time.Time) {
	inc := &c.Incident
	x := event.IncidentFinding{Detector: f.Detector, Title: f.Title, First: f.First, Last: f.Last}
	if x.First.IsZero() {
		x.First = at
	}
	if x.Last.Before(x.First) {
		x.Last = x.First
	}
	i := slices.IndexFunc(inc.Findings, func(o event.IncidentFinding) bool { return o.Detector == f.Detector })
	switch {
	case i >= 0:
		o := &inc.Findings[i]
		if x.First.Before(o.First) {
			o.First = x.First
		}
		if x.Last.After(o.Last) {
			o.Last = x.Last
		}
	case len(inc.Findings) == event.MaxFindings:
		return
	default:
		inc.Findings = append(inc.Findings, x)
	}
	slices.SortStableFunc(inc.Findings, func(a, b event.IncidentFinding) int { return a.First.Compare(b.First) })
}

func (c *Case) table(p event.Place, rows int) (isNew bool) {
	if p.Table == "" {
		return false
	}
	inc := &c.Incident
	i := slices.IndexFunc(inc.Tables, func(t event.IncidentTable) bool {
		return t.Table == p.Table && t.Schema == p.Schema && t.Database == p.Database
	})
	if i < 0 {
		if len(inc.Tables) == event.MaxTables {
			return false
		}
		isNew, i = true, len(inc.Tables)
		inc.Tables = append(inc.Tables, event.IncidentTable{Database: p.Database, Schema: p.Schema, Table: p.Table})
	}
	inc.Tables[i].HoneyRows += rows
	return isNew
}

func (c *Case) shutOut(q event.Quarantine) {
	for i := range c.ShutOut {
		if o := &c.ShutOut[i]; o.By == q.By && o.Subject == q.Subject {
			*o = q
			return
		}
	}
	if len(c.ShutOut) < event.MaxSessions {
		c.ShutOut = append(c.ShutOut, q)
	}
}

// statementText is how much of a statement an incident shows, in bytes.
const statementText = 120

// weigh chooses the detection that says most.
func (c *Case) weigh(d *event.Detection) {
	weight := int(d.Severity)*10_000 + int(d.Action)*1000 + min(d.HoneyRows, 900)
	if inc := &c.Incident; inc.Gravest == "" || weight > c.Weight {
		c.Weight = weight
		inc.Gravest, inc.Statement = d.ID, cut(oneLine(d.Statement.Text), statementText)
		if c.Doing = d.Rule; len(d.Rules) > 0 {
			c.Doing = d.Rules[0].Title
		}
	}
}

// grade raises the severity with the evidence, and says why. Coincidences and
// what is merely told (below medium) stay what they are. The hour and being new
// prove nothing: they lift up to high, by one step together.
func (p *Policy) grade(c *Case) (event.Severity, []string) {
	inc, sev := &c.Incident, c.Base
	if sev < event.Medium || inc.Drill || inc.Story != event.StoryClient {
		return sev, nil
	}
	var why []string
	raise := func(reason string) {
		sev, why = min(sev+1, event.Critical), append(why, reason)
	}
	var context []string
	if inc.OffHours {
		context = append(context, "outside of working hours")
	}
	if inc.FirstSeen {
		context = append(context, "an identity not seen before")
	}
	if len(context) > 0 && sev < event.High {
		raise(strings.Join(context, " and "))
	}
	if inc.HoneyRows >= p.Rows && sev < event.Critical {
		raise(fmt.Sprintf("%d different honey rows", inc.HoneyRows))
	}
	if inc.Injection && (c.Read || c.Sought || c.Presented) && sev < event.Critical {
		raise("injection together with honey rows")
	}
	return sev, why
}

// log adds a change; Severity and Revision are filled in.
func (c *Case) log(x event.IncidentChange) {
	inc := &c.Incident
	x.Severity, x.Revision = inc.Severity, inc.Revision
	if len(inc.Changes) == event.MaxChanges {
		inc.Changes = slices.Delete(inc.Changes, 0, 1)
	}
	inc.Changes = append(inc.Changes, x)
	inc.ChangeCount++
}

// StateError says that an incident is in the wanted state already.
type StateError struct {
	Number int
	State  event.IncidentState
	Last   event.IncidentChange // that brought it there; the zero value if it began so
}

// Error implements error.
func (e *StateError) Error() string {
	s := fmt.Sprintf("incident %d is %s already", e.Number, e.State)
	if e.Last.By != "" {
		s += fmt.Sprintf(", by %s since %s", e.Last.By, e.Last.At.UTC().Format(time.DateTime))
	}
	return s + ": `honeyrow incidents show " + fmt.Sprint(e.Number) + "` tells its history"
}

// Decide changes the state. covers are the detections' Covered marks where an
// allowance was made.
func (c *Case) Decide(to event.IncidentState, by, note string, covers []string, now time.Time) error {
	inc := &c.Incident
	if inc.State == to {
		e := &StateError{Number: inc.Number, State: to}
		for _, x := range inc.Changes {
			if x.To == to && x.From != to {
				e.Last = x
			}
		}
		return e
	}
	if inc.State == event.Resolved && to == event.Acknowledged {
		return fmt.Errorf("incident %d is resolved: reopen it first with `honeyrow incidents reopen %d`", inc.Number, inc.Number)
	}
	from := inc.State
	inc.State = to
	inc.Revision++
	if c.Covers = nil; to == event.Allowed {
		c.Covers = covers
	}
	c.log(event.IncidentChange{At: now, By: by, From: from, To: to, Note: note})
	inc.Summary = summary(c)
	return nil
}
