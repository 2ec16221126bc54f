package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"

	"honeyrow/demo/crm"
	"honeyrow/demo/shop"
	"honeyrow/internal/myserver"
)

// myProduct is MySQL or MariaDB.
type myProduct struct{ brand string }

func (p myProduct) name() string           { return p.brand }
func (myProduct) protocol() string         { return "mysql" }
func (myProduct) dialect() string          { return shop.MySQL }
func (myProduct) table(name string) string { return crm.MySQLName(name) }

func (p myProduct) open(w way, role, application string) (*sql.DB, error) {
	cfg, err := p.config(w, role, application)
	if err != nil {
		return nil, err
	}
	return openMySQL(cfg)
}

func openMySQL(cfg *mysql.Config) (*sql.DB, error) {
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// config makes the driver check the certificate and its name: only over TLS
// does it send a password to caching_sha2_password without asking for a key.
func (myProduct) config(w way, role, application string) (*mysql.Config, error) {
	pem, err := os.ReadFile(w.certificate)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", w.certificate)
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = role, w.passwords[role], "tcp", w.address(), database
	cfg.TLS = &tls.Config{RootCAs: roots, ServerName: w.host, MinVersion: tls.VersionTLS12}
	cfg.ConnectionAttributes = "program_name:" + application
	cfg.Logger = &mysql.NopLogger{} // errors are returned, and told once
	return cfg, nil
}

func (myProduct) seedDSN(w way) string {
	u := url.URL{Scheme: "mysql", User: url.UserPassword("honeyrow_seed", w.passwords["honeyrow_seed"]), Host: w.address(), Path: "/" + database}
	u.RawQuery = url.Values{"ssl-mode": {"VERIFY_IDENTITY"}, "ssl-ca": {w.certificate}}.Encode()
	return u.String()
}

// readSeedDSN is the way of such a connection string, and its role.
func readSeedDSN(dsn string) (w way, role string, err error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return w, "", fmt.Errorf("the connection string is not a URL as `demo prepare` writes it")
	}
	role = u.User.Username()
	password, _ := u.User.Password()
	w = way{product: products["mysql"], certificate: u.Query().Get("ssl-ca"), passwords: map[string]string{role: password}}
	return w, role, w.lead(u.Host)
}

// openMariaDB starts a private MariaDB, or what HONEYROW_MY_BIN has, with TLS and
// loads the rows.
func openMariaDB(ctx context.Context, dir string, p keyPair, data *crm.Data) (*business, error) {
	srv, err := myserver.Start(ctx, myserver.Options{
		Settings: []string{"ssl_cert = server.crt", "ssl_key = server.key"},
		Files:    p.files(),
	})
	if err != nil {
		return nil, err
	}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.InterpolateParams, cfg.Logger = "root", "unix", srv.Socket, true, &mysql.NopLogger{}
	b := &business{
		server: "crm-" + strings.ToLower(string(srv.Kind)), folder: srv.Dir, stop: srv.Stop,
		owner: fmt.Sprintf("%s --no-defaults --socket=%s --user=root %s", srv.Program("mariadb"), srv.Socket, database),
		openOwner: func() (*sql.DB, error) {
			c := cfg.Clone()
			c.DBName = database
			return openMySQL(c)
		},
		way: way{
			product: products[strings.ToLower(string(srv.Kind))], host: srv.Host, port: srv.Port, certificate: filepath.Join(dir, "server.crt"),
			passwords: newPasswords(), data: data, dir: dir,
		},
	}
	if err := loadMariaDB(ctx, cfg, b); err != nil {
		srv.Stop()
		return nil, err
	}
	return b, nil
}

func loadMariaDB(ctx context.Context, cfg *mysql.Config, b *business) error {
	db, err := openMySQL(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, "SELECT version()").Scan(&b.version); err != nil {
		return err
	}
	b.version, _, _ = strings.Cut(b.version, "-")
	return crm.LoadMySQL(ctx, db, b.data, b.passwords)
}

// load makes the database. What says which rows it holds is written last, into
// a database of its own: without it the rows are made again.
func (p myProduct) load(ctx context.Context, w way, o origin, say func(string)) error {
	cfg, err := p.config(w, "root", "demo-load")
	if err != nil {
		return err
	}
	cfg.DBName, cfg.InterpolateParams = "", true
	db, err := openMySQL(cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range []string{"CREATE DATABASE IF NOT EXISTS demo", "CREATE TABLE IF NOT EXISTS demo.origin (text varchar(200) NOT NULL)"} {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM demo.origin").Scan(&n); err != nil {
		return err
	}
	if n > 0 {
		say(alreadyThere)
		return nil
	}
	data, err := o.generate()
	if err != nil {
		return err
	}
	if err := crm.LoadMySQL(ctx, db, data, w.passwords); err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "GRANT SELECT ON demo.origin TO 'honeyrow_seed'@'%'"); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO demo.origin VALUES (?)", string(text)); err != nil {
		return err
	}
	say(inventory(data))
	return nil
}

func (myProduct) origin(ctx context.Context, db *sql.DB) (text string, err error) {
	err = db.QueryRowContext(ctx, "SELECT text FROM demo.origin").Scan(&text)
	return text, err
}

func (myProduct) script() script {
	return script{
		customers: "customers",
		insider: act{
			story: "A controller with a reporting account opens the database's client: SELECT * FROM customers.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.myClient(ctx, "jhartmann", "--table", "--execute=SELECT * FROM customers")
			},
			expect: one(expectation{user: "jhartmann", application: "mysql", statement: "SELECT * FROM customers"}),
		},
		takeHome: act{
			story: "SELECT ... INTO OUTFILE would leave the file on the server, where he can't fetch it. So the client\n" +
				"makes the CSV at home, as fast as the rows come: --batch --quick, each row glued to one field.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.myClient(ctx, "jhartmann", "--batch", "--quick", "--raw",
					"--execute=SELECT concat_ws(';', customer_no, first_name, last_name, email, phone, credit_limit) AS csv FROM customers")
			},
			expect: one(expectation{user: "jhartmann", application: "mysql", statement: "SELECT concat_ws(';', customer_no"}),
		},
		dump: act{
			story: "The backup's account dumps everything, on a day when no backup runs: one alert for each table with honey rows.",
			play:  playMyDump,
			expect: each(func(table string) expectation {
				return expectation{user: "backup_svc", application: "mysqldump", statement: "FROM `" + table + "`"}
			}),
		},
		lookup:  "SELECT id, first_name, last_name, phone FROM customers WHERE email = ?",
		typed:   "nothing' UNION SELECT customer_no, concat(first_name, ' ', last_name, ' <', email, '>'), credit_limit FROM customers ORDER BY 3 DESC -- ",
		mark:    "UNION SELECT customer_no",
		refusal: "Error 1142",
	}
}

// myClient runs the real command line client and counts what it printed.
func (t *theatre) myClient(ctx context.Context, role string, args ...string) (string, error) {
	name, out, err := t.myTool(ctx, role, []string{"mariadb", "mysql"}, append(args, database)...)
	if err != nil {
		return "", err
	}
	return printed(name, out), nil
}

func playMyDump(ctx context.Context, t *theatre) (string, error) {
	file := filepath.Join(t.dir, "dump.sql")
	defer os.Remove(file)
	programs, args := []string{"mariadb-dump", "mysqldump"}, []string{"--single-transaction", "--no-tablespaces", "--result-file=" + file, database}
	if name, _, err := found(programs...); err == nil && name == "mysqldump" {
		args = append([]string{"--set-gtid-purged=OFF"}, args...) // else it wants to FLUSH TABLES where GTIDs are on
	}
	name, _, err := t.myTool(ctx, "backup_svc", programs, args...)
	if err != nil {
		return "", err
	}
	return wrote(name, file)
}

// myTool runs the first of the programs that is there as role, and returns its
// name and output.
func (t *theatre) myTool(ctx context.Context, role string, names []string, args ...string) (string, []byte, error) {
	name, path, err := found(names...)
	if err != nil {
		return "", nil, err
	}
	options, err := t.optionFile(role, strings.HasPrefix(name, "mariadb"))
	if err != nil {
		return "", nil, err
	}
	out, err := tool(ctx, role, nil, path, append([]string{"--defaults-file=" + options}, args...)...)
	return name, out, err
}

// found is the first of the programs that is beside the server of HONEYROW_MY_BIN,
// or else in the PATH.
func found(names ...string) (name, path string, err error) {
	var places []string
	if bin := os.Getenv("HONEYROW_MY_BIN"); bin != "" {
		places = append(places, bin)
	}
	for _, place := range append(places, "") {
		for _, name := range names {
			if path, err = exec.LookPath(filepath.Join(place, name)); err == nil {
				return name, path, nil
			}
		}
	}
	return "", "", err
}

// optionFile writes what a client must know to connect as role, the password
// too, so that it stands in no list of processes.
func (w way) optionFile(role string, mariadb bool) (string, error) {
	verify := "ssl-mode = VERIFY_IDENTITY"
	if mariadb {
		verify = "ssl-verify-server-cert"
	}
	file := filepath.Join(w.dir, role+".cnf")
	text := fmt.Sprintf("[client]\nprotocol = tcp\nhost = %s\nport = %d\nuser = %s\npassword = \"%s\"\nssl-ca = %s\n%s\n",
		w.host, w.port, role, w.passwords[role], w.certificate, verify)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

func (myProduct) hint(w way, role string) (string, error) {
	name, _, err := found("mariadb", "mysql")
	if err != nil {
		return "", err
	}
	file, err := w.optionFile(role, name == "mariadb")
	return fmt.Sprintf("%s --defaults-file=%s %s", name, file, database), err
}
