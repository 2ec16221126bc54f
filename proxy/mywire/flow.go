package mywire

import (
	"sync"
	"sync/atomic"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// Limits in bytes, headers included.
const (
	// rowLimit is the largest packet of a row that is held whole before it is
	// forwarded; larger ones are streamed and inspected as they pass. It is
	// the size of the pump's large buffer.
	rowLimit = 64 << 10
	// firstPiece is how much of a larger row is looked at before any of it leaves.
	firstPiece = 32 << 10
	// controlLimit is the largest server packet other than rows that is held whole.
	controlLimit = 1 << 20
	// definitionsLimit bounds all column definitions of one result together:
	// they are held until the last has come, since a label may carry data.
	definitionsLimit = 8 << 20
	// defaultStatement is the largest client packet held whole, so that it can
	// be refused before the server sees any of it.
	defaultStatement = 1 << 20
	// longPrefix is how much of a longer packet must be there to begin with it.
	longPrefix = 4 << 10
	// drainLimit bounds what is read and dropped of a refused answer; then the
	// session ends with an error. The protocol has no way to ask the server to
	// stop: KILL QUERY on a second connection would need an account there,
	// which the proxy does not have.
	drainLimit = 256 << 20
)

// flowOptions is what a login hands to the session's flow.
type flowOptions struct {
	Session   inspect.Session // the flow closes it
	Who       *event.Client   // never changed
	Caps      caps            // agreed between client and server
	Status    uint16          // of the login's OK packet
	Statement int             // see Config.Statement
	// Open makes a session for another identity: after COM_CHANGE_USER, and
	// for a replication stream.
	Open     func(event.Client) (inspect.Session, event.Verdict)
	Replicas map[string]bool // users who may replicate
	Counters *Counters       // may be nil
	Hold     wire.HoldConfig // what is kept back; Size 0: nothing
	// Secure says of each side whether passwords may travel it in the clear.
	Secure [2]bool
	// Charset is the collation that the client announced.
	Charset uint16
	// Salt is what the login's last authentication used, and Key gives the pair
	// that clients encrypt passwords for.
	Salt []byte
	Key  func() (*keyPair, error)
	// Safe says that the server's leg is secure or never leaves this machine.
	Safe bool
}

// mode says what the client's packets are.
type mode uint32

const (
	commands mode = iota
	fileData      // LOCAL INFILE: up to an empty packet
	authData      // COM_CHANGE_USER: answers to the server's requests
	rawData       // a replica's acknowledgements, or the clone protocol
)

// flow is the state of one session after login, as far as the proxy must know
// it: which command the server is answering, how far its answer has come, and
// which ids stand for which prepared statements.
//
// The client's goroutine appends to queue; the server's takes from it and owns
// every run. mu guards what both touch.
type flow struct {
	opts  flowOptions
	caps  caps
	sess  inspect.Session // swapped while the client's packets are authData
	limit int             // statement limit
	count *Counters

	mu         sync.Mutex
	queue      requests
	statements map[uint32]*prepared
	salt       []byte // of the last authentication
	freeExec   []*execution
	freeReq    []*request

	mode     atomic.Uint32 // a mode; set by the server's goroutine, but for going back from fileData
	fileSeq  atomic.Uint32 // sequence id of the next packet of file or authentication data
	authTurn atomic.Bool   // the server waits for an answer of the client's

	// client's goroutine
	up      upload
	held    *execution // of a command that is being refused
	dumping bool       // this session has asked for replication
	depth   int        // commands under way when the last one was sent
	last    *prepared  // that PREPARE named last; MariaDB's id -1 means it
	params  []inspect.Param
	sql     []byte  // a statement's text as it can be read
	reauth  *reauth // COM_CHANGE_USER under way
	secret  []byte  // what was sent for it and holds a password
	bound   []byte  // the parameters' values as text

	// server's goroutine
	down      download
	at        int // where the packet in hand begins in the chunk
	hold      held
	cur       *request // the head of queue
	rowPhase  bool     // definitions have come: rows follow
	doubt     doubt    // whether the rows come or stay at the server
	outs      uint16   // of the status before the rows: OUT parameters, and more to come
	w         watch
	cursors   []*prepared // those with an open cursor
	descs     map[uint64]*description
	descBytes int // what they take
	spans     []inspect.Span
	asked     []uint64 // see survey
	text      []byte
	converted []byte // values of a row that were made text
	stream    *rowStream
	changes   uint64 // commands that may have changed the session
	joined    []byte // a row and those behind it
	behind    bool   // a row has some of those
	inject    []byte // for the client, in the place of something
	reply     []byte // for the server
	says      string // the text of the rule that refuses what is in hand
	swallow   bool   // a result was refused: drop the rest of the answer
	swallowed int

	who      atomic.Pointer[event.Client] // never changed, only replaced
	midFrame atomic.Bool                  // the client has part of a packet
	ended    atomic.Bool                  // the client has been told that the session ends
	parting  atomic.Pointer[string]       // the text of the rule that ends the session
	dropping atomic.Pointer[[]byte]       // the refusal of what the client is still sending
	told     atomic.Bool                  // the client has had the refusal of what is being swallowed
	charset  atomic.Uint32                // a multibyte: the client's
	// announced is that of the login or the last COM_CHANGE_USER.
	announced atomic.Uint32
	outSeq    atomic.Uint32 // of the next packet of the answer under way
	inTrans   atomic.Bool
	quoting   uint16 // see quotes

	tally wire.Tally
}

// upload is a client's packet that passes in pieces.
type upload struct {
	left int  // of this packet
	more bool // another packet continues it
	seq  byte // of that one
	cmd  byte
	prep *prepared // whose parameters it brings, if that is known
	drop bool      // refused: none of it goes to the server
	says string
}

// download is a server's packet that passes in pieces.
type download struct {
	left int
	more bool
	drop bool
	exec *execution
	ch   event.Channel
	conv *rowStream // of a row
	// unpack reads compressed events of a binary log.
	unpack *unpacker
}

var _ wire.Flow = (*flow)(nil)

// newFlow starts a session's state after the login's OK.
func newFlow(o flowOptions) *flow {
	f := &flow{opts: o, caps: o.Caps, sess: o.Session, limit: o.Statement, count: o.Counters, salt: o.Salt}
	f.who.Store(o.Who)
	if f.limit <= 0 {
		f.limit = defaultStatement
	}
	if f.count == nil {
		f.count = new(Counters)
	}
	f.tally.Total = &f.count.Tally
	if o.Hold.Size > 0 {
		f.hold = newHeld(o.Hold, &f.count.Held)
	}
	f.charset.Store(uint32(multibyteID(o.Charset)))
	f.announced.Store(f.charset.Load())
	f.inTrans.Store(o.Status&mysql.SERVER_STATUS_IN_TRANS != 0)
	f.quotes(o.Status)
	return f
}

// Chunk implements wire.Flow.
func (f *flow) Chunk(from wire.Side, buf []byte) (wire.Step, error) {
	if from == wire.Client {
		return f.clientChunk(buf)
	}
	return f.serverChunk(buf)
}

// AtRest implements wire.Flow: no transaction is open and every command has
// been answered.
func (f *flow) AtRest() bool {
	if f.inTrans.Load() || mode(f.mode.Load()) != commands {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue.awaited() == 0
}

// Farewell implements wire.Flow. The packet continues the answer under way, or
// stands alone as a server's does that ends an idle session.
func (f *flow) Farewell(r wire.Reason, about event.ID) []byte {
	if f.midFrame.Load() || f.ended.Load() {
		return nil
	}
	f.mu.Lock()
	n := f.queue.awaited()
	waits, own := f.unansweredLocked()
	f.mu.Unlock()
	var seq byte
	if n > 1 || n == 1 && !f.told.Load() {
		seq = max(byte(f.outSeq.Load()), 1)
	}
	last := farewell(r, about)
	switch says := f.parting.Load(); {
	case r == wire.Refused && says != nil:
		last = f.refusal(*says)
	case r == wire.Killed && waits != nil:
		if own > 0 {
			seq = own
		}
		return appendPacket(appendPacket(nil, seq, waits), 0, last)
	}
	return appendPacket(nil, seq, last)
}

// unansweredLocked is the refusal, for which the client waits, of something that
// the server was not sent; nil if there is none. seq is its sequence id if it is
// the answer that the client waits for next, else 0. mu is held.
func (f *flow) unansweredLocked() (answer []byte, seq byte) {
	if a := f.dropping.Load(); a != nil { // nothing was sent behind it
		return *a, 1
	}
	first := true
	for _, r := range f.queue.buf[f.queue.head:] {
		switch {
		case r.kind == refused && first:
			return r.answer, r.seq
		case r.kind == refused:
			return r.answer, 0
		case r.kind != none:
			first = false
		}
	}
	return nil, 0
}

// blocks notes the text of the rule that refuses what the server sent. Server's
// goroutine.
func (f *flow) blocks(v event.Verdict) bool {
	if v.Blocks() {
		f.says = v.Message
	}
	return v.Blocks()
}

// replacement is the refusal of what is in hand.
func (f *flow) replacement() []byte {
	says := f.says
	f.says = ""
	return f.refusal(says)
}

// Who implements wire.Identity.
func (f *flow) Who() event.Client { return *f.who.Load() }

// Close implements wire.Flow. Runs that the session's end has cut short end here.
func (f *flow) Close() {
	f.mu.Lock()
	var open []*request
	for r := f.queue.peek(); r != nil; r = f.queue.peek() {
		open = append(open, r)
		f.queue.pop()
	}
	f.cur = nil
	f.mu.Unlock()
	for i, r := range open {
		code := ""
		if i == 0 && f.swallow {
			code = codeRefused
		}
		if r.kind != fetch { // a cursor's run is ended below
			f.endRun(r.exec, code)
		}
		if r.dump != nil {
			r.dump.Close()
			r.unpack.close()
		}
	}
	for len(f.cursors) > 0 {
		f.closeCursor(f.cursors[0])
	}
	f.hold.End() // what was kept back goes with the session
	f.sess.Close()
}

// prepared is a statement that the client prepared.
type prepared struct {
	stmt inspect.Statement
	// refused: the server has never heard of it. says is the rule's text.
	refused bool
	says    string
	// id and count of parameters are known once the server has answered.
	known  atomic.Bool
	id     uint32
	nparam int
	closed bool // by the client; guarded by flow.mu

	// client's goroutine
	holders int // parameters counted in the text, -1: not counted
	types   []uint16
	long    map[uint16]bool // parameters that were sent in advance
	blocked bool            // what was sent in advance was refused

	// server's goroutine
	cursor *cursor
	opened bool         // a cursor has been open
	desc   *description // of the definitions sent last, for a server that leaves them out
}

// cursor is a result that is fetched bit by bit.
type cursor struct {
	exec *execution
	w    watch
	// changes are flow.changes when it was opened.
	changes uint64
}

// execution is one run of a statement.
type execution struct {
	run  inspect.Run
	stmt inspect.Statement // released with the run; nil for prepared ones
	rows uint64
	none uint64 // that were shown as rows and are none
	told uint64 // rows that the tally has
	// watched: something is watched for in the result in hand.
	watched bool
	ended   bool
}

// kind is the grammar of a command's answer.
type kind uint8

const (
	result    kind = iota + 1 // OK, ERR, LOCAL INFILE or rows; possibly several
	prepare                   // COM_STMT_PREPARE's own
	fetch                     // rows alone
	fieldList                 // definitions, then EOF
	simple                    // OK, EOF or ERR
	bare                      // one packet of text
	change                    // COM_CHANGE_USER: an authentication
	dump                      // events without an end
	clone                     // a protocol of its own
	none                      // nothing: COM_STMT_CLOSE
	refused                   // OK of the COM_PING that was sent instead
)

// maxFree bounds the free lists; maxPipeline the commands that a client may
// send ahead of their answers.
const (
	maxFree     = 16
	maxPipeline = 1 << 16
)

// push appends a request. The client's goroutine calls it before the command
// can reach the server.
func (f *flow) push(r request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var p *request
	if n := len(f.freeReq); n > 0 {
		p, f.freeReq = f.freeReq[n-1], f.freeReq[:n-1]
	} else {
		p = new(request)
	}
	*p = r
	f.queue.push(p)
	f.depth = f.queue.awaited()
	if r.kind == result || r.kind == refused {
		f.tally.Statement()
	}
}

// head returns the request that the server is answering, nil if none.
// Server's goroutine.
func (f *flow) head() *request {
	for f.cur == nil {
		f.mu.Lock()
		r := f.queue.peek()
		f.mu.Unlock()
		if r == nil {
			return nil
		}
		f.cur = r
		f.rowPhase = false
		switch r.kind {
		case none: // COM_STMT_CLOSE: its place in the order of answers has come
			f.closeCursor(r.prep)
			if r.prep != nil && r.prep.stmt != nil {
				r.prep.stmt.Release()
			}
			f.done()
		case fetch:
			f.rowPhase = true
			if c := r.prep.cursor; c != nil {
				f.w.set(&c.w)
				if c.changes != f.changes && f.w.desc != nil {
					f.w.desc = f.w.desc.uncertain()
				}
				r.exec = c.exec
			}
		case result:
			f.closeCursor(r.prep)
		}
	}
	return f.cur
}

// done takes the head off the queue. Server's goroutine.
func (f *flow) done() {
	f.mu.Lock()
	r := f.queue.peek()
	f.queue.pop()
	if r.kind != fetch && r.kind != none {
		f.changes++
	}
	if len(f.freeReq) < maxFree {
		*r = request{}
		f.freeReq = append(f.freeReq, r)
	}
	f.mu.Unlock()
	f.cur, f.rowPhase, f.doubt.state, f.swallow, f.swallowed = nil, false, doubtNone, false, 0
	f.w.rows = nil
	f.text, f.joined, f.converted = trim(f.text), trim(f.joined), trim(f.converted)
	if s := f.stream; s != nil && cap(s.out)+cap(s.kept) > keepScratch {
		f.stream, f.down.conv = nil, nil
	}
	f.outSeq.Store(0)
	f.told.Store(false)
}

// keepScratch is how many bytes of scratch space a session keeps between
// commands: thousands of idle ones should hold little.
const keepScratch = 4 << 10

func trim(b []byte) []byte {
	if cap(b) > keepScratch {
		return nil
	}
	return b
}

// newExec takes an execution from the free list or makes one.
func (f *flow) newExec() *execution {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.freeExec); n > 0 {
		e := f.freeExec[n-1]
		f.freeExec = f.freeExec[:n-1]
		*e = execution{}
		return e
	}
	return new(execution)
}

// endRun ends an execution's run once. Server's goroutine.
func (f *flow) endRun(e *execution, code string) {
	if e == nil || e.ended {
		return
	}
	e.ended = true
	f.reckon(e)
	if e.run != nil {
		e.run.Done(e.rows-min(e.none, e.rows), code)
		e.run = nil
	}
	if e.stmt != nil {
		e.stmt.Release()
		e.stmt = nil
	}
	f.mu.Lock()
	if len(f.freeExec) < maxFree {
		f.freeExec = append(f.freeExec, e)
	}
	f.mu.Unlock()
}

// closeCursor ends the run of a statement's open cursor.
func (f *flow) closeCursor(p *prepared) {
	if p == nil || p.cursor == nil {
		return
	}
	f.endRun(p.cursor.exec, codeOK)
	p.cursor = nil
	for i, q := range f.cursors {
		if q == p {
			f.cursors = append(f.cursors[:i], f.cursors[i+1:]...)
			return
		}
	}
}

// forgetStatements drops every prepared statement, as the server has just done.
func (f *flow) forgetStatements() {
	for len(f.cursors) > 0 {
		f.closeCursor(f.cursors[0])
	}
	f.mu.Lock()
	clear(f.statements)
	f.mu.Unlock()
}

// The code of a run that ended without an error; of one that was refused: the
// SQLSTATE of the error that the client has had; and of one that the server
// could not parse.
const (
	codeOK      = "OK"
	codeRefused = stateForbidden
	codeSyntax  = "1064"
)
