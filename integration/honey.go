package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

const (
	// ServerName is the server's name in the configuration.
	ServerName = "main"
	// Honey is a table in each of Databases; its row with id 900001 is a honey row.
	Honey = "honey_customers"
)

// plantHoney makes the databases and their table with one honey row.
func (s *Stand) plantHoney(ctx context.Context) error {
	const table = `create table ` + Honey + ` (id int primary key, name text, email text, phone text, api_key text);
insert into ` + Honey + ` select g, 'Customer ' || g, 'c' || g || '@shop.example', '+1 ' || g, 'k' || md5(g::text) from generate_series(1, 100) g;
insert into ` + Honey + ` values (%d, '%s', '%s', '%s', '%s');
`
	for i, db := range Databases {
		if err := s.Server.Exec(ctx, "postgres", "create database "+db); err != nil {
			return err
		}
		v := honeyValues(i)
		if err := s.Server.Exec(ctx, db, fmt.Sprintf(table, honeyKey, v[1], v[2], v[3], v[4])); err != nil {
			return err
		}
	}
	return nil
}

const honeyKey = 900_001

var honeyColumns = []struct {
	name, kind string
	strength   token.Strength
}{
	{"id", "key", token.Weak},
	{"name", "person_name", token.Weak},
	{"email", "email", token.Strong},
	{"phone", "phone", token.Firm},
	{"api_key", "api_key", token.Strong},
}

// honeyValues are those of the nth honey row, column by column. None of them
// occurs in other people's tests.
func honeyValues(n int) [5]string {
	return [5]string{
		strconv.Itoa(honeyKey + n/len(Databases)), fmt.Sprintf("Agatha Falkenstein %d", n),
		fmt.Sprintf("agatha.%d@ledger.decoy.example", n), fmt.Sprintf("+44 555 %07d", n), fmt.Sprintf("sk_live_HR%022d", n),
	}
}

// tokens are n live tokens, the first of them those of the rows that are there.
func (s *Stand) tokens(ctx context.Context, n int) (*token.Snapshot, error) {
	snap := &token.Snapshot{Version: 1}
	oids := map[string]uint32{}
	for _, db := range Databases {
		out, err := s.Server.Query(ctx, db, "select '"+Honey+"'::regclass::oid")
		if err != nil {
			return nil, err
		}
		oid, err := strconv.ParseUint(strings.TrimSpace(out), 10, 32)
		if err != nil {
			return nil, err
		}
		oids[db] = uint32(oid)
		for i, c := range honeyColumns {
			snap.Locations = append(snap.Locations, token.Location{
				Server: ServerName, Database: db, Schema: "public", Table: Honey, Column: c.name, TableOID: uint32(oid), Attr: uint16(i + 1),
			})
		}
	}
	now := time.Now()
	for row := 0; len(snap.Tokens) < n; row++ {
		db := Databases[row%len(Databases)]
		id, values := event.NewID(), honeyValues(row)
		for i, c := range honeyColumns {
			t := token.Token{
				ID: event.NewID(), Row: id, Kind: c.kind, Value: values[i], Strength: c.strength, Key: i == 0,
				Place:    event.Place{Server: ServerName, Database: db, Schema: "public", Table: Honey, Column: c.name, Key: values[0]},
				TableOID: oids[db], Attr: uint16(i + 1), Deployment: "test", PlantedBy: "test", PlantedAt: now, State: token.Live, ChangedAt: now,
			}
			if i == 0 {
				k, _ := strconv.Atoi(values[0])
				t.Binary = binary.BigEndian.AppendUint32(nil, uint32(k))
			}
			snap.Tokens = append(snap.Tokens, t)
		}
	}
	return snap, nil
}

// pair is a certificate with its key and the authority that signed it.
type pair struct {
	cert, key                 []byte
	caFile, certFile, keyFile string
}

// issue makes an authority and a certificate for localhost in dir.
func issue(dir string) (pair, error) {
	p := pair{caFile: filepath.Join(dir, "ca.pem"), certFile: filepath.Join(dir, "server.crt"), keyFile: filepath.Join(dir, "server.key")}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "integration tests"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return p, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return p, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return p, err
	}
	p.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	p.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, b := range map[string][]byte{
		p.caFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), p.certFile: p.cert, p.keyFile: p.key,
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return p, err
		}
	}
	return p, nil
}
