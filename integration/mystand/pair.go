package mystand

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"honeyrow/proxy/tlsconf"
)

// Pair is a certificate for localhost and 127.0.0.1 with an RSA key (which the
// SHA-2 plugins need, too) and the authority that signed it, as PEM and as files.
type Pair struct {
	Cert, PrivateKey, Authority []byte
	CertFile, KeyFile, CAFile   string
	Key                         *rsa.PrivateKey
}

// Issue makes a Pair, valid for a day, in dir.
func Issue(dir string) (*Pair, error) {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p := &Pair{CertFile: filepath.Join(dir, "server.crt"), KeyFile: filepath.Join(dir, "server.key"), CAFile: filepath.Join(dir, "ca.crt")}
	if p.Key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, p.Key.Public(), caKey)
	if err != nil {
		return nil, err
	}
	p.Authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	p.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.PrivateKey = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(p.Key)})
	for name, b := range map[string][]byte{p.CAFile: p.Authority, p.CertFile: p.Cert, p.KeyFile: p.PrivateKey} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Listener is the configuration of a listener that has the certificate.
func (p *Pair) Listener(mode string) tlsconf.Client {
	if mode == tlsconf.Off {
		return tlsconf.Client{Mode: mode}
	}
	return tlsconf.Client{Mode: mode, CertFile: p.CertFile, KeyFile: p.KeyFile}
}

// ServerTLS is a server's configuration with the certificate.
func (p *Pair) ServerTLS() (*tls.Config, error) {
	cert, err := tls.X509KeyPair(p.Cert, p.PrivateKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}
