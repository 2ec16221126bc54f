package pgwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// clientChunk walks the client's frames and lets them pass in one step, up to
// the first one that must be replaced or is not whole.
func (f *flow) clientChunk(buf []byte) (wire.Step, error) {
	off := 0
	if f.toServer.left > 0 {
		n := min(f.toServer.left, len(buf))
		f.toServer.left -= n
		switch f.toServer.kind {
		case droppedFrame:
			return wire.Step{Skip: n}, nil
		case blankedFrame:
			return f.blank(n), nil
		}
		v, err := f.presentPiece(buf[:n])
		if err != nil {
			return wire.Step{}, err
		}
		if v.Blocks() {
			if f.toServer.kind == 'd' && f.refuseCopyIn(v) {
				f.toServer.kind = blankedFrame
				return f.blank(n), nil
			}
			// The server has only part of the message and will never run it.
			return f.cut(v), nil
		}
		off = n
	}
	for {
		rest := buf[off:]
		size, err := frameLength(rest)
		if err != nil {
			return wire.Step{}, err
		}
		if size == 0 {
			return wire.Step{Pass: off}, nil
		}
		if rest[0] == 'd' || size > f.limit {
			step, ok, err := f.clientStream(rest, size)
			if err != nil || !ok {
				step.Pass += off
				return step, err
			}
			off += step.Pass
			continue
		}
		if size > len(rest) {
			return wire.Step{Pass: off, Need: size}, nil
		}
		inject, err := f.clientFrame(rest[:size])
		if err != nil {
			return wire.Step{}, err
		}
		if inject != nil {
			if inject[0] == 'D' { // asked before the frame, which stays to be shown again
				return wire.Step{Pass: off, Inject: inject}, nil
			}
			return wire.Step{Pass: off, Skip: size, Inject: inject}, nil
		}
		off += size
	}
}

// clientStream starts a frame that is not held: COPY data, or a message longer
// than the limit. ok false means that the step must be taken as it is.
func (f *flow) clientStream(rest []byte, size int) (wire.Step, bool, error) {
	n := min(size, len(rest))
	if rest[0] == 'd' {
		return f.copyInData(rest, size)
	}
	if need := header + 4096; len(rest) < min(need, size) { // names must be whole
		return wire.Step{Need: min(need, size)}, false, nil
	}
	if f.skipped(rest[0]) {
		f.toServer = stream{left: size - n, kind: skippedFrame}
		return wire.Step{Pass: n}, true, nil
	}
	f.pastCopyIn(rest[0])
	v, err := f.longFrame(rest[0], rest[header:n], size-header)
	if err != nil {
		return wire.Step{}, false, err
	}
	if v.Blocks() {
		return f.cut(v), false, nil
	}
	f.toServer = stream{left: size - n, kind: rest[0]}
	return wire.Step{Pass: n}, true, nil
}

// presentPiece shows a further piece of a streamed frame.
func (f *flow) presentPiece(p []byte) (event.Verdict, error) {
	end := f.toServer.left == 0
	switch f.toServer.kind {
	case 'd':
		return f.sess.Present(event.ChannelCopyIn, p, false), nil // a value may go on in the next message
	case 'Q', 'P':
		return f.sess.Present(event.ChannelStatement, p, end), nil
	case 'B':
		return f.bindPiece(p, f.toServer.left)
	case skippedFrame:
		return event.Verdict{}, nil
	}
	return f.callPiece(p, end), nil
}

// Kinds of streams that are no message's type.
const (
	skippedFrame = 0 // the server will not look at it
	droppedFrame = 1 // the server does not get it
	blankedFrame = 2 // the server gets as many zeros
)

// skipped reports whether the server ignores a message: after an error in the
// extended protocol it answers nothing up to the next Sync. What has no answer
// must not wait in the queue for one, or a client could fill it without end.
func (f *flow) skipped(typ byte) bool {
	switch typ {
	case 'Q', 'P', 'B', 'D', 'E', 'C', 'F', 'c', 'f':
		return f.discard.Load()
	}
	return false
}

// endsTwice reports whether the last message ended a COPY already: another one
// that does has no effect. mu is held.
func (f *flow) endsTwice() bool {
	n := f.queue.len()
	return n > 0 && f.queue.buf[len(f.queue.buf)-1].kind == copyEnd
}

// longFrame takes the beginning of a message that is too long to hold.
func (f *flow) longFrame(typ byte, body []byte, total int) (event.Verdict, error) {
	switch typ {
	case 'Q':
		return f.query(body, total), nil
	case 'P':
		name, rest, err := cstring(body)
		if err != nil {
			return event.Verdict{}, err
		}
		stmt, v := f.sess.Prepare(rest, total-(len(body)-len(rest)))
		if !v.Blocks() {
			f.register(string(name), &prepared{stmt: stmt, length: total, copies: copyFormats(rest)})
		}
		return v, nil
	case 'B':
		return f.longBound(body, total)
	case 'F':
		f.calling = f.callee(body)
		return f.callPiece(body, len(body) == total), nil
	}
	return event.Verdict{}, fmt.Errorf("message %q of %d bytes is larger than this proxy allows for its type", typ, total)
}

// clientFrame takes a whole frame. A non-nil result goes to the server: a
// Describe ('D') before the frame, anything else in its place.
func (f *flow) clientFrame(frame []byte) ([]byte, error) {
	if f.skipped(frame[0]) {
		return nil, nil
	}
	f.pastCopyIn(frame[0])
	body := frame[header:]
	switch frame[0] {
	case 'Q':
		sql, err := wholeString(body)
		if err != nil {
			return nil, err
		}
		if f.query(sql, len(sql)).Blocks() {
			return f.failing('Q'), nil
		}
	case 'P':
		return f.parse(body)
	case 'B':
		return f.bind(body)
	case 'D':
		return nil, f.describe(body)
	case 'E':
		return f.execute(body)
	case 'C':
		return nil, f.closeFrame(body)
	case 'S':
		f.mu.Lock()
		if !f.copyIn {
			f.pushLocked(request{kind: syncPoint})
		}
		f.mu.Unlock()
	case 'F':
		stmt := f.callee(body)
		if v := stmt.Bind(body, true); v.Blocks() {
			f.push(request{kind: functionCall, refused: true, says: v.Message})
			return f.failing('Q'), nil
		}
		f.call(stmt)
	case 'c', 'f': // CopyDone, CopyFail
		f.mu.Lock()
		if !f.copyIn && !f.endsTwice() { // before the server asked for data, or after it gave up
			f.pushLocked(request{kind: copyEnd})
		}
		f.copyIn = false
		f.mu.Unlock()
		f.sess.Present(event.ChannelCopyIn, nil, true)
	case 'H', 'X', 'p': // Flush, Terminate; passwords are over, let the server object
	default:
		return nil, fmt.Errorf("unknown message type %q", frame[0])
	}
	return nil, nil
}

// query starts a simple query. sql is its text or, if total is more, its beginning.
func (f *flow) query(sql []byte, total int) event.Verdict {
	stmt, v := f.sess.Prepare(sql, total)
	var run inspect.Run
	if !v.Blocks() {
		run, v = stmt.Run(nil, nil)
	}
	copies := copyFormats(sql)
	drops := deallocated(sql)
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.newExec()
	e.stmt, e.run, e.copies = stmt, run, copies
	r := request{kind: simpleQuery, exec: e, refused: v.Blocks(), says: v.Message}
	f.dropping(&r, drops)
	if f.pushLocked(r) {
		f.statements.set("", nil) // Query destroys the unnamed statement and portal
		f.setPortal("", nil)
	}
	return v
}

// callee is the statement that stands for a fast-path function call.
func (f *flow) callee(body []byte) inspect.Statement {
	oid := uint32(0)
	if len(body) >= 4 {
		oid = binary.BigEndian.Uint32(body)
	}
	sql := fmt.Appendf(nil, "-- fast-path call of function %d", oid)
	stmt, _ := f.sess.Prepare(sql, len(sql))
	return stmt
}

// callPiece takes a piece of a call that is too long to hold. Like a Bind it joins
// the queue with its last one: no answer can come before.
func (f *flow) callPiece(p []byte, end bool) event.Verdict {
	v := f.calling.Bind(p, end)
	if end && !v.Blocks() {
		f.call(f.calling)
		f.calling = nil
	}
	return v
}

// call starts it.
func (f *flow) call(stmt inspect.Statement) {
	run, _ := stmt.Run(nil, nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.newExec()
	e.run, e.stmt = run, stmt
	f.pushLocked(request{kind: functionCall, exec: e})
}

func (f *flow) parse(body []byte) ([]byte, error) {
	name, rest, err := cstring(body)
	if err != nil {
		return nil, err
	}
	sql, rest, err := cstring(rest)
	if err != nil {
		return nil, err
	}
	if len(rest) < 2 {
		return nil, errors.New("a Parse message ends before its parameter types")
	}
	n := int(binary.BigEndian.Uint16(rest))
	if len(rest) != 2+4*n {
		return nil, fmt.Errorf("a Parse message announces %d parameter types and has %d bytes of them", n, len(rest)-2)
	}
	stmt, v := f.sess.Prepare(sql, len(sql))
	if v.Blocks() {
		f.push(request{kind: parse, refused: true, says: v.Message})
		return f.failing('P'), nil
	}
	p := f.newPrepared()
	p.stmt, p.length, p.copies, p.drops = stmt, len(sql), copyFormats(sql), deallocated(sql)
	for i := range n {
		p.types = append(p.types, binary.BigEndian.Uint32(rest[2+4*i:]))
	}
	f.register(string(name), p)
	return nil, nil
}

// register gives a name to a statement that is being prepared.
func (f *flow) register(name string, p *prepared) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.statements.get(name)
	if f.pushLocked(request{kind: parse, prep: p, name: name, oldPrep: old}) {
		f.statements.set(name, p)
		if name == "" && old != nil {
			f.retire(old)
		}
	}
}

// prepared finds a statement by name. SQL's PREPARE shares the name space with
// Parse and is not followed: such a statement gets a note for its text.
func (f *flow) prepared(name []byte) *prepared {
	f.mu.Lock()
	p := f.statements.find(name)
	f.mu.Unlock()
	if p != nil {
		return p
	}
	sql := fmt.Appendf(nil, "-- statement %q, prepared with SQL", name)
	stmt, _ := f.sess.Prepare(sql, len(sql))
	return &prepared{stmt: stmt}
}

func (f *flow) bind(body []byte) ([]byte, error) {
	portal, rest, err := cstring(body)
	if err != nil {
		return nil, err
	}
	name, rest, err := cstring(rest)
	if err != nil {
		return nil, err
	}
	p, e := f.bound(name)
	if rest, err = f.bindParams(body, rest, e.types); err != nil {
		return nil, err
	}
	nf, rest, err := count(rest, 2, "Bind", "result formats")
	if err != nil {
		return nil, err
	}
	if len(rest) != 2*nf {
		return nil, fmt.Errorf("a Bind message has %d bytes behind its result formats", len(rest)-2*nf)
	}
	for i := range nf {
		e.formats = append(e.formats, int16(binary.BigEndian.Uint16(rest[2*i:])))
	}
	run, v := p.stmt.Run(body, f.params)
	e.run = run
	if v.Blocks() {
		f.push(request{kind: bind, exec: e, refused: true, says: v.Message})
		return f.failing('P'), nil
	}
	f.bindPortal(string(portal), e)
	return nil, nil
}

// bound finds the statement that a Bind names and begins its execution.
func (f *flow) bound(name []byte) (*prepared, *execution) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.statements.find(name)
	if p == nil {
		f.mu.Unlock()
		p = f.prepared(name)
		f.mu.Lock()
	}
	e := f.newExec()
	e.prep, e.types = p, p.types
	p.refs++
	return p, e
}

// bindParams fills f.params with the parameters' places in body and returns
// what follows them in rest.
func (f *flow) bindParams(body, rest []byte, types []uint32) ([]byte, error) {
	f.params = f.params[:0]
	nf, rest, err := count(rest, 2, "Bind", "parameter formats")
	if err != nil {
		return nil, err
	}
	formats := rest[:2*nf]
	n, rest, err := count(rest[2*nf:], 4, "Bind", "parameters")
	if err != nil {
		return nil, err
	}
	for i := range n {
		if len(rest) < 4 {
			return nil, errors.New("a Bind message ends within a parameter")
		}
		size := int(int32(binary.BigEndian.Uint32(rest)))
		rest = rest[4:]
		p := inspect.Param{Off: int32(len(body) - len(rest)), Len: int32(size)}
		if size > len(rest) || size < -1 {
			return nil, fmt.Errorf("a Bind message announces a parameter of %d bytes and has %d", size, len(rest))
		}
		if size > 0 {
			rest = rest[size:]
		}
		if i < len(types) {
			p.Type = types[i]
		}
		switch {
		case nf == 1:
			p.Binary = formats[1] == 1
		case i < nf:
			p.Binary = formats[2*i+1] == 1
		}
		f.params = append(f.params, p)
	}
	return rest, nil
}

func (f *flow) bindPortal(name string, e *execution) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.portal, e.named = name, true
	if p := e.prep.made(); p != nil {
		e.prep = p
	}
	if f.pushLocked(request{kind: bind, exec: e, name: name, oldExec: f.portals.get(name)}) {
		f.setPortal(name, e)
	}
}

func (f *flow) describe(body []byte) error {
	what, name, err := target(body, "Describe")
	if err != nil {
		return err
	}
	if what == 'S' {
		p := f.prepared(name)
		p.asked.Store(f.push(request{kind: describePrep, prep: p}) || p.asked.Load())
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.portal(name)
	if f.pushLocked(request{kind: describePortal, exec: e}) && e.prep != nil {
		e.prep.asked.Store(true)
	}
	return nil
}

// portal finds a portal by name; one that SQL's DECLARE made gets a run with a
// note. mu is held, and let go of while the note is made.
func (f *flow) portal(name []byte) *execution {
	if e := f.portals.find(name); e != nil {
		return e
	}
	f.mu.Unlock()
	sql := fmt.Appendf(nil, "-- portal %q, declared with SQL", name)
	stmt, _ := f.sess.Prepare(sql, len(sql))
	run, _ := stmt.Run(nil, nil)
	f.mu.Lock()
	e := &execution{run: run, portal: string(name), named: true}
	f.setPortal(e.portal, e)
	return e
}

// execute starts or continues a portal. A client that never asked what the
// portal returns leaves the proxy without the columns' provenance and formats:
// the proxy asks in its place, before the first Execute, and keeps the answer
// to itself.
func (f *flow) execute(body []byte) ([]byte, error) {
	name, rest, err := cstring(body)
	if err != nil {
		return nil, err
	}
	if len(rest) != 4 {
		return nil, errors.New("an Execute message without its row limit")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.portal(name)
	if p := e.prep; p != nil && !p.asked.Swap(true) {
		if !f.pushLocked(request{kind: describePortal, exec: e, hidden: true}) {
			p.asked.Store(false) // ignored by the server, as the Execute will be
			f.pushLocked(request{kind: execute, exec: e})
			return nil, nil
		}
		f.inject = append(f.inject[:0], 'D')
		f.inject = binary.BigEndian.AppendUint32(f.inject, uint32(4+1+len(name)+1))
		f.inject = append(append(append(f.inject, 'P'), name...), 0)
		return f.inject, nil
	}
	r := request{kind: execute, exec: e}
	if e.prep != nil {
		f.dropping(&r, e.prep.drops)
	}
	f.pushLocked(r)
	return nil, nil
}

// dropping notes in r, which runs SQL's DEALLOCATE, what the name that it gives
// up stands for now: a statement that is prepared behind it by that name stays. mu
// is held.
func (f *flow) dropping(r *request, name string) {
	if name != "" {
		r.name, r.oldPrep = name, f.statements.get(name)
	}
}

func (f *flow) closeFrame(body []byte) error {
	what, name, err := target(body, "Close")
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r := request{kind: closeName, name: string(name)}
	if what == 'S' {
		r.oldPrep = f.statements.get(r.name)
	} else {
		r.oldExec = f.portals.get(r.name)
	}
	if f.pushLocked(r) {
		if what == 'S' {
			f.statements.set(r.name, nil)
		} else {
			f.setPortal(r.name, nil)
		}
	}
	return nil
}

// target decodes the body of Describe and Close.
func target(body []byte, msg string) (byte, []byte, error) {
	if len(body) < 2 || body[0] != 'S' && body[0] != 'P' {
		return 0, nil, fmt.Errorf("%s message names neither a statement nor a portal", msg)
	}
	name, err := wholeString(body[1:])
	return body[0], name, err
}

// cstring cuts a NUL-terminated string off b.
func cstring(b []byte) (s, rest []byte, err error) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return nil, nil, errors.New("a string has no end within its message")
	}
	return b[:i], b[i+1:], nil
}

// wholeString decodes a body that is one NUL-terminated string.
func wholeString(b []byte) ([]byte, error) {
	s, rest, err := cstring(b)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the end of a message's string", len(rest))
	}
	return s, err
}

// count reads a 16-bit count of items of at least size bytes each.
func count(b []byte, size int, msg, what string) (int, []byte, error) {
	if len(b) < 2 {
		return 0, nil, fmt.Errorf("%s message ends before its %s", msg, what)
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; n*size > len(b) {
		return 0, nil, fmt.Errorf("%s message announces %d %s in %d bytes", msg, n, what, len(b))
	}
	return n, b, nil
}
