package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// mergeLot is how many tokens are merged in a transaction: other writers wait
// no longer than for these.
const mergeLot = 2000

// Sources lists the registries whose tokens were merged, the oldest first.
func (s *Store) Sources(ctx context.Context) (out []token.Source, err error) {
	err = s.view(ctx, "read sources", func(tx *sql.Tx) error {
		return each(ctx, tx, `SELECT registry, owner, first, last, made,
			(SELECT count(*) FROM token WHERE source = source.id) FROM source ORDER BY id`, func(rows *sql.Rows) error {
			var x token.Source
			var first, last, made int64
			err := rows.Scan(&x.Registry, &x.Owner, &first, &last, &made, &x.Tokens)
			x.First, x.Last, x.Made = fromMicros(first), fromMicros(last), fromMicros(made)
			out = append(out, x)
			return err
		})
	})
	return out, err
}

// Merge takes in another registry's tokens: those that are unknown are added,
// those that came from it before take their newer state. Tokens of this registry
// and of third ones are never changed. It may be repeated, also after an
// interruption: each lot of tokens is a transaction, and running proxies take
// each up within a second. The caller has made sure who sent the bundle.
func (s *Store) Merge(ctx context.Context, in token.Bundle) (out token.Merged, err error) {
	out.Owner = in.Owner
	if err := token.CheckLabel("owner", in.Owner); err != nil || in.Owner == "" || in.Registry == "" {
		return out, errors.Join(errors.New("merge tokens: the bundle does not say whose it is"), err)
	}
	next, stop := iter.Pull2(in.Lives)
	defer stop()
	m := &merger{s: s, in: &in, out: &out}
	for more := true; more; {
		var lot []*token.Life
		for more && len(lot) < mergeLot {
			l, err, ok := next()
			if more = ok; err != nil {
				return out, err
			}
			if ok {
				lot = append(lot, l)
			}
		}
		before := out
		if err := s.update(ctx, s.full, "merge tokens", func(tx *sql.Tx) error { return m.lot(ctx, tx, lot, !more) }); err != nil {
			out = before
			return out, err
		}
	}
	return out, nil
}

// merger merges one bundle.
type merger struct {
	s      *Store
	in     *token.Bundle
	out    *token.Merged
	source int64
	fresh  bool // no newer manifest was merged before
	where  *reader
	ours   event.ID // a honey row that is the source's own, or nobody's yet
}

// lot merges some tokens in a transaction; after the last it writes the log.
func (m *merger) lot(ctx context.Context, tx *sql.Tx, lot []*token.Life, last bool) error {
	if m.source == 0 {
		if err := m.meet(ctx, tx); err != nil {
			return err
		}
	}
	a, err := newAdder(tx, m.s)
	if err != nil {
		return err
	}
	defer a.close()
	changed := false
	for _, l := range lot {
		m.out.Read++
		c, err := m.one(ctx, tx, a, l)
		if err != nil {
			return err
		}
		changed = changed || c
	}
	if last {
		c, err := m.locate(ctx, tx, a.places)
		if err != nil {
			return err
		}
		changed = changed || c
		d := m.in.Deed
		d.Tokens = m.out.Added + m.out.Changed
		d.Detail = fmt.Sprintf("from %s (%s), written %s: %d read, %d new, %d in a newer state, %d refused", m.in.Owner, m.in.Registry,
			m.in.Made.UTC().Format(time.DateTime), m.out.Read, m.out.Added, m.out.Changed, m.out.Refused)
		if err := m.s.record(ctx, tx, d); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return bump(tx)
}

// meet finds or makes the row of the source.
func (m *merger) meet(ctx context.Context, tx *sql.Tx) error {
	var other string
	err := tx.QueryRowContext(ctx, "SELECT registry FROM source WHERE owner = ? AND registry <> ?", m.in.Owner, m.in.Registry).Scan(&other)
	if err == nil {
		return fmt.Errorf("another registry (%s) that was merged here calls itself %s: have one of the two write its manifests with another --owner", other, m.in.Owner)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	now, made := micros(m.s.now()), micros(m.in.Made)
	var id, newest int64
	err = tx.QueryRowContext(ctx, `INSERT INTO source (registry, owner, first, last, made) VALUES (?1, ?2, ?3, ?3, ?4)
		ON CONFLICT (registry) DO UPDATE SET owner = excluded.owner, last = excluded.last, made = max(made, excluded.made) RETURNING id, made`,
		m.in.Registry, m.in.Owner, now, made).Scan(&id, &newest)
	if err != nil {
		return err
	}
	if m.where, err = m.s.newReader(ctx, tx, ""); err != nil {
		return err
	}
	m.fresh = newest == made
	// Only now: a transaction that is rolled back must meet again.
	m.source = id
	return nil
}

// known is what the registry has of a token.
type known struct {
	state          token.State
	changed, until int64
	source         int64
	digest         []byte
}

func (m *merger) one(ctx context.Context, tx *sql.Tx, a *adder, l *token.Life) (changed bool, err error) {
	t := &l.Token
	if err := check(t); err != nil {
		return false, fmt.Errorf("merge tokens: %w", err)
	}
	var had known
	err = tx.QueryRowContext(ctx, "SELECT state, changed_at, until, source, digest FROM token WHERE id = ?", t.ID).
		Scan(&had.state, &had.changed, &had.until, &had.source, &had.digest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if foreign, err := m.foreign(ctx, tx, t); err != nil || foreign {
			return false, err
		}
		err = m.add(ctx, tx, a, t)
		changed = true
	case err != nil:
		return false, err
	case had.source != m.source || !bytes.Equal(had.digest, m.s.box.digest(t.Value)):
		m.out.Refused++
		why := "its id is that of a token with another value: nothing was changed"
		if had.source == ownSource {
			why = "its id is that of a token of this registry: nothing was changed"
		} else if had.source != m.source {
			why = "its id is that of a token of a third registry: nothing was changed"
		}
		m.clash(token.Clash{Token: t.ID, Place: t.Place, Copy: t.Copy, Other: t.ID, OtherOwner: m.where.owners[had.source], Why: why})
		return false, nil
	default:
		changed, err = m.move(ctx, tx, t, &had)
	}
	if err == nil && !l.Verified.IsZero() {
		_, err = tx.ExecContext(ctx, "UPDATE honey_row SET verified = ?1, found = ?2 WHERE id = ?3 AND verified < ?1", micros(l.Verified), l.Found, t.Row)
	}
	return changed, err
}

// foreign refuses a token that claims to stand in somebody else's honey row.
func (m *merger) foreign(ctx context.Context, tx *sql.Tx, t *token.Token) (bool, error) {
	if m.ours == t.Row {
		return false, nil
	}
	var other event.ID
	var source int64
	err := tx.QueryRowContext(ctx, "SELECT id, source FROM token WHERE honey_row = ? AND source <> ? LIMIT 1", t.Row, m.source).Scan(&other, &source)
	if errors.Is(err, sql.ErrNoRows) {
		m.ours = t.Row
		return false, nil
	}
	if err == nil {
		m.out.Refused++
		m.clash(token.Clash{Token: t.ID, Place: t.Place, Copy: t.Copy, Other: other, OtherOwner: m.where.owners[source], Why: "its honey row is somebody else's: nothing was changed"})
	}
	return true, err
}

// check reports what a token of another registry lacks.
func check(t *token.Token) error {
	if t.Strength > token.Strong || t.Deployment == "" || t.PlantedAt.IsZero() || t.ChangedAt.IsZero() {
		return fmt.Errorf("token %s lacks a strength, a deployment or a time: have its manifest written again", t.ID)
	}
	return errors.Join(t.Check(), token.CheckLabel("copy", t.Copy))
}

func (m *merger) add(ctx context.Context, tx *sql.Tx, a *adder, t *token.Token) error {
	clean := *t
	clean.TableOID, clean.Attr = 0, 0 // those of a place that is known are not to be lost: locate
	if err := a.add(ctx, &clean, m.source); err != nil {
		return err
	}
	m.out.Added++
	if t.Key || t.Strength == token.Weak || t.State == token.Removed {
		return nil
	}
	return m.double(ctx, tx, a, t)
}

// double reports a value that stands at another place, or in another copy, too:
// both are watched, but a leak does not tell which of them it is of.
func (m *merger) double(ctx context.Context, tx *sql.Tx, a *adder, t *token.Token) error {
	place, err := a.places.id(ctx, t.Place)
	if err != nil {
		return err
	}
	c := token.Clash{Token: t.ID, Place: t.Place, Copy: t.Copy}
	var source int64
	o := &c.OtherPlace
	err = tx.QueryRowContext(ctx, `SELECT t.id, t.copy, t.source, p.server, p.db, p.schema, p.tbl, p.col FROM token t JOIN place p ON p.id = t.place
		WHERE t.digest = ?1 AND t.id <> ?2 AND t.state <> 'removed' AND t.strength > 0 AND NOT t.is_key AND (t.place <> ?3 OR t.copy <> ?4 OR t.source <> ?5) ORDER BY t.n LIMIT 1`,
		m.s.box.digest(t.Value), t.ID, place, t.Copy, m.source).
		Scan(&c.Other, &c.OtherCopy, &source, &o.Server, &o.Database, &o.Schema, &o.Table, &o.Column)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	m.out.Doubled++
	c.OtherOwner = m.where.owners[source]
	c.Why = "the same value is planted at both places: both are watched, and a leak does not tell which it came from; rotate one of the two"
	m.clash(c)
	return nil
}

func (m *merger) clash(c token.Clash) {
	if len(m.out.Clashes) < token.MaxClashes {
		c.Place.Key = ""
		m.out.Clashes = append(m.out.Clashes, c)
	}
}

// move takes over a newer state. Its owner has led the token through all states
// between, so any may follow but that nothing follows on Removed.
func (m *merger) move(ctx context.Context, tx *sql.Tx, t *token.Token, had *known) (bool, error) {
	at, until := micros(t.ChangedAt), untilMicros(t.Until)
	if at <= had.changed || had.state == token.Removed || had.state == t.State && had.until == until {
		return false, nil
	}
	m.out.Changed++
	if _, err := tx.ExecContext(ctx, "UPDATE token SET state = ?, changed_at = ?, until = ? WHERE id = ?", t.State, at, until, t.ID); err != nil {
		return false, err
	}
	_, err := tx.ExecContext(ctx, insertHistory, t.ID, had.state, t.State, m.s.actor+" for "+m.in.Owner, at)
	return true, err
}

// locate takes over where PostgreSQL has the columns, unless a newer manifest
// has told it. Where a proxy looks itself, it corrects what is old.
func (m *merger) locate(ctx context.Context, tx *sql.Tx, ps *places) (changed bool, err error) {
	if !m.fresh || m.in.Locations == nil {
		return false, nil
	}
	byPlace := map[event.Place][]numbers{}
	var order []event.Place
	for _, l := range m.in.Locations() {
		p := event.Place{Server: l.Server, Database: l.Database, Schema: l.Schema, Table: l.Table, Column: l.Column}
		if _, ok := byPlace[p]; !ok {
			order = append(order, p)
		}
		if l.TableOID != 0 {
			byPlace[p] = append(byPlace[p], numbers{l.TableOID, l.Attr})
		}
	}
	for _, p := range order {
		if len(byPlace[p]) == 0 {
			continue
		}
		place, err := ps.id(ctx, p)
		if err != nil {
			return false, err
		}
		var shared bool // with somebody who knows better, or may not be misled
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM token WHERE place = ? AND source <> ?)", place, m.source).Scan(&shared); err != nil {
			return false, err
		}
		if shared {
			continue
		}
		c, err := locate(ctx, tx, ps, p, byPlace[p])
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}
