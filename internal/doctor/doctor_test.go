package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/event"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/token"
)

// book is a registry's contents for tests.
type book struct {
	snap     token.Snapshot
	watchers []token.Watcher
}

func (b *book) Snapshot(context.Context) (*token.Snapshot, error) { return &b.snap, nil }
func (b *book) Watchers(context.Context) ([]token.Watcher, error) { return b.watchers, nil }
func (b *book) Close() error                                      { return nil }

// patient returns a Patient with sound files around the given book.
func patient(t *testing.T, b *book) Patient {
	t.Helper()
	dir := t.TempDir()
	p := Patient{ConfigFile: filepath.Join(dir, "h.yaml"), Registry: Registry{
		Path: filepath.Join(dir, "h.db"), KeyFile: filepath.Join(dir, "h.key"),
		Open: func(context.Context) (Book, error) { return b, nil },
	}}
	for _, f := range []string{p.ConfigFile, p.Registry.Path, p.Registry.KeyFile} {
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func examine(t *testing.T, p Patient) []Finding {
	t.Helper()
	var fs []Finding
	Examine(context.Background(), p, func(f Finding) { fs = append(fs, f) })
	return fs
}

// want fails unless a finding of the check and level holds the text.
func want(t *testing.T, fs []Finding, level Level, check, text string) {
	t.Helper()
	for _, f := range fs {
		if f.Check == check && f.Level == level && strings.Contains(f.Text, text) {
			if level != OK && f.Advice == "" {
				t.Errorf("finding without advice: %+v", f)
			}
			return
		}
	}
	t.Errorf("no %s finding of check %q holds %q", level, check, text)
	for _, f := range fs {
		t.Logf("  %-4s %-22s %-16s %s", f.Level, f.Subject, f.Check, f.Text)
	}
}

func never(t *testing.T, fs []Finding, check string, levels ...Level) {
	t.Helper()
	for _, f := range fs {
		for _, l := range levels {
			if f.Check == check && f.Level == l {
				t.Errorf("unexpected finding %+v", f)
			}
		}
	}
}

// certificate returns a self-signed certificate for localhost in PEM.
func certificate(t *testing.T, cn string, until time.Time) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: until, DNSNames: []string{cn}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb})
}

func write(t *testing.T, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSecretsThatEverybodyCanReadAreNamed(t *testing.T) {
	p := patient(t, &book{})
	open, group := write(t, "seed.dsn", []byte("x")), write(t, "server.key", []byte("x"))
	for name, mode := range map[string]os.FileMode{open: 0o644, group: 0o640} { // groups are what packages use
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	p.Secrets = []string{open, group, "/nonexistent/catalog.dsn"}
	fs := examine(t, p)
	want(t, fs, Warn, "secret", open)
	for _, f := range fs {
		if f.Check == "secret" && !strings.Contains(f.Text, open) {
			t.Errorf("unexpected finding %+v", f)
		}
	}
}

func TestTheDoctorExaminesARealServer(t *testing.T) {
	ctx := context.Background()
	cert, key := certificate(t, "localhost", time.Now().Add(300*24*time.Hour))
	pg, err := pgserver.Start(ctx, pgserver.Options{
		Settings: []string{"ssl = on", "listen_addresses = '*'"},
		Files:    map[string][]byte{"server.crt": cert, "server.key": key},
		HBA: []string{
			"local all all trust", "host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256",
			"host all reporting 10.0.0.0/8 md5", "host all all ::1/128 scram-sha-256",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	if err := pg.Exec(ctx, "postgres", `
		create role seeder login password 'hush-hush'; grant pg_read_all_stats to seeder;
		create role blind login password 'hush-hush';
		create table customers (id int primary key, email text); create table secrets (id int); create table numbered (id serial);
		grant select, insert, delete on numbered to seeder;
		grant select, insert, delete on customers to seeder; grant usage on schema public to seeder, blind;`); err != nil {
		t.Fatal(err)
	}
	oid, err := pg.Query(ctx, "postgres", "select 'customers'::regclass::oid::int8")
	if err != nil {
		t.Fatal(err)
	}
	var table uint32
	if _, err := fmt.Sscan(oid, &table); err != nil {
		t.Fatal(err)
	}
	dsn := func(user string) string {
		return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=hush-hush dbname=postgres sslmode=prefer", pg.Port, user)
	}
	other, otherKey := certificate(t, "proxy.internal", time.Now().Add(5*24*time.Hour))
	tk := token.Token{ID: "t1", Row: "r1", Value: "x", TableOID: table, Attr: 2, Place: event.Place{Server: "crm", Database: "postgres", Schema: "public", Table: "customers", Column: "email"}}
	moved, lost := tk, tk
	moved.TableOID, moved.Place.Column, moved.Attr = 5, "id", 1
	lost.Place.Table = "gone"

	b := &book{}
	p := patient(t, b)
	server := Server{Name: "crm", Address: pg.Addr(), DSN: dsn("seeder"), TLS: tlsconf.Server{Mode: "verify-full", CAFile: write(t, "ca.pem", cert), MinVersion: "1.2", Negotiation: "postgres"}}
	listener := Listener{Name: "crm", Server: "crm", Address: "127.0.0.1:0", TLS: tlsconf.Client{Mode: "require", MinVersion: "1.2", CertFile: write(t, "c.pem", cert), KeyFile: write(t, "k.pem", key), ClientAuth: "none"}}

	t.Run("a sound installation", func(t *testing.T) {
		b.snap.Tokens = []token.Token{tk}
		p.Servers, p.Listeners = []Server{server}, []Listener{listener}
		fs := examine(t, p)
		want(t, fs, OK, "reachable", pg.Addr())
		want(t, fs, OK, "tls", "TLS 1.3 to the server (tls.mode verify-full)")
		want(t, fs, OK, "certificate", `"localhost" is valid until`)
		want(t, fs, OK, "auth", "SCRAM-SHA-256-PLUS or SCRAM-SHA-256")
		want(t, fs, OK, "binding", "same certificate")
		want(t, fs, OK, "rights", `may plant in 1 of 3 tables of database "postgres"`)
		want(t, fs, Warn, "sequences", "the sequences that 1 of its tables take numbers from")
		want(t, fs, OK, "clock", "agrees")
		want(t, fs, OK, "sessions", "nobody is connected")
		want(t, fs, OK, "oids", "1 tokens")
		want(t, fs, Warn, "listen_addresses", `"*"`)
		want(t, fs, Warn, "pg_hba", "may not read pg_hba_file_rules")
		want(t, fs, Warn, "proxy", "no proxy is running")
		never(t, fs, "superuser", Warn)
		for _, f := range fs {
			if f.Level == Fail || strings.Contains(f.Text+f.Advice, "hush-hush") {
				t.Errorf("unexpected finding %+v", f)
			}
		}
	})
	t.Run("a sick installation", func(t *testing.T) {
		b.snap.Tokens = []token.Token{tk, moved, lost}
		s, l := server, listener
		s.DSN = pg.DSN("postgres", "postgres")
		s.TLS.CAFile = write(t, "other.pem", other)
		l.TLS.CertFile, l.TLS.KeyFile = write(t, "o.pem", other), write(t, "o.key", otherKey)
		p.Servers, p.Listeners = []Server{s}, []Listener{l}
		client, err := pgx.Connect(ctx, pg.DSN("postgres", "postgres")+" application_name=batch")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(ctx)
		b.watchers = []token.Watcher{{ID: "w", Host: hostname(t), PID: os.Getppid(), Servers: []string{"crm"}}}
		defer func() { b.watchers = nil }()
		fs := examine(t, p)
		want(t, fs, Fail, "tls", "certificate is not accepted (tls.mode verify-full)")
		want(t, fs, Warn, "auth", "without a password")
		want(t, fs, Warn, "certificate", `"proxy.internal" ends on`)
		want(t, fs, Warn, "superuser", `"postgres" is a superuser`)
		want(t, fs, Warn, "sessions", `of "postgres" in database "postgres" come from this machine around the proxy (application "batch")`)
		want(t, fs, Warn, "pg_hba", "line 4 (host all reporting 10.0.0.0 md5)")
		want(t, fs, Warn, "oids", "1 planted columns")
		want(t, fs, Warn, "place", "public.gone has no column email")
	})
	t.Run("own sessions are not taken for a way around", func(t *testing.T) {
		client, err := pgx.Connect(ctx, pg.DSN("postgres", "postgres")+" application_name=mine")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(ctx)
		b.watchers = []token.Watcher{{ID: "w", Host: hostname(t), PID: os.Getpid(), Servers: []string{"crm"}}}
		defer func() { b.watchers = nil }()
		p.Servers, p.Listeners = []Server{server}, nil
		fs := examine(t, p)
		want(t, fs, OK, "sessions", "nobody is connected")
		want(t, fs, OK, "proxy", "watches for crm")
	})
	t.Run("a proxy that can't be looked at names its own sessions", func(t *testing.T) {
		client, err := pgx.Connect(ctx, pg.DSN("postgres", "postgres")+" application_name=mine")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(ctx)
		p.Servers, p.Listeners = []Server{server}, nil
		far, near := token.Watcher{ID: "f", Host: "container", PID: 7, Servers: []string{"crm"}}, token.Watcher{ID: "n", Host: hostname(t), PID: 1 << 30, Servers: []string{"crm"}}
		defer func() { b.watchers, p.Proxy = nil, nil }()
		tells := func(host string, pid int, server string) {
			p.Proxy = func(context.Context) (*Proxy, error) {
				return &Proxy{Host: host, PIDs: []int{3, pid}, Backends: []Backend{{server, client.PgConn().PID()}}}, nil
			}
		}
		around, unknown := "come from this machine around the proxy (application \"mine\")", "whether through the proxy on "+near.Host+" (pid 1073741824) or around it can't be known from here"

		b.watchers = []token.Watcher{near}
		want(t, examine(t, p), Warn, "sessions", unknown)
		tells(near.Host, near.PID, "crm")
		want(t, examine(t, p), OK, "sessions", "nobody is connected")
		tells(near.Host, near.PID, "other") // its server has a process of the same number
		want(t, examine(t, p), Warn, "sessions", around)
		b.watchers = []token.Watcher{near, far}
		tells(far.Host, far.PID, "crm") // of one of two
		want(t, examine(t, p), OK, "sessions", "nobody is connected")
		tells(far.Host, far.PID, "other")
		want(t, examine(t, p), Warn, "sessions", unknown)
		p.Proxy = func(context.Context) (*Proxy, error) { return nil, errors.New("no answer") }
		b.watchers = []token.Watcher{far} // it is on no machine of this name
		want(t, examine(t, p), Warn, "sessions", around)
		b.watchers = nil
		want(t, examine(t, p), Warn, "sessions", around)
	})
	t.Run("different certificates break channel binding", func(t *testing.T) {
		l := listener
		l.TLS.CertFile, l.TLS.KeyFile = write(t, "o.pem", other), write(t, "o.key", otherKey)
		p.Servers, p.Listeners = []Server{server}, []Listener{l}
		want(t, examine(t, p), Warn, "binding", "the proxy's certificate (proxy.internal) is not the server's (localhost)")
	})
	t.Run("a role without rights", func(t *testing.T) {
		s := server
		s.DSN = dsn("blind")
		p.Servers, p.Listeners = []Server{s}, nil
		fs := examine(t, p)
		want(t, fs, Fail, "rights", `role "blind" may plant in none`)
		want(t, fs, Warn, "sessions", "can't see other sessions")
	})
	t.Run("a wrong password is not shown", func(t *testing.T) {
		s := server
		s.DSN = strings.ReplaceAll(dsn("seeder"), "hush-hush", "wrong-pass")
		p.Servers = []Server{s}
		fs := examine(t, p)
		want(t, fs, Fail, "role", "can't log in")
		for _, f := range fs {
			if strings.Contains(f.Text+f.Advice, "wrong-pass") {
				t.Errorf("password shown: %+v", f)
			}
		}
	})
	t.Run("a seeding role that comes through the proxy", func(t *testing.T) {
		l := listener
		l.Address = fmt.Sprintf("localhost:%d", pg.Port)
		p.Servers, p.Listeners = []Server{server}, []Listener{l}
		fs := examine(t, p)
		want(t, fs, Fail, "target", "connects through the proxy")
		want(t, fs, Fail, "socket", "held by another program")
	})
	t.Run("a listener that is another machine's", func(t *testing.T) {
		l := listener
		b.watchers = []token.Watcher{{ID: "w", Host: "container", PID: 7, Servers: []string{"crm"}}}
		defer func() { b.watchers = nil }()
		q := p
		for _, address := range []string{"127.0.0.1:0", "192.0.2.1:5432"} { // free here; no address of ours (RFC 5737)
			l.Address = address
			q.Servers, q.Listeners = nil, []Listener{l}
			want(t, examine(t, q), OK, "socket", address+" is for the proxy on container (pid 7)")
		}
		b.watchers = nil
		want(t, examine(t, q), Fail, "socket", "can't listen on 192.0.2.1:5432")
	})
	t.Run("a port that is held, and no registry to say by whom", func(t *testing.T) {
		l := listener
		l.Address = fmt.Sprintf("localhost:%d", pg.Port)
		q := p
		q.Servers, q.Listeners = nil, []Listener{l}
		q.Registry.Open = func(context.Context) (Book, error) { return nil, errors.New("wrong key") }
		fs := examine(t, q)
		want(t, fs, Fail, "open", "wrong key")
		want(t, fs, Warn, "socket", "whether by the proxy can't be known without the registry")
	})
	t.Run("a client certificate rule and a missing rule", func(t *testing.T) {
		s := server
		s.DSN, s.TLS.Mode, s.TLS.CAFile = "", "disable", ""
		p.Servers, p.Listeners = []Server{s}, nil
		fs := examine(t, p)
		want(t, fs, OK, "tls", "unused (tls.mode disable)")
		want(t, fs, OK, "auth", "SCRAM-SHA-256;")
		want(t, fs, Warn, "role", "no connection string")
	})
}

// Whether a session goes around the proxies is said where it follows from what they
// told, and only there.
func TestWhatIsSureOfASessionThatNoProxyNamed(t *testing.T) {
	far := []token.Watcher{{Host: "container", PID: 7}}
	for what, c := range map[string]struct {
		o    own
		want [4]bool // elsewhere, thisMachine, alike, apart
	}{
		"no proxy, or all told":       {own{}, [4]bool{true, true, true, true}},
		"one of this machine's":       {own{peeked: 1}, [4]bool{true, true, false, true}},
		"one in another container":    {own{unseen: far}, [4]bool{false, true, false, true}},
		"another user's here":         {own{unseen: far, here: true}, [4]bool{false, false, false, true}},
		"no registry to look them up": {own{blind: true}, [4]bool{false, false, false, true}},
	} {
		for from, want := range c.want {
			if got := c.o.sure(origin(from)); got != want {
				t.Errorf("%s: from %d sure %t, want %t", what, from, got, want)
			}
		}
	}
}

func hostname(t *testing.T) string {
	t.Helper()
	h, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheDoctorTellsWhatIsWrongWithFilesAndSockets(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := closed.Addr().String()
	closed.Close()
	b := &book{}
	p := patient(t, b)
	p.Now = func() time.Time { return time.Unix(0, 0) }
	p.Servers = []Server{{Name: "crm", Address: addr, TLS: tlsconf.Server{Mode: "prefer", MinVersion: "1.2", Negotiation: "postgres"}, DSNErr: errors.New("no such file")}}
	p.Listeners = []Listener{{Name: "open", Server: "crm", Address: "0.0.0.0:0", TLS: tlsconf.Client{Mode: "off"}}, {Name: "sock", Server: "crm", Address: "unix:/nowhere/at/all/.s", TLS: tlsconf.Client{Mode: "off"}}}
	p.Sinks = []Sink{{Name: "bad", Type: "file", Check: func(context.Context) error { return errors.New("folder is missing") }}, {Name: "good", Type: "console", Check: func(context.Context) error { return nil }}}
	for f, mode := range map[string]os.FileMode{p.Registry.Path: 0o644, p.ConfigFile: 0o666} {
		if err := os.Chmod(f, mode); err != nil {
			t.Fatal(err)
		}
	}
	fs := examine(t, p)
	want(t, fs, Fail, "clock", "1970")
	want(t, fs, Warn, "mode", "0644")
	want(t, fs, Warn, "mode", "0666")
	want(t, fs, Fail, "reachable", addr)
	want(t, fs, Warn, "role", "no such file")
	want(t, fs, Warn, "tls", "without TLS")
	want(t, fs, Fail, "socket", "the socket can't be made")
	want(t, fs, Fail, "sink", "folder is missing")
	want(t, fs, OK, "sink", "can be used")

	if err := os.Remove(p.Registry.KeyFile); err != nil {
		t.Fatal(err)
	}
	want(t, examine(t, p), Fail, "file", "does not exist")
}

func TestTheDoctorReadsEveryAnswerToAStartup(t *testing.T) {
	msg := func(typ byte, body ...byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{typ}, uint32(len(body)+4)), body...)
	}
	for _, tc := range []struct {
		name   string
		answer []byte
		auth   string
		fails  bool
	}{
		{"trust", msg('R', 0, 0, 0, 0), "trust", false},
		{"cleartext", msg('R', 0, 0, 0, 3), "cleartext", false},
		{"md5", msg('R', 0, 0, 0, 5, 1, 2, 3, 4), "md5", false},
		{"gss", msg('R', 0, 0, 0, 7), "gss", false},
		{"unknown", msg('R', 0, 0, 0, 99), "method 99", false},
		{"negotiate first", append(msg('v', 0, 3, 0, 0, 0, 0, 0, 0), msg('R', 0, 0, 0, 10, 'X', 0, 0)...), "sasl", false},
		{"short", msg('R', 0), "a malformed request", false},
		{"error", msg('E', []byte("SFATAL\x00C28000\x00Mno pg_hba.conf entry\x00\x00")...), "error", false},
		{"not PostgreSQL", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "", true},
		{"nothing", nil, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client, server := net.Pipe()
			go func() { // ends when the answer is written and the client closes
				buf := make([]byte, 1024)
				_, _ = server.Read(buf)
				_, _ = server.Write(tc.answer)
				if tc.auth != "" {
					_, _ = io.Copy(io.Discard, server)
				}
				server.Close()
			}()
			pr := &probe{}
			err := pr.startup(client, "u", "d")
			client.Close()
			if (err != nil) != tc.fails || pr.auth != tc.auth {
				t.Errorf("auth %q, error %v; want %q, failing %v", pr.auth, err, tc.auth, tc.fails)
			}
		})
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00"))
	f.Add([]byte("E\x00\x00\x00\x0cMno\x00C1\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := strings.NewReader(string(b))
		pr := &probe{}
		for {
			typ, body, err := readMessage(r)
			if err != nil {
				return
			}
			if len(body) > maxFirst {
				t.Fatalf("body of %d bytes", len(body))
			}
			if pr.read(typ, body) {
				return
			}
		}
	})
}
