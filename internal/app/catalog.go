package app

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/token"
)

const (
	catalogEvery   = 30 * time.Second
	catalogTimeout = 20 * time.Second
)

// catalogLoop keeps the numbers of planted tables fresh, for servers with a
// catalogue connection: at the start, every catalogEvery, and when tokens change.
func (a *App) catalogLoop(ctx context.Context) {
	tick := time.NewTicker(catalogEvery)
	defer tick.Stop()
	failing := map[string]bool{}
	for {
		a.mu.Lock()
		servers := a.cfg.Servers
		a.mu.Unlock()
		for _, s := range servers {
			if !s.Catalog.Given() {
				continue
			}
			err := a.refresh(ctx, s)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && !failing[s.Name]:
				a.log.Warn().Err(err).Str("server", s.Name).Msg("planted tables can't be looked up: short values in recreated tables are recognised only together; check servers catalog")
			case err == nil && failing[s.Name]:
				a.log.Info().Str("server", s.Name).Msg("planted tables can be looked up again")
			}
			failing[s.Name] = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-a.kick:
		}
	}
}

// refresh looks up the planted columns of one server and writes what changed.
func (a *App) refresh(ctx context.Context, s ServerConfig) error {
	planted, known, err := a.store.Columns(ctx)
	if err != nil {
		return err
	}
	byDatabase := map[string][]token.Location{}
	for _, l := range planted {
		if l.Server == s.Name {
			byDatabase[l.Database] = append(byDatabase[l.Database], l)
		}
	}
	if len(byDatabase) == 0 {
		return nil
	}
	dsn, err := s.Catalog.Read()
	if err != nil {
		return err
	}
	for database, columns := range byDatabase {
		if err := a.refreshDatabase(ctx, dsn.Reveal(), database, columns, known); err != nil {
			return fmt.Errorf("database %s: %w", database, err)
		}
	}
	return nil
}

func (a *App) refreshDatabase(ctx context.Context, dsn, database string, columns, known []token.Location) error {
	ctx, cancel := context.WithTimeout(ctx, catalogTimeout)
	defer cancel()
	conf, err := pgx.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("the catalogue connection string can't be read: write it as postgres://role:password@host:port/database")
	}
	conf.Database = database
	conf.RuntimeParams["application_name"] = "honeyrow catalog"
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	found, err := lookUp(ctx, conn, columns)
	if err != nil {
		return err
	}
	found, err = keepSeen(ctx, conn, found, columns, known)
	if err != nil {
		return err
	}
	changed := changedColumns(found, known)
	if len(changed) == 0 {
		return nil
	}
	a.log.Info().Str("database", database).Int("columns", len(changed)).Msg("planted tables have new numbers")
	return a.store.Locate(ctx, changed)
}

// locateSQL finds a column's table with all its ancestors and descendants
// (partitions, inheritance), since a query may report any of them.
const locateSQL = `with recursive want as (
	select n.*, c.oid from unnest($1::text[], $2::text[], $3::text[]) as n(nsp, rel, col)
	join pg_namespace s on s.nspname = n.nsp join pg_class c on c.relnamespace = s.oid and c.relname = n.rel
), up as (
	select nsp, rel, col, oid from want union
	select u.nsp, u.rel, u.col, i.inhparent from up u join pg_inherits i on i.inhrelid = u.oid
), down as (
	select nsp, rel, col, oid from want union
	select d.nsp, d.rel, d.col, i.inhrelid from down d join pg_inherits i on i.inhparent = d.oid
), every as (select * from up union select * from down)
select e.nsp, e.rel, e.col, e.oid::int8, a.attnum::int8 from every e
join pg_attribute a on a.attrelid = e.oid and a.attname = e.col and a.attnum > 0 and not a.attisdropped`

func lookUp(ctx context.Context, conn *pgx.Conn, columns []token.Location) ([]token.Location, error) {
	var nsp, rel, col []string
	for _, c := range columns {
		nsp, rel, col = append(nsp, c.Schema), append(rel, c.Table), append(col, c.Column)
	}
	rows, err := conn.Query(ctx, locateSQL, nsp, rel, col)
	if err != nil {
		return nil, fmt.Errorf("look up tables: %w", err)
	}
	l := token.Location{Server: columns[0].Server, Database: columns[0].Database}
	var out []token.Location
	_, err = pgx.ForEachRow(rows, []any{&l.Schema, &l.Table, &l.Column, &l.TableOID, &l.Attr}, func() error {
		out = append(out, l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up tables: %w", err)
	}
	return out, nil
}

// keepSeen adds the known locations whose relation still exists: views and
// copies, which the engine has learned from results.
func keepSeen(ctx context.Context, conn *pgx.Conn, found, columns, known []token.Location) ([]token.Location, error) {
	ours, have := map[token.Location]bool{}, map[token.Location]bool{}
	for _, c := range columns {
		ours[c] = true
	}
	for _, l := range found {
		have[l] = true
	}
	var oids []int64
	for _, l := range known {
		if ours[columnOf(l)] && !have[l] {
			oids = append(oids, int64(l.TableOID))
		}
	}
	if len(oids) == 0 {
		return found, nil
	}
	rows, err := conn.Query(ctx, "select oid::int8 from pg_class where oid = any($1::int8[]::oid[])", oids)
	if err != nil {
		return nil, fmt.Errorf("look up tables: %w", err)
	}
	alive := map[uint32]bool{}
	var oid uint32
	if _, err = pgx.ForEachRow(rows, []any{&oid}, func() error { alive[oid] = true; return nil }); err != nil {
		return nil, fmt.Errorf("look up tables: %w", err)
	}
	for _, l := range known {
		if ours[columnOf(l)] && !have[l] && alive[l.TableOID] {
			found = append(found, l)
		}
	}
	return found, nil
}

// changedColumns returns all locations of the columns whose set differs from
// what is known. A column that was not found keeps what is known: its table
// may be on its way back.
func changedColumns(found, known []token.Location) []token.Location {
	was := grouped(known)
	var out []token.Location
	for col, ls := range grouped(found) {
		if numbers(ls) != numbers(was[col]) {
			out = append(out, ls...)
		}
	}
	return out
}

func grouped(ls []token.Location) map[token.Location][]token.Location {
	m := map[token.Location][]token.Location{}
	for _, l := range ls {
		m[columnOf(l)] = append(m[columnOf(l)], l)
	}
	return m
}

// numbers is a set of locations of one column as comparable text.
func numbers(ls []token.Location) string {
	var ns []string
	for _, l := range ls {
		ns = append(ns, fmt.Sprintf("%d/%d", l.TableOID, l.Attr))
	}
	sort.Strings(ns)
	return strings.Join(ns, " ")
}
