package engine

import (
	"maps"
	"slices"
	"strings"
	"time"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/token"
)

// record is a detection while its run goes on. The first hit that a live rule
// answers for is reported at once (revision 1); a hit that makes it graver is
// reported at once too (a value was presented, now the row is read); the end of
// the run makes the last revision. Hits in between are only counted, in memory
// bounded by event.MaxHits and the number of honey rows. ruling.go has what the
// rules say about it.
type record struct {
	e        *Engine
	s        *session
	st       *statement
	policy   *policy
	det      event.Detection
	seen     map[hitKey]int       // in det.Hits; -1 beyond MaxHits
	rows     map[event.ID]*weight // by honey row
	strength []token.Strength     // of det.Hits
	judging
	closed bool
	drawn  bool // client and statement are filled in
	doubt  bool // the hits may be chance: severity and actions are held back
	// ordered is the honey row of a drill; strayed: it turned out to be none.
	ordered event.ID
	strayed bool
}

// maxLabel bounds Hit.Column in bytes.
const maxLabel = 256

// hitKey tells a value presented from the same value read.
type hitKey struct {
	tok     event.ID
	inbound bool
}

// newRecord begins a record; st is nil for what belongs to no statement.
// A zero started means now.
func (e *Engine) newRecord(s *session, st *statement, started time.Time) *record {
	c := &record{e: e, s: s, st: st, policy: e.policy.Load()}
	c.det.Schema = event.Schema
	c.det.Time = e.now()
	if started.IsZero() {
		started = c.det.Time
	}
	c.det.Run.Started = started
	if st != nil {
		c.order(st.text)
	}
	return c
}

// sight adds a hit; settle decides about it.
func (c *record) sight(x *match.Index, tok uint32, ch event.Channel, means, column string, at look) {
	c.e.stats.hits.Add(1)
	t := x.Token(tok)
	if !c.again(t, ch) {
		c.count(newSighting(x, tok, means, at), ch, column)
	}
	c.news = true
	if !ch.Inbound() {
		c.outbound = true
		c.s.past.read(rowOf(t))
	}
}

// rowOf is the honey row that a token belongs to.
func rowOf(t *token.Token) event.ID {
	if t.Row == "" {
		return t.ID
	}
	return t.Row
}

// recall adds what the statement's text had shown before the run, silently: it
// has its own detection already.
func (c *record) recall(hits []sighting) {
	for _, h := range hits {
		if !c.again(h.tok, event.ChannelStatement) {
			c.count(h, event.ChannelStatement, "")
		}
	}
}

// again counts a hit of a token that has been hit before.
func (c *record) again(t *token.Token, ch event.Channel) bool {
	i, ok := c.seen[hitKey{t.ID, ch.Inbound()}]
	if ok {
		c.det.HitCount++
		c.det.Hits[i].Count++
	}
	return ok
}

func (c *record) count(h sighting, ch event.Channel, column string) {
	t := h.tok
	c.strays(t)
	c.det.HitCount++
	row := rowOf(t)
	if c.rows == nil {
		c.rows, c.seen = map[event.ID]*weight{}, map[hitKey]int{}
	}
	w := c.rows[row]
	if w == nil {
		w = &weight{}
		c.rows[row] = w
	}
	w.add(t.Value, h.ev.Bits, h.tries)
	p := min(h.ev.Chance, round(w.chance()))
	if c.det.Chance == 0 || p < c.det.Chance {
		c.det.Chance = p
	}
	c.det.HoneyRows = len(c.rows)
	if len(c.det.Hits) == event.MaxHits {
		return
	}
	if ch == event.ChannelLabel && c.policy.RedactLiterals {
		column = "" // the name holds the value
	}
	c.seen[hitKey{t.ID, ch.Inbound()}] = len(c.det.Hits)
	c.strength = append(c.strength, t.Strength)
	c.det.Hits = append(c.det.Hits, event.Hit{
		Token: t.ID, Kind: t.Kind, Row: row, Place: t.Place, Story: t.Story(),
		PlantedBy: t.PlantedBy, PlantedAt: t.PlantedAt, Note: t.Note, Copy: t.Copy, Owner: t.Owner,
		Channel: ch, Means: h.means, Disguise: h.disguise, Column: cut(clean(column), maxLabel), Count: 1,
		Evidence: h.ev,
	})
}

// doubtful reports whether the hits may well be chance.
func (c *record) doubtful() bool {
	return c.det.HitCount > 0 && c != c.s.standby && c.det.Chance > c.policy.Coincidence
}

// done ends the record; rows and code as inspect.Run.Done gives them.
func (c *record) done(rows uint64, code string) {
	if c.closed {
		return
	}
	c.closed = true
	c.det.Run.Rows, c.det.Run.Done, c.det.Run.Code = rows, true, clean(strings.Clone(code))
	fresh := c.conclude()
	if c.det.Rule != "" {
		c.report()
	}
	c.enforce(fresh)
}

// report hands a copy of the detection to the Reporter.
func (c *record) report() {
	c.draw()
	c.det.Client = c.s.who()
	c.det.Rules = c.matches()
	if !c.det.Drill {
		c.e.distrust(c.s, c.det.Rule)
		c.det.Findings, c.det.Reach = c.e.told(c.s)
	}
	if c.e.analysis != nil && !c.det.Drill {
		c.det.Origins = c.e.origins(c.s, c.st, &c.det)
	}
	c.det.Summary = summary(&c.det)
	if c.det.Drill {
		c.det.Summary = drillMark + c.det.Summary
	}
	d := c.det
	d.Hits = slices.Clone(d.Hits)
	d.Statement.Parameters = slices.Clone(d.Statement.Parameters)
	d.Statement.Tags = maps.Clone(d.Statement.Tags)
	c.det.Revision = c.e.report(d, c.file)
}

// draw fills in the statement, when a detection is first reported.
func (c *record) draw() {
	if c.drawn || c.st == nil {
		return
	}
	c.drawn = true
	c.det.Statement = c.s.describe(c.st.text, c.st.total, c.policy.RedactLiterals, c.det.Statement.Parameters)
	c.det.Statement.Shape = c.st.Name()
}
