package myserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Kind is whose server it is.
type Kind string

// The kinds.
const (
	MariaDB Kind = "MariaDB"
	MySQL   Kind = "MySQL"
)

// Release is which server of a kind it is.
type Release struct {
	Kind Kind
	// Version is as in version comments: 50742 is 5.7.42, 101106 is 10.11.6.
	Version int
	// Percona says that it is Percona Server, whose Kind is MySQL.
	Percona bool
}

// OldMySQL says that it is a MySQL of before 8: without common table
// expressions, window functions, roles, expressions as defaults and much else.
func (r Release) OldMySQL() bool { return r.Kind == MySQL && r.Version < 80000 }

// MySQLFrom says that it is MySQL of that version or a later one.
func (r Release) MySQLFrom(version int) bool { return r.Kind == MySQL && r.Version >= version }

// String is the server's name and version, such as "MySQL 5.7.42".
func (r Release) String() string {
	name := string(r.Kind)
	if r.Percona {
		name = "Percona Server"
	}
	return fmt.Sprintf("%s %d.%d.%d", name, r.Version/10000, r.Version/100%100, r.Version%100)
}

// Found are the programs of a server.
type Found struct {
	Server, Client string // paths: mariadbd and mariadb, or mysqld and mysql
	Release
}

// Find returns the paths of the server and of the command line client, and whose
// they are: from $HONEYROW_MY_BIN, the PATH, or the distribution's folders. In
// each, MariaDB comes before MySQL.
func Find() (Found, error) {
	if f := (Found{Server: lookup("mariadbd"), Client: lookup("mariadb")}); f.Server != "" && f.Client != "" && lookup("mariadb-install-db") != "" {
		var err error
		f.Release, err = releaseOf(f.Server)
		return f, err
	}
	if f := (Found{Server: lookup("mysqld"), Client: lookup("mysql")}); f.Server != "" && f.Client != "" {
		var err error
		if f.Release, err = releaseOf(f.Server); err == nil && f.Kind == MySQL {
			return f, nil
		}
	}
	return Found{}, errors.New("no MariaDB or MySQL server found: install one (Debian: apt-get install mariadb-server) or set HONEYROW_MY_BIN to the folder that holds mariadbd, mariadb and mariadb-install-db, or mysqld and mysql (scripts/other-servers.sh makes one)")
}

// told is what a server says of its version: "Ver 10.11.14-MariaDB", "Ver 5.7.20-18-18".
var told = regexp.MustCompile(`\bVer (\d+)\.(\d+)\.(\d+)`)

// releaseOf asks the program at path for its version.
func releaseOf(path string) (Release, error) {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return Release{}, fmt.Errorf("%s --version: %w", path, err)
	}
	r, ok := parseRelease(string(out))
	if !ok {
		return r, fmt.Errorf("%s --version says %q: not the server of MariaDB or MySQL", path, out)
	}
	return r, nil
}

func parseRelease(out string) (r Release, ok bool) {
	m := told.FindStringSubmatch(out)
	if m == nil {
		return r, false
	}
	r.Kind = MySQL
	if strings.Contains(out, "MariaDB") {
		r.Kind = MariaDB
	}
	r.Percona = strings.Contains(out, "Percona")
	for _, part := range m[1:] {
		n, _ := strconv.Atoi(part)
		r.Version = r.Version*100 + n
	}
	return r, true
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
func (r Release) Program(name string) string {
	rest, ok := strings.CutPrefix(name, "mariadb")
	if r.Kind != MySQL || !ok {
		return name
	}
	return "mysql" + strings.TrimPrefix(rest, "-")
}

// settings are what only this release understands.
func (r Release) settings() []string {
	if r.Kind == MariaDB {
		return []string{"innodb_log_file_size = 32M", "log_warnings = 0"}
	}
	lines := []string{"log_error_verbosity = 1"}
	for _, of := range []struct {
		from int
		line string
	}{
		{80000, "mysqlx = OFF"},
		{80000, "cte_max_recursion_depth = 1000000"},
		{80024, "caching_sha2_password_digest_rounds = 5000"},
		{80027, "authentication_policy = '*,,'"},
		{80030, "innodb_redo_log_capacity = 64M"},
	} {
		if r.Version >= of.from {
			lines = append(lines, of.line)
		}
	}
	if r.Version < 80030 {
		lines = append(lines, "innodb_log_file_size = 32M")
	}
	if r.OldMySQL() {
		lines = append(lines, "server_id = 1") // wanted for a binary log
	}
	if r.Percona { // alone, not in a cluster
		lines = append(lines, "wsrep_provider = none")
	}
	return lines
}

// What MariaDB has of itself and MySQL does not: tables seq_1_to_N, and MD5 (gone since 9).
var (
	sequences = regexp.MustCompile(`(^|[^.\w])(seq_(\d+)_to_(\d+))\b`)
	digests   = regexp.MustCompile(`(?i)\bmd5\(`)
	replacing = regexp.MustCompile(`(?i)\bcreate or replace table (\w+)`)
)

// Portable returns SQL that was written for MariaDB in words that this release
// knows: MariaDB's sequence tables without a schema, MD5 (another digest of as many
// digits) and CREATE OR REPLACE TABLE. It knows no more of SQL than that.
func (r Release) Portable(sql string) string {
	if r.Kind != MySQL {
		return sql
	}
	sql = sequences.ReplaceAllStringFunc(sql, func(s string) string {
		m := sequences.FindStringSubmatch(s)
		first, _ := strconv.Atoi(m[3])
		last, _ := strconv.Atoi(m[4])
		return m[1] + r.Sequence(first, last, 1) + " " + m[2]
	})
	sql = withoutMD5(sql)
	return replacing.ReplaceAllString(sql, "drop table if exists $1; create table $1")
}

// Sequence is a query in parentheses whose column seq has the numbers from first
// to last, step apart, in words of MySQL's.
func (r Release) Sequence(first, last, step int) string {
	if !r.OldMySQL() {
		return fmt.Sprintf("(with recursive s (seq) as (select %d union all select seq + %d from s where seq + %d <= %d) select seq from s)", first, step, step, last)
	}
	digit := "(select 0 n union all select 1 union all select 2 union all select 3 union all select 4 union all select 5 union all select 6 union all select 7 union all select 8 union all select 9)"
	from, sum, power := "", "", 1
	for i := 0; i == 0 || power <= (last-first)/step; i++ {
		if i > 0 {
			from, sum = from+" join ", sum+" + "
		}
		from += fmt.Sprintf("%s d%d", digit, i)
		sum += fmt.Sprintf("d%d.n * %d", i, power)
		power *= 10
	}
	return fmt.Sprintf("(select %d + (%s) * %d seq from %s where %d + (%s) * %d <= %d order by 1)", first, sum, step, from, first, sum, step, last)
}

// BinaryLog are the statements that tell which binary log is written to, and that
// begin it anew.
func (r Release) BinaryLog() (status, reset string) {
	if r.MySQLFrom(80400) {
		return "show binary log status", "reset binary logs and gtids"
	}
	return "show master status", "reset master"
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
func (f Found) installer(dir, first string) (program string, args []string) {
	if f.Kind == MySQL {
		redo := "--innodb-redo-log-capacity=64M"
		if f.Version < 80030 {
			redo = "--innodb-log-file-size=32M"
		}
		return f.Server, []string{"--no-defaults", "--initialize-insecure", "--datadir=" + dir, redo, "--innodb-flush-method=nosync", "--skip-log-bin", "--init-file=" + first}
	}
	return lookup("mariadb-install-db"), []string{
		"--no-defaults", "--datadir=" + dir,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=32M",
	}
}
