package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// counter is a sink that counts.
type counter struct {
	n    *atomic.Int64
	done chan struct{} // a value for each delivery
}

func (counter) Name() string { return "count" }
func (counter) Close() error { return nil }

func (c counter) Deliver(context.Context, *event.Detection) error {
	c.n.Add(1)
	c.done <- struct{}{}
	return nil
}

func TestTwoProcessesDoNotDeliverTheSameDetection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	first, second := openAt(t, path, nil), openAt(t, path, nil)
	c := counter{&atomic.Int64{}, make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	a := alert.NewLoop(first, c, alert.DefaultRetry(), zerolog.Nop(), alert.LoopOptions{})
	go func() { defer close(ended); a.Run(ctx) }()
	put := func() {
		t.Helper()
		if err := first.Put(t.Context(), []event.Detection{alerttest.Detection(1)}, []string{"count"}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	a.Wake()
	<-c.done // the first loop is at work
	b := alert.NewLoop(second, c, alert.DefaultRetry(), zerolog.Nop(), alert.LoopOptions{})
	if _, err := b.Drain(t.Context()); !errors.Is(err, alert.ErrLeased) {
		t.Errorf("second process: got %v, want ErrLeased", err)
	}
	bctx, bcancel := context.WithCancel(t.Context())
	bended := make(chan struct{})
	go func() { defer close(bended); b.Run(bctx) }()
	defer func() { bcancel(); <-bended }()
	for range 100 {
		put()
	}
	a.Wake()
	b.Wake()
	for range 100 {
		<-c.done
	}
	cancel()
	<-ended
	put()
	<-c.done // the second takes over
	if got := c.n.Load(); got != 102 {
		t.Errorf("%d deliveries, want 102", got)
	}
	files, err := filepath.Glob(path + "-sink-*")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if st, err := os.Stat(files[0]); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("lease file: %v, %v, want 0600", st.Mode(), err)
	}
}
