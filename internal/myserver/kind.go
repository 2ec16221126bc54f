package myserver

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind is whose server it is.
type Kind string

// The kinds.
const (
	MariaDB Kind = "MariaDB"
	MySQL   Kind = "MySQL"
)

// Find returns the paths of the server and of the command line client, and whose
// they are: from $HONEYROW_MY_BIN, the PATH, or the distribution's folders. In
// each, MariaDB comes before MySQL.
func Find() (server, client string, kind Kind, err error) {
	if server, client = lookup("mariadbd"), lookup("mariadb"); server != "" && client != "" && lookup("mariadb-install-db") != "" {
		return server, client, MariaDB, nil
	}
	if server, client = lookup("mysqld"), lookup("mysql"); server != "" && client != "" {
		if out, err := exec.Command(server, "--version").Output(); err == nil && !strings.Contains(string(out), "MariaDB") {
			return server, client, MySQL, nil
		}
	}
	return "", "", "", errors.New("no MariaDB or MySQL server found: install one (Debian: apt-get install mariadb-server) or set HONEYROW_MY_BIN to the folder that holds mariadbd, mariadb and mariadb-install-db, or mysqld and mysql (scripts/other-servers.sh makes one)")
}

// lookup finds a program: in $HONEYROW_MY_BIN alone if that is set.
func lookup(name string) string {
	var dirs []string
	if d := os.Getenv("HONEYROW_MY_BIN"); d != "" {
		dirs = []string{d}
	} else {
		dirs = append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/bin", "/usr/local/sbin")
	}
	for _, d := range dirs {
		p := filepath.Join(d, name)
		if st, err := os.Stat(p); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}

// Program returns what MySQL calls a program that MariaDB calls name:
// mariadb-dump is mysqldump, mariadb is mysql. With MariaDB it is name.
func (k Kind) Program(name string) string {
	rest, ok := strings.CutPrefix(name, "mariadb")
	if k != MySQL || !ok {
		return name
	}
	return "mysql" + strings.TrimPrefix(rest, "-")
}

// settings are what only this kind understands, for a server whose folder is dir.
func (k Kind) settings(dir string) []string {
	if k == MySQL {
		return []string{
			"innodb_redo_log_capacity = 64M", "log_error_verbosity = 1", "mysqlx = OFF", "cte_max_recursion_depth = 1000000", "authentication_policy = '*,,'",
			"caching_sha2_password_digest_rounds = 5000",
		}
	}
	return []string{"innodb_log_file_size = 32M", "log_warnings = 0"}
}

// What MariaDB has of itself and MySQL of 9 does not: tables seq_1_to_N, and MD5.
var (
	sequences = regexp.MustCompile(`(^|[^.\w])(seq_(\d+)_to_(\d+))\b`)
	digests   = regexp.MustCompile(`(?i)\bmd5\(`)
	replacing = regexp.MustCompile(`(?i)\bcreate or replace table (\w+)`)
)

// Portable returns SQL that was written for MariaDB in words that this kind
// knows: MariaDB's sequence tables without a schema, MD5 (another digest of as many
// digits) and CREATE OR REPLACE TABLE. It knows no more of SQL than that.
func (k Kind) Portable(sql string) string {
	if k != MySQL {
		return sql
	}
	sql = sequences.ReplaceAllString(sql, "$1(with recursive s (seq) as (select $3 union all select seq + 1 from s where seq < $4) select seq from s) $2")
	sql = withoutMD5(sql)
	return replacing.ReplaceAllString(sql, "drop table if exists $1; create table $1")
}

// withoutMD5 writes MD5(x) as the first 32 digits of another digest.
func withoutMD5(sql string) string {
	for {
		at := digests.FindStringIndex(sql)
		if at == nil {
			return sql
		}
		end, depth := at[1], 1
		for ; end < len(sql) && depth > 0; end++ {
			switch sql[end] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		if depth > 0 {
			return sql
		}
		sql = sql[:at[0]] + "left(sha2(" + sql[at[1]:end-1] + ", 256), 32)" + sql[end:]
	}
}

// firstSQL makes the account of MySQL that MariaDB makes of itself: root over
// TCP. One statement a line.
const firstSQL = "create user root@'127.0.0.1';\ngrant all on *.* to root@'127.0.0.1' with grant option;\ngrant proxy on ''@'' to root@'127.0.0.1' with grant option;\n"

// installer returns the program that makes the data folder dir, and its
// arguments. first is a file with firstSQL.
func (k Kind) installer(server, dir, first string) (program string, args []string) {
	if k == MySQL {
		return server, []string{"--no-defaults", "--initialize-insecure", "--datadir=" + dir, "--innodb-redo-log-capacity=64M", "--innodb-flush-method=nosync", "--skip-log-bin", "--init-file=" + first}
	}
	return lookup("mariadb-install-db"), []string{
		"--no-defaults", "--datadir=" + dir,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=32M",
	}
}
