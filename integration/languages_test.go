package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
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

// What ordinary programs do in other languages, with what pools and IDEs
// ask for, comes out the same and is suspected of nothing.
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
		})
	}
}
