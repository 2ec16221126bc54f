package pgdb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/internal/pgserver"
	"honeyrow/seeder"
	"honeyrow/seeder/pgdb"
	"honeyrow/seeder/seedertest"
	"honeyrow/token/sqlite"
)

var server *pgserver.Server

func TestMain(m *testing.M) {
	seedertest.ServeIfDoomed(func(ctx context.Context, d seedertest.Doom) (*seeder.Seeder, error) {
		db, err := pgdb.Open(ctx, d.DB)
		if err != nil {
			return nil, err
		}
		st, err := sqlite.Open(ctx, sqlite.Options{Path: d.Store})
		return &seeder.Seeder{Database: db, Store: st}, err
	})
	s, err := pgserver.Start(context.Background(), pgserver.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server = s
	code := m.Run()
	s.Stop()
	os.Exit(code)
}

var databases int

// database makes a database of its own with the given schema and returns its name.
func database(t *testing.T, ddl string) string {
	t.Helper()
	databases++
	name := fmt.Sprintf("d%d", databases)
	must(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE "+name))
	must(t, server.Exec(t.Context(), name, ddl))
	return name
}

// store opens a fresh registry.
func store(t *testing.T) *sqlite.Store {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "honeyrow.db")})
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	return st
}

// open returns a seeder on a database, connected as user.
func open(t *testing.T, user, db string, st seeder.Store) *seeder.Seeder {
	t.Helper()
	d, err := pgdb.Open(t.Context(), server.DSN(user, db))
	must(t, err)
	t.Cleanup(d.Close)
	return &seeder.Seeder{Database: d, Store: st}
}

func TestAConnectionThatCanNotBeIsToldOnceAndWithoutTheString(t *testing.T) {
	for dsn, want := range map[string]string{
		"hunter2":                             "write it as postgres://",
		"postgres://seeder:hunter2/x@h/crm":   "write it as postgres://",
		"postgres://seeder:hun%ter2@h/crm":    "%25 for %",
		"postgres://s:hunter2@h/d?sslmode=no": "sslmode is invalid",
		"postgres://s:hunter2@h/d?sslmode=verify-full&sslrootcert=/nonexistent": "/nonexistent",
		"postgres://seeder:hunter2@127.0.0.1:1/crm":                             "connection refused",
	} {
		_, err := pgdb.Open(t.Context(), dsn)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hun") || strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), "refused") > 1 {
			t.Errorf("%s: %v, want %q once, on one line and without the password", dsn, err, want)
		}
	}
}

func query(t *testing.T, db, sql string) string {
	t.Helper()
	out, err := server.Query(t.Context(), db, sql)
	must(t, err)
	return strings.TrimSpace(out)
}

const customers = `
CREATE TABLE customers (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	first_name text NOT NULL, last_name text NOT NULL, email varchar(120) NOT NULL UNIQUE,
	phone text, street text, city text, postcode text, balance numeric(12,2) NOT NULL DEFAULT 0,
	status text NOT NULL CHECK (status IN ('active', 'inactive')), created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO customers (first_name, last_name, email, phone, street, city, postcode, balance, status, created_at)
SELECT f, l, lower(f) || '.' || lower(l) || i || '@corp.example', '+1 212-' || 200 + i % 700 || '-' || 1000 + i, 10 + i % 90 || ' Main Street', 'Springfield', '12' || 100 + i % 50,
	round((i * 7919 % 100000)::numeric / 7, 2), CASE WHEN i % 4 = 0 THEN 'inactive' ELSE 'active' END, '2024-01-01'::timestamptz + i * interval '3 hours'
FROM (SELECT i, (ARRAY['Anna','Bert','Carla','Dora','Emil','Fritz'])[1 + i % 6] f, (ARRAY['Miller','Smith','Jones','Kurz','Lang','Moser','Nagy'])[1 + i % 7] l FROM generate_series(1, 1000) i) x;
`

func TestSeedingACustomersTablePlantsRowsThatAreRegistered(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "postgres", db, st)
	p := plan(t, s, options())
	t.Log("\n" + p.Table())
	t.Log("\n" + p.SQL())
	got, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	must(t, err)
	t.Logf("%+v", got)
	if n := query(t, db, "SELECT count(*) FROM customers WHERE email LIKE '%@mail.shop-partners.test'"); n != fmt.Sprint(p.Rows()) {
		t.Fatalf("%s honey rows in the table, want %d", n, p.Rows())
	}
	snap, err := st.Snapshot(t.Context())
	must(t, err)
	if len(snap.Tokens) != got.Tokens {
		t.Fatalf("%d tokens registered, want %d", len(snap.Tokens), got.Tokens)
	}
	for _, tk := range snap.Tokens {
		t.Logf("%s %s %s %q %x %s", tk.State, tk.Kind, tk.Strength, tk.Value, tk.Binary, tk.Place.Key)
	}
}
