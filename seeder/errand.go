package seeder

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"

	"honeyrow/event"
	"honeyrow/token"
)

// Door is where a reader of one honey row comes in, and as whom. What is left
// empty is the seeding connection's.
type Door struct {
	Network, Address string // as net.Dial takes them
	User, Password   string
	TLS              *tls.Config // nil: none
	Application      string      // the session's name
}

// Visit is a client's session at a Door. It is used by one goroutine at a time.
type Visit interface {
	// PID is the session's process at the server or, in MySQL, connection id.
	PID() uint32
	// Select writes the statement that a client would read the row with.
	Select(target *Target) (sql string, err error)
	// Ask sends a statement as it is and returns how many rows came. What the
	// server, or the proxy in its place, refused is in the error.
	Ask(ctx context.Context, sql string) (rows int, err error)
	Close()
}

// Target is a live honey row as somebody would read it.
type Target struct {
	Row      event.ID
	Database string
	Table    *Table
	Key      string  // in words
	Where    []Value // by which it is found
	Columns  []string
}

// maxTargets bounds how many rows are looked at to find one to read.
const maxTargets = 32

// Target picks one of some live honey rows at random that is there as it was
// planted; none named means all.
func (s *Seeder) Target(ctx context.Context, server string, rows ...event.ID) (*Target, error) {
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	ts, err := s.Store.List(ctx, token.Filter{Server: server, Database: cat.Database, States: []token.State{token.Live}})
	if err != nil {
		return nil, fmt.Errorf("read registry: %w", err)
	}
	ts, _ = setApart(current(ts))
	all := selected(byRow(ts), rows)
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no live honey row to read in database %s of server %s: plant some with `honeyrow seed apply`", cat.Database, server)
	}
	tx, err := s.Database.Begin(ctx, Limits{})
	if err != nil {
		return nil, fmt.Errorf("look for a honey row: %w", err)
	}
	defer tx.End(ctx, false)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, r := range all[:min(len(all), maxTargets)] {
		t, err := r.target(ctx, tx, cat)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("none of %d honey rows is there as it was planted: run `honeyrow seed verify`", min(len(all), maxTargets))
}

// target is the row as a Target, nil if it is not what was planted.
func (r *honeyRow) target(ctx context.Context, tx Tx, cat *Catalog) (*Target, error) {
	t, err := r.table(cat)
	if t == nil || err != nil {
		return nil, err
	}
	seen, err := r.look(ctx, tx, t)
	if err != nil {
		return nil, fmt.Errorf("look for row %s: %w", r.id, err)
	}
	if seen.condition != intact {
		return nil, nil
	}
	out := &Target{Row: r.id, Database: cat.Database, Table: t, Key: r.place().Key, Where: seen.where}
	for i := range r.tokens {
		if c := t.Column(r.tokens[i].Place.Column); c != nil && c.CanSelect && slices.Contains(seen.held, r.tokens[i].ID) {
			out.Columns = appendOnce(out.Columns, c.Name)
		}
	}
	return out, nil
}
