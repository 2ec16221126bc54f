package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"honeyrow/event"
)

// Error says which side ended or broke a session, and how.
type Error struct {
	Side Side
	// Op is "read", "write", "protocol", "refused", "killed" or "panic".
	Op  string
	Err error
	// Stack is set for a panic.
	Stack []byte
}

func (e *Error) Error() string { return fmt.Sprintf("%s of %s: %v", e.Op, e.Side, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrRefused ends a session that a rule refused beyond repair.
var ErrRefused = errors.New("ended by a rule")

// Counters are totals over sessions; any field may be read at any time.
type Counters struct {
	// Bytes forwarded to the named side.
	ToClient, ToServer atomic.Uint64
	// Malformed counts sessions ended because the side broke the protocol.
	MalformedClient, MalformedServer atomic.Uint64
	Panics                           atomic.Uint64
}

// Options shape a pump.
type Options struct {
	Counters *Counters // may be nil
	// FarewellTimeout bounds the write of the last message to a client that
	// may not be reading. Zero: two seconds.
	FarewellTimeout time.Duration
}

// Pump moves one session's bytes until it ends.
type Pump struct {
	s        *Session
	o        Options
	toClient sync.Mutex // one writer at a time: the server's goroutine, or a farewell
	draining atomic.Bool
	ended    atomic.Bool
	sent     [2]atomic.Uint64 // bytes to each Side
	last     atomic.Int64     // when something was sent, since epoch

	busy   atomic.Int32                  // directions that are at work on a chunk
	killed atomic.Pointer[event.Measure] // the session is to end
	cut    atomic.Bool                   // a rule refused something beyond repair
	left   atomic.Bool                   // the client has sent all that it will, and the server is told
	slow   atomic.Pointer[tarpit]        // nil: at full speed

	halves atomic.Int32 // directions that have not ended
	over   func(error)

	mu       sync.Mutex
	ending   bool          // a direction has ended and ends the session
	cause    error         // the first error: why the session ended
	answered bool          // the server's direction has ended
	awaits   chan struct{} // closed then; nil: nobody waits
}

// epoch is what moments are counted from: reading the time that has passed is
// cheaper than reading the time of day.
var epoch = time.Now()

// NewPump prepares a session. It starts nothing.
func NewPump(s *Session, o Options) *Pump {
	if o.Counters == nil {
		o.Counters = new(Counters)
	}
	if o.FarewellTimeout == 0 {
		o.FarewellTimeout = 2 * time.Second
	}
	p := &Pump{s: s, o: o}
	p.last.Store(int64(time.Since(epoch)))
	return p
}

// Run is Start for a caller who waits: it returns why the session ended.
func (p *Pump) Run() error {
	ended := make(chan error, 1)
	p.Start(func(why error) { ended <- why })
	return <-ended
}

// deaf reports whether err says that the server takes no more.
func (p *Pump) deaf(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Side == Server && e.Op == "write" && p.killed.Load() == nil && !p.ended.Load()
}

// Drain ends the session as soon as it is at rest: now, or after the
// transaction that is running.
func (p *Pump) Drain() {
	p.draining.Store(true)
	p.hasten()
	if p.s.Flow.AtRest() {
		p.Kill(Shutdown)
	}
}

// Kill ends the session now and tells the client why, if a message can be sent.
func (p *Pump) Kill(r Reason) {
	if p.ended.Swap(true) {
		return
	}
	p.farewell(r)
	p.closeBoth()
}

// farewell writes the flow's last message. A server's write may be stuck on a
// client that does not read: the deadline frees it, and then nothing more is sent.
func (p *Pump) farewell(r Reason) {
	if r == Killed && p.cut.Load() {
		r = Refused // the refusal comes first, and it ends the session by itself
	}
	_ = p.s.Client.SetWriteDeadline(time.Now().Add(p.o.FarewellTimeout))
	p.toClient.Lock()
	defer p.toClient.Unlock()
	m := p.s.Flow.Farewell(r, p.about())
	if m == nil {
		return
	}
	if _, err := p.s.Client.Write(m); err == nil && (r == Killed || r == Refused) {
		p.linger()
	}
}

// lingerGap is how long a client that is told its last may pause in what it is
// sending meanwhile.
const lingerGap = 500 * time.Millisecond

// linger reads what a client is still sending: one that can't go on writing does
// not read either, and a connection that is closed with something unread in it
// is reset, which may take the last message away.
func (p *Pump) linger() {
	if closeWrite(p.s.Client) != nil {
		return
	}
	b := make([]byte, 16<<10)
	for end := time.Now().Add(p.o.FarewellTimeout); time.Now().Before(end); {
		_ = p.s.Client.SetReadDeadline(time.Now().Add(lingerGap))
		if _, err := p.s.Client.Read(b); err != nil {
			return
		}
	}
}

// end records why a direction ended and stops the other one. Whoever comes first
// closes, when the last message is written: one who comes while it is being
// written must not close under it.
func (p *Pump) end(err error) {
	p.mu.Lock()
	first := !p.ending && !p.ended.Load()
	if first {
		p.ending = true
		p.cause = err
	}
	p.mu.Unlock()
	if !first {
		return
	}
	var e *Error
	if errors.As(err, &e) {
		p.count(e)
		if r, ok := reason(e); ok && !p.ended.Swap(true) {
			p.farewell(r)
			if c, ok := p.s.Flow.(Canceller); ok && r == Killed {
				c.Cancel() // a server sees that its client is gone when it has something to say
			}
		}
	}
	p.ended.Store(true)
	p.closeBoth()
}

func (p *Pump) count(e *Error) {
	switch {
	case e.Op == "panic":
		p.o.Counters.Panics.Add(1)
	case e.Op == "protocol" && e.Side == Client:
		p.o.Counters.MalformedClient.Add(1)
	case e.Op == "protocol":
		p.o.Counters.MalformedServer.Add(1)
	}
}

// reason maps an error to what the client is told; false: nothing.
func reason(e *Error) (Reason, bool) {
	switch {
	case e.Op == "panic":
		return Broken, true
	case e.Op == "protocol":
		return Malformed, true
	case e.Op == "refused":
		return Refused, true
	case e.Op == "killed":
		return Killed, true
	case e.Side == Server:
		return ServerGone, true
	}
	return 0, false
}

func (p *Pump) closeBoth() {
	p.hasten()
	_ = p.s.Client.Close()
	_ = p.s.Server.Close()
}

// parted reports whether err is no more than how a server takes leave that closes
// as soon as it reads the client's goodbye, as MariaDB does: over TLS another word
// comes behind that, the close_notify of RFC 8446, 6.1, and a socket that is
// closed with something unread, or that gets more, answers with a reset.
func (p *Pump) parted(err error) bool {
	var e *Error
	return p.left.Load() && errors.As(err, &e) && e.Side == Server && e.Op == "read" &&
		errors.Is(e.Err, syscall.ECONNRESET) && p.s.Flow.AtRest()
}

// direction is one half of a session.
type direction struct {
	p      *Pump
	from   Side
	src    net.Conn
	b      buffer
	in     *reader
	out    io.Writer
	total  *atomic.Uint64 // of the listener
	sent   *atomic.Uint64 // of the session
	chunks uint
	fresh  int64 // when the stack was new, since epoch

	since time.Duration // when what is kept back began to wait, since epoch; 0: it does not
	armed bool          // a read ends when the hold's time may be over
}

func (p *Pump) direction(from Side, src, dst net.Conn, pre []byte) *direction {
	d := &direction{p: p, from: from, src: src, in: newReader(src), out: newWriter(dst), fresh: p.last.Load()}
	d.total, d.sent = &p.o.Counters.ToServer, &p.sent[Server]
	if from == Server {
		d.total, d.sent = &p.o.Counters.ToClient, &p.sent[Client]
	}
	if len(pre) > 0 {
		d.b.reserve(len(pre))
		d.b.end = copy(d.b.data, pre)
	}
	return d
}

// run forwards until the source ends (nil), something fails, errStack or errOther.
func (d *direction) run() (err error) {
	p, b := d.p, &d.b
	defer func() {
		if v := recover(); v != nil {
			err = &Error{Side: d.from, Op: "panic", Err: fmt.Errorf("%v", v), Stack: debug.Stack()}
		}
		if err != errStack {
			b.release()
		}
	}()
	for {
		p.busy.Add(1)
		need, err := d.drainBuffer()
		p.busy.Add(-1)
		if k := p.obey(); k != nil {
			return k
		}
		if err != nil {
			return err
		}
		if d.from == Server && p.draining.Load() && p.s.Flow.AtRest() {
			p.Kill(Shutdown)
			return nil
		}
		if d.chunks++; need == 0 && b.len() == 0 && b.held == 0 && d.sheds() {
			return errStack
		}
		if err := d.wait(need); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// wait reads what comes next, or returns when the hold's time is over.
func (d *direction) wait(need int) error {
	if d.b.held > 0 {
		d.arm()
		if k := d.p.obey(); k != nil { // the order came before the deadline, which would outlast it
			return k
		}
	} else {
		d.since = 0
	}
	err := d.in.read(&d.b, need)
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case d.p.killed.Load() != nil:
		return d.p.obey()
	case d.armed && errors.Is(err, os.ErrDeadlineExceeded):
		return d.overdue()
	}
	return &Error{Side: d.from, Op: "read", Err: err}
}

// arm sees to it that a read ends when what is kept back has waited for long
// enough. A deadline that is set already is left alone, though it may belong to
// what was kept back before: most results end long before theirs.
func (d *direction) arm() {
	if d.since == 0 {
		d.since = time.Since(epoch)
	}
	if !d.armed {
		d.armed = true
		_ = d.src.SetReadDeadline(epoch.Add(d.since + d.p.s.HoldTime))
	}
}

// overdue is called when a deadline of arm has passed.
func (d *direction) overdue() error {
	p := d.p
	d.armed = false
	_ = d.src.SetReadDeadline(time.Time{})
	if d.b.held == 0 || time.Since(epoch) < d.since+p.s.HoldTime {
		return nil
	}
	p.busy.Add(1)
	defer p.busy.Add(-1)
	return d.take(p.s.Flow.(Holder).Overdue())
}

// drainBuffer shows the buffer to the flow until it wants more bytes and
// returns how many it needs (0: any).
func (d *direction) drainBuffer() (int, error) {
	b := &d.b
	for b.len() > 0 && d.p.killed.Load() == nil {
		step, err := d.p.s.Flow.Chunk(d.from, b.bytes())
		if err != nil {
			return 0, &Error{Side: d.from, Op: "protocol", Err: err}
		}
		if err := d.take(step); err != nil {
			return 0, err
		}
		if step.Pass+step.Skip == 0 && len(step.Inject) == 0 || step.Need > b.len() {
			return step.Need, nil
		}
	}
	return 0, nil
}

// take carries out a step.
func (d *direction) take(step Step) error {
	p, b := d.p, &d.b
	if step.Discard {
		n := b.held
		b.held = 0
		b.drop(n)
	}
	n := b.held + step.Pass - step.Hold
	if n > 0 || len(step.Inject) > 0 {
		out := b.data[b.off : b.off+n]
		if len(step.Inject) > 0 {
			out = append(out[:len(out):len(out)], step.Inject...)
		}
		if t := p.slow.Load(); t != nil {
			t.wait()
		}
		if err := p.write(d.from, d.out, out); err != nil {
			return err
		}
		d.total.Add(uint64(len(out)))
		d.sent.Add(uint64(len(out)))
		p.last.Store(int64(time.Since(epoch)))
	}
	if len(step.Reply) > 0 {
		if err := p.reply(d.from, step.Reply); err != nil {
			return err
		}
	}
	b.held = 0
	b.drop(n)
	b.held = step.Hold
	b.skip(step.Skip)
	if step.Cut {
		p.cut.Store(step.Reason == Refused)
		return &Error{Side: d.from, Op: "refused", Err: ErrRefused}
	}
	return nil
}

// write sends to the side opposite of from.
func (p *Pump) write(from Side, dst io.Writer, out []byte) error {
	if from == Client {
		if _, err := dst.Write(out); err != nil {
			return &Error{Side: Server, Op: "write", Err: err}
		}
		return nil
	}
	p.toClient.Lock()
	defer p.toClient.Unlock()
	if _, err := dst.Write(out); err != nil {
		return &Error{Side: Client, Op: "write", Err: err}
	}
	return nil
}

// reply writes back to the side from.
func (p *Pump) reply(from Side, out []byte) error {
	if from == Client {
		return p.write(Server, p.s.Client, out)
	}
	return p.write(Client, p.s.Server, out)
}

// closeWrite ends one direction of a connection, leaving the other open.
func closeWrite(c net.Conn) error {
	if cw, ok := c.(interface{ CloseWrite() error }); ok {
		_ = cw.CloseWrite() // the peer may be gone already: its reader will tell
		return nil
	}
	return c.Close()
}
