package mydb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ParseDSN reads a connection string of either form that Open takes, and fills
// in what every connection of the seeding role has. Its errors quote nothing,
// since the string holds a password.
func ParseDSN(dsn string) (*mysql.Config, error) {
	var cfg *mysql.Config
	var err error
	if u, isURL := urlOf(dsn); isURL {
		cfg, err = fromURL(u)
	} else if cfg, err = mysql.ParseDSN(strings.TrimSpace(dsn)); err != nil {
		err = errors.New("the connection string for seeding is not understood: write it as mysql://role:password@host:port/database")
	}
	if err != nil {
		return nil, err
	}
	if cfg.DBName == "" {
		return nil, errors.New("the connection string for seeding names no database: add /database at its end")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.TLSConfig == "" && cfg.TLS == nil && cfg.Net == "tcp" && !loopback(cfg.Addr) {
		cfg.TLSConfig = "preferred"
	}
	cfg.ParseTime, cfg.InterpolateParams, cfg.MultiStatements, cfg.ClientFoundRows = false, false, false, false
	cfg.Logger = &mysql.NopLogger{} // errors are returned, and told once
	cfg.ConnectionAttributes = "program_name:honeyrow seed"
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, err
	}
	return cfg, nil
}

func urlOf(dsn string) (*url.URL, bool) {
	s := strings.TrimSpace(dsn)
	if !strings.HasPrefix(s, "mysql://") && !strings.HasPrefix(s, "mariadb://") {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, true
	}
	return u, true
}

// fromURL builds the configuration. ssl-mode and ssl-ca mean what they mean to
// the mysql command; all other parameters are the driver's.
func fromURL(u *url.URL) (*mysql.Config, error) {
	if u == nil {
		return nil, errors.New("the connection URL for seeding is not understood: percent-encode the special characters of the password")
	}
	q := u.Query()
	sslMode, ca, socket := strings.ToUpper(q.Get("ssl-mode")), q.Get("ssl-ca"), q.Get("socket")
	for _, k := range []string{"ssl-mode", "ssl-ca", "socket"} {
		q.Del(k)
	}
	cfg, err := mysql.ParseDSN("/?" + q.Encode())
	if err != nil {
		return nil, errors.New("a parameter of the connection URL for seeding is not understood: use ssl-mode, ssl-ca, socket or those of the Go driver")
	}
	cfg.User, cfg.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	cfg.Passwd, _ = u.User.Password()
	cfg.Net, cfg.Addr = "tcp", u.Host
	if u.Port() == "" {
		cfg.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	if socket != "" {
		cfg.Net, cfg.Addr = "unix", socket
	}
	return cfg, secure(cfg, sslMode, ca, u.Hostname())
}

func secure(cfg *mysql.Config, mode, ca, host string) error {
	if mode == "" && ca != "" {
		mode = "VERIFY_CA"
	}
	switch mode {
	case "":
		return nil
	case "DISABLED":
		cfg.TLSConfig = "false"
		return nil
	case "PREFERRED":
		cfg.TLSConfig = "preferred"
		return nil
	case "REQUIRED":
		cfg.TLSConfig = "skip-verify"
		return nil
	case "VERIFY_CA", "VERIFY_IDENTITY":
	default:
		return errors.New("ssl-mode must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY")
	}
	var roots *x509.CertPool
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("ssl-ca: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ssl-ca: %s holds no certificate", ca)
		}
	}
	cfg.TLS = &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}
	if mode == "VERIFY_CA" { // the chain, but not the name
		cfg.TLS.InsecureSkipVerify = true
		cfg.TLS.VerifyConnection = func(cs tls.ConnectionState) error {
			o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, c := range cs.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			_, err := cs.PeerCertificates[0].Verify(o)
			return err
		}
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
