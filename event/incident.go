package event

import (
	"fmt"
	"time"
)

// IncidentSchema is the version of Incident's JSON; docs/incidents.md documents it.
const IncidentSchema = "honeyrow.incident/1"

// Membership is the part that a detection has in an incident.
type Membership struct {
	ID     ID  `json:"id"`     // of the incident: one for all its detections, to tell repeats by
	Number int `json:"number"` // of the incident, for people: honeyrow incidents show NUMBER
	Entry  int `json:"entry"`  // of the detection within the incident, from 1
	// Severity is the incident's when this was committed: never below the detection's.
	Severity Severity `json:"severity"`
	// Held counts the deliveries to this sink that a throttle held back since the
	// one before.
	Held int `json:"held,omitempty"`
}

// Seal is a detection's link in the chain of the audit: what honeyrow alerts
// verify compares a copy outside the database with.
type Seal struct {
	N    uint64 `json:"n"`    // of the link, from 1
	Hash string `json:"hash"` // of it and of all before it, hex
}

// IncidentState is how far people are with an incident.
type IncidentState string

// The states. Open and acknowledged incidents take further detections in.
const (
	Open         IncidentState = "open"
	Acknowledged IncidentState = "acknowledged" // somebody is at it
	Resolved     IncidentState = "resolved"     // over; what comes later is another incident
	Allowed      IncidentState = "allowed"      // expected: an allowance was made of it
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *IncidentState) UnmarshalText(b []byte) error {
	switch t := IncidentState(b); t {
	case Open, Acknowledged, Resolved, Allowed:
		*s = t
		return nil
	}
	return fmt.Errorf("unknown state %q: use open, acknowledged, resolved or allowed", b)
}

// Incident is a group of detections that tell one story of one principal: the
// same client that enumerates tables, injects and then reads three honey rows.
// It grows until it has been quiet for a while or somebody resolves it.
type Incident struct {
	Schema string `json:"schema"`
	ID     ID     `json:"id"`
	// Number counts the incidents of a registry, from 1: for people.
	Number int `json:"number"`
	// Revision rises with every change: with ID the idempotency key.
	Revision int           `json:"revision"`
	State    IncidentState `json:"state"`
	Severity Severity      `json:"severity"`
	// Raised are the reasons for which Severity is above that of its detections.
	Raised []string `json:"raised,omitempty"`
	// Summary is the incident in one sentence for a person; it begins with the severity.
	Summary string    `json:"summary"`
	Opened  time.Time `json:"opened"`  // first detection
	Updated time.Time `json:"updated"` // last detection
	// Story is what kind of happening it is.
	Story     Story     `json:"story"`
	Principal Principal `json:"principal"`
	// Sessions are the latest, MaxSessions at most; SessionCount counts all.
	Sessions     []IncidentSession `json:"sessions"`
	SessionCount int               `json:"session_count"`
	// Tables are those whose honey rows were touched or could be reached,
	// MaxTables at most.
	Tables []IncidentTable `json:"tables,omitempty"`
	// Rules are the rules that matched, in the order in which they did first.
	Rules     []string `json:"rules"`
	Playbooks []string `json:"playbooks,omitempty"` // what to do next: pages, or addresses
	// Detections counts those that belong here, Repeats those of them that tell
	// nothing new: the same rule, statement and tables again.
	Detections int `json:"detections"`
	Repeats    int `json:"repeats,omitempty"`
	// Held counts deliveries that a throttle held back.
	Held int `json:"held,omitempty"`
	// HoneyRows counts the different honey rows seen in all its detections.
	HoneyRows int  `json:"honey_rows"`
	Injection bool `json:"injection,omitempty"` // a statement looked like one
	// Findings are what the detectors saw in this client's statements, in the
	// order in which they saw it first, MaxFindings at most.
	Findings  []IncidentFinding `json:"findings,omitempty"`
	OffHours  bool              `json:"off_hours,omitempty"`  // outside of the configured working hours
	FirstSeen bool              `json:"first_seen,omitempty"` // the identity was new
	// Action is the strictest thing done.
	Action Action `json:"action"`
	// Gravest is the detection that says most; Statement is its text, cut.
	Gravest   ID     `json:"gravest"`
	Deed      string `json:"deed"`
	Statement string `json:"statement,omitempty"`
	// PlantedBy and PlantedAt are of the first honey row touched.
	PlantedBy string     `json:"planted_by,omitempty"`
	PlantedAt *time.Time `json:"planted_at,omitempty"`
	// Changes are the latest changes of state and severity, oldest first,
	// MaxChanges at most; ChangeCount counts all.
	Changes     []IncidentChange `json:"changes"`
	ChangeCount int              `json:"change_count"`
	// Previous is the number of the incident that was closed before this one
	// began, with the same principal, within the quiet gap.
	Previous int `json:"previous,omitempty"`
	// Containment are commands for the database, ready to paste. Nobody runs them
	// but a person.
	Containment []Command `json:"containment,omitempty"`
	Drill       bool      `json:"drill,omitempty"`
}

// Bounds of an incident's lists.
const (
	MaxSessions = 16
	MaxTables   = 32
	MaxChanges  = 32
	MaxFindings = 16
)

// Story is what kind of happening an incident is.
type Story string

// The stories.
const (
	StoryClient    Story = "client"    // somebody did something
	StoryOperation Story = "operation" // honeyrow's own eyes or an expected job failed
	StoryDrill     Story = "drill"
)

// Principal is who did it, as far as known.
type Principal struct {
	Server      string `json:"server"`
	User        string `json:"user"`
	Application string `json:"application,omitempty"` // the client's own claim, when the incident began
	Address     string `json:"address"`               // without port; "unix"
	Certificate string `json:"certificate,omitempty"` // subject of the verified client certificate
	Protocol    string `json:"protocol"`
}

// IncidentSession is a session that an incident's detections come from.
type IncidentSession struct {
	ID         ID        `json:"id"`
	Started    time.Time `json:"started"`
	Address    string    `json:"address"` // host:port
	Database   string    `json:"database"`
	BackendPID uint32    `json:"backend_pid,omitempty"` // as Client.BackendPID
	Detections int       `json:"detections"`
}

// IncidentFinding is one detector's part in an incident's story.
type IncidentFinding struct {
	Detector string    `json:"detector"`
	Title    string    `json:"title"`
	First    time.Time `json:"first"` // when it was seen first and last
	Last     time.Time `json:"last"`
}

// IncidentTable is a table that an incident is about.
type IncidentTable struct {
	Database  string `json:"database"`
	Schema    string `json:"schema,omitempty"`
	Table     string `json:"table"`
	HoneyRows int    `json:"honey_rows"` // different ones seen, as far as hits name them
}

// IncidentChange is one step of an incident's life beside its detections.
type IncidentChange struct {
	At   time.Time     `json:"at"`
	By   string        `json:"by"` // "honeyrow" for what it did itself
	From IncidentState `json:"from,omitempty"`
	To   IncidentState `json:"to"`
	// Severity is the incident's after it.
	Severity Severity `json:"severity"`
	Note     string   `json:"note,omitempty"`
	Revision int      `json:"revision"` // of the incident after it
}

// Command is something to paste into a client of the incident's database.
type Command struct {
	Title    string `json:"title"`
	Database string `json:"database,omitempty"` // to connect to; empty: any
	SQL      string `json:"sql"`
	// Note says what it spares or breaks.
	Note string `json:"note,omitempty"`
}
