package mywire

import "honeyrow/proxy/wire"

var _ wire.Accountant = (*flow)(nil)

// reckon tells the tally of the rows that came since it was told last. Server's
// goroutine.
func (f *flow) reckon(e *execution) {
	if rows := e.rows - min(e.none, e.rows); rows > e.told {
		f.tally.Got(rows-e.told, e.watched)
		e.told = rows
	}
}

// reckonHead is reckon for what the server is answering, if that is a run.
func (f *flow) reckonHead() {
	if f.cur != nil && f.cur.exec != nil {
		f.reckon(f.cur.exec)
	}
}

// Account implements wire.Accountant. A server is not asked to give up what it
// runs when a session is killed: that takes an account of the server's (KILL),
// and the proxy has none.
func (f *flow) Account() wire.Account {
	a := f.tally.Of()
	a.Transaction, a.Application = f.inTrans.Load(), f.who.Load().Application
	f.mu.Lock()
	defer f.mu.Unlock()
	a.Busy = f.queue.awaited() > 0 || mode(f.mode.Load()) != commands
	return a
}
