package alert_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// fakeSink answers as told and remembers.
type fakeSink struct {
	mu     sync.Mutex
	answer func(ctx context.Context, d *event.Detection) error
	tries  []time.Time
	got    []event.ID // delivered
	closed bool
}

func (s *fakeSink) Name() string { return "hook" }

func (s *fakeSink) Deliver(ctx context.Context, d *event.Detection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, time.Now())
	if s.answer != nil {
		if err := s.answer(ctx, d); err != nil {
			return err
		}
	}
	s.got = append(s.got, d.ID)
	return nil
}

func (s *fakeSink) Close() error { s.closed = true; return nil }

func (s *fakeSink) set(answer func(context.Context, *event.Detection) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *fakeSink) seen() (tries []time.Time, got []event.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tries), slices.Clone(s.got)
}

// always fails with err.
func always(err error) func(context.Context, *event.Detection) error {
	return func(context.Context, *event.Detection) error { return err }
}

type loopBed struct {
	out  *alerttest.Memory
	sink *fakeSink
	log  *logBuffer
	loop *alert.Loop
}

var testRetry = alert.RetryConfig{First: time.Second, Longest: 8 * time.Second, MaxAge: time.Hour, Timeout: 5 * time.Second}

// inLoop runs test in a bubble of its own time beside a running loop.
func inLoop(t *testing.T, cfg alert.RetryConfig, roll float64, test func(t *testing.T, b *loopBed)) {
	synctest.Test(t, func(t *testing.T) {
		b := &loopBed{out: &alerttest.Memory{}, sink: &fakeSink{}, log: &logBuffer{}}
		b.loop = alert.NewLoop(b.out, b.sink, cfg, zerolog.New(b.log), alert.LoopOptions{Roll: func() float64 { return roll }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.loop.Run(ctx) }()
		defer func() { cancel(); <-done }()
		synctest.Wait()
		test(t, b)
	})
}

func (b *loopBed) put(t *testing.T, n int) (ids []event.ID) {
	t.Helper()
	for i := range n {
		d := alerttest.Detection(i)
		ids = append(ids, d.ID)
		if err := b.out.Put(t.Context(), []event.Detection{d}, []string{"hook"}); err != nil {
			t.Fatal(err)
		}
	}
	b.loop.Wake()
	return ids
}

func (b *loopBed) status(t *testing.T) alert.SinkStatus {
	t.Helper()
	ss, err := b.out.Status(t.Context())
	if err != nil || len(ss) != 1 {
		t.Fatal(ss, err)
	}
	return ss[0]
}

func gaps(tries []time.Time) (out []time.Duration) {
	for i := 1; i < len(tries); i++ {
		out = append(out, tries[i].Sub(tries[i-1]))
	}
	return out
}

func TestCommitWakesTheLoopAndOrderIsKept(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		want := b.put(t, 100)
		synctest.Wait() // no time passes
		if _, got := b.sink.seen(); !slices.Equal(got, want) {
			t.Errorf("got %d deliveries, want all 100 in order", len(got))
		}
		if st := b.status(t); st.Pending != 0 || b.loop.Stats().Delivered != 100 {
			t.Errorf("status %+v, stats %+v", st, b.loop.Stats())
		}
	})
}

func TestDetectionOfAnotherProcessIsNoticedWithoutWaking(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		if err := b.out.Put(t.Context(), []event.Detection{alerttest.Detection(1)}, []string{"hook"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if _, got := b.sink.seen(); len(got) != 1 {
			t.Errorf("%d delivered after 3 s, want 1", len(got))
		}
	})
}

func TestFailingSinkIsTriedWithGrowingPausesAndOrderIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		roll float64
		want []time.Duration
	}{
		"no jitter":   {0, []time.Duration{1000, 2000, 4000, 8000, 8000}},
		"full jitter": {1, []time.Duration{750, 1500, 3000, 6000, 6000}},
	} {
		t.Run(name, func(t *testing.T) {
			inLoop(t, testRetry, c.roll, func(t *testing.T, b *loopBed) {
				b.sink.set(always(errors.New("503")))
				want := b.put(t, 3)
				time.Sleep(c.want[0]*time.Millisecond + c.want[1]*time.Millisecond + c.want[2]*time.Millisecond +
					c.want[3]*time.Millisecond + c.want[4]*time.Millisecond + 100*time.Millisecond)
				tries, _ := b.sink.seen()
				got := gaps(tries)
				if len(got) != len(c.want) {
					t.Fatalf("pauses %v, want %v ms", got, c.want)
				}
				for i := range got {
					if d := got[i] - c.want[i]*time.Millisecond; d < 0 || d > 20*time.Millisecond {
						t.Errorf("pause %d is %s, want %d ms", i, got[i], c.want[i])
					}
				}
				b.sink.set(nil)
				time.Sleep(testRetry.Longest + time.Second)
				if _, got := b.sink.seen(); !slices.Equal(got, want) {
					t.Errorf("after recovery got %v, want %v", got, want)
				}
			})
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		b.sink.set(always(alert.RetryAfter(errors.New("429"), 90*time.Second)))
		b.put(t, 2)
		synctest.Wait()
		b.sink.set(nil)
		time.Sleep(89 * time.Second)
		b.loop.Wake()
		if tries, _ := b.sink.seen(); len(tries) != 1 {
			t.Errorf("%d tries within the asked time, want 1", len(tries))
		}
		time.Sleep(2 * time.Second)
		if _, got := b.sink.seen(); len(got) != 2 {
			t.Errorf("%d delivered afterwards, want 2", len(got))
		}
	})
}

func TestPermanentFailureIsKeptAsDeadAndTheNextIsDelivered(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		var bad event.ID
		b.sink.set(func(_ context.Context, d *event.Detection) error {
			if bad == "" {
				bad = d.ID
			}
			if d.ID == bad {
				return alert.Permanent(errors.New("400"))
			}
			return nil
		})
		ids := b.put(t, 3)
		synctest.Wait()
		if _, got := b.sink.seen(); !slices.Equal(got, ids[1:]) {
			t.Errorf("delivered %v, want all but the first at once", got)
		}
		if st := b.status(t); st.Dead != 1 || st.Pending != 0 || st.LastError != "400" {
			t.Errorf("status %+v, want one dead", st)
		}
		if got := b.log.count("given up"); got != 1 {
			t.Errorf("%d log lines, want 1", got)
		}
	})
}

func TestDeliveryThatTheSinkCannotDigestDoesNotHoldUpOthersForEver(t *testing.T) {
	cfg := testRetry
	cfg.Longest = 10 * time.Minute
	inLoop(t, cfg, 0, func(t *testing.T, b *loopBed) {
		var ids []event.ID
		b.sink.set(func(_ context.Context, d *event.Detection) error {
			if d.Rule == "poison" {
				return errors.New("500")
			}
			return nil
		})
		poison := alerttest.Detection(0)
		poison.Rule = "poison"
		if err := b.out.Put(t.Context(), []event.Detection{poison}, []string{"hook"}); err != nil {
			t.Fatal(err)
		}
		ids = b.put(t, 3)
		time.Sleep(2 * time.Minute)
		if _, got := b.sink.seen(); !slices.Equal(got, ids) {
			t.Errorf("delivered %d after two minutes, want the 3 healthy ones", len(got))
		}
		time.Sleep(2 * time.Hour)
		if st := b.status(t); st.Dead != 1 || st.Pending != 0 {
			t.Errorf("after max_age: %+v, want the other one dead", st)
		}
	})
}

func TestDeliveryIsGivenUpAtItsMaximumAge(t *testing.T) {
	cfg := testRetry
	cfg.MaxAge = time.Minute
	inLoop(t, cfg, 0, func(t *testing.T, b *loopBed) {
		b.sink.set(always(errors.New("no route to host")))
		b.put(t, 1)
		start := time.Now()
		time.Sleep(59 * time.Second)
		if st := b.status(t); st.Pending != 1 {
			t.Errorf("before its age: %+v, want pending", st)
		}
		time.Sleep(3 * time.Second)
		if st := b.status(t); st.Dead != 1 || st.LastError != "no route to host" {
			t.Errorf("after its age: %+v, want dead", st)
		}
		tries, _ := b.sink.seen()
		if last := tries[len(tries)-1].Sub(start); last < time.Minute {
			t.Errorf("last try after %s, want one at the age itself", last)
		}
		if b.log.count("older than max_age") != 1 || b.loop.Stats().Dead != 1 {
			t.Error("the log does not tell")
		}
	})
}

func TestSlowSinkIsCutOffAndTriedAgain(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		b.sink.set(func(ctx context.Context, _ *event.Detection) error { <-ctx.Done(); return ctx.Err() })
		b.put(t, 1)
		time.Sleep(testRetry.Timeout + 100*time.Millisecond)
		b.sink.set(nil)
		time.Sleep(2 * time.Second)
		if tries, got := b.sink.seen(); len(tries) != 2 || len(got) != 1 {
			t.Errorf("%d tries, %d delivered, want 2 and 1", len(tries), len(got))
		}
	})
}

func TestOutboxFailureIsSurvivedAndLoggedOnceAMinute(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		b.put(t, 1)
		synctest.Wait()
		b.out.Fail(errors.New("locked"))
		time.Sleep(5 * time.Minute)
		if got := b.log.count("outbox cannot be used"); got < 4 || got > 6 {
			t.Errorf("%d log lines in five minutes, want one a minute", got)
		}
		if !b.loop.Stats().Blind {
			t.Error("nobody learns that what is committed can't be delivered")
		}
		b.out.Fail(nil)
		b.put(t, 1)
		time.Sleep(2 * time.Second)
		if b.loop.Stats().Blind {
			t.Error("the trouble is over, and still told")
		}
		if _, got := b.sink.seen(); len(got) != 2 {
			t.Errorf("%d delivered, want 2", len(got))
		}
	})
}

func TestOutcomeThatCannotBeRecordedIsNotDeliveredAgainAndAgain(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		b.sink.set(func(context.Context, *event.Detection) error { b.out.Fail(errors.New("disk full")); return nil })
		b.put(t, 1)
		time.Sleep(time.Minute)
		b.sink.set(nil)
		b.out.Fail(nil)
		time.Sleep(time.Minute)
		if _, got := b.sink.seen(); len(got) != 1 {
			t.Errorf("delivered %d times, want once", len(got))
		}
	})
}

func TestEndBreaksOffATryWithoutCountingIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, sink := &alerttest.Memory{}, &fakeSink{answer: func(ctx context.Context, _ *event.Detection) error { <-ctx.Done(); return ctx.Err() }}
		l := alert.NewLoop(out, sink, testRetry, zerolog.Nop(), alert.LoopOptions{})
		if err := out.Put(t.Context(), []event.Detection{alerttest.Detection(1)}, []string{"hook"}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l.Run(ctx)
		ds, err := out.Due(t.Context(), "hook", time.Now(), 1)
		if err != nil || len(ds) != 1 || ds[0].Attempt != 1 {
			t.Errorf("after the end: %+v, %v, want the first attempt due", ds, err)
		}
	})
}

func TestDeskDeliversAndShutsDownInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &alerttest.Memory{}, &fakeSink{}
		desk := alert.NewDesk(store, []alert.Route{{Sink: sink}}, alert.DefaultConfig(), zerolog.Nop(), alert.DeskOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- desk.Run(ctx, 10*time.Second) }()
		desk.Report(alerttest.Detection(1))
		synctest.Wait()
		if _, got := sink.seen(); len(got) != 1 {
			t.Fatalf("%d delivered, want 1 without a wait", len(got))
		}
		store.Fail(errors.New("locked"))
		for i := range 3 {
			desk.Report(alerttest.Detection(i))
		}
		cancel()
		time.AfterFunc(2*time.Second, func() { store.Fail(nil) })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		rec, loops := desk.Stats()
		if rec.Committed != 4 || rec.Lost != 0 || loops["hook"].Delivered != 4 || !sink.closed {
			t.Errorf("at the end: %+v %+v closed %v, want 4 committed and delivered", rec, loops, sink.closed)
		}
	})
}

func TestDeskForgetsDetectionsAfterTheirRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cfg := &alerttest.Memory{}, alert.DefaultConfig()
		cfg.Retention = time.Hour
		desk := alert.NewDesk(store, []alert.Route{{Sink: &fakeSink{}}}, cfg, zerolog.Nop(), alert.DeskOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- desk.Run(ctx, time.Second) }()
		for i := range 1200 { // more than two batches
			desk.Report(alerttest.Detection(i))
		}
		count := func() int {
			es, err := store.Detections(t.Context(), alert.Query{})
			if err != nil {
				t.Fatal(err)
			}
			return len(es)
		}
		time.Sleep(cfg.Retention - time.Minute)
		if got := count(); got != 1200 {
			t.Errorf("%d kept before their time, want 1200", got)
		}
		time.Sleep(12 * time.Minute)
		if got := count(); got != 0 {
			t.Errorf("%d kept after their time, want 0", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	if err := alert.DefaultConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for want, spoil := range map[string]func(*alert.Config){
		"retention":     func(c *alert.Config) { c.Retention = time.Minute },
		"queue":         func(c *alert.Config) { c.Queue = 0 },
		"retry.first":   func(c *alert.Config) { c.Retry.First = 0 },
		"retry.longest": func(c *alert.Config) { c.Retry.Longest = time.Millisecond },
		"retry.max_age": func(c *alert.Config) { c.Retry.MaxAge = time.Second },
		"retry.timeout": func(c *alert.Config) { c.Retry.Timeout = -1 },
	} {
		c := alert.DefaultConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

func TestADefectOfASinkCostsItsDeliveryAndNothingElse(t *testing.T) {
	inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
		first := alerttest.Detection(0)
		b.sink.set(func(_ context.Context, d *event.Detection) error {
			if d.ID == first.ID {
				panic("cannot format " + d.Client.User)
			}
			return nil
		})
		if err := b.out.Put(t.Context(), []event.Detection{first}, []string{"hook"}); err != nil {
			t.Fatal(err)
		}
		ids := b.put(t, 2)
		time.Sleep(time.Minute)
		if _, got := b.sink.seen(); !slices.Equal(got, ids) {
			t.Errorf("delivered %v, want the other two", got)
		}
		if st := b.status(t); st.Pending != 1 || strings.Contains(st.LastError, first.Client.User) || !strings.Contains(st.LastError, "defect") {
			t.Errorf("%+v, want one that is tried again, and no word of what it is about", st)
		}
	})
}

func TestADeliveryThatIsOldAlreadyHasItsTriesAllTheSame(t *testing.T) {
	for name, failures := range map[string]int{"a sink that comes back": 9, "one that does not": 1000} {
		t.Run(name, func(t *testing.T) {
			inLoop(t, testRetry, 0, func(t *testing.T, b *loopBed) {
				b.loop.StandBy(true) // the machine is off
				synctest.Wait()
				b.sink.set(always(errors.New("no route to host")))
				b.put(t, 1)
				tries := 0
				b.sink.set(func(context.Context, *event.Detection) error {
					if tries++; tries <= failures {
						return errors.New("no route to host")
					}
					return nil
				})
				b.out.Fail(errors.New("off")) // nor does a loop in standby deliver
				time.Sleep(2 * testRetry.MaxAge)
				b.out.Fail(nil)
				b.loop.StandBy(false)
				time.Sleep(10 * time.Minute)
				st := b.status(t)
				if failures < 10 && (st.Pending+st.Dead != 0 || tries != 10) {
					t.Errorf("%+v after %d tries, want it delivered with the 10th", st, tries)
				}
				if failures >= 10 && (st.Dead != 1 || tries != 10) {
					t.Errorf("%+v after %d tries, want it given up after 10", st, tries)
				}
			})
		})
	}
}
