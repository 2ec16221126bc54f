package app

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/sink/console"
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
		if rec, _ := p.stats(); rec.Reported != 10 || rec.Blocked == 0 {
			t.Errorf("with the new desk: %+v, want all 10 counted", rec)
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

// A reload begins no new count: what is told as counted since the start is that,
// and a sink that was taken out is neither told any more nor forgotten.
func TestCountsGoOnAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p press
		store := &alerttest.Memory{}
		desk := func(names ...string) *alert.Desk {
			var routes []alert.Route
			for _, name := range names {
				s, err := console.New(name, console.Config{}, io.Discard)
				if err != nil {
					t.Fatal(err)
				}
				routes = append(routes, alert.Route{Sink: s})
			}
			return alert.NewDesk(store, routes, alert.DefaultConfig(), zerolog.Nop(), alert.DeskOptions{})
		}
		p.swap(desk("stays", "goes"))
		p.start(t.Context(), time.Minute, zerolog.Nop())
		defer p.stop()
		told := 0
		report := func(n int) {
			for range n {
				p.Report(alerttest.Detection(told))
				told++
			}
			time.Sleep(time.Minute) // of the bubble: all are committed and delivered
			synctest.Wait()
		}
		report(3)
		p.swap(desk("stays"))
		report(1)
		p.swap(desk("stays", "comes"))
		report(1)
		rec, sinks := p.stats()
		if rec.Reported != 5 || rec.Committed != 5 || rec.Queued != 0 {
			t.Errorf("counted %+v, want 5 reported and committed", rec)
		}
		if len(sinks) != 2 || sinks["stays"].Delivered != 5 || sinks["comes"].Delivered != 1 || sinks["stays"].LastDelivered.IsZero() {
			t.Errorf("the sinks have %+v, want 5 at the one that stayed, 1 at the one that came", sinks)
		}
		if all, _ := p.totals(); all.sinks["goes"].Delivered != 3 {
			t.Errorf("the totals are %+v, want 3 at the one that went", all.sinks)
		}
		p.swap(desk("goes"))
		report(1)
		if _, sinks := p.stats(); len(sinks) != 1 || sinks["goes"].Delivered != 4 {
			t.Errorf("the one that came back has %+v, want 4 in all", sinks)
		}
	})
}
