package pgwire

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// copyInData takes the beginning of a CopyData from the client, which goes on in
// the chunks to come if it is longer than rest.
func (f *flow) copyInData(rest []byte, size int) (wire.Step, bool, error) {
	n := min(size, len(rest))
	if f.copyRefused {
		f.toServer = stream{left: size - n, kind: droppedFrame}
		return wire.Step{Skip: n}, false, nil
	}
	if v := f.sess.Present(event.ChannelCopyIn, rest[header:n], false); v.Blocks() {
		if !f.refuseCopyIn(v) {
			return f.cut(v), false, nil
		}
		f.toServer = stream{left: size - n, kind: droppedFrame}
		return wire.Step{Skip: n, Inject: copyFail(nil)}, false, nil
	}
	f.toServer = stream{left: size - n, kind: 'd'}
	return wire.Step{Pass: n}, true, nil
}

// refuseCopyIn has a COPY FROM STDIN fail: its caller sends the server a CopyFail,
// and the error in answer is replaced by the refusal. What the client still sends
// for this COPY is dropped, as the server would. False if the server has not asked
// for data, so that nobody knows whose they are, and in a replication stream.
func (f *flow) refuseCopyIn(v event.Verdict) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.queue.peek()
	if !f.copyIn || r == nil {
		return false
	}
	r.refused, r.says = true, v.Message
	f.copyIn = false // from here on a Sync is answered
	f.copyRefused = true
	return true
}

// pastCopyIn notes a message behind which no data of a refused COPY come.
func (f *flow) pastCopyIn(typ byte) {
	if typ != 'S' && typ != 'H' {
		f.copyRefused = false
	}
}

// blank gives the server zeros for n bytes of a CopyData of which it has the
// beginning already, and behind the last of them lets the COPY fail.
func (f *flow) blank(n int) wire.Step {
	b := make([]byte, n, n+64)
	if f.toServer.left == 0 {
		b = copyFail(b)
	}
	return wire.Step{Skip: n, Inject: b}
}

func copyFail(b []byte) []byte {
	b, err := (&pgproto3.CopyFail{Message: refusedText}).Encode(b)
	if err != nil { // only for messages over 1 GiB
		panic(err)
	}
	return b
}

// isRefused reports whether the server was given something that fails in place of
// the request or of its data, and the text of the rule.
func (f *flow) isRefused(r *request) (refused bool, says string) {
	if r == nil {
		return false, ""
	}
	f.mu.Lock() // the client's goroutine may be refusing its data
	defer f.mu.Unlock()
	return r.refused, r.says
}
