package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"honeyrow/alert"
	"honeyrow/event"
)

// desc describes one metric. Labels are names from the configuration only:
// nothing that a client says becomes a label.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("honeyrow_"+name, help, labels, nil)
}

// The metrics. docs/metrics.md has them all; a test compares.
var (
	mBuild        = desc("build_info", "Always 1; the labels say what runs.", "version", "revision", "go")
	mStarted      = desc("start_time_seconds", "When the proxy began, in Unix time.")
	mReloads      = desc("config_reloads_total", "Configurations taken over or refused since the start.", "result")
	mReloaded     = desc("config_last_reload_success_time_seconds", "When the configuration in force was taken over, in Unix time.")
	mDraining     = desc("draining", "1 while the proxy goes down in an orderly way.")
	mRegistryUp   = desc("registry_up", "0 while the registry can't be read: the tokens last known are watched on.")
	mTokens       = desc("tokens", "Tokens being watched.")
	mVersion      = desc("registry_version", "Version of the registry being watched.")
	mIndexBytes   = desc("token_index_bytes", "Memory of the token index.")
	mConnections  = desc("connections", "Clients' connections now, logins included.", "listener")
	mAccepted     = desc("connections_accepted_total", "Connections accepted.", "listener")
	mRejected     = desc("connections_rejected_total", "Connections turned away over a limit or while draining.", "listener")
	mSessions     = desc("sessions_total", "Logins that led to a session.", "listener")
	mLoginsFailed = desc("logins_failed_total", "Logins that failed, by the side at fault.", "listener", "side")
	mMalformed    = desc("sessions_malformed_total", "Sessions ended because a side broke the protocol.", "listener", "side")
	mPanics       = desc("panics_total", "Sessions ended by a defect of honeyrow.", "listener")
	mBytes        = desc("bytes_total", "Bytes passed on, by the side that had them.", "listener", "to")
	mStatements   = desc("statements_total", "Statements that clients sent to be run, refused ones too.", "listener")
	mRows         = desc("rows_total", "Rows that servers returned.", "listener")
	mInspected    = desc("rows_inspected_total", "Rows that were searched. In the others nothing could stand that is watched for, by their columns' types and lengths.", "listener")
	mHeld         = desc("held_bytes", "Bytes of results that are kept back now, in protect mode.", "listener")
	mWithheld     = desc("results_withheld_total", "Refused results of which nothing has left.", "listener")
	mBeyond       = desc("results_beyond_hold_total", "Results beyond a limit of their hold (size, time), by what became of them (passed, refused).", "listener", "limit", "outcome")
	mHits         = desc("hits_total", "Sightings of planted values, repeats included.")
	mDetections   = desc("detections_total", "Detections made.")
	mReports      = desc("reports_total", "Revisions of detections handed to the recorder.")
	mAllowed      = desc("detections_allowed_total", "Detections that an allowance silenced.")
	mDisabled     = desc("detections_disabled_total", "Detections of disabled rules.")
	mCut          = desc("statements_cut_total", "Statements of which only a part is kept as evidence; all was searched.")
	mCrowded      = desc("rows_crowded_total", "Rows with more weak values than are weighed.")
	mInline       = desc("statements_judged_inline_total", "Statements judged by their words alone because the parser had too much to do.")
	mUnderived    = desc("results_underived_total", "Results in which a digest or cipher of the statement's own was not looked for because too many others had been asked for.")
	mUnparsed     = desc("statements_unparsed_total", "Statements at which the analysis failed.")
	mShut         = desc("quarantine_subjects", "Addresses, users and applications that are shut out now.")
	mTurnedAway   = desc("quarantine_sessions_refused_total", "Sessions refused because their client is in quarantine.")
	mSpared       = desc("quarantine_spared_total", "Quarantines not begun, since they would have shut out everybody on a unix socket or without a name.")
	mWaiting      = desc("analysis_queued", "Statements of a shape not seen before that wait for the parser now.")
	mLag          = desc("analysis_lag_seconds", "For how long the oldest statement that is not understood yet has waited; 0: none does.")
	mTracesFailed = desc("trace_exports_failed_total", "Batches of traces that the collector did not take; 0 too where nobody traces.")
	mReported     = desc("recorder_reported_total", "Revisions that the recorder took.")
	mCommitted    = desc("recorder_committed_total", "Revisions committed to the outbox.")
	mWaited       = desc("recorder_waited_total", "Reports that had to wait because the recorder's queue was full.")
	mCommitFailed = desc("recorder_commits_failed_total", "Commits that failed and were tried again.")
	mLost         = desc("recorder_lost_total", "Revisions that were never committed; each is in the log by its id.")
	mQueued       = desc("recorder_queued", "Revisions waiting for a commit now.")
	mSpilled      = desc("recorder_spilled_total", "Revisions that were kept in the spill because the outbox could not be written.")
	mSpill        = desc("recorder_spill", "Revisions waiting in the spill now.")
	mOutboxUp     = desc("outbox_up", "0 while detections can't be committed, or what is committed can't be read for delivery.")
	mBarred       = desc("refused_unwritable_total", "Logins, statements and executions refused because alerts could not be recorded.")
	mElders       = desc("predecessor_sessions", "Sessions that processes before this one still have after a hand-over.")
	mPredecessors = desc("predecessors", "Processes before this one that still have sessions after a hand-over, and answer.")
	mEldersUp     = desc("predecessor_outbox_up", "0 while a process before this one can't commit its detections; 1 too where there is none.")
	mEldersWait   = desc("predecessor_queued", "Revisions that wait for a commit with processes before this one, in memory and in the spill.")
	mNotHanded    = desc("hand_overs_failed_total", "Hand-overs that failed: this process went on.")
	mDelivered    = desc("sink_delivered_total", "Deliveries that a sink took.", "sink")
	mTriesFailed  = desc("sink_tries_failed_total", "Tries to deliver that failed.", "sink")
	mDead         = desc("sink_dead_total", "Deliveries given up.", "sink")
	mSkipped      = desc("sink_skipped_total", "Deliveries that the sink's filter left out.", "sink")
	mLimited      = desc("sink_limited_total", "Deliveries that waited for the sake of the sink's rate.", "sink")
	mSinkUp       = desc("sink_up", "0 if the last try to deliver failed.", "sink")
	mLastDone     = desc("sink_last_delivery_time_seconds", "When the sink last took a delivery, in Unix time; 0: not since the start.", "sink")
)

// collector reads the counters when it is asked: nothing is counted twice, and
// nothing on the path of the traffic.
type collector struct{ a *App }

// Describe implements prometheus.Collector: the metrics depend on the
// configuration, so they are not checked in advance.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	b := Build()
	gauge(mBuild, 1, b.Version, b.Revision, b.Go)
	gauge(mStarted, unixSeconds(c.a.started))
	gauge(mReloaded, unixSeconds(time.Unix(0, c.a.reloaded.Load())))
	count(mReloads, c.a.reloads.Load(), "taken")
	count(mReloads, c.a.reloadsRefused.Load(), "refused")
	if tr := c.a.press.trace; tr != nil {
		count(mTracesFailed, tr.Failed())
	} else {
		count(mTracesFailed, 0)
	}
	gauge(mDraining, one(c.a.draining.Load()))
	c.elders(gauge)
	count(mNotHanded, c.a.hand.failed.Load())
	gauge(mRegistryUp, one(!c.a.lost.Load()))
	c.engine(gauge, count)
	c.listeners(gauge, count)
	c.sinks(gauge, count)
}

type (
	gaugeFunc func(d *prometheus.Desc, v float64, labels ...string)
	countFunc func(d *prometheus.Desc, v uint64, labels ...string)
)

// elders asks the processes before this one, if there are any.
func (c collector) elders(gauge gaugeFunc) {
	gauge(mElders, float64(c.a.hand.estate.Sessions()))
	up, waiting := true, 0
	es := c.a.eldersStatus(context.Background())
	for i := range es {
		up = up && es[i].Outbox.Up
		waiting += es[i].Outbox.Queued + es[i].Outbox.Spill
	}
	gauge(mPredecessors, float64(len(es)))
	gauge(mEldersUp, one(up))
	gauge(mEldersWait, float64(waiting))
}

func (c collector) engine(gauge gaugeFunc, count countFunc) {
	st := c.a.engine.Stats()
	gauge(mTokens, float64(st.Tokens))
	gauge(mVersion, float64(st.Version))
	gauge(mIndexBytes, float64(st.IndexBytes))
	count(mHits, st.Hits)
	count(mDetections, st.Detections)
	count(mReports, st.Reports)
	count(mAllowed, st.Allowed)
	count(mDisabled, st.Disabled)
	count(mCut, st.Truncated)
	count(mCrowded, st.Crowded)
	count(mBarred, st.Barred)
	count(mInline, st.Inline)
	count(mUnparsed, st.Unparsed)
	count(mUnderived, st.Underived)
	gauge(mShut, float64(len(c.a.engine.Quarantine())))
	count(mTurnedAway, st.Refused)
	count(mSpared, st.Spared)
	gauge(mWaiting, float64(st.Waiting))
	gauge(mLag, st.Lag.Seconds())
}

func (c collector) listeners(gauge gaugeFunc, count countFunc) {
	for name, l := range c.a.byName() {
		n := &l.Counters
		gauge(mConnections, float64(n.Active.Load()), name)
		count(mAccepted, n.Accepted.Load(), name)
		count(mRejected, n.Rejected.Load(), name)
		count(mSessions, n.Sessions.Load(), name)
		count(mLoginsFailed, n.LoginsFailedClient.Load(), name, "client")
		count(mLoginsFailed, n.LoginsFailedServer.Load(), name, "server")
		count(mMalformed, n.MalformedClient.Load(), name, "client")
		count(mMalformed, n.MalformedServer.Load(), name, "server")
		count(mPanics, n.Panics.Load(), name)
		count(mBytes, n.ToClient.Load(), name, "client")
		count(mBytes, n.ToServer.Load(), name, "server")
		y := l.proto.tally
		count(mStatements, y.Statements.Load(), name)
		count(mInspected, y.Inspected.Load(), name) // before all: it never is more
		count(mRows, y.Rows.Load(), name)
		h := l.proto.held
		gauge(mHeld, float64(max(h.Bytes.Load(), 0)), name)
		count(mWithheld, h.Withheld.Load(), name)
		// What was refused is read first: it never is more than all.
		large, slow := h.TooLarge.Load(), h.TooSlow.Load()
		count(mBeyond, h.Exceeded.Load()-large, name, "size", "passed")
		count(mBeyond, large, name, "size", "refused")
		count(mBeyond, h.Overdue.Load()-slow, name, "time", "passed")
		count(mBeyond, slow, name, "time", "refused")
	}
}

func (c collector) sinks(gauge gaugeFunc, count countFunc) {
	rec, sinks := c.a.press.stats()
	count(mReported, rec.Reported)
	count(mCommitted, rec.Committed)
	count(mWaited, rec.Blocked)
	count(mCommitFailed, rec.Failed)
	count(mLost, rec.Lost)
	gauge(mQueued, float64(rec.Queued))
	gauge(mSpill, float64(rec.Waiting))
	gauge(mOutboxUp, one(!rec.Failing && !unread(sinks)))
	count(mSpilled, rec.Spilled)
	for name, s := range sinks {
		count(mDelivered, s.Delivered, name)
		count(mTriesFailed, s.Failed, name)
		count(mDead, s.Dead, name)
		count(mSkipped, s.Skipped, name)
		count(mLimited, s.Limited, name)
		gauge(mSinkUp, one(!s.Failing), name)
		last := 0.0
		if !s.LastDelivered.IsZero() {
			last = unixSeconds(s.LastDelivered)
		}
		gauge(mLastDone, last, name)
	}
}

// metrics is the handler of /metrics. It uses no global registry, so that what
// a library registers there does not appear.
func (a *App) metrics() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collector{a}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), outbox{a})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

var (
	mIncidents = desc("incidents", "Incidents that the registry keeps now, drills left out.", "state", "severity")
	mIncident  = desc("incidents_total", "What happened to incidents since the registry was made: opened, acknowledged, resolved, allowed, reopened.", "event")
	mMerged    = desc("incident_alerts_merged_total", "Alerts that went into an incident that was there.")
	mRepeats   = desc("incident_alerts_repeated_total", "Merged alerts that told nothing new: the same rule, statement and tables again.")

	mPending = desc("sink_pending", "Committed deliveries that wait for a sink.", "sink")
	mGivenUp = desc("sink_dead", "Deliveries given up and kept: `honeyrow alerts dead`.", "sink")
	mOldest  = desc("sink_oldest_pending_seconds", "Age of the delivery that has waited longest; 0: none waits.", "sink")
)

// outbox asks the registry's database what waits for the sinks. If it can't be
// asked, the metrics are missing: registry_up says why.
type outbox struct{ a *App }

// outboxTime bounds the question, so that a locked database does not hold up
// all other metrics.
const outboxTime = 2 * time.Second

// Describe implements prometheus.Collector.
func (o outbox) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (o outbox) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), outboxTime)
	defer cancel()
	o.incidents(ctx, ch)
	ss, err := o.a.store.Status(ctx)
	if err != nil {
		return
	}
	waiting := map[string]alert.SinkStatus{}
	for _, s := range ss {
		waiting[s.Sink] = s
	}
	_, sinks := o.a.press.stats()
	for name := range sinks {
		s, age := waiting[name], 0.0
		if s.Pending > 0 {
			age = time.Since(s.Oldest).Seconds()
		}
		ch <- prometheus.MustNewConstMetric(mPending, prometheus.GaugeValue, float64(s.Pending), name)
		ch <- prometheus.MustNewConstMetric(mGivenUp, prometheus.GaugeValue, float64(s.Dead), name)
		ch <- prometheus.MustNewConstMetric(mOldest, prometheus.GaugeValue, max(age, 0), name)
	}
}

// incidents collects what the registry counts of incidents, whichever process
// made or decided them.
func (o outbox) incidents(ctx context.Context, ch chan<- prometheus.Metric) {
	c, err := o.a.store.IncidentCounts(ctx)
	if err != nil {
		return
	}
	for _, state := range []event.IncidentState{event.Open, event.Acknowledged, event.Resolved, event.Allowed} {
		for sev := event.Info; sev <= event.Critical; sev++ {
			n := c.Standing[alert.IncidentStanding{State: state, Severity: sev}]
			ch <- prometheus.MustNewConstMetric(mIncidents, prometheus.GaugeValue, float64(n), string(state), sev.String())
		}
	}
	for what, n := range map[string]uint64{"opened": c.Opened, "acknowledged": c.Acknowledged, "resolved": c.Resolved, "allowed": c.Allowed, "reopened": c.Reopened} {
		ch <- prometheus.MustNewConstMetric(mIncident, prometheus.CounterValue, float64(n), what)
	}
	ch <- prometheus.MustNewConstMetric(mMerged, prometheus.CounterValue, float64(c.Merged))
	ch <- prometheus.MustNewConstMetric(mRepeats, prometheus.CounterValue, float64(c.Repeats))
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1e3 }
