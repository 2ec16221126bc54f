package app

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// DecoyPlace reads where a decoy table is, written [SERVER=]SCHEMA.TABLE for
// PostgreSQL and [SERVER=]DATABASE.TABLE for MySQL and MariaDB. A server that is
// the only one need not be named. database is PostgreSQL's; empty: that of the
// server's seeding connection.
func DecoyPlace(c *Config, name, database string) (event.Place, error) {
	server, table, named := strings.Cut(name, "=")
	if !named {
		server, table = "", name
	}
	s, err := c.PickServer(server)
	if err != nil {
		return event.Place{}, fmt.Errorf("%s: %w; write SERVER=SCHEMA.TABLE", name, err)
	}
	first, rest, ok := strings.Cut(table, ".")
	if !ok || first == "" || rest == "" || strings.Contains(rest, ".") {
		if s.Protocol == mysql {
			return event.Place{}, fmt.Errorf("%s: name a table of server %s as DATABASE.TABLE", name, s.Name)
		}
		return event.Place{}, fmt.Errorf("%s: name a table of server %s as SCHEMA.TABLE", name, s.Name)
	}
	p := event.Place{Server: s.Name, Schema: first, Table: rest, Column: "*"}
	if s.Protocol == mysql {
		if database != "" && database != first {
			return event.Place{}, fmt.Errorf("%s: the table's database is %s, not %s: leave --database out", name, first, database)
		}
		p.Schema, p.Database = "", first
		return p, nil
	}
	if p.Database = database; database == "" {
		if p.Database = s.seedDatabase(); p.Database == "" {
			return event.Place{}, fmt.Errorf("%s: name the database that the table is in with --database", name)
		}
	}
	return p, nil
}

// seedDatabase is the database of the server's seeding connection, if it names one.
func (s *ServerConfig) seedDatabase() string {
	if !s.Seed.Given() {
		return ""
	}
	dsn, err := s.Seed.Read()
	if err != nil {
		return ""
	}
	u, err := url.Parse(strings.TrimSpace(dsn.Reveal()))
	if err != nil || u.Scheme == "" {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

// AddDecoy has a table watched as a whole: whoever names it in a statement is
// told of. The running proxies take it up within a second.
func AddDecoy(ctx context.Context, st *Store, p event.Place, by, note string) (token.Token, error) {
	had, err := FindDecoy(ctx, st, p)
	if err != nil {
		return token.Token{}, err
	}
	if had != nil {
		return *had, fmt.Errorf("%s is a decoy table already (token %s)", p.Table, had.ID)
	}
	now := time.Now().UTC()
	id := event.NewID()
	t := token.Token{
		ID: id, Row: id, Kind: token.DecoyTable, Value: p.Table, Strength: token.Weak, Key: true, Place: p,
		Deployment: token.NamedDecoy, PlantedBy: by, PlantedAt: now, Note: note, State: token.Live, ChangedAt: now,
	}
	if err := st.Add(ctx, []token.Token{t}); err != nil {
		return t, err
	}
	return t, st.Record(context.WithoutCancel(ctx), decoyDeed(&t, "decoy added"))
}

// decoyDeed is what the registry's log says.
func decoyDeed(t *token.Token, action string) token.Deed {
	table := t.Place.Table
	if t.Place.Schema != "" {
		table = t.Place.Schema + "." + table
	}
	return token.Deed{
		Action: action, Version: Version(), Server: t.Place.Server, Database: t.Place.Database, Tables: []string{table}, Tokens: 1,
		PlantedBy: t.PlantedBy, Note: t.Note,
	}
}

// FindDecoy returns the live decoy table of a place, nil if it is none.
func FindDecoy(ctx context.Context, st *Store, p event.Place) (*token.Token, error) {
	ts, err := Decoys(ctx, st, p.Server)
	if err != nil {
		return nil, err
	}
	for i := range ts {
		q := ts[i].Place
		if strings.EqualFold(q.Database, p.Database) && strings.EqualFold(q.Schema, p.Schema) && strings.EqualFold(q.Table, p.Table) {
			return &ts[i], nil
		}
	}
	return nil, nil
}

// Decoys lists the decoy tables that are watched, of one server or, if server is
// empty, of all.
func Decoys(ctx context.Context, st *Store, server string) ([]token.Token, error) {
	return st.List(ctx, token.Filter{Server: server, Kind: token.DecoyTable, States: []token.State{token.Planned, token.Live, token.Retired}})
}

// RemoveDecoy ends the watch of a decoy table. The table stays as it is.
func RemoveDecoy(ctx context.Context, st *Store, t *token.Token) error {
	if t.Owner != "" {
		return fmt.Errorf("%s was merged from %s: have it removed there, and merge their next manifest", t.Place.Table, t.Owner)
	}
	var err error
	if t.State == token.Live {
		err = st.SetState(ctx, token.Retired, t.ID)
	}
	if err == nil {
		err = st.SetState(ctx, token.Removed, t.ID)
	}
	if err != nil {
		return err
	}
	return st.Record(context.WithoutCancel(ctx), decoyDeed(t, "decoy removed"))
}
