package alerttest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

// Memory is an outbox in memory for tests of what stands before and behind it.
// It passes the suite.
type Memory struct {
	Now func() time.Time // nil: time.Now

	mu   sync.Mutex
	fail error
	seq  uint64
	puts int
	all  map[event.ID]*kept
	busy map[string]bool // sinks that a loop delivers for
}

type kept struct {
	alert.Entry
	to map[string]*delivery
}

type delivery struct {
	alert.Delivery
	state string // "pending", "done", "dead"
	due   time.Time
	err   string
}

var _ alert.Leaser = (*Memory)(nil)

// Lease implements alert.Leaser among the loops of one test.
func (m *Memory) Lease(sink string) (release func(), ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[sink] {
		return nil, false, nil
	}
	if m.busy == nil {
		m.busy = map[string]bool{}
	}
	m.busy[sink] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.busy, sink)
	}, true, nil
}

// Fail makes every call fail with err until Fail(nil).
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Puts counts the commits that succeeded.
func (m *Memory) Puts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.puts
}

func (m *Memory) clock() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

// Put implements alert.Outbox.
func (m *Memory) Put(_ context.Context, ds []event.Detection, sinks []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.puts++
	if m.all == nil {
		m.all = map[event.ID]*kept{}
	}
	for _, d := range ds {
		k, ok := m.all[d.ID]
		if ok && d.Revision <= k.Detection.Revision {
			continue
		}
		if !ok {
			k = &kept{to: map[string]*delivery{}}
			m.all[d.ID] = k
		}
		m.seq++
		k.Entry = alert.Entry{Seq: m.seq, Committed: m.clock(), Detection: d}
		for _, s := range sinks {
			k.to[s] = &delivery{Delivery: alert.Delivery{Sink: s, Created: m.clock()}, state: "pending", due: m.clock()}
		}
	}
	return nil
}

// sorted returns those of what is kept that want chooses, in order of Seq.
func (m *Memory) sorted(want func(*kept) bool) []*kept {
	var ks []*kept
	for _, k := range m.all {
		if want(k) {
			ks = append(ks, k)
		}
	}
	slices.SortFunc(ks, func(a, b *kept) int { return cmp.Compare(a.Seq, b.Seq) })
	return ks
}

func everything(*kept) bool { return true }

// Due implements alert.Outbox.
func (m *Memory) Due(_ context.Context, sink string, now time.Time, max int) (ds []alert.Delivery, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ks := m.sorted(func(k *kept) bool {
		v := k.to[sink]
		return v != nil && v.state == "pending" && !v.due.After(now)
	})
	for _, k := range ks[:min(max, len(ks))] {
		d := k.to[sink].Delivery
		d.Detection, d.Attempt = k.Detection, d.Attempt+1
		ds = append(ds, d)
	}
	return ds, m.fail
}

// Settle implements alert.Outbox.
func (m *Memory) Settle(_ context.Context, d alert.Delivery, err error, next time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	k := m.all[d.Detection.ID]
	if k == nil || k.to[d.Sink] == nil || k.Detection.Revision != d.Detection.Revision || k.to[d.Sink].state != "pending" {
		return nil
	}
	v := k.to[d.Sink]
	v.Attempt++
	switch {
	case err == nil, errors.Is(err, alert.ErrSkipped):
		v.state, v.err = "done", ""
	case next.IsZero():
		v.state, v.err = "dead", err.Error()
	default:
		v.due, v.err = next, err.Error()
	}
	return nil
}

// NextDue implements alert.Outbox.
func (m *Memory) NextDue(_ context.Context, sink string) (next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.all {
		if v := k.to[sink]; v != nil && v.state == "pending" && (next.IsZero() || v.due.Before(next)) {
			next = v.due
		}
	}
	return next, m.fail
}

// Detections implements alert.Journal.
func (m *Memory) Detections(_ context.Context, q alert.Query) (es []alert.Entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.sorted(everything) {
		d := &k.Detection
		if k.Seq <= q.After || d.Severity < q.MinSeverity || q.ID != "" && d.ID != q.ID ||
			!strings.HasPrefix(string(d.ID), q.Named) && !strings.HasSuffix(string(d.ID), q.Named) ||
			d.Time.Before(q.Since) || !q.Until.IsZero() && !d.Time.Before(q.Until) {
			continue
		}
		es = append(es, k.Entry)
	}
	if q.Limit > 0 && len(es) > q.Limit {
		if q.Forward {
			es = es[:q.Limit]
		} else {
			es = es[len(es)-q.Limit:]
		}
	}
	return es, m.fail
}

// Status implements alert.Journal.
func (m *Memory) Status(context.Context) (ss []alert.SinkStatus, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := map[string]*alert.SinkStatus{}
	for _, k := range m.sorted(everything) {
		for name, v := range k.to {
			st := at[name]
			if st == nil {
				st = &alert.SinkStatus{Sink: name}
				at[name] = st
			}
			if v.err != "" {
				st.LastError = v.err
			}
			switch v.state {
			case "dead":
				st.Dead++
			case "pending":
				st.Pending++
				if v.Attempt > 0 {
					st.Failing++
				}
				if st.Oldest.IsZero() || v.Created.Before(st.Oldest) {
					st.Oldest = v.Created
				}
				if st.NextDue.IsZero() || v.due.Before(st.NextDue) {
					st.NextDue = v.due
				}
			}
		}
	}
	for _, st := range at {
		ss = append(ss, *st)
	}
	slices.SortFunc(ss, func(a, b alert.SinkStatus) int { return cmp.Compare(a.Sink, b.Sink) })
	return ss, m.fail
}

// Deliveries implements alert.Journal.
func (m *Memory) Deliveries(_ context.Context, id event.ID) (ds []alert.DeliveryState, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.all[id]; k != nil {
		for name, v := range k.to {
			ds = append(ds, alert.DeliveryState{Sink: name, Revision: k.Detection.Revision, State: v.state, Tries: v.Attempt, Error: v.err})
		}
	}
	slices.SortFunc(ds, func(a, b alert.DeliveryState) int { return cmp.Compare(a.Sink, b.Sink) })
	return ds, m.fail
}

// Dead implements alert.Journal.
func (m *Memory) Dead(_ context.Context, sink string) (ds []alert.DeadLetter, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.sorted(everything) {
		for name, v := range k.to {
			if v.state == "dead" && (sink == "" || sink == name) {
				ds = append(ds, alert.DeadLetter{Sink: name, Tries: v.Attempt, Committed: v.Created, Error: v.err, Detection: k.Detection})
			}
		}
	}
	return ds, m.fail
}

// Revive implements alert.Journal.
func (m *Memory) Revive(_ context.Context, sink string, ids ...event.ID) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, k := range m.all {
		if v := k.to[sink]; v != nil && v.state == "dead" && (len(ids) == 0 || slices.Contains(ids, id)) {
			*v = delivery{Delivery: alert.Delivery{Sink: sink, Created: m.clock()}, state: "pending", due: m.clock()}
			n++
		}
	}
	return n, m.fail
}

// Prune implements alert.Journal.
func (m *Memory) Prune(_ context.Context, before time.Time, sinks []string, max int) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.sorted(everything) {
		waits := slices.ContainsFunc(sinks, func(s string) bool { return k.to[s] != nil && k.to[s].state == "pending" })
		if n < max && k.Committed.Before(before) && !waits {
			delete(m.all, k.Detection.ID)
			n++
		}
	}
	return n, m.fail
}
