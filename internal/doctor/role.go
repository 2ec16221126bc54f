package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/token"
)

// maxSkew is how far the server's clock may be off before alerts become hard
// to match with the server's log.
const maxSkew = 2 * time.Second

// role looks through the seeding role's own connection: its rights, who goes
// around the proxy, and whether the planted tables are still the ones known.
func (x *exam) role(ctx context.Context, s *Server) {
	subject := "seeding " + s.Name
	if !x.hasRole(subject, s) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	conf, err := pgx.ParseConfig(s.DSN)
	if err != nil {
		x.fail(subject, "role", "write it as postgres://role:password@host:port/database", "the connection string can't be read: %v", scrub(err, s.DSN))
		return
	}
	conf.RuntimeParams["application_name"] = "honeyrow doctor"
	have := "unix:" + conf.Host
	if !strings.HasPrefix(conf.Host, "/") {
		have = net.JoinHostPort(conf.Host, fmt.Sprint(conf.Port))
	}
	x.target(subject, s, have)
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		x.fail(subject, "role", "check the connection string's host, role, password and database", "role %q can't log in to database %q: %v", conf.User, conf.Database, scrub(err, conf.Password))
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, check := range []func(context.Context, *pgx.Conn, *Server) error{x.rights, x.clock, x.sessions, x.openings, x.places} {
		if err := check(ctx, conn, s); err != nil {
			x.warn(subject, "role", "let the role read the system catalogues", "a check could not be made: %v", err)
		}
	}
}

// hasRole reports whether there is a connection string for the seeding role.
func (x *exam) hasRole(subject string, s *Server) bool {
	switch {
	case s.DSNErr != nil:
		x.warn(subject, "role", "needed by `honeyrow seed` and for the checks of the way around the proxy; the proxy itself does without", "no connection for the seeding role: %v", s.DSNErr)
	case s.DSN == "":
		x.warn(subject, "role", "set servers seed.dsn_file for `honeyrow seed` and for the checks of the way around the proxy", "no connection string for the seeding role is configured")
	default:
		return true
	}
	return false
}

// scrub keeps a secret out of an error's text.
func scrub(err error, secret string) error {
	if secret == "" || !strings.Contains(err.Error(), secret) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), secret, "*****"))
}

// target warns if the connection string leads elsewhere than to the server,
// worst of all through the proxy.
func (x *exam) target(subject string, s *Server, have string) {
	for _, l := range x.p.Listeners {
		if SameAddress(l.Address, have) {
			x.fail(subject, "target", "name the server itself in the connection string: "+s.Address, "the seeding role connects through the proxy (%s), so planting would raise alerts", have)
			return
		}
	}
	if network, _ := split(s.Address); network == "tcp" && !strings.HasPrefix(have, "unix:") && !SameAddress(s.Address, have) {
		x.warn(subject, "target", "name the same host and port in both places", "the seeding role connects to %s, the proxy to %s", have, s.Address)
	}
}

// SameAddress compares two addresses, loopback's names being one.
func SameAddress(a, b string) bool {
	ha, pa, ea := net.SplitHostPort(a)
	hb, pb, eb := net.SplitHostPort(b)
	if ea != nil || eb != nil {
		return a == b
	}
	return pa == pb && (ha == hb || loopback(a) && loopback(b))
}

// rights tells where the role may plant.
func (x *exam) rights(ctx context.Context, conn *pgx.Conn, s *Server) error {
	subject := "seeding " + s.Name
	var role, database, version string
	var super bool
	if err := conn.QueryRow(ctx, `select current_user, current_database(), current_setting('server_version'),
		(select rolsuper from pg_roles where rolname = current_user)`).Scan(&role, &database, &version, &super); err != nil {
		return fmt.Errorf("read the role: %w", err)
	}
	if super {
		x.warn(subject, "superuser", "make a role that has only SELECT, INSERT and DELETE on the tables to plant in", "role %q is a superuser, which planting does not need", role)
	}
	// A serial column takes its value from a sequence with rights of its own;
	// an identity column's has none that count.
	var all, plant, remove, numbers int
	if err := conn.QueryRow(ctx, `select count(*), count(*) filter (where fills and draws),
		count(*) filter (where fills and draws and has_table_privilege(oid, 'DELETE')), count(*) filter (where fills and not draws)
		from (select c.oid, has_table_privilege(c.oid, 'INSERT') and has_table_privilege(c.oid, 'SELECT') fills,
			not exists (select from pg_attrdef a join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = a.oid
				join pg_class s on d.refclassid = 'pg_class'::regclass and s.oid = d.refobjid
				where a.adrelid = c.oid and case when s.relkind = 'S' then not has_sequence_privilege(s.oid, 'USAGE') end) draws
			from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
			and n.nspname !~ '^pg_(toast|temp)' and has_schema_privilege(n.oid, 'USAGE')) t`).Scan(&all, &plant, &remove, &numbers); err != nil {
		return fmt.Errorf("read the role's rights: %w", err)
	}
	if numbers > 0 {
		x.warn(subject, "sequences", fmt.Sprintf("as the owner: grant usage on SEQUENCE to %s (`honeyrow seed scan` names each)", pgx.Identifier{role}.Sanitize()),
			"role %q may not use the sequences that %d of its tables take numbers from, and can't plant there", role, numbers)
	}
	advice := fmt.Sprintf("as the owner: grant select, insert, delete on TABLE to %s", pgx.Identifier{role}.Sanitize())
	switch {
	case all == 0:
		x.warn(subject, "rights", "name the right database in the connection string, or grant usage on the schemas", "role %q sees no tables in database %q (PostgreSQL %s)", role, database, version)
	case plant == 0:
		x.fail(subject, "rights", advice, "role %q may plant in none of %d tables of database %q (PostgreSQL %s)", role, all, database, version)
	case remove < plant:
		x.warn(subject, "rights", advice, "role %q may plant in %d of %d tables of database %q (PostgreSQL %s), but could remove rows from only %d", role, plant, all, database, version, remove)
	default:
		x.ok(subject, "rights", "role %q may plant in %d of %d tables of database %q (PostgreSQL %s)", role, plant, all, database, version)
	}
	return nil
}

func (x *exam) clock(ctx context.Context, conn *pgx.Conn, s *Server) error {
	return x.skew(s, func() (there time.Time, err error) {
		err = conn.QueryRow(ctx, "select clock_timestamp()").Scan(&there)
		return there, err
	})
}

// skew compares the server's clock, as ask tells it, with this machine's.
func (x *exam) skew(s *Server, ask func() (time.Time, error)) error {
	before := x.now()
	there, err := ask()
	if err != nil {
		return fmt.Errorf("read the server's clock: %w", err)
	}
	after := x.now()
	off := there.Sub(before.Add(after.Sub(before) / 2))
	if off.Abs() > maxSkew+after.Sub(before) {
		x.warn("clock", "clock", "synchronise both machines (timedatectl set-ntp true): alerts and the server's log must agree", "the clock of server %s is %s off this machine's", s.Name, off.Round(time.Millisecond))
		return nil
	}
	x.ok("clock", "clock", "agrees with server %s", s.Name)
	return nil
}

// place is a table column that holds tokens, with the numbers known for it.
type place struct {
	schema, table, column string
	known                 map[[2]uint32]bool
	tokens                int
}

// places compares the table numbers in the registry with the server's own.
func (x *exam) places(ctx context.Context, conn *pgx.Conn, s *Server) error {
	if x.snapshot == nil {
		return nil
	}
	database := conn.Config().Database
	ps, elsewhere := planted(x.snapshot, s.Name, database)
	if len(elsewhere) > 0 {
		x.warn("tokens "+s.Name, "oids", "run the doctor with a connection string for each database", "tokens in %s are not checked: the seeding role connects to %s", strings.Join(elsewhere, ", "), database)
	}
	stale, gone, tokens := 0, 0, 0
	for _, p := range ps {
		tokens += p.tokens
		var oid, attr uint32
		err := conn.QueryRow(ctx, `select a.attrelid::int8, a.attnum::int8 from pg_attribute a join pg_class c on c.oid = a.attrelid
			join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = $1 and c.relname = $2 and a.attname = $3 and not a.attisdropped`, p.schema, p.table, p.column).Scan(&oid, &attr)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			gone++
			x.warn("tokens "+s.Name, "place", "plant anew (`honeyrow seed plan`), then `honeyrow seed remove` for what is left", "%s.%s has no column %s any more: its %d tokens can't be read there", p.schema, p.table, p.column, p.tokens)
		case err != nil:
			return fmt.Errorf("look up %s.%s: %w", p.schema, p.table, err)
		case !p.known[[2]uint32{oid, attr}]:
			stale++
		}
	}
	switch {
	case stale > 0:
		x.warn("tokens "+s.Name, "oids", "run `honeyrow seed verify`, or set servers catalog so that the proxy keeps them fresh", "%d planted columns are in tables that were made anew: until their numbers are known again, short values there are recognised only together with others", stale)
	case len(ps) > 0 && gone == 0:
		x.ok("tokens "+s.Name, "oids", "the tables of %d tokens are where the registry says", tokens)
	}
	return nil
}

// planted collects the columns of the snapshot that are in one database, and
// the names of the server's other databases that hold tokens.
func planted(snap *token.Snapshot, server, database string) (ps []place, elsewhere []string) {
	at := map[[3]string]*place{}
	other := map[string]bool{}
	for i := range snap.Tokens {
		t := &snap.Tokens[i]
		switch {
		case t.Place.Server != server:
			continue
		case t.Place.Database != database:
			other[t.Place.Database] = true
			continue
		}
		k := [3]string{t.Place.Schema, t.Place.Table, t.Place.Column}
		if at[k] == nil {
			at[k] = &place{schema: k[0], table: k[1], column: k[2], known: map[[2]uint32]bool{}}
		}
		at[k].tokens++
		at[k].known[[2]uint32{t.TableOID, uint32(t.Attr)}] = true
	}
	for _, l := range snap.Locations {
		if p := at[[3]string{l.Schema, l.Table, l.Column}]; p != nil && l.Server == server && l.Database == database {
			p.known[[2]uint32{l.TableOID, uint32(l.Attr)}] = true
		}
	}
	for _, p := range at {
		ps = append(ps, *p)
	}
	sort.Slice(ps, func(i, j int) bool {
		return ps[i].schema+"."+ps[i].table+"."+ps[i].column < ps[j].schema+"."+ps[j].table+"."+ps[j].column
	})
	for d := range other {
		elsewhere = append(elsewhere, d)
	}
	sort.Strings(elsewhere)
	return ps, elsewhere
}
