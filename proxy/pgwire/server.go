package pgwire

import (
	"bytes"
	"errors"
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

// ready handles ReadyForQuery: one request group has been answered.
func (f *flow) ready(body []byte) error {
	if len(body) != 1 {
		return fmt.Errorf("ReadyForQuery message of %d bytes", len(body))
	}
	r := f.head()
	if r == nil || r.kind != simpleQuery && r.kind != syncPoint && r.kind != functionCall {
		return outOfPlace("ReadyForQuery", r)
	}
	f.endRows()
	if r.exec != nil {
		f.endRun(r.exec, r.exec.tag)
	}
	if body[0] == 'I' { // the transaction is over, and with it every portal
		for f.open.first != nil {
			f.endRun(f.open.first, "")
		}
	}
	f.rest.Store(body[0] == 'I')
	f.told.Store(false)
	f.mu.Lock()
	f.copyIn = false
	f.doneLocked()
	f.mu.Unlock()
	return nil
}

// complete handles CommandComplete and EmptyQueryResponse.
func (f *flow) complete(r *request, body []byte) error {
	f.endRows()
	if r == nil {
		return outOfPlace("CommandComplete", r)
	}
	switch r.kind {
	case simpleQuery:
		// More statements of the same text may follow; Z ends the run. The tag
		// of the last one is what a person wants to read.
		if r.exec != nil {
			r.exec.tag = f.tag(body)
			f.copying.counted(r.exec, r.exec.tag)
			f.forget(r, r.exec.tag)
		}
	case execute:
		tag := f.tag(body)
		f.copying.counted(r.exec, tag)
		f.endRun(r.exec, tag)
		f.forget(r, tag)
		f.done()
	default:
		return outOfPlace("CommandComplete", r)
	}
	return nil
}

// tag is the command tag of a CommandComplete message. The last one is kept:
// most sessions repeat it.
func (f *flow) tag(body []byte) string {
	i := bytes.IndexByte(body, 0)
	if i < 0 {
		return ""
	}
	if f.lastTag != string(body[:i]) {
		f.lastTag = string(body[:i])
	}
	return f.lastTag
}

// forget drops the names that a request has just deallocated. Behind those that
// drop them all, one that is being prepared again is lost too: it is then asked
// about anew.
func (f *flow) forget(r *request, tag string) {
	switch tag {
	case "DISCARD ALL", "DEALLOCATE ALL":
		f.mu.Lock()
		f.statements.clear()
		f.mu.Unlock()
	case "DEALLOCATE":
		f.mu.Lock()
		if r.oldPrep != nil && f.statements.get(r.name) == r.oldPrep {
			f.statements.set(r.name, nil)
		}
		f.mu.Unlock()
	}
}

// errorResponse handles an error: it ends the request, and for the extended
// protocol all that follow up to Sync.
func (f *flow) errorResponse(r *request, body []byte) (verb, error) {
	refusedByUs, says := r != nil && r.refused, ""
	if refusedByUs {
		says = r.says
	}
	v := f.tell(event.ChannelError, fieldsText(f, body))
	code := errorField(body, 'C')
	f.endRows()
	if r != nil {
		switch r.kind {
		case simpleQuery, functionCall, syncPoint:
			f.endRun(r.exec, code)
		default:
			f.abandon(code)
		}
	}
	switch {
	case f.swallow:
		return skip, nil
	case refusedByUs:
		// The server's transaction has failed as it should; only the text differs.
		f.swallow, f.justRefused, f.says = true, true, says
		return skip, nil
	case f.blocks(v):
		return refuse, nil
	}
	if s := errorField(body, 'V'); s == "FATAL" || s == "PANIC" {
		f.farewelled.Store(true)
	}
	return pass, nil
}

// abandon takes back every request up to the next Sync: the server discards
// them. What they did to names is undone, the latest first.
func (f *flow) abandon(code string) {
	f.mu.Lock()
	var gone []*request
	for r := f.queue.peek(); r != nil && r.kind != syncPoint; r = f.queue.peek() {
		gone = append(gone, r)
		f.queue.pop()
	}
	parsed := false
	for i := len(gone) - 1; i >= 0; i-- {
		f.undo(gone[i])
		parsed = parsed || gone[i].kind == parse
	}
	if parsed {
		f.rebind()
	}
	f.cur = f.queue.peek()
	f.discard.Store(f.cur == nil) // no Sync has been sent yet
	f.copyIn = false
	f.mu.Unlock()
	f.blame(gone, code)
}

// blame ends the runs of requests that the server dropped. The error is the
// first one's: what stood behind it was never looked at.
func (f *flow) blame(gone []*request, code string) {
	if len(gone) == 0 {
		return
	}
	first := gone[0]
	own := first.exec
	if first.kind == parse {
		for _, r := range gone {
			if own == nil && r.exec != nil && r.exec.prep == first.prep {
				own = r.exec // its run has begun here already
			}
		}
		if own == nil && first.prep != nil {
			first.prep.stmt.Failed(code)
		}
	}
	for _, r := range gone {
		if r.exec != nil && r.exec == own {
			f.endRun(r.exec, code)
		} else {
			f.endRun(r.exec, "")
		}
	}
}

// rebind gives what was bound already behind the Sync, to a statement that was
// then not made, to the one that the name stands for. mu is held.
func (f *flow) rebind() {
	for _, r := range f.queue.buf[f.queue.head:] {
		if e := r.exec; e != nil && e.prep != nil && e.prep.made() != nil {
			e.prep = e.prep.made()
		}
		if r.kind == describePrep && r.prep.made() != nil {
			r.prep = r.prep.made()
		}
	}
}

// undo gives a name back to the object that the server still knows by it. mu is held.
func (f *flow) undo(r *request) {
	if r.kind == parse && r.prep != nil {
		r.prep.undone, r.prep.instead = true, r.oldPrep
	}
	switch {
	case r.kind == parse && r.prep != nil && f.statements.get(r.name) == r.prep:
		f.statements.set(r.name, r.oldPrep.made())
	case r.kind == bind && f.portals.get(r.name) == r.exec && r.exec != nil:
		f.setPortal(r.name, r.oldExec)
	case r.kind == closeName && r.oldPrep != nil && f.statements.get(r.name) == nil:
		f.statements.set(r.name, r.oldPrep)
	case r.kind == closeName && r.oldExec != nil && f.portals.get(r.name) == nil:
		f.setPortal(r.name, r.oldExec)
	case (r.kind == describePrep || r.kind == describePortal) && r.prepared() != nil:
		r.prepared().asked.Store(false) // the answer never came
	}
}

func (r *request) prepared() *prepared {
	if r.prep != nil {
		return r.prep
	}
	if r.exec != nil {
		return r.exec.prep
	}
	return nil
}

// acknowledge handles ParseComplete, BindComplete and CloseComplete.
func (f *flow) acknowledge(typ byte, r *request) error {
	want, name := parse, "ParseComplete"
	switch typ {
	case '2':
		want, name = bind, "BindComplete"
	case '3':
		want, name = closeName, "CloseComplete"
	}
	if r == nil || r.kind != want || r.refused {
		return outOfPlace(name, r)
	}
	switch typ {
	case '2':
		if r.oldExec != nil {
			f.endRun(r.oldExec, "")
		}
		f.open.add(r.exec)
	case '3':
		if r.oldExec != nil {
			f.endRun(r.oldExec, "")
		}
	}
	f.done()
	return nil
}

// noData handles NoData, the answer to Describe of something without rows.
func (f *flow) noData(r *request) (verb, error) {
	if r == nil || r.kind != describePrep && r.kind != describePortal {
		return pass, outOfPlace("NoData", r)
	}
	hidden := r.hidden
	f.done()
	if hidden {
		return skip, nil
	}
	return pass, nil
}

// clientEncoding is the setting that says how the client's texts are written.
const clientEncoding = "client_encoding"

// parameterStatus handles a reported setting: it may carry data
// (set_config('application_name', ...)), and the alert wants the name.
func (f *flow) parameterStatus(body []byte) (verb, error) {
	name, rest, err := cstring(body)
	if err != nil {
		return pass, err
	}
	value, err := wholeString(rest)
	if err != nil {
		return pass, err
	}
	v := f.tell(event.ChannelParameter, value)
	f.sess.Set(string(name), string(value))
	if string(name) == "application_name" {
		now := setting(string(value))
		f.application.Store(&now)
	}
	if string(name) == clientEncoding {
		f.charset.Store(uint32(charsetOf(string(value))))
	}
	if v.Blocks() {
		return skip, nil
	}
	return pass, nil
}

// fieldsText joins the fields of an ErrorResponse or NoticeResponse (chapter
// "Error and Notice Message Fields") to one text, in the flow's scratch space.
func fieldsText(f *flow, body []byte) []byte {
	f.text = f.text[:0]
	for len(body) > 1 && body[0] != 0 {
		s, rest, err := cstring(body[1:])
		if err != nil {
			s, rest = body[1:], nil
		}
		switch body[0] {
		case 'S', 'V', 'C', 'F', 'L', 'R', 'P', 'p': // of the server's making, no data
		default:
			f.text = append(append(f.text, s...), '\n')
		}
		body = rest
	}
	return f.text
}

// errorField is one field of an ErrorResponse: 'C' is its SQLSTATE, 'V' its
// severity.
func errorField(body []byte, field byte) string {
	for len(body) > 1 && body[0] != 0 {
		s, rest, err := cstring(body[1:])
		if err != nil {
			return ""
		}
		if body[0] == field {
			return string(s)
		}
		body = rest
	}
	return ""
}

// notificationText is the channel and payload of a NotificationResponse.
func notificationText(body []byte) []byte {
	if len(body) < 4 {
		return nil
	}
	return body[4:]
}

var errCount = errors.New("a message ends before its announced content")
