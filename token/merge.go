package token

import (
	"iter"
	"time"

	"honeyrow/event"
)

// Source is another registry whose tokens were merged into this one.
type Source struct {
	Registry string    `json:"registry"` // its address
	Owner    string    `json:"owner"`    // what it calls itself
	First    time.Time `json:"first_merged"`
	Last     time.Time `json:"last_merged"`
	Made     time.Time `json:"made"` // when its newest manifest was written
	Tokens   int       `json:"tokens"`
}

// Bundle is what another registry sent: its own tokens, all that it wants to
// share, in any state.
type Bundle struct {
	Registry, Owner string
	Made            time.Time
	// Lives are the tokens; an error among them ends the merge. A Life is read
	// before the next one is asked for.
	Lives iter.Seq2[*Life, error]
	// Locations are asked for after the last Life.
	Locations func() []Location
	Deed      Deed // Action, Version and Note of the log's entry
}

// Merged says what a merge did.
type Merged struct {
	Owner   string  `json:"owner"`
	Read    int     `json:"read"`    // tokens
	Added   int     `json:"added"`   // unknown until now
	Changed int     `json:"changed"` // to a newer state
	Refused int     `json:"refused"` // whose id is another's
	Doubled int     `json:"doubled"` // added, with a value that stands elsewhere too
	Clashes []Clash `json:"clashes,omitempty"`
}

// MaxClashes bounds Merged.Clashes; the counts go on.
const MaxClashes = 50

// Clash is a token that contradicts another one. It holds no value.
type Clash struct {
	Token event.ID    `json:"token"`
	Place event.Place `json:"place"`
	Copy  string      `json:"copy,omitempty"`
	// Other is the one that was here, at another place or somebody else's.
	Other      event.ID    `json:"other,omitempty"`
	OtherPlace event.Place `json:"other_place,omitzero"`
	OtherCopy  string      `json:"other_copy,omitempty"`
	OtherOwner string      `json:"other_owner,omitempty"`
	Why        string      `json:"why"`
}
