package mywire

import (
	"fmt"

	"honeyrow/proxy/wire"
)

// held is what the flow knows of the result that is kept back, beside wire.Hold.
// Server's goroutine.
type held struct {
	wire.Hold
	exec *execution
	rows uint64 // of exec, when the result began
	seq  byte   // sequence id of the result's first packet
	next uint32 // of the one behind what is kept back
	// tooLarge and tooSlow are the payloads in the place of what goes beyond.
	tooLarge, tooSlow []byte
}

// newHeld returns what keeps results back as c says.
func newHeld(c wire.HoldConfig, n *wire.HoldCounters) held {
	h := held{Hold: wire.NewHold(c, n)}
	if c.Size > 0 && c.Beyond == wire.BeyondRefuse {
		h.tooLarge = beyond(fmt.Sprintf("the result is larger than the %d bytes that the proxy may hold", c.Size), "hold.size")
		h.tooSlow = beyond(fmt.Sprintf("the result takes longer than the %s that the proxy may hold it", c.Time), "hold.time")
	}
	return h
}

// beyond is the error for a result that outgrows its hold.
func beyond(what, key string) []byte {
	return errPayload(codeTooBig, stateForbidden, what+": ask for fewer rows at a time (LIMIT, a cursor), or ask the proxy's administrator to raise "+key+" of the listener, or to set hold.beyond to pass")
}

// holdResult keeps back what comes from the packet in hand on, whose sequence
// id is seq.
func (f *flow) holdResult(e *execution, seq byte) {
	if !f.hold.Begin(f.at) {
		return
	}
	f.hold.exec, f.hold.seq, f.hold.next = e, seq, uint32(seq)
	if e != nil {
		f.hold.rows = e.rows
	}
}

// sent notes the sequence id that comes behind what has passed.
func (f *flow) sent(seq byte) {
	if f.hold.Active() {
		f.hold.next = uint32(seq)
		return
	}
	f.outSeq.Store(uint32(seq))
}

// sentRows notes n packets more.
func (f *flow) sentRows(n int) {
	if f.hold.Active() {
		f.hold.next += uint32(n)
		return
	}
	f.outSeq.Store(f.outSeq.Load() + uint32(n))
}

// endHold lets go of a result that is over.
func (f *flow) endHold() {
	if f.hold.Active() {
		f.outSeq.Store(f.hold.next)
	}
	f.hold.End()
}

// replace puts an ERR packet in the place of a packet of n bytes with the given
// sequence id, or of the whole result if that is kept back; the rest of the
// answer will be dropped.
func (f *flow) replace(payload []byte, n int, seq byte) taken {
	if f.hold.Active() {
		seq = f.hold.seq
		if e := f.hold.exec; e != nil && !e.ended { // the client does not get them
			e.rows = f.hold.rows
		}
	}
	f.inject = appendPacket(f.inject[:0], seq, payload)
	f.swallow = true
	f.told.Store(true)
	return taken{skip: n, do: doInject}
}

// ending is verdict for the packet that ends a result: one that was kept back
// leaves with it, or is refused for its size.
func (f *flow) ending(refused bool, n int, seq byte) taken {
	if !refused && !f.swallow && f.hold.Exceeds(f.at) {
		return f.replace(f.hold.tooLarge, n, seq)
	}
	t := f.verdict(refused, n, seq)
	if t.do == 0 {
		f.endHold()
	}
	return t
}

// settle completes a step. What outgrows its hold is refused here, if so configured.
func (f *flow) settle(s wire.Step, t taken) wire.Step {
	switch {
	case t.do&doCut != 0:
		return s
	case t.do&doInject == 0 && f.hold.Exceeds(s.Pass):
		f.replace(f.hold.tooLarge, 0, 0)
		s.Inject = f.inject
		fallthrough
	case t.do&doInject != 0:
		s = f.hold.Withdraw(s)
	default:
		active := f.hold.Active()
		if s = f.hold.Settle(s); active && !f.hold.Active() {
			f.outSeq.Store(f.hold.next)
		}
	}
	f.noteFrame()
	return s
}

// noteFrame notes whether the client has part of a packet.
func (f *flow) noteFrame() {
	f.midFrame.Store((f.down.left > 0 || f.down.more) && !f.down.drop && !f.swallow && !f.hold.Active())
}

// Overdue implements wire.Holder.
func (f *flow) Overdue() (s wire.Step) {
	if !f.hold.Active() {
		return s
	}
	if f.hold.Late() {
		f.replace(f.hold.tooSlow, 0, 0)
		s = f.hold.Withdraw(wire.Step{Inject: f.inject})
	} else {
		f.outSeq.Store(f.hold.next)
	}
	f.noteFrame()
	return s
}
