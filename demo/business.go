package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/demo/crm"
	"honeyrow/internal/pgserver"
)

// database is the name of the business's database.
const database = "crm"

// business is a private PostgreSQL with the demo's data, and the ways to it.
type business struct {
	*pgserver.Server
	dir       string // for certificates and everything else of this run
	data      *crm.Data
	passwords map[string]string
}

// openBusiness starts PostgreSQL with TLS and SCRAM passwords and loads the
// rows. The caller closes it with Stop.
func openBusiness(ctx context.Context, dir string, o crm.Options) (*business, error) {
	cert, key, err := selfSigned()
	if err != nil {
		return nil, err
	}
	for name, b := range map[string][]byte{"server.crt": cert, "server.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	b := &business{dir: dir, passwords: map[string]string{}}
	for _, role := range crm.Roles {
		b.passwords[role] = randomHex(12)
	}
	if b.data, err = crm.Generate(o); err != nil {
		return nil, err
	}
	b.Server, err = pgserver.Start(ctx, pgserver.Options{
		HBA: []string{
			"local   all all              trust",
			"hostssl all all 127.0.0.1/32 scram-sha-256",
		},
		Settings: []string{"ssl = on", "password_encryption = 'scram-sha-256'"},
		Files:    map[string][]byte{"server.crt": cert, "server.key": key},
	})
	if err != nil {
		return nil, err
	}
	if err := b.load(ctx); err != nil {
		b.Stop()
		return nil, err
	}
	return b, nil
}

func (b *business) load(ctx context.Context) error {
	if err := b.Exec(ctx, "postgres", "CREATE DATABASE "+database); err != nil {
		return err
	}
	conn, err := b.superuser(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return crm.Load(ctx, conn, b.data, b.passwords)
}

// superuser connects past everything, over the server's own socket.
func (b *business) superuser(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=postgres dbname=%s", b.Socket, b.Port, database))
}

// way is one way to the database, straight to it or through the proxy, with
// what the actors need to go it.
type way struct {
	host string
	port int
	// certificate is the file with the one that the server and the proxy show.
	certificate string
	passwords   map[string]string // by role
	data        *crm.Data         // what is in the database beside the honey rows
	bin         string            // the folder of psql and pg_dump; empty: found in the PATH
	dir         string            // for files that an actor makes
}

func (b *business) direct() way {
	return way{
		host: b.Host, port: b.Port, certificate: b.certificate(), passwords: b.passwords,
		data: b.data, bin: b.Bin, dir: b.dir,
	}
}

func (b *business) through(address string) (way, error) {
	w := b.direct()
	err := w.lead(address)
	return w, err
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

// dsn is a connection string for a role that calls itself application.
func (w way) dsn(role, application string) string {
	return fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s sslmode=verify-full sslrootcert=%s application_name=%s",
		w.host, w.port, role, w.passwords[role], database, w.certificate, application)
}

// env is the same for psql and pg_dump.
func (w way) env(role string) []string {
	return []string{
		"PGHOST=" + w.host, "PGPORT=" + strconv.Itoa(w.port), "PGUSER=" + role, "PGPASSWORD=" + w.passwords[role],
		"PGDATABASE=" + database, "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + w.certificate, "PGCONNECT_TIMEOUT=20",
	}
}

func (b *business) certificate() string { return filepath.Join(b.dir, "server.crt") }

// selfSigned makes a certificate for this machine's loopback address and the
// given host names. The proxy gets the same pair as the server: so SCRAM's channel binding, which
// ties a login to the certificate that the client saw, goes on working.
func selfSigned(hosts ...string) (cert, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
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
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return cert, key, nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}
