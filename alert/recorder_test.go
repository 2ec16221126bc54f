package alert_test

import (
	"bytes"
	"context"
	"errors"
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

// logBuffer takes log lines from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// bed is a recorder over an outbox in memory.
type bed struct {
	out  *alerttest.Memory
	log  *logBuffer
	rec  *alert.Recorder
	stop context.CancelFunc
	done chan struct{}
}

func newBed(t *testing.T, o alert.RecorderOptions) *bed {
	ctx, stop := context.WithCancel(t.Context())
	b := &bed{out: &alerttest.Memory{}, log: &logBuffer{}, stop: stop, done: make(chan struct{})}
	b.rec = alert.NewRecorder(b.out, []string{"file"}, zerolog.New(b.log), o)
	go func() { defer close(b.done); b.rec.Run(ctx) }()
	t.Cleanup(func() { stop(); <-b.done })
	return b
}

func (b *bed) kept(t *testing.T) int {
	t.Helper()
	b.out.Fail(nil)
	es, err := b.out.Detections(context.Background(), alert.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return len(es)
}

func TestReportedDetectionIsCommittedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := make(chan struct{}, 10)
		b := newBed(t, alert.RecorderOptions{Wake: func() { woken <- struct{}{} }})
		b.rec.Report(alerttest.Detection(1))
		synctest.Wait() // no time passes
		if got := b.kept(t); got != 1 {
			t.Errorf("%d committed, want 1", got)
		}
		if len(woken) != 1 {
			t.Errorf("woken %d times, want once", len(woken))
		}
	})
}

func TestFlushReturnsWhenEverythingBeforeItIsCommitted(t *testing.T) {
	b := newBed(t, alert.RecorderOptions{Queue: 8})
	const sessions, each = 8, 200
	var wg sync.WaitGroup
	for range sessions {
		wg.Go(func() {
			for i := range each {
				b.rec.Report(alerttest.Detection(i))
			}
		})
	}
	wg.Wait()
	if err := b.rec.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.kept(t); got != sessions*each {
		t.Errorf("%d committed after Flush, want %d", got, sessions*each)
	}
	if st := b.rec.Stats(); st.Committed != sessions*each || st.Lost != 0 || b.out.Puts() >= sessions*each {
		t.Errorf("stats %+v with %d commits, want groups", st, b.out.Puts())
	}
}

func TestFullQueueBlocksReportAndDropsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, alert.RecorderOptions{Queue: 2})
		b.out.Fail(errors.New("disk full"))
		b.rec.Report(alerttest.Detection(0)) // taken by Run, which tries it again and again
		synctest.Wait()
		reported := make(chan int, 10)
		go func() {
			for i := 1; i <= 5; i++ {
				b.rec.Report(alerttest.Detection(i))
				reported <- i
			}
		}()
		time.Sleep(10 * time.Minute) // the bubble's time
		if got := len(reported); got != 2 {
			t.Errorf("%d reports returned, want 2: the queue's length", got)
		}
		st := b.rec.Stats()
		if st.Blocked != 1 || st.Committed != 0 || st.Failed < 100 || st.Lost != 0 || st.Queued != 2 {
			t.Errorf("stats while the disk is full: %+v", st)
		}
		if got := b.log.count("cannot be committed"); got < 9 || got > 11 {
			t.Errorf("%d log lines in ten minutes, want one a minute", got)
		}
		b.out.Fail(nil)
		time.Sleep(10 * time.Second)
		if got := b.kept(t); got != 6 {
			t.Errorf("%d committed once there is space, want all 6", got)
		}
	})
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, alert.RecorderOptions{})
		b.out.Fail(errors.New("locked"))
		for i := range 5 {
			b.rec.Report(alerttest.Detection(i))
		}
		time.AfterFunc(3*time.Second, func() { b.out.Fail(nil) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.rec.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if got := b.kept(t); got != 5 {
			t.Errorf("%d committed, want 5", got)
		}
		b.rec.Report(alerttest.Detection(9))
		if got := b.rec.Stats().Lost; got != 1 || b.log.count("detection lost") != 1 {
			t.Errorf("a report after Close: %d lost, want 1 with a log line", got)
		}
		if err := b.rec.Flush(ctx); err == nil {
			t.Error("Flush is silent about a lost detection")
		}
	})
}

func TestCloseNamesWhatItCouldNotCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, alert.RecorderOptions{})
		b.out.Fail(errors.New("disk full"))
		var ids []event.ID
		for i := range 5 {
			d := alerttest.Detection(i)
			ids = append(ids, d.ID)
			b.rec.Report(d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := b.rec.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		b.stop()
		<-b.done
		if got := b.rec.Stats().Lost; got != 5 {
			t.Errorf("%d counted as lost, want 5", got)
		}
		for _, id := range ids {
			if b.log.count(string(id)) == 0 {
				t.Errorf("log does not name %s", id)
			}
		}
	})
}

// choosy refuses one detection for good.
type choosy struct {
	*alerttest.Memory
	bad event.ID
}

func (c choosy) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	for _, d := range ds {
		if d.ID == c.bad {
			return alert.Permanent(errors.New("cannot be stored"))
		}
	}
	return c.Memory.Put(ctx, ds, sinks)
}

func TestDetectionThatCannotBeStoredDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, mem, bad := &logBuffer{}, &alerttest.Memory{}, alerttest.Detection(2)
		rec := alert.NewRecorder(choosy{mem, bad.ID}, nil, zerolog.New(log), alert.RecorderOptions{})
		for _, d := range []event.Detection{alerttest.Detection(1), bad, alerttest.Detection(3)} {
			rec.Report(d) // one group, since Run has not begun
		}
		go rec.Run(t.Context())
		if err := rec.Close(t.Context()); err == nil {
			t.Error("Close is silent about the lost one")
		}
		if st := rec.Stats(); st.Committed != 2 || st.Lost != 1 || log.count(string(bad.ID)) != 1 {
			t.Errorf("got %+v, want 2 committed and 1 lost and named", st)
		}
	})
}

// hung is an outbox on a disk that does not answer until it is let go.
type hung struct {
	*alerttest.Memory
	until chan struct{}
}

func (h hung) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	<-h.until
	return h.Memory.Put(ctx, ds, sinks)
}

func TestADiskThatDoesNotAnswerHoldsUpNobodyWhoShallPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := hung{&alerttest.Memory{}, make(chan struct{})}
		log := &logBuffer{}
		rec := alert.NewRecorder(disk, nil, zerolog.New(log), alert.RecorderOptions{Queue: 2, Pass: true})
		go rec.Run(t.Context())
		rec.Report(alerttest.Detection(0)) // its commit hangs
		synctest.Wait()
		began := time.Now()
		for i := range 50 {
			rec.Report(alerttest.Detection(1 + i))
		}
		if waited := time.Since(began); waited > 2*time.Second { // of the bubble
			t.Errorf("50 reports waited for %s, want a moment for the first of them", waited)
		}
		if st := rec.Stats(); st.Lost != 48 || log.count("detection lost") != 48 {
			t.Errorf("%+v, want 48 of 51 lost and named", st)
		}
		close(disk.until)
		synctest.Wait()
		began = time.Now()
		for i := range 50 {
			rec.Report(alerttest.Detection(100 + i))
			synctest.Wait()
		}
		if err := rec.Close(t.Context()); err == nil {
			t.Error("Close is silent about those that are lost")
		}
		if st := rec.Stats(); st.Committed != 53 || st.Lost != 48 || time.Since(began) > 0 {
			t.Errorf("afterwards %+v, want 53 committed at once", st)
		}
	})
}

func TestAtTheEndNoSessionWaitsAndWhatItSawIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, alert.RecorderOptions{Queue: 2})
		b.out.Fail(errors.New("disk full"))
		b.rec.Report(alerttest.Detection(0))
		synctest.Wait()
		var sessions sync.WaitGroup
		for i := range 6 {
			sessions.Go(func() { b.rec.Report(alerttest.Detection(1 + i)) })
		}
		synctest.Wait()
		b.rec.Release()
		b.rec.Release()
		sessions.Wait() // as a drain does
		b.out.Fail(nil)
		if err := b.rec.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := b.kept(t); got != 7 || b.rec.Stats().Lost != 0 {
			t.Errorf("%d committed, %d lost; want all 7", got, b.rec.Stats().Lost)
		}
	})
}
