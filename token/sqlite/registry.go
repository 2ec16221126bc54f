package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"honeyrow/event"
	"honeyrow/token"
)

// pollEvery is how often Wait looks at the version: one small read, measured
// in BenchmarkVersion.
const pollEvery = 200 * time.Millisecond

// Add implements token.Registry.
func (s *Store) Add(ctx context.Context, ts []token.Token) error {
	for i := range ts {
		if err := ts[i].Check(); err != nil {
			return fmt.Errorf("register tokens: %w", err)
		}
	}
	if len(ts) == 0 {
		return nil
	}
	return s.update(ctx, s.full, "register tokens", func(tx *sql.Tx) error {
		a, err := newAdder(tx, s)
		if err != nil {
			return err
		}
		defer a.close()
		for i := range ts {
			if err := a.add(ctx, &ts[i], ownSource); err != nil {
				return err
			}
		}
		return bump(tx)
	})
}

// adder inserts tokens in one transaction.
type adder struct {
	s         *Store
	places    *places
	plantings map[planting]int64
	insert    *sql.Stmt
	plant     *sql.Stmt
	number    *sql.Stmt // of its deployment
	history   *sql.Stmt
	row       *sql.Stmt
	lastRow   event.ID
	now       int64
	scratch   []byte
}

type planting struct {
	deployment, by string
	at             int64
}

func newAdder(tx *sql.Tx, s *Store) (a *adder, err error) {
	a = &adder{s: s, plantings: map[planting]int64{}, now: micros(s.now())}
	prepare := func(query string) (st *sql.Stmt) {
		if err == nil {
			st, err = tx.Prepare(query)
		}
		return st
	}
	a.insert = prepare(`INSERT INTO token
		(id, honey_row, kind, sealed, digest, strength, is_key, place, planting, state, changed_at, until, copy, source)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	a.plant = prepare(`INSERT INTO planting (deployment, planted_by, planted_at) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET planted_by = excluded.planted_by RETURNING id`)
	a.number = prepare(`INSERT INTO deployment (name) VALUES (?) ON CONFLICT DO NOTHING`)
	a.history = prepare(insertHistory)
	a.row = prepare(`INSERT INTO honey_row (id, deployment, no)
		SELECT ?1, ?2, 1 + coalesce((SELECT max(no) FROM honey_row WHERE deployment = ?2), 0) WHERE true ON CONFLICT (id) DO NOTHING`)
	if err == nil {
		a.places, err = newPlaces(tx)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *adder) close() {
	for _, st := range []*sql.Stmt{a.insert, a.plant, a.number, a.history, a.row} {
		if st != nil {
			st.Close()
		}
	}
	a.places.close()
}

// ownSource is the source of what this registry planted itself.
const ownSource = 0

func (a *adder) add(ctx context.Context, t *token.Token, source int64) error {
	place, err := a.places.id(ctx, t.Place)
	if err != nil {
		return err
	}
	if t.TableOID != 0 {
		if err := a.places.resolve(ctx, place, t.TableOID, t.Attr); err != nil {
			return err
		}
	}
	p := planting{t.Deployment, t.PlantedBy, micros(t.PlantedAt)}
	plantingID, ok := a.plantings[p]
	if !ok {
		if err := a.plant.QueryRowContext(ctx, p.deployment, p.by, p.at).Scan(&plantingID); err != nil {
			return err
		}
		if _, err := a.number.ExecContext(ctx, p.deployment); err != nil {
			return err
		}
		a.plantings[p] = plantingID
	}
	if t.Row != a.lastRow {
		if _, err := a.row.ExecContext(ctx, t.Row, t.Deployment); err != nil {
			return err
		}
		a.lastRow = t.Row
	}
	changed := a.now
	if !t.ChangedAt.IsZero() {
		changed = micros(t.ChangedAt)
	}
	a.scratch = packSecret(a.scratch[:0], t)
	_, err = a.insert.ExecContext(ctx, t.ID, t.Row, t.Kind, a.s.box.seal(aboutToken(t.ID), a.scratch), a.s.box.digest(t.Value),
		t.Strength, t.Key, place, plantingID, t.State, changed, untilMicros(t.Until), t.Copy, source)
	if primary(err) == sqlite3.SQLITE_CONSTRAINT {
		return fmt.Errorf("token %s: %w: give each token an id of its own", t.ID, token.ErrExists)
	}
	if err != nil {
		return err
	}
	_, err = a.history.ExecContext(ctx, t.ID, "", t.State, a.s.actor, changed)
	return err
}

const insertHistory = "INSERT INTO history (token, from_state, to_state, actor, at) VALUES (?, ?, ?, ?, ?)"

// SetState implements token.Registry. Tokens that are in the state already stay
// as they are.
func (s *Store) SetState(ctx context.Context, to token.State, ids ...event.ID) error {
	return s.update(ctx, s.full, "set state of tokens", func(tx *sql.Tx) error {
		changed, err := s.move(ctx, tx, to, 0, ids)
		if err != nil || !changed {
			return err
		}
		return bump(tx)
	})
}

// move changes states in a transaction. until is for those that are replaced.
func (s *Store) move(ctx context.Context, tx *sql.Tx, to token.State, until int64, ids []event.ID) (changed bool, err error) {
	now := micros(s.now())
	for _, id := range ids {
		var from token.State
		var had int64
		err := tx.QueryRowContext(ctx, "SELECT state, until FROM token WHERE id = ?", id).Scan(&from, &had)
		if errors.Is(err, sql.ErrNoRows) {
			return false, fmt.Errorf("token %s: %w: list them with `honeyrow tokens list`", id, token.ErrNotFound)
		}
		if err != nil {
			return false, err
		}
		if err := token.CheckMove(id, from, to); err != nil {
			return false, err
		}
		if from == to && had == until {
			continue
		}
		changed = true
		if _, err := tx.ExecContext(ctx, "UPDATE token SET state = ?, changed_at = ?, until = ? WHERE id = ?", to, now, until, id); err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, insertHistory, id, from, to, s.actor, now); err != nil {
			return false, err
		}
	}
	return changed, nil
}

// Snapshot implements token.Registry.
func (s *Store) Snapshot(ctx context.Context) (*token.Snapshot, error) {
	snap := &token.Snapshot{}
	err := s.view(ctx, "read tokens", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, "SELECT n FROM version").Scan(&snap.Version); err != nil {
			return err
		}
		var count int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM token WHERE state <> 'removed'").Scan(&count); err != nil {
			return err
		}
		r, err := s.newReader(ctx, tx, "")
		if err != nil {
			return err
		}
		snap.Tokens = make([]token.Token, 0, count)
		if snap.Tokens, err = r.read(ctx, tx, snap.Tokens, "WHERE state <> 'removed'"); err != nil {
			return err
		}
		snap.Locations, err = readLocations(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// Version returns the current version of what is to be watched.
func (s *Store) Version(ctx context.Context) (v uint64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT n FROM version").Scan(&v)
	return v, s.explain("read version of registry", err)
}

// Wait implements token.Registry. It returns an error that wraps ErrMoved if
// the file was replaced, and sql.ErrConnDone once the store is closed.
func (s *Store) Wait(ctx context.Context, version uint64) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := s.inPlace(); err != nil {
			return fmt.Errorf("wait for registry: %w", err)
		}
		v, err := s.Version(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || v != version {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing:
			return fmt.Errorf("wait for registry: %w", sql.ErrConnDone)
		}
	}
}

// bump makes a new version in the same transaction as the change.
func bump(tx *sql.Tx) error {
	_, err := tx.Exec("UPDATE version SET n = n + 1")
	return err
}
