package engine

import (
	"honeyrow/event"
	"honeyrow/rules"
)

// ParserFailing tells people that statements are judged by their words alone,
// since the parser failed so many times in a row: nobody is blind in silence. The
// detection names no client: who sent a statement that kills the parser has one
// of his own.
func (e *Engine) ParserFailing(times int, reason string) {
	now := e.now()
	policy := e.policy.Load()
	rule := policy.rules.Compiled(rules.ParserFailing)
	env := rules.NewEnv()
	env.Reset(now)
	env.Proxy.ParserFailures = times
	if rule == nil || rule.Disabled || !rule.Holds(env) {
		e.stats.disabled.Add(1)
		return
	}
	d := event.Detection{
		Schema: event.Schema, ID: event.NewID(), Time: now, Severity: rule.Graded(env),
		Rule: rule.ID, Action: event.Alert, HitCount: times, Hits: []event.Hit{},
	}
	d.Rules = []event.Match{matchOf(rule, d.Severity)}
	d.Run.Started, d.Run.Code = now, clean(cut(reason, 200))
	d.Summary = clean(deed(&d) + ": " + oneLine(reason))
	e.stats.detections.Add(1)
	e.report(d, nil)
}

// attempts names the patterns of a detection of SQL in values.
func attempts(d *event.Detection) string {
	for i := range d.Findings {
		if d.Findings[i].Detector == attemptID {
			return d.Findings[i].Detail
		}
	}
	return "no details"
}
