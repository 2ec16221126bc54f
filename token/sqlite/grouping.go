package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"honeyrow/alert/incident"
	"honeyrow/event"
)

// SetPolicy says how detections become incidents from now on. Without it
// incident.DefaultConfig holds.
func (s *Store) SetPolicy(p incident.Policy) { s.policy.Store(&p) }

// grouping puts the detections of one write transaction into incidents.
type grouping struct {
	s      *Store
	ctx    context.Context
	tx     *sql.Tx
	audit  *trail
	now    time.Time
	micros int64
	policy *incident.Policy
	cases  map[int64]*incident.Case // those touched, by number
	told   map[int64]int            // changes of theirs that are written already: ChangeCount
	// What this transaction knows already of what it would ask or write again.
	keys   map[string]int64    // incident by key; save writes them
	marks  map[string]struct{} // incident's number and mark
	firsts map[string]int64    // when identities were seen first
	since  int64               // when the registry began to keep identities; 0: not read yet
	counts map[string]int      // what happened, by its name in meta; save adds it
}

func (s *Store) newGrouping(ctx context.Context, tx *sql.Tx, audit *trail, now time.Time) *grouping {
	return &grouping{
		s: s, ctx: ctx, tx: tx, audit: audit, now: now, micros: micros(now), policy: s.policy.Load(),
		cases: map[int64]*incident.Case{}, told: map[int64]int{}, keys: map[string]int64{}, marks: map[string]struct{}{}, firsts: map[string]int64{}, counts: map[string]int{},
	}
}

// exec runs a statement and returns how many rows it changed.
func (g *grouping) exec(query string, args ...any) (int64, error) {
	res, err := g.tx.ExecContext(g.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// nextSeq counts what a follower sees: detections, revisions, changes.
func (g *grouping) nextSeq() (seq int64, err error) {
	err = g.tx.QueryRowContext(g.ctx, "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'detection' RETURNING seq").Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = g.exec("INSERT INTO sqlite_sequence (name, seq) VALUES ('detection', 1)")
		return 1, err
	}
	return seq, err
}

// assign finds the detection's incident, or begins one, and sets d.Incident.
// number is 0 unless it is a later revision of what belongs to that incident,
// as its entry.
func (g *grouping) assign(d *event.Detection, number int64, entry int) (*incident.Case, incident.Effect, error) {
	fail := func(err error) (*incident.Case, incident.Effect, error) { return nil, incident.Effect{}, err }
	principal := g.s.box.digest("incident\x00" + incident.Key(d))
	session := g.s.box.digest("session\x00" + string(incident.StoryOf(d)) + "\x00" + string(d.Client.Session))
	marks := incident.Marks{Revision: number > 0}
	c, err := g.find(d, number, principal, session)
	if err != nil {
		return fail(err)
	}
	number = int64(c.Incident.Number)
	if err := g.mark(d, number, &marks); err != nil {
		return fail(err)
	}
	if marks.Newcomer, err = g.newcomer(d); err != nil {
		return fail(err)
	}
	effect := g.policy.Add(c, d, marks, g.now)
	g.keys[string(principal)], g.keys[string(session)] = number, number
	if !marks.Revision {
		entry = c.Incident.Detections
		g.count(c, marks)
	}
	d.Incident = &event.Membership{ID: c.Incident.ID, Number: c.Incident.Number, Entry: entry, Severity: c.Incident.Severity}
	d.Audit = nil
	return c, effect, nil
}

// find returns the incident that takes the detection in. A session stays with
// its incident, whatever it calls itself meanwhile.
func (g *grouping) find(d *event.Detection, number int64, principal, session []byte) (*incident.Case, error) {
	if number > 0 {
		if c, err := g.load(number); err == nil || !lostCase(err) {
			return c, err
		}
	}
	previous := 0
	for _, key := range [][]byte{session, principal} {
		number, last := g.keys[string(key)], g.micros
		if number == 0 {
			err := g.tx.QueryRowContext(g.ctx, "SELECT incident, last FROM incident_key WHERE key = ?", key).Scan(&number, &last)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if g.now.Sub(fromMicros(last)) > g.policy.Quiet {
			continue
		}
		c, err := g.load(number)
		if lostCase(err) {
			continue // detections are never held up by an incident that can't be read
		}
		if err != nil {
			return nil, err
		}
		if c.Takes(d) {
			return c, nil
		}
		previous = max(previous, int(number))
	}
	return g.begin(d, previous)
}

// lostCase reports whether an incident is pruned, or can't be read.
func lostCase(err error) bool { return errors.Is(err, sql.ErrNoRows) || errors.Is(err, errSealed) }

// begin makes a new incident.
func (g *grouping) begin(d *event.Detection, previous int) (*incident.Case, error) {
	c := incident.New(0, d)
	c.Incident.Previous, c.Listed.Opened = previous, g.micros
	err := g.tx.QueryRowContext(g.ctx, `INSERT INTO incident (id, revision, state, severity, drill, opened, updated, body)
		VALUES (?, 0, ?, 0, ?, ?, ?, x'') RETURNING number`, c.Incident.ID, c.Incident.State, c.Incident.Drill, g.micros, g.micros).Scan(&c.Incident.Number)
	g.cases[int64(c.Incident.Number)] = c
	return c, err
}

func (g *grouping) load(number int64) (*incident.Case, error) {
	if c := g.cases[number]; c != nil {
		return c, nil
	}
	c, err := g.s.readCase(g.ctx, g.tx, number)
	if err == nil {
		g.cases[number], g.told[number] = c, c.Incident.ChangeCount
	}
	return c, err
}

// mark remembers what the detection shows and tells what of it is new.
func (g *grouping) mark(d *event.Detection, number int64, m *incident.Marks) error {
	isNew := func(mark string) (bool, error) {
		key := strconv.FormatInt(number, 10) + mark
		if _, ok := g.marks[key]; ok {
			return false, nil
		}
		g.marks[key] = struct{}{}
		n, err := g.exec("INSERT OR IGNORE INTO incident_mark (incident, mark) VALUES (?, ?)", number, mark)
		return n > 0, err
	}
	var err error
	if m.Session, err = isNew("s" + string(d.Client.Session)); err != nil {
		return err
	}
	if m.Sight, err = isNew("d" + incident.Sight(d)); err != nil {
		return err
	}
	for i := range d.Hits {
		h := &d.Hits[i]
		if h.Row == "" {
			continue
		}
		fresh, err := isNew("r" + string(h.Row))
		if err != nil {
			return err
		}
		if fresh {
			m.Rows = append(m.Rows, h.Place)
		}
	}
	return nil
}

// newcomer reports whether the detection's identity was first seen a short time
// ago, once the registry knows enough identities to say so.
func (g *grouping) newcomer(d *event.Detection) (bool, error) {
	if d.Drill || g.policy.NewFor == 0 {
		return false, nil
	}
	key := g.s.box.digest("identity\x00" + incident.Identity(&d.Client))
	first, ok := g.firsts[string(key)]
	if !ok {
		first = g.micros
		err := g.tx.QueryRowContext(g.ctx, "SELECT first FROM identity WHERE key = ?", key).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = g.exec("INSERT INTO identity (key, first, last) VALUES (?, ?, ?)", key, first, first)
		}
		if err != nil {
			return false, err
		}
		g.firsts[string(key)] = first
	}
	if g.since == 0 {
		var text []byte
		err := g.tx.QueryRowContext(g.ctx, "SELECT value FROM meta WHERE name = 'identities since'").Scan(&text)
		if err == nil {
			g.since, err = strconv.ParseInt(string(text), 10, 64)
		}
		if err != nil {
			return false, fmt.Errorf("identities since: %w", err)
		}
	}
	return g.now.Sub(fromMicros(first)) < g.policy.NewFor && fromMicros(first).Sub(fromMicros(g.since)) >= g.policy.WarmUp, nil
}

// deliver makes the delivery of a detection due, or holds it back.
func (g *grouping) deliver(d *event.Detection, c *incident.Case, seq int64, sink string, news bool) error {
	number := c.Incident.Number
	due, throttled, held := g.micros, false, 0
	t := &g.policy.Throttle
	for _, name := range t.Sinks {
		if name != sink {
			continue
		}
		wait, err := g.throttle(number, sink, news)
		if err != nil {
			return err
		}
		if wait > 0 {
			due, throttled = wait, true
		}
		// One that waits is spoken for by this one.
		if err := g.tx.QueryRowContext(g.ctx, `SELECT coalesce(sum(held + 1), 0) FROM delivery
			WHERE sink = ? AND incident = ? AND state = 'pending' AND throttled = 1 AND detection <> ?`, sink, number, d.ID).Scan(&held); err != nil {
			return err
		}
		if held > 0 {
			n, err := g.exec(`UPDATE delivery SET state = 'held' WHERE sink = ? AND incident = ? AND state = 'pending'
				AND throttled = 1 AND detection <> ?`, sink, number, d.ID)
			if err != nil {
				return err
			}
			c.Incident.Held += int(n)
		}
	}
	_, err := g.exec(`INSERT INTO delivery (sink, detection, revision, incident, seq, state, held, throttled, tries, created, due)
		VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, 0, ?, ?) ON CONFLICT (detection, sink) DO UPDATE SET revision = excluded.revision,
		incident = excluded.incident, seq = excluded.seq, held = excluded.held + CASE state WHEN 'pending' THEN held ELSE 0 END,
		throttled = excluded.throttled, state = 'pending', tries = 0, created = excluded.created, due = excluded.due, error = ''`,
		sink, d.ID, d.Revision, number, seq, held, throttled, g.micros, due)
	return err
}

// throttle returns when a delivery that tells nothing new may leave; 0: now.
func (g *grouping) throttle(number int, sink string, news bool) (int64, error) {
	t := &g.policy.Throttle
	var since int64
	var sent int
	err := g.tx.QueryRowContext(g.ctx, "SELECT since, sent FROM throttle WHERE incident = ? AND sink = ?", number, sink).Scan(&since, &sent)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	age := g.micros - since
	if every := t.Every.Microseconds(); age >= every || age < 0 {
		since, sent = g.micros, 0
	} else if !news && sent >= t.After {
		return since + every, nil
	}
	_, err = g.exec(`INSERT INTO throttle (incident, sink, since, sent) VALUES (?, ?, ?, ?)
		ON CONFLICT (incident, sink) DO UPDATE SET since = excluded.since, sent = excluded.sent`, number, sink, since, sent+1)
	return 0, err
}

// Names in meta of what is counted; those of changes end in the new state.
const (
	countOpened  = "incidents opened"
	countMerged  = "incidents merged"
	countRepeats = "incidents repeats"
	countState   = "incidents now "
)

// count counts a detection that is new to its incident.
func (g *grouping) count(c *incident.Case, m incident.Marks) {
	switch {
	case c.Incident.Drill:
		return
	case c.Incident.Detections == 1:
		g.counts[countOpened]++
	default:
		g.counts[countMerged]++
	}
	if !m.Sight {
		g.counts[countRepeats]++
	}
}

// saveCounts adds what was counted to the registry's totals.
func (g *grouping) saveCounts() error {
	for name, n := range g.counts {
		if _, err := g.exec(`INSERT INTO meta VALUES (?1, CAST(?2 AS BLOB)) ON CONFLICT (name)
			DO UPDATE SET value = CAST(CAST(value AS INTEGER) + ?2 AS BLOB)`, name, n); err != nil {
			return err
		}
	}
	clear(g.counts)
	return nil
}

// save writes the incidents that were touched and their changes.
func (g *grouping) save() error {
	for key, number := range g.keys {
		if _, err := g.exec(`INSERT INTO incident_key (key, incident, last) VALUES (?, ?, ?) ON CONFLICT (key)
			DO UPDATE SET incident = excluded.incident, last = excluded.last`, []byte(key), number, g.micros); err != nil {
			return err
		}
	}
	for number, c := range g.cases {
		if err := g.tell(number, c); err != nil {
			return err
		}
		c.Listed.Updated = g.micros
		body, err := json.Marshal(c)
		if err != nil {
			return err
		}
		inc := &c.Incident
		_, err = g.exec("UPDATE incident SET revision = ?, state = ?, severity = ?, updated = ?, body = ? WHERE number = ?",
			inc.Revision, inc.State, inc.Severity, g.micros, g.s.box.seal(aboutIncident(number, inc.Revision), body), number)
		if err != nil {
			return err
		}
	}
	return g.saveCounts()
}

// tell writes and chains the changes that are new.
func (g *grouping) tell(number int64, c *incident.Case) error {
	inc := &c.Incident
	fresh := inc.ChangeCount - g.told[number]
	for _, x := range inc.Changes[max(0, len(inc.Changes)-fresh):] {
		body, err := json.Marshal(x)
		if err != nil {
			return err
		}
		seq, err := g.nextSeq()
		if err != nil {
			return err
		}
		revision := strconv.Itoa(x.Revision)
		if _, err := g.audit.add(g.ctx, linkChange, fmt.Sprintf("%d/%s", number, revision), "", body); err != nil {
			return err
		}
		_, err = g.exec("INSERT INTO incident_change (seq, incident, revision, committed, body) VALUES (?, ?, ?, ?, ?)",
			seq, number, x.Revision, g.micros, g.s.box.seal(aboutChange(number, revision), body))
		if err != nil {
			return err
		}
		if x.From == x.To {
			continue // the detections that raised it tell sinks
		}
		if !inc.Drill {
			g.counts[countState+string(x.To)]++
		}
		_, err = g.exec(`INSERT INTO notice (sink, incident, revision, seq, state, tries, created, due)
			SELECT DISTINCT sink, ?1, ?2, ?3, 'pending', 0, ?4, ?4 FROM delivery WHERE incident = ?1
			ON CONFLICT (incident, sink) DO UPDATE SET revision = excluded.revision, seq = excluded.seq, state = 'pending',
			tries = 0, created = excluded.created, due = excluded.due, error = ''`, number, x.Revision, seq, g.micros)
		if err != nil {
			return err
		}
	}
	g.told[number] = inc.ChangeCount
	return nil
}

// readCase reads an incident.
func (s *Store) readCase(ctx context.Context, tx *sql.Tx, number int64) (*incident.Case, error) {
	var revision int
	var sealed []byte
	err := tx.QueryRowContext(ctx, "SELECT revision, body FROM incident WHERE number = ?", number).Scan(&revision, &sealed)
	if err != nil {
		return nil, err
	}
	return s.openCase(number, revision, sealed)
}

func (s *Store) openCase(number int64, revision int, sealed []byte) (*incident.Case, error) {
	var c incident.Case
	plain, err := s.box.open(nil, aboutIncident(number, revision), sealed)
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err != nil {
		return nil, fmt.Errorf("incident %d: %w: its row was altered outside honeyrow; restore a backup", number, err)
	}
	return &c, nil
}
