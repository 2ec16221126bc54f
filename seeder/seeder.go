// Package seeder plants honey rows: it reads a database's catalogue and some
// of its rows, plans rows that satisfy every constraint and look like their
// neighbours, plants them so that proxies watch their values before anybody
// can read them, verifies that they are still there, and takes them away.
//
//	catalogue, sample ─▶ classify ─▶ draw ─▶ try (rolled back) ─▶ Plan
//	Plan ─▶ draw keys ─▶ register ─▶ proxies watch ─▶ insert, commit ─▶ live
//
// The package knows no database product: seeder/pgdb implements Database for
// PostgreSQL, seeder/mydb for MySQL and MariaDB.
//
// Where what a honey row says comes from: template.go, slots.go and room.go choose the
// row that it is made of and its number; blend.go, weave.go and bonds.go take its
// contents from other rows, rank.go keeps its order with what it points at, clock.go,
// span.go, calendar.go and apart.go choose its dates, attend.go those of a row that it
// alone points at; deal.go puts it together. Its relatives are kin.go's, those of
// relatives grand.go's, with their dates in when.go, what they have in common in
// siblings.go, what other rows' relatives lend them in lend.go, numbers that go on in
// series.go, sums and products in arithmetic.go.
// disguise.go draws conspicuous rows again; exhibit.go, litter.go and traits.go show the
// table to seeder/camouflage, which judges.
package seeder

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/token"
)

// Store is the durable memory that the seeder works with.
type Store interface {
	token.Registry
	token.Shelf
	token.Atlas
	token.Watch
	token.Chronicle
	token.Calendar
}

// Seeder plans, plants, verifies and removes honey rows in one database. It is
// used by one goroutine at a time.
type Seeder struct {
	Database Database
	Store    Store
	Log      zerolog.Logger   // the zero Logger is silent
	Now      func() time.Time // nil: time.Now
	Version  string           // of honeyrow, for the log
	Patience time.Duration    // with another run that holds the database's lock; 0: 15 s
}

// ErrNothing is returned by Plan when no table can be seeded; the Plan beside
// it says why for each.
var ErrNothing = errors.New("no table can be seeded: the reasons are listed per table; name tables, set a decoy mail domain or grant the missing rights")

// record writes the log. What is written before a change must be there: its
// error ends the work.
func (s *Seeder) record(ctx context.Context, cat *Catalog, server string, d token.Deed) error {
	d.Version, d.Server, d.Database, d.Role = s.Version, server, cat.Database, cat.User
	return s.Store.Record(context.WithoutCancel(ctx), d)
}

func (s *Seeder) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
