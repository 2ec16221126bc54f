package app

import (
	"context"
	"errors"

	"honeyrow/internal/admin"
	"honeyrow/internal/config"
	"honeyrow/internal/doctor"
)

// Patient tells the doctor what the configuration names.
func (c *Config) Patient() doctor.Patient {
	p := doctor.Patient{ConfigFile: c.File(), Registry: doctor.Registry{
		Path: c.Registry.Path, KeyFile: c.Registry.KeyFile,
		Open: func(ctx context.Context) (doctor.Book, error) {
			st, _, err := OpenStore(ctx, c)
			if err != nil {
				return nil, err
			}
			return st, nil
		},
	}}
	if c.Admin.Enabled() {
		p.Proxy = c.askProxy
	}
	secret := func(names ...string) {
		for _, name := range names {
			if name != "" {
				p.Secrets = append(p.Secrets, name)
			}
		}
	}
	secret(c.Admin.TokenFile, c.Admin.KeyFile)
	for _, s := range c.Servers {
		secret(s.Seed.File, s.Catalog.File, s.TLS.KeyFile)
		d := doctor.Server{Name: s.Name, Protocol: s.Protocol, Address: s.Address, TLS: s.TLS, ProxyProtocol: s.ProxyProtocol}
		dsn, err := s.Seed.Read()
		switch {
		case err == nil:
			d.DSN = dsn.Reveal()
		case !errors.Is(err, config.ErrNoSecret):
			d.DSNErr = err
		}
		p.Servers = append(p.Servers, d)
	}
	for _, l := range c.Listeners {
		secret(l.TLS.KeyFile, l.RSAKeyFile)
		p.Listeners = append(p.Listeners, doctor.Listener{
			Name: l.Name, Server: l.Server, Address: l.Address, TLS: l.TLS, Replication: l.Replication, RSAKeyFile: l.RSAKeyFile,
		})
	}
	for _, s := range c.Alerts.Sinks {
		p.Sinks = append(p.Sinks, doctor.Sink{
			Name: s.Name, Type: s.Type,
			Check: s.Check,
		})
	}
	return p
}

// askProxy has the running proxy name its own sessions with the servers.
func (c *Config) askProxy(ctx context.Context) (*doctor.Proxy, error) {
	k, err := admin.Dial(c.Admin)
	if err != nil {
		return nil, err
	}
	all, missing, err := k.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	var s Status
	if err := k.Get(ctx, "/v1/status", &s); err != nil {
		return nil, err
	}
	p := &doctor.Proxy{Host: s.Host, PIDs: []int{s.PID}}
	if missing == "" { // else those of the processes before it are not among them
		for _, e := range s.Predecessors {
			p.PIDs = append(p.PIDs, e.PID)
		}
	}
	for i := range all {
		if who := &all[i].Client; who.BackendPID != 0 {
			p.Backends = append(p.Backends, doctor.Backend{Server: who.Server, ID: who.BackendPID})
		}
	}
	return p, nil
}
