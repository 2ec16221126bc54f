package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"honeyrow/chain"
	"honeyrow/event"
	"honeyrow/token"
)

// Lookup returns the lives of all tokens, in any state, whose value is exactly
// one of values. It finds them by the keyed hash of the value: among a million
// tokens in about a millisecond (BenchmarkLookup).
func (s *Store) Lookup(ctx context.Context, values ...string) (ls []token.Life, err error) {
	err = s.view(ctx, "look up value", func(tx *sql.Tx) error {
		r, err := s.newReader(ctx, tx)
		if err != nil {
			return err
		}
		for _, v := range values {
			if v == "" {
				continue
			}
			ts, err := r.read(ctx, tx, nil, "WHERE digest = ?", s.box.digest(v))
			if err != nil {
				return err
			}
			for i := range ts {
				if ts[i].Value != v { // the digest is 16 bytes; be exact all the same
					continue
				}
				l, err := life(ctx, tx, ts[i])
				if err != nil {
					return err
				}
				ls = append(ls, l)
			}
		}
		return nil
	})
	return ls, err
}

// Life returns what is known about a token.
func (s *Store) Life(ctx context.Context, id event.ID) (l token.Life, err error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return l, err
	}
	err = s.view(ctx, "look up token", func(tx *sql.Tx) error {
		l, err = life(ctx, tx, t)
		return err
	})
	return l, err
}

// EachLife calls fn for the life of every token, removed ones too, in order of
// registration, until fn returns an error. It holds a thousand at a time.
func (s *Store) EachLife(ctx context.Context, fn func(*token.Life) error) error {
	return s.view(ctx, "read tokens", func(tx *sql.Tx) error {
		r, err := s.newReader(ctx, tx)
		if err != nil {
			return err
		}
		var after int64
		var of token.Life // the honey row of the token before
		for {
			var last sql.NullInt64
			err := tx.QueryRowContext(ctx, "SELECT max(n) FROM (SELECT n FROM token WHERE n > ? ORDER BY n LIMIT 1000)", after).Scan(&last)
			if err != nil || !last.Valid {
				return err
			}
			ts, err := r.read(ctx, tx, nil, "WHERE n > ? AND n <= ?", after, last.Int64)
			if err != nil {
				return err
			}
			after = last.Int64
			for i := range ts {
				if of.Row != ts[i].Row {
					if of, err = life(ctx, tx, ts[i]); err != nil {
						return err
					}
				}
				of.Token = ts[i]
				l := of
				if err := fn(&l); err != nil {
					return err
				}
			}
		}
	})
}

// life adds to a token what is known of its honey row.
func life(ctx context.Context, tx *sql.Tx, t token.Token) (token.Life, error) {
	l := token.Life{Token: t}
	var verified int64
	err := tx.QueryRowContext(ctx, `SELECT no, verified, found,
		(SELECT count(DISTINCT deployment) FROM planting WHERE id <= (SELECT min(id) FROM planting p WHERE p.deployment = h.deployment))
		FROM honey_row h WHERE id = ?`, t.Row).Scan(&l.RowNumber, &verified, &l.Found, &l.DeploymentNumber)
	if err != nil && err != sql.ErrNoRows {
		return l, err
	}
	l.Verified = untilTime(verified)
	var first, last, reads, uses sql.NullInt64
	err = tx.QueryRowContext(ctx, "SELECT min(first), max(last), sum(reads), sum(uses) FROM sighting WHERE honey_row = ?", t.Row).Scan(&first, &last, &reads, &uses)
	if err != nil {
		return l, err
	}
	l.Reads, l.Uses = int(reads.Int64), int(uses.Int64)
	l.FirstSeen, l.LastSeen = untilTime(first.Int64), untilTime(last.Int64)
	return l, nil
}

// sight files a detection under the honey rows that it saw. Drills are none.
func sight(ctx context.Context, tx *sql.Tx, d *event.Detection) error {
	if d.Drill {
		return nil
	}
	type seen struct{ reads, uses int }
	rows := map[event.ID]seen{}
	for i := range d.Hits {
		h := &d.Hits[i]
		if h.Row == "" {
			continue
		}
		n := rows[h.Row]
		if h.Channel.Inbound() {
			n.uses = 1
		} else {
			n.reads = 1
		}
		rows[h.Row] = n
	}
	for row, n := range rows {
		if _, err := tx.ExecContext(ctx, `INSERT INTO sighting (honey_row, detection, first, last, reads, uses) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (honey_row, detection) DO UPDATE SET reads = max(reads, excluded.reads), uses = max(uses, excluded.uses)`,
			row, d.ID, micros(d.Time), micros(d.Time), n.reads, n.uses); err != nil {
			return err
		}
	}
	return nil
}

// addUpSightings keeps the count of a detection that is about to be forgotten.
func addUpSightings(ctx context.Context, tx *sql.Tx, detection any) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sighting (honey_row, detection, first, last, reads, uses)
		SELECT honey_row, '', first, last, reads, uses FROM sighting WHERE detection = ?
		ON CONFLICT (honey_row, detection) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last),
		reads = reads + excluded.reads, uses = uses + excluded.uses`, detection)
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM sighting WHERE detection = ?", detection)
	}
	return err
}

// sightAll files the detections of a database that was made before they were
// filed.
func (s *Store) sightAll(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "SELECT id, revision, body FROM detection")
	if err != nil {
		return err
	}
	var ds []event.Detection
	for rows.Next() {
		var e entry
		var d event.Detection
		if err = rows.Scan(&e.id, &e.revision, &e.body); err == nil {
			err = e.open(s.box, &d)
		}
		if err != nil {
			break
		}
		ds = append(ds, event.Detection{ID: d.ID, Time: d.Time, Drill: d.Drill, Hits: d.Hits})
	}
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	for i := 0; err == nil && i < len(ds); i++ {
		err = sight(ctx, tx, &ds[i])
	}
	return err
}

// Verified implements token.Chronicle.
func (s *Store) Verified(ctx context.Context, found map[event.ID]string) error {
	return s.update(ctx, s.full, "note what was verified", func(tx *sql.Tx) error {
		now := micros(s.now())
		for row, state := range found {
			if _, err := tx.ExecContext(ctx, "UPDATE honey_row SET verified = ?, found = ? WHERE id = ?", now, state, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// Replace implements token.Chronicle.
func (s *Store) Replace(ctx context.Context, until time.Time, fresh, old []event.ID) error {
	return s.update(ctx, s.full, "replace tokens", func(tx *sql.Tx) error {
		a, err := s.move(ctx, tx, token.Live, 0, fresh)
		if err != nil {
			return err
		}
		b, err := s.move(ctx, tx, token.Retired, micros(until), old)
		if err != nil || !a && !b {
			return err
		}
		return bump(tx)
	})
}

// Expire implements token.Chronicle.
func (s *Store) Expire(ctx context.Context) (n int, err error) {
	err = s.update(ctx, s.full, "let expired tokens go", func(tx *sql.Tx) error {
		var ids []event.ID
		err := each(ctx, tx, "SELECT id FROM token WHERE until > 0 AND until <= ? AND state = 'retired'", func(rows *sql.Rows) error {
			var id event.ID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		}, micros(s.now()))
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		if _, err := s.move(ctx, tx, token.Removed, 0, ids); err != nil {
			return err
		}
		return bump(tx)
	})
	return n, err
}

// metaLogHead names the sealed head of the log in meta.
const metaLogHead = "log head"

// Record implements token.Chronicle. The entry survives the loss of power.
func (s *Store) Record(ctx context.Context, d token.Deed) error {
	return s.update(ctx, s.full, "write the log", func(tx *sql.Tx) error { return s.record(ctx, tx, d) })
}

// record appends to the log in a transaction.
func (s *Store) record(ctx context.Context, tx *sql.Tx, d token.Deed) error {
	var head chain.Head
	err := each(ctx, tx, "SELECT n, sum FROM log ORDER BY n DESC LIMIT 1", func(rows *sql.Rows) error {
		var sum []byte
		err := rows.Scan(&head.N, &sum)
		copy(head.Sum[:], sum)
		return err
	})
	if err != nil {
		return err
	}
	d.N, d.At, d.Actor, d.Sum = head.N+1, s.now().UTC(), s.actor, ""
	body, err := json.Marshal(&d)
	if err != nil {
		return err
	}
	head = s.box.log.Next(head, 0, body)
	if _, err = tx.ExecContext(ctx, "INSERT INTO log VALUES (?, ?, ?)", int64(head.N), string(body), head.Sum[:]); err != nil {
		return err
	}
	return writeHead(ctx, tx, s.box, metaLogHead, head)
}

// Log calls fn for every entry of the log, oldest first, and checks that each
// is what was written, to the last that the sealed head names. want, if not zero,
// is a head from elsewhere that the log must contain. An error wraps chain.ErrBroken; fn was called for the entries before.
func (s *Store) Log(ctx context.Context, want chain.Head, fn func(token.Deed) error) (head chain.Head, err error) {
	c := chain.NewChecker(s.box.log, chain.Head{}, want)
	err = s.view(ctx, "read the log", func(tx *sql.Tx) error {
		err := each(ctx, tx, "SELECT n, body, sum FROM log ORDER BY n", func(rows *sql.Rows) error {
			var n uint64
			var body, raw []byte
			if err := rows.Scan(&n, &body, &raw); err != nil {
				return err
			}
			if err := c.Add(n, raw, 0, body); err != nil {
				return err
			}
			var d token.Deed
			if err := json.Unmarshal(body, &d); err != nil {
				return fmt.Errorf("entry %d: %w", n, err)
			}
			d.Sum = c.Head().Sum.String()
			return fn(d)
		})
		if err != nil {
			return err
		}
		head = c.Head()
		last, err := s.readHead(ctx, tx, metaLogHead)
		if err != nil {
			return err
		}
		return c.End(last)
	})
	return head, err
}
