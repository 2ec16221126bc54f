package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// How the proxy encrypts its connection to a server, as libpq's sslmode.
const (
	Disable    = "disable"     // plaintext
	Prefer     = "prefer"      // TLS if the server has it, else plaintext; nothing is verified
	VerifyCA   = "verify-ca"   // a trusted authority signed the certificate
	VerifyFull = "verify-full" // and it names the host
)

// How TLS to a server begins, as libpq's sslnegotiation.
const (
	NegotiatePostgres = "postgres" // SSLRequest, then TLS
	NegotiateDirect   = "direct"   // TLS from the first byte (PostgreSQL 17 and later)
)

// System as a CAFile means the operating system's authorities.
const System = "system"

// Server is the TLS of the proxy's connection to a server.
type Server struct {
	Mode string `yaml:"mode"` // prefer (default), disable, require, verify-ca or verify-full
	// CAFile holds the PEM certificates of trusted authorities, or is
	// "system". With mode require it makes the certificate be verified as with
	// verify-ca, as libpq does.
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"` // the proxy's own client certificate, PEM
	KeyFile  string `yaml:"key_file"`
	// ServerName is the name that verify-full expects and that SNI sends; the
	// address's host if empty.
	ServerName  string `yaml:"server_name"`
	MinVersion  string `yaml:"min_version"` // 1.2 (default) or 1.3
	Negotiation string `yaml:"negotiation"` // postgres (default) or direct
}

// SetDefaults fills what was left empty.
func (s *Server) SetDefaults() {
	if s.Mode == "" {
		s.Mode = Prefer
	}
	if s.MinVersion == "" {
		s.MinVersion = "1.2"
	}
	if s.Negotiation == "" {
		s.Negotiation = NegotiatePostgres
	}
}

// Validate checks a Server that has its defaults. It reads no file.
func (s *Server) Validate() error {
	switch s.Mode {
	case Disable, Prefer, Require:
	case VerifyCA, VerifyFull:
		if s.CAFile == "" {
			return fmt.Errorf("server tls.mode is %s but tls.ca_file is missing: name the PEM file of the authority that signed the server's certificate, or \"system\"", s.Mode)
		}
	default:
		return fmt.Errorf("server tls.mode %q is unknown: use disable, prefer, require, verify-ca or verify-full", s.Mode)
	}
	if s.CAFile == System && s.Mode != VerifyFull {
		return fmt.Errorf("server tls.ca_file is \"system\" but tls.mode is %s: public authorities sign for anybody, so use verify-full", s.Mode)
	}
	if (s.CertFile == "") != (s.KeyFile == "") {
		return errors.New("server tls.cert_file and tls.key_file belong together: set both or neither")
	}
	if _, err := version(s.MinVersion); err != nil {
		return fmt.Errorf("server %w", err)
	}
	switch s.Negotiation {
	case NegotiatePostgres:
	case NegotiateDirect:
		if s.Mode == Disable || s.Mode == Prefer {
			return fmt.Errorf("server tls.negotiation is direct but tls.mode is %s: use require, verify-ca or verify-full", s.Mode)
		}
	default:
		return fmt.Errorf("server tls.negotiation %q is unknown: use postgres or direct", s.Negotiation)
	}
	return nil
}

// Load reads the files for a server at host (a name or an IP address). The
// result is nil with mode disable.
func (s *Server) Load(host string) (*tls.Config, error) {
	if s.Mode == Disable {
		return nil, nil
	}
	min, err := version(s.MinVersion)
	if err != nil {
		return nil, err
	}
	name := s.ServerName
	if name == "" {
		name = host
	}
	// crypto/tls verifies chain and name together and ignores the common name;
	// libpq tells them apart, so verification is done here.
	conf := &tls.Config{MinVersion: min, InsecureSkipVerify: true}
	if net.ParseIP(name) == nil {
		conf.ServerName = name
	}
	if s.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load the certificate for the server (tls.cert_file, tls.key_file): %w", err)
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	if s.CAFile == "" || s.Mode == Prefer {
		return conf, nil
	}
	var roots *x509.CertPool // nil: the system's
	if s.CAFile != System {
		if roots, err = pool(s.CAFile); err != nil {
			return nil, fmt.Errorf("load the server's tls.ca_file: %w", err)
		}
	}
	full := s.Mode == VerifyFull
	conf.VerifyConnection = func(cs tls.ConnectionState) error {
		if err := verifyChain(cs.PeerCertificates, roots); err != nil {
			return err
		}
		if full {
			return verifyHost(cs.PeerCertificates[0], name)
		}
		return nil
	}
	return conf, nil
}

func verifyChain(certs []*x509.Certificate, roots *x509.CertPool) error {
	if len(certs) == 0 {
		return errors.New("the server sent no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	_, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
	return err
}

// verifyHost follows libpq (fe-secure-common.c): an alternative name of the
// host's type decides; without one, the common name does.
func verifyHost(cert *x509.Certificate, host string) error {
	checkCN := true
	if ip := net.ParseIP(host); ip != nil {
		for _, a := range cert.IPAddresses {
			checkCN = false
			if a.Equal(ip) {
				return nil
			}
		}
	} else {
		for _, n := range cert.DNSNames {
			checkCN = false
			if matchName(n, host) {
				return nil
			}
		}
	}
	if checkCN && matchName(cert.Subject.CommonName, host) {
		return nil
	}
	return fmt.Errorf("the server's certificate does not name %q: set tls.server_name to a name that it holds, or use verify-ca", host)
}

// matchName compares without case; a leading "*." stands for exactly one label.
func matchName(pattern, host string) bool {
	if pattern == "" {
		return false
	}
	if strings.EqualFold(pattern, host) {
		return true
	}
	rest, ok := strings.CutPrefix(pattern, "*")
	if !ok || len(rest) < 2 || rest[0] != '.' {
		return false
	}
	_, tail, ok := strings.Cut(host, ".")
	return ok && strings.EqualFold(rest[1:], tail) && host[0] != '.'
}
