// Package token describes planted values and the registry that remembers them.
// The seeder writes it, the engine reads it; they meet nowhere else.
package token

import (
	"context"
	"fmt"
	"slices"
	"time"

	"honeyrow/event"
)

// State is where a token is in its life. Planned, Live and Retired are watched.
type State string

// A token is registered as Planned before its row is inserted, Live once the
// row is committed, Retired once its value or row is being replaced or removed
// (still watched), Removed at the end (kept for the story, not watched).
const (
	Planned State = "planned"
	Live    State = "live"
	Retired State = "retired"
	Removed State = "removed"
)

// Watched reports whether proxies look for a token in this state.
func (s State) Watched() bool { return s == Planned || s == Live || s == Retired }

// Strength says what a sighting of the value proves.
type Strength uint8

// Strengths, rising.
const (
	// Weak values (names, salaries, integer keys) may stand in other rows too:
	// they count by table and column, or two of one honey row together in one
	// result row.
	Weak Strength = iota
	// Firm values (a telephone number, a card number) count as a whole field in any column.
	Firm
	// Strong values (e-mail addresses at a decoy domain, keys, tokens, hashes)
	// count anywhere, inside longer values too if they have inspect.MinPart
	// bytes or more.
	Strong
)

var strengthNames = [...]string{"weak", "firm", "strong"}

// String returns the word used in listings and exports.
func (s Strength) String() string {
	if int(s) < len(strengthNames) {
		return strengthNames[s]
	}
	return fmt.Sprintf("strength(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Strength) UnmarshalText(b []byte) error {
	for i, n := range strengthNames {
		if n == string(b) {
			*s = Strength(i)
			return nil
		}
	}
	return fmt.Errorf("unknown strength %q", b)
}

// DecoyTable is the kind of the token that stands for a table all of whose rows
// are honey rows: naming it in a statement counts as touching it, whatever comes
// back. Its Value is the table's name, its Place.Column "*", and it is a Key,
// so that the name counts nowhere as a value.
const DecoyTable = "decoy_table"

// NamedDecoy is the deployment of decoy tables that a person has named: they
// were there before, and are never dropped.
const NamedDecoy = "decoy"

// Token is one planted value with its place.
type Token struct {
	ID   event.ID `json:"id"`
	Row  event.ID `json:"row"`  // shared by all tokens of one honey row
	Kind string   `json:"kind"` // "email", "person_name", "key", ...
	// Value is the text form, exactly as the server sends it in text format.
	Value string `json:"value,omitempty"`
	// Binary is the form in the protocol's binary format where that differs
	// from Value (integers, numerics, uuid, bytea, timestamps); nil otherwise.
	Binary   []byte   `json:"binary,omitempty"`
	Strength Strength `json:"strength"`
	// Key marks a token of the row's primary key: it identifies the row only
	// by table and column.
	Key   bool        `json:"is_key,omitempty"`
	Place event.Place `json:"place"`
	// TableOID and Attr are PostgreSQL's numbers of the place, as last
	// resolved; 0 if unknown. Ancestors (partitioned parents) are separate
	// Locations.
	TableOID uint32 `json:"table_oid,omitempty"`
	Attr     uint16 `json:"attr,omitempty"`

	// Among is how many rows the table had, by the server's estimate, when the
	// value was found to be in none of them; 0 if that is not known.
	Among int64 `json:"among,omitempty"`

	// Copy names the copy of the database that the value was made for, such as
	// "staging", so that a leak names it; empty if nobody named one.
	Copy string `json:"copy,omitempty"`
	// Owner is who planted and registered it, if that was another registry: what
	// its manifest calls itself. Empty for a registry's own tokens. The store's.
	Owner string `json:"owner,omitempty"`

	Deployment string    `json:"deployment"` // the seeding run that planted it
	PlantedBy  string    `json:"planted_by"`
	PlantedAt  time.Time `json:"planted_at"`
	Note       string    `json:"note,omitempty"`
	State      State     `json:"state"`
	ChangedAt  time.Time `json:"changed_at"` // of the state
	// Until is set for a value that was replaced: it stays watched until then.
	Until time.Time `json:"watched_until,omitzero"`
}

// Expired reports whether the value was replaced by another one: it stands in no
// row any more, but is still watched.
func (t *Token) Expired() bool { return t.State == Retired && !t.Until.IsZero() }

// Story says in words what was planted where, by whom and when, and of a value
// that was taken out or replaced, since when it is out of use.
func (t *Token) Story() string {
	where := t.Place.Table
	if t.Place.Schema != "" {
		where = t.Place.Schema + "." + where
	}
	story := fmt.Sprintf("row planted in %s of %s on %s by %s on %s",
		where, t.database(), t.Place.Server, t.PlantedBy, t.PlantedAt.UTC().Format("2006-01-02"))
	if t.Owner != "" {
		story += ", registered by " + t.Owner
	}
	switch {
	case t.Expired() && !t.ChangedAt.IsZero():
		story += ", expired on " + t.ChangedAt.UTC().Format(time.DateOnly) + ", when another value came instead: the leak is older than that"
	case t.State == Retired && !t.ChangedAt.IsZero():
		story += ", out of use since " + t.ChangedAt.UTC().Format("2006-01-02")
	}
	return story
}

// database names the token's database and, if it is one of several copies, which.
func (t *Token) database() string {
	if t.Copy == "" {
		return t.Place.Database
	}
	return "copy " + t.Copy + " of " + t.Place.Database
}

// Location ties a place's column to the numbers that PostgreSQL reports for
// it. One column may have several: a partition and its parent.
type Location struct {
	Server, Database, Schema, Table, Column string
	TableOID                                uint32
	Attr                                    uint16
}

// Snapshot is everything that a proxy watches, at one version of the registry.
// It is immutable.
type Snapshot struct {
	Version   uint64
	Tokens    []Token // watched states only, values decrypted
	Locations []Location
}

// Filter selects tokens for listings; zero fields select all.
type Filter struct {
	States                          []State
	Server, Database, Schema, Table string
	Kind, Deployment                string
	Row                             event.ID
	Value                           string // exact text form
	Copy, Owner                     string
	// Own leaves out what was merged from other registries.
	Own bool
}

// Selects reports whether the filter selects the token.
func (f *Filter) Selects(t *Token) bool {
	p := &t.Place
	for _, is := range [...][2]string{
		{f.Server, p.Server},
		{f.Database, p.Database},
		{f.Schema, p.Schema},
		{f.Table, p.Table},
		{f.Kind, t.Kind},
		{f.Deployment, t.Deployment},
		{string(f.Row), string(t.Row)},
		{f.Value, t.Value},
		{f.Copy, t.Copy},
		{f.Owner, t.Owner},
	} {
		if is[0] != "" && is[0] != is[1] {
			return false
		}
	}
	return (!f.Own || t.Owner == "") && (len(f.States) == 0 || slices.Contains(f.States, t.State))
}

// Registry is the durable memory of tokens. Implementations are safe for
// concurrent use, also by several processes.
type Registry interface {
	// Add registers tokens in their given states, all or none.
	Add(ctx context.Context, ts []Token) error
	// SetState moves tokens to another state, all or none.
	SetState(ctx context.Context, to State, ids ...event.ID) error
	// Snapshot returns what is to be watched now.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Wait returns once the registry's version differs from version, within a
	// second of the change, or when ctx ends.
	Wait(ctx context.Context, version uint64) error
}

// Shelf lists tokens for people and tools.
type Shelf interface {
	List(ctx context.Context, f Filter) ([]Token, error)
	Get(ctx context.Context, id event.ID) (Token, error)
}

// Atlas remembers where columns are. Locate replaces all locations of the
// given table columns; a change makes a new version.
type Atlas interface {
	Locate(ctx context.Context, ls []Location) error
}

// Watcher is a running proxy's sign of life in the registry.
type Watcher struct {
	ID      string // unique per process
	Host    string
	PID     int
	Servers []string // names of the servers it stands in front of
	Version uint64   // the snapshot version that it watches
	Seen    time.Time
}

// Watch is how proxies tell the seeder what they watch, so that no row becomes
// visible before every running proxy knows it.
type Watch interface {
	Beat(ctx context.Context, w Watcher) error
	// Watchers returns those seen within the last ten seconds.
	Watchers(ctx context.Context) ([]Watcher, error)
	// Silent returns those that gave their last sign of life longer ago, up to a
	// hundred seconds, and did not leave: they died, or stand still and will go on.
	Silent(ctx context.Context) ([]Watcher, error)
	// Leave forgets a watcher that shuts down.
	Leave(ctx context.Context, id string) error
}
