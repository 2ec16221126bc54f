package wire

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Start forwards in both directions until the session ends, closes both
// connections and the flow, and then calls over once with the reason: nil after
// an orderly end. It returns at once. A session that waits is two goroutines and
// nothing else: one that waited for them would cost it a stack. over is called by
// the last of them.
func (p *Pump) Start(over func(why error)) {
	p.over = over
	p.halves.Store(2)
	go p.half(p.direction(Server, p.s.Server, p.s.Client, p.s.FromServer))
	go p.half(p.direction(Client, p.s.Client, p.s.Server, p.s.FromClient))
}

// half runs a direction. What is called here stands in the stack of a session
// that waits, which is to stay within the smallest that there is.
func (p *Pump) half(d *direction) {
	err := d.run()
	if err == errStack {
		go p.half(d)
		return
	}
	p.conclude(d.from, err)
}

// errStack asks to go on in another goroutine.
var errStack = errors.New("wire: a smaller stack will do")

// shedEvery is how often a direction that has work all the time may go on in a
// new goroutine; one costs as much as a few system calls.
const shedEvery = int64(time.Second)

// sheds says whether a direction that is about to wait goes on in a new goroutine:
// what a statement or an answer needs makes a stack several times as large as that
// of waiting, which an idle session would keep until the collector comes by, and
// part of it for good. The first do so at once; then those that come after a
// while, as in a session that is used now and then; and some of many that come
// without a pause.
func (d *direction) sheds() bool {
	last := d.p.last.Load()
	if d.chunks == 2 || d.chunks == 32 || d.chunks == 512 || last-d.fresh >= shedEvery {
		d.fresh = last
		return true
	}
	return false
}

// conclude ends a direction, and the session with it if it is to end. A panic
// here is the session's, as one within the direction is.
func (p *Pump) conclude(from Side, err error) {
	defer p.settle()
	defer p.survive()
	if from == Client {
		p.clientEnded(err)
		return
	}
	defer p.serverEnded()
	if p.parted(err) {
		err = nil
	}
	if err != errOther {
		p.end(err)
	}
}

// clientEnded concludes the client's direction. Answers may still come.
func (p *Pump) clientEnded(err error) {
	if err == nil {
		// The client has sent all that it will. Servers that see the end of input
		// close on their side.
		p.left.Store(true)
		err = closeWrite(p.s.Server)
	}
	if p.deaf(err) {
		// A server that takes no more may have said why, and that may not have
		// been passed on yet.
		p.awaitServer()
	}
	if err != nil && err != errOther {
		p.end(err)
	}
}

// serverEnded tells who waits for it that the server's direction has ended.
func (p *Pump) serverEnded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answered = true
	if p.awaits != nil {
		close(p.awaits)
	}
}

// awaitServer waits for the server's direction to end, as long as a farewell may take.
func (p *Pump) awaitServer() {
	p.mu.Lock()
	if p.answered {
		p.mu.Unlock()
		return
	}
	p.awaits = make(chan struct{}) // few sessions need one
	p.mu.Unlock()
	last := time.NewTimer(p.o.FarewellTimeout)
	defer last.Stop()
	select {
	case <-p.awaits:
	case <-last.C:
	}
}

// settle is called as each direction ends; the last one closes the session.
func (p *Pump) settle() {
	if p.halves.Add(-1) > 0 {
		return
	}
	p.closeAll()
	p.mu.Lock()
	why := p.cause
	p.mu.Unlock()
	p.over(why)
}

func (p *Pump) closeAll() {
	defer p.survive()
	p.closeBoth()
	p.s.Flow.Close()
}

// survive makes a panic at the end of a session the reason why it ended.
func (p *Pump) survive() {
	v := recover()
	if v == nil {
		return
	}
	p.o.Counters.Panics.Add(1)
	p.mu.Lock()
	p.ending = true
	p.cause = &Error{Side: Client, Op: "panic", Err: fmt.Errorf("%v", v), Stack: debug.Stack()}
	p.mu.Unlock()
	p.ended.Store(true)
	p.closeBoth()
}
