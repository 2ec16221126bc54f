package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/alert"
	"honeyrow/event"
)

var _ alert.Journal = (*Store)(nil)

// maxErrorText bounds what is kept of a failed delivery's error, in bytes.
const maxErrorText = 500

// Put implements alert.Outbox. What cannot be stored however often it is tried
// is an alert.PermanentError.
func (s *Store) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	bodies := make([][]byte, len(ds))
	for i := range ds {
		body, err := json.Marshal(&ds[i])
		if err == nil && ds[i].ID == "" {
			err = errors.New("it has no id")
		}
		if err != nil {
			return alert.Permanent(fmt.Errorf("commit detection %s: %w", ds[i].ID, err))
		}
		bodies[i] = s.box.seal(aboutDetection(ds[i].ID, ds[i].Revision), body)
	}
	return s.update(ctx, s.full, "commit detections", func(tx *sql.Tx) error {
		now := micros(s.now())
		for i := range ds {
			if err := put(ctx, tx, &ds[i], bodies[i], sinks, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func put(ctx context.Context, tx *sql.Tx, d *event.Detection, body []byte, sinks []string, now int64) error {
	var known int
	err := tx.QueryRowContext(ctx, "SELECT revision FROM detection WHERE id = ?", d.ID).Scan(&known)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `INSERT INTO detection (id, revision, at, severity, drill, committed, body)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, d.ID, d.Revision, micros(d.Time), d.Severity, d.Drill, now, body)
	case err == nil && d.Revision <= known:
		return nil
	case err == nil:
		_, err = tx.ExecContext(ctx, `UPDATE detection SET revision = ?, at = ?, severity = ?, drill = ?, committed = ?, body = ?,
			seq = max(seq, (SELECT seq FROM sqlite_sequence WHERE name = 'detection')) + 1 WHERE id = ?`,
			d.Revision, micros(d.Time), d.Severity, d.Drill, now, body, d.ID)
		if err == nil { // AUTOINCREMENT counts inserts only
			_, err = tx.ExecContext(ctx, `UPDATE sqlite_sequence SET seq = (SELECT seq FROM detection WHERE id = ?)
				WHERE name = 'detection'`, d.ID)
		}
	}
	if err != nil {
		return err
	}
	for _, sink := range sinks {
		_, err := tx.ExecContext(ctx, `INSERT INTO delivery (sink, detection, revision, state, tries, created, due)
			VALUES (?, ?, ?, 'pending', 0, ?, ?) ON CONFLICT (detection, sink) DO UPDATE SET revision = excluded.revision,
			state = 'pending', tries = 0, created = excluded.created, due = excluded.due, error = ''`,
			sink, d.ID, d.Revision, now, now)
		if err != nil {
			return err
		}
	}
	return nil
}

// Due implements alert.Outbox: in order of commit.
func (s *Store) Due(ctx context.Context, sink string, now time.Time, max int) (ds []alert.Delivery, err error) {
	err = s.view(ctx, "read due deliveries", func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT d.id, d.revision, d.body, v.tries, v.created
			FROM delivery v JOIN detection d ON d.id = v.detection
			WHERE v.sink = ? AND v.state = 'pending' AND v.due <= ? ORDER BY d.seq LIMIT ?`, func(rows *sql.Rows) error {
			var e entry
			var tries int
			var created int64
			if err := rows.Scan(&e.id, &e.revision, &e.body, &tries, &created); err != nil {
				return err
			}
			d := alert.Delivery{Sink: sink, Attempt: tries + 1, Created: fromMicros(created)}
			if err := e.open(s.box, &d.Detection); err != nil {
				return err
			}
			ds = append(ds, d)
			return nil
		}, sink, micros(now), max)
	})
	return ds, err
}

// entry is a detection as it is stored.
type entry struct {
	id       event.ID
	revision int
	body     sql.RawBytes
}

func (e *entry) open(b *box, d *event.Detection) error {
	plain, err := b.open(nil, aboutDetection(e.id, e.revision), e.body)
	if err == nil {
		err = json.Unmarshal(plain, d)
	}
	if err != nil {
		return fmt.Errorf("detection %s: %w: its row was altered outside honeyrow; restore a backup", e.id, err)
	}
	return nil
}

// Settle implements alert.Outbox. The outcome of an older revision's try
// changes nothing.
func (s *Store) Settle(ctx context.Context, d alert.Delivery, failure error, next time.Time) error {
	state, text, due := "done", "", int64(0)
	if failure != nil {
		state, text = "dead", clip(failure.Error())
		if !next.IsZero() {
			state, due = "pending", micros(next)
		}
	}
	return s.update(ctx, s.lax, "settle delivery", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?, tries = tries + 1, due = ?, error = ?
			WHERE detection = ? AND sink = ? AND revision = ? AND state = 'pending'`,
			state, due, text, d.Detection.ID, d.Sink, d.Detection.Revision)
		return err
	})
}

// clip cuts text to maxErrorText bytes between runes.
func clip(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	cut := maxErrorText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// NextDue implements alert.Outbox.
func (s *Store) NextDue(ctx context.Context, sink string) (time.Time, error) {
	var due sql.NullInt64
	err := s.read.QueryRowContext(ctx, "SELECT min(due) FROM delivery WHERE sink = ? AND state = 'pending'", sink).Scan(&due)
	if err != nil || !due.Valid {
		return time.Time{}, s.explain("read next delivery", err)
	}
	return fromMicros(due.Int64), nil
}

// Detections implements alert.Journal.
func (s *Store) Detections(ctx context.Context, q alert.Query) (es []alert.Entry, err error) {
	where, args, order := []string{"seq > ?", "severity >= ?"}, []any{int64(q.After), q.MinSeverity}, "DESC"
	add := func(cond string, arg any) { where, args = append(where, cond), append(args, arg) }
	if q.ID != "" {
		add("id = ?", q.ID)
	}
	if !q.Since.IsZero() {
		add("at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		add("at < ?", micros(q.Until))
	}
	if q.Forward {
		order = "ASC"
	}
	limit := -1 // SQLite: all
	if q.Limit > 0 {
		limit = q.Limit
	}
	query := "SELECT seq, committed, id, revision, body FROM (SELECT * FROM detection WHERE " + strings.Join(where, " AND ") +
		" ORDER BY seq " + order + " LIMIT ?) ORDER BY seq"
	err = s.view(ctx, "list detections", func(tx *sql.Tx) error {
		return each(ctx, tx, query, func(rows *sql.Rows) error {
			var e entry
			var seq, committed int64
			if err := rows.Scan(&seq, &committed, &e.id, &e.revision, &e.body); err != nil {
				return err
			}
			es = append(es, alert.Entry{Seq: uint64(seq), Committed: fromMicros(committed)})
			return e.open(s.box, &es[len(es)-1].Detection)
		}, append(args, limit)...)
	})
	return es, err
}

// Status implements alert.Journal: sorted by sink.
func (s *Store) Status(ctx context.Context) (ss []alert.SinkStatus, err error) {
	err = s.view(ctx, "read state of deliveries", func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT sink, sum(state = 'pending'), sum(state = 'pending' AND tries > 0), sum(state = 'dead'),
				min(created) FILTER (WHERE state = 'pending'), min(due) FILTER (WHERE state = 'pending'),
				coalesce((SELECT error FROM delivery e WHERE e.sink = v.sink AND e.state <> 'done' AND e.error <> ''
					ORDER BY e.detection DESC LIMIT 1), '')
			FROM delivery v GROUP BY sink ORDER BY sink`, func(rows *sql.Rows) error {
			var st alert.SinkStatus
			var oldest, due sql.NullInt64
			if err := rows.Scan(&st.Sink, &st.Pending, &st.Failing, &st.Dead, &oldest, &due, &st.LastError); err != nil {
				return err
			}
			if oldest.Valid {
				st.Oldest, st.NextDue = fromMicros(oldest.Int64), fromMicros(due.Int64)
			}
			ss = append(ss, st)
			return nil
		})
	})
	return ss, err
}

// Revive implements alert.Journal.
func (s *Store) Revive(ctx context.Context, sink string) (n int, err error) {
	now := micros(s.now())
	err = s.update(ctx, s.lax, "revive deliveries", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'pending', tries = 0, created = ?, due = ?, error = ''
			WHERE sink = ? AND state = 'dead'`, now, now, sink)
		if err != nil {
			return err
		}
		changed, err := res.RowsAffected()
		n = int(changed)
		return err
	})
	return n, err
}

// Prune implements alert.Journal.
func (s *Store) Prune(ctx context.Context, before time.Time, sinks []string, max int) (n int, err error) {
	names, err := json.Marshal(append([]string{}, sinks...))
	if err != nil {
		return 0, fmt.Errorf("prune detections: %w", err)
	}
	err = s.update(ctx, s.lax, "prune detections", func(tx *sql.Tx) error {
		var ids []any
		err := each(ctx, tx, `SELECT id FROM detection d WHERE committed < ? AND NOT EXISTS (SELECT 1 FROM delivery v
			WHERE v.detection = d.id AND v.state = 'pending' AND v.sink IN (SELECT value FROM json_each(?)))
			ORDER BY committed LIMIT ?`, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, micros(before), string(names), max)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "DELETE FROM delivery WHERE detection = ?", id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM detection WHERE id = ?", id); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	return n, err
}
