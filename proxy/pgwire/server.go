package pgwire

import (
	"fmt"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// verb is what becomes of a server frame.
type verb uint8

const (
	pass verb = iota
	skip
	refuse // replace by the refusal, then drop up to ReadyForQuery
)

// taken says what becomes of the bytes at the start of a chunk: pass lets the
// first of them through, then the refusal is put in if asked, then skip drops
// the next. If neither passes nor drops anything, need bytes are needed.
type taken struct {
	pass, skip  int
	need        int
	refuse, cut bool
}

// serverChunk takes what has come from the server: everything that may pass
// leaves in one step, but for a result that is kept back.
func (f *flow) serverChunk(buf []byte) (wire.Step, error) {
	s, w, err := f.walk(buf)
	f.reckonHead()
	switch {
	case err != nil:
		return wire.Step{}, err
	case w == ends:
		// Whether the client has part of a frame is as before.
		says := f.says
		f.parting.Store(&says)
		s.Cut, s.Reason = true, wire.Refused
		return s, nil
	case w == refused:
		s = f.refuseAt(s.Pass, s.Skip, f.refusal("ERROR", f.says))
		f.told.Store(true)
		f.says = ""
	case w == refusedSize:
		s = f.refuseAt(s.Pass, s.Skip, f.hold.tooLarge)
	default:
		s = f.settleHold(s, buf[s.Pass+s.Skip:])
	}
	f.midFrame.Store(f.toClient.left > 0 && !f.toClient.drop && !f.swallow && !f.hold.Active())
	return s, nil
}

// way is how a walk over a chunk ended.
type way uint8

const (
	goOn        way = iota
	refused         // the refusal goes in behind what passes
	refusedSize     // another one does: the result outgrew its hold
	ends            // the session does
)

// walk takes one frame after the other. Runs of rows are inspected together.
func (f *flow) walk(buf []byte) (wire.Step, way, error) {
	off := 0
	for {
		rest := buf[off:]
		f.at = off
		if f.toClient.left > 0 {
			n, skip, w := f.passingPiece(rest)
			if n == 0 {
				return wire.Step{Pass: off, Skip: skip}, w, nil
			}
			off += n
			continue
		}
		size, err := frameLength(rest)
		if err != nil {
			return wire.Step{}, goOn, err
		}
		if size == 0 {
			return wire.Step{Pass: off}, goOn, nil
		}
		var t taken
		if size <= len(rest) && rest[0] != 'D' && rest[0] != 'd' {
			outgrown := f.hold.Exceeds(off) && endsResult(rest[0]) && rest[0] != 'Z'
			var v verb
			v, err = f.wholeFrame(rest[:size], outgrown)
			switch {
			case err != nil:
				return wire.Step{}, goOn, err
			case outgrown:
				f.beginRefusal(rest[size:])
				return wire.Step{Pass: off, Skip: size}, refusedSize, nil
			case v == pass && !f.swallow:
				off += size
				continue
			}
			t = f.settle(v, rest, size)
		} else if t, err = f.serverFrames(rest, size); err != nil {
			return wire.Step{}, goOn, err
		}
		off += t.pass
		switch {
		case t.cut:
			f.midFrame.Store(false)
			return wire.Step{Pass: off}, ends, nil
		case t.refuse:
			return wire.Step{Pass: off, Skip: t.skip}, refused, nil
		case t.skip > 0:
			return wire.Step{Pass: off, Skip: t.skip}, goOn, nil
		case t.pass == 0: // not whole
			return wire.Step{Pass: off, Need: t.need}, goOn, nil
		}
	}
}

// passingPiece takes what rest has of a frame that passes in pieces: n bytes
// pass; if none does, the step must be taken as it is.
func (f *flow) passingPiece(rest []byte) (n, skip int, w way) {
	if n = min(f.toClient.left, len(rest)); n == 0 {
		return 0, 0, goOn
	}
	f.toClient.left -= n
	v, dropping := f.streamPiece(rest[:n])
	switch {
	case dropping:
		return 0, n, goOn
	case f.blocks(v) && f.hold.Active(): // the client has nothing of it
		f.beginRefusal(rest[n:])
		return 0, n, refused
	case v.Blocks():
		return 0, 0, ends
	}
	return n, 0, goOn
}

// wholeFrame is serverFrame with what the frame means for a result that is kept
// back. One that has outgrown its hold is refused by the caller.
func (f *flow) wholeFrame(frame []byte, outgrown bool) (verb, error) {
	if outgrown {
		f.unsent()
	}
	v, err := f.serverFrame(frame[0], frame)
	switch {
	case v != pass || outgrown:
	case endsResult(frame[0]):
		f.hold.End()
	case f.hold.Active():
		f.aside(frame)
	}
	return v, err
}

// serverFrames takes a run of row or COPY frames, or a frame that is not whole,
// from the start of rest. size is the first one's.
func (f *flow) serverFrames(rest []byte, size int) (taken, error) {
	typ := rest[0]
	if size > len(rest) {
		if size <= rowLimit {
			return taken{need: size}, nil
		}
		if len(rest) < header+2 {
			return taken{need: header + 2}, nil
		}
		return f.startStream(rest, size)
	}
	if typ == 'D' {
		return f.rowFrames(rest)
	}
	return f.copyFrames(rest)
}

// settle carries out what serverFrame decided about the frame at the start of
// rest. While an answer is being dropped, that goes before.
func (f *flow) settle(v verb, rest []byte, size int) taken {
	typ := rest[0]
	if f.swallow {
		switch {
		case typ == 'Z' && rest[header] == 'T' && f.failTransaction():
			v = skip
		case typ == 'Z':
			f.swallow = false
		case f.justRefused:
			f.justRefused = false
			return taken{skip: size, refuse: true}
		case typ != 'S' && typ != 'A':
			v = skip
		}
	}
	switch v {
	case skip:
		return taken{skip: size}
	case refuse:
		f.beginRefusal(rest[size:])
		return taken{skip: size, refuse: true}
	}
	return taken{pass: size}
}

// beginRefusal drops the rest of the server's answer. If the answer's end is
// not in the buffer already, the server is asked to stop producing it.
func (f *flow) beginRefusal(rest []byte) {
	f.swallow = true
	f.rows, f.rowsLive = nil, false
	for len(rest) >= header {
		size, err := frameLength(rest)
		if err != nil || size > len(rest) {
			break
		}
		if rest[0] == 'Z' {
			return
		}
		rest = rest[size:]
	}
	f.cancelRun()
}

// serverFrame takes one whole frame that is neither a row nor COPY data.
func (f *flow) serverFrame(typ byte, frame []byte) (verb, error) {
	body := frame[header:]
	r := f.head()
	switch typ {
	case 'Z':
		return pass, f.ready(body)
	case 'T':
		return f.rowDescription(r, body)
	case 'C', 'I':
		return pass, f.complete(r, body)
	case 's':
		if r == nil || r.kind != execute {
			return pass, outOfPlace("PortalSuspended", r)
		}
		f.endRows()
		f.done()
		return pass, nil
	case 'E':
		return f.errorResponse(r, body)
	case 'N':
		if f.blocks(f.tell(event.ChannelNotice, fieldsText(f, body))) {
			return f.refuseOrSkip(r), nil
		}
		return pass, nil
	case 'A':
		if f.sess.Text(event.ChannelNotification, notificationText(body)).Blocks() {
			return skip, nil
		}
		return pass, nil
	case 'S':
		return f.parameterStatus(body)
	case '1', '2', '3':
		return pass, f.acknowledge(typ, r)
	case 'n':
		return f.noData(r)
	case 't':
		return pass, f.parameterDescription(r, body)
	case 'V':
		if r == nil || r.kind != functionCall {
			return pass, outOfPlace("FunctionCallResponse", r)
		}
		if f.blocks(f.tell(event.ChannelFunction, body[min(4, len(body)):])) { // behind its length
			return refuse, nil
		}
		return pass, nil
	case 'G', 'H', 'W':
		return f.copyBegins(typ, r, body)
	case 'c':
		f.copying.finish(f)
		return pass, nil
	case 'K', 'R', 'v':
		return pass, nil
	}
	return pass, fmt.Errorf("unknown message type %q", typ)
}

// refuseOrSkip refuses what the client waits for, or drops a message that
// nobody waits for.
func (f *flow) refuseOrSkip(r *request) verb {
	if r == nil || r.kind == syncPoint {
		return skip
	}
	return refuse
}

func outOfPlace(msg string, r *request) error {
	if r == nil {
		return fmt.Errorf("%s message without a request", msg)
	}
	return fmt.Errorf("%s message in answer to a request of type %q", msg, byte(r.kind))
}
