// Package pgdb lets the seeder work on PostgreSQL 12 and later. It reads
// pg_catalog, never information_schema, and exchanges all values in the text
// form in which the server sends them to its clients.
package pgdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/seeder"
)

// DB is a connection to one database. It is used by one goroutine at a time.
type DB struct {
	conn *pgx.Conn
	dsn  string
}

var _ seeder.Database = (*DB)(nil)

// oldest is the oldest server that is understood: 12 brought pg_attribute.attgenerated.
const oldest = 120000

// settings make the server write values in one form, whatever its defaults.
var settings = map[string]string{
	"application_name": "honeyrow seed", "DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "bytea_output": "hex",
	"extra_float_digits": "1", "client_encoding": "UTF8", "standard_conforming_strings": "on", "default_transaction_isolation": "read committed",
}

// patience bounds what the connection may wait for where the connection string
// does not say it: a plan's reading must not stand in a business's way.
var patience = map[string]string{"statement_timeout": "60s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "120s"}

// Open connects. dsn is a libpq connection string or URL; PG* variables and
// the password file count as they do for libpq. The connection must not lead
// through the proxy: Open refuses nothing, but the caller should name the
// server's own address.
func Open(ctx context.Context, dsn string) (*DB, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable(err)
	}
	for k, v := range settings {
		cfg.RuntimeParams[k] = v
	}
	for k, v := range patience {
		if cfg.RuntimeParams[k] == "" {
			cfg.RuntimeParams[k] = v
		}
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to %s:%d, database %s, as %s: %w; check address, database, role, password and pg_hba.conf", cfg.Host, cfg.Port, cfg.Database, cfg.User, cause(err))
	}
	db := &DB{conn: conn, dsn: dsn}
	var version int
	var recovery bool
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, pg_is_in_recovery()").Scan(&version, &recovery); err != nil {
		db.Close()
		return nil, fmt.Errorf("ask the server for its version: %w", err)
	}
	switch {
	case version < oldest:
		db.Close()
		return nil, fmt.Errorf("the server is PostgreSQL %d: seeding needs 12 or later", version/10000)
	case recovery:
		db.Close()
		return nil, errors.New("the server is a standby and takes no rows: name the primary")
	}
	return db, nil
}

// Address is where the connection leads: host:port, or unix:/path.
func (db *DB) Address() string {
	c := db.conn.Config()
	if strings.HasPrefix(c.Host, "/") {
		return "unix:" + c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// unreadable tells what is wrong with a connection string and quotes nothing of
// it: pgx's error repeats it, and a string that can't be parsed may be a password
// or have one where nobody looks for it.
func unreadable(err error) error {
	const form = "write it as postgres://role:password@host:port/database, with %40 for @, %2F for /, %3A for : and %25 for % in the password"
	_, why, told := strings.Cut(err.Error(), "`: ")
	if !told || strings.Contains(why, "failed to parse as") || strings.Contains(why, "invalid port") || strings.Contains(why, "`") {
		return errors.New("the connection string for seeding is not understood: " + form)
	}
	return fmt.Errorf("the connection string for seeding can't be used: %s", why)
}

// cause says each reason why no connection came about once, and leaves out the
// connection string, which pgx repeats.
func cause(err error) error {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s (SQLSTATE %s)", pe.Message, pe.Code)
	}
	var ce *pgconn.ConnectError
	if !errors.As(err, &ce) || ce.Unwrap() == nil {
		return err
	}
	var reasons []string
	for _, line := range strings.Split(ce.Unwrap().Error(), "\n") { // it tries with TLS and without
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(reasons, line) {
			reasons = append(reasons, line)
		}
	}
	return &failure{strings.Join(reasons, "; "), err}
}

// failure is an error in fewer words.
type failure struct {
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// Close ends the connection.
func (db *DB) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = db.conn.Close(ctx)
}

// Lock implements seeder.Planter with a session-level advisory lock, which the
// server gives back by itself when the connection ends.
func (db *DB) Lock(ctx context.Context) (func(), error) {
	const key = 0x686f6e6579 // "honey"
	var ok bool
	if err := db.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(key)).Scan(&ok); err != nil {
		return nil, fmt.Errorf("take the seeding lock: %w", err)
	}
	if !ok {
		return nil, &seeder.Busy{Holder: db.holder(ctx, key)}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = db.conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(key))
	}, nil
}

// holder describes the session that holds an advisory lock; empty if it has gone.
func (db *DB) holder(ctx context.Context, key int64) string {
	var who string
	_ = db.conn.QueryRow(ctx, `SELECT format('backend %s of %s, %s', l.pid, coalesce(a.usename, '?'), coalesce(a.state, 'state unknown'))
		FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.classid::bigint << 32 | l.objid::bigint = $1 LIMIT 1`, key).Scan(&who)
	return who
}

// quote writes an identifier.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func name(t *seeder.Table) string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

func list(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = quote(c)
	}
	return strings.Join(out, ", ")
}

// params turns values into parameters in text format, whose types the server
// infers from where they stand.
func params(vs []*string) [][]byte {
	out := make([][]byte, len(vs))
	for i, v := range vs {
		if v != nil {
			out[i] = []byte(*v)
		}
	}
	return out
}

// query runs a statement with text parameters and reads up to max rows in
// text (0) or binary (1) format; max 0 means all.
func query(ctx context.Context, c *pgconn.PgConn, sql string, args []*string, format int16, max int) ([][]*string, error) {
	rr := c.ExecParams(ctx, sql, params(args), nil, nil, []int16{format})
	var out [][]*string
	for rr.NextRow() {
		if max > 0 && len(out) >= max {
			continue
		}
		row := make([]*string, len(rr.Values()))
		for i, v := range rr.Values() {
			if v != nil {
				s := string(v)
				row[i] = &s
			}
		}
		out = append(out, row)
	}
	_, err := rr.Close()
	return out, err
}

// violation turns an error of the server into words without values, or
// returns any other error as it is.
func violation(err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return err
	}
	var why string
	switch pe.Code {
	case "23502":
		why = fmt.Sprintf("column %s must not be null", pe.ColumnName)
	case "23503":
		why = fmt.Sprintf("foreign key %s of table %s is violated", pe.ConstraintName, pe.TableName)
	case "23505":
		why = fmt.Sprintf("the values are taken (unique %s)", pe.ConstraintName)
	case "23514":
		why = fmt.Sprintf("check %s is violated", pe.ConstraintName)
		if pe.ConstraintName == "" {
			why = "the row fits no partition, or a check is violated"
		}
	case "23P01":
		why = fmt.Sprintf("exclusion constraint %s is violated", pe.ConstraintName)
	case "42501":
		why = "the role lacks a right, or row security forbids the row (SQLSTATE 42501): see the plan's GRANTs"
	case "22001":
		why = "a value is too long for its column"
	case "55P03":
		why = "a lock was not given in time (lock_timeout): try again when the table is less busy"
	case "57014":
		why = "a statement took too long (statement_timeout): raise it, or try again when the server is less busy"
	case "P0001":
		why = "a trigger raised an exception"
	case "2200H":
		why = "a sequence has used up its numbers"
	default:
		why = fmt.Sprintf("%s (SQLSTATE %s)", condition(pe.Code), pe.Code)
	}
	return &seeder.Violation{Code: pe.Code, Constraint: pe.ConstraintName, Column: pe.ColumnName, Why: why}
}

// condition names a class of SQLSTATE without the server's own text, which may
// quote a value.
func condition(code string) string {
	if len(code) < 2 {
		return "the server reports an error"
	}
	switch code[:2] {
	case "08":
		return "the connection failed"
	case "22":
		return "a value does not suit its type"
	case "23":
		return "a constraint is violated"
	case "25":
		return "the transaction is in the wrong state, or read only"
	case "40":
		return "the transaction was rolled back because of a conflict: try again"
	case "42":
		return "a name or a right is wrong"
	case "53":
		return "the server is short of resources"
	case "57":
		return "an operator stepped in"
	case "P0":
		return "a function raised an exception"
	}
	return "the server reports an error"
}
