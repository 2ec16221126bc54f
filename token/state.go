package token

import (
	"errors"
	"fmt"
	"slices"

	"honeyrow/event"
)

// Errors that every Registry returns, wrapped with the token's id.
var (
	// ErrNotFound says that no token has the id.
	ErrNotFound = errors.New("no such token")
	// ErrExists says that a token with the id is registered already.
	ErrExists = errors.New("token is registered already")
	// ErrTransition says that a token cannot go from its state to the wanted one.
	ErrTransition = errors.New("state change not allowed")
)

// transitions lists where each state may lead. Live never leads to Removed
// directly: a visible row would be watched by nobody. Retired leads back to
// Live when a removal was rolled back.
var transitions = map[State][]State{
	Planned: {Live, Retired, Removed},
	Live:    {Retired},
	Retired: {Live, Removed},
	Removed: nil,
}

// Valid reports whether s is one of the four states.
func (s State) Valid() bool {
	_, ok := transitions[s]
	return ok
}

// MayBecome reports whether a token may go from s to to. Staying is allowed,
// so that an interrupted change can be repeated.
func (s State) MayBecome(to State) bool {
	return s.Valid() && (s == to || slices.Contains(transitions[s], to))
}

// CheckMove returns nil if the token id may go from one state to another, else
// an error that wraps ErrTransition and says what is possible.
func CheckMove(id event.ID, from, to State) error {
	if from.MayBecome(to) {
		return nil
	}
	if !to.Valid() {
		return fmt.Errorf("token %s: %w: %q is not a state; use planned, live, retired or removed", id, ErrTransition, to)
	}
	if next := transitions[from]; len(next) > 0 {
		return fmt.Errorf("token %s: %w: from %s to %s; from %s it can become %v", id, ErrTransition, from, to, from, next)
	}
	return fmt.Errorf("token %s: %w: it is %s, which is final; register a new token instead", id, ErrTransition, from)
}

// Check reports what a token lacks to be registered: an id, a row, a kind, a
// value, a table and a column, a state. The error names the token by its id.
func (t *Token) Check() error {
	missing := ""
	switch {
	case t.ID == "":
		return errors.New("token without id: give it event.NewID()")
	case t.Row == "":
		missing = "the id of its honey row"
	case t.Kind == "":
		missing = "a kind"
	case t.Value == "":
		missing = "a value"
	case t.Place.Table == "" || t.Place.Column == "":
		missing = "a table and a column"
	case !t.State.Valid():
		missing = "a state (planned, live, retired or removed)"
	default:
		return nil
	}
	return fmt.Errorf("token %s lacks %s: set it before registering", t.ID, missing)
}
