package mydb_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/seeder/seedertest"
)

// The suite's helpers, as this package's own tests call them.
var (
	must           = seedertest.Must
	options        = seedertest.Options
	wide           = seedertest.Wide
	plan           = seedertest.Plan
	nothingWatched = seedertest.NothingWatched
)

func TestTheSeedersPromisesAreKept(t *testing.T) {
	ddl, err := os.ReadFile("testdata/torture.sql")
	must(t, err)
	seedertest.Run(t, seedertest.Ground{
		Database: database,
		Store:    func(t *testing.T) seeder.Store { return store(t) },
		Open:     func(t *testing.T, db string, st seeder.Store) *seeder.Seeder { return open(t, "root", db, st) },
		Granted: func(t *testing.T, db string, grants []string, st seeder.Store) *seeder.Seeder {
			t.Helper()
			must(t, server.Exec(t.Context(), db, "DROP USER IF EXISTS honeyrow_seeder; "+strings.Join(seedertest.Statements(grants), ";\n")+"; ALTER USER honeyrow_seeder IDENTIFIED BY ''"))
			return open(t, "honeyrow_seeder", db, st)
		},
		DSN: func(db string) string { return server.DSN("root", "", db) },
		Exec: func(t *testing.T, db, sql string) {
			t.Helper()
			must(t, server.Exec(t.Context(), db, sql))
		},
		Query: query, Content: content, Counters: counters,
		Customers: customers, Torture: tortureFor(server.Release, string(ddl)), Inventing: inventingFor(server.Release), Shifting: shifting, Failing: failing, Stamping: stamping, Touching: touching, Letter: "CAST(%s AS BINARY)",
		Number: "bigint", Numbered: "bigint AUTO_INCREMENT",
	})
}

const (
	inventing = `CREATE TABLE people (id char(36) PRIMARY KEY DEFAULT (uuid()), email varchar(90) NOT NULL UNIQUE, api_key varchar(80) NOT NULL, pay decimal(8,1) NOT NULL);
INSERT INTO people (email, api_key, pay) SELECT concat('p', seq, '@corp.example'), concat('key_', left(sha2(seq, 256), 24)), 1000 + seq FROM seq_1_to_50;
CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW BEGIN SET NEW.email = upper(NEW.email), NEW.id = uuid(), NEW.api_key = concat(NEW.api_key, left(md5(rand()), 4)); END;
`
	shifting = `CREATE TABLE people (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(90) NOT NULL UNIQUE, api_key varchar(80) NOT NULL);
INSERT INTO people (email, api_key) SELECT concat('p', seq, '@corp.example'), concat('key_', left(sha2(seq, 256), 24)) FROM seq_1_to_50;
CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW BEGIN SET NEW.id = NEW.id + floor(rand() * 100000), NEW.api_key = concat(NEW.api_key, left(md5(rand()), 4)); END;
`
)

const (
	stamping = `CREATE TRIGGER stamp BEFORE INSERT ON customers FOR EACH ROW SET NEW.created_at = now()`
	touching = `CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW SET NEW.phone = NEW.phone`
)

// inventingFor gives what older MySQL takes as no default.
func inventingFor(r myserver.Release) string {
	if !r.OldMySQL() {
		return inventing
	}
	return strings.NewReplacer(" DEFAULT (uuid())", "", "(email, api_key, pay) SELECT ", "(id, email, api_key, pay) SELECT uuid(), ").Replace(inventing)
}

func failing(rows int) string {
	if server.Kind == myserver.MySQL { // no sequence counts beyond a rollback: the seeder's session does
		return statements(`CREATE TRIGGER stop BEFORE INSERT ON customers FOR EACH ROW BEGIN SET @calls = ifnull(@calls, 0) + 1; IF @calls > ` + fmt.Sprint(rows) + ` THEN SET @m = concat('no ', NEW.email); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @m; END IF; END;
`)
	}
	return statements(`CREATE SEQUENCE calls;
CREATE TRIGGER stop BEFORE INSERT ON customers FOR EACH ROW IF nextval(calls) > ` + fmt.Sprint(rows) + ` THEN SET @m = concat('no ', NEW.email); SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @m; END IF;
`)
}
