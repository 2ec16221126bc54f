package engine

import (
	"maps"
	"slices"
	"strings"
	"time"

	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/rules"
	"honeyrow/token"
)

// record is a detection while its run goes on. The first hit that a live rule
// answers for is reported at once (revision 1); a hit that makes it graver is
// reported at once too (a value was presented, now the row is read); the end of
// the run makes the last revision. Hits in between are only counted, in memory
// bounded by event.MaxHits and the number of honey rows.
type record struct {
	e       *Engine
	s       *session
	st      *statement
	policy  *policy
	kind    hitKind // floor: replication for a replication connection
	det     event.Detection
	seen    map[hitKey]int       // in det.Hits; -1 beyond MaxHits
	rows    map[event.ID]*weight // by honey row
	rulings [hitKinds]ruling
	pending uint8 // kinds of the hits that settle has not seen
	closed  bool
	drawn   bool // client and statement are filled in
	doubt   bool // the hits may be chance: severity and action are held back
}

// maxLabel bounds Hit.Column in bytes.
const maxLabel = 256

// hitKey tells a value presented from the same value read.
type hitKey struct {
	tok     event.ID
	inbound bool
}

// ruling is what the policy says about a kind of hit, asked once per record.
type ruling struct {
	asked, live bool
	rule        rules.Rule
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
	return c
}

// sight adds a hit; settle decides about it.
func (c *record) sight(x *match.Index, tok uint32, ch event.Channel, means, column string, at look) {
	c.e.stats.hits.Add(1)
	if t := x.Token(tok); !c.again(t, ch) {
		c.count(newSighting(x, tok, means, at), ch, column)
	}
	kind := read
	if ch.Inbound() {
		kind = presented
	}
	if means == meansPredicate || means == meansTable {
		kind = sought
	}
	c.pending |= 1 << max(kind, c.kind)
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
	c.det.HitCount++
	row := t.Row
	if row == "" {
		row = t.ID
	}
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
	c.det.Hits = append(c.det.Hits, event.Hit{
		Token: t.ID, Kind: t.Kind, Row: row, Place: t.Place, Story: t.Story(),
		PlantedBy: t.PlantedBy, PlantedAt: t.PlantedAt, Note: t.Note,
		Channel: ch, Means: h.means, Disguise: h.disguise, Column: cut(clean(column), maxLabel), Count: 1,
		Evidence: h.ev,
	})
}

// settle returns the verdict on the hits since the last settle: once for all of
// one call of the seam, so that a report tells all that the call saw. It reports
// if the policy makes the detection new or graver. A nil record had no hits.
func (c *record) settle() event.Verdict {
	if c == nil || c.pending == 0 {
		return event.Verdict{}
	}
	var v event.Verdict
	sure := c.doubt && !c.doubtful()
	c.doubt = c.doubtful()
	news := false
	for k := range hitKinds {
		r := &c.rulings[k]
		if sure && r.live {
			c.apply(k, r.rule)
			news = true
		}
		if c.pending&(1<<k) == 0 {
			continue
		}
		if !r.asked {
			r.asked = true
			c.ask(k, r)
			if r.live {
				c.apply(k, r.rule)
				news = true
			}
		}
		if r.live {
			v = worse(v, event.Verdict{Action: c.held(r.rule.Action), Rule: r.rule.ID, Detection: c.det.ID})
		}
	}
	c.pending = 0
	if news {
		c.report()
	}
	return v
}

// doubtful reports whether the hits may well be chance.
func (c *record) doubtful() bool {
	return c.det.HitCount > 0 && c.kind != replication && c.det.Chance > c.policy.Coincidence
}

// held is what is done in doubt: nothing is refused.
func (c *record) held(a event.Action) event.Action {
	if c.doubt {
		return min(a, event.Alert)
	}
	return a
}

func (c *record) ask(kind hitKind, r *ruling) {
	var on bool
	r.rule, on = c.policy.rules.Rule(kindRule[kind])
	if !on {
		c.e.stats.disabled.Add(1)
		return
	}
	who := c.s.who()
	if c.policy.rules.Allowed(r.rule.ID, &who, c.e.now()) {
		c.e.stats.allowed.Add(1)
		return
	}
	r.live = true
}

// apply makes the rule part of the detection: the weightier kind names it, the
// higher severity and action stay.
func (c *record) apply(kind hitKind, r rules.Rule) {
	if c.det.Rule == "" {
		c.det.ID = event.NewID()
		c.e.stats.detections.Add(1)
	}
	graver := true
	for k := kind + 1; k < hitKinds; k++ {
		graver = graver && !c.rulings[k].live
	}
	if graver || c.det.Rule == "" {
		c.det.Rule = r.ID
	}
	severity, action := r.Severity, c.held(r.Action)
	if c.doubt {
		severity = min(severity, event.Low)
	}
	c.det.Severity = max(c.det.Severity, severity)
	c.det.Action = max(c.det.Action, action)
	if kind == presented && action == event.Block {
		c.det.Run.Done = true // it does not even begin
	}
}

// done ends the record; rows and code as inspect.Run.Done gives them.
func (c *record) done(rows uint64, code string) {
	if c.closed {
		return
	}
	c.closed = true
	c.det.Run.Rows, c.det.Run.Done, c.det.Run.Code = rows, true, clean(strings.Clone(code))
	if c.det.Rule != "" {
		c.report()
	}
}

// report hands a copy of the detection to the Reporter.
func (c *record) report() {
	c.draw()
	c.det.Client = c.s.who()
	c.det.Findings, c.det.Reach = c.e.told(c.s)
	c.det.Revision++
	c.det.Summary = summary(&c.det)
	d := c.det
	d.Hits = slices.Clone(d.Hits)
	d.Statement.Parameters = slices.Clone(d.Statement.Parameters)
	d.Statement.Tags = maps.Clone(d.Statement.Tags)
	c.e.stats.reports.Add(1)
	c.e.reporter.Report(d)
}

// draw fills in the statement, when a detection is first reported.
func (c *record) draw() {
	if c.drawn || c.st == nil {
		return
	}
	c.drawn = true
	c.det.Statement = describe(c.st.text, c.st.total, c.s.mysql, c.policy.RedactLiterals, c.det.Statement.Parameters)
}

// describe makes evidence of a statement's text, of which total bytes came.
func describe(text []byte, total int, mysql, redacted bool, parameters []string) event.Statement {
	p := event.Statement{Truncated: total > len(text), Tags: tags(text, mysql), Redacted: redacted, Parameters: parameters}
	if redacted {
		text = redact(text, mysql)
	}
	p.Text = clean(string(text))
	return p
}
