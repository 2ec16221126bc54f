package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/chain"
	"honeyrow/event"
)

// The audit is a chain of fields (see package chain): each link holds a keyed
// hash over the one before, its own number, time, kind and reference, and a keyed
// hash of what was committed with it. Whoever alters, removes or adds a detection or a decision without the
// key breaks it there. The last link's number and hash are sealed in meta, so
// that the chain cannot be cut short; pruning moves its beginning, the anchor,
// which is sealed as well. Whoever has the key, or puts an older copy of the
// whole file in its place, is told from by witnesses outside: every delivered
// detection carries its link.

// Kinds of links.
const (
	linkBegin     = "begin"     // ref: how many detections there were before
	linkDetection = "detection" // ref: id/revision
	linkChange    = "change"    // ref: incident's number/revision
	linkAllowance = "allowance" // ref: its number; note: made or ended
	linkPrune     = "prune"     // ref: how many; note: which, as JSON
	// ref: its id; note: begun, prolonged or lifted, and until when; content: the
	// record as it was written
	linkQuarantine = "quarantine"
)

// Names in meta.
const (
	metaHead   = "audit head"
	metaAnchor = "audit anchor"
)

// trail appends links within one write transaction.
type trail struct {
	tx   *sql.Tx
	box  *box
	at   int64
	head chain.Head
}

// trail begins to append; end must follow in the same transaction.
func (s *Store) trail(ctx context.Context, tx *sql.Tx, now int64) (*trail, error) {
	head, err := s.readHead(ctx, tx, metaHead)
	return &trail{tx: tx, box: s.box, at: now, head: head}, err
}

// add appends a link and returns its number.
func (c *trail) add(ctx context.Context, kind, ref, note string, content []byte) (uint64, error) {
	sum := c.box.audit.Digest([]byte(kind), content)
	c.head = c.box.audit.Next(c.head, c.at, []byte(kind), []byte(ref), []byte(note), sum[:])
	_, err := c.tx.ExecContext(ctx, "INSERT INTO audit (n, at, kind, ref, note, content, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
		int64(c.head.N), c.at, kind, ref, note, sum[:], c.head.Sum[:])
	return c.head.N, err
}

// end seals the head.
func (c *trail) end(ctx context.Context) error { return writeHead(ctx, c.tx, c.box, metaHead, c.head) }

func writeHead(ctx context.Context, tx *sql.Tx, b *box, name string, h chain.Head) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		name, b.seal(name, h.Append(nil)))
	return err
}

// readHead reads a sealed head; the zero Head if there is none.
func (s *Store) readHead(ctx context.Context, tx *sql.Tx, name string) (chain.Head, error) {
	var sealed []byte
	err := tx.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = ?", name).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return chain.Head{}, nil
	}
	if err != nil {
		return chain.Head{}, err
	}
	plain, err := s.box.open(nil, name, sealed)
	h, ok := chain.FromBytes(plain)
	if err != nil || !ok {
		return chain.Head{}, fmt.Errorf("%s: %w: it was altered outside honeyrow", name, errSealed)
	}
	return h, nil
}

// beginChain makes the chain's first link in a file that has none.
func (s *Store) beginChain(tx *sql.Tx) error {
	ctx := context.Background()
	var known, before int
	if err := errors.Join(
		tx.QueryRow("SELECT (SELECT count(*) FROM meta WHERE name = ?) + (SELECT count(*) FROM audit)", metaHead).Scan(&known),
		tx.QueryRow("SELECT count(*) FROM detection").Scan(&before)); err != nil || known > 0 {
		return err
	}
	now := micros(s.now())
	if _, err := tx.Exec("INSERT INTO meta VALUES ('identities since', ?) ON CONFLICT (name) DO NOTHING", []byte(strconv.FormatInt(now, 10))); err != nil {
		return err
	}
	c := &trail{tx: tx, box: s.box, at: now}
	if _, err := c.add(ctx, linkBegin, strconv.Itoa(before), "", nil); err != nil {
		return err
	}
	return c.end(ctx)
}

// prunedIDs is the note of a link of pruning.
type prunedIDs struct {
	Detections []string `json:"detections,omitempty"`
	Incidents  []int64  `json:"incidents,omitempty"`
}

// trim removes the links at the beginning that vouch for nothing that is still
// kept, and moves the anchor to the last of them.
func (s *Store) trim(ctx context.Context, tx *sql.Tx, head chain.Head) error {
	var first sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT n FROM audit a WHERE
		kind = 'detection' AND EXISTS (SELECT 1 FROM detection d WHERE d.id = substr(a.ref, 1, instr(a.ref, '/') - 1))
		OR kind = 'change' AND EXISTS (SELECT 1 FROM incident i WHERE i.number = CAST(substr(a.ref, 1, instr(a.ref, '/') - 1) AS INTEGER))
		ORDER BY n LIMIT 1`).Scan(&first)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	last := head.N
	if first.Valid {
		last = uint64(first.Int64) - 1
	}
	var hash []byte
	err = tx.QueryRowContext(ctx, "SELECT hash FROM audit WHERE n = ?", int64(last)).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // trimmed up to there already
	}
	if err != nil {
		return err
	}
	anchor := chain.Head{N: last}
	copy(anchor.Sum[:], hash)
	if _, err := tx.ExecContext(ctx, "DELETE FROM audit WHERE n <= ?", int64(last)); err != nil {
		return err
	}
	return writeHead(ctx, tx, s.box, metaAnchor, anchor)
}

// Verify implements alert.Auditor: it follows the whole chain within one state
// of the file.
func (s *Store) Verify(ctx context.Context, witnesses []alert.Witness) (a alert.Audit, err error) {
	err = s.view(ctx, "verify the audit", func(tx *sql.Tx) error {
		v := &verifier{
			s: s, tx: tx, a: &a, pruned: map[string]bool{}, gone: map[int64]bool{}, shut: map[string]shutLink{}, vouched: map[string]int{}, states: map[int64]string{},
		}
		return v.run(ctx, witnesses)
	})
	return a, err
}

type verifier struct {
	s       *Store
	tx      *sql.Tx
	a       *alert.Audit
	anchor  chain.Head
	pruned  map[string]bool // detections that pruning names
	gone    map[int64]bool  // incidents that pruning names
	vouched map[string]int  // detections with a link: the latest revision
	missing []alert.Break   // unless pruning names them later
	states  map[int64]string
	shut    map[string]shutLink // by quarantine: its last link
}

// fault notes a break; the one with the lowest number is told.
func (v *verifier) fault(n uint64, format string, args ...any) {
	if b := (alert.Break{N: n, What: fmt.Sprintf(format, args...)}); v.a.Broken == nil || n < v.a.Broken.N {
		v.a.Broken = &b
	}
}

func (v *verifier) run(ctx context.Context, witnesses []alert.Witness) error {
	head, err := v.s.readHead(ctx, v.tx, metaHead)
	if err == nil {
		v.anchor, err = v.s.readHead(ctx, v.tx, metaAnchor)
	}
	if errors.Is(err, errSealed) {
		v.fault(0, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	v.a.Anchor, v.a.Head = v.anchor.N, event.Seal{N: head.N, Hash: head.Sum.String()}
	kept := make([]chain.Head, len(witnesses))
	for i, w := range witnesses {
		kept[i].N = w.N
		kept[i].Sum, _ = chain.ParseSum(w.Hash) // what is no sum agrees with none
	}
	c := chain.NewChecker(v.s.box.audit, v.anchor, kept...)
	if err := v.follow(ctx, c); err != nil {
		return err
	}
	if v.a.Broken == nil {
		v.broken("", c.End(head))
	}
	v.a.Witnessed, v.a.TooOld = c.Agreed, c.TooOld
	return v.contents(ctx)
}

// broken notes what a checker has found; what says which link it is.
func (v *verifier) broken(what string, err error) {
	if b, ok := errors.AsType[*chain.Break](err); ok {
		v.fault(b.N, "%s%s", what, b.What)
	}
}

// follow walks the links up to the first that does not hold.
func (v *verifier) follow(ctx context.Context, c *chain.Checker) error {
	return each(ctx, v.tx, "SELECT n, at, kind, ref, note, content, hash FROM audit ORDER BY n", func(rows *sql.Rows) error {
		var n, when int64
		var kind, ref, note string
		var content, hash []byte
		if err := rows.Scan(&n, &when, &kind, &ref, &note, &content, &hash); err != nil {
			return err
		}
		if v.a.Broken != nil {
			return nil
		}
		if err := c.Add(uint64(n), hash, when, []byte(kind), []byte(ref), []byte(note), content); err != nil {
			v.broken(kind+" "+ref+": ", err)
			return nil
		}
		v.a.Links++
		return v.note(kind, ref, note, content, uint64(n))
	})
}

// note remembers what a link says of others.
func (v *verifier) note(kind, ref, note string, content []byte, n uint64) error {
	switch kind {
	case linkDetection:
		id, rev, _ := strings.Cut(ref, "/")
		v.vouched[id], _ = strconv.Atoi(rev)
		v.missing = append(v.missing, alert.Break{N: n, What: id + "/" + rev + "/" + string(content)})
	case linkPrune:
		var ids prunedIDs
		if err := json.Unmarshal([]byte(note), &ids); err != nil {
			return fmt.Errorf("link %d: %w", n, err)
		}
		for _, id := range ids.Detections {
			v.pruned[id] = true
		}
		for _, i := range ids.Incidents {
			v.gone[i] = true
		}
	case linkQuarantine:
		_, until, _ := strings.Cut(note, " ")
		v.shut[ref] = shutLink{n, until, string(content)}
	case linkChange:
		v.missing = append(v.missing, alert.Break{N: n, What: "\x00" + ref + "/" + string(content)})
	case linkBegin:
		v.a.Before, _ = strconv.Atoi(ref)
	}
	return nil
}

// contents compares what is kept with what the links vouch for.
func (v *verifier) contents(ctx context.Context) error {
	for _, m := range v.missing {
		var err error
		if rest, ok := strings.CutPrefix(m.What, "\x00"); ok {
			err = v.change(ctx, m.N, rest)
		} else {
			err = v.detection(ctx, m.N, m.What)
		}
		if err != nil {
			return err
		}
	}
	if v.a.Broken != nil {
		return nil // what was decided last is not certain
	}
	for number, state := range v.states {
		var now string
		err := v.tx.QueryRowContext(ctx, "SELECT state FROM incident WHERE number = ?", number).Scan(&now)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		n, want, _ := strings.Cut(state, " ")
		if at, _ := strconv.ParseUint(n, 10, 64); err == nil && now != want {
			v.fault(at, "incident %d is %s, its last change made it %s: it was altered outside honeyrow", number, now, want)
		}
	}
	if err := v.incidents(ctx); err != nil {
		return err
	}
	if err := v.quarantines(ctx); err != nil {
		return err
	}
	return each(ctx, v.tx, "SELECT id, link FROM detection WHERE link > 0", func(rows *sql.Rows) error {
		var id string
		var n int64
		err := rows.Scan(&id, &n)
		if err == nil && v.vouched[id] == 0 && uint64(n) > v.anchor.N {
			v.fault(uint64(n), "detection %s stands in the database and no link vouches for it", id)
		}
		return err
	})
}

// incidents opens every incident and compares what lists go by with what is sealed:
// no link is about these, but whoever alters them hides an incident.
func (v *verifier) incidents(ctx context.Context) error {
	return each(ctx, v.tx, `SELECT number, id, revision, state, severity, drill, opened, updated, body,
		(SELECT coalesce(max(c.revision), 0) FROM incident_change c WHERE c.incident = i.number),
		(SELECT coalesce(max(d.entry), 0) FROM detection d WHERE d.incident = i.number) FROM incident i`, func(rows *sql.Rows) error {
		var number int64
		var listed incident.Listed
		var id, state string
		var revision, severity, changed, entry int
		var drill bool
		var sealed []byte
		if err := rows.Scan(&number, &id, &revision, &state, &severity, &drill, &listed.Opened, &listed.Updated, &sealed, &changed, &entry); err != nil {
			return err
		}
		n, _, _ := strings.Cut(v.states[number], " ")
		at, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			at = v.a.Head.N // nothing was decided about it
		}
		c, err := v.s.openCase(number, revision, sealed)
		if err != nil {
			v.fault(at, "incident %d can't be read: it was altered outside honeyrow", number)
			return nil
		}
		if changed > revision || entry > c.Incident.Detections {
			v.fault(at, "incident %d is kept as it was before its last change or alert: an older copy stands in its place", number)
		}
		// What an earlier release wrote has no such times.
		if c.Listed.Opened == 0 {
			listed.Opened = 0
		}
		if c.Listed.Updated == 0 {
			listed.Updated = 0
		}
		if inc := &c.Incident; listed != c.Listed || string(inc.ID) != id || string(inc.State) != state || int(inc.Severity) != severity || inc.Drill != drill {
			v.fault(at, "incident %d is listed as what it is not: it was altered outside honeyrow", number)
		}
		return nil
	})
}

func (v *verifier) detection(ctx context.Context, n uint64, what string) error {
	id, rest, _ := strings.Cut(what, "/")
	revision, content, _ := strings.Cut(rest, "/")
	var sealed []byte
	var kept int
	var row listed
	err := v.tx.QueryRowContext(ctx, `SELECT d.revision, d.body, d.at, d.severity, d.drill, coalesce(d.incident, 0), d.entry, d.link, d.committed = a.at
		FROM detection d LEFT JOIN audit a ON a.n = ? WHERE d.id = ?`, int64(n), id).
		Scan(&kept, &sealed, &row.at, &row.severity, &row.drill, &row.incident, &row.entry, &row.link, &row.timely)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if !v.pruned[id] {
			v.fault(n, "detection %s was removed outside honeyrow", id)
		}
		return nil
	case err != nil:
		return err
	}
	if want, _ := strconv.Atoi(revision); kept != want {
		if kept < want {
			v.fault(n, "detection %s is kept at revision %d, %d was committed: an older copy stands in its place", id, kept, want)
		} else if kept > v.vouched[id] && v.a.Broken == nil { // behind a break, links are not read
			v.fault(n, "detection %s stands at revision %d, which no link vouches for: it was altered outside honeyrow", id, kept)
		}
		return nil // replaced by a later one
	}
	plain, err := v.s.box.open(nil, aboutDetection(event.ID(id), kept), sealed)
	sum := v.s.box.audit.Digest([]byte(linkDetection), plain)
	if err != nil || string(sum[:]) != content {
		v.fault(n, "detection %s is not what was committed: it was altered outside honeyrow", id)
		return nil
	}
	if !row.agrees(plain, n) {
		v.fault(n, "detection %s is listed as what it is not (time, severity, drill or incident): it was altered outside honeyrow", id)
		return nil
	}
	v.a.Detections++
	return nil
}

// listed is what lists and filters go by, beside a detection's sealed body: whoever
// alters it hides an alert without touching the body.
type listed struct {
	at, incident, link int64
	severity, entry    int
	drill              bool
	timely             bool // committed when its link was made
}

// agrees reports whether l is what the body says, and the link n what it names.
func (l *listed) agrees(body []byte, n uint64) bool {
	var d event.Detection
	if err := json.Unmarshal(body, &d); err != nil {
		return false
	}
	var in event.Membership
	if d.Incident != nil {
		in = *d.Incident
	}
	return l.timely && l.at == micros(d.Time) && l.severity == int(d.Severity) && l.drill == d.Drill &&
		l.incident == int64(in.Number) && l.entry == in.Entry && l.link == int64(n)
}

func (v *verifier) change(ctx context.Context, n uint64, what string) error {
	ref, rest, _ := strings.Cut(what, "/")
	revision, content, _ := strings.Cut(rest, "/")
	number, _ := strconv.ParseInt(ref, 10, 64)
	if v.gone[number] {
		return nil
	}
	var sealed []byte
	err := v.tx.QueryRowContext(ctx, "SELECT body FROM incident_change WHERE incident = ? AND revision = ?", number, revision).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		v.fault(n, "a change of incident %d (revision %s) was removed outside honeyrow", number, revision)
		return nil
	}
	if err != nil {
		return err
	}
	var x event.IncidentChange
	plain, err := v.s.box.open(nil, aboutChange(number, revision), sealed)
	sum := v.s.box.audit.Digest([]byte(linkChange), plain)
	if err == nil {
		err = json.Unmarshal(plain, &x)
	}
	if err != nil || string(sum[:]) != content {
		v.fault(n, "a change of incident %d (revision %s) is not what was decided: it was altered outside honeyrow", number, revision)
		return nil
	}
	v.a.Changes++
	v.states[number] = fmt.Sprintf("%d %s", n, x.To)
	return nil
}
