package app

import (
	"context"
	"errors"
	"fmt"

	"honeyrow/chain"
	"honeyrow/internal/config"
	"honeyrow/internal/doctor"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/seeder/pgdb"
	"honeyrow/token"
)

// products are what can be seeded, by the protocol of the server.
var products = map[string]struct {
	open  func(ctx context.Context, dsn string) (seeder.Database, error)
	enter func(ctx context.Context, dsn string, d seeder.Door) (seeder.Visit, error)
	form  string // of a connection string
}{
	postgres: {func(ctx context.Context, dsn string) (seeder.Database, error) { return pgdb.Open(ctx, dsn) }, pgdb.Enter, "postgres://role:password@host:port/database"},
	mysql:    {func(ctx context.Context, dsn string) (seeder.Database, error) { return mydb.Open(ctx, dsn) }, mydb.Enter, "mysql://role:password@host:port/database"},
}

// Seeding is a seeder with its connections: to the registry, and to one
// database of one server.
type Seeding struct {
	*seeder.Seeder
	Config   seeder.Config
	Server   string   // the server's name
	Copy     string   // which copy of its database it holds, if configured
	Warnings []string // sentences for the operator
	store    *Store
	// enter opens a session as a client has it.
	enter func(ctx context.Context, d seeder.Door) (seeder.Visit, error)
	// open connects to the database once more.
	open func(context.Context) (seeder.Database, error)
}

// GoOn plants the rows of unfinished drips of the database as they become due.
// The connection that was made to see that all is well is closed: each row has
// one of its own.
func (s *Seeding) GoOn(ctx context.Context, o seeder.DripOptions) (*seeder.Dripped, error) {
	cat, err := s.Database.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	s.Database.Close()
	o.Server, o.Database, o.Open = s.Server, cat.Database, s.open
	return s.Drip(ctx, o)
}

// Verify looks for every live honey row (see seeder.Seeder.Verify), and warns where the
// log of who planted what is not what was written: whoever reads that all is as planted
// would else learn so only from `honeyrow tokens log`.
func (s *Seeding) Verify(ctx context.Context, o seeder.VerifyOptions) (*seeder.Verified, error) {
	v, err := s.Seeder.Verify(ctx, o)
	if err != nil {
		return nil, err
	}
	_, err = s.store.Log(ctx, chain.Head{}, func(token.Deed) error { return nil })
	var altered *chain.Break
	switch {
	case errors.As(err, &altered):
		v.Warnings = append(v.Warnings, fmt.Sprintf("%v; somebody had write access to the registry: compare with its last backup, and with the head that `honeyrow tokens log --verify` printed then", altered))
	case err != nil:
		return nil, fmt.Errorf("read the log: %w", err)
	}
	return v, nil
}

// OpenSeeding connects the seeder. server may be empty if there is only one;
// dsnFile replaces the configured connection string.
func OpenSeeding(ctx context.Context, c *Config, server, dsnFile string) (*Seeding, error) {
	s, err := c.PickServer(server)
	if err != nil {
		return nil, err
	}
	if dsnFile != "" {
		s.Seed = DSN{File: dsnFile}
	}
	dsn, err := s.Seed.Read()
	product, ok := products[s.Protocol]
	if !ok {
		return nil, fmt.Errorf("server %s: nothing can be planted in a server with protocol %q", s.Name, s.Protocol)
	}
	if errors.Is(err, config.ErrNoSecret) {
		return nil, fmt.Errorf("no connection for planting in server %s: set servers seed.dsn_file in %s to a file with %s", s.Name, c.File(), product.form)
	}
	if err != nil {
		return nil, fmt.Errorf("server %s: seed: %w", s.Name, err)
	}
	store, warnings, err := OpenStore(ctx, c)
	if err != nil {
		return nil, err
	}
	again := func(ctx context.Context) (seeder.Database, error) { return product.open(ctx, dsn.Reveal()) }
	db, err := again(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server %s: %w", s.Name, err), store.Close())
	}
	if at, ok := db.(interface{ Address() string }); ok {
		for _, l := range c.Listeners {
			if doctor.SameAddress(l.Address, at.Address()) {
				warnings = append(warnings, fmt.Sprintf("the connection string leads through the proxy (listener %s at %s), where planting and looking after honey rows raises alerts: name the server itself in it, %s", l.Name, l.Address, s.Address))
			}
		}
	}
	return &Seeding{
		Seeder: &seeder.Seeder{Database: db, Store: ownTokens{store}, Version: version}, Config: c.Seed, Server: s.Name, Copy: s.Copy, Warnings: warnings, store: store,
		enter: func(ctx context.Context, d seeder.Door) (seeder.Visit, error) {
			return product.enter(ctx, dsn.Reveal(), d)
		},
		open: again,
	}, nil
}

// Me returns user@host of this process.
func Me() string { return seeder.Me() }

// Close ends both connections.
func (s *Seeding) Close() error {
	s.Database.Close()
	return s.store.Close()
}
