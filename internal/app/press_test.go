package app

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
)

// While sessions wait for a full queue before a database that can't be written, the
// sinks can be changed, the counters read, and the process can end, and what the
// sessions saw is committed all the same.
func TestSessionsThatWaitHoldUpNeitherAReloadNorTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p press
		store := &alerttest.Memory{}
		cfg := alert.DefaultConfig()
		cfg.Queue = 1
		desk := func() *alert.Desk { return alert.NewDesk(store, nil, cfg, zerolog.Nop(), alert.DeskOptions{}) }
		p.swap(desk())
		p.start(t.Context(), time.Minute, zerolog.Nop())
		store.Fail(errors.New("disk full"))
		var sessions sync.WaitGroup
		report := func(from, to int) {
			for i := from; i < to; i++ {
				sessions.Go(func() { p.Report(alerttest.Detection(i)) })
			}
			synctest.Wait()
		}
		report(0, 5)
		if rec, _ := p.stats(); rec.Blocked == 0 {
			t.Fatalf("nobody waits: %+v", rec)
		}
		p.swap(desk()) // a reload; the first desk goes on with what it has
		report(5, 10)
		if rec, _ := p.stats(); rec.Reported != 5 || rec.Blocked == 0 {
			t.Errorf("the new desk: %+v", rec)
		}
		p.standBy(true)
		p.standBy(false)
		p.release()
		sessions.Wait() // as a drain does
		time.AfterFunc(10*time.Second, func() { store.Fail(nil) })
		p.stop()
		store.Fail(nil)
		es, err := store.Detections(t.Context(), alert.Query{})
		if err != nil || len(es) != 10 {
			t.Errorf("%d committed, %v; want all 10", len(es), err)
		}
		p.Report(alerttest.Detection(10)) // too late: it is counted, nothing breaks
		if rec, _ := p.stats(); rec.Lost != 1 {
			t.Errorf("after the end: %+v, want one lost", rec)
		}
	})
}
