package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/event"
)

// Incidents returns what q selects, the latest change last. Containment is not
// filled in.
func (s *Store) Incidents(ctx context.Context, q alert.IncidentQuery) (out []event.Incident, err error) {
	where, args := []string{"severity >= ?"}, []any{q.MinSeverity}
	if len(q.States) > 0 {
		where = append(where, "state IN (?"+strings.Repeat(", ?", len(q.States)-1)+")")
		for _, st := range q.States {
			args = append(args, st)
		}
	}
	if !q.Since.IsZero() {
		where, args = append(where, "updated >= ?"), append(args, micros(q.Since))
	}
	if !q.Drills {
		where = append(where, "drill = 0")
	}
	if q.Before > 0 {
		where, args = append(where, "(updated, number) < (SELECT updated, number FROM incident WHERE number = ?)"), append(args, q.Before)
	}
	limit := -1
	if q.Limit > 0 {
		limit = q.Limit
	}
	query := "SELECT number, revision, body FROM (SELECT * FROM incident WHERE " + strings.Join(where, " AND ") +
		" ORDER BY updated DESC, number DESC LIMIT ?) ORDER BY updated, number"
	err = s.view(ctx, "list incidents", func(tx *sql.Tx) error {
		return each(ctx, tx, query, func(rows *sql.Rows) error {
			var number int64
			var revision int
			var sealed sql.RawBytes
			if err := rows.Scan(&number, &revision, &sealed); err != nil {
				return err
			}
			c, err := s.openCase(number, revision, sealed)
			if err == nil {
				out = append(out, c.Incident)
			}
			return err
		}, append(args, limit)...)
	})
	return out, err
}

// FindIncident returns the incident that ref names: its number, or its id or
// the beginning of it. Containment is filled in. The error wraps
// alert.ErrNoIncident if there is none.
func (s *Store) FindIncident(ctx context.Context, ref string) (inc event.Incident, err error) {
	err = s.view(ctx, "look up incident", func(tx *sql.Tx) error {
		number, err := findNumber(ctx, tx, ref)
		if err != nil {
			return err
		}
		c, err := s.readCase(ctx, tx, number)
		if err == nil {
			inc = c.Incident
			inc.Containment = incident.Containment(&inc)
		}
		return err
	})
	return inc, err
}

// IncidentCounts returns the registry's counts.
func (s *Store) IncidentCounts(ctx context.Context) (c alert.IncidentCounts, err error) {
	c.Standing = map[alert.IncidentStanding]int{}
	err = s.view(ctx, "count incidents", func(tx *sql.Tx) error {
		err := each(ctx, tx, "SELECT state, severity, count(*) FROM incident WHERE drill = 0 GROUP BY state, severity", func(rows *sql.Rows) error {
			var at alert.IncidentStanding
			var n int
			err := rows.Scan(&at.State, &at.Severity, &n)
			c.Standing[at] = n
			return err
		})
		if err != nil {
			return err
		}
		fields := map[string]*uint64{
			countOpened: &c.Opened, countMerged: &c.Merged, countRepeats: &c.Repeats,
			countState + string(event.Acknowledged): &c.Acknowledged, countState + string(event.Resolved): &c.Resolved,
			countState + string(event.Allowed): &c.Allowed, countState + string(event.Open): &c.Reopened,
		}
		return each(ctx, tx, "SELECT name, CAST(value AS INTEGER) FROM meta WHERE name LIKE 'incidents %'", func(rows *sql.Rows) error {
			var name string
			var n uint64
			err := rows.Scan(&name, &n)
			if f := fields[name]; f != nil {
				*f = n
			}
			return err
		})
	})
	return c, err
}

// minRef is how much of an id must be given.
const minRef = 8

func findNumber(ctx context.Context, tx *sql.Tx, ref string) (int64, error) {
	var found []int64
	collect := func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		found = append(found, n)
		return err
	}
	var err error
	if n, numErr := strconv.ParseInt(ref, 10, 64); numErr == nil && len(ref) < minRef {
		err = each(ctx, tx, "SELECT number FROM incident WHERE number = ?", collect, n)
	} else if len(ref) >= minRef {
		err = each(ctx, tx, `SELECT number FROM incident WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1
			UNION SELECT incident FROM detection WHERE id = ?1 AND incident IS NOT NULL LIMIT 2`, collect, ref)
	}
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, fmt.Errorf("%w: %q: `honeyrow incidents list` shows numbers and ids; an alert's id will do as well", alert.ErrNoIncident, ref)
	case len(found) > 1:
		return 0, fmt.Errorf("%q is the beginning of several incidents' ids: give more of it, or the number", ref)
	}
	return found[0], nil
}

// Changes returns all changes of an incident, oldest first.
func (s *Store) Changes(ctx context.Context, number int) (out []event.IncidentChange, err error) {
	err = s.view(ctx, "read an incident's changes", func(tx *sql.Tx) error {
		return s.eachChange(ctx, tx, "WHERE incident = ? ORDER BY seq", func(n alert.ChangeEntry) { out = append(out, n.Change) }, number)
	})
	return out, err
}

// ChangesAfter returns up to max changes with a higher seq, of all incidents.
func (s *Store) ChangesAfter(ctx context.Context, seq uint64, max int) (out []alert.ChangeEntry, err error) {
	err = s.view(ctx, "read changes of incidents", func(tx *sql.Tx) error {
		return s.eachChange(ctx, tx, "WHERE seq > ? ORDER BY seq LIMIT ?", func(n alert.ChangeEntry) { out = append(out, n) }, int64(seq), max)
	})
	return out, err
}

func (s *Store) eachChange(ctx context.Context, tx *sql.Tx, where string, fn func(alert.ChangeEntry), args ...any) error {
	return each(ctx, tx, "SELECT seq, incident, revision, body FROM incident_change "+where, func(rows *sql.Rows) error {
		var seq, number int64
		var revision int
		var sealed sql.RawBytes
		if err := rows.Scan(&seq, &number, &revision, &sealed); err != nil {
			return err
		}
		n := alert.ChangeEntry{Seq: uint64(seq), Incident: int(number)}
		plain, err := s.box.open(nil, aboutChange(number, strconv.Itoa(revision)), sealed)
		if err == nil {
			err = json.Unmarshal(plain, &n.Change)
		}
		if err != nil {
			return fmt.Errorf("a change of incident %d: %w: its row was altered outside honeyrow; restore a backup", number, err)
		}
		fn(n)
		return nil
	}, args...)
}

// Decide changes an incident's state, tells the sinks that had its detections,
// and writes allowances in the same transaction. A Decision.By that is empty
// means the store's actor.
func (s *Store) Decide(ctx context.Context, ref string, o alert.Decision) (inc event.Incident, err error) {
	if o.By == "" {
		o.By = s.actor
	}
	err = s.update(ctx, s.full, "change incident", func(tx *sql.Tx) error {
		number, err := findNumber(ctx, tx, ref)
		if err != nil {
			return err
		}
		now := s.now()
		audit, err := s.trail(ctx, tx, micros(now))
		if err != nil {
			return err
		}
		g := s.newGrouping(ctx, tx, audit, now)
		c, err := g.load(number)
		if err != nil {
			return err
		}
		if err := c.Decide(o.To, o.By, o.Note, o.Covers, now); err != nil {
			return err
		}
		inc = c.Incident
		if err := g.save(); err != nil {
			return err
		}
		if err := s.allow(g, number, o); err != nil {
			return err
		}
		return audit.end(ctx)
	})
	return inc, err
}

// allow writes a decision's allowances; whatever takes an incident out of
// "allowed" ends its own.
func (s *Store) allow(g *grouping, number int64, o alert.Decision) error {
	var ids []int64
	if err := each(g.ctx, g.tx, "SELECT id FROM allowance WHERE incident = ? AND ended = 0", func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, number); err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.endAllowance(g, id); err != nil {
			return err
		}
	}
	for _, text := range o.Allowances {
		body, err := json.Marshal(alert.StoredAllowance{Incident: int(number), By: o.By, At: g.now, Text: text})
		if err != nil {
			return err
		}
		var id int64
		if err := g.tx.QueryRowContext(g.ctx, "INSERT INTO allowance (incident, at, body) VALUES (?, ?, ?) RETURNING id",
			number, g.micros, s.box.seal(aboutAllowance(number, g.micros), body)).Scan(&id); err != nil {
			return err
		}
		if _, err := g.audit.add(g.ctx, linkAllowance, strconv.FormatInt(id, 10), "made", body); err != nil {
			return err
		}
	}
	if len(ids)+len(o.Allowances) == 0 {
		return nil
	}
	return bump(g.tx)
}

func (s *Store) endAllowance(g *grouping, id int64) error {
	if _, err := g.exec("UPDATE allowance SET ended = ? WHERE id = ?", g.micros, id); err != nil {
		return err
	}
	_, err := g.audit.add(g.ctx, linkAllowance, strconv.FormatInt(id, 10), "ended", nil)
	return err
}

func aboutAllowance(incident, at int64) string { return fmt.Sprintf("allowance|%d|%d", incident, at) }

// Allowances returns those made of incidents that have not been taken back,
// oldest first.
func (s *Store) Allowances(ctx context.Context) (out []alert.StoredAllowance, err error) {
	err = s.view(ctx, "read allowances", func(tx *sql.Tx) error {
		return each(ctx, tx, "SELECT id, incident, at, body FROM allowance WHERE ended = 0 ORDER BY id", func(rows *sql.Rows) error {
			var id, number, at int64
			var sealed sql.RawBytes
			if err := rows.Scan(&id, &number, &at, &sealed); err != nil {
				return err
			}
			var a alert.StoredAllowance
			plain, err := s.box.open(nil, aboutAllowance(number, at), sealed)
			if err == nil {
				err = json.Unmarshal(plain, &a)
			}
			if err != nil {
				return fmt.Errorf("allowance %d: %w: its row was altered outside honeyrow; restore a backup", id, err)
			}
			a.ID = int(id)
			out = append(out, a)
			return nil
		})
	})
	return out, err
}

// Greet remembers who has logged in, and forgets those seen longest ago beyond
// the policy's bound.
func (s *Store) Greet(ctx context.Context, clients []event.Client) error {
	if len(clients) == 0 {
		return nil
	}
	bound := s.policy.Load().Identities
	return s.update(ctx, s.lax, "remember logins", func(tx *sql.Tx) error {
		for i := range clients {
			key, at := s.box.digest("identity\x00"+incident.Identity(&clients[i])), micros(clients[i].Started)
			if _, err := tx.ExecContext(ctx, `INSERT INTO identity (key, first, last) VALUES (?, ?, ?)
				ON CONFLICT (key) DO UPDATE SET last = max(last, excluded.last), first = min(first, excluded.first)`, key, at, at); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM identity WHERE key IN (SELECT key FROM identity ORDER BY last DESC LIMIT -1 OFFSET ?)`, bound)
		return err
	})
}

// pruneIncidents removes up to max incidents without detections that have not
// changed since, and keys that are out of use.
func pruneIncidents(ctx context.Context, tx *sql.Tx, before int64, max int) (gone []int64, err error) {
	err = each(ctx, tx, `SELECT number FROM incident i WHERE updated < ? AND NOT EXISTS (SELECT 1 FROM detection d WHERE d.incident = i.number)
		ORDER BY updated LIMIT ?`, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		gone = append(gone, n)
		return err
	}, before, max)
	for _, n := range gone {
		for _, table := range []string{"incident_mark", "incident_change", "notice", "throttle"} {
			if err == nil {
				_, err = tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE incident = ?", n)
			}
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM incident WHERE number = ?", n)
		}
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM incident_key WHERE last < ?", before)
	}
	return gone, err
}
