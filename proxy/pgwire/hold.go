package pgwire

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// held is what the flow knows of the result that is kept back, beside wire.Hold.
// Server's goroutine.
type held struct {
	wire.Hold
	exec *execution
	rows uint64 // of exec, when the result began
	// kept are messages among the result that are not of it: they reach the
	// client whatever becomes of the result.
	kept []byte
	// tooLarge and tooSlow are the errors in the place of what goes beyond.
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

// beyond is the error for a result that outgrows its hold (SQLSTATE 54000,
// program_limit_exceeded).
func beyond(what, key string) []byte {
	return encodeError(&pgproto3.ErrorResponse{
		Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: "54000", Message: what,
		Hint: "Ask for fewer rows at a time (LIMIT, a cursor), or ask the proxy's administrator to raise " + key + " of the listener, or to set hold.beyond to pass.",
	})
}

// holdResult keeps back what comes from the frame in hand on.
func (f *flow) holdResult(e *execution) {
	if !f.hold.Begin(f.at) {
		return
	}
	f.hold.exec, f.hold.kept = e, f.hold.kept[:0]
	if e != nil {
		f.hold.rows = e.rows
	}
}

// holdRows keeps back the result whose rows begin with the frame in hand, unless
// nothing is looked for in them.
func (f *flow) holdRows(e *execution, v event.Verdict) {
	if f.rows != nil {
		f.holdResult(e)
	} else if !v.Blocks() {
		f.hold.End()
	}
}

// endsResult reports whether a message of the server ends a result: whatever
// is not part of one, nor can come in its midst.
func endsResult(typ byte) bool {
	switch typ {
	case 'T', 'D', 'H', 'd', 'c', 'N', 'S', 'A':
		return false
	}
	return true
}

// aside keeps what is passing within a result and not of it: settings that the
// client must know, and other sessions' notifications.
func (f *flow) aside(frame []byte) {
	if frame[0] == 'S' || frame[0] == 'A' {
		f.hold.kept = append(f.hold.kept, frame...)
	}
}

// unsent takes back from the run's rows those that the client does not get,
// since the result that is kept back is refused.
func (f *flow) unsent() {
	if e := f.hold.exec; f.hold.Active() && e != nil && !e.ended {
		e.rows = f.hold.rows
	}
}

// refuseAt is the step that puts an answer in the place of what is refused: off
// bytes of the chunk pass before, skip bytes behind them are dropped. Of a
// result that is kept back nothing passes.
func (f *flow) refuseAt(off, skip int, answer []byte) wire.Step {
	s := wire.Step{Pass: off, Skip: skip, Inject: answer}
	if !f.hold.Active() {
		return s
	}
	f.unsent()
	if len(f.hold.kept) > 0 {
		s.Inject = slices.Concat(f.hold.kept, answer)
	}
	return f.hold.Withdraw(s)
}

// settleHold completes a step that refuses nothing. What outgrows its hold is
// refused here, if so configured. rest is what follows the step in the buffer.
func (f *flow) settleHold(s wire.Step, rest []byte) wire.Step {
	if !f.hold.Exceeds(s.Pass) {
		return f.hold.Settle(s)
	}
	f.beginRefusal(rest)
	return f.refuseAt(s.Pass, s.Skip, f.hold.tooLarge)
}

// Overdue implements wire.Holder.
func (f *flow) Overdue() wire.Step {
	if !f.hold.Active() {
		return wire.Step{}
	}
	if f.hold.Late() {
		f.beginRefusal(nil)
		return f.refuseAt(0, 0, f.hold.tooSlow)
	}
	f.midFrame.Store(f.toClient.left > 0)
	return wire.Step{}
}
