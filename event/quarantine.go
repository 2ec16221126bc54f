package event

import "time"

// Quarantined is a subject that is shut out, or was: what a registry keeps of it
// and what is listed.
type Quarantined struct {
	ID ID `json:"id"`
	// By says what is shut out ("address", "user", "application"), Server where:
	// empty for an address, which is shut out everywhere.
	By      string `json:"by"`
	Server  string `json:"server,omitempty"`
	Subject string `json:"subject"`
	// Rule is what shut it out; empty: a person, who is Author then.
	Rule      string `json:"rule,omitempty"`
	Author    string `json:"author,omitempty"` // user@host
	Note      string `json:"note,omitempty"`
	Detection ID     `json:"detection,omitempty"` // the alert behind it
	// Message is what a client reads who is refused; empty: nothing beside that it
	// is refused.
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	// Refused counts the sessions of the subject that were refused since.
	Refused int `json:"refused"`
	// Lifted is when it ended before its time, by whom and why; zero: it did not.
	Lifted   time.Time `json:"lifted,omitzero"`
	LiftedBy string    `json:"lifted_by,omitempty"`
	LiftNote string    `json:"lift_note,omitempty"`
}

// InForce reports whether the subject is shut out at a moment.
func (q *Quarantined) InForce(now time.Time) bool {
	return q.Lifted.IsZero() && q.Until.After(now)
}
