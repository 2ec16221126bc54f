package alert

import (
	"context"
	"fmt"
	"time"

	"honeyrow/event"
)

// What is not committed is not delivered. So that nobody takes that for peace,
// the sinks are told when alerts have waited for the outbox for a while, past the
// outbox and without a promise: how many, why, and which is the gravest.

// AlertsWaiting is the rule that a notice names. It can't be allowed or switched
// off; a sink's policy may leave it out.
const AlertsWaiting = "alerts-waiting"

// WaitingPlaybook is the page of what to do about a notice.
const WaitingPlaybook = "docs/playbooks/alerts-waiting.md"

const (
	// noticeAfter is how long alerts wait before the sinks are told: another
	// program's lock is gone by then. noticeEvery is the pause before they are told
	// again.
	noticeAfter = 15 * time.Second
	noticeEvery = 15 * time.Minute
	// noticeTries is how often a sink is given a notice.
	noticeTries = 3
)

// outage is what a Recorder knows of the time since the outbox can't be written.
// The zero value: it can.
type outage struct {
	since, told time.Time
	waiting     int
	gravest     event.Detection
	notice      event.Detection
}

// add counts what waits, since a time before the try that failed: of a locked
// database that takes a while.
func (o *outage) add(ds []event.Detection, since time.Time) {
	if o.since.IsZero() {
		o.since = since
	}
	for i := range ds {
		if o.waiting == 0 || ds[i].Severity > o.gravest.Severity {
			o.gravest = ds[i]
		}
		o.waiting++
	}
}

// due reports whether it is time to tell the sinks.
func (o *outage) due(now time.Time) bool {
	return o.waiting > 0 && now.Sub(o.since) >= noticeAfter && (o.told.IsZero() || now.Sub(o.told) >= noticeEvery)
}

// tell makes the notice: one detection for an outage, with a revision for each
// time. Its client is the gravest alert's; queued wait too, and have not been seen.
func (o *outage) tell(why error, queued int, now time.Time) event.Detection {
	waiting := o.waiting + queued
	d := &o.notice
	if d.ID == "" {
		d.Schema, d.ID, d.Rule, d.Action, d.Hits = event.Schema, event.NewID(), AlertsWaiting, event.Alert, []event.Hit{}
	}
	o.told = now
	d.Time, d.Revision = now, d.Revision+1
	d.Severity = max(event.High, o.gravest.Severity)
	d.Client, d.HitCount = o.gravest.Client, waiting
	d.Run = event.Run{Started: o.since}
	d.Rules = []event.Match{{
		ID: AlertsWaiting, Title: "Alerts wait since the registry can't be written", Severity: d.Severity,
		Actions: []string{event.Alert.String()}, Playbook: WaitingPlaybook,
	}}
	alerts := "1 alert waits"
	if waiting > 1 {
		alerts = fmt.Sprintf("%d alerts wait, the gravest", waiting)
	}
	d.Summary = fmt.Sprintf("%s: %s; since %s the registry can't be written (%v), and until it can no alert is delivered",
		alerts, o.gravest.Summary, o.since.UTC().Format("15:04:05 UTC"), why)
	return *d
}

// Notify gives the sink a detection that is not in the outbox, as soon as the loop
// is idle. It never blocks: one that was not given yet is replaced.
func (l *Loop) Notify(d event.Detection) {
	select {
	case <-l.notices:
	default:
	}
	select {
	case l.notices <- d:
	default: // another call's
	}
}

// tell gives the sink a notice, if it wants it.
func (l *Loop) tell(ctx context.Context, d event.Detection) {
	if !l.policy.Wants(&d) {
		return
	}
	follower, _ := l.sink.(IncidentSink)
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
		err := l.hand(bounded, follower, &Delivery{Sink: l.sink.Name(), Detection: d, Attempt: try, Created: d.Time})
		cancel()
		if err == nil {
			return
		}
		if try == noticeTries || IsPermanent(err) {
			l.log.Error().Err(err).Msg("the sink could not be told that alerts wait")
			return
		}
		timer := time.NewTimer(l.cfg.First << (try - 1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
