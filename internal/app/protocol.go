package app

import (
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"honeyrow/proxy"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/pgwire"
	"honeyrow/proxy/wire"
)

// The wire protocols that a server may speak.
const (
	postgres = "postgres"
	mysql    = "mysql" // MySQL, MariaDB, Percona Server
)

// protocol is a listener's wire protocol with what the app does to it while it
// runs.
type protocol struct {
	wire.Protocol
	kind   string // the server's protocol: it can't change on reload
	reload func(*Config, *ListenerConfig) error
	totals func(*zerolog.Event)
	held   *wire.HoldCounters
	tally  *wire.Tally
}

// protocol builds the protocol of a listener. A new wire protocol has its case
// here and in checker.server.
func (a *App) protocol(c *Config, l *ListenerConfig) (*protocol, error) {
	s, _ := c.Server(l.Server) // validate has seen that it exists
	switch s.Protocol {
	case mysql:
		p, err := mywire.New(c.myConfig(l), mywire.Deps{Inspector: &a.porter, Log: a.log})
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		return &protocol{
			Protocol: p, kind: mysql, held: &p.Counters.Held, tally: &p.Counters.Tally,
			reload: func(c *Config, l *ListenerConfig) error { return p.Reload(c.myConfig(l)) },
			totals: func(e *zerolog.Event) {
				e.Uint64("passwords_translated", p.Counters.Translated.Load()).Uint64("redirects", p.Counters.Redirects.Load()).
					Uint64("replication_refused", p.Counters.ReplicationRefused.Load())
				heldTotals(e, &p.Counters.Held)
			},
		}, nil
	default:
		p, err := pgwire.New(c.pgConfig(l), pgwire.Deps{Inspector: &a.porter, Log: a.log, Elsewhere: a.elders})
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		return &protocol{
			Protocol: p, kind: postgres, held: &p.Counters.Held, tally: &p.Counters.Tally,
			reload: func(c *Config, l *ListenerConfig) error { return p.Reload(c.pgConfig(l)) },
			totals: func(e *zerolog.Event) {
				e.Uint64("cancels", p.Counters.Cancels.Load()).Uint64("cancels_unknown", p.Counters.CancelsUnknown.Load()).
					Uint64("cancels_failed", p.Counters.CancelsFailed.Load())
				heldTotals(e, &p.Counters.Held)
			},
		}, nil
	}
}

// heldTotals tells what became of results that were kept back.
func heldTotals(e *zerolog.Event, c *wire.HoldCounters) {
	e.Uint64("results_withheld", c.Withheld.Load()).Uint64("results_beyond_hold_size", c.Exceeded.Load()).
		Uint64("results_beyond_hold_time", c.Overdue.Load())
}

// waitsForParser says whether sessions of a listener wait until PostgreSQL's parser
// has understood their statements.
func (c *Config) waitsForParser() bool {
	return slices.ContainsFunc(c.Listeners, func(l ListenerConfig) bool {
		s, _ := c.Server(l.Server)
		return l.Mode == proxy.ModeProtect && s.Protocol != mysql
	})
}

// pgConfig composes what a PostgreSQL listener's protocol needs.
func (c *Config) pgConfig(l *ListenerConfig) pgwire.Config {
	s, _ := c.Server(l.Server)
	return pgwire.Config{
		Listener: l.Name, TLS: l.TLS, Server: s.Server, ChannelBinding: l.ChannelBinding,
		Handshake: l.Limits.Handshake, Statement: l.Limits.Statement,
		Protect: l.Mode == proxy.ModeProtect, Hold: l.Hold,
	}
}

// myConfig composes what a MySQL listener's protocol needs.
func (c *Config) myConfig(l *ListenerConfig) mywire.Config {
	s, _ := c.Server(l.Server)
	return mywire.Config{
		Listener: l.Name, TLS: l.TLS, Handshake: l.Limits.Handshake, Statement: l.Limits.Statement,
		Protect: l.Mode == proxy.ModeProtect, Hold: l.Hold,
		Replication: l.Replication, LocalInfile: l.LocalInfile, RSAKeyFile: l.RSAKeyFile,
		Server: mywire.Server{
			Name: s.Name, Address: s.Address, TLS: s.TLS, ConnectTimeout: s.ConnectTimeout, UserTimeout: s.UserTimeout,
			ProxyProtocol: s.ProxyProtocol,
		},
	}
}
