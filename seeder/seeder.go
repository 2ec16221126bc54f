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
// The plan: catalog.go, database.go and study.go say what is known of a table, whereabouts.go,
// codes.go, decoy.go, scan.go, rights.go, effects.go with plain.go which may have honey rows; make.go,
// draw.go, costs.go, fewer.go, plan.go and text.go make and write the plan, trial.go, far.go
// and land.go try it in a transaction that is rolled back; found.go, founder.go, christen.go
// and erect.go make decoy tables, canary.go and copy.go what differs by copy.
//
// Where what a honey row says comes from: template.go, slots.go, room.go, scatter.go,
// beside.go, keys.go, acquaint.go and adopt.go choose the row that it is made of, its number and, with links.go and circle.go, what it
// points at; blend.go, weave.go, lines.go, bonds.go and town.go take its contents from other rows,
// names.go, groups.go, peoples.go and address.go names of the row's country and its person's sex, often.go and local.go what its place
// holds, namekey.go codes made of names, vacant.go their numbers that are missing, overtake.go who of one login came second, domains.go mail domains; rank.go, senior.go and targets.go keep
// its order with what it points at, need.go says who goes first where numbers for relatives are few, order.go that of its dates, clock.go, span.go, calendar.go,
// apart.go, era.go, verge.go, crowd.go, rhythm.go and settle.go choose these, years.go what follows from them,
// attend.go those of a row that it alone points at; deal.go puts it together. Its relatives
// are kin.go's with links.go, those of relatives grand.go's with basket.go, with their dates in
// when.go, companion.go and loom.go, what they have in common in siblings.go, what other rows'
// relatives lend them in lend.go and level.go, who holds that meanwhile in thing.go, in whose
// turn in berth.go, what it costs in tariff.go, free numbers in pen.go, block.go and haven.go,
// how long these took to be lost in moor.go with pulse.go, which of them leave no gap in lonely.go,
// when relatives of rows without a date come in undated.go, numbers that go on in series.go, sums and products
// in arithmetic.go, what they move in moves.go.
// disguise.go draws conspicuous rows again; exhibit.go, litter.go, traits.go, broods.go, seams.go, holding.go and sisters.go
// show the table to seeder/camouflage, which judges, hiding.go tells a person.
//
// The change: apply.go, lots.go, lock.go, watched.go, refresh.go, restore.go and lasting.go
// plant, drip.go, droplet.go and schedule.go row by row; verify.go, elsewhere.go, spread.go,
// audience.go and errand.go look after what is planted, rotate.go, change.go and anchor.go
// renew it, remove.go, clearlots.go, raze.go take it away, reconcile.go ends what a
// crash left open. options.go and grants.go are the configuration and the role.
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
