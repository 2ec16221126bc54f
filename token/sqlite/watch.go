package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"honeyrow/token"
)

// aliveFor is how long a watcher counts after its last beat.
const aliveFor = 10 * time.Second

// Beat implements token.Watch. Seen is the store's clock; w.Seen is ignored.
func (s *Store) Beat(ctx context.Context, w token.Watcher) error {
	servers, err := json.Marshal(w.Servers)
	if err != nil {
		return fmt.Errorf("report watcher: %w", err)
	}
	now := s.now()
	return s.update(ctx, s.lax, "report watcher", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO watcher VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
			SET host = excluded.host, pid = excluded.pid, servers = excluded.servers, version = excluded.version, seen = excluded.seen`,
			w.ID, w.Host, w.PID, string(servers), int64(w.Version), micros(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM watcher WHERE seen < ?", micros(now.Add(-10*aliveFor)))
		return err
	})
}

// Watchers implements token.Watch: sorted by id.
func (s *Store) Watchers(ctx context.Context) (ws []token.Watcher, err error) {
	err = s.view(ctx, "list watchers", func(tx *sql.Tx) error {
		return each(ctx, tx, "SELECT id, host, pid, servers, version, seen FROM watcher WHERE seen >= ? ORDER BY id", func(rows *sql.Rows) error {
			var w token.Watcher
			var servers string
			var version, seen int64
			if err := rows.Scan(&w.ID, &w.Host, &w.PID, &servers, &version, &seen); err != nil {
				return err
			}
			w.Version, w.Seen = uint64(version), fromMicros(seen)
			ws = append(ws, w)
			return json.Unmarshal([]byte(servers), &ws[len(ws)-1].Servers)
		}, micros(s.now().Add(-aliveFor)))
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
