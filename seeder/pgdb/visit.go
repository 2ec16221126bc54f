package pgdb

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/seeder"
)

// visit is a session that comes in through a seeder.Door.
type visit struct{ conn *pgconn.PgConn }

// Enter opens a session as a client would have it, to the database of dsn.
func Enter(ctx context.Context, dsn string, d seeder.Door) (seeder.Visit, error) {
	cfg, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable(err)
	}
	if d.User != "" {
		cfg.User, cfg.Password = d.User, d.Password
	}
	cfg.Host, cfg.TLSConfig, cfg.Fallbacks, cfg.ValidateConnect, cfg.SSLNegotiation = "127.0.0.1", d.TLS, nil, nil, ""
	if host, _, err := net.SplitHostPort(d.Address); err == nil && host != "" {
		cfg.Host = host
	}
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, d.Network, d.Address)
	}
	cfg.RuntimeParams = map[string]string{"application_name": d.Application}
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("log in at %s as %s: %w", d.Address, cfg.User, cause(err))
	}
	return &visit{conn}, nil
}

// PID implements seeder.Visit.
func (v *visit) PID() uint32 { return v.conn.PID() }

// Select implements seeder.Visit.
func (v *visit) Select(t *seeder.Target) (string, error) {
	var conds []string
	for _, w := range t.Where {
		if w.Text == nil {
			conds = append(conds, quote(w.Column)+" IS NULL")
			continue
		}
		conds = append(conds, quote(w.Column)+" = "+literal(*w.Text))
	}
	if len(conds) == 0 || len(t.Columns) == 0 {
		return "", fmt.Errorf("row %s has nothing by which it is found or known: plant anew", t.Row)
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s", list(t.Columns), name(t.Table), strings.Join(conds, " AND ")), nil
}

// literal writes a string constant (PostgreSQL manual, 4.1.2).
func literal(v string) string {
	v = strings.ReplaceAll(v, "'", "''")
	if strings.Contains(v, `\`) {
		return "E'" + strings.ReplaceAll(v, `\`, `\\`) + "'"
	}
	return "'" + v + "'"
}

// Ask implements seeder.Visit.
func (v *visit) Ask(ctx context.Context, sql string) (rows int, err error) {
	rs, err := v.conn.Exec(ctx, sql).ReadAll()
	for _, r := range rs {
		rows += len(r.Rows)
	}
	if err != nil {
		err = cause(err)
	}
	return rows, err
}

// Close implements seeder.Visit.
func (v *visit) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = v.conn.Close(ctx)
}
