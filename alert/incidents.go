package alert

import (
	"errors"
	"time"

	"honeyrow/event"
)

// ErrNoIncident says that no incident has the number or id.
var ErrNoIncident = errors.New("no such incident")

// IncidentQuery selects incidents; zero fields select all but drills.
type IncidentQuery struct {
	States      []event.IncidentState
	MinSeverity event.Severity
	Since       time.Time // of the last change
	Limit       int       // the latest; 0: all
	// Before is the number of an incident: only those that come before it in the
	// list; 0: the list's end. One that there is not comes before all others.
	Before int64
	Drills bool // these too
}

// Decision is what somebody decides about an incident.
type Decision struct {
	To   event.IncidentState
	By   string
	Note string
	// Allowances are the allowances that come with "allowed", in the form of the
	// configuration's allow entries (YAML); Covers the incident.Covered marks of
	// the detections that they cover.
	Allowances []string
	Covers     []string
}

// IncidentCounts are a registry's counts, drills left out. Those of what
// happened go on from the registry's beginning and never fall.
type IncidentCounts struct {
	// Standing are the incidents that are kept now, by state and severity.
	Standing map[IncidentStanding]int
	Opened   uint64 // begun by an alert
	Merged   uint64 // alerts that went into an incident that was there
	Repeats  uint64 // of these, those that told nothing new
	// Acknowledged, Resolved, Allowed and Reopened count decisions; what honeyrow
	// opens again because it got graver is reopened too.
	Acknowledged, Resolved, Allowed, Reopened uint64
}

// IncidentStanding is how an incident stands.
type IncidentStanding struct {
	State    event.IncidentState
	Severity event.Severity
}

// ChangeEntry is a change of an incident in the order of commits: Seq is of the
// same counter as Entry.Seq.
type ChangeEntry struct {
	Seq      uint64
	Incident int
	Change   event.IncidentChange
}

// StoredAllowance is an allowance that was made of an incident.
type StoredAllowance struct {
	ID       int       `json:"id"`
	Incident int       `json:"incident"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Text     string    `json:"text"` // an allow entry of the configuration, YAML
}
