// Package waysout tries every way by which a honey row can leave through a
// session, against a real server with the real proxy and engine before it:
// each must make exactly one detection with the right token, place, client and
// statement; with rule honey-row-read set to block, none of it may arrive.
// docs/coverage.md is the matrix that these tests make.
package waysout

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/engine"
	"honeyrow/engine/sqlfacts"
	mydialect "honeyrow/engine/sqlfacts/mysql"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy"
	"honeyrow/proxy/pgwire"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
	"honeyrow/rules"
	"honeyrow/token"
)

// The honey row's values.
const (
	honeyKey    = "900001"
	honeyName   = "Agatha Falkenstein"
	honeyMail   = "Agatha.Falkenstein@ledger.decoy.example"
	honeyPhone  = "+44 20 7946 0958"
	honeyAPIKey = "sk_live_HR0a1B2c3D4e5F6g7H8i9J"
	honeyCard   = "4929123456781234"
	honeyRef    = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	honeySalary = "187250.00"
	honeyLink   = `https://files.decoy.example/get?a=1&b=<x>&c="q"\d`
)

const schema = `
create table customers (id int primary key, name text, email text unique, phone text, api_key varchar(60),
  card numeric(20), ref uuid, salary numeric(10,2), link text);
insert into customers select g, 'Agatha', 'agatha' || g || '@shop.example', '+44 20 7946 ' || lpad(g::text, 4, '0'),
  'sk_live_' || md5(g::text), 4929000000000000 + g, md5(g::text)::uuid, 1000 + g, 'https://shop.example/' || g from generate_series(1, 300) g;
create table orders (id serial primary key, customer int, note text);
insert into orders (customer, note) select g, 'order ' || g from generate_series(1, 300) g;
insert into orders (customer, note) values (900001, 'special');
`

// later is what ways need besides, made after the honey row.
const later = `
create view v_customers as select id, name, email as contact, phone from customers;
create materialized view mv_customers as select * from customers;
create function f_customers() returns setof customers language sql as 'select * from customers';
create function f_mail(k int) returns text language sql as 'select email from customers where id = k';
create function f_out(k int, out e text, out p text) language sql as 'select email, phone from customers where id = k';
create function f_dyn(t text) returns setof text language plpgsql as $$ begin return query execute 'select email::text from ' || t || ' where id > 900000'; end $$;
create function f_cur() returns refcursor language plpgsql as $$ declare c refcursor := 'rc'; begin open c for select * from customers where id > 900000; return c; end $$;
create procedure p_mail(inout e text) language plpgsql as $$ begin select email into e from customers where id = 900001; end $$;
create function f_raise(l text) returns void language plpgsql as $$ declare e text; begin select email into e from customers where id = 900001;
  if l = 'error' then raise exception 'x' using detail = e; end if; raise notice '%', e; end $$;
create type pair as (a text, b text);
create type textrange as range (subtype = text, collation = "C");
create domain mail as text;
create table events_parent (id int, email text) partition by range (id);
create table events_low partition of events_parent for values from (0) to (500000);
create table events_high partition of events_parent for values from (500000) to (1000000);
insert into events_parent select id, email from customers;
create table checked (v text check (length(v) < 10), n int);
create table skewed (email text);
insert into skewed select email from customers, generate_series(1, 10) where id > 900000;
insert into skewed values ('x'), ('y');
create table uniq (v text primary key);
insert into uniq select email from customers where id > 900000;
create table wide (id int, body text);
insert into wide select 1, repeat('x', 100000) || email || repeat('y', 100000) from customers where id = 900001;
insert into wide select 2, repeat('x', 40000) || ' ' || email || ' ' || repeat('y', 3000) from customers where id = 900001;
create role reader login superuser;
create extension pgcrypto;
create table inbox (id serial, v text);
analyze;
`

var honeyColumns = []struct {
	name, value, kind string
	strength          token.Strength
	key               bool
	binary            []byte
}{
	{"id", honeyKey, "key", token.Weak, true, []byte{0, 0x0d, 0xbb, 0xa1}},
	{"name", honeyName, "person_name", token.Weak, false, nil},
	{"email", honeyMail, "email", token.Strong, false, nil},
	{"phone", honeyPhone, "phone", token.Firm, false, nil},
	{"api_key", honeyAPIKey, "api_key", token.Strong, false, nil},
	{"card", honeyCard, "card_number", token.Firm, false, nil},
	{"ref", honeyRef, "uuid", token.Strong, false, nil},
	{"salary", honeySalary, "salary", token.Weak, false, []byte{0, 2, 0, 1, 0, 0, 0, 2, 0, 18, 0x1c, 0x52}},
	{"link", honeyLink, "url", token.Strong, false, nil},
}

// siblings are the values of a row that is like the honey row, and nowhere.
var siblings = map[string]string{
	honeyKey: "900007", honeyName: "Agatha Falkenstern", honeyMail: "Agatha.Falkenstern@ledger.decoy.example", honeyPhone: "+44 20 7946 0985",
	honeyAPIKey: "sk_live_HR0a1B2c3D4e5F6g7H9j8K", honeyCard: "4929123456785678", honeyRef: "7c9e6679-7425-40de-944b-e07fc1f90ae8",
	honeySalary: "187260.00", honeyLink: `https://files.decoy.example/get?a=1&b=<y>&c="r"\e`,
	honeyUID: "6f0d2a7c-e1b9-4c55-a3d8-b7e41f20c9ab", "1971-03-09": "1971-03-10", "2019-07-21 06:05:04.321": "2019-07-21 06:05:04.322",
	"2019-08-22 11:12:13": "2019-08-22 11:12:14", "-31:07:08": "-31:07:09", "1971": "1972", "731.4375": "731.4385", "912.625": "912.635",
	"-12345": "-12346", "253": "254", "-7654321": "-7654322",
}

// sibling returns the tokens of that row in place of the honey row's.
func sibling(s *token.Snapshot) *token.Snapshot {
	out := &token.Snapshot{Version: s.Version, Locations: s.Locations}
	for _, t := range s.Tokens {
		v, ok := siblings[t.Value]
		if !ok {
			panic("no sibling for " + t.Value)
		}
		t.Value, t.Place.Key = v, siblings[honeyKey]
		if t.Binary != nil {
			t.Binary = append([]byte{}, t.Binary...)
			t.Binary[len(t.Binary)-1]++
		}
		out.Tokens = append(out.Tokens, t)
	}
	return out
}

// secrets must not arrive where a result is refused.
var secrets = []string{honeyName, honeyMail, honeyPhone, honeyAPIKey, honeyCard, honeyRef, honeyLink}

// yard is the server with its listeners.
type yard struct {
	pg    *pgserver.Server
	of    int // server_version_num
	dir   string
	certs certs
	log   syncLog
	stop  context.CancelFunc
	wait  sync.WaitGroup

	alert, block gate // plain text, reporting and refusing
	calm         gate // as alert, with the tokens of a row that is not there
	judge        gate // as alert, and statements are judged
	words        gate // as judge, without a parser
	protect      gate // in protect mode, refusing whatever any rule speaks of
	secure       gate // TLS, reporting, client certificates
	balanced     gate // plain text, PROXY headers from loopback
	socket       gate // unix, reporting
}

// gate is a listener and what its engine reported.
type gate struct {
	name     string
	listener *proxy.Listener
	engine   *engine.Engine
	policy   rules.Config
	analysis *engine.Analysis // nil: statements are not judged
	rules    *rules.Set
	snap     *token.Snapshot

	mu   sync.Mutex
	last map[event.ID]event.Detection
	all  int
}

// Report implements engine.Reporter.
func (g *gate) Report(d event.Detection) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		g.last = map[event.ID]event.Detection{}
	}
	g.last[d.ID] = d
	g.all++
}

// take returns the detections since the last call once their runs are over.
func (g *gate) take(t *testing.T) []event.Detection {
	t.Helper()
	eventually(t, g.name+": all sessions are over", func() bool { return len(g.listener.Sessions()) == 0 })
	var out []event.Detection
	eventually(t, g.name+": the runs of all detections are over", func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		over := true
		out = out[:0]
		for _, d := range g.last {
			over = over && d.Run.Done
			out = append(out, d)
		}
		return over
	})
	g.seen() // those of one test are none of the next one's
	return out
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Errorf("not within two minutes: %s", what)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// take returns what has been logged since the last call, but for panics, which stay.
func (l *syncLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	if !strings.Contains(s, `"op":"panic"`) {
		l.b.Reset()
	}
	return s
}

var y *yard

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	y = &yard{}
	// What is judged by its words alone has gates of its own: a busy machine must not
	// have more of it.
	c := pgsql.DefaultConfig()
	c.Timeout = time.Minute
	parser := pgsql.New(c, nil)
	defer parser.Close()
	other := new(mydialect.Parser)
	y.judge.analysis = engine.NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.PostgreSQL: parser, sqlfacts.MariaDB: other, sqlfacts.MySQL: other}, engine.AnalysisOptions{Time: time.Minute, Patience: time.Minute})
	defer y.judge.analysis.Close()
	for _, g := range []*gate{&my.judge, &y.protect, &my.protect} {
		g.analysis = y.judge.analysis
	}
	y.words.analysis = engine.NewAnalysis(nil, engine.AnalysisOptions{})
	defer y.words.analysis.Close()
	my.words.analysis = y.words.analysis
	y.protect.policy, my.protect.policy = refuseAll(), refuseAll()
	defer y.close()
	if err := y.open(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer my.close()
	code := m.Run()
	if err := means.save(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for line := range strings.Lines(y.log.String() + my.log.String()) {
		if strings.Contains(line, `"op":"panic"`) {
			fmt.Fprintln(os.Stderr, "a session panicked: "+line)
			return 1
		}
	}
	return code
}

func (y *yard) close() {
	if y.stop != nil {
		y.stop()
		y.wait.Wait()
	}
	if y.pg != nil {
		y.pg.Stop()
	}
	_ = os.RemoveAll(y.dir)
}

func (y *yard) open(ctx context.Context) error {
	var err error
	if y.dir, err = os.MkdirTemp("", "honeyrow-waysout-"); err != nil {
		return err
	}
	if y.certs, err = issue(y.dir); err != nil {
		return err
	}
	y.pg, err = pgserver.Start(ctx, pgserver.Options{
		Settings: []string{"wal_level = logical", "max_connections = 200", "max_prepared_transactions = 5"},
		HBA:      []string{"local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"},
	})
	if err != nil {
		return err
	}
	number, err := y.pg.Query(ctx, "postgres", "show server_version_num")
	if err != nil {
		return err
	}
	if y.of, err = strconv.Atoi(strings.TrimSpace(number)); err != nil {
		return err
	}
	var cols, vals []string
	for _, c := range honeyColumns {
		cols, vals = append(cols, c.name), append(vals, "'"+strings.ReplaceAll(c.value, "'", "''")+"'")
	}
	plant := "insert into customers (" + strings.Join(cols, ",") + ") values (" + strings.Join(vals, ",") + ");"
	for _, sql := range []string{schema, plant, later} {
		if err := y.pg.Exec(ctx, "postgres", sql); err != nil {
			return err
		}
	}
	snap, err := y.snapshot(ctx)
	if err != nil {
		return err
	}
	ctx, y.stop = context.WithCancel(ctx)
	block := event.Block
	y.block.policy.Override = map[string]rules.Override{rules.RowRead: {Action: &block}, rules.ValuePresented: {Action: &block}}
	for _, g := range []struct {
		*gate
		name, address string
		tls           tlsconf.Client
		from          []string
	}{
		{&y.alert, "alert", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.block, "block", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.calm, "calm", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.judge, "judge", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.words, "words", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.protect, "protect", "127.0.0.1:0", tlsconf.Client{}, nil},
		{&y.secure, "secure", "127.0.0.1:0", tlsconf.Client{Mode: tlsconf.Require, CertFile: y.certs.cert, KeyFile: y.certs.key, ClientCAFile: y.certs.ca, ClientAuth: tlsconf.CertOptional}, nil},
		{&y.balanced, "balanced", "127.0.0.1:0", tlsconf.Client{}, []string{"127.0.0.1"}},
		{&y.socket, "socket", "unix:" + filepath.Join(y.dir, ".s.PGSQL.5432"), tlsconf.Client{}, nil},
	} {
		tokens := snap
		if g.gate == &y.calm {
			tokens = sibling(snap)
		}
		if err := y.serve(ctx, g.gate, g.name, g.address, g.tls, g.from, tokens); err != nil {
			return err
		}
	}
	return nil
}

func (y *yard) serve(ctx context.Context, g *gate, name, address string, tc tlsconf.Client, from []string, snap *token.Snapshot) error {
	log := zerolog.New(&y.log)
	return g.open(ctx, &y.wait, log, snap, proxy.Config{Name: name, Server: "crm", Address: address, UnixMode: "0666", ProxyProtocol: proxy.ProxyProtocol{From: from}},
		func() (wire.Protocol, error) {
			return pgwire.New(pgwire.Config{Listener: name, TLS: tc, Server: pgwire.Server{Name: "crm", Address: y.pg.Addr(), TLS: tlsconf.Server{Mode: tlsconf.Disable}}, Protect: g == &y.protect, Hold: wire.HoldConfig{Size: roomy}},
				pgwire.Deps{Inspector: g.engine, Log: log})
		})
}

// open makes the gate's engine and listener and serves until ctx ends.
func (g *gate) open(ctx context.Context, wait *sync.WaitGroup, log zerolog.Logger, snap *token.Snapshot, cfg proxy.Config, protocol func() (wire.Protocol, error)) error {
	g.name = cfg.Name
	set, err := rules.Compile(g.policy)
	if err != nil {
		return err
	}
	if g.engine, err = engine.New(engine.DefaultConfig(), engine.Options{Reporter: g, Rules: set, Analysis: g.analysis}); err != nil {
		return err
	}
	g.snap, g.rules = snap, set
	g.engine.Swap(snap)
	p, err := protocol()
	if err != nil {
		return err
	}
	if g.listener, err = proxy.Listen(ctx, cfg, proxy.Deps{Protocol: p, Log: log}); err != nil {
		return err
	}
	wait.Go(func() { _ = g.listener.Serve(ctx) })
	return nil
}

func (y *yard) snapshot(ctx context.Context) (*token.Snapshot, error) {
	out, err := y.pg.Query(ctx, "postgres", "select 'customers'::regclass::oid")
	if err != nil {
		return nil, err
	}
	var oid uint32
	if _, err := fmt.Sscan(out, &oid); err != nil {
		return nil, err
	}
	s := &token.Snapshot{Version: 1}
	row, now := event.NewID(), time.Now()
	for i, c := range honeyColumns {
		place := event.Place{Server: "crm", Database: "postgres", Schema: "public", Table: "customers", Column: c.name, Key: honeyKey}
		s.Tokens = append(s.Tokens, token.Token{
			ID: event.NewID(), Row: row, Kind: c.kind, Value: c.value, Binary: c.binary, Strength: c.strength, Key: c.key, Place: place,
			TableOID: oid, Attr: uint16(i + 1), Deployment: "test", PlantedBy: "dba@corp", PlantedAt: now, State: token.Live, ChangedAt: now,
		})
		s.Locations = append(s.Locations, token.Location{Server: "crm", Database: "postgres", Schema: "public", Table: "customers", Column: c.name, TableOID: oid, Attr: uint16(i + 1)})
	}
	return s, nil
}

// tap stands between a client and a gate and keeps what the client receives.
type tap struct {
	ln   net.Listener
	mu   sync.Mutex
	got  bytes.Buffer
	from []string // addresses under which the proxy saw the clients
	wait sync.WaitGroup
}

func newTap(t *testing.T, g *gate) *tap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{ln: ln}
	p.wait.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", g.listener.Addr().String())
			if err != nil {
				_ = c.Close()
				return
			}
			p.mu.Lock()
			p.from = append(p.from, s.LocalAddr().String())
			p.mu.Unlock()
			p.wait.Go(func() { _, _ = io.Copy(s, c); _ = s.(*net.TCPConn).CloseWrite() })
			p.wait.Go(func() { _, _ = io.Copy(io.MultiWriter(p, c), s); _ = c.Close(); _ = s.Close() })
		}
	})
	t.Cleanup(p.close)
	return p
}

func (p *tap) close() { _ = p.ln.Close(); p.wait.Wait() }

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.Write(b)
}

func (p *tap) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.got.Bytes())
}

func (p *tap) port() string { _, port, _ := net.SplitHostPort(p.ln.Addr().String()); return port }

// certs are PEM files of an authority, a server and a client.
type certs struct{ ca, cert, key, clientCert, clientKey string }

func issue(dir string) (certs, error) {
	c := certs{filepath.Join(dir, "ca.pem"), filepath.Join(dir, "s.crt"), filepath.Join(dir, "s.key"), filepath.Join(dir, "c.crt"), filepath.Join(dir, "c.key")}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	put := func(name, kind string, der []byte) error {
		return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	}
	sign := func(cn, cert, key string, use x509.ExtKeyUsage) error {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn, Organization: []string{"Corp"}}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, ca, k.Public(), caKey)
		if err != nil {
			return err
		}
		kder, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			return err
		}
		if err := put(cert, "CERTIFICATE", der); err != nil {
			return err
		}
		return put(key, "PRIVATE KEY", kder)
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return c, err
	}
	if err := put(c.ca, "CERTIFICATE", der); err != nil {
		return c, err
	}
	if err := sign("localhost", c.cert, c.key, x509.ExtKeyUsageServerAuth); err != nil {
		return c, err
	}
	return c, sign("payroll-app", c.clientCert, c.clientKey, x509.ExtKeyUsageClientAuth)
}
