package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
)

// RetryConfig says how a sink's failed deliveries are tried again.
type RetryConfig struct {
	// First is the pause after a first failure; it doubles with each further
	// one up to Longest. Each pause is shortened at random by up to a quarter.
	First   time.Duration `yaml:"first"`
	Longest time.Duration `yaml:"longest"`
	// MaxAge is how long after its commit a delivery is given up and kept as dead.
	MaxAge time.Duration `yaml:"max_age"`
	// Timeout bounds one try.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultRetry tries for a week, at least every ten minutes.
func DefaultRetry() RetryConfig {
	return RetryConfig{First: time.Second, Longest: 10 * time.Minute, MaxAge: 7 * 24 * time.Hour, Timeout: 30 * time.Second}
}

// Validate reports what cannot work.
func (c RetryConfig) Validate() error {
	switch {
	case c.First <= 0:
		return errors.New("first: set a pause above zero, such as 1s")
	case c.Longest < c.First:
		return fmt.Errorf("longest: %s is shorter than first (%s): raise it", c.Longest, c.First)
	case c.MaxAge < c.Longest:
		return fmt.Errorf("max_age: %s is shorter than longest (%s): raise it", c.MaxAge, c.Longest)
	case c.Timeout <= 0:
		return errors.New("timeout: set a time above zero, such as 30s")
	}
	return nil
}

const (
	// dueBatch bounds the deliveries read at once.
	dueBatch = 32
	// probeEvery is how long a failing sink rests at most before another
	// delivery is tried, so that one that the destination cannot digest does
	// not hold up the others for as long as its own pause grows.
	probeEvery = 30 * time.Second
	// stubbornTries is how often a delivery goes before those committed after it.
	stubbornTries = 6
	// leastTries is how often a delivery is tried whatever its age: with the default
	// pauses for a quarter of an hour.
	leastTries = 10
	// lookEvery is how often the outbox is looked at without a wake-up: other
	// processes put detections there too (`honeyrow alerts test`).
	lookEvery = 2 * time.Second
	// leasePause is how often a loop looks whether the sink is free, standbyPause
	// how often one does that leaves the sink to another process.
	leasePause   = 500 * time.Millisecond
	standbyPause = 5 * time.Second
	// storePause is the pause after a failure of the outbox itself.
	storePause = time.Second
)

// Leaser is an Outbox that lets one loop at a time deliver for a sink, among
// all processes that use it: without it two of them would deliver everything
// twice. The lease ends with release or with the process.
type Leaser interface {
	// Lease returns ok false, without waiting, while another holds it.
	Lease(sink string) (release func(), ok bool, err error)
}

// ErrLeased says that another loop delivers for the sink.
var ErrLeased = errors.New("another process or an earlier configuration delivers for this sink now")

// Loop delivers what the outbox holds for one sink, in order of commit as long
// as the sink takes it, each at least once.
type Loop struct {
	out  Outbox
	sink Sink
	cfg  RetryConfig
	log  zerolog.Logger
	now  func() time.Time
	roll func() float64
	woke chan struct{}
	// notices holds the latest notice that was not given to the sink yet.
	notices chan event.Detection
	one     sync.Mutex // held by Run or Drain

	standby atomic.Bool

	release    func()    // gives up the lease; nil: not held
	failures   int       // of the sink in a row
	restUntil  time.Time // no try before; zero: the sink is well
	lastLog    time.Time
	quietStore time.Time

	policy    Policy
	pace      *pacer
	paceUntil time.Time // no try before, for the sake of the rate
	held      event.ID  // the delivery that is counted as limited

	delivered, failed, dead, skipped, limited atomic.Uint64
	lastDone                                  atomic.Int64 // Unix nanoseconds
	ill                                       atomic.Bool  // the last try failed
	blind                                     atomic.Bool  // the outbox can't be used
}

// LoopStats counts since the start.
type LoopStats struct {
	Delivered uint64
	Failed    uint64 // tries
	Dead      uint64
	Skipped   uint64 // not for this sink, as its policy says
	Limited   uint64 // deliveries that waited for the sake of the rate
	// LastDelivered is zero if there was none since the start.
	LastDelivered time.Time
	Failing       bool // the last try failed
	Blind         bool // the outbox can't be used: what waits there is not delivered
}

// ErrLimited says that the sink's rate is used up for now.
var ErrLimited = errors.New("the sink's rate is used up for now: the rest is delivered later")

// LoopOptions hold what a Loop can do without.
type LoopOptions struct {
	Now  func() time.Time // nil: time.Now
	Roll func() float64   // jitter in [0,1); nil: math/rand/v2
	// Policy is what the sink gets and its rate; its Retry is not used here.
	Policy Policy
}

// NewLoop makes the loop of one sink. It does nothing until Run or Drain.
func NewLoop(out Outbox, sink Sink, cfg RetryConfig, log zerolog.Logger, o LoopOptions) *Loop {
	l := &Loop{
		out: out, sink: sink, cfg: cfg, log: log.With().Str("sink", sink.Name()).Logger(),
		now: o.Now, roll: o.Roll, woke: make(chan struct{}, 1), notices: make(chan event.Detection, 1), policy: o.Policy, pace: newPacer(o.Policy.Rate),
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.roll == nil {
		l.roll = rand.Float64
	}
	return l
}

// StandBy leaves the sink to another process for as long as there is one: see
// Desk.StandBy.
func (l *Loop) StandBy(on bool) {
	l.standby.Store(on)
	select {
	case l.woke <- struct{}{}:
	default:
	}
}

// Wake tells the loop that the outbox has something new. It never blocks.
func (l *Loop) Wake() {
	if l.standby.Load() {
		return // whoever has the sink looks by itself
	}
	select {
	case l.woke <- struct{}{}:
	default:
	}
}

// Stats may be called at any time.
func (l *Loop) Stats() LoopStats {
	s := LoopStats{
		Delivered: l.delivered.Load(), Failed: l.failed.Load(), Dead: l.dead.Load(),
		Skipped: l.skipped.Load(), Limited: l.limited.Load(), Failing: l.ill.Load(), Blind: l.blind.Load(),
	}
	if n := l.lastDone.Load(); n > 0 {
		s.LastDelivered = time.Unix(0, n)
	}
	return s
}

// Run delivers until ctx ends. A try that is under way is then broken off and
// made again after the next start.
func (l *Loop) Run(ctx context.Context) {
	l.one.Lock()
	defer l.one.Unlock()
	defer l.giveBack()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-l.notices:
			l.tell(ctx, d)
		case <-l.woke:
		case <-timer.C:
		}
		timer.Reset(l.round(ctx))
	}
}

// Drain tries each pending delivery that is due, once, and returns how many it
// delivered; ErrLeased if another loop is at it. It stops at the first failure that is not permanent: a sink that
// is down now is left to the next start. Call it when Run has returned, or
// without Run for a single delivery on demand.
func (l *Loop) Drain(ctx context.Context) (n int, err error) {
	l.one.Lock()
	defer l.one.Unlock()
	if err := l.lease(); err != nil {
		return 0, err
	}
	defer l.giveBack()
	for {
		ds, err := l.out.Due(ctx, l.sink.Name(), l.now(), dueBatch)
		if err != nil || len(ds) == 0 {
			return n, err
		}
		for _, d := range ds {
			if l.pass(ctx, d) {
				continue
			}
			if l.mustWait(d) {
				return n, fmt.Errorf("sink %s: %w", l.sink.Name(), ErrLimited)
			}
			err := l.try(ctx, d)
			if err == nil {
				n++
			} else if !IsPermanent(err) {
				return n, fmt.Errorf("sink %s: %w", l.sink.Name(), err)
			}
		}
	}
}

// lease makes sure that no other loop delivers for the sink.
func (l *Loop) lease() error {
	leaser, ok := l.out.(Leaser)
	if !ok || l.release != nil {
		return nil
	}
	release, ok, err := leaser.Lease(l.sink.Name())
	if err != nil {
		return err
	}
	if !ok {
		return ErrLeased
	}
	l.release = release
	return nil
}

func (l *Loop) giveBack() {
	if l.release != nil {
		l.release()
		l.release = nil
	}
}

// round delivers what is due and returns how long to sleep.
func (l *Loop) round(ctx context.Context) time.Duration {
	standby := l.standby.Load()
	if standby && l.release != nil {
		l.giveBack()
		return standbyPause
	}
	switch err := l.lease(); {
	case errors.Is(err, ErrLeased) && standby:
		return standbyPause
	case errors.Is(err, ErrLeased):
		return leasePause
	case err != nil:
		return l.storeFailed(ctx, err)
	}
	if standby { // nobody else is at it: once round
		defer l.giveBack()
	}
	for ctx.Err() == nil && l.standby.Load() == standby {
		if rest := max(l.restUntil.Sub(l.now()), l.paceUntil.Sub(l.now())); rest > 0 {
			return rest
		}
		ds, err := l.out.Due(ctx, l.sink.Name(), l.now(), dueBatch)
		if err != nil {
			return l.storeFailed(ctx, err)
		}
		l.blind.Store(false)
		if len(ds) == 0 {
			return l.idle(ctx)
		}
		for _, d := range ds {
			if l.pass(ctx, d) {
				continue
			}
			if l.mustWait(d) {
				break
			}
			if l.try(ctx, d); l.restUntil.After(l.now()) || ctx.Err() != nil || l.standby.Load() != standby {
				break
			}
		}
	}
	return 0
}

// pass settles a delivery that is not for this sink, or that nobody can make.
func (l *Loop) pass(ctx context.Context, d Delivery) bool {
	if d.Broken != nil {
		l.giveUp(d, d.Broken, "it can't be read in the database")
		l.settle(ctx, d, d.Broken, time.Time{})
		return true
	}
	if d.Change() && l.policy.WantsChange(d.Incident) || !d.Change() && l.policy.Wants(&d.Detection) {
		return false
	}
	l.skipped.Add(1)
	l.settle(ctx, d, ErrSkipped, time.Time{})
	return true
}

// mustWait reports whether the rate holds the delivery back; otherwise it takes
// one try from it.
func (l *Loop) mustWait(d Delivery) bool {
	now := l.now()
	wait := l.pace.take(now)
	if wait == 0 {
		return false
	}
	l.paceUntil = now.Add(wait)
	id := d.Detection.ID
	if d.Change() {
		id = d.Incident.ID
	}
	if l.held != id {
		l.held = id
		l.limited.Add(1)
	}
	return true
}

// idle returns how long nothing is due, lookEvery at most.
func (l *Loop) idle(ctx context.Context) time.Duration {
	next, err := l.out.NextDue(ctx, l.sink.Name())
	if err != nil {
		return l.storeFailed(ctx, err)
	}
	if next.IsZero() {
		return lookEvery
	}
	// A delivery that became due since Due looked is worth a short pause too:
	// never spin, whatever the outbox says.
	return min(max(next.Sub(l.now()), 10*time.Millisecond), lookEvery)
}

// try delivers once, records the outcome, and returns the delivery's error.
func (l *Loop) try(ctx context.Context, d Delivery) error {
	follower, _ := l.sink.(IncidentSink)
	if d.Change() && follower == nil {
		l.settle(ctx, d, nil, time.Time{})
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	err := l.hand(bounded, follower, &d)
	cancel()
	if ctx.Err() != nil && err != nil {
		return ctx.Err() // broken off by us: no failure of the sink
	}
	var next time.Time
	switch {
	case err == nil:
		l.succeeded(d)
	case IsPermanent(err):
		l.giveUp(d, err, "the sink refuses it for good")
	default:
		next = l.failedAt(d, err)
	}
	l.settle(ctx, d, err, next)
	return err
}

// hand gives a delivery to the sink. A defect of the sink costs this try, not the
// process and the traffic that passes through it.
func (l *Loop) hand(ctx context.Context, follower IncidentSink, d *Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.log.Error().Str("detection", string(d.Detection.ID)).Bytes("stack", debug.Stack()).Msg("a defect of the sink: please report it")
			err = fmt.Errorf("sink %s: a defect of honeyrow (%s): the log has more; please report it", l.sink.Name(), kindOf(p))
		}
	}()
	switch {
	case d.Change():
		return follower.DeliverIncident(ctx, d.Incident, nil)
	case follower != nil:
		return follower.DeliverIncident(ctx, d.Incident, &d.Detection)
	}
	return l.sink.Deliver(ctx, &d.Detection)
}

// kindOf says what a panic was about without what it may hold of a delivery.
func kindOf(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

func (l *Loop) succeeded(d Delivery) {
	l.delivered.Add(1)
	l.lastDone.Store(l.now().UnixNano())
	l.ill.Store(false)
	if l.failures > 0 {
		l.log.Info().Int("failures", l.failures).Msg("sink takes detections again")
	}
	l.failures, l.restUntil, l.lastLog = 0, time.Time{}, time.Time{}
}

// failedAt counts a failure, lets the sink rest, and returns when the delivery
// is due again, zero if it is too old by now.
func (l *Loop) failedAt(d Delivery, err error) time.Time {
	now := l.now()
	l.failed.Add(1)
	l.ill.Store(true)
	l.failures++
	roll := l.roll() // one for both: after an equal pause the order is as before
	rest, pause := min(l.pause(l.failures, roll), probeEvery), l.pause(max(d.Attempt, 1), roll)
	if d.Attempt > stubbornTries {
		rest = min(rest, pause/2) // the others are tried before it, however short pauses are
	}
	if asked, ok := errors.AsType[*RetryAfterError](err); ok && asked.After > 0 {
		wait := min(asked.After, l.cfg.MaxAge)
		rest, pause = wait, max(pause, wait)
	}
	l.restUntil = now.Add(rest)
	end := d.Created.Add(l.cfg.MaxAge)
	if d.Attempt < leastTries {
		// Its age is no fault of the sink's: this machine was off, or its clock wrong.
		end = now.Add(l.cfg.MaxAge)
	}
	if !now.Before(end) {
		l.giveUp(d, err, "it is older than max_age")
		return time.Time{}
	}
	if l.lastLog.IsZero() || now.Sub(l.lastLog) >= logEvery {
		l.log.Warn().Err(err).Str("detection", string(d.Detection.ID)).Int("attempt", d.Attempt).Int("failures", l.failures).
			Dur("next_try_in", rest).Msg("delivery failed; it is tried again")
		l.lastLog = now
	}
	if next := now.Add(pause); next.Before(end) {
		return next
	}
	if l.restUntil.After(end) {
		l.restUntil = end
	}
	return end // one last try
}

// pause is the nth pause of the back-off, shortened at random by up to a
// quarter so that many proxies do not come back at the same moment.
func (l *Loop) pause(n int, roll float64) time.Duration {
	d := l.cfg.First
	for range n - 1 {
		if d = 2 * d; d >= l.cfg.Longest {
			d = l.cfg.Longest
			break
		}
	}
	return d - time.Duration(roll*float64(d)/4)
}

func (l *Loop) giveUp(d Delivery, err error, why string) {
	l.dead.Add(1)
	l.ill.Store(true)
	l.log.Error().Err(err).Str("detection", string(d.Detection.ID)).Int("attempt", d.Attempt).Str("reason", why).
		Msg("delivery given up; the detection is kept in the database: see `honeyrow alerts dead list`")
}

// settleTimeout bounds one try to record an outcome.
const settleTimeout = 5 * time.Second

// settle records an outcome, and insists: an outcome that is not recorded
// would send the same detection again and again.
func (l *Loop) settle(ctx context.Context, d Delivery, outcome error, next time.Time) {
	for {
		// What the sink has taken is recorded even if the loop is being stopped:
		// whoever goes on would deliver it again.
		sctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
		err := l.out.Settle(sctx, d, outcome, next)
		stop()
		if err == nil {
			return
		}
		timer := time.NewTimer(l.storeFailed(ctx, err))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// storeFailed logs a failure of the outbox, once a minute, and returns how
// long to wait.
func (l *Loop) storeFailed(ctx context.Context, err error) time.Duration {
	l.blind.Store(ctx.Err() == nil)
	if now := l.now(); ctx.Err() == nil && (l.quietStore.IsZero() || now.Sub(l.quietStore) >= logEvery) {
		l.log.Error().Err(err).Msg("outbox cannot be used; deliveries wait")
		l.quietStore = now
	}
	return storePause
}
