package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Error says which side ended or broke a session, and how.
type Error struct {
	Side Side
	// Op is "read", "write", "protocol", "refused" or "panic".
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

	mu    sync.Mutex
	cause error // the first error: why the session ended
}

// NewPump prepares a session. It starts nothing.
func NewPump(s *Session, o Options) *Pump {
	if o.Counters == nil {
		o.Counters = new(Counters)
	}
	if o.FarewellTimeout == 0 {
		o.FarewellTimeout = 2 * time.Second
	}
	return &Pump{s: s, o: o}
}

// Run forwards in both directions until the session ends, closes both
// connections and the flow, and returns why: nil after an orderly end. It uses
// the calling goroutine and one more at a time, which has ended when Run returns.
func (p *Pump) Run() error {
	done := make(chan struct{})
	go p.answers(p.direction(Server, p.s.Server, p.s.Client, p.s.FromServer), done)
	err := p.direction(Client, p.s.Client, p.s.Server, p.s.FromClient).run()
	if err == nil {
		// The client has sent all that it will; answers still come. Servers
		// that see the end of input close on their side.
		err = closeWrite(p.s.Server)
	}
	if err != nil {
		p.end(err)
	}
	<-done
	p.closeBoth()
	p.s.Flow.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// Drain ends the session as soon as it is at rest: now, or after the
// transaction that is running.
func (p *Pump) Drain() {
	p.draining.Store(true)
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
	_ = p.s.Client.SetWriteDeadline(time.Now().Add(p.o.FarewellTimeout))
	p.toClient.Lock()
	defer p.toClient.Unlock()
	if m := p.s.Flow.Farewell(r); m != nil {
		_, _ = p.s.Client.Write(m)
	}
}

// end records why a direction ended and stops the other one.
func (p *Pump) end(err error) {
	p.mu.Lock()
	first := p.cause == nil && !p.ended.Load()
	if first {
		p.cause = err
	}
	p.mu.Unlock()
	if first && err != nil {
		var e *Error
		if errors.As(err, &e) {
			p.count(e)
			if r, ok := reason(e); ok && !p.ended.Swap(true) {
				p.farewell(r)
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
	case e.Side == Server:
		return ServerGone, true
	}
	return 0, false
}

func (p *Pump) closeBoth() {
	_ = p.s.Client.Close()
	_ = p.s.Server.Close()
}

// answers runs the server's direction.
func (p *Pump) answers(d *direction, done chan struct{}) {
	err := d.run()
	if err == errStack {
		go p.answers(d, done)
		return
	}
	p.end(err)
	close(done)
}

// errStack asks to go on in another goroutine.
var errStack = errors.New("wire: a smaller stack will do")

// direction is one half of a session.
type direction struct {
	p      *Pump
	from   Side
	b      buffer
	in     *reader
	out    io.Writer
	sent   *atomic.Uint64
	chunks uint
}

func (p *Pump) direction(from Side, src, dst net.Conn, pre []byte) *direction {
	d := &direction{p: p, from: from, in: newReader(src), out: newWriter(dst), sent: &p.o.Counters.ToServer}
	if from == Server {
		d.sent = &p.o.Counters.ToClient
	}
	if len(pre) > 0 {
		d.b.reserve(len(pre))
		d.b.end = copy(d.b.data, pre)
	}
	return d
}

// run forwards until the source ends (nil), something fails, or errStack.
func (d *direction) run() (err error) {
	p, b := d.p, &d.b
	defer func() {
		if v := recover(); v != nil {
			err = &Error{Side: d.from, Op: "panic", Err: fmt.Errorf("%v", v), Stack: debug.Stack()}
		}
		if err != errStack {
			b.move(nil, nil)
		}
	}()
	for {
		need, err := p.drainBuffer(d.from, b, d.out, d.sent)
		if err != nil {
			return err
		}
		if d.from == Server && p.draining.Load() && p.s.Flow.AtRest() {
			p.Kill(Shutdown)
			return nil
		}
		if d.chunks++; d.from == Server && need == 0 && b.len() == 0 && sheds(d.chunks) {
			return errStack
		}
		if err := d.in.read(b, need); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return &Error{Side: d.from, Op: "read", Err: err}
		}
	}
}

// sheds says when the server's direction goes on in a new goroutine: what its
// first answers need once, such as describing results, makes a stack that an
// idle session would keep until the collector comes by.
func sheds(chunks uint) bool { return chunks == 2 || chunks == 32 || chunks == 512 }

// drainBuffer shows b to the flow until it wants more bytes and returns how
// many it needs (0: any).
func (p *Pump) drainBuffer(from Side, b *buffer, dst io.Writer, sent *atomic.Uint64) (int, error) {
	for b.len() > 0 {
		step, err := p.s.Flow.Chunk(from, b.bytes())
		if err != nil {
			return 0, &Error{Side: from, Op: "protocol", Err: err}
		}
		if step.Pass > 0 || len(step.Inject) > 0 {
			out := b.bytes()[:step.Pass]
			if len(step.Inject) > 0 {
				out = append(out[:len(out):len(out)], step.Inject...)
			}
			if err := p.write(from, dst, out); err != nil {
				return 0, err
			}
			sent.Add(uint64(len(out)))
		}
		if len(step.Reply) > 0 {
			if err := p.reply(from, step.Reply); err != nil {
				return 0, err
			}
		}
		b.drop(step.Pass + step.Skip)
		if step.Cut {
			return 0, &Error{Side: from, Op: "refused", Err: ErrRefused}
		}
		if step.Pass+step.Skip == 0 && len(step.Inject) == 0 || step.Need > b.len() {
			return step.Need, nil
		}
	}
	return 0, nil
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
