package event

import "github.com/google/uuid"

// ID names a token, a honey row, a session or a detection: the text of a
// UUID version 7 (RFC 9562), so that IDs sort by the time they were made.
type ID string

// NewID returns a fresh ID. It panics only if the system has no randomness.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }
