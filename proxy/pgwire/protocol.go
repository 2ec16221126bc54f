// Package pgwire is PostgreSQL's frontend/backend protocol, version 3 (manual,
// chapter 55), as a proxy needs it: the login of a client to a server, and the
// state of the session that follows.
package pgwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/inspect"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// What to do with SCRAM-SHA-256-PLUS in the server's list of mechanisms.
const (
	// BindingAuto passes it wherever it can work and takes it away from
	// clients without TLS, which must not be offered it. Clients that choose
	// it where it can't work get an error that says what to change.
	BindingAuto = "auto"
	// BindingStrip takes it away from everybody. Clients that support channel
	// binding and obey RFC 5802 (libpq, pgx) then fail on a server with TLS;
	// it helps only clients that do not tell the server of their support.
	BindingStrip = "strip"
	// BindingPass never takes it away.
	BindingPass = "pass"
)

// Server is where sessions are joined to.
type Server struct {
	Name string `yaml:"name"`
	// Address is host:port (the port defaults to 5432), or the path of a unix
	// socket, or of the folder that holds .s.PGSQL.5432.
	Address string         `yaml:"address"`
	TLS     tlsconf.Server `yaml:"tls"` // ignored for a unix socket, as libpq does
	// ConnectTimeout bounds reaching the server, TLS included (10 s).
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// UserTimeout is TCP_USER_TIMEOUT of the connections to the server. Zero
	// leaves the system's; see proxy.Config.UserTimeout for what it cuts.
	UserTimeout time.Duration `yaml:"tcp_user_timeout"`
}

// Config is what one listener needs to log clients in.
type Config struct {
	Listener string         `yaml:"-"` // the listener's name, for events
	TLS      tlsconf.Client `yaml:"tls"`
	Server   Server         `yaml:"server"`
	// ChannelBinding is auto (default), strip or pass.
	ChannelBinding string `yaml:"channel_binding"`
	// Handshake bounds a login from the first byte to the first
	// ReadyForQuery (60 s, the server's own authentication_timeout).
	Handshake time.Duration `yaml:"handshake"`
	// Statement is the largest client message in bytes that is held whole for
	// analysis (1 MiB). Longer ones are inspected in pieces.
	Statement int `yaml:"statement"`
	// Protect says that the listener is in protect mode: the inspector is told,
	// and results are kept back as Hold says.
	Protect bool            `yaml:"-"`
	Hold    wire.HoldConfig `yaml:"hold"`
}

// hold is what a session's flow is to keep back; nothing in detect mode.
func (c *Config) hold() wire.HoldConfig {
	if !c.Protect {
		return wire.HoldConfig{}
	}
	return c.Hold
}

// SetDefaults fills what was left empty.
func (c *Config) SetDefaults() {
	c.TLS.SetDefaults()
	c.Server.TLS.SetDefaults()
	c.Hold.SetDefaults()
	if c.ChannelBinding == "" {
		c.ChannelBinding = BindingAuto
	}
	if c.Handshake == 0 {
		c.Handshake = time.Minute
	}
	if c.Server.ConnectTimeout == 0 {
		c.Server.ConnectTimeout = 10 * time.Second
	}
	if c.Statement == 0 {
		c.Statement = defaultStatement
	}
}

// Validate checks a Config that has its defaults. It reads no file but looks
// whether a server address that is a path exists as a socket.
func (c *Config) Validate() error {
	if err := c.TLS.Validate(); err != nil {
		return err
	}
	if err := c.Server.TLS.Validate(); err != nil {
		return err
	}
	if err := c.Hold.Validate(); err != nil {
		return err
	}
	switch c.ChannelBinding {
	case BindingAuto, BindingStrip, BindingPass:
	default:
		return fmt.Errorf("channel_binding %q is unknown: use auto, strip or pass", c.ChannelBinding)
	}
	if c.Handshake < 0 || c.Server.ConnectTimeout < 0 || c.Server.UserTimeout < 0 {
		return errors.New("a timeout is negative: use a duration such as 30s")
	}
	if c.Statement < 0 {
		return fmt.Errorf("statement limit %d is negative: use a number of bytes", c.Statement)
	}
	_, _, err := dialTarget(c.Server.Address)
	return err
}

// Deps are what a Protocol works with.
type Deps struct {
	Inspector inspect.Inspector
	Log       zerolog.Logger
	Now       func() time.Time // nil: time.Now
	// Elsewhere reports whether another process has sessions that came through this
	// listener: a cancel request with a key that is not known here is then left to
	// the server to judge, as it would be without a proxy. nil: none has.
	Elsewhere func() bool
}

// Counters are totals since the start; any field may be read at any time.
type Counters struct {
	Cancels        atomic.Uint64 // cancel requests passed to a server
	CancelsUnknown atomic.Uint64 // dropped: no session has the key
	CancelsFailed  atomic.Uint64 // the server could not be reached
	Held           wire.HoldCounters
	Tally          wire.Tally
}

// Protocol implements wire.Protocol for PostgreSQL.
type Protocol struct {
	Counters Counters

	deps Deps
	set  atomic.Pointer[settings]
	keys registry
}

var _ wire.Protocol = (*Protocol)(nil)

// settings is one loaded configuration. It is never changed: a session keeps
// the one that it began with.
type settings struct {
	Config
	network, address string
	clientTLS        *tls.Config // nil: none
	serverTLS        *tls.Config // nil: none
}

// New loads certificates and checks addresses. Everything that can fail fails
// here and not at a client's login.
func New(c Config, d Deps) (*Protocol, error) {
	if d.Inspector == nil {
		return nil, errors.New("pgwire: no inspector")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	p := &Protocol{deps: d}
	if err := p.Reload(c); err != nil {
		return nil, err
	}
	return p, nil
}

// Reload swaps the configuration for logins to come. On error the old one
// stays.
func (p *Protocol) Reload(c Config) error {
	s, err := load(c)
	if err != nil {
		return err
	}
	p.set.Store(s)
	return nil
}

func load(c Config) (*settings, error) {
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &settings{Config: c}
	var err error
	if s.network, s.address, err = dialTarget(c.Server.Address); err != nil {
		return nil, err
	}
	if s.clientTLS, err = c.TLS.Load(); err != nil {
		return nil, err
	}
	if s.clientTLS != nil {
		s.clientTLS.NextProtos = []string{alpn}
		s.clientTLS.SessionTicketsDisabled = true // as the server: each session shows its certificate
	}
	if s.network == "unix" {
		return s, nil
	}
	host, _, _ := net.SplitHostPort(s.address)
	if s.serverTLS, err = c.Server.TLS.Load(host); err != nil {
		return nil, err
	}
	if s.serverTLS != nil {
		s.serverTLS.NextProtos = []string{alpn}
	}
	return s, nil
}

// dialTarget turns a server address into what net.Dial takes.
func dialTarget(addr string) (network, address string, err error) {
	addr = strings.TrimPrefix(addr, "unix:")
	if addr == "" {
		return "", "", errors.New("the server has no address: use host:port, or the path of its unix socket")
	}
	if strings.HasPrefix(addr, "/") || strings.HasPrefix(addr, "@") {
		if strings.HasPrefix(filepath.Base(addr), ".s.") || addr[0] == '@' {
			return "unix", addr, nil
		}
		if st, err := os.Stat(addr); err == nil && !st.IsDir() {
			return "unix", addr, nil
		}
		return "unix", filepath.Join(addr, ".s.PGSQL.5432"), nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		if strings.Contains(err.Error(), "missing port") {
			host, port = strings.Trim(addr, "[]"), "5432"
		} else {
			return "", "", fmt.Errorf("server address %q is not host:port nor a path: %w", addr, err)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return "", "", fmt.Errorf("server address %q is not host:port: name a host and a port from 1 to 65535", addr)
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// flowOptions is what a login hands to the session's flow.
type flowOptions struct {
	Session   inspect.Session // the flow closes it
	Encoding  string          // client_encoding; empty: not known
	Status    byte            // of the first ReadyForQuery: 'I', 'T' or 'E'
	Statement int             // see Config.Statement
	Hold      wire.HoldConfig // what is kept back; Size 0: nothing
	Held      *wire.HoldCounters
	Tally     *wire.Tally // of the listener; may be nil
	// Application is the client's claim at its login.
	Application string
	// Cancel asks the server to cancel what this session runs, and returns
	// when the server has taken the request.
	Cancel func(context.Context) error
	// Send writes to the server.
	Send func([]byte) error
	// Close forgets the session's cancel key. The flow calls it once.
	Close func()
}
