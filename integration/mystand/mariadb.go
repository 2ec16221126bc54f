package mystand

import (
	"context"
	"errors"
	"os"

	"honeyrow/internal/myserver"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/tlsconf"
)

// MariaDBOptions shape a MariaDB.
type MariaDBOptions struct {
	Settings []string // lines of the [mysqld] group
	SQL      string   // run as root at the start
	// Statement is the listeners' limits.statement, its default if 0.
	Statement int
	// Replication are the users who may read the binary log.
	Replication []string
	Front       Options
	// Protect puts all listeners into protect mode.
	Protect bool
}

// MariaDB is a private server with TLS and four listeners before it.
type MariaDB struct {
	*Front
	Server *myserver.Server
	Pair   *Pair
	// Plain takes no TLS and uses none to the server; Secure requires it and
	// uses it to the server; Mixed leaves it to the client and uses TLS to the
	// server; Protected is Plain in protect mode, with the hold that is the
	// default. They are addresses, as Direct is.
	Plain, Secure, Mixed, Protected string

	dir string
}

// Start makes a MariaDB. Close releases all of it.
func Start(ctx context.Context, o MariaDBOptions) (*MariaDB, error) {
	m := &MariaDB{}
	if err := m.start(ctx, o); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *MariaDB) start(ctx context.Context, o MariaDBOptions) error {
	var err error
	if m.dir, err = os.MkdirTemp("", "honeyrow-mystand-"); err != nil {
		return err
	}
	if m.Pair, err = Issue(m.dir); err != nil {
		return err
	}
	m.Server, err = myserver.Start(ctx, myserver.Options{
		Settings: append([]string{
			"ssl_cert = server.crt", "ssl_key = server.key", "ssl_ca = ca.crt", "local_infile = ON", "max_allowed_packet = 64M",
		}, o.Settings...),
		Files: map[string][]byte{"server.crt": m.Pair.Cert, "server.key": m.Pair.PrivateKey, "ca.crt": m.Pair.Authority},
	})
	if err != nil {
		return err
	}
	if o.SQL != "" {
		if err := m.Server.Exec(ctx, "", o.SQL); err != nil {
			return err
		}
	}
	if m.Front, err = NewFront(o.Front); err != nil {
		return err
	}
	for _, l := range []struct {
		at             *string
		name           string
		client, server string
		protect        bool
	}{
		{&m.Plain, "plain", tlsconf.Off, tlsconf.Disable, o.Protect},
		{&m.Secure, "secure", tlsconf.Require, tlsconf.Require, o.Protect},
		{&m.Mixed, "mixed", tlsconf.Allow, tlsconf.Require, o.Protect},
		{&m.Protected, "protected", tlsconf.Off, tlsconf.Disable, true},
	} {
		*l.at, err = m.Listen(Gate{
			Name: l.name, Address: m.Server.Addr(), Client: m.Pair.Listener(l.client), Server: tlsconf.Server{Mode: l.server},
			Config: func(c *mywire.Config) {
				c.Statement, c.Replication, c.Protect = o.Statement, o.Replication, l.protect
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Direct is the server's own address.
func (m *MariaDB) Direct() string { return m.Server.Addr() }

// Dir is a temporary folder that Close removes.
func (m *MariaDB) Dir() string { return m.dir }

// Close ends everything and waits for it.
func (m *MariaDB) Close() error {
	if m.Front != nil {
		m.Front.Close()
	}
	if m.Server != nil {
		m.Server.Stop()
	}
	myserver.Cleanup()
	return os.RemoveAll(m.dir)
}
