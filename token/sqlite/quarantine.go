package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"honeyrow/event"
)

// ErrNotQuarantined says that nobody is shut out under that name.
var ErrNotQuarantined = errors.New("it is not in quarantine")

// endedKept is how long a quarantine that is over can be listed. The audit's
// links of it stay as long as those around them.
const endedKept = 30 * 24 * time.Hour

func aboutQuarantine(id event.ID, until, ended int64) string {
	return fmt.Sprintf("quarantine|%s|%d|%d", id, until, ended)
}

func (b *box) quarantineKey(q *event.Quarantined) []byte {
	return b.digest("quarantine\x00" + q.By + "\x00" + q.Server + "\x00" + q.Subject)
}

// Shut puts a subject into quarantine. If it is there already, that one goes on,
// until the later of both times; what else is known of it stays. It returns what
// is in force then. An empty Rule means a person: an empty Author is the store's
// actor.
func (s *Store) Shut(ctx context.Context, q event.Quarantined) (event.Quarantined, error) {
	if q.Rule == "" && q.Author == "" {
		q.Author = s.actor
	}
	err := s.update(ctx, s.full, "put into quarantine", func(tx *sql.Tx) error {
		now := s.now()
		if _, err := tx.ExecContext(ctx, "DELETE FROM quarantine WHERE until < ?", micros(now.Add(-endedKept))); err != nil {
			return err
		}
		was, err := s.readQuarantine(ctx, tx, "WHERE key = ? AND ended = 0 AND until > ?", s.box.quarantineKey(&q), micros(now))
		if err != nil {
			return err
		}
		what := "begun"
		if len(was) > 0 {
			until := q.Until
			if q, what = was[0], "prolonged"; !until.After(q.Until) {
				return nil
			}
			q.Until = until
		}
		return s.writeQuarantine(ctx, tx, &q, what)
	})
	return q, err
}

// Lift ends a quarantine before its time. by is who does it (empty: the store's
// actor), note says why. An error wraps ErrNotQuarantined if there is none of that
// id, or it is over.
func (s *Store) Lift(ctx context.Context, id event.ID, by, note string) (q event.Quarantined, err error) {
	if by == "" {
		by = s.actor
	}
	err = s.update(ctx, s.full, "lift a quarantine", func(tx *sql.Tx) error {
		now := s.now()
		was, err := s.readQuarantine(ctx, tx, "WHERE id = ? AND ended = 0 AND until > ?", id, micros(now))
		if err != nil {
			return err
		}
		if len(was) == 0 {
			return fmt.Errorf("quarantine %s: %w: `honeyrow quarantine list` shows who is", id, ErrNotQuarantined)
		}
		q = was[0]
		q.Lifted, q.LiftedBy, q.LiftNote = now.UTC(), by, note
		return s.writeQuarantine(ctx, tx, &q, "lifted")
	})
	return q, err
}

// writeQuarantine writes q as it is now, and chains that.
func (s *Store) writeQuarantine(ctx context.Context, tx *sql.Tx, q *event.Quarantined, what string) error {
	kept := *q
	kept.Refused = 0 // counted beside it
	body, err := json.Marshal(&kept)
	if err != nil {
		return err
	}
	until, ended := micros(q.Until), untilMicros(q.Lifted)
	if _, err := tx.ExecContext(ctx, `INSERT INTO quarantine (id, key, until, ended, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET until = excluded.until, ended = excluded.ended, body = excluded.body`,
		q.ID, s.box.quarantineKey(q), until, ended, s.box.seal(aboutQuarantine(q.ID, until, ended), body)); err != nil {
		return err
	}
	audit, err := s.trail(ctx, tx, micros(s.now()))
	if err != nil {
		return err
	}
	note := what + " " + q.Until.UTC().Format(time.RFC3339)
	if _, err := audit.add(ctx, linkQuarantine, string(q.ID), note, body); err != nil {
		return err
	}
	if err := audit.end(ctx); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE quarantine_version SET n = n + 1")
	return err
}

// Refused adds to the counts of sessions that were refused, by quarantine. Those
// that are gone are left out.
func (s *Store) Refused(ctx context.Context, sessions map[event.ID]int) error {
	if len(sessions) == 0 {
		return nil
	}
	return s.update(ctx, s.lax, "count refused sessions", func(tx *sql.Tx) error {
		for id, n := range sessions {
			if _, err := tx.ExecContext(ctx, "UPDATE quarantine SET refused = refused + ? WHERE id = ?", n, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Quarantines returns who is shut out now, the soonest to end first; all adds
// those that are over, as far as they are kept: 30 days.
func (s *Store) Quarantines(ctx context.Context, all bool) (out []event.Quarantined, err error) {
	err = s.view(ctx, "read quarantines", func(tx *sql.Tx) error {
		if all {
			out, err = s.readQuarantine(ctx, tx, "")
			return err
		}
		out, err = s.readQuarantine(ctx, tx, "WHERE ended = 0 AND until > ?", micros(s.now()))
		return err
	})
	slices.SortFunc(out, func(a, b event.Quarantined) int { return a.Until.Compare(b.Until) })
	return out, err
}

// QuarantineVersion changes whenever somebody is shut out or let in again.
func (s *Store) QuarantineVersion(ctx context.Context) (n uint64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT n FROM quarantine_version").Scan(&n)
	return n, s.explain("read quarantines", err)
}

func (s *Store) readQuarantine(ctx context.Context, tx *sql.Tx, where string, args ...any) (out []event.Quarantined, err error) {
	err = each(ctx, tx, "SELECT id, until, ended, refused, body FROM quarantine "+where, func(rows *sql.Rows) error {
		var id event.ID
		var until, ended int64
		var refused int
		var sealed sql.RawBytes
		if err := rows.Scan(&id, &until, &ended, &refused, &sealed); err != nil {
			return err
		}
		var q event.Quarantined
		plain, err := s.box.open(nil, aboutQuarantine(id, until, ended), sealed)
		if err == nil {
			err = json.Unmarshal(plain, &q)
		}
		if err != nil {
			return fmt.Errorf("quarantine %s: %w: its row was altered outside honeyrow; restore a backup", id, err)
		}
		q.Refused = refused
		out = append(out, q)
		return nil
	}, args...)
	return out, err
}

// shutLink is what the audit's last link of a quarantine says.
type shutLink struct {
	n              uint64
	until, content string
}

// quarantines compares those that are kept with the links' last word of each.
func (v *verifier) quarantines(ctx context.Context) error {
	for id, l := range v.shut {
		var until, ended int64
		var sealed []byte
		err := v.tx.QueryRowContext(ctx, "SELECT until, ended, body FROM quarantine WHERE id = ?", id).Scan(&until, &ended, &sealed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if at, err := time.Parse(time.RFC3339, l.until); err != nil || at.After(v.s.now().Add(-endedKept)) {
				v.fault(l.n, "quarantine %s was removed outside honeyrow", id)
			}
			continue
		case err != nil:
			return err
		}
		plain, err := v.s.box.open(nil, aboutQuarantine(event.ID(id), until, ended), sealed)
		if sum := v.s.box.audit.Digest([]byte(linkQuarantine), plain); err != nil || string(sum[:]) != l.content {
			v.fault(l.n, "quarantine %s is not what was committed: it was altered outside honeyrow", id)
		}
	}
	return nil
}
