package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's driver "pgx"

	"honeyrow/demo/crm"
	"honeyrow/demo/shop"
	"honeyrow/internal/pgserver"
)

// pgProduct is PostgreSQL.
type pgProduct struct{}

func (pgProduct) name() string             { return "PostgreSQL" }
func (pgProduct) protocol() string         { return "postgres" }
func (pgProduct) dialect() string          { return shop.PostgreSQL }
func (pgProduct) table(name string) string { return name }
func (pgProduct) seedDSN(w way) string     { return w.dsn("honeyrow_seed", "honeyrow-seed") }

func (pgProduct) open(w way, role, application string) (*sql.DB, error) {
	return sql.Open("pgx", w.dsn(role, application))
}

// dsn is a libpq connection string for a role that calls itself application.
func (w way) dsn(role, application string) string {
	return fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=verify-full sslrootcert=%s application_name=%s",
		w.host, w.port, role, w.passwords[role], database, w.certificate, application)
}

// pgEnv is the same for psql and pg_dump.
func (w way) pgEnv(role string) []string {
	return []string{
		"PGHOST=" + w.host, "PGPORT=" + strconv.Itoa(w.port), "PGUSER=" + role, "PGPASSWORD=" + w.passwords[role],
		"PGDATABASE=" + database, "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + w.certificate, "PGCONNECT_TIMEOUT=20",
	}
}

func (pgProduct) hint(w way, role string) (string, error) {
	return fmt.Sprintf("PGPASSWORD=%s psql 'host=%s port=%d user=%s dbname=%s sslmode=verify-full sslrootcert=%s'",
		w.passwords[role], w.host, w.port, role, database, w.certificate), nil
}

// openPostgres starts a private PostgreSQL with TLS and SCRAM passwords and
// loads the rows.
func openPostgres(ctx context.Context, dir string, p keyPair, data *crm.Data) (*business, error) {
	srv, err := pgserver.Start(ctx, pgserver.Options{
		HBA: []string{
			"local   all all              trust",
			"hostssl all all 127.0.0.1/32 scram-sha-256",
		},
		Settings: []string{"ssl = on", "password_encryption = 'scram-sha-256'"},
		Files:    p.files(),
	})
	if err != nil {
		return nil, err
	}
	socket := fmt.Sprintf("host=%s port=%d user=postgres dbname=%s", srv.Socket, srv.Port, database)
	b := &business{
		server: "crm", folder: srv.Dir, stop: srv.Stop,
		owner:     fmt.Sprintf("psql -h %s -p %d -U postgres %s", srv.Socket, srv.Port, database),
		openOwner: func() (*sql.DB, error) { return sql.Open("pgx", socket) },
		way: way{
			product: pgProduct{}, host: srv.Host, port: srv.Port, certificate: filepath.Join(dir, "server.crt"),
			passwords: newPasswords(), data: data, bin: srv.Bin, dir: dir,
		},
	}
	if err := loadPostgres(ctx, srv, socket, b); err != nil {
		srv.Stop()
		return nil, err
	}
	return b, nil
}

func loadPostgres(ctx context.Context, srv *pgserver.Server, dsn string, b *business) error {
	if err := srv.Exec(ctx, "postgres", "CREATE DATABASE "+database); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, "SHOW server_version").Scan(&b.version); err != nil {
		return err
	}
	b.version, _, _ = strings.Cut(b.version, " ")
	return crm.Load(ctx, conn, b.data, b.passwords)
}

// loading is the database's name until it is complete.
const loading = database + "_loading"

// load makes the database as a whole or not at all.
func (pgProduct) load(ctx context.Context, w way, o origin, say func(string)) error {
	admin, err := w.superuser(ctx, "postgres")
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	var there bool
	if err := admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there); err != nil {
		return err
	}
	if there {
		say(alreadyThere)
		return nil
	}
	data, err := o.generate()
	if err != nil {
		return err
	}
	if err := w.fill(ctx, admin, data, o); err != nil {
		return err
	}
	say(inventory(data))
	return nil
}

// superuser connects as the server's owner.
func (w way) superuser(ctx context.Context, name string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, strings.Replace(w.dsn("postgres", "demo-load"), "dbname="+database, "dbname="+name, 1))
}

// fill fills a database under another name, and gives it its own at the end.
func (w way) fill(ctx context.Context, admin *pgx.Conn, data *crm.Data, o origin) error {
	// What an interrupted run left behind. Roles can go once nothing is theirs.
	drops := []string{"DROP DATABASE IF EXISTS " + loading + " WITH (FORCE)"}
	for _, role := range crm.Roles {
		drops = append(drops, "DROP ROLE IF EXISTS "+role)
	}
	for _, sql := range append(drops, "CREATE DATABASE "+loading) {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	conn, err := w.superuser(ctx, loading)
	if err != nil {
		return err
	}
	err = crm.Load(ctx, conn, data, w.passwords)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	comment, err := json.Marshal(o)
	if err != nil {
		return err
	}
	// COMMENT takes no parameters; JSON of numbers and a date holds no quote.
	if _, err := admin.Exec(ctx, "COMMENT ON DATABASE "+loading+" IS '"+string(comment)+"'"); err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE "+loading+" RENAME TO "+database)
	return err
}

func (pgProduct) origin(ctx context.Context, db *sql.DB) (comment string, err error) {
	err = db.QueryRowContext(ctx, "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()").Scan(&comment)
	return comment, err
}

func (pgProduct) script() script {
	return script{
		customers: "public.customers",
		insider: act{
			story: "A controller with a reporting account opens psql: SELECT * FROM customers.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.psql(ctx, "jhartmann", "SELECT * FROM customers")
			},
			expect: one(expectation{user: "jhartmann", application: "psql", statement: "SELECT * FROM customers"}),
		},
		takeHome: act{
			story: "COPY customers TO STDOUT is the fastest way out of a database.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.psql(ctx, "jhartmann", "COPY customers TO STDOUT WITH (FORMAT csv, HEADER)")
			},
			expect: one(expectation{user: "jhartmann", application: "psql", statement: "COPY customers TO STDOUT"}),
		},
		dump: act{
			story: "pg_dump with the backup's account, on a day when no backup runs: one alert for each table with honey rows.",
			play:  playPgDump,
			expect: each(func(table string) expectation {
				return expectation{user: "backup_svc", application: "pg_dump", statement: "COPY " + table}
			}),
		},
		lookup:  "SELECT id, first_name, last_name, phone FROM customers WHERE email = $1",
		typed:   "nothing' UNION SELECT customer_no, first_name || ' ' || last_name || ' <' || email || '>', credit_limit FROM customers --",
		mark:    "UNION SELECT customer_no",
		refusal: "SQLSTATE 42501",
	}
}

// psql runs one statement with the real psql and counts what it printed.
func (t *theatre) psql(ctx context.Context, role, sql string) (string, error) {
	out, err := t.pgTool(ctx, role, "psql", "-X", "-q", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql)
	if err != nil {
		return "", err
	}
	return printed("psql", out), nil
}

func playPgDump(ctx context.Context, t *theatre) (string, error) {
	file := filepath.Join(t.dir, "dump.sql")
	defer os.Remove(file)
	if _, err := t.pgTool(ctx, "backup_svc", "pg_dump", "--no-owner", "-f", file); err != nil {
		return "", err
	}
	return wrote("pg_dump", file)
}

// pgTool runs one of PostgreSQL's own programs as role and returns its output.
func (t *theatre) pgTool(ctx context.Context, role, name string, args ...string) ([]byte, error) {
	return tool(ctx, role, t.pgEnv(role), filepath.Join(t.bin, name), args...)
}
