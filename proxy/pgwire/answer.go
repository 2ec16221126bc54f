package pgwire

import (
	"bytes"
	"errors"
	"fmt"

	"honeyrow/event"
)

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
	refusedByUs, says := f.isRefused(r)
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
		r.prep.undone, r.prep.instead, r.prep.kept = true, r.oldPrep, true
		if r.oldPrep != nil {
			r.oldPrep.kept = true
		}
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
