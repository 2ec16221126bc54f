package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"honeyrow/demo/crm"
)

// database is the name of the business's database.
const database = crm.Database

// way is one way to a database, straight to it or through the proxy, with
// what the actors need to go it.
type way struct {
	product product
	host    string
	port    int
	// certificate is the file with the one that the server and the proxy show.
	certificate string
	passwords   map[string]string // by role
	data        *crm.Data         // what is in the database beside the honey rows
	bin         string            // the folder of psql and pg_dump; empty: found in the PATH
	dir         string            // for files that an actor makes
}

// lead makes the way go to address, host:port.
func (w *way) lead(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	w.host = host
	w.port, err = strconv.Atoi(port)
	return err
}

func (w way) address() string { return net.JoinHostPort(w.host, strconv.Itoa(w.port)) }

// keyPair is a certificate and its key, as PEM, in files of a folder as well.
type keyPair struct{ cert, key []byte }

// write puts the pair into dir as server.crt and server.key.
func (p keyPair) write(dir string) error {
	for name, b := range p.files() {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (p keyPair) files() map[string][]byte {
	return map[string][]byte{"server.crt": p.cert, "server.key": p.key}
}

// selfSigned makes a certificate for this machine's loopback address and the
// given host names. The proxy gets the same pair as the servers: so SCRAM's
// channel binding, which ties a login to the certificate that the client saw,
// goes on working.
func selfSigned(hosts ...string) (keyPair, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost", Organization: []string{"honeyrow demo"}},
		DNSNames:     append([]string{"localhost"}, hosts...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		return keyPair{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}

// newPasswords makes one for each account.
func newPasswords() map[string]string {
	p := map[string]string{}
	for _, role := range crm.Roles {
		p[role] = randomHex(12)
	}
	return p
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
