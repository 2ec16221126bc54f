package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// List implements token.Shelf: oldest registration first.
func (s *Store) List(ctx context.Context, f token.Filter) (ts []token.Token, err error) {
	where, args := conditions(f, s.box)
	err = s.view(ctx, "list tokens", func(tx *sql.Tx) error {
		r, err := s.newReader(ctx, tx, "")
		if err != nil {
			return err
		}
		ts, err = r.read(ctx, tx, nil, where, args...)
		return err
	})
	if err != nil || f.Value == "" {
		return ts, err
	}
	exact := ts[:0] // the digest is 16 bytes; be exact all the same
	for _, t := range ts {
		if t.Value == f.Value {
			exact = append(exact, t)
		}
	}
	return exact, nil
}

// Get implements token.Shelf.
func (s *Store) Get(ctx context.Context, id event.ID) (t token.Token, err error) {
	err = s.view(ctx, "look up token", func(tx *sql.Tx) error {
		r, err := s.newReader(ctx, tx, "WHERE id = ?", id)
		if err != nil {
			return err
		}
		ts, err := r.read(ctx, tx, nil, "WHERE id = ?", id)
		if err != nil {
			return err
		}
		if len(ts) == 0 {
			return fmt.Errorf("token %s: %w: list them with `honeyrow tokens list`", id, token.ErrNotFound)
		}
		t = ts[0]
		return nil
	})
	return t, err
}

// Change is one step in a token's life.
type Change struct {
	Token    event.ID    `json:"token"`
	From, To token.State // From is empty for the registration
	Actor    string      `json:"actor"`
	At       time.Time   `json:"at"`
}

// History returns the states of a token, oldest first.
func (s *Store) History(ctx context.Context, id event.ID) (cs []Change, err error) {
	err = s.view(ctx, "read history", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT from_state, to_state, actor, at FROM history WHERE token = ? ORDER BY n", id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			c, at := Change{Token: id}, int64(0)
			if err := rows.Scan(&c.From, &c.To, &c.Actor, &at); err != nil {
				return err
			}
			c.At = fromMicros(at)
			cs = append(cs, c)
		}
		return rows.Err()
	})
	return cs, err
}

// conditions turns a filter into a WHERE clause.
func conditions(f token.Filter, b *box) (where string, args []any) {
	var parts []string
	equal := func(column, want string) {
		if want != "" {
			parts, args = append(parts, column+" = ?"), append(args, want)
		}
	}
	equal("kind", f.Kind)
	equal("honey_row", string(f.Row))
	equal("copy", f.Copy)
	if f.Value != "" {
		parts, args = append(parts, "digest = ?"), append(args, b.digest(f.Value))
	}
	if len(f.States) > 0 {
		parts = append(parts, "state IN (?"+strings.Repeat(", ?", len(f.States)-1)+")")
		for _, st := range f.States {
			args = append(args, st)
		}
	}
	if f.Deployment != "" {
		parts = append(parts, "planting IN (SELECT id FROM planting WHERE deployment = ?)")
		args = append(args, f.Deployment)
	}
	if f.Owner != "" {
		parts, args = append(parts, "source IN (SELECT id FROM source WHERE owner = ?)"), append(args, f.Owner)
	}
	if f.Own {
		parts = append(parts, "source = 0")
	}
	outer, outerArgs := parts, args
	parts, args = nil, nil
	equal("server", f.Server)
	equal("db", f.Database)
	equal("schema", f.Schema)
	equal("tbl", f.Table)
	if len(parts) > 0 {
		outer = append(outer, "place IN (SELECT id FROM place WHERE "+strings.Join(parts, " AND ")+")")
		outerArgs = append(outerArgs, args...)
	}
	if len(outer) == 0 {
		return "", nil
	}
	return "WHERE " + strings.Join(outer, " AND "), outerArgs
}

// reader reads tokens; it knows the places and plantings that rows refer to
// and keeps one copy of strings that repeat.
type reader struct {
	box       *box
	places    map[int64]token.Token // Place, TableOID and Attr are set
	plantings map[int64]planting
	owners    map[int64]string // by source
	kinds     map[string]string
}

// newReader returns a reader of the tokens that where selects, which knows their
// places and plantings only; of any if it is empty.
func (s *Store) newReader(ctx context.Context, tx *sql.Tx, where string, args ...any) (*reader, error) {
	r := &reader{box: s.box, places: map[int64]token.Token{}, plantings: map[int64]planting{}, owners: map[int64]string{}, kinds: map[string]string{}}
	of := func(column string) string {
		if where == "" {
			return ""
		}
		return " WHERE id IN (SELECT " + column + " FROM token " + where + ")"
	}
	err := each(ctx, tx, "SELECT id, server, db, schema, tbl, col, table_oid, attr FROM place"+of("place"), func(rows *sql.Rows) error {
		var id int64
		var t token.Token
		p := &t.Place
		err := rows.Scan(&id, &p.Server, &p.Database, &p.Schema, &p.Table, &p.Column, &t.TableOID, &t.Attr)
		r.places[id] = t
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, "SELECT id, deployment, planted_by, planted_at FROM planting"+of("planting"), func(rows *sql.Rows) error {
		var id int64
		var p planting
		err := rows.Scan(&id, &p.deployment, &p.by, &p.at)
		r.plantings[id] = p
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, "SELECT id, owner FROM source", func(rows *sql.Rows) error {
		var id int64
		var owner string
		err := rows.Scan(&id, &owner)
		r.owners[id] = owner
		return err
	})
	return r, err
}

// read appends the tokens that where selects to ts, in order of registration.
func (r *reader) read(ctx context.Context, tx *sql.Tx, ts []token.Token, where string, args ...any) ([]token.Token, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, honey_row, kind, sealed, strength, is_key, place, planting, state, changed_at, until, copy, source
		FROM token `+where+` ORDER BY n`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var (
		id, row, kind, state, copyName    string
		sealed                            sql.RawBytes
		strength, isKey, place, plantedID int64
		changed, until, source            int64
		plain                             []byte
	)
	for rows.Next() {
		if err := rows.Scan(&id, &row, &kind, &sealed, &strength, &isKey, &place, &plantedID, &state, &changed, &until, &copyName, &source); err != nil {
			return nil, err
		}
		t := r.places[place] // a copy
		t.ID, t.Row, t.Kind = event.ID(id), event.ID(row), r.intern(kind)
		t.Strength, t.Key = token.Strength(strength), isKey != 0
		t.State, t.ChangedAt = token.State(r.intern(state)), fromMicros(changed)
		t.Until = untilTime(until)
		t.Copy, t.Owner = r.intern(copyName), r.owners[source]
		p := r.plantings[plantedID]
		t.Deployment, t.PlantedBy, t.PlantedAt = p.deployment, p.by, fromMicros(p.at)
		if plain, err = r.box.open(plain[:0], aboutToken(t.ID), sealed); err == nil {
			err = unpackSecret(plain, &t)
		}
		if err != nil {
			return nil, fmt.Errorf("token %s: %w: its row was altered outside honeyrow; restore a backup", t.ID, err)
		}
		ts = append(ts, t)
	}
	return ts, rows.Err()
}

// intern returns one copy of equal strings.
func (r *reader) intern(v string) string {
	if kept, ok := r.kinds[v]; ok {
		return kept
	}
	r.kinds[v] = v
	return v
}

// each calls fn for every row of a query.
func each(ctx context.Context, tx *sql.Tx, query string, fn func(*sql.Rows) error, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
