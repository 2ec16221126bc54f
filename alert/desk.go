package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
)

// Config says how long detections are tried and kept.
type Config struct {
	Retry RetryConfig `yaml:"retry"`
	// Retention is how long detections stay in the store for listings.
	Retention time.Duration `yaml:"retention"`
	// Queue is how many detections may wait in memory for a commit.
	Queue int `yaml:"queue"`
	// SpillPath is the file that takes detections while the database cannot be
	// written; empty: beside the database.
	SpillPath string `yaml:"spill_path"`
	// Unwritable says what becomes of traffic meanwhile: UnwritableHold and so on.
	Unwritable string `yaml:"unwritable"`
}

// DefaultConfig keeps detections for 90 days.
func DefaultConfig() Config {
	return Config{Retry: DefaultRetry(), Retention: 90 * 24 * time.Hour, Queue: DefaultQueue, Unwritable: UnwritableHold}
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Retention < time.Hour:
		return errors.New("retention: set one hour or more, such as 2160h for 90 days")
	case c.Queue < 1:
		return errors.New("queue: set one or more, such as 1024")
	}
	if err := validUnwritable(c.Unwritable); err != nil {
		return err
	}
	if err := c.Retry.Validate(); err != nil {
		return fmt.Errorf("retry.%w", err)
	}
	return nil
}

// Store is what a Desk needs of the database.
type Store interface {
	Outbox
	Journal
}

const (
	pruneEvery = 10 * time.Minute
	pruneBatch = 500 // detections in one transaction, some 20 ms
)

// Desk is a running process's whole way out for detections: one recorder, one
// loop for each sink, and the pruning of old detections.
//
//	engine ─▶ Report ─▶ Recorder ─▶ Outbox ─▶ Loop ─▶ Sink
type Desk struct {
	rec   *Recorder
	loops []*Loop
	sinks []Sink
	store Store
	cfg   Config
	log   zerolog.Logger
	now   func() time.Time
}

// DeskOptions hold what a Desk can do without: see RecorderOptions.
type DeskOptions struct {
	Spill   Spill
	Trouble func(error)
}

// NewDesk makes a desk; it takes over the sinks and closes them at the end of
// Run. It does nothing until Run.
func NewDesk(store Store, routes []Route, cfg Config, log zerolog.Logger, o DeskOptions) *Desk {
	k := &Desk{store: store, cfg: cfg, log: log, now: time.Now}
	names := make([]string, len(routes))
	for i, r := range routes {
		names[i] = r.Sink.Name()
		k.sinks = append(k.sinks, r.Sink)
		k.loops = append(k.loops, NewLoop(store, r.Sink, r.Policy.Retry.Or(cfg.Retry), log, LoopOptions{Policy: r.Policy}))
	}
	k.rec = NewRecorder(store, names, log, RecorderOptions{
		Queue: cfg.Queue, Wake: k.Wake, Spill: o.Spill, Pass: cfg.Unwritable == UnwritablePass, Trouble: o.Trouble, Notice: k.notify,
	})
	return k
}

// Report hands a detection to the recorder: see Recorder.Report.
func (k *Desk) Report(d event.Detection) { k.rec.Report(d) }

// Release has no session wait for the recorder any more: see Recorder.Release.
func (k *Desk) Release() { k.rec.Release() }

// Flush waits until what was reported is committed: see Recorder.Flush.
func (k *Desk) Flush(ctx context.Context) error { return k.rec.Flush(ctx) }

// Wake tells every loop that the outbox has something new.
func (k *Desk) Wake() {
	for _, l := range k.loops {
		l.Wake()
	}
}

// notify gives every sink a detection past the outbox.
func (k *Desk) notify(d event.Detection) {
	for _, l := range k.loops {
		l.Notify(d)
	}
}

// StandBy has another process deliver: the loops end what is under way, give up
// their leases, and deliver again only where nobody else does. What is reported
// is committed as before. False takes that back.
func (k *Desk) StandBy(on bool) {
	for _, l := range k.loops {
		l.StandBy(on)
	}
}

// Stats returns the counters of the recorder, and of each sink by its name.
func (k *Desk) Stats() (RecorderStats, map[string]LoopStats) {
	m := make(map[string]LoopStats, len(k.loops))
	for i, l := range k.loops {
		m[k.sinks[i].Name()] = l.Stats()
	}
	return k.rec.Stats(), m
}

// Run works until ctx ends, then shuts down in order: it commits what is
// reported, tries to deliver what is due, and closes the sinks, all within
// grace. End ctx when no session reports any more. What could not be delivered
// stays in the outbox for the next start.
func (k *Desk) Run(ctx context.Context, grace time.Duration) error {
	recCtx, stopRec := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRec()
	var rec, rest sync.WaitGroup
	rec.Go(func() { k.rec.Run(recCtx) })
	for _, l := range k.loops {
		rest.Go(func() { l.Run(ctx) })
	}
	rest.Go(func() { k.prune(ctx) })
	<-ctx.Done()
	rest.Wait()

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	errs := []error{k.rec.Close(last)}
	stopRec() // ends what Close could not wait for
	rec.Wait()
	for _, l := range k.loops {
		rest.Go(func() {
			if _, err := l.Drain(last); err != nil && !errors.Is(err, ErrLeased) && !errors.Is(err, ErrLimited) {
				k.log.Warn().Err(err).Msg("deliveries are left to the next start")
			}
		})
	}
	rest.Wait()
	for _, s := range k.sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Discard closes the sinks of a Desk that never runs.
func (k *Desk) Discard() error {
	var errs []error
	for _, s := range k.sinks {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// prune forgets detections past their retention, in small transactions so that
// commits of new ones do not wait.
func (k *Desk) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	names := make([]string, len(k.sinks))
	for i, s := range k.sinks {
		names[i] = s.Name()
	}
	for {
		n, err := k.store.Prune(ctx, k.now().Add(-k.cfg.Retention), names, pruneBatch)
		if err != nil && ctx.Err() == nil {
			k.log.Warn().Err(err).Msg("old detections cannot be pruned")
		}
		if n == pruneBatch && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
