package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// rejectsMax bounds the rejections under way: each may cost a TLS handshake.
// Beyond it connections over a limit are closed without a word.
const rejectsMax = 64

// Counters are a listener's totals since its start, the pump's included; any
// field may be read at any time.
type Counters struct {
	wire.Counters
	Accepted atomic.Uint64
	Rejected atomic.Uint64 // over a limit, or while draining
	Sessions atomic.Uint64 // logins that led to a session
	// LoginsFailedClient and LoginsFailedServer are by the side at fault.
	LoginsFailedClient, LoginsFailedServer atomic.Uint64
	Active                                 atomic.Int64 // connections now, logins included
}

// Deps are what a Listener works with.
type Deps struct {
	Protocol wire.Protocol
	Log      zerolog.Logger
	// Sessions are those of all listeners, to which this one adds its own; nil:
	// nobody orders anything against them.
	Sessions *Sessions
	// Socket is where to accept; nil: Listen opens what the configuration names. The
	// Listener closes it.
	Socket net.Listener
	// FarewellTimeout is wire.Options.FarewellTimeout.
	FarewellTimeout time.Duration
}

// Listener is one socket and the sessions that came through it.
type Listener struct {
	Counters Counters

	deps   Deps
	log    zerolog.Logger
	socket net.Listener
	set    atomic.Pointer[settings]
	in     admission
	reject chan struct{} // a slot per rejection under way

	logins     context.Context // ends when draining begins: nobody new gets in
	stopLogins context.CancelFunc
	wg         sync.WaitGroup // connections
	serving    atomic.Bool
	done       chan struct{} // closed when Serve has ended

	mu       sync.Mutex
	draining bool
	killed   bool
	pumps    map[*wire.Pump]*event.Client
}

// settings is one loaded configuration; a connection keeps the one it began with.
type settings struct {
	Config
	trusted  networks
	protocol wire.Protocol
}

func load(c Config, p wire.Protocol) (*settings, error) {
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("listener %q: no protocol", c.Name)
	}
	n, err := parseNetworks(c.ProxyProtocol.From)
	return &settings{Config: c, trusted: n, protocol: p}, err
}

// Listen opens the socket. Connections wait in the system's queue until Serve.
func Listen(ctx context.Context, c Config, d Deps) (*Listener, error) {
	s, err := load(c, d.Protocol)
	if err != nil {
		return nil, err
	}
	socket := d.Socket
	if socket == nil {
		if socket, err = Open(ctx, s.Config); err != nil {
			return nil, err
		}
	}
	if d.Sessions == nil {
		d.Sessions = NewSessions(nil)
	}
	l := &Listener{
		deps: d, log: d.Log.With().Str("listener", s.Name).Logger(), socket: socket,
		reject: make(chan struct{}, rejectsMax), done: make(chan struct{}), pumps: make(map[*wire.Pump]*event.Client),
	}
	l.logins, l.stopLogins = context.WithCancel(context.Background())
	l.set.Store(s)
	return l, nil
}

// Addr is where the listener listens.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Reload swaps limits, trusted balancers and protocol for connections to come.
// The address can't change. On error everything stays.
func (l *Listener) Reload(c Config, p wire.Protocol) error {
	s, err := load(c, p)
	if err != nil {
		return err
	}
	if old := l.set.Load(); s.Address != old.Address {
		return fmt.Errorf("listener %q: the address can't change from %s to %s while it runs: restart", s.Name, old.Address, s.Address)
	}
	l.set.Store(s)
	return nil
}

// Sessions returns who is logged in, in no order.
func (l *Listener) Sessions() []event.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	who := make([]event.Client, 0, len(l.pumps))
	for _, c := range l.pumps {
		who = append(who, *c)
	}
	return who
}

// Serve accepts until Drain or Close, or until ctx ends, which cuts all
// sessions. It returns when the last connection has ended. It is called once.
func (l *Listener) Serve(ctx context.Context) error {
	if l.serving.Swap(true) {
		return errors.New("proxy: Serve called twice")
	}
	defer close(l.done)
	stop := context.AfterFunc(ctx, l.Close)
	defer stop()
	l.accept()
	l.wg.Wait()
	return nil
}

func (l *Listener) accept() {
	var pause time.Duration
	for {
		c, err := l.socket.Accept()
		if err == nil {
			pause = 0
			l.Counters.Accepted.Add(1)
			l.wg.Go(func() { l.serve(c) })
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		// Out of files or memory: others may end soon.
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		l.log.Error().Err(err).Dur("retry_in", pause).Msg("accept failed: raise the limit of open files (ulimit -n) if it persists")
		select {
		case <-time.After(pause):
		case <-l.logins.Done():
			return
		}
	}
}

// serve logs one connection in. Its session goes on in goroutines of its own:
// what the login needed of its stack would stay with it for life. A panic costs
// this connection alone.
func (l *Listener) serve(c net.Conn) {
	set := l.set.Load()
	o := wire.Origin{Listener: set.Name, Address: display(c.RemoteAddr())}
	l.Counters.Active.Add(1)
	at := new(place)
	leave := func() {
		_ = c.Close()
		at.leave(&l.in)
		l.Counters.Active.Add(-1)
	}
	joined := false
	defer func() {
		if v := recover(); v != nil {
			l.reportLogin(o, panicked(v))
		}
		if !joined {
			leave()
		}
	}()
	s, err := l.login(set, c, &o, at)
	if err != nil {
		l.reportLogin(o, err)
		return
	}
	if s != nil {
		l.Counters.Sessions.Add(1)
		joined = true
		l.begin(s, leave)
	}
}

func panicked(v any) *wire.Error {
	return &wire.Error{Side: wire.Client, Op: "panic", Err: fmt.Errorf("%v", v), Stack: debug.Stack()}
}

// login admits a connection and logs it in, within the handshake limit. at
// tells what the caller gives back at the end. A nil session and a nil error
// mean that the connection has been served.
func (l *Listener) login(set *settings, c net.Conn, o *wire.Origin, at *place) (*wire.Session, error) {
	ctx, stop := context.WithTimeout(l.logins, set.Limits.Handshake)
	defer stop()
	admitted := at.enter(&l.in, set.Limits.Connections)
	if !admitted {
		l.Counters.Rejected.Add(1)
		select {
		case l.reject <- struct{}{}:
			defer func() { <-l.reject }()
		default: // too many others are being told
			l.rejected(*o, "limits.connections")
			return nil, nil
		}
	}
	if err := tune(c, set.UserTimeout); err != nil {
		return nil, &wire.Error{Side: wire.Client, Op: "read", Err: err}
	}
	// Behind a balancer the header comes first, also from who is turned away: what
	// follows it may be a request to cancel, which is served all the same.
	lift := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	conn, from, err := origin(c, set.trusted, *o)
	*o = from
	if lifted := lift(); err != nil || !lifted {
		if err == nil {
			err = &wire.Error{Side: wire.Client, Op: "read", Err: ctx.Err()}
		}
		return nil, err
	}
	switch {
	case !admitted:
		l.rejected(*o, "limits.connections")
		set.protocol.Reject(ctx, conn, wire.TooMany)
		return nil, nil
	case !at.enterFrom(&l.in, o.Address, set.Limits.PerAddress):
		l.Counters.Rejected.Add(1)
		l.rejected(*o, "limits.per_address")
		select {
		case l.reject <- struct{}{}:
			defer func() { <-l.reject }()
			set.protocol.Reject(ctx, conn, wire.TooMany)
		default:
		}
		return nil, nil
	}
	return set.protocol.Login(ctx, conn, *o)
}

// rejected logs that a client is turned away.
func (l *Listener) rejected(o wire.Origin, limit string) {
	l.log.Warn().Str("client", o.Address).Str("limit", limit).Msg("connection rejected: the limit is reached; raise it or find out who connects")
}

// begin starts a session, and returns. leave is called when it has ended.
func (l *Listener) begin(s *wire.Session, leave func()) {
	p := wire.NewPump(s, wire.Options{Counters: &l.Counters.Counters, FarewellTimeout: l.deps.FarewellTimeout})
	l.wg.Add(1)
	l.enrol(p, s)
	p.Start(func(why error) {
		defer l.wg.Done()
		defer leave()
		defer l.deps.Sessions.remove(s.Who.Session)
		defer l.survive(s)
		l.mu.Lock()
		delete(l.pumps, p)
		l.mu.Unlock()
		l.report(&s.Who, why)
	})
}

// survive makes a panic in what surrounds a session cost that session alone: the
// pump recovers its own.
func (l *Listener) survive(s *wire.Session) {
	if v := recover(); v != nil {
		l.Counters.Panics.Add(1)
		l.report(&s.Who, panicked(v))
		_ = s.Client.Close()
		_ = s.Server.Close()
	}
}

// enrol makes a session known to those who may end it, and carries out what they
// have ordered already.
func (l *Listener) enrol(p *wire.Pump, s *wire.Session) {
	defer l.survive(s)
	l.mu.Lock()
	l.pumps[p] = &s.Who
	draining, killed := l.draining, l.killed
	l.mu.Unlock()
	l.deps.Sessions.add(p, &s.Who)
	l.log.Debug().Str("session", string(s.Who.Session)).Str("client", s.Who.Address).Str("user", s.Who.User).
		Str("database", s.Who.Database).Uint32("server_pid", s.Who.BackendPID).Msg("session began")
	switch {
	case killed:
		p.Kill(wire.Shutdown)
	case draining:
		p.Drain()
	}
}
