package alert

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
)

const (
	// DefaultQueue is how many detections may wait for a commit: at 4 KiB each
	// 4 MiB, and hundreds of runs that hit at once.
	DefaultQueue = 1024
	// maxGroup bounds one commit.
	maxGroup = 256
	// commitTimeout bounds one try to commit.
	commitTimeout = 30 * time.Second
	// The back-off between tries while the outbox cannot be written.
	minCommitPause, maxCommitPause = 50 * time.Millisecond, 5 * time.Second
	// logEvery is the shortest time between two log lines about one trouble.
	logEvery = time.Minute
)

// Recorder commits detections to the outbox. The detections that arrive while
// one commit runs make up the next, so the window between Report and the
// commit is about two commits, a few milliseconds, and idle time costs nothing.
//
// Report never drops: if the outbox cannot be written, the queue fills and
// then Report blocks the session that it belongs to.
type Recorder struct {
	out   Outbox
	sinks []string
	log   zerolog.Logger
	now   func() time.Time
	wake  func()

	queue  chan item
	closed chan struct{} // no more reports
	once   sync.Once
	ended  chan struct{} // Run has returned

	stats   recorderCounters
	lastLog time.Time // Run's own
	skipped int       // log lines kept back since lastLog; Run's own
}

// item is a detection, or a mark whose channel is closed once everything
// before it is committed.
type item struct {
	d    event.Detection
	mark chan struct{}
}

type recorderCounters struct {
	reported, committed, blocked, failed, lost atomic.Uint64
}

// RecorderStats counts since the start.
type RecorderStats struct {
	Reported  uint64 // detections handed to Report
	Committed uint64
	Blocked   uint64 // calls of Report that had to wait for the queue
	Failed    uint64 // commits that failed and were tried again
	Lost      uint64 // detections that were never committed; each is in the log by id
	Queued    int    // waiting now
}

// RecorderOptions hold what a Recorder can do without.
type RecorderOptions struct {
	Queue int              // 0: DefaultQueue
	Now   func() time.Time // nil: time.Now
	// Wake is called after each commit, on Run's goroutine; it must not block.
	Wake func()
}

// NewRecorder makes a recorder that commits detections for the named sinks.
// It does nothing until Run.
func NewRecorder(out Outbox, sinks []string, log zerolog.Logger, o RecorderOptions) *Recorder {
	r := &Recorder{
		out: out, sinks: sinks, log: log, now: o.Now, wake: o.Wake,
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	if o.Queue <= 0 {
		o.Queue = DefaultQueue
	}
	r.queue = make(chan item, o.Queue)
	if r.now == nil {
		r.now = time.Now
	}
	if r.wake == nil {
		r.wake = func() {}
	}
	return r
}

// Report hands a detection over; it keeps d's slices, which must not change.
// It returns at once unless the queue is full; then it waits. After Close it
// logs the detection's id as lost.
func (r *Recorder) Report(d event.Detection) {
	r.stats.reported.Add(1)
	select {
	case <-r.closed:
		r.lose([]event.Detection{d}, "reported after the recorder was closed")
		return
	default:
	}
	select {
	case r.queue <- item{d: d}:
		r.sweep(false)
		return
	default:
	}
	r.stats.blocked.Add(1)
	select {
	case r.queue <- item{d: d}:
		r.sweep(false)
	case <-r.closed:
		r.lose([]event.Detection{d}, "the recorder was closed while the queue was full")
	}
}

// Stats may be called at any time.
func (r *Recorder) Stats() RecorderStats {
	c := &r.stats
	return RecorderStats{
		Reported: c.reported.Load(), Committed: c.committed.Load(), Blocked: c.blocked.Load(),
		Failed: c.failed.Load(), Lost: c.lost.Load(), Queued: len(r.queue),
	}
}

// Run commits what is reported until Close, or until ctx ends. The end of ctx
// abandons what is queued: end it after Close, when its deadline has passed.
func (r *Recorder) Run(ctx context.Context) {
	defer func() {
		close(r.ended)
		r.sweep(true) // what came between the last look and ended
	}()
	for {
		select {
		case it := <-r.queue:
			r.commit(ctx, r.gather(it))
		case <-r.closed:
			r.drain(ctx)
			return
		case <-ctx.Done():
			r.once.Do(func() { close(r.closed) })
			r.drain(ctx)
			return
		}
	}
}

// sweep makes sure that a report that crossed the end of Run does not vanish
// in silence. Once Run has ended it takes what is queued and logs it.
func (r *Recorder) sweep(ended bool) {
	if !ended {
		select {
		case <-r.ended:
		default:
			return
		}
	}
	for {
		select {
		case it := <-r.queue:
			if it.mark == nil {
				r.lose([]event.Detection{it.d}, "reported while the recorder was closed")
			}
		default:
			return
		}
	}
}

// drain commits what is queued at the end.
func (r *Recorder) drain(ctx context.Context) {
	for {
		select {
		case it := <-r.queue:
			r.commit(ctx, r.gather(it))
		default:
			return
		}
	}
}

// gather takes what else is queued, up to one group.
func (r *Recorder) gather(first item) []item {
	group := []item{first}
	for len(group) < maxGroup {
		select {
		case it := <-r.queue:
			group = append(group, it)
		default:
			return group
		}
	}
	return group
}

// commit commits a group and then closes its marks.
func (r *Recorder) commit(ctx context.Context, group []item) {
	ds := make([]event.Detection, 0, len(group))
	for _, it := range group {
		if it.mark == nil {
			ds = append(ds, it.d)
		}
	}
	if len(ds) > 0 {
		r.put(ctx, ds)
		r.wake()
	}
	for _, it := range group {
		if it.mark != nil && ctx.Err() == nil { // else ended tells
			close(it.mark)
		}
	}
}

// put tries until the outbox has ds or ctx ends.
func (r *Recorder) put(ctx context.Context, ds []event.Detection) {
	pause := minCommitPause
	for {
		try, cancel := context.WithTimeout(ctx, commitTimeout)
		err := r.out.Put(try, ds, r.sinks)
		cancel()
		switch {
		case err == nil:
			r.stats.committed.Add(uint64(len(ds)))
			return
		case IsPermanent(err) && len(ds) > 1: // one of them: find out which
			for i := range ds {
				r.put(ctx, ds[i:i+1])
			}
			return
		case IsPermanent(err), ctx.Err() != nil:
			r.lose(ds, err.Error())
			return
		}
		r.stats.failed.Add(1)
		r.complain(err, len(ds))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, maxCommitPause)
	}
}

// complain logs a failed commit, at most once a minute.
func (r *Recorder) complain(err error, n int) {
	now := r.now()
	if !r.lastLog.IsZero() && now.Sub(r.lastLog) < logEvery {
		r.skipped++
		return
	}
	r.log.Error().Err(err).Int("waiting", n+len(r.queue)).Int("not_logged", r.skipped).
		Msg("detections cannot be committed; they are kept in memory and tried again")
	r.lastLog, r.skipped = now, 0
}

// lose logs each detection that will never be committed.
func (r *Recorder) lose(ds []event.Detection, why string) {
	r.stats.lost.Add(uint64(len(ds)))
	for i := range ds {
		r.log.Error().Str("detection", string(ds[i].ID)).Str("rule", ds[i].Rule).Stringer("severity", ds[i].Severity).
			Str("session", string(ds[i].Client.Session)).Str("user", ds[i].Client.User).Str("client", ds[i].Client.Address).
			Str("reason", why).Msg("detection lost")
	}
}

// Flush returns once everything reported before the call is committed, or when
// ctx ends.
func (r *Recorder) Flush(ctx context.Context) error {
	mark := make(chan struct{})
	select {
	case r.queue <- item{mark: mark}:
	case <-r.ended:
		return r.verdict()
	case <-ctx.Done():
		return fmt.Errorf("flush detections: %d not committed: %w", len(r.queue), ctx.Err())
	}
	select {
	case <-mark:
		return nil
	case <-r.ended:
		return r.verdict()
	case <-ctx.Done():
		return fmt.Errorf("flush detections: %d and more not committed: %w", len(r.queue), ctx.Err())
	}
}

// Close takes no more reports and waits until Run has committed what it has,
// or until ctx ends: then the caller ends Run's context, and what is left is
// logged as lost, by id. Call it when no session reports any more.
func (r *Recorder) Close(ctx context.Context) error {
	r.once.Do(func() { close(r.closed) })
	select {
	case <-r.ended:
		return r.verdict()
	case <-ctx.Done():
		return fmt.Errorf("close recorder: %d and more detections not committed: %w: make the database writable", len(r.queue), ctx.Err())
	}
}

// verdict is how a recorder that has ended fared.
func (r *Recorder) verdict() error {
	if n := r.stats.lost.Load(); n > 0 {
		return fmt.Errorf("%d detections were never committed: the log names each by its id", n)
	}
	return nil
}
