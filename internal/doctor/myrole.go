package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder/mydb"
)

// mySeen is what the seeding role's connection to a MySQL server tells about
// the server and itself.
type mySeen struct {
	*sql.Conn
	s        *Server
	subject  string // "bypass crm": of all that is not about the role
	product  string // "MySQL", "MariaDB"
	version  [2]int
	account  string   // CURRENT_USER(): the account that admitted the role
	from     string   // this machine's address as the server sees it, "" if the role takes another way than the proxy
	also     []string // other names of it that an account's host may have
	database string
	grants   mydb.Grants
	settings map[string]string // global variables, names in lower case
}

// errRefused is a right that the role lacks: ER_TABLEACCESS_DENIED_ERROR and its kin.
func errRefused(err error) bool {
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return false
	}
	switch me.Number {
	case 1044, 1045, 1142, 1143, 1227, 1345:
		return true
	}
	return false
}

// myRole looks through the seeding role's own connection: its rights, the
// accounts that will come through the proxy, who goes around it, the server's
// settings, and whether the planted tables are still there.
func (x *exam) myRole(ctx context.Context, s *Server) {
	subject := "seeding " + s.Name
	if !x.hasRole(subject, s) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	cfg, err := mydb.ParseDSN(s.DSN)
	if err != nil {
		x.fail(subject, "role", "write it as mysql://role:password@host:port/database", "the connection string can't be read: %v", scrub(err, s.DSN))
		return
	}
	cfg.ConnectionAttributes = "program_name:honeyrow doctor"
	have := cfg.Addr
	if cfg.Net == "unix" {
		have = "unix:" + cfg.Addr
	}
	x.target(subject, s, have)
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		x.fail(subject, "role", "write it as mysql://role:password@host:port/database", "the connection string can't be read")
		return
	}
	pool := sql.OpenDB(connector)
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if mydb.Silent(err) {
		x.fail(subject, "role", "if it is Percona Server, whose proxy_protocol_networks has this machine: take it out of that list, or give the connection string the server's unix socket (?socket=PATH) or another address of it, for the role sends no PROXY header", "user %q gets no answer from %s: Percona Server waits so for a PROXY header; the server may also be too busy", cfg.User, have)
		return
	}
	if err != nil {
		x.fail(subject, "role", "check the connection string's host, user, password and database, and that the account's host admits this machine", "user %q can't log in to database %q: %v", cfg.User, cfg.DBName, scrub(err, cfg.Passwd))
		return
	}
	defer conn.Close()
	v := &mySeen{Conn: conn, s: s, subject: "bypass " + s.Name}
	if err := v.look(ctx, have); err != nil {
		x.fail(subject, "role", "let the role run SELECT VERSION() and SHOW GRANTS", "the role's session can't be looked at: %v", err)
		return
	}
	for _, check := range []func(context.Context, *mySeen) error{x.myRights, x.myClock, x.mySettings, x.myAccounts, x.mySessions, x.myOpenings, x.myPlaces} {
		if err := check(ctx, v); err != nil {
			x.warn(subject, "role", "let the role read information_schema", "a check could not be made: %v", err)
		}
	}
}

// look asks who and where the role is.
func (v *mySeen) look(ctx context.Context, have string) error {
	var version, user string
	if err := v.QueryRowContext(ctx, "SELECT VERSION(), CURRENT_USER(), USER(), DATABASE()").Scan(&version, &v.account, &user, &v.database); err != nil {
		return fmt.Errorf("ask for the version: %w", err)
	}
	v.product, _, _ = flavour(version)
	_, _ = fmt.Sscanf(version, "%d.%d", &v.version[0], &v.version[1])
	network, addr := myTarget(v.s.Address)
	own := strings.HasPrefix(have, "unix:") == (network == "unix")
	if own && (network == "unix" || SameAddress(addr, have)) && !v.s.ProxyProtocol {
		v.from = user[strings.LastIndexByte(user, '@')+1:]
	}
	if net.ParseIP(v.from) == nil && v.from != "" && network == "tcp" { // with name resolution both count, name and address
		v.also, _ = net.DefaultResolver.LookupHost(ctx, v.from)
	}
	lines, err := v.column(ctx, "SHOW GRANTS")
	if err != nil {
		return fmt.Errorf("ask for the role's rights: %w", err)
	}
	v.grants = mydb.ParseGrants(lines)
	rows, err := v.rows(ctx, `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('bind_address', 'skip_networking', 'require_secure_transport', 'proxy_protocol_networks',
		'redirect_url', 'log_bin', 'general_log', 'slow_query_log', 'long_query_time', 'protocol_compression_algorithms', 'mysqlx_port', 'mysqlx_bind_address', 'mysqlx_socket',
		'admin_address', 'admin_port', 'extra_port', 'read_only', 'skip_name_resolve', 'version_comment', 'log_output', 'have_ssl', 'caching_sha2_password_auto_generate_rsa_keys')`)
	if err != nil {
		return fmt.Errorf("ask for the server's settings: %w", err)
	}
	v.settings = map[string]string{}
	for _, r := range rows {
		v.settings[strings.ToLower(r[0])] = r[1]
	}
	return nil
}

// on reports whether a setting is switched on.
func (v *mySeen) on(name string) bool {
	s := strings.ToUpper(v.settings[name])
	return s == "ON" || s == "1"
}

// rows runs a query; NULL is "".
func (v *mySeen) rows(ctx context.Context, query string, args ...any) (out [][]string, err error) {
	rows, err := v.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		cells, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(cols))
		for i, c := range cells {
			row[i] = c.String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// column returns a query's first column.
func (v *mySeen) column(ctx context.Context, query string, args ...any) (out []string, err error) {
	rows, err := v.rows(ctx, query, args...)
	for _, r := range rows {
		out = append(out, r[0])
	}
	return out, err
}

// grantee writes the role's account for a GRANT.
func (v *mySeen) grantee() string {
	i := strings.LastIndexByte(v.account, '@')
	q := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return q(v.account[:max(i, 0)]) + "@" + q(v.account[i+1:])
}

// myRights tells where the role may plant.
func (x *exam) myRights(ctx context.Context, v *mySeen) error {
	subject := "seeding " + v.s.Name
	tables, err := v.column(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME")
	if err != nil {
		return fmt.Errorf("read the tables: %w", err)
	}
	if v.grants.Has("SUPER", "", "") || v.grants.Has("ALL PRIVILEGES", "", "") {
		x.warn(subject, "superuser", "make a user that has only SELECT, INSERT and DELETE on the tables to plant in", "%s may do everything, which planting does not need", v.account)
	}
	if v.on("read_only") {
		x.warn(subject, "read_only", "name the primary in the connection string: rows can't be planted on a replica", "the server is read only")
	}
	var plant, remove, parts int
	var blind []string
	for _, t := range tables {
		has := func(right string) bool { return v.grants.Has(right, v.database, t) }
		switch {
		case has("SELECT") && has("INSERT"):
			plant++
			if has("DELETE") {
				remove++
			}
			if !has("TRIGGER") {
				blind = append(blind, t)
			}
		case has("SELECT()") || has("INSERT()"):
			parts++
		}
	}
	who := fmt.Sprintf("%s may plant in", v.account)
	advice := fmt.Sprintf("as an administrator: GRANT SELECT, INSERT, DELETE, TRIGGER ON `%s`.`TABLE` TO %s", v.database, v.grantee())
	switch {
	case len(tables) == 0:
		x.warn(subject, "rights", "name the right database in the connection string, or grant rights on its tables: tables without any are not shown", "%s sees no tables in database %q", v.account, v.database)
	case plant == 0 && parts > 0:
		x.fail(subject, "rights", advice, "%s none of %d tables of database %q: rights on some columns are not enough, the whole table's definition must be readable", who, len(tables), v.database)
	case plant == 0:
		x.fail(subject, "rights", advice, "%s none of %d tables of database %q", who, len(tables), v.database)
	case remove < plant:
		x.warn(subject, "rights", advice, "%s %d of the %d tables that it sees of database %q, but could remove rows from only %d", who, plant, len(tables), v.database, remove)
	default:
		x.ok(subject, "rights", "%s %d of the %d tables that it sees of database %q", who, plant, len(tables), v.database)
	}
	if len(blind) > 0 {
		x.warn(subject, "triggers", fmt.Sprintf("GRANT TRIGGER ON `%s`.`TABLE` TO %s", v.database, v.grantee()), "triggers of %s are not shown to the role: a plan refuses these tables unless the server undoes whatever a trigger does, and can't say what that is", some(blind))
	}
	return nil
}

// some joins names, a handful of them.
func some(names []string) string {
	const few = 5
	if len(names) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

func (x *exam) myClock(ctx context.Context, v *mySeen) error {
	return x.skew(v.s, func() (time.Time, error) {
		var there string
		if err := v.QueryRowContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").Scan(&there); err != nil {
			return time.Time{}, err
		}
		return time.Parse("2006-01-02 15:04:05.999999", there)
	})
}

// myPlaces looks whether the columns that hold tokens are still there. MySQL
// names a result column's table itself, so that there is no number to be stale.
func (x *exam) myPlaces(ctx context.Context, v *mySeen) error {
	if x.snapshot == nil {
		return nil
	}
	subject := "tokens " + v.s.Name
	ps, elsewhere := planted(x.snapshot, v.s.Name, v.database)
	if len(elsewhere) > 0 {
		x.warn(subject, "places", "run the doctor with a connection string for each database", "tokens in %s are not checked: the seeding role connects to %s", strings.Join(elsewhere, ", "), v.database)
	}
	gone, tokens := 0, 0
	for _, p := range ps {
		tokens += p.tokens
		got, err := v.column(ctx, "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?", p.table, p.column)
		if err != nil {
			return fmt.Errorf("look up %s: %w", p.table, err)
		}
		if len(got) == 0 {
			gone++
			x.warn(subject, "place", "plant anew (`honeyrow seed plan`), then `honeyrow seed remove` for what is left; or give the role SELECT on the table back", "%s has no column %s any more that the role could see: its %d tokens can't be read there", p.table, p.column, p.tokens)
		}
	}
	if len(ps) > 0 && gone == 0 {
		x.ok(subject, "places", "the tables of %d tokens are where the registry says", tokens)
	}
	return nil
}

// hostPort splits the HOST of a process list: "10.0.0.5:41234", "[::1]:41234"
// or "::1:41234", "name:41234", "localhost" for the unix socket.
func hostPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, ""
	}
	return strings.Trim(s[:i], "[]"), s[i+1:]
}

// here reports whether a host that a server names is this machine.
func here(ctx context.Context, host string, local map[string]bool) bool {
	if host == "localhost" || local[host] {
		return true
	}
	if net.ParseIP(host) != nil {
		return false
	}
	addrs, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if local[a] {
			return true
		}
	}
	return false
}
