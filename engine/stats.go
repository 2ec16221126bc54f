package engine

import (
	"sync/atomic"
	"time"
)

// counters are the engine's running totals. Nothing is counted per statement or
// row: that would be a shared cache line on the hot path.
type counters struct {
	sessions, swaps, detections, reports, hits atomic.Uint64
	allowed, disabled, truncated, crowded      atomic.Uint64
	learned, inline, unparsed, refused, spared atomic.Uint64
	barred                                     atomic.Uint64
}

// Stats are totals since the start.
type Stats struct {
	Sessions   uint64 // opened
	Swaps      uint64 // token sets taken over
	Tokens     int    // watched now
	Version    uint64 // of the registry, watched now
	IndexBytes int    // memory of the token index beside the snapshot
	Hits       uint64 // sightings, repeats included
	Detections uint64 // made
	Reports    uint64 // revisions handed to the Reporter
	Allowed    uint64 // detections that an allowance silenced
	Disabled   uint64 // detections of disabled rules
	// Truncated counts statements whose kept text is shorter than they were.
	// They were searched whole.
	Truncated uint64
	// Crowded counts rows with more weak values than are weighed: combinations
	// of weak values may have been missed there.
	Crowded  uint64
	Learned  uint64 // locations handed to Options.Learn
	Inline   uint64 // statements judged by their lexemes alone, since the parser had too much to do
	Unparsed uint64 // statements at which the analysis failed
	// Underived counts results in which a digest or cipher was not looked for, since
	// too many others had been asked for shortly before.
	Underived uint64
	Refused   uint64 // sessions of subjects in quarantine
	// Spared counts quarantines that were not begun, since they would have shut
	// out everybody on a unix socket, or everybody without a name.
	Spared uint64
	Barred uint64 // logins, statements and executions refused while Bar was in force
	Failed uint64 // conditions that could not be evaluated, with the present rules
	// Waiting statements are not understood yet, the oldest for Lag, the one that
	// is being parsed included.
	Waiting int
	Lag     time.Duration
}

// Stats returns the totals.
func (e *Engine) Stats() Stats {
	x, c := e.index.Load(), &e.stats
	waiting, lag := e.analysis.load(e.now())
	return Stats{
		Sessions: c.sessions.Load(), Swaps: c.swaps.Load(), Tokens: x.Tokens(), Version: x.Version(),
		IndexBytes: x.Size(), Hits: c.hits.Load(), Detections: c.detections.Load(), Reports: c.reports.Load(),
		Allowed: c.allowed.Load(), Disabled: c.disabled.Load(), Truncated: c.truncated.Load(),
		Crowded: c.crowded.Load(), Learned: c.learned.Load(),
		Inline: c.inline.Load(), Unparsed: c.unparsed.Load(), Underived: e.derivations.left.Load(),
		Refused: c.refused.Load(), Spared: c.spared.Load(), Barred: c.barred.Load(), Failed: e.policy.Load().rules.Failed(),
		Waiting: waiting, Lag: lag,
	}
}
