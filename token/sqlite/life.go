package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/chain"
	"honeyrow/event"
	"honeyrow/token"
)

// Lookup returns the lives of the tokens, in any state, whose value is exactly
// one of values: at most limit of them (0: all), those that prove most first,
// and how many there are. It finds them by the keyed hash of the value: among a
// million tokens in about a millisecond (BenchmarkLookup), also where thousands
// of rows hold it.
func (s *Store) Lookup(ctx context.Context, limit int, values ...string) (ls []token.Life, all int, err error) {
	var digests []any
	for _, v := range values {
		if v != "" {
			digests = append(digests, s.box.digest(v))
		}
	}
	if len(digests) == 0 {
		return nil, 0, nil
	}
	if limit <= 0 {
		limit = -1 // as SQLite says it
	}
	err = s.view(ctx, "look up value", func(tx *sql.Tx) error {
		like := "digest IN (" + marks(len(digests)) + ")"
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM token WHERE "+like, digests...).Scan(&all); err != nil || all == 0 {
			return err
		}
		var ns []any
		if err := each(ctx, tx, "SELECT n FROM token WHERE "+like+" ORDER BY strength DESC, is_key, n LIMIT ?", func(rows *sql.Rows) error {
			var n int64
			err := rows.Scan(&n)
			ns = append(ns, n)
			return err
		}, append(digests, limit)...); err != nil {
			return err
		}
		for part := range slices.Chunk(ns, atOnce) {
			these := "WHERE n IN (" + marks(len(part)) + ")"
			r, err := s.newReader(ctx, tx, these, part...)
			if err != nil {
				return err
			}
			ts, err := r.read(ctx, tx, nil, these, part...)
			if err != nil {
				return err
			}
			of, err := lives(ctx, tx, ts)
			if err != nil {
				return err
			}
			ls = append(ls, of...)
		}
		// The digest is 16 bytes; be exact all the same.
		found := len(ls)
		ls = slices.DeleteFunc(ls, func(l token.Life) bool { return !slices.Contains(values, l.Value) })
		all -= found - len(ls)
		slices.SortStableFunc(ls, func(a, b token.Life) int {
			return cmp.Or(int(b.Strength)-int(a.Strength), rank(a.Key)-rank(b.Key))
		})
		return nil
	})
	return ls, all, err
}

// Life returns what is known about a token.
func (s *Store) Life(ctx context.Context, id event.ID) (l token.Life, err error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return l, err
	}
	err = s.view(ctx, "look up token", func(tx *sql.Tx) error {
		ls, err := lives(ctx, tx, []token.Token{t})
		if err == nil {
			l = ls[0]
		}
		return err
	})
	return l, err
}

// atOnce is how many tokens are read at a time.
const atOnce = 1000

// EachLife calls fn for the life of every token, removed ones too, in order of
// registration, until fn returns an error. It holds a thousand at a time.
func (s *Store) EachLife(ctx context.Context, fn func(*token.Life) error) error {
	return s.view(ctx, "read tokens", func(tx *sql.Tx) error {
		r, err := s.newReader(ctx, tx, "")
		if err != nil {
			return err
		}
		var after int64
		for {
			var last sql.NullInt64
			err := tx.QueryRowContext(ctx, "SELECT max(n) FROM (SELECT n FROM token WHERE n > ? ORDER BY n LIMIT ?)", after, atOnce).Scan(&last)
			if err != nil || !last.Valid {
				return err
			}
			ts, err := r.read(ctx, tx, nil, "WHERE n > ? AND n <= ?", after, last.Int64)
			if err != nil {
				return err
			}
			after = last.Int64
			ls, err := lives(ctx, tx, ts)
			if err != nil {
				return err
			}
			for i := range ls {
				if err := fn(&ls[i]); err != nil {
					return err
				}
			}
		}
	})
}

// lives adds to tokens, no more than atOnce, what is known of their honey rows.
func lives(ctx context.Context, tx *sql.Tx, ts []token.Token) ([]token.Life, error) {
	rows := map[event.ID]token.Life{}
	deployments := map[string]int{}
	var ids []any
	for i := range ts {
		if _, ok := rows[ts[i].Row]; !ok {
			rows[ts[i].Row] = token.Life{}
			ids = append(ids, ts[i].Row)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	in := "(" + marks(len(ids)) + ")"
	err := each(ctx, tx, "SELECT id, no, verified, found FROM honey_row WHERE id IN "+in, func(r *sql.Rows) error {
		var id event.ID
		var l token.Life
		var verified int64
		err := r.Scan(&id, &l.RowNumber, &verified, &l.Found)
		l.Verified = untilTime(verified)
		rows[id] = l
		return err
	}, ids...)
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, "SELECT honey_row, min(first), max(last), sum(reads), sum(uses) FROM sighting WHERE honey_row IN "+in+" GROUP BY honey_row", func(r *sql.Rows) error {
		var id event.ID
		var first, last int64
		var reads, uses int
		err := r.Scan(&id, &first, &last, &reads, &uses)
		l := rows[id]
		l.Reads, l.Uses, l.FirstSeen, l.LastSeen = reads, uses, untilTime(first), untilTime(last)
		rows[id] = l
		return err
	}, ids...)
	if err != nil {
		return nil, err
	}
	ls := make([]token.Life, len(ts))
	for i := range ts {
		n, ok := deployments[ts[i].Deployment]
		if !ok {
			err := tx.QueryRowContext(ctx, "SELECT number FROM deployment WHERE name = ?", ts[i].Deployment).Scan(&n)
			if err != nil {
				return nil, err
			}
			deployments[ts[i].Deployment] = n
		}
		ls[i] = rows[ts[i].Row]
		ls[i].Token, ls[i].DeploymentNumber = ts[i], n
	}
	return ls, nil
}

// rank sorts what is so behind what is not.
func rank(so bool) int {
	if so {
		return 1
	}
	return 0
}

// marks returns n question marks for a list of parameters.
func marks(n int) string { return strings.Repeat(", ?", n)[2:] }

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

// beginLog seals the end of a log without entries, so that a seal that is missing
// later was removed. In a file of an earlier schema, and in one without tokens, nothing
// has been there.
func (s *Store) beginLog(tx *sql.Tx, fresh bool) error {
	var sealed, entries, tokens int
	err := tx.QueryRow("SELECT (SELECT count(*) FROM meta WHERE name = ?), (SELECT count(*) FROM (SELECT 1 FROM log LIMIT 1)), (SELECT count(*) FROM (SELECT 1 FROM token LIMIT 1))", metaLogHead).Scan(&sealed, &entries, &tokens)
	if err != nil || sealed+entries > 0 || !fresh && tokens > 0 {
		return err
	}
	return writeHead(context.Background(), tx, s.box, metaLogHead, chain.Head{})
}

// logEnd is the sealed end of the log; known is false if the seal is missing or was
// altered.
func (s *Store) logEnd(ctx context.Context, tx *sql.Tx) (head chain.Head, known bool, err error) {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM meta WHERE name = ?", metaLogHead).Scan(&n); err != nil {
		return head, false, err
	}
	head, err = s.readHead(ctx, tx, metaLogHead)
	if errors.Is(err, errSealed) {
		return chain.Head{}, false, nil
	}
	return head, n == 1, err
}

// record appends to the log in a transaction. It goes on from the sealed end, not from
// the last entry that is there: of a log that was cut, or to which somebody added, that
// is to be found as long as it is kept.
func (s *Store) record(ctx context.Context, tx *sql.Tx, d token.Deed) error {
	head, known, err := s.logEnd(ctx, tx)
	if err != nil {
		return err
	}
	var last sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT max(n) FROM log").Scan(&last); err != nil {
		return err
	}
	if head.N = max(head.N, uint64(last.Int64)); !known {
		head.N = max(head.N, 1)
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
		last, known, err := s.logEnd(ctx, tx)
		switch {
		case err != nil:
			return err
		case !known:
			return &chain.Break{N: head.N, What: "the sealed end of the log is missing or was altered: its last entries, or all, may have been removed"}
		}
		return c.End(last)
	})
	return head, err
}
