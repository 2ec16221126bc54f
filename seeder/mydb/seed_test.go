package mydb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/seeder/mydb"
	"honeyrow/seeder/seedertest"
	"honeyrow/token/sqlite"
)

var server *myserver.Server

func TestMain(m *testing.M) {
	seedertest.ServeIfDoomed(func(ctx context.Context, d seedertest.Doom) (*seeder.Seeder, error) {
		db, err := mydb.Open(ctx, d.DB)
		if err != nil {
			return nil, err
		}
		st, err := sqlite.Open(ctx, sqlite.Options{Path: d.Store})
		return &seeder.Seeder{Database: db, Store: st}, err
	})
	s, err := myserver.Start(context.Background(), myserver.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server = s
	code := m.Run()
	s.Stop()
	myserver.Cleanup()
	os.Exit(code)
}

var databases int

// database makes a database of its own with the given schema and returns its name.
func database(t *testing.T, ddl string) string {
	t.Helper()
	databases++
	name := fmt.Sprintf("d%d", databases)
	must(t, server.Exec(t.Context(), "", "CREATE DATABASE "+name))
	must(t, server.Exec(t.Context(), name, statements(ddl)))
	return name
}

// statements protects a trigger's body from the client, which ends statements
// at each semicolon.
func statements(ddl string) string {
	var b strings.Builder
	for _, line := range strings.SplitAfter(ddl, "\n") {
		if strings.HasPrefix(line, "CREATE TRIGGER") || strings.HasPrefix(line, "CREATE FUNCTION") {
			line = "DELIMITER //\n" + strings.TrimSuffix(strings.TrimSpace(line), ";") + "//\nDELIMITER ;\n"
		}
		b.WriteString(line)
	}
	return b.String()
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
	d, err := mydb.Open(t.Context(), server.DSN(user, "", db))
	must(t, err)
	t.Cleanup(d.Close)
	return &seeder.Seeder{Database: d, Store: st}
}

func query(t *testing.T, db, sql string) string {
	t.Helper()
	out, err := server.Query(t.Context(), db, sql)
	must(t, err)
	return strings.TrimSpace(out)
}

const customers = `
CREATE TABLE customers (
	id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
	first_name varchar(60) NOT NULL, last_name varchar(60) NOT NULL, email varchar(120) NOT NULL UNIQUE,
	phone varchar(40), street varchar(60), city varchar(60), postcode varchar(12), balance decimal(12,2) NOT NULL DEFAULT 0,
	status varchar(12) NOT NULL CHECK (status IN ('active', 'inactive')), created_at datetime NOT NULL DEFAULT current_timestamp()) ENGINE=InnoDB;
INSERT INTO customers (first_name, last_name, email, phone, street, city, postcode, balance, status, created_at)
SELECT f, l, concat(lower(f), '.', lower(l), i, '@corp.example'), concat('+1 212-', 200 + i % 700, '-', 1000 + i), concat(10 + i % 90, ' Main Street'), 'Springfield', concat('12', 100 + i % 50),
	round((i * 7919 % 100000) / 7, 2), IF(i % 4 = 0, 'inactive', 'active'), '2024-01-01' + INTERVAL i * 3 HOUR
FROM (SELECT seq i, elt(1 + seq % 6, 'Anna','Bert','Carla','Dora','Emil','Fritz') f, elt(1 + seq % 7, 'Miller','Smith','Jones','Kurz','Lang','Moser','Nagy') l FROM seq_1_to_1000) x;
`

func TestSeedingACustomersTablePlantsRowsThatAreRegistered(t *testing.T) {
	db := database(t, customers)
	st := store(t)
	s := open(t, "root", db, st)
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
