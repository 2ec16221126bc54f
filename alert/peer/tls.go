package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"honeyrow/internal/config"
)

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options hold what a sink can do without.
type Options struct {
	Now  func() time.Time // nil: time.Now
	Dial Dial             // nil: the network
}

// Filled returns o without nil.
func (o Options) Filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return o
}

// TLS says whom to trust and what to show. It is inlined in sinks' own
// configuration.
type TLS struct {
	// CAFile holds PEM certificates that are trusted instead of the system's;
	// empty or "system" means the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are this side's certificate, for a server that asks.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Validate reports what cannot work. It does not read files.
func (c TLS) Validate() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("cert_file: set it and key_file, or neither")
	}
	return nil
}

// Open reads the files. serverName is the name that the certificate must have;
// empty: that of the address dialled.
func (c TLS) Open(serverName string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cert_file: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	if c.CAFile == "" || c.CAFile == "system" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no PEM certificate", c.CAFile)
	}
	return cfg, nil
}

// Secret reads a secret from a file or an environment variable, without the
// white space around it; see config.ReadSecret. With neither it is empty.
func Secret(what, file, env string) (config.Secret, error) {
	s, err := config.ReadSecret(what, file, env)
	if errors.Is(err, config.ErrNoSecret) {
		return config.Secret{}, nil
	}
	if err != nil {
		return config.Secret{}, err
	}
	text := strings.TrimSpace(s.Reveal())
	if text == "" || strings.ContainsAny(text, "\r\n\x00") {
		return config.Secret{}, fmt.Errorf("%s: the file or variable does not hold one line of text: write the secret into it", what)
	}
	return config.NewSecret(text), nil
}

// Basic is the Authorization header of a user with a password (RFC 7617).
func Basic(user string, password config.Secret) config.Secret {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password.Reveal())
	return config.NewSecret(r.Header.Get("Authorization"))
}

// Only reports whether at most one of the values is given.
func Only(values ...string) bool { return Count(values...) <= 1 }

// Count counts the values that are given.
func Count(values ...string) (n int) {
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}

// Login reports what cannot work of a user and where the password is.
func Login(username, file, env string) error {
	if (username != "") != (Count(file, env) == 1) {
		return errors.New("username: set it and one of password_file and password_env, or none of them")
	}
	return nil
}

// Hosts reports what cannot work of a list of hosts with ports; what is the key's
// name, such as brokers.
func Hosts(what string, hosts []string, example string) error {
	if len(hosts) == 0 {
		return fmt.Errorf("%s: name at least one, such as [%s]", what, example)
	}
	for _, h := range hosts {
		if _, _, err := net.SplitHostPort(h); err != nil {
			return fmt.Errorf("%s: %q is no host with a port", what, h)
		}
	}
	return nil
}

// Reach connects to address and hangs up, to see whether somebody is there.
func Reach(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("the receiver can't be reached: %w", err)
	}
	return conn.Close()
}
