// Package tlsconf turns the TLS part of a configuration into crypto/tls: what
// the proxy presents to clients, and what it asks of a server in libpq's terms
// (PostgreSQL manual, chapter 34.19 "SSL Support").
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// What a listener does about TLS from clients.
const (
	Off     = "off"     // refused: the client is told that there is none
	Allow   = "allow"   // the client's choice
	Require = "require" // plaintext sessions are refused; also a server mode
)

// What a listener does about client certificates.
const (
	CertNone     = "none"     // not asked for
	CertOptional = "optional" // asked for, verified if given
	CertRequired = "require"  // a session without a verified one is refused
)

// Client is the TLS that a listener offers to clients.
type Client struct {
	Mode       string `yaml:"mode"`        // off (default), allow or require
	MinVersion string `yaml:"min_version"` // 1.2 (default) or 1.3
	CertFile   string `yaml:"cert_file"`   // PEM: the certificate, then its chain
	KeyFile    string `yaml:"key_file"`    // PEM
	// ClientCAFile holds the PEM certificates of the authorities that sign
	// client certificates.
	ClientCAFile string `yaml:"client_ca_file"`
	ClientAuth   string `yaml:"client_auth"` // none (default), optional or require
}

// SetDefaults fills what was left empty.
func (c *Client) SetDefaults() {
	if c.Mode == "" {
		c.Mode = Off
	}
	if c.MinVersion == "" {
		c.MinVersion = "1.2"
	}
	if c.ClientAuth == "" {
		c.ClientAuth = CertNone
	}
}

// Validate checks a Client that has its defaults. It reads no file.
func (c *Client) Validate() error {
	switch c.Mode {
	case Off, Allow, Require:
	default:
		return fmt.Errorf("tls.mode %q is unknown: use off, allow or require", c.Mode)
	}
	if _, err := version(c.MinVersion); err != nil {
		return err
	}
	if c.Mode != Off && (c.CertFile == "" || c.KeyFile == "") {
		return fmt.Errorf("tls.mode is %s but tls.cert_file or tls.key_file is missing: name a PEM certificate and its key, or set tls.mode to off", c.Mode)
	}
	switch c.ClientAuth {
	case CertNone:
	case CertOptional, CertRequired:
		if c.Mode == Off {
			return fmt.Errorf("tls.client_auth is %s but tls.mode is off: set tls.mode to require", c.ClientAuth)
		}
		if c.ClientCAFile == "" {
			return fmt.Errorf("tls.client_auth is %s but tls.client_ca_file is missing: name the PEM file of the authority that signs client certificates", c.ClientAuth)
		}
	default:
		return fmt.Errorf("tls.client_auth %q is unknown: use none, optional or require", c.ClientAuth)
	}
	if c.Mode == Allow && c.ClientAuth == CertRequired {
		return errors.New("tls.client_auth is require but tls.mode is allow, so plaintext clients would pass without a certificate: set tls.mode to require")
	}
	return nil
}

// Load reads the files. The result is nil with mode off. A missing required
// certificate is not a handshake error but the protocol's to refuse, so that
// the client gets a message in the protocol's own terms.
func (c *Client) Load() (*tls.Config, error) {
	if c.Mode == Off {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load the certificate for clients (tls.cert_file, tls.key_file): %w", err)
	}
	min, err := version(c.MinVersion)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: min}
	if c.ClientAuth != CertNone {
		if conf.ClientCAs, err = pool(c.ClientCAFile); err != nil {
			return nil, fmt.Errorf("load tls.client_ca_file: %w", err)
		}
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return conf, nil
}

func version(s string) (uint16, error) {
	switch s {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("tls.min_version %q is not supported: use 1.2 or 1.3", s)
}

// pool reads the PEM certificates of a file.
func pool(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return p, nil
}
