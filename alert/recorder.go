package alert

import (
	"context"
	"errors"
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
// While the outbox cannot be written, detections go into the spill, and back from
// there into the outbox in their order. Where there is no spill, or it cannot be
// written either, they stay in memory; when the queue is full, Report blocks the
// session that it belongs to, unless Unwritable says otherwise.
type Recorder struct {
	out   Outbox
	sinks []string
	log   zerolog.Logger
	now   func() time.Time
	wake  func()
	spill Spill // nil: none
	pass  bool  // never block a session: count what is lost
	tell  func(error)
	note  func(event.Detection)

	queue  chan item
	freed  chan struct{} // nobody waits for the queue any more
	free   sync.Once
	closed chan struct{} // no more reports
	once   sync.Once
	ended  chan struct{} // Run has returned

	stats   recorderCounters
	lastLog time.Time     // Run's own
	skipped int           // log lines kept back since lastLog; Run's own
	spilled bool          // the spill may hold something; Run's own
	again   time.Time     // no try to empty the spill before; Run's own
	rest    time.Duration // between such tries; Run's own
	outage  outage        // Run's own

	stuck atomic.Bool // a commit has lasted for longer than a session may wait, and lasts

	mu      sync.Mutex
	trouble chan struct{} // closed while the outbox cannot be written
	ill     bool
	late    []event.Detection // reported after Release, beyond the queue
}

// item is a detection, or a mark whose channel is closed once everything
// before it is committed.
type item struct {
	d    event.Detection
	mark chan struct{}
}

type recorderCounters struct {
	reported, committed, blocked, failed, spilled, lost atomic.Uint64
}

// RecorderStats counts since the start.
type RecorderStats struct {
	Reported  uint64 // detections handed to Report
	Committed uint64
	Blocked   uint64 // calls of Report that had to wait for the queue
	Failed    uint64 // commits that failed and were tried again
	Spilled   uint64 // detections kept in the spill until the outbox could be written
	Lost      uint64 // detections that were never committed; each is in the log by id
	Queued    int    // waiting in memory now
	Waiting   int    // waiting in the spill now
	Failing   bool   // the outbox cannot be written now
}

// RecorderOptions hold what a Recorder can do without.
type RecorderOptions struct {
	Queue int              // 0: DefaultQueue
	Now   func() time.Time // nil: time.Now
	// Wake is called after each commit, on Run's goroutine; it must not block.
	Wake func()
	// Spill keeps what the outbox cannot take; nil: memory has to do.
	Spill Spill
	// Pass has Report never wait while the outbox cannot be written: what fits
	// neither into the spill nor into the queue is lost, counted and logged by its id.
	Pass bool
	// Trouble is told why the outbox cannot be written, and nil once it can, on
	// Run's goroutine; it must not block. nil: nobody is.
	Trouble func(error)
	// Notice gets a detection for the sinks when others have waited for a while
	// since the outbox cannot be written, and again now and then; on Run's goroutine;
	// it must not block. nil: nobody does.
	Notice func(event.Detection)
}

// NewRecorder makes a recorder that commits detections for the named sinks.
// It does nothing until Run.
func NewRecorder(out Outbox, sinks []string, log zerolog.Logger, o RecorderOptions) *Recorder {
	r := &Recorder{
		out: out, sinks: sinks, log: log, now: o.Now, wake: o.Wake, spill: o.Spill, pass: o.Pass, tell: o.Trouble, note: o.Notice,
		closed: make(chan struct{}), freed: make(chan struct{}), ended: make(chan struct{}), trouble: make(chan struct{}),
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
	r.wait(d)
}

// passPatience is how long a session waits for the queue where it shall pass
// whatever happens. A disk that does not answer is no failure that a commit could
// tell of.
const passPatience = time.Second

// wait waits for room in the queue as long as it may.
func (r *Recorder) wait(d event.Detection) {
	const full = "the queue is full while the outbox cannot be written, and alerts.unwritable is pass"
	var giveUp chan struct{}
	var patience <-chan time.Time
	if r.pass {
		if r.stuck.Load() {
			r.lose([]event.Detection{d}, full)
			return
		}
		giveUp = r.troubled()
		timer := time.NewTimer(passPatience)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case r.queue <- item{d: d}:
		r.sweep(false)
	case <-patience:
		r.stuck.Store(true) // until the commit that is under way ends
		r.lose([]event.Detection{d}, full)
	case <-giveUp:
		r.lose([]event.Detection{d}, full)
	case <-r.freed:
		r.mu.Lock()
		r.late = append(r.late, d)
		r.mu.Unlock()
		r.sweep(false)
	case <-r.closed:
		r.lose([]event.Detection{d}, "the recorder was closed while the queue was full")
	}
}

// Release has no session wait any more, for the end of the process: what does not
// fit the queue is kept beside it, as much as there are sessions that had to wait,
// and committed before Run returns. Close follows.
func (r *Recorder) Release() { r.free.Do(func() { close(r.freed) }) }

// takeLate returns what is kept beside the queue, and forgets it.
func (r *Recorder) takeLate() []event.Detection {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := r.late
	r.late = nil
	return late
}

// troubled returns a channel that is closed while the outbox cannot be written.
func (r *Recorder) troubled() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// fare notes whether the outbox can be written, nil if so.
func (r *Recorder) fare(err error) {
	if err == nil {
		r.outage = outage{}
	}
	r.mu.Lock()
	changed := r.ill != (err != nil)
	r.ill = err != nil
	switch {
	case changed && r.ill:
		close(r.trouble)
	case changed:
		r.trouble = make(chan struct{})
	}
	r.mu.Unlock()
	if changed && r.tell != nil {
		r.tell(err)
	}
}

// Stats may be called at any time.
func (r *Recorder) Stats() RecorderStats {
	c := &r.stats
	s := RecorderStats{
		Reported: c.reported.Load(), Committed: c.committed.Load(), Blocked: c.blocked.Load(),
		Failed: c.failed.Load(), Spilled: c.spilled.Load(), Lost: c.lost.Load(), Queued: len(r.queue),
	}
	if r.spill != nil {
		s.Waiting = r.spill.Waiting()
	}
	r.mu.Lock()
	s.Failing = r.ill
	r.mu.Unlock()
	return s
}

// Run commits what is reported until Close, or until ctx ends. The end of ctx
// abandons what is queued: end it after Close, when its deadline has passed.
func (r *Recorder) Run(ctx context.Context) {
	defer func() {
		close(r.ended)
		r.sweep(true) // what came between the last look and ended
	}()
	r.spilled = r.spill != nil && r.spill.Waiting() > 0 // of a process that has ended
	for {
		var again <-chan time.Time
		if r.spilled {
			again = time.After(time.Until(r.again))
		}
		select {
		case it := <-r.queue:
			r.commit(ctx, r.gather(it))
		case <-again:
			r.empty(ctx)
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
			if late := r.takeLate(); len(late) > 0 {
				r.lose(late, "reported while the recorder was closed")
			}
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
			if late := r.takeLate(); len(late) > 0 {
				r.put(ctx, late)
				r.wake()
				continue
			}
			if r.spilled && ctx.Err() == nil {
				r.empty(ctx) // one last try: else the next start's
			}
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

// put tries until the outbox or the spill has ds, or ctx ends.
func (r *Recorder) put(ctx context.Context, ds []event.Detection) {
	began, waits := r.now(), false
	if r.spilled && !r.empty(ctx) {
		waits = true
		r.outage.add(ds, began)
		if r.keep(ds) { // not before those that wait there
			return
		}
	}
	pause := minCommitPause
	for {
		err := r.try(ctx, ds)
		switch {
		case err == nil:
			r.stats.committed.Add(uint64(len(ds)))
			r.fare(nil)
			return
		case IsPermanent(err) && len(ds) > 1: // one of them: find out which
			for i := range ds {
				r.put(ctx, ds[i:i+1])
			}
			return
		case IsPermanent(err):
			r.lose(ds, err.Error())
			return
		}
		if ctx.Err() == nil {
			r.stats.failed.Add(1)
			r.fare(err)
			r.complain(err, len(ds))
		}
		if !waits {
			waits = true
			r.outage.add(ds, began)
		}
		r.notify(err)
		if r.keep(ds) {
			return
		}
		if ctx.Err() != nil {
			r.lose(ds, err.Error())
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, maxCommitPause)
	}
}

// try commits once.
func (r *Recorder) try(ctx context.Context, ds []event.Detection) error {
	try, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	defer r.stuck.Store(false)
	return r.out.Put(try, ds, r.sinks)
}

// keep puts ds into the spill.
func (r *Recorder) keep(ds []event.Detection) bool {
	if r.spill == nil {
		return false
	}
	if err := r.spill.Keep(ds); err != nil {
		r.complain(err, len(ds))
		return false
	}
	if !r.spilled {
		r.spilled, r.rest = true, minCommitPause
		r.again = time.Now().Add(r.rest)
	}
	r.stats.spilled.Add(uint64(len(ds)))
	return true
}

// empty commits what waits in the spill, unless that was tried a moment ago. It
// reports whether nothing waits any more.
func (r *Recorder) empty(ctx context.Context) bool {
	if time.Now().Before(r.again) && ctx.Err() == nil {
		select {
		case <-r.closed: // the last try
		default:
			return false
		}
	}
	n, err := r.spill.Replay(func(ds []event.Detection) error {
		err := r.try(ctx, ds)
		if IsPermanent(err) {
			for i := range ds {
				if e := r.try(ctx, ds[i:i+1]); IsPermanent(e) {
					r.lose(ds[i:i+1], e.Error())
				} else if e != nil {
					return e
				}
			}
			return nil
		}
		return err
	})
	r.stats.committed.Add(uint64(n))
	if n > 0 {
		r.wake()
	}
	if _, damaged := errors.AsType[*SpillDamaged](err); damaged {
		r.log.Error().Err(err).Msg("not all that waited in the spill could be read")
		err = nil
	}
	if err != nil {
		if ctx.Err() == nil {
			r.stats.failed.Add(1)
			r.fare(err)
			r.complain(err, r.spill.Waiting())
			r.notify(err)
		}
		r.rest = min(2*max(r.rest, minCommitPause), maxCommitPause)
		r.again = time.Now().Add(r.rest)
		return false
	}
	r.spilled, r.rest = false, 0
	r.fare(nil)
	r.log.Info().Int("committed", n).Msg("the outbox can be written again: what waited in the spill is committed")
	return true
}

// notify has the sinks told that detections wait, if it is time.
func (r *Recorder) notify(why error) {
	if now := r.now(); r.note != nil && r.outage.due(now) {
		r.note(r.outage.tell(why, len(r.queue), now))
	}
}

// complain logs a failed commit, at most once a minute.
func (r *Recorder) complain(err error, n int) {
	now := r.now()
	if !r.lastLog.IsZero() && now.Sub(r.lastLog) < logEvery {
		r.skipped++
		return
	}
	kept := "memory"
	if r.spill != nil {
		kept = r.spill.Path() + ", and in memory if that can't be written"
	}
	r.log.Error().Err(err).Int("waiting", n+len(r.queue)).Int("not_logged", r.skipped).Str("kept_in", kept).
		Msg("detections cannot be committed; they are kept and tried again")
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
	if r.spill != nil {
		if n := r.spill.Waiting(); n > 0 {
			r.log.Warn().Int("waiting", n).Str("file", r.spill.Path()).
				Msg("the outbox could not be written: detections wait in the spill, and the next start commits them; keep the file")
		}
	}
	if n := r.stats.lost.Load(); n > 0 {
		return fmt.Errorf("%d detections were never committed: the log names each by its id", n)
	}
	return nil
}
