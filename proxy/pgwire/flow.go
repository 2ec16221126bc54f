package pgwire

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// Frame limits in bytes, header included.
const (
	header = 5
	// rowLimit is the largest server frame that is held whole before it is
	// forwarded; larger ones are streamed and inspected as they pass. It is
	// the size of the pump's large buffer.
	rowLimit = 64 << 10
	// frameMax is PostgreSQL's own limit of a message (PqCommMethods,
	// MaxAllocSize): 1 GiB less one. Anything longer is not a frame.
	frameMax = 1<<30 + 1<<16
	// controlLimit is the largest server message other than rows and COPY data
	// that is held whole.
	controlLimit = 1 << 20
	// defaultStatement is the largest client frame held whole, so that it can
	// be refused before the server sees any of it.
	defaultStatement = 1 << 20
	// cancelTimeout bounds the wait for a cancel request that follows a refusal.
	cancelTimeout = 2 * time.Second
)

// flow is the state of one PostgreSQL session after login, as far as the proxy
// must know it: which request the server is answering, and which statement and
// portal names stand for which objects (protocol documentation, chapter
// "Frontend/Backend Protocol", "Message Flow").
//
// The client's goroutine appends to queue and owns statements and portals as
// names; the server's goroutine takes from queue and owns every run. mu guards
// what both touch.
type flow struct {
	opts  flowOptions
	sess  inspect.Session
	limit int // statement limit
	// charset is how the client's session writes characters: a wire.Charset, as
	// the server reported it last.
	charset atomic.Uint32

	mu         sync.Mutex
	queue      requests
	statements names[prepared]
	portals    names[execution]
	freeExec   []*execution
	freeReq    []*request
	copyIn     bool // the server reads COPY data: Sync and Flush have no effect
	// discard: after an error in the extended protocol the server ignores
	// everything up to Sync, and the client has not sent that yet.
	// It changes with mu held.
	discard atomic.Bool

	// client's goroutine
	toServer stream // a frame longer than limit is passing
	// copyRefused: the client's COPY data were refused and it may send more of them.
	copyRefused bool
	binding     *longBind         // it is a Bind
	calling     inspect.Statement // it is a fast-path call
	retired     [maxRetired]*prepared
	retiredAt   int
	params      []inspect.Param
	inject      []byte

	// server's goroutine
	toClient stream
	at       int // where the frame in hand begins in the chunk
	hold     held
	cur      *request // the head of queue
	rows     inspect.Rows
	rowsLive bool   // a result has begun: rows may be nil all the same
	gate     uint64 // rows.Gate()
	wanted   []bool // rows.Wants(col)
	wantsAny bool
	lastTag  string
	copying  copyOut
	spans    []inspect.Span
	layouts  map[uint64]*description
	// layoutBytes is what they take.
	layoutBytes int
	lastDesc    *description // that describeBody returned last
	swallow     bool         // a result was refused: drop everything up to ReadyForQuery
	// justRefused: the server's error in hand answers a statement that was
	// refused before it was sent; the refusal takes its place.
	justRefused bool
	// says is the text of the rule that refuses what is in hand.
	says string
	open execList
	text []byte

	midFrame   atomic.Bool            // the client has part of a frame
	rest       atomic.Bool            // the last ReadyForQuery said idle
	farewelled atomic.Bool            // the client has the server's own last word
	told       atomic.Bool            // the client has had the refusal of what is being swallowed
	parting    atomic.Pointer[string] // the text of the rule that ends the session

	tally       wire.Tally
	application atomic.Pointer[string] // as the server reported it last
}

// stream is a frame too long to hold that is passing in pieces.
type stream struct {
	left int
	kind byte
	exec *execution
	drop bool
}

var _ wire.Flow = (*flow)(nil)

// newFlow starts a session's state after the first ReadyForQuery.
func newFlow(o flowOptions) wire.Flow {
	f := &flow{opts: o, sess: o.Session, limit: o.Statement}
	f.tally.Total = o.Tally
	f.application.Store(&f.opts.Application) // &o would keep a second copy of all of it
	f.charset.Store(uint32(charsetOf(o.Encoding)))
	if f.limit <= 0 {
		f.limit = defaultStatement
	}
	if o.Hold.Size > 0 {
		f.hold = newHeld(o.Hold, o.Held)
	}
	f.rest.Store(o.Status == 0 || o.Status == 'I')
	return f
}

// Chunk implements wire.Flow.
func (f *flow) Chunk(from wire.Side, buf []byte) (wire.Step, error) {
	if from == wire.Client {
		return f.clientChunk(buf)
	}
	return f.serverChunk(buf)
}

// AtRest implements wire.Flow: no transaction is open and every request has
// been answered.
func (f *flow) AtRest() bool {
	if !f.rest.Load() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue.len() == 0 && !f.copyIn
}

// Farewell implements wire.Flow.
func (f *flow) Farewell(r wire.Reason, about event.ID) []byte {
	if f.midFrame.Load() || f.farewelled.Load() {
		return nil
	}
	last := farewell(r, about)
	switch r {
	case wire.Refused:
		if says := f.parting.Load(); says != nil {
			last = f.refusal("FATAL", *says)
		}
	case wire.Killed:
		last = append(f.closing(), last...)
	}
	return last
}

// closing ends what a client waits for in a session that a rule ends: a refusal
// comes first, and a ReadyForQuery lets drivers take it for the answer, where
// they would take what comes last. The Sync for which that stands may not have
// been looked at any more.
func (f *flow) closing() []byte {
	var b []byte
	f.mu.Lock()
	told := f.told.Load()
	for _, r := range f.queue.buf[f.queue.head:] {
		if r.refused && !told && b == nil { // the server was not sent it, and has not answered yet
			b = f.refusal("ERROR", r.says)
		}
	}
	f.mu.Unlock()
	if b == nil && !told {
		return nil
	}
	status := byte('E')
	if f.rest.Load() {
		status = 'I'
	}
	return append(b, 'Z', 0, 0, 0, 5, status)
}

// blocks notes the text of the rule that refuses what the server sent. Server's
// goroutine.
func (f *flow) blocks(v event.Verdict) bool {
	if v.Blocks() {
		f.says = v.Message
	}
	return v.Blocks()
}

// cut ends the session for what the client sent.
func (f *flow) cut(v event.Verdict) wire.Step {
	f.parting.Store(&v.Message)
	return wire.Step{Cut: true, Reason: wire.Refused}
}

// Close implements wire.Flow. Runs that were under way end here: whoever breaks
// off in the middle of a result leaves final counts too.
func (f *flow) Close() {
	f.mu.Lock()
	var open []*execution
	for r := f.queue.peek(); r != nil; r = f.queue.peek() {
		if r.exec != nil {
			open = append(open, r.exec)
		}
		f.queue.pop()
	}
	f.cur = nil
	f.mu.Unlock()
	for _, e := range open {
		f.endRun(e, "")
	}
	for f.open.first != nil {
		f.endRun(f.open.first, "")
	}
	f.hold.End() // what was kept back goes with the session
	f.sess.Close()
	if f.opts.Close != nil {
		f.opts.Close()
	}
}

// frameLength returns the length of the frame at the start of buf, header
// included, or 0 if buf is shorter than a header.
func frameLength(buf []byte) (int, error) {
	if len(buf) < header {
		return 0, nil
	}
	n := int(int32(binary.BigEndian.Uint32(buf[1:])))
	if n < 4 || n > frameMax {
		return 0, badLength(buf[0], n)
	}
	return n + 1, nil
}

func badLength(typ byte, n int) error {
	return fmt.Errorf("message %q announces %d bytes", typ, n)
}

// cancelRun asks the server to give up what it is sending to this session. If
// the client has sent further requests already, the result is read to its end
// instead, since the cancellation could hit one of those. The client's goroutine
// waits meanwhile, before it sends more: when the request has been taken, what
// comes later is safe (the server ignores a cancellation between commands).
func (f *flow) cancelRun() {
	if f.opts.Cancel == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pipelinedLocked() {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), cancelTimeout)
	defer stop()
	_ = f.opts.Cancel(ctx) // if it fails, the result is read to its end and dropped
}

// pipelinedLocked reports whether there are requests behind the one that
// brings the next ReadyForQuery. mu is held.
func (f *flow) pipelinedLocked() bool {
	q := f.queue.buf[f.queue.head:]
	for i, r := range q {
		switch r.kind {
		case simpleQuery, syncPoint, functionCall:
			return i+1 < len(q)
		}
	}
	return false
}

// execution is one run of a statement: a portal, a simple query or a
// fast-path call.
type execution struct {
	run  inspect.Run
	prep *prepared // nil for a simple query
	desc *description
	// formats are the result formats of Bind: nil all text, one element for
	// all columns, else one per column.
	formats []int16
	types   []uint32          // of its parameters, as known at Bind
	stmt    inspect.Statement // released when a simple query is done
	copies  []copyFormat      // of COPY TO STDOUT in a simple query's text
	portal  string            // its name, if named is set
	named   bool
	refs    int // requests in the queue and names that lead to it; mu guards it
	rows    uint64
	told    uint64 // rows that the tally has
	watched bool   // something is watched for in the result in hand
	tag     string // of the last CommandComplete
	ended   bool
	spare   bool // in freeExec

	next, prev *execution // in execList
	listed     bool
}

// execList holds the portals that the server has and whose runs have not ended.
type execList struct{ first *execution }

func (l *execList) add(e *execution) {
	if e.listed {
		return
	}
	e.listed, e.next, e.prev = true, l.first, nil
	if l.first != nil {
		l.first.prev = e
	}
	l.first = e
}

func (l *execList) remove(e *execution) {
	if !e.listed {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.listed, e.next, e.prev = false, nil, nil
}

// kind says what a request is; the letters are the client's message types.
type kind byte

const (
	simpleQuery    kind = 'Q'
	parse          kind = 'P'
	bind           kind = 'B'
	describePrep   kind = 'd' // Describe of a statement
	describePortal kind = 'D'
	execute        kind = 'E'
	closeName      kind = 'C'
	syncPoint      kind = 'S'
	copyEnd        kind = 'c' // CopyDone or CopyFail: has no answer of its own
	functionCall   kind = 'F'
)

// request is a client message that the server will answer.
type request struct {
	kind kind
	exec *execution
	prep *prepared
	// name and the object that it stood for before undo what the message did
	// to the name, if the server never carries it out. Of one that runs SQL's
	// DEALLOCATE: what is gone when the server says that it has been carried out.
	name    string
	oldPrep *prepared
	oldExec *execution
	// refused: the server got a statement that fails; its error is replaced by
	// one that says what the rule says.
	refused bool
	says    string
	// hidden: the proxy asked, the client must not see the answer.
	hidden bool
	// discarded: the server ignores it, see flow.discard.
	discarded bool
}

// requests is a FIFO that reuses its space.
type requests struct {
	buf  []*request
	head int
}

func (q *requests) push(r *request) { q.buf = append(q.buf, r) }
func (q *requests) len() int        { return len(q.buf) - q.head }

func (q *requests) peek() *request {
	if q.head == len(q.buf) {
		return nil
	}
	return q.buf[q.head]
}

func (q *requests) pop() {
	q.buf[q.head] = nil
	q.head++
	if q.head == len(q.buf) {
		q.buf, q.head = q.buf[:0], 0
	} else if q.head > 64 && q.head > len(q.buf)/2 {
		n := copy(q.buf, q.buf[q.head:])
		clear(q.buf[n:])
		q.buf, q.head = q.buf[:n], 0
	}
}

// push appends a request. The client's goroutine calls it before the message
// can reach the server. It reports whether the server will look at it: if not,
// the message must not change what names stand for.
func (f *flow) push(r request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pushLocked(r)
}

func (f *flow) pushLocked(r request) bool {
	if r.kind == syncPoint {
		f.discard.Store(false)
	}
	r.discarded = f.discard.Load()
	r.hold(1)
	var p *request
	if n := len(f.freeReq); n > 0 {
		p, f.freeReq = f.freeReq[n-1], f.freeReq[:n-1]
	} else {
		p = new(request)
	}
	*p = r
	f.queue.push(p)
	if !r.hidden && (r.kind == simpleQuery || r.kind == execute || r.kind == functionCall) {
		f.tally.Statement()
	}
	return !r.discarded
}

// head returns the request that the server is answering, nil if none.
// Server's goroutine.
func (f *flow) head() *request {
	if f.cur == nil {
		f.mu.Lock()
		f.nextLocked()
		f.mu.Unlock()
	}
	return f.cur
}

// nextLocked makes cur the first request that has an answer. mu is held; it is
// let go of to end the runs of requests that the server ignored.
func (f *flow) nextLocked() {
	r := f.queue.peek()
	for r != nil && (r.kind == copyEnd || r.discarded) {
		f.queue.pop()
		if e := r.exec; e != nil {
			f.mu.Unlock()
			f.endRun(e, "")
			f.mu.Lock()
		}
		f.recycle(r)
		r = f.queue.peek()
	}
	f.cur = r
}

// done takes the head off the queue. Server's goroutine.
func (f *flow) done() {
	f.mu.Lock()
	f.doneLocked()
	f.mu.Unlock()
}

func (f *flow) doneLocked() {
	r := f.queue.peek()
	f.queue.pop()
	f.recycle(r)
	f.nextLocked()
}

const maxFree = 16

// recycle keeps a request, which has left the queue, for reuse. mu is held.
func (f *flow) recycle(r *request) {
	r.hold(-1)
	f.reuse(r.exec)
	if r.oldExec != r.exec {
		f.reuse(r.oldExec)
	}
	if len(f.freeReq) < maxFree {
		*r = request{}
		f.freeReq = append(f.freeReq, r)
	}
}

// hold counts a request among those that lead to its executions and statements,
// or takes it from the count. mu is held.
func (r *request) hold(n int) {
	if r.exec != nil {
		r.exec.refs += n
	}
	if r.oldExec != nil {
		r.oldExec.refs += n
	}
	if r.prep != nil {
		r.prep.refs += n
	}
	if r.oldPrep != nil {
		r.oldPrep.refs += n
	}
}

// reuse keeps an execution for the next one if it has ended and nothing leads
// to it any more. One that is forgotten otherwise is the collector's. mu is held.
func (f *flow) reuse(e *execution) {
	if e != nil && e.ended && e.refs == 0 && !e.spare && len(f.freeExec) < maxFree {
		e.spare = true
		f.freeExec = append(f.freeExec, e)
		if e.prep != nil {
			e.prep.refs--
			e.prep, e.types = nil, nil
		}
	}
}

// setPortal gives a portal's name to an execution; nil takes it away. mu is held.
func (f *flow) setPortal(name string, e *execution) {
	old := f.portals.get(name)
	if old == e {
		return
	}
	f.portals.set(name, e)
	if e != nil {
		e.refs++
	}
	if old != nil {
		old.refs--
		f.reuse(old)
	}
}

// newExec takes an execution from the free list or makes one. mu is held.
func (f *flow) newExec() *execution {
	if n := len(f.freeExec); n > 0 {
		e := f.freeExec[n-1]
		f.freeExec = f.freeExec[:n-1]
		*e = execution{formats: e.formats[:0]}
		return e
	}
	return new(execution)
}

// endRun ends an execution's run once. Server's goroutine.
func (f *flow) endRun(e *execution, code string) {
	if e == nil || e.ended {
		return
	}
	f.open.remove(e)
	f.reckon(e)
	if e.run != nil {
		e.run.Done(e.rows, code)
		e.run = nil
	}
	if e.stmt != nil {
		e.stmt.Release()
		e.stmt = nil
	}
	// Last: from then on the client's goroutine, which may take the name away
	// meanwhile, may use the execution again.
	f.mu.Lock()
	e.ended = true
	if e.named && f.portals.get(e.portal) == e { // done or gone: clients may use ever new names
		f.setPortal(e.portal, nil)
	}
	f.mu.Unlock()
}

// runOf is the run that the server's text belongs to, nil if none.
func (f *flow) runOf(r *request) inspect.Run {
	if r == nil || r.exec == nil || r.exec.ended {
		return nil
	}
	return r.exec.run
}

// tell shows text to the run it belongs to, or else to the session.
func (f *flow) tell(ch event.Channel, text []byte) event.Verdict {
	if run := f.runOf(f.head()); run != nil {
		return run.Text(ch, text)
	}
	return f.sess.Text(ch, text)
}
