package sqlite

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/event"
)

var _ alert.Journal = (*Store)(nil)

// maxErrorText bounds what is kept of a failed delivery's error, in bytes.
const maxErrorText = 500

// Put implements alert.Outbox: each detection finds its incident, or begins one,
// in the transaction that commits it. What cannot be stored however often it is
// tried is an alert.PermanentError.
func (s *Store) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	for i := range ds {
		_, err := json.Marshal(&ds[i])
		if err == nil && ds[i].ID == "" {
			err = errors.New("it has no id")
		}
		if err != nil {
			return alert.Permanent(fmt.Errorf("commit detection %s: %w", ds[i].ID, err))
		}
	}
	if len(ds) == 0 {
		return nil
	}
	return s.update(ctx, s.full, "commit detections", func(tx *sql.Tx) error {
		return s.commit(ctx, tx, ds, sinks)
	})
}

// commit writes detections with everything that follows from them.
func (s *Store) commit(ctx context.Context, tx *sql.Tx, ds []event.Detection, sinks []string) error {
	now := s.now()
	audit, err := s.trail(ctx, tx, micros(now))
	if err != nil {
		return err
	}
	g := s.newGrouping(ctx, tx, audit, now)
	for i := range ds {
		if err := s.put(g, ds[i], sinks); err != nil {
			return err
		}
	}
	if err := g.save(); err != nil {
		return err
	}
	return audit.end(ctx)
}

// put commits one detection.
func (s *Store) put(g *grouping, d event.Detection, sinks []string) error {
	var known int
	var number sql.NullInt64
	var entry int
	err := g.tx.QueryRowContext(g.ctx, "SELECT revision, incident, entry FROM detection WHERE id = ?", d.ID).Scan(&known, &number, &entry)
	fresh := errors.Is(err, sql.ErrNoRows)
	switch {
	case err != nil && !fresh:
		return err
	case !fresh && d.Revision <= known:
		return nil
	}
	c, effect, err := g.assign(&d, number.Int64, entry)
	if err != nil {
		return err
	}
	body, err := json.Marshal(&d)
	if err != nil {
		return err
	}
	n, err := g.audit.add(g.ctx, linkDetection, fmt.Sprintf("%s/%d", d.ID, d.Revision), "", body)
	if err != nil {
		return err
	}
	seq, err := g.nextSeq()
	if err != nil {
		return err
	}
	sealed := s.box.seal(aboutDetection(d.ID, d.Revision), body)
	_, err = g.tx.ExecContext(g.ctx, `INSERT INTO detection (seq, id, revision, at, severity, drill, committed, body, incident, entry, link)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, revision = excluded.revision,
		at = excluded.at, severity = excluded.severity, drill = excluded.drill, committed = excluded.committed,
		body = excluded.body, incident = excluded.incident, entry = excluded.entry, link = excluded.link`,
		seq, d.ID, d.Revision, micros(d.Time), d.Severity, d.Drill, g.micros, sealed, c.Incident.Number, d.Incident.Entry, int64(n))
	if err != nil {
		return err
	}
	if err := sight(g.ctx, g.tx, &d); err != nil {
		return err
	}
	for _, sink := range sinks {
		if err := g.deliver(&d, c, seq, sink, effect.News); err != nil {
			return err
		}
	}
	return nil
}

// Due implements alert.Outbox: in order of commit. Within an incident nothing
// overtakes what is to be tried again.
func (s *Store) Due(ctx context.Context, sink string, now time.Time, max int) (ds []alert.Delivery, err error) {
	err = s.view(ctx, "read due deliveries", func(tx *sql.Tx) error {
		err := each(ctx, tx, `SELECT d.id, d.revision, d.body, v.tries, v.created, v.incident, v.seq, v.held, d.link, a.hash
			FROM delivery v JOIN detection d ON d.id = v.detection LEFT JOIN audit a ON a.n = d.link
			WHERE v.sink = ?1 AND v.state = 'pending' AND v.due <= ?2 AND NOT EXISTS (SELECT 1 FROM delivery e
				WHERE e.sink = ?1 AND e.state = 'pending' AND e.incident = v.incident AND v.incident > 0 AND e.seq < v.seq
				AND e.due > ?2 AND e.throttled = 0)
			UNION ALL SELECT '', n.revision, x'', n.tries, n.created, n.incident, n.seq, 0, 0, NULL
			FROM notice n WHERE n.sink = ?1 AND n.state = 'pending' AND n.due <= ?2 AND NOT EXISTS (SELECT 1 FROM delivery e
				WHERE e.sink = ?1 AND e.state = 'pending' AND e.incident = n.incident AND e.seq < n.seq AND e.due > ?2 AND e.throttled = 0)
			ORDER BY 7 LIMIT ?3`, func(rows *sql.Rows) error {
			e := entry{}
			var tries, held int
			var created, number, seq int64
			if err := rows.Scan(&e.id, &e.revision, &e.body, &tries, &created, &number, &seq, &held, &e.link, &e.hash); err != nil {
				return err
			}
			d := alert.Delivery{Sink: sink, Attempt: tries + 1, Created: fromMicros(created)}
			if number > 0 {
				d.Incident = &event.Incident{Number: int(number), Revision: e.revision}
			}
			if e.id != "" {
				// One that can't be read holds up no other: whoever can write the file, or a
				// fault of the disk, would silence the sink by one row.
				if d.Broken = e.open(s.box, &d.Detection); d.Broken != nil {
					d.Detection = event.Detection{ID: e.id, Revision: e.revision}
				} else if d.Detection.Incident != nil {
					d.Detection.Incident.Held = held
				}
			}
			ds = append(ds, d)
			return nil
		}, sink, micros(now), max)
		if err != nil {
			return err
		}
		return s.fillIncidents(ctx, tx, ds)
	})
	return ds, err
}

// fillIncidents puts the incidents as they are now into deliveries. A notice
// keeps its own revision, by which it is settled.
func (s *Store) fillIncidents(ctx context.Context, tx *sql.Tx, ds []alert.Delivery) error {
	known := map[int]*event.Incident{}
	for i := range ds {
		if ds[i].Incident == nil {
			continue
		}
		n := ds[i].Incident.Number
		if known[n] == nil {
			c, err := s.readCase(ctx, tx, int64(n))
			if lostCase(err) {
				if ds[i].Detection.ID != "" {
					ds[i].Incident = nil // the detection goes out without it
				} else {
					ds[i].Broken = err
				}
				continue
			}
			if err != nil {
				return err
			}
			inc := c.Incident
			inc.Containment = incident.Containment(&inc)
			known[n] = &inc
		}
		revision := ds[i].Incident.Revision
		ds[i].Incident = known[n]
		if ds[i].Detection.ID == "" && revision != known[n].Revision {
			inc := *known[n]
			inc.Revision = revision
			ds[i].Incident = &inc
		}
	}
	return nil
}

// entry is a detection as it is stored.
type entry struct {
	id       event.ID
	revision int
	body     sql.RawBytes
	link     int64
	hash     sql.RawBytes // of the link, nil if it is pruned
}

func (e *entry) open(b *box, d *event.Detection) error {
	plain, err := b.open(nil, aboutDetection(e.id, e.revision), e.body)
	if err == nil {
		err = json.Unmarshal(plain, d)
	}
	if err != nil {
		return fmt.Errorf("detection %s: %w: its row was altered outside honeyrow; restore a backup", e.id, err)
	}
	if e.link > 0 && len(e.hash) > 0 {
		d.Audit = &event.Seal{N: uint64(e.link), Hash: hex.EncodeToString(e.hash)}
	}
	return nil
}

// Settle implements alert.Outbox. The outcome of an older revision's try
// changes nothing.
func (s *Store) Settle(ctx context.Context, d alert.Delivery, failure error, next time.Time) error {
	state, text, due := "done", "", int64(0)
	skipped := errors.Is(failure, alert.ErrSkipped)
	if failure != nil && !skipped {
		state, text = "dead", clip(failure.Error())
		if !next.IsZero() {
			state, due = "pending", micros(next)
		}
	}
	return s.update(ctx, s.lax, "settle delivery", func(tx *sql.Tx) error {
		if d.Change() {
			_, err := tx.ExecContext(ctx, `UPDATE notice SET state = ?, tries = tries + 1, due = ?, error = ?
				WHERE incident = ? AND sink = ? AND revision = ? AND state = 'pending'`,
				state, due, text, d.Incident.Number, d.Sink, d.Incident.Revision)
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE delivery SET state = ?, tries = tries + 1, due = ?, error = ?
			WHERE detection = ? AND sink = ? AND revision = ? AND state = 'pending'`,
			state, due, text, d.Detection.ID, d.Sink, d.Detection.Revision)
		if err != nil || !skipped {
			return err
		}
		if n, err := res.RowsAffected(); n == 0 || err != nil {
			return err
		}
		return unhold(ctx, tx, d, micros(s.now()))
	})
}

// unhold makes due what was held back for a delivery that is not made after all: the
// one before it, which in its turn speaks for those before that.
func unhold(ctx context.Context, tx *sql.Tx, d alert.Delivery, now int64) error {
	_, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'pending', due = ?3, throttled = 0, error = ''
		WHERE sink = ?1 AND detection = (SELECT e.detection FROM delivery v JOIN delivery e ON e.sink = v.sink AND e.incident = v.incident
			WHERE v.sink = ?1 AND v.detection = ?2 AND v.held > 0 AND e.state = 'held' AND e.seq < v.seq ORDER BY e.seq DESC LIMIT 1)`,
		d.Sink, d.Detection.ID, now)
	return err
}

// Deliveries implements alert.Journal: sorted by sink.
func (s *Store) Deliveries(ctx context.Context, id event.ID) (ds []alert.DeliveryState, err error) {
	err = s.view(ctx, "read deliveries", func(tx *sql.Tx) error {
		return each(ctx, tx, "SELECT sink, revision, state, tries, error FROM delivery WHERE detection = ? ORDER BY sink", func(rows *sql.Rows) error {
			var d alert.DeliveryState
			err := rows.Scan(&d.Sink, &d.Revision, &d.State, &d.Tries, &d.Error)
			ds = append(ds, d)
			return err
		}, id)
	})
	return ds, err
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
	err := s.read.QueryRowContext(ctx, `SELECT min(due) FROM (SELECT min(due) AS due FROM delivery
		WHERE sink = ?1 AND state = 'pending' UNION ALL SELECT min(due) FROM notice WHERE sink = ?1 AND state = 'pending')`, sink).Scan(&due)
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
	if q.Named != "" {
		add("id IN (SELECT id FROM detection, (SELECT ? AS part) WHERE substr(id, 1, length(part)) = part OR substr(id, -length(part)) = part)", q.Named)
	}
	if q.Incident != 0 {
		add("incident = ?", q.Incident)
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
	query := "SELECT seq, committed, id, revision, body, link, hash FROM (SELECT * FROM detection WHERE " + strings.Join(where, " AND ") +
		" ORDER BY seq " + order + " LIMIT ?) LEFT JOIN audit a ON a.n = link ORDER BY seq"
	err = s.view(ctx, "list detections", func(tx *sql.Tx) error {
		return each(ctx, tx, query, func(rows *sql.Rows) error {
			var e entry
			var seq, committed int64
			if err := rows.Scan(&seq, &committed, &e.id, &e.revision, &e.body, &e.link, &e.hash); err != nil {
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
				coalesce((SELECT error FROM outgoing e WHERE e.sink = v.sink AND e.state IN ('pending', 'dead') AND e.error <> ''
					ORDER BY e.seq DESC LIMIT 1), '')
			FROM outgoing v GROUP BY sink ORDER BY sink`, func(rows *sql.Rows) error {
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

// Dead implements alert.Journal.
func (s *Store) Dead(ctx context.Context, sink string) (ds []alert.DeadLetter, err error) {
	err = s.view(ctx, "read given up deliveries", func(tx *sql.Tx) error {
		err := each(ctx, tx, `SELECT d.id, d.revision, d.body, v.sink, v.tries, v.created, v.error
			FROM delivery v JOIN detection d ON d.id = v.detection
			WHERE v.state = 'dead' AND (? = '' OR v.sink = ?) ORDER BY v.sink, d.seq`, func(rows *sql.Rows) error {
			var e entry
			var created int64
			var d alert.DeadLetter
			if err := rows.Scan(&e.id, &e.revision, &e.body, &d.Sink, &d.Tries, &created, &d.Error); err != nil {
				return err
			}
			d.Committed = fromMicros(created)
			if err := e.open(s.box, &d.Detection); err != nil {
				d.Detection, d.Error = event.Detection{ID: e.id, Revision: e.revision}, err.Error()
			}
			ds = append(ds, d)
			return nil
		}, sink, sink)
		if err != nil {
			return err
		}
		return each(ctx, tx, `SELECT incident, sink, tries, created, error FROM notice
			WHERE state = 'dead' AND (? = '' OR sink = ?) ORDER BY sink, seq`, func(rows *sql.Rows) error {
			var created int64
			var d alert.DeadLetter
			err := rows.Scan(&d.Incident, &d.Sink, &d.Tries, &created, &d.Error)
			d.Committed = fromMicros(created)
			ds = append(ds, d)
			return err
		}, sink, sink)
	})
	return ds, err
}

// Revive implements alert.Journal.
func (s *Store) Revive(ctx context.Context, sink string, ids ...event.ID) (n int, err error) {
	now := micros(s.now())
	which, args, tables := "", []any{now, now, sink}, []string{"delivery", "notice"}
	if len(ids) > 0 {
		list, err := json.Marshal(ids)
		if err != nil {
			return 0, fmt.Errorf("revive deliveries: %w", err)
		}
		which, args, tables = " AND detection IN (SELECT value FROM json_each(?))", append(args, string(list)), tables[:1]
	}
	err = s.update(ctx, s.lax, "revive deliveries", func(tx *sql.Tx) error {
		for _, table := range tables {
			res, err := tx.ExecContext(ctx, "UPDATE "+table+` SET state = 'pending', tries = 0, created = ?, due = ?, error = ''
				WHERE sink = ? AND state = 'dead'`+which, args...)
			if err != nil {
				return err
			}
			changed, err := res.RowsAffected()
			if n += int(changed); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Prune implements alert.Journal. Incidents go with the last of their
// detections; the chain of the audit begins after what is gone.
func (s *Store) Prune(ctx context.Context, before time.Time, sinks []string, max int) (n int, err error) {
	names, err := json.Marshal(append([]string{}, sinks...))
	if err != nil {
		return 0, fmt.Errorf("prune detections: %w", err)
	}
	err = s.update(ctx, s.lax, "prune detections", func(tx *sql.Tx) error {
		var gone prunedIDs
		err := each(ctx, tx, `SELECT id FROM detection d WHERE committed < ? AND NOT EXISTS (SELECT 1 FROM delivery v
			WHERE v.detection = d.id AND v.state = 'pending' AND v.sink IN (SELECT value FROM json_each(?)))
			ORDER BY committed LIMIT ?`, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			gone.Detections = append(gone.Detections, id)
			return err
		}, micros(before), string(names), max)
		if err != nil {
			return err
		}
		for _, id := range gone.Detections {
			if err := addUpSightings(ctx, tx, id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM delivery WHERE detection = ?", id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "DELETE FROM detection WHERE id = ?", id); err != nil {
				return err
			}
		}
		n = len(gone.Detections)
		if gone.Incidents, err = pruneIncidents(ctx, tx, micros(before), max); err != nil {
			return err
		}
		return s.tellPruned(ctx, tx, gone)
	})
	return n, err
}

// tellPruned chains what was pruned and shortens the chain.
func (s *Store) tellPruned(ctx context.Context, tx *sql.Tx, gone prunedIDs) error {
	if len(gone.Detections)+len(gone.Incidents) == 0 {
		return nil
	}
	note, err := json.Marshal(gone)
	if err != nil {
		return err
	}
	audit, err := s.trail(ctx, tx, micros(s.now()))
	if err != nil {
		return err
	}
	if _, err := audit.add(ctx, linkPrune, fmt.Sprintf("%d detections", len(gone.Detections)), string(note), nil); err != nil {
		return err
	}
	if err := audit.end(ctx); err != nil {
		return err
	}
	return s.trim(ctx, tx, audit.head)
}
