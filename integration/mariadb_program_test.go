package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/integration/judges"
	"honeyrow/integration/mystand"
	"honeyrow/rules"
)

// maria is the MariaDB that the tests of this folder share.
var maria struct {
	once sync.Once
	err  error
	*mystand.MariaDB
}

const mariaSQL = `create user app@'%' identified by 'secret'; grant all on *.* to app@'%';
create database app; create database other; use app;
create table customers (id int primary key auto_increment, name varchar(60), email varchar(80), born date, at datetime(6), n decimal(12,3), f double,
  big bigint unsigned, raw varbinary(40), doc json, kind enum('a','b'), flags set('x','y','z'), bits bit(9), key (email)) default charset utf8mb4;
insert into customers select seq, concat('Zoë ', seq), concat('c', seq, '@shop.example'), '1990-01-01' + interval seq day, '2026-01-01' + interval seq second, seq / 3, seq / 7,
  18446744073709551615 - seq, unhex(md5(seq)), json_object('n', seq, 'q', '"'), if(seq % 2, 'a', 'b'), 'x,z', seq % 512 from seq_1_to_3000;
create table child (id int primary key, customer int, foreign key (customer) references customers (id));
insert into child select seq, seq from seq_1_to_500;
create view v as select id, email from customers where kind = 'a';
delimiter //
create trigger t before insert on child for each row set new.customer = ifnull(new.customer, 1)//
create procedure p(in k int, out e varchar(80)) begin select id, name from customers where id < k; select email into e from customers where id = k; end//
create function f(k int) returns int deterministic return k + 1//
create event ev on schedule every 1 year do do 1//
delimiter ;
create table big (id int primary key, body longtext); insert into big values (1, repeat('a', 17000000)), (2, repeat('b', 70000));
analyze table customers, child, big;
`

func mariadb(t *testing.T) *mystand.MariaDB {
	t.Helper()
	maria.once.Do(func() {
		maria.MariaDB, maria.err = mystand.Start(context.WithoutCancel(t.Context()), mystand.MariaDBOptions{
			Settings: []string{"log_bin = log", "server_id = 1", "log_bin_trust_function_creators = ON", "binlog_format = ROW", "innodb_stats_auto_recalc = OFF"},
			SQL:      mariaSQL, Replication: []string{"app"}, Front: mystand.Options{Tokens: mariaHoney(), Filler: 5_000},
		})
	})
	if maria.err != nil {
		t.Fatal(maria.err)
	}
	return maria.MariaDB
}

// closeMariaDB ends it and returns what the proxy could not follow.
func closeMariaDB() string {
	if maria.MariaDB == nil {
		return ""
	}
	broken := maria.Broken()
	_ = maria.Close()
	return broken
}

// mariaEnds are the ways to MariaDB: the server itself first.
func mariaEnds(m *mystand.MariaDB) []End {
	var out []End
	for _, e := range []struct{ name, addr, mode string }{{"direct", m.Direct(), "disable"}, {"proxy", m.Plain, "disable"}, {"proxy with TLS", m.Secure, "require"}, {"proxy in protect mode", m.Protected, "disable"}} {
		host, port := mystand.SplitAddr(e.addr)
		out = append(out, End{e.name, host, port, e.mode})
	}
	return out
}

// forced is what clients are suspected of that force a value into an error
// message, the usual way to fail in the middle of a result.
var forced = judges.Expected{
	Rule: rules.Injection, Detectors: append([]string{"error-extraction"}, mistakes.Detectors...),
	Statements: []string{"extractvalue(1, concat('~', 'oops'))", "extractvalue(1, concat('~', 'x'))"},
}

// mariaArgs are the arguments with which MariaDB's programs come to an end.
func mariaArgs(at End) []string {
	args := []string{"--host=" + at.Host, "--port=" + at.Port, "--protocol=tcp", "--user=app", "--password=secret"}
	if at.SSLMode == "require" {
		return append(args, "--ssl")
	}
	return append(args, "--skip-ssl")
}

// mariaProgram runs one of MariaDB's programs and returns what it printed.
func mariaProgram(t *testing.T, at End, dir, input, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, append(append([]string{"--no-defaults"}, mariaArgs(at)...), args...)...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "MYSQL_HISTFILE=/dev/null")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	text := out.String() + "\n-- errors --\n" + errs.String()
	if err != nil {
		text += "\n-- ended with " + err.Error()
	}
	text = unported(strings.ReplaceAll(text, dir, "DIR"), at.Port)
	text = strings.ReplaceAll(text, "Protocol:\t\tCompressed\n", "") // the proxy takes that out of the handshake
	return mariaChanging.ReplaceAllString(text, "$1...")
}

// mariaChanging differs from one run to the next: times, numbers of connections, counters, TLS.
var mariaChanging = regexp.MustCompile(`(?m)(rows? (?:in set|affected)(?:, \d+ warnings?)?|Empty set|Query OK|^-- Dump completed on |^Connection id:\s+|^SSL:\s+|^Uptime:\s+|^Threads: |Questions: ).*`)

// wantOnMariaDB checks that there were no alarms since the last check but those.
func wantOnMariaDB(t *testing.T, m *mystand.MariaDB, known ...string) {
	t.Helper()
	ds, err := m.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	onlyRules(t, m.Judges, ds, known...)
}

func sameOnMariaDB(t *testing.T, play func(End) string) {
	t.Helper()
	m := mariadb(t)
	all := mariaEnds(m)
	direct := play(all[0])
	for _, at := range all[1:] {
		wantSame(t, at.Name, play(at), direct)
	}
	wantOnMariaDB(t, m, rules.Replication)
}

func TestMariaDBsClientSeesTheSame(t *testing.T) {
	script, err := os.ReadFile("testdata/features.mariadb.sql")
	if err != nil {
		t.Fatal(err)
	}
	provokes(t, mariadb(t).Judges, forced)
	for _, mode := range [][]string{{"--table", "-vvv"}, {"--batch", "--quick"}, {"--xml"}, {"--html", "--column-type-info"}, {"--compress", "--vertical"}} {
		t.Run(strings.Join(mode, " "), func(t *testing.T) {
			sameOnMariaDB(t, func(at End) string {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "rows.txt"), []byte("1\tone\n2\ttwo\n3\t\\N\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				out := mariaProgram(t, at, dir, string(script), "mariadb", append(mode, "--force", "--local-infile=1", "--show-warnings", "--database=app")...)
				if !strings.Contains(out, "the end") {
					t.Fatalf("%s: %.2000s", at.Name, out)
				}
				return out
			})
		})
	}
}

func TestMariaDBsDumpIsTheSameAndRestores(t *testing.T) {
	sum := func(at End, db string) string {
		out := mariaProgram(t, at, t.TempDir(), "checksum table customers, child, big; select count(*) from v; call p(2, @e); select @e, f(1);", "mariadb", "--batch", "--database="+db)
		return strings.ReplaceAll(out, db+".", "DB.")
	}
	want := ""
	sameOnMariaDB(t, func(at End) string {
		dir := t.TempDir()
		dump := mariaProgram(t, at, dir, "", "mariadb-dump", "--routines", "--events", "--triggers", "--single-transaction", "--hex-blob", "--max-allowed-packet=64M", "app")
		if strings.Contains(dump, "ended with") {
			t.Fatalf("%s: %s", at.Name, dump[strings.Index(dump, "-- errors --"):])
		}
		if want == "" {
			want = sum(at, "app")
		}
		mariaProgram(t, at, dir, "create or replace database restored", "mariadb")
		text, _, _ := strings.Cut(dump, "\n-- errors --")
		if out := mariaProgram(t, at, dir, text, "mariadb", "--database=restored", "--max-allowed-packet=64M"); strings.Contains(out, "ERROR") {
			t.Fatalf("%s: restore: %.500s", at.Name, out)
		}
		wantSame(t, at.Name+": the restored data", sum(at, "restored"), want)
		xml := mariaProgram(t, at, dir, "", "mariadb-dump", "--xml", "--skip-opt", "--quick", "--lock-tables", "app", "customers")
		return dump + xml
	})
}

func TestMariaDBsToolsSeeTheSame(t *testing.T) {
	for _, tc := range [][]string{
		{"mariadb-admin", "ping"},
		{"mariadb-admin", "variables"},
		{"mariadb-admin", "create", "made"},
		{"mariadb-admin", "flush-logs", "refresh", "flush-hosts", "flush-status"},
		{"mariadb-admin", "status"},
		{"mariadb-admin", "nosuch"},
		{"mariadb-show", "--count", "app", "child"},
		{"mariadb-show", "--keys", "app", "customers"},
		{"mariadb-check", "--extended", "app"},
		{"mariadb-check", "--analyze", "app"},
		{"mariadb-check", "--optimize", "app", "child"},
	} {
		t.Run(strings.Join(tc, " "), func(t *testing.T) {
			sameOnMariaDB(t, func(at End) string {
				out := mariaProgram(t, at, t.TempDir(), "", tc[0], tc[1:]...)
				if tc[1] == "create" {
					out += mariaProgram(t, at, t.TempDir(), "", tc[0], "--force", "drop", "made")
				}
				return regexp.MustCompile(`(?m)^\| (timestamp|port|report_port|pseudo_thread_id|in_transaction|last_gtid|gtid_\w+|proxy\w*|rand_seed\d|error_count|warning_count|last_insert_id|log_bin_\w+)\b.*\n`).ReplaceAllString(out, "")
			})
		})
	}
}

func TestMariaDBsImportSeesTheSame(t *testing.T) {
	sameOnMariaDB(t, func(at End) string {
		dir := t.TempDir()
		var rows strings.Builder
		for i := range 50_000 {
			fmt.Fprintf(&rows, "%d\tname %d\t\\N\n", i, i)
		}
		if err := os.WriteFile(filepath.Join(dir, "loaded.txt"), []byte(rows.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		out := mariaProgram(t, at, dir, "create or replace table loaded (id int, name varchar(40), x int)", "mariadb", "--database=app")
		out += mariaProgram(t, at, dir, "", "mariadb-import", "--local", "--verbose", "app", filepath.Join(dir, "loaded.txt"))
		out += mariaProgram(t, at, dir, "", "mariadb-import", "--local", "--use-threads=2", "--ignore", "app", filepath.Join(dir, "loaded.txt"))
		out += mariaProgram(t, at, dir, "", "mariadb-import", "--local", "app", filepath.Join(dir, "nosuch.txt"))
		return out + mariaProgram(t, at, dir, "checksum table loaded; select count(*), sum(id) from loaded", "mariadb", "--database=app")
	})
}

func TestMariaDBsBinaryLogStreamsTheSame(t *testing.T) {
	m := mariadb(t)
	out, err := m.Server.Query(t.Context(), "app", "flush logs; create table streamed (a int); insert into streamed select seq from seq_1_to_2000; flush logs; show binary logs")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	file, _, _ := strings.Cut(lines[len(lines)-2], "\t")
	sameOnMariaDB(t, func(at End) string {
		out := mariaProgram(t, at, t.TempDir(), "", "mariadb-binlog", "--read-from-remote-server", "--base64-output=decode-rows", "-vv", file)
		if n := strings.Count(out, "### INSERT INTO `app`.`streamed`"); n != 2000 {
			t.Errorf("%s: %d of 2000 inserts: %.1000s", at.Name, n, out)
		}
		return out
	})
}

func TestSysbenchRunsOnMariaDB(t *testing.T) {
	need(t, "install sysbench", exec.Command("../scripts/need.sh", "sysbench"))
	m := mariadb(t)
	for _, at := range mariaEnds(m)[1:2] { // for TLS it wants a client's certificate
		for _, mode := range []string{"auto", "disable"} {
			run := func(what string) string {
				args := []string{
					"oltp_read_write", "--db-driver=mysql", "--mysql-host=" + at.Host, "--mysql-port=" + at.Port, "--mysql-user=app", "--mysql-password=secret", "--mysql-db=other",
					"--tables=2", "--table-size=1000", "--threads=4", "--time=0", "--events=200", "--db-ps-mode=" + mode,
				}
				out, err := exec.CommandContext(t.Context(), "sysbench", append(args, what)...).CombinedOutput()
				if err != nil {
					t.Fatalf("%s, %s: sysbench %s: %v\n%s", at.Name, mode, what, err, out)
				}
				return string(out)
			}
			run("prepare")
			out := run("run")
			run("cleanup")
			if !regexp.MustCompile(`transactions:\s+200 `).MatchString(out) || !regexp.MustCompile(`reconnects:\s+0 `).MatchString(out) {
				t.Errorf("%s, %s: %s", at.Name, mode, out)
			}
		}
	}
	wantOnMariaDB(t, m)
}

func TestInterruptedMariaDBClientKillsItsQuery(t *testing.T) {
	for _, at := range mariaEnds(mariadb(t)) {
		cmd := exec.CommandContext(t.Context(), "mariadb", append(append([]string{"--no-defaults"}, mariaArgs(at)...), "-e", "select sleep(600) /* interrupted */")...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &errs, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		mariaWait(t, "the query runs", "select count(*) from information_schema.processlist where state = 'User sleep'", "1")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		mariaWait(t, "the query is over", "select count(*) from information_schema.processlist where state = 'User sleep'", "0")
		if !strings.Contains(errs.String(), "Query execution was interrupted") {
			t.Errorf("%s: it ended with %s", at.Name, errs.String())
		}
	}
}

// mariaWait asks the server until it gives the answer.
func mariaWait(t *testing.T, what, sql, answer string) {
	t.Helper()
	wait(t, what, func() string {
		got, err := mariadb(t).Server.Query(t.Context(), "", sql)
		if err != nil {
			return err.Error()
		}
		if got = strings.TrimSpace(got); got != answer {
			return fmt.Sprintf("%s, want %s", got, answer)
		}
		return ""
	})
}

func TestPythonClientsOfMariaDBSeeTheSame(t *testing.T) {
	provokes(t, mariadb(t).Judges, forced)
	const python = "/usr/bin/python3" // the distribution's, whose packages these are
	if exec.Command(python, "-c", "import pymysql, MySQLdb").Run() != nil {
		need(t, "install python3-pymysql and python3-mysqldb", exec.Command("../scripts/need.sh", "python3-pymysql", "python3-mysqldb"))
	}
	for _, driver := range []string{"pymysql", "MySQLdb"} {
		t.Run(driver, func(t *testing.T) {
			sameOnMariaDB(t, func(at End) string {
				return script(t, at, "clients", python, "mysql.py", driver, at.Host, at.Port, at.SSLMode)
			})
		})
	}
}

func TestNodeClientsOfMariaDBSeeTheSame(t *testing.T) {
	provokes(t, mariadb(t).Judges, forced)
	dir := t.TempDir()
	b, err := os.ReadFile("clients/mysql.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "mysql.js"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	need(t, "install node and npm", exec.Command("../scripts/need.sh", "node", "npm"))
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", "mysql2@3.24.6", "mariadb@3.5.4")
	install.Dir = dir
	need(t, "npm install", install)
	for _, driver := range []string{"mysql2", "mariadb"} {
		t.Run(driver, func(t *testing.T) {
			sameOnMariaDB(t, func(at End) string {
				return script(t, at, dir, "node", "mysql.js", driver, at.Host, at.Port, at.SSLMode)
			})
		})
	}
}
