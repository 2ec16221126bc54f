package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"honeyrow/token"
)

const (
	// aliveFor is how long a watcher counts after its last beat.
	aliveFor = 10 * time.Second
	// silentFor is how long it is remembered after that.
	silentFor = 10 * aliveFor
)

// Beat implements token.Watch. Seen is the store's clock; w.Seen is ignored.
func (s *Store) Beat(ctx context.Context, w token.Watcher) error {
	servers, err := json.Marshal(w.Servers)
	if err != nil {
		return fmt.Errorf("report watcher: %w", err)
	}
	now := s.now()
	return s.update(ctx, s.lax, "report watcher", func(tx *sql.Tx) error {
		if err := setBack(ctx, tx, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO watcher VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
			SET host = excluded.host, pid = excluded.pid, servers = excluded.servers, version = excluded.version, seen = excluded.seen`,
			w.ID, w.Host, w.PID, string(servers), int64(w.Version), micros(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM watcher WHERE seen < ? OR seen > ?", micros(now.Add(-silentFor)), micros(now.Add(aliveFor)))
		return err
	})
}

// clockSlack is how far clocks of processes on one machine may seem apart.
const clockSlack = 2 * time.Second

// setBack notices that the machine's clock has been set back since the last sign
// of life of any process: what was to be tried again at a moment that is far away
// now is due at once, and no throttle lasts longer than it should.
func setBack(ctx context.Context, tx *sql.Tx, now time.Time) error {
	var latest int64
	err := tx.QueryRowContext(ctx, "SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'clock'").Scan(&latest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if micros(now) < latest-clockSlack.Microseconds() {
		for _, text := range []string{
			"UPDATE delivery SET due = ?1 WHERE state = 'pending' AND due > ?1",
			"UPDATE notice SET due = ?1 WHERE state = 'pending' AND due > ?1",
			"UPDATE throttle SET since = ?1 WHERE since > ?1",
		} {
			if _, err := tx.ExecContext(ctx, text, micros(now)); err != nil {
				return err
			}
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO meta VALUES ('clock', CAST(?1 AS BLOB)) ON CONFLICT (name) DO UPDATE SET value = excluded.value", strconv.FormatInt(micros(now), 10))
	return err
}

// Watchers implements token.Watch: sorted by id.
func (s *Store) Watchers(ctx context.Context) ([]token.Watcher, error) {
	now := s.now()
	return s.watchersSeen(ctx, now.Add(-aliveFor), now.Add(aliveFor)) // from the future: before the clock was set back
}

// Silent implements token.Watch: sorted by id.
func (s *Store) Silent(ctx context.Context) ([]token.Watcher, error) {
	now := s.now()
	return s.watchersSeen(ctx, now.Add(-silentFor), now.Add(-aliveFor-time.Microsecond))
}

func (s *Store) watchersSeen(ctx context.Context, from, to time.Time) (ws []token.Watcher, err error) {
	err = s.view(ctx, "list watchers", func(tx *sql.Tx) error {
		return each(ctx, tx, "SELECT id, host, pid, servers, version, seen FROM watcher WHERE seen >= ? AND seen <= ? ORDER BY id", func(rows *sql.Rows) error {
			var w token.Watcher
			var servers string
			var version, seen int64
			if err := rows.Scan(&w.ID, &w.Host, &w.PID, &servers, &version, &seen); err != nil {
				return err
			}
			w.Version, w.Seen = uint64(version), fromMicros(seen)
			ws = append(ws, w)
			return json.Unmarshal([]byte(servers), &ws[len(ws)-1].Servers)
		}, micros(from), micros(to))
	})
	return ws, err
}

// Leave implements token.Watch.
func (s *Store) Leave(ctx context.Context, id string) error {
	return s.update(ctx, s.lax, "forget watcher", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM watcher WHERE id = ?", id)
		return err
	})
}
