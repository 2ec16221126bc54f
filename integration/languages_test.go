package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/integration/mystand"
	"honeyrow/rules"
	"honeyrow/token"
)

// language is a client of another language: a program of clients that is told
// which protocol to speak and where, and prints what it got.
type language struct {
	name string
	// needs are names of scripts/need.sh.
	needs []string
	// big ones come to be in `make drivers` and `make integration` only: they bring
	// more than a test should install, or take longer than one should.
	big bool
	// build makes what is run, in dir; nil: nothing.
	build func(t *testing.T, dir string)
	// run is the command for a protocol, before the address and the TLS mode.
	run func(dir, protocol string) []string
	// reads says how often the program reads the honey row, with HONEY in its
	// environment, before PostgreSQL and before MariaDB.
	reads [2]int
}

var languages = []language{
	{
		name: "PHP: PDO, pgsql, mysqli", needs: []string{"php-mysql", "php-pgsql"},
		run: func(_, protocol string) []string { return []string{"php", "clients/pdo.php", protocol} },
	},
	{
		name: "ODBC", needs: []string{"odbc-postgresql", "odbc-mariadb", "python3-pyodbc"}, big: true,
		run: func(_, protocol string) []string { return []string{"/usr/bin/python3", "clients/odbc.py", protocol} },
	},
	{
		name: "Perl: DBD::Pg, DBD::mysql, DBD::MariaDB", needs: []string{"libdbd-pg-perl", "libdbd-mysql-perl", "libdbd-mariadb-perl"}, big: true,
		run:   func(_, protocol string) []string { return []string{"perl", "clients/dbi.pl", protocol} },
		reads: [2]int{3, 5},
	},
	{
		name: "Ruby: pg, mysql2, Sequel, ActiveRecord", needs: []string{"ruby-pg", "ruby-mysql2", "ruby-sequel", "ruby-activerecord"}, big: true,
		run:   func(_, protocol string) []string { return []string{"ruby", "-W0", "clients/ruby.rb", protocol} },
		reads: [2]int{1, 1},
	},
	{
		name: "Python: SQLAlchemy, Django, peewee", big: true,
		needs: []string{"python3-sqlalchemy", "python3-django", "python3-peewee", "python3-psycopg2", "python3-pymysql", "python3-mysqldb"},
		run:   func(_, protocol string) []string { return []string{"/usr/bin/python3", "clients/orm.py", protocol} },
		reads: [2]int{2, 3},
	},
	{
		name: "Node: Knex, Sequelize, TypeORM, pg-promise, mariadb", needs: []string{"node", "npm"}, big: true,
		build: func(t *testing.T, dir string) { npmInstall(t, dir, "clients/orms", "orms.js") },
		run:   func(dir, protocol string) []string { return []string{"node", filepath.Join(dir, "orms.js"), protocol} },
		reads: [2]int{1, 1},
	},
	{
		name: "Node: Drizzle, Objection, Kysely, MikroORM, Prisma", needs: []string{"node", "npm"}, big: true,
		build: func(t *testing.T, dir string) {
			npmInstall(t, dir, "clients/modern", "modern.js")
			schema, err := os.ReadFile("clients/modern/schema.prisma")
			if err != nil {
				t.Fatal(err)
			}
			for _, provider := range []string{"postgresql", "mysql"} {
				file := provider + ".prisma"
				if err := os.WriteFile(filepath.Join(dir, file), bytes.ReplaceAll(schema, []byte("PROVIDER"), []byte(provider)), 0o600); err != nil {
					t.Fatal(err)
				}
				generate := exec.Command("npx", "prisma", "generate", "--schema", file)
				// It would download the program that migrates, which nothing here runs.
				generate.Dir, generate.Env = dir, append(os.Environ(), "PRISMA_SCHEMA_ENGINE_BINARY=/bin/true", "CHECKPOINT_DISABLE=1")
				need(t, "prisma generate", generate)
			}
		},
		run: func(dir, protocol string) []string {
			return []string{"node", filepath.Join(dir, "modern.js"), protocol}
		},
		reads: [2]int{1, 1},
	},
	{
		name: "R: RPostgreSQL, RMySQL", needs: []string{"r-cran-rpostgresql", "r-cran-rmysql"}, big: true,
		run:   func(_, protocol string) []string { return []string{"Rscript", "clients/dbi.R", protocol} },
		reads: [2]int{1, 1},
	},
	{
		name: "C++: libpqxx, MariaDB's connector", needs: []string{"g++", "pkg-config", "libpqxx-dev", "libmariadb-dev"}, big: true,
		build: func(t *testing.T, dir string) {
			need(t, "compile", exec.Command("sh", "-c", `g++ -std=c++17 -o "$0" clients/cxx.cpp $(pkg-config --cflags --libs libpqxx libmariadb)`, filepath.Join(dir, "cxx")))
		},
		run:   func(dir, protocol string) []string { return []string{filepath.Join(dir, "cxx"), protocol} },
		reads: [2]int{1, 1},
	},
	{
		name: "JDBC", needs: []string{"javac", "libpostgresql-jdbc-java", "libmariadb-java"}, big: true,
		build: func(t *testing.T, dir string) {
			need(t, "compile", exec.Command("javac", "-d", dir, "-cp", jdbc, "clients/Jdbc.java"))
		},
		run: func(dir, protocol string) []string {
			return []string{"java", "-cp", jdbc + ":" + dir, "Jdbc", protocol}
		},
	},
}

const jdbc = "/usr/share/java/postgresql.jar:/usr/share/java/mariadb-java-client.jar"

// npmInstall brings a program of folder, and the packages that its package.json names,
// into dir.
func npmInstall(t *testing.T, dir, folder, program string) {
	t.Helper()
	for _, name := range []string{"package.json", program} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
	install.Dir = dir
	need(t, "npm install", install)
}

// What ordinary programs do in other languages, with what pools, IDEs, ORMs and
// migrations ask for, comes out the same and is suspected of nothing; the honey row
// is reported each time that one reads it, and nothing else with it.
func TestOtherLanguagesSeeTheSame(t *testing.T) {
	for _, l := range languages {
		if l.big && os.Getenv("DRIVERS") != "all" {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			need(t, "install what it needs", exec.Command("../scripts/need.sh", l.needs...))
			dir := t.TempDir()
			if l.build != nil {
				l.build(t, dir)
			}
			play := func(protocol string) func(End) string {
				return func(at End) string {
					t.Setenv("CA", stand.CAFile)
					if protocol == "mariadb" {
						t.Setenv("CA", filepath.Join(mariadb(t).Dir(), "ca.crt"))
					}
					cmd := append(l.run(dir, protocol), at.Host, at.Port, at.SSLMode)
					return script(t, at, ".", cmd[0], cmd[1:]...)
				}
			}
			t.Run("postgresql", func(t *testing.T) { same(t, play("postgresql")) })
			t.Run("mariadb", func(t *testing.T) { sameOnMariaDB(t, play("mariadb")) })
			if l.reads == [2]int{} {
				return
			}
			t.Run("honey in postgresql", func(t *testing.T) {
				t.Setenv("HONEY", "1")
				wantReads(t, ends(), l.reads[0], play("postgresql"), stand.Detections)
			})
			t.Run("honey in mariadb", func(t *testing.T) {
				t.Setenv("HONEY", "1")
				m := mariadb(t)
				for _, sql := range honeyInMariaDB() {
					if err := m.Server.Exec(t.Context(), "app", sql); err != nil {
						t.Fatal(err)
					}
				}
				defer func() {
					if err := m.Server.Exec(context.Background(), "app", "drop table "+Honey); err != nil {
						t.Error(err)
					}
				}()
				wantReads(t, mariaEnds(m)[1:], l.reads[1], play("mariadb"), m.Take)
			})
		})
	}
}

// wantReads plays and wants so many detections at each end, each of the honey row.
func wantReads(t *testing.T, at []End, want int, play func(End) string, take func(context.Context) ([]event.Detection, error)) {
	t.Helper()
	for _, e := range at {
		play(e)
		ds, err := take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(ds) != want || slices.ContainsFunc(ds, func(d event.Detection) bool { return d.Rule != rules.RowRead }) {
			t.Errorf("%s: %d detections, want %d, each of %s:\n%s", e.Name, len(ds), want, rules.RowRead, judges.Lines(ds))
		}
	}
}

// honeyInMariaDB makes the table of Honey there, with the row of mariaHoney.
func honeyInMariaDB() []string {
	v := honeyValues(0)
	return []string{
		"create table " + Honey + " (id int primary key, name varchar(90), email varchar(90), phone varchar(40), api_key varchar(60))",
		fmt.Sprintf("insert into %s values (1, 'Customer 1', 'c1@shop.example', '+1 1', 'k1'), (%s, '%s', '%s', '%s', '%s')", Honey, v[0], v[1], v[2], v[3], v[4]),
	}
}

// mariaHoney are the tokens of honeyInMariaDB, live before the table is there.
func mariaHoney() []token.Token {
	v := honeyValues(0)
	return []token.Token{
		mystand.Token("app", Honey, "email", v[0], "email", v[2]), mystand.Token("app", Honey, "api_key", v[0], "api_key", v[4]),
	}
}
