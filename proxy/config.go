// Package proxy accepts connections, admits or rejects them, has a protocol
// log them in, pumps their sessions and ends them in an orderly way. It knows
// no protocol; pgwire and its siblings do.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

// Config is one listener.
type Config struct {
	Name     string `yaml:"name"`
	Server   string `yaml:"server"` // the name of a configured server
	Protocol string `yaml:"protocol"`
	// Mode is detect (default): what passes is watched, what a rule refuses is
	// stopped where it stands; or protect: statements are understood before they
	// are sent, results kept back as Hold says.
	Mode string          `yaml:"mode"`
	Hold wire.HoldConfig `yaml:"hold"` // in protect mode
	// Address is host:port, or unix:/path of a socket.
	Address string `yaml:"address"`
	// UnixMode is the socket's permissions in octal (0660).
	UnixMode      string         `yaml:"unix_mode"`
	TLS           tlsconf.Client `yaml:"tls"`
	ProxyProtocol ProxyProtocol  `yaml:"proxy_protocol"`
	Limits        Limits         `yaml:"limits"`
	// UserTimeout is TCP_USER_TIMEOUT of clients' connections: how long sent
	// data may stay unacknowledged. It also cuts clients that are alive but
	// have stopped reading for that long (Linux counts zero-window probes),
	// such as a dump behind a paused pipe; zero, the default, leaves the
	// system's retransmission limit and keepalive to find dead peers.
	UserTimeout time.Duration `yaml:"tcp_user_timeout"`
}

// The modes of a listener.
const (
	ModeDetect  = "detect"
	ModeProtect = "protect"
)

// ProxyProtocol says whose PROXY header (v1 or v2) tells the real client.
type ProxyProtocol struct {
	// From are addresses, networks (10.0.0.0/8), or "unix" for peers on a unix
	// socket. From them the header is required; from others it is refused.
	From []string `yaml:"from"`
}

// Limits bound a listener.
type Limits struct {
	Connections int `yaml:"connections"` // at once, logins included (2000)
	// PerAddress is at once from one client address; 0 is no limit. It does
	// not apply to unix sockets.
	PerAddress int           `yaml:"per_address"`
	Handshake  time.Duration `yaml:"handshake"` // from accept to the end of login (30 s)
	Statement  int           `yaml:"statement"` // bytes of a client message held whole for analysis (1 MiB)
}

// SetDefaults fills what was left empty.
func (c *Config) SetDefaults() {
	c.TLS.SetDefaults()
	c.Hold.SetDefaults()
	if c.Mode == "" {
		c.Mode = ModeDetect
	}
	if c.Protocol == "" {
		c.Protocol = "postgres"
	}
	if c.UnixMode == "" {
		c.UnixMode = "0660"
	}
	if c.Limits.Connections == 0 {
		c.Limits.Connections = 2000
	}
	if c.Limits.Handshake == 0 {
		c.Limits.Handshake = 30 * time.Second
	}
	if c.Limits.Statement == 0 {
		c.Limits.Statement = 1 << 20
	}
}

// Validate checks a Config that has its defaults. It opens nothing.
func (c *Config) Validate() error {
	err := errors.Join(c.validateAddress(), c.TLS.Validate(), c.Limits.validate(), c.Hold.Validate())
	if c.Mode != ModeDetect && c.Mode != ModeProtect {
		err = errors.Join(err, fmt.Errorf("mode %q is unknown: use detect or protect", c.Mode))
	}
	if _, perr := parseNetworks(c.ProxyProtocol.From); perr != nil {
		err = errors.Join(err, perr)
	}
	if c.UserTimeout < 0 {
		err = errors.Join(err, errors.New("tcp_user_timeout is negative: use a duration such as 5m, or 0 for the system's"))
	}
	if err != nil {
		return fmt.Errorf("listener %q: %w", c.Name, err)
	}
	return nil
}

func (c *Config) validateAddress() error {
	if path, ok := strings.CutPrefix(c.Address, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("address %q: use unix: and an absolute path", c.Address)
		}
		if len(path) > socketPathMax {
			return fmt.Errorf("address %q: the path of a unix socket has at most %d bytes; use a shorter one", c.Address, socketPathMax)
		}
		if _, err := c.unixMode(); err != nil {
			return err
		}
		return nil
	}
	if _, port, err := net.SplitHostPort(c.Address); err != nil {
		return fmt.Errorf("address %q is neither host:port nor unix:/path: %w", c.Address, err)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("address %q: the port is a number up to 65535 (0 takes a free one)", c.Address)
	}
	return nil
}

func (c *Config) unixMode() (uint32, error) {
	n, err := strconv.ParseUint(c.UnixMode, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("unix_mode %q is no octal file mode: use one such as \"0660\"", c.UnixMode)
	}
	return uint32(n), nil
}

func (l *Limits) validate() error {
	if l.Connections < 0 || l.PerAddress < 0 || l.Statement < 0 {
		return errors.New("limits.connections, limits.per_address and limits.statement can't be negative")
	}
	if l.Handshake < 0 {
		return errors.New("limits.handshake is negative: use a duration such as 30s")
	}
	return nil
}

// networks are the peers that must send a PROXY header.
type networks struct {
	prefixes []netip.Prefix
	unix     bool
}

func parseNetworks(from []string) (networks, error) {
	var n networks
	for _, s := range from {
		if s == "unix" {
			n.unix = true
			continue
		}
		if p, err := netip.ParsePrefix(s); err == nil {
			n.prefixes = append(n.prefixes, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return networks{}, fmt.Errorf("proxy_protocol.from: %q is neither an address nor a network such as 10.0.0.0/8", s)
		}
		n.prefixes = append(n.prefixes, netip.PrefixFrom(a, a.BitLen()))
	}
	return n, nil
}

func (n networks) has(a net.Addr) bool {
	switch a := a.(type) {
	case *net.UnixAddr:
		return n.unix
	case *net.TCPAddr:
		ip := a.AddrPort().Addr().Unmap().WithZone("")
		for _, p := range n.prefixes {
			if p.Contains(ip) {
				return true
			}
		}
	}
	return false
}
