package incident

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
)

var alertTime = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

// The commands do on a server what they say, whatever the role is called.
func TestCommandsContainARoleOfPostgreSQL(t *testing.T) {
	ctx := t.Context()
	s, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	run := func(text string) string {
		t.Helper()
		out, err := s.Query(ctx, "postgres", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return strings.TrimSpace(out)
	}
	run("CREATE TABLE untouched (i int)")
	for _, name := range hostile {
		value := fmt.Sprintf("convert_from(decode('%s', 'hex'), 'UTF8')", hex.EncodeToString([]byte(name)))
		run(fmt.Sprintf(`SELECT format('CREATE ROLE %%I LOGIN', %[1]s), format('CREATE TABLE public.%%I (i int)', %[1]s), format('GRANT SELECT ON public.%%I TO %%I', %[1]s, %[1]s) \gexec`, value))
		cfg, err := pgx.ParseConfig(s.DSN("postgres", "postgres"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User = name
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		inc := incidentOf("postgres", name, conn.PgConn().PID())
		for i, c := range Containment(inc) {
			run(c.SQL)
			if i == 0 && conn.Ping(ctx) == nil {
				t.Errorf("%q: its session lives after %s", name, c.SQL)
			}
		}
		conn.Close(ctx)
		if got := run("SELECT rolcanlogin FROM pg_roles WHERE rolname = " + value); got != "f" {
			t.Errorf("%q can log in: %q", name, got)
		}
		if got := run(fmt.Sprintf("SELECT has_table_privilege(%[1]s, format('public.%%I', %[1]s), 'SELECT')", value)); got != "f" {
			t.Errorf("%q can read the table: %q", name, got)
		}
		if got := run("SET standard_conforming_strings = off; SELECT " + pgText(name) + " = " + value); got != "t" {
			t.Errorf("%q is another text without standard_conforming_strings", name)
		}
	}
	if got := run("SELECT count(*) FROM pg_tables WHERE tablename = 'untouched'"); got != "1" {
		t.Error("a name has broken out")
	}
}

func TestCommandsContainAUserOfMySQLAndMariaDB(t *testing.T) {
	ctx := t.Context()
	s, err := myserver.Start(ctx, myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	run := func(text string) string {
		t.Helper()
		out, err := s.Query(ctx, "mysql", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return strings.TrimSpace(out)
	}
	run("CREATE DATABASE crm; CREATE TABLE crm.untouched (i int)")
	for _, name := range hostile {
		if strings.ContainsFunc(name, func(r rune) bool { return r > 0xffff }) {
			continue // accounts' names are utf8mb3
		}
		for _, mode := range []string{"", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"} {
			account := func(before, after string) string {
				return fmt.Sprintf("SET @n = QUOTE(CONVERT(0x%X USING utf8mb4)); SET @s = CONCAT('%s', @n, '@''127.0.0.1''%s'); PREPARE p FROM @s; EXECUTE p;", name, before, after)
			}
			run(account("DROP USER IF EXISTS ", ""))
			run(account("CREATE USER ", ` IDENTIFIED BY ''pw''`))
			run(account("GRANT SELECT ON crm.* TO ", ""))
			db, err := sql.Open("mysql", s.DSN("root", "", "crm"))
			if err != nil {
				t.Fatal(err)
			}
			conn, err := db.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var id uint32
			if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
				t.Fatal(err)
			}
			for _, c := range Containment(incidentOf("mysql", name, id)) {
				run("SET SESSION sql_mode = '" + mode + "'; " + c.SQL)
			}
			if conn.PingContext(ctx) == nil {
				t.Errorf("%q: its session lives", name)
			}
			_ = conn.Close() // killed
			_ = db.Close()
			if got := run(account("SHOW CREATE USER ", "")); !strings.Contains(got, "ACCOUNT LOCK") {
				t.Errorf("%q is not locked: %s", name, got)
			}
			if got := run(account("SHOW GRANTS FOR ", "")); strings.Contains(got, "SELECT") {
				t.Errorf("%q keeps privileges: %s", name, got)
			}
		}
	}
	if got := run("SELECT count(*) FROM information_schema.tables WHERE table_name = 'untouched'"); got != "1" {
		t.Error("a name has broken out")
	}
}
