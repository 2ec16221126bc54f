package mydb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder"
)

// visit is a session that comes in through a seeder.Door.
type visit struct {
	pool *sql.DB
	conn *sql.Conn
	pid  uint32
}

// Enter opens a session as a client would have it, to the database of dsn.
func Enter(ctx context.Context, dsn string, d seeder.Door) (seeder.Visit, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if d.User != "" {
		cfg.User, cfg.Passwd = d.User, d.Password
	}
	cfg.Net, cfg.Addr, cfg.TLS, cfg.TLSConfig = d.Network, d.Address, d.TLS, ""
	cfg.ConnectionAttributes = "program_name:" + d.Application
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.New("the connection string for seeding is not understood: write it as mysql://role:password@host:port/database")
	}
	v := &visit{pool: sql.OpenDB(connector)}
	if v.conn, err = v.pool.Conn(ctx); err != nil {
		_ = v.pool.Close()
		return nil, fmt.Errorf("log in at %s as %s: %w", d.Address, cfg.User, cause(err))
	}
	if err := v.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&v.pid); err != nil {
		v.Close()
		return nil, fmt.Errorf("ask for the session's number: %w", cause(err))
	}
	return v, nil
}

// PID implements seeder.Visit.
func (v *visit) PID() uint32 { return v.pid }

// Select implements seeder.Visit.
func (v *visit) Select(t *seeder.Target) (string, error) {
	cond, args := where(t.Table, t.Where)
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, quote(c))
	}
	if len(args) == 0 || len(cols) == 0 || strings.Count(cond, "?") != len(args) {
		return "", fmt.Errorf("row %s has nothing by which it is found or known, or a column with ? in its name: plant anew, or name another row", t.Row)
	}
	for _, a := range args {
		cond = strings.Replace(cond, "?", literalOf(fmt.Sprint(a)), 1)
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s", strings.Join(cols, ", "), name(t.Table), cond), nil
}

// literalOf writes a string constant that means the same in every sql_mode:
// what is not plain in hexadecimal digits. It never holds a question mark.
func literalOf(v string) string {
	plain := strings.Trim(v, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@._:+/ -") == ""
	if plain {
		return "'" + v + "'"
	}
	return "_utf8mb4 X'" + hex.EncodeToString([]byte(v)) + "'"
}

// Ask implements seeder.Visit.
func (v *visit) Ask(ctx context.Context, query string) (n int, err error) {
	rows, err := v.conn.QueryContext(ctx, query)
	if err != nil {
		return 0, cause(err)
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		return n, cause(err)
	}
	return n, nil
}

// Close implements seeder.Visit.
func (v *visit) Close() {
	done := make(chan struct{})
	go func() { // a server that does not answer must not hold the command up
		defer close(done)
		if v.conn != nil {
			_ = v.conn.Close()
		}
		_ = v.pool.Close()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}
