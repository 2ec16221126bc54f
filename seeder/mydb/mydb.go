// Package mydb lets the seeder work on MariaDB 10.6 and later and on MySQL 5.7
// and later. It reads information_schema and SHOW CREATE TABLE.
//
// # Places
//
// What MySQL calls a schema is a database: Place.Database is the database's
// name and Place.Schema is empty. A result column's provenance on the wire is
// (OrgSchema, OrgTable, OrgName) of inspect.Column: it is the place
// (Database, Table, Column). A view, a derived table and an expression report
// other names or none, and do not match.
//
// # Values
//
// Numbers, dates and texts cross the boundary as the text protocol shows them
// (ZEROFILL and the column's scale included, texts in UTF-8). The proxy makes
// text of the binary protocol's numbers and dates, so that they need no second
// form; only FLOAT and DOUBLE, whose text is rounded, get in Record.Binary the
// text that tells the stored number, where that differs.
//
// Bytes (BINARY, VARBINARY, BLOB) are no text, and a plan is a JSON file: they
// cross as \x and hexadecimal digits, BINARY(16) columns that are named like
// identifiers as UUIDs; BIT as a decimal number. Record.Binary then holds the
// bytes themselves, which is what both protocols send.
//
// # AUTO_INCREMENT
//
// A counter gives no number back: not after a rollback, and a key above it
// moves it for ever. So a plan's trial takes numbers that move nothing: unused
// ones below the counter, negative ones where the column allows them, and only
// if there are none the counter's own, which leaves a gap that the plan
// announces. Planting reads the counter and inserts with the very numbers that
// it would give; the trial before the real insert reserves them, and the real
// insert uses the same ones, so that no gap remains.
//
// # Tables without transactions
//
// MyISAM, Aria and MEMORY tables are refused unless the user names them. Then
// rows are tried in a temporary table of the same form, and written only when
// the transaction over all other tables is about to be committed; what was
// written is deleted again if that fails. Where MySQL's enforce_gtid_consistency
// forbids such writes within a transaction, a second connection does them.
//
// A trigger of a table with transactions can write to one without. MySQL, and
// MariaDB of some releases, do not even name triggers to a role without the right to
// them: unless the server refuses such writes, a table whose triggers are not
// shown is refused like one whose trigger is known to do so, unless the user
// names it.
package mydb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder"
)

// DB is a connection to one database. It is used by one goroutine at a time.
type DB struct {
	pool    *sql.DB
	conn    *sql.Conn
	name    string // of the database
	address string // see Address
	maria   bool
	version [2]int
	patch   int
	level   string // the isolation level to use
	harsh   bool   // a lock that is not given in time ends the transaction
	apart   bool   // tables without transactions can't be written within one (enforce_gtid_consistency, which a server without a binary log forgets)
	session string // the statement that sets up a session
	stages  int    // temporary tables made so far
}

var (
	_ seeder.Database = (*DB)(nil)
	_ seeder.Discreet = (*DB)(nil)
)

// The oldest servers that are understood.
var (
	oldestMaria = [2]int{10, 6}
	oldestMySQL = [2]int{5, 7}
)

// mode makes the server refuse values that do not fit, whatever its own mode
// is. Zero dates stay allowed, since a template may hold them; a key of 0 stays 0.
const mode = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO"

// Patience of statements outside of a transaction with limits of its own: a
// plan's reading must not stand in a business's way.
const (
	loginPatience     = 20 * time.Second // to connect and log in
	statementPatience = 60 * time.Second
	lockPatience      = 5 * time.Second
)

// Open connects. dsn is user:password@tcp(host:port)/database, as
// github.com/go-sql-driver/mysql documents it, or
// mysql://user:password@host:port/database (mariadb:// means the same). The
// connection must not lead through the proxy: Open refuses nothing, but the
// caller should name the server's own address.
func Open(ctx context.Context, dsn string) (*DB, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.New("the connection string for seeding is not understood: write it as mysql://role:password@host:port/database")
	}
	db := &DB{pool: sql.OpenDB(connector), name: cfg.DBName, address: cfg.Addr}
	if cfg.Net == "unix" {
		db.address = "unix:" + cfg.Addr
	}
	db.pool.SetMaxOpenConns(2) // see aside
	login, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	if db.conn, err = db.pool.Conn(login); err != nil {
		_ = db.pool.Close()
		if Silent(err) {
			return nil, fmt.Errorf("connect to %s: the server says nothing; Percona Server waits so for a PROXY header, which is not sent here: take this machine out of its proxy_protocol_networks, or name its unix socket or another address of it", cfg.Addr)
		}
		return nil, fmt.Errorf("connect to %s, database %s, as %s: %w; check address, the account's host and password, and TLS", cfg.Addr, cfg.DBName, cfg.User, cause(err))
	}
	if err := db.greet(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// greet checks the server and sets up the session.
func (db *DB) greet(ctx context.Context) error {
	var version string
	var readOnly bool
	if err := db.conn.QueryRowContext(ctx, "SELECT VERSION(), @@global.read_only").Scan(&version, &readOnly); err != nil {
		return fmt.Errorf("ask the server for its version: %w", violation(err))
	}
	db.maria = strings.Contains(strings.ToLower(version), "mariadb")
	oldest, product := oldestMySQL, "MySQL"
	if db.maria {
		oldest, product = oldestMaria, "MariaDB"
	}
	_, _ = fmt.Sscanf(version, "%d.%d.%d", &db.version[0], &db.version[1], &db.patch)
	switch {
	case before(db.version, oldest):
		return fmt.Errorf("the server is %s %s: seeding needs %d.%d or later", product, version, oldest[0], oldest[1])
	case readOnly:
		return errors.New("the server is read only (a replica): name the primary")
	}
	set := []string{"sql_mode = '" + mode + "'", "autocommit = 1", "foreign_key_checks = 1", "unique_checks = 1", "sql_safe_updates = 0"}
	if !db.maria && !before(db.version, [2]int{8, 0}) {
		set = append(set, "information_schema_stats_expiry = 0") // AUTO_INCREMENT as it is now
	}
	db.session = "SET SESSION " + strings.Join(set, ", SESSION ")
	if _, err := db.conn.ExecContext(ctx, db.session); err != nil {
		return fmt.Errorf("set up the session: %w", violation(err))
	}
	if !db.maria {
		if err := db.conn.QueryRowContext(ctx, "SELECT @@global.enforce_gtid_consistency = 'ON' AND @@global.log_bin").Scan(&db.apart); err != nil {
			return fmt.Errorf("ask for enforce_gtid_consistency: %w", violation(err))
		}
	}
	// Row locks without gap locks stand in nobody's way, but a binary log of
	// statements does not allow them.
	db.level = "READ COMMITTED"
	var format string
	if err := db.conn.QueryRowContext(ctx, "SELECT IF(@@log_bin, @@binlog_format, '')").Scan(&format); err == nil && format == "STATEMENT" {
		db.level = "REPEATABLE READ"
	}
	if err := db.conn.QueryRowContext(ctx, "SELECT @@global.innodb_rollback_on_timeout").Scan(&db.harsh); err != nil {
		db.harsh = true // not told: the worse is assumed
	}
	return db.patience(ctx, seeder.Limits{})
}

func before(a, b [2]int) bool { return a[0] < b[0] || a[0] == b[0] && a[1] < b[1] }

// patience bounds what the session may wait for.
func (db *DB) patience(ctx context.Context, l seeder.Limits) error {
	if l.StatementTimeout == 0 {
		l.StatementTimeout = statementPatience
	}
	if l.LockTimeout == 0 {
		l.LockTimeout = lockPatience
	}
	seconds := strconv.FormatInt(max(1, int64((l.LockTimeout+time.Second-1)/time.Second)), 10) // both count whole seconds
	set := "SET SESSION innodb_lock_wait_timeout = " + seconds + ", SESSION lock_wait_timeout = " + seconds
	if db.maria {
		set += fmt.Sprintf(", SESSION max_statement_time = %.3f", l.StatementTimeout.Seconds())
	} else {
		set += fmt.Sprintf(", SESSION max_execution_time = %d", max(1, l.StatementTimeout.Milliseconds()))
	}
	_, err := db.conn.ExecContext(ctx, set)
	return violation(err)
}

// aside returns a second connection with a session like the first one's. The
// caller closes its conn.
func (db *DB) aside(ctx context.Context) (*DB, error) {
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("a second connection, for tables without transactions: %w", cause(err))
	}
	side := *db
	side.conn = conn
	if _, err := conn.ExecContext(ctx, db.session); err != nil {
		_ = conn.Close()
		return nil, violation(err)
	}
	return &side, nil
}

// Address is where the connection leads: host:port, or unix:/path.
func (db *DB) Address() string {
	return db.address
}

// Close ends the connection.
func (db *DB) Close() {
	if db.conn != nil {
		_ = db.conn.Close()
	}
	_ = db.pool.Close()
}

// Lock implements seeder.Planter with GET_LOCK, which the server gives back by
// itself when the connection ends.
func (db *DB) Lock(ctx context.Context) (func(), error) {
	sum := sha256.Sum256([]byte(db.name)) // a lock's name has at most 64 characters
	key := "honeyrow.seed." + hex.EncodeToString(sum[:12])
	var ok sql.NullBool
	if err := db.conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", key).Scan(&ok); err != nil {
		return nil, fmt.Errorf("take the seeding lock: %w", violation(err))
	}
	if !ok.Bool {
		return nil, &seeder.Busy{Holder: db.holder(ctx, key)}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		var freed sql.NullBool
		_ = db.conn.QueryRowContext(ctx, "SELECT RELEASE_LOCK(?)", key).Scan(&freed)
	}, nil
}

// holder describes the session that holds a lock; empty if it has gone or nothing
// is to be known of it. Whose it is only roles with the right PROCESS learn, and
// who has the same account.
func (db *DB) holder(ctx context.Context, key string) string {
	var id sql.NullInt64
	if err := db.conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?)", key).Scan(&id); err != nil || !id.Valid {
		return ""
	}
	who := fmt.Sprintf("connection %d", id.Int64)
	var user, host, state string
	var seconds int64
	err := db.conn.QueryRowContext(ctx, "SELECT USER, HOST, COMMAND, TIME FROM information_schema.PROCESSLIST WHERE ID = ?", id.Int64).Scan(&user, &host, &state, &seconds)
	if err != nil {
		return who
	}
	return fmt.Sprintf("%s of %s from %s, %s for %d s", who, user, host, strings.ToLower(state), seconds)
}

// noSuchTable is what the server says of a table to who would be allowed to see it;
// to others it refuses, whether it is there or not.
const noSuchTable = 1146

// Absent implements seeder.Discreet.
func (db *DB) Absent(ctx context.Context, schema, table string) (bool, error) {
	_, err := db.query(ctx, "SELECT 1 FROM "+name(&seeder.Table{Schema: schema, Name: table})+" LIMIT 0")
	var no *mysql.MySQLError
	switch {
	case err == nil:
		return false, nil
	case errors.As(err, &no):
		return no.Number == noSuchTable, nil
	}
	return false, fmt.Errorf("look for table %s: %w", table, err)
}

// Abroad implements seeder.Neighbour.
func (db *DB) Abroad(ctx context.Context, table string) ([]*seeder.Table, error) {
	rows, err := db.query(ctx, `SELECT TABLE_SCHEMA, COLUMN_NAME, COLUMN_TYPE, PRIVILEGES, COLUMN_KEY FROM information_schema.COLUMNS
		WHERE TABLE_NAME = ? AND TABLE_SCHEMA <> DATABASE() ORDER BY TABLE_SCHEMA, ORDINAL_POSITION`, table)
	if err != nil {
		return nil, fmt.Errorf("look for table %s in other databases: %w", table, violation(err))
	}
	var out []*seeder.Table
	for _, v := range rows {
		if len(out) == 0 || out[len(out)-1].Schema != *v[0] {
			out = append(out, &seeder.Table{Schema: *v[0], Name: table, Uniques: []*seeder.Unique{{Primary: true}}})
		}
		t := out[len(out)-1]
		c := &seeder.Column{Name: *v[1], Type: *v[2], Scale: -1, CanSelect: v[3] != nil && strings.Contains(strings.ToLower(*v[3]), "select")}
		classify(t, c)
		if t.Columns = append(t.Columns, c); v[4] != nil && *v[4] == "PRI" {
			t.Uniques[0].Columns = append(t.Uniques[0].Columns, c.Name)
		}
	}
	return out, nil
}

// query runs a statement and reads all its rows as text.
func (db *DB) query(ctx context.Context, query string, args ...any) ([][]*string, error) {
	rows, err := db.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]*string
	into := make([]any, len(cols))
	for rows.Next() {
		row := make([]*string, len(cols))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}
