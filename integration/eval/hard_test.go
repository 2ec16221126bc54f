package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
)

// meaningless errors: the statement was never understood by the server, which
// not even an error-based extraction may be.
var (
	pgMeaningless = map[string]bool{"42601": true, "42703": true, "42P01": true, "42883": true, "42P10": true, "42804": true, "0A000": true}
	myMeaningless = map[uint16]bool{1064: true, 1054: true, 1146: true, 1305: true, 1582: true, 1222: true, 1241: true}
)

// hardFiles are the hard sets of a dialect.
func hardFiles(t *testing.T, dialect string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("hard", "*-"+dialect+"-*.txt"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("hard sets of %s: %d files, %v", dialect, len(paths), err)
	}
	return paths
}

func schema(t *testing.T, dialect string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("hard", "schema-"+dialect+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every statement of the hard sets does what it says on a real server: only an
// extraction by error may fail, and only after the server understood it.
func TestHardSetsRunOnPostgreSQL(t *testing.T) {
	s, err := pgserver.Start(t.Context(), pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	raw := conn.PgConn()
	must := func(q string) {
		if _, err := raw.Exec(t.Context(), q).ReadAll(); err != nil {
			t.Fatalf("%.80s: %v", q, err)
		}
	}
	for _, path := range hardFiles(t, "pg") {
		must("ROLLBACK; DEALLOCATE ALL")
		must(schema(t, "pg"))
		es, err := readHard(path, s.Dir+"/")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			must("DEALLOCATE ALL; BEGIN")
			if e.parameters {
				_, err = raw.Prepare(t.Context(), "", e.SQL, nil)
			} else {
				_, err = raw.Exec(t.Context(), e.SQL).ReadAll()
			}
			must("ROLLBACK")
			must("DISCARD ALL")
			var pe *pgconn.PgError
			if err == nil || e.Technique == "error" && errors.As(err, &pe) && !pgMeaningless[pe.Code] {
				continue
			}
			t.Errorf("%s [%s] %s\n\t%v", filepath.Base(path), e.Technique, e.SQL, err)
		}
	}
}

func TestHardSetsRunOnMariaDB(t *testing.T) {
	s, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer myserver.Cleanup()
	defer s.Stop()
	load := func() *sql.DB {
		if err := s.Exec(t.Context(), "", schema(t, "my")); err != nil {
			t.Fatal(err)
		}
		c, err := mysql.ParseDSN(s.DSN("root", "", "app"))
		if err != nil {
			t.Fatal(err)
		}
		c.MultiStatements, c.Timeout = true, 10*time.Second
		db, err := sql.Open("mysql", c.FormatDSN())
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxIdleConns(-1) // a session of its own for each statement
		return db
	}
	for _, path := range hardFiles(t, "my") {
		db := load()
		es, err := readHard(path, s.Dir+"/")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			err := runOnce(t.Context(), db, &e)
			var me *mysql.MySQLError
			if err == nil || e.Technique == "error" && errors.As(err, &me) && !myMeaningless[me.Number] {
				continue
			}
			t.Errorf("%s [%s] %s\n\t%v", filepath.Base(path), e.Technique, e.SQL, err)
		}
		db.Close()
	}
}

// runOnce runs a statement and takes it back, as far as the server can.
func runOnce(ctx context.Context, db *sql.DB, e *entry) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if e.parameters {
		p, err := conn.PrepareContext(ctx, e.SQL)
		if err != nil {
			return err
		}
		return p.Close()
	}
	if _, err := conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, e.SQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		for rows.Next() {
		}
		if !rows.NextResultSet() {
			break
		}
	}
	return rows.Err()
}

// Ordinary statements and evasions that only differ in spaces would count twice.
func TestHardSetsHoldNoStatementTwice(t *testing.T) {
	cs, err := loadHard("hard")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, c := range cs {
		for _, e := range c.entries {
			key := e.Dialect + strings.Join(strings.Fields(e.SQL), " ")
			if at := seen[key]; at != "" {
				t.Errorf("%s and %s: %s", at, c.name, e.SQL)
			}
			seen[key] = c.name
		}
	}
}
