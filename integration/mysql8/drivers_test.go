package mysql8

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-sql-driver/mysql"

	"honeyrow/integration/mystand"
	"honeyrow/token"
)

// session is what a driver needs to log in.
type session struct {
	addr, user, password string
	tls                  bool
	ca                   string // file of the authority that signed everybody's certificate
	database             string
}

// driver is somebody's client library.
type driver struct {
	name string
	// run logs in, reads 1, reads the customers, reads 1 again, and returns
	// what it got, line by line: rows as "value value", errors as "error: code".
	run     func(t *testing.T, s session) string
	program bool   // a process of its own
	claims  string // its _client_name
}

// What a driver's session is without and with a refusal.
const (
	whole   = "1\n1 c1@shop.example\n7 " + honeyMail + "\n1\n"
	refused = "1\nerror: 1142\n1\n"
)

const selectCustomers = "select id, email from customers"

func tokens() []token.Token {
	return []token.Token{mystand.Token("crm", "customers", "email", "7", "email", honeyMail)}
}

var tools struct {
	once   sync.Once
	node   string   // the folder with mysql2
	remove []string // folders, at the end
}

// drivers are all that can be had, installed if they are not there.
func drivers(t *testing.T) []driver {
	t.Helper()
	tools.once.Do(func() { install(t) })
	script := func(name, claims, program string, args ...string) driver {
		return driver{
			name: name, claims: claims, program: true,
			run: func(t *testing.T, s session) string { return runScript(t, program, args, s) },
		}
	}
	return []driver{
		{name: "go-sql-driver", claims: "Go-MySQL-Driver", run: runGoSQLDriver},
		{name: "go-sql-driver, prepared", claims: "Go-MySQL-Driver", run: runPrepared},
		{name: "go-mysql", claims: "go-mysql", run: runGoMySQL},
		script("PyMySQL", "pymysql", python, "clients/python.py", "pymysql"),
		script("mysqlclient", "libmariadb", python, "clients/python.py", "MySQLdb"),
		script("mysql2", "Node-MySQL-2", "node", filepath.Join(tools.node, "mysql2.js")),
		script("PHP mysqlnd", "mysqlnd", "php", "clients/mysqli.php"),
	}
}

const python = "/usr/bin/python3" // the distribution's, whose packages these are

// install gets what the scripts need.
func install(t *testing.T) {
	if out, err := exec.Command("../../scripts/need.sh", "node", "npm", "python3-pymysql", "python3-cryptography", "python3-mysqldb", "php-mysql").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if tools.node, err = os.MkdirTemp("", "honeyrow-node-"); err != nil {
		t.Fatal(err)
	}
	tools.remove = append(tools.remove, tools.node)
	for _, name := range []string{"package.json", "mysql2.js"} {
		b, err := os.ReadFile(filepath.Join("clients", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tools.node, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	npm := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
	npm.Dir = tools.node
	if out, err := npm.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, dir := range tools.remove {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func runScript(t *testing.T, program string, args []string, s session) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	host, port, _ := net.SplitHostPort(s.addr)
	ca := ""
	if s.tls {
		ca = s.ca
	}
	cmd := exec.CommandContext(ctx, program, append(args, host, port, s.user, s.password, ca, s.database)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", program, err, errs.String(), out.String())
	}
	return out.String()
}

func tlsFor(t *testing.T, s session) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func openGo(t *testing.T, s session, prepared bool) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr, c.DBName, c.InterpolateParams = s.user, s.password, "tcp", s.addr, s.database, !prepared
	c.ConnectionAttributes = "program_name:suite"
	if s.tls {
		c.TLS = tlsFor(t, s)
	}
	con, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(con)
	db.SetMaxOpenConns(1)
	return db
}

func runGoSQLDriver(t *testing.T, s session) string { return runGo(t, s, false) }
func runPrepared(t *testing.T, s session) string    { return runGo(t, s, true) }

func runGo(t *testing.T, s session, prepared bool) string {
	t.Helper()
	db := openGo(t, s, prepared)
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		return "login failed: " + errText(err)
	}
	out := ""
	for _, q := range []string{"select 1", selectCustomers, "select 1"} {
		var args []any
		if prepared && q == selectCustomers {
			q, args = q+" where id > ?", []any{0}
		}
		out += goRows(t, db, q, args)
	}
	return out
}

func goRows(t *testing.T, db *sql.DB, q string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), q, args...)
	if err != nil {
		return "error: " + errText(err) + "\n"
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]string, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join(values, " ")+"\n")
	}
	if err := rows.Err(); err != nil {
		return "error: " + errText(err) + "\n" // rows before it are not compared: drivers differ
	}
	return strings.Join(lines, "")
}

// errText is the number of a server's error, with its message after the
// login's; any other error's text.
func errText(err error) string {
	var d *mysql.MySQLError
	if errors.As(err, &d) {
		if d.Number == gomysql.ER_TABLEACCESS_DENIED_ERROR {
			return fmt.Sprint(d.Number)
		}
		return fmt.Sprint(d.Number, " ", d.Message)
	}
	var m *gomysql.MyError
	if errors.As(err, &m) {
		if m.Code == gomysql.ER_TABLEACCESS_DENIED_ERROR {
			return fmt.Sprint(m.Code)
		}
		return fmt.Sprint(m.Code, " ", m.Message)
	}
	return err.Error()
}

func runGoMySQL(t *testing.T, s session) string {
	t.Helper()
	c, err := client.ConnectWithContext(t.Context(), s.addr, s.user, s.password, s.database, time.Minute, func(c *client.Conn) error {
		if s.tls {
			c.SetTLSConfig(tlsFor(t, s))
		}
		c.SetAttributes(map[string]string{"program_name": "suite", "colour": "green"})
		return nil
	})
	if err != nil {
		return "login failed: " + errText(err)
	}
	defer c.Close()
	out := ""
	for _, q := range []string{"select 1", selectCustomers, "select 1"} {
		r, err := c.Execute(q)
		if err != nil {
			out += "error: " + errText(err) + "\n"
			continue
		}
		out += goMySQLRows(r)
	}
	return out
}

func goMySQLRows(r *gomysql.Result) string {
	var b strings.Builder
	for i := range r.RowNumber() {
		for k := range r.ColumnNumber() {
			v, _ := r.GetString(i, k)
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(v)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
