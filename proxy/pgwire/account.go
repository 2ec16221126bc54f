package pgwire

import (
	"context"

	"honeyrow/proxy/wire"
)

var (
	_ wire.Accountant = (*flow)(nil)
	_ wire.Canceller  = (*flow)(nil)
)

// reckon tells the tally of the rows that came since it was told last. Server's
// goroutine.
func (f *flow) reckon(e *execution) {
	if e.rows > e.told {
		f.tally.Got(e.rows-e.told, e.watched)
		e.told = e.rows
	}
}

// reckonHead is reckon for what the server is answering, if that is a run.
func (f *flow) reckonHead() {
	if f.cur != nil && f.cur.exec != nil {
		f.reckon(f.cur.exec)
	}
}

// Account implements wire.Accountant.
func (f *flow) Account() wire.Account {
	a := f.tally.Of()
	a.Transaction, a.Application = !f.rest.Load(), *f.application.Load()
	f.mu.Lock()
	defer f.mu.Unlock()
	a.Busy = f.queue.len() > 0 || f.copyIn
	return a
}

// Cancel implements wire.Canceller.
func (f *flow) Cancel() {
	f.mu.Lock()
	busy := f.queue.len() > 0
	f.mu.Unlock()
	if !busy || f.opts.Cancel == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	defer stop()
	_ = f.opts.Cancel(ctx) // if it fails, the server notices when it has something to say
}
