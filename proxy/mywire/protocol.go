// Package mywire is the client/server protocol of MySQL and MariaDB (MySQL
// Internals, "Client/Server Protocol"; MariaDB Knowledge Base, "Clients &
// Utilities / Server Client Protocol"), as a proxy needs it: the login of a
// client to a server, and the state of the session that follows.
package mywire

import (
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

// What a listener does about LOAD DATA LOCAL INFILE.
const (
	// InfileAllow lets the server ask for files as the client permits.
	InfileAllow = "allow"
	// InfileRefuse takes the capability out of the handshake, so that clients
	// refuse themselves.
	InfileRefuse = "refuse"
)

// Server is where sessions are joined to.
type Server struct {
	Name string `yaml:"name"`
	// Address is host:port (the port defaults to 3306), or the path of a unix
	// socket, or of the folder that holds mysqld.sock.
	Address string         `yaml:"address"`
	TLS     tlsconf.Server `yaml:"tls"` // ignored for a unix socket, as clients do
	// ConnectTimeout bounds reaching the server up to its greeting, and the
	// TLS handshake with it (10 s).
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// UserTimeout is TCP_USER_TIMEOUT of the connections to the server. Zero
	// leaves the system's; see proxy.Config.UserTimeout for what it cuts.
	UserTimeout time.Duration `yaml:"tcp_user_timeout"`
	// ProxyProtocol sends a PROXY header (version 2) with the client's address
	// in front of each session, so that accounts bound to a host keep working.
	// MariaDB and Percona Server accept it from proxy_protocol_networks;
	// MySQL does not know it.
	ProxyProtocol bool `yaml:"proxy_protocol"`
}

// Config is what one listener needs to log clients in.
type Config struct {
	Listener string         `yaml:"-"` // the listener's name, for events
	TLS      tlsconf.Client `yaml:"tls"`
	Server   Server         `yaml:"server"`
	// Handshake bounds a login from the first byte to the server's OK (60 s).
	Handshake time.Duration `yaml:"handshake"`
	// Statement is the largest client packet in bytes that is held whole for
	// analysis (1 MiB). Longer ones are inspected in pieces.
	Statement int `yaml:"statement"`
	// Protect says that the listener is in protect mode: the inspector is told,
	// and results are kept back as Hold says.
	Protect bool            `yaml:"-"`
	Hold    wire.HoldConfig `yaml:"hold"`
	// Replication lists the users who may read the binary log, dump tables or
	// clone the server through this listener. Nobody else may.
	Replication []string `yaml:"replication"`
	// LocalInfile is allow (default) or refuse.
	LocalInfile string `yaml:"local_infile"`
	// RSAKeyFile is a PEM private key whose public half is handed to clients
	// without TLS that encrypt their password with it (caching_sha2_password,
	// sha256_password) while the proxy speaks TLS with the server. Empty: a
	// key is made at the first need and lives as long as the process.
	RSAKeyFile string `yaml:"rsa_key_file"`
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
	if c.Handshake == 0 {
		c.Handshake = time.Minute
	}
	if c.Server.ConnectTimeout == 0 {
		c.Server.ConnectTimeout = 10 * time.Second
	}
	if c.Statement == 0 {
		c.Statement = defaultStatement
	}
	if c.LocalInfile == "" {
		c.LocalInfile = InfileAllow
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
	if c.Server.TLS.Negotiation == tlsconf.NegotiateDirect {
		return errors.New("server tls.negotiation is direct, which MySQL and MariaDB do not know: leave it out")
	}
	switch c.LocalInfile {
	case InfileAllow, InfileRefuse:
	default:
		return fmt.Errorf("local_infile %q is unknown: use allow or refuse", c.LocalInfile)
	}
	if c.Handshake < 0 || c.Server.ConnectTimeout < 0 || c.Server.UserTimeout < 0 {
		return errors.New("a timeout is negative: use a duration such as 30s")
	}
	if c.Statement < 0 || c.Statement >= maxPacket {
		return fmt.Errorf("statement limit %d is not between 0 and %d: use a number of bytes", c.Statement, maxPacket-1)
	}
	for _, u := range c.Replication {
		if u == "" {
			return errors.New("replication holds an empty user name: name the users who may replicate")
		}
	}
	_, _, err := dialTarget(c.Server.Address)
	return err
}

// Deps are what a Protocol works with.
type Deps struct {
	Inspector inspect.Inspector
	Log       zerolog.Logger
	Now       func() time.Time // nil: time.Now
}

// Counters are totals since the start; any field may be read at any time.
type Counters struct {
	// Translated counts passwords that were carried from one leg to the other
	// because only one of them has TLS.
	Translated atomic.Uint64
	// Redirects counts attempts of a server to lead clients around the proxy.
	Redirects atomic.Uint64
	// ReplicationRefused counts binary log, table and clone requests of users
	// who are not listed.
	ReplicationRefused atomic.Uint64
	// ReplicationUnread counts replication streams of which something could
	// not be inspected: a compression that this version does not know.
	ReplicationUnread atomic.Uint64
	Held              wire.HoldCounters
	Tally             wire.Tally
}

// Protocol implements wire.Protocol for MySQL and MariaDB.
type Protocol struct {
	Counters Counters

	deps Deps
	set  atomic.Pointer[settings]
	keys keyring
}

var _ wire.Protocol = (*Protocol)(nil)

// settings is one loaded configuration. But for its trial it is never changed: a
// session keeps the one that it began with.
type settings struct {
	Config
	network, address string
	clientTLS        *tls.Config // nil: none
	serverTLS        *tls.Config // nil: none
	replicas         map[string]bool
	key              *keyPair // nil: made when needed
	trial            *trial
	answer           time.Duration // answerTimeout
}

// New loads certificates and checks addresses. Everything that can fail fails
// here and not at a client's login.
func New(c Config, d Deps) (*Protocol, error) {
	if d.Inspector == nil {
		return nil, errors.New("mywire: no inspector")
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
	s := &settings{Config: c, replicas: make(map[string]bool, len(c.Replication)), trial: new(trial), answer: answerTimeout}
	for _, u := range c.Replication {
		s.replicas[u] = true
	}
	var err error
	if s.network, s.address, err = dialTarget(c.Server.Address); err != nil {
		return nil, err
	}
	if s.clientTLS, err = c.TLS.Load(); err != nil {
		return nil, err
	}
	if s.clientTLS != nil {
		s.clientTLS.SessionTicketsDisabled = true // each session shows its certificate
	}
	if c.RSAKeyFile != "" {
		if s.key, err = loadKey(c.RSAKeyFile); err != nil {
			return nil, err
		}
	}
	if s.network == "unix" {
		return s, nil
	}
	host, _, _ := net.SplitHostPort(s.address)
	if s.serverTLS, err = c.Server.TLS.Load(host); err != nil {
		return nil, err
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
		if st, err := os.Stat(addr); err == nil && st.IsDir() {
			return "unix", filepath.Join(addr, "mysqld.sock"), nil
		}
		return "unix", addr, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		if strings.Contains(err.Error(), "missing port") {
			host, port = strings.Trim(addr, "[]"), "3306"
		} else {
			return "", "", fmt.Errorf("server address %q is not host:port nor a path: %w", addr, err)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return "", "", fmt.Errorf("server address %q is not host:port: name a host and a port from 1 to 65535", addr)
	}
	return "tcp", net.JoinHostPort(host, port), nil
}
