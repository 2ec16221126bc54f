package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// loose reports whether a set is of those whose honest statements were not asked to
// run: some leave a bracket open to what closes in the attacker's part.
func loose(path string) bool {
	name := filepath.Base(path)
	return strings.Contains(name, "-third") || strings.Contains(name, "-fourth")
}

// Every statement of the hard sets does what it says on a real server: only an
// extraction by error may fail, and only after the server understood it.
func TestHardSetsRunOnPostgreSQL(t *testing.T) {
	t.Parallel()
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
			did := ""
			if e.parameters {
				_, err = raw.Prepare(t.Context(), "", e.SQL, nil)
			} else {
				did, err = pgDid(t.Context(), raw, e.SQL, e.honest != "")
			}
			must("ROLLBACK")
			must("DISCARD ALL")
			var pe *pgconn.PgError
			if err != nil && !(e.Technique == "error" && errors.As(err, &pe) && !pgMeaningless[pe.Code]) {
				t.Errorf("%s [%s] %s\n\t%v", filepath.Base(path), e.Technique, e.SQL, err)
			}
			if e.honest == "" || e.Technique == "time" || e.unseen {
				continue
			}
			must("BEGIN")
			honest, refused := pgDid(t.Context(), raw, e.honest, true)
			must("ROLLBACK")
			if refused != nil && !loose(path) {
				t.Errorf("%s [%s] %s\n\twhat an honest user sends fails: %v", filepath.Base(path), e.Technique, e.honest, refused)
			}
			if did == honest && err == nil {
				t.Errorf("%s [%s] %s\n\tdoes what %s does: %s", filepath.Base(path), e.Technique, e.SQL, e.honest, did)
			}
		}
	}
}

func TestHardSetsRunOnMariaDB(t *testing.T) {
	t.Parallel()
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
		c.MultiStatements, c.Timeout = true, time.Minute
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
			did, err := runOnce(t.Context(), db, e.SQL, e.parameters)
			var me *mysql.MySQLError
			if err != nil && !(e.Technique == "error" && errors.As(err, &me) && !myMeaningless[me.Number]) {
				t.Errorf("%s [%s] %s\n\t%v", filepath.Base(path), e.Technique, e.SQL, err)
			}
			if e.honest == "" || e.Technique == "time" || e.unseen {
				continue
			}
			honest, refused := runOnce(t.Context(), db, e.honest, false)
			if refused != nil && !loose(path) {
				t.Errorf("%s [%s] %s\n\twhat an honest user sends fails: %v", filepath.Base(path), e.Technique, e.honest, refused)
			}
			if did == honest && err == nil {
				t.Errorf("%s [%s] %s\n\tdoes what %s does: %s", filepath.Base(path), e.Technique, e.SQL, e.honest, did)
			}
		}
		db.Close()
	}
}

// The rows of the tables that statements of the sets write to.
const (
	pgState = "SELECT (SELECT string_agg(concat_ws(',', id, name, email, password, role, active), ';' ORDER BY id) FROM users), (SELECT string_agg(concat_ws(',', id, status, qty, total), ';' ORDER BY id) FROM orders), " +
		"(SELECT count(*) FROM sessions), (SELECT string_agg(concat_ws(',', level, message, ip), ';' ORDER BY id) FROM logs), (SELECT string_agg(concat_ws(',', article_id, author, body), ';' ORDER BY id) FROM comments), (SELECT string_agg(concat_ws(',', name, value), ';' ORDER BY name) FROM settings)"
	myState = "SELECT (SELECT group_concat(concat_ws(',', id, name, email, password, role, active)) FROM users), (SELECT group_concat(concat_ws(',', id, status, qty, total)) FROM orders), " +
		"(SELECT count(*) FROM sessions), (SELECT group_concat(concat_ws(',', level, message, ip)) FROM logs), (SELECT group_concat(concat_ws(',', article_id, author, body)) FROM comments), (SELECT group_concat(concat_ws(',', name, value)) FROM settings)"
)

// pgDid runs a text and returns what it answered and, if asked, what it left behind.
func pgDid(ctx context.Context, conn *pgconn.PgConn, q string, left bool) (string, error) {
	rs, err := conn.Exec(ctx, q).ReadAll()
	if err == nil && left {
		var more []*pgconn.Result
		if more, err = conn.Exec(ctx, pgState).ReadAll(); err != nil {
			return "", err
		}
		rs = append(rs, more...)
	}
	var b strings.Builder
	for _, r := range rs {
		fmt.Fprintf(&b, "%s %q\n", r.CommandTag, r.Rows)
	}
	return b.String(), err
}

// runOnce runs a text, returns what it answered and what it left behind, and
// takes it back as far as the server can.
func runOnce(ctx context.Context, db *sql.DB, q string, parameters bool) (string, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if parameters {
		p, err := conn.PrepareContext(ctx, q)
		if err != nil {
			return "", err
		}
		return "", p.Close()
	}
	if _, err := conn.ExecContext(ctx, "START TRANSACTION"); err != nil {
		return "", err
	}
	did, err := myRows(ctx, conn, q)
	if err != nil {
		return did, err
	}
	left, err := myRows(ctx, conn, myState)
	return did + left, err
}

func myRows(ctx context.Context, conn *sql.Conn, q string) (string, error) {
	rows, err := conn.QueryContext(ctx, q)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var b strings.Builder
	for {
		columns, err := rows.Columns()
		if err != nil {
			return "", err
		}
		cells, at := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range cells {
			at[i] = &cells[i]
		}
		for rows.Next() {
			if err := rows.Scan(at...); err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%q\n", cells)
		}
		b.WriteString("\n")
		if !rows.NextResultSet() {
			return b.String(), rows.Err()
		}
	}
}

// A part of each split set is kept back from tuning, and the statements' own
// hashes say which: moving one over would show here.
func TestAHeldSetHoldsThePartThatItsHashesSay(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("hard", "*-held.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("held sets: %v, %v", paths, err)
	}
	for _, path := range paths {
		for _, p := range [...]string{path, strings.TrimSuffix(path, "-held.txt") + ".txt"} {
			es, err := readHard(p, webRoot)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range es {
				if held(strings.TrimSuffix(filepath.Base(p), ".txt"), e.fixed) != (p == path) {
					t.Errorf("%s: belongs into the other file: %s", p, e.fixed)
				}
			}
		}
	}
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
